/* option - the configuration file: `name = value` lines, `#` comments, every name in one typed table.
 *
 * `yiliand --check-config` prints what option_load reports: file, line, name, reason.
 */
#ifndef YL_SERVER_BASE_OPTION_H
#define YL_SERVER_BASE_OPTION_H

#include "server/base/fault.h"
#include <stdbool.h>
#include <stdint.h>

enum option_type { OPTION_TEXT, OPTION_PATH, OPTION_INT, OPTION_BOOL, OPTION_DURATION_MS, OPTION_BYTES, OPTION_LIST };

struct option {
    const char *name; /* "listen.port" */
    enum option_type type;
    const char *fallback; /* as written in a file; NULL = required */
    int64_t min, max;     /* for numbers, durations and sizes, in base units */
    const char *help;
};

struct options;
/* The daemon's table (server/base/option_table.c), ended by a NULL name. */
extern const struct option option_table[];

/* Reads and checks the whole file. On error every fault is in f->fields with path "FILE:LINE name". Relative OPTION_PATH
 * values are taken from the configuration file's folder. */
YL_CHECKED int options_load(struct options **out, const char *path, struct fault *f);
void options_free(struct options *o);
/* Getters abort on a name that is not in the table or has another type: a programmer's error. */
const char *options_text(const struct options *o, const char *name); /* also OPTION_PATH; "" when empty */
int64_t options_int(const struct options *o, const char *name);      /* also durations (ms) and sizes (bytes) */
bool options_bool(const struct options *o, const char *name);
#endif
