#include "records/work/work_parts.h"
#include "records/config_table.h"
#include "records/flow/calendar.h"
#include "records/work/consult_flow.h"
#include <stdio.h>
#include <string.h>

int work_default_terms(const json_t *deadlines, const char *urgency, struct flow_terms out[])
{
    for (int k = 0; k < K_COUNT; k++) {
        const char *clock = consult_flow.clocks[k].label.word;
        const json_t *terms = json_object_get(json_object_get(deadlines, "clocks"), clock);
        const json_t *own =
            json_object_get(json_object_get(json_object_get(deadlines, "ladder_of"), clock), urgency);
        const json_t *ladder = own ? own : json_object_get(json_object_get(deadlines, "ladder"), urgency);
        if (duration_parse(json_string_value(json_object_get(terms, urgency)), &out[k].term))
            return ERR_MALFORMED;
        for (size_t i = 0; i < FLOW_LEVELS; i++)
            if (duration_parse(json_string_value(json_array_get(ladder, i)), &out[k].rung[i]))
                return ERR_MALFORMED;
    }
    return 0;
}

static int check_deadlines(const json_t *deadlines, struct fault *f)
{
    static const char *const urgencies[] = {"routine", "urgent", "emergency"};
    struct flow_terms terms[K_COUNT];
    for (size_t u = 0; u < 3; u++)
        if (work_default_terms(deadlines, urgencies[u], terms))
            return fault_set(f, ERR_MALFORMED, "deadlines",
                             "deadlines.json: a term or ladder of %s is missing or wrong", urgencies[u]);
    return 0;
}

int work_parts_open(struct work_parts *p, const char *config_dir, struct fault *f)
{
    char forms_dir[1024];
    memset(p, 0, sizeof *p);
    snprintf(forms_dir, sizeof forms_dir, "%s/forms", config_dir);
    int rc = forms_load(&p->forms, forms_dir, f);
    rc = rc ? rc : config_table(&p->deadlines, config_dir, "deadlines.json", f);
    rc = rc ? rc : config_table(&p->policies, config_dir, "policies.json", f);
    rc = rc ? rc : config_table(&p->fit, config_dir, "specialty_fit.json", f);
    rc = rc ? rc : check_deadlines(p->deadlines, f);
    if (rc)
        work_parts_close(p);
    return rc;
}

void work_parts_close(struct work_parts *p)
{
    forms_free(p->forms);
    json_decref(p->deadlines);
    json_decref(p->policies);
    json_decref(p->fit);
    memset(p, 0, sizeof *p);
}
