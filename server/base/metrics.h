/* metrics - counters, gauges and histograms registered once, printed as Prometheus text. Updates are lock-free. */
#ifndef YL_SERVER_BASE_METRICS_H
#define YL_SERVER_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct metric; /* lives for the process's life */
/* name and help are static strings; labels is NULL or a static `key="value"` list. Registering twice gives the same metric. */
struct metric *metric_counter(const char *name, const char *help, const char *labels);
struct metric *metric_gauge(const char *name, const char *help, const char *labels);
struct metric *metric_histogram(const char *name, const char *help, const char *labels); /* microseconds in, seconds out */
void metric_add(struct metric *m, int64_t n);
void metric_set(struct metric *m, int64_t value);
void metric_observe_us(struct metric *m, int64_t us);
int64_t metric_value(const struct metric *m); /* of a histogram the sum of what was observed */
/* Prometheus text format 0.0.4; malloc'd, caller frees; NULL when out of memory. */
char *metrics_print(void);
#endif
