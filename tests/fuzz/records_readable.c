/* Markup of other systems, as a person reads it: whatever comes, text leaves. */
#include "records/document/readable.h"
#include "records/term/fold.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct readable_wrapped inner;
    size_t n;
    bool cut;
    char *markup = malloc(size + 1);
    memcpy(markup, data, size);
    char *text = readable_text(markup, size, &n, &cut);
    if (!text || n >= READABLE_MAX || strlen(text) != n)
        abort();
    for (const char *p = text, *end = text + n; p < end;) {
        uint32_t c = utf8_next(&p, end);
        if (c < 0x20 && c != '\n' && c != '\t')
            abort();
    }
    if (readable_wraps(markup, size, &inner) && (inner.data < markup || inner.data + inner.len > markup + size))
        abort();
    free(text);
    free(markup);
    return 0;
}
