/* What a receiver of HL7 was told of each thing, as a keyed hash of what the message says (table out_told). It decides, when a change gets its number, whether there
 * is anything new in it and which trigger event it is: HL7 knows "added", "changed", "moved" and "merged", the change feed only that something happened. It moves
 * with the number, in one transaction; a repeat of a number is the same event. */
#include "records/exchange/exchange_private.h"
#include "records/outgoing/outgoing_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct told {
    int64_t seq; /* 0 = nothing yet */
    char mark[33], start[ER7_CONTENT_START];
};

static int64_t part_of(const struct found *f)
{
    return f->report ? OUT_REPORT : 0;
}

static int load(struct tx *tx, uint64_t subscriber, const struct found *f, struct told *out)
{
    *out = (struct told){0};
    struct query *q = tx_query(tx, "SELECT seq, mark, start FROM out_told WHERE subscriber_id=$1 AND type=$2 AND part=$3 AND rid=$4", "itii", (int64_t)subscriber, f->type,
                               part_of(f), f->rid);
    if (query_next(q)) {
        out->seq = query_int(q, "seq");
        snprintf(out->mark, sizeof out->mark, "%s", query_text(q, "mark"));
        snprintf(out->start, sizeof out->start, "%s", query_text(q, "start"));
    }
    return query_end(q);
}

/* What was called off before he heard of it is none. */
static bool compare(const struct told *before, const struct fhir_seen *seen, struct found *f)
{
    if (!before->seq) {
        f->act = ER7_NEW;
        return !er7_is_over(f->type, seen->body);
    }
    f->act = f->start[0] && strcmp(f->start, before->start) != 0 ? ER7_MOVED : ER7_CHANGED;
    return strcmp(f->mark, before->mark) != 0;
}

/* A person without records is part of another; a case without a time has no appointment. */
static bool is_gone(struct found *f)
{
    bool person = strcmp(f->type, "Patient") == 0;
    f->act = person ? ER7_JOINED : ER7_ENDED;
    return person ? f->other && (int64_t)f->other != f->rid : strcmp(f->type, "Appointment") == 0;
}

bool told_is_news(struct records *r, struct tx *tx, const struct subscriber *s, const struct fhir_seen *seen, struct found *f)
{
    struct told before;
    if (load(tx, s->id, f, &before))
        return false; /* the error sticks */
    f->told = before.seq;
    if (!seen->found) /* what was never told of, or is only not for him any more, is not spoken of */
        return before.seq && is_gone(f);
    char *content = er7_content(f->type, f->report, seen->body, f->start);
    if (!content)
        return false;
    exchange_hash(records_parts(r)->exchange, content, strlen(content), f->mark);
    explicit_bzero(content, strlen(content));
    free(content);
    return compare(&before, seen, f);
}

void told_remember(struct tx *tx, uint64_t subscriber, const struct found *f, int64_t seq)
{
    if (f->act == ER7_JOINED || f->act == ER7_ENDED)
        tx_exec(tx, "DELETE FROM out_told WHERE subscriber_id=$1 AND type=$2 AND part=$3 AND rid=$4", "itii", (int64_t)subscriber, f->type, part_of(f), f->rid);
    else
        tx_upsert(tx, "out_told", "subscriber_id,type,part,rid", "subscriber_id,type,part,rid,seq,mark,start", "itiiitt", (int64_t)subscriber, f->type, part_of(f), f->rid, seq,
                  f->mark, f->start);
}
