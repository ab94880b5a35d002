/* fact - what can be counted, as rows of `report_fact`. Private to records/report.
 *
 * A measure says what its facts are; a fact belongs to one thing (a case, a room, a source) and is made from what is stored of it. Numbers of
 * measures are in the table: they are never used for another meaning.
 */
#ifndef YL_RECORDS_REPORT_FACT_H
#define YL_RECORDS_REPORT_FACT_H

#include "records/report/report.h"

enum measure {                /* t_ms; good of total; value; word */
    MEASURE_SENT = 1,         /* a case was sent; its direction: up down same in_house */
    MEASURE_ANSWER = 2,       /* its opinion was signed; ms since it was sent; its lane */
    MEASURE_ON_TIME = 3,      /* decided: signed within the lane's term, or the term ran out; ms too late; its lane */
    MEASURE_EXPERT = 4,       /* an expert who was asked answered, or did not; accepted declined silent */
    MEASURE_SESSION = 5,      /* a session began, or the expert did not come; held noshow */
    MEASURE_RETURNED = 6,     /* sent; good = went back for material at least once */
    MEASURE_MISSING = 7,      /* one item that was missing; its place on the form, or material */
    MEASURE_AGREEMENT = 8,    /* signed; the main diagnosis against the preliminary one: agreed changed new */
    MEASURE_ADVICE = 9,       /* one recommendation was decided on: adopted modified not_adopted */
    MEASURE_LOOP = 10,        /* decided: the opinion was acted on within loop_days, or they ran out; closed open */
    MEASURE_FOLLOW_UP = 11,   /* decided: an outcome was recorded, or the day and follow_up_grace_days ran out; done lost missing */
    MEASURE_KEPT = 12,        /* signed; good = no transfer was advised; kept transfer */
    MEASURE_SATISFACTION = 13, /* the applicant evaluated; hundredths of points out of 5 */
    MEASURE_AVOIDED = 14,     /* the applicant said whether a transfer was avoided; avoided transferred */
    MEASURE_TRIAGE = 15,      /* an expert was first asked; ms since the case reached the desk */
    MEASURE_START = 16,       /* a session began; ms after the booked time */
    MEASURE_RESCHEDULED = 17, /* first booked; good = was changed later */
    MEASURE_REDIRECTED = 18,  /* reached the other side; good = was passed on or declined there; kept redirected declined */
    MEASURE_CASE_LAST = 31,
    MEASURE_GRADE = 32,       /* a session; seconds at A or B of all measured */
    MEASURE_CONNECT = 33,     /* a seat was taken; good = its line was measured, so media flowed; connected failed */
    MEASURE_ROOM_LAST = 47,
    MEASURE_DATA = 48,        /* a source's day: checks that were good, of all; its dimension */
    MEASURE_OVERRIDE = 56,    /* emergency access; good = reviewed; justified unjustified open */
    MEASURE_DENIED = 60,      /* somebody was refused; the operation */
};
int measure_find(const char *word);     /* 0 = there is none */
const char *measure_word(int measure);

#define FACT_WORD 64
struct fact {
    int measure;
    int64_t t_ms, part; /* the how-manieth of its thing and measure */
    int64_t case_id, home, target; /* 0 = none; institutions that see it */
    int64_t good, total, value;
    char word[FACT_WORD];
};
struct facts { /* grows; of one thing */
    struct fact *list;
    size_t n, cap;
};
void fact_list_add(struct facts *f, const struct fact *one);
void fact_list_clear(struct facts *f); /* keeps the memory */
void fact_list_free(struct facts *f);
/* What is stored of `thing` between two measures becomes these; writes nothing where nothing changed. Errors stick to the transaction. */
void fact_list_store(struct tx *tx, int64_t thing, int first, int last, struct facts *f);

struct fact_terms { /* of config/kpi.json */
    int64_t lane_ms[4]; /* lane_words */
    int64_t loop_ms, grace_ms;
};
enum lane { LANE_ROUTINE, LANE_URGENT, LANE_EMERGENCY, LANE_IN_HOUSE, LANES };
extern const char *const lane_words[LANES];

/* Appends the facts of a case (fact_case.c); of a room that began (fact_other.c). Read only. */
YL_CHECKED int facts_of_case(struct tx *tx, uint64_t id, const struct fact_terms *terms, struct facts *f);
YL_CHECKED int facts_of_room(struct tx *tx, uint64_t id, struct facts *f);
/* All days of a source; of an emergency access. */
YL_CHECKED int facts_of_source(struct tx *tx, uint64_t id, struct facts *f);
YL_CHECKED int facts_of_override(struct tx *tx, uint64_t id, struct facts *f);
#endif
