#include "server/base/log.h"
#include <stdarg.h>
#include <stdatomic.h>
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
    line[n++] = '\n';
    (void)!write(STDERR_FILENO, line, (size_t)n);
}
