/* Forms as data: shape, what is mandatory where, completeness. */
#include "records/form/form.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct forms *forms;
static struct fault fault;

static int load(void **state)
{
    return forms_load(&forms, YL_SOURCE_DIR "/config/forms", &fault);
}

static int unload(void **state)
{
    forms_free(forms);
    return 0;
}

static const char *check(const char *body, const char *path)
{
    const struct form_context ctx = {.scope = "clinical", .kind = "offline", .urgency = "routine"};
    json_t *v = json_loads(body, 0, NULL);
    assert_non_null(v);
    fault_clear(&fault);
    int rc = form_check(forms_find(forms, "consultation"), &ctx, v, "form", &fault);
    json_decref(v);
    for (size_t i = 0; i < fault.n_fields; i++)
        if (strcmp(fault.fields[i].path, path) == 0)
            return fault.fields[i].reason;
    return rc ? "elsewhere" : "ok";
}

static void wrong_shapes_name_their_place(void **state)
{
    assert_string_equal(check("{}", ""), "ok");
    assert_string_equal(check("{\"nonsense\":1}", "form.nonsense"), "unknown");
    assert_string_equal(check("{\"history\":{\"nonsense\":\"x\"}}", "form.history.nonsense"), "unknown");
    assert_string_equal(check("{\"history\":\"x\"}", "form.history"), "not_an_object");
    assert_string_equal(check("{\"history\":{\"chief_complaint\":5}}", "form.history.chief_complaint"),
                        "not_text");
    assert_string_equal(check("{\"history\":{\"chief_complaint\":null}}", ""), "ok");
    assert_string_equal(check("{\"vitals\":{\"pulse_bpm\":\"80\"}}", "form.vitals.pulse_bpm"),
                        "not_a_number");
    assert_string_equal(check("{\"vitals\":{\"pulse_bpm\":900}}", "form.vitals.pulse_bpm"), "too_large:350");
    assert_string_equal(check("{\"vitals\":{\"temperature_c\":-3}}", "form.vitals.temperature_c"),
                        "too_small:20");
    assert_string_equal(check("{\"state\":{\"allergy\":\"maybe\"}}", "form.state.allergy"), "not_a_choice");
    assert_string_equal(check("{\"purpose\":[\"diagnosis\",\"fun\"]}", "form.purpose"), "not_a_choice");
    assert_string_equal(check("{\"questions\":[{\"n\":1,\"text\":\"?\",\"x\":1}]}", "form.questions[0].x"),
                        "unknown");
    assert_string_equal(check("{\"labs\":{\"item\":1}}", "form.labs"), "not_a_list");
    assert_string_equal(check("{\"wish\":{\"windows\":[{},{},{},{}]}}", "form.wish.windows"), "too_many:3");
    assert_string_equal(
        check("{\"consent\":{\"telemedicine\":{\"agreed\":\"yes\"}}}", "form.consent.telemedicine.agreed"),
        "not_true_or_false");
}

static bool needs(const struct form_context *ctx, const char *path)
{
    json_t *body = json_object();
    char full[100];
    fault_clear(&fault);
    struct fault *f = &fault;
    bool found = false;
    assert_int_equal(form_require(forms_find(forms, "consultation"), ctx, body, "form", f), ERR_INVALID);
    snprintf(full, sizeof full, "form.%s", path);
    for (size_t i = 0; i < f->n_fields; i++)
        found = found || strcmp(f->fields[i].path, full) == 0;
    json_decref(body);
    return found;
}

static void templates_add_and_emergencies_relax(void **state)
{
    const struct form_context plain = {
        .scope = "clinical", .template_ = "", .kind = "offline", .urgency = "routine"};
    const struct form_context stroke = {
        .scope = "specialist", .template_ = "stroke", .kind = "offline", .urgency = "routine"};
    const struct form_context now = {
        .scope = "clinical", .template_ = "", .kind = "offline", .urgency = "emergency"};
    assert_false(needs(&plain, "template.nihss"));
    assert_true(needs(&stroke, "template.nihss"));
    assert_true(needs(&plain, "exam.physical"));
    assert_false(needs(&now, "exam.physical"));
    assert_true(needs(&now, "questions"));
    assert_true(needs(&now, "consent.telemedicine"));
}

static void filled_means_filled(void **state)
{
    struct {
        const char *type, *value;
        bool filled;
    } cases[] = {
        {"text", "\"  \"", false},
        {"text", "\"x\"", true},
        {"number", "0", true},
        {"bool", "false", true},
        {"list", "[]", false},
        {"questions", "[{\"n\":1,\"text\":\" \"}]", false},
        {"questions", "[{\"n\":1,\"text\":\"?\"}]", true},
        {"consent", "{\"agreed\":true,\"signer\":\"李\"}", false},
        {"consent", "{\"agreed\":true,\"signer\":\"李\",\"document_id\":\"00000000000000aa\"}", true},
        {"consent", "{\"agreed\":false,\"signer\":\"李\",\"verbal\":true}", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *v = json_loads(cases[i].value, JSON_DECODE_ANY, NULL);
        assert_int_equal(form_filled(cases[i].type, v), cases[i].filled);
        json_decref(v);
    }
}

static void completeness_grows_with_every_answer(void **state)
{
    const struct form_context ctx = {
        .scope = "clinical", .template_ = "", .kind = "offline", .urgency = "routine"};
    const json_t *def = forms_find(forms, "consultation");
    json_t *body = json_object(), *a = form_completeness(def, &ctx, body, 70);
    assert_int_equal(json_integer_value(json_object_get(a, "score")), 0);
    assert_true(json_is_false(json_object_get(a, "ready")));
    size_t missing = json_array_size(json_object_get(a, "missing"));
    json_object_set_new(body, "history", json_pack("{s:s}", "chief_complaint", "头痛"));
    json_t *b = form_completeness(def, &ctx, body, 70);
    assert_int_equal(json_array_size(json_object_get(b, "missing")), missing - 1);
    assert_true(json_integer_value(json_object_get(b, "score")) > 0);
    json_decref(a);
    json_decref(b);
    json_decref(body);
}

static void every_field_is_described(void **state)
{
    static const char *const ids[] = {"consultation", "opinion", "evaluation"};
    for (size_t f = 0; f < 3; f++) {
        const json_t *def = forms_find(forms, ids[f]);
        json_t *section, *field;
        size_t i, j;
        assert_non_null(def);
        json_array_foreach (json_object_get(def, "sections"), i, section)
            json_array_foreach (json_object_get(section, "fields"), j, field) {
                assert_non_null(json_string_value(json_object_get(field, "path")));
                assert_non_null(json_string_value(json_object_get(field, "element")));
                assert_true(json_string_length(json_object_get(json_object_get(field, "label"), "zh")) > 0);
                assert_true(json_string_length(json_object_get(json_object_get(field, "label"), "en")) > 0);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_shapes_name_their_place),
        cmocka_unit_test(templates_add_and_emergencies_relax), cmocka_unit_test(filled_means_filled),
        cmocka_unit_test(completeness_grows_with_every_answer), cmocka_unit_test(every_field_is_described)};
    return cmocka_run_group_tests(tests, load, unload);
}
