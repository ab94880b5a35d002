/* Keys that wait for their trees: found as they stand in the transaction, put in, rolled back, taken out, read by another process. */
#include "records/store/key_find.h"
#include "records/store/store_private.h"
#include "server/base/id.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char dir[] = "/tmp/yl-late-XXXXXX", where[700];
static struct store *store;

static struct store *open_store(void)
{
    struct store *s;
    struct fault f = {0};
    assert_int_equal(store_open(&s, where, &f), 0);
    return s;
}

static int open_at(int version)
{
    struct fault f = {0};
    strcpy(dir + strlen(dir) - 6, "XXXXXX");
    if (!mkdtemp(dir) || store_locate("", dir, where, sizeof where, &f)) return 1;
    store = open_store();
    return store_migrate_to(store, version, &f);
}

static int open_all(void **state)
{
    (void)state;
    return open_at(store_newest());
}

static int close_all(void **state)
{
    char command[100];
    (void)state;
    store_close(store);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static struct tx *begin(struct store *s, enum tx_mode mode)
{
    struct tx *tx;
    assert_int_equal(tx_begin(s, mode, &tx), 0);
    return tx;
}

static uint64_t mixed(uint64_t x)
{
    x = (x + 1) * 0x9E3779B97F4A7C15u;
    return (x ^ x >> 29) * 0xBF58476D1CE4E5B9u;
}

/* Patient p has number p / 3, three names and a birth; every third of each is shared. */
static void add(struct tx *tx, uint64_t p)
{
    struct late_rows rows;
    char name[40];
    rows.n = 0;
    late_number(&rows.keys[rows.n++], (int64_t)mixed(p / 3));
    snprintf(name, sizeof name, "n%llu", (unsigned long long)(mixed(p) % 1000000));
    late_text(&rows.keys[rows.n++], LATE_PATIENT, 7, "name", name, false);
    late_text(&rows.keys[rows.n++], LATE_PATIENT, 7, "pinyin", name, false);
    late_text(&rows.keys[rows.n++], LATE_PERSON, 0, "family", name, false);
    assert_int_equal(late_add(tx, p, &rows), 0);
}

struct seen {
    uint64_t list[20];
    size_t n;
};

static bool see(void *ctx, uint64_t patient, const char *text)
{
    struct seen *s = ctx;
    (void)text;
    s->list[s->n++] = patient;
    return s->n < 20;
}

static size_t waiting(struct tx *tx, uint64_t p)
{
    struct seen s = {.n = 0};
    struct late_key k;
    late_number(&k, (int64_t)mixed(p / 3));
    assert_int_equal(late_each(tx, &k, see, &s), 0);
    return s.n;
}

static size_t in_tree(struct tx *tx, uint64_t p)
{
    return (size_t)tx_int(tx, -1, "SELECT COUNT(*) AS n FROM mpi_key WHERE key=$1", "i", (int64_t)mixed(p / 3));
}

/* Of each number three patients, each in one of the two places; the same of names, whole and by their beginnings. */
static void check(struct tx *tx, uint64_t patients)
{
    for (uint64_t p = 0; p + 3 <= patients; p += 3 * (1 + patients / 2000)) {
        char name[40];
        uint64_t found[50];
        struct key_find f;
        struct late_key k;
        assert_int_equal(waiting(tx, p) + in_tree(tx, p), 3);
        snprintf(name, sizeof name, "n%llu", (unsigned long long)(mixed(p) % 1000000));
        for (int beginning = 0; beginning < 2; beginning++) {
            key_find_begin(&f, beginning ? KEY_IN_ORDER : KEY_OLDEST, 50);
            key_find_tree(&f, tx_query(tx, "SELECT patient_id, key FROM patient_key WHERE org_id=7 AND kind='name' AND key>=$1 AND key<=$2 ORDER BY key, patient_id", "tt", name, name));
            late_text(&k, LATE_PATIENT, 7, "name", name, beginning);
            key_find_waiting(&f, tx, &k);
            size_t n = key_find_end(&f, found), his = 0;
            for (size_t i = 0; i < n; i++)
                his += found[i] == p;
            assert_int_equal(his, 1);
        }
    }
    assert_int_equal(tx_error(tx), 0);
}

static void they_are_put_in_and_found_all_the_time(void **state)
{
    (void)state;
    struct store *other = open_store();
    uint64_t n = 0;
    for (int group = 0; group < 800; group++) {
        struct tx *tx = begin(store, TX_WRITE);
        for (int i = 0; i < 33; i++)
            add(tx, n + (uint64_t)i);
        if (group % 5 == 2) { /* comes to nothing: the numbers of its lines are given again */
            tx_rollback(tx);
            continue;
        }
        n += 33;
        assert_int_equal(tx_commit(tx), 0);
        if (group % 100 == 99) {
            tx = begin(store, TX_READ);
            check(tx, n);
            tx_rollback(tx);
            tx = begin(store, TX_WRITE);
            check(tx, n);
            tx_rollback(tx);
            tx = begin(other, TX_READ); /* another process */
            check(tx, n);
            tx_rollback(tx);
        }
    }
    struct tx *tx = begin(store, TX_READ);
    int64_t in = tx_int(tx, 0, "SELECT COUNT(*) AS n FROM mpi_key", ""), lines = tx_int(tx, 0, "SELECT COUNT(*) AS n FROM key_late", "");
    assert_true(in > 6000 && in < (int64_t)n);
    assert_true(lines < (int64_t)n - 6000); /* those that are in go */
    tx_rollback(tx);
    tx = begin(other, TX_WRITE); /* two write in turns */
    add(tx, n++);
    assert_int_equal(tx_commit(tx), 0);
    tx = begin(store, TX_WRITE);
    add(tx, n++);
    add(tx, n++);
    check(tx, n);
    assert_int_equal(tx_commit(tx), 0);
    tx = begin(other, TX_WRITE);
    check(tx, n);
    tx_rollback(tx);
    store_close(other);
}

static void what_is_taken_out_is_not_found(void **state)
{
    (void)state;
    struct late_key k;
    struct tx *tx = begin(store, TX_WRITE);
    add(tx, 3000001);
    add(tx, 3000002);
    late_number(&k, (int64_t)mixed(3000001 / 3));
    assert_int_equal(waiting(tx, 3000001), 2);
    assert_int_equal(tx_savepoint(tx), 0);
    assert_int_equal(late_remove(tx, 3000001, &k), 0);
    assert_int_equal(waiting(tx, 3000001), 1);
    assert_int_equal(tx_savepoint_rollback(tx), 0);
    assert_int_equal(waiting(tx, 3000001), 2);
    assert_int_equal(late_remove(tx, 3000001, &k), 0);
    assert_int_equal(late_remove(tx, 3000001, &k), 0); /* twice is once */
    assert_int_equal(tx_commit(tx), 0);
    for (uint64_t p = 4000000, to = p + 14000; p < to;) { /* two sweeps pass it */
        tx = begin(store, TX_WRITE);
        for (int i = 0; i < 100; i++)
            add(tx, p++);
        assert_int_equal(waiting(tx, 3000001) + in_tree(tx, 3000001), 1);
        assert_int_equal(tx_commit(tx), 0);
    }
    tx = begin(store, TX_READ);
    assert_int_equal(in_tree(tx, 3000001), 1);
    assert_int_equal(waiting(tx, 3000001), 0);
    tx_rollback(tx);
}

/* As version 57 left it. */
static int open_older(void **state)
{
    (void)state;
    return open_at(57);
}

static void an_older_site_goes_on(void **state)
{
    struct fault f = {0};
    (void)state;
    assert_int_equal(store_version(store), 57);
    for (int64_t p = 1; p <= 3; p++) {
        struct tx *tx = begin(store, TX_WRITE);
        tx_exec(tx, "INSERT INTO patient (id, org_id, local_number, name, pinyin, sex, birth_date, birth_estimated, id_type, nationality, insurance_type, allergy_state, temporary, version, "
                    "created_by, created_ms, changed_ms, private) VALUES ($1,7,$2,'a','a','male','',0,'none','','','none',0,1,1,1,1,$3)", "itb", p, p == 1 ? "1" : p == 2 ? "2" : "3", "x", (size_t)1);
        for (int64_t kind = 0; kind < p; kind++)
            tx_exec(tx, "INSERT INTO patient_key (org_id, kind, key, patient_id) VALUES (7,$1,'k',$2)", "ti", kind == 0 ? "id" : kind == 1 ? "phone" : "insurance", p);
        assert_int_equal(tx_commit(tx), 0);
    }
    assert_int_equal(store_migrate(store, &f), 0);
    struct tx *tx = begin(store, TX_WRITE);
    for (int64_t p = 1; p <= 3; p++)
        assert_int_equal(tx_int(tx, -1, "SELECT held FROM patient WHERE id=$1", "i", p), (1 << p) - 1);
    add(tx, 100);
    assert_int_equal(waiting(tx, 100), 1);
    assert_true(tx_int(tx, -1, "SELECT MIN(line) FROM key_late", "") > 9); /* a large site gathers longer */
    assert_int_equal(tx_commit(tx), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(they_are_put_in_and_found_all_the_time, open_all, close_all),
        cmocka_unit_test_setup_teardown(what_is_taken_out_is_not_found, open_all, close_all),
        cmocka_unit_test_setup_teardown(an_older_site_goes_on, open_older, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
