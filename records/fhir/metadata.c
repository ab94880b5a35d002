/* The CapabilityStatement: what it says is made from the tables the code runs by. */
#include "records/fhir/own.h"
#include "records/r4/search.h"
#include "records/r4/validate.h"
#include <stdio.h>

/* ---- metadata ---- */

static void write_params(struct r4_buf *b, const struct r4 *r4, const struct r4_type *type)
{
    const struct r4_param *const *list;
    size_t n = r4_params(r4, type, &list), shown = 0;
    for (size_t i = 0; i < n; i++)
        if (list[i]->type != R4_P_SPECIAL && list[i]->expression)
            r4_buf_printf(b, "%s{\"name\":\"%s\",\"definition\":\"http://hl7.org/fhir/SearchParameter/%s\",\"type\":\"%s\"}", shown++ ? "," : ",\"searchParam\":[",
                          list[i]->code, list[i]->id, r4_param_type_name(list[i]->type));
    if (shown)
        r4_buf_puts(b, "]");
    shown = 0;
    for (size_t i = 0; i < n; i++)
        if (list[i]->type == R4_P_REFERENCE)
            r4_buf_printf(b, "%s\"%s:%s\"", shown++ ? "," : ",\"searchInclude\":[", type->name, list[i]->code);
    if (shown)
        r4_buf_puts(b, "]");
}

/* What the terminology service does over its three types (records/fhir/terms.c). */
static void write_terms(struct r4_buf *b, const char *type)
{
    static const struct {
        const char *type, *operation, *definition;
    } operations[] = {{"CodeSystem", "lookup", "CodeSystem-lookup"}, {"CodeSystem", "validate-code", "CodeSystem-validate-code"},
                      {"CodeSystem", "subsumes", "CodeSystem-subsumes"}, {"ValueSet", "expand", "ValueSet-expand"},
                      {"ValueSet", "validate-code", "ValueSet-validate-code"}, {"ValueSet", "batch-validate-code", "ValueSet-batch-validate-code"}, {"ConceptMap", "translate", "ConceptMap-translate"}};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (strcmp(operations[i].type, type) == 0)
            r4_buf_printf(b, ",{\"name\":\"%s\",\"definition\":\"http://hl7.org/fhir/OperationDefinition/%s\"}", operations[i].operation, operations[i].definition);
}

#define EXPORT_SAYS "\"documentation\":\"_type, _since, _typeFilter (searches of a type, of which one must hold), _elements (at the root; SUBSETTED), _outputFormat (ndjson).\""

static void write_type(struct r4_buf *b, const struct r4 *r4, const struct r4_type *type)
{
    static const char *const interactions[] = {"read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type"};
    const struct own_kind *own = own_kind_of(type->name);
    r4_buf_printf(b, "{\"type\":\"%s\",", type->name);
    if (own)
        r4_buf_printf(b, "\"documentation\":\"Those whose id begins with %s are the house's own: read, found by search, in $everything and $export; of their versions the newest is kept (ETag, If-None-Match, vread), their instance history says%s when they changed; a write to them is refused.\",", own->prefix, own->past ? "" : " only");
    if (strcmp(type->name, "Subscription") == 0)
        r4_buf_puts(b, "\"documentation\":\"Channel rest-hook: payload application/fhir+json (PUT endpoint/Type/id) or none (POST endpoint). Criteria: a search of one type. Sent only to endpoints the site allows; until then a Subscription stays requested. At most 10 of a client, under its scopes.\",");
    if (terms_type(type->name))
        r4_buf_puts(b, "\"documentation\":\"Beside what clients write stands what is loaded here and what FHIR itself defines: read, found by search and used by the operations, written by nobody (409). A resource is changed by the institution that wrote it alone, and a url is one institution's.\",");
    r4_buf_puts(b, "\"interaction\":[");
    for (size_t i = 0; i < sizeof interactions / sizeof *interactions; i++)
        r4_buf_printf(b, "%s{\"code\":\"%s\"}", i ? "," : "", interactions[i]);
    r4_buf_puts(b, "],\"versioning\":\"versioned-update\",\"readHistory\":true,\"updateCreate\":true,\"conditionalCreate\":true,\"conditionalRead\":\"full-support\","
                   "\"conditionalUpdate\":true,\"conditionalDelete\":\"single\"");
    write_params(b, r4, type);
    static const char validate[] = "{\"name\":\"validate\",\"definition\":\"http://hl7.org/fhir/OperationDefinition/Resource-validate\"}";
    if (strcmp(type->name, "Patient") != 0) {
        r4_buf_printf(b, ",\"operation\":[%s", validate);
        write_terms(b, type->name);
        r4_buf_puts(b, "]");
    } else
        r4_buf_printf(b, ",\"operation\":[%s,{\"name\":\"everything\",\"definition\":\"http://hl7.org/fhir/OperationDefinition/Patient-everything\",\"documentation\":\"start, end (dates of care), _type, _since, _count.\"},"
                        "{\"name\":\"export\",\"definition\":\"http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export\"," EXPORT_SAYS "},"
                        "{\"name\":\"match\",\"definition\":\"http://hl7.org/fhir/OperationDefinition/Patient-match\"},"
                        "{\"name\":\"ihe-pix\",\"definition\":\"https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix\"}]", validate);
    r4_buf_puts(b, "}");
}

/* ?mode=terminology: what $expand takes (records/term/ts_expand.c). */
static void write_terminology(struct fhir_work *w, const char *base)
{
    static const char *const parameters[] = {"activeOnly", "check-system-version", "count", "default-valueset-version", "designation", "displayLanguage", "excludeNested",
                                             "excludeNotForUI", "filter", "force-system-version", "includeDefinition", "includeDesignations", "offset", "property",
                                             "system-version", "tx-resource", "useSupplement"};
    struct r4_buf b = {0};
    r4_buf_printf(&b, "{\"resourceType\":\"TerminologyCapabilities\",\"url\":\"%s/metadata?mode=terminology\",\"version\":\"1.0.0\",\"name\":\"YilianTerminology\",\"title\":\"Yilian terminology service\","
                      "\"status\":\"active\",\"date\":\"2026-11-28\",\"kind\":\"instance\",\"software\":{\"name\":\"Yilian\"},\"implementation\":{\"description\":\"Yilian\",\"url\":\"%s\"},"
                      "\"lockedDate\":false,\"expansion\":{\"hierarchical\":true,\"paging\":true,\"incomplete\":false,\"parameter\":[", base, base);
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
        r4_buf_printf(&b, "%s{\"name\":\"%s\"}", i ? "," : "", parameters[i]);
    r4_buf_puts(&b, "],\"textFilter\":\"Words: Chinese (traditional or simplified), pinyin initials, the beginning of a code.\"},\"codeSearch\":\"all\",\"validateCode\":{\"translations\":true},\"translation\":{\"needsMap\":true}}");
    fhir_answer_buf(w, 200, &b);
}

void rest_metadata(struct fhir_work *w)
{
    const struct r4 *r4 = fhir_r4(w->fhir);
    const struct r4_type *const *types;
    size_t n = r4_resources(r4, &types);
    char base[300];
    struct r4_buf b = {0};
    fhir_base(w, base);
    for (size_t i = 0; i < w->plan->n_pairs; i++)
        if (r4_str_is(w->plan->pairs[i].name, "mode") && r4_str_is(w->plan->pairs[i].value, "terminology")) {
            write_terminology(w, base);
            return;
        }
    r4_buf_printf(&b, "{\"resourceType\":\"CapabilityStatement\",\"url\":\"%s/metadata\",\"version\":\"1.0.0\",\"name\":\"Yilian\",\"title\":\"Yilian FHIR service\",\"instantiates\":[\"http://hl7.org/fhir/CapabilityStatement/terminology-server\"],\"status\":\"active\",\"date\":\"2026-11-28\",\"kind\":\"instance\",\"fhirVersion\":\"4.0.1\","
                      "\"format\":[\"application/fhir+json\",\"json\"],\"software\":{\"name\":\"Yilian\"},\"implementation\":{\"description\":\"Yilian\",\"url\":\"%s\"},"
                      "\"rest\":[{\"mode\":\"server\",\"security\":{\"service\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/restful-security-service\","
                      "\"code\":\"SMART-on-FHIR\"}]}],\"extension\":[{\"url\":\"http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris\","
                      "\"extension\":[{\"url\":\"token\",\"valueUri\":\"%s/auth/token\"}]}]},\"resource\":[", base, base, base);
    for (size_t i = 0; i < n; i++) {
        if (i)
            r4_buf_puts(&b, ",");
        write_type(&b, r4, types[i]);
    }
    r4_buf_puts(&b, "],\"interaction\":[{\"code\":\"batch\"},{\"code\":\"transaction\"},{\"code\":\"history-system\"},{\"code\":\"search-system\"}],\"operation\":[{\"name\":\"export\",\"definition\":\"http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export\"," EXPORT_SAYS "},{\"name\":\"process-message\",\"definition\":\"http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message\"}]}]}");
    fhir_answer_buf(w, 200, &b);
}
