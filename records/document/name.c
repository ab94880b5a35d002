/* File names as people send them. Pure. */
#include "records/document/document_row.h"
#include "records/term/fold.h"
#include <string.h>

void document_name_clean(const char *name, char out[256])
{
    const char *p = name ? name : "", *end = p + strlen(p);
    size_t n = 0, characters = 0;
    while (p < end && characters < 120 && n < 250) {
        uint32_t c = utf8_next(&p, end);
        bool control = c < 0x20 || c == 0x7F || c == 0xFFFD || (c >= 0x80 && c < 0xA0);
        bool direction = (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069); /* txt.exe written backwards */
        if (c == '/' || c == '\\') {
            n = characters = 0; /* only what follows the last folder */
            continue;
        }
        if (control || direction || (c < 0x80 && strchr("<>:\"|?*", (int)c)) || (n == 0 && (c == '.' || c == ' ')))
            continue;
        n += utf8_put(c, out + n);
        characters++;
    }
    out[n] = 0;
    if (n == 0)
        strcpy(out, "file");
}
