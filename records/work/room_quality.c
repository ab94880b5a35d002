/* How each line of a case's sessions was: the room's log has a line of figures per seat and minute (server/room/desk_media.c,
 * media_quality_note); here they are summed. Private to records/work. */
#include "records/work/room_row.h"
#include "records/work/work_ops.h"
#include "records/work/work_view.h"
#include <stdlib.h>
#include <string.h>

#define STREAMS_MAX 32 /* that one seat received in a session */
#define GRADES 4

static const char *const line_grades[GRADES] = {"good", "fair", "poor", "lost"}, *const picture_grades[GRADES] = {"A", "B", "C", "D"};

struct means { /* weighted by seconds */
    int64_t seconds[GRADES], all, loss_permille, a, b, c; /* a, b, c: up_bps, down_bps, rtt_ms; or bps, delay_ms, nothing */
};
struct stream_sum {
    uint64_t from;
    char source[12];
    struct means m;
    int64_t frozen_ms;
};
struct seat_sum {
    uint64_t seat;
    struct means m;
    size_t n_streams;
    struct stream_sum streams[STREAMS_MAX];
};
struct session_sum {
    size_t n;
    struct seat_sum seats[ROOM_TICKETS_MAX];
};

static int64_t figure(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static void add(struct means *m, const json_t *o, const char *const names[GRADES], const char *const abc[3])
{
    const json_t *seconds = json_object_get(o, "seconds");
    int64_t n = 0;
    for (int g = 0; g < GRADES; g++) {
        int64_t s = figure(seconds, names[g]);
        m->seconds[g] += s;
        n += s;
    }
    m->all += n;
    m->loss_permille += n * figure(o, "loss_permille");
    m->a += n * figure(o, abc[0]);
    m->b += n * figure(o, abc[1]);
    m->c += abc[2] ? n * figure(o, abc[2]) : 0;
}

/* The grade that nine tenths of the time reached or bettered. */
static const char *grade(const struct means *m, const char *const names[GRADES])
{
    int64_t so_far = 0;
    for (int g = 0; g < GRADES - 1; g++)
        if ((so_far += m->seconds[g]) * 10 >= m->all * 9)
            return names[g];
    return names[GRADES - 1];
}

static struct seat_sum *seat_of(struct session_sum *s, uint64_t seat)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->seats[i].seat == seat)
            return &s->seats[i];
    if (s->n == ROOM_TICKETS_MAX)
        return NULL;
    s->seats[s->n].seat = seat;
    return &s->seats[s->n++];
}

static struct stream_sum *stream_of(struct seat_sum *s, const json_t *o)
{
    uint64_t from = 0;
    const char *id = json_string_value(json_object_get(o, "seat")), *source = json_string_value(json_object_get(o, "source"));
    if (!id || !source || id_parse(id, &from))
        return NULL;
    for (size_t i = 0; i < s->n_streams; i++)
        if (s->streams[i].from == from && strcmp(s->streams[i].source, source) == 0)
            return &s->streams[i];
    if (s->n_streams == STREAMS_MAX)
        return NULL;
    struct stream_sum *out = &s->streams[s->n_streams++];
    out->from = from;
    snprintf(out->source, sizeof out->source, "%s", source);
    return out;
}

static void take_line(struct session_sum *sum, uint64_t seat, const char *detail)
{
    static const char *const line[] = {"up_bps", "down_bps", "rtt_ms"}, *const picture[] = {"bps", "delay_ms", NULL};
    json_t *o = json_loads(detail ? detail : "", 0, NULL), *one;
    struct seat_sum *s = o && seat ? seat_of(sum, seat) : NULL;
    size_t i;
    if (s) {
        add(&s->m, o, line_grades, line);
        json_array_foreach (json_object_get(o, "streams"), i, one) {
            struct stream_sum *t = stream_of(s, one);
            if (!t)
                continue;
            add(&t->m, one, picture_grades, picture);
            t->frozen_ms += figure(one, "frozen_ms");
        }
    }
    json_decref(o);
}

static json_t *seconds_of(const struct means *m, const char *const names[GRADES])
{
    json_t *o = json_object();
    for (int g = 0; g < GRADES; g++)
        json_object_set_new(o, names[g], json_integer(m->seconds[g]));
    return o;
}

static const struct ticket_row *ticket_of(const struct ticket_row *tickets, size_t n, uint64_t seat)
{
    for (size_t i = 0; i < n; i++)
        if (tickets[i].seat == seat)
            return &tickets[i];
    return NULL;
}

static json_t *stream_view(const struct stream_sum *s, const struct ticket_row *from)
{
    int64_t n = s->m.all ? s->m.all : 1;
    return json_pack("{s:s,s:s,s:s,s:o,s:I,s:I,s:I,s:I}", "from", from ? from->name : "", "source", s->source, "grade", grade(&s->m, picture_grades),
                     "seconds", seconds_of(&s->m, picture_grades), "bps", (json_int_t)(s->m.a / n), "loss_permille",
                     (json_int_t)(s->m.loss_permille / n), "delay_ms", (json_int_t)(s->m.b / n), "frozen_ms", (json_int_t)s->frozen_ms);
}

static json_t *seat_view(const struct seat_sum *s, const struct ticket_row *tickets, size_t n_tickets)
{
    const struct ticket_row *who = ticket_of(tickets, n_tickets, s->seat);
    int64_t n = s->m.all ? s->m.all : 1;
    json_t *streams = json_array();
    for (size_t i = 0; i < s->n_streams; i++)
        json_array_append_new(streams, stream_view(&s->streams[i], ticket_of(tickets, n_tickets, s->streams[i].from)));
    return json_pack("{s:o,s:{s:o,s:s},s:s,s:s,s:o,s:I,s:I,s:I,s:I,s:o}", "seat", json_id(s->seat), "who", "id", json_id(who ? who->person.v : 0), "name",
                     who ? who->name : "", "role", who ? who->role : "machine", "grade", grade(&s->m, line_grades), "seconds",
                     seconds_of(&s->m, line_grades), "loss_permille", (json_int_t)(s->m.loss_permille / n), "rtt_ms", (json_int_t)(s->m.c / n), "up_bps",
                     (json_int_t)(s->m.a / n), "down_bps", (json_int_t)(s->m.b / n), "streams", streams);
}

/* NULL: nothing was measured. */
static json_t *session_view(struct op_ctx *ctx, struct room_id room, int64_t started_ms, int64_t ended_ms)
{
    struct ticket_row tickets[ROOM_TICKETS_MAX];
    size_t n = 0;
    struct session_sum *sum = calloc(1, sizeof *sum);
    if (!sum || tickets_of_room(ctx->tx, room, tickets, &n)) {
        free(sum);
        return NULL; /* the store's error is found by the operation */
    }
    struct query *q = tx_query(ctx->tx, "SELECT seat_id, detail FROM room_log WHERE room_id=$1 AND kind='quality' ORDER BY t_ms, id", "i",
                               (int64_t)room.v);
    while (query_next(q))
        take_line(sum, (uint64_t)query_int(q, "seat_id"), query_text(q, "detail"));
    json_t *people = work_list_end(q, json_array());
    for (size_t i = 0; i < sum->n; i++)
        json_array_append_new(people, seat_view(&sum->seats[i], tickets, n));
    bool any = sum->n;
    free(sum);
    json_t *out = json_pack("{s:o,s:o,s:o,s:o}", "room_id", json_id(room.v), "started_ms", work_time(started_ms), "ended_ms", work_time(ended_ms), "people", people);
    if (any)
        return out;
    json_decref(out);
    return NULL;
}

#define SESSIONS_MAX 50

int room_quality(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct case_id id = {arg_id(args, "case_id")};
    struct { uint64_t room; int64_t started_ms, ended_ms; } rooms[SESSIONS_MAX];
    size_t n = 0;
    int rc = consultation_check_read(ctx, id);
    if (rc)
        return rc;
    struct query *q = tx_query(ctx->tx, "SELECT id, started_ms, ended_ms FROM room WHERE case_id=$1 ORDER BY id DESC LIMIT $2", "ii", (int64_t)id.v,
                               (int64_t)SESSIONS_MAX);
    for (; n < SESSIONS_MAX && query_next(q); n++) {
        rooms[n].room = (uint64_t)query_int(q, "id");
        rooms[n].started_ms = query_int(q, "started_ms");
        rooms[n].ended_ms = query_int(q, "ended_ms");
    }
    rc = query_end(q);
    json_t *items = json_array();
    for (size_t i = n; i > 0 && rc == 0; i--) { /* oldest first */
        json_t *one = session_view(ctx, (struct room_id){rooms[i - 1].room}, rooms[i - 1].started_ms, rooms[i - 1].ended_ms);
        if (one)
            json_array_append_new(items, one);
    }
    *result = json_pack("{s:o}", "items", items);
    return rc ? rc : tx_error(ctx->tx);
}
