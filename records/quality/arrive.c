/* Cleaning at arrival (quality.h): what came is judged by the rules in effect (clean.h), findings are written beside it, counts are kept until the
 * transaction's end. */
#include "records/parts.h"
#include "records/patient/patient_row.h"
#include "records/quality/quality_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONE_MIN 480

/* ---- counts ---- */

void quality_days_free(struct quality *q)
{
    struct quality_day *one, *next;
    HASH_ITER(hh, q->days, one, next) {
        HASH_DEL(q->days, one);
        free(one);
    }
}

void quality_message_begin(struct quality *q, int64_t now_ms)
{
    char day[11];
    date_of_ms(now_ms, ZONE_MIN, day);
    if (strcmp(day, q->today) != 0) {
        memcpy(q->today, day, sizeof day);
        q->on = rules_on(q->rules, day);
    }
    memset(&q->pending, 0, sizeof q->pending);
    quality_tally_free(&q->counting);
}

void quality_message_part(struct quality *q)
{
    memset(&q->pending, 0, sizeof q->pending);
}

/* A day changes between two messages, not within a transaction: its clock stands (ctx->now_ms). */
void quality_message_end(struct quality *q, uint64_t source)
{
    struct quality_day *d;
    quality_tally_merge(&q->tallies, &q->counting);
    HASH_FIND(hh, q->days, &source, sizeof source, d);
    if (!d) {
        d = calloc(1, sizeof *d);
        if (!d)
            return; /* a count is not worth a message */
        d->source = source;
        memcpy(d->day, q->today, sizeof d->day);
        HASH_ADD(hh, q->days, source, sizeof d->source, d);
    }
    for (size_t i = 0; i < rules_count(q->rules); i++) {
        d->checked[i] += q->pending.checked[i];
        d->failed[i] += q->pending.failed[i];
        d->cleaned[i] += q->pending.cleaned[i];
    }
}

static void write_count(struct tx *tx, const struct quality_day *d, const struct rule *r, size_t i)
{
    tx_exec(tx, "INSERT INTO quality_day (source_id, day, rule, checked, failed, cleaned, resolved) VALUES ($1,$2,$3,$4,$5,$6,0) ON CONFLICT (source_id, day, rule) DO UPDATE SET "
                "checked=quality_day.checked+excluded.checked, failed=quality_day.failed+excluded.failed, cleaned=quality_day.cleaned+excluded.cleaned",
            "ittiii", (int64_t)d->source, d->day, r->id, (int64_t)d->checked[i], (int64_t)d->failed[i], (int64_t)d->cleaned[i]);
}

int quality_days_write(struct quality *q, struct tx *tx)
{
    struct quality_day *d, *next;
    HASH_ITER(hh, q->days, d, next)
        for (size_t i = 0; i < rules_count(q->rules); i++)
            if (d->checked[i])
                write_count(tx, d, rules_at(q->rules, i), i);
    quality_days_free(q);
    return tx_error(tx);
}

void quality_note(struct quality *q, const struct clean_result *r)
{
    for (uint64_t left = r->applied; left; left &= left - 1)
        q->pending.checked[__builtin_ctzll(left)]++;
    for (size_t i = 0; i < r->n; i++) {
        size_t at = (size_t)(r->findings[i].rule - rules_at(q->rules, 0));
        (r->findings[i].cleaned ? q->pending.cleaned : q->pending.failed)[at]++;
    }
}

/* ---- what was found before ---- */

void held_free(struct held *h)
{
    free(h->list);
}

static int held_take(struct op_ctx *ctx, struct query *rows, struct held *h)
{
    *h = (struct held){0};
    while (query_next(rows)) {
        struct finding *more = realloc(h->list, (h->n + 1) * sizeof *more);
        if (!more)
            break;
        h->list = more;
        finding_from(records_parts(ctx->records)->quality, rows, &h->list[h->n++]);
    }
    for (size_t i = 0; i < h->n; i++)
        finding_moved(&h->list[i]); /* the list grew under them */
    return query_end(rows);
}

/* Findings of a patient that are open or were said to be right; the states one by one: a list of them makes SQLite build a tree at every asking, and the index of
 * his findings has them before the entry. */
#define HELD_AS(state, which) "SELECT " FINDING_COLUMNS " FROM quality_finding f WHERE f.patient_id=$1 AND f.state='" state "' AND " which
#define HELD(which) HELD_AS("open", which) " UNION ALL " HELD_AS("as_is", which) " ORDER BY id LIMIT 200"

static int held_of_himself(struct op_ctx *ctx, uint64_t patient, struct held *h)
{
    return held_take(ctx, tx_query(ctx->tx, HELD("f.kind=''"), "i", (int64_t)patient), h);
}

static int held_of_entries(struct op_ctx *ctx, uint64_t patient, struct held *h)
{
    return held_take(ctx, tx_query(ctx->tx, HELD("f.kind<>''"), "i", (int64_t)patient), h);
}

static int held_of_key(struct op_ctx *ctx, uint64_t patient, int64_t key, struct held *h)
{
    return held_take(ctx, tx_query(ctx->tx, HELD("f.entry_key=$2"), "ii", (int64_t)patient, key), h);
}

int held_of_entry(struct op_ctx *ctx, uint64_t patient, int64_t entry, struct held *h)
{
    return held_take(ctx,
                     tx_query(ctx->tx,
                              HELD_AS("cleaned", "f.entry_id=$2") " UNION ALL " HELD_AS("corrected", "f.entry_id=$2") " UNION ALL " HELD("f.entry_id=$2"), "ii", (int64_t)patient, entry),
                     h);
}

static struct clean_finding *same_in(struct clean_result *now, const struct finding *f)
{
    for (size_t i = 0; i < now->n; i++)
        if (strcmp(now->findings[i].rule->id, f->rule) == 0)
            return &now->findings[i];
    return NULL;
}

static void forget(struct quality *q, struct clean_result *now, struct clean_finding *f)
{
    now->applied &= ~(1ull << (f->rule - rules_at(q->rules, 0)));
    struct clean_finding *last = &now->findings[--now->n];
    if (f != last)
        *f = *last;
    explicit_bzero(last, sizeof *last);
}

/* What still fails with the same value is known and counted already; what fails no more, or otherwise, was put right by the source. */
int held_settle(struct op_ctx *ctx, const struct finding *before, struct clean_result *now, const char *state)
{
    struct clean_finding *again = same_in(now, before);
    bool cleaned = strcmp(before->state, "cleaned") == 0;
    if (again && again->cleaned == cleaned && strcmp(again->raw, before->what.raw) == 0 && strcmp(again->raw_unit, before->what.raw_unit) == 0) {
        forget(records_parts(ctx->records)->quality, now, again);
        return 0;
    }
    return strcmp(before->state, FINDING_OPEN) == 0 ? finding_close(ctx, before, state) : 0;
}

static int settle(struct op_ctx *ctx, const struct held *h, struct clean_result *now, const char *state)
{
    int rc = 0;
    for (size_t i = 0; i < h->n && rc == 0; i++)
        rc = held_settle(ctx, &h->list[i], now, state);
    return rc;
}

/* ---- a patient ---- */

struct clean_with quality_with(const struct quality *q, const char *today, int64_t now_ms)
{
    return (struct clean_with){q->rules, q->items, q->icd10, rules_on(q->rules, today), today, now_ms};
}

struct clean_with quality_with_today(const struct quality *q, int64_t now_ms)
{
    return (struct clean_with){q->rules, q->items, q->icd10, q->on, q->today, now_ms};
}

static struct clean_patient of_row(const struct patient_row *row)
{
    return (struct clean_patient){row->name, row->sex, row->birth_date, row->id_type, row->secret.id_no, row->secret.phone, row->temporary, row->birth_estimated};
}

/* Entries judged by his sex or his birth, once more as he is now. */
static int judge_entries_again(struct op_ctx *ctx, const struct clean_with *w, uint64_t patient, const struct clean_patient *p, const char *state)
{
    struct held h;
    int rc = held_of_entries(ctx, patient, &h);
    for (size_t i = 0; i < h.n && rc == 0; i++) {
        struct finding *f = &h.list[i];
        struct clean_result now;
        bool his = f->what.rule && (f->what.rule->check == CHECK_SEX || f->what.rule->check == CHECK_BIRTH);
        if (!his || strcmp(f->state, FINDING_OPEN) != 0)
            continue;
        f->judged.sex = p->sex;
        f->judged.birth_date = p->birth_estimated ? "" : p->birth_date;
        clean_entry(w, &f->judged, &now);
        if (!same_in(&now, f))
            rc = finding_close(ctx, f, state);
    }
    held_free(&h);
    return rc;
}

static int patient_again(struct op_ctx *ctx, uint64_t patient, struct clean_result *now, const char *state)
{
    struct held h;
    int rc = held_of_himself(ctx, patient, &h);
    rc = rc ? rc : settle(ctx, &h, now, state);
    held_free(&h);
    return rc;
}

bool quality_anything_open(struct op_ctx *ctx, uint64_t patient)
{
    return tx_int(ctx->tx, 0,
                  "SELECT id FROM quality_finding WHERE patient_id=$1 AND state='open' UNION ALL SELECT id FROM quality_finding WHERE patient_id=$1 AND state='as_is' LIMIT 1", "i",
                  (int64_t)patient) != 0;
}

int quality_clean_person(struct op_ctx *ctx, const struct quality_origin *o, const struct clean_patient *p, enum quality_known known)
{
    struct quality *q = records_parts(ctx->records)->quality;
    struct clean_with w = quality_with_today(q, ctx->now_ms);
    struct clean_result now;
    int rc = 0;
    clean_patient(&w, p, &now);
    if (known && quality_anything_open(ctx, o->patient)) {
        rc = patient_again(ctx, o->patient, &now, "source");
        rc = rc || known == QUALITY_BORN_ALIKE ? rc : judge_entries_again(ctx, &w, o->patient, p, "source");
    }
    quality_note(q, &now);
    for (size_t i = 0; i < now.n && rc == 0; i++)
        rc = finding_write(ctx, o, NULL, &now.findings[i]);
    clean_wipe(&now);
    return rc ? rc : tx_error(ctx->tx);
}

int quality_clean_patient(struct op_ctx *ctx, const struct quality_origin *o, const struct patient_row *row, const struct patient_row *before)
{
    struct clean_patient p = of_row(row);
    bool alike = before && strcmp(before->sex, row->sex) == 0 && strcmp(before->birth_date, row->birth_date) == 0 && before->birth_estimated == row->birth_estimated;
    return quality_clean_person(ctx, o, &p, !before ? QUALITY_NEW : alike ? QUALITY_BORN_ALIKE : QUALITY_KNOWN);
}

int quality_patient_edited(struct op_ctx *ctx, const struct patient_row *row)
{
    char today[11];
    struct clean_result now;
    struct clean_patient p = of_row(row);
    if (!quality_anything_open(ctx, row->id))
        return tx_error(ctx->tx);
    date_of_ms(ctx->now_ms, ZONE_MIN, today);
    struct clean_with w = quality_with(records_parts(ctx->records)->quality, today, ctx->now_ms);
    clean_patient(&w, &p, &now);
    int rc = patient_again(ctx, row->id, &now, "corrected");
    rc = rc ? rc : judge_entries_again(ctx, &w, row->id, &p, "corrected");
    clean_wipe(&now);
    return rc;
}

/* ---- entries ---- */

struct whose {
    char sex[12], birth_date[11];
};

/* An estimated birth is no day to compare with. */
static int load_whose(struct op_ctx *ctx, uint64_t patient, struct whose *out)
{
    memset(out, 0, sizeof *out);
    struct query *rows = tx_query(ctx->tx, "SELECT sex, birth_date, birth_estimated FROM patient WHERE id=$1", "i", (int64_t)patient);
    if (query_next(rows)) {
        const char *sex = query_text(rows, "sex"), *birth = query_text(rows, "birth_date");
        snprintf(out->sex, sizeof out->sex, "%s", sex ? sex : "");
        snprintf(out->birth_date, sizeof out->birth_date, "%s", birth && !query_int(rows, "birth_estimated") ? birth : "");
    }
    return query_end(rows);
}

/* Another report of the same thing at the same minute of the clock; times that are only a day do not tell. */
static bool came_before(struct op_ctx *ctx, const struct quality_origin *o, const struct quality_entry *e)
{
    if (strcmp(e->data.kind, "report") != 0 || !*e->data.code || (e->data.t_ms + ZONE_MIN * 60000LL) % 86400000 == 0)
        return false;
    return tx_int(ctx->tx, 0,
                  "SELECT COUNT(*) AS n FROM (SELECT id FROM exchange_entry WHERE patient_id=$1 AND t_ms=$2 AND kind='report' AND source_id=$3 AND code=$4 AND replaced_by=0 "
                  "AND message_id<>$5 AND key<>$6 LIMIT 1) x",
                  "iiitii", (int64_t)o->patient, e->data.t_ms, (int64_t)o->source, e->data.code, (int64_t)o->message, e->key) > 0;
}

static int clean_one(struct op_ctx *ctx, const struct quality_origin *o, const struct clean_with *w, struct quality_entry *e)
{
    struct quality *q = records_parts(ctx->records)->quality;
    struct clean_result now;
    struct held h = {0};
    int rc = 0;
    e->data.duplicate = came_before(ctx, o, e);
    clean_entry(w, &e->data, &now);
    if (e->replaced) {
        rc = held_of_key(ctx, o->patient, e->key, &h);
        rc = rc ? rc : settle(ctx, &h, &now, "source");
    }
    quality_note(q, &now);
    for (size_t i = 0; i < now.n && rc == 0; i++)
        rc = finding_write(ctx, o, e, &now.findings[i]);
    held_free(&h);
    clean_wipe(&now);
    return rc;
}

int quality_clean_entries(struct op_ctx *ctx, const struct quality_origin *o, struct quality_entry *list, size_t n)
{
    struct clean_with w = quality_with_today(records_parts(ctx->records)->quality, ctx->now_ms);
    struct whose whose;
    int rc = n ? load_whose(ctx, o->patient, &whose) : 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        list[i].data.sex = whose.sex;
        list[i].data.birth_date = whose.birth_date;
        rc = clean_one(ctx, o, &w, &list[i]);
    }
    return rc ? rc : tx_error(ctx->tx);
}

/* ---- for the timeline ---- */

json_t *quality_put_right(struct op_ctx *ctx, uint64_t patient)
{
    json_t *out = json_object();
    struct finding f;
    struct query *rows = tx_query(ctx->tx,
                                  "SELECT " FINDING_COLUMNS " FROM quality_finding f WHERE f.patient_id=$1 AND f.state IN ('cleaned','corrected') AND f.entry_id<>0 ORDER BY f.id", "i",
                                  (int64_t)patient);
    while (query_next(rows)) {
        char id[ID_TEXT_BYTES + 24];
        finding_from(records_parts(ctx->records)->quality, rows, &f);
        bool person = f.value[0] != 0;
        if (!person && strcmp(f.state, "cleaned") != 0)
            continue;
        id_format((uint64_t)f.entry, id);
        if (finding_of_resource(&f) && f.key)
            snprintf(id + strlen(id), 24, ".%lld", (long long)f.key);
        json_object_set_new(out, id, json_pack("{s:s,s:s,s:s,s:I,s:s}", "value", person ? f.value : f.what.clean, "unit", person ? f.unit : f.what.unit, "rule", f.rule, "version",
                                               (json_int_t)f.version, "by", person ? "person" : "rule"));
    }
    if (query_end(rows))
        return out; /* sticky: the operation looks once */
    return out;
}
