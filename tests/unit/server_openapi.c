/* The URL table and the operation table fit each other, and docs/protocol/openapi.json says what they say. */
#include "records/ops/op.h"
#include "server/api/api.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void the_document_is_the_tables(void **state)
{
    json_t *built = openapi_build(op_find), *kept = json_load_file(YL_SOURCE_DIR "/docs/protocol/openapi.json", 0, NULL);
    (void)state;
    assert_non_null(built);
    assert_non_null(kept);
    assert_true(json_equal(built, kept)); /* else: yilianctl openapi print > docs/protocol/openapi.json */
    json_decref(built);
    json_decref(kept);
}

static void every_operation_has_its_url(void **state)
{
    char *text = NULL, want[80];
    json_t *built = openapi_build(op_find);
    (void)state;
    assert_non_null(built);
    text = json_dumps(built, JSON_COMPACT);
    for (const struct op *const *t = op_tables; *t; t++)
        for (const struct op *o = *t; o->name; o++) {
            bool internal = o->flags & OP_SYSTEM; /* the daemon's own: no URL may lead there */
            snprintf(want, sizeof want, "\"operationId\":\"%s\"", o->name);
            bool found = strstr(text, want) != NULL;
            if (found == internal)
                fail_msg("%s URL leads to %s", found ? "a" : "no", o->name);
        }
    free(text);
    json_decref(built);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_document_is_the_tables), cmocka_unit_test(every_operation_has_its_url)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
