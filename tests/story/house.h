/* house - the house itself asked over FHIR (records/fhir/own.h): clients who may do more and less, and persons of the index with numbers in two systems. */
#ifndef YL_TESTS_STORY_HOUSE_H
#define YL_TESTS_STORY_HOUSE_H

#include "records/fhir/client.h"
#include "tests/support/case.h"
#include "tests/support/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct world w;
static char site[BEARER_BYTES], township[BEARER_BYTES], other[BEARER_BYTES], narrow[BEARER_BYTES]; /* bearers of clients */
static struct {
    int status;
    char *body, etag[32], location[480];
    json_t *json;
} answer;

static inline int64_t number_of(const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, sql, "");
    tx_rollback(tx);
    return n;
}

static inline void client(uint64_t id, uint64_t org, const char *scopes, char bearer[BEARER_BYTES])
{
    struct tx *tx;
    struct bearer b = {.client = id, .until_ms = w.now_ms + 100 * 86400000ll};
    snprintf(b.scopes, sizeof b.scopes, "%s", scopes);
    bearer_make(records_parts(w.r)->fhir, &b, bearer);
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO fhir_client (id, name, org_id, scopes, jwks, active, created_ms, created_by) VALUES ($1,'c',$2,$3,'',1,0,0)", "iit", (int64_t)id,
            (int64_t)org, scopes);
    assert_int_equal(tx_commit(tx), 0);
}

static const char *none_match = "", *prefer = "";

static inline json_t *ask(const char *bearer, const char *method, const char *url, const char *body)
{
    char path[600];
    const char *query = strchr(url, '?');
    struct records_fhir_answer a = {0};
    snprintf(path, sizeof path, "%.*s", (int)(query ? query - url : (ptrdiff_t)strlen(url)), url);
    struct records_fhir q = {.method = method, .path = path, .query = query ? query + 1 : "", .credential = bearer, .accept = "", .content_type = "application/fhir+json",
                             .prefer = prefer, .if_match = "", .if_none_match = none_match, .if_none_exist = "", .if_modified_since = "", .csrf = "", .client_address = "10.0.0.1",
                             .host = "yilian.test", .body = body, .len = body ? strlen(body) : 0};
    records_fhir_call(w.r, &q, &a);
    free(answer.body);
    json_decref(answer.json);
    answer.status = a.status;
    answer.body = a.body;
    snprintf(answer.etag, sizeof answer.etag, "%s", a.etag);
    snprintf(answer.location, sizeof answer.location, "%s", a.location);
    answer.json = a.len ? json_loadb(a.body, a.len, 0, NULL) : NULL;
    return answer.json;
}

static inline json_t *want(int status, const char *bearer, const char *method, const char *url, const char *body)
{
    json_t *got = ask(bearer, method, url, body);
    if (answer.status != status)
        fail_msg("%s %s: %d, not %d: %s", method, url, answer.status, status, answer.body ? answer.body : "");
    return got;
}

static inline size_t entries(const json_t *bundle)
{
    return json_array_size(json_object_get(bundle, "entry"));
}

static inline json_t *entry(const json_t *bundle, size_t i)
{
    return json_object_get(json_array_get(json_object_get(bundle, "entry"), i), "resource");
}

static inline void count_is(size_t n, const char *bearer, const char *url)
{
    json_t *got = want(200, bearer, "GET", url, NULL);
    if (entries(got) != n || (json_object_get(got, "total") && (size_t)json_integer_value(json_object_get(got, "total")) != n))
        fail_msg("%s: %zu, not %zu: %s", url, entries(got), n, answer.body);
}

static inline bool says(const char *what)
{
    return answer.body && strstr(answer.body, what);
}

/* ---- persons ---- */

static char wang[40]; /* "mpi-...": the one with records in two houses */

static inline void patient(const char *doctor, const char *members)
{
    json_t *p = world_call(&w, doctor, "patient.create", world_json(members));
    if (!p)
        fail_msg("%s: %s %s", members, w.fault.text, w.fault.n_fields ? w.fault.fields[0].reason : "");
    json_decref(p);
}

static inline void identity(int64_t domain, const char *value, const char *local_number)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO exchange_identity (domain_id, value, patient_id, since_ms, retired_ms) SELECT $1, $2, id, 1, 0 FROM patient WHERE local_number=$3", "itt",
            domain, value, local_number);
    assert_int_equal(tx_commit(tx), 0);
}

static inline int house_open(void **state)
{
    struct tx *tx;
    (void)state;
    world_open(&w);
    client(7001, 0, "system/*.*", site);
    client(7002, 10, "system/*.read", township);
    client(7003, 15, "system/*.read", other);
    client(7004, 0, "system/Observation.read", narrow);
    patient("zhang", "{\"name\":\"王小明\",\"sex\":\"male\",\"birth_date\":\"1980-05-06\",\"id_type\":\"id_card\",\"id_no\":\"11010119800506573X\",\"phone\":\"13812345678\","
                     "\"address\":\"云南省云岭县青石镇1号\",\"local_number\":\"QS001\"}");
    patient("qian", "{\"name\":\"王小明\",\"sex\":\"male\",\"birth_date\":\"1980-05-06\",\"id_type\":\"id_card\",\"id_no\":\"11010119800506573X\",\"phone\":\"13812345678\","
                    "\"local_number\":\"XY777\"}");
    patient("zhang", "{\"name\":\"王小红\",\"sex\":\"female\",\"birth_date\":\"1991-01-02\",\"local_number\":\"QS002\"}");
    patient("zhang", "{\"name\":\"Rowe James\",\"sex\":\"male\",\"birth_date\":\"1983-02-05\",\"local_number\":\"QS003\"}");
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO exchange_domain (id, namespace_id, oid, source_id, created_ms) VALUES (501,'HIS_A','1.2.3.1',0,0),(502,'LIS_B','1.2.3.2',0,0)", "");
    assert_int_equal(tx_commit(tx), 0);
    identity(501, "A-1", "QS001");
    identity(502, "B-9", "XY777");
    identity(501, "A-2", "QS002");
    json_t *found = want(200, site, "GET", "/Patient?identifier=urn:oid:1.2.3.1%7CA-1", NULL);
    snprintf(wang, sizeof wang, "%s", json_string_value(json_object_get(entry(found, 0), "id")));
    return 0;
}

static inline int house_close(void **state)
{
    (void)state;
    free(answer.body);
    json_decref(answer.json);
    world_close(&w);
    return 0;
}
#endif
