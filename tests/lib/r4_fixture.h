/* What the tests of FHIR R4 begin with: the definitions, the sample resources (tests/unit/r4/resources.ndjson), one document for all they parse. */
#ifndef YL_TESTS_LIB_R4_FIXTURE_H
#define YL_TESTS_LIB_R4_FIXTURE_H

#include "records/r4/search.h"
#include "records/r4/validate.h"
#include "records/term/pinyin.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct r4 *r4;
static struct pinyin *pinyin;
static struct r4_doc *doc;
static struct fault fault;
static char *fixtures[32];
static size_t n_fixtures;

static inline int r4_fixture_open(void **state)
{
    (void)state;
    fault_clear(&fault);
    if (r4_open(&r4, YL_SOURCE_DIR "/config/data", &fault)) {
        print_error("%s\n", fault.text);
        return -1;
    }
    if (pinyin_open(&pinyin, YL_SOURCE_DIR "/config/data") || !(doc = r4_doc_new()))
        return -1;
    FILE *in = fopen(YL_SOURCE_DIR "/tests/unit/r4/resources.ndjson", "r");
    char *line = NULL;
    size_t cap = 0;
    while (in && getline(&line, &cap, in) > 0) {
        line[strcspn(line, "\n")] = 0;
        fixtures[n_fixtures++] = strdup(line);
    }
    free(line);
    return in ? fclose(in) : -1;
}

static inline int r4_fixture_close(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_fixtures; i++)
        free(fixtures[i]);
    r4_doc_free(doc);
    pinyin_close(pinyin);
    r4_close(r4);
    return 0;
}

static inline struct r4_node *parse(const char *text)
{
    struct r4_node *root;
    struct r4_json_error e;
    if (r4_json_parse(doc, text, strlen(text), &root, &e)) {
        print_error("%s at line %u column %u of %s\n", e.reason, e.line, e.column, text);
        fail();
    }
    return root;
}
#endif
