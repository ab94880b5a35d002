/* What the terminology service holds, for those who keep it: which editions, how large, in force when. */
#include "records/term/ts_store.h"
#include <stdlib.h>
#include <string.h>

static int by_url(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    int d = strcmp(ts_member(x, "url"), ts_member(y, "url"));
    return d ? d : ts_version_compare(ts_member(x, "version"), ts_member(y, "version"));
}

/* New reference; takes `list`. */
static json_t *sorted(json_t *list)
{
    size_t n = json_array_size(list);
    json_t **all = calloc(n + 1, sizeof *all), *out = json_array();
    for (size_t i = 0; all && i < n; i++)
        all[i] = json_array_get(list, i);
    if (all)
        qsort(all, n, sizeof *all, by_url);
    for (size_t i = 0; all && i < n; i++)
        json_array_append(out, all[i]);
    free(all);
    json_decref(list);
    return out;
}

static json_t *described(const json_t *resource)
{
    const char *title = ts_member(resource, "title");
    return json_pack("{s:s,s:s,s:s,s:s}", "id", ts_member(resource, "id"), "url", ts_member(resource, "url"), "version", ts_member(resource, "version"), "title",
                     *title ? title : ts_member(resource, "name"));
}

static void add_size(json_t *o, const json_t *resource, size_t codes)
{
    const json_t *period = ts_period(resource);
    json_object_set_new(o, "codes", json_integer((json_int_t)codes));
    json_object_set_new(o, "from", json_string(ts_member(period, "start")));
    json_object_set_new(o, "until", json_string(ts_member(period, "end")));
}

json_t *ts_catalogue(const struct ts *t)
{
    json_t *systems = json_array(), *sets = json_array(), *maps = json_array(), *set;
    for (size_t i = 0; i < t->n_systems; i++) {
        const struct ts_system *s = &t->systems[i];
        json_t *one = described(s->resource);
        add_size(one, s->resource, s->n);
        json_object_set_new(one, "complete", json_boolean(s->content == TS_COMPLETE));
        json_array_append_new(systems, one);
    }
    for (size_t i = 0; i < t->n_maps; i++) {
        const struct ts_map *m = &t->maps[i];
        json_t *one = described(m->resource);
        add_size(one, m->resource, m->n);
        json_object_set_new(one, "source", json_string(m->source ? m->source : ""));
        json_object_set_new(one, "target", json_string(m->target ? m->target : ""));
        json_array_append_new(maps, one);
    }
    size_t k;
    json_array_foreach(t->sets, k, set)
        json_array_append_new(sets, described(set));
    return json_pack("{s:o,s:o,s:o}", "systems", sorted(systems), "sets", sorted(sets), "maps", sorted(maps));
}
