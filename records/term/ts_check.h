/* ts_check - one $validate-code in the making. Inside records/term only (ts_validate.c, ts_validate_display.c). */
#ifndef YL_RECORDS_TERM_TS_CHECK_H
#define YL_RECORDS_TERM_TS_CHECK_H

#include "records/term/ts_store.h"

#define ISSUES_MAX 24

struct coding {
    const char *system, *version, *code, *display;
};

struct said { /* one issue, with its own text */
    struct ts_issue issue;
    char text[900], expression[80];
};

struct check {
    const struct ts *t;
    const json_t *in, *set; /* set NULL: against the code system alone */
    struct ts_asked asked;
    struct ts_languages languages;
    json_t *failure;
    int status;
    struct said issues[ISSUES_MAX];
    size_t n_issues;
    bool good;              /* some coding was found where it should be */
    const struct ts_system *system;
    int32_t concept;
    const char *unknown_system;
    const char *normalized; /* the code as its system writes it, where that is another */
    char caused_by[500]; /* a version that is not known made it fail */
};

/* Notes an issue; the text is formatted here, what is too much is left out. */
void check_say(struct check *c, struct ts_issue issue, const char *expression, const char *format, ...) YL_PRINTF(4, 5);

/* ---- one coding (ts_validate_coding.c) ---- */
struct paths {
    char whole[60], code[80], system[80], display[80], version[80];
};
void check_name_set(const json_t *set, char *out, size_t cap); /* "url|version" */
void check_comment_imports(struct check *c); /* imported sets that are drafts, withdrawn and so on: said, and no fault */
/* Everything about one coding: issues, c->good, and the system and concept it is. `many`: one of a CodeableConcept's. */
void check_coding(struct check *c, struct coding *x, const struct paths *at, bool many);

/* ---- names (ts_validate_display.c) ---- */
/* A name the concept may be called by in the languages asked for, or in any where none was; one of no language is never told, but right. */
struct name {
    const char *text, *language;
};
#define NAMES_MAX 12
size_t check_names(const struct check *c, struct name *out); /* out: NAMES_MAX + 1; 0 = none in the languages asked for */
bool check_display_right(const struct check *c, const struct coding *x, const struct name *names, size_t n);
/* Is the coding's display a name of the concept? Said, and c->good, where it is not. */
void check_display(struct check *c, const struct coding *x, const char *path);
#endif
