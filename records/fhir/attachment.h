/* attachment - what hangs on a resource of the store: DocumentReference.content, DiagnosticReport.presentedForm (http://hl7.org/fhir/R4/datatypes.html#Attachment), in the resource or
 * in a Binary of ours. Whether the reader may see the resource was decided. Inside operations.
 */
#ifndef YL_RECORDS_FHIR_ATTACHMENT_H
#define YL_RECORDS_FHIR_ATTACHMENT_H

#include "records/ops/op.h"

#define ATTACHMENT_MAX (8u << 20)      /* bytes of one that is opened */
#define ATTACHMENT_TEXT_MAX (2u << 20) /* of one that is read as text */
#define ATTACHMENT_ID_BYTES 48

/* The attachment of this id, as the timeline names it (`attachments`): {type: "text" "pdf" "image" "file", content_type, bytes, text (of "text"), data (base64, of the others), cut}.
 * What it is, its first bytes say; markup is told as text (records/document/readable.h). `clearance`: a Binary may be labelled restricted. ERR_NOT_FOUND; ERR_TOO_LARGE; ERR_DENIED;
 * ERR_GONE "elsewhere": its bytes are not here. *rid: of the resource, for the audit. */
YL_CHECKED int fhir_attachment(struct op_ctx *ctx, const char *id, int clearance, uint64_t *rid, json_t **out);
#endif
