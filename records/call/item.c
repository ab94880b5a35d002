/* The steps of one call (call.h). */
#include "records/call/call.h"
#include "records/call/kept.h"
#include "records/access/password.h"
#include "records/access/tries.h"
#include "records/audit/audit.h"
#include "records/work/policy.h"
#include "server/base/crypto.h"
#include "server/base/log.h"
#include "server/base/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOUCH_EVERY_MS 60000

static int refuse(struct item *it, int code, const char *reason, const char *text)
{
    it->reply.error = code;
    return fault_set(&it->reply.fault, code, reason, "%s", text);
}

/* ---- 1 actor ---- */

static bool known(struct item *it)
{
    for (size_t i = 0; it->known && i < it->known->n; i++)
        if (strcmp(it->known->of[i].credential, it->credential) == 0) {
            it->session = it->known->of[i].session;
            return true;
        }
    return false;
}

static void keep_known(struct item *it)
{
    struct known_sessions *k = it->known;
    if (!k || k->n == KNOWN_MAX)
        return;
    memcpy(k->of[k->n].credential, it->credential, sizeof it->credential);
    k->of[k->n++].session = it->session;
}

static int find_actor(struct item *it, struct tx *tx)
{
    if (!it->has_credential)
        return 0;
    if (strcmp(it->credential, it->r->system_credential) == 0) {
        it->session.actor = (struct actor){.system = true, .name = "system"};
        snprintf(it->session.stage, sizeof it->session.stage, "ready");
        return 0;
    }
    if (known(it))
        return 0;
    int rc = access_session_find(tx, it->r->parts.access, it->credential, it->now_ms, &it->session, &it->reply.fault);
    if (rc == 0)
        keep_known(it);
    if (rc == ERR_UNAUTHENTICATED && it->op->flags & OP_ANONYMOUS) { /* a stale cookie does not keep anybody from logging in */
        memset(&it->session, 0, sizeof it->session);
        fault_clear(&it->reply.fault);
        return 0;
    }
    return it->reply.error = rc;
}

/* ---- 2 policy ---- */

/* What a session that is not ready may do besides saying who it is and ending: the next step of signing in and nothing else - a password alone
 * does not list or end the sessions of who has a second factor, or change it - and a phone that photographs into a case, that. */
static bool in_stage(const char *stage, const char *op)
{
    static const struct {
        const char *stage, *op;
    } steps[] = {{"totp", "session.totp"}, {"password", "session.password"}, {"post", "session.post"},
                 {"capture", "upload.create"}, {"capture", "upload.status"}, {"capture", "upload.finish"}, {"capture", "upload.cancel"}};
    if (strcmp(stage, "ready") == 0 || strcmp(op, "session.logout") == 0)
        return true;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (strcmp(steps[i].stage, stage) == 0 && strcmp(steps[i].op, op) == 0)
            return true;
    return false;
}

static int check_stage(struct item *it)
{
    const char *stage = it->session.stage;
    if (in_stage(stage, it->op->name))
        return 0;
    if (strcmp(stage, "totp") == 0)
        return refuse(it, ERR_SECOND_FACTOR, "totp", "Enter the code of the second factor first.");
    if (strcmp(stage, "capture") == 0)
        return refuse(it, ERR_DENIED, stage, "A phone that photographs into a case does nothing else; sign in.");
    return refuse(it, ERR_UNAUTHENTICATED, stage, "Finish signing in first.");
}

static bool own_password(struct op_ctx *ctx, const char *password)
{
    bool same = false;
    struct query *q = tx_query(ctx->tx, "SELECT password FROM person WHERE id=$1", "i", (int64_t)ctx->actor->person.v);
    if (query_next(q) && password && query_text(q, "password"))
        same = password_matches(ctx, query_text(q, "password"), password);
    return query_end(q) == 0 && same;
}

/* Signing binds to the person: a fresh second factor, or - where the policy does not demand it - the password once more. */
static int check_second_factor(struct item *it, struct tx *tx)
{
    struct op_ctx ctx = {.records = it->r, .tx = tx, .actor = &it->session.actor, .now_ms = it->now_ms, .fault = &it->reply.fault,
                         .client_address = it->address, .device = it->device, .passwords = it->passwords};
    if (!(it->op->flags & OP_SECOND) || it->session.actor.system || it->session.actor.second_factor)
        return 0;
    if (work_policy_int(&ctx, "access.totp_for_signing")) {
        bool enrolled = tx_int(tx, 0, "SELECT totp_on FROM person WHERE id=$1", "i", (int64_t)it->session.actor.person.v);
        return enrolled ? refuse(it, ERR_SECOND_FACTOR, "totp", "Signing needs a fresh code of the second factor.")
                        : refuse(it, ERR_SECOND_FACTOR, "not_enrolled", "Signing needs the second factor: set it up in your settings first.");
    }
    if (!json_object_get(it->args, "password"))
        return refuse(it, ERR_SECOND_FACTOR, "password", "Signing needs the password once more, or the second factor.");
    uint64_t person = it->session.actor.person.v;
    int rc = tries_check(&ctx, person);
    if (rc == 0 && !own_password(&ctx, arg_text(it->args, "password"))) {
        rc = it->ahead ? 0 : tries_wrong(&ctx, person, 1); /* a session that was left open is no place to guess at a password either */
        it->counted = rc == 0 || rc == ERR_LOCKED;
        rc = rc ? rc : refuse(it, ERR_DENIED, "bad_password", "The password is not right.");
    }
    return it->reply.error = rc;
}

static int check_policy(struct item *it, struct tx *tx)
{
    const struct actor *a = &it->session.actor;
    bool known = a->system || a->session;
    if (!known)
        return it->op->flags & OP_ANONYMOUS ? 0 : refuse(it, ERR_UNAUTHENTICATED, "no_session", "Sign in first.");
    if (it->by_cookie && it->op->mode == OP_WRITE && !(it->op->flags & OP_ANONYMOUS) &&
        (strlen(it->csrf) != strlen(it->session.csrf) || !crypto_equal(it->csrf, it->session.csrf, strlen(it->csrf))))
        return refuse(it, ERR_DENIED, "csrf", "The X-CSRF-Token header is missing or old.");
    if (it->op->flags & OP_ANONYMOUS)
        return 0;
    if (it->op->flags & OP_SYSTEM && !a->system)
        return refuse(it, ERR_DENIED, "right", "Only the daemon itself does this.");
    int rc = check_stage(it);
    if (rc)
        return rc;
    if (!a->system && !access_roles_may(it->r->parts.access, a->roles, it->op->right ? it->op->right : "self"))
        return refuse(it, ERR_DENIED, "right", "Your role has no right to do this.");
    return check_second_factor(it, tx);
}

/* ---- 3 decode ---- */

static int decode(struct item *it)
{
    int rc = fields_check(it->op->args, it->args, &it->reply.fault);
    return it->reply.error = rc;
}

int item_admit(struct item *it, struct tx *tx)
{
    int rc = find_actor(it, tx);
    rc = rc ? rc : check_policy(it, tx);
    return rc ? rc : decode(it);
}

/* ---- ahead of a write ---- */

bool item_has_ahead(const struct item *it)
{
    bool password = it->op->flags & OP_SECOND && json_object_get(it->args, "password");
    return it->op->mode == OP_WRITE && (it->op->ahead || password);
}

/* Admission runs for what it will ask (a password at a signature); its verdict is thrown away, the write decides. */
void item_ahead(struct item *it)
{
    struct tx *tx;
    if (tx_begin(it->r->store, TX_READ, &tx))
        return;
    it->passwords = password_work_new();
    struct op_ctx ctx = {.records = it->r, .tx = tx, .actor = &it->session.actor, .now_ms = it->now_ms, .fault = &it->reply.fault,
                         .client_address = it->address, .device = it->device, .passwords = it->passwords};
    it->ahead = true;
    if (it->passwords && item_admit(it, tx) == 0 && it->op->ahead)
        it->op->ahead(&ctx, it->args);
    it->ahead = false;
    tx_rollback(tx);
    it->reply.error = 0;
    fault_clear(&it->reply.fault);
    memset(&it->session, 0, sizeof it->session);
    if (it->passwords)
        password_work_run(it->passwords);
}

/* ---- 2 policy, once more: what a refusal may tell ----
 * Only an operation finds out whose an object is. What it refuses because the object is not open to the actor is answered exactly like what is not
 * there, so that nobody learns from an id that there is something behind it (docs/security.md). Said openly is what speaks of the act and not of the object,
 * which the actor sees already or whose existence is no secret: these reasons and no other. */
static bool said_openly(const char *reason)
{
    static const char *const openly[] = {
        "right", "scope", "bad_password", "wrong_code", "no_post", "no_institution", /* of the actor himself */
        "own_request", "own_check", "own_roles", "own_account", "not_yourself", "other_case", "not_your_page",
        "not_your_act", "only_looking", "not_yours", "not_host", "no_seat", "alarm_taken", "masked", "licence_not_valid", "case_room", /* he sees it */
        "emergency_only", /* a doctor of the two houses of a case, who may open it with a reason */
        "other_institution"}; /* institutions, their rooms and their experts are known to all, and what is readable is only not his to change */
    for (size_t i = 0; i < sizeof openly / sizeof *openly; i++)
        if (strcmp(openly[i], reason) == 0)
            return true;
    return false;
}

/* "no_..": of what he sees there is no such part; a printed code is its own proof. */
static bool lacks_a_part(const char *reason)
{
    return strncmp(reason, "no_", 3) == 0 || strcmp(reason, "code") == 0;
}

static void conceal(struct item *it)
{
    struct reply *r = &it->reply;
    bool hidden = r->error == ERR_DENIED && !said_openly(r->fault.reason);
    if (it->session.actor.system || (!hidden && (r->error != ERR_NOT_FOUND || lacks_a_part(r->fault.reason))))
        return;
    if (hidden)
        TEXT_COPY(it->hidden, r->fault.reason);
    fault_clear(&r->fault);
    r->error = fault_set(&r->fault, ERR_NOT_FOUND, "", "There is nothing of this id, or it is not open to you.");
}

/* ---- 5 run ---- */

static int run(struct item *it, struct tx *tx, bool *keep)
{
    struct op_ctx ctx = {.records = it->r,
                         .tx = tx,
                         .actor = &it->session.actor,
                         .now_ms = it->now_ms,
                         .fault = &it->reply.fault,
                         .client_address = it->address,
                         .user_agent = it->agent,
                         .device = it->device,
                         .passwords = it->passwords,
                         .shown = &it->shown,
                         .set_session = it->reply.set_session,
                         .set_device = it->reply.set_device};
    int rc = it->op->run(&ctx, it->args, &it->reply.result);
    if (rc == 0)
        rc = tx_check(tx);
    it->patient = ctx.audit.patient;
    it->object = ctx.audit.object;
    it->on_behalf = ctx.audit.person;
    it->behalf_org = ctx.audit.org;
    snprintf(it->detail, sizeof it->detail, "%s", ctx.audit.detail);
    it->n_also = ctx.audit.n_also;
    memcpy(it->also, ctx.audit.also, it->n_also * sizeof *it->also);
    *keep = rc == 0 || (ctx.commit_anyway && tx_error(tx) == 0);
    it->reply.error = rc;
    if (rc && !it->reply.fault.code)
        fault_set(&it->reply.fault, rc, it->reply.fault.reason, "%s", it->reply.fault.text);
    if (rc) {
        json_decref(it->reply.result);
        it->reply.result = NULL;
        conceal(it);
    }
    return rc;
}

/* ---- 6 audit ---- */

/* The audit tells a refusal as what it was. */
static int true_error(const struct item *it)
{
    return it->hidden[0] ? ERR_DENIED : it->reply.error;
}

static bool worth_a_line(const struct item *it)
{
    switch (true_error(it)) {
    case 0:
        return it->op->flags & OP_QUIET ? it->object != 0 : it->op->mode == OP_WRITE || it->op->flags & OP_PHI;
    case ERR_DENIED:
    case ERR_SECOND_FACTOR:
    case ERR_LOCKED:
        return true;
    case ERR_UNAUTHENTICATED: /* a wrong password or ticket, not every visitor without a session */
        return it->op->flags & OP_ANONYMOUS && it->op->mode == OP_WRITE;
    default:
        return false;
    }
}

/* Whom the answer showed, as the next line of `run` tells it: but those who have a line of their own. */
static int keep_shown(struct item *it, struct audit_run *run, char hash[AUDIT_HASH_BYTES])
{
    uint64_t told[OP_ALSO_MAX + 1] = {it->patient};
    hash[0] = 0;
    for (size_t i = 0; i < it->n_also; i++)
        told[i + 1] = it->also[i].patient;
    return it->reply.error ? 0 : audit_keep_shown(run, it->now_ms, &it->session.actor, &it->shown, told, it->n_also + 1, hash);
}

static void add_lines(struct item *it, struct audit_run *run, const char *shown)
{
    const struct actor *a = &it->session.actor;
    struct audit_line line = {.op = it->op->name,
                              .outcome = it->reply.error ? err_wire(true_error(it)) : "ok",
                              .person = a->system ? it->on_behalf : a->person.v,
                              .org = a->system ? it->behalf_org : a->org.v,
                              .session = a->session,
                              .patient = it->patient,
                              .object = it->object,
                              .address = it->address,
                              .detail = it->hidden[0] ? it->hidden : it->reply.error ? it->reply.fault.reason : it->detail,
                              .shown = shown};
    audit_add(run, it->now_ms, &line);
    line.shown = NULL;
    for (size_t i = 0; i < it->n_also && !it->reply.error; i++) {
        char with[80];
        snprintf(with, sizeof with, "basis=%s with=%016" PRIx64, it->also[i].basis, it->patient);
        line.patient = it->also[i].patient;
        line.detail = with;
        audit_add(run, it->now_ms, &line);
    }
}

static bool showed(const struct item *it)
{
    return it->shown.n && !it->reply.error;
}

/* What is worth no line has one all the same when it showed somebody anew: the rows hang on it. */
static int write_lines(struct item *it, struct tx *tx)
{
    struct audit_run run;
    char shown[AUDIT_HASH_BYTES];
    if (!worth_a_line(it) && !showed(it))
        return 0;
    audit_begin(&run, tx, it->r->parts.audit_key);
    int rc = keep_shown(it, &run, shown);
    if (rc == 0 && (shown[0] || worth_a_line(it)))
        add_lines(it, &run, shown);
    return rc ? rc : audit_end(&run);
}

static bool to_touch(const struct item *it)
{
    return it->session.actor.session && !(it->op->flags & OP_NO_IDLE) && it->now_ms - it->session.seen_ms > TOUCH_EVERY_MS;
}

bool item_to_note(const struct item *it)
{
    return worth_a_line(it) || to_touch(it) || showed(it);
}

static int note(struct item *it, struct tx *tx)
{
    int rc = write_lines(it, tx);
    return rc == 0 && to_touch(it) ? access_session_touch(tx, it->session.actor.session, it->now_ms) : rc;
}

/* ---- answers kept for repeated requests (kept.h) ---- */

static int run_once(struct item *it, struct tx *tx, bool *keep)
{
    char hash[65];
    bool found = false;
    *keep = false;
    if (!it->key[0] || !it->session.actor.person.v)
        return run(it, tx, keep);
    int rc = kept_args_hash(it, hash);
    rc = rc ? rc : kept_find(it, tx, hash, &found);
    if (rc || found) {
        it->reply.error = rc;
        conceal(it);
        return it->reply.error;
    }
    rc = run(it, tx, keep);
    return rc ? rc : (it->reply.error = kept_add(it, tx, hash));
}

int item_write(struct item *it, struct tx *tx)
{
    bool keep = false;
    if (it->bookkeeping)
        return note(it, tx);
    int rc = tx_savepoint(tx);
    if (rc)
        return rc;
    if (item_admit(it, tx) == 0)
        run_once(it, tx, &keep);
    keep = keep || it->counted;
    if (it->reply.error == ERR_STORAGE || it->reply.error == ERR_INTERNAL)
        log_warn("records", "%s failed: %s %s", it->op->name, err_wire(it->reply.error), it->reply.fault.reason);
    rc = keep ? tx_savepoint_release(tx) : tx_savepoint_rollback(tx);
    return rc ? rc : note(it, tx);
}

void item_read(struct item *it, struct tx **tx)
{
    bool keep;
    int rc = *tx ? 0 : tx_begin(it->r->store, TX_READ, tx);
    if (rc) {
        it->reply.error = fault_set(&it->reply.fault, rc, "", "The database cannot be read.");
        return;
    }
    if (item_admit(it, *tx) == 0)
        run(it, *tx, &keep);
    if (!tx_error(*tx))
        return;
    tx_rollback(*tx);
    *tx = NULL;
    if (it->known)
        it->known->n = 0;
}
