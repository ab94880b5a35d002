/* Parameters that say the same share one index row. Every row of a new resource is a page of a large tree, read and written: an Observation
 * has two thirds of the rows its parameters would have one by one. Rows of older resources that nobody asks for any more stay where they are. */
#include "records/fhir/fhir_private.h"
#include <stdio.h>

/* clinical-patient is, of most types, the subject where he is a Patient; the key tells what he is. */
const char *alike_reference(const struct r4_type *type, const struct r4_param *p)
{
    char subject[100];
    if (strcmp(p->code, "patient") || !p->expression)
        return p->code;
    snprintf(subject, sizeof subject, "%s.subject.where(resolve() is Patient)", type->name);
    const char *at = strstr(p->expression, subject);
    return at && (at == p->expression || at[-1] == ' ') ? "subject" : p->code;
}

/* Walks along a range open the facts, so one row tells of all three; its values are those of the other two. */
const char *alike_range(const struct r4_type *type, const struct r4_param *p)
{
    bool one = strcmp(p->code, "value-quantity") == 0 || strcmp(p->code, "component-value-quantity") == 0;
    return one && strcmp(type->name, "Observation") == 0 ? "combo-value-quantity" : p->code;
}

/* What is a code of the whole or of a part is found by either. */
size_t alike_tokens(const struct fhir *x, const struct r4_type *type, const struct r4_param *p, const struct r4_param *of[2])
{
    static const char *const unions[][3] = {{"combo-code", "code", "component-code"},
                                            {"combo-value-concept", "value-concept", "component-value-concept"},
                                            {"combo-data-absent-reason", "data-absent-reason", "component-data-absent-reason"}};
    of[0] = p;
    if (strncmp(p->code, "combo-", 6) || strcmp(type->name, "Observation"))
        return 1;
    for (size_t i = 0; i < sizeof unions / sizeof *unions; i++)
        if (strcmp(unions[i][0], p->code) == 0) {
            of[0] = r4_param_find(x->r4, type, unions[i][1], strlen(unions[i][1]));
            of[1] = r4_param_find(x->r4, type, unions[i][2], strlen(unions[i][2]));
            return 2;
        }
    return 1;
}
