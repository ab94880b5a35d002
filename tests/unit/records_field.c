/* Argument schemas: every wrong member is named with its path and a reason; the schema printed says the same. */
#include "records/ops/op.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const struct field question[] = {
    {.name = "n", .type = FIELD_INT, .required = true, .min = 1, .max = 20},
    {.name = "text", .type = FIELD_TEXT, .required = true, .min = 2, .max = 5},
    {0},
};
static const struct field one_question[] = {{.name = "", .type = FIELD_OBJECT, .of = question}};
static const struct field fields[] = {
    {.name = "id", .type = FIELD_ID, .required = true, .help = "which"},
    {.name = "sex", .type = FIELD_ENUM, .choices = "male|female"},
    {.name = "born", .type = FIELD_DATE},
    {.name = "at_ms", .type = FIELD_TIME},
    {.name = "weight", .type = FIELD_NUMBER, .min = 0, .max = 500},
    {.name = "yes", .type = FIELD_BOOL},
    {.name = "form", .type = FIELD_OBJECT},
    {.name = "questions", .type = FIELD_ARRAY, .min = 1, .max = 2, .of = one_question},
    {.name = "any", .type = FIELD_ANY},
    {0},
};

/* "path reason; path reason" or "ok" */
static const char *check(const char *text)
{
    static char out[2000];
    struct fault f;
    json_t *args = json_loads(text, 0, NULL);
    fault_clear(&f);
    int rc = fields_check(fields, args, &f);
    json_decref(args);
    strcpy(out, rc ? "" : "ok");
    for (size_t i = 0; i < f.n_fields; i++)
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s %s", i ? "; " : "", f.fields[i].path, f.fields[i].reason);
    return out;
}
#define ID "\"id\":\"00000000000000aa\""

static void good_ones_pass(void **state)
{
    assert_string_equal(check("{" ID "}"), "ok");
    assert_string_equal(check("{" ID ",\"sex\":\"male\",\"born\":\"2024-02-29\",\"at_ms\":1795500000000,\"weight\":3.5,\"yes\":false,"
                              "\"form\":{\"x\":1},\"questions\":[{\"n\":1,\"text\":\"为什么\"}],\"any\":[null]}"),
                        "ok");
    assert_string_equal(check("{" ID ",\"sex\":null,\"questions\":null}"), "ok");
}

static void wrong_ones_are_named(void **state)
{
    assert_string_equal(check("{}"), "id required");
    assert_string_equal(check("{\"id\":null}"), "id required");
    assert_string_equal(check("{\"id\":5}"), "id wrong_type:text");
    assert_string_equal(check("{\"id\":\"0000000000000000\"}"), "id not_an_id");
    assert_string_equal(check("{" ID ",\"sex\":\"mal\"}"), "sex not_a_choice");
    assert_string_equal(check("{" ID ",\"sex\":\"\"}"), "sex not_a_choice");
    assert_string_equal(check("{" ID ",\"sex\":\"male|female\"}"), "sex not_a_choice");
    assert_string_equal(check("{" ID ",\"born\":\"2023-02-29\"}"), "born not_a_date");
    assert_string_equal(check("{" ID ",\"at_ms\":-1}"), "at_ms too_small:0");
    assert_string_equal(check("{" ID ",\"at_ms\":1.5}"), "at_ms wrong_type:integer");
    assert_string_equal(check("{" ID ",\"weight\":501}"), "weight too_large:500");
    assert_string_equal(check("{" ID ",\"yes\":0}"), "yes wrong_type:boolean");
    assert_string_equal(check("{" ID ",\"form\":[]}"), "form wrong_type:object");
    assert_string_equal(check("{" ID ",\"more\":1}"), "more unknown");
    assert_string_equal(check("{" ID ",\"questions\":[]}"), "questions too_few:1");
    assert_string_equal(check("{" ID ",\"questions\":[1,2,3]}"), "questions too_many:2");
    assert_string_equal(check("{" ID ",\"questions\":[{\"n\":1,\"text\":\"ab\"},{\"n\":0,\"text\":\"一二三四五六\",\"x\":1}]}"),
                        "questions[1].n too_small:1; questions[1].text too_long:5; questions[1].x unknown");
    assert_string_equal(check("{" ID ",\"questions\":[{\"n\":1,\"text\":\"a\"}]}"), "questions[0].text too_short:2");
    assert_string_equal(check("{" ID ",\"questions\":[{\"n\":1,\"text\":\"\"}]}"), "questions[0].text required");
    struct fault f = {0};
    json_t *list = json_array();
    assert_int_equal(fields_check(fields, list, &f), ERR_MALFORMED);
    json_decref(list);
}

static void the_schema_says_the_same(void **state)
{
    json_t *s = fields_schema(fields), *p = json_object_get(s, "properties");
    assert_true(json_is_false(json_object_get(s, "additionalProperties")));
    assert_int_equal(json_array_size(json_object_get(s, "required")), 1);
    assert_string_equal(json_string_value(json_object_get(json_object_get(p, "id"), "pattern")), "^[0-9a-f]{16}$");
    assert_string_equal(json_string_value(json_object_get(json_object_get(p, "id"), "description")), "which");
    assert_int_equal(json_array_size(json_object_get(json_object_get(p, "sex"), "enum")), 2);
    json_t *items = json_object_get(json_object_get(p, "questions"), "items");
    assert_int_equal(json_array_size(json_object_get(items, "required")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(p, "weight"), "maximum")), 500);
    json_decref(s);
}

static void reading(void **state)
{
    json_t *a = json_loads("{\"t\":\"x\",\"i\":5,\"id\":\"00000000000000aa\",\"bad\":\"zz\"}", 0, NULL);
    assert_string_equal(arg_text(a, "t"), "x");
    assert_null(arg_text(a, "i"));
    assert_int_equal(arg_int(a, "i", 9), 5);
    assert_int_equal(arg_int(a, "none", 9), 9);
    assert_int_equal(arg_id(a, "id"), 0xaa);
    assert_int_equal(arg_id(a, "bad"), 0);
    json_t *id = json_id(0xaa), *none = json_id(0);
    assert_string_equal(json_string_value(id), "00000000000000aa");
    assert_true(json_is_null(none));
    json_decref(id);
    json_decref(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_pass), cmocka_unit_test(wrong_ones_are_named), cmocka_unit_test(the_schema_says_the_same),
        cmocka_unit_test(reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
