/* quality - what other systems' codes mean here (数据标化, 对码): the codes each source uses are collected as its messages arrive, a person
 * says which standard code each is, and that is used from the next message on and for what is stored already.
 *
 * Collected are source, kind, code system, code, its display and how often: nothing of a patient. A *kind* is that of the entry
 * (records/exchange/map.h); kinds whose "code" is no code of a list (encounters, appointments, numbers of orders) are left out. Whatever is
 * decided, the source's own code, system and words stay in the entry as they came; only standard_code and standard_system follow. A source is also a
 * client of the FHIR service, or an institution whose people write there: its resources stay as they were sent, and are read with what was decided.
 *
 * A code is open, mapped or rejected (it has no counterpart: the entry has no standard code). `given` is what the source's table
 * (config/exchange) makes of it without anybody's decision; an open code with a given one needs none.
 *
 * The same arrivals are looked at with the cleaning rules (clean.h): what fails is kept as a *finding* with the raw value, the cleaned one, the
 * rule and its version, in the message's own transaction; nothing is refused or overwritten. A finding is open, cleaned (the rule put it right),
 * corrected or as_is (a person of the clinic said so), source (the source sent it right). Counts by source, day and rule are the scores
 * (docs/quality.md). Findings of rules with a term are *tasks* of the institution they came from until they are closed.
 *
 * Threads: arrivals are the writer's alone; operations as every operation; the remap runs in the background, in transactions of its own.
 */
#ifndef YL_RECORDS_QUALITY_QUALITY_H
#define YL_RECORDS_QUALITY_QUALITY_H

#include "records/ops/op.h"
#include "records/quality/clean.h"
#include "records/store/store.h"
#include "records/term/term.h"

#define QUALITY_CODES_MAX 20000 /* of one source and kind; what comes beyond is not collected */

struct quality;
/* Reads config_dir/quality; the terms live longer. */
YL_CHECKED int quality_open(struct quality **out, const char *config_dir, const struct terms *terms, struct fault *f);
void quality_close(struct quality *q);
const struct items *quality_items(const struct quality *q);

/* The kinds that have codes, and which code system each is mapped to: url, "" = any the steward names. NULL name ends. */
struct quality_kind {
    const char *name, *target;
};
extern const struct quality_kind quality_kinds[];
const struct quality_kind *quality_kind_find(const char *name); /* NULL: not collected */

/* ---- arrivals ---- */
struct quality_code { /* one code as it came; texts borrowed. An empty code counts what came without one */
    uint64_t source;
    const char *kind, *segment /* NULL: of a resource */, *system, *code, *display, *given_system, *given_code;
};
struct quality_standard {
    char system[128], code[64];
};
/* Before the first message of a transaction, and after the last: what was counted is written by _end. Without an _end it is forgotten. */
void quality_arrivals_begin(struct quality *q);
YL_CHECKED int quality_arrivals_end(struct quality *q, struct tx *tx, int64_t now_ms);
/* What the code is here: what a person decided, else what was given. An error sticks to the transaction. */
void quality_standard_of(struct quality *q, struct tx *tx, const struct quality_code *c, struct quality_standard *out);
/* One more of it, between quality_message_begin and _end: it counts when its message stays. */
void quality_count(struct quality *q, const struct quality_code *c);
/* A standard code as it is shown: {system, code, name (where its list is held)}; new reference. */
json_t *quality_code_json(const struct quality *q, const char *system, const char *code);
/* What was decided of it by now, for things that keep only the code as it came; false: nothing was. In any transaction. */
bool quality_decision(struct tx *tx, const struct quality_code *c, struct quality_standard *out);
/* Codes of diagnoses and problems as they came, each once, that are said to be a code of `system` that begins with `prefix`; *out is malloc'd. */
struct quality_local {
    char system[96], code[64];
};
YL_CHECKED int quality_said_to_be(struct tx *tx, const char *system, const char *prefix, struct quality_local **out, size_t *n);

/* ---- cleaning (arrive.c) ---- */
#define QUALITY_TASKS_MAX 500 /* open ones of one source and rule: beyond it the source is at fault, not each of its patients */

struct patient_row;
struct quality_origin {
    uint64_t source, org, patient, message;
};
struct quality_entry {
    int64_t id, key; /* key: what a later word on it comes under, 0 = nothing */
    bool replaced;   /* an earlier word on it was there */
    struct clean_entry data;
};
/* Around what is cleaned of one message: what is counted is forgotten unless _end is reached. */
void quality_message_begin(struct quality *q, int64_t now_ms);
void quality_message_part(struct quality *q); /* the message goes on with another patient */
void quality_message_end(struct quality *q, uint64_t source);
/* A patient as a source said him; `before`: as he was here, NULL = he was not. */
YL_CHECKED int quality_clean_patient(struct op_ctx *ctx, const struct quality_origin *o, const struct patient_row *row, const struct patient_row *before);
/* Entries of his record; data.sex and data.birth_date are filled here. */
YL_CHECKED int quality_clean_entries(struct op_ctx *ctx, const struct quality_origin *o, struct quality_entry *list, size_t n);
/* One resource that a client of the FHIR service wrote (records/fhir/clean.c), after it was stored. from.patient is the patient's key there, from.message 0.
 * Of an entry id is the resource's number, key its own within it; data whole, with sex, birth and duplicate. */
struct quality_resource {
    struct quality_origin from;
    int64_t number;
    bool known;                          /* it was there before */
    const struct clean_patient *patient; /* NULL: entries */
    struct quality_entry *list;
    size_t n;
    uint64_t (*org_of)(void *of); /* when from.org is 0 and something was found: whose data it is; 0 = nobody's, then there are no tasks */
    void *of;
};
YL_CHECKED int quality_clean_resource(struct op_ctx *ctx, struct quality_resource *r);
/* It is there no more, or not under this patient: what was found in it is closed. */
YL_CHECKED int quality_resource_gone(struct op_ctx *ctx, uint64_t patient, int64_t number);
/* A person edited the patient: findings that hold no longer are closed. */
YL_CHECKED int quality_patient_edited(struct op_ctx *ctx, const struct patient_row *row);
/* What rules and persons put right of a patient's entries: {"<entry id>": {value, unit, rule, version, by}}; new reference. Of a part of a resource
 * "<its number>.<key>". */
json_t *quality_put_right(struct op_ctx *ctx, uint64_t patient);

/* ---- candidates (propose.c): pure but for the loading of terms ---- */
#define CANDIDATES_MAX 12
struct quality_candidate {
    char system[128], version[64], code[64], display[256];
    const char *why; /* same_code same_name mapped normal_form alike word */
    int alike;       /* of the names, 0..100 */
};
struct quality_asking {
    const struct quality *quality;
    struct terms *terms;
    const char *day; /* for dated maps */
    struct fault *fault;
};
/* Best first. For a code with its display. */
YL_CHECKED int quality_propose(const struct quality_asking *a, const char *kind, const char *code, const char *display,
                               struct quality_candidate out[CANDIDATES_MAX], size_t *n);
/* For words a person types: Chinese, pinyin initials, a code. */
YL_CHECKED int quality_search(const struct quality_asking *a, const char *kind, const char *typed, struct quality_candidate out[CANDIDATES_MAX], size_t *n);
/* Is it a code one may map to? Fills display and version where the list is held. ERR_INVALID with the field. */
YL_CHECKED int quality_target_check(const struct quality_asking *a, struct quality_candidate *c);

/* ---- what is stored (remap.c) ---- */
/* One round in the background: counts codes of entries older than this module, then brings entries' standard codes to what is decided. */
void quality_background(struct records *r, int64_t now_ms);

extern const struct op quality_ops[];
#endif
