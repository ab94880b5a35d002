#include "records/org/names.h"
#include "records/parts.h"
#include <stdio.h>

void names_pinyin(struct records *r, const char *name, char out[NAMES_PINYIN])
{
    char full[320], initials[72];
    pinyin_text(records_parts(r)->terms->pinyin, name, full, NULL, sizeof full);
    pinyin_text(records_parts(r)->terms->pinyin, name, NULL, initials, sizeof initials);
    snprintf(out, NAMES_PINYIN, "%s %s", full, initials);
}
