/* What is seen of codes: coverage, the list, one with its candidates and its history, the map for other programs. */
#include "records/parts.h"
#include "records/patient/identity.h"
#include "records/quality/quality_private.h"
#include "records/term/fold.h"
#include <stdio.h>
#include <string.h>

#define LIST_DEFAULT 50
#define HISTORY_MAX 50

struct quality_asking quality_asking_of(struct op_ctx *ctx, char day[11])
{
    struct records_parts *p = records_parts(ctx->records);
    date_of_ms(ctx->now_ms, 480, day);
    return (struct quality_asking){p->quality, p->terms, day, ctx->fault};
}

/* ---- coverage ---- */

/* A source of messages or rows, a client of the FHIR service, or an institution whose people write there themselves. */
#define SOURCE_NAME "COALESCE(s.name, f.name, h.name)"
#define SOURCE_JOINS "LEFT JOIN exchange_source s ON s.id=c.source_id LEFT JOIN fhir_client f ON f.id=c.source_id LEFT JOIN org h ON h.id=c.source_id "

#define OF(what, sum) "CAST(SUM(CASE WHEN c.code<>'' AND " what " THEN " sum " ELSE 0 END) AS INTEGER)"
#define GIVEN "c.state='open' AND c.given_code<>''"
#define OPEN "c.state='open' AND c.given_code=''"

static json_t *pair(struct query *q, const char *codes, const char *seen)
{
    return json_pack("{s:I,s:I}", "codes", (json_int_t)query_int(q, codes), "seen", (json_int_t)query_int(q, seen));
}

static json_t *coverage_json(struct query *q)
{
    return json_pack("{s:{s:o,s:s?,s:s?},s:s?,s:o,s:o,s:o,s:o,s:I,s:I}", "source", "id", json_id((uint64_t)query_int(q, "source_id")), "name",
                     query_text(q, "source_name"), "org", query_text(q, "org_name"), "kind", query_text(q, "kind"), "mapped", pair(q, "mapped", "mapped_seen"), "given",
                     pair(q, "given", "given_seen"), "open", pair(q, "open", "open_seen"), "rejected", pair(q, "rejected", "rejected_seen"), "uncoded",
                     (json_int_t)query_int(q, "uncoded"), "last_ms", (json_int_t)query_int(q, "last_ms"));
}

int quality_coverage(struct op_ctx *ctx, json_t *args, json_t **result)
{
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT c.source_id, c.kind, " SOURCE_NAME " AS source_name, o.name AS org_name, MAX(c.last_ms) AS last_ms, "
                               "CAST(SUM(CASE WHEN c.code='' THEN c.seen ELSE 0 END) AS INTEGER) AS uncoded, " OF("c.state='mapped'", "1") " AS mapped, "
                               OF("c.state='mapped'", "c.seen") " AS mapped_seen, " OF(GIVEN, "1") " AS given, " OF(GIVEN, "c.seen") " AS given_seen, "
                               OF(OPEN, "1") " AS open, " OF(OPEN, "c.seen") " AS open_seen, " OF("c.state='rejected'", "1") " AS rejected, "
                               OF("c.state='rejected'", "c.seen") " AS rejected_seen FROM quality_code c " SOURCE_JOINS
                               "LEFT JOIN org o ON o.id=COALESCE(s.org_id, f.org_id, h.id) GROUP BY c.source_id, c.kind, " SOURCE_NAME ", o.name "
                               "ORDER BY source_name NULLS LAST, c.source_id, c.kind",
                               "");
    (void)args;
    while (query_next(q))
        json_array_append_new(items, coverage_json(q));
    int rc = query_end(q);
    *result = json_pack("{s:o,s:o,s:i}", "items", items, "remap", quality_remap_json(ctx), "codes_max", QUALITY_CODES_MAX);
    return rc;
}

/* ---- codes ---- */

static json_t *to_json(struct query *q)
{
    if (strcmp(query_text(q, "state"), "mapped") != 0)
        return json_null();
    return json_pack("{s:s,s:s,s:s,s:s}", "system", query_text(q, "to_system"), "code", query_text(q, "to_code"), "display", query_text(q, "to_display"), "version",
                     query_text(q, "to_version"));
}

static json_t *code_json(struct query *q)
{
    const struct quality_kind *k = quality_kind_find(query_text(q, "kind"));
    const char *given = query_text(q, "given_code");
    bool open = strcmp(query_text(q, "state"), "open") == 0;
    return json_pack("{s:o,s:{s:o,s:s?},s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:s,s:o,s:o,s:s}", "id", json_id((uint64_t)query_int(q, "id")), "source", "id",
                     json_id((uint64_t)query_int(q, "source_id")), "name", query_text(q, "source_name"), "kind", query_text(q, "kind"), "system",
                     query_text(q, "system"), "code", query_text(q, "code"), "display", query_text(q, "display"), "seen", (json_int_t)query_int(q, "seen"), "first_ms",
                     (json_int_t)query_int(q, "first_ms"), "last_ms", (json_int_t)query_int(q, "last_ms"), "state",
                     open && given[0] ? "given" : query_text(q, "state"), "to", to_json(q), "given",
                     given[0] ? json_pack("{s:s,s:s}", "system", query_text(q, "given_system"), "code", given) : json_null(), "target", k ? k->target : "");
}

#define CODE_COLUMNS "SELECT c.*, " SOURCE_NAME " AS source_name FROM quality_code c " SOURCE_JOINS

static bool says(const char *text, const char *words)
{
    char x[512], y[512];
    text_fold(text, strlen(text), x, sizeof x);
    text_fold(words, strlen(words), y, sizeof y);
    return strstr(x, y) != NULL;
}

/* Most seen first; `before` is the last of the page before, at the place it has now. */
int quality_codes(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *state = arg_text(args, "state"), *kind = arg_text(args, "kind"), *words = arg_text(args, "q");
    int64_t limit = arg_int(args, "limit", LIST_DEFAULT), source = (int64_t)arg_id(args, "source_id"), after = (int64_t)arg_id(args, "before");
    int64_t seen = after ? tx_int(ctx->tx, 0, "SELECT seen AS n FROM quality_code WHERE id=$1", "i", after) : INT64_MAX;
    uint64_t last = 0;
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx,
                               CODE_COLUMNS "WHERE c.code<>'' AND ($1=0 OR c.source_id=$1) AND ($2='' OR c.kind=$2) AND ($3='' OR ($3='given' AND " GIVEN
                                            ") OR ($3='open' AND " OPEN ") OR ($3 NOT IN ('open','given') AND c.state=$3)) AND (c.seen<$4 OR (c.seen=$4 AND c.id>$5)) "
                                            "ORDER BY c.seen DESC, c.id LIMIT $6",
                               "ittiii", source, kind ? kind : "", state ? state : "", seen, after, words ? (int64_t)QUALITY_CODES_MAX : limit);
    while ((int64_t)json_array_size(items) < limit && query_next(q)) {
        last = (uint64_t)query_int(q, "id");
        if (!words || says(query_text(q, "code"), words) || says(query_text(q, "display"), words))
            json_array_append_new(items, code_json(q));
    }
    bool more = (int64_t)json_array_size(items) == limit;
    *result = json_pack("{s:o,s:o}", "items", items, "next", more ? json_id(last) : json_null());
    return query_end(q);
}

/* ---- one ---- */

static json_t *history(struct op_ctx *ctx, uint64_t code)
{
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT a.*, p.name AS person_name, u.name AS undone_name FROM quality_act a LEFT JOIN person p ON p.id=a.person_id "
                               "LEFT JOIN person u ON u.id=a.undone_by WHERE a.code_id=$1 ORDER BY a.id DESC LIMIT $2",
                               "ii", (int64_t)code, (int64_t)HISTORY_MAX);
    while (query_next(q))
        json_array_append_new(items, json_pack("{s:o,s:s,s:s?,s:I,s:s,s:s,s:s,s:s,s:o,s:s?}", "id", json_id((uint64_t)query_int(q, "id")), "act", query_text(q, "act"),
                                               "person", query_text(q, "person_name"), "t_ms", (json_int_t)query_int(q, "t_ms"), "system",
                                               query_text(q, "to_system"), "code", query_text(q, "to_code"), "display", query_text(q, "to_display"), "note",
                                               query_text(q, "note"), "undone_ms",
                                               query_int(q, "undone_ms") ? json_integer(query_int(q, "undone_ms")) : json_null(), "undone_by",
                                               query_text(q, "undone_name")));
    if (query_end(q))
        return items; /* sticky: the operation looks once */
    return items;
}

static json_t *candidates_json(const struct quality_candidate *c, size_t n)
{
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, json_pack("{s:s,s:s,s:s,s:s,s:s,s:i}", "system", c[i].system, "code", c[i].code, "display", c[i].display, "version", c[i].version,
                                               "why", c[i].why, "alike", c[i].alike));
    return items;
}

static bool undoable(const json_t *history)
{
    size_t i;
    json_t *one;
    json_array_foreach(history, i, one)
        if (json_is_null(json_object_get(one, "undone_ms")))
            return true;
    return false;
}

/* Buttons come from here, for those who may (the page asks that of its session). */
static json_t *actions(const json_t *code, const json_t *history)
{
    json_t *list = json_pack("[s]", "map");
    if (strcmp(json_string_value(json_object_get(code, "state")), "rejected") != 0)
        json_array_append_new(list, json_string("reject"));
    if (undoable(history))
        json_array_append_new(list, json_string("undo"));
    return list;
}

static int load(struct op_ctx *ctx, uint64_t id, json_t **out)
{
    struct query *q = tx_query(ctx->tx, CODE_COLUMNS "WHERE c.id=$1 AND c.code<>''", "i", (int64_t)id);
    *out = query_next(q) ? code_json(q) : NULL;
    int rc = query_end(q);
    return rc || *out ? rc : fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such code.");
}

int quality_code(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct quality_candidate c[CANDIDATES_MAX];
    char day[11];
    size_t n = 0;
    int rc = load(ctx, arg_id(args, "code_id"), result);
    if (rc)
        return rc;
    struct quality_asking a = quality_asking_of(ctx, day);
    json_t *past = history(ctx, arg_id(args, "code_id"));
    rc = quality_propose(&a, json_string_value(json_object_get(*result, "kind")), json_string_value(json_object_get(*result, "code")),
                         json_string_value(json_object_get(*result, "display")), c, &n);
    json_object_set_new(*result, "candidates", candidates_json(c, n));
    json_object_set_new(*result, "actions", actions(*result, past));
    json_object_set_new(*result, "history", past);
    return rc ? rc : tx_error(ctx->tx);
}

int quality_find(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct quality_candidate c[CANDIDATES_MAX];
    char day[11];
    size_t n = 0;
    struct quality_asking a = quality_asking_of(ctx, day);
    int rc = quality_search(&a, arg_text(args, "kind"), arg_text(args, "q"), c, &n);
    *result = json_pack("{s:o}", "items", candidates_json(c, n));
    return rc;
}

/* ---- for other programs: http://hl7.org/fhir/R4/conceptmap.html ---- */

/* One group for each pair of code systems; rows come in their order. */
static json_t *group_of(json_t *groups, const char *from, const char *to, const char *version)
{
    json_t *last = json_array_get(groups, json_array_size(groups) - 1);
    const char *source = json_string_value(json_object_get(last, "source")), *target = json_string_value(json_object_get(last, "target"));
    if (last && strcmp(source, from) == 0 && strcmp(target, to) == 0)
        return last;
    last = json_pack("{s:s,s:s,s:o}", "source", from, "target", to, "element", json_array());
    if (version[0])
        json_object_set_new(last, "targetVersion", json_string(version));
    json_array_append_new(groups, last);
    return last;
}

int quality_concept_map(struct op_ctx *ctx, json_t *args, json_t **result)
{
    char id[ID_TEXT_BYTES], from[200];
    uint64_t source = arg_id(args, "source_id");
    json_t *groups = json_array();
    if (!tx_int(ctx->tx, 0, "SELECT (SELECT COUNT(*) FROM exchange_source WHERE id=$1)+(SELECT COUNT(*) FROM fhir_client WHERE id=$1)+(SELECT COUNT(*) FROM org WHERE id=$1) AS n", "i",
                (int64_t)source))
        return json_decref(groups), fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such source.");
    id_format(source, id);
    struct query *q = tx_query(ctx->tx, "SELECT * FROM quality_code WHERE source_id=$1 AND state='mapped' ORDER BY kind, system, to_system, code", "i", (int64_t)source);
    while (query_next(q)) {
        snprintf(from, sizeof from, "urn:yilian:source:%s:%s:%s", id, query_text(q, "kind"), query_text(q, "system"));
        json_t *group = group_of(groups, from, query_text(q, "to_system"), query_text(q, "to_version"));
        json_array_append_new(json_object_get(group, "element"),
                              json_pack("{s:s,s:s,s:[{s:s,s:s,s:s}]}", "code", query_text(q, "code"), "display", query_text(q, "display"), "target", "code",
                                        query_text(q, "to_code"), "display", query_text(q, "to_display"), "equivalence", "equivalent"));
    }
    *result = json_pack("{s:s,s:s,s:s,s:s,s:o}", "resourceType", "ConceptMap", "id", id, "name", "LocalCodes", "status", "active", "group", groups);
    return query_end(q);
}
