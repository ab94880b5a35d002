/* Finding the persons of a cohort: diagnoses that other systems sent, those of the FHIR store and those of the house's own signed consultations,
 * the first of each person; then those who refused are left out. */
#include "records/patient/identity.h"
#include "records/patient/patient_row.h"
#include "records/research/research_private.h"
#include "records/store/seal.h"
#include "records/store/sealed.h"
#include "records/work/policy.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HITS_MAX 2000000

struct hit {
    uint64_t patient; /* local; or a Patient's key of the FHIR store */
    uint64_t org;     /* fhir: whose the Condition says it is */
    bool fhir;
    int64_t t_ms;
    uint32_t code;
};
struct hits {
    struct hit *list;
    size_t n, cap;
    bool failed, too_many;
};

static void add_hit(struct hits *h, struct words *w, const struct hit *hit, const char *code)
{
    h->too_many = h->too_many || h->n == HITS_MAX;
    if (h->n == h->cap && !h->too_many) {
        size_t cap = h->cap ? 2 * h->cap : 1024;
        struct hit *more = realloc(h->list, cap * sizeof *more);
        h->failed = h->failed || !more;
        h->list = more ? more : h->list;
        h->cap = more ? cap : h->cap;
    }
    uint32_t id = words_id(w, code);
    h->failed = h->failed || id == WORDS_FULL;
    if (h->failed || h->too_many)
        return;
    h->list[h->n] = *hit;
    h->list[h->n++].code = id;
}

/* ---- diagnoses of other systems ---- */

static int entries(struct op_ctx *ctx, const struct cohort *c, const char *code, struct hits *h, struct words *w)
{
    char end[16];
    snprintf(end, sizeof end, "%s", code);
    end[strlen(end) - 1]++; /* the codes that begin so are a range: ASCII */
    struct query *q = tx_query(ctx->tx,
                               "SELECT patient_id, t_ms, standard_code FROM exchange_entry WHERE kind='diagnosis' AND standard_code>=$1 AND standard_code<$2 AND "
                               "t_ms>=$3 AND t_ms<$4 AND replaced_by=0 AND status NOT IN ('deleted','cancelled','withdrawn')",
                               "ttii", code, end, c->from_ms, c->until_ms);
    while (query_next(q))
        add_hit(h, w, &(struct hit){.patient = (uint64_t)query_int(q, "patient_id"), .t_ms = query_int(q, "t_ms")}, query_text(q, "standard_code"));
    return query_end(q);
}

/* ---- diagnoses of signed opinions ---- */

static bool wanted(const struct cohort *c, const char *code)
{
    for (size_t i = 0; code && i < c->n_codes; i++)
        if (strncmp(code, c->codes[i], strlen(c->codes[i])) == 0)
            return true;
    return false;
}

static int opinions(struct op_ctx *ctx, const struct cohort *c, struct hits *h, struct words *w)
{
    struct query *q = tx_query(ctx->tx,
                               "SELECT o.id, o.case_id, o.body, o.signed_ms, k.patient_id FROM consult_opinion o JOIN consult k ON k.id=o.case_id WHERE o.signed_ms>=$1 AND "
                               "o.signed_ms<$2 AND o.kind IN ('member','final') ORDER BY o.id",
                               "ii", c->from_ms, c->until_ms);
    while (query_next(q)) {
        const char *text = query_sealed(q, "body", SEALED_OPINION_BODY, (uint64_t)query_int(q, "id"), (uint64_t)query_int(q, "case_id"));
        json_t *body = text ? json_loads(text, 0, NULL) : NULL, *list = json_object_get(body, "diagnoses"), *one;
        size_t i;
        json_array_foreach(list, i, one)
        {
            const char *code = json_string_value(json_object_get(one, "code"));
            if (wanted(c, code))
                add_hit(h, w, &(struct hit){.patient = (uint64_t)query_int(q, "patient_id"), .t_ms = query_int(q, "signed_ms")}, code);
        }
        json_decref(body);
    }
    return query_end(q);
}

/* ---- diagnoses of the FHIR store ---- */

struct taking {
    const struct cohort *c;
    struct hits *h;
    struct words *w;
};

static int take_condition(void *to, const struct study_entry *e)
{
    const struct taking *t = to;
    if (strcmp(e->kind, "diagnosis") == 0 && wanted(t->c, e->code) && e->t_ms >= t->c->from_ms && e->t_ms < t->c->until_ms)
        add_hit(t->h, t->w, &(struct hit){.patient = e->patient, .org = e->org, .fhir = true, .t_ms = e->t_ms}, e->code);
    return 0;
}

/* ---- from diagnoses to persons ---- */

static int by_patient(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;
    if (x->patient != y->patient)
        return x->patient < y->patient ? -1 : 1;
    return x->t_ms != y->t_ms ? (x->t_ms < y->t_ms ? -1 : 1) : (x->code > y->code) - (x->code < y->code);
}

static int age_at(const char *birth, int64_t t_ms)
{
    int year, month, day, y, m, d;
    char date[11];
    date_of_ms(t_ms, RESEARCH_ZONE_MIN, date);
    if (!birth || date_parse(birth, &year, &month, &day) || date_parse(date, &y, &m, &d))
        return -1;
    int age = y - year - (m < month || (m == month && d < day));
    return age < 0 ? -1 : age;
}

static bool fits(const struct cohort *c, const struct subject *s)
{
    static const char *const sexes[] = {"male", "female", "unknown"};
    bool there = c->n_orgs == 0, any_age = c->age_min == 0 && c->age_max >= 150;
    for (size_t i = 0; i < c->n_orgs; i++)
        there = there || c->orgs[i] == s->org;
    return there && (!c->sex[0] || strcmp(c->sex, sexes[s->sex]) == 0) && (any_age || (s->age >= c->age_min && s->age <= c->age_max));
}

/* The first diagnosis of one local patient: hits of one patient stand together, the earliest first. */
static int take_patient(struct op_ctx *ctx, const struct cohort *c, const struct hit *first, struct found *f)
{
    struct query *q = tx_query(ctx->tx,
                               "SELECT p.org_id, p.sex, p.birth_date, p.insurance_type, m.person_id FROM patient p LEFT JOIN mpi_member m ON m.patient_id=p.id WHERE p.id=$1", "i",
                               (int64_t)first->patient);
    if (query_next(q)) {
        const char *sex = query_text(q, "sex");
        struct subject s = {.person = query_null(q, "person_id") ? first->patient : (uint64_t)query_int(q, "person_id"), .org = (uint64_t)query_int(q, "org_id"),
                            .index_ms = first->t_ms, .condition = first->code, .age = age_at(query_text(q, "birth_date"), first->t_ms),
                            .sex = strcmp(sex, "male") == 0 ? 0 : strcmp(sex, "female") == 0 ? 1 : 2, .insurance = words_id(&f->words, query_text(q, "insurance_type"))};
        if (fits(c, &s))
            f->list[f->n++] = s;
    }
    return query_end(q);
}

/* Whom the patient index takes a Patient of the FHIR store for (records/fhir/join.c), or whose name in it he is ("mpi-"); 0 = he is outside of it. */
static uint64_t in_index(struct op_ctx *ctx, uint64_t pkey)
{
    uint64_t person = 0, local = (uint64_t)tx_int(ctx->tx, 0, "SELECT patient_id AS n FROM fhir_patient WHERE pkey=$1", "i", (int64_t)pkey);
    if (local)
        return (uint64_t)tx_int(ctx->tx, (int64_t)local, "SELECT person_id FROM mpi_member WHERE patient_id=$1", "i", (int64_t)local);
    struct query *q = tx_query(ctx->tx, "SELECT name FROM fhir_name WHERE type='Patient' AND name>='mpi-' AND name<'mpi.' AND pkey=$1", "i", (int64_t)pkey);
    bool named = query_next(q) && strncmp(query_text(q, "name"), "mpi-", 4) == 0 && id_parse(query_text(q, "name") + 4, &person) == 0;
    (void)!query_end(q); /* the error sticks */
    return named ? person : 0;
}

/* Who is outside the index is the person who has his identity number; else he is the first of the store outside who has it. */
static uint64_t person_of(struct op_ctx *ctx, struct study *study, uint64_t pkey, const struct study_patient *p)
{
    uint64_t same[STUDY_SAME_MAX], person = in_index(ctx, pkey);
    char key[BLIND_BYTES];
    if (person || !p->id_no[0])
        return person ? person : pkey;
    blind_index(records_parts(ctx->records)->patient_keys.index, "id", p->id_no, key);
    int64_t local = 0;
    size_t here = patient_key_find(ctx->tx, &(struct patient_key_asked){0, "id", key, false}, same, STUDY_SAME_MAX);
    for (size_t i = 0; i < here; i++)
        local = !local || (int64_t)same[i] < local ? (int64_t)same[i] : local;
    if (local)
        return (uint64_t)tx_int(ctx->tx, local, "SELECT person_id FROM mpi_member WHERE patient_id=$1", "i", local);
    size_t n = study_by_id_no(study, p->id_no, same, STUDY_SAME_MAX);
    for (size_t i = 0; i < n; i++)
        if (!in_index(ctx, same[i]))
            return same[i];
    return pkey;
}

/* What was written of a person under his name in the index: of his sex and birth his first record tells. */
static int take_named(struct op_ctx *ctx, const struct cohort *c, const struct hit *first, struct found *f)
{
    struct hit local = *first;
    uint64_t person = in_index(ctx, first->patient);
    local.patient = person ? (uint64_t)tx_int(ctx->tx, 0, "SELECT MIN(patient_id) AS n FROM mpi_member WHERE person_id=$1", "i", (int64_t)person) : 0;
    return local.patient ? take_patient(ctx, c, &local, f) : tx_error(ctx->tx);
}

static int take_resource(struct op_ctx *ctx, struct study *study, const struct cohort *c, const struct hit *first, struct found *f)
{
    struct study_patient p;
    int rc = study_patient(study, first->patient, &p);
    if (rc || !p.found)
        return rc ? rc : take_named(ctx, c, first, f);
    struct subject s = {.person = person_of(ctx, study, first->patient, &p), .org = first->org ? first->org : p.org, .index_ms = first->t_ms, .condition = first->code,
                        .age = age_at(p.birth_date, first->t_ms), .sex = strcmp(p.sex, "male") == 0 ? 0 : strcmp(p.sex, "female") == 0 ? 1 : 2, .insurance = words_id(&f->words, "")};
    if (fits(c, &s))
        f->list[f->n++] = s;
    explicit_bzero(&p, sizeof p);
    return tx_error(ctx->tx);
}

static int by_person(const void *a, const void *b)
{
    const struct subject *x = a, *y = b;
    if (x->person != y->person)
        return x->person < y->person ? -1 : 1;
    return (x->index_ms > y->index_ms) - (x->index_ms < y->index_ms);
}

static int persons_of(struct op_ctx *ctx, struct study *study, const struct cohort *c, struct hits *h, struct found *f)
{
    int rc = 0;
    uint32_t n = 0;
    if (h->n)
        qsort(h->list, h->n, sizeof *h->list, by_patient);
    f->list = calloc(h->n + 1, sizeof *f->list);
    if (!f->list)
        return ERR_UNAVAILABLE;
    for (size_t i = 0; i < h->n && rc == 0; i++)
        if (i == 0 || h->list[i].patient != h->list[i - 1].patient)
            rc = h->list[i].fhir ? take_resource(ctx, study, c, &h->list[i], f) : take_patient(ctx, c, &h->list[i], f);
    if (f->n)
        qsort(f->list, f->n, sizeof *f->list, by_person);
    for (uint32_t i = 0; i < f->n; i++)
        if (n == 0 || f->list[i].person != f->list[n - 1].person)
            f->list[n++] = f->list[i];
    f->n = n;
    return rc;
}

/* ---- who said no ---- */

static int by_id(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

struct ids {
    uint64_t *list;
    size_t n;
};

/* Persons with such a word in force. A refusal counts wherever and for whomever it was given. */
static int persons_who_said(struct op_ctx *ctx, const char *decision, struct ids *out)
{
    int rc = 0;
    size_t cap = 0;
    struct query *q = tx_query(ctx->tx,
                               "SELECT c.patient_id, m.person_id FROM share_consent c LEFT JOIN mpi_member m ON m.patient_id=c.patient_id WHERE c.decision=$1 AND c.purpose IN "
                               "('research','any') AND c.withdrawn_ms=0 AND c.from_ms<=$2 AND (c.until_ms=0 OR c.until_ms>$2)",
                               "ti", decision, ctx->now_ms);
    while (rc == 0 && query_next(q)) {
        if (out->n == cap) {
            cap = cap ? 2 * cap : 256;
            uint64_t *more = realloc(out->list, cap * sizeof *more);
            rc = more ? 0 : ERR_UNAVAILABLE;
            out->list = more ? more : out->list;
        }
        if (rc == 0)
            out->list[out->n++] = (uint64_t)query_int(q, query_null(q, "person_id") ? "patient_id" : "person_id");
    }
    int ended = query_end(q);
    if (out->n)
        qsort(out->list, out->n, sizeof *out->list, by_id);
    return rc ? rc : ended;
}

struct saying {
    struct op_ctx *ctx;
    struct study *study;
    struct ids *ids;
};

static int take_consent(void *to, uint64_t pkey)
{
    struct saying *s = to;
    struct study_patient p;
    int rc = study_patient(s->study, pkey, &p);
    uint64_t *more = rc ? NULL : realloc(s->ids->list, (s->ids->n + 1) * sizeof *more);
    if (!more)
        return rc ? rc : ERR_UNAVAILABLE;
    s->ids->list = more;
    more[s->ids->n++] = person_of(s->ctx, s->study, pkey, &p);
    return tx_error(s->ctx->tx);
}

/* Those of the house's consents and those of Consent resources. */
static int all_who_said(struct op_ctx *ctx, struct study *study, bool permit, struct ids *out)
{
    struct saying s = {ctx, study, out};
    int rc = persons_who_said(ctx, permit ? "permit" : "deny", out);
    rc = rc ? rc : study_consents(study, permit, take_consent, &s);
    if (out->n)
        qsort(out->list, out->n, sizeof *out->list, by_id);
    return rc;
}

static bool has(const struct ids *ids, uint64_t person)
{
    return ids->n && bsearch(&person, ids->list, ids->n, sizeof person, by_id);
}

static int leave_out_refused(struct op_ctx *ctx, struct study *study, struct found *f)
{
    struct ids no = {0}, yes = {0};
    bool needed = work_policy_int(ctx, "research.needs_consent") != 0;
    int rc = all_who_said(ctx, study, false, &no);
    rc = rc || !needed ? rc : all_who_said(ctx, study, true, &yes);
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->n && rc == 0; i++)
        if (!has(&no, f->list[i].person) && (!needed || has(&yes, f->list[i].person)))
            f->list[n++] = f->list[i];
    f->refused = f->n - n;
    f->n = n;
    free(no.list);
    free(yes.list);
    return rc;
}

int cohort_find(struct op_ctx *ctx, const struct cohort *c, struct found *out)
{
    struct hits h = {0};
    struct taking t = {c, &h, &out->words};
    struct study *study = study_open(ctx);
    int rc = study ? 0 : ERR_UNAVAILABLE;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < c->n_codes && rc == 0; i++) {
        rc = entries(ctx, c, c->codes[i], &h, &out->words);
        rc = rc ? rc : study_diagnoses(study, c->codes[i], take_condition, &t);
    }
    rc = rc ? rc : opinions(ctx, c, &h, &out->words);
    rc = rc ? rc : h.too_many ? ERR_TOO_LARGE : h.failed ? ERR_UNAVAILABLE : persons_of(ctx, study, c, &h, out);
    rc = rc ? rc : leave_out_refused(ctx, study, out);
    study_close(study);
    free(h.list);
    return rc ? rc : out->n > work_policy_int(ctx, "research.max_persons") ? ERR_TOO_LARGE : 0;
}

void found_clear(struct found *f)
{
    if (f->list)
        explicit_bzero(f->list, f->n * sizeof *f->list);
    free(f->list);
    words_clear(&f->words);
    memset(f, 0, sizeof *f);
}

/* ---- and back: what of the FHIR store is a person's ---- */

static size_t add_key(uint64_t pkey, uint64_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (out[i] == pkey)
            return n;
    if (n < STUDY_SAME_MAX)
        out[n++] = pkey;
    return n;
}

/* Outside the index a number is all there is. */
static size_t add_same(struct op_ctx *ctx, struct study *study, const char *id_no, uint64_t *out, size_t n)
{
    uint64_t same[STUDY_SAME_MAX];
    size_t found = study_by_id_no(study, id_no, same, STUDY_SAME_MAX);
    for (size_t i = 0; i < found; i++)
        if (!in_index(ctx, same[i]))
            n = add_key(same[i], out, n);
    return n;
}

static size_t add_indexed(struct op_ctx *ctx, uint64_t person, uint64_t local, uint64_t *out, size_t n)
{
    char name[ID_TEXT_BYTES + 4] = "mpi-";
    id_format(person, name + 4);
    struct query *q = tx_query(ctx->tx, "SELECT pkey FROM fhir_patient WHERE patient_id=$1 UNION SELECT pkey FROM fhir_name WHERE type='Patient' AND name=$2 ORDER BY pkey LIMIT $3", "iti", (int64_t)local, name,
                               (int64_t)STUDY_SAME_MAX);
    while (query_next(q))
        n = add_key((uint64_t)query_int(q, "pkey"), out, n);
    return query_end(q) ? n : n; /* the error sticks */
}

size_t research_patients_of(struct op_ctx *ctx, struct study *study, uint64_t person, const uint64_t *local, size_t n_local, uint64_t out[STUDY_SAME_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < n_local; i++) {
        struct patient_row row;
        n = add_indexed(ctx, person, local[i], out, n);
        if (patient_load(ctx, local[i], &row) == 0 && strcmp(row.id_type, "id_card") == 0)
            n = add_same(ctx, study, row.secret.id_no, out, n);
        patient_row_wipe(&row);
    }
    struct study_patient p = {0};
    if (n_local || study_patient(study, person, &p) || !p.found)
        return n;
    n = add_same(ctx, study, p.id_no, out, n);
    return n ? n : add_key(person, out, n);
}
