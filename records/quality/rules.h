/* rules - the cleaning rules (数据清洗规则) as config/quality/rules.json declares them: what is looked at, from which day on, of which quality
 * dimension it is, and in how many days a clinic should have put right what fails. A rule is never changed, it gets a next version; which version
 * counts is decided by the day the data arrive. The format: docs/quality.md.
 *
 * Read once; then read-only: any thread.
 */
#ifndef YL_RECORDS_QUALITY_RULES_H
#define YL_RECORDS_QUALITY_RULES_H

#include "server/base/fault.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define RULES_MAX 64 /* rows of the file */

enum rule_check {
    CHECK_REQUIRED, CHECK_IDENTITY, CHECK_IDENTITY_BIRTH, CHECK_IDENTITY_SEX, CHECK_BORN, /* of a patient */
    CHECK_CODED, CHECK_VALUED, CHECK_CODE_SET, CHECK_UNIT, CHECK_RANGE, CHECK_FUTURE, CHECK_BIRTH, CHECK_VISIT, CHECK_LEAVE, CHECK_ORDER, CHECK_SEX,
    CHECK_DUPLICATE, CHECK_LATE, /* of an entry */
    CHECKS
};
enum rule_dimension { DIM_COMPLETENESS, DIM_VALIDITY, DIM_CONSISTENCY, DIM_TIMELINESS, DIMENSIONS };
extern const char *const rule_dimensions[DIMENSIONS];

struct rule { /* texts live as long as the table */
    const char *id, *from, *until, *member, *title_zh, *title_en;
    int64_t version, task_days /* 0 = no task */, hours, minutes, history_days, years;
    enum rule_check check;
    enum rule_dimension dimension;
    uint32_t kinds;        /* bits of rules_kind; 0 of a patient */
    const json_t *row;     /* sets, systems, male, female */
};
struct rules;

YL_CHECKED int rules_open(struct rules **out, const char *config_dir, struct fault *f);
YL_CHECKED int rules_load(struct rules **out, json_t *file, struct fault *f); /* takes `file` */
void rules_close(struct rules *t);
size_t rules_count(const struct rules *t);
const struct rule *rules_at(const struct rules *t, size_t i); /* a rule is known by its place while the daemon runs */
const struct rule *rules_find(const struct rules *t, const char *id); /* the newest version of the id; NULL */
/* Bit i = rule i is the one of its id in effect on the day ("YYYY-MM-DD"). */
uint64_t rules_on(const struct rules *t, const char *day);
uint32_t rules_kind(const struct rules *t, const char *kind); /* 0 = no rule speaks of it */

/* A hospital's way of writing a unit -> UCUM; NULL. */
const char *rules_unit(const struct rules *t, const char *written);
/* What is no mere factor: value * factor + offset is in the item's unit. */
bool rules_conversion(const struct rules *t, const char *item, const char *unit, double *factor, double *offset);
#endif
