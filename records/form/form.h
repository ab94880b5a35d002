/* form - forms as data: config/forms/<id>.json describes the fields, pages render them, the server checks by
 * them.
 *
 * A field: {path, label{zh,en}, type, unit?, choices?, required?, relaxed?, weight?, max?, min?, of?, help?,
 * element?, when?, follows?}. `follows` {path: [values]} makes a follow-up of it, which pages ask when those
 * fields (or patient.sex) say so; it binds pages only. `when` limits a field to scopes, templates, kinds or urgencies; `relaxed` fields are not
 * mandatory in an emergency; `element` is the data element the field is bound to (functions.md #40). The
 * definitions are read once and never change afterwards: any thread may read them.
 */
#ifndef YL_RECORDS_FORM_FORM_H
#define YL_RECORDS_FORM_FORM_H

#include "server/base/fault.h"
#include <jansson.h>
#include <stdbool.h>

struct forms;
struct form_context { /* any may be NULL */
    const char *scope, *template_, *kind, *urgency;
};

/* Reads every *.json under `dir`; refuses a broken one with file and place in the fault. */
YL_CHECKED int forms_load(struct forms **out, const char *dir, struct fault *f);
void forms_free(struct forms *forms);
/* Borrowed definition or NULL. */
const json_t *forms_find(const struct forms *forms, const char *id);

/* All of them, by id; borrowed. */
const json_t *forms_all(const struct forms *forms);

/* The definition as this context sees it (fields whose `when` does not fit are left out). New reference. */
json_t *form_view(const json_t *def, const struct form_context *ctx);
/* Shape of a possibly unfinished body: unknown members, wrong types, too long, out of range. Faults have path
 * "<prefix>.<path>". */
YL_CHECKED int form_check(const json_t *def, const struct form_context *ctx, const json_t *body,
                          const char *prefix, struct fault *f);
/* Mandatory fields that are empty, as faults "required". 0 when none. */
YL_CHECKED int form_require(const json_t *def, const struct form_context *ctx, const json_t *body,
                            const char *prefix, struct fault *f);
/* {score 0..100, threshold, ready, missing:[{path,label,weight,mandatory}]}: weights of filled fields over
 * all that apply. */
json_t *form_completeness(const json_t *def, const struct form_context *ctx, const json_t *body,
                          int threshold);
/* The value at a dotted path, borrowed; NULL when absent. */
json_t *form_get(const json_t *body, const char *path);
/* Filled in the sense of completeness: text not blank, list not empty, consent agreed and signed. */
bool form_filled(const char *type, const json_t *value);
#endif
