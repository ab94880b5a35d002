/* Bench: transitions a second and their delay, with durable commits, at 50 people working at once.
 *
 *   bench_records_workflow [people] [cases each] [think ms]     (default 50 4 500)
 *
 * Everybody takes his cases from the draft to the close (13 acts a case), pausing `think` ms between acts (0
 * = as fast as it goes). Bar: p99 <= 20 ms at 50 people. Prints one JSON line.
 */
#include "tests/story/world.h"
#include "server/base/clock.h"
#include <pthread.h>
#include <time.h>

static struct world shared;
static int n_people = 50, n_cases = 4, think_ms = 500;
static int64_t *delays;
static size_t n_delays;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t patients[16];

static json_t *act(struct world *w, const char *name, const char *op, json_t *args, const char *case_id,
                   int64_t *version)
{
    static _Thread_local unsigned seed;
    seed = seed ? seed
                : (unsigned)(uintptr_t)&seed >>
                      6; /* people do not click in step: half to one and a half of `think` */
    int64_t nap_us = think_ms ? think_ms * 500 + rand_r(&seed) % (think_ms * 1000) : 0;
    struct timespec nap = {.tv_sec = nap_us / 1000000, .tv_nsec = nap_us % 1000000 * 1000};
    if (case_id) {
        json_object_set_new(args, "case_id", json_string(case_id));
        json_object_set_new(args, "version", json_integer(*version));
    }
    if (think_ms)
        nanosleep(&nap, NULL);
    int64_t start = clock_monotonic_us();
    json_t *c = world_call(w, name, op, args);
    int64_t took = clock_monotonic_us() - start;
    pthread_mutex_lock(&lock);
    delays[n_delays++] = took;
    pthread_mutex_unlock(&lock);
    if (!c) {
        fprintf(stderr, "%s by %s: %s %s %s\n", op, name, err_wire(w->fault.code), w->fault.reason,
                w->fault.text);
        exit(1);
    }
    *version = json_integer_value(json_object_get(c, "version"));
    return c;
}

static void one_case(struct world *w, uint64_t patient)
{
    char id[ID_TEXT_BYTES], hex[ID_TEXT_BYTES], county[ID_TEXT_BYTES], neuro[ID_TEXT_BYTES],
        qian[ID_TEXT_BYTES];
    int64_t v = 0;
    id_format(patient, hex);
    id_format(20, county);
    id_format(21, neuro);
    id_format(who("qian")->id, qian);
    json_t *c = act(w, "zhang", "case.create",
                    json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "patient_id", hex, "kind", "offline", "scope",
                              "clinical", "urgency", "routine", "target_org_id", county, "form", full_form()),
                    NULL, &v);
    snprintf(id, sizeof id, "%s", json_string_value(json_object_get(c, "id")));
    json_decref(c);
    json_decref(act(w, "zhang", "case.submit", json_object(), id, &v));
    json_decref(act(w, "li", "case.approve_home", json_object(), id, &v));
    json_decref(act(w, "chen", "case.triage", json_pack("{s:s}", "dept_id", neuro), id, &v));
    json_decref(act(w, "chen", "case.assign", json_pack("{s:s}", "expert_id", qian), id, &v));
    json_decref(act(w, "qian", "case.accept", json_object(), id, &v));
    json_decref(act(w, "qian", "case.begin_review", json_object(), id, &v));
    json_decref(act(w, "qian", "case.save_opinion", json_pack("{s:o}", "body", full_opinion()), id, &v));
    json_decref(act(w, "qian", "case.sign_opinion", json_pack("{s:o}", "body", full_opinion()), id, &v));
    json_decref(
        act(w, "zhang", "case.acknowledge",
            world_json("{\"items\":[{\"n\":1,\"decision\":\"adopted\"},{\"n\":2,\"decision\":\"adopted\"}],"
                       "\"handling\":\"已执行\"}"),
            id, &v));
    json_decref(act(w, "zhang", "case.evaluate",
                    world_json("{\"scores\":{\"timely\":5,\"helpful\":5,\"attitude\":5,\"system\":4}}"), id,
                    &v));
    json_decref(
        act(w, "qian", "case.evaluate",
            world_json("{\"scores\":{\"complete\":4,\"question\":5,\"cooperation\":5,\"necessity\":5}}"), id,
            &v));
    json_decref(act(w, "zhang", "case.close", json_object(), id, &v));
}

static void *person(void *arg)
{
    struct world *w = malloc(sizeof *w);
    *w = shared;
    for (int i = 0; i < n_cases; i++)
        one_case(w, patients[(uintptr_t)arg % 16]);
    free(w);
    return arg;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        n_people = atoi(argv[1]);
    if (argc > 2)
        n_cases = atoi(argv[2]);
    if (argc > 3)
        think_ms = atoi(argv[3]);
    pthread_t *threads = calloc((size_t)n_people, sizeof *threads);
    delays = calloc((size_t)n_people * (size_t)n_cases * 13, sizeof *delays);
    world_open(&shared);
    for (int i = 0; i < 16; i++)
        patients[i] = world_patient(&shared, "zhang");
    int64_t start = clock_monotonic_us();
    for (int i = 0; i < n_people; i++)
        pthread_create(&threads[i], NULL, person, (void *)(uintptr_t)i);
    for (int i = 0; i < n_people; i++)
        pthread_join(threads[i], NULL);
    double seconds = (double)(clock_monotonic_us() - start) / 1e6;
    qsort(delays, n_delays, sizeof *delays, by_size);
    printf("{\"bench\":\"workflow\",\"people\":%d,\"think_ms\":%d,\"transitions\":%zu,\"per_second\":%.0f,"
           "\"p50_ms\":%.2f,\"p95_ms\":%.2f,"
           "\"p99_ms\":%.2f,\"max_ms\":%.2f}\n",
           n_people, think_ms, n_delays, (double)n_delays / seconds, (double)delays[n_delays / 2] / 1e3,
           (double)delays[n_delays * 95 / 100] / 1e3, (double)delays[n_delays * 99 / 100] / 1e3,
           (double)delays[n_delays - 1] / 1e3);
    world_close(&shared);
    free(delays);
    free(threads);
    return 0;
}
