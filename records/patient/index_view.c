/* What the index steward sees: what waits, two records side by side and why, a person with the golden record and what was done to it. */
#include "records/patient/index_desk.h"
#include "records/store/sealed.h"
#include "server/base/crypto.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *line_of(struct op_ctx *ctx, uint64_t patient)
{
    struct patient_row row;
    json_t *o = patient && patient_load(ctx, patient, &row) == 0 ? patient_line_json(ctx, &row) : NULL;
    if (o)
        patient_row_wipe(&row);
    return o ? o : json_null();
}

static size_t member_ids(struct op_ctx *ctx, uint64_t person, int64_t out[INDEX_LIST_MAX])
{
    size_t n = 0;
    struct query *q = tx_query(ctx->tx, "SELECT patient_id FROM mpi_member WHERE person_id=$1 ORDER BY patient_id LIMIT $2", "ii",
                               (int64_t)person, (int64_t)INDEX_LIST_MAX);
    while (query_next(q))
        out[n++] = query_int(q, "patient_id");
    return query_end(q) ? 0 : n; /* the error sticks: the operation looks once */
}

static json_t *members_of(struct op_ctx *ctx, uint64_t person)
{
    int64_t members[INDEX_LIST_MAX];
    size_t n = member_ids(ctx, person, members);
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, line_of(ctx, (uint64_t)members[i]));
    return items;
}

static json_t *text_or_null(const char *text)
{
    return text && *text ? json_string(text) : json_null();
}

static json_t *staff_or_null(struct query *q, const char *id, const char *name)
{
    uint64_t v = (uint64_t)query_int(q, id);
    const char *text = query_text(q, name);
    return v ? json_pack("{s:o,s:s}", "id", json_id(v), "name", text ? text : "") : json_null();
}

/* ---- what waits ---- */

void index_task_from(struct query *q, struct index_task *t)
{
    *t = (struct index_task){.id = (uint64_t)query_int(q, "id"),
                             .patient = (uint64_t)query_int(q, "patient_id"),
                             .other = (uint64_t)query_int(q, "other_id"),
                             .act = (uint64_t)query_int(q, "act_id"),
                             .reported_by = (uint64_t)query_int(q, "reported_by"),
                             .odds_milli = query_int(q, "odds_milli"),
                             .created_ms = query_int(q, "created_ms"),
                             .later_ms = query_int(q, "later_ms")};
    snprintf(t->why, sizeof t->why, "%s", query_text(q, "why"));
    snprintf(t->state, sizeof t->state, "%s", query_text(q, "state"));
}

/* The doctor's words of a report, or those of the steward who put it off. */
static json_t *note_of(struct op_ctx *ctx, const struct index_task *t)
{
    json_t *note = NULL;
    struct query *q = strcmp(t->why, "reported") == 0 && !t->act
                          ? tx_query(ctx->tx, "SELECT id, patient_id, note FROM mpi_task WHERE id=$1", "i", (int64_t)t->id)
                          : tx_query(ctx->tx, "SELECT id, patient_id, note FROM mpi_act WHERE id=$1", "i", (int64_t)t->act);
    enum sealed_column column = t->act ? SEALED_MPI_NOTE : SEALED_MPI_REPORT;
    if (query_next(q))
        note = text_or_null(query_sealed(q, "note", column, (uint64_t)query_int(q, "id"), (uint64_t)query_int(q, "patient_id")));
    return query_end(q) || !note ? json_null() : note;
}

static json_t *reporter_of(struct op_ctx *ctx, uint64_t person)
{
    json_t *who = NULL;
    struct query *q = tx_query(ctx->tx, "SELECT id, name FROM person WHERE id=$1", "i", (int64_t)person);
    if (query_next(q))
        who = staff_or_null(q, "id", "name");
    return query_end(q) || !who ? json_null() : who;
}

static json_t *task_json(struct op_ctx *ctx, const struct index_task *t)
{
    return json_pack("{s:o,s:s,s:s,s:f,s:I,s:o,s:o,s:o,s:o,s:o}", "id", json_id(t->id), "state", t->state, "why", t->why, "odds",
                     (double)patient_index_odds(ctx, t->patient, t->other), "created_ms", (json_int_t)t->created_ms, "later_ms",
                     t->later_ms ? json_integer(t->later_ms) : json_null(), "note", note_of(ctx, t), "reported_by", reporter_of(ctx, t->reported_by),
                     "a", line_of(ctx, t->patient), "b", line_of(ctx, t->other));
}

/* What was put off comes back when its time has come. */
#define WAITING "(t.state='open' OR (t.state='later' AND t.later_ms<=$1))"

static json_t *counts(struct op_ctx *ctx)
{
    json_t *why = json_object(), *orgs = json_array();
    struct query *q = tx_query(ctx->tx, "SELECT t.why, COUNT(*) AS n FROM mpi_task t WHERE " WAITING " GROUP BY t.why", "i", ctx->now_ms);
    json_int_t open = 0;
    while (query_next(q)) {
        json_object_set_new(why, query_text(q, "why"), json_integer(query_int(q, "n")));
        open += query_int(q, "n");
    }
    int rc = query_end(q);
    q = tx_query(ctx->tx,
                 "SELECT p.org_id AS id, MAX(o.name) AS name, COUNT(*) AS n FROM mpi_task t JOIN patient p ON p.id=t.patient_id LEFT JOIN org o ON "
                 "o.id=p.org_id WHERE " WAITING " GROUP BY p.org_id ORDER BY COUNT(*) DESC, p.org_id",
                 "i", ctx->now_ms);
    while (rc == 0 && query_next(q))
        json_array_append_new(orgs, json_pack("{s:o,s:I}", "org", staff_or_null(q, "id", "name"), "count", (json_int_t)query_int(q, "n")));
    if (query_end(q))
        rc = tx_error(ctx->tx);
    int64_t later = tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM mpi_task WHERE state='later' AND later_ms>$1", "i", ctx->now_ms);
    int64_t day = tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM mpi_act WHERE person_id=$1 AND t_ms>=$2 AND undone_ms=0 AND task_id<>0", "ii",
                         (int64_t)ctx->actor->person.v, ctx->now_ms - 86400000);
    return json_pack("{s:I,s:I,s:I,s:o,s:o}", "open", open, "later", (json_int_t)later, "mine_day", (json_int_t)day, "why", why, "orgs", orgs);
}

/* "odds_id" of the last one of the page before. */
static int read_after(struct op_ctx *ctx, const char *text, int64_t *odds, int64_t *id)
{
    char *end;
    *odds = 0;
    *id = 0;
    if (!text)
        return 0;
    *odds = strtoll(text, &end, 10);
    uint64_t v;
    if (*end != '_' || id_parse(end + 1, &v))
        return fault_field(ctx->fault, "after", "wrong");
    *id = (int64_t)v;
    return 0;
}

/* One text each for the two orders: the engine can walk an index only when it knows the order. */
#define TASKS                                                                                                                                     \
    "SELECT t.* FROM mpi_task t JOIN patient p ON p.id=t.patient_id JOIN patient o ON o.id=t.other_id WHERE ($2='open' AND " WAITING " OR "   \
    "$2<>'open' AND t.state=$2 AND ($2<>'later' OR t.later_ms>$1)) AND ($3='' OR t.why=$3) AND ($4=0 OR p.org_id=$4 OR o.org_id=$4) "

static struct query *find_tasks(struct op_ctx *ctx, json_t *args, int64_t odds, int64_t id)
{
    const char *state = arg_text(args, "state"), *why = arg_text(args, "why"), *sort = arg_text(args, "sort");
    int64_t org = (int64_t)arg_id(args, "org_id"), limit = arg_int(args, "limit", 30) + 1;
    state = state ? state : "open";
    why = why ? why : "";
    if (sort && strcmp(sort, "likely") == 0)
        return tx_query(ctx->tx,
                        TASKS "AND ($5=0 OR t.odds_milli<$6 OR (t.odds_milli=$6 AND t.id>$5)) ORDER BY t.odds_milli DESC, t.id LIMIT $7",
                        "ittiiii", ctx->now_ms, state, why, org, id, odds, limit);
    if (sort && strcmp(sort, "newest") == 0)
        return tx_query(ctx->tx, TASKS "AND ($5=0 OR t.id<$5) ORDER BY t.id DESC LIMIT $6", "ittiii", ctx->now_ms, state, why, org, id, limit);
    return tx_query(ctx->tx, TASKS "AND t.id>$5 ORDER BY t.id LIMIT $6", "ittiii", ctx->now_ms, state, why, org, id, limit);
}

int index_tasks(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct index_task found[INDEX_LIST_MAX + 1];
    int64_t odds, id, limit = arg_int(args, "limit", 30);
    size_t n = 0;
    char next[48] = "", hex[ID_TEXT_BYTES];
    int rc = read_after(ctx, arg_text(args, "after"), &odds, &id);
    if (rc)
        return rc;
    struct query *q = find_tasks(ctx, args, odds, id);
    while (query_next(q) && n <= INDEX_LIST_MAX)
        index_task_from(q, &found[n++]);
    rc = query_end(q);
    if (rc)
        return rc;
    bool more = (int64_t)n > limit;
    n = more ? (size_t)limit : n;
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, task_json(ctx, &found[i]));
    if (more) {
        id_format(found[n - 1].id, hex);
        snprintf(next, sizeof next, "%" PRId64 "_%s", found[n - 1].odds_milli, hex);
    }
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "tasks=%zu", n);
    *result = json_pack("{s:o,s:o,s:o}", "items", items, "next", text_or_null(next), "counts", id ? json_null() : counts(ctx));
    return tx_error(ctx->tx);
}

/* ---- a pair ---- */

int index_stamp(struct op_ctx *ctx, uint64_t patient, uint64_t other, char out[INDEX_STAMP_BYTES])
{
    struct sha256_state s;
    uint8_t digest[SHA256_BYTES];
    uint64_t persons[2] = {patient_index_person(ctx, patient), other ? patient_index_person(ctx, other) : 0};
    int rc = 0;
    if (persons[0] > persons[1]) /* whichever is named first */
        persons[0] ^= persons[1], persons[1] ^= persons[0], persons[0] ^= persons[1];
    sha256_init(&s);
    for (int i = 0; i < 2 && rc == 0; i++) {
        struct query *q = tx_query(ctx->tx,
                                   "SELECT m.patient_id, m.person_id, p.version FROM mpi_member m JOIN patient p ON p.id=m.patient_id "
                                   "WHERE m.person_id=$1 ORDER BY m.patient_id",
                                   "i", (int64_t)persons[i]);
        while (persons[i] && query_next(q)) {
            const int64_t row[] = {query_int(q, "patient_id"), query_int(q, "person_id"), query_int(q, "version")};
            sha256_update(&s, row, sizeof row);
        }
        rc = query_end(q);
    }
    sha256_final(&s, digest);
    if (rc == 0 && hex_encode(digest, (INDEX_STAMP_BYTES - 1) / 2, out, INDEX_STAMP_BYTES) < 0)
        rc = ERR_INTERNAL;
    return rc;
}

/* "auto", "steward" or "new": how the record came to this person; "" when the index does not know it. */
static json_t *how_of(struct op_ctx *ctx, uint64_t patient)
{
    json_t *how = NULL;
    struct query *q = tx_query(ctx->tx, "SELECT how FROM mpi_member WHERE patient_id=$1", "i", (int64_t)patient);
    if (query_next(q))
        how = json_string(query_text(q, "how"));
    return query_end(q) || !how ? json_string("") : how;
}

static json_t *actions_of(bool together, const json_t *why)
{
    if (together)
        return json_pack("[s,s]", "split", "confirm");
    return json_is_null(json_object_get(why, "barred")) ? json_pack("[s]", "merge") : json_array();
}

static json_t *open_task_of(struct op_ctx *ctx, uint64_t a, uint64_t b)
{
    struct index_task t;
    struct query *q = tx_query(ctx->tx,
                               "SELECT t.* FROM mpi_task t WHERE t.state IN ('open','later') AND (t.patient_id=$1 AND t.other_id=$2 OR t.patient_id=$2 "
                               "AND t.other_id=$1) ORDER BY t.id LIMIT 1",
                               "ii", (int64_t)a, (int64_t)b);
    bool found = query_next(q);
    if (found)
        index_task_from(q, &t);
    if (query_end(q) || !found)
        return json_null();
    return task_json(ctx, &t);
}

static int pair_json(struct op_ctx *ctx, const struct patient_row *a, const struct patient_row *b, json_t **result)
{
    char stamp[INDEX_STAMP_BYTES];
    json_t *why = patient_index_compare(ctx, a->id, b->id);
    if (!why)
        return ctx->fault->code;
    uint64_t pa = patient_index_person(ctx, a->id), pb = patient_index_person(ctx, b->id);
    bool together = pa && pa == pb;
    int rc = index_stamp(ctx, a->id, b->id, stamp);
    if (rc) {
        json_decref(why);
        return rc;
    }
    *result = json_pack("{s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:s,s:o}", "a", patient_row_json(ctx, a), "b", patient_row_json(ctx, b), "why", why, "together",
                        together, "a_members", members_of(ctx, pa), "b_members", members_of(ctx, pb), "actions", actions_of(together, why), "stamp",
                        stamp, "task", open_task_of(ctx, a->id, b->id));
    json_object_set_new(json_object_get(*result, "a"), "how", how_of(ctx, a->id));
    json_object_set_new(json_object_get(*result, "b"), "how", how_of(ctx, b->id));
    return tx_error(ctx->tx);
}

int index_pair(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct patient_row a, b;
    ctx->audit.patient = arg_id(args, "patient_id");
    ctx->audit.object = arg_id(args, "other_id");
    if (ctx->audit.patient == ctx->audit.object)
        return fault_field(ctx->fault, "other_id", "the_same");
    int rc = patient_load(ctx, ctx->audit.patient, &a);
    rc = rc ? rc : patient_load(ctx, ctx->audit.object, &b);
    rc = rc ? rc : pair_json(ctx, &a, &b, result);
    patient_row_wipe(&a);
    patient_row_wipe(&b);
    return rc;
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

json_t *patient_index_golden(const json_t *members)
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

/* ---- what was done ---- */

#define ACTS                                                                                                                                      \
    "SELECT a.*, s.name AS by_name, u.name AS undone_name FROM mpi_act a LEFT JOIN person s ON s.id=a.person_id LEFT JOIN person u ON "        \
    "u.id=a.undone_by "
#define ACTS_MAX 200

struct act_row {
    uint64_t id, patient, other;
    json_t *json;
};

static struct act_row act_from(struct query *q)
{
    struct act_row a = {.id = (uint64_t)query_int(q, "id"), .patient = (uint64_t)query_int(q, "patient_id"), .other = (uint64_t)query_int(q, "other_id")};
    a.json = json_pack("{s:o,s:s?,s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:o}", "id", json_id(a.id), "kind", query_text(q, "kind"), "task_id",
                       json_id((uint64_t)query_int(q, "task_id")), "patient_id", json_id(a.patient), "other_id", json_id(a.other), "by",
                       staff_or_null(q, "person_id", "by_name"), "t_ms", (json_int_t)query_int(q, "t_ms"), "undone_ms",
                       (json_int_t)query_int(q, "undone_ms"), "undone_by", staff_or_null(q, "undone_by", "undone_name"), "note",
                       text_or_null(query_sealed(q, "note", SEALED_MPI_NOTE, a.id, a.patient)));
    return a;
}

/* Rows first, then the patients they name: a query is not left open while others run for each of its rows. */
static json_t *acts_json(struct op_ctx *ctx, struct query *q, int *rc)
{
    struct act_row rows[ACTS_MAX];
    size_t n = 0;
    json_t *items = json_array();
    while (n < ACTS_MAX && query_next(q))
        rows[n++] = act_from(q);
    *rc = query_end(q);
    for (size_t i = 0; i < n; i++) {
        json_object_set_new(rows[i].json, "patient", line_of(ctx, rows[i].patient));
        json_object_set_new(rows[i].json, "other", line_of(ctx, rows[i].other));
        json_array_append_new(items, rows[i].json);
    }
    return items;
}

int index_acts(struct op_ctx *ctx, json_t *args, json_t **result)
{
    int rc;
    int64_t before = (int64_t)arg_id(args, "before"), limit = arg_int(args, "limit", 30);
    const char *by = arg_text(args, "by");
    json_t *items = acts_json(ctx,
                              tx_query(ctx->tx, ACTS "WHERE a.id<$1 AND ($2='' OR $2='staff' AND a.person_id<>0 OR $2='auto' AND a.person_id=0 OR "
                                                     "$2='me' AND a.person_id=$3) ORDER BY a.id DESC LIMIT $4",
                                       "itii", before ? before : INT64_MAX, by ? by : "", (int64_t)ctx->actor->person.v, limit),
                              &rc);
    json_t *last = json_array_get(items, json_array_size(items) ? json_array_size(items) - 1 : 0);
    json_t *next = (int64_t)json_array_size(items) == limit ? json_incref(json_object_get(last, "id")) : json_null();
    *result = json_pack("{s:o,s:o}", "items", items, "next", next);
    return rc ? rc : tx_error(ctx->tx);
}

#define HISTORY_SHOWN 100

/* Everything that ever touched one of the members, also those who have left since. */
static json_t *history_of(struct op_ctx *ctx, uint64_t person, int *rc)
{
    return acts_json(ctx,
                     tx_query(ctx->tx,
                              ACTS "WHERE a.id IN (SELECT b.id FROM mpi_act b JOIN mpi_member m ON m.patient_id=b.patient_id WHERE m.person_id=$1 "
                                   "UNION SELECT b.id FROM mpi_act b JOIN mpi_member m ON m.patient_id=b.other_id WHERE m.person_id=$1 "
                                   "UNION SELECT v.act_id FROM mpi_move v JOIN mpi_member m ON m.patient_id=v.patient_id WHERE m.person_id=$1) "
                                   "ORDER BY a.id DESC LIMIT $2",
                              "ii", (int64_t)person, (int64_t)HISTORY_SHOWN + 1),
                     rc);
}

static json_t *whole_members(struct op_ctx *ctx, uint64_t person)
{
    int64_t members[INDEX_LIST_MAX];
    size_t n = member_ids(ctx, person, members);
    json_t *whole = json_array();
    for (size_t i = 0; i < n; i++) {
        struct patient_row row;
        if (patient_load(ctx, (uint64_t)members[i], &row))
            continue;
        json_t *o = patient_row_json(ctx, &row);
        patient_row_wipe(&row);
        json_object_set_new(o, "how", how_of(ctx, row.id));
        json_array_append_new(whole, o);
    }
    return whole;
}

/* The records beside the one that was asked for are read as well. */
static void also_read(struct op_ctx *ctx, const json_t *whole)
{
    size_t i;
    json_t *one;
    json_array_foreach(whole, i, one)
    {
        uint64_t patient = arg_id(one, "id");
        if (patient && patient != ctx->audit.patient && ctx->audit.n_also < OP_ALSO_MAX)
            ctx->audit.also[ctx->audit.n_also++] = (struct op_also){patient, "index"};
    }
}

int index_person(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t patient = arg_id(args, "patient_id"), who = patient_index_person(ctx, patient);
    char stamp[INDEX_STAMP_BYTES];
    ctx->audit.patient = patient;
    if (!who)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "", "The index does not know this patient.");
    int rc = index_stamp(ctx, patient, 0, stamp);
    if (rc)
        return rc;
    json_t *whole = whole_members(ctx, who);
    also_read(ctx, whole);
    json_t *history = history_of(ctx, who, &rc);
    *result = json_pack("{s:o,s:o,s:o,s:b,s:o,s:s}", "id", json_id(who), "golden", patient_index_golden(whole), "members", whole, "history_truncated",
                        json_cut(history, HISTORY_SHOWN), "history", history, "stamp", stamp);
    return rc ? rc : tx_error(ctx->tx);
}

/* ---- finding a person, whichever institution knows him ---- */

static bool among(const json_t *items, const json_t *id)
{
    size_t i;
    json_t *one;
    json_array_foreach(items, i, one) if (json_equal(json_object_get(one, "id"), id)) return true;
    return false;
}

int index_find(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t ids[SEARCH_LIMIT];
    size_t n = patient_look_up(ctx, 0, arg_text(args, "q"), ids, SEARCH_LIMIT);
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++) {
        uint64_t person = patient_index_person(ctx, ids[i]);
        json_t *id = json_id(person ? person : ids[i]);
        if (!among(items, id))
            json_array_append_new(items, json_pack("{s:O,s:o,s:o}", "id", id, "patient_id", json_id(ids[i]), "members",
                                                   person ? members_of(ctx, person) : json_pack("[o]", line_of(ctx, ids[i]))));
        json_decref(id);
    }
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "found=%zu", n);
    *result = json_pack("{s:o}", "items", items);
    return tx_error(ctx->tx);
}

/* ---- one act, and what undoing it restores ---- */

static json_t *moves_of(struct op_ctx *ctx, uint64_t act)
{
    struct {
        uint64_t patient, from, to, now;
        char how[12];
    } moves[INDEX_LIST_MAX];
    size_t n = 0;
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT v.*, m.person_id AS now_id FROM mpi_move v LEFT JOIN mpi_member m ON m.patient_id=v.patient_id WHERE v.act_id=$1 "
                               "ORDER BY v.patient_id LIMIT $2",
                               "ii", (int64_t)act, (int64_t)INDEX_LIST_MAX);
    for (; query_next(q); n++) {
        moves[n].patient = (uint64_t)query_int(q, "patient_id");
        moves[n].from = (uint64_t)query_int(q, "from_id");
        moves[n].to = (uint64_t)query_int(q, "to_id");
        moves[n].now = (uint64_t)query_int(q, "now_id");
        snprintf(moves[n].how, sizeof moves[n].how, "%s", query_text(q, "from_how"));
    }
    if (query_end(q))
        return items;
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, json_pack("{s:o,s:o,s:o,s:o,s:s,s:o}", "patient", line_of(ctx, moves[i].patient), "from_id", json_id(moves[i].from),
                                               "to_id", json_id(moves[i].to), "now_id", json_id(moves[i].now), "from_how", moves[i].how, "back_with",
                                               members_of(ctx, moves[i].from)));
    return items;
}

int index_act(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t id = arg_id(args, "act_id");
    int rc;
    json_t *found = acts_json(ctx, tx_query(ctx->tx, ACTS "WHERE a.id=$1", "i", (int64_t)id), &rc), *act = json_incref(json_array_get(found, 0));
    json_decref(found);
    if (rc)
        return rc;
    if (!act)
        return fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such act.");
    ctx->audit.object = id;
    const char *bar = index_undo_bar(ctx, id);
    json_object_set_new(act, "moves", moves_of(ctx, id));
    json_object_set_new(act, "apart", json_integer(tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM mpi_apart WHERE act_id=$1", "i", (int64_t)id)));
    json_object_set_new(act, "task_comes_back", json_boolean(!json_is_null(json_object_get(act, "task_id"))));
    json_object_set_new(act, "may_undo", json_boolean(!*bar));
    json_object_set_new(act, "why_not", text_or_null(bar));
    *result = act;
    return tx_error(ctx->tx);
}
