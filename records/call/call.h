/* call - the only door to the operations. One operation passes eight named steps:
 *   1 actor     who the credential is              5 run      the operation's own function
 *   2 policy    stage, CSRF, right, second factor  6 audit    a line in the same transaction
 *   3 decode    arguments against the schema       7 outbox   what the operation appended to the change feed
 *   4 begin     a transaction or a savepoint       8 commit   durable before anybody is answered
 *
 * Writes are committed in groups: those that wait together share one transaction, each behind a savepoint, and are answered when it
 * is durable. What takes long and changes nothing - password hashes - is done before, on the slow thread (item_ahead). A read of health
 * data runs on a reader; its audit line is committed by the writer before the answer leaves.
 */
#ifndef YL_RECORDS_CALL_CALL_H
#define YL_RECORDS_CALL_CALL_H

#include "records/access/access.h"
#include "records/call/open.h"

#define GROUP_MAX 64

/* Who a credential is, as one read transaction has found out; worth nothing once it has ended. */
#define KNOWN_MAX 8
struct known_sessions {
    struct {
        char credential[200];
        struct access_session session;
    } of[KNOWN_MAX];
    size_t n;
};

struct item { /* one call on its way */
    struct turn_entry turn; /* while it waits for a reader with others */
    struct item *next;
    struct records *r;
    const struct op *op;
    json_t *args;
    char name[64], credential[200], key[84], address[64], agent[160], csrf[80], device[64];
    bool has_credential, by_cookie, bookkeeping; /* bookkeeping: only an audit line or a sign of life is to be written */
    bool ahead, counted; /* in item_ahead; a wrong password was counted, which stays although the call fails */
    int64_t now_ms; /* one time for all that share a transaction */
    struct access_session session;
    struct known_sessions *known; /* NULL: nobody else shares the transaction */
    struct password_work *passwords; /* NULL, or hashed ahead; gone with the item */
    uint64_t patient, object, on_behalf, behalf_org; /* for the audit line */
    char detail[160], hidden[64]; /* hidden: why it was refused, where the answer says that there is nothing */
    size_t n_also;
    struct op_shown shown; /* freed with the item */
    records_done done;
    void *done_ctx;
    struct reply reply; /* the fields of its fault, and what follows, are not cleared */
    struct op_also also[OP_ALSO_MAX];
};

/* Slow work of a write that needs no write transaction: password hashes. item_ahead does it, on a thread that may take its time. */
bool item_has_ahead(const struct item *it);
void item_ahead(struct item *it);
/* Steps 1 to 3, inside tx; 0 or the error, told in item->reply. */
int item_admit(struct item *it, struct tx *tx);
/* Steps 5 to 7 of a write inside the group's transaction. Errors of the operation stay in the item; the result is an error only when
 * the transaction itself is lost. */
YL_CHECKED int item_write(struct item *it, struct tx *tx);
/* Steps 1 to 5 of a read, in *tx, which is begun where it is NULL. Rolled back and NULL again when it failed. The caller ends it. */
void item_read(struct item *it, struct tx **tx);
/* Must the writer still note something about this read before the answer leaves? */
bool item_to_note(const struct item *it);
#endif
