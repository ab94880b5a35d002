/* What clients write is judged by the cleaning rules (records/quality) after it was stored, in the same transaction: the resource stays as it was sent. On
 * the writer. */
#include "records/audit/audit.h"
#include "records/fhir/clean.h"
#include "records/fhir/fhir_private.h"
#include "records/patient/identity.h"
#include "records/quality/quality.h"
#include <stdio.h>

#define KNOWN 4096 /* patients whose sex and birth, and visits whose begin are kept, by their key */

struct fhir_known_patient {
    int64_t pkey, seq; /* 0 = none; of the change that wrote him */
    int64_t as_of;     /* the last change of any patient when his was looked at */
    char sex[8], birth[11];
};

/* ---- whose entry it is ---- */

static void read_himself(struct fhir_work *w, const struct fhir_row *row, struct fhir_known_patient *out)
{
    struct r4_doc *d = w->plan->scratch->rows;
    struct r4_node *root;
    struct clean_resource *r = calloc(1, sizeof *r);
    if (r && r4_json_parse(d, row->body, row->body_len, &root, NULL) == 0) {
        clean_resource_read(d, root, w->now_ms, r);
        snprintf(out->sex, sizeof out->sex, "%s", r->patient ? r->himself.sex : "");
        snprintf(out->birth, sizeof out->birth, "%.10s", r->patient && !r->himself.birth_estimated ? r->himself.birth_date : "");
    }
    free(r);
    r4_doc_reset(d);
}

/* What is kept holds as long as the change that wrote him is the last one; where no patient was written since, his own row, two pages somewhere, is not
 * looked at. A number of a change that was undone comes again: then all is forgotten. */
static int load_patient(struct fhir_work *w, struct tx *tx, int64_t pkey, const struct fhir_known_patient **out)
{
    static const struct fhir_known_patient nobody;
    struct fhir *x = w->fhir;
    *out = &nobody;
    if (!x->patients && !(x->patients = calloc(KNOWN, sizeof *x->patients)))
        return ERR_UNAVAILABLE;
    struct fhir_known_patient *k = &x->patients[(uint64_t)pkey * 0x9e3779b97f4a7c15ull >> 52];
    if (!x->newest_patient)
        x->newest_patient = tx_int(tx, 0, "SELECT MAX(seq) AS seq FROM fhir_change WHERE type='Patient'", "");
    int64_t newest = x->newest_patient;
    bool holds = k->pkey == pkey && newest && k->as_of == newest;
    int64_t seq = holds ? k->seq : tx_int(tx, 0, "SELECT seq FROM fhir_resource WHERE pkey=$1 AND rid=$1", "i", pkey);
    if (!seq)
        return tx_error(tx);
    *out = k;
    if (k->pkey == pkey && k->seq == seq) {
        k->as_of = newest;
        return 0;
    }
    struct fhir_row row;
    int rc = row_load(w, tx, pkey, pkey, ROW_BODY, &row);
    memset(k, 0, sizeof *k);
    if (rc == 0 && row.found && !row.deleted)
        read_himself(w, &row, k);
    if (rc == 0) {
        k->pkey = pkey;
        k->seq = seq;
        k->as_of = newest;
    }
    fhir_row_clear(&row);
    return rc;
}

/* ---- in which visit ---- */

struct fhir_known_visit {
    int64_t rid, seq, pkey, begun_ms; /* seq 0 = none; of the change that wrote it */
};

static int read_begun(struct fhir_work *w, struct tx *tx, struct fhir_known_visit *k)
{
    struct r4_doc *d = w->plan->scratch->rows;
    struct fhir_row row;
    struct r4_node *root;
    int rc = row_load(w, tx, k->pkey, k->rid, ROW_BODY, &row);
    if (rc == 0 && row.body && r4_json_parse(d, row.body, row.body_len, &root, NULL) == 0)
        k->begun_ms = clean_visit_begun(root);
    fhir_row_clear(&row);
    r4_doc_reset(d);
    return rc;
}

/* When the Encounter it names began, if it is the same patient's; 0 = nobody knows. Kept as patients are. */
static int load_visit(struct fhir_work *w, struct tx *tx, const struct staged *s, int64_t *begun_ms)
{
    char name[FHIR_ID_BYTES];
    struct fhir *x = w->fhir;
    struct fhir_known_visit now = {0};
    struct r4_str id;
    *begun_ms = 0;
    if (!clean_resource_visit(s->resource, &id) || id.n >= sizeof name)
        return 0;
    if (!x->visits && !(x->visits = calloc(KNOWN, sizeof *x->visits)))
        return ERR_UNAVAILABLE;
    snprintf(name, sizeof name, "%.*s", (int)id.n, id.p);
    struct query *q = tx_query(tx, "SELECT r.pkey, r.rid, r.seq FROM fhir_name n JOIN fhir_resource r ON r.pkey=n.pkey AND r.rid=n.rid WHERE n.type='Encounter' AND n.name=$1 AND r.deleted=0",
                               "t", name);
    if (query_next(q))
        now = (struct fhir_known_visit){query_int(q, "rid"), query_int(q, "seq"), query_int(q, "pkey"), 0};
    int rc = query_end(q);
    struct fhir_known_visit *k = &x->visits[(uint64_t)now.rid * 0x9e3779b97f4a7c15ull >> 52];
    if (rc || !now.seq || now.pkey != s->pkey)
        return rc;
    if (k->rid != now.rid || k->seq != now.seq) {
        rc = read_begun(w, tx, &now);
        *k = now;
    }
    *begun_ms = k->begun_ms;
    return rc;
}

void fhir_clean_begin(struct fhir *x)
{
    x->newest_patient = 0;
}

void fhir_clean_forget(struct fhir *x)
{
    x->newest_patient = 0;
    if (x->patients)
        memset(x->patients, 0, KNOWN * sizeof *x->patients);
    if (x->visits)
        memset(x->visits, 0, KNOWN * sizeof *x->visits);
}

/* ---- the same report under another id ---- */

static const struct r4_value *value_of(const struct staged *s, const char *code)
{
    for (size_t i = 0; i < s->facts.n; i++)
        if (strcmp(s->facts.values[i].param->code, code) == 0)
            return &s->facts.values[i];
    return NULL;
}

/* Times that are only a day do not tell. */
static bool came_before(struct fhir_work *w, struct tx *tx, const struct staged *s, const struct clean_part *p)
{
    const struct r4_value *date = value_of(s, "date"), *code = value_of(s, "code");
    if (strcmp(p->data.kind, "report") != 0 || !p->minute || !date || !code || !code->code.n)
        return false;
    return tx_int(tx, 0,
                  "SELECT COUNT(*) AS n FROM (SELECT r.rid FROM fhir_range r JOIN fhir_token t ON t.key=$3 AND t.pkey=r.pkey AND t.rid=r.rid WHERE r.param=$1 AND r.low=$2 AND "
                  "r.pkey=$4 AND r.rid<>$5 LIMIT 1) x",
                  "iiiii", range_param(w->fhir, s->type, date->param), date->low_ms, key_system_code(w->fhir, s->type, code->param, code->system, code->code), s->pkey, s->rid) > 0;
}

/* ---- one resource ---- */

struct of { /* for whose data it is */
    struct tx *tx;
    const struct r4_node *resource;
};

static uint64_t org_of(void *arg)
{
    struct of *of = arg;
    return fhir_org_named(of->tx, of->resource);
}

uint64_t fhir_source(const struct fhir_work *w)
{
    return w->actor.client ? w->actor.client : w->actor.org;
}

void fhir_code_of(uint64_t source, const struct clean_part *p, struct quality_code *out)
{
    const struct clean_entry *e = &p->data;
    const struct quality_kind *kind = quality_kind_find(e->kind);
    const char *known = kind && !*kind->target ? clean_public_code(e) : "";
    *out = (struct quality_code){source, e->kind, NULL, e->system, e->code, p->display, *known ? e->system : e->standard_system, *known ? known : e->standard_code};
}

const char *fhir_standard_of(struct tx *tx, uint64_t source, const struct clean_part *p, struct quality_standard *said)
{
    struct quality_code code;
    fhir_code_of(source, p, &code);
    if (!p->refers && source && quality_decision(tx, &code, said))
        return said->code;
    bool public = strcmp(p->data.kind, "medication") == 0 || strcmp(p->data.kind, "procedure") == 0; /* no system the rules judge */
    return public && !*p->data.standard_code ? clean_public_code(&p->data) : p->data.standard_code;
}

/* What the client's code is here, for the rules; and that it came. What the system itself writes is nobody's. */
static void take_code(struct fhir_work *w, struct tx *tx, const struct clean_part *p, struct quality_standard *standard, struct clean_entry *e)
{
    struct quality *q = records_parts(w->records)->quality;
    struct quality_code code;
    fhir_code_of(fhir_source(w), p, &code);
    if (!code.source || p->refers || strlen(code.given_code) >= sizeof standard->code)
        return;
    quality_standard_of(q, tx, &code, standard);
    quality_count(q, &code);
    e->standard_code = standard->code;
    e->standard_system = standard->system;
}

static int clean_parts(struct fhir_work *w, struct op_ctx *ctx, struct staged *s, const struct clean_resource *read, struct quality_resource *r)
{
    struct quality_standard standard[CLEAN_PARTS_MAX];
    struct quality_entry list[CLEAN_PARTS_MAX];
    const struct fhir_known_patient *whose = NULL;
    int64_t begun_ms = 0;
    int rc = read->n ? load_patient(w, ctx->tx, s->pkey, &whose) : 0;
    if (rc == 0 && read->n && read->parts[0].data.t_ms)
        rc = load_visit(w, ctx->tx, s, &begun_ms);
    for (size_t i = 0; i < read->n && rc == 0; i++) {
        list[i] = (struct quality_entry){.id = s->rid, .key = read->parts[i].key, .data = read->parts[i].data};
        take_code(w, ctx->tx, &read->parts[i], &standard[i], &list[i].data);
        list[i].data.sex = whose->sex;
        if (begun_ms)
            list[i].data.visit_ms = begun_ms;
        list[i].data.birth_date = whose->birth;
        list[i].data.duplicate = i == 0 && came_before(w, ctx->tx, s, &read->parts[i]);
    }
    r->list = list;
    r->n = read->n;
    return rc ? rc : quality_clean_resource(ctx, r);
}

/* What was found in the older version stays with the patient it was about. */
static int moved(struct op_ctx *ctx, const struct staged *s)
{
    bool other = s->act == ACT_UPDATE && s->old.pkey && s->old.pkey != s->pkey;
    return other || s->act == ACT_DELETE ? quality_resource_gone(ctx, (uint64_t)s->old.pkey, s->rid) : 0;
}

int fhir_clean(struct fhir_work *w, struct tx *tx, struct staged *s)
{
    struct actor actor = {.person = {w->actor.person}, .org = {w->actor.org}, .system = w->actor.system};
    struct fault fault = {0};
    struct op_ctx ctx = {.records = w->records, .tx = tx, .actor = &actor, .now_ms = w->now_ms, .fault = &fault, .client_address = w->q.client_address, .user_agent = ""};
    struct of of = {tx, s->resource};
    struct clean_resource read;
    int rc = moved(&ctx, s);
    if (rc || s->act == ACT_DELETE || !s->pkey)
        return rc;
    clean_resource_read(w->plan->scratch->doc, s->resource, w->now_ms, &read);
    struct quality_resource r = {.from = {fhir_source(w), w->actor.org, (uint64_t)s->pkey, 0}, .number = s->rid, .known = s->act == ACT_UPDATE, .org_of = org_of, .of = &of};
    if (!read.patient)
        return read.n || r.known ? clean_parts(w, &ctx, s, &read, &r) : 0;
    r.patient = &read.himself;
    return quality_clean_resource(&ctx, &r);
}

/* ---- for those who put it right ---- */

struct himself {
    struct fhir_work w;
    struct fhir_row row;
    struct clean_resource read; /* read.patient: he is there */
};

/* himself_close always. */
static int himself_open(struct op_ctx *ctx, uint64_t pkey, struct himself *h)
{
    struct r4_node *root;
    memset(h, 0, sizeof *h);
    h->w = (struct fhir_work){.records = ctx->records, .fhir = records_parts(ctx->records)->fhir, .now_ms = ctx->now_ms, .q = {.host = ""}};
    if (!fhir_plan_new(&h->w))
        return fault_set(ctx->fault, ERR_UNAVAILABLE, "", "Out of memory.");
    int rc = row_load(&h->w, ctx->tx, (int64_t)pkey, (int64_t)pkey, ROW_BODY, &h->row);
    if (rc == 0 && h->row.body && r4_json_parse(h->w.plan->scratch->doc, h->row.body, h->row.body_len, &root, NULL) == 0)
        clean_resource_read(h->w.plan->scratch->doc, root, ctx->now_ms, &h->read);
    return rc;
}

static void himself_close(struct himself *h)
{
    free(h->w.answer.body);
    fhir_row_clear(&h->row);
    fhir_work_fini(&h->w);
}

json_t *fhir_patient_brief(struct op_ctx *ctx, uint64_t pkey)
{
    struct himself h;
    char today[11], zh[32], en[32];
    json_t *o = NULL;
    if (himself_open(ctx, pkey, &h) == 0 && h.read.patient) {
        const struct clean_patient *p = &h.read.himself;
        date_of_ms(ctx->now_ms, FHIR_ZONE_MIN, today);
        age_text(p->birth_date, today, 0, zh);
        age_text(p->birth_date, today, 1, en);
        o = json_pack("{s:n,s:s,s:s,s:s,s:s}", "id", "name", p->name, "sex", p->sex, "age_text", zh, "age_text_en", en);
        json_object_set_new(o, "resource", json_sprintf("Patient/%s", h.row.name));
        audit_shown(ctx, pkey);
    }
    himself_close(&h);
    return o ? o : json_null();
}

int fhir_patient_sex_and_birth(struct op_ctx *ctx, uint64_t pkey, char sex[12], char birth[11])
{
    struct himself h;
    int rc = himself_open(ctx, pkey, &h);
    snprintf(sex, 12, "%s", rc == 0 && h.read.patient ? h.read.himself.sex : "");
    snprintf(birth, 11, "%s", rc == 0 && h.read.patient && !h.read.himself.birth_estimated ? h.read.himself.birth_date : "");
    himself_close(&h);
    return rc;
}
