/* xhtml - the narrative of a resource (FHIR R4 2.5 narrative.html): well-formed, one <div>, only the elements and attributes of basic HTML
 * (txt-1). Inside records/r4 only. Pure.
 */
#ifndef YL_RECORDS_R4_XHTML_H
#define YL_RECORDS_R4_XHTML_H

#include <stdbool.h>
#include <stddef.h>

/* NULL: fine; else why not (static). */
const char *r4_xhtml_wrong(const char *text, size_t n);
/* txt-2, of a well-formed one: text or an image. Three of the published examples have none, so it is not part of being right. */
bool r4_xhtml_has_content(const char *text, size_t n);
#endif
