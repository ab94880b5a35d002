/* The door: calls in, answers out; on the caller's thread or on the pool, writes in groups. */
#include "records/access/password.h"
#include "records/call/call.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/text.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void reply_clear(struct reply *reply)
{
    json_decref(reply->result);
    explicit_bzero(reply->set_session, sizeof reply->set_session);
    explicit_bzero(reply->set_device, sizeof reply->set_device);
    reply->result = NULL;
}

const char *records_system_credential(const struct records *r)
{
    return r->system_credential;
}

static void item_init(struct item *it, struct records *r, const struct call *call)
{
    memset(it, 0, offsetof(struct item, reply.fault.fields));
    it->r = r;
    it->op = op_find(call->op);
    it->args = call->args ? json_incref(call->args) : json_object();
    it->has_credential = call->credential != NULL;
    it->by_cookie = call->by_cookie;
    it->now_ms = clock_now_ms(r->clock);
    TEXT_COPY(it->name, call->op);
    TEXT_COPY(it->credential, call->credential);
    TEXT_COPY(it->key, call->idempotency_key);
    TEXT_COPY(it->address, call->client_address);
    TEXT_COPY(it->agent, call->user_agent);
    TEXT_COPY(it->csrf, call->csrf);
    TEXT_COPY(it->device, call->device);
}

/* Faults that need no database. */
static int item_check(struct item *it, const struct call *call)
{
    size_t n = call->idempotency_key ? strlen(call->idempotency_key) : 8;
    if (!it->op)
        return it->reply.error = fault_set(&it->reply.fault, ERR_NOT_FOUND, "no_operation", "There is no such operation.");
    if (call->credential && strlen(call->credential) >= sizeof it->credential)
        return it->reply.error = fault_set(&it->reply.fault, ERR_UNAUTHENTICATED, "no_session", "Sign in first.");
    if (n < 8 || n > 80)
        return it->reply.error = fault_field(&it->reply.fault, "Idempotency-Key", "length:8..80");
    return 0;
}

static void item_done(struct item *it)
{
    password_work_free(it->passwords); /* borrows from args */
    free(it->shown.ids);
    json_decref(it->args);
    it->args = NULL;
    if (it->done)
        it->done(it->done_ctx, &it->reply);
    explicit_bzero(it->credential, sizeof it->credential);
    free(it);
}

/* ---- groups of writes ---- */

static void lose(struct item *it, int rc)
{
    if (!it->op)
        return;
    json_decref(it->reply.result);
    it->reply.result = NULL;
    it->reply.set_session[0] = it->reply.set_device[0] = 0;
    it->reply.error = fault_set(&it->reply.fault, rc, "", "Nothing was saved: the database cannot be written now.");
}

static int write_group(struct records *r, struct item *items[], size_t n)
{
    struct tx *tx;
    int rc = tx_begin(r->store, TX_WRITE, &tx);
    if (rc)
        return rc;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = item_write(items[i], tx);
    if (rc)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    if (rc == 0)
        records_feed_tell(r);
    return rc;
}

static void write_waiting(void *ctx);

/* One job at a time stands for all that wait: with a job for each, those whose item went with an earlier group would pile up before
 * the writer until its queue is full. Under waiting_lock, so that a job cannot run before its item is there. */
static int call_writer(struct records *r)
{
    if (!r->has_writer || r->writer_called)
        return 0;
    int rc = records_writer_run(r, write_waiting, r);
    r->writer_called = rc == 0;
    return rc;
}

static size_t take_group(struct records *r, struct item *items[GROUP_MAX], bool *stay)
{
    size_t n = 0;
    pthread_mutex_lock(&r->waiting_lock);
    while (n < GROUP_MAX && r->waiting) {
        items[n++] = r->waiting;
        r->waiting = r->waiting->next;
    }
    if (!r->waiting)
        r->waiting_last = NULL;
    r->n_waiting -= n;
    r->writer_called = false;
    *stay = r->waiting && call_writer(r); /* its queue is full or closing: nobody else will come for them */
    pthread_mutex_unlock(&r->waiting_lock);
    return n;
}

static void write_waiting(void *ctx)
{
    struct records *r = ctx;
    struct item *items[GROUP_MAX];
    bool stay = true;
    while (stay) {
        size_t n = take_group(r, items, &stay);
        int rc = n ? write_group(r, items, n) : 0;
        if (rc)
            log_error("records", "a group of %zu writes was lost: %s", n, err_wire(rc));
        for (size_t i = 0; i < n; i++) {
            if (rc)
                lose(items[i], rc == ERR_STORAGE ? rc : ERR_UNAVAILABLE);
            item_done(items[i]);
        }
    }
}

static void append(struct records *r, struct item *it)
{
    it->next = NULL;
    if (r->waiting_last)
        r->waiting_last->next = it;
    else
        r->waiting = it;
    r->waiting_last = it;
    r->n_waiting++;
}

static int queue_write(struct item *it)
{
    struct records *r = it->r;
    pthread_mutex_lock(&r->waiting_lock);
    int rc = r->n_waiting >= POOL_QUEUE ? ERR_UNAVAILABLE : 0;
    rc = rc ? rc : call_writer(r);
    if (rc == 0)
        append(r, it);
    pthread_mutex_unlock(&r->waiting_lock);
    if (rc == 0 && !r->has_writer)
        write_waiting(r);
    return rc;
}

static void ahead_one(void *ctx)
{
    struct item *it = ctx;
    item_ahead(it);
    if (queue_write(it) == 0)
        return;
    lose(it, ERR_UNAVAILABLE);
    item_done(it);
}

/* ---- reads ---- */

/* The transaction has ended: a line in the audit before the answer. */
static void read_over(struct item *it)
{
    if (item_to_note(it)) {
        it->bookkeeping = true;
        if (queue_write(it) == 0)
            return;
        lose(it, ERR_UNAVAILABLE); /* what cannot be audited is not shown */
    }
    item_done(it);
}

static void read_one(void *ctx)
{
    struct tx *tx = NULL;
    item_read(ctx, &tx);
    tx_rollback(tx);
    read_over(ctx);
}

static struct item *item_of(struct turn_entry *e)
{
    return (struct item *)((char *)e - offsetof(struct item, turn));
}

void call_quick_turn(struct records *r, struct turn_entry *first)
{
    struct known_sessions known;
    struct item *all[TURN_MAX];
    struct tx *tx = NULL;
    int64_t now_ms = clock_now_ms(r->clock);
    size_t n = 0;
    known.n = 0;
    for (struct turn_entry *e = first; e; e = e->next) {
        struct item *it = all[n++] = item_of(e);
        it->known = &known;
        it->now_ms = now_ms;
        item_read(it, &tx);
        it->known = NULL;
    }
    tx_rollback(tx);
    explicit_bzero(&known, sizeof known);
    for (size_t i = 0; i < n; i++)
        read_over(all[i]);
}

int records_submit(struct records *r, const struct call *call, records_done done, void *ctx)
{
    struct item *it = malloc(sizeof *it);
    if (!it)
        return ERR_UNAVAILABLE;
    item_init(it, r, call);
    /* A copy of one's own, or the only reference: jansson reads its counts without a lock, so a value is never shared between threads. */
    bool given = call->args && call->args_given;
    json_decref(it->args);
    it->args = given ? call->args : call->args ? json_deep_copy(call->args) : json_object();
    it->done = done;
    it->done_ctx = ctx;
    int rc;
    if (item_check(it, call))
        rc = records_pool_run(r, (void (*)(void *))item_done, it);
    else if (it->op->mode == OP_READ)
        rc = r->n_readers && it->op->flags & OP_QUICK ? turn_wait(&r->quick_turn, &it->turn) : records_pool_run(r, read_one, it);
    else
        rc = item_has_ahead(it) ? records_slow_run(r, ahead_one, it) : queue_write(it);
    if (rc) {
        if (!given)
            json_decref(it->args);
        free(it);
    }
    return rc;
}

void records_call(struct records *r, const struct call *call, struct reply *reply)
{
    struct item *it = malloc(sizeof *it);
    memset(reply, 0, sizeof *reply);
    if (!it) {
        reply->error = fault_set(&reply->fault, ERR_UNAVAILABLE, "", "Out of memory.");
        return;
    }
    item_init(it, r, call);
    if (item_check(it, call) == 0) {
        if (it->op->mode == OP_READ) {
            struct tx *tx = NULL;
            item_read(it, &tx);
            tx_rollback(tx);
            it->bookkeeping = item_to_note(it);
        }
        if (item_has_ahead(it))
            item_ahead(it);
        int rc = it->op->mode == OP_WRITE || it->bookkeeping ? write_group(r, &it, 1) : 0;
        if (rc)
            lose(it, rc);
    }
    reply_move(reply, &it->reply);
    password_work_free(it->passwords);
    free(it->shown.ids);
    json_decref(it->args);
    explicit_bzero(it->credential, sizeof it->credential);
    free(it);
}

/* ---- for domain modules that are not operations (parts.h) ---- */

int records_actor(struct records *r, const char *credential, struct actor *out)
{
    struct access_session session;
    struct fault f = {0};
    struct tx *tx;
    if (!credential)
        return ERR_UNAUTHENTICATED;
    int rc = tx_begin(r->store, TX_READ, &tx);
    if (rc)
        return rc;
    rc = access_session_find(tx, r->parts.access, credential, clock_now_ms(r->clock), &session, &f);
    tx_rollback(tx);
    if (rc == 0 && strcmp(session.stage, "ready") && strcmp(session.stage, "capture")) /* the bytes of an upload, which a phone may begin */
        rc = ERR_UNAUTHENTICATED;
    if (rc == 0)
        *out = session.actor;
    return rc;
}

bool actor_may(struct records *r, const struct actor *actor, const char *right)
{
    return actor->system || access_roles_may(r->parts.access, actor->roles, right);
}
