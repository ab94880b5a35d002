/* detect - what a file is, by its first bytes only. Pure; any thread. The type a sender declares is never believed: it decides
 * nothing but the wording of a warning.
 *
 * "safe" types may be shown in the page; everything else is sent as application/octet-stream with Content-Disposition:
 * attachment, so that no uploaded HTML, SVG or script ever runs under our origin.
 */
#ifndef YL_RECORDS_DOCUMENT_DETECT_H
#define YL_RECORDS_DOCUMENT_DETECT_H

#include <stdbool.h>
#include <stddef.h>

#define DETECT_HEAD_BYTES 65536 /* how much of the head is worth giving */

struct file_type {
    const char *name;         /* "jpeg" */
    const char *content_type; /* served under this type */
    const char *kind;         /* image|pdf|dicom|ecg|video|audio|other: the document's kind */
    const char *extension;    /* without the dot, for the saved name */
    bool safe;                /* may be shown inside the page */
    bool picture;             /* the thumbnailer reads it */
};

/* Never NULL: the last row is "unknown". `size` is the whole file's length. */
const struct file_type *file_type_detect(const void *head, size_t len, unsigned long long size);
/* By name as stored; the "unknown" row when there is none. */
const struct file_type *file_type_find(const char *name);
#endif
