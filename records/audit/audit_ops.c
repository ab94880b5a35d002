/* Reading the audit: the auditor's list, one's own acts, who saw a case, the chain's check. */
#include "records/audit/audit.h"
#include "records/audit/audit_list.h"
#include "records/parts.h"
#include "records/work/consultation.h"
#include <string.h>

static json_t *ref_of(struct query *q, const char *id, const char *name)
{
    const char *text = query_text(q, name);
    uint64_t v = (uint64_t)query_int(q, id);
    return v ? json_pack("{s:o,s:s}", "id", json_id(v), "name", text ? text : "") : json_null();
}

static json_t *line_of(struct query *q)
{
    return json_pack("{s:I,s:I,s:s,s:s,s:o,s:o,s:o,s:o,s:s?,s:s,s:s}", "seq", (json_int_t)query_int(q, "seq"), "t_ms",
                     (json_int_t)query_int(q, "t_ms"), "op", query_text(q, "op"), "outcome", query_text(q, "outcome"), "person",
                     ref_of(q, "person_id", "person_name"), "org", ref_of(q, "org_id", "org_name"), "patient_id",
                     json_id((uint64_t)query_int(q, "patient_id")), "object_id", json_id((uint64_t)query_int(q, "object_id")), "object_name", query_text(q, "object_name"), "address",
                     query_text(q, "address"), "detail", query_text(q, "detail"));
}

#define LINES                                                                                                                              \
    "SELECT a.*, p.name AS person_name, o.name AS org_name, COALESCE(b.name, c.name) AS object_name FROM audit a "                         \
    "LEFT JOIN person p ON p.id=a.person_id LEFT JOIN org o ON o.id=a.org_id LEFT JOIN person b ON b.id=a.object_id "                     \
    "LEFT JOIN org c ON c.id=a.object_id "

static int answer(struct query *q, int64_t limit, json_t **result)
{
    json_t *items = json_array();
    int64_t last = 0;
    bool more = false;
    while (query_next(q)) {
        if ((int64_t)json_array_size(items) == limit) {
            more = true;
            break;
        }
        json_array_append_new(items, line_of(q));
        last = query_int(q, "seq");
    }
    int rc = query_end(q);
    *result = json_pack("{s:o,s:o}", "items", items, "next", more ? json_integer(last) : json_null());
    return rc;
}

int64_t audit_page_before(const json_t *args)
{
    int64_t after = arg_int(args, "after", 0);
    return after > 0 ? after : INT64_MAX;
}

int64_t audit_page_limit(const json_t *args)
{
    int64_t limit = arg_int(args, "limit", 50);
    return limit < 1 ? 1 : limit > AUDIT_LIST_MAX ? AUDIT_LIST_MAX : limit;
}

#define AT_ONCE 8 /* lines that one question reads */

json_t *audit_page(struct tx *tx, const int64_t *seqs, size_t n, int64_t next)
{
    json_t *items = json_array();
    for (size_t i = 0; i < n; i += AT_ONCE) {
        int64_t k[AT_ONCE] = {0};
        for (size_t j = 0; j < AT_ONCE && i + j < n; j++)
            k[j] = seqs[i + j];
        struct query *q = tx_query(tx, LINES "WHERE a.seq IN ($1,$2,$3,$4,$5,$6,$7,$8) ORDER BY a.seq DESC", "iiiiiiii", k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7]);
        while (query_next(q))
            json_array_append_new(items, line_of(q));
        (void)!query_end(q); /* sticks */
    }
    return json_pack("{s:o,s:o}", "items", items, "next", next ? json_integer(next) : json_null());
}

static int mine(struct op_ctx *ctx, json_t *args, json_t **result)
{
    int64_t limit = audit_page_limit(args);
    return answer(tx_query(ctx->tx, LINES "WHERE a.seq<$1 AND a.person_id=$2 AND a.person_id<>0 ORDER BY a.seq DESC LIMIT $3", "iii", audit_page_before(args),
                           (int64_t)ctx->actor->person.v, limit + 1),
                  limit, result);
}

static int case_access(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct case_id id = {arg_id(args, "case_id")};
    int64_t limit = audit_page_limit(args);
    int rc = consultation_check_read(ctx, id);
    if (rc)
        return rc;
    return answer(tx_query(ctx->tx, LINES "WHERE a.seq<$1 AND a.object_id=$2 AND " AUDIT_OF_OBJECT " ORDER BY a.seq DESC LIMIT $3", "iii", audit_page_before(args),
                           (int64_t)id.v, limit + 1),
                  limit, result);
}

static int verify(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct audit_verdict v;
    (void)args;
    int rc = audit_verify(ctx->tx, records_parts(ctx->records)->audit_key, &v);
    if (rc)
        return rc;
    *result = json_pack("{s:b,s:I,s:o,s:s}", "whole", v.first_bad == 0, "lines", (json_int_t)v.lines, "first_bad",
                        v.first_bad ? json_integer(v.first_bad) : json_null(), "what", v.what);
    return 0;
}

#define PAGE {"limit", FIELD_INT, .min = 1, .max = AUDIT_LIST_MAX}, {"after", FIELD_INT, .min = 0, .max = INT64_MAX}
static const struct field list_args[] = {PAGE,
                                         {"org_id", FIELD_ID, .help = "who acted for this institution"},
                                         {"person_id", FIELD_ID},
                                         {"patient_id", FIELD_ID},
                                         {"op", FIELD_TEXT, .max = 64},
                                         {"denied", FIELD_BOOL},
                                         {"from_ms", FIELD_TIME},
                                         {"to_ms", FIELD_TIME},
                                         {0}};
static const struct field mine_args[] = {PAGE, {0}};
static const struct field case_args[] = {{"case_id", FIELD_ID, .required = true}, PAGE, {0}};
static const struct field no_args[] = {{0}};

const struct op audit_ops[] = {
    {"audit.list", OP_READ, OP_PHI, "audit.read", list_args, audit_list, "Audit lines, newest first; an institution's auditor sees those of his own"},
    {"audit.mine", OP_READ, 0, "self", mine_args, mine, "The signed-in person's own acts"},
    {"audit.verify", OP_READ, OP_PHI, "audit.verify", no_args, verify, "Checks the whole chain"},
    {"case.access", OP_READ, OP_PHI, "case.read", case_args, case_access, "Who read, changed or printed this case"},
    {0},
};
