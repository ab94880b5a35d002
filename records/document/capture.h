/* capture - paper and lesions photographed with a phone straight into a case: a QR code holds a one-case token, the phone trades it
 * for a session that may upload photos into this case for 20 minutes and nothing else. functions.md 36, 4.1. */
#ifndef YL_RECORDS_DOCUMENT_CAPTURE_H
#define YL_RECORDS_DOCUMENT_CAPTURE_H

#include "records/ops/op.h"

extern const struct op capture_ops[]; /* case.capture, capture.open */

/* The case a capture session is bound to; .v 0 = an ordinary session. ERR_GONE when its time is over. */
YL_CHECKED int capture_case(struct op_ctx *ctx, struct case_id *out);
/* A QR code as an SVG of its own, about 3 kB; malloc'd, NULL when the text is too long. */
char *qr_svg(const char *text);
#endif
