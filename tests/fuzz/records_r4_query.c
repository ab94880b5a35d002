/* Search strings and FHIRPath expressions from outside: read without a crash, or refused with a fault that has a text. The first byte picks:
 * a query of one of the types, or an expression that is also run. */
#include "records/r4/fhirpath.h"
#include "records/r4/search.h"
#include <stdlib.h>

static struct r4 *r4;
static struct r4_doc *d;

static void query(const char *text, size_t n, unsigned pick)
{
    const struct r4_type *const *types;
    static struct r4_pair pairs[64];
    static struct r4_query q;
    struct fault f;
    size_t count, n_types = r4_resources(r4, &types);
    if (r4_query_split(d, text, n, pairs, 64, &count))
        return;
    fault_clear(&f);
    if (r4_query_parse(r4, d, types[pick % n_types], pairs, count, &q, &f) && (!f.text[0] || !f.n_fields))
        abort();
}

static void expression(const char *text, size_t n)
{
    static const char resource[] = "{\"resourceType\":\"Patient\",\"active\":true,\"name\":[{\"family\":\"Zh\",\"given\":[\"a\",\"b\"]}],\"birthDate\":\"1990-01-01\","
                                   "\"multipleBirthInteger\":2}";
    struct r4_path *path;
    struct fault f;
    fault_clear(&f);
    const char *copy = r4_doc_copy(d, text, n);
    if (r4_path_compile(r4, copy, &path, &f)) {
        if (!f.text[0])
            abort();
        return;
    }
    struct r4_node *root;
    struct r4_items out = {0};
    struct r4_eval e = {.r4 = r4, .doc = d};
    if (r4_json_parse(d, resource, sizeof resource - 1, &root, NULL))
        abort();
    int rc = r4_path_run(path, &e, root, NULL, &out, &f);
    if (rc == ERR_INVALID && !f.text[0])
        abort();
    r4_path_free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!r4 && (r4_open(&r4, YL_SOURCE_DIR "/config/data", NULL) || !(d = r4_doc_new())))
        abort();
    if (size < 2 || size > 2048)
        return 0;
    r4_doc_reset(d);
    if (data[0] < 160)
        query((const char *)data + 1, size - 1, data[0]);
    else
        expression((const char *)data + 1, size - 1);
    return 0;
}
