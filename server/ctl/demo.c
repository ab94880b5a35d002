/* Loads a demonstration consortium: a list of operations, run through the same door as everybody's.
 *
 * DIR/demo.json: {"password", "steps": [ step ]}. A step is {"as": login, "op", "args", "save"?} or {"as", "upload":
 * file, "args", "save"?}. "$name.member" in a text is what an earlier step saved; "@+2d09:00" is that time of day in China, days from
 * today, in milliseconds; "@now+15m" is minutes from now. "$name.items.code=YL01.id": the element whose member is so. {"account": name}: the person saved
 * under that name signs in once and takes the demo password. {"messages": file}: HL7 v2 messages, a blank line between two, as if they came over
 * MLLP; "{-30d 09:15}" in them is that time of day in China, days from today, "{now-50m}" minutes from now. "known": true = the administrator has the demo password already.
 * {"fhir": file, "client": "$name.id"}: a Bundle as that client of the FHIR service would send it, times in braces as FHIR writes them.
 * {"clock": "@-20d09:00"}: what follows happens then, as if it had been done that day; {"clock": "@now+0m"} comes back. "values": {name: value}: saved before
 * the first step, for what many steps say alike.
 */
#include "server/ctl/ctl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHINA_MS (8 * 3600000LL)
#define DAY_MS 86400000LL
#define CHUNK 262144

struct demo {
    struct ctl *ctl;
    const char *dir, *password;
    json_t *saved, *tokens; /* name -> result; login -> session token */
};

static int run_op(struct demo *d, const char *credential, const char *op, json_t *args, struct reply *reply)
{
    struct call call = {.op = op, .credential = credential, .args = args, .user_agent = "yilianctl demo"};
    records_call(d->ctl->records, &call, reply);
    json_decref(args);
    return reply->error;
}

/* ---- signing in ---- */

/* Who works at several institutions acts for the first. */
static int choose_post(struct demo *d, const char *token, json_t *me)
{
    struct reply reply;
    json_t *post = json_object_get(json_array_get(json_object_get(me, "posts"), 0), "id");
    if (strcmp(json_string_value(json_object_get(me, "stage")), "post"))
        return 0;
    int rc = run_op(d, token, "session.post", json_pack("{s:O}", "post_id", post), &reply);
    reply_clear(&reply);
    return rc;
}

static int sign_in(struct demo *d, const char *login, const char *password, char token[80])
{
    struct reply reply;
    int rc = run_op(d, NULL, "session.login", json_pack("{s:s,s:s}", "login", login, "password", password), &reply);
    if (rc)
        fprintf(stderr, "yilianctl: %s cannot sign in: ", login), ctl_complain(&reply.fault);
    snprintf(token, 80, "%s", reply.set_session);
    rc = rc ? rc : choose_post(d, token, reply.result);
    reply_clear(&reply);
    return rc;
}

static int take_password(struct demo *d, const char *login, const char *initial)
{
    char token[80];
    struct reply reply;
    int rc = sign_in(d, login, initial, token);
    if (rc)
        return rc;
    rc = run_op(d, token, "session.password", json_pack("{s:s,s:s}", "old", initial, "new", d->password), &reply);
    if (rc)
        ctl_complain(&reply.fault);
    rc = rc ? rc : choose_post(d, token, reply.result);
    reply_clear(&reply);
    if (rc == 0)
        json_object_set_new(d->tokens, login, json_string(token));
    return rc;
}

/* The first administrator's password is nobody's yet: the machine's own administrator resets it. */
static int take_administrator(struct demo *d)
{
    struct reply reply;
    char id[ID_TEXT_BYTES];
    struct person_id person;
    if (records_person_find(d->ctl->records, "admin", &person))
        return fprintf(stderr, "yilianctl: there is no account admin; run init first\n"), ERR_NOT_FOUND;
    id_format(person.v, id);
    int rc = run_op(d, records_system_credential(d->ctl->records), "person.reset", json_pack("{s:s,s:s}", "person_id", id, "what", "password"),
                    &reply);
    if (rc)
        ctl_complain(&reply.fault);
    else
        rc = take_password(d, "admin", json_string_value(json_object_get(reply.result, "initial_password")));
    reply_clear(&reply);
    return rc;
}

static const char *token_of(struct demo *d, const char *login)
{
    char token[80];
    int64_t away_ms = d->ctl->away_ms;
    d->ctl->away_ms = 0; /* a session of today's is good for every day before */
    if (!json_object_get(d->tokens, login) && sign_in(d, login, d->password, token) == 0)
        json_object_set_new(d->tokens, login, json_string(token));
    d->ctl->away_ms = away_ms;
    return json_string_value(json_object_get(d->tokens, login));
}

/* ---- references and times ---- */

/* "3", or "code=YL01". */
static json_t *element_of(json_t *list, char *part)
{
    char *is = strchr(part, '=');
    json_t *one;
    size_t i;
    if (!is)
        return json_array_get(list, (size_t)atoi(part));
    *is++ = 0;
    json_array_foreach(list, i, one)
    {
        const char *text = json_string_value(json_object_get(one, part));
        if (text && strcmp(text, is) == 0)
            return one;
    }
    return NULL;
}

static json_t *look_up(struct demo *d, const char *path)
{
    char part[64];
    json_t *at = d->saved;
    while (at && *path) {
        size_t n = strcspn(path, ".");
        snprintf(part, sizeof part, "%.*s", (int)n, path);
        at = json_is_array(at) ? element_of(at, part) : json_object_get(at, part);
        path += n + (path[n] == '.');
    }
    return at;
}

static int64_t time_ms(int days, int hours, int minutes)
{
    int64_t today = (clock_now_ms(&clock_system) + CHINA_MS) / DAY_MS * DAY_MS - CHINA_MS;
    return today + days * DAY_MS + hours * 3600000LL + minutes * 60000LL;
}

static json_t *time_of(const char *text)
{
    int days, hours, minutes;
    if (sscanf(text, "@now%dm", &minutes) == 1) return json_integer(clock_now_ms(&clock_system) + minutes * 60000LL);
    if (sscanf(text, "@%dd%d:%d", &days, &hours, &minutes) != 3)
        return NULL;
    return json_integer(time_ms(days, hours, minutes));
}

static json_t *resolve(struct demo *d, json_t *v)
{
    const char *key, *text = json_string_value(v);
    json_t *out, *member;
    size_t i;
    if (text && *text == '$')
        return json_incref(look_up(d, text + 1));
    if (text && *text == '@')
        return time_of(text);
    if (json_is_array(v)) {
        out = json_array();
        json_array_foreach(v, i, member) json_array_append_new(out, resolve(d, member));
        return out;
    }
    if (!json_is_object(v))
        return json_incref(v);
    out = json_object();
    json_object_foreach(v, key, member) json_object_set_new(out, key, resolve(d, member));
    return out;
}

/* ---- files ---- */

static void appended(void *ctx, int error, uint64_t held)
{
    (void)held;
    *(int *)ctx = error;
}

static int send_bytes(struct demo *d, const char *token, uint64_t upload, FILE *file)
{
    static char chunk[CHUNK];
    uint64_t offset = 0;
    size_t n;
    int rc = 0;
    while (rc == 0 && (n = fread(chunk, 1, sizeof chunk, file)) > 0) {
        struct records_append a = {.credential = token, .upload = upload, .offset = offset, .data = chunk, .len = n};
        int error = 0, queued = records_append_submit(d->ctl->records, &a, appended, &error); /* no pool: runs here */
        rc = queued ? queued : error;
        offset += n;
    }
    return rc;
}

static int upload(struct demo *d, const char *token, const char *name, json_t *args, struct reply *reply)
{
    char path[600];
    uint64_t id;
    snprintf(path, sizeof path, "%s/%s", d->dir, name);
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) {
        json_decref(args);
        return fault_set(&reply->fault, ERR_NOT_FOUND, "", "%s cannot be read.", path);
    }
    json_object_set_new(args, "bytes", json_integer(ftell(file)));
    json_object_set_new(args, "name", json_string(strrchr(path, '/') + 1));
    rewind(file);
    int rc = run_op(d, token, "upload.create", args, reply);
    if (rc == 0)
        rc = id_parse(json_string_value(json_object_get(reply->result, "upload_id")), &id);
    if (rc == 0 && (rc = send_bytes(d, token, id, file)))
        fault_set(&reply->fault, rc, "", "%s could not be stored.", path);
    fclose(file);
    if (rc)
        return rc;
    reply_clear(reply);
    char text[ID_TEXT_BYTES];
    id_format(id, text);
    return run_op(d, token, "upload.finish", json_pack("{s:s}", "upload_id", text), reply);
}

/* ---- messages of other systems ---- */

static char *file_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    long n = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    char *text = n >= 0 ? calloc(1, (size_t)n + 1) : NULL;
    if (text) {
        rewind(file);
        text[fread(text, 1, (size_t)n, file)] = 0;
    }
    if (file)
        fclose(file);
    return text;
}

struct written { /* how times are written, and how lines end */
    const char *time;
    char end;
};
static const struct written in_hl7 = {"%Y%m%d%H%M%S+0800", '\r'}, in_fhir = {"%Y-%m-%dT%H:%M:%S+08:00", '\n'};

/* "{-30d 09:15}" becomes a time. At most as long as it was plus 16 bytes a time. */
static size_t message_of(const char *text, size_t len, const struct written *how, char *out)
{
    char *p = out;
    for (const char *end = text + len; text < end; text++) {
        int days, hours, minutes, n = 0;
        int64_t ms = 0;
        if (*text == '{' && sscanf(text, "{%dd %d:%d}%n", &days, &hours, &minutes, &n) == 3 && n)
            ms = time_ms(days, hours, minutes);
        else if (*text == '{' && sscanf(text, "{now%dm}%n", &minutes, &n) == 1 && n)
            ms = clock_now_ms(&clock_system) + minutes * 60000LL;
        if (ms) {
            time_t t = (time_t)((ms + CHINA_MS) / 1000);
            struct tm tm;
            gmtime_r(&t, &tm);
            p += strftime(p, 28, how->time, &tm);
            text += n - 1;
        } else
            *p++ = *text == '\n' ? how->end : *text;
    }
    return (size_t)(p - out);
}

static void answered(void *ctx, const struct records_message_answer *a)
{
    *(int *)ctx = a->error;
}

static int send_messages(struct demo *d, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", d->dir, name);
    char *text = file_text(path), *message = text ? malloc(strlen(text) * 3 + 1) : NULL;
    int rc = message ? 0 : ERR_NOT_FOUND;
    for (const char *at = text, *next; rc == 0 && *at; at = next) {
        const char *blank = strstr(at, "\n\n");
        size_t len = blank ? (size_t)(blank - at) + 1 : strlen(at);
        next = at + len + (blank != NULL);
        struct records_message m = {.bytes = message, .len = message_of(at, len, &in_hl7, message)};
        int error = 0, queued = records_message_submit(d->ctl->records, &m, answered, &error); /* no pool: runs here */
        rc = queued ? queued : error;
    }
    if (rc)
        fprintf(stderr, text ? "yilianctl: the messages of %s could not be stored\n" : "yilianctl: %s cannot be read\n", path);
    free(message);
    free(text);
    return rc;
}

static int send_bundle(struct demo *d, const char *name, json_t *client)
{
    char path[600];
    uint64_t id = 0;
    snprintf(path, sizeof path, "%s/%s", d->dir, name);
    char *text = file_text(path), *body = text ? calloc(3, strlen(text) + 1) : NULL;
    int rc = !body ? ERR_NOT_FOUND : client ? id_parse(json_string_value(client), &id) : ERR_INVALID;
    if (rc == 0) {
        struct records_fhir_answer a = {0};
        struct records_fhir q = {.method = "POST", .path = "/", .query = "", .credential = records_system_credential(d->ctl->records), .accept = "", .content_type = "application/fhir+json",
                                 .prefer = "return=minimal", .if_match = "", .if_none_match = "", .if_none_exist = "", .if_modified_since = "", .csrf = "", .client_address = "",
                                 .host = "localhost", .body = body, .len = message_of(text, strlen(text), &in_fhir, body), .as_client = id};
        records_fhir_call(d->ctl->records, &q, &a);
        rc = a.status == 200 ? 0 : ERR_INVALID;
        if (rc)
            fprintf(stderr, "yilianctl: %s was refused: %d %.400s\n", path, a.status, a.body ? a.body : "");
        free(a.body);
    } else
        fprintf(stderr, "yilianctl: %s cannot be read, or its client is not known\n", path);
    free(body);
    free(text);
    return rc;
}

/* ---- steps ---- */

static int set_clock(struct demo *d, const char *text)
{
    json_t *at = *text == '@' ? time_of(text) : NULL;
    if (!at)
        return fprintf(stderr, "yilianctl: \"clock\": %s is no time\n", text), ERR_INVALID;
    int64_t away_ms = json_integer_value(at) - clock_now_ms(&clock_system);
    d->ctl->away_ms = away_ms > -1000 && away_ms < 1000 ? 0 : away_ms;
    json_decref(at);
    return 0;
}

static void save_values(struct demo *d, json_t *values)
{
    const char *name;
    json_t *value;
    json_object_foreach(values, name, value) json_object_set_new(d->saved, name, resolve(d, value));
}

static int step(struct demo *d, json_t *s)
{
    const char *clock = json_string_value(json_object_get(s, "clock"));
    if (clock)
        return set_clock(d, clock);
    const char *op = json_string_value(json_object_get(s, "op")), *as = json_string_value(json_object_get(s, "as"));
    const char *file = json_string_value(json_object_get(s, "upload")), *save = json_string_value(json_object_get(s, "save"));
    json_t *person = json_object_get(d->saved, json_string_value(json_object_get(s, "account")) ? json_string_value(json_object_get(s, "account")) : "");
    if (person)
        return take_password(d, json_string_value(json_object_get(person, "login")), json_string_value(json_object_get(person, "initial_password")));
    if (json_object_get(s, "messages"))
        return send_messages(d, json_string_value(json_object_get(s, "messages")));
    if (json_object_get(s, "fhir")) {
        json_t *client = resolve(d, json_object_get(s, "client"));
        int rc = send_bundle(d, json_string_value(json_object_get(s, "fhir")), client);
        json_decref(client);
        return rc;
    }
    const char *token = token_of(d, as);
    json_t *given = json_object_get(s, "args"), *args = given ? resolve(d, given) : json_object();
    struct reply reply = {0};
    int rc = !token ? ERR_UNAUTHENTICATED : file ? upload(d, token, file, args, &reply) : run_op(d, token, op, args, &reply);
    if (rc) {
        fprintf(stderr, "yilianctl: %s by %s: ", op ? op : file, as);
        ctl_complain(&reply.fault);
    }
    if (rc == 0 && save)
        json_object_set(d->saved, save, reply.result);
    reply_clear(&reply);
    return rc;
}

int ctl_demo_load(struct ctl *c)
{
    struct demo d = {.ctl = c, .dir = c->argc > 1 ? c->argv[1] : NULL};
    char path[600];
    json_error_t e;
    json_t *one;
    size_t i;
    if (!d.dir || strcmp(c->argv[0], "load"))
        return fprintf(stderr, "usage: yilianctl --config FILE demo load DIR\n"), 2;
    snprintf(path, sizeof path, "%s/demo.json", d.dir);
    json_t *script = json_load_file(path, 0, &e);
    if (!script)
        return fprintf(stderr, "yilianctl: %s, line %d: %s\n", path, e.line, e.text), 1;
    d.password = json_string_value(json_object_get(script, "password"));
    d.saved = json_object();
    d.tokens = json_object();
    save_values(&d, json_object_get(script, "values"));
    int rc = json_is_true(json_object_get(script, "known")) ? 0 : take_administrator(&d);
    json_array_foreach(json_object_get(script, "steps"), i, one)
    {
        if (rc)
            break;
        rc = step(&d, one);
    }
    if (rc == 0)
        printf("%zu steps done\n", json_array_size(json_object_get(script, "steps")));
    json_decref(script);
    json_decref(d.saved);
    json_decref(d.tokens);
    return rc ? 1 : 0;
}
