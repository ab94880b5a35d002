/* docs/protocol/signaling.schema.json and signaling.md say what the table of verbs says. */
#include "server/signaling/signaling.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define FILE_NAME YL_SOURCE_DIR "/docs/protocol/signaling.schema.json"

static void the_document_is_the_table(void **state)
{
    json_t *built = signaling_schema();
    if (getenv("YL_WRITE_SCHEMA")) assert_int_equal(json_dump_file(built, FILE_NAME, JSON_INDENT(1)), 0);
    json_t *kept = json_load_file(FILE_NAME, 0, NULL);
    assert_non_null(kept);
    assert_true(json_equal(built, kept)); /* else: YL_WRITE_SCHEMA=1 build-test/unit_server_schema */
    json_decref(built);
    json_decref(kept);
}

/* Every verb has its words in the text too, and the text has no verb that is none. */
static void the_text_names_every_verb(void **state)
{
    static char text[65536];
    FILE *f = fopen(YL_SOURCE_DIR "/docs/protocol/signaling.md", "r");
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    for (const struct verb *const *t = verb_tables; *t; t++)
        for (const struct verb *v = *t; v->name; v++) {
            char word[60], call[60];
            snprintf(word, sizeof word, "`%s`", v->name);
            snprintf(call, sizeof call, "`%s {", v->name);
            if (!strstr(text, word) && !strstr(text, call)) fail_msg("signaling.md does not tell of %s", v->name);
        }
    assert_null(strstr(text, "room.chat"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_document_is_the_table), cmocka_unit_test(the_text_names_every_verb)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
