/* What the index steward does: link, keep apart, put off, merge, split, confirm, undo; each kept with what was before. */
#include "records/patient/index_desk.h"
#include "records/exchange/exchange.h"
#include "records/exchange/notice.h"
#include "records/work/consultation.h"
#include <stdio.h>
#include <string.h>

#define LIST_MAX INDEX_LIST_MAX
#define REBUILD_MAX 500
#define LATER_DAYS 3

/* The steward decides on what the page showed him. */
static int check_stamp(struct op_ctx *ctx, json_t *args, uint64_t patient, uint64_t other)
{
    char now[INDEX_STAMP_BYTES];
    const char *seen = arg_text(args, "stamp");
    if (!seen)
        return 0;
    int rc = index_stamp(ctx, patient, other, now);
    if (rc == 0 && strcmp(now, seen) != 0)
        rc = fault_set(ctx->fault, ERR_CONFLICT, "stale_version", "Somebody changed one of the records or persons; look again.");
    return rc;
}

/* ---- acting ---- */

static int both_persons(struct op_ctx *ctx, uint64_t patient, uint64_t other, uint64_t out[2])
{
    out[0] = patient_index_person(ctx, patient);
    out[1] = patient_index_person(ctx, other);
    ctx->audit.patient = patient;
    ctx->audit.object = other;
    return out[0] && out[1] ? 0 : fault_set(ctx->fault, ERR_NOT_FOUND, "", "The index does not know one of the two patients.");
}

/* The younger person becomes part of the older one. */
static int join(struct op_ctx *ctx, struct index_act *act)
{
    uint64_t who[2];
    int rc = both_persons(ctx, act->patient, act->other, who);
    if (rc)
        return rc;
    if (who[0] == who[1])
        return fault_set(ctx->fault, ERR_CONFLICT, "already_one", "The two are one person already.");
    const char *bar = patient_index_bar(ctx, who[0], who[1]);
    if (!bar)
        return ctx->fault->code;
    if (*bar)
        return fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "barred", "The two persons can never be one: %.120s.", bar);
    if (patient_index_apart(ctx, who[0], who[1]))
        return fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "kept_apart", "The two are kept apart: undo that act first.");
    patient_index_begin(ctx, act);
    return who[0] < who[1] ? patient_index_join(ctx, act, who[1], who[0]) : patient_index_join(ctx, act, who[0], who[1]);
}

static void keep_apart(struct op_ctx *ctx, const struct index_act *act, uint64_t x, uint64_t y)
{
    tx_upsert(ctx->tx, "mpi_apart", NULL, "a,b,act_id", "iii", (int64_t)(x < y ? x : y), (int64_t)(x < y ? y : x), (int64_t)act->id);
}

/* Takes one patient out of his group, into a person of his own, and keeps him apart from all who stay. */
static int take_out(struct op_ctx *ctx, const struct index_act *act, uint64_t patient, uint64_t who)
{
    int64_t members[LIST_MAX];
    size_t n = 0;
    struct query *q = tx_query(ctx->tx, "SELECT patient_id FROM mpi_member WHERE person_id=$1 AND patient_id<>$2 ORDER BY patient_id LIMIT $3",
                               "iii", (int64_t)who, (int64_t)patient, (int64_t)LIST_MAX);
    while (query_next(q))
        members[n++] = query_int(q, "patient_id");
    int rc = query_end(q);
    for (size_t i = 0; i < n; i++)
        keep_apart(ctx, act, patient, (uint64_t)members[i]);
    int64_t taken = tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM mpi_member WHERE person_id=$1", "i", (int64_t)patient);
    return rc ? rc : patient_index_move(ctx, act, patient, taken ? id_new() : patient);
}

static int set_apart(struct op_ctx *ctx, struct index_act *act)
{
    uint64_t who[2];
    int rc = both_persons(ctx, act->patient, act->other, who);
    if (rc)
        return rc;
    patient_index_begin(ctx, act);
    if (who[0] == who[1])
        return take_out(ctx, act, act->patient, who[0]);
    keep_apart(ctx, act, act->patient, act->other);
    return tx_error(ctx->tx);
}

static int answer(struct op_ctx *ctx, const struct index_act *act, json_t **result)
{
    int rc = index_tell(ctx, act->id, act->patient);
    if (rc)
        return rc;
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "mpi=%s", act->kind);
    *result = json_pack("{s:o,s:s,s:o}", "act_id", json_id(act->id), "kind", act->kind, "person_id",
                        json_id(patient_index_person(ctx, act->patient)));
    return tx_error(ctx->tx);
}

static void settle_tasks(struct op_ctx *ctx, const struct index_act *act)
{
    if (strcmp(act->kind, "link") == 0 || strcmp(act->kind, "merge") == 0)
        index_settle_tasks(ctx, act);
}

static int load_task(struct op_ctx *ctx, uint64_t id, struct index_task *t)
{
    struct query *q = tx_query(ctx->tx, "SELECT * FROM mpi_task WHERE id=$1", "i", (int64_t)id);
    bool found = query_next(q);
    if (found)
        index_task_from(q, t);
    int rc = query_end(q);
    if (rc)
        return rc;
    if (!found)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such task.");
    if (strcmp(t->state, "open") != 0 && strcmp(t->state, "later") != 0)
        return fault_set(ctx->fault, ERR_CONFLICT, "decided", "Somebody has decided this already.");
    return 0;
}

/* A person says of a link, the machine's mostly, that it is right: from then on it is a steward's. */
static int confirm_link(struct op_ctx *ctx, struct index_act *act, uint64_t who)
{
    act->kind = "confirm";
    const char *bar = patient_index_bar(ctx, who, who);
    if (!bar)
        return ctx->fault->code;
    if (*bar)
        return fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "barred", "The two can never be one person: %.120s.", bar);
    patient_index_begin(ctx, act);
    return patient_index_join(ctx, act, who, who);
}

static int put_off(struct op_ctx *ctx, struct index_act *act, int64_t days)
{
    ctx->audit.patient = act->patient;
    ctx->audit.object = act->other;
    patient_index_begin(ctx, act);
    return tx_exec(ctx->tx, "UPDATE mpi_task SET later_ms=$1 WHERE id=$2", "ii", ctx->now_ms + days * 86400000, (int64_t)act->task);
}

static int carry_out(struct op_ctx *ctx, struct index_act *act, int64_t days)
{
    uint64_t who = patient_index_person(ctx, act->patient);
    if (strcmp(act->kind, "later") == 0)
        return put_off(ctx, act, days);
    if (strcmp(act->kind, "apart") == 0)
        return set_apart(ctx, act);
    if (who && who == patient_index_person(ctx, act->other)) {
        ctx->audit.patient = act->patient;
        ctx->audit.object = act->other;
        return confirm_link(ctx, act, who);
    }
    return join(ctx, act);
}

static int decide(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct index_task t = {0};
    const char *decision = arg_text(args, "decision");
    int rc = load_task(ctx, arg_id(args, "task_id"), &t);
    struct index_act act = {.task = t.id, .patient = t.patient, .other = t.other, .kind = decision, .note = arg_text(args, "note")};
    rc = rc ? rc : check_stamp(ctx, args, t.patient, t.other);
    rc = rc ? rc : carry_out(ctx, &act, arg_int(args, "days", LATER_DAYS));
    if (rc)
        return rc;
    const char *state = strcmp(decision, "link") == 0 ? "linked" : decision; /* "apart", "later" */
    tx_exec(ctx->tx, "UPDATE mpi_act SET before_state=$1, before_ms=$2, before_act=$3 WHERE id=$4", "tiii", t.state, t.later_ms, (int64_t)t.act,
            (int64_t)act.id);
    tx_exec(ctx->tx, "UPDATE mpi_task SET state=$1, act_id=$2 WHERE id=$3", "tii", state, (int64_t)act.id, (int64_t)t.id);
    settle_tasks(ctx, &act);
    return answer(ctx, &act, result);
}

static int merge(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct index_act act = {.patient = arg_id(args, "patient_id"), .other = arg_id(args, "other_id"), .kind = "merge", .note = arg_text(args, "note")};
    int rc = check_stamp(ctx, args, act.patient, act.other);
    rc = rc ? rc : join(ctx, &act);
    if (rc)
        return rc;
    settle_tasks(ctx, &act);
    return answer(ctx, &act, result);
}

/* A patient who shares his person with others; *who is that person. */
static int of_a_group(struct op_ctx *ctx, uint64_t patient, uint64_t *who)
{
    *who = patient_index_person(ctx, patient);
    ctx->audit.patient = patient;
    if (!*who)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "", "The index does not know this patient.");
    if (tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM mpi_member WHERE person_id=$1", "i", (int64_t)*who) < 2)
        return fault_set(ctx->fault, ERR_CONFLICT, "alone", "This patient is a person of his own already.");
    return 0;
}

/* A page that shows a pair sends the pair's stamp, one that shows a person the person's. */
static int regroup(struct op_ctx *ctx, json_t *args, struct index_act *act, json_t **result)
{
    uint64_t who;
    act->patient = arg_id(args, "patient_id");
    act->note = arg_text(args, "note");
    int rc = of_a_group(ctx, act->patient, &who);
    rc = rc ? rc : check_stamp(ctx, args, act->patient, arg_id(args, "other_id"));
    if (rc)
        return rc;
    if (strcmp(act->kind, "split") == 0) {
        patient_index_begin(ctx, act);
        rc = take_out(ctx, act, act->patient, who);
    } else
        rc = confirm_link(ctx, act, who);
    return rc ? rc : answer(ctx, act, result);
}

static int split(struct op_ctx *ctx, json_t *args, json_t **result)
{
    return regroup(ctx, args, &(struct index_act){.kind = "split"}, result);
}

static int confirm(struct op_ctx *ctx, json_t *args, json_t **result)
{
    return regroup(ctx, args, &(struct index_act){.kind = "confirm"}, result);
}

/* ---- undo: every member back where he was, if nothing came after ---- */

static int moved_since(struct op_ctx *ctx, uint64_t act)
{
    return tx_int(ctx->tx, 0,
                  "SELECT COUNT(*) AS n FROM mpi_move m JOIN mpi_member p ON p.patient_id=m.patient_id "
                  "WHERE m.act_id=$1 AND p.person_id<>m.to_id",
                  "i", (int64_t)act) > 0;
}

#define MOVES_A_STEP 64

static int move_back(struct op_ctx *ctx, uint64_t act)
{
    struct back {
        int64_t patient, from, since;
        char how[12];
    } back[MOVES_A_STEP];
    size_t n;
    int64_t last = 0;
    int rc;
    do { /* all of them: half of a link that is undone is two persons in one */
        n = 0;
        struct query *q = tx_query(ctx->tx, "SELECT * FROM mpi_move WHERE act_id=$1 AND patient_id>$2 ORDER BY patient_id LIMIT $3", "iii", (int64_t)act, last, (int64_t)MOVES_A_STEP);
        while (n < MOVES_A_STEP && query_next(q)) {
            back[n] = (struct back){last = query_int(q, "patient_id"), query_int(q, "from_id"), query_int(q, "from_ms"), ""};
            snprintf(back[n].how, sizeof back[n].how, "%s", query_text(q, "from_how"));
            n++;
        }
        rc = query_end(q);
        for (size_t i = 0; rc == 0 && i < n; i++) {
            uint64_t left = patient_index_person(ctx, (uint64_t)back[i].patient);
            rc = tx_exec(ctx->tx, "UPDATE mpi_member SET person_id=$1, how=$2, since_ms=$3 WHERE patient_id=$4", "itii", back[i].from, back[i].how, back[i].since, back[i].patient);
            if (left != (uint64_t)back[i].from)
                exchange_notice_moved(ctx, (uint64_t)back[i].patient, left);
        }
    } while (rc == 0 && n == MOVES_A_STEP);
    return rc;
}

struct done_act {
    uint64_t task, patient, other;
    int64_t t_ms, undone, before_ms, before_act;
    char kind[12], before_state[12];
};

static int load_act(struct op_ctx *ctx, uint64_t id, struct done_act *a)
{
    struct query *q = tx_query(ctx->tx, "SELECT * FROM mpi_act WHERE id=$1", "i", (int64_t)id);
    bool found = query_next(q);
    if (found) {
        *a = (struct done_act){.task = (uint64_t)query_int(q, "task_id"),
                               .patient = (uint64_t)query_int(q, "patient_id"),
                               .other = (uint64_t)query_int(q, "other_id"),
                               .t_ms = query_int(q, "t_ms"),
                               .undone = query_int(q, "undone_ms"),
                               .before_ms = query_int(q, "before_ms"),
                               .before_act = query_int(q, "before_act")};
        snprintf(a->kind, sizeof a->kind, "%s", query_text(q, "kind"));
        const char *state = query_text(q, "before_state");
        snprintf(a->before_state, sizeof a->before_state, "%s", state ? state : "open"); /* acts from before states were kept */
    }
    int rc = query_end(q);
    return rc ? rc : found ? 0 : fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such act.");
}

/* A task that was put off and decided since holds the later act. */
static bool task_moved_on(struct op_ctx *ctx, uint64_t act, uint64_t task)
{
    return task && tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM mpi_task WHERE id=$1 AND act_id=$2", "ii", (int64_t)task, (int64_t)act) == 0;
}

const char *index_undo_bar(struct op_ctx *ctx, uint64_t act)
{
    struct done_act a;
    if (load_act(ctx, act, &a))
        return "not_found";
    if (a.undone)
        return "undone";
    return moved_since(ctx, act) || task_moved_on(ctx, act, a.task) ? "moved_since" : "";
}

static int undo(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct done_act a;
    uint64_t id = arg_id(args, "act_id");
    int rc = load_act(ctx, id, &a);
    if (rc)
        return rc;
    ctx->audit.patient = a.patient;
    ctx->audit.object = a.other;
    const char *bar = index_undo_bar(ctx, id);
    if (*bar)
        return fault_set(ctx->fault, ERR_CONFLICT, bar, "%s",
                         a.undone ? "This act was undone already." : "Something was done after it: undo that first.");
    rc = move_back(ctx, id);
    if (rc == 0 && strcmp(a.kind, "merge") == 0)
        rc = exchange_merge_undone(ctx, a.other, a.t_ms);
    rc = rc ? rc : index_tell(ctx, id, a.patient);
    tx_exec(ctx->tx, "DELETE FROM mpi_apart WHERE act_id=$1", "i", (int64_t)id);
    tx_exec(ctx->tx, "UPDATE mpi_act SET undone_ms=$1, undone_by=$2 WHERE id=$3", "iii", ctx->now_ms, (int64_t)ctx->actor->person.v, (int64_t)id);
    tx_exec(ctx->tx, "UPDATE mpi_task SET state='open', act_id=0 WHERE act_id=$1 AND id<>$2", "ii", (int64_t)id, (int64_t)a.task);
    if (a.task)
        tx_exec(ctx->tx, "UPDATE mpi_task SET state=$1, later_ms=$2, act_id=$3 WHERE id=$4", "tiii", a.before_state, a.before_ms, a.before_act,
                (int64_t)a.task);
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "mpi=undo");
    *result = json_pack("{s:o}", "act_id", json_id(id));
    return rc ? rc : tx_error(ctx->tx);
}

/* ---- patients registered before there was an index ---- */

static int rebuild(struct op_ctx *ctx, json_t *args, json_t **result)
{
    int64_t found[REBUILD_MAX], limit = arg_int(args, "limit", 200);
    size_t n = 0, linked = 0, review = 0;
    struct query *q = tx_query(ctx->tx,
                               "SELECT id FROM patient WHERE NOT EXISTS (SELECT 1 FROM mpi_member m WHERE m.patient_id=patient.id) "
                               "ORDER BY id LIMIT $1",
                               "i", limit);
    while (query_next(q))
        found[n++] = query_int(q, "id");
    int rc = query_end(q);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct patient_row row;
        const char *outcome = "";
        rc = patient_load(ctx, (uint64_t)found[i], &row);
        rc = rc ? rc : patient_index_put(ctx, &row, NULL, &outcome);
        patient_row_wipe(&row);
        linked += strcmp(outcome, "linked") == 0;
        review += strcmp(outcome, "review") == 0;
    }
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "indexed=%zu", n);
    *result = json_pack("{s:I,s:I,s:I,s:b}", "indexed", (json_int_t)n, "linked", (json_int_t)linked, "review", (json_int_t)review, "more",
                        (int64_t)n == limit);
    return rc;
}

/* ---- a whole number, for a steward who cannot tell by the masked ones ---- */

static int reveal(struct op_ctx *ctx, json_t *args, json_t **result)
{
    return patient_reveal_number(ctx, arg_id(args, "patient_id"), arg_text(args, "what"), arg_text(args, "reason"), result);
}

/* ---- the table ---- */

static const struct field task_args[] = {
    {.name = "state", .type = FIELD_ENUM, .choices = "open|later|linked|apart", .help = "default open, with those put off whose time has come"},
    {.name = "sort", .type = FIELD_ENUM, .choices = "oldest|newest|likely", .help = "default oldest"},
    {.name = "why", .type = FIELD_ENUM, .choices = "likely|two_persons|conflict|reported", .help = "why it waits"},
    {.name = "org_id", .type = FIELD_ID, .help = "one of the two records is of this institution"},
    {.name = "after", .type = FIELD_TEXT, .max = 48, .help = "next of the page before"},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = LIST_MAX, .help = "default 30"},
    {0},
};
static const struct field acts_args[] = {
    {.name = "before", .type = FIELD_ID, .help = "id of the last one seen"},
    {.name = "by", .type = FIELD_ENUM, .choices = "me|staff|auto", .help = "whose acts; default all"},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = LIST_MAX, .help = "default 30"},
    {0},
};
static const struct field pair_args[] = {
    {.name = "patient_id", .type = FIELD_ID, .required = true, .help = "patient"},
    {.name = "other_id", .type = FIELD_ID, .required = true, .help = "the other patient"},
    {0},
};
#define NOTE                                                                                                                                          {.name = "note", .type = FIELD_TEXT, .max = 500, .help = "the steward's words"},                                                                {                                                                                                                                                     .name = "stamp", .type = FIELD_TEXT, .min = 16, .max = 16, .help = "of the pair or person shown; another one now: 409 stale_version"        }
static const struct field merge_args[] = {
    {.name = "patient_id", .type = FIELD_ID, .required = true, .help = "patient"},
    {.name = "other_id", .type = FIELD_ID, .required = true, .help = "the other patient"},
    NOTE,
    {0},
};
static const struct field one_args[] = {{.name = "patient_id", .type = FIELD_ID, .required = true, .help = "patient"}, {0}};
static const struct field regroup_args[] = {
    {.name = "patient_id", .type = FIELD_ID, .required = true, .help = "patient"},
    {.name = "other_id", .type = FIELD_ID, .help = "the other one of the pair the stamp is of"},
    NOTE,
    {0},
};
static const struct field decide_args[] = {
    {.name = "task_id", .type = FIELD_ID, .required = true, .help = "task"},
    {.name = "decision", .type = FIELD_ENUM, .required = true, .choices = "link|apart|later", .help = "one person, two for good, or not now"},
    {.name = "days", .type = FIELD_INT, .min = 1, .max = 90, .help = "later: comes back after; default 3"},
    NOTE,
    {0},
};
static const struct field act_args[] = {{.name = "act_id", .type = FIELD_ID, .required = true, .help = "act"}, {0}};
static const struct field find_args[] = {
    {.name = "q", .type = FIELD_TEXT, .required = true, .min = 1, .max = 60, .help = "identity number, phone, local number, name, pinyin or initials"},
    {0},
};
static const struct field rebuild_args[] = {
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = REBUILD_MAX, .help = "default 200"},
    {0},
};

const struct op index_ops[] = {
    {"mpi.tasks", OP_READ, OP_PHI, "mpi.manage", task_args, index_tasks, "What waits for the index steward"},
    {"mpi.pair", OP_READ, OP_PHI, "mpi.manage", pair_args, index_pair, "Two records side by side, and why they may be one person"},
    {"mpi.person", OP_READ, OP_PHI, "mpi.manage", one_args, index_person, "All records of a person, the golden record, what was done"},
    {"mpi.find", OP_READ, OP_PHI, "mpi.manage", find_args, index_find, "Find persons, whichever institution knows them"},
    {"mpi.acts", OP_READ, OP_PHI, "mpi.manage", acts_args, index_acts, "What was linked, kept apart, merged and split"},
    {"mpi.act", OP_READ, OP_PHI, "mpi.manage", act_args, index_act, "One act, and what undoing it restores"},
    {"mpi.decide", OP_WRITE, OP_PHI, "mpi.manage", decide_args, decide, "Decide a waiting pair, or put it off"},
    {"mpi.merge", OP_WRITE, OP_PHI, "mpi.manage", merge_args, merge, "Put two persons together"},
    {"mpi.split", OP_WRITE, OP_PHI, "mpi.manage", regroup_args, split, "Take a record out of its person"},
    {"mpi.confirm", OP_WRITE, OP_PHI, "mpi.manage", regroup_args, confirm, "Say that a person's records belong together"},
    {"mpi.undo", OP_WRITE, OP_PHI, "mpi.manage", act_args, undo, "Take an act back, to the exact state before"},
    {"mpi.reveal", OP_WRITE, OP_PHI, "mpi.manage", patient_reveal_args, reveal, "Show the steward one number in full, with a reason"},
    {"mpi.rebuild", OP_WRITE, OP_PHI, "mpi.manage", rebuild_args, rebuild, "Index patients registered before there was an index"},
    {0},
};
