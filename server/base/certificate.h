/* certificate - tells what is wrong with a certificate and its key, in words, and until when it is good. Reads files: not for the event thread. */
#ifndef YL_SERVER_BASE_CERTIFICATE_H
#define YL_SERVER_BASE_CERTIFICATE_H

#include "server/base/fault.h"
#include <stdint.h>

/* 0 when both PEM files can be read and belong together; else f->text says which is not so. One that has expired passes: browsers warn of it, and that is
 * better than a hospital without its consultations. */
YL_CHECKED int certificate_check(const char *certificate, const char *key, struct fault *f);
YL_CHECKED int certificate_ends(const char *certificate, int64_t *ends_ms); /* ms UTC; ERR_NOT_FOUND, ERR_INVALID */
#endif
