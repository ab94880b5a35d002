/* certificate - tells at start what is wrong with a certificate and its key, in words. Reads files: not for the event thread. */
#ifndef YL_SERVER_BASE_CERTIFICATE_H
#define YL_SERVER_BASE_CERTIFICATE_H

#include "server/base/fault.h"

/* 0 when both PEM files can be read, belong together and the certificate is valid now; else f->text says which is not so. */
YL_CHECKED int certificate_check(const char *certificate, const char *key, struct fault *f);
#endif
