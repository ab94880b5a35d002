/* index - the patient index of a site with three institutions, for unit tests that register and decide. Included once per test program; open_site and
 * desk_close are its fixtures. */
#ifndef YL_TESTS_SUPPORT_INDEX_H
#define YL_TESTS_SUPPORT_INDEX_H

#include "records/patient/index.h"
#include "tests/support/desk.h"

static const struct op *const tables[] = {patient_ops, index_ops, NULL};
#define CALL(name, ...) desk_call(tables, name, desk_text(__VA_ARGS__))

static int open_site(void **state)
{
    struct tx *tx;
    int rc = desk_open(state);
    if (rc || tx_begin(records_store(desk.r), TX_WRITE, &tx))
        return 1;
    tx_exec(tx, "INSERT INTO policy VALUES ('patient.test_numbers','1',1,1)", "");
    for (int64_t org = 1; org <= 3; org++)
        tx_exec(tx, "INSERT INTO org (id, parent_id, kind, level, code, name, pinyin, phone, specialty, active) VALUES ($1,0,'institution','county',$2,$2,'','','',1)",
                "it", org, org == 1 ? "A" : org == 2 ? "B" : "C");
    return tx_commit(tx);
}

/* Registers at an institution; the patient's id, and what the index found. */
static const char *outcome;
static const char *enter(int org, const char *members)
{
    static char ids[8][17], outcomes[8][12];
    static int next;
    char *id = ids[next % 8];
    desk.actor.org.v = (uint64_t)org;
    json_t *p = CALL("patient.create", "{%s}", members);
    if (!p)
        fail_msg("%s: %s %s", members, desk.fault.text, desk_wrong());
    snprintf(id, 17, "%s", member(p, "id"));
    snprintf(outcomes[next % 8], 12, "%s", member(p, "index"));
    outcome = outcomes[next++ % 8];
    json_decref(p);
    return id;
}

static char person_text[8][17];
static const char *person_of(const char *patient)
{
    static int next;
    char *out = person_text[next++ % 8];
    json_t *p = CALL("mpi.person", "{\"patient_id\":\"%s\"}", patient);
    assert_non_null(p);
    snprintf(out, 17, "%s", member(p, "id"));
    json_decref(p);
    return out;
}

/* Everything that undo must bring back, as one text. */
static char *index_state(void)
{
    static const char *const queries[] = {"SELECT patient_id AS a, person_id AS b, since_ms AS c, how AS d FROM mpi_member ORDER BY patient_id",
                                          "SELECT a, b, act_id AS c, '' AS d FROM mpi_apart ORDER BY a, b",
                                          "SELECT id AS a, act_id AS b, odds_milli AS c, state AS d FROM mpi_task ORDER BY id"};
    char *text;
    size_t len;
    struct tx *tx;
    FILE *out = open_memstream(&text, &len);
    assert_int_equal(tx_begin(records_store(desk.r), TX_READ, &tx), 0);
    for (size_t i = 0; i < 3; i++) {
        struct query *q = tx_query(tx, queries[i], "");
        while (query_next(q))
            fprintf(out, "%lld %lld %lld %s\n", (long long)query_int(q, "a"), (long long)query_int(q, "b"), (long long)query_int(q, "c"),
                    query_text(q, "d"));
        assert_int_equal(query_end(q), 0);
    }
    tx_rollback(tx);
    fclose(out);
    return text;
}

static json_t *first_task(void)
{
    json_t *t = CALL("mpi.tasks", "{}"), *first = json_array_get(json_object_get(t, "items"), 0);
    json_incref(first);
    json_decref(t);
    return first;
}
#endif
