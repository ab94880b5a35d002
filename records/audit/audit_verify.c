/* The check of the chain, and of whom lists showed (audit.h). In pieces: a server sends all that is asked for before the first row is read. */
#include "records/audit/audit_private.h"
#include <stdio.h>
#include <string.h>

#define PIECE 1000 /* lines */

static int bad(struct audit_verdict *v, int64_t seq, const char *what)
{
    v->first_bad = seq;
    snprintf(v->what, sizeof v->what, "%s", what);
    return 0;
}

static void check_line(struct query *q, char previous[HASH_TEXT], struct audit_verdict *v)
{
    char hash[HASH_TEXT];
    int64_t seq = query_int(q, "seq");
    struct audit_line line = {.op = query_text(q, "op"),
                              .outcome = query_text(q, "outcome"),
                              .person = (uint64_t)query_int(q, "person_id"),
                              .org = (uint64_t)query_int(q, "org_id"),
                              .session = (uint64_t)query_int(q, "session_id"),
                              .patient = (uint64_t)query_int(q, "patient_id"),
                              .object = (uint64_t)query_int(q, "object_id"),
                              .address = query_text(q, "address"),
                              .detail = query_text(q, "detail"),
                              .shown = query_text(q, "shown")};
    audit_line_hash(previous, seq, query_int(q, "t_ms"), &line, hash);
    if (seq != v->lines + 1)
        bad(v, v->lines + 1, "a line is missing");
    else if (strcmp(hash, query_text(q, "hash")))
        bad(v, seq, "the line, or the one before it, was changed");
    else
        v->lines = seq;
    memcpy(previous, hash, HASH_TEXT);
}

/* ---- whom lists showed ---- */

struct shown_rows {
    struct query *q;
    int64_t seq; /* of the row that is next; 0 = there is none */
};

static void next_row(struct shown_rows *s)
{
    s->seq = query_next(s->q) ? query_int(s->q, "seq") : 0;
}

/* Those of the line `seq`, which says what their hash is. */
static void check_shown(struct shown_rows *s, int64_t seq, const char *shown, struct audit_verdict *v)
{
    struct audit_shown_hash h;
    char hash[HASH_TEXT];
    audit_shown_hash_begin(&h);
    for (; s->seq == seq; next_row(s))
        audit_shown_hash_row(&h, s->q);
    audit_shown_hash_end(&h, hash);
    if (strcmp(hash, shown))
        bad(v, seq, "whom the list of this line showed was changed");
}

static int check_piece(struct tx *tx, int64_t after, char previous[HASH_TEXT], struct audit_verdict *v)
{
    struct query *q = tx_query(tx, "SELECT * FROM audit WHERE seq>$1 AND seq<=$2 ORDER BY seq", "ii", after, after + PIECE);
    struct shown_rows s = {.q = tx_query(tx, "SELECT " AUDIT_SHOWN_COLUMNS " FROM audit_shown WHERE seq>$1 AND seq<=$2 ORDER BY " AUDIT_SHOWN_ORDER, "ii", after, after + PIECE)};
    next_row(&s);
    while (!v->first_bad && query_next(q)) {
        check_line(q, previous, v);
        if (!v->first_bad)
            check_shown(&s, v->lines, query_text(q, "shown"), v);
    }
    int rc = query_end(s.q), ended = query_end(q);
    return rc ? rc : ended;
}

/* Rows that no line tells of. Lines that were cut off have been found by now. */
static int check_others(struct tx *tx, struct audit_verdict *v)
{
    int64_t n = tx_int(tx, 0, "SELECT COUNT(*) AS n FROM (SELECT seq FROM audit_shown WHERE seq<=0 UNION ALL SELECT seq FROM audit_shown WHERE seq>$1) t", "i", v->lines);
    return n ? bad(v, v->lines + 1, "rows say whom a list showed, and no line tells of that list") : tx_error(tx);
}

int audit_verify(struct tx *tx, const uint8_t key[32], struct audit_verdict *v)
{
    struct audit_head h;
    char previous[HASH_TEXT] = "", seal[HASH_TEXT];
    memset(v, 0, sizeof *v);
    int rc = audit_head_read(tx, &h);
    int64_t after = -1, newest = tx_int(tx, 0, "SELECT MAX(seq) AS n FROM audit", "");
    if (rc)
        return rc;
    while (rc == 0 && !v->first_bad && after != v->lines && v->lines < newest) {
        after = v->lines;
        rc = check_piece(tx, after, previous, v);
    }
    if (rc || v->first_bad)
        return rc;
    if (v->lines < newest) /* a whole piece is gone */
        return bad(v, v->lines + 1, "a line is missing");
    audit_head_seal(key, h.seq, h.hash, seal);
    if (!h.found && v->lines)
        return bad(v, v->lines, "the sealed head is missing");
    if (h.found && strcmp(seal, h.seal))
        return bad(v, h.seq, "the sealed head was changed");
    if (h.found && (h.seq != v->lines || strcmp(h.hash, previous)))
        return bad(v, v->lines + 1, "lines were cut off at the end");
    return check_others(tx, v);
}
