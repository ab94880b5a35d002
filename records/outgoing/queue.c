#include "records/outgoing/queue.h"
#include <stdio.h>

int queue_find(struct tx *tx, uint64_t client, uint64_t subscriber, struct queue_state *out)
{
    size_t n = 0;
    *out = (struct queue_state){0};
    struct query *q = tx_query(tx, "SELECT id, url, state, last_seq, acked_seq FROM out_subscriber WHERE client_id=$1 AND hook=0 AND ($2=0 OR id=$2) ORDER BY id LIMIT 2",
                               "ii", (int64_t)client, (int64_t)subscriber);
    while (query_next(q) && n++ == 0)
        *out = (struct queue_state){.id = (uint64_t)query_int(q, "id"), .pulled = !query_text(q, "url")[0], .off = query_text(q, "state")[0] != 'a',
                                    .last_seq = query_int(q, "last_seq"), .acked_seq = query_int(q, "acked_seq")};
    int rc = query_end(q);
    if (rc == 0 && n == 1)
        out->lowest = tx_int(tx, 0, "SELECT MIN(seq) AS seq FROM out_item WHERE subscriber_id=$1", "i", (int64_t)out->id);
    return rc ? rc : n == 0 ? ERR_NOT_FOUND : n > 1 ? ERR_CONFLICT : tx_error(tx);
}

int queue_read(struct tx *tx, uint64_t subscriber, int64_t since, bool waiting, struct queue_entry *list, size_t cap, size_t *n)
{
    *n = 0;
    struct query *q = waiting ? tx_query(tx, "SELECT seq, type, own, pkey, rid, t_ms, act, told FROM out_item WHERE subscriber_id=$1 AND state=0 AND seq>$2 ORDER BY seq LIMIT $3",
                                         "iii", (int64_t)subscriber, since, (int64_t)cap)
                              : tx_query(tx, "SELECT seq, type, own, pkey, rid, t_ms, act, told FROM out_item WHERE subscriber_id=$1 AND seq>$2 ORDER BY seq LIMIT $3", "iii",
                                         (int64_t)subscriber, since, (int64_t)cap);
    while (*n < cap && query_next(q)) {
        struct queue_entry *e = &list[(*n)++];
        *e = (struct queue_entry){.seq = query_int(q, "seq"), .pkey = query_int(q, "pkey"), .rid = query_int(q, "rid"), .t_ms = query_int(q, "t_ms"),
                                  .own = query_int(q, "own"), .act = query_int(q, "act"), .told = query_int(q, "told")};
        snprintf(e->type, sizeof e->type, "%s", query_text(q, "type"));
    }
    return query_end(q);
}

int queue_ack(struct tx *tx, uint64_t subscriber, int64_t seq, int64_t now_ms)
{
    tx_exec(tx, "UPDATE out_item SET state=1, done_ms=$1 WHERE subscriber_id=$2 AND state=0 AND seq<=$3", "iii", now_ms, (int64_t)subscriber, seq);
    return tx_exec(tx, "UPDATE out_subscriber SET acked_seq=CASE WHEN acked_seq<$1 THEN $1 ELSE acked_seq END, last_ok_ms=$2 WHERE id=$3", "iii", seq, now_ms,
                   (int64_t)subscriber);
}

int64_t queue_replay(struct tx *tx, uint64_t subscriber, int64_t seq)
{
    tx_exec(tx, "UPDATE out_item SET state=0, done_ms=0, tries=0, error='' WHERE subscriber_id=$1 AND seq>=$2", "ii", (int64_t)subscriber, seq);
    int64_t n = tx_error(tx) ? 0 : tx_changes(tx);
    tx_exec(tx, "UPDATE out_subscriber SET acked_seq=CASE WHEN acked_seq>=$1 THEN $1-1 ELSE acked_seq END, tries=0, next_ms=0, error='' WHERE id=$2", "ii", seq,
            (int64_t)subscriber);
    return n;
}
