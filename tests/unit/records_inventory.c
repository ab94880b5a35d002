/* The inventory: every table of the database is in it once, what it counts is right, no value of anybody leaves, and who may see it. */
#include "records/access/access.h"
#include "records/audit/inventory.h"
#include "records/parts.h"
#include "records/records.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct {
    struct records *r;
    char dir[64];
} site;

static const struct inventory_class *class_of(const char *id)
{
    for (const struct inventory_class *c = inventory_classes; c->id; c++)
        if (strcmp(c->id, id) == 0)
            return c;
    return NULL;
}

static int rows_of(const char *name)
{
    int n = 0;
    for (const struct inventory_table *t = inventory_tables; t->name; t++)
        n += strcmp(t->name, name) == 0;
    return n;
}

static bool other_engine(void)
{
    return getenv("YL_TEST_DATABASE") != NULL;
}

/* A table nobody gave a class would be data nobody answers for. */
static void every_table_has_its_class(void **state)
{
    struct tx *tx;
    int tables = 0;
    (void)state;
    assert_int_equal(tx_begin(records_store(site.r), TX_READ, &tx), 0);
    struct query *q = tx_query(tx, other_engine() ? "SELECT tablename AS name FROM pg_tables WHERE schemaname=current_schema() AND tablename<>'store_version'"
                                                  : "SELECT name FROM sqlite_master WHERE type='table'", "");
    while (query_next(q)) {
        if (rows_of(query_text(q, "name")) != 1)
            fail_msg("table %s is %d times in records/audit/inventory_tables.c", query_text(q, "name"), rows_of(query_text(q, "name")));
        tables++;
    }
    assert_int_equal(query_end(q), 0);
    tx_rollback(tx);
    for (const struct inventory_table *t = inventory_tables; t->name; t++)
        tables--;
    assert_int_equal(tables, 0); /* and none stands there that is not */
}

static void every_class_has_a_level_and_somebody(void **state)
{
    const struct access *a = records_parts(site.r)->access;
    (void)state;
    for (const struct inventory_class *c = inventory_classes; c->id; c++) {
        assert_in_range(c->level, 1, 5);
        assert_true(access_role(a, c->owner) >= 0);
        int tables = 0;
        for (const struct inventory_table *t = inventory_tables; t->name; t++)
            tables += strcmp(t->class_id, c->id) == 0;
        assert_true(tables > 0);
    }
    for (const struct inventory_table *t = inventory_tables; t->name; t++)
        assert_non_null(class_of(t->class_id));
}

/* The newest rows are found by an index or the table's own order, never by sorting it all. */
static void the_newest_come_without_sorting(void **state)
{
    struct tx *tx;
    (void)state;
    if (other_engine())
        skip(); /* the words of a plan are SQLite's */
    assert_int_equal(tx_begin(records_store(site.r), TX_READ, &tx), 0);
    for (const struct inventory_table *t = inventory_tables; t->name; t++) {
        char sql[300];
        snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN SELECT * FROM %s ORDER BY %s DESC LIMIT 10", t->name, t->newest);
        struct query *q = tx_query(tx, sql, "");
        while (query_next(q))
            if (strstr(query_text(q, "detail"), "TEMP B-TREE"))
                fail_msg("%s by %s: %s", t->name, t->newest, query_text(q, "detail"));
        assert_int_equal(query_end(q), 0);
    }
    tx_rollback(tx);
}

static void put_patient(struct tx *tx, int id, const char *birth, bool number)
{
    assert_int_equal(tx_exec(tx,
                             "INSERT INTO patient (id, org_id, local_number, name, pinyin, sex, birth_date, birth_estimated, id_type, nationality, "
                             "insurance_type, allergy_state, temporary, version, created_by, created_ms, changed_ms, private) VALUES "
                             "($1,1,$2,'沈萍香','spx','female',$3,0,'none','','','none',0,1,1,$4,1,$5)",
                             "ittib", (int64_t)id, birth, birth, (int64_t)id * 1000, "x", (size_t)1),
                     0);
    if (number)
        assert_int_equal(tx_exec(tx, "UPDATE patient SET held=1 WHERE id=$1", "i", (int64_t)id), 0);
}

static json_t *ask(struct reply *reply)
{
    struct call c = {.op = "inventory.get", .credential = records_system_credential(site.r), .args = json_object()};
    records_call(site.r, &c, reply);
    json_decref(c.args);
    assert_int_equal(reply->error, 0);
    return reply->result;
}

static json_t *class_in(json_t *result, const char *id)
{
    json_t *c;
    size_t i;
    json_array_foreach(json_object_get(result, "classes"), i, c)
        if (strcmp(json_string_value(json_object_get(c, "id")), id) == 0)
            return c;
    fail_msg("no class %s", id);
    return NULL;
}

static int64_t number(json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

static void what_it_counts_is_right(void **state)
{
    struct tx *tx;
    struct reply reply;
    (void)state;
    assert_int_equal(tx_begin(records_store(site.r), TX_WRITE, &tx), 0);
    put_patient(tx, 1, "1959-03-02", true);
    put_patient(tx, 2, "1960-03-02", false);
    put_patient(tx, 3, "", true);
    assert_int_equal(tx_commit(tx), 0);
    json_t *c = class_in(ask(&reply), "patient");
    assert_int_equal(number(c, "count"), 3);
    assert_int_equal(number(c, "last_ms"), 3000);
    assert_int_equal(number(c, "level"), 4);
    json_t *columns = json_object_get(json_array_get(json_object_get(c, "tables"), 0), "columns");
    assert_int_equal(number(json_array_get(columns, 0), "empty"), 1); /* identity number */
    assert_int_equal(number(json_array_get(columns, 1), "empty"), 3); /* phone */
    assert_int_equal(number(json_array_get(columns, 3), "empty"), 1); /* date of birth */
    assert_int_equal(number(class_in(reply.result, "org"), "count"), 1);
    assert_true(json_is_null(json_object_get(class_in(reply.result, "recording"), "last_ms")));
    char *text = json_dumps(reply.result, 0);
    for (const char *const *word = (const char *const[]){"沈萍香", "1959-03-02", "spx", NULL}; *word; word++)
        assert_null(strstr(text, *word));
    free(text);
    reply_clear(&reply);
}

/* Administrators and the auditor, who read no health data, may; doctors have no use for it. */
static void who_may_see_it(void **state)
{
    const struct access *a = records_parts(site.r)->access;
    (void)state;
    for (const char *const *may = (const char *const[]){"consortium_admin", "sys_admin", "auditor", NULL}; *may; may++)
        assert_true(access_roles_may(a, 1ull << access_role(a, *may), "inventory.read"));
    for (const char *const *not = (const char *const[]){"applicant", "expert", "dispatcher", "manager", "display", NULL}; *not; not++)
        assert_false(access_roles_may(a, 1ull << access_role(a, *not), "inventory.read"));
    struct call c = {.op = "inventory.get", .args = json_object()};
    struct reply reply;
    records_call(site.r, &c, &reply);
    assert_int_equal(reply.error, ERR_UNAUTHENTICATED);
    json_decref(c.args);
    reply_clear(&reply);
}

static int open_site(void **state)
{
    struct fault f = {0};
    (void)state;
    strcpy(site.dir, "/tmp/yl-inventory-XXXXXX");
    assert_non_null(mkdtemp(site.dir));
    struct records_config config = {.data_dir = site.dir, .config_dir = YL_SOURCE_DIR "/config", .clock = &clock_system};
    assert_int_equal(records_open(&site.r, &config, &f), 0);
    return records_bootstrap(site.r, "医联体", "admin", "管理员", "First-Password-1", &f);
}

static int close_site(void **state)
{
    char command[100];
    (void)state;
    records_close(site.r);
    snprintf(command, sizeof command, "rm -r %s", site.dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_table_has_its_class), cmocka_unit_test(every_class_has_a_level_and_somebody),
                                       cmocka_unit_test(the_newest_come_without_sorting), cmocka_unit_test(what_it_counts_is_right),
                                       cmocka_unit_test(who_may_see_it)};
    return cmocka_run_group_tests(tests, open_site, close_site);
}
