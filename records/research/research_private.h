/* research_private - for records/research alone: the application as a row, its cohort, the catalogue of fields, the run. */
#ifndef YL_RECORDS_RESEARCH_RESEARCH_PRIVATE_H
#define YL_RECORDS_RESEARCH_RESEARCH_PRIVATE_H

#include "records/fhir/study.h"
#include "records/parts.h"
#include "records/research/kanon.h"
#include "records/research/research.h"
#include "records/research/words.h"
#include "records/research/zip.h"
#include <stdatomic.h>

#define RESEARCH_ZONE_MIN 480
#define DAY_MS 86400000ll
#define COHORT_CODES 20
#define COHORT_ORGS 50
#define COHORT_WINDOW_DAYS 3650

/* ---- workflow (research_flow.c) ---- */
enum research_state { R_DRAFT, R_SUBMITTED, R_RETURNED, R_APPROVED, R_READY, R_FAILED, R_REFUSED, R_WITHDRAWN, R_REVOKED, R_EXPIRED, R_STATES };
enum research_event { RE_SUBMIT, RE_APPROVE, RE_RETURN, RE_REFUSE, RE_RETRY, RE_WITHDRAW, RE_REVOKE, RE_MADE, RE_FAIL, RE_EXPIRE, RE_EVENTS };
enum research_party { RP_APPLICANT, RP_APPROVER, RP_SYSTEM, RP_PARTIES };
enum research_fact { RF_OWN, RF_FACTS };

/* ---- fields (catalogue.c) ---- */
enum research_role { ROLE_QUASI, ROLE_SENSITIVE, ROLE_EVENTS };
enum research_column { Q_SEX, Q_AGE, Q_INSTITUTION, Q_PERIOD, Q_INSURANCE, Q_COLUMNS };
enum research_table { T_DIAGNOSES, T_OBSERVATIONS, T_PROCEDURES, T_MEDICATIONS, T_ENCOUNTERS, T_REPORTS, T_CONSULTATIONS, T_ADVICE, T_TABLES };
#define FIELD_CONDITION Q_COLUMNS
#define FIELD_TABLES (Q_COLUMNS + 1)
#define RESEARCH_FIELDS (Q_COLUMNS + 1 + T_TABLES)
struct research_field {
    const char *name, *zh, *en, *form_zh, *form_en; /* form: what of it leaves */
    enum research_role role;
    int sensitivity;     /* 1..5, as in the inventory */
    const char *kind;    /* ROLE_EVENTS: of exchange_entry; NULL = the house's own cases */
    const char *columns; /* ROLE_EVENTS: of its file, behind subject and day */
};
extern const struct research_field research_fields[RESEARCH_FIELDS]; /* columns, condition, tables: in the order of the enums */
/* "sex,age" -> bits; a wrong name goes into f as fields[i]. */
YL_CHECKED int research_fields_read(const json_t *names, uint32_t *bits, struct fault *f);
json_t *research_fields_json(uint32_t bits);
static inline bool research_has(uint32_t bits, size_t field)
{
    return bits >> field & 1;
}

/* ---- cohort (cohort.c, found.c) ---- */
struct cohort {
    char codes[COHORT_CODES][16]; /* ICD-10, each with all below it */
    size_t n_codes;
    uint64_t orgs[COHORT_ORGS];   /* none = all */
    size_t n_orgs;
    int64_t from_ms, until_ms;    /* of the diagnosis */
    char sex[8];                  /* "" = any */
    int age_min, age_max;
    int before_days, after_days;  /* of the events around it */
};
/* Faults name "cohort.x". */
YL_CHECKED int cohort_read(struct op_ctx *ctx, const json_t *o, struct cohort *out);

struct subject {
    uint64_t person, org;  /* person: of the index, or the patient himself; org: where the first diagnosis was made */
    int64_t index_ms;      /* of the first diagnosis of the cohort */
    int sex, age;          /* sex 0 male 1 female 2 unknown; age at that time, -1 unknown */
    uint32_t condition, insurance; /* in words */
};
struct found {
    struct subject *list;
    uint32_t n, refused; /* refused: persons left out because they said no, or did not say yes where they must */
    struct words words;
};
/* ERR_TOO_LARGE: more than policy research.max_persons; ERR_UNAVAILABLE. found_clear always. */
YL_CHECKED int cohort_find(struct op_ctx *ctx, const struct cohort *c, struct found *out);
void found_clear(struct found *f);
/* The Patients of the FHIR store who are this person: those the patient index takes for him; of those outside of it the ones with the identity number of one of his records; or he himself. How many. */
#define STUDY_SAME_MAX 32
size_t research_patients_of(struct op_ctx *ctx, struct study *study, uint64_t person, const uint64_t *local, size_t n_local, uint64_t out[STUDY_SAME_MAX]);
/* Numbers as somebody may see them: {total, by_sex, by_age, by_org, refused}, rounded down to multiples of k, null below k. */
json_t *cohort_counts(struct op_ctx *ctx, const struct found *f, uint32_t k);

/* ---- the application (project.c) ---- */
struct project {
    uint64_t id, person, org, decided_by;
    char number[24], title[400], purpose[4100], ethics_no[200], ethics_date[11], blob[65], sha256[65], error[24];
    enum research_state state;
    int64_t version, until_ms, created_ms, submitted_ms, decided_ms, done_ms, bytes, tries, downloads;
    uint32_t fields;
    json_t *cohort, *report; /* owned; report NULL = none */
};
YL_CHECKED int project_load(struct op_ctx *ctx, uint64_t id, struct project *out); /* ERR_NOT_FOUND */
YL_CHECKED int project_store(struct op_ctx *ctx, const struct project *p);         /* what the applicant writes */
void project_clear(struct project *p);
uint32_t project_parties(struct op_ctx *ctx, const struct project *p);
uint32_t project_facts(struct op_ctx *ctx, const struct project *p);
/* Steps the flow, writes the state, the event and the notices. ERR_DENIED, ERR_NOT_ALLOWED_NOW. `reason` may be NULL. */
YL_CHECKED int project_move(struct op_ctx *ctx, struct project *p, enum research_event event, uint32_t parties, const char *reason);
int project_note(struct op_ctx *ctx, uint64_t project, const char *event, const char *reason); /* a line of its history */
json_t *project_json(struct op_ctx *ctx, const struct project *p, bool whole);

/* ---- the run ---- */
struct event {
    uint32_t subject, code, word; /* code: in words, "a|b"; word: value that is no number, KANON_NONE = none */
    int32_t day;
    double value;
    uint8_t table;
    char mark, flag;              /* mark: < or > before the value, 0 none; flag: H L N A, 0 none */
    bool numeric;
};
struct events {
    struct event *list;
    size_t n, cap;
    uint64_t text_left_out; /* values that were free text */
};
#define EVENTS_MAX 3000000
/* Adds what one subject has within the window. gather.c */
YL_CHECKED int gather_subject(struct op_ctx *ctx, const struct cohort *c, uint32_t fields, struct found *f, uint32_t subject, struct events *out);

/* The quasi-identifiers of the persons found, with their ladders: ladder.c */
struct ladders {
    struct kanon_table table;
    enum research_column names[KANON_COLUMNS];
    uint32_t *cells;
    struct words words;
    uint32_t *up[KANON_COLUMNS][KANON_RUNGS];
    const char **text[KANON_COLUMNS][KANON_RUNGS]; /* what each value is called on each rung */
};
YL_CHECKED int ladders_make(struct op_ctx *ctx, const struct found *f, uint32_t fields, struct ladders *out);
void ladders_clear(struct ladders *l);

struct table_done {
    uint64_t rows, coarser, left_out, capped;
};
struct made { /* what there is to write. Borrowed by file.c */
    const struct project *project;
    struct found *found;
    struct events *events;
    const struct kanon_cut *cut;
    const struct ladders *ladders;
    const uint32_t *conditions; /* of each subject, after coarsening; KANON_NONE = not said */
    uint8_t key[32];
    uint32_t k, l, drop_percent; /* l: 0 = the diagnosis is not asked for */
    bool condition_hidden;       /* it could not be told with l */
    struct table_done tables[T_TABLES], condition;
    int64_t now_ms;
};
/* The archive, and the report for the application's page (new reference). */
YL_CHECKED int file_make(struct op_ctx *ctx, struct made *m, struct zip *out, json_t **report);

struct research {
    struct run *run; /* of the background's round alone */
    _Atomic uint64_t project;
    atomic_uint done, total; /* persons */
};

/* A person's name in one run's files: 16 characters of base 32. */
#define PSEUDONYM_BYTES 17
void pseudonym(const uint8_t key[32], uint64_t person, char out[PSEUDONYM_BYTES]);
/* "I63.902" -> "I63.9" -> "I63" -> "" */
void condition_parent(const char *code, char out[16]);
#endif
