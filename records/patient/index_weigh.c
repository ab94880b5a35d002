/* Persons weighed as wholes, as in records/mpi/cluster.c, and what the machine leaves to the steward. */
#include "records/patient/index_lookup.h"
#include <math.h>

#define LINK_ODDS 4.6f  /* 99 %: put together at once */
#define PAIRS_MAX 2500  /* of two persons that are looked at; larger ones are no persons */

size_t lookup_size(const struct lookup *l, uint64_t person)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += l->person[i] == person;
    return n;
}

/* false when two of their records can never be one person. */
static bool tally_pairs(struct lookup *l, uint64_t a, uint64_t b, struct mpi_tally *tally)
{
    const struct mpi_record *r = l->set.records;
    for (size_t i = 0; i < l->n; i++)
        for (size_t j = 0; l->person[i] == a && j < l->n; j++) {
            struct mpi_match pair;
            if (l->person[j] != b)
                continue;
            if (mpi_barred(&l->set, &r[i], &r[j]))
                return false;
            mpi_compare(&l->set, &r[i], &r[j], &pair);
            lookup_shares(l, i, &pair);
            mpi_tally_add(tally, &pair);
        }
    return true;
}

static float odds_of(const struct lookup *l, const struct mpi_tally *tally)
{
    struct mpi_match all;
    mpi_tally_settle(tally, &all);
    return mpi_model_odds(&l->x->model, &all);
}

float lookup_weigh(struct lookup *l, uint64_t a, uint64_t b)
{
    struct mpi_tally tally = {0};
    bool possible = lookup_size(l, a) * lookup_size(l, b) <= PAIRS_MAX && tally_pairs(l, a, b, &tally);
    return possible ? odds_of(l, &tally) : -INFINITY;
}

/* ---- who may be the person of record 0 ---- */

static bool first_of_person(const struct lookup *l, size_t i)
{
    bool again = false;
    for (size_t j = 0; j < i && !again; j++)
        again = l->person[j] == l->person[i];
    return !again;
}

/* The best record of a person to show: the first likely candidate, else the first. */
static uint64_t shown_of(const struct lookup *l, size_t first)
{
    for (size_t i = first; i < l->candidates; i++)
        if (l->likely[i] && l->person[i] == l->person[first])
            return l->patient[i];
    return l->patient[first];
}

static void insert(struct rival out[RIVALS_MAX], size_t *n, struct rival one)
{
    size_t at = *n < RIVALS_MAX ? (*n)++ : RIVALS_MAX - 1;
    if (at == RIVALS_MAX - 1 && *n == RIVALS_MAX && out[at].person && out[at].odds >= one.odds)
        return;
    for (; at && out[at - 1].odds < one.odds; at--)
        out[at] = out[at - 1];
    out[at] = one;
}

size_t lookup_rivals(struct lookup *l, float least, struct rival out[RIVALS_MAX])
{
    size_t n = 0;
    uint64_t own = l->person[0];
    memset(out, 0, RIVALS_MAX * sizeof *out);
    for (size_t i = 1; i < l->n; i++) {
        uint64_t person = l->person[i];
        if (!person || person == own || !first_of_person(l, i))
            continue;
        float odds = lookup_weigh(l, own, person);
        if (odds >= least && !patient_index_apart(l->ctx, own, person))
            insert(out, &n, (struct rival){person, shown_of(l, i), odds});
    }
    return n;
}

/* ---- what the machine may do ---- */

/* A steward took a link of the two back, or put their pair off: whoever has it in hand decides. */
static bool steward_has_it(struct op_ctx *ctx, uint64_t a, uint64_t b)
{
    static const char sql[] = "SELECT COUNT(*) AS n FROM (SELECT x.id FROM mpi_member m JOIN mpi_move v ON v.patient_id=m.patient_id JOIN mpi_act x ON x.id=v.act_id "
                              "LEFT JOIN mpi_member o ON o.patient_id=x.other_id WHERE m.person_id=$1 AND x.undone_ms>0 AND x.kind IN ('auto','link','merge') AND "
                              "(v.to_id=$2 OR o.person_id=$2) UNION ALL SELECT t.id FROM mpi_member m JOIN mpi_task t ON t.patient_id=m.patient_id JOIN mpi_member o ON "
                              "o.patient_id=t.other_id WHERE m.person_id=$1 AND o.person_id=$2 AND " TASK_STATE "='later') AS held";
    return tx_int(ctx->tx, 1, sql, "ii", (int64_t)a, (int64_t)b) > 0 || tx_int(ctx->tx, 1, sql, "ii", (int64_t)b, (int64_t)a) > 0;
}

/* No steward has had a say in who it is, and nobody doubts it. */
static bool by_machine(struct op_ctx *ctx, uint64_t person)
{
    static const char sql[] = "SELECT COUNT(*) AS n FROM (SELECT patient_id FROM mpi_member WHERE person_id=$1 AND how='steward' UNION ALL "
                              "SELECT t.id FROM mpi_member m JOIN mpi_task t ON t.patient_id=m.patient_id WHERE m.person_id=$1 AND " TASK_WAITS " AND "
                              "t.why IN ('conflict','reported')) AS said";
    return tx_int(ctx->tx, 1, sql, "i", (int64_t)person) == 0;
}

/* A lone record joins whoever he is; a person of several is moved, or added to by several, only when he is the machine's own work. */
static bool movable(const struct lookup *l, uint64_t a, uint64_t b)
{
    bool alone = lookup_size(l, a) == 1, other_alone = lookup_size(l, b) == 1;
    bool free = by_machine(l->ctx, a), other_free = by_machine(l->ctx, b);
    return (alone && free) || (other_alone && other_free) || (free && other_free && !l->cut);
}

static bool may_be(struct lookup *l, uint64_t a, uint64_t b)
{
    return lookup_weigh(l, a, b) >= REVIEW_ODDS && !patient_index_apart(l->ctx, a, b);
}

/* A third who may be one of two: all one person, or is it either this or that? */
static bool all_one(struct lookup *l, uint64_t a, uint64_t b, uint64_t third)
{
    struct mpi_tally tally = {0};
    return tally_pairs(l, a, third, &tally) && tally_pairs(l, b, third, &tally) && odds_of(l, &tally) >= REVIEW_ODDS &&
           !patient_index_apart(l->ctx, a, third) && !patient_index_apart(l->ctx, b, third);
}

bool lookup_certain(struct lookup *l, const struct rival *r)
{
    uint64_t own = l->person[0];
    if (r->odds < LINK_ODDS || steward_has_it(l->ctx, own, r->person) || !movable(l, own, r->person))
        return false;
    for (size_t i = 1; i < l->n; i++) {
        uint64_t third = l->person[i];
        bool other = third && third != own && third != r->person && first_of_person(l, i);
        if (other && (may_be(l, own, third) || may_be(l, r->person, third)) && !all_one(l, own, r->person, third))
            return false;
    }
    return true;
}
