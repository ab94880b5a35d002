/* clean - the engine that looks at arriving data with the rules in effect: pure. In go what a source said of a patient, or one entry of his
 * record; out come for each rule whether it applied, and what it found: the raw value as it came, and a cleaned one where the rule can make it.
 * Nothing is refused and nothing is overwritten here.
 *
 * A rule *applies* where there is something to judge (a range needs a known item and a number); only then it counts in the scores.
 * Threads: any.
 */
#ifndef YL_RECORDS_QUALITY_CLEAN_H
#define YL_RECORDS_QUALITY_CLEAN_H

#include "records/quality/items.h"
#include "records/quality/rules.h"
#include "records/term/icd10.h"

#define CLEAN_VALUE_BYTES 200

struct clean_with { /* what is judged with; borrowed */
    const struct rules *rules;
    const struct items *items;
    const struct icd10 *icd10;
    uint64_t on;         /* rules_on(today) */
    const char *today;   /* "YYYY-MM-DD" */
    int64_t now_ms;
};
struct clean_patient { /* "" = not said */
    const char *name, *sex /* male female unknown */, *birth_date, *id_type, *id_no, *phone;
    bool temporary, birth_estimated; /* of somebody unidentified nothing is missing */
};
struct clean_entry { /* texts never NULL */
    const char *kind, *code, *system;                /* as it came */
    const char *standard_code, *standard_system;     /* what it is here */
    const char *value, *unit, *status;
    int64_t t_ms;
    int64_t visit_ms, leave_ms; /* of the visit the message tells of; 0 = none */
    int64_t end_ms;             /* when what the entry tells of was over; 0 = not said */
    const char *sex, *birth_date; /* of the patient as he stands here */
    bool duplicate;               /* the same report came under another number */
};
struct clean_finding {
    const struct rule *rule;
    const char *reason; /* a stable word */
    bool cleaned;       /* the rule put it right: `clean` is used in its place; else `clean` is a proposal, or empty */
    char raw[CLEAN_VALUE_BYTES], raw_unit[64], clean[CLEAN_VALUE_BYTES], unit[64];
};
#define CLEAN_FINDINGS_MAX 24
struct clean_result {
    uint64_t applied; /* bit i: rules_at(i) was judged */
    size_t n;
    struct clean_finding findings[CLEAN_FINDINGS_MAX];
};
/* Of the many places few are used, and only they are wiped. */
void clean_wipe(struct clean_result *r);
void clean_patient(const struct clean_with *w, const struct clean_patient *p, struct clean_result *out);
void clean_entry(const struct clean_with *w, const struct clean_entry *e, struct clean_result *out);
/* The number a result's value is, also "<0.5"; *sign is what stands before it, "" = nothing. False: it is words. */
bool clean_number(const char *value, double *out, char sign[4]);
#endif
