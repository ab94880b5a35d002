/* case - the one consultation a test is about, moved on by acts of people of the world (tests/story/world.h). Once per test program. */
#ifndef YL_TESTS_SUPPORT_CASE_H
#define YL_TESTS_SUPPORT_CASE_H

#include "tests/story/world.h"
#include <setjmp.h>
#include <cmocka.h>

static struct {
    char id[ID_TEXT_BYTES];
    int64_t version; /* what an act must name */
} the_case;

/* Takes what case.create answered. */
static void case_begun(json_t *created)
{
    assert_non_null(created);
    snprintf(the_case.id, sizeof the_case.id, "%s", json_string_value(json_object_get(created, "id")));
    the_case.version = json_integer_value(json_object_get(created, "version"));
    json_decref(created);
}

static void case_act(struct world *w, const char *name, const char *op, json_t *args)
{
    json_object_set_new(args, "case_id", json_string(the_case.id));
    json_object_set_new(args, "version", json_integer(the_case.version));
    json_t *c = world_call(w, name, op, args);
    if (!c)
        fail_msg("%s: %s %s", op, w->fault.reason, w->fault.text);
    the_case.version = json_integer_value(json_object_get(c, "version"));
    json_decref(c);
}
#endif
