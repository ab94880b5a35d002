/* A database whose numbers, or whose ContactPoints, were indexed by an older program: made anew when it is opened, from where it was broken off, as they would be written today. */
#include "records/fhir/fhir_private.h"
#include "records/parts.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define RESOURCES 4500 /* more than two stretches */

static struct {
    struct records *r;
    char dir[64];
} site;

static void open_site(void)
{
    struct fault f = {0};
    struct records_config config = {.data_dir = site.dir, .config_dir = YL_SOURCE_DIR "/config", .clock = &clock_system};
    if (records_open(&site.r, &config, &f)) fail_msg("%s", f.text);
}

static struct tx *begin(enum tx_mode mode)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(site.r), mode, &tx), 0);
    return tx;
}

static int64_t one(const char *sql)
{
    struct tx *tx = begin(TX_READ);
    int64_t n = tx_int(tx, -1, sql, "");
    tx_rollback(tx);
    return n;
}

/* All rows of numbers in their order, as one number. */
static uint64_t digest(void)
{
    struct tx *tx = begin(TX_READ);
    uint64_t h = 14695981039346656037u;
    static const char *const columns[] = {"param", "low", "pkey", "rid", "high"};
    struct query *q = tx_query(tx, "SELECT param, low, pkey, rid, high FROM fhir_range ORDER BY param, low, pkey, rid, high", "");
    while (query_next(q))
        for (int i = 0; i < 5; i++) h = (h ^ (uint64_t)query_int(q, columns[i])) * 1099511628211u;
    assert_int_equal(query_end(q), 0);
    tx_rollback(tx);
    return h;
}

static struct r4_node *resource(struct scratch *s, int i)
{
    static char text[600];
    struct r4_node *root;
    snprintf(text, sizeof text,
             i % 9 == 8 ? "{\"resourceType\":\"Patient\",\"id\":\"p%d\",\"birthDate\":\"1980-05-06\"}"
                        : "{\"resourceType\":\"Observation\",\"id\":\"o%d\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"effectiveDateTime\":\"2024-01-02\",\"valueQuantity\":{\"value\":%d.%d,"
                          "\"system\":\"http://unitsofmeasure.org\",\"code\":\"%s\"}}", i, i % 30, i % 7, i % 2 ? "mmol/L" : "umol/L");
    assert_int_equal(r4_json_parse(s->doc, text, strlen(text), &root, NULL), 0);
    return root;
}

/* As older programs had it: one row for a number, of the precision of its digits; then two, in base units and as it is written. */
enum program { TODAY, PRECISION, TWO_ROWS };
static void make_old(struct fhir *x, const struct r4_type *type, enum program by, struct facts *f)
{
    f->n_ranges = 0;
    f->ranges = realloc(f->ranges, (f->cap_ranges = 3 * f->n + 1) * sizeof *f->ranges);
    for (size_t i = 0; i < f->n; i++) {
        const struct r4_value *v = &f->values[i];
        if (v->type == R4_P_DATE) f->ranges[f->n_ranges++] = (struct range_row){range_param(x, type, v->param), v->low_ms, v->high_ms};
        if (strcmp(v->param->code, "value-quantity")) continue;
        struct r4_value base = *v;
        int64_t low = range_in_kind(range_kind(&base), base.number);
        if (by == TWO_ROWS) f->ranges[f->n_ranges++] = (struct range_row){range_param_before(x, type, v->param, 'b'), low, low};
        f->ranges[f->n_ranges++] = by == TWO_ROWS ? (struct range_row){range_param_before(x, type, v->param, 'w'), range_number(v->number), range_number(v->number)}
                                                  : (struct range_row){range_param_before(x, type, v->param, 'n'), range_number(v->low), range_number(v->high)};
    }
}

static void write_all(enum program by)
{
    struct fhir *x = records_parts(site.r)->fhir;
    assert_non_null(fhir_r4(x));
    struct scratch *s = scratch_take(x);
    struct tx *tx = begin(TX_WRITE);
    struct index_batch rows = {0};
    for (int i = 0; i < RESOURCES; i++) {
        struct facts facts = {0};
        struct r4_buf plain = {0}, packed = {0};
        int64_t pkey = i % 40, rid = 1000 + i;
        r4_doc_reset(s->doc);
        struct r4_node *root = resource(s, i);
        const char *kind = i % 9 == 8 ? "Patient" : "Observation";
        char name[20];
        snprintf(name, sizeof name, "r%d", i);
        const struct r4_type *type = r4_resource(fhir_r4(x), kind, strlen(kind));
        assert_int_equal(facts_of(x, s, root, "https://us/fhir", &facts), 0);
        facts_rows(x, type, &facts);
        if (by != TODAY) make_old(x, type, by, &facts);
        facts_write(&facts, type, &plain);
        assert_int_equal(body_seal(x, s, x->facts_key, (const int64_t[]){rid, 1}, (struct r4_str){plain.p, plain.n}, &packed), 0);
        tx_exec(tx, "INSERT INTO fhir_resource (pkey, rid, type, name, vid, seq, born, t_ms, deleted, body, facts, source_id) VALUES ($1,$2,$3,$4,1,$2,$2,1,0,$5,$6,0)", "iittbb", pkey, rid,
                kind, name, packed.p, packed.n, packed.p, packed.n);
        assert_int_equal(index_batch_add(&rows, pkey, rid, &facts), 0);
        facts_clear(&facts);
        r4_buf_clear(&plain);
        r4_buf_clear(&packed);
    }
    assert_int_equal(index_batch_write(tx, &rows), 0);
    assert_int_equal(tx_commit(tx), 0);
    scratch_give(x, s);
}

static void change(const char *sql)
{
    struct tx *tx = begin(TX_WRITE);
    assert_int_equal(tx_exec(tx, sql, ""), 0);
    assert_int_equal(tx_commit(tx), 0);
}

static void open_again(void)
{
    records_close(site.r);
    open_site();
}

static void rows_become_those_of_today(void **state)
{
    (void)state;
    assert_int_equal(one("SELECT done FROM fhir_index"), 5); /* a new database has nothing to make anew */
    write_all(TODAY);
    uint64_t today = digest();
    int64_t rows = one("SELECT COUNT(*) FROM fhir_range");
    for (enum program by = PRECISION; by <= TWO_ROWS; by++) {
        change("DELETE FROM fhir_range");
        change("DELETE FROM fhir_token");
        change("DELETE FROM fhir_resource");
        write_all(by);
        assert_true(digest() != today);
        open_again(); /* it says that all is done: nothing happens */
        assert_true(digest() != today);
        change(by == PRECISION ? "UPDATE fhir_index SET done=0, pkey=-1, rid=0" : "UPDATE fhir_index SET done=1, pkey=30, rid=1700"); /* the older one came through; or had begun */
        open_again();
        assert_int_equal(one("SELECT done FROM fhir_index"), 5);
        assert_int_equal(one("SELECT COUNT(*) FROM fhir_range"), rows);
        assert_true(digest() == today);
    }
}

/* Killed between two stretches, it goes on behind the last one. */
static void it_goes_on_where_it_was(void **state)
{
    (void)state;
    uint64_t today = digest();
    int64_t pkey = one("SELECT pkey FROM fhir_resource ORDER BY pkey, rid LIMIT 1 OFFSET 1999"), rid = one("SELECT rid FROM fhir_resource ORDER BY pkey, rid LIMIT 1 OFFSET 1999");
    struct tx *tx = begin(TX_WRITE); /* those behind it have no number in the index yet */
    tx_exec(tx, "DELETE FROM fhir_range WHERE (pkey,rid)>($1,$2) AND (low>1000000000000000 OR low<-1000000000000000 OR high=0)", "ii", pkey, rid);
    tx_exec(tx, "UPDATE fhir_index SET done=2, pkey=$1, rid=$2", "ii", pkey, rid);
    assert_int_equal(tx_commit(tx), 0);
    assert_true(digest() != today);
    open_again();
    assert_true(digest() == today);
}

/* ---- ContactPoints ---- */

#define CONTACTS 2100 /* more than a stretch */

/* Of the index rows of resources with contacts, which lie behind all others. */
static uint64_t contact_digest(void)
{
    struct tx *tx = begin(TX_READ);
    uint64_t h = 14695981039346656037u;
    static const char *const columns[] = {"key", "pkey", "rid"};
    struct query *q = tx_query(tx, "SELECT key, pkey, rid FROM fhir_token WHERE pkey>=50000 ORDER BY key, pkey, rid", "");
    while (query_next(q))
        for (int i = 0; i < 3; i++) h = (h ^ (uint64_t)query_int(q, columns[i])) * 1099511628211u;
    assert_int_equal(query_end(q), 0);
    tx_rollback(tx);
    return h;
}

/* A number of two kinds was one value. */
static void forget_kinds(struct facts *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->n; i++) {
        struct r4_value v = f->values[i];
        if (v.param->contact) v.system = (struct r4_str){NULL, 0};
        bool twice = kept && v.param->contact && f->values[kept - 1].param == v.param && f->values[kept - 1].code.n == v.code.n && memcmp(f->values[kept - 1].code.p, v.code.p, v.code.n) == 0;
        if (!twice) f->values[kept++] = v;
    }
    f->n = kept;
}

static void write_contacts(bool old)
{
    struct fhir *x = records_parts(site.r)->fhir;
    assert_non_null(fhir_r4(x));
    struct scratch *s = scratch_take(x);
    struct tx *tx = begin(TX_WRITE);
    struct index_batch rows = {0};
    for (int i = 0; i < CONTACTS; i++) {
        struct facts facts = {0};
        struct r4_buf plain = {0}, packed = {0}, whole = {0};
        struct r4_node *root;
        char text[400];
        int64_t pkey = 50000 + i / 7, rid = 50000 + i;
        r4_doc_reset(s->doc);
        snprintf(text, sizeof text, "{\"resourceType\":\"Person\",\"id\":\"k%d\",\"link\":[{\"target\":{\"reference\":\"https://us/fhir/Patient/p\"}}],\"telecom\":[{\"system\":\"phone\",\"value\":\"1%d\"},"
                 "{\"system\":\"sms\",\"value\":\"1%d\"},{\"system\":\"email\",\"value\":\"a%d@b\"},{\"value\":\"9\"}]}", i, i, i, i);
        assert_int_equal(body_seal(x, s, x->body_key, (const int64_t[]){rid, 1}, (struct r4_str){text, strlen(text)}, &whole), 0);
        assert_int_equal(r4_json_parse(s->doc, text, strlen(text), &root, NULL), 0);
        const struct r4_type *type = r4_resource(fhir_r4(x), "Person", 6);
        assert_int_equal(facts_of(x, s, root, "https://us/fhir", &facts), 0);
        if (old) forget_kinds(&facts);
        facts_rows(x, type, &facts);
        facts_write(&facts, type, &plain);
        assert_int_equal(body_seal(x, s, x->facts_key, (const int64_t[]){rid, 1}, (struct r4_str){plain.p, plain.n}, &packed), 0);
        char name[20];
        snprintf(name, sizeof name, "k%d", i);
        tx_exec(tx, "INSERT INTO fhir_resource (pkey, rid, type, name, vid, seq, born, t_ms, deleted, body, facts, source_id) VALUES ($1,$2,'Person',$3,1,$2,$2,1,0,$4,$5,0)", "iitbb", pkey, rid,
                name, whole.p, whole.n, packed.p, packed.n);
        assert_int_equal(index_batch_add(&rows, pkey, rid, &facts), 0);
        facts_clear(&facts);
        r4_buf_clear(&plain);
        r4_buf_clear(&packed);
        r4_buf_clear(&whole);
    }
    assert_int_equal(index_batch_write(tx, &rows), 0);
    assert_int_equal(tx_commit(tx), 0);
    scratch_give(x, s);
}

/* How many values of ContactPoints say of which kind they are, in the facts; and whether a reference to ourselves is still one. */
static int64_t facts_with_kind(void)
{
    struct fhir *x = records_parts(site.r)->fhir;
    assert_non_null(fhir_r4(x));
    struct scratch *s = scratch_take(x);
    struct tx *tx = begin(TX_READ);
    int64_t n = 0;
    struct query *q = tx_query(tx, "SELECT rid, facts FROM fhir_resource WHERE pkey>=50000 ORDER BY pkey, rid", "");
    while (query_next(q)) {
        struct facts facts = {0};
        size_t sealed, len;
        bool refers = false;
        const void *bytes = query_blob(q, "facts", &sealed);
        char *plain = body_open(x, s, x->facts_key, (const int64_t[]){query_int(q, "rid"), 1}, bytes, sealed, &len);
        assert_non_null(plain);
        r4_doc_reset(s->rows);
        assert_true(facts_read(x, s->rows, r4_resource(fhir_r4(x), "Person", 6), plain, len, &facts));
        for (size_t i = 0; i < facts.n; i++) {
            n += facts.values[i].param->contact && facts.values[i].system.n;
            refers = refers || r4_str_is(facts.values[i].ref_id, "p");
        }
        assert_true(refers);
        facts_clear(&facts);
        free(plain);
    }
    assert_int_equal(query_end(q), 0);
    tx_rollback(tx);
    scratch_give(x, s);
    return n;
}

static void contacts_learn_their_kind(void **state)
{
    (void)state;
    write_contacts(false);
    uint64_t today = contact_digest();
    int64_t kinds = facts_with_kind();
    assert_int_equal(kinds, 5 * CONTACTS); /* telecom three times, phone, email */
    change("DELETE FROM fhir_token WHERE pkey>=50000");
    change("DELETE FROM fhir_resource WHERE pkey>=50000");
    write_contacts(true);
    assert_true(contact_digest() != today);
    assert_int_equal(facts_with_kind(), 0);
    change("UPDATE fhir_index SET done=3, pkey=7, rid=7"); /* the numbers are done */
    open_again();
    assert_int_equal(one("SELECT done FROM fhir_index"), 5);
    assert_int_equal(facts_with_kind(), kinds);
    assert_true(contact_digest() == today);
    change("UPDATE fhir_index SET done=4, pkey=-1, rid=0"); /* once more is no harm */
    open_again();
    assert_true(contact_digest() == today);
}

static int start(void **state)
{
    (void)state;
    strcpy(site.dir, "/tmp/yl-redo-XXXXXX");
    assert_non_null(mkdtemp(site.dir));
    open_site();
    return 0;
}

static int stop(void **state)
{
    char command[100];
    (void)state;
    records_close(site.r);
    snprintf(command, sizeof command, "rm -rf %s", site.dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_become_those_of_today), cmocka_unit_test(it_goes_on_where_it_was), cmocka_unit_test(contacts_learn_their_kind)};
    return cmocka_run_group_tests(tests, start, stop);
}
