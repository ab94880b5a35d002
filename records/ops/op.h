/* op - one row per thing the system can do. Each domain file exports its rows; records/ops/ops.c lists the arrays.
 *
 * The row is the contract: name, mode, right, argument schema, function. From these tables come the API's validation, the
 * OpenAPI document (with server/api/routes.c) and docs/protocol; nothing about an operation is written twice.
 */
#ifndef YL_RECORDS_OPS_OP_H
#define YL_RECORDS_OPS_OP_H

#include "records/store/store.h"
#include "server/base/fault.h"
#include "server/base/id.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- argument schema: checked before the op runs, printed as JSON Schema ---- */
enum field_type {
    FIELD_TEXT, FIELD_INT, FIELD_NUMBER, FIELD_BOOL, FIELD_ID /* 16 hex */, FIELD_TIME /* ms UTC integer */, FIELD_DATE /* "YYYY-MM-DD" */,
    FIELD_ENUM, FIELD_OBJECT, FIELD_ARRAY, FIELD_ANY
};
struct field {
    const char *name;
    enum field_type type;
    bool required;
    int64_t min, max;          /* text: characters; numbers: value; arrays: items. 0,0 = the default limit (text 4000, array 200) */
    const char *choices;       /* FIELD_ENUM: "a|b|c" */
    const struct field *of;    /* FIELD_OBJECT: members; FIELD_ARRAY: one element described by of[0] (its name is ignored) */
    const char *help;          /* one English line for the OpenAPI document */
};
/* Arrays of fields end with {0}. Unknown members are refused ("unknown"). */

enum op_mode { OP_READ, OP_WRITE };
enum op_flags {
    OP_ANONYMOUS = 1,  /* may run without a session */
    OP_PHI = 2,        /* touches health data: the audit line is written even for reads */
    OP_SECOND = 4,     /* needs a fresh second factor when policy says so (signing) */
    OP_NO_IDLE = 8,    /* does not count as activity (polling) */
    OP_SYSTEM = 16,    /* the daemon alone (actor.system); has no URL */
    OP_QUIET = 32,     /* a write that keeps a log of its own: an audit line only when it named an object */
    OP_QUICK = 64      /* a read from memory that takes microseconds: several share a reader's turn (records/call/turn.h) */
};

struct actor { /* who asks, resolved once per call from the credential */
    struct person_id person; /* .v 0 = anonymous or a machine token */
    struct org_id org;       /* acting institution chosen at login */
    struct org_id dept;
    uint64_t session;
    char name[64];
    uint64_t roles;          /* bit set over the role table (records/access/role.h) */
    bool second_factor;      /* TOTP verified in this session */
    bool system;             /* the daemon itself: deadlines, sealing of recordings */
};

#define OP_ALSO_MAX 64
struct op_shown { /* patients whose names an answer shows; grows */
    uint64_t *ids;
    size_t n, cap;
};
struct records;
struct password_work;
struct op_ctx {
    struct records *records;
    struct tx *tx;
    const struct actor *actor;
    int64_t now_ms;
    struct fault *fault;
    const char *client_address, *user_agent;
    const char *device; /* the word of the browser (records/access/tries.h); NULL or "" = none */
    /* audit: filled by the op, written by the call in the same transaction */
    struct {
        uint64_t patient, object;
        uint64_t person, org; /* a system operation on somebody's behalf (a ticket is shown): the line is his, at his post there */
        char detail[160]; /* ids and codes only */
        struct op_also { /* further records the answer is about: each has a line of its own, "basis=WORD with=PATIENT" */
            uint64_t patient;
            const char *basis; /* a constant */
        } also[OP_ALSO_MAX];
        size_t n_also;
    } audit;
    struct op_shown *shown; /* filled by audit_shown (records/audit/audit.h); NULL = nobody is shown anything */
    char *set_session; /* reply->set_session, for session ops */
    char *set_device;  /* reply->set_device; NULL = whoever asks keeps no such word */
    struct password_work *passwords; /* hashed ahead (records/access/password.h); NULL = nothing was */
    bool commit_anyway; /* set by an operation that fails but must leave a trace: a counted wrong password */
};

/* 0 and *result (new reference, may stay NULL for "nothing to say"), or an error with ctx->fault filled. */
typedef int (*op_fn)(struct op_ctx *ctx, json_t *args, json_t **result);
/* Runs before the write, in a read transaction on another thread, and names the slow work the operation will want
 * (records/access/password.h). Changes nothing, refuses nothing: the operation itself decides. */
typedef void (*op_ahead_fn)(struct op_ctx *ctx, const json_t *args);

struct op {
    const char *name;   /* "case.submit" */
    enum op_mode mode;
    unsigned flags;
    const char *right;  /* "case.create" in the role table (config/roles.json); NULL with OP_ANONYMOUS, "self" = any signed-in person */
    const struct field *args;
    op_fn run;
    const char *summary; /* one English line */
    op_ahead_fn ahead;   /* NULL = nothing slow */
};

/* All rows; NULL-terminated list of arrays, each ended by a NULL name. */
extern const struct op *const op_tables[];
const struct op *op_find(const char *name);

/* Checks args against fields; every wrong field goes into f with its path. */
YL_CHECKED int fields_check(const struct field *fields, const json_t *args, struct fault *f);
/* The JSON Schema (draft 2020-12) of a field array; new reference. */
json_t *fields_schema(const struct field *fields);

/* args helpers (after fields_check): */
const char *arg_text(const json_t *args, const char *name);              /* NULL when absent */
int64_t arg_int(const json_t *args, const char *name, int64_t fallback);
uint64_t arg_id(const json_t *args, const char *name);                   /* 0 when absent */
/* Of one more than `max` rows that were asked for: takes the last away again, and says so. A list that is cut tells it ("truncated"). */
bool json_cut(json_t *items, size_t max);
json_t *json_id(uint64_t id);                                            /* hex string, or JSON null for 0 */
#endif
