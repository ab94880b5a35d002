#include "server/base/fault.h"
#include "server/base/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void fault_clear(struct fault *f)
{
    f->code = 0;
    f->reason[0] = f->text[0] = 0;
    f->n_fields = 0; /* what stands behind them is nobody's: 6 kB are not cleared for each request */
}

int fault_set(struct fault *f, int code, const char *reason, const char *fmt, ...)
{
    va_list args;
    if (!f)
        return code;
    f->code = code;
    snprintf(f->reason, sizeof f->reason, "%s", reason ? reason : "");
    va_start(args, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, args);
    va_end(args);
    text_whole(f->text);
    return code;
}

int fault_field(struct fault *f, const char *path, const char *fmt, ...)
{
    va_list args;
    if (!f)
        return ERR_INVALID;
    if (!f->code)
        f->code = ERR_INVALID;
    if (f->n_fields == FAULT_FIELDS_MAX)
        return f->code;
    struct fault_field *field = &f->fields[f->n_fields++];
    snprintf(field->path, sizeof field->path, "%s", path);
    va_start(args, fmt);
    vsnprintf(field->reason, sizeof field->reason, fmt, args);
    va_end(args);
    text_whole(field->path);
    text_whole(field->reason);
    return f->code;
}
