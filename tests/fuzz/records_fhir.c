/* What the FHIR service reads that clients made: JSON Web Tokens, bearer tokens, scopes, whom $match and $ihe-pix look for; and facts, which come from the disk. */
#include "records/fhir/clean.h"
#include "records/fhir/client.h"
#include "records/fhir/own.h"

/* What the cleaning rules look at, of whatever shape the resource is. */
static void judge(struct r4_doc *d, const struct r4_node *root)
{
    static struct clean_resource r;
    struct r4_str visit;
    char org[40] = "";
    clean_resource_read(d, root, 1795500000000, &r);
    if (r.n > CLEAN_PARTS_MAX || (r.patient && (!r.himself.name || !r.himself.id_no || !r.himself.phone || !r.himself.birth_date || !r.himself.sex)))
        abort();
    for (size_t i = 0; i < r.n; i++)
        if (!r.parts[i].data.code || !r.parts[i].data.value || !r.parts[i].data.unit || !r.parts[i].data.status || !r.parts[i].data.standard_system)
            abort();
    if (clean_resource_org(root, org) && !*org)
        abort();
    if (clean_resource_visit(root, &visit) && (!visit.p || !visit.n))
        abort();
    (void)clean_visit_begun(root);
    for (size_t i = 0; i < r.n; i++)
        if (!r.parts[i].display || !clean_public_code(&r.parts[i].data))
            abort();
}

/* $match takes any Patient, $ihe-pix any "system|value". */
static void look_for(struct r4_doc *d, const char *text, size_t size)
{
    struct r4_node *root;
    struct r4_str system = {0};
    char value[40];
    uint64_t id;
    if (r4_json_parse(d, text, size, &root, NULL) == 0) {
        struct patient_row row = {0};
        judge(d, root);
        match_record(root, &row);
        if (strlen(row.name) >= sizeof row.name || strlen(row.secret.address) >= sizeof row.secret.address || strlen(row.secret.phone) >= sizeof row.secret.phone)
            abort();
    }
    if (pix_split((struct r4_str){text, size}, &system, value, sizeof value) && (!system.n || system.n >= size))
        abort();
    if (own_name("Task", text, &id) && strlen(text) != 5 + 16)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fhir *x;
    static const uint8_t master[32];
    struct fault f = {0};
    struct bearer b;
    struct facts facts = {0};
    char granted[600];
    if (!x && fhir_open(&x, YL_SOURCE_DIR "/config", master, &f))
        abort();
    char *text = malloc(size + 1);
    if (!text || !fhir_r4(x))
        abort();
    memcpy(text, data, size);
    text[size] = 0;
    json_decref(jwt_claims(text));
    json_t *keys = json_pack("{s:[{s:s,s:s,s:s,s:s}]}", "keys", "kty", "EC", "crv", "P-256", "x", "AAAA", "y", "AAAA");
    json_decref(jwt_open(text, keys));
    json_decref(keys);
    if (bearer_open(x, text, 0, &b)) /* nobody guesses an HMAC */
        abort();
    scopes_granted("system/*.read", text, granted, sizeof granted);
    if (*granted && scopes_rights(granted, "Patient") & ~(unsigned)(MAY_READ | MAY_SEARCH))
        abort();
    scopes_wrong(text);
    struct r4_doc *d = r4_doc_new();
    (void)!facts_read(x, d, r4_resource(fhir_r4(x), "Observation", 11), text, size, &facts);
    if (!facts.failed)
        facts_rows(x, r4_resource(fhir_r4(x), "Observation", 11), &facts);
    facts_clear(&facts);
    r4_doc_reset(d);
    look_for(d, text, size);
    r4_doc_free(d);
    free(text);
    return 0;
}
