/* Consultations told as traces: each tests/story/consultation/NAME.story is a list of commands ("> ..."), and
 * under each what the system answered. The program runs the commands and compares the whole; STORY_WRITE=1
 * writes the answers (then read the diff).
 *
 *   > zhang new offline clinical routine {"target_org_id":"@county"}    a draft with a careful form; becomes
 * the current case > li approve_home {}        an act on the current case; @name is a person or house, {} may
 * be left out > chen op case.list {...}   any operation; prints its answer > zhang see opinion         a
 * member of the case as this person sees it > zhang allowed             the acts offered > wait 4h time
 * passes, every clock on the way rings > clocks                    all clocks of the case > room seen qian
 * news of the live room: seen WHO, interrupted, resumed, ended > case first, second, last: goes on with that case
 */
#include "tests/story/world.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>
#include <cmocka.h>

static struct world w;
static struct {
    char *text;
    size_t len;
    FILE *f;
} out;
static char case_id[ID_TEXT_BYTES], last_case[ID_TEXT_BYTES], first_case[ID_TEXT_BYTES], second_case[ID_TEXT_BYTES], slot_id[ID_TEXT_BYTES];
static uint64_t told_up_to;
static uint64_t patient;

static void clock_text(int64_t ms, char text[20])
{
    time_t t = (time_t)(ms / 1000 + 8 * 3600);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(text, 20, "%m-%d %H:%M", &tm);
}

/* @name -> "hex" */
static json_t *read_args(const char *text)
{
    char buffer[8000];
    size_t n = 0;
    for (const char *p = text; *p && n < sizeof buffer - 40;) {
        if (*p != '@') {
            buffer[n++] = *p++;
            continue;
        }
        char name[40];
        size_t len = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_");
        snprintf(name, sizeof name, "%.*s", (int)len, p + 1);
        uint64_t id = 0;
        for (size_t i = 0; i < N_HOUSES; i++)
            id = strcmp(houses[i].name, name) == 0 ? houses[i].id : id;
        id = who(name) ? who(name)->id : id;
        char hex[ID_TEXT_BYTES];
        id_format(id, hex);
        n += (size_t)sprintf(buffer + n, "%s",
                             strcmp(name, "first") == 0  ? first_case
                             : strcmp(name, "second") == 0 ? second_case
                             : strcmp(name, "slot") == 0 ? slot_id : strcmp(name, "case") == 0 ? case_id
                                                         : hex);
        p += 1 + len;
    }
    buffer[n] = 0;
    return world_json(n ? buffer : "{}");
}

/* {"in":"2h"} style times: "+30min" in start_ms, end_ms counts from now. */
static void relative_times(json_t *args)
{
    static const char *const names[] = {"start_ms", "end_ms"};
    for (int i = 0; i < 2; i++) {
        const char *text = json_string_value(json_object_get(args, names[i]));
        struct duration d;
        struct calendar c;
        calendar_default(&c);
        if (text && *text == '+' && duration_parse(text + 1, &d) == 0)
            json_object_set_new(args, names[i], json_integer(calendar_add(&c, w.now_ms, d)));
    }
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(args, "items"), i, item)
        relative_times(item);
}

static void print_fault(void)
{
    fprintf(out.f, "  ! %s %s", err_wire(w.fault.code), w.fault.reason);
    for (size_t i = 0; i < w.fault.n_fields && i < 6; i++)
        fprintf(out.f, " [%s %s]", w.fault.fields[i].path, w.fault.fields[i].reason);
    fputc('\n', out.f);
}

static void print_told(void)
{
    struct tx *tx;
    char at[20];
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    struct query *q = tx_query(
        tx, "SELECT id, person_id, template, act, created_ms, urgent FROM notice WHERE id>$1 ORDER BY id",
        "i", (int64_t)told_up_to);
    while (query_next(q)) {
        told_up_to = (uint64_t)query_int(q, "id");
        clock_text(query_int(q, "created_ms"), at);
        fprintf(out.f, "  %s told %s: %s%s%s%s\n", at, name_of((uint64_t)query_int(q, "person_id")),
                query_text(q, "template"), query_text(q, "act") ? " " : "",
                query_text(q, "act") ? query_text(q, "act") : "", query_int(q, "urgent") ? " !" : "");
    }
    assert_int_equal(query_end(q), 0);
    tx_rollback(tx);
}

static void print_case(const json_t *c)
{
    char at[20], due[20];
    clock_text(w.now_ms, at);
    const json_t *holder = json_object_get(c, "holder"), *clock = json_object_get(c, "clock");
    fprintf(out.f, "  %s %s", at, json_string_value(json_object_get(c, "state")));
    if (json_is_object(holder))
        fprintf(out.f, " | %s %s", json_string_value(json_object_get(holder, "role")),
                json_string_value(json_object_get(holder, "name")));
    if (json_is_object(clock)) {
        clock_text(json_integer_value(json_object_get(clock, "due_ms")), due);
        fprintf(out.f, " | %s %s %s", json_string_value(json_object_get(clock, "id")),
                json_is_true(json_object_get(clock, "paused")) ? "paused" : "due", due);
    }
    fputc('\n', out.f);
}

static json_t *get_case(const char *name)
{
    return world_call(&w, name, "case.get", json_pack("{s:s}", "case_id", case_id));
}

static int64_t version_now(void)
{
    struct tx *tx;
    uint64_t id;
    assert_int_equal(id_parse(case_id, &id), 0);
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    int64_t v = tx_int(tx, 0, "SELECT version FROM consult WHERE id=$1", "i", (int64_t)id);
    tx_rollback(tx);
    return v;
}

static void fill_defaults(const char *act, const char *name, json_t *args)
{
    if (!json_object_get(args, "case_id"))
        json_object_set_new(args, "case_id", json_string(case_id));
    if (!json_object_get(args, "version") && strncmp(act, "override", 8) != 0 && !strstr(act, "wait"))
        json_object_set_new(args, "version", json_integer(version_now()));
    if (strcmp(act, "sign_opinion") == 0 && !json_object_get(args, "body"))
        json_object_set_new(args, "body", full_opinion());
    if (strcmp(act, "acknowledge") == 0 && !json_object_get(args, "items")) {
        json_object_set_new(args, "items",
                            world_json("[{\"n\":1,\"decision\":\"adopted\"},{\"n\":2,\"decision\":\"not_"
                                       "adopted\",\"reason\":\"已做\"}]"));
        json_object_set_new(args, "handling", json_string("已按意见处理"));
    }
    if (strcmp(act, "evaluate") == 0 && !json_object_get(args, "scores"))
        json_object_set_new(
            args, "scores",
            world_json(strcmp(name, "zhang") == 0
                           ? "{\"timely\":5,\"helpful\":5,\"attitude\":5,\"system\":4}"
                           : "{\"complete\":4,\"question\":5,\"cooperation\":5,\"necessity\":5}"));
    if (strcmp(act, "start") == 0 && !json_object_get(args, "identity_confirmed")) {
        json_object_set_new(args, "identity_confirmed", json_true());
        json_object_set_new(args, "recording_consent", json_true());
    }
    relative_times(args);
}

/* Ids made by the clock change from run to run. */
static void print_masked(char *text)
{
    for (char *p = text; *p; p++)
        if (p[0] == '"' && strspn(p + 1, "0123456789abcdef") == 16 && p[17] == '"' &&
            strncmp(p + 1, "0000", 4) != 0)
            memset(p + 1, '.', 16);
    fprintf(out.f, "  %s\n", text);
}

static void do_act(const char *name, const char *act, const char *rest)
{
    char op[64];
    json_t *args = read_args(rest);
    fill_defaults(act, name, args);
    snprintf(op, sizeof op, "case.%s", act);
    json_t *c = world_call(&w, name, op, args);
    if (c)
        print_case(c);
    else
        print_fault();
    json_decref(c);
}

static void do_new(const char *name, const char *rest)
{
    char kind[20], scope[20], urgency[20];
    int used = 0;
    assert_int_equal(sscanf(rest, "%19s %19s %19s %n", kind, scope, urgency, &used), 3);
    json_t *args = read_args(rest + used);
    char hex[ID_TEXT_BYTES];
    json_t *own = json_object_get(args, "new_patient"); /* true, or what is known of him */
    if (!patient || own)
        patient = json_is_object(own) ? world_patient_of(&w, name, json_incref(own)) : world_patient(&w, name);
    json_object_del(args, "new_patient");
    id_format(patient, hex);
    json_object_set_new(args, "patient_id", json_string(hex));
    json_object_set_new(args, "kind", json_string(kind));
    json_object_set_new(args, "scope", json_string(scope));
    json_object_set_new(args, "urgency", json_string(urgency));
    if (!json_object_get(args, "form"))
        json_object_set_new(args, "form", full_form());
    json_t *c = world_call(&w, name, "case.create", args);
    if (!c) {
        print_fault();
        return;
    }
    snprintf(case_id, sizeof case_id, "%s", json_string_value(json_object_get(c, "id")));
    strcpy(last_case, case_id);
    if (!*first_case)
        strcpy(first_case, case_id);
    else if (!*second_case)
        strcpy(second_case, case_id);
    print_case(c);
    json_decref(c);
}

static void do_op(const char *name, const char *rest)
{
    char op[40];
    int used = 0;
    assert_int_equal(sscanf(rest, "%39s %n", op, &used), 1);
    json_t *args = read_args(rest + used);
    relative_times(args);
    json_t *v = world_call(&w, strcmp(name, "nobody") == 0 ? NULL : name, op, args);
    if (!v) {
        print_fault();
        return;
    }
    const char *slot =
        json_string_value(json_object_get(json_array_get(json_object_get(v, "items"), 0), "slot_id"));
    if (slot)
        snprintf(slot_id, sizeof slot_id, "%s", slot);
    json_object_del(v, "case");
    json_object_del(v, "qr_svg");
    json_object_del(v, "verify_url");
    char *text = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    print_masked(text);
    free(text);
    json_decref(v);
}

/* "form.contact": a member of a member. */
static json_t *member_at(json_t *o, const char *path)
{
    char part[60];
    for (;; path += strlen(part) + 1) {
        snprintf(part, sizeof part, "%.*s", (int)strcspn(path, "."), path);
        o = json_object_get(o, part);
        if (!path[strlen(part)])
            return o;
    }
}

static void do_see(const char *name, const char *member)
{
    json_t *c = get_case(name);
    if (!c) {
        print_fault();
        return;
    }
    json_t *v = member_at(c, member), *copy = json_deep_copy(v), *item;
    size_t i;
    if (strcmp(member, "timeline") == 0) {
        char at[20];
        json_array_foreach (v, i, item) {
            clock_text(json_integer_value(json_object_get(item, "t_ms")), at);
            const char *by = json_string_value(json_object_get(json_object_get(item, "by"), "name"));
            const char *reason = json_string_value(json_object_get(item, "reason"));
            fprintf(out.f, "  %s %s %s -> %s by %s %s%s%s\n", at,
                    json_string_value(json_object_get(item, "event")),
                    json_string_value(json_object_get(item, "from")),
                    json_string_value(json_object_get(item, "to")),
                    json_string_value(json_object_get(item, "role")), by ? by : "-", reason ? ": " : "",
                    reason ? reason : "");
        }
    } else {
        if (json_is_object(copy) && strcmp(member, "opinion") == 0) { /* state, who, not the words */
            json_object_del(copy, "signature");
            json_array_foreach (json_object_get(copy, "members"), i, item)
                json_object_del(item, "sha256");
        }
        json_array_foreach (copy, i, item)
            json_object_del(item, "sha256");
        char *text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
        print_masked(text);
        free(text);
    }
    json_decref(copy);
    json_decref(c);
}

static void do_allowed(const char *name)
{
    json_t *c = get_case(name), *item;
    size_t i;
    if (!c) {
        print_fault();
        return;
    }
    fputs(" ", out.f);
    json_array_foreach (json_object_get(c, "allowed"), i, item)
        fprintf(out.f, " %s", json_string_value(json_object_get(item, "event")));
    fputc('\n', out.f);
    json_decref(c);
}

static void print_clocks(void)
{
    struct tx *tx;
    uint64_t id;
    char due[20];
    assert_int_equal(id_parse(case_id, &id), 0);
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    struct query *q = tx_query(tx,
                               "SELECT clock, level, due_ms, paused_ms, left_ms FROM consult_clock WHERE "
                               "case_id=$1 ORDER BY due_ms, clock",
                               "i", (int64_t)id);
    while (query_next(q)) {
        clock_text(query_int(q, "due_ms"), due);
        fprintf(out.f, "  %s due %s level %d", query_text(q, "clock"), due, (int)query_int(q, "level"));
        if (query_int(q, "paused_ms"))
            fprintf(out.f, " paused, %lld min left", (long long)query_int(q, "left_ms") / 60000);
        fputc('\n', out.f);
    }
    assert_int_equal(query_end(q), 0);
    tx_rollback(tx);
}

static void print_state(void)
{
    struct tx *tx;
    uint64_t id;
    char at[20];
    clock_text(w.now_ms, at);
    if (!*case_id)
        return;
    assert_int_equal(id_parse(case_id, &id), 0);
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    struct query *q = tx_query(tx, "SELECT state FROM consult WHERE id=$1", "i", (int64_t)id);
    if (query_next(q))
        fprintf(out.f, "  %s %s\n", at, query_text(q, "state"));
    assert_int_equal(query_end(q), 0);
    tx_rollback(tx);
}

static void do_wait(const char *rest)
{
    struct duration d;
    struct calendar c;
    calendar_default(&c);
    assert_int_equal(duration_parse(rest, &d), 0);
    int64_t until = calendar_add(&c, w.now_ms, d), next;
    while ((next = world_next(&w)) <= until) {
        w.now_ms = next > w.now_ms ? next : w.now_ms;
        world_tick(&w);
        print_told();
    }
    w.now_ms = until;
    world_tick(&w);
    print_told();
    print_state();
}

static void do_room(const char *rest)
{
    struct actor system = {.system = true};
    struct tx *tx;
    char what[20] = "", name[20] = "";
    struct case_id id;
    sscanf(rest, "%19s %19s", what, name);
    assert_int_equal(id_parse(case_id, &id.v), 0);
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    struct op_ctx ctx = {.records = w.r, .tx = tx, .actor = &system, .now_ms = w.now_ms, .fault = &w.fault};
    int rc = strcmp(what, "seen") == 0 ? consultation_room_seen(&ctx, id, (struct person_id){who(name)->id})
             : strcmp(what, "interrupted") == 0 ? consultation_room_interrupted(&ctx, id)
             : strcmp(what, "resumed") == 0     ? consultation_room_resumed(&ctx, id)
                                                : consultation_room_ended(&ctx, id);
    assert_int_equal(rc, 0);
    assert_int_equal(tx_commit(tx), 0);
    print_state();
}

static void run_line(const char *line)
{
    char first[20] = "", second[40] = "";
    int used = 0;
    sscanf(line, "%19s %n", first, &used);
    const char *rest = line + used;
    if (strcmp(first, "wait") == 0)
        do_wait(rest);
    else if (strcmp(first, "clocks") == 0)
        print_clocks();
    else if (strcmp(first, "case") == 0)
        strcpy(case_id, strcmp(rest, "first") == 0 ? first_case : strcmp(rest, "second") == 0 ? second_case : last_case);
    else if (strcmp(first, "room") == 0)
        do_room(rest);
    else {
        int more = 0;
        sscanf(rest, "%39s %n", second, &more);
        const char *args = rest + more;
        if (strcmp(second, "new") == 0)
            do_new(first, args);
        else if (strcmp(second, "op") == 0)
            do_op(first, args);
        else if (strcmp(second, "see") == 0)
            do_see(first, args);
        else if (strcmp(second, "allowed") == 0)
            do_allowed(first);
        else
            do_act(first, second, args);
    }
    print_told();
}

static void run_story(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[8000];
    assert_non_null(f);
    world_open(&w);
    case_id[0] = first_case[0] = second_case[0] = 0;
    told_up_to = patient = 0;
    out.f = open_memstream(&out.text, &out.len);
    while (fgets(line, sizeof line, f)) {
        if (line[0] == ' ')
            continue; /* what was answered last time */
        fputs(line, out.f);
        line[strcspn(line, "\n")] = 0;
        if (line[0] == '>')
            run_line(line + 2);
    }
    fclose(f);
    fclose(out.f);
    world_close(&w);
}

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1 << 20);
    assert_non_null(f);
    size_t n = fread(text, 1, (1 << 20) - 1, f);
    text[n] = 0;
    fclose(f);
    return text;
}

static void one(void **state)
{
    const char *path = *state;
    char *expected = slurp(path);
    run_story(path);
    if (getenv("STORY_WRITE")) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(out.text, f);
        fclose(f);
    } else if (strcmp(expected, out.text) != 0) {
        const char *a = expected, *b = out.text, *line = b;
        while (*a && *a == *b) {
            line = *b == '\n' ? b + 1 : line;
            a++, b++;
        }
        size_t skip = (size_t)(line - out.text);
        fail_msg("%s differs:\nexpected: %.*s\nanswered: %.*s", path, (int)strcspn(expected + skip, "\n"),
                 expected + skip, (int)strcspn(line, "\n"), line);
    }
    free(expected);
    free(out.text);
}

int main(void)
{
    struct CMUnitTest tests[64];
    struct dirent **files;
    int n = scandir(YL_SOURCE_DIR "/tests/story/consultation", &files, NULL, alphasort), k = 0;
    for (int i = 0; i < n && k < 64; i++) {
        size_t len = strlen(files[i]->d_name);
        if (len > 6 && strcmp(files[i]->d_name + len - 6, ".story") == 0) {
            char *path;
            if (asprintf(&path, "%s/tests/story/consultation/%s", YL_SOURCE_DIR, files[i]->d_name) < 0)
                abort();
            tests[k++] = (struct CMUnitTest){strdup(files[i]->d_name), one, NULL, NULL, path};
        }
    }
    int failed = _cmocka_run_group_tests("consultation", tests, (size_t)k, NULL, NULL);
    for (int i = 0; i < k; i++) {
        free((void *)(uintptr_t)tests[i].name);
        free(tests[i].initial_state);
    }
    for (int i = 0; i < n; i++)
        free(files[i]);
    free(files);
    return failed;
}
