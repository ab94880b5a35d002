/* ts_defs - the code systems and value sets that FHIR R4 itself defines (config/data/r4_terms.txt, made by make_definitions.mjs). Inside
 * records/term only.
 *
 * Hides: the file, which is mapped, not read: of its 2,200 resources only those that are asked for are made, once, and stay. Any thread.
 */
#ifndef YL_RECORDS_TERM_TS_DEFS_H
#define YL_RECORDS_TERM_TS_DEFS_H

#include "records/term/ts_store.h"

struct ts_defs;

YL_CHECKED int ts_defs_open(struct ts_defs **out, const char *data_dir); /* 0, ERR_STORAGE, ERR_INTERNAL */
void ts_defs_close(struct ts_defs *d);
/* By url, version "" = the newest; NULL. d may be NULL: nothing is there. What they give lives as long as d. */
const struct ts_system *ts_defs_system(const struct ts_defs *d, const char *url, const char *version);
const json_t *ts_defs_set(const struct ts_defs *d, const char *url, const char *version);
const struct ts_system *ts_defs_system_of_id(const struct ts_defs *d, const char *id);
const json_t *ts_defs_set_of_id(const struct ts_defs *d, const char *id);
/* The versions of a code system there are, at most cap. */
size_t ts_defs_versions(const struct ts_defs *d, const char *url, const char **out, size_t cap);

/* ---- to look through them without making any ---- */
struct ts_def {
    const char *id, *url, *version, *name;
};
/* The i-th of that kind ("CodeSystem", "ValueSet"), by url and version; NULL behind the last. */
const struct ts_def *ts_defs_at(const struct ts_defs *d, const char *type, size_t i);
json_t *ts_defs_resource(const struct ts_defs *d, const struct ts_def *which); /* new reference; NULL without memory */
#endif
