/* search - FHIR R4 search as types (http://hl7.org/fhir/R4/search.html): what a resource yields for the index, and what a query asks.
 *
 * Both sides speak the same values: `struct r4_value` out of a resource, `struct r4_operand` out of a query. No storage here.
 * Pure; any thread.
 */
#ifndef YL_RECORDS_R4_SEARCH_H
#define YL_RECORDS_R4_SEARCH_H

#include "records/r4/r4.h"

/* ---- what a resource yields ---- */
#define R4_TIME_MIN INT64_MIN
#define R4_TIME_MAX INT64_MAX

struct r4_value {
    const struct r4_param *param;
    uint8_t type; /* enum r4_param_type; of the component within a composite */
    /* token: system (absent: none given), code; text (display and text, for :text; a CodeableConcept's text is a value of its own, without
     *   code). An Identifier with a type gives one more value with the type's system and code, and its own value in `string`: for :of-type.
     * reference: identifier's system and code in
     *   system/code where the Reference has an identifier (for :identifier).
     * quantity: system, code = unit's system and code, text = the unit as people write it. One of UCUM is met in any unit of its kind. */
    struct r4_str system, code, text;
    bool any_case; /* of an operand: the code's letters may be large or small */
    /* string: as written in `string`, folded for comparing in `folded` (r4_fold), initials of its pinyin in `initials` (when Chinese).
     * uri: `string`. number, quantity: `string` is the literal. */
    struct r4_str string, folded, initials;
    /* date: the interval it covers in ms UTC, [low, high): open ends R4_TIME_MIN / R4_TIME_MAX. */
    int64_t low_ms, high_ms;
    /* special (Location's near): number = latitude, low = longitude.
     * number, quantity: value and the interval of its precision [low, high): 100 -> 99.5..100.5. Range: low..high, infinite when open. */
    double number, low, high;
    /* reference: "Patient" + "17", with version if written; or an absolute `url` that is not [base]/Type/id; a contained one is its
     * fragment alone, `url` "#p1". canonical: url, version behind the '|'. `url` is set whenever the reference was absolute or a canonical. */
    struct r4_str ref_type, ref_id, ref_version, url;
    const struct r4_value *components; /* composite: n_components values, of each component one */
    size_t n_components;
};

struct pinyin;
struct r4_extract {
    const struct r4 *r4;
    const struct pinyin *pinyin; /* may be NULL: no initials */
    const char *base_url;        /* "https://host/fhir": absolute references below it are ours; may be NULL */
    /* Each value once (equal values of one parameter are dropped). Texts live until the doc is reset. */
    void (*emit)(void *ctx, const struct r4_value *v);
    void *ctx;
};
/* All values of all parameters of the resource's type, _id, _lastUpdated, _profile, _tag, _security, _source included.
 * d is where texts are made. 0; ERR_INVALID when it has no known resourceType. */
YL_CHECKED int r4_extract(const struct r4_extract *x, struct r4_doc *d, const struct r4_node *resource);
/* All literal references anywhere in the resource (not only those of search parameters), for transactions and integrity: calls back with
 * the node whose text is the reference, editable. */
void r4_references(const struct r4 *r, struct r4_node *resource, void (*each)(void *ctx, struct r4_node *reference), void *ctx);
/* The other places that may lead to a resource: elements of type uri, url, oid and uuid, and the narrative, whose text holds links (href, src). Not canonicals. */
void r4_links(const struct r4 *r, struct r4_node *resource, void (*each)(void *ctx, struct r4_node *text, bool narrative), void *ctx);

/* The folding of string search: letters small, accents off, blanks single, full width to half width, traditional to the written form
 * kept. Returns the length. */
size_t r4_fold(const char *text, size_t n, char *out, size_t cap);

/* ---- dates ---- */
/* A FHIR date, dateTime, instant or partial date as [low, high) in ms UTC; a time without zone is read at `zone_min` minutes east
 * (China: 480). false: not a date. */
bool r4_date_interval(const char *text, size_t n, int zone_min, int64_t *low_ms, int64_t *high_ms);
#define R4_INSTANT_BYTES 25
/* "2026-11-28T08:42:00.000Z" */
void r4_instant(int64_t ms, char out[R4_INSTANT_BYTES]);

/* ---- what a query asks ---- */
enum r4_prefix { R4_EQ, R4_NE, R4_GT, R4_LT, R4_GE, R4_LE, R4_SA, R4_EB, R4_AP };
enum r4_modifier {
    R4_M_NONE, R4_M_MISSING, R4_M_EXACT, R4_M_CONTAINS, R4_M_TEXT, R4_M_NOT, R4_M_ABOVE, R4_M_BELOW, R4_M_IN, R4_M_NOT_IN, R4_M_OF_TYPE,
    R4_M_IDENTIFIER, R4_M_TYPE /* :Patient, in `modifier_type` */
};

struct r4_operand { /* one of the comma-separated values */
    enum r4_prefix prefix;
    struct r4_value v; /* as above. token: `system` absent = any, present and empty ("|code") = none given; `code` absent ("sys|") = any.
                          of-type: system|code of the type in system, code and the value in string. :missing: v.number 1 or 0.
                          string: folded as above. ap: the intervals are widened already (numbers by a tenth, dates by their own
                          length, at least a day), so it means overlap. */
    const struct r4_operand *parts; /* composite: one for each component, with its own prefix */
};

struct r4_term { /* one name=value of the query: all terms must hold; of its operands one must */
    const struct r4_type *base;    /* the type whose parameter it is */
    const struct r4_param *param;  /* the parameter at this step */
    enum r4_modifier modifier;
    const struct r4_type *modifier_type;
    /* Chained (subject:Patient.name=x): this step is the reference, `chain` what must hold of its target, one for every target type that has such
     * a parameter (next_target). `_has:Observation:patient:code=x`: `reverse` is set, param is Observation's reference to us, chain what must
     * hold of the Observation. A chain's last step carries the operands. */
    const struct r4_term *chain, *next_target; /* next_target: the alternative beside this one, for another `base` */
    bool reverse;
    const struct r4_operand *operands;
    size_t n_operands;
    const struct r4_term *next;
};

struct r4_include {
    const struct r4_type *source;  /* NULL: "*" all types on the page */
    const struct r4_param *param;  /* NULL: "*" all reference parameters */
    const struct r4_type *target;  /* NULL: any */
    bool reverse, iterate;
    const struct r4_include *next;
};

struct r4_sort {
    const struct r4_param *param; /* NULL: _score is ignored and does not come here */
    bool descending;
};
#define R4_SORTS_MAX 8

enum r4_summary { R4_SUMMARY_FALSE, R4_SUMMARY_TRUE, R4_SUMMARY_TEXT, R4_SUMMARY_DATA, R4_SUMMARY_COUNT };
enum r4_total { R4_TOTAL_UNSET, R4_TOTAL_NONE, R4_TOTAL_ESTIMATE, R4_TOTAL_ACCURATE };

struct r4_query {
    const char *base_url; /* set by the caller, NULL = none: absolute references below it are ours */
    bool any_case;        /* set by the caller: codes are met whatever the case of their letters */
    const struct r4_type *type;
    const struct r4_term *terms;
    const struct r4_include *includes;
    struct r4_sort sorts[R4_SORTS_MAX];
    size_t n_sorts;
    int count; /* -1 not given */
    enum r4_summary summary;
    enum r4_total total;
    struct r4_str elements; /* as given, comma-separated */
    struct r4_str unknown[8]; /* names of parameters that do not exist for the type: an error in strict handling, else ignored and said so */
    size_t n_unknown;
};
struct r4_pair { /* one name=value, percent-decoded */
    struct r4_str name, value;
};
/* Reads the query of a search of `type`. `_format` and `_pretty` are passed over; a paging cursor and alike are the caller's to take out
 * before. out->base_url and out->any_case are read, all else of *out is written. `_text`, `_content`, `_query` come as terms whose param has no expression: the caller decides. Empty values are ignored, as
 * HTTP forms send them. Dates without zone are read in UTC+8. Everything made lives in d; texts of the pairs are borrowed. The fault names
 * the parameter and why. 0, ERR_INVALID. */
YL_CHECKED int r4_query_parse(const struct r4 *r, struct r4_doc *d, const struct r4_type *type, const struct r4_pair *pairs, size_t n,
                              struct r4_query *out, struct fault *f);
/* Splits and decodes "a=b&c=d" (also a form body). 0, ERR_INVALID for a wrong percent sequence or more than cap pairs. */
YL_CHECKED int r4_query_split(struct r4_doc *d, const char *text, size_t len, struct r4_pair *pairs, size_t cap, size_t *n);
/* Whether a value out of a resource meets the operand of such a term: the meaning of search in one place, for the tests' model, for
 * Subscription and conditional forms on resources not stored yet. :not and :missing speak of all values of a parameter: the caller turns
 * them round (R4_M_NOT is judged here like an equal one). R4_M_IN, R4_M_NOT_IN, R4_M_ABOVE/BELOW of tokens need a terminology
 * and answer false. */
bool r4_value_matches(const struct r4_term *term, const struct r4_operand *o, const struct r4_value *v);

struct r4_ucum;
/* A quantity, found or asked for: turns number, low and high into base units of UCUM. false, and nothing done: its unit is not one of UCUM that is known here. */
bool r4_value_to_base(struct r4_value *v, struct r4_ucum *unit);
#define R4_SAME 1e-14 /* numbers that differ by less, of one, are the same: as much as converting them may cost */
#endif
