/* The terminology service: any Parameters a client sends, with code systems, value sets and maps of its own. The answer must be a resource. */
#include "records/term/ts.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const asked[][2] = {{"CodeSystem", "lookup"}, {"CodeSystem", "validate-code"}, {"CodeSystem", "subsumes"}, {"ValueSet", "validate-code"},
                                           {"ValueSet", "expand"},   {"ConceptMap", "translate"},   {"ValueSet", "batch-validate-code"}};
    static struct ts *ts;
    if (!ts && ts_open(&ts, NULL, NULL))
        abort();
    json_t *in = size < 8192 ? json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    for (size_t i = 0; in && i < sizeof asked / sizeof *asked; i++) {
        struct ts_request q = {asked[i][0], "", asked[i][1], in};
        json_t *out = NULL;
        int status = ts_answer(ts, &q, &out);
        if (status < 200 || status > 599 || !json_is_string(json_object_get(out, "resourceType")))
            abort();
        json_decref(out);
    }
    json_decref(in);
    return 0;
}
