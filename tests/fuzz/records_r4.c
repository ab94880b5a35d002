/* FHIR resources from outside: parse, write, validate, index. What was parsed is written as JSON that parses to the same; an
 * OperationOutcome about anything is itself valid. */
#include "records/r4/flat.h"
#include "records/r4/patch.h"
#include "records/r4/search.h"
#include "records/r4/validate.h"
#include <stdlib.h>

static void nothing(void *ctx, const struct r4_value *v)
{
    if (!v->param)
        abort();
}

static void same_again(struct r4_doc *d, const struct r4_node *root)
{
    struct r4_buf b = {0};
    struct r4_node *again;
    r4_json_write(&b, root);
    if (b.failed || r4_json_parse(d, b.p, b.n, &again, NULL) || !r4_equal(root, again))
        abort();
    r4_doc_reset(d);
    r4_buf_clear(&b);
}

/* The same text as a FHIRPath patch of a small resource. */
static void patch(const struct r4 *r4, struct r4_doc *d, const struct r4_node *parameters)
{
    static const char resource[] = "{\"resourceType\":\"Patient\",\"active\":true,\"name\":[{\"family\":\"Zh\",\"given\":[\"a\",\"b\"]}],\"deceasedBoolean\":false}";
    struct r4_node *root;
    struct r4_buf b = {0};
    struct fault f;
    fault_clear(&f);
    if (r4_json_parse(d, resource, sizeof resource - 1, &root, NULL))
        abort();
    if (r4_fhirpath_patch(r4, d, root, parameters, &f) == ERR_INVALID && !f.text[0])
        abort();
    r4_json_write(&b, root);
    r4_buf_clear(&b);
}

/* The same text as a ViewDefinition, over a small resource: what is refused is refused in place. */
static void rows(const struct r4 *r4, struct r4_doc *d, const struct r4_node *definition)
{
    static const char resource[] = "{\"resourceType\":\"Patient\",\"id\":\"p\",\"name\":[{\"family\":\"Zh\",\"given\":[\"a\",\"b\"]}],\"deceasedBoolean\":false}";
    struct r4_node *root, *list = r4_new(d, R4_ARRAY);
    struct r4_flat *v;
    struct fault f;
    fault_clear(&f);
    if (!list || r4_json_parse(d, resource, sizeof resource - 1, &root, NULL))
        abort();
    if (r4_flat_compile(r4, definition, &v, &f)) {
        if (!f.n_fields)
            abort();
        return;
    }
    (void)!r4_flat_run(v, d, root, 0, list, &f);
    r4_flat_free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct r4 *r4;
    static struct r4_doc *d, *d2;
    if (!r4 && (r4_open(&r4, YL_SOURCE_DIR "/config/data", NULL) || !(d = r4_doc_new()) || !(d2 = r4_doc_new())))
        abort();
    struct r4_node *root;
    r4_doc_reset(d);
    if (size > 65536 || r4_json_parse(d, (const char *)data, size, &root, NULL))
        return 0;
    same_again(d2, root);
    static struct r4_issues issues, own;
    r4_validate(r4, d2, root, NULL, R4_WARNINGS, &issues);
    struct r4_node *outcome = r4_outcome(d2, &issues);
    if (!outcome || r4_validate(r4, d2, outcome, NULL, 0, &own))
        abort();
    struct r4_extract x = {r4, NULL, "http://here", nothing, NULL};
    if (root->kind == R4_OBJECT && r4_extract(&x, d2, root) == 0)
        r4_doc_reset(d2);
    patch(r4, d2, root);
    r4_doc_reset(d2);
    rows(r4, d2, root);
    r4_doc_reset(d2);
    return 0;
}
