/* fuzz_world - the small consortium of tests/story/world.h for fuzzers: opened with the first input, gone with the process. What an input does is
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

/* true: it is new, and there is nothing in it but houses and people. */
static bool fuzz_world_open(void)
{
    if (w.r) return false;
    log_set_level((enum log_level)-1); /* what is wrong with an input is nobody's to read */
    world_open(&w);
    atexit(fuzz_world_close);
    return true;
}

static struct tx *fuzz_world_begin(void)
{
    struct tx *tx;
    if (tx_begin(records_store(w.r), TX_WRITE, &tx)) abort();
    return tx;
}
#endif
