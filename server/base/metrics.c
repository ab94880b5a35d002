#include "server/base/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Upper bounds in microseconds; +Inf is implied. */
static const int64_t bounds_us[] = {100,    250,    500,     1000,    2500,    5000,    10000,   25000,
                                    50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};
#define N_BOUNDS (sizeof(bounds_us) / sizeof(bounds_us[0]))

struct metric {
    struct metric *next;
    enum metric_kind kind;
    const char *name, *help, *labels;
    _Atomic int64_t value; /* counter, gauge; histogram: sum of microseconds */
    _Atomic int64_t buckets[N_BOUNDS + 1];
};

/* Registered once, never freed: they live as long as the process. Order of registration is kept per name when printing. */
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct metric *registry;

static int same_text(const char *a, const char *b)
{
    if (a == NULL || b == NULL) return a == b;
    return strcmp(a, b) == 0;
}

static struct metric *metric_register(enum metric_kind kind, const char *name, const char *help, const char *labels)
{
    pthread_mutex_lock(&registry_lock);
    struct metric **at = &registry, **after_name = NULL;
    for (; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->name, name) != 0) continue;
        if (same_text((*at)->labels, labels)) break;
        after_name = &(*at)->next;
    }
    struct metric *m = *at;
    if (m == NULL) {
        /* Series of one name stand together, as the text format asks. */
        if (after_name != NULL) at = after_name;
        m = calloc(1, sizeof(*m));
        if (m == NULL) abort();
        m->kind = kind;
        m->name = name;
        m->help = help;
        m->labels = labels;
        m->next = *at;
        *at = m;
    }
    pthread_mutex_unlock(&registry_lock);
    return m;
}

struct metric *metric_counter(const char *name, const char *help, const char *labels)
{
    return metric_register(METRIC_COUNTER, name, help, labels);
}

struct metric *metric_gauge(const char *name, const char *help, const char *labels)
{
    return metric_register(METRIC_GAUGE, name, help, labels);
}

struct metric *metric_histogram(const char *name, const char *help, const char *labels)
{
    return metric_register(METRIC_HISTOGRAM, name, help, labels);
}

int64_t metric_value(const struct metric *m)
{
    return atomic_load_explicit(&m->value, memory_order_relaxed);
}

void metric_add(struct metric *m, int64_t n)
{
    atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

void metric_set(struct metric *m, int64_t value)
{
    atomic_store_explicit(&m->value, value, memory_order_relaxed);
}

void metric_observe_us(struct metric *m, int64_t us)
{
    size_t i = 0;
    while (i < N_BOUNDS && us > bounds_us[i])
        i++;
    atomic_fetch_add_explicit(&m->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->value, us, memory_order_relaxed);
}

static void print_value(FILE *out, const struct metric *m)
{
    int64_t value = atomic_load_explicit(&m->value, memory_order_relaxed);
    if (m->labels != NULL)
        fprintf(out, "%s{%s} %" PRId64 "\n", m->name, m->labels, value);
    else
        fprintf(out, "%s %" PRId64 "\n", m->name, value);
}

static void print_histogram(FILE *out, const struct metric *m)
{
    const char *labels = m->labels != NULL ? m->labels : "";
    const char *comma = m->labels != NULL ? "," : "";
    int64_t total = 0;
    for (size_t i = 0; i <= N_BOUNDS; i++) {
        total += atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
        if (i < N_BOUNDS)
            fprintf(out, "%s_bucket{%s%sle=\"%g\"} %" PRId64 "\n", m->name, labels, comma, (double)bounds_us[i] / 1e6, total);
        else
            fprintf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRId64 "\n", m->name, labels, comma, total);
    }
    const char *open = m->labels != NULL ? "{" : "", *close = m->labels != NULL ? "}" : "";
    double sum = (double)atomic_load_explicit(&m->value, memory_order_relaxed) / 1e6;
    fprintf(out, "%s_sum%s%s%s %.6f\n", m->name, open, labels, close, sum);
    fprintf(out, "%s_count%s%s%s %" PRId64 "\n", m->name, open, labels, close, total);
}

char *metrics_print(void)
{
    static const char *const words[] = {"counter", "gauge", "histogram"};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL) return NULL;
    pthread_mutex_lock(&registry_lock);
    const char *last = "";
    for (const struct metric *m = registry; m != NULL; m = m->next) {
        if (strcmp(last, m->name) != 0) {
            fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, words[m->kind]);
            last = m->name;
        }
        if (m->kind == METRIC_HISTOGRAM)
            print_histogram(out, m);
        else
            print_value(out, m);
    }
    pthread_mutex_unlock(&registry_lock);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
