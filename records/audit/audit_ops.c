/* Reading the audit: the auditor's list, one's own acts, who saw a case, the chain's check. */
#include "records/audit/audit.h"
#include "records/parts.h"
#include "records/work/consultation.h"
#include <string.h>

#define LIST_MAX 200

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

#define LINES_OF(lines)                                                                                                                    \
    "SELECT a.*, p.name AS person_name, o.name AS org_name, COALESCE(b.name, c.name) AS object_name FROM " lines " a "                     \
    "LEFT JOIN person p ON p.id=a.person_id LEFT JOIN org o ON o.id=a.org_id LEFT JOIN person b ON b.id=a.object_id "                     \
    "LEFT JOIN org c ON c.id=a.object_id "
#define LINES LINES_OF("audit")

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

static int64_t before(const json_t *args)
{
    int64_t after = arg_int(args, "after", 0);
    return after > 0 ? after : INT64_MAX;
}

static int64_t limit_of(const json_t *args)
{
    int64_t limit = arg_int(args, "limit", 50);
    return limit < 1 ? 1 : limit > LIST_MAX ? LIST_MAX : limit;
}

/* $1 before, $2 person, $3 patient, $4 act, $5 refused alone, $6 $7 from and to, $8 how many */
#define FITS "a.seq<$1 AND ($3=0 OR a.patient_id=$3) AND ($4='' OR a.op=$4) AND ($5=0 OR a.outcome<>'ok') AND a.t_ms>=$6 AND a.t_ms<$7"
#define NEWEST " ORDER BY a.seq DESC LIMIT $8"
/* A person's acts, and where somebody signed in as him: each by its own index, the newest of both. */
#define OF_PERSON                                                                                                                          \
    LINES_OF("(SELECT * FROM (SELECT * FROM audit a WHERE a.person_id=$2 AND a.person_id<>0 AND " FITS NEWEST ") x UNION ALL "              \
             "SELECT * FROM (SELECT * FROM audit a WHERE a.op='session.login' AND a.object_id=$2 AND a.person_id<>$2 AND " AUDIT_OF_OBJECT " AND " FITS NEWEST ") y)") "WHERE a.seq<$1" NEWEST
/* Of what is rare the index is asked (its condition is in the migration, word for word), or the whole audit would be read for a page. */
#define REFUSED LINES "WHERE a.seq IN (SELECT r.seq FROM audit r WHERE r.outcome<>'ok') AND $2=0 AND " FITS NEWEST
/* No "=": of one act alone a planner may take the order of the whole audit for that of the index, and read it all. */
#define OF_ACT LINES "WHERE a.op>=$4 AND a.op<=$4 AND " AUDIT_OF_PEOPLE " AND $2=0 AND " FITS " ORDER BY a.op DESC, a.seq DESC LIMIT $8"
#define ALL LINES "WHERE $2=0 AND " FITS NEWEST

static bool of_machines(const char *op)
{
    return strncmp(op, "fhir.", 5) == 0 || strcmp(op, "exchange.receive") == 0;
}

static int list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *op = arg_text(args, "op") ? arg_text(args, "op") : "";
    bool refused = json_is_true(json_object_get(args, "denied"));
    int64_t limit = limit_of(args), person = (int64_t)arg_id(args, "person_id");
    const char *sql = person ? OF_PERSON : refused ? REFUSED : *op && !of_machines(op) ? OF_ACT : ALL;
    struct query *q = tx_query(ctx->tx, sql, "iiitiiii", before(args), person, (int64_t)arg_id(args, "patient_id"), op, (int64_t)refused, arg_int(args, "from_ms", 0),
                               arg_int(args, "to_ms", INT64_MAX), limit + 1);
    return answer(q, limit, result);
}

static int mine(struct op_ctx *ctx, json_t *args, json_t **result)
{
    int64_t limit = limit_of(args);
    return answer(tx_query(ctx->tx, LINES "WHERE a.seq<$1 AND a.person_id=$2 AND a.person_id<>0 ORDER BY a.seq DESC LIMIT $3", "iii", before(args),
                           (int64_t)ctx->actor->person.v, limit + 1),
                  limit, result);
}

static int case_access(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct case_id id = {arg_id(args, "case_id")};
    int64_t limit = limit_of(args);
    int rc = consultation_check_read(ctx, id);
    if (rc)
        return rc;
    return answer(tx_query(ctx->tx, LINES "WHERE a.seq<$1 AND a.object_id=$2 AND " AUDIT_OF_OBJECT " ORDER BY a.seq DESC LIMIT $3", "iii", before(args),
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

#define PAGE {"limit", FIELD_INT, .min = 1, .max = LIST_MAX}, {"after", FIELD_INT, .min = 0, .max = INT64_MAX}
static const struct field list_args[] = {PAGE,
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
    {"audit.list", OP_READ, OP_PHI, "audit.read", list_args, list, "Audit lines, newest first"},
    {"audit.mine", OP_READ, 0, "self", mine_args, mine, "The signed-in person's own acts"},
    {"audit.verify", OP_READ, OP_PHI, "audit.verify", no_args, verify, "Checks the whole chain"},
    {"case.access", OP_READ, OP_PHI, "case.read", case_args, case_access, "Who read, changed or printed this case"},
    {0},
};
