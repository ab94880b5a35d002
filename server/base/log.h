/* log - one line a message on stderr: time, level, tag, text. Any thread. The same text is written five times in ten seconds at most, then counted.
 *
 * Health data never reaches a log line: domain code logs ids and codes only. `struct phi` (records) has no printable
 * conversion on purpose.
 */
#ifndef YL_SERVER_BASE_LOG_H
#define YL_SERVER_BASE_LOG_H

#include "server/base/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
void log_write(enum log_level level, const char *tag, const char *fmt, ...) YL_PRINTF(3, 4);

#define log_error(tag, ...) log_write(LOG_LEVEL_ERROR, tag, __VA_ARGS__)
#define log_warn(tag, ...) log_write(LOG_LEVEL_WARN, tag, __VA_ARGS__)
#define log_info(tag, ...) log_write(LOG_LEVEL_INFO, tag, __VA_ARGS__)
#define log_debug(tag, ...) log_write(LOG_LEVEL_DEBUG, tag, __VA_ARGS__)
#endif
