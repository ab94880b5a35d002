#include "server/base/log.h"
#include "server/base/clock.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static _Atomic int shown = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    shown = (int)level;
}

/* ---- the same again and again: a full disk says it with every commit, and the log lies on a disk too ---- */

#define KNOWN 16
#define LET_THROUGH 5 /* of one text in a span */
#define SPAN_MS 10000
static struct known {
    uint64_t hash;
    int64_t since_ms;
    unsigned n;
} known[KNOWN];
static pthread_mutex_t knowing = PTHREAD_MUTEX_INITIALIZER;

static uint64_t hash_of(const char *text, int n)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (int i = 0; i < n; i++)
        h = (h ^ (uint8_t)text[i]) * 1099511628211u;
    return h;
}

/* Whether it is to be written; *left_out: how many like it were not since it was last. */
static bool let_through(const char *text, int n, unsigned *left_out)
{
    uint64_t hash = hash_of(text, n);
    int64_t now_ms = clock_monotonic_us() / 1000;
    struct known *k = known;
    pthread_mutex_lock(&knowing);
    for (int i = 0; i < KNOWN && k->hash != hash; i++)
        k = known[i].hash == hash || known[i].since_ms < k->since_ms ? &known[i] : k;
    bool over = k->hash != hash || now_ms - k->since_ms >= SPAN_MS;
    *left_out = k->hash == hash && over && k->n > LET_THROUGH ? k->n - LET_THROUGH : 0;
    if (over)
        *k = (struct known){hash, now_ms, 0};
    bool through = ++k->n <= LET_THROUGH;
    pthread_mutex_unlock(&knowing);
    return through;
}

/* One write a line, so that lines of several threads do not mix; control characters cannot forge a second line. */
void log_write(enum log_level level, const char *tag, const char *fmt, ...)
{
    static const char *const words[] = {"ERROR", "WARN", "INFO", "DEBUG"};
    char line[LINE_MAX_BYTES];
    struct timespec t;
    struct tm tm;
    va_list args;
    if ((int)level > shown)
        return;
    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    int n = snprintf(line, sizeof line, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %-5s %s: ", tm.tm_year + 1900, tm.tm_mon + 1,
                     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(t.tv_nsec / 1000000), words[level], tag);
    if (n < 0 || n >= (int)sizeof line - 2)
        return;
    int begin = n;
    va_start(args, fmt);
    int m = vsnprintf(line + n, sizeof line - 1 - (size_t)n, fmt, args);
    va_end(args);
    n += m < 0 ? 0 : m;
    if (n > (int)sizeof line - 2)
        n = (int)sizeof line - 2;
    for (int i = begin; i < n; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = ' ';
    unsigned left_out;
    if (!let_through(line + begin, n - begin, &left_out))
        return;
    if (left_out && n < (int)sizeof line - 40)
        n += snprintf(line + n, 40, " (and %u times before)", left_out);
    line[n++] = '\n';
    (void)!write(STDERR_FILENO, line, (size_t)n);
}
