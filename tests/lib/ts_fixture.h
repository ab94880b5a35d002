/* What the tests of the terminology service begin with: the service over the lists of config/data, and asking it. */
#ifndef YL_TESTS_LIB_TS_FIXTURE_H
#define YL_TESTS_LIB_TS_FIXTURE_H

#include "records/term/fold.h"
#include "records/term/ts_store.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct pinyin *pinyin;
static struct ts *ts;
static json_t *last;
static int status;

static inline int setup(void **state)
{
    return pinyin_open(&pinyin, YL_SOURCE_DIR "/config/data") || ts_open(&ts, YL_SOURCE_DIR "/config/data", pinyin);
}

static inline int teardown(void **state)
{
    json_decref(last);
    ts_close(ts);
    pinyin_close(pinyin);
    return 0;
}

/* What goes out as text is the same answer; an expansion has a name and a time of its own each time. */
static inline void same_as_text(const struct ts_request *q)
{
    char *text;
    size_t len;
    assert_int_equal(ts_answer_text(ts, q, &text, &len), status);
    assert_int_equal(len, strlen(text));
    json_t *read = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    assert_true(strcmp(q->operation, "expand") == 0 || json_equal(read, last));
    json_decref(read);
    free(text);
}

/* `parameters`: "name=value" words; "@name={json}" is a resource, "name:valueCoding={json}" a typed value. */
static inline void ask(const char *type, const char *operation, const char *const *parameters)
{
    json_t *list = json_array();
    for (; *parameters; parameters++) {
        const char *equals = strchr(*parameters, '='), *colon = memchr(*parameters, ':', (size_t)(equals - *parameters));
        bool resource = **parameters == '@';
        json_t *one = json_pack("{s:s%}", "name", *parameters + resource, (size_t)((colon ? colon : equals) - *parameters - resource));
        char key[40] = "valueString";
        if (colon)
            snprintf(key, sizeof key, "%.*s", (int)(equals - colon - 1), colon + 1);
        json_object_set_new(one, resource ? "resource" : key, resource || colon ? json_loads(equals + 1, JSON_DECODE_ANY, NULL) : json_string(equals + 1));
        json_array_append_new(list, one);
    }
    json_t *in = json_pack("{s:s, s:o}", "resourceType", "Parameters", "parameter", list);
    struct ts_request q = {type, "", operation, in};
    json_decref(last);
    last = NULL;
    status = ts_answer(ts, &q, &last);
    same_as_text(&q);
    json_decref(in);
}

#define ASK(type, operation, ...) ask(type, operation, (const char *[]){__VA_ARGS__, NULL})

static inline json_t *found(const char *name)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(last, "parameter"), i, one)
        if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0)
            return one;
    return NULL;
}

static inline const char *text_of(const char *name)
{
    const char *key;
    json_t *value;
    json_object_foreach(found(name), key, value)
        if (strncmp(key, "value", 5) == 0)
            return json_is_boolean(value) ? json_is_true(value) ? "true" : "false" : json_string_value(value);
    return "";
}
#endif
