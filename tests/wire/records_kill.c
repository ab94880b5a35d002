/* kill -9 at random moments: whatever was acknowledged is there, and the audit chain is whole. */
#include "records/fhir/client.h"
#include "records/records.h"
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define KILLS 200
#define LIFE_MAX_US 60000

static char dir[64];

static struct records *site_open(int readers)
{
    struct fault f = {0};
    struct records *r = NULL;
    struct records_config config = {.data_dir = dir, .config_dir = YL_SOURCE_DIR "/config", .clock = &clock_system, .readers = readers};
    if (records_open(&r, &config, &f))
        fprintf(stderr, "%s\n", f.text);
    return r;
}

struct promise {
    int pipe;
    uint32_t number;
};

/* The acknowledgement: what went out through the pipe was promised. */
static void answered(void *ctx, struct reply *reply)
{
    struct promise *p = ctx;
    if (reply->error == 0 && write(p->pipe, &p->number, sizeof p->number) != sizeof p->number)
        _exit(3);
    reply_clear(reply);
    free(p);
}

static int submit(struct records *r, int pipe, uint32_t number)
{
    char code[32];
    struct promise *p = malloc(sizeof *p);
    snprintf(code, sizeof code, "K%u", number);
    *p = (struct promise){pipe, number};
    json_t *args = json_pack("{s:s,s:s,s:s,s:s}", "kind", "institution", "level", "village", "code", code, "name", "村卫生室");
    struct call call = {.op = "org.create", .credential = records_system_credential(r), .args = args};
    int rc = records_submit(r, &call, answered, p);
    json_decref(args);
    if (rc)
        free(p);
    return rc;
}

static void live(int pipe, uint32_t first)
{
    struct records *r = site_open(2);
    if (!r)
        _exit(2);
    for (uint32_t n = first;; n++)
        if (submit(r, pipe, n)) {
            usleep(200); /* the queue is full */
            n--;
        }
}

/* One life; appends what was promised to `kept`. */
static size_t one_life(uint32_t first, uint32_t *kept, size_t n, size_t cap)
{
    int ends[2];
    uint32_t number;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        live(ends[1], first);
    }
    close(ends[1]);
    if (first / 100000 % 4) /* three lives of four are cut while they promise, the fourth at any moment, also while it opens */
        poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 5000);
    usleep((useconds_t)(rand() % LIFE_MAX_US));
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(ends[0], &number, sizeof number) == sizeof number)
        if (n < cap)
            kept[n++] = number;
    close(ends[0]);
    waitpid(child, NULL, 0);
    return n;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Strikes every institution of the answer off the sorted list of promises; returns how many are left. */
static size_t missing(struct records *r, uint32_t *kept, size_t n)
{
    struct reply reply;
    struct call call = {.op = "org.list", .credential = records_system_credential(r)};
    json_t *one;
    size_t i, found = 0;
    records_call(r, &call, &reply);
    assert_int_equal(reply.error, 0);
    qsort(kept, n, sizeof *kept, compare);
    json_array_foreach(json_object_get(reply.result, "items"), i, one)
    {
        const char *code = json_string_value(json_object_get(one, "code"));
        uint32_t number = (uint32_t)strtoul(code + 1, NULL, 10);
        found += code[0] == 'K' && bsearch(&number, kept, n, sizeof *kept, compare) != NULL;
    }
    reply_clear(&reply);
    return n - found;
}

static void nothing_acknowledged_is_lost(void **state)
{
    static uint32_t kept[2000000];
    int64_t lines, first_bad;
    char what[80];
    size_t n = 0;
    (void)state;
    strcpy(dir, "/tmp/yl-kill-XXXXXX");
    assert_non_null(mkdtemp(dir));
    srand((unsigned)getpid());
    struct records *r = site_open(0); /* the first open makes key and tables */
    assert_non_null(r);
    records_close(r);
    for (uint32_t i = 0; i < KILLS; i++)
        n = one_life((i + 1) * 100000, kept, n, sizeof kept / sizeof *kept);
    r = site_open(0);
    assert_non_null(r);
    assert_true(n > KILLS / 2); /* the lives were long enough to promise something */
    assert_int_equal(missing(r, kept, n), 0);
    assert_int_equal(records_audit_verify(r, &lines, &first_bad, what), 0);
    assert_int_equal(first_bad, 0);
    assert_true((size_t)lines >= n);
    print_message("%d kills, %zu promises kept, %lld audit lines\n", KILLS, n, (long long)lines);
    records_close(r);
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

/* ---- the same over FHIR: creates and transactions, sent again until they are answered ---- */

#define FHIR_KILLS 12
#define NUMBERS 20000 /* of all lives together */
#define STARTED 0x80000000u

static char bearer[BEARER_BYTES];

struct creation { /* borrowed by the call until it is done */
    struct records_fhir q;
    int pipe;
    uint32_t number;
    char body[900], condition[60];
};

/* Every third is a transaction: a patient and what was measured, both or neither. "Create, unless it is there": so it may be sent again. */
static void creation(struct creation *c, uint32_t number)
{
    bool both = number % 3 == 0;
    snprintf(c->condition, sizeof c->condition, "identifier=urn:k|%u", number);
    if (both)
        snprintf(c->body, sizeof c->body,
                 "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{\"fullUrl\":\"urn:uuid:0c3201bd-1cbf-4d64-b04d-cd9187a4c6e0\",\"resource\":{\"resourceType\":\"Patient\","
                 "\"identifier\":[{\"system\":\"urn:k\",\"value\":\"%u\"}]},\"request\":{\"method\":\"POST\",\"url\":\"Patient\",\"ifNoneExist\":\"%s\"}},{\"resource\":{"
                 "\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"identifier\":[{\"system\":\"urn:k\",\"value\":\"%u\"}],\"subject\":{\"reference\":"
                 "\"urn:uuid:0c3201bd-1cbf-4d64-b04d-cd9187a4c6e0\"}},\"request\":{\"method\":\"POST\",\"url\":\"Observation\",\"ifNoneExist\":\"%s\"}}]}",
                 number, c->condition, number, c->condition);
    else
        snprintf(c->body, sizeof c->body, "{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"urn:k\",\"value\":\"%u\"}]}", number);
    c->number = number;
    c->q = (struct records_fhir){.method = "POST", .path = both ? "/" : "/Patient", .query = "", .accept = "", .content_type = "application/fhir+json", .prefer = "return=minimal",
                                 .if_match = "", .if_none_match = "", .if_none_exist = both ? "" : c->condition, .if_modified_since = "", .credential = bearer, .csrf = "",
                                 .client_address = "", .host = "k", .body = c->body, .len = strlen(c->body)};
}

static void created(void *ctx, struct records_fhir_answer *answer)
{
    struct creation *c = ctx;
    if ((answer->status == 200 || answer->status == 201) && write(c->pipe, &c->number, sizeof c->number) != sizeof c->number)
        _exit(3);
    free(c);
}

static void create(struct records *r, int pipe, uint32_t number)
{
    uint32_t begun = number | STARTED;
    struct creation *c = malloc(sizeof *c);
    creation(c, number);
    c->pipe = pipe;
    if (write(pipe, &begun, sizeof begun) != sizeof begun)
        _exit(3);
    while (records_fhir_submit(r, &c->q, created, c))
        usleep(200); /* the queue is full */
}

static struct {
    bool started[NUMBERS], kept[NUMBERS];
    uint32_t next; /* the first that was never sent */
} sent;

static void live_fhir(int pipe)
{
    struct records *r = site_open(2);
    if (!r)
        _exit(2);
    for (uint32_t i = 0; i < sent.next; i++) /* what nobody answered is sent again */
        if (!sent.kept[i])
            create(r, pipe, i);
    for (uint32_t i = sent.next; i < NUMBERS; i++)
        create(r, pipe, i);
    pause();
}

/* Was that an answer? */
static bool heard(uint32_t number)
{
    uint32_t i = number & ~STARTED;
    *(number & STARTED ? &sent.started[i] : &sent.kept[i]) = true;
    sent.next = i >= sent.next ? i + 1 : sent.next;
    return !(number & STARTED);
}

static void one_fhir_life(bool early)
{
    int ends[2];
    uint32_t number;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        live_fhir(ends[1]);
    }
    close(ends[1]);
    while (!early && read(ends[0], &number, sizeof number) == sizeof number && !heard(number)) /* its first answer */
        ;
    usleep((useconds_t)(rand() % LIFE_MAX_US));
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(ends[0], &number, sizeof number) == sizeof number)
        heard(number);
    close(ends[0]);
    waitpid(child, NULL, 0);
}

static int64_t how_many(struct records *r, const char *type, uint32_t number)
{
    char path[20], query[100];
    struct records_fhir_answer answer = {0};
    snprintf(path, sizeof path, "/%s", type);
    snprintf(query, sizeof query, "identifier=urn:k|%u&_summary=count", number);
    struct records_fhir q = {.method = "GET", .path = path, .query = query, .accept = "", .content_type = "", .prefer = "", .if_match = "", .if_none_match = "", .if_none_exist = "",
                             .if_modified_since = "", .credential = bearer, .csrf = "", .client_address = "", .host = "k", .body = "", .len = 0};
    records_fhir_call(r, &q, &answer);
    json_t *bundle = answer.len ? json_loadb(answer.body, answer.len, 0, NULL) : NULL;
    int64_t n = json_is_integer(json_object_get(bundle, "total")) ? json_integer_value(json_object_get(bundle, "total")) : -1;
    json_decref(bundle);
    free(answer.body);
    return n;
}

static void register_client(struct records *r)
{
    struct tx *tx;
    struct bearer b = {.client = 77, .until_ms = INT64_MAX / 2, .scopes = "system/*.*"};
    bearer_make(records_parts(r)->fhir, &b, bearer);
    assert_int_equal(tx_begin(records_store(r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO fhir_client (id, name, org_id, scopes, jwks, active, created_ms, created_by) VALUES (77,'k',0,'system/*.*','',1,0,0)", "");
    assert_int_equal(tx_commit(tx), 0);
}

/* Everything that was answered is there; sent again, everything is there once. */
static void nothing_created_over_fhir_is_lost_or_there_twice(void **state)
{
    size_t kept = 0, open = 0;
    int64_t lines, first_bad;
    char what[80], command[96];
    (void)state;
    strcpy(dir, "/tmp/yl-kill-XXXXXX");
    assert_non_null(mkdtemp(dir));
    srand((unsigned)getpid());
    struct records *r = site_open(0);
    assert_non_null(r);
    register_client(r);
    records_close(r);
    for (int i = 0; i < FHIR_KILLS; i++)
        one_fhir_life(i % 8 == 7); /* one of eight at any moment, also while it opens */
    r = site_open(0);
    assert_non_null(r);
    for (uint32_t i = 0; i < sent.next; i++) {
        kept += sent.kept[i];
        open += sent.started[i] && !sent.kept[i];
        if (sent.kept[i] && (how_many(r, "Patient", i) != 1 || how_many(r, "Observation", i) != (i % 3 == 0)))
            fail_msg("number %u was answered and is not there once", i);
        if (!sent.started[i] || sent.kept[i])
            continue;
        struct creation c;
        struct records_fhir_answer answer = {0};
        creation(&c, i);
        records_fhir_call(r, &c.q, &answer);
        free(answer.body);
        if ((answer.status != 200 && answer.status != 201) || how_many(r, "Patient", i) != 1 || how_many(r, "Observation", i) != (i % 3 == 0))
            fail_msg("number %u was sent again (%d) and is not there once", i, answer.status);
    }
    assert_true(kept >= FHIR_KILLS / 2);
    assert_int_equal(records_audit_verify(r, &lines, &first_bad, what), 0);
    assert_int_equal(first_bad, 0);
    print_message("%d kills, %zu creations kept, %zu sent again at the end\n", FHIR_KILLS, kept, open);
    records_close(r);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1) /* one of them alone */
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_acknowledged_is_lost), cmocka_unit_test(nothing_created_over_fhir_is_lost_or_there_twice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
