/* thumbnail - a small JPEG of a picture or of a PDF's first page, made by well-kept tools in a fenced child process
 * (vipsthumbnail of libvips-tools, pdftoppm of poppler-utils). Pool threads only: it waits, at most 20 s. */
#ifndef YL_RECORDS_DOCUMENT_THUMBNAIL_H
#define YL_RECORDS_DOCUMENT_THUMBNAIL_H

#include "records/document/blob.h"
#include "records/document/detect.h"

#define THUMBNAIL_INPUT_MAX ((uint64_t)200 << 20) /* larger originals get none */

/* Does this type have thumbnails at all? */
bool thumbnail_possible(const struct file_type *type, uint64_t bytes);
/* Makes one of the blob at `address` and stores it as a blob of its own. ERR_INVALID: the tool could not read the picture;
 * ERR_NOT_FOUND: the tool is not installed. */
YL_CHECKED int thumbnail_make(struct blob_store *s, const char *address, const struct file_type *type,
                              char thumbnail[BLOB_ADDRESS_BYTES]);
#endif
