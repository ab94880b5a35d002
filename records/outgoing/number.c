/* From the outbox to a subscriber's numbers: what of the changes concerns him, looked up on a reader; then his marks and the new entries
 * in one short write. */
#include "records/outgoing/outgoing_private.h"
#include "server/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 200         /* rows of the outbox, or of an export, looked at in one step */
#define FOUND_MAX 2000   /* what they may become */
#define PERSONS_MAX 256  /* whom one change of the index may concern */
#define PRUNE_ROWS 1000

struct numbering {
    struct outgoing *o;
    const struct subscriber *s;
    struct tx *tx;
    struct fhir_view *view;
    struct found *list;
    size_t n;
    int64_t feed_seq, fhir_seq, stage, after;
    bool moved;
};

enum { STAGE_PATIENTS, STAGE_CASES, STAGE_DONE };

/* ---- one thing ---- */

/* An opinion is in a Task when one was signed and this subscriber may see it. */
static bool has_opinion(const struct fhir_seen *seen)
{
    return strstr(seen->body, "\"output\":[") != NULL;
}

/* A person of the index is told of also when he is gone: the others' numbers of a thing nobody can see would be numbers of nothing. */
static bool concerns(struct numbering *g, struct found *f, bool report_only)
{
    const struct fhir_thing thing = {out_type(g->o->records, f->type), f->own, f->pkey, f->rid};
    struct fhir_seen seen;
    bool meets = true;
    if (!thing.type || !fhir_view_may(g->view, thing.type))
        return false;
    if (!g->s->hook && !g->s->er7 && strcmp(f->type, "Patient") == 0)
        return true;
    if (fhir_view_read(g->view, &thing, &seen))
        return false;
    bool yes = g->s->er7 ? told_is_news(g->o->records, g->tx, g->s, &seen, f) : seen.found && (!report_only || has_opinion(&seen));
    if (yes && g->s->hook && g->s->criteria[0])
        yes = fhir_view_meets(g->view, &thing, seen.name, g->s->criteria, &meets) == 0 && meets;
    fhir_seen_clear(&seen);
    return yes;
}

/* Each once in a step: what is sent is the thing as it is then. */
static void offer(struct numbering *g, struct found *f, bool report_only)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->list[i].rid == f->rid && g->list[i].own == f->own && g->list[i].report == f->report && strcmp(g->list[i].type, f->type) == 0)
            return;
    if (g->n < FOUND_MAX && concerns(g, f, report_only))
        g->list[g->n++] = *f;
}

static void offer_own(struct numbering *g, const char *type, uint64_t id, bool report_only)
{
    struct found f = {.own = true, .rid = (int64_t)id};
    if (!id || (g->s->hook && strcmp(g->s->type, type)))
        return;
    snprintf(f.type, sizeof f.type, "%s", type);
    offer(g, &f, report_only);
}

/* How far it is and what was answered are one resource, and two messages. */
static void offer_answer(struct numbering *g, uint64_t id, int64_t kinds)
{
    struct found f = {.own = true, .rid = (int64_t)id, .report = true, .type = "Task"};
    if (!g->s->er7 && (kinds & (OUT_CONSULTATION | OUT_REPORT)))
        offer_own(g, "Task", id, !(kinds & OUT_CONSULTATION));
    if (g->s->er7 && (kinds & OUT_CONSULTATION))
        offer_own(g, "Task", id, false);
    if (g->s->er7 && (kinds & OUT_REPORT))
        offer(g, &f, true);
}

static void offer_case(struct numbering *g, uint64_t id)
{
    int64_t kinds = g->s->hook ? OUT_CONSULTATION | OUT_REPORT | OUT_APPOINTMENT : g->s->kinds;
    if (kinds & OUT_CONSULTATION)
        offer_own(g, "ServiceRequest", id, false);
    offer_answer(g, id, kinds);
    if (kinds & OUT_REPORT && !g->s->er7) /* there once signed */
        offer_own(g, "DiagnosticReport", id, false);
    if (kinds & OUT_APPOINTMENT)
        offer_own(g, "Appointment", id, false);
}

/* The person a patient's record belongs to, those it belonged to before, and those that were joined to it: they have changed too. */
static void offer_patient(struct numbering *g, uint64_t patient)
{
    uint64_t persons[PERSONS_MAX];
    size_t n = 0;
    if (!g->s->hook && !(g->s->kinds & OUT_PATIENT))
        return;
    struct query *q = tx_query(g->tx, "SELECT person_id AS id FROM mpi_member WHERE patient_id=$1 UNION SELECT from_id AS id FROM mpi_move WHERE act_id IN "
                               "(SELECT act_id FROM mpi_move WHERE patient_id=$1) UNION SELECT to_id AS id FROM mpi_move WHERE act_id IN "
                               "(SELECT act_id FROM mpi_move WHERE patient_id=$1) UNION SELECT from_id AS id FROM mpi_move WHERE act_id IN "
                               "(SELECT id FROM mpi_act WHERE patient_id=$1)", "i", (int64_t)patient);
    while (n < PERSONS_MAX && query_next(q))
        persons[n++] = (uint64_t)query_int(q, "id");
    if (query_end(q))
        return; /* the error sticks */
    uint64_t now = g->s->er7 ? (uint64_t)tx_int(g->tx, 0, "SELECT person_id FROM mpi_member WHERE patient_id=$1", "i", (int64_t)patient) : 0;
    for (size_t i = 0; i < n; i++)
        if (!g->s->hook || strcmp(g->s->type, "Patient") == 0)
            offer(g, &(struct found){.type = "Patient", .own = true, .rid = (int64_t)persons[i], .other = now}, false);
}

/* ---- changes ---- */

struct change {
    char topic[24];
    uint64_t key;
    int64_t seq, pkey, rid;
    char type[48]; /* "" = of the feed */
};

static uint64_t member_id(const char *payload, const char *name)
{
    json_t *o = json_loads(payload ? payload : "", 0, NULL);
    const char *text = json_string_value(json_object_get(o, name));
    uint64_t id = 0;
    if (!text || id_parse(text, &id))
        id = 0;
    json_decref(o);
    return id;
}

static void take_feed(struct numbering *g, struct change *list, size_t *n)
{
    struct query *q = tx_query(g->tx, "SELECT seq, topic, key, payload FROM feed WHERE seq>$1 ORDER BY seq LIMIT $2", "ii", g->feed_seq, (int64_t)ROWS);
    while (*n < 2 * ROWS && query_next(q)) {
        struct change *c = &list[*n];
        const char *key = query_text(q, "key");
        g->feed_seq = c->seq = query_int(q, "seq");
        snprintf(c->topic, sizeof c->topic, "%s", query_text(q, "topic"));
        c->key = 0;
        if (strcmp(c->topic, "message") == 0)
            c->key = member_id(query_text(q, "payload"), "message_id");
        else if (!key || id_parse(key, &c->key))
            c->key = 0;
        *n += c->key != 0;
    }
    (void)!query_end(q);
}

static void take_store(struct numbering *g, struct change *list, size_t *n)
{
    struct query *q = tx_query(g->tx, "SELECT seq, type, pkey, rid, act FROM fhir_change WHERE type=$1 AND seq>$2 ORDER BY seq LIMIT $3", "tii", g->s->type,
                               g->fhir_seq, (int64_t)ROWS);
    while (*n < 2 * ROWS && query_next(q)) {
        struct change *c = &list[*n];
        g->fhir_seq = query_int(q, "seq");
        if (query_int(q, "act") == 3) /* deleted: R4 tells of none */
            continue;
        *c = (struct change){.topic = "fhir", .seq = g->fhir_seq, .pkey = query_int(q, "pkey"), .rid = query_int(q, "rid")};
        snprintf(c->type, sizeof c->type, "%s", query_text(q, "type"));
        ++*n;
    }
    (void)!query_end(q);
}

static void weigh(struct numbering *g, const struct change *c)
{
    struct found f = {.pkey = c->pkey, .rid = c->rid};
    if (strcmp(c->topic, "case") == 0)
        offer_case(g, c->key);
    else if (strcmp(c->topic, "patient") == 0 || strcmp(c->topic, "mpi") == 0)
        offer_patient(g, c->key);
    else if (g->s->hook && strcmp(c->topic, "message") == 0)
        offer_own(g, "Communication", c->key, false);
    else if (g->s->hook && strcmp(c->topic, "slot") == 0)
        offer_own(g, "Slot", c->key, false);
    else if (strcmp(c->topic, "fhir") == 0) {
        memcpy(f.type, c->type, sizeof f.type);
        offer(g, &f, false);
    }
}

static void look_at_changes(struct numbering *g)
{
    struct change *list = calloc(2 * ROWS, sizeof *list);
    size_t n = 0;
    if (!list)
        return;
    take_feed(g, list, &n);
    if (g->s->hook)
        take_store(g, list, &n);
    for (size_t i = 0; i < n; i++) {
        if (g->n + PERSONS_MAX > FOUND_MAX) { /* the rest in the next step */
            g->feed_seq = list[i].type[0] ? g->feed_seq : list[i].seq - 1;
            g->fhir_seq = list[i].type[0] ? list[i].seq - 1 : g->s->fhir_seq;
            break;
        }
        weigh(g, &list[i]);
    }
    free(list);
    g->moved = g->feed_seq != g->s->feed_seq || g->fhir_seq != g->s->fhir_seq;
}

/* ---- the export ---- */

static void look_at_export(struct numbering *g)
{
    int64_t ids[ROWS];
    size_t n = 0;
    struct query *q = g->stage == STAGE_PATIENTS
                          ? tx_query(g->tx, "SELECT DISTINCT person_id AS id FROM mpi_member WHERE person_id>$1 ORDER BY person_id LIMIT $2", "ii", g->after, (int64_t)ROWS)
                          : tx_query(g->tx, "SELECT id FROM consult WHERE id>$1 ORDER BY id LIMIT $2", "ii", g->after, (int64_t)ROWS);
    while (n < ROWS && query_next(q))
        ids[n++] = query_int(q, "id");
    if (query_end(q))
        return;
    for (size_t i = 0; i < n; i++) {
        g->after = ids[i];
        if (g->stage == STAGE_CASES)
            offer_case(g, (uint64_t)ids[i]);
        else if (g->s->kinds & OUT_PATIENT)
            offer_own(g, "Patient", (uint64_t)ids[i], false);
    }
    if (n < ROWS || (g->stage == STAGE_PATIENTS && !(g->s->kinds & OUT_PATIENT))) {
        g->stage++;
        g->after = 0;
    }
    g->moved = true;
}

/* ---- writing ---- */

/* Where he stood must be where he stands: an operation may have begun his export anew meanwhile. */
static int keep(struct numbering *g, struct tx *tx, int64_t now_ms)
{
    const struct subscriber *s = g->s;
    tx_exec(tx, "UPDATE out_subscriber SET feed_seq=$1, fhir_seq=$2, export_stage=$3, export_after=$4, last_seq=last_seq+$5 WHERE id=$6 AND feed_seq=$7 AND "
                "fhir_seq=$8 AND export_stage=$9 AND export_after=$10 AND last_seq=$11", "iiiiiiiiiii", g->feed_seq, g->fhir_seq, g->stage, g->after, (int64_t)g->n,
            (int64_t)s->id, s->feed_seq, s->fhir_seq, s->export_stage, s->export_after, s->last_seq);
    if (tx_error(tx) || !tx_changes(tx))
        return tx_error(tx) ? tx_error(tx) : ERR_CONFLICT;
    for (size_t i = 0; i < g->n; i++) {
        const struct found *f = &g->list[i];
        int64_t seq = s->last_seq + 1 + (int64_t)i, pkey = !f->own ? f->pkey : f->report ? OUT_REPORT : f->act == ER7_JOINED ? (int64_t)f->other : 0;
        tx_exec(tx, "INSERT INTO out_item (subscriber_id, seq, type, own, pkey, rid, state, t_ms, done_ms, tries, error, act, told) VALUES "
                    "($1,$2,$3,$4,$5,$6,$7,$8,0,0,'',$9,$10)", "iitiiiiiii", (int64_t)s->id, seq, f->type, (int64_t)f->own, pkey, f->rid, (int64_t)ITEM_WAITING, now_ms, f->act,
                f->told);
        if (s->er7)
            told_remember(tx, s->id, f, seq);
    }
    return tx_error(tx);
}

static bool write_numbers(struct numbering *g)
{
    struct tx *tx;
    if (tx_begin(records_store(g->o->records), TX_WRITE, &tx))
        return false;
    int rc = keep(g, tx, clock_now_ms(records_clock(g->o->records)));
    if (rc)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    if (rc && rc != ERR_CONFLICT)
        log_error("outgoing", "a subscriber's entries could not be numbered: %s", err_wire(rc));
    return rc == 0;
}

static bool anything_new(struct tx *tx, const struct subscriber *s)
{
    int64_t window = tx_int(tx, 0, "SELECT COUNT(*) AS n FROM (SELECT 1 FROM out_item WHERE subscriber_id=$1 AND state=0 LIMIT 1000) AS t", "i", (int64_t)s->id);
    if (window >= OUT_WINDOW)
        return false;
    return s->export_stage < STAGE_DONE || tx_int(tx, 0, "SELECT MAX(seq) AS seq FROM feed", "") > s->feed_seq ||
           (s->hook && tx_int(tx, 0, "SELECT MAX(seq) AS seq FROM fhir_change WHERE type=$1", "t", s->type) > s->fhir_seq);
}

static void look(struct numbering *g)
{
    if (!anything_new(g->tx, g->s))
        return;
    g->view = subscriber_view(g->o->records, g->tx, g->s);
    if (!g->view)
        return;
    if (g->stage < STAGE_DONE)
        look_at_export(g);
    else
        look_at_changes(g);
    fhir_view_close(g->view);
}

bool outgoing_number(struct outgoing *o, const struct subscriber *s)
{
    struct numbering g = {.o = o, .s = s, .feed_seq = s->feed_seq, .fhir_seq = s->fhir_seq, .stage = s->export_stage, .after = s->export_after};
    g.list = calloc(FOUND_MAX, sizeof *g.list);
    if (!g.list || tx_begin(records_store(o->records), TX_READ, &g.tx)) {
        free(g.list);
        return false;
    }
    look(&g);
    bool ok = g.moved && tx_error(g.tx) == 0;
    tx_rollback(g.tx);
    ok = ok && write_numbers(&g);
    free(g.list);
    return ok;
}

/* ---- old entries ---- */

/* Entries are numbered in the order of time, so the oldest are the lowest. */
static int prune_one(struct tx *tx, int64_t subscriber, int64_t before_ms)
{
    int64_t lowest = tx_int(tx, 0, "SELECT MIN(seq) AS seq FROM out_item WHERE subscriber_id=$1", "i", subscriber);
    return tx_exec(tx, "DELETE FROM out_item WHERE subscriber_id=$1 AND seq<$2 AND state<>0 AND t_ms<$3", "iii", subscriber, lowest + PRUNE_ROWS, before_ms);
}

void outgoing_prune(struct outgoing *o, int64_t now_ms)
{
    struct tx *tx;
    int64_t ids[OUT_SUBSCRIBERS_MAX];
    size_t n = 0;
    if (tx_begin(records_store(o->records), TX_WRITE, &tx))
        return;
    struct query *q = tx_query(tx, "SELECT id FROM out_subscriber ORDER BY id LIMIT $1", "i", (int64_t)OUT_SUBSCRIBERS_MAX);
    while (n < OUT_SUBSCRIBERS_MAX && query_next(q))
        ids[n++] = query_int(q, "id");
    int rc = query_end(q);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = prune_one(tx, ids[i], now_ms - OUT_KEEP_DAYS * 86400000LL);
    if (rc)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    if (rc)
        log_error("outgoing", "old entries could not be removed: %s", err_wire(rc));
}
