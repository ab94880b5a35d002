/* readable - documents that other systems write as markup (HTML, CDA and other XML), as text that a person reads: headings, paragraphs, list items, rows of tables with a tab between
 * cells. Nothing of the markup is kept, so nothing of it can run, load or link. Of HTML scripts, styles and embedded things are left out; of a CDA (HL7 CDA R2) its title and the
 * narrative of its sections, not the coded entries beside it. What is not well-formed is read as far as it goes. Pure; any thread.
 */
#ifndef YL_RECORDS_DOCUMENT_READABLE_H
#define YL_RECORDS_DOCUMENT_READABLE_H

#include <stdbool.h>
#include <stddef.h>

#define READABLE_MAX (512u << 10) /* of the text; what is longer is cut at a character */

/* `markup`: UTF-8. malloc'd, NUL-terminated, UTF-8 without control characters but newline and tab; NULL = out of memory. *cut: there was more. */
char *readable_text(const char *markup, size_t len, size_t *out_len, bool *cut);

/* A CDA that wraps a document of another kind (nonXMLBody, base64): its type and where the base64 is in `markup`; false = it is none. */
struct readable_wrapped {
    char type[80];
    const char *data;
    size_t len;
};
bool readable_wraps(const char *markup, size_t len, struct readable_wrapped *out);
#endif
