#include "records/config_table.h"

int config_table(json_t **out, const char *path, struct fault *f)
{
    json_error_t e;
    *out = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
    return *out ? 0 : fault_set(f, ERR_INVALID, "config_invalid", "%.150s, line %d: %.80s", path, e.line, e.text);
}
