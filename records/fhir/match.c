/* Asking the patient index: Patient/$match (http://hl7.org/fhir/R4/patient-operation-match.html) and Patient/$ihe-pix (IHE PIXm, ITI-83). */
#include "records/exchange/exchange.h"
#include "records/fhir/own.h"
#include "records/patient/index.h"
#include "records/patient/sharing.h"
#include <stdio.h>

#define MATCHES 20
#define MATCHES_MAX 50
#define SYSTEMS_MAX 16

/* ---- $match: what is asked ---- */

struct match {
    struct own own;
    const struct r4_node *patient;
    bool only_certain;
    size_t want;
    struct patient_row row;
    struct index_candidate list[MATCHES_MAX];
    size_t n;
};

static int wrong(struct fhir_work *w, const char *path, const char *reason, const char *text)
{
    fault_clear(&w->fault);
    (void)!fault_field(&w->fault, path, "%s", reason);
    return fhir_fail(w, ERR_INVALID, reason, "%s", text);
}

static int take_parameter(struct fhir_work *w, struct match *m, const struct r4_node *one)
{
    const struct r4_node *name = r4_get(one, "name"), *flag = r4_get(one, "valueBoolean"), *count = r4_get(one, "valueInteger");
    int64_t n;
    if (r4_is(name, "resource"))
        m->patient = r4_get(one, "resource");
    else if (r4_is(name, "onlyCertainMatches")) {
        if (!flag || (flag->kind != R4_TRUE && flag->kind != R4_FALSE))
            return wrong(w, "Parameters.parameter.where(name='onlyCertainMatches').value", "wrong_type", "onlyCertainMatches is a valueBoolean.");
        m->only_certain = flag->kind == R4_TRUE;
    } else if (r4_is(name, "count")) {
        struct r4_str text = r4_text(count);
        if (!count || count->kind != R4_NUMBER || !text_to_version(text.p, text.n, &n))
            return wrong(w, "Parameters.parameter.where(name='count').value", "wrong_type", "count is a valueInteger from 1 on.");
        m->want = n > MATCHES_MAX ? MATCHES_MAX : (size_t)n;
    } else
        return wrong(w, "Parameters.parameter.name", "unknown", "$match takes resource, onlyCertainMatches and count.");
    return 0;
}

static int read_body(struct fhir_work *w, struct match *m)
{
    struct r4_json_error e;
    struct r4_node *root;
    struct r4_issues *issues;
    if (!w->q.len)
        return fhir_fail_status(w, 400, "required", "The body is missing: a Parameters resource.");
    if (!fhir_speaks(w->q.content_type))
        return fhir_fail(w, ERR_MEDIA_TYPE, "not_json", "The body must be application/fhir+json.");
    if (r4_json_parse(w->plan->scratch->doc, w->q.body, w->q.len, &root, &e))
        return fhir_fail(w, ERR_MALFORMED, "bad_json", "The body is not JSON: line %u, column %u: %s.", e.line, e.column, e.reason ? e.reason : "");
    if (r4_is(r4_get(root, "resourceType"), "Patient"))
        m->patient = root; /* the one parameter alone, as simple clients send it */
    else if (!r4_is(r4_get(root, "resourceType"), "Parameters"))
        return wrong(w, "Parameters", "not_parameters", "The body must be a Parameters resource.");
    const struct r4_node *list = m->patient ? NULL : r4_get(root, "parameter");
    for (const struct r4_node *one = list && list->kind == R4_ARRAY ? list->child : NULL; one; one = one->next) {
        int rc = take_parameter(w, m, one);
        if (rc)
            return rc;
    }
    if (!m->patient || !r4_is(r4_get(m->patient, "resourceType"), "Patient"))
        return wrong(w, "Parameters.parameter.where(name='resource')", "required", "The parameter resource must be a Patient.");
    issues = calloc(1, sizeof *issues);
    if (!issues)
        return fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    size_t bad = r4_validate(fhir_r4(w->fhir), w->plan->scratch->doc, m->patient, w->plan->type, 0, issues);
    int rc = bad ? fhir_fail_issues(w, 422, issues) : 0;
    free(issues);
    return rc;
}

/* ---- $match: the Patient as a record of the index ---- */

static void put(char *out, size_t cap, struct r4_str s)
{
    snprintf(out, cap, "%.*s", s.p && s.n < cap ? (int)s.n : 0, s.p ? s.p : "");
}

static bool latin(struct r4_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)s.p[i] >= 0x80)
            return false;
    return s.n > 0;
}

static void take_name(const struct r4_node *name, struct patient_row *row)
{
    struct r4_str text = r4_text(r4_get(name, "text")), family = r4_text(r4_get(name, "family"));
    struct r4_str given = r4_text(r4_item(r4_get(name, "given"), 0));
    if (!family.n && !given.n)
        put(row->name, sizeof row->name, text);
    else if (family.n + given.n + 2 < sizeof row->name)
        snprintf(row->name, sizeof row->name, "%.*s%s%.*s", (int)family.n, family.p ? family.p : "", family.n && latin(given) ? " " : "", (int)given.n,
                 given.p ? given.p : "");
}

static void take_address(const struct r4_node *address, struct patient_row *row)
{
    static const char *const parts[] = {"state", "city", "district"};
    struct r4_str text = r4_text(r4_get(address, "text"));
    char *out = row->secret.address;
    size_t cap = sizeof row->secret.address, n = 0;
    put(out, cap, text);
    for (size_t i = 0; !out[0] && i < 3; i++) {
        struct r4_str part = r4_text(r4_get(address, parts[i]));
        if (part.p && n + part.n + 2 < cap)
            n += (size_t)snprintf(out + n, cap - n, "%.*s", (int)part.n, part.p);
        if (n)
            out[n] = 0;
    }
    const struct r4_node *lines = r4_get(address, "line");
    for (const struct r4_node *line = !text.n && lines && lines->kind == R4_ARRAY ? lines->child : NULL; line; line = line->next) {
        struct r4_str part = r4_text(line);
        if (part.p && n + part.n + 2 < cap)
            n += (size_t)snprintf(out + n, cap - n, "%s%.*s", n && latin(part) ? " " : "", (int)part.n, part.p);
    }
}

static void take_phone(const struct r4_node *telecom, struct patient_row *row)
{
    char text[64];
    for (const struct r4_node *one = telecom && telecom->kind == R4_ARRAY ? telecom->child : NULL; one && !row->secret.phone[0]; one = one->next) {
        put(text, sizeof text, r4_text(r4_get(one, "value")));
        if ((r4_is(r4_get(one, "system"), "phone") || r4_is(r4_get(one, "system"), "sms")) && phone_normalise(text, row->secret.phone))
            row->secret.phone[0] = 0;
    }
}

static void take_id_no(const struct r4_node *list, struct patient_row *row)
{
    char text[64];
    for (const struct r4_node *one = list && list->kind == R4_ARRAY ? list->child : NULL; one && !row->secret.id_no[0]; one = one->next) {
        bool national = r4_is(r4_get(one, "system"), OWN_ID_NO) || r4_is(r4_at(one, "type.coding.0.code"), "NI") || r4_is(r4_at(one, "type.coding.0.code"), "NNCHN");
        put(text, sizeof text, r4_text(r4_get(one, "value")));
        if (national && identity_card_normalise(text, row->secret.id_no))
            row->secret.id_no[0] = 0;
    }
    snprintf(row->id_type, sizeof row->id_type, "%s", row->secret.id_no[0] ? "id_card" : "none");
}

void match_record(const struct r4_node *p, struct patient_row *row)
{
    take_name(r4_item(r4_get(p, "name"), 0), row);
    put(row->sex, sizeof row->sex, r4_text(r4_get(p, "gender")));
    put(row->birth_date, sizeof row->birth_date, r4_text(r4_get(p, "birthDate")));
    take_phone(r4_get(p, "telecom"), row);
    take_address(r4_item(r4_get(p, "address"), 0), row);
    take_id_no(r4_get(p, "identifier"), row);
}

static int read_patient(struct fhir_work *w, struct match *m)
{
    match_record(m->patient, &m->row);
    if (!m->row.name[0] && !r4_item(r4_get(m->patient, "identifier"), 0))
        return wrong(w, "Patient.name", "required", "Somebody is looked for by a name or a number.");
    return 0;
}

/* ---- numbers of known authorities ---- */

bool own_authority(struct op_ctx *ctx, struct r4_str system, struct authority *a)
{
    struct exchange_domain d;
    memset(a, 0, sizeof *a);
    put(a->system, sizeof a->system, system);
    if (strncmp(a->system, OWN_LOCAL, strlen(OWN_LOCAL)) == 0) {
        a->org = (uint64_t)tx_int(ctx->tx, 0, "SELECT id FROM org WHERE code=$1", "t", a->system + strlen(OWN_LOCAL));
        return a->org != 0;
    }
    bool oid = strncmp(a->system, "urn:oid:", 8) == 0, name = strncmp(a->system, "urn:yilian:domain:", 18) == 0;
    if ((!oid && !name) || exchange_domain_find(ctx, name ? a->system + 18 : "", oid ? a->system + 8 : "", &d))
        return false;
    a->domain = d.id;
    a->giver = d.org_id;
    return true;
}

uint64_t own_patient_under(struct op_ctx *ctx, const struct authority *a, const char *value)
{
    bool retired = false;
    if (a->org)
        return (uint64_t)tx_int(ctx->tx, 0, "SELECT id FROM patient WHERE org_id=$1 AND local_number=$2", "it", (int64_t)a->org, value);
    uint64_t patient = exchange_identity(ctx, a->domain, value, &retired);
    return retired ? 0 : patient;
}

/* A number somebody gave decides when what is known of the two can be one person's; else it is worth a look. */
static void weigh_number(struct match *m, uint64_t person)
{
    size_t at = 0;
    while (at < m->n && m->list[at].person != person)
        at++;
    if (at == MATCHES_MAX)
        return;
    bool fits = at < m->n || !m->row.name[0];
    if (at == m->n)
        m->list[m->n++] = (struct index_candidate){.person = person, .probability = 0.5, .likely = true};
    struct index_candidate found = m->list[at];
    if (fits) {
        found.probability = found.probability > 0.999 ? found.probability : 0.999;
        for (size_t i = 0; i < m->n; i++)
            m->list[i].certain = false; /* one at most is certain */
        found.certain = found.likely = true;
    }
    memmove(m->list + 1, m->list, at * sizeof *m->list);
    m->list[0] = found;
}

static void by_numbers(struct match *m)
{
    struct own *o = &m->own;
    const struct r4_node *list = r4_get(m->patient, "identifier");
    for (const struct r4_node *one = list && list->kind == R4_ARRAY ? list->child : NULL; one; one = one->next) {
        struct authority a;
        char value[200];
        put(value, sizeof value, r4_text(r4_get(one, "value")));
        if (!value[0] || !own_authority(&o->ctx, r4_text(r4_get(one, "system")), &a))
            continue;
        uint64_t patient = own_patient_under(&o->ctx, &a, value), person = patient ? patient_index_person(&o->ctx, patient) : 0;
        if (person)
            weigh_number(m, person);
    }
}

/* ---- $match: the answer ---- */

static const char *grade_of(const struct index_candidate *c)
{
    return c->certain ? "certain" : c->likely ? "probable" : "possible";
}

static int write_match(struct match *m, const struct index_candidate *c, struct r4_buf *b, size_t *n)
{
    struct fhir_row row;
    char detail[80];
    int rc = own_row(&m->own, &own_patient, c->person, &row);
    if (rc || !row.found)
        return rc;
    r4_buf_printf(b, "%s{\"fullUrl\":\"%s/Patient/%s\",\"resource\":", *n ? "," : ",\"entry\":[", m->own.base, row.name);
    r4_buf_put(b, row.body, row.body_len);
    r4_buf_printf(b, ",\"search\":{\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/match-grade\",\"valueCode\":\"%s\"}],\"mode\":\"match\",\"score\":%.4f}}",
                  grade_of(c), c->probability);
    (*n)++;
    snprintf(detail, sizeof detail, "%s %.3f", grade_of(c), c->probability);
    fhir_note(m->own.w, "fhir.match", (uint64_t)row.pkey, c->person, detail);
    fhir_row_clear(&row);
    return 0;
}

static void answer_match(struct match *m)
{
    struct fhir_work *w = m->own.w;
    struct r4_buf entries = {0}, b = {0};
    size_t n = 0;
    int rc = 0;
    for (size_t i = 0; i < m->n && n < m->want && rc == 0; i++)
        if (m->list[i].certain || !m->only_certain)
            rc = write_match(m, &m->list[i], &entries, &n);
    if (rc == 0 && !n)
        fhir_note(w, "fhir.match", 0, 0, "none");
    r4_buf_printf(&b, "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"total\":%zu", n);
    if (n)
        r4_buf_put(&b, entries.p, entries.n);
    r4_buf_puts(&b, n ? "]}" : "}");
    r4_buf_clear(&entries);
    if (rc || b.failed)
        (void)!fhir_fail(w, rc ? rc : ERR_UNAVAILABLE, "", "The persons cannot be shown.");
    else
        fhir_answer_buf(w, 200, &b);
    r4_buf_clear(&b);
}

void rest_match(struct fhir_work *w, struct tx *tx)
{
    struct match *m = calloc(1, sizeof *m);
    w->op = "fhir.match";
    if (!m)
        abort();
    m->want = MATCHES;
    int rc = fhir_need(w, "Patient", MAY_READ | MAY_SEARCH);
    rc = rc ? rc : read_body(w, m);
    rc = rc ? rc : read_patient(w, m);
    if (rc == 0 && own_open(&m->own, w, tx)) {
        rc = patient_index_score(&m->own.ctx, &m->row, m->list, MATCHES_MAX, &m->n);
        if (rc == 0)
            by_numbers(m);
        if (rc)
            (void)!fhir_fail(w, rc, "", "The index cannot be asked.");
        else
            answer_match(m);
        own_close(&m->own);
    }
    patient_row_wipe(&m->row);
    free(m);
}

/* ---- $ihe-pix (ITI TF-2: 3.83) ---- */

struct pix {
    struct own own;
    struct authority source, targets[SYSTEMS_MAX];
    size_t n_targets;
    char value[200];
};

bool pix_split(struct r4_str text, struct r4_str *system, char *value, size_t cap)
{
    const char *bar = text.p ? memchr(text.p, '|', text.n) : NULL;
    if (!bar || bar == text.p || bar + 1 == text.p + text.n)
        return false;
    *system = (struct r4_str){text.p, (size_t)(bar - text.p)};
    put(value, cap, (struct r4_str){bar + 1, text.n - (size_t)(bar + 1 - text.p)});
    return true;
}

static int take_pix(struct fhir_work *w, struct pix *x)
{
    struct r4_str system = {0};
    bool said = false;
    for (size_t i = 0; i < w->plan->n_pairs; i++) {
        struct r4_str name = w->plan->pairs[i].name, value = w->plan->pairs[i].value;
        if (r4_str_is(name, "sourceIdentifier")) {
            if (said || !pix_split(value, &system, x->value, sizeof x->value))
                return wrong(w, "sourceIdentifier", "wrong", "sourceIdentifier is system|value, once.");
            said = true;
        } else if (r4_str_is(name, "targetSystem")) {
            if (x->n_targets == SYSTEMS_MAX)
                return wrong(w, "targetSystem", "too_many", "Too many target systems.");
            if (!own_authority(&x->own.ctx, value, &x->targets[x->n_targets++]))
                return fhir_fail_status(w, 403, "code-invalid", "targetSystem not found");
        } else if (!r4_str_is(name, "_format") && !r4_str_is(name, "_pretty"))
            return fhir_fail_status(w, 400, "not-supported", "$ihe-pix has no parameter %.*s.", (int)name.n, name.p);
    }
    if (!said)
        return wrong(w, "sourceIdentifier", "required", "sourceIdentifier is missing: system|value.");
    if (!own_authority(&x->own.ctx, system, &x->source))
        return fhir_fail_status(w, 400, "code-invalid", "sourceIdentifier Assigning Authority not found");
    return 0;
}

static bool wanted(const struct pix *x, const char *system)
{
    for (size_t i = 0; i < x->n_targets; i++)
        if (strcmp(x->targets[i].system, system) == 0)
            return true;
    return x->n_targets == 0;
}

/* Every number of the person but the one that was asked with, and the person himself. */
static int answer_pix(struct fhir_work *w, struct pix *x, uint64_t patient)
{
    struct own_made made = {0};
    uint64_t person = patient_index_person(&x->own.ctx, patient);
    int rc = person ? own_patient.make(&x->own, person, &made) : 0;
    size_t i;
    json_t *one, *list = json_array(), *ref = own_patient_ref(&x->own, patient);
    json_array_foreach(json_object_get(made.shown, "identifier"), i, one)
    {
        const char *system = json_string_value(json_object_get(one, "system")), *value = json_string_value(json_object_get(one, "value"));
        bool same = value && strcmp(system, x->source.system) == 0 && strcmp(value, x->value) == 0;
        if (value && !same && wanted(x, system))
            json_array_append_new(list, json_pack("{s:s,s:{s:O,s:O,s:O}}", "name", "targetIdentifier", "valueIdentifier", "use", json_object_get(one, "use"), "system",
                                                  json_object_get(one, "system"), "value", json_object_get(one, "value")));
    }
    size_t numbers = json_array_size(list);
    if (made.shown && numbers)
        json_array_append_new(list, json_pack("{s:s,s:O}", "name", "targetId", "valueReference", ref));
    json_array_foreach(json_array_size(list) ? json_object_get(made.shown, "link") : NULL, i, one)
        json_array_append_new(list, json_pack("{s:s,s:O}", "name", "targetId", "valueReference", json_object_get(one, "other")));
    json_t *answer = json_pack("{s:s}", "resourceType", "Parameters");
    if (json_array_size(list))
        json_object_set(answer, "parameter", list);
    char *text = rc ? NULL : json_dumps(answer, JSON_COMPACT), detail[80];
    struct r4_buf b = {.p = text, .n = text ? strlen(text) : 0};
    snprintf(detail, sizeof detail, "numbers %zu", numbers);
    if (text) {
        fhir_note(w, "fhir.pix", patient, person, detail);
        fhir_answer_buf(w, 200, &b);
    }
    json_decref(answer);
    json_decref(ref);
    json_decref(list);
    json_decref(made.shown);
    json_decref(made.searched);
    return rc ? rc : text ? 0 : ERR_UNAVAILABLE;
}

void rest_pix(struct fhir_work *w, struct tx *tx)
{
    struct pix *x = calloc(1, sizeof *x);
    w->op = "fhir.pix";
    if (!x)
        abort();
    int rc = fhir_need(w, "Patient", MAY_READ | MAY_SEARCH);
    if (rc == 0 && own_open(&x->own, w, tx)) {
        rc = take_pix(w, x);
        uint64_t patient = rc ? 0 : own_patient_under(&x->own.ctx, &x->source, x->value);
        if (patient && sharing_hides(&x->own.ctx, patient))
            patient = 0;
        if (rc == 0 && !patient)
            (void)!fhir_fail_status(w, 404, "not-found", "sourceIdentifier Patient Identifier not found");
        else if (rc == 0 && (rc = answer_pix(w, x, patient)))
            (void)!fhir_fail(w, rc, "", "The index cannot be asked.");
        own_close(&x->own);
    }
    free(x);
}
