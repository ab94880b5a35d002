/* The quasi-identifiers and their ladders. A rung's value is the number of the first finest value that falls into it. */
#include "records/patient/identity.h"
#include "records/research/research_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGE_VALUES 20 /* 18 bands of five years, 90 and over (Safe Harbor, 45 CFR 164.514(b)(2)(i)(C); so does the guide), unknown */
#define AGE_OVER 18
#define AGE_UNKNOWN 19

struct column_maker {
    struct ladders *l;
    size_t at;
    bool failed;
};

static void begin(struct column_maker *m, enum research_column name, uint32_t n_values, uint8_t rungs)
{
    struct ladders *l = m->l;
    m->at = l->table.n_columns++;
    l->names[m->at] = name;
    l->table.columns[m->at] = (struct kanon_column){.n_values = n_values ? n_values : 1, .rungs = rungs};
    for (uint8_t r = 0; r < rungs; r++) {
        l->up[m->at][r] = calloc((size_t)n_values + 1, sizeof **l->up[0]);
        l->text[m->at][r] = calloc((size_t)n_values + 1, sizeof **l->text[0]);
        l->table.columns[m->at].up[r] = l->up[m->at][r];
        m->failed = m->failed || !l->up[m->at][r] || !l->text[m->at][r];
    }
}

static void say(struct column_maker *m, uint8_t rung, uint32_t value, uint32_t up, const char *text)
{
    if (m->failed)
        return;
    uint32_t id = words_id(&m->l->words, text);
    m->l->up[m->at][rung][value] = up;
    m->l->text[m->at][rung][value] = words_text(&m->l->words, id);
    m->failed = id == WORDS_FULL;
}

static void put(struct column_maker *m, uint32_t row, uint32_t value)
{
    m->l->cells[(size_t)row * m->l->table.n_columns + m->at] = value;
}

/* ---- sex, age ---- */

static void sex_ladder(struct column_maker *m)
{
    static const char *const names[] = {"male", "female", "unknown"};
    begin(m, Q_SEX, 3, 2);
    for (uint32_t v = 0; v < 3; v++) {
        say(m, 0, v, v, names[v]);
        say(m, 1, v, 0, "*");
    }
}

static void age_band(struct column_maker *m, uint8_t rung, uint32_t v, uint32_t bands)
{
    char text[16];
    uint32_t first = v / bands * bands;
    if (v == AGE_UNKNOWN)
        say(m, rung, v, v, "unknown");
    else if (v == AGE_OVER && bands < 4)
        say(m, rung, v, v, "90+");
    else if (first * 5 >= 80 && bands == 4)
        say(m, rung, v, first, "80+");
    else {
        snprintf(text, sizeof text, "%u-%u", first * 5, (first + bands) * 5 - 1);
        say(m, rung, v, first, text);
    }
}

static void age_ladder(struct column_maker *m)
{
    begin(m, Q_AGE, AGE_VALUES, 5);
    for (uint32_t v = 0; v < AGE_VALUES; v++) {
        age_band(m, 0, v, 1);
        age_band(m, 1, v, 2);
        age_band(m, 2, v, 4);
        if (v == AGE_UNKNOWN)
            say(m, 3, v, v, "unknown");
        else
            say(m, 3, v, v < 4 ? 0 : v < 12 ? 4 : 12, v < 4 ? "0-19" : v < 12 ? "20-59" : "60+");
        say(m, 4, v, 0, "*");
    }
}

static uint32_t age_value(int age)
{
    return age < 0 ? AGE_UNKNOWN : age >= 90 ? AGE_OVER : (uint32_t)age / 5;
}

/* ---- institution: its name, its level, nothing ---- */

static int by_id(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static uint32_t distinct_orgs(const struct found *f, uint64_t *ids)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->n; i++)
        ids[i] = f->list[i].org;
    qsort(ids, f->n, sizeof *ids, by_id);
    for (uint32_t i = 0; i < f->n; i++)
        if (n == 0 || ids[i] != ids[n - 1])
            ids[n++] = ids[i];
    return n;
}

static void org_value(struct op_ctx *ctx, struct column_maker *m, uint32_t v, uint64_t org)
{
    char level[40] = "unknown";
    struct query *q = tx_query(ctx->tx, "SELECT name, level FROM org WHERE id=$1", "i", (int64_t)org);
    bool found = query_next(q);
    say(m, 0, v, v, found ? query_text(q, "name") : "unknown");
    if (found && query_text(q, "level") && query_text(q, "level")[0])
        snprintf(level, sizeof level, "level:%s", query_text(q, "level"));
    (void)!query_end(q);
    uint32_t first = v;
    for (uint32_t i = 0; i < v && !m->failed; i++)
        if (first == v && strcmp(m->l->text[m->at][1][i], level) == 0)
            first = i;
    say(m, 1, v, first, level);
    say(m, 2, v, 0, "*");
}

static int org_ladder(struct op_ctx *ctx, struct column_maker *m, const struct found *f, uint64_t **ids, uint32_t *n)
{
    *ids = calloc((size_t)f->n + 1, sizeof **ids);
    if (!*ids)
        return ERR_UNAVAILABLE;
    *n = distinct_orgs(f, *ids);
    begin(m, Q_INSTITUTION, *n, 3);
    for (uint32_t v = 0; v < *n; v++)
        org_value(ctx, m, v, (*ids)[v]);
    return tx_error(ctx->tx);
}

/* ---- time of the diagnosis: quarter, half-year, year, nothing ---- */

static uint32_t quarter_of(int64_t t_ms)
{
    char date[11];
    date_of_ms(t_ms, RESEARCH_ZONE_MIN, date);
    return (uint32_t)atoi(date) * 4 + (uint32_t)(atoi(date + 5) - 1) / 3;
}

static void period_ladder(struct column_maker *m, uint32_t first, uint32_t last)
{
    begin(m, Q_PERIOD, last - first + 1, 4);
    for (uint32_t v = 0; v <= last - first; v++) {
        char text[16];
        uint32_t quarter = first + v, half = quarter % 4 / 2;
        snprintf(text, sizeof text, "%u-Q%u", quarter / 4, quarter % 4 + 1);
        say(m, 0, v, v, text);
        snprintf(text, sizeof text, "%u-H%u", quarter / 4, half + 1);
        say(m, 1, v, v < quarter % 2 ? 0 : v - quarter % 2, text);
        snprintf(text, sizeof text, "%u", quarter / 4);
        say(m, 2, v, v < quarter % 4 ? 0 : v - quarter % 4, text);
        say(m, 3, v, 0, "*");
    }
}

static void insurance_ladder(struct column_maker *m, const struct words *w)
{
    begin(m, Q_INSURANCE, w->n, 2);
    for (uint32_t v = 0; v < w->n; v++) {
        say(m, 0, v, v, words_text(w, v)[0] ? words_text(w, v) : "unknown");
        say(m, 1, v, 0, "*");
    }
}

/* ---- together ---- */

static int fill(struct ladders *l, const struct found *f, const uint64_t *orgs, uint32_t n_orgs, uint32_t first_quarter)
{
    struct column_maker m = {.l = l};
    l->cells = calloc((size_t)f->n * (l->table.n_columns + 1) + 1, sizeof *l->cells);
    if (!l->cells)
        return ERR_UNAVAILABLE;
    for (uint32_t row = 0; row < f->n; row++) {
        const struct subject *s = &f->list[row];
        for (m.at = 0; m.at < l->table.n_columns; m.at++) {
            const uint64_t *org = l->names[m.at] == Q_INSTITUTION ? bsearch(&s->org, orgs, n_orgs, sizeof *orgs, by_id) : NULL;
            put(&m, row, l->names[m.at] == Q_SEX ? (uint32_t)s->sex : l->names[m.at] == Q_AGE ? age_value(s->age) : l->names[m.at] == Q_PERIOD ? quarter_of(s->index_ms) - first_quarter
                         : org ? (uint32_t)(org - orgs) : s->insurance);
        }
    }
    return 0;
}

int ladders_make(struct op_ctx *ctx, const struct found *f, uint32_t fields, struct ladders *out)
{
    struct column_maker m = {.l = out};
    uint64_t *orgs = NULL;
    uint32_t n_orgs = 0, first = UINT32_MAX, last = 0;
    int rc = 0;
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < f->n; i++) {
        uint32_t quarter = quarter_of(f->list[i].index_ms);
        first = quarter < first ? quarter : first;
        last = quarter > last ? quarter : last;
    }
    if (research_has(fields, Q_SEX))
        sex_ladder(&m);
    if (research_has(fields, Q_AGE))
        age_ladder(&m);
    if (research_has(fields, Q_INSTITUTION))
        rc = org_ladder(ctx, &m, f, &orgs, &n_orgs);
    if (rc == 0 && research_has(fields, Q_PERIOD) && f->n)
        period_ladder(&m, first, last);
    if (rc == 0 && research_has(fields, Q_INSURANCE))
        insurance_ladder(&m, &f->words);
    rc = rc ? rc : m.failed ? ERR_UNAVAILABLE : fill(out, f, orgs, n_orgs, first);
    out->table.n_rows = f->n;
    out->table.cells = out->cells;
    free(orgs);
    return rc;
}

void ladders_clear(struct ladders *l)
{
    for (size_t i = 0; i < KANON_COLUMNS; i++)
        for (size_t r = 0; r < KANON_RUNGS; r++) {
            free(l->up[i][r]);
            free(l->text[i][r]);
        }
    free(l->cells);
    words_clear(&l->words);
    memset(l, 0, sizeof *l);
}
