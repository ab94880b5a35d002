/* fuzz_world - the small consortium of tests/story/world.h for fuzzers: opened before the first input, gone with the process. What an input does is
 * done in one transaction that is then undone, so every input finds the same world. */
#ifndef YL_TESTS_LIB_FUZZ_WORLD_H
#define YL_TESTS_LIB_FUZZ_WORLD_H

#include "server/base/log.h"
#include "tests/story/world.h"

static struct world w;

static void fuzz_world_close(void)
{
    world_close(&w);
}

/* The includer's: what there is beside houses and people. */
static void begin(void);

/* The tables are read before the clock of the first input runs. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const struct dx *dx;
    struct ts *ts;
    log_set_level((enum log_level)-1); /* what is wrong with an input is nobody's to read */
    world_open(&w);
    atexit(fuzz_world_close);
    if (terms_dx(records_parts(w.r)->terms, &dx, &w.fault) || terms_ts(records_parts(w.r)->terms, &ts, &w.fault)) abort();
    begin();
    return 0;
}

static struct tx *fuzz_world_begin(void)
{
    struct tx *tx;
    if (tx_begin(records_store(w.r), TX_WRITE, &tx)) abort();
    return tx;
}

/* An input holds several things, one behind the other, with "\n\f\n" between them: `each` has each as a text of its own size, which it may write in. */
static void fuzz_world_each(const uint8_t *data, size_t size, void (*each)(struct tx *tx, char *text, size_t len), struct tx *tx)
{
    for (size_t at = 0, n; at < size; at += n + 3) {
        const uint8_t *end = memmem(data + at, size - at, "\n\f\n", 3);
        n = end ? (size_t)(end - data) - at : size - at;
        char *text = malloc(n + 1);
        memcpy(text, data + at, n);
        text[n] = '\0';
        each(tx, text, n);
        free(text);
    }
}
#endif
