/* Bench: the whole door, as the server calls it: session, CSRF, rights, idempotency key, the act, its audit line, the change feed, a
 * durable commit. Four parts, one JSON line each, the conditions first:
 *   workflow  `people` at once take their cases from the draft to the close (13 acts a case), pausing about `think` ms between acts
 *   reads     case.get with its audit line, as fast as it goes
 *   writes    message.send, as fast as it goes
 *   writes beside sign-ins   message.send about ten times a second each, while everybody signs in with a password at once
 *
 *   bench_records_door [people] [cases each] [think ms]     (default 50 4 500; think 0 = as fast as it goes)
 *
 * Bar: p99 <= 20 ms at 50 people. The processor's time is the whole process's, the bench's own threads included; syncs are counted by
 * standing in for fdatasync and fsync. On a busy machine only CPU time and syncs say something: compare the line "conditions".
 */
#include "tests/support/door.h"
#include "server/base/clock.h"
#include "server/base/crypto.h"
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { ZHANG, LI, CHEN, QIAN, N_ROLES };
static const char *const role_names[] = {"zhang", "li", "chen", "qian"};
#define READ_SECONDS 3
#define PASSWORD "Bench-Password-1"

static struct world shared;
static int n_people = 50, n_cases = 4, think_ms = 500;
static int64_t *delays;
static atomic_size_t n_delays;
static size_t delays_max;
static atomic_bool stop;
static char password_hash[128];
static atomic_int n_signed_in;
static int64_t signed_in_us;
static atomic_llong syncs, sync_us, sync_max_us;

/* ---- counting syncs ---- */

static int counted(long number, int fd)
{
    int64_t start = clock_monotonic_us();
    int rc = (int)syscall(number, fd);
    long long took = clock_monotonic_us() - start, most = sync_max_us;
    syncs++;
    sync_us += took;
    while (took > most && !atomic_compare_exchange_weak(&sync_max_us, &most, took))
        ;
    return rc;
}

int fdatasync(int fd)
{
    return counted(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return counted(SYS_fsync, fd);
}

/* ---- one measured part ---- */

struct part {
    int64_t start_us, cpu_us, io_calls;
    long long syncs, sync_us;
};

/* read and write system calls of this process */
static int64_t io_calls(void)
{
    char line[64];
    long long r = 0, w = 0;
    FILE *f = fopen("/proc/self/io", "r");
    while (f && fgets(line, sizeof line, f)) {
        sscanf(line, "syscr: %lld", &r);
        sscanf(line, "syscw: %lld", &w);
    }
    if (f)
        fclose(f);
    return r + w;
}

static struct part now(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (struct part){.start_us = clock_monotonic_us(),
                         .cpu_us = (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000ll + u.ru_utime.tv_usec + u.ru_stime.tv_usec,
                         .io_calls = io_calls(),
                         .syncs = syncs,
                         .sync_us = sync_us};
}

static struct part begin(void)
{
    n_delays = 0;
    sync_max_us = 0;
    return now();
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void end(const char *name, struct part before)
{
    struct part after = now();
    size_t n = n_delays < delays_max ? n_delays : delays_max;
    double calls = (double)n_delays, seconds = (double)(after.start_us - before.start_us) / 1e6;
    long long rounds = after.syncs - before.syncs;
    qsort(delays, n, sizeof *delays, by_size);
    printf("{\"part\":\"%s\",\"calls\":%.0f,\"per_second\":%.0f,\"p50_ms\":%.2f,\"p95_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f,"
           "\"cpu_us_per_call\":%.0f,\"io_calls_per_call\":%.1f,\"syncs_per_call\":%.2f,\"sync_mean_ms\":%.2f,\"sync_max_ms\":%.2f}\n",
           name, calls, calls / seconds, (double)delays[n / 2] / 1e3, (double)delays[n * 95 / 100] / 1e3, (double)delays[n * 99 / 100] / 1e3,
           (double)delays[n - 1] / 1e3, (double)(after.cpu_us - before.cpu_us) / calls, (double)(after.io_calls - before.io_calls) / calls,
           (double)rounds / calls, rounds ? (double)(after.sync_us - before.sync_us) / 1e3 / (double)rounds : 0, (double)sync_max_us / 1e3);
    fflush(stdout);
}

/* ---- people ---- */

struct desk {
    pthread_t thread;
    unsigned seed;
    uint64_t patient, keys, applicant, expert;
    struct door_session sessions[N_ROLES];
    char id[ID_TEXT_BYTES];
    int64_t version;
};

/* People do not click in step: half to one and a half of `think`. */
static void think(struct desk *d)
{
    int64_t nap_us = think_ms ? think_ms * 500 + rand_r(&d->seed) % (think_ms * 1000) : 0;
    struct timespec nap = {.tv_sec = nap_us / 1000000, .tv_nsec = nap_us % 1000000 * 1000};
    if (nap_us)
        nanosleep(&nap, NULL);
}

static struct reply measured(struct desk *d, int role, const char *op, json_t *args, const char *key)
{
    struct call call = {.op = op, .credential = d->sessions[role].token, .args = args, .idempotency_key = key, .client_address = "192.0.2.7",
                        .user_agent = "bench", .csrf = d->sessions[role].csrf, .by_cookie = true};
    int64_t start = clock_monotonic_us();
    struct reply reply = door_wait(shared.r, &call);
    size_t at = n_delays++;
    if (at < delays_max)
        delays[at] = clock_monotonic_us() - start;
    json_decref(args);
    if (reply.error) {
        fprintf(stderr, "%s: %s %s %s\n", op, err_wire(reply.error), reply.fault.reason, reply.fault.text);
        exit(1);
    }
    return reply;
}

static void act(struct desk *d, int role, const char *op, json_t *args)
{
    char key[80];
    snprintf(key, sizeof key, "%s-%08llx", d->sessions[role].csrf, (unsigned long long)++d->keys);
    if (*d->id) {
        json_object_set_new(args, "case_id", json_string(d->id));
        json_object_set_new(args, "version", json_integer(d->version));
    }
    think(d);
    struct reply reply = measured(d, role, op, args, key);
    d->version = json_integer_value(json_object_get(reply.result, "version"));
    if (!*d->id)
        snprintf(d->id, sizeof d->id, "%s", json_string_value(json_object_get(reply.result, "id")));
    reply_clear(&reply);
}

static void one_case(struct desk *d)
{
    char patient[ID_TEXT_BYTES], county[ID_TEXT_BYTES], neuro[ID_TEXT_BYTES], qian[ID_TEXT_BYTES];
    id_format(d->patient, patient);
    id_format(20, county);
    id_format(21, neuro);
    id_format(d->expert, qian);
    d->id[0] = 0;
    act(d, ZHANG, "case.create",
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "patient_id", patient, "kind", "offline", "scope", "clinical", "urgency", "routine",
                  "target_org_id", county, "form", full_form()));
    act(d, ZHANG, "case.submit", json_object());
    act(d, LI, "case.approve_home", json_object());
    act(d, CHEN, "case.triage", json_pack("{s:s}", "dept_id", neuro));
    act(d, CHEN, "case.assign", json_pack("{s:s}", "expert_id", qian));
    act(d, QIAN, "case.accept", json_object());
    act(d, QIAN, "case.begin_review", json_object());
    act(d, QIAN, "case.save_opinion", json_pack("{s:o}", "body", full_opinion()));
    act(d, QIAN, "case.sign_opinion", json_pack("{s:o}", "body", full_opinion()));
    act(d, ZHANG, "case.acknowledge",
        world_json("{\"items\":[{\"n\":1,\"decision\":\"adopted\"},{\"n\":2,\"decision\":\"adopted\"}],\"handling\":\"已执行\"}"));
    act(d, ZHANG, "case.evaluate", world_json("{\"scores\":{\"timely\":5,\"helpful\":5,\"attitude\":5,\"system\":4}}"));
    act(d, QIAN, "case.evaluate", world_json("{\"scores\":{\"complete\":4,\"question\":5,\"cooperation\":5,\"necessity\":5}}"));
    act(d, ZHANG, "case.close", json_object());
}

static void *work(void *arg)
{
    struct desk *d = arg;
    for (int i = 0; i < n_cases; i++)
        one_case(d);
    return NULL;
}

static void *read_on(void *arg)
{
    struct desk *d = arg;
    while (!stop) {
        struct reply reply = measured(d, ZHANG, "case.get", json_pack("{s:s}", "case_id", d->id), NULL);
        reply_clear(&reply);
    }
    return NULL;
}

static void *write_on(void *arg)
{
    struct desk *d = arg;
    while (!stop) {
        struct reply reply = measured(d, ZHANG, "message.send", json_pack("{s:s,s:s}", "case_id", d->id, "text", "请补充血糖结果"), NULL);
        reply_clear(&reply);
    }
    return NULL;
}

static void *write_calmly(void *arg)
{
    struct desk *d = arg;
    while (!stop) {
        nanosleep(&(struct timespec){.tv_nsec = 50000000 + rand_r(&d->seed) % 100000000}, NULL);
        struct reply reply = measured(d, ZHANG, "message.send", json_pack("{s:s,s:s}", "case_id", d->id, "text", "请补充血糖结果"), NULL);
        reply_clear(&reply);
    }
    return NULL;
}

static void signed_in(void *ctx, struct reply *reply)
{
    (void)ctx;
    if (reply->error) {
        fprintf(stderr, "session.login: %s %s\n", err_wire(reply->error), reply->fault.reason);
        exit(1);
    }
    reply_clear(reply);
    if (++n_signed_in == n_people)
        signed_in_us = clock_monotonic_us();
}

static void *sign_everybody_in(void *arg)
{
    struct desk *desks = arg;
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    int64_t start = clock_monotonic_us();
    for (int i = 0; i < n_people; i++) {
        json_t *args = json_pack("{s:o,s:s}", "login", json_sprintf("p%llu", (unsigned long long)desks[i].applicant), "password", PASSWORD);
        struct call call = {.op = "session.login", .args = args, .client_address = "192.0.2.7", .user_agent = "bench"};
        if (records_submit(shared.r, &call, signed_in, NULL))
            exit(1);
        json_decref(args);
    }
    while (n_signed_in < n_people)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    printf("{\"part\":\"sign-ins\",\"calls\":%d,\"all_ms\":%.0f}\n", n_people, (double)(signed_in_us - start) / 1e3);
    stop = true;
    return NULL;
}

static void all(struct desk *desks, void *(*run)(void *), int seconds)
{
    stop = false;
    for (int i = 0; i < n_people; i++)
        pthread_create(&desks[i].thread, NULL, run, &desks[i]);
    if (seconds > 0)
        nanosleep(&(struct timespec){.tv_sec = seconds}, NULL);
    if (seconds >= 0)
        stop = true;
    for (int i = 0; i < n_people; i++)
        pthread_join(desks[i].thread, NULL);
}

/* Every desk has an applicant and an expert of its own; head and dispatcher are the two houses' one. */
static void seat(struct desk *d, unsigned n)
{
    struct tx *tx;
    d->seed = n + 1;
    d->patient = world_patient(&shared, "zhang");
    for (int k = 0; k < N_ROLES; k++) {
        struct somebody s = *who(role_names[k]);
        if (k == ZHANG || k == QIAN) {
            s.id += 1000 * (n + 1);
            if (tx_begin(records_store(shared.r), TX_WRITE, &tx))
                abort();
            world_seed_person(tx, &s);
            tx_exec(tx, "UPDATE person SET password=$2 WHERE id=$1", "it", (int64_t)s.id, password_hash);
            if (tx_commit(tx))
                abort();
        }
        if (k == QIAN)
            d->expert = s.id;
        if (k == ZHANG)
            d->applicant = s.id;
        door_sign_in(&shared, &s, shared.now_ms, &d->sessions[k]);
    }
}

static void conditions(void)
{
    char load[64] = "";
    FILE *f = fopen("/proc/loadavg", "r");
    if (f && fgets(load, sizeof load, f))
        load[strcspn(load, "\n")] = 0;
    if (f)
        fclose(f);
    printf("{\"bench\":\"records_door\",\"people\":%d,\"cases_each\":%d,\"think_ms\":%d,\"readers\":2,\"cores\":%ld,\"load\":\"%s\",\"folder\":\"%s\"}\n",
           n_people, n_cases, think_ms, sysconf(_SC_NPROCESSORS_ONLN), load, shared.dir);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        n_people = atoi(argv[1]);
    if (argc > 2)
        n_cases = atoi(argv[2]);
    if (argc > 3)
        think_ms = atoi(argv[3]);
    delays_max = (size_t)n_people * (size_t)n_cases * 13 + 2000000;
    delays = calloc(delays_max, sizeof *delays);
    struct desk *desks = calloc((size_t)n_people, sizeof *desks);
    if (crypto_password_hash(PASSWORD, password_hash))
        return 1;
    world_open_pool(&shared, 2);
    conditions();
    for (int i = 0; i < n_people; i++)
        seat(&desks[i], (unsigned)i);
    struct part p = begin();
    all(desks, work, 0);
    end("workflow", p);
    p = begin();
    all(desks, read_on, READ_SECONDS);
    end("reads", p);
    p = begin();
    all(desks, write_on, READ_SECONDS);
    end("writes", p);
    pthread_t crowd;
    p = begin();
    pthread_create(&crowd, NULL, sign_everybody_in, desks);
    all(desks, write_calmly, -1);
    pthread_join(crowd, NULL);
    end("writes beside sign-ins", p);
    world_close(&shared);
    free(desks);
    free(delays);
    return 0;
}
