/* site_rows - the site's database, beside the daemon and whichever engine it has: what no interface tells, or what would take too long to wait for. */
#ifndef YL_TESTS_LIB_SITE_ROWS_H
#define YL_TESTS_LIB_SITE_ROWS_H

#include "records/store/store.h"
#include "tests/lib/site.h"

static inline struct store *site_store(void)
{
    char data[300], where[600];
    struct store *s;
    struct fault f = {0};
    snprintf(data, sizeof data, "%s/data", site.dir);
    assert_int_equal(store_locate(NULL, data, where, sizeof where, &f), 0);
    assert_int_equal(store_open(&s, where, &f), 0);
    return s;
}

/* Of a question for one number, called n, by one text. */
static inline int64_t site_number(const char *sql, const char *text)
{
    struct store *s = site_store();
    struct tx *tx;
    assert_int_equal(tx_begin(s, TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, sql, "t", text);
    assert_int_equal(tx_error(tx), 0);
    tx_rollback(tx);
    store_close(s);
    return n;
}

static inline void site_exec(const char *sql, int64_t number)
{
    struct store *s = site_store();
    struct tx *tx;
    assert_int_equal(tx_begin(s, TX_WRITE, &tx), 0);
    assert_int_equal(tx_exec(tx, sql, "i", number), 0);
    assert_int_equal(tx_changes(tx), 1);
    assert_int_equal(tx_commit(tx), 0);
    store_close(s);
}
#endif
