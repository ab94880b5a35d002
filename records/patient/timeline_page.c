/* A person's timeline as a page asks for it: in order, what fits, so many at a time (timeline.h). */
#include "records/parts.h"
#include "records/patient/patient_row.h"
#include "records/patient/timeline.h"
#include "records/term/fold.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNTS_MAX 200 /* kinds, institutions, years */
#define LATE_MS (24 * 3600000ll) /* a system that sent nothing for so long: what it has of the patient may be missing */

/* ---- order ---- */

struct placed { /* where an entry stands */
    int64_t t_ms;
    const char *id;
    json_t *entry;
};

static int newest_first(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    return x->t_ms != y->t_ms ? (x->t_ms < y->t_ms ? 1 : -1) : -strcmp(x->id, y->id);
}

static struct placed *sorted(const json_t *items)
{
    size_t i, n = json_array_size(items);
    struct placed *rows = malloc((n + 1) * sizeof *rows);
    json_t *entry;
    if (!rows)
        return NULL;
    json_array_foreach(items, i, entry)
    {
        const char *id = json_string_value(json_object_get(entry, "id"));
        rows[i] = (struct placed){json_integer_value(json_object_get(entry, "t_ms")), id ? id : "", entry};
    }
    qsort(rows, n, sizeof *rows, newest_first);
    return rows;
}

struct count {
    const char *key; /* borrowed */
    json_t *label;
    int64_t from_ms, until_ms; /* of a year */
    json_int_t n;
};
struct counts {
    struct count list[COUNTS_MAX];
    size_t n;
};

static void count_in(struct counts *c, const char *key, json_t *label)
{
    size_t i = 0;
    while (i < c->n && strcmp(c->list[i].key, key) != 0)
        i++;
    if (i == COUNTS_MAX)
        return;
    if (i == c->n)
        c->list[c->n++] = (struct count){.key = key, .label = json_incref(label)};
    c->list[i].n++;
}

static int64_t year_begins(int year)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mday = 1};
    return (int64_t)timegm(&tm) * 1000 - PATIENT_ZONE_MIN * 60000ll;
}

/* A year of China's calendar. */
static void count_year(struct counts *c, int64_t t_ms)
{
    char day[11];
    size_t i = 0;
    while (i < c->n && (t_ms < c->list[i].from_ms || t_ms >= c->list[i].until_ms))
        i++;
    if (i == COUNTS_MAX)
        return;
    if (i == c->n) {
        date_of_ms(t_ms, PATIENT_ZONE_MIN, day);
        int year = atoi(day);
        int64_t from = year_begins(year), until = year_begins(year + 1);
        c->list[c->n++] = (struct count){.label = json_sprintf("%04d", year), .from_ms = from, .until_ms = until};
    }
    c->list[i].n++;
}

static json_t *values_of(const struct counts *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->n; i++)
        json_array_append_new(list, json_pack("{s:o,s:I}", "value", c->list[i].label, "count", c->list[i].n));
    return list;
}

/* Of all, whatever is asked for: the reader sees what there is to choose from. */
static json_t *facets_of(const json_t *items)
{
    struct counts kinds = {.n = 0}, orgs = {.n = 0}, years = {.n = 0};
    json_t *entry;
    size_t i;
    json_array_foreach(items, i, entry)
    {
        json_t *org = json_object_get(entry, "org"), *kind = json_object_get(entry, "kind");
        const char *id = json_string_value(json_object_get(org, "id"));
        count_in(&kinds, json_string_value(kind), kind);
        if (id)
            count_in(&orgs, id, org);
        count_year(&years, json_integer_value(json_object_get(entry, "t_ms")));
    }
    return json_pack("{s:o,s:o,s:o}", "kinds", values_of(&kinds), "orgs", values_of(&orgs), "years", values_of(&years));
}

/* ---- what fits ---- */

struct page {
    const char *kind, *org, *item, *after_id;
    char q[256]; /* folded; "" = no search */
    bool abnormal;
    int64_t from_ms, until_ms, after_ms, limit;
    json_t *found; /* ids of what meets search and flag, with its report or visit; NULL = neither is asked for */
};

static const char *text_of(const json_t *entry, const char *name)
{
    const char *text = json_string_value(json_object_get(entry, name));
    return text ? text : "";
}

static bool says(const char *text, const char *folded)
{
    char out[2000];
    if (!*text)
        return false;
    text_fold(text, strlen(text), out, sizeof out);
    return strstr(out, folded) != NULL;
}

/* HL7 table 0078: all but N say that something is not as usual; of an allergy the flag is how severe it is. */
static bool is_abnormal(const json_t *entry)
{
    const char *flag = text_of(entry, "flag");
    return *flag && strcmp(flag, "N") != 0 && strcmp(text_of(entry, "kind"), "observation") == 0;
}

static bool meets(const struct page *p, const json_t *entry)
{
    static const char *const said[] = {"title", "summary", "value", "who", "by", "code"};
    bool found = !p->q[0];
    for (size_t i = 0; i < sizeof said / sizeof *said && !found; i++)
        found = says(text_of(entry, said[i]), p->q);
    found = found || says(text_of(json_object_get(entry, "standard"), "name"), p->q);
    return found && (!p->abnormal || is_abnormal(entry));
}

/* A value is read in its report: what is found brings its head, and a report that is found by its name brings its values. */
static void look(struct page *p, const json_t *items)
{
    json_t *direct, *entry;
    size_t i;
    if (!p->q[0] && !p->abnormal)
        return;
    p->found = json_object();
    direct = json_object();
    json_array_foreach(items, i, entry)
        if (meets(p, entry)) {
            json_object_set_new(p->found, text_of(entry, "id"), json_true());
            json_object_set_new(direct, text_of(entry, "id"), json_true());
            if (*text_of(entry, "head_id"))
                json_object_set_new(p->found, text_of(entry, "head_id"), json_true());
        }
    json_array_foreach(items, i, entry)
        if (!p->abnormal && json_object_get(direct, text_of(entry, "head_id")))
            json_object_set_new(p->found, text_of(entry, "id"), json_true());
    json_decref(direct);
}

/* One item over time: by its standard code, or what it is called where it has none. */
static bool is_item(const struct page *p, const json_t *entry)
{
    const char *item = text_of(entry, "item");
    return strcmp(*item ? item : text_of(entry, "title"), p->item) == 0 && strcmp(text_of(entry, "kind"), "observation") == 0;
}

static bool wanted(const struct page *p, const struct placed *row)
{
    if ((p->kind && strcmp(text_of(row->entry, "kind"), p->kind) != 0) || (p->org && strcmp(text_of(json_object_get(row->entry, "org"), "id"), p->org) != 0))
        return false;
    if (row->t_ms < p->from_ms || row->t_ms >= p->until_ms || (p->item && !is_item(p, row->entry)) || (p->found && !json_object_get(p->found, row->id)))
        return false;
    return !p->after_id || row->t_ms < p->after_ms || (row->t_ms == p->after_ms && strcmp(row->id, p->after_id) < 0);
}

static json_t *page_of(const json_t *items, struct page *p, json_t **next)
{
    struct placed *rows = sorted(items), *last = NULL;
    json_t *out = json_array();
    *next = json_null();
    look(p, items);
    for (size_t i = 0; rows && i < json_array_size(items); i++) {
        if (!wanted(p, &rows[i]))
            continue;
        if ((int64_t)json_array_size(out) == p->limit) {
            *next = json_sprintf("%" PRId64 "_%s", last->t_ms, last->id);
            break;
        }
        json_array_append(out, rows[i].entry);
        last = &rows[i];
    }
    json_decref(p->found);
    free(rows);
    return out;
}

static int read_page(struct op_ctx *ctx, json_t *args, struct page *p)
{
    const char *after = arg_text(args, "after"), *q = arg_text(args, "q");
    char *end;
    *p = (struct page){.kind = arg_text(args, "kind"), .org = arg_text(args, "org_id"), .item = arg_text(args, "item"), .abnormal = json_is_true(json_object_get(args, "abnormal")),
                       .from_ms = arg_int(args, "from_ms", INT64_MIN), .until_ms = arg_int(args, "until_ms", INT64_MAX), .limit = arg_int(args, "limit", 500)};
    if (q)
        text_fold(q, strlen(q), p->q, sizeof p->q);
    if (p->from_ms >= p->until_ms)
        return fault_field(ctx->fault, "until_ms", "before_from");
    if (!after)
        return 0;
    p->after_ms = strtoll(after, &end, 10);
    if (*end != '_')
        return fault_field(ctx->fault, "after", "wrong");
    p->after_id = end + 1;
    return 0;
}

/* ---- until when the data go ---- */

/* The systems of the institutions whose records are open, and when each was last heard of; a FHIR client that has not written since that is kept, by the day. */
static int add_systems(struct op_ctx *ctx, uint64_t org, json_t *systems)
{
    struct query *q = tx_query(ctx->tx,
                               "SELECT s.name, s.org_id, o.name AS org_name, x.last_ms, '' AS day FROM exchange_source s JOIN exchange_state x ON x.source_id=s.id LEFT JOIN org o ON o.id=s.org_id WHERE "
                               "s.org_id=$1 AND s.enabled=1 UNION ALL SELECT c.name, c.org_id, o.name AS org_name, COALESCE(x.last_ms, 0) AS last_ms, (SELECT MAX(d.day) FROM quality_day d WHERE d.source_id=c.id) AS day FROM "
                               "fhir_client c LEFT JOIN exchange_state x ON x.source_id=c.id LEFT JOIN org o ON o.id=c.org_id WHERE c.org_id=$1 AND c.active=1 ORDER BY 1", "i", (int64_t)org);
    while (query_next(q)) {
        const char *day = query_text(q, "day");
        int64_t last = query_int(q, "last_ms");
        int y, m, d;
        bool dated = day && date_parse(day, &y, &m, &d) == 0;
        char today[11];
        date_of_ms(ctx->now_ms - LATE_MS, PATIENT_ZONE_MIN, today);
        if (last || dated)
            json_array_append_new(systems, json_pack("{s:s,s:o,s:o,s:o,s:b}", "name", query_text(q, "name"), "org", timeline_org(q), "last_ms", last ? json_integer(last) : json_null(), "day",
                                                     dated ? json_string(day) : json_null(), "late", last ? ctx->now_ms - last > LATE_MS : strcmp(day, today) < 0));
    }
    return query_end(q);
}

static int systems_of(struct op_ctx *ctx, const json_t *sources, json_t *systems)
{
    json_t *one;
    size_t i, k;
    int rc = 0;
    json_array_foreach(sources, i, one)
    {
        uint64_t org;
        const char *id = text_of(json_object_get(one, "org"), "id");
        bool again = false;
        for (k = 0; k < i; k++)
            again = again || strcmp(text_of(json_object_get(json_array_get(sources, k), "org"), "id"), id) == 0;
        if (rc == 0 && !again && id_parse(id, &org) == 0 && org)
            rc = add_systems(ctx, org, systems);
    }
    return rc;
}

/* ---- the operation ---- */

/* What nobody outside needs: of those alone that leave. */
static void strip(json_t *items)
{
    static const char *const inner[] = {"codes", "restricted", "clearance", "from", "key", "keys", "uid"};
    size_t i;
    json_t *entry;
    json_array_foreach(items, i, entry)
        for (size_t k = 0; k < sizeof inner / sizeof *inner; k++)
            json_object_del(entry, inner[k]);
}

int patient_timeline(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct page page;
    json_t *all, *sources, *next, *systems;
    int rc = read_page(ctx, args, &page);
    rc = rc ? rc : timeline_load(ctx, arg_id(args, "patient_id"), &all, &sources);
    if (rc)
        return rc;
    json_t *items = page_of(all, &page, &next);
    systems = json_array();
    rc = systems_of(ctx, sources, systems);
    *result = json_pack("{s:o,s:o,s:o,s:o,s:o}", "items", items, "next", next, "facets", facets_of(all), "sources", sources, "systems", systems);
    strip(items);
    json_decref(all);
    return rc;
}
