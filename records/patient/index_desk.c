/* The review desk of the index steward: what waits, two records side by side and why, link, keep apart, merge, split, undo. */
#include "records/patient/index.h"
#include <stdio.h>
#include <string.h>

#define LIST_MAX 100
#define REBUILD_MAX 500

/* ---- reading ---- */

static json_t *line_of(struct op_ctx *ctx, uint64_t patient)
{
    struct patient_row row;
    json_t *o = patient_load(ctx, patient, &row) ? NULL : patient_line_json(ctx, &row);
    patient_row_wipe(&row);
    return o ? o : json_null();
}

/* [{.., person_id}] of everyone who is this person. */
static json_t *members_of(struct op_ctx *ctx, uint64_t person)
{
    int64_t members[LIST_MAX];
    size_t n = 0;
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx, "SELECT patient_id FROM mpi_member WHERE person_id=$1 ORDER BY patient_id LIMIT $2", "ii",
                               (int64_t)person, (int64_t)LIST_MAX);
    while (query_next(q))
        members[n++] = query_int(q, "patient_id");
    if (query_end(q))
        return items; /* sticky: the operation looks once */
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, line_of(ctx, (uint64_t)members[i]));
    return items;
}

struct task {
    uint64_t id, patient, other, act;
    int64_t odds_milli, created_ms;
    char why[16], state[12];
};

static void task_from(struct query *q, struct task *t)
{
    *t = (struct task){.id = (uint64_t)query_int(q, "id"),
                       .patient = (uint64_t)query_int(q, "patient_id"),
                       .other = (uint64_t)query_int(q, "other_id"),
                       .act = (uint64_t)query_int(q, "act_id"),
                       .odds_milli = query_int(q, "odds_milli"),
                       .created_ms = query_int(q, "created_ms")};
    snprintf(t->why, sizeof t->why, "%s", query_text(q, "why"));
    snprintf(t->state, sizeof t->state, "%s", query_text(q, "state"));
}

static json_t *task_json(struct op_ctx *ctx, const struct task *t)
{
    return json_pack("{s:o,s:s,s:s,s:f,s:I,s:o,s:o}", "id", json_id(t->id), "state", t->state, "why", t->why, "odds",
                     (double)t->odds_milli / 1000, "created_ms", (json_int_t)t->created_ms, "a", line_of(ctx, t->patient), "b",
                     line_of(ctx, t->other));
}

static int tasks(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct task found[LIST_MAX];
    const char *state = arg_text(args, "state");
    int64_t limit = arg_int(args, "limit", 30), before = (int64_t)arg_id(args, "before");
    size_t n = 0;
    struct query *q = tx_query(ctx->tx, "SELECT * FROM mpi_task WHERE state=$1 AND id<$2 ORDER BY id DESC LIMIT $3", "tii",
                               state ? state : "open", before ? before : INT64_MAX, limit + 1);
    while (query_next(q))
        task_from(q, &found[n++]);
    int rc = query_end(q);
    if (rc)
        return rc;
    bool more = (int64_t)n > limit;
    n = more ? (size_t)limit : n;
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, task_json(ctx, &found[i]));
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "tasks=%zu", n);
    *result = json_pack("{s:o,s:o,s:I}", "items", items, "next", more ? json_id(found[n - 1].id) : json_null(), "open",
                        (json_int_t)tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM mpi_task WHERE state='open'", ""));
    return tx_error(ctx->tx);
}

static int pair(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct patient_row a, b;
    ctx->audit.patient = arg_id(args, "patient_id");
    ctx->audit.object = arg_id(args, "other_id");
    int rc = patient_load(ctx, ctx->audit.patient, &a);
    rc = rc ? rc : patient_load(ctx, ctx->audit.object, &b);
    if (rc)
        return rc;
    json_t *why = patient_index_compare(ctx, &a, &b);
    if (why) {
        uint64_t pa = patient_index_person(ctx, a.id), pb = patient_index_person(ctx, b.id);
        bool together = pa && pa == pb;
        json_t *actions = together ? json_pack("[s]", "split") : json_string_value(json_object_get(why, "barred"))[0] ? json_array() : json_pack("[s]", "merge");
        *result = json_pack("{s:o,s:o,s:o,s:b,s:o,s:o,s:o}", "a", patient_row_json(ctx, &a), "b", patient_row_json(ctx, &b), "why", why,
                            "together", together, "a_members", members_of(ctx, pa), "b_members", members_of(ctx, pb), "actions", actions);
    }
    patient_row_wipe(&a);
    patient_row_wipe(&b);
    return why ? tx_error(ctx->tx) : ctx->fault->code;
}

/* ---- the golden record: of each field the value most members have, of two as frequent the one changed last; and where from ---- */

struct golden {
    const char *field;
    json_t *value; /* borrowed from a member */
    const json_t *from;
    size_t votes;
};

static void elect(const json_t *members, const char *field, struct golden *out)
{
    size_t i, k;
    json_t *m, *other;
    *out = (struct golden){.field = field};
    json_array_foreach(members, i, m)
    {
        json_t *value = json_object_get(m, field);
        size_t votes = 0;
        if (!json_is_string(value) || !*json_string_value(value) || strcmp(json_string_value(value), "unknown") == 0)
            continue;
        json_array_foreach(members, k, other) votes += json_equal(json_object_get(other, field), value);
        int64_t changed = json_integer_value(json_object_get(m, "created_ms"));
        if (votes > out->votes || (votes == out->votes && changed > json_integer_value(json_object_get(out->from, "created_ms"))))
            *out = (struct golden){field, value, m, votes};
    }
}

static json_t *golden_of(const json_t *members)
{
    static const char *const fields[] = {"name", "sex", "birth_date", "id_no_masked", "phone_masked", "insurance_no_masked", "address", "nationality"};
    json_t *out = json_object();
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct golden g;
        elect(members, fields[i], &g);
        if (g.value)
            json_object_set_new(out, g.field,
                                json_pack("{s:O,s:O,s:O,s:I,s:I}", "value", g.value, "patient_id", json_object_get(g.from, "id"), "org",
                                          json_object_get(g.from, "org"), "agree", (json_int_t)g.votes, "of", (json_int_t)json_array_size(members)));
    }
    return out;
}

static int person(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t patient = arg_id(args, "patient_id"), who = patient_index_person(ctx, patient);
    ctx->audit.patient = patient;
    if (!who)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "", "The index does not know this patient.");
    json_t *lines = members_of(ctx, who), *whole = json_array(), *line;
    size_t i;
    json_array_foreach(lines, i, line)
    {
        struct patient_row row;
        uint64_t id;
        if (id_parse(json_string_value(json_object_get(line, "id")), &id) == 0 && patient_load(ctx, id, &row) == 0) {
            json_array_append_new(whole, patient_row_json(ctx, &row));
            patient_row_wipe(&row);
        }
    }
    *result = json_pack("{s:o,s:o,s:o}", "id", json_id(who), "golden", golden_of(whole), "members", whole);
    json_decref(lines);
    return tx_error(ctx->tx);
}

static int acts(struct op_ctx *ctx, json_t *args, json_t **result)
{
    int64_t before = (int64_t)arg_id(args, "before");
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx, "SELECT * FROM mpi_act WHERE id<$1 ORDER BY id DESC LIMIT $2", "ii", before ? before : INT64_MAX,
                               arg_int(args, "limit", 30));
    while (query_next(q))
        json_array_append_new(items, json_pack("{s:o,s:s?,s:o,s:o,s:o,s:o,s:I,s:I}", "id", json_id((uint64_t)query_int(q, "id")), "kind",
                                               query_text(q, "kind"), "task_id", json_id((uint64_t)query_int(q, "task_id")), "patient_id",
                                               json_id((uint64_t)query_int(q, "patient_id")), "other_id",
                                               json_id((uint64_t)query_int(q, "other_id")), "by", json_id((uint64_t)query_int(q, "person_id")),
                                               "t_ms", (json_int_t)query_int(q, "t_ms"), "undone_ms", (json_int_t)query_int(q, "undone_ms")));
    int rc = query_end(q);
    *result = json_pack("{s:o}", "items", items);
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

/* Has somebody said of two of their records that they are two people? */
static bool marked_apart(struct op_ctx *ctx, uint64_t x, uint64_t y)
{
    static const char sql[] = "SELECT COUNT(*) AS n FROM mpi_member p JOIN mpi_apart m ON m.a=p.patient_id "
                              "JOIN mpi_member q ON q.patient_id=m.b WHERE p.person_id=$1 AND q.person_id=$2";
    return tx_int(ctx->tx, 0, sql, "ii", (int64_t)x, (int64_t)y) > 0 || tx_int(ctx->tx, 0, sql, "ii", (int64_t)y, (int64_t)x) > 0;
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
    if (marked_apart(ctx, who[0], who[1]))
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
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "mpi=%s", act->kind);
    char key[ID_TEXT_BYTES];
    id_format(act->patient, key);
    tx_feed(ctx->tx, "mpi", key, "{}");
    *result = json_pack("{s:o,s:s,s:o}", "act_id", json_id(act->id), "kind", act->kind, "person_id",
                        json_id(patient_index_person(ctx, act->patient)));
    return tx_error(ctx->tx);
}

static int load_task(struct op_ctx *ctx, uint64_t id, struct task *t)
{
    struct query *q = tx_query(ctx->tx, "SELECT * FROM mpi_task WHERE id=$1", "i", (int64_t)id);
    bool found = query_next(q);
    if (found)
        task_from(q, t);
    int rc = query_end(q);
    if (rc)
        return rc;
    if (!found)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such task.");
    if (strcmp(t->state, "open") != 0)
        return fault_set(ctx->fault, ERR_CONFLICT, "decided", "Somebody has decided this already.");
    return 0;
}

static int decide(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct task t = {0};
    bool link = strcmp(arg_text(args, "decision"), "link") == 0;
    int rc = load_task(ctx, arg_id(args, "task_id"), &t);
    struct index_act act = {.task = t.id, .patient = t.patient, .other = t.other, .kind = link ? "link" : "apart"};
    rc = rc ? rc : link ? join(ctx, &act) : set_apart(ctx, &act);
    if (rc)
        return rc;
    tx_exec(ctx->tx, "UPDATE mpi_task SET state=$1, act_id=$2 WHERE id=$3", "tii", link ? "linked" : "apart", (int64_t)act.id, (int64_t)t.id);
    return answer(ctx, &act, result);
}

static int merge(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct index_act act = {.patient = arg_id(args, "patient_id"), .other = arg_id(args, "other_id"), .kind = "merge"};
    int rc = join(ctx, &act);
    return rc ? rc : answer(ctx, &act, result);
}

static int split(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct index_act act = {.patient = arg_id(args, "patient_id"), .kind = "split"};
    uint64_t who = patient_index_person(ctx, act.patient);
    ctx->audit.patient = act.patient;
    if (!who)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "", "The index does not know this patient.");
    if (tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM mpi_member WHERE person_id=$1", "i", (int64_t)who) < 2)
        return fault_set(ctx->fault, ERR_CONFLICT, "alone", "This patient is a person of his own already.");
    patient_index_begin(ctx, &act);
    int rc = take_out(ctx, &act, act.patient, who);
    return rc ? rc : answer(ctx, &act, result);
}

/* ---- undo: every member back where he was, if nothing came after ---- */

static int moved_since(struct op_ctx *ctx, uint64_t act)
{
    return tx_int(ctx->tx, 0,
                  "SELECT COUNT(*) AS n FROM mpi_move m JOIN mpi_member p ON p.patient_id=m.patient_id "
                  "WHERE m.act_id=$1 AND p.person_id<>m.to_id",
                  "i", (int64_t)act) > 0;
}

static int move_back(struct op_ctx *ctx, uint64_t act)
{
    struct back {
        int64_t patient, from, since;
        char how[12];
    } back[256];
    size_t n = 0;
    struct query *q = tx_query(ctx->tx, "SELECT * FROM mpi_move WHERE act_id=$1 ORDER BY patient_id LIMIT 256", "i", (int64_t)act);
    while (query_next(q)) {
        back[n] = (struct back){query_int(q, "patient_id"), query_int(q, "from_id"), query_int(q, "from_ms"), ""};
        snprintf(back[n].how, sizeof back[n].how, "%s", query_text(q, "from_how"));
        n++;
    }
    int rc = query_end(q);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = tx_exec(ctx->tx, "UPDATE mpi_member SET person_id=$1, how=$2, since_ms=$3 WHERE patient_id=$4", "itii", back[i].from, back[i].how,
                     back[i].since, back[i].patient);
    return rc;
}

static int undo(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t act = arg_id(args, "act_id"), task = 0;
    int64_t undone = 0;
    struct query *q = tx_query(ctx->tx, "SELECT * FROM mpi_act WHERE id=$1", "i", (int64_t)act);
    bool found = query_next(q);
    if (found) {
        task = (uint64_t)query_int(q, "task_id");
        undone = query_int(q, "undone_ms");
        ctx->audit.patient = (uint64_t)query_int(q, "patient_id");
        ctx->audit.object = (uint64_t)query_int(q, "other_id");
    }
    int rc = query_end(q);
    if (rc)
        return rc;
    if (!found)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such act.");
    if (undone)
        return fault_set(ctx->fault, ERR_CONFLICT, "undone", "This act was undone already.");
    if (moved_since(ctx, act))
        return fault_set(ctx->fault, ERR_CONFLICT, "moved_since", "Something was done after it: undo that first.");
    rc = move_back(ctx, act);
    tx_exec(ctx->tx, "DELETE FROM mpi_apart WHERE act_id=$1", "i", (int64_t)act);
    tx_exec(ctx->tx, "UPDATE mpi_act SET undone_ms=$1, undone_by=$2 WHERE id=$3", "iii", ctx->now_ms, (int64_t)ctx->actor->person.v, (int64_t)act);
    if (task)
        tx_exec(ctx->tx, "UPDATE mpi_task SET state='open', act_id=0 WHERE id=$1", "i", (int64_t)task);
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "mpi=undo");
    *result = json_pack("{s:o}", "act_id", json_id(act));
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
        rc = rc ? rc : patient_index_put(ctx, &row, &outcome);
        patient_row_wipe(&row);
        linked += strcmp(outcome, "linked") == 0;
        review += strcmp(outcome, "review") == 0;
    }
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "indexed=%zu", n);
    *result = json_pack("{s:I,s:I,s:I,s:b}", "indexed", (json_int_t)n, "linked", (json_int_t)linked, "review", (json_int_t)review, "more",
                        (int64_t)n == limit);
    return rc;
}

/* ---- the table ---- */

static const struct field task_args[] = {
    {.name = "state", .type = FIELD_ENUM, .choices = "open|linked|apart", .help = "default open"},
    {.name = "before", .type = FIELD_ID, .help = "next of the page before"},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = LIST_MAX - 1, .help = "default 30"},
    {0},
};
static const struct field act_args[] = {
    {.name = "before", .type = FIELD_ID, .help = "id of the last one seen"},
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = LIST_MAX, .help = "default 30"},
    {0},
};
static const struct field pair_args[] = {
    {.name = "patient_id", .type = FIELD_ID, .required = true, .help = "patient"},
    {.name = "other_id", .type = FIELD_ID, .required = true, .help = "the other patient"},
    {0},
};
static const struct field one_args[] = {{.name = "patient_id", .type = FIELD_ID, .required = true, .help = "patient"}, {0}};
static const struct field decide_args[] = {
    {.name = "task_id", .type = FIELD_ID, .required = true, .help = "task"},
    {.name = "decision", .type = FIELD_ENUM, .required = true, .choices = "link|apart", .help = "one person, or two for good"},
    {0},
};
static const struct field undo_args[] = {{.name = "act_id", .type = FIELD_ID, .required = true, .help = "act"}, {0}};
static const struct field rebuild_args[] = {
    {.name = "limit", .type = FIELD_INT, .min = 1, .max = REBUILD_MAX, .help = "default 200"},
    {0},
};

const struct op index_ops[] = {
    {"mpi.tasks", OP_READ, OP_PHI, "mpi.manage", task_args, tasks, "What waits for the index steward"},
    {"mpi.pair", OP_READ, OP_PHI, "mpi.manage", pair_args, pair, "Two records side by side, and why they may be one person"},
    {"mpi.person", OP_READ, OP_PHI, "mpi.manage", one_args, person, "All records of a person and the golden record"},
    {"mpi.acts", OP_READ, OP_PHI, "mpi.manage", act_args, acts, "What was linked, kept apart, merged and split"},
    {"mpi.decide", OP_WRITE, OP_PHI, "mpi.manage", decide_args, decide, "Decide a waiting pair"},
    {"mpi.merge", OP_WRITE, OP_PHI, "mpi.manage", pair_args, merge, "Put two persons together"},
    {"mpi.split", OP_WRITE, OP_PHI, "mpi.manage", one_args, split, "Take a record out of its person"},
    {"mpi.undo", OP_WRITE, OP_PHI, "mpi.manage", undo_args, undo, "Take an act back, to the exact state before"},
    {"mpi.rebuild", OP_WRITE, OP_PHI, "mpi.manage", rebuild_args, rebuild, "Index patients registered before there was an index"},
    {0},
};
