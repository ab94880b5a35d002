/* late_list - rows in memory, sorted by key, patient and line: how they lie there. One thread at a time. */
#ifndef YL_RECORDS_STORE_LATE_LIST_H
#define YL_RECORDS_STORE_LATE_LIST_H

#include "records/store/late.h"

/* A row: the key is behind it. */
struct node {
    uint64_t patient;
    int64_t line;
    struct node *beside; /* of the same line */
    uint16_t n;
    bool minus; /* taken out again */
    uint8_t key[];
};

struct late_list {
    struct top *tops;
    size_t n_tops, cap_tops;
};

struct at { /* a row's place, until the next one is added or goes */
    size_t block, i;
};

int late_bytes_compare(const uint8_t *a, size_t n, const uint8_t *b, size_t m);
/* The first row whose key is not less. */
struct at late_list_find(const struct late_list *m, const uint8_t *key, size_t n);
struct node *late_list_node(const struct late_list *m, struct at at); /* NULL: behind the last */
struct at late_list_next(const struct late_list *m, struct at at);
/* malloc'd, the list's from then on. ERR_UNAVAILABLE: still the caller's. */
YL_CHECKED int late_list_add(struct late_list *m, struct node *x);
/* Frees the row there; what stood behind it stands at *at. */
void late_list_cut(struct late_list *m, struct at *at);
void late_list_drop(struct late_list *m, struct node *x); /* frees it, which is in the list */
void late_list_clear(struct late_list *m); /* frees all; it may be filled again */
#endif
