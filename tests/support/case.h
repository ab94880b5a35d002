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
static inline void case_begun(json_t *created)
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

/* From sent on to signed: the county's expert answers in writing. */
static inline void case_answer(struct world *w)
{
    char dept[ID_TEXT_BYTES], expert[ID_TEXT_BYTES];
    id_format(21, dept);
    id_format(who("qian")->id, expert);
    case_act(w, "li", "case.approve_home", json_object());
    case_act(w, "chen", "case.triage", json_pack("{s:s}", "dept_id", dept));
    case_act(w, "chen", "case.assign", json_pack("{s:s}", "expert_id", expert));
    case_act(w, "qian", "case.accept", json_object());
    case_act(w, "qian", "case.begin_review", json_object());
    case_act(w, "qian", "case.sign_opinion", json_pack("{s:o}", "body", full_opinion()));
}
#endif
