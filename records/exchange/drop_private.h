/* drop_private - between drop.c (when a file is read) and drop_file.c (how); for these two alone. */
#ifndef YL_RECORDS_EXCHANGE_DROP_PRIVATE_H
#define YL_RECORDS_EXCHANGE_DROP_PRIVATE_H

#include "records/exchange/drop.h"
#include "records/exchange/exchange.h"
#include "records/exchange/row_flow.h"

#define DROP_PATH 900

struct exchange_drop {
    struct exchange_drop_config config;
    char root[512];
    pthread_t thread;
    bool running;
    struct row_flow flow;
    struct seen *seen;
    int64_t swept_ms;
};

struct drop_source {
    uint64_t id;
    char folder[48];
    const struct exchange_rows *rows;
};

/* 0: the file was taken in and moved away, or refused and moved. Else it stays and is looked at again: ERR_NOT_ALLOWED_NOW (still written to,
 * changed meanwhile, source switched off), or the trouble there was. */
YL_CHECKED int drop_file_take(struct exchange_drop *d, const struct drop_source *s, const char *name);
#endif
