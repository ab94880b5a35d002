/* ts_store - what the terminology service holds. Inside records/term only. */
#ifndef YL_RECORDS_TERM_TS_STORE_H
#define YL_RECORDS_TERM_TS_STORE_H

#include "records/term/hant.h"
#include "records/term/ts.h"

enum { TS_COMPLETE, TS_FRAGMENT, TS_SUPPLEMENT, TS_NOT_PRESENT };

struct ts_concept {
    const char *code, *display;
    const char *folded, *initials; /* for search: the lists' own; NULL in a resource */
    int32_t parent;                /* -1 at the top; parents stand before children */
    bool inactive, abstract;
    const char *status;            /* "retired", "deprecated", ...; NULL */
    const json_t *source;          /* the concept of a resource, NULL in a list */
};

struct ts_system {
    const char *id, *url, *version, *name, *title;
    json_t *resource; /* without its concepts where it comes from a list */
    bool case_sensitive, hierarchy;
    int content;
    struct ts_concept *concepts;
    size_t n, cap;
    uint32_t *hash; /* concept + 1, by code; power of two */
    size_t n_hash;
    char *text;     /* a list's file, cut into strings */
    char *search;   /* folded names and initials, in the order of the concepts */
    size_t search_len;
    struct ts_pairs *pairs; /* of a list: which concepts a word may be in (ts_pairs.h) */
};

struct ts_map {
    const char *id, *url, *version, *from_date, *to_date; /* dates "" = open */
    json_t *resource;        /* a ConceptMap; for a list only its header */
    const char *source, *target; /* systems of a list's map */
    struct ts_pair {
        const char *from, *to;
    } *pairs; /* sorted by from */
    size_t n;
    char *text;
};

struct ts {
    const struct pinyin *pinyin;
    struct hant *hant; /* NULL over a request's own resources */
    struct ts_system *systems;
    size_t n_systems;
    json_t *sets; /* array of ValueSet */
    struct ts_map *maps;
    size_t n_maps;
    json_t *kept; /* resources whose strings are borrowed */
    struct ts_defs *defs; /* what FHIR defines: behind all that is loaded here; NULL over a request's own resources */
    const struct ts *below; /* a request's own resources stand over the server's */
};

/* The system of this url; version "" = the newest (1.x, or the highest); NULL. `x` in a version stands for any. */
const struct ts_system *ts_system(const struct ts *t, const char *url, const char *version);
/* Every system of this url, as "1.0.0 or 1.2.0"; "" when none. */
void ts_versions(const struct ts *t, const char *url, char *out, size_t cap);
const json_t *ts_set(const struct ts *t, const char *url, const char *version);
const struct ts_system *ts_system_of_id(const struct ts *t, const char *id);
const json_t *ts_set_of_id(const struct ts *t, const char *id);
/* -1 when there is none. */
int32_t ts_concept(const struct ts_system *s, const char *code);
bool ts_is_a(const struct ts_system *s, int32_t child, int32_t ancestor);
bool ts_version_fits(const char *have, const char *want);
int ts_version_compare(const char *a, const char *b);
/* Does the concept answer to the words a person types: code, name, pinyin initials, traditional characters? */
struct ts_words {
    char text[4][96];
    bool latin[4];
    size_t n;
};
void ts_words(const struct ts *t, const char *typed, struct ts_words *w);
/* A byte per concept, 1 where the words may be in it; NULL for a resource: all may. malloc'd. */
uint8_t *ts_candidates(const struct ts_system *s, const struct ts_words *w);
bool ts_matches(const struct ts_concept *c, const struct ts_words *w);

/* ---- reading parameters ---- */
const json_t *ts_param(const json_t *in, const char *name);
/* Its primitive value as text ("" when absent), whatever its type. */
const char *ts_text(const json_t *in, const char *name);
const char *ts_value_text(const json_t *parameter);
bool ts_flag(const json_t *in, const char *name, bool otherwise);
long ts_number(const json_t *in, const char *name, long otherwise);
/* system-version, force-system-version, ..: what a parameter "url|version", which may repeat, says of this url; "" when nothing. */
const char *ts_said_for(const json_t *in, const char *parameter, const char *url);
/* Splits "url|version": the url into out, returns the version ("" when none). */
const char *ts_canonical(const char *text, char *out, size_t cap);
const char *ts_member(const json_t *object, const char *name);
const json_t *ts_extension(const json_t *of, const char *url); /* the first of that url; NULL = none */
#define TS_PERIOD "http://hl7.org/fhir/StructureDefinition/resource-effectivePeriod"
const json_t *ts_period(const json_t *resource); /* when it is in force: {start?, end?}; NULL = nothing is said */

/* ---- languages (ts_language.c) ---- */
#define TS_LANGUAGES_MAX 8
struct ts_languages {
    char tag[TS_LANGUAGES_MAX][24]; /* the one liked best first */
    size_t n;
    bool only; /* "*;q=0": no other */
};
/* "de,en;q=0.5,*;q=0". false: that is no list of languages. */
bool ts_languages(const char *text, struct ts_languages *out);
bool ts_language_asked(const struct ts_languages *l, const char *language);
/* The concept's name in the language liked best, NULL when it has none in those asked for; *from is the designation it stands in, NULL for
 * the display. Without languages the display. */
const char *ts_display_in(const struct ts_system *s, const struct ts_concept *c, const struct ts_languages *l, const json_t **from);
const char *ts_designation_status(const json_t *designation); /* "withdrawn", ..; "" = in use */

/* ---- supplements (ts_supplement.c) ---- */
#define TS_FROM_SUPPLEMENT "\x01" "supplement" /* of a merged code system and its designations: which; never leaves */
/* The supplement of this url, NULL. */
const struct ts_system *ts_supplement(const struct ts *t, const char *url);
/* Those the request (useSupplement) and the set (valueset-supplement) name, merged over t; *own NULL where none is named. 0, or the status
 * with *out where one is not here. */
int ts_with_supplements(const struct ts *t, const json_t *in, const json_t *set, struct ts **own, json_t **out);

/* ---- building answers ---- */
json_t *ts_parameters(void);
void ts_put(json_t *parameters, const char *name, const char *type, json_t *value);
struct ts_issue {
    const char *severity, *code, *kind, *message_id, *expression, *text;
};
json_t *ts_outcome(void);
void ts_issue(json_t *outcome, const struct ts_issue *i);
/* An OperationOutcome of one error as the whole answer; returns status. */
int ts_fail(json_t **out, int status, const char *code, const char *kind, const char *format, ...) YL_PRINTF(5, 6);

/* ---- value sets (ts_compose.c, ts_expand.c) ---- */
struct ts_asked { /* what a request says about versions and languages */
    const struct ts *t;
    const json_t *in;
    int depth;
    json_t **failure; /* an OperationOutcome where reading the set failed, with *status */
    int *status;
    json_t *used;     /* urls|versions of the code systems that were read */
    const json_t *container; /* the set that was asked for: "#id" names one it contains */
    const json_t *set;       /* the one that is looked at: for the place of a fault */
    int steps;               /* sets looked at while their imports are followed: bounded, for many may import many */
    bool expanding;          /* check-system-version refuses the whole */
    bool versions_match;     /* an exclude of another version of a system takes its codes out, too */
};
/* What the request and the set's own expansion parameters (valueset-expansion-parameter) say together; the request goes first. New reference. */
json_t *ts_asked_in(const json_t *in, const json_t *set);
#define TS_STEPS_MAX 5000
/* Sets that name each other, or too many of them: -1 with *failure set. */
int ts_no_circle(struct ts_asked *a, const json_t *set);
/* The version of a system meant by an include that says `said` ("" = none). Static or borrowed. */
const char *ts_meant(const struct ts_asked *a, const char *url, const char *said);
/* "draft", "experimental", "deprecated", "withdrawn", or "". */
const char *ts_standing(const json_t *resource);
/* The system or set that is meant, noted among those used; NULL with *failure set. */
const struct ts_system *ts_system_of(struct ts_asked *a, const json_t *include);
const json_t *ts_set_of(struct ts_asked *a, const char *canonical);
/* A draft, experimental, deprecated or withdrawn resource is used, and the answer says so. */
void ts_note_status(struct ts_asked *a, const json_t *resource, const char *url, const char *version);
/* One level down into a set that names others; -1 with *failure set where they name each other. The caller takes it back: a->depth--. */
int ts_deeper(struct ts_asked *a, const json_t *set);
/* Does the concept pass the include's filters, the sets it imports, the whole include, the set's compose? 1, 0, or -1 with *failure set. */
int ts_filters_fit(struct ts_asked *a, const json_t *include, const struct ts_system *s, int32_t c);
int ts_imports_fit(struct ts_asked *a, const json_t *include, const struct ts_system *s, int32_t c);
int ts_include_fits(struct ts_asked *a, const json_t *include, const struct ts_system *s, int32_t c);
/* Is it taken out by an exclude? */
int ts_excluded(struct ts_asked *a, const json_t *compose, const struct ts_system *s, int32_t c);
bool ts_versions_match(const json_t *in, const json_t *set);
int ts_in_set(struct ts_asked *a, const json_t *set, const struct ts_system *s, int32_t c);
int ts_expand(const struct ts *t, const json_t *set, const json_t *in, json_t **out);
struct ts_row { /* of an expansion */
    const struct ts_system *s;
    int32_t c;
    const json_t *listed; /* the concept as the set writes it, NULL */
    bool with_version;
};
/* What of a concept is shown (ts_contains.c). */
struct ts_showing {
    const json_t *in;
    struct ts_languages languages;
    bool designations;
    json_t *properties; /* those that were shown: {code, uri} */
};
json_t *ts_contains(struct ts_showing *w, const struct ts_row *row);
/* The concept's display as a designation: {language, use, value}. */
json_t *ts_own_name(const struct ts_system *s, const char *display);
int ts_validate(const struct ts *t, const struct ts_request *q, json_t **out);
int ts_batch_validate(const struct ts *t, const struct ts_request *q, json_t **out);
int ts_lookup(const struct ts *t, const struct ts_request *q, json_t **out);
int ts_subsumes(const struct ts *t, const struct ts_request *q, json_t **out);
int ts_translate(const struct ts *t, const struct ts_request *q, json_t **out);
/* ---- making them (ts_store.c, ts_lists.c) ---- */
/* Empty ones at the end of the list they belong to; pointers to others in it are old after that. NULL = no memory. */
struct ts_system *ts_new_system(struct ts *t);
/* Makes s, which is empty, of a CodeSystem (borrowed for as long as s). s is to be cleared even where that fails. */
int ts_system_read(struct ts_system *s, json_t *resource);
void ts_system_clear(struct ts_system *s);
struct ts_map *ts_new_map(struct ts *t);
struct ts_concept *ts_new_concept(struct ts_system *s);
/* When all concepts are in: codes can be found. */
int ts_build_hash(struct ts_system *s);

#endif
