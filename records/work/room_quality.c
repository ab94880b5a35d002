/* How each line and picture of a session was. */
#include "records/work/room_quality.h"
#include "records/work/work_ops.h"
#include "records/work/work_view.h"
#include <stdlib.h>
#include <string.h>

static const char *const line_grades[QUALITY_GRADES] = {"good", "fair", "poor", "lost"}, *const picture_grades[QUALITY_GRADES] = {"A", "B", "C", "D"};

static int64_t figure(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static void add(struct quality_means *m, const json_t *o, const char *const names[QUALITY_GRADES], const char *const abc[3])
{
    const json_t *seconds = json_object_get(o, "seconds");
    int64_t n = 0;
    for (int g = 0; g < QUALITY_GRADES; g++) {
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
static int grade(const struct quality_means *m)
{
    int64_t so_far = 0;
    for (int g = 0; g < QUALITY_GRADES - 1; g++)
        if ((so_far += m->seconds[g]) * 10 >= m->all * 9)
            return g;
    return QUALITY_GRADES - 1;
}

static struct quality_seat *seat_of(struct quality_session *s, uint64_t seat)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->seats[i].seat == seat)
            return &s->seats[i];
    if (s->n == ROOM_TICKETS_MAX)
        return NULL;
    s->seats[s->n].seat = seat;
    return &s->seats[s->n++];
}

static struct quality_stream *stream_of(struct quality_seat *s, const json_t *o)
{
    uint64_t from = 0;
    const char *id = json_string_value(json_object_get(o, "seat")), *source = json_string_value(json_object_get(o, "source"));
    if (!id || !source || id_parse(id, &from))
        return NULL;
    for (size_t i = 0; i < s->n_streams; i++)
        if (s->streams[i].from == from && strcmp(s->streams[i].source, source) == 0)
            return &s->streams[i];
    if (s->n_streams == QUALITY_STREAMS_MAX)
        return NULL;
    struct quality_stream *out = &s->streams[s->n_streams++];
    out->from = from;
    snprintf(out->source, sizeof out->source, "%s", source);
    return out;
}

static int take_streams(struct quality_seat *s, const json_t *streams)
{
    static const char *const picture[] = {"bps", "delay_ms", NULL};
    int worst = 0;
    size_t i;
    json_t *one;
    json_array_foreach (streams, i, one) {
        struct quality_stream *t = stream_of(s, one);
        struct quality_means now = {0};
        add(&now, one, picture_grades, picture);
        if (now.all && grade(&now) > worst)
            worst = grade(&now);
        if (!t)
            continue;
        add(&t->m, one, picture_grades, picture);
        t->frozen_ms += figure(one, "frozen_ms");
    }
    return worst;
}

static void take_line(struct quality_session *sum, uint64_t seat, int64_t t_ms, const char *detail)
{
    static const char *const line[] = {"up_bps", "down_bps", "rtt_ms"};
    json_t *o = json_loads(detail ? detail : "", 0, NULL);
    struct quality_seat *s = o && seat ? seat_of(sum, seat) : NULL;
    const char *limited = json_string_value(json_object_get(json_object_get(o, "page"), "limited_by"));
    if (s) {
        struct quality_means now = {0};
        add(&now, o, line_grades, line);
        add(&s->m, o, line_grades, line);
        int pictures = take_streams(s, json_object_get(o, "streams")), worst = now.all ? grade(&now) : 0;
        if (limited)
            snprintf(s->limited_by, sizeof s->limited_by, "%s", limited);
        if (s->n_lines < QUALITY_LINES_MAX)
            s->lines[s->n_lines++] = (struct quality_line){t_ms, figure(o, "loss_permille"), figure(o, "rtt_ms"), pictures > worst ? pictures : worst};
    }
    json_decref(o);
}

int quality_of_room(struct op_ctx *ctx, struct room_id room, struct quality_session *out)
{
    memset(out, 0, sizeof *out);
    int rc = tickets_of_room(ctx->tx, room, out->tickets, &out->n_tickets);
    if (rc)
        return rc;
    struct query *q = tx_query(ctx->tx, "SELECT seat_id, t_ms, detail FROM room_log WHERE room_id=$1 AND kind='quality' ORDER BY t_ms, id", "i",
                               (int64_t)room.v);
    while (query_next(q))
        take_line(out, (uint64_t)query_int(q, "seat_id"), query_int(q, "t_ms"), query_text(q, "detail"));
    return query_end(q);
}

int quality_worst(const struct quality_session *s)
{
    int worst = -1;
    for (size_t i = 0; i < s->n; i++) {
        const struct quality_seat *seat = &s->seats[i];
        if (grade(&seat->m) > worst)
            worst = grade(&seat->m);
        for (size_t k = 0; k < seat->n_streams; k++)
            if (grade(&seat->streams[k].m) > worst)
                worst = grade(&seat->streams[k].m);
    }
    return worst;
}

/* ---- as JSON ---- */
static json_t *seconds_of(const struct quality_means *m, const char *const names[QUALITY_GRADES])
{
    json_t *o = json_object();
    for (int g = 0; g < QUALITY_GRADES; g++)
        json_object_set_new(o, names[g], json_integer(m->seconds[g]));
    return o;
}

static const struct ticket_row *ticket_of(const struct quality_session *s, uint64_t seat)
{
    for (size_t i = 0; i < s->n_tickets; i++)
        if (s->tickets[i].seat == seat)
            return &s->tickets[i];
    return NULL;
}

static const char *role_of(const struct ticket_row *t)
{
    return t ? t->role : "machine";
}

static json_t *stream_view(const struct quality_stream *s, const struct ticket_row *from, bool named)
{
    int64_t n = s->m.all ? s->m.all : 1;
    json_t *o = json_pack("{s:s,s:s,s:o,s:I,s:I,s:I,s:I}", "source", s->source, "grade", picture_grades[grade(&s->m)], "seconds",
                          seconds_of(&s->m, picture_grades), "bps", (json_int_t)(s->m.a / n), "loss_permille", (json_int_t)(s->m.loss_permille / n),
                          "delay_ms", (json_int_t)(s->m.b / n), "frozen_ms", (json_int_t)s->frozen_ms);
    if (named)
        json_object_set_new(o, "from", json_string(from ? from->name : ""));
    else
        json_object_set_new(o, "from_seat", json_id(s->from));
    return o;
}

static json_t *over_time(const struct quality_seat *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->n_lines; i++)
        json_array_append_new(list, json_pack("{s:I,s:s,s:I,s:I}", "t_ms", (json_int_t)s->lines[i].t_ms, "grade", picture_grades[s->lines[i].grade], "loss_permille",
                                              (json_int_t)s->lines[i].loss_permille, "rtt_ms", (json_int_t)s->lines[i].rtt_ms));
    return list;
}

static json_t *seat_view(struct op_ctx *ctx, const struct quality_session *all, const struct quality_seat *s, bool named)
{
    const struct ticket_row *who = ticket_of(all, s->seat);
    int64_t n = s->m.all ? s->m.all : 1;
    json_t *streams = json_array();
    for (size_t i = 0; i < s->n_streams; i++)
        json_array_append_new(streams, stream_view(&s->streams[i], ticket_of(all, s->streams[i].from), named));
    json_t *o = json_pack("{s:o,s:s,s:s,s:o,s:I,s:I,s:I,s:I,s:o}", "seat", json_id(s->seat), "role", role_of(who), "grade", line_grades[grade(&s->m)], "seconds",
                          seconds_of(&s->m, line_grades), "loss_permille", (json_int_t)(s->m.loss_permille / n), "rtt_ms", (json_int_t)(s->m.c / n), "up_bps",
                          (json_int_t)(s->m.a / n), "down_bps", (json_int_t)(s->m.b / n), "streams", streams);
    if (named) {
        json_object_set_new(o, "who", json_pack("{s:o,s:s}", "id", json_id(who ? who->person.v : 0), "name", who ? who->name : ""));
        return o;
    }
    json_object_set_new(o, "org", who && who->org.v ? org_ref(ctx, who->org) : json_null());
    json_object_set_new(o, "limited_by", json_string(s->limited_by));
    json_object_set_new(o, "over_time", over_time(s));
    return o;
}

json_t *quality_people(struct op_ctx *ctx, const struct quality_session *s, bool named)
{
    json_t *people = json_array();
    for (size_t i = 0; i < s->n; i++)
        json_array_append_new(people, seat_view(ctx, s, &s->seats[i], named));
    return people;
}

/* ---- the sessions of a case, for whoever may read it ---- */
#define SESSIONS_MAX 50

int room_quality(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct case_id id = {arg_id(args, "case_id")};
    struct { struct room_id room; int64_t started_ms, ended_ms; } rooms[SESSIONS_MAX];
    size_t n = 0;
    int rc = consultation_check_read(ctx, id);
    if (rc)
        return rc;
    struct query *q = tx_query(ctx->tx, "SELECT id, started_ms, ended_ms FROM room WHERE case_id=$1 ORDER BY id DESC LIMIT $2", "ii", (int64_t)id.v,
                               (int64_t)SESSIONS_MAX);
    for (; n < SESSIONS_MAX && query_next(q); n++) {
        rooms[n].room.v = (uint64_t)query_int(q, "id");
        rooms[n].started_ms = query_int(q, "started_ms");
        rooms[n].ended_ms = query_int(q, "ended_ms");
    }
    rc = query_end(q);
    struct quality_session *sum = malloc(sizeof *sum);
    if (!sum)
        abort();
    json_t *items = json_array();
    for (size_t i = n; i > 0 && rc == 0; i--) { /* oldest first */
        rc = quality_of_room(ctx, rooms[i - 1].room, sum);
        if (rc == 0 && sum->n)
            json_array_append_new(items, json_pack("{s:o,s:o,s:o,s:o}", "room_id", json_id(rooms[i - 1].room.v), "started_ms", work_time(rooms[i - 1].started_ms),
                                                   "ended_ms", work_time(rooms[i - 1].ended_ms), "people", quality_people(ctx, sum, true)));
    }
    free(sum);
    *result = json_pack("{s:o}", "items", items);
    return rc ? rc : tx_error(ctx->tx);
}
