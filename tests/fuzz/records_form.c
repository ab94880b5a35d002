/* Bodies of forms as they come from outside: any JSON against every form. */
#include "records/form/form.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct forms *forms;
    static const char *const ids[] = {"consultation", "opinion", "evaluation"};
    struct fault f;
    fault_clear(&f);
    if (!forms && forms_load(&forms, YL_SOURCE_DIR "/config/forms", &f))
        abort();
    json_t *body = json_loadb((const char *)data, len, JSON_DECODE_ANY, NULL);
    for (size_t i = 0; body && i < 3; i++) {
        const struct form_context ctx = {
            .scope = "specialist", .template_ = "stroke", .kind = "interactive", .urgency = "routine"};
        const json_t *def = forms_find(forms, ids[i]);
        int shape = form_check(def, &ctx, body, "form", &f),
            whole = form_require(def, &ctx, body, "form", &f);
        json_t *done = form_completeness(def, &ctx, body, 70);
        if (!shape && !whole && json_array_size(json_object_get(done, "missing")) && i == 1 &&
            !json_is_true(json_object_get(done, "ready")) &&
            json_integer_value(json_object_get(done, "score")) >= 70)
            abort(); /* what is required and what is ready must agree */
        json_decref(done);
    }
    json_decref(body);
    return 0;
}
