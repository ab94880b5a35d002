/* desk - an open records in a temporary folder and one person at a desk, for unit tests that run operations directly (without sessions
 * and rights: those are tested with records/call). One header, included once per test program. */
#ifndef YL_TESTS_SUPPORT_DESK_H
#define YL_TESTS_SUPPORT_DESK_H

#include "records/access/access.h"
#include "records/parts.h"
#include "records/records.h"
#include "tests/support/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct {
    struct records *r;
    struct clock clock;
    _Atomic int64_t now_ms; /* the feed's thread reads it too */
    char dir[64];
    struct actor actor;
    struct fault fault;
    struct op_ctx last; /* of the last operation: its audit members */
} desk;

static int64_t desk_now(void *ctx)
{
    (void)ctx;
    return __atomic_load_n(&desk.now_ms, __ATOMIC_RELAXED); /* of threads too */
}

/* Tables of records/org, as far as these tests need them, while records/org has none of its own. */
static void desk_tables(struct tx *tx)
{
    tx_exec(tx, "CREATE TABLE IF NOT EXISTS org (id INTEGER NOT NULL PRIMARY KEY, parent_id INTEGER, kind TEXT, name TEXT)", "");
    tx_exec(tx, "CREATE TABLE IF NOT EXISTS person (id INTEGER NOT NULL PRIMARY KEY, login TEXT, name TEXT, active INTEGER)", "");
    tx_exec(tx, "CREATE TABLE IF NOT EXISTS post (id INTEGER NOT NULL PRIMARY KEY, person_id INTEGER, org_id INTEGER, dept_id INTEGER)", "");
    tx_exec(tx, "CREATE TABLE IF NOT EXISTS post_role (post_id INTEGER, role TEXT)", "");
}

static int desk_open(void **state)
{
    (void)state;
    memset(&desk, 0, sizeof desk);
    strcpy(desk.dir, "/tmp/yl-desk-XXXXXX");
    if (!mkdtemp(desk.dir))
        return 1;
    desk.clock = (struct clock){desk_now, NULL};
    desk.now_ms = 1795500000000; /* 2026-11-24 14:00 in China */
    desk.actor = (struct actor){.person = {11}, .org = {1}, .session = 5, .name = "张医生"};
    struct records_config config = {.data_dir = desk.dir, .config_dir = YL_SOURCE_DIR "/config", .clock = &desk.clock};
    if (records_open(&desk.r, &config, &desk.fault)) {
        print_error("%s\n", desk.fault.text);
        return 1;
    }
    desk.actor.roles = 1ull << access_role(records_parts(desk.r)->access, "applicant");
    struct tx *tx;
    if (tx_begin(records_store(desk.r), TX_WRITE, &tx))
        return 1;
    desk_tables(tx);
    return tx_commit(tx);
}

static int desk_close(void **state)
{
    char command[96];
    (void)state;
    records_close(desk.r);
    snprintf(command, sizeof command, "rm -rf %s", desk.dir);
    return system(command);
}

static const struct op *desk_find(const struct op *const *tables, const char *name)
{
    for (; *tables; tables++)
        for (const struct op *o = *tables; o->name; o++)
            if (strcmp(o->name, name) == 0)
                return o;
    fail_msg("no operation %s", name);
    return NULL;
}

/* Checks the arguments, runs, commits. NULL and desk.fault on error. `text` is JSON. */
static json_t *desk_call(const struct op *const *tables, const char *name, const char *text)
{
    const struct op *op = desk_find(tables, name);
    json_error_t e;
    json_t *args = json_loads(text, 0, &e), *result = NULL;
    struct tx *tx;
    if (!args)
        fail_msg("%s in %s", e.text, text);
    fault_clear(&desk.fault);
    int rc = fields_check(op->args, args, &desk.fault);
    if (rc == 0) {
        assert_int_equal(tx_begin(records_store(desk.r), op->mode == OP_READ ? TX_READ : TX_WRITE, &tx), 0);
        desk.last = (struct op_ctx){.records = desk.r, .tx = tx, .actor = &desk.actor, .now_ms = desk.now_ms, .fault = &desk.fault};
        rc = op->run(&desk.last, args, &result);
        if (rc)
            tx_rollback(tx);
        else
            assert_int_equal(tx_commit(tx), 0);
    }
    json_decref(args);
    if (rc == 0)
        return result ? result : json_null();
    json_decref(result);
    desk.fault.code = rc;
    return NULL;
}

/* "" or "path reason" of the first wrong field */
static inline const char *desk_wrong(void)
{
    static char text[200];
    snprintf(text, sizeof text, "%s%s%s", desk.fault.n_fields ? desk.fault.fields[0].path : "", desk.fault.n_fields ? " " : "",
             desk.fault.n_fields ? desk.fault.fields[0].reason : "");
    return text;
}

static inline const char *member(json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}
#endif
