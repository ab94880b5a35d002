/* password - hashes of passwords, which take about 50 ms each on purpose, kept off the writer's thread.
 *
 * An operation that compares or makes one has an `ahead` function (op.h). The call runs it first, in a read transaction on a thread of
 * its own, with a work list in the context: the functions below then only note what is wanted. The call ends that transaction,
 * works the list off and goes to the writer, where the same functions find the answers. They are kept by stored hash and password: if
 * the stored hash was changed in between, the answer is missing and is computed on the spot, so a stale one is never believed.
 * Counting wrong tries, locking and opening sessions stay in the write transaction.
 *
 * The list lives as long as its call; passwords are borrowed from the call's arguments. One thread at a time.
 */
#ifndef YL_RECORDS_ACCESS_PASSWORD_H
#define YL_RECORDS_ACCESS_PASSWORD_H

#include "records/ops/op.h"

#define PASSWORD_HASH_BYTES 128
#define PASSWORD_INITIAL_BYTES 20

/* Does the password fit the stored hash? Stored NULL = there is nobody of that name: false, and it takes as long. */
bool password_matches(struct op_ctx *ctx, const char *stored, const char *password);
YL_CHECKED int password_make(struct op_ctx *ctx, const char *password, char hash[PASSWORD_HASH_BYTES]);
/* A random password to be shown once, and its hash. */
YL_CHECKED int password_initial(struct op_ctx *ctx, char password[PASSWORD_INITIAL_BYTES], char hash[PASSWORD_HASH_BYTES]);

/* ---- for records/call ---- */
struct password_work;
struct password_work *password_work_new(void); /* NULL = no memory; the functions above then compute on the spot */
void password_work_run(struct password_work *w);
void password_work_free(struct password_work *w);
#endif
