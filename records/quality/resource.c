/* Cleaning of resources of the FHIR store (quality.h): the same rules, findings and counts as for messages. What was sent stays as it was sent; what a
 * rule makes of a value stands beside it. */
#include "records/parts.h"
#include "records/quality/quality_private.h"
#include <string.h>

/* What was made of a value that is there no more: nobody reads it instead of the new one. It was counted when it came. */
static int supersede(struct op_ctx *ctx, const struct finding *f)
{
    return tx_exec(ctx->tx, "UPDATE quality_finding SET state='source' WHERE id=$1", "i", f->id);
}

static bool put_right(const struct finding *f)
{
    return strcmp(f->state, "cleaned") == 0 || strcmp(f->state, "corrected") == 0;
}

static int settle_entry(struct op_ctx *ctx, const struct held *h, int64_t key, struct clean_result *now)
{
    int rc = 0;
    for (size_t i = 0; i < h->n && rc == 0; i++) {
        size_t n = now->n;
        if (h->list[i].key != key)
            continue;
        rc = held_settle(ctx, &h->list[i], now, "source");
        if (rc == 0 && now->n == n && put_right(&h->list[i])) /* not found again as it was */
            rc = supersede(ctx, &h->list[i]);
    }
    return rc;
}

static bool has_key(const struct quality_resource *r, int64_t key)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->list[i].key == key)
            return true;
    return false;
}

/* Parts of it that are there no more. */
static int close_parts(struct op_ctx *ctx, const struct held *h, const struct quality_resource *r)
{
    int rc = 0;
    for (size_t i = 0; i < h->n && rc == 0; i++)
        if (!has_key(r, h->list[i].key))
            rc = put_right(&h->list[i]) ? supersede(ctx, &h->list[i]) : strcmp(h->list[i].state, FINDING_OPEN) == 0 ? finding_close(ctx, &h->list[i], "source") : 0;
    return rc;
}

static void whose(struct quality_resource *r)
{
    if (!r->from.org && r->org_of)
        r->from.org = r->org_of(r->of);
    r->org_of = NULL; /* once */
}

static int clean_part(struct op_ctx *ctx, struct quality_resource *r, const struct clean_with *w, const struct held *h, const struct quality_entry *e)
{
    struct clean_result now;
    clean_entry(w, &e->data, &now);
    int rc = settle_entry(ctx, h, e->key, &now);
    quality_note(records_parts(ctx->records)->quality, &now);
    if (now.n)
        whose(r);
    for (size_t i = 0; i < now.n && rc == 0; i++)
        rc = finding_write(ctx, &r->from, e, &now.findings[i]);
    clean_wipe(&now);
    return rc;
}

int quality_clean_resource(struct op_ctx *ctx, struct quality_resource *r)
{
    struct clean_with w = quality_with_today(records_parts(ctx->records)->quality, ctx->now_ms);
    struct held before = {0};
    int rc = 0;
    if (r->patient) {
        whose(r);
        return quality_clean_person(ctx, &r->from, r->patient, r->known ? QUALITY_KNOWN : QUALITY_NEW);
    }
    if (r->known) {
        rc = held_of_entry(ctx, r->from.patient, r->number, &before);
        rc = rc ? rc : close_parts(ctx, &before, r);
    }
    for (size_t i = 0; i < r->n && rc == 0; i++)
        rc = clean_part(ctx, r, &w, &before, &r->list[i]);
    held_free(&before);
    return rc ? rc : tx_error(ctx->tx);
}

int quality_resource_gone(struct op_ctx *ctx, uint64_t patient, int64_t number)
{
    struct quality_resource nothing = {.number = number};
    struct held before = {0};
    int rc = held_of_entry(ctx, patient, (int64_t)patient == number ? 0 : number, &before); /* what is found in himself is of no entry */
    rc = rc ? rc : close_parts(ctx, &before, &nothing);
    held_free(&before);
    return rc ? rc : tx_error(ctx->tx);
}
