/* fault - what went wrong, told to the person or peer who caused it.
 *
 * Caller-owned, no heap. A fault never carries health data or a secret: it names fields and reasons.
 * `text` is English for machines and logs; pages translate `code` and the fields' `reason` words.
 */
#ifndef YL_SERVER_BASE_FAULT_H
#define YL_SERVER_BASE_FAULT_H

#include "server/base/err.h"
#include <stddef.h>

#define FAULT_FIELDS_MAX 32

struct fault_field {
    char path[96];   /* JSON path in the request, e.g. "form.questions[0].text", or an option name */
    char reason[96]; /* a stable word, optionally followed by ":" and a detail: "required", "too_long:200" */
};

struct fault {
    int code;       /* enum err, 0 = none */
    char reason[64]; /* stable machine word finer than the code, e.g. "slot_taken"; may be empty */
    char text[256];
    size_t n_fields;
    struct fault_field fields[FAULT_FIELDS_MAX];
};

void fault_clear(struct fault *f);
/* Sets code, reason word and text, keeps fields; returns code so that `return fault_set(...)` reads well. f may be NULL. */
int fault_set(struct fault *f, int code, const char *reason, const char *fmt, ...) YL_PRINTF(4, 5);
/* Adds a field (dropped silently past FAULT_FIELDS_MAX) and sets code to ERR_INVALID when none was set; returns f's code. */
int fault_field(struct fault *f, const char *path, const char *fmt, ...) YL_PRINTF(3, 4);
#endif
