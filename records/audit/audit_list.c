/* The auditor's list (audit_list.h): whatever is asked for and however rare it is, a page costs about the same.
 *
 * What is asked for names a source - the index or the blocks of what is rarest in it - and everything else is looked at line by line. Where that would take long the page ends early and
 * says where to go on: `next` with fewer lines than asked for, or none.
 */
#include "records/audit/audit_list.h"
#include "records/audit/audit.h"
#include "records/audit/audit_blocks.h"
#include "records/audit/audit_scope.h"
#include <stdlib.h>
#include <string.h>

#define LOOKED_AT 20000 /* lines of one index that are looked at for a page */
#define BLOCKS_A_PAGE 128 /* blocks that are read for a page */
#define BLOCKS_AT_ONCE 32
#define FOUND_MAX (3 * (AUDIT_LIST_MAX + 1)) /* a patient's lines come from three sources */

struct look {
    struct op_ctx *ctx;
    const char *op;                /* "" = any */
    int64_t before, low;           /* numbers of lines: low <= seq < before */
    int64_t from_ms, until_ms;
    int64_t person, patient, org;  /* 0 = any */
    int64_t scope;                 /* 0 = all */
    int64_t refused, limit, listed;
    int64_t floor;                 /* lines from this one on have been looked at */
    int64_t seqs[FOUND_MAX];
    size_t n;
};

/* $1 $2 the numbers, $3 person, $4 patient, $5 act, $6 refused alone, $7 $8 the times, $9 institution, $10 scope, $11 how many */
#define WHEN "a.seq<$1 AND a.seq>=$2 AND a.t_ms>=$7 AND a.t_ms<$8"
#define WHAT " AND ($4=0 OR a.patient_id=$4) AND ($5='' OR a.op=$5) AND ($6=0 OR a.outcome<>'ok') AND ($9=0 OR a.org_id=$9)"
#define SEEN " AND ($10=0 OR a.org_id IN " AUDIT_BELOW("$10") ")"
#define WHO " AND ($3=0 OR a.person_id=$3)"
#define NEWEST " ORDER BY a.seq DESC LIMIT $11"
#define LINES_THAT(fit) "SELECT a.seq FROM audit a WHERE " fit WHEN WHO WHAT SEEN NEWEST
/* A rare one is asked of its index (its condition is in the migration, word for word), or the whole audit would be read for a page. */
#define IS_REFUSED "a.seq IN (SELECT r.seq FROM audit r WHERE r.outcome<>'ok' AND r.seq<$1 AND r.seq>=$2) AND "
/* No "=": of one act alone a planner may take the order of the whole audit for that of the index, and read it all. */
#define IS_ACT "a.op>=$5 AND a.op<=$5 AND " AUDIT_OF_PEOPLE " AND "
#define IS_PERSONS "a.person_id=$3 AND a.person_id<>0 AND "

static const char all_lines[] = LINES_THAT("");
static const char of_person[] = LINES_THAT(IS_PERSONS);
static const char refused_lines[] = LINES_THAT(IS_REFUSED);
static const char of_act[] = "SELECT a.seq FROM audit a WHERE " IS_ACT WHEN WHO WHAT SEEN " ORDER BY a.op DESC, a.seq DESC LIMIT $11";
/* Where somebody signed in as he: nobody acts yet, for no institution; whether the auditor may see the account is asked before ($10). */
static const char sign_ins[] = "SELECT a.seq FROM audit a WHERE a.op='session.login' AND a.object_id=$3 AND a.person_id<>$3 AND " AUDIT_OF_OBJECT " AND $10>=0 AND " WHEN WHAT NEWEST;
static const char people_of_patient[] = LINES_THAT("a.patient_id=$4 AND a.person_id<>0 AND ");
static const char others_of_patient[] = LINES_THAT("a.patient_id=$4 AND a.person_id=0 AND ");

/* Those that fit among [low, before). */
static void take(struct look *l, const char *sql, int64_t low, int64_t before)
{
    size_t room = FOUND_MAX - l->n;
    struct query *q = tx_query(l->ctx->tx, sql, "iiiitiiiiii", before, low, l->person, l->patient, l->op, l->refused, l->from_ms, l->until_ms, l->org, l->scope, l->limit + 1);
    while (room && query_next(q)) {
        l->seqs[l->n++] = query_int(q, "seq");
        room--;
    }
    (void)!query_end(q); /* sticks */
}

static void end_at(struct look *l, int64_t floor)
{
    l->floor = floor > l->floor ? floor : l->floor;
}

/* ---- an index ---- */

/* The line up to which the newest LOOKED_AT of an index go. $1 $2 the numbers, $3 how many are passed over, $4 whose. */
#define REACH(fit, key) "SELECT a.seq FROM audit a WHERE " fit " AND a.seq<$1 AND a.seq>=$2 AND " key " ORDER BY a.seq DESC LIMIT 1 OFFSET $3"
static const char reach_person[] = REACH("a.person_id=$4 AND a.person_id<>0", "$4<>0");
static const char reach_refused[] = REACH("a.outcome<>'ok'", "$4=0");
static const char reach_act[] = "SELECT a.seq FROM audit a WHERE a.op>=$4 AND a.op<=$4 AND " AUDIT_OF_PEOPLE " AND a.seq<$1 AND a.seq>=$2 ORDER BY a.op DESC, a.seq DESC LIMIT 1 OFFSET $3";

/* Only of what is looked at in vain: without a further condition each line of the index is one of the page. */
static void take_index(struct look *l, const char *reach, const char *sql, bool further)
{
    int64_t low = l->low, floor = 0, over = LOOKED_AT;
    if (further && reach == reach_act)
        floor = tx_int(l->ctx->tx, 0, reach, "iiit", l->before, l->low, over, l->op);
    else if (further)
        floor = tx_int(l->ctx->tx, 0, reach, "iiii", l->before, l->low, over, reach == reach_person ? l->person : 0);
    end_at(l, floor);
    take(l, sql, floor > low ? floor : low, l->before);
}

/* ---- blocks ---- */

#define BLOCKS_OF(keys) "SELECT DISTINCT b.first FROM audit_block_of b WHERE b.kind=$1 AND b.key" keys " AND b.first<$3 AND b.first>$4 ORDER BY b.first DESC LIMIT $5"
static const char blocks_of_key[] = BLOCKS_OF("=$2");
static const char blocks_below[] = BLOCKS_OF(" IN " AUDIT_BELOW("$2"));

static size_t next_blocks(struct look *l, const char *sql, enum audit_block_kind kind, int64_t key, int64_t before, int64_t out[BLOCKS_AT_ONCE])
{
    size_t n = 0;
    struct query *q = tx_query(l->ctx->tx, sql, "iiiii", (int64_t)kind, key, before, l->low - AUDIT_BLOCK, (int64_t)BLOCKS_AT_ONCE);
    while (n < BLOCKS_AT_ONCE && query_next(q))
        out[n++] = query_int(q, "first");
    return query_end(q) ? 0 : n;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The newest lines, which no block has yet, then the blocks that have such a line. */
static void take_blocks(struct look *l, const char *blocks, enum audit_block_kind kind, int64_t key, const char *sql)
{
    int64_t firsts[BLOCKS_AT_ONCE], before = smaller(l->before, l->listed + 1), end = (int64_t)l->n + l->limit + 1;
    size_t read = 0, n;
    if (l->before > l->listed + 1)
        take(l, sql, larger(l->low, l->listed + 1), l->before);
    while ((int64_t)l->n < end && (n = next_blocks(l, blocks, kind, key, before, firsts)) > 0) {
        for (size_t i = 0; i < n && (int64_t)l->n < end; i++) {
            if (read++ == BLOCKS_A_PAGE) {
                end_at(l, before);
                return;
            }
            take(l, sql, larger(l->low, firsts[i]), smaller(l->before, firsts[i] + AUDIT_BLOCK));
            before = firsts[i];
        }
    }
}

/* ---- what is asked for ---- */

static void find(struct look *l)
{
    bool of_org = l->org || l->scope, further = of_org || l->refused || *l->op;
    if (l->patient) {
        take(l, people_of_patient, l->low, l->before);
        if (!l->person)
            take_blocks(l, blocks_of_key, AUDIT_BLOCK_RECORD, l->patient, others_of_patient);
    } else if (l->person) {
        take_index(l, reach_person, of_person, further);
        if (audit_scope_employs(l->ctx, (uint64_t)l->scope, (uint64_t)l->person))
            take(l, sign_ins, l->low, l->before);
    } else if (l->refused) {
        take_index(l, reach_refused, refused_lines, of_org || *l->op);
    } else if (*l->op && !audit_of_machines(l->op)) {
        take_index(l, reach_act, of_act, of_org);
    } else if (*l->op) {
        take_blocks(l, blocks_of_key, AUDIT_BLOCK_ACT, audit_block_act(l->op), all_lines);
    } else if (of_org) {
        take_blocks(l, l->org ? blocks_of_key : blocks_below, AUDIT_BLOCK_ORG, l->org ? l->org : l->scope, all_lines);
    } else {
        take(l, all_lines, l->low, l->before);
    }
}

static int newest_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* In order, and those alone before which nothing was left out. */
static size_t settle(struct look *l)
{
    size_t n = 0;
    qsort(l->seqs, l->n, sizeof *l->seqs, newest_first);
    while (n < l->n && l->seqs[n] >= l->floor)
        n++;
    return n;
}

int audit_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct look l = {.ctx = ctx, .op = arg_text(args, "op"), .from_ms = arg_int(args, "from_ms", 0), .until_ms = arg_int(args, "to_ms", INT64_MAX), .person = (int64_t)arg_id(args, "person_id"),
                     .patient = (int64_t)arg_id(args, "patient_id"), .org = (int64_t)arg_id(args, "org_id"), .refused = json_is_true(json_object_get(args, "denied")),
                     .limit = audit_page_limit(args), .listed = audit_blocks_listed(ctx->tx), .scope = (int64_t)audit_scope(ctx)};
    int64_t high;
    l.op = l.op ? l.op : "";
    if (l.org && !audit_scope_has(ctx, (uint64_t)l.scope, (uint64_t)l.org))
        return fault_set(ctx->fault, ERR_DENIED, "scope", "You see the audit of your own institution.");
    if (l.patient && l.scope && audit_scope_keeps(ctx, (uint64_t)l.scope, (uint64_t)l.patient))
        l.scope = 0;
    audit_blocks_window(ctx->tx, l.from_ms, l.until_ms, &l.low, &high);
    l.before = smaller(audit_page_before(args), high);
    find(&l);
    size_t n = settle(&l);
    bool more = n > (size_t)l.limit;
    int64_t next = more ? l.seqs[l.limit - 1] : l.floor;
    *result = audit_page(ctx->tx, l.seqs, more ? (size_t)l.limit : n, next);
    return tx_error(ctx->tx);
}
