/* quality_private - what `struct quality` is; for records/quality alone. */
#ifndef YL_RECORDS_QUALITY_QUALITY_PRIVATE_H
#define YL_RECORDS_QUALITY_QUALITY_PRIVATE_H

#include "records/quality/quality.h"
#include <uthash.h>

#define KEY_BYTES 240

struct quality_tally { /* of one code since _begin */
    char key[KEY_BYTES];
    uint64_t source;
    char kind[24], system[96], code[64], display[256], given_system[128], given_code[64];
    int64_t n;
    UT_hash_handle hh;
};
struct quality_map { /* what was decided of one code */
    char key[KEY_BYTES];
    struct quality_standard to; /* code "" = rejected */
    UT_hash_handle hh;
};

struct quality_day { /* what the rules made of one source's data since _begin */
    uint64_t source;
    char day[11];
    int32_t checked[RULES_MAX], failed[RULES_MAX], cleaned[RULES_MAX];
    UT_hash_handle hh;
};

struct quality_tasks { /* how many of a source are open, by rule; -1 = to be counted. After an undone transaction it may be a few off */
    uint64_t source;
    int32_t open[RULES_MAX];
    UT_hash_handle hh;
};

struct quality {
    struct items *items;
    struct rules *rules;
    const struct icd10 *icd10; /* of the terms, which live longer */
    /* the writer's alone */
    struct quality_map *maps;
    int64_t version; /* of the decisions that `maps` are; -1 = none read */
    bool looked;     /* in this transaction */
    struct quality_tally *tallies, *counting; /* counting: of the message under way */
    struct quality_day *days, pending; /* pending: of the message under way */
    struct quality_tasks *tasks;
    char today[11];
    uint64_t on; /* rules in effect today */
};

/* ---- findings (finding.c) ---- */
#define FINDING_OPEN "open"
struct finding { /* a row of quality_finding, its sealed part opened */
    int64_t id, source, org, patient, message, entry, key, version, due_ms, found_ms, closed_ms, closed_by;
    char kind[24], code[64], rule[44], reason[32], day[11], state[12];
    bool task;
    struct clean_finding what;  /* raw and clean; rule is NULL when the file has it no more */
    struct clean_entry judged;  /* the entry as it was judged; texts in `text` */
    char text[6][CLEAN_VALUE_BYTES];
    char value[CLEAN_VALUE_BYTES], unit[64], note[CLEAN_VALUE_BYTES * 4]; /* the reply */
};
#define FINDING_COLUMNS "f.id, f.source_id, f.org_id, f.patient_id, f.message_id, f.entry_id, f.entry_key, f.kind, f.code, f.rule, f.rule_version, f.reason, f.day, " \
                        "f.found_ms, f.state, f.task, f.due_ms, f.closed_ms, f.closed_by, f.body, f.reply"
void finding_from(const struct quality *q, struct query *rows, struct finding *out);
void finding_moved(struct finding *f); /* its texts lie within it: to be called when it was copied elsewhere */
YL_CHECKED int finding_load(struct op_ctx *ctx, uint64_t id, struct finding *out);
/* Writes one of rule r; `judged` NULL = of a patient. */
YL_CHECKED int finding_write(struct op_ctx *ctx, const struct quality_origin *o, const struct quality_entry *e, const struct clean_finding *f);
/* Closes it as `state`; the score of its day improves. */
YL_CHECKED int finding_close(struct op_ctx *ctx, const struct finding *f, const char *state);
bool finding_of_patient(const struct finding *f);
bool finding_of_resource(const struct finding *f); /* of the FHIR store: no message brought it */

struct held { /* findings of before */
    struct finding *list;
    size_t n;
};
void held_free(struct held *h);
/* All that hold: open, said to be right, or put right. */
YL_CHECKED int held_of_entry(struct op_ctx *ctx, uint64_t patient, int64_t entry, struct held *h);
/* One of them beside what the same thing is now: known already, or closed as `state`. */
YL_CHECKED int held_settle(struct op_ctx *ctx, const struct finding *before, struct clean_result *now, const char *state);
bool quality_anything_open(struct op_ctx *ctx, uint64_t patient); /* most have nothing: one indexed look */
void quality_note(struct quality *q, const struct clean_result *r); /* counts it to the message under way */
enum quality_known { QUALITY_NEW, QUALITY_KNOWN, QUALITY_BORN_ALIKE }; /* of a patient; the last: his sex and birth are as they were, so his entries need no second look */
/* A patient, of whatever store: o->patient. */
YL_CHECKED int quality_clean_person(struct op_ctx *ctx, const struct quality_origin *o, const struct clean_patient *p, enum quality_known known);
struct clean_with quality_with_today(const struct quality *q, int64_t now_ms); /* on the writer, between _begin and _end of a message */
struct clean_with quality_with(const struct quality *q, const char *today, int64_t now_ms);
void quality_days_free(struct quality *q);
void quality_tasks_free(struct quality *q);
YL_CHECKED int quality_days_write(struct quality *q, struct tx *tx);

/* Tallies apart from those of arrivals, for the counting of what is stored. */
void quality_tally_add(struct quality_tally **list, const struct quality_code *c);
YL_CHECKED int quality_tally_write(struct quality_tally **list, struct tx *tx, int64_t now_ms);
void quality_tally_merge(struct quality_tally **into, struct quality_tally **from); /* and empties it */
void quality_tally_free(struct quality_tally **list);
/* Something was decided: whoever holds the decisions reads them anew. */
void quality_decided(struct tx *tx);

/* The operations (code_ops.c lists them). */
int quality_coverage(struct op_ctx *ctx, json_t *args, json_t **result); /* view_ops.c */
int quality_codes(struct op_ctx *ctx, json_t *args, json_t **result);
int quality_code(struct op_ctx *ctx, json_t *args, json_t **result);
int quality_find(struct op_ctx *ctx, json_t *args, json_t **result);
int quality_concept_map(struct op_ctx *ctx, json_t *args, json_t **result);
int quality_remap(struct op_ctx *ctx, json_t *args, json_t **result); /* remap.c */
json_t *quality_remap_json(struct op_ctx *ctx);
struct quality_asking quality_asking_of(struct op_ctx *ctx, char day[11]);
int quality_scores(struct op_ctx *ctx, json_t *args, json_t **result); /* score_ops.c */
int quality_rules(struct op_ctx *ctx, json_t *args, json_t **result);
int quality_findings(struct op_ctx *ctx, json_t *args, json_t **result);
/* `whole`: numbers of persons too, for the clinic they are of. closed_by and source_id are to be named by findings_name. */
json_t *finding_json(struct op_ctx *ctx, const struct finding *f, bool whole);
YL_CHECKED int findings_name(struct op_ctx *ctx, json_t *items);
int quality_fix_count(struct op_ctx *ctx, json_t *args, json_t **result); /* fix_ops.c */
int quality_fixes(struct op_ctx *ctx, json_t *args, json_t **result);
int quality_fix_reply(struct op_ctx *ctx, json_t *args, json_t **result);
int quality_fix_return(struct op_ctx *ctx, json_t *args, json_t **result);
#endif
