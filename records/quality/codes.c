/* Codes as they arrive: what each is here, and how often it came (quality.h). */
#include "records/quality/quality_private.h"
#include "server/base/id.h"
#include "server/base/text.h"
#include "server/base/text_put.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct quality_kind quality_kinds[] = {
    {"diagnosis", TS_ICD10_NHSA}, {"problem", TS_ICD10_NHSA}, {"procedure", TS_ICD9CM3_NHSA}, {"observation", ITEMS_SYSTEM}, {"report", ITEMS_SYSTEM},
    {"order", ITEMS_SYSTEM},      {"medication", ""},         {"dispense", ""},               {"allergy", ""},               {"immunization", ""},
    {"charge", ""},               {NULL, NULL},
};

const struct quality_kind *quality_kind_find(const char *name)
{
    for (const struct quality_kind *k = quality_kinds; k->name; k++)
        if (strcmp(k->name, name) == 0)
            return k;
    return NULL;
}

int quality_open(struct quality **out, const char *config_dir, const struct terms *terms, struct fault *f)
{
    struct quality *q = calloc(1, sizeof *q);
    *out = NULL;
    if (!q)
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    q->version = -1;
    q->icd10 = terms->icd10;
    int rc = items_open(&q->items, config_dir, f);
    rc = rc ? rc : rules_open(&q->rules, config_dir, f);
    if (rc)
        quality_close(q);
    else
        *out = q;
    return rc;
}

static void forget_maps(struct quality *q)
{
    struct quality_map *one, *next;
    HASH_ITER(hh, q->maps, one, next) {
        HASH_DEL(q->maps, one);
        free(one);
    }
    q->version = -1;
}

void quality_close(struct quality *q)
{
    if (!q)
        return;
    forget_maps(q);
    quality_tally_free(&q->tallies);
    quality_tally_free(&q->counting);
    quality_days_free(q);
    quality_tasks_free(q);
    items_close(q->items);
    rules_close(q->rules);
    free(q);
}

const struct items *quality_items(const struct quality *q)
{
    return q->items;
}

/* ---- which code it is ---- */

/* The order number of an ORC stands where others have a code; what is longer than any code of a list is none. */
static bool collected(const struct quality_code *c)
{
    struct quality_local fits;
    return quality_kind_find(c->kind) && (!c->segment || strcmp(c->segment, "ORC") != 0) && strlen(c->code) < sizeof fits.code && strlen(c->system) < sizeof fits.system;
}

static void key_of(uint64_t source, const char *kind, const char *system, const char *code, char out[KEY_BYTES])
{
    char *at = out + ID_TEXT_BYTES - 1;
    id_format(source, out);
    at = text_add(text_add(at, at + 1, "|"), at + 1 + 23, kind);
    at = text_add(text_add(at, at + 1, "|"), at + 1 + 95, system);
    text_add(text_add(at, at + 1, "|"), at + 1 + 63, code);
}

/* ---- what was decided ---- */

void quality_decided(struct tx *tx)
{
    tx_exec(tx, "UPDATE quality_state SET version=version+1 WHERE id=1", "");
}

static void read_map(struct quality *q, struct query *rows)
{
    struct quality_map *m = calloc(1, sizeof *m);
    if (!m)
        return;
    key_of((uint64_t)query_int(rows, "source_id"), query_text(rows, "kind"), query_text(rows, "system"), query_text(rows, "code"), m->key);
    if (strcmp(query_text(rows, "state"), "mapped") == 0) {
        snprintf(m->to.system, sizeof m->to.system, "%s", query_text(rows, "to_system"));
        snprintf(m->to.code, sizeof m->to.code, "%s", query_text(rows, "to_code"));
    }
    HASH_ADD_STR(q->maps, key, m);
}

/* Once in a transaction one row is asked for: that is what a decision costs those who did not make it. */
static void look(struct quality *q, struct tx *tx)
{
    int64_t version = q->looked ? q->version : tx_int(tx, 0, "SELECT version AS n FROM quality_state WHERE id=1", "");
    q->looked = true;
    if (version == q->version || tx_error(tx))
        return;
    forget_maps(q);
    struct query *rows = tx_query(tx, "SELECT source_id, kind, system, code, state, to_system, to_code FROM quality_code WHERE state<>'open'", "");
    while (query_next(rows))
        read_map(q, rows);
    if (query_end(rows) == 0)
        q->version = version;
}

void quality_standard_of(struct quality *q, struct tx *tx, const struct quality_code *c, struct quality_standard *out)
{
    char key[KEY_BYTES];
    struct quality_map *m = NULL;
    look(q, tx);
    if (q->maps && c->code[0] && collected(c)) {
        key_of(c->source, c->kind, c->system, c->code, key);
        HASH_FIND_STR(q->maps, key, m);
    }
    if (m) {
        *out = m->to;
        return;
    }
    snprintf(out->system, sizeof out->system, "%s", c->given_system);
    snprintf(out->code, sizeof out->code, "%s", c->given_code);
}

bool quality_decision(struct tx *tx, const struct quality_code *c, struct quality_standard *out)
{
    memset(out, 0, sizeof *out);
    if (!c->code[0] || !collected(c))
        return false;
    struct query *q = tx_query(tx, "SELECT state, to_system, to_code FROM quality_code WHERE source_id=$1 AND kind=$2 AND system=$3 AND code=$4 AND state<>'open'", "ittt",
                               (int64_t)c->source, c->kind, c->system, c->code);
    bool decided = query_next(q);
    if (decided && strcmp(query_text(q, "state"), "mapped") == 0) {
        TEXT_COPY(out->system, query_text(q, "to_system"));
        TEXT_COPY(out->code, query_text(q, "to_code"));
    }
    return query_end(q) == 0 && decided;
}

json_t *quality_code_json(const struct quality *q, const char *system, const char *code)
{
    const struct item *item = strcmp(system, ITEMS_SYSTEM) == 0 ? items_find(q->items, code) : NULL;
    struct icd10_hit hit;
    if (item)
        return json_pack("{s:s,s:s,s:s}", "system", system, "code", code, "name", item->name);
    if ((strcmp(system, TS_ICD10_NHSA) == 0 || strcmp(system, "http://hl7.org/fhir/sid/icd-10") == 0) && icd10_find(q->icd10, code, &hit))
        return json_pack("{s:s,s:s,s:s%}", "system", system, "code", code, "name", hit.name, hit.name_len);
    return json_pack("{s:s,s:s}", "system", system, "code", code);
}

int quality_said_to_be(struct tx *tx, const char *system, const char *prefix, struct quality_local **out, size_t *n)
{
    char above[64];
    size_t cap = 0;
    bool room = true;
    *out = NULL;
    *n = 0;
    snprintf(above, sizeof above, "%s\x7f", prefix);
    struct query *q = tx_query(tx,
                               "SELECT DISTINCT system, code FROM quality_code WHERE kind IN ('diagnosis','problem') AND state='mapped' AND to_system=$1 AND to_code>=$2 AND "
                               "to_code<$3 ORDER BY system, code",
                               "ttt", system, prefix, above);
    while (room && query_next(q)) {
        if (*n == cap) {
            struct quality_local *more = realloc(*out, (cap ? 2 * cap : 32) * sizeof *more);
            room = more != NULL;
            cap = room ? cap ? 2 * cap : 32 : cap;
            *out = room ? more : *out;
        }
        if (room) {
            TEXT_COPY((*out)[*n].system, query_text(q, "system"));
            TEXT_COPY((*out)[(*n)++].code, query_text(q, "code"));
        }
    }
    int rc = query_end(q);
    return rc || room ? rc : ERR_UNAVAILABLE;
}

/* ---- how often ---- */

void quality_tally_free(struct quality_tally **list)
{
    struct quality_tally *one, *next;
    HASH_ITER(hh, *list, one, next) {
        HASH_DEL(*list, one);
        free(one);
    }
}

void quality_tally_add(struct quality_tally **list, const struct quality_code *c)
{
    char key[KEY_BYTES];
    struct quality_tally *y;
    if (!collected(c))
        return;
    key_of(c->source, c->kind, c->code[0] ? c->system : "", c->code, key);
    HASH_FIND_STR(*list, key, y);
    if (!y) {
        y = calloc(1, sizeof *y);
        if (!y)
            return; /* a count is not worth a message */
        memcpy(y->key, key, sizeof key);
        y->source = c->source;
        snprintf(y->kind, sizeof y->kind, "%s", c->kind);
        snprintf(y->system, sizeof y->system, "%s", c->code[0] ? c->system : "");
        snprintf(y->code, sizeof y->code, "%s", c->code);
        TEXT_COPY(y->display, c->code[0] ? c->display : ""); /* words without a code may be anybody's */
        text_whole(y->display);
        snprintf(y->given_system, sizeof y->given_system, "%s", c->given_system);
        snprintf(y->given_code, sizeof y->given_code, "%s", c->given_code);
        HASH_ADD_STR(*list, key, y);
    }
    y->n++;
}

void quality_tally_merge(struct quality_tally **into, struct quality_tally **from)
{
    struct quality_tally *one, *next, *there;
    HASH_ITER(hh, *from, one, next) {
        HASH_DEL(*from, one);
        HASH_FIND_STR(*into, one->key, there);
        if (there) {
            there->n += one->n;
            free(one);
        } else
            HASH_ADD_STR(*into, key, one);
    }
}

static void write_new(const struct quality_tally *y, struct tx *tx, int64_t now_ms)
{
    if (tx_int(tx, 0, "SELECT COUNT(*) AS n FROM quality_code WHERE source_id=$1 AND kind=$2", "it", (int64_t)y->source, y->kind) >= QUALITY_CODES_MAX)
        return;
    tx_exec(tx,
            "INSERT INTO quality_code (id, source_id, kind, system, code, display, seen, first_ms, last_ms, given_system, given_code, state, to_system, to_code, "
            "to_display, to_version, changed_ms, changed_by) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$8,$9,$10,'open','','','','',0,0)",
            "iittttiitt", (int64_t)id_new(), (int64_t)y->source, y->kind, y->system, y->code, y->display, y->n, now_ms, y->given_system, y->given_code);
}

static void write_one(const struct quality_tally *y, struct tx *tx, int64_t now_ms)
{
    tx_exec(tx,
            "UPDATE quality_code SET seen=seen+$1, last_ms=$2, given_system=$3, given_code=$4, display=CASE WHEN display='' THEN $5 ELSE display END "
            "WHERE source_id=$6 AND kind=$7 AND system=$8 AND code=$9",
            "iitttittt", y->n, now_ms, y->given_system, y->given_code, y->display, (int64_t)y->source, y->kind, y->system, y->code);
    if (tx_changes(tx) == 0)
        write_new(y, tx, now_ms);
}

int quality_tally_write(struct quality_tally **list, struct tx *tx, int64_t now_ms)
{
    struct quality_tally *one, *next;
    HASH_ITER(hh, *list, one, next)
        write_one(one, tx, now_ms);
    quality_tally_free(list);
    return tx_error(tx);
}

void quality_arrivals_begin(struct quality *q)
{
    quality_tally_free(&q->tallies);
    quality_days_free(q);
    q->looked = false;
}

int quality_arrivals_end(struct quality *q, struct tx *tx, int64_t now_ms)
{
    int rc = quality_days_write(q, tx);
    return rc ? rc : quality_tally_write(&q->tallies, tx, now_ms);
}

void quality_count(struct quality *q, const struct quality_code *c)
{
    quality_tally_add(&q->counting, c);
}
