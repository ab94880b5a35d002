/* Which persons: read from the application, counted for those who look at it. */
#include "records/patient/identity.h"
#include "records/research/research_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A beginning of an ICD-10 code: a letter, two digits, then what editions add. */
static bool code_ok(const char *code)
{
    size_t n = strlen(code);
    if (n < 3 || n > 12 || code[0] < 'A' || code[0] > 'Z' || code[1] < '0' || code[1] > '9' || code[2] < '0' || code[2] > '9' || (n > 3 && code[3] != '.'))
        return false;
    return strspn(code + 3, ".0123456789x+*") == n - 3;
}

static void read_codes(const json_t *o, struct cohort *out, struct fault *f)
{
    const json_t *list = json_object_get(o, "codes");
    char path[32];
    for (size_t i = 0; i < json_array_size(list) && i < COHORT_CODES; i++) {
        const char *code = json_string_value(json_array_get(list, i));
        snprintf(path, sizeof path, "cohort.codes[%zu]", i);
        if (!code || !code_ok(code))
            fault_field(f, path, "not_icd10");
        else
            snprintf(out->codes[out->n_codes++], sizeof out->codes[0], "%s", code);
    }
    if (json_array_size(list) == 0)
        fault_field(f, "cohort.codes", "required");
}

static void read_orgs(struct op_ctx *ctx, const json_t *o, struct cohort *out)
{
    const json_t *list = json_object_get(o, "org_ids");
    char path[32];
    for (size_t i = 0; i < json_array_size(list) && i < COHORT_ORGS; i++) {
        uint64_t id = 0;
        snprintf(path, sizeof path, "cohort.org_ids[%zu]", i);
        bool good = id_parse(json_string_value(json_array_get(list, i)), &id) == 0 &&
                    tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM org WHERE id=$1 AND kind='institution'", "i", (int64_t)id) > 0;
        if (!good)
            fault_field(ctx->fault, path, "not_an_institution");
        else
            out->orgs[out->n_orgs++] = id;
    }
}

static int64_t day_begin(const char *date)
{
    int year, month, day;
    if (!date || date_parse(date, &year, &month, &day))
        return 0;
    return date_days(year, month, day) * DAY_MS - RESEARCH_ZONE_MIN * 60000ll;
}

int cohort_read(struct op_ctx *ctx, const json_t *o, struct cohort *out)
{
    const char *sex = arg_text(o, "sex");
    memset(out, 0, sizeof *out);
    fault_clear(ctx->fault);
    read_codes(o, out, ctx->fault);
    read_orgs(ctx, o, out);
    snprintf(out->sex, sizeof out->sex, "%s", sex && strcmp(sex, "any") != 0 ? sex : "");
    out->from_ms = day_begin(arg_text(o, "from"));
    out->until_ms = day_begin(arg_text(o, "to"));
    out->until_ms += out->until_ms ? DAY_MS : 0; /* that day too */
    out->age_min = (int)arg_int(o, "age_min", 0);
    out->age_max = (int)arg_int(o, "age_max", 150);
    out->before_days = (int)arg_int(o, "before_days", 365);
    out->after_days = (int)arg_int(o, "after_days", 365);
    if (!arg_text(o, "from"))
        fault_field(ctx->fault, "cohort.from", "required");
    if (!arg_text(o, "to"))
        fault_field(ctx->fault, "cohort.to", "required");
    else if (out->until_ms <= out->from_ms)
        fault_field(ctx->fault, "cohort.to", "before_the_beginning");
    if (out->age_max < out->age_min)
        fault_field(ctx->fault, "cohort.age_max", "below_the_least");
    return ctx->fault->n_fields ? fault_set(ctx->fault, ERR_INVALID, "", "Some members are missing or wrong.") : 0;
}

/* ---- counts ---- */

/* Somebody who asks twice, with one person more or less, must not read that person off the difference: numbers go in steps of k. */
static json_t *shown(uint32_t n, uint32_t k)
{
    return n < k ? json_null() : json_integer(n - n % k);
}

static json_t *line(const char *what, uint32_t n, uint32_t k)
{
    return json_pack("{s:s,s:o}", "what", what, "n", shown(n, k));
}

static json_t *sexes(const struct found *f, uint32_t k)
{
    static const char *const names[] = {"male", "female", "unknown"};
    uint32_t n[3] = {0};
    json_t *out = json_array();
    for (uint32_t i = 0; i < f->n; i++)
        n[f->list[i].sex]++;
    for (size_t i = 0; i < 3; i++)
        if (n[i])
            json_array_append_new(out, line(names[i], n[i], k));
    return out;
}

static json_t *ages(const struct found *f, uint32_t k)
{
    static const char *const names[] = {"0-19", "20-39", "40-59", "60-79", "80+", "unknown"};
    uint32_t n[6] = {0};
    json_t *out = json_array();
    for (uint32_t i = 0; i < f->n; i++)
        n[f->list[i].age < 0 ? 5 : f->list[i].age >= 80 ? 4 : f->list[i].age / 20]++;
    for (size_t i = 0; i < 6; i++)
        if (n[i])
            json_array_append_new(out, line(names[i], n[i], k));
    return out;
}

static int by_org(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static json_t *orgs(struct op_ctx *ctx, const struct found *f, uint32_t k)
{
    json_t *out = json_array();
    uint64_t *ids = calloc((size_t)f->n + 1, sizeof *ids);
    for (uint32_t i = 0; ids && i < f->n; i++)
        ids[i] = f->list[i].org;
    if (ids && f->n)
        qsort(ids, f->n, sizeof *ids, by_org);
    for (uint32_t i = 0, begin = 0; ids && i < f->n; i++) {
        if (i + 1 < f->n && ids[i + 1] == ids[i])
            continue;
        struct query *q = tx_query(ctx->tx, "SELECT name FROM org WHERE id=$1", "i", (int64_t)ids[i]);
        json_array_append_new(out, line(query_next(q) ? query_text(q, "name") : "—", i + 1 - begin, k));
        (void)!query_end(q);
        begin = i + 1;
    }
    free(ids);
    return out;
}

json_t *cohort_counts(struct op_ctx *ctx, const struct found *f, uint32_t k)
{
    return json_pack("{s:o,s:o,s:i,s:o,s:o,s:o}", "total", shown(f->n, k), "refused", shown(f->refused, k), "step", (int)k, "by_sex", sexes(f, k), "by_age", ages(f, k),
                     "by_org", orgs(ctx, f, k));
}
