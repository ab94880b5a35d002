/* A discussion of many: who has which seat, a member becomes the chair, the room outlives the session's move to another day. */
#include "tests/support/room.h"

static char room_id[ID_TEXT_BYTES];

static void discussion_make(void)
{
    char patient[ID_TEXT_BYTES];
    id_format(world_patient(&w, "zhang"), patient);
    json_t *c = yes("zhang", "case.create",
                    json_pack("{s:s,s:s,s:s,s:s,s:o,s:o}", "patient_id", patient, "kind", "interactive", "scope", "mdt", "urgency", "routine",
                              "target_org_id", json_id(20), "form", full_form()));
    snprintf(case_id, sizeof case_id, "%s", text(c, "id"));
    version = json_integer_value(json_object_get(c, "version"));
    start_ms = w.now_ms + 2 * 3600000;
    act("zhang", "submit", json_object());
    act("li", "approve_home", json_object());
    act("chen", "triage", json_pack("{s:o}", "dept_id", json_id(21)));
    act("chen", "assign",
        json_pack("{s:[{s:o,s:s},{s:o,s:s},{s:o,s:s},{s:o,s:s}]}", "team", "person_id", id_json("he"), "part", "chair", "person_id",
                  id_json("zhou"), "part", "member", "person_id", id_json("qian"), "part", "member", "person_id", id_json("chen"), "part",
                  "secretary"));
    for (size_t i = 0; i < 3; i++)
        act(((const char *[]){"he", "zhou", "qian"})[i], "accept", json_object());
    act("chen", "schedule", json_pack("{s:I,s:I}", "start_ms", (json_int_t)start_ms, "end_ms", (json_int_t)(start_ms + 3600000)));
}

static json_t *guest_args(void)
{
    return json_pack("{s:s,s:s,s:s}", "case_id", case_id, "name", "李小妹", "relation", "女儿");
}

static void each_has_his_seat(void **state)
{
    static const struct {
        const char *name, *role;
        bool invites;
    } seats[] = {{"zhang", "host", true},   {"he", "expert", true}, {"zhou", "member", false},
                 {"qian", "member", false}, {"chen", "host", true}, {"zhao", "host", true}};
    char host[ID_TEXT_BYTES];
    (void)state;
    discussion_make();
    room_wait_open();
    id_format(who("he")->id, host);
    for (size_t i = 0; i < sizeof seats / sizeof *seats; i++) {
        json_t *v = enter(seats[i].name);
        assert_string_equal(text(v, "role"), seats[i].role);
        assert_string_equal(text(json_object_get(v, "room"), "host_person_id"), host); /* the chair */
        snprintf(room_id, sizeof room_id, "%s", text(json_object_get(v, "room"), "id"));
        if (seats[i].invites)
            yes(seats[i].name, "room.guest", guest_args());
        else
            no(ERR_DENIED, "not_host", seats[i].name, "room.guest", guest_args());
    }
    static const char *const outside[] = {"sun", "feng", "gao"}, *const colleagues[] = {"wu", "xu"};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        no(ERR_NOT_FOUND, "", outside[i], "room.ticket", with_case());
    for (size_t i = 0; i < sizeof colleagues / sizeof *colleagues; i++)
        no(ERR_DENIED, "emergency_only", colleagues[i], "room.ticket", with_case());
    static const char *const offices[] = {"admin", "sys", "auditor"};
    for (size_t i = 0; i < sizeof offices / sizeof *offices; i++)
        no(ERR_DENIED, "right", offices[i], "room.ticket", with_case());
    assert_int_equal(count("SELECT COUNT(*) FROM room"), 1);
    assert_int_equal(count("SELECT COUNT(DISTINCT seat_id) FROM room_ticket"), 6 + 4);
}

/* The session is moved: the room closes, the family's link stays good for nothing until it opens again, then everyone is back in his seat. */
static void moved_to_another_hour(void **state)
{
    char guest[64], seat[ID_TEXT_BYTES], token[64];
    (void)state;
    snprintf(token, sizeof token, "%s", ticket("zhang"));
    snprintf(seat, sizeof seat, "%s", text(yes("daemon", "room.enter", show(token, "zhang", NULL)), "seat_id"));
    read_version("zhang");
    start_ms += 5 * 3600000;
    act("zhang", "reschedule",
        json_pack("{s:I,s:I,s:s}", "start_ms", (json_int_t)start_ms, "end_ms", (json_int_t)(start_ms + 3600000), "reason", "停电"));
    json_t *v = yes("daemon", "room.check", json_pack("{s:s}", "room_id", room_id));
    assert_true(json_is_true(json_object_get(v, "ended")));
    no(ERR_NOT_ALLOWED_NOW, "room_not_open", "daemon", "room.enter", show(token, "zhang", NULL));
    no(ERR_NOT_ALLOWED_NOW, "room_not_open", "he", "room.ticket", with_case());
    assert_int_equal(atoll(answer.fault.fields[0].reason), start_ms - 15 * 60000);
    v = yes("he", "room.guest", guest_args()); /* for the new hour */
    assert_int_equal(json_integer_value(json_object_get(v, "expires_ms")), start_ms + 3600000 + 600000);
    snprintf(guest, sizeof guest, "%s", text(v, "url") + 7);
    no(ERR_NOT_ALLOWED_NOW, "room_not_open", "daemon", "room.enter", show(guest, NULL, NULL));
    room_wait_open();
    assert_string_equal(text(enter("zhang"), "seat_id"), seat);
    yes("daemon", "room.enter", show(guest, NULL, NULL));
}

static void the_chair_is_replaced(void **state)
{
    char he[64], host[ID_TEXT_BYTES];
    (void)state;
    snprintf(he, sizeof he, "%s", ticket("he"));
    read_version("chen");
    act("chen", "substitute",
        json_pack("{s:o,s:o,s:s}", "person_id", id_json("wu"), "instead_of", id_json("he"), "reason", "急诊手术"));
    no(ERR_DENIED, "no_seat", "daemon", "room.enter", show(he, "he", NULL));
    json_t *v = enter("wu");
    assert_string_equal(text(v, "role"), "expert");
    id_format(who("wu")->id, host);
    assert_string_equal(text(json_object_get(v, "room"), "host_person_id"), host);
    audit_is_whole();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_has_his_seat), cmocka_unit_test(moved_to_another_hour),
                                       cmocka_unit_test(the_chair_is_replaced)};
    return cmocka_run_group_tests(tests, room_open_world, room_close_world);
}
