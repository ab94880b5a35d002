/* Devices for rooms: who enters them, what an address may be, what becomes of passwords, and what the daemon is given. */
#include "tests/support/room.h"

#define DEVICE "0000000000000d01"

static json_t *device(const char *address, const char *more)
{
    char org[ID_TEXT_BYTES], kind[8];
    id_format(who("zhang")->org, org);
    snprintf(kind, sizeof kind, "%.*s", (int)strcspn(address, ":"), address);
    json_t *d = json_pack("{s:s,s:s,s:s,s:s,s:s,s:b}", "device_id", DEVICE, "org_id", org, "name", "胃镜", "kind", kind, "address", address, "enabled", 1), *m = json_loads(more, 0, NULL);
    json_object_update(d, m);
    json_decref(m);
    return d;
}

static json_t *one(void)
{
    return json_pack("{s:s}", "device_id", DEVICE);
}

static json_t *opening(const char *name)
{
    char org[ID_TEXT_BYTES];
    id_format(who(name)->org, org);
    return json_pack("{s:s,s:s}", "device_id", DEVICE, "org_id", org);
}

static void only_administrators_enter_them(void **state)
{
    (void)state;
    no(ERR_DENIED, "right", "zhang", "device.set", device("rtsp://10.0.0.5/a", "{}"));
    no(ERR_DENIED, "right", "zhang", "device.list", json_object());
    yes("admin", "device.set", device("rtsp://10.0.0.5/a", "{\"user\":\"view er\",\"password\":\"p@ss:w/rd\"}"));
    json_t *d = json_array_get(json_object_get(yes("admin", "device.list", json_object()), "items"), 0);
    assert_string_equal(text(d, "address"), "rtsp://10.0.0.5/a");
    assert_true(json_is_true(json_object_get(d, "has_password")));
    assert_null(json_object_get(d, "password"));
    assert_int_equal(count("SELECT COUNT(*) FROM device WHERE password_sealed IS NOT NULL AND LENGTH(password_sealed)=28+9"), 1);
}

static void the_daemon_is_given_the_whole(void **state)
{
    (void)state;
    json_t *d = yes("daemon", "device.open", opening("zhang"));
    assert_string_equal(text(d, "url"), "rtsp://view%20er:p%40ss%3Aw%2Frd@10.0.0.5/a");
    assert_string_equal(text(d, "name"), "胃镜");
    no(ERR_NOT_FOUND, "device", "daemon", "device.open", opening("qian")); /* of another institution */
    no(ERR_DENIED, "right", "admin", "device.open", opening("zhang"));
    assert_int_equal(json_array_size(json_object_get(yes("zhang", "device.here", json_object()), "items")), 1);
    assert_int_equal(json_array_size(json_object_get(yes("qian", "device.here", json_object()), "items")), 0);
    d = json_array_get(json_object_get(yes("zhang", "device.here", json_object()), "items"), 0);
    assert_null(json_object_get(d, "address"));
}

static void a_password_goes_nowhere_else(void **state)
{
    (void)state;
    no(ERR_INVALID, "required", "admin", "device.set", device("rtsp://10.0.0.6/a", "{}")); /* kept, and sent to another machine */
    assert_string_equal(answer.fault.fields[0].path, "password");
    yes("admin", "device.set", device("rtsp://10.0.0.5/a", "{}")); /* the same place: kept */
    yes("daemon", "device.open", opening("zhang"));
    yes("admin", "device.set", device("srt://10.0.0.5:9000?mode=caller", "{\"password\":\"ten letters\"}"));
    assert_string_equal(text(yes("daemon", "device.open", opening("zhang")), "url"), "srt://10.0.0.5:9000?mode=caller&passphrase=ten%20letters");
    yes("admin", "device.set", device("rtmp://10.0.0.5/live/a", "{\"password\":\"\"}"));
    assert_string_equal(text(yes("daemon", "device.open", opening("zhang")), "url"), "rtmp://10.0.0.5/live/a");
}

static void what_is_no_address(void **state)
{
    static const char *const bad[] = {"rtsp:10.0.0.5/aaaa", "rtsp:///a", "rtsp://user:pw@10.0.0.5/", "rtsp://10.0.0.5/a b", "rtmp://h/a swfUrl=x", "rtsp://169.254.169.254/", "rtsp://0.0.0.0/",
                                      "rtsp://[fe80::1]/a", "srts://10.0.0.5:1", "rtsp://h/\001"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (as("admin", "device.set", device(bad[i], "{\"password\":\"\"}"))) fail_msg("%s is taken", bad[i]);
        assert_int_equal(answer.error, ERR_INVALID);
        if (strcmp(answer.fault.fields[0].path, "address") && strcmp(answer.fault.fields[0].path, "kind")) fail_msg("%s: %s", bad[i], answer.fault.fields[0].path);
    }
    yes("admin", "device.set", device("rtsps://camera.local:8554/a?b=c", "{\"kind\":\"rtsp\",\"password\":\"\"}"));
    no(ERR_INVALID, "too_short", "admin", "device.set", device("srt://10.0.0.5:9", "{\"password\":\"short\"}"));
}

static void it_is_taken_out(void **state)
{
    (void)state;
    yes("admin", "device.remove", one());
    no(ERR_NOT_FOUND, "", "admin", "device.remove", one());
    no(ERR_NOT_FOUND, "device", "daemon", "device.open", opening("zhang"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_administrators_enter_them), cmocka_unit_test(the_daemon_is_given_the_whole), cmocka_unit_test(a_password_goes_nowhere_else),
                                       cmocka_unit_test(what_is_no_address), cmocka_unit_test(it_is_taken_out)};
    return cmocka_run_group_tests(tests, room_open_world, room_close_world);
}
