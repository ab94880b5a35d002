/* ts - the terminology service: code systems, value sets and concept maps in memory, and the FHIR R4 operations on them ($lookup,
 * $validate-code, $expand, $subsumes, $translate; http://hl7.org/fhir/R4/terminology-service.html). FHIR resources in and out, no HTTP.
 *
 * Hides: how a code system is held (one hash of codes, parents, folded names), how a value set's compose is read, editions beside each
 * other and which is meant, dated maps. The lists of config/data are loaded once; what FHIR itself defines is made when it is asked for
 * (ts_defs.h); a request may bring resources of its own (tx-resource). Read-only after opening: any thread.
 */
#ifndef YL_RECORDS_TERM_TS_H
#define YL_RECORDS_TERM_TS_H

#include "records/term/pinyin.h"
#include <jansson.h>

struct ts;

#define TS_ICD10_NHSA "urn:yilian:codesystem:icd10-nhsa"       /* 医保版 ICD-10 */
#define TS_ICD9CM3_NHSA "urn:yilian:codesystem:icd9cm3-nhsa"   /* 医保版 ICD-9-CM-3 */
#define TS_ICD10_CLINICAL "urn:yilian:codesystem:icd10-clinical" /* 国临版: known by its map only */
#define TS_ICD9CM3_CLINICAL "urn:yilian:codesystem:icd9cm3-clinical"

/* Reads the lists and maps of data_dir (term_systems.tsv names them). p is borrowed and must live as long. */
YL_CHECKED int ts_open(struct ts **out, const char *data_dir, const struct pinyin *p);
void ts_close(struct ts *t);
/* Adds a CodeSystem, ValueSet or ConceptMap resource (borrowed, copied). 0, or ERR_INVALID for something else. */
YL_CHECKED int ts_add(struct ts *t, const json_t *resource);
/* An empty one that stands over `below`, which must live as long: what is added is found before what lies under it. */
YL_CHECKED int ts_open_over(struct ts **out, const struct ts *below);

#define TS_ACCEPT_LANGUAGE "\x01" "accept-language" /* the HTTP header, as a parameter; never leaves */
struct ts_request {
    const char *type;      /* "CodeSystem" "ValueSet" "ConceptMap" */
    const char *id;        /* of the instance, "" for the type */
    const char *operation; /* "lookup", "validate-code", ... */
    const json_t *in;      /* a Parameters resource */
};
/* Answers: *out (new reference) is Parameters, a ValueSet, or an OperationOutcome. Returns the HTTP status: 200, 400, 404, 422. */
int ts_answer(const struct ts *t, const struct ts_request *q, json_t **out);
/* The same answer as it goes out: compact JSON, malloc'd, NULL without memory. $lookup is not built as objects first. */
int ts_answer_text(const struct ts *t, const struct ts_request *q, char **text, size_t *len);
/* One resource by id, or a searchset Bundle by url/version/name (`in` as Parameters) where id is "". */
int ts_read(const struct ts *t, const struct ts_request *q, json_t **out);

/* What the lists and FHIR itself define, by its place in a fixed order (new reference; NULL behind the last, or without memory), and whether one
 * of it has this id, or this url in any version. */
json_t *ts_listed(const struct ts *t, const char *type, size_t i);
bool ts_lists_id(const struct ts *t, const char *type, const char *id);
bool ts_lists_url(const struct ts *t, const char *type, const char *url);

/* What is loaded, in the order of url and version: {systems: [{id,url,version,title,codes,complete,from,until}], sets: [{id,url,version,title}],
 * maps: [{id,url,version,title,source,target,codes,from,until}]}; days "" = open. New reference. (ts_catalogue.c) */
json_t *ts_catalogue(const struct ts *t);

/* ---- whole sets (ts_codes.c): texts live as long as t ---- */
#define TS_CODES_MAX 200000
struct ts_codes {
    struct ts_code {
        const char *system, *code;
    } *list;
    size_t n;
};
/* Of a value set "url|version", or of all of a code system by its url or "url?vs=". 0, ERR_NOT_FOUND, ERR_INVALID (it names what is not known
 * here), ERR_TOO_LARGE, ERR_UNAVAILABLE. */
YL_CHECKED int ts_codes_of_set(const struct ts *t, const char *canonical, struct ts_codes *out);
/* The code itself and all it subsumes; the code itself and all that subsume it. ERR_NOT_FOUND: no such system or code. */
YL_CHECKED int ts_codes_below(const struct ts *t, const char *system, const char *code, struct ts_codes *out);
YL_CHECKED int ts_codes_above(const struct ts *t, const char *system, const char *code, struct ts_codes *out);
void ts_codes_free(struct ts_codes *codes);
#endif
