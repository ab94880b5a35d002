/* work_parts - what the workflows read once at start: forms and deadlines under config/. Read-only
 * afterwards, any thread. */
#ifndef YL_RECORDS_WORK_PARTS_H
#define YL_RECORDS_WORK_PARTS_H

#include "records/flow/flow.h"
#include "records/form/form.h"

struct records;
struct work_parts {
    struct forms *forms;
    json_t *deadlines; /* config/deadlines.json */
    json_t *policies;  /* config/policies.json: array */
    json_t *fit;       /* config/specialty_fit.json: array */
};
/* Checks every term too: a workflow that cannot run refuses to start, with the file and the name. On error *p
 * is closed again. */
YL_CHECKED int work_parts_open(struct work_parts *p, const char *config_dir, struct fault *f);
void work_parts_close(struct work_parts *p);
/* The default terms of one urgency, without policies: for documents and checks. `out` has K_COUNT entries. */

YL_CHECKED int work_default_terms(const json_t *deadlines, const char *urgency, struct flow_terms out[]);
const struct work_parts *work_parts(struct records *r); /* of an open records */
#endif
