/* study_uid - the study that a DICOM file says it is part of: Study Instance UID (0020,000D), PS3.3 C.7.2.1. Read from the head of the file alone, of the three uncompressed encodings of the
 * data set (PS3.5 A); nested sequences are passed over. Pure; any thread.
 */
#ifndef YL_RECORDS_DOCUMENT_STUDY_UID_H
#define YL_RECORDS_DOCUMENT_STUDY_UID_H

#include <stdbool.h>
#include <stddef.h>

#define STUDY_UID_BYTES 65 /* PS3.5 9: 64 characters at most */

bool study_uid_of(const void *head, size_t len, char out[STUDY_UID_BYTES]);
#endif
