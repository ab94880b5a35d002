/* What one person has within the window, as rows of events: codes, numbers, words of a short list; nothing else. */
#include "records/patient/mask.h"
#include "records/quality/quality.h"
#include "records/research/research_private.h"
#include "records/store/sealed.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS_MAX 64

struct gathering {
    struct op_ctx *ctx;
    const struct cohort *cohort;
    uint32_t fields, subject;
    struct found *found;
    struct events *out;
    int rc;
};

static void add(struct gathering *g, const struct event *e)
{
    struct events *out = g->out;
    if (out->n == out->cap) {
        size_t cap = out->cap ? 2 * out->cap : 4096;
        struct event *more = out->n >= EVENTS_MAX ? NULL : realloc(out->list, cap * sizeof *more);
        if (!more) {
            g->rc = out->n >= EVENTS_MAX ? ERR_TOO_LARGE : ERR_UNAVAILABLE;
            return;
        }
        out->list = more;
        out->cap = cap;
    }
    out->list[out->n++] = *e;
}

/* Days of the calendar, so that a morning after an evening is the next day. */
static int32_t day_of(const struct gathering *g, int64_t t_ms)
{
    int64_t zone = RESEARCH_ZONE_MIN * 60000ll;
    return (int32_t)((t_ms + zone) / DAY_MS - (g->found->list[g->subject].index_ms + zone) / DAY_MS);
}

static bool is_code(const char *text)
{
    size_t n = text ? strlen(text) : 0;
    if (n == 0 || n > 40)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 127 || strchr("|\",", text[i]))
            return false;
    return true;
}

static void add_coded(struct gathering *g, enum research_table table, int64_t t_ms, const char *code, struct event *e)
{
    e->code = words_id(&g->found->words, code);
    e->subject = g->subject;
    e->table = (uint8_t)table;
    e->day = day_of(g, t_ms);
    if (e->code == WORDS_FULL)
        g->rc = ERR_UNAVAILABLE;
    else
        add(g, e);
}

/* ---- results ---- */

static const char *const result_words[][2] = {
    {"阴性", "negative"}, {"阳性", "positive"}, {"弱阳性", "weakly_positive"}, {"未检出", "not_detected"}, {"检出", "detected"}, {"negative", "negative"}, {"positive", "positive"},
    {"neg", "negative"}, {"pos", "positive"}, {"阴性(-)", "negative"}, {"阳性(+)", "positive"}, {"-", "negative"}, {"+", "1+"}, {"++", "2+"}, {"+++", "3+"}, {"++++", "4+"}, {"±", "trace"}, {"+-", "trace"}, {"正常", "normal"}, {"异常", "abnormal"}};

static bool read_number(const char *text, struct event *e)
{
    char *end;
    const char *p = text;
    e->mark = *p == '<' || *p == '>' ? *p : 0;
    p += e->mark != 0;
    p += e->mark && *p == '=';
    e->value = strtod(p, &end);
    e->numeric = end != p && !*end && isfinite(e->value) && strspn(p, "+-.0123456789eE") == strlen(p);
    return e->numeric;
}

static bool read_word(struct gathering *g, const char *text, struct event *e)
{
    for (size_t i = 0; i < sizeof result_words / sizeof *result_words; i++)
        if (strcasecmp(text, result_words[i][0]) == 0) {
            e->word = words_id(&g->found->words, result_words[i][1]);
            return e->word != WORDS_FULL;
        }
    return false;
}

struct result { /* texts may be NULL */
    const char *code, *unit, *value, *flag;
    int64_t t_ms;
};

static void add_value(struct gathering *g, const struct result *r)
{
    struct event e = {.word = KANON_NONE};
    char code[80];
    bool plain = r->unit && *r->unit && strlen(r->unit) <= 16 && !strpbrk(r->unit, "|\",\r\n"); /* as the laboratory writes it; of k persons or not at all */
    if (!r->value || (!read_number(r->value, &e) && !read_word(g, r->value, &e))) {
        g->out->text_left_out++;
        return;
    }
    e.flag = r->flag && *r->flag && strlen(r->flag) <= 2 && strchr("HLNA", r->flag[0]) ? r->flag[0] : 0;
    snprintf(code, sizeof code, "%s|%s", r->code, plain ? r->unit : "");
    add_coded(g, T_OBSERVATIONS, r->t_ms, code, &e);
}

/* As a rule or a person put it right, else as it came. */
static void add_result(struct gathering *g, struct query *q, const json_t *right)
{
    char id[ID_TEXT_BYTES];
    const char *body = query_sealed(q, "body", SEALED_EXCHANGE_ENTRY, (uint64_t)query_int(q, "id"), (uint64_t)query_int(q, "patient_id"));
    json_t *o = body ? json_loads(body, 0, NULL) : NULL;
    id_format((uint64_t)query_int(q, "id"), id);
    const json_t *better = json_object_get(right, id), *rule = json_object_get(better, "rule");
    bool of_value = rule && strncmp(json_string_value(rule), "time.", 5) != 0; /* of a result: its number and unit, or its time */
    add_value(g, &(struct result){query_text(q, "standard_code"), of_value ? json_string_value(json_object_get(better, "unit")) : query_text(q, "unit"),
                                  json_string_value(json_object_get(of_value ? better : o, "value")), json_string_value(json_object_get(o, "flag")), query_int(q, "t_ms")});
    json_decref(o);
}

/* ---- the rest of what other systems sent ---- */

/* A diagnosis above the level of research leaves where the ethics approval speaks of it: as one of the cohort. */
static bool too_sensitive(struct gathering *g, const char *code)
{
    for (size_t i = 0; i < g->cohort->n_codes; i++)
        if (strncmp(code, g->cohort->codes[i], strlen(g->cohort->codes[i])) == 0)
            return false;
    json_t *codes = json_pack("[s]", code);
    bool is = mask_entry_level(g->ctx, codes) > mask_research_level(g->ctx);
    json_decref(codes);
    return is;
}

static void add_entry(struct gathering *g, enum research_table table, struct query *q)
{
    struct event e = {.word = KANON_NONE};
    char code[96];
    const char *standard = query_text(q, "standard_code"), *status = query_text(q, "status");
    const char *class = query_text(q, "code");
    if (table == T_ENCOUNTERS) /* HL7 table 0004: a letter */
        snprintf(code, sizeof code, "%s", class && strlen(class) == 1 && is_code(class) ? class : "");
    else if (table == T_REPORTS)
        snprintf(code, sizeof code, "%s|%s", standard, is_code(status) ? status : "");
    else
        snprintf(code, sizeof code, "%s", standard);
    if (table == T_DIAGNOSES && too_sensitive(g, standard))
        return;
    if (table == T_ENCOUNTERS ? is_code(code) : is_code(standard))
        add_coded(g, table, query_int(q, "t_ms"), code, &e);
}

static void entries_of(struct gathering *g, uint64_t patient)
{
    const struct subject *s = &g->found->list[g->subject];
    json_t *right = research_has(g->fields, FIELD_TABLES + T_OBSERVATIONS) ? quality_put_right(g->ctx, patient) : NULL;
    struct query *q = tx_query(g->ctx->tx,
                               "SELECT id, patient_id, kind, code, standard_code, unit, status, t_ms, body FROM exchange_entry WHERE patient_id=$1 AND t_ms>=$2 AND t_ms<=$3 AND "
                               "replaced_by=0 AND status NOT IN ('deleted','cancelled','withdrawn') ORDER BY t_ms, id",
                               "iii", (int64_t)patient, s->index_ms - g->cohort->before_days * DAY_MS, s->index_ms + g->cohort->after_days * DAY_MS);
    while (g->rc == 0 && query_next(q))
        for (enum research_table t = 0; t < T_TABLES; t++) {
            const char *kind = research_fields[FIELD_TABLES + t].kind;
            if (!kind || !research_has(g->fields, FIELD_TABLES + t) || strcmp(kind, query_text(q, "kind")) != 0)
                continue;
            if (t != T_OBSERVATIONS)
                add_entry(g, t, q);
            else if (is_code(query_text(q, "standard_code")))
                add_result(g, q, right);
        }
    int ended = query_end(q);
    json_decref(right);
    g->rc = g->rc ? g->rc : ended;
}

/* ---- the FHIR store ---- */

static enum research_table table_of(const char *kind)
{
    for (enum research_table t = 0; t < T_TABLES; t++)
        if (research_fields[FIELD_TABLES + t].kind && strcmp(research_fields[FIELD_TABLES + t].kind, kind) == 0)
            return t;
    return T_TABLES;
}

static bool of_cohort(const struct cohort *c, uint64_t org);

static int take_entry(void *to, const struct study_entry *r)
{
    struct gathering *g = to;
    const struct subject *s = &g->found->list[g->subject];
    enum research_table t = table_of(r->kind);
    struct event e = {.word = KANON_NONE};
    char code[96];
    bool there = t < T_TABLES && research_has(g->fields, FIELD_TABLES + t) && is_code(r->code) && of_cohort(g->cohort, r->org);
    if (!there || !r->t_ms || r->t_ms < s->index_ms - g->cohort->before_days * DAY_MS || r->t_ms > s->index_ms + g->cohort->after_days * DAY_MS)
        return 0;
    if (t == T_OBSERVATIONS) {
        if (*r->value || *r->status) /* of one whose parts are the result there is none */
            add_value(g, &(struct result){r->code, r->unit, r->value, NULL, r->t_ms});
    } else if (t != T_DIAGNOSES || !too_sensitive(g, r->code)) {
        snprintf(code, sizeof code, t == T_REPORTS ? "%s|%s" : "%s", r->code, is_code(r->status) ? r->status : "");
        add_coded(g, t, r->t_ms, code, &e);
    }
    return g->rc;
}

/* ---- the house's own cases ---- */

static const char *word_of(struct query *q, const char *column)
{
    const char *text = query_text(q, column);
    return is_code(text) ? text : "";
}

static void cases_of(struct gathering *g, uint64_t patient)
{
    const struct subject *s = &g->found->list[g->subject];
    char code[200];
    struct query *q = tx_query(g->ctx->tx,
                               "SELECT kind, scope, urgency, template, signed_ms FROM consult WHERE patient_id=$1 AND signed_ms>=$2 AND signed_ms<=$3 AND signed_ms>0 ORDER BY id",
                               "iii", (int64_t)patient, s->index_ms - g->cohort->before_days * DAY_MS, s->index_ms + g->cohort->after_days * DAY_MS);
    while (g->rc == 0 && query_next(q)) {
        struct event e = {.word = KANON_NONE};
        snprintf(code, sizeof code, "%s|%s|%s|%s", word_of(q, "kind"), word_of(q, "scope"), word_of(q, "urgency"), word_of(q, "template"));
        add_coded(g, T_CONSULTATIONS, query_int(q, "signed_ms"), code, &e);
    }
    int ended = query_end(q);
    g->rc = g->rc ? g->rc : ended;
}

static void advice_of(struct gathering *g, uint64_t patient)
{
    const struct subject *s = &g->found->list[g->subject];
    char code[240];
    struct query *q = tx_query(g->ctx->tx,
                               "SELECT a.type, a.urgency, a.decision, a.outcome7, a.outcome30, c.signed_ms FROM consult c JOIN consult_advice a ON a.case_id=c.id WHERE "
                               "c.patient_id=$1 AND c.signed_ms>=$2 AND c.signed_ms<=$3 AND c.signed_ms>0 ORDER BY c.id, a.n",
                               "iii", (int64_t)patient, s->index_ms - g->cohort->before_days * DAY_MS, s->index_ms + g->cohort->after_days * DAY_MS);
    while (g->rc == 0 && query_next(q)) {
        struct event e = {.word = KANON_NONE};
        snprintf(code, sizeof code, "%s|%s|%s|%s|%s", word_of(q, "type"), word_of(q, "urgency"), word_of(q, "decision"), word_of(q, "outcome7"), word_of(q, "outcome30"));
        add_coded(g, T_ADVICE, query_int(q, "signed_ms"), code, &e);
    }
    int ended = query_end(q);
    g->rc = g->rc ? g->rc : ended;
}

/* ---- a person's local records ---- */

static bool of_cohort(const struct cohort *c, uint64_t org)
{
    bool there = c->n_orgs == 0;
    for (size_t i = 0; i < c->n_orgs; i++)
        there = there || c->orgs[i] == org;
    return there;
}

static size_t members_of(struct gathering *g, uint64_t out[MEMBERS_MAX])
{
    size_t n = 0;
    uint64_t person = g->found->list[g->subject].person;
    struct query *q = tx_query(g->ctx->tx,
                               "SELECT p.id, p.org_id FROM mpi_member m JOIN patient p ON p.id=m.patient_id WHERE m.person_id=$1 UNION SELECT id, org_id FROM patient WHERE id=$1 "
                               "AND NOT EXISTS (SELECT 1 FROM mpi_member WHERE patient_id=$1) ORDER BY 1 LIMIT $2",
                               "ii", (int64_t)person, (int64_t)MEMBERS_MAX);
    while (query_next(q))
        if (of_cohort(g->cohort, (uint64_t)query_int(q, "org_id")))
            out[n++] = (uint64_t)query_int(q, "id");
    g->rc = query_end(q);
    return n;
}

/* Whatever the cohort's institutions are: who he is in the store, all his local records tell. */
static int resources_of(struct gathering *g)
{
    uint64_t local[MEMBERS_MAX], patients[STUDY_SAME_MAX];
    const struct cohort everywhere = {.n_orgs = 0}, *c = g->cohort;
    struct study *study = study_open(g->ctx);
    if (!study)
        return ERR_UNAVAILABLE;
    g->cohort = &everywhere;
    size_t n = members_of(g, local);
    g->cohort = c;
    n = g->rc ? 0 : research_patients_of(g->ctx, study, g->found->list[g->subject].person, local, n, patients);
    for (size_t i = 0; i < n && g->rc == 0; i++)
        g->rc = study_entries(study, patients[i], take_entry, g);
    study_close(study);
    return g->rc;
}

int gather_subject(struct op_ctx *ctx, const struct cohort *c, uint32_t fields, struct found *f, uint32_t subject, struct events *out)
{
    struct gathering g = {ctx, c, fields, subject, f, out, 0};
    uint64_t patients[MEMBERS_MAX];
    size_t n = members_of(&g, patients);
    g.rc = g.rc ? g.rc : resources_of(&g);
    for (size_t i = 0; i < n && g.rc == 0; i++) {
        entries_of(&g, patients[i]);
        if (g.rc == 0 && research_has(fields, FIELD_TABLES + T_CONSULTATIONS))
            cases_of(&g, patients[i]);
        if (g.rc == 0 && research_has(fields, FIELD_TABLES + T_ADVICE))
            advice_of(&g, patients[i]);
    }
    return g.rc;
}
