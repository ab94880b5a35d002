/* yilianctl - the commands, see `commands` below. */
#include "records/ops/op.h"
#include "server/api/api.h"
#include "server/base/crypto.h"
#include "server/base/log.h"
#include "server/ctl/ctl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int ctl_complain(const struct fault *f)
{
    fprintf(stderr, "yilianctl: %s\n", f->text[0] ? f->text : err_wire(f->code));
    for (size_t i = 0; i < f->n_fields; i++)
        fprintf(stderr, "  %s: %s\n", f->fields[i].path, f->fields[i].reason);
    return 1;
}

const char *ctl_value(const struct ctl *c, const char *name)
{
    for (int i = 0; i + 1 < c->argc; i++)
        if (strncmp(c->argv[i], "--", 2) == 0 && strcmp(c->argv[i] + 2, name) == 0)
            return c->argv[i + 1];
    return NULL;
}

int ctl_call(struct ctl *c, const char *op, json_t *args, struct reply *reply)
{
    struct call call = {.op = op, .credential = records_system_credential(c->records), .args = args, .user_agent = "yilianctl"};
    records_call(c->records, &call, reply);
    json_decref(args);
    int code = reply->error ? ctl_complain(&reply->fault) : 0;
    if (code)
        reply_clear(reply);
    return code;
}

const char *ctl_text(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}

static const char *word(const struct ctl *c, int n)
{
    return n < c->argc && c->argv[n][0] != '-' ? c->argv[n] : NULL;
}

/* ---- subcommands; each returns the exit code ---- */

static void random_password(char out[32])
{
    uint8_t random[12];
    crypto_random(random, sizeof random);
    if (base64url_encode(random, sizeof random, out, 24) < 0)
        abort();
    strcat(out, "aA1-");
}

static int init(struct ctl *c)
{
    const char *login = ctl_value(c, "login"), *name = ctl_value(c, "name"), *org = ctl_value(c, "org"), *given = ctl_value(c, "password");
    struct fault f = {0};
    char made[32];
    random_password(made);
    if (records_bootstrap(c->records, org ? org : "医联体", login ? login : "admin", name ? name : "管理员", given ? given : made, &f))
        return ctl_complain(&f);
    printf("login: %s\npassword: %s (to be changed at the first sign-in)\n", login ? login : "admin", given ? "as given" : made);
    return 0;
}

static int migrate(struct ctl *c)
{
    printf("database version %d\n", records_version(c->records)); /* records_open migrated it */
    return 0;
}

static int call_print(struct ctl *c, const char *op, json_t *args)
{
    struct call call = {.op = op, .credential = records_system_credential(c->records), .args = args};
    struct reply reply;
    records_call(c->records, &call, &reply);
    json_decref(args);
    if (reply.error) {
        ctl_complain(&reply.fault);
        reply_clear(&reply);
        return 1;
    }
    if (reply.result)
        json_dumpf(reply.result, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII * 0);
    putchar('\n');
    reply_clear(&reply);
    return 0;
}

static int policy(struct ctl *c)
{
    const char *what = word(c, 0), *id = word(c, 1), *value = c->argc > 2 ? c->argv[2] : NULL; /* a value may be negative */
    if (what && strcmp(what, "list") == 0)
        return call_print(c, "policy.list", json_object());
    if (!what || strcmp(what, "set") || !id || !value || !*value)
        return fprintf(stderr, "usage: yilianctl --config FILE policy list | policy set ID VALUE\n"), 2;
    bool number = !value[strspn(value + (*value == '-'), "0123456789") + (*value == '-')];
    return call_print(c, "policy.set",
                      json_pack("{s:s,s:o}", "policy_id", id, "value", number ? json_integer(atoll(value)) : json_string(value)));
}

static int backup(struct ctl *c)
{
    struct fault f = {0};
    if (!word(c, 0))
        return fprintf(stderr, "usage: yilianctl --config FILE backup DATABASE-COPY\n"), 2;
    struct records_config site = {.data_dir = options_text(c->options, "data.dir"), .database = options_text(c->options, "database.url")};
    if (records_backup(&site, word(c, 0), &f))
        return ctl_complain(&f);
    printf("%s written; keep data.dir/keys and data.dir/blobs with it\n", word(c, 0));
    return 0;
}

static int database(struct ctl *c)
{
    struct fault f = {0};
    char told[200] = "";
    if (!word(c, 0) || strcmp(word(c, 0), "move") || !ctl_value(c, "to"))
        return fprintf(stderr, "usage: yilianctl --config FILE database move --to postgresql://..|FILE\n"), 2;
    if (records_move(c->records, ctl_value(c, "to"), told, &f))
        return ctl_complain(&f);
    printf("moved: %s\nnow set database.url (or data.dir) to it and start the daemon\n", told);
    return 0;
}

static int audit(struct ctl *c)
{
    int64_t lines, first_bad;
    char wrong[80];
    if (!word(c, 0) || strcmp(word(c, 0), "verify"))
        return fprintf(stderr, "usage: yilianctl --config FILE audit verify\n"), 2;
    int rc = records_audit_verify(c->records, &lines, &first_bad, wrong);
    if (rc)
        return ctl_complain(&(struct fault){.code = rc});
    if (first_bad)
        return printf("BROKEN at line %lld: %s\n", (long long)first_bad, wrong), 1;
    printf("whole: %lld lines\n", (long long)lines);
    return 0;
}

static bool flag(const struct ctl *c, const char *name)
{
    for (int i = 0; i < c->argc; i++)
        if (strcmp(c->argv[i], name) == 0)
            return true;
    return false;
}

static int token(struct ctl *c)
{
    const char *minutes = ctl_value(c, "minutes");
    struct records_room_token want = {.room = ctl_value(c, "room"),
                                      .publish = flag(c, "--publish"),
                                      .watch = flag(c, "--watch"),
                                      .minutes = minutes ? atoi(minutes) : 60};
    char made[RECORDS_TOKEN_BYTES];
    struct fault f = {0};
    if (!want.room || !(want.publish || want.watch))
        return fprintf(stderr, "usage: yilianctl --config FILE token --room ROOM [--publish] [--watch] [--minutes N]\n"), 2;
    if (records_room_token(c->records, &want, made, &f))
        return ctl_complain(&f);
    puts(made);
    explicit_bzero(made, sizeof made);
    return 0;
}

static int flow(struct ctl *c)
{
    char *text = records_flow_print(c->records);
    if (!text)
        return ctl_complain(&(struct fault){.code = ERR_INTERNAL, .text = "The rule table cannot be printed."});
    fputs(text, stdout);
    free(text);
    return 0;
}

static int openapi(struct ctl *c)
{
    json_t *doc = openapi_build(op_find);
    (void)c;
    if (!doc || json_dumpf(doc, stdout, JSON_INDENT(1)))
        return 1;
    putchar('\n');
    json_decref(doc);
    return 0;
}

static int demo(struct ctl *c)
{
    return ctl_demo_load(c);
}

enum needs { NOTHING, OPTIONS, RECORDS, ALONE /* records, and no daemon beside; their database is brought to this version */ };
static const struct {
    const char *name;
    int (*run)(struct ctl *c);
    enum needs needs;
    const char *help;
} commands[] = {
    {"init", init, ALONE, "init [--login L] [--name N] [--org O] [--password P]: a new site and its first administrator"},
    {"migrate", migrate, ALONE, "migrate: brings the database to this version, while no daemon runs"},
    {"user", ctl_user, RECORDS, "user list | add LOGIN NAME .. | lock LOGIN | unlock LOGIN | roles LOGIN [CODE ROLE,..|-] | reset LOGIN password|totp|lock"},
    {"org", ctl_org, RECORDS, "org list | add CODE NAME --parent CODE [--level L] | close CODE | open CODE"},
    {"policy", policy, RECORDS, "policy list | policy set ID VALUE: what administrators may change while the system runs"},
    {"token", token, RECORDS, "token --room ROOM [--publish] [--watch] [--minutes N]: lets a machine into a room (WHIP, WHEP); a new name makes it"},
    {"client", ctl_client, RECORDS, "client list | add --name N --scope \"system/*.read ..\" --jwks FILE [--org CODE] | remove ID: machine clients of /fhir"},
    {"exchange", ctl_exchange, RECORDS, "exchange list | add | domain | take: systems that send HL7 v2 messages; their identifier domains; a file of messages"},
    {"relay", ctl_relay, OPTIONS, "relay config: coturn's configuration file for the relay.* options"},
    {"backup", backup, OPTIONS, "backup FILE: a consistent copy of the database while the daemon runs"},
    {"restore", ctl_restore, OPTIONS, "restore --at \"YYYY-MM-DD HH:MM:SS\"|now --site NEW-FOLDER [--from DIR]: database and files, out of backup.dir; --to NEW.db: the database alone"},
    {"database", database, ALONE, "database move --to postgresql://..|FILE: the whole database into an empty one of either engine, counted and hashed"},
    {"audit", audit, RECORDS, "audit verify: checks the whole chain"},
    {"recording", ctl_recording, NOTHING, "recording verify FILE|ID: the chain of a recorded file, or every byte of a recording of this site; export ID [--layout grid|speaker|slides] | list ID | cancel FILM: its films"},
    {"inventory", ctl_inventory, RECORDS, "inventory: what is stored, by class: objects, last arrival, level, whose it is, what is missing"},
    {"flow", flow, RECORDS, "flow print: the workflow's rule table"},
    {"openapi", openapi, NOTHING, "openapi print: the HTTP interface as OpenAPI 3.1"},
    {"mpi", ctl_mpi, NOTHING, "mpi link --map MAP.json --in A.csv [--in B.csv ..] --out CLUSTERS.csv [--explain A B]: which records are one person"},
    {"dx", ctl_dx, NOTHING, "dx normalise [--data DIR] [--explain]: a diagnosis a line from standard input -> its normal form, a JSON line each"},
    {"fhir", ctl_fhir, NOTHING, "fhir rows --view VIEW.json [--csv] | path EXPRESSION [--data DIR]: resources, a line each, from standard input -> rows (SQL on FHIR v2), values (FHIRPath)"},
    {"demo", demo, RECORDS, "demo load DIR: the demonstration consortium, once"},
};

static int usage(void)
{
    fprintf(stderr, "usage: yilianctl [--config FILE] COMMAND\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(stderr, "  %s\n", commands[i].help);
    return 2;
}

static int64_t ctl_now(void *ctx)
{
    return clock_now_ms(&clock_system) + ((struct ctl *)ctx)->away_ms;
}

static int open_site(struct ctl *c, enum needs needs, struct fault *f)
{
    if (!c->config)
        return fault_set(f, ERR_INVALID, "", "This command needs --config FILE.");
    int rc = options_load(&c->options, c->config, f);
    if (rc || needs < RECORDS)
        return rc;
    c->clock = (struct clock){ctl_now, c};
    struct records_config rc_config = {.data_dir = options_text(c->options, "data.dir"),
                                       .database = options_text(c->options, "database.url"),
                                       .config_dir = options_text(c->options, "config.dir"),
                                       .clock = &c->clock,
                                       .alone = needs == ALONE,
                                       .as_it_is = needs != ALONE};
    return records_open(&c->records, &rc_config, f);
}

int ctl_open_records(struct ctl *c, struct fault *f)
{
    return open_site(c, RECORDS, f);
}

static int run(struct ctl *c, size_t n)
{
    struct fault f = {0};
    if (commands[n].needs && open_site(c, commands[n].needs, &f)) {
        options_free(c->options);
        return ctl_complain(&f);
    }
    int code = commands[n].run(c);
    records_close(c->records);
    options_free(c->options);
    return code;
}

int main(int argc, char **argv)
{
    struct ctl c = {0};
    int at = 1;
    log_set_level(LOG_LEVEL_WARN);
    id_set_node(1); /* the daemon may make ids in the same millisecond */
    while (at + 1 < argc && strcmp(argv[at], "--config") == 0) {
        c.config = argv[at + 1];
        at += 2;
    }
    for (size_t i = 0; at < argc && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[at], commands[i].name) == 0) {
            c.argc = argc - at - 1;
            c.argv = argv + at + 1;
            if (!c.config)
                c.config = ctl_value(&c, "config");
            return run(&c, i);
        }
    return usage();
}
