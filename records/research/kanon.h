/* kanon - how far quasi-identifiers must be coarsened until nobody stands out: k-anonymity by full-domain generalisation and suppression of
 * rows (Samarati 2001; GB/T 37964-2019 annex C.3), and until no class has fewer than l different values of one sensitive column (distinct l-diversity,
 * Machanavajjhala 2007).
 *
 * Hides the search: every column has a ladder of ever coarser values, a cut names one rung of each. Of all cuts that leave out no more rows
 * than allowed the one that loses least is taken; rows whose class is still smaller than k, or not diverse, are dropped. Always exact: the same table gives
 * the same cut. Pure: no I/O, any thread. Cost: distinct rows times cuts looked at, best first.
 */
#ifndef YL_RECORDS_RESEARCH_KANON_H
#define YL_RECORDS_RESEARCH_KANON_H

#include "server/base/fault.h"
#include <stdbool.h>
#include <stdint.h>

#define KANON_NONE UINT32_MAX
#define KANON_DIVERSITY 8
#define KANON_COLUMNS 6
#define KANON_RUNGS 6

struct kanon_column {
    uint32_t n_values; /* values are 0 .. n_values-1 */
    uint8_t rungs;     /* 1..KANON_RUNGS; rung 0 is the value itself, on the last all are one value, so that a cut always exists */
    const uint32_t *up[KANON_RUNGS]; /* up[r][value]: what it is on rung r, < n_values; up[0] is not read */
};
struct kanon_table { /* all borrowed */
    size_t n_columns; /* 0 = rows cannot be told apart */
    struct kanon_column columns[KANON_COLUMNS];
    uint32_t n_rows;
    const uint32_t *cells;     /* n_rows x n_columns, row by row */
    const uint32_t *sensitive; /* one of each row, KANON_NONE = not said; NULL = none */
    uint32_t l;                /* least different ones of a class, 0 = only measured; at most KANON_DIVERSITY */
};
struct kanon_cut {
    uint8_t rung[KANON_COLUMNS];
    bool *drop; /* n_rows; malloc'd, free with kanon_cut_clear */
    uint32_t kept, dropped, classes, smallest; /* smallest: rows of the smallest class kept */
    uint32_t diversity; /* distinct sensitive values in the class that has fewest; 0 = no sensitive column */
    uint32_t looked;    /* cuts */
};
/* Drops at most `drop_percent` of the rows where some cut does. ERR_INVALID: fewer rows than k, fewer sensitive values than l, or columns whose
 * values multiply past 2^64. ERR_UNAVAILABLE: memory. */
YL_CHECKED int kanon_search(const struct kanon_table *t, uint32_t k, uint32_t drop_percent, struct kanon_cut *out);
/* The sensitive values have become coarser since: drops the classes that are not diverse any more; how many rows. ERR_INVALID: none is left. */
YL_CHECKED int kanon_drop_uniform(const struct kanon_table *t, struct kanon_cut *cut, uint32_t *dropped);
void kanon_cut_clear(struct kanon_cut *cut);
static inline uint32_t kanon_value(const struct kanon_column *c, uint8_t rung, uint32_t value)
{
    return rung ? c->up[rung][value] : value;
}

/* ---- codes of events: one that fewer than k persons have becomes the coarser one above it, and where there is none, nothing ---- */
struct kanon_codes {
    uint32_t n_codes;
    const uint32_t *parent; /* of each code; KANON_NONE = there is none above. No circles; one that is its own parent has none */
    size_t n_events;
    const uint32_t *person; /* of each event; events of one person stand together */
    uint32_t *code;         /* of each event; changed; KANON_NONE = left out (also on the way in) */
};
struct kanon_codes_done {
    uint64_t coarser, left_out; /* events */
};
YL_CHECKED int kanon_codes(struct kanon_codes *c, uint32_t k, struct kanon_codes_done *out); /* ERR_UNAVAILABLE */
#endif
