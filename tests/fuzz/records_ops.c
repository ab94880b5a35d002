/* Operations as pages and machines ask for them, in a row and in one transaction: arguments are drawn by the schema of each operation, ids among those that
 * earlier answers showed. Nothing that keeps the schema may end in an error of ours, and no statement may fail.
 * Input: calls of a byte (who), two bytes (what; behind the last operation: time passes), a byte (length) and as many that the arguments are drawn by. Where
 * there are no more, the first of all there is to draw is taken: what is required, with ids that are there. */
#include "tests/lib/fuzz_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEEN 64
#define NAMES 24
#define CALLS 40
#define DEEP 5

static struct dice {
    const uint8_t *at;
    size_t left;
} dice;

static struct seen { /* what answers showed */
    char ids[SEEN][ID_TEXT_BYTES];
    size_t n;
    json_int_t version;
    struct {
        char name[24], id[ID_TEXT_BYTES];
    } named[NAMES]; /* the last of each name */
    size_t n_named;
} seen, first_seen;

static const struct op *ops[800];
static size_t n_ops;
static uint64_t roles[N_PEOPLE];
static int64_t first_ms;

static unsigned roll(unsigned sides)
{
    if (!dice.left) return 0;
    dice.left--;
    return *dice.at++ % sides;
}

/* What stays within the transaction, and hashes no password (which takes its time). */
static bool is_ours(const struct op *o)
{
    return !o->ahead && strcmp(o->name, "upload.create") != 0;
}

static void name_id(const char *name, const char *text)
{
    size_t i = 0;
    while (i < seen.n_named && strcmp(seen.named[i].name, name) != 0)
        i++;
    if (i == NAMES || strlen(name) >= sizeof seen.named[i].name) return;
    seen.n_named += i == seen.n_named;
    snprintf(seen.named[i].name, sizeof seen.named[i].name, "%s", name);
    snprintf(seen.named[i].id, sizeof seen.named[i].id, "%s", text);
}

static void look(const json_t *v);

/* A patient and a consultation of his, which is sent. */
static void begin_case(void)
{
    static const struct {
        const char *name;
        uint64_t id;
    } known[] = {{"org_id", 20}, {"target_org_id", 20}, {"dept_id", 21}, {"expert_id", 204}, {"person_id", 101}};
    char text[ID_TEXT_BYTES];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        id_format(known[i].id, text);
        name_id(known[i].name, text);
    }
    id_format(world_patient(&w, "zhang"), text);
    name_id("patient_id", text);
    json_t *c = world_call(&w, "zhang", "case.create", json_pack("{s:s,s:s,s:s,s:s,s:o,s:o}", "patient_id", text, "kind", "interactive", "scope", "clinical", "urgency", "routine",
                                                                 "target_org_id", json_id(20), "form", full_form()));
    if (!c) abort();
    name_id("case_id", json_string_value(json_object_get(c, "id")));
    look(c);
    json_decref(c);
    first_seen = seen;
}

static void begin(void)
{
    first_ms = w.now_ms;
    for (const struct op *const *t = op_tables; *t; t++)
        for (const struct op *o = *t; o->name; o++)
            if (is_ours(o)) ops[n_ops++] = o;
    for (size_t i = 0; i < N_PEOPLE; i++)
        roles[i] = world_roles(w.r, &people[i]);
    begin_case();
}

/* ---- arguments ---- */

static json_t *value(const struct field *d, int deep);

static json_t *object(const struct field *fields, int deep)
{
    json_t *o = json_object();
    for (const struct field *d = fields; d && d->name; d++) {
        unsigned b = roll(256);
        if (d->required ? b != 255 : b & 1) json_object_set_new(o, d->name, value(d, deep + 1));
    }
    return o;
}

static json_t *text(const struct field *d)
{
    static const char *const words[] = {"a", "", "李", "王小明", "11010119800506573X", "13812345678", "2026-11-23", "2026-11", "09:00", "I63.9", "脑梗死", "QS001", "https://a.example", "mllp://a.example:2575",
                                        "application/dicom", "scan.dcm", "\xef\xbf\xbf", "-1", "0", "99999999999999999999", "*", "a|b", "%", "'", "{\"a\":[1]}", "name,sex\nA,B\n", "0000000000000065", "eHl6", "day", "month"};
    const unsigned n_words = sizeof words / sizeof *words;
    unsigned which = roll(n_words + 2);
    if (which < n_words) return json_string(words[which]);
    size_t n = roll(64);
    if (n > dice.left) n = dice.left;
    json_t *raw = json_stringn((const char *)dice.at, n);
    dice.at += n;
    dice.left -= n;
    if (raw && !memchr(json_string_value(raw), 0, n)) return raw;
    json_decref(raw);
    char longest[4000];
    n = d->max && d->max < 3999 ? (size_t)d->max : 3999;
    memset(longest, 'x', n);
    return json_stringn(longest, n);
}

static json_t *number(const struct field *d)
{
    if (d->name && strcmp(d->name, "version") == 0 && roll(8) < 7) return json_integer(seen.version);
    switch (roll(6)) {
    case 0: return json_integer(d->min);
    case 1: return json_integer(d->max);
    case 2: return json_integer((json_int_t)roll(256) << 8 | roll(256));
    case 3: return json_integer(d->min || d->max ? d->min : INT64_MIN);
    case 4: return json_integer(d->min || d->max ? d->max : INT64_MAX);
    default: return json_integer(d->min + (json_int_t)roll(20));
    }
}

static json_t *moment(void)
{
    static const json_int_t ends[] = {0, 1, 7258118400000};
    unsigned which = roll(6);
    return json_integer(which < 3 ? ends[which] : w.now_ms + ((json_int_t)(roll(256) << 8 | roll(256)) - 32768) * 900000);
}

static json_t *id(const char *name)
{
    unsigned which = roll(256);
    for (size_t i = 0; name && which < 64 && i < seen.n_named; i++)
        if (strcmp(seen.named[i].name, name) == 0) return json_string(seen.named[i].id);
    if (which >= 128 && seen.n) return json_string(seen.ids[which % seen.n]);
    if (which % 3 == 0) return json_id(people[which / 3 % N_PEOPLE].id);
    if (which % 3 == 1) return json_id(houses[which / 3 % N_HOUSES].id);
    return json_id(which + 1);
}

static json_t *choice(const char *choices)
{
    unsigned n = 1, which;
    for (const char *c = choices; *c; c++)
        n += *c == '|';
    for (which = roll(n); which; which--)
        choices = strchr(choices, '|') + 1;
    return json_stringn(choices, strcspn(choices, "|"));
}

/* What no schema says more of. */
static json_t *anything(int deep)
{
    switch (deep > DEEP ? 9 : roll(10)) {
    case 0: return full_form();
    case 1: return full_opinion();
    case 2: return json_pack("[o]", anything(deep + 1));
    case 3: return json_pack("{s:o}", "id", id(NULL));
    case 4: return json_pack("{s:o, s:o}", "text", anything(deep + 1), "code", json_string("I63.9"));
    case 5: return json_null();
    case 6: return json_real(0.5);
    case 7: return json_integer((json_int_t)roll(256) - 128);
    case 8: return json_true();
    default: return json_string("x");
    }
}

static json_t *array(const struct field *d, int deep)
{
    json_t *a = json_array();
    for (unsigned n = (unsigned)d->min + roll(4); n && deep <= DEEP; n--)
        json_array_append_new(a, d->of ? value(d->of, deep + 1) : anything(deep + 1));
    return a;
}

static json_t *value(const struct field *d, int deep)
{
    static const char *const dates[] = {"2026-11-23", "1958-03-04", "1800-01-01", "2199-12-31", "2024-02-29", "2026-12-31"};
    switch (d->type) {
    case FIELD_TEXT: return text(d);
    case FIELD_INT: return number(d);
    case FIELD_NUMBER: return roll(2) ? number(d) : json_real((double)d->min + (double)roll(256) / 16);
    case FIELD_BOOL: return json_boolean(roll(2));
    case FIELD_ID: return id(d->name);
    case FIELD_TIME: return moment();
    case FIELD_DATE: return json_string(dates[roll(6)]);
    case FIELD_ENUM: return choice(d->choices);
    case FIELD_OBJECT: return d->of ? object(d->of, deep) : !roll(2) ? strstr(d->name ? d->name : "", "form") ? full_form() : full_opinion() : roll(2) ? full_form() : json_pack("{s:o}", "a", anything(deep + 1));
    case FIELD_ARRAY: return array(d, deep);
    default: return anything(deep);
    }
}

/* ---- answers ---- */

static void look(const json_t *v)
{
    const char *name, *t = json_string_value(v);
    json_t *one;
    size_t i;
    uint64_t unused;
    if (t && id_parse(t, &unused) == 0) snprintf(seen.ids[seen.n < SEEN ? seen.n++ : unused % SEEN], ID_TEXT_BYTES, "%s", t);
    json_array_foreach(v, i, one)
        look(one);
    json_object_foreach((json_t *)v, name, one) {
        size_t n = strlen(name);
        if (strcmp(name, "version") == 0 && json_is_integer(one)) seen.version = json_integer_value(one);
        if (n > 3 && strcmp(name + n - 3, "_id") == 0 && json_is_string(one) && id_parse(json_string_value(one), &unused) == 0) name_id(name, json_string_value(one));
        look(one);
    }
}

static void actor_of(const struct op *o, unsigned from, struct actor *a)
{
    *a = (struct actor){.session = 1, .second_factor = true};
    if (o->flags & OP_SYSTEM) {
        *a = (struct actor){.system = true, .name = "system"};
        return;
    }
    for (size_t k = 0; k < N_PEOPLE; k++) { /* the next who may */
        const struct somebody *s = &people[(from + k) % N_PEOPLE];
        uint64_t may = roles[(from + k) % N_PEOPLE];
        if (!access_roles_may(records_parts(w.r)->access, may, o->right ? o->right : "self")) continue;
        a->person.v = s->id;
        a->org.v = s->org;
        a->dept.v = s->dept == s->org ? 0 : s->dept;
        a->roles = may;
        snprintf(a->name, sizeof a->name, "%s", s->name);
        return;
    }
}

static void judge(const struct op *o, struct tx *tx, int rc, const struct fault *f)
{
    if (rc == ERR_INTERNAL || rc == ERR_STORAGE || tx_error(tx)) {
        fprintf(stderr, "%s: %s %s %s\n", o->name, err_wire(rc), f->reason, f->text);
        abort();
    }
}

static void run(struct tx *tx, const struct op *o, unsigned who)
{
    struct actor a;
    struct fault f = {0};
    char session[80] = "", device[64] = "";
    json_t *result = NULL;
    actor_of(o, who, &a);
    json_t *args = object(o->args, 0);
    if (fields_check(o->args, args, &f) == 0) {
        if (tx_savepoint(tx)) abort();
        struct op_ctx ctx = {.records = w.r, .tx = tx, .actor = &a, .now_ms = w.now_ms, .fault = &f, .client_address = "192.0.2.9", .user_agent = "fuzz", .set_session = session, .set_device = device};
        int rc = o->run(&ctx, args, &result);
        rc = rc ? rc : tx_check(tx);
        judge(o, tx, rc, &f);
        if (rc ? tx_savepoint_rollback(tx) : tx_savepoint_release(tx)) abort();
        if (rc == 0) look(result);
        else if (result) json_decref(result), result = NULL;
    }
    json_decref(result);
    json_decref(args);
}

static void time_passes(struct tx *tx)
{
    static const struct actor system_actor = {.system = true};
    struct fault f = {0};
    bool more = false;
    w.now_ms += (int64_t)(roll(256) << 8 | roll(256)) * 60000;
    struct op_ctx ctx = {.records = w.r, .tx = tx, .actor = &system_actor, .now_ms = w.now_ms, .fault = &f};
    if (consultation_tick(&ctx, 50, &more)) fprintf(stderr, "tick: %s\n", f.text), abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    seen = first_seen;
    w.now_ms = first_ms;
    struct tx *tx = fuzz_world_begin();
    for (int i = 0; size >= 4 && i < CALLS; i++) {
        size_t which = (size_t)(data[1] << 8 | data[2]) % (n_ops + 1), n = data[3] < size - 4 ? data[3] : size - 4;
        dice = (struct dice){data + 4, n};
        if (which < n_ops) run(tx, ops[which], data[0] % N_PEOPLE);
        else time_passes(tx);
        data += 4 + n;
        size -= 4 + n;
    }
    tx_rollback(tx);
    return 0;
}
