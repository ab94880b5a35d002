/* quality_private - what `struct quality` is; for records/quality alone. */
#ifndef YL_RECORDS_QUALITY_QUALITY_PRIVATE_H
#define YL_RECORDS_QUALITY_QUALITY_PRIVATE_H

#include "records/quality/quality.h"
#include <uthash.h>

#define KEY_BYTES 240

struct quality_tally { /* of one code since _begin */
    char key[KEY_BYTES];
    uint64_t source;
    char kind[24], system[96], code[64], display[256], given_system[128], given_code[64];
    int64_t n;
    UT_hash_handle hh;
};
struct quality_map { /* what was decided of one code */
    char key[KEY_BYTES];
    struct quality_standard to; /* code "" = rejected */
    UT_hash_handle hh;
};

struct quality {
    struct items *items;
    /* the writer's alone */
    struct quality_map *maps;
    int64_t version; /* of the decisions that `maps` are; -1 = none read */
    bool looked;     /* in this transaction */
    struct quality_tally *tallies;
};

/* Tallies apart from those of arrivals, for the counting of what is stored. */
void quality_tally_add(struct quality_tally **list, const struct quality_code *c);
YL_CHECKED int quality_tally_write(struct quality_tally **list, struct tx *tx, int64_t now_ms);
void quality_tally_free(struct quality_tally **list);
/* Something was decided: whoever holds the decisions reads them anew. */
void quality_decided(struct tx *tx);

/* The operations (code_ops.c lists them). */
int quality_coverage(struct op_ctx *ctx, json_t *args, json_t **result); /* view_ops.c */
int quality_codes(struct op_ctx *ctx, json_t *args, json_t **result);
int quality_code(struct op_ctx *ctx, json_t *args, json_t **result);
int quality_find(struct op_ctx *ctx, json_t *args, json_t **result);
int quality_concept_map(struct op_ctx *ctx, json_t *args, json_t **result);
int quality_remap(struct op_ctx *ctx, json_t *args, json_t **result); /* remap.c */
json_t *quality_remap_json(struct op_ctx *ctx);
struct quality_asking quality_asking_of(struct op_ctx *ctx, char day[11]);
#endif
