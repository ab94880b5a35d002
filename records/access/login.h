/* login - what other folders need of signing in. */
#ifndef YL_RECORDS_ACCESS_LOGIN_H
#define YL_RECORDS_ACCESS_LOGIN_H

#include "records/document/capture.h" /* qr_svg */
#include "records/ops/op.h"

/* The posts of a person as the pages show them; new reference. */
json_t *login_posts(struct tx *tx, uint64_t person);
/* At least 10 characters of three kinds. */
int login_password_check(struct fault *f, const char *path, const char *password);
#endif
