/* The records side of the live room: tickets, the door, what the room tells, machine tokens. */
#include "tests/support/room.h"

static char room_id[ID_TEXT_BYTES];

static json_t *seat_args(const char *seat, const char *event)
{
    return json_pack("{s:s,s:s,s:s}", "room_id", room_id, "seat_id", seat, "event", event);
}

static void before_the_room_opens(void **state)
{
    (void)state;
    room_case_make(full_form());
    no(ERR_NOT_ALLOWED_NOW, "room_not_open", "zhang", "room.ticket", with_case());
    assert_string_equal(answer.fault.fields[0].path, "room.opens_ms");
    assert_int_equal(atoll(answer.fault.fields[0].reason), start_ms - 15 * 60000);
    no(ERR_NOT_FOUND, "", "sun", "room.ticket", with_case());
    no(ERR_UNAUTHENTICATED, "no_session", "", "room.ticket", with_case());
    no(ERR_DENIED, "right", "admin", "room.ticket", with_case());
    assert_int_equal(count("SELECT COUNT(*) FROM room"), 0);
}

static void every_seat_has_its_role(void **state)
{
    (void)state;
    static const struct {
        const char *name, *role;
    } seats[] = {{"zhang", "host"}, {"qian", "expert"}, {"chen", "host"}, {"zhao", "host"}};
    room_wait_open();
    for (size_t i = 0; i < 4; i++) {
        json_t *v = yes(seats[i].name, "room.ticket", with_case());
        assert_string_equal(text(v, "role"), seats[i].role);
        assert_int_equal(json_integer_value(json_object_get(v, "expires_ms")), start_ms + 1800000 + 600000);
        snprintf(room_id, sizeof room_id, "%s", text(v, "room_id"));
    }
    assert_int_equal(count("SELECT COUNT(*) FROM room"), 1);
    no(ERR_DENIED, "emergency_only", "wu", "room.ticket", with_case()); /* the department's other expert */
    json_t *c = yes("zhang", "case.get", with_case());
    assert_string_equal(text(json_object_get(c, "room"), "id"), room_id);
    assert_int_equal(count("SELECT COUNT(*) FROM room_ticket WHERE LENGTH(token_hash)<>64"), 0);
}

static void entering(void **state)
{
    char first[64], resume[64], seat[ID_TEXT_BYTES];
    (void)state;
    json_t *v = enter("qian");
    assert_string_equal(text(v, "role"), "expert");
    assert_string_equal(text(json_object_get(v, "person"), "name"), "qian");
    assert_string_equal(text(json_object_get(json_object_get(v, "person"), "org"), "name"), "云岭县人民医院");
    assert_true(json_is_false(json_object_get(v, "admitted")));
    json_t *room = json_object_get(v, "room");
    assert_string_equal(text(room, "case_id"), case_id);
    assert_int_equal(strncmp(text(room, "title"), "HZ2026", 6), 0);
    assert_true(json_is_false(json_object_get(room, "recording_consent")));
    snprintf(seat, sizeof seat, "%s", text(v, "seat_id"));
    snprintf(resume, sizeof resume, "%s", text(v, "resume"));
    assert_int_equal(count("SELECT expert_present FROM consult"), 1); /* no no-show any more */

    /* the same seat after asking again; the former ticket and resume secret stop working */
    snprintf(first, sizeof first, "%s", ticket("qian"));
    v = yes("daemon", "room.enter", show(first, "qian", resume));
    assert_string_equal(text(v, "seat_id"), seat);
    assert_string_not_equal(text(v, "resume"), resume);
    no(ERR_DENIED, "resume_wrong", "daemon", "room.enter", show(first, "qian", resume));
    const char *second = ticket("qian");
    no(ERR_DENIED, "ticket_unknown", "daemon", "room.enter", show(first, "qian", NULL));
    no(ERR_DENIED, "ticket_not_yours", "daemon", "room.enter", show(second, "zhang", NULL));
    no(ERR_DENIED, "ticket_not_yours", "daemon", "room.enter", show(second, NULL, NULL));
    no(ERR_DENIED, "right", "qian", "room.enter", show(second, "qian", NULL)); /* the daemon alone */
    no(ERR_UNAUTHENTICATED, "no_session", "", "room.enter", show(second, "qian", NULL));

    /* let in: remembered over a restart of the daemon */
    yes("daemon", "room.seat", seat_args(seat, "admitted"));
    room_reopen(0);
    v = yes("daemon", "room.enter", show(second, "qian", NULL));
    assert_true(json_is_true(json_object_get(v, "admitted")));
    assert_string_equal(text(v, "seat_id"), seat);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='room.enter' AND outcome='ok' AND person_id=204 AND org_id=20 AND patient_id<>0"), 3);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='room.enter' AND outcome='denied'"), 5);
}

static void shown_the_door(void **state)
{
    char seat[ID_TEXT_BYTES], token[64];
    (void)state;
    snprintf(token, sizeof token, "%s", ticket("zhao"));
    json_t *v = yes("daemon", "room.enter", show(token, "zhao", NULL));
    snprintf(seat, sizeof seat, "%s", text(v, "seat_id"));
    yes("daemon", "room.seat", seat_args(seat, "admitted"));
    yes("daemon", "room.seat", seat_args(seat, "removed"));
    no(ERR_DENIED, "ticket_revoked", "daemon", "room.enter", show(token, "zhao", NULL));
    v = enter("zhao"); /* asking again: another seat, which waits */
    assert_string_not_equal(text(v, "seat_id"), seat);
    assert_true(json_is_false(json_object_get(v, "admitted")));
    no(ERR_NOT_FOUND, "seat", "daemon", "room.seat", seat_args(seat, "admitted"));
    no(ERR_INVALID, "not_a_choice", "daemon", "room.seat", seat_args(seat, "dancing"));
}

static json_t *guest_args(const char *name)
{
    return json_pack("{s:s,s:s,s:s}", "case_id", case_id, "name", name, "relation", "女儿");
}

static void the_family(void **state)
{
    char link[80], id[ID_TEXT_BYTES], seat[ID_TEXT_BYTES];
    (void)state;
    json_t *v = yes("zhang", "room.guest", guest_args("李小妹"));
    assert_int_equal(strncmp(text(v, "url"), "/guest#", 7), 0);
    snprintf(link, sizeof link, "%s", text(v, "url") + 7);
    snprintf(id, sizeof id, "%s", text(v, "guest_id"));
    v = yes("daemon", "room.enter", show(link, NULL, NULL));
    assert_string_equal(text(v, "role"), "guest");
    assert_string_equal(text(json_object_get(v, "person"), "name"), "李小妹");
    assert_true(json_is_null(json_object_get(json_object_get(v, "person"), "id")));
    assert_true(json_is_false(json_object_get(v, "session_bound")));
    snprintf(seat, sizeof seat, "%s", text(v, "seat_id"));
    assert_int_equal(count("SELECT COUNT(*) FROM room_ticket WHERE role='guest' AND CAST(name AS BLOB)=name AND CAST(title AS BLOB)=title"), 1);
    v = yes("qian", "room.guest_list", with_case());
    assert_int_equal(json_array_size(json_object_get(v, "items")), 1);
    assert_null(json_object_get(json_array_get(json_object_get(v, "items"), 0), "url"));

    no(ERR_NOT_FOUND, "", "sun", "room.guest", guest_args("路人"));
    no(ERR_INVALID, "required", "zhang", "room.guest", guest_args(""));
    json_t *revoke = json_pack("{s:s,s:s}", "case_id", case_id, "guest_id", id);
    yes("zhang", "room.guest_revoke", revoke);
    no(ERR_DENIED, "ticket_revoked", "daemon", "room.enter", show(link, NULL, NULL));
    v = yes("daemon", "room.check", json_pack("{s:s}", "room_id", room_id));
    bool gone = false;
    for (size_t i = 0; i < json_array_size(json_object_get(v, "gone")); i++)
        gone = gone || strcmp(json_string_value(json_array_get(json_object_get(v, "gone"), i)), seat) == 0;
    assert_true(gone);
    assert_int_equal(count("SELECT COUNT(*) FROM feed WHERE topic='room'"), 1);
    for (int i = 0; i < 10; i++)
        yes("zhang", "room.guest", guest_args("家属"));
    no(ERR_RATE, "too_many_guests", "zhang", "room.guest", guest_args("第十一位"));
}

static json_t *note(const char *kind, const char *detail)
{
    return json_pack("{s:s,s:s,s:s}", "room_id", room_id, "kind", kind, "detail", detail);
}

static const char *seat_named(const char *name, char out[ID_TEXT_BYTES])
{
    char sql[200];
    const struct somebody *s = who(name);
    snprintf(sql, sizeof sql, "SELECT seat_id FROM room_ticket WHERE person_id=%lld", (long long)s->id);
    id_format((uint64_t)count(sql), out);
    return out;
}

/* Lines of figures, as the desk writes them every minute, become one row per person and picture. */
static void quality(void **state)
{
    char zhang[ID_TEXT_BYTES], qian[ID_TEXT_BYTES], detail[600];
    (void)state;
    seat_named("zhang", zhang);
    seat_named("qian", qian);
    for (int i = 0; i < 3; i++) {
        snprintf(detail, sizeof detail,
                 "{\"loss_permille\":%d,\"rtt_ms\":40,\"up_bps\":900000,\"down_bps\":1200000,\"seconds\":{\"good\":%d,\"fair\":0,\"poor\":%d,\"lost\":0},"
                 "\"streams\":[{\"seat\":\"%s\",\"source\":\"camera\",\"bps\":800000,\"loss_permille\":5,\"delay_ms\":60,\"frozen_ms\":100,"
                 "\"seconds\":{\"A\":50,\"B\":10,\"C\":0,\"D\":0}}]}",
                 i == 2 ? 300 : 0, i == 2 ? 0 : 60, i == 2 ? 60 : 0, qian);
        yes("daemon", "room.note", json_pack("{s:s,s:s,s:s,s:s}", "room_id", room_id, "kind", "quality", "seat_id", zhang, "detail", detail));
    }
    json_t *items = json_object_get(yes("qian", "room.quality", with_case()), "items"), *rows = json_object_get(json_array_get(items, 0), "people"),
           *one = json_array_get(rows, 0), *streams = json_object_get(one, "streams"), *picture = json_array_get(streams, 0);
    assert_int_equal(json_array_size(items), 1);
    assert_int_equal(json_array_size(rows), 1);
    assert_string_equal(text(json_object_get(one, "who"), "name"), "zhang");
    assert_string_equal(text(one, "grade"), "poor"); /* a third of the time */
    assert_int_equal(json_integer_value(json_object_get(json_object_get(one, "seconds"), "good")), 120);
    assert_int_equal(json_integer_value(json_object_get(one, "loss_permille")), 100);
    assert_int_equal(json_integer_value(json_object_get(one, "up_bps")), 900000);
    assert_int_equal(json_array_size(streams), 1);
    assert_string_equal(text(picture, "from"), "qian");
    assert_string_equal(text(picture, "grade"), "B"); /* A five sixths of the time: not nine tenths */
    assert_int_equal(json_integer_value(json_object_get(picture, "frozen_ms")), 300);
    no(ERR_NOT_FOUND, "", "sun", "room.quality", with_case());
    no(ERR_DENIED, "right", "admin", "room.quality", with_case());
}

static void for_administrators(void **state)
{
    (void)state;
    char host[ID_TEXT_BYTES];
    int64_t seen = count("SELECT COUNT(*) FROM audit WHERE op='room.sessions'");
    seat_named("zhang", host);
    yes("daemon", "room.seat", seat_args(host, "entered")); /* the session begins */
    json_t *span = json_pack("{s:I}", "from_ms", (json_int_t)(w.now_ms - 3600000)), *v = yes("admin", "room.sessions", json_incref(span)),
           *items = json_object_get(v, "items"), *one = json_array_get(items, 0);
    assert_int_equal(json_array_size(items), 1);
    assert_string_equal(text(one, "kind"), "consultation");
    assert_int_equal(strncmp(text(one, "number"), "HZ2026", 6), 0);
    assert_string_equal(text(one, "grade"), "C"); /* zhang's line was poor a third of the time */
    assert_int_equal(json_array_size(json_object_get(one, "orgs")), 2);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='room.sessions' AND patient_id=0"), seen + 1);
    json_object_set_new(span, "grade", json_string("A"));
    assert_int_equal(json_array_size(json_object_get(yes("admin", "room.sessions", json_incref(span)), "items")), 0);
    json_object_set_new(span, "to_ms", json_integer(1));
    no(ERR_INVALID, "not_after_start", "admin", "room.sessions", span);
    assert_string_equal(answer.fault.fields[0].path, "to_ms");
    v = yes("admin", "room.session_get", json_pack("{s:s}", "room_id", room_id));
    json_t *seat = json_array_get(json_object_get(v, "seats"), 0), *lines = json_object_get(seat, "over_time");
    assert_string_equal(text(seat, "role"), "host");
    assert_int_equal(json_array_size(lines), 3);
    assert_string_equal(text(json_array_get(lines, 2), "grade"), "C");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(lines, 2), "loss_permille")), 300);
    char *whole = json_dumps(v, 0); /* seats and institutions, nobody's name */
    assert_null(strstr(whole, "zhang"));
    assert_null(strstr(whole, "qian"));
    free(whole);
    yes("admin", "room.live", json_object());
    yes("admin", "room.live_get", json_pack("{s:s}", "room_id", room_id));
    no(ERR_DENIED, "right", "qian", "room.live", json_object());
    no(ERR_DENIED, "right", "qian", "room.session_get", json_pack("{s:s}", "room_id", room_id));
}

static void the_log(void **state)
{
    char big[8100];
    (void)state;
    int64_t lines = count("SELECT COUNT(*) FROM audit");
    yes("daemon", "room.note", note("show", "{\"document_id\":\"0000000000000001\",\"page\":2}"));
    yes("daemon", "room.note", note("quality", "{\"loss\":3}"));
    assert_int_equal(count("SELECT COUNT(*) FROM audit"), lines); /* a log of its own */
    yes("daemon", "room.note", note("consent_refused", "{}"));
    assert_int_equal(count("SELECT COUNT(*) FROM audit"), lines + 1); /* evidence */
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='room.note' AND detail='consent_refused {}'"), 1);
    no(ERR_INVALID, "letters_and_underscores", "daemon", "room.note", note("Show It", "{}"));
    no(ERR_INVALID, "not_an_object", "daemon", "room.note", note("show", "12"));
    memset(big, ' ', sizeof big);
    big[0] = '{', big[8099] = 0, big[8098] = '}';
    no(ERR_INVALID, "too_long:8000", "daemon", "room.note", note("show", big));
    assert_int_equal(count("SELECT log_lines FROM room"), count("SELECT COUNT(*) FROM room_log"));
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "UPDATE room SET log_lines=20000", "");
    assert_int_equal(tx_commit(tx), 0);
    no(ERR_TOO_LARGE, "log_full", "daemon", "room.note", note("show", "{}"));
    enter("zhang"); /* a full log keeps nobody out */
}

static json_t *news(const char *what)
{
    return json_pack("{s:s,s:s}", "room_id", room_id, "what", what);
}

static const char *case_state(void)
{
    return text(yes("zhang", "case.get", with_case()), "state");
}

static void news_move_the_case(void **state)
{
    (void)state;
    case_start(true);
    assert_string_equal(case_state(), "IN_SESSION");
    json_t *v = yes("daemon", "room.check", json_pack("{s:s}", "room_id", room_id));
    assert_true(json_is_true(json_object_get(v, "recording_consent")));
    assert_true(json_is_true(json_object_get(v, "open")));
    yes("daemon", "room.news", news("interrupted"));
    assert_string_equal(case_state(), "INTERRUPTED");
    yes("daemon", "room.news", news("interrupted")); /* twice is no harm */
    yes("daemon", "room.news", news("resumed"));
    assert_string_equal(case_state(), "IN_SESSION");
    no(ERR_INVALID, "required", "daemon", "room.news", news("seen"));
}

/* A session that runs long: a lone ticket is over ten minutes after the booked end, an admitted seat that shows its secret comes back. */
static void time_runs_out(void **state)
{
    char guest[64], seat[ID_TEXT_BYTES], lone[64], resume[64];
    (void)state;
    yes("zhang", "room.guest_revoke",
        json_pack("{s:s,s:O}", "case_id", case_id, "guest_id",
                  json_object_get(json_array_get(json_object_get(yes("zhang", "room.guest_list", with_case()), "items"), 0), "guest_id")));
    json_t *v = yes("zhang", "room.guest", guest_args("儿子"));
    snprintf(guest, sizeof guest, "%s", text(v, "url") + 7);
    v = yes("daemon", "room.enter", show(guest, NULL, NULL));
    snprintf(seat, sizeof seat, "%s", text(v, "seat_id"));
    snprintf(resume, sizeof resume, "%s", text(v, "resume"));
    snprintf(lone, sizeof lone, "%s", ticket("chen"));
    w.now_ms = start_ms + 1800000 + 600000 - 1;
    v = yes("daemon", "room.enter", show(guest, NULL, resume));
    snprintf(resume, sizeof resume, "%s", text(v, "resume"));
    w.now_ms += 1;
    no(ERR_DENIED, "ticket_expired", "daemon", "room.enter", show(lone, "chen", NULL));
    no(ERR_DENIED, "ticket_expired", "daemon", "room.enter", show(guest, NULL, NULL));
    no(ERR_DENIED, "ticket_expired", "daemon", "room.enter", show(guest, NULL, resume)); /* never let in */
    yes("daemon", "room.seat", seat_args(seat, "admitted"));
    v = yes("daemon", "room.enter", show(guest, NULL, resume));
    assert_string_equal(text(v, "seat_id"), seat);
    v = yes("chen", "room.ticket", with_case()); /* renewed while the room is open */
    assert_int_equal(json_integer_value(json_object_get(v, "expires_ms")), w.now_ms + 12 * 3600000);
}

static void the_end(void **state)
{
    char token[64];
    (void)state;
    snprintf(token, sizeof token, "%s", ticket("zhang"));
    yes("daemon", "room.news", news("ended"));
    assert_string_equal(case_state(), "OPINION_DRAFT");
    assert_int_equal(count("SELECT COUNT(*) FROM room WHERE ended_ms=0"), 0);
    assert_int_equal(count("SELECT COUNT(*) FROM room_ticket WHERE revoked_ms=0"), 0);
    no(ERR_GONE, "room_closed", "daemon", "room.enter", show(token, "zhang", NULL));
    no(ERR_NOT_ALLOWED_NOW, "room_not_open", "zhang", "room.ticket", with_case());
    yes("daemon", "room.news", news("ended"));
    yes("daemon", "room.news", news("resumed")); /* old news */
    json_t *v = yes("daemon", "room.check", json_pack("{s:s}", "room_id", room_id));
    assert_true(json_is_true(json_object_get(v, "ended")));
    assert_true(json_is_false(json_object_get(v, "open")));
    audit_is_whole();
}

/* Whoever is taken off the case cannot enter with the ticket he has. */
static void taken_off_the_case(void **state)
{
    char token[64], seat[ID_TEXT_BYTES];
    (void)state;
    room_case_make(full_form());
    room_wait_open();
    snprintf(token, sizeof token, "%s", ticket("qian"));
    json_t *v = yes("daemon", "room.enter", show(token, "qian", NULL));
    snprintf(seat, sizeof seat, "%s", text(v, "seat_id"));
    snprintf(room_id, sizeof room_id, "%s", text(json_object_get(v, "room"), "id"));
    read_version("zhang");
    act("chen", "substitute", json_pack("{s:o,s:s}", "person_id", id_json("he"), "reason", "临时手术"));
    no(ERR_DENIED, "no_seat", "daemon", "room.enter", show(token, "qian", NULL));
    v = yes("daemon", "room.check", json_pack("{s:s}", "room_id", room_id));
    assert_int_equal(json_array_size(json_object_get(v, "gone")), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(v, "gone"), 0)), seat);
    assert_true(json_is_false(json_object_get(v, "ended")));
    read_version("zhang");
    act("zhang", "cancel", json_pack("{s:s,s:s}", "code", "condition_changed", "reason", "好转"));
    v = yes("daemon", "room.check", json_pack("{s:s}", "room_id", room_id));
    assert_true(json_is_true(json_object_get(v, "ended"))); /* the case closed it, not the host */
}

static json_t *token_args(const char *room, bool publish, int minutes)
{
    return json_pack("{s:s,s:b,s:b,s:i}", "room", room, "publish", publish, "watch", 0, "minutes", minutes);
}

static json_t *token_check(const char *token, const char *room)
{
    return json_pack("{s:s,s:s}", "token", token, "room", room);
}

static void machine_tokens(void **state)
{
    char token[RECORDS_TOKEN_BYTES], second[RECORDS_TOKEN_BYTES], id[ID_TEXT_BYTES];
    struct records_room_token want = {.room = "obs-1", .publish = true, .minutes = 5};
    struct fault f = {0};
    (void)state;
    assert_int_equal(records_room_token(w.r, &want, token, &f), 0);
    assert_int_equal(strlen(token), 43);
    json_t *v = yes("daemon", "room.token_check", token_check(token, "obs-1"));
    assert_true(json_is_true(json_object_get(v, "publish")));
    assert_true(json_is_false(json_object_get(v, "watch")));
    assert_true(json_is_null(json_object_get(v, "case_id")));
    snprintf(id, sizeof id, "%s", text(v, "room_id"));
    yes("daemon", "room.token_check", token_check(token, id));
    no(ERR_DENIED, "other_room", "daemon", "room.token_check", token_check(token, "obs-2"));
    no(ERR_UNAUTHENTICATED, "token_unknown", "daemon", "room.token_check", token_check("no such token", "obs-1"));
    want = (struct records_room_token){.room = id, .watch = true, .minutes = 60}; /* by id: the same room */
    assert_int_equal(records_room_token(w.r, &want, second, &f), 0);
    assert_int_equal(count("SELECT COUNT(*) FROM room WHERE name='obs-1'"), 1);
    w.now_ms += 5 * 60000;
    no(ERR_UNAUTHENTICATED, "token_expired", "daemon", "room.token_check", token_check(token, "obs-1"));
    snprintf(room_id, sizeof room_id, "%s", id);
    yes("daemon", "room.news", news("ended"));
    no(ERR_GONE, "room_closed", "daemon", "room.token_check", token_check(second, "obs-1"));
    yes("daemon", "room.token", token_args("obs-1", true, 5)); /* opens again */
    yes("daemon", "room.token_check", token_check(second, "obs-1"));

    no(ERR_INVALID, "characters:A-Za-z0-9._~-", "daemon", "room.token", token_args("a b", true, 5));
    no(ERR_INVALID, "publish_or_watch", "daemon", "room.token", token_args("obs-1", false, 5));
    no(ERR_INVALID, "too_large:10080", "daemon", "room.token", token_args("obs-1", true, 20000));
    no(ERR_NOT_FOUND, "room", "daemon", "room.token", token_args("00000000000000ff", true, 5));
    no(ERR_DENIED, "right", "admin", "room.token", token_args("obs-1", true, 5));
    assert_int_equal(records_room_token(w.r, &(struct records_room_token){.room = "\xff", .watch = true, .minutes = 5}, token, &f),
                     ERR_INVALID);
    audit_is_whole();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_room_opens), cmocka_unit_test(every_seat_has_its_role), cmocka_unit_test(entering),
        cmocka_unit_test(shown_the_door),        cmocka_unit_test(the_family),              cmocka_unit_test(quality), cmocka_unit_test(for_administrators),
        cmocka_unit_test(the_log),
        cmocka_unit_test(news_move_the_case),    cmocka_unit_test(time_runs_out),           cmocka_unit_test(the_end),
        cmocka_unit_test(taken_off_the_case),    cmocka_unit_test(machine_tokens)};
    return cmocka_run_group_tests(tests, room_open_world, room_close_world);
}
