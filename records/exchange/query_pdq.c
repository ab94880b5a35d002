/* PDQ (ITI-21, QBP^Q22): who fits this description. */
#include "records/exchange/person.h"
#include "records/exchange/query_private.h"
#include "records/patient/index.h"
#include "records/term/fold.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- PDQ: parameters ---- */

/* Components and subcomponents that a field of PID can have; 0 = it cannot be asked for. */
static bool can_be(unsigned field, unsigned component, unsigned sub)
{
    static const uint8_t components[31] = {[3] = 10, [4] = 10, [5] = 14, [6] = 14, [7] = 2, [8] = 6, [9] = 14, [10] = 6, [11] = 14, [12] = 1, [13] = 12,
                                           [14] = 12, [15] = 6, [16] = 6, [17] = 6, [18] = 10, [19] = 1, [20] = 3, [21] = 10, [22] = 6, [23] = 1,
                                           [24] = 1, [25] = 1, [26] = 6, [27] = 6, [28] = 6, [29] = 2, [30] = 1};
    bool cx = field == 3 || field == 4 || field == 18 || field == 21;
    if (field > 30 || components[field] == 0 || component > components[field])
        return false;
    return sub == 0 || (cx ? (component == 4 || component == 6 || component == 9 || component == 10) && sub <= (component > 6 ? 9 : 3) : sub <= 5);
}

/* Of a visit (ITI TF-2a 3.22.4.1.2.2): class, place, doctors, service, number, beginning, end. */
static bool visit_can_be(unsigned field, unsigned component, unsigned sub)
{
    static const uint8_t components[46] = {[2] = 1, [3] = 11, [7] = 18, [8] = 18, [9] = 18, [10] = 1, [17] = 18, [19] = 10, [44] = 2, [45] = 2};
    return field < 46 && components[field] && component <= components[field] && sub <= 5;
}

static int read_parameter(struct asking *a, struct hl7_span one)
{
    char name[32], value[200];
    struct parameter *p = &a->parameters[a->n_parameters];
    char extra = 0;
    hl7_text(a->m, hl7_split(a->m, one, a->m->component, 1), name, sizeof name);
    hl7_text(a->m, hl7_split(a->m, one, a->m->component, 2), value, sizeof value);
    if (!name[0] && !value[0])
        return 0;
    memset(p, 0, sizeof *p);
    p->visit = a->kind == ASK_VISITS && strncmp(name, "@PV1.", 5) == 0;
    int n = strncmp(name, "@PID.", 5) == 0 || p->visit ? sscanf(name + 5, "%u.%u.%u%c", &p->field, &p->component, &p->sub, &extra) : 0;
    bool known = p->visit ? visit_can_be(p->field, p->component, p->sub) : can_be(p->field, p->component, p->sub);
    if (n < 1 || extra || a->n_parameters == PARAMETERS_MAX || !known)
        return query_wrong(a, 103, "unknown_parameter", 3, 1);
    size_t len = strlen(value);
    if (len && value[len - 1] == '*') {
        p->prefix = true;
        value[len - 1] = 0;
    }
    if (p->visit ? p->field == 44 || p->field == 45 : p->field == 7)
        p->prefix = true; /* a year finds everybody born in it */
    memcpy(p->raw, value, sizeof p->raw);
    text_fold(value, strlen(value), p->value, sizeof p->value);
    a->n_parameters += p->value[0] != 0;
    return 0;
}

int query_read_parameters(struct asking *a)
{
    struct hl7_span all = hl7_field(a->m, a->qpd, 3);
    size_t n = hl7_count(a->m, all, a->m->repeat);
    int rc = 0;
    for (unsigned i = 1; i <= n && rc == 0; i++)
        rc = read_parameter(a, hl7_split(a->m, all, a->m->repeat, i));
    if (rc == 0 && a->n_parameters == 0)
        rc = query_wrong(a, 101, "required", 3, 0);
    return rc ? rc : query_read_wanted(a, 8);
}

const struct parameter *query_said(const struct asking *a, bool visit, unsigned field, unsigned component, unsigned sub)
{
    for (size_t i = 0; i < a->n_parameters; i++)
        if (a->parameters[i].visit == visit && a->parameters[i].field == field && a->parameters[i].component == component && (sub == 0 || a->parameters[i].sub == sub || a->parameters[i].sub == 0))
            return &a->parameters[i];
    return NULL;
}

/* ---- PDQ: candidates ---- */

static size_t by_number(struct asking *a, unsigned field, uint64_t *out, size_t cap)
{
    const struct parameter *value = query_said(a, false, field, 1, 0);
    size_t n = 0;
    struct query *q = tx_query(a->ctx->tx, "SELECT id FROM exchange_domain ORDER BY id", "");
    uint64_t domains[256];
    size_t n_domains = 0;
    while (n_domains < 256 && query_next(q))
        domains[n_domains++] = (uint64_t)query_int(q, "id");
    if (query_end(q))
        return 0;
    for (size_t i = 0; i < n_domains && n < cap; i++) {
        struct query *one = tx_query(a->ctx->tx, "SELECT patient_id FROM exchange_identity WHERE domain_id=$1 AND value=$2", "it", (int64_t)domains[i], value->raw);
        while (n < cap && query_next(one))
            out[n++] = (uint64_t)query_int(one, "patient_id");
        if (query_end(one))
            return 0;
    }
    return n;
}

static size_t newest(struct asking *a, uint64_t *out, size_t cap)
{
    size_t n = 0;
    struct query *q = tx_query(a->ctx->tx, "SELECT patient_id FROM exchange_person ORDER BY patient_id DESC LIMIT $1", "i", (int64_t)cap);
    while (n < cap && query_next(q))
        out[n++] = (uint64_t)query_int(q, "patient_id");
    return query_end(q) ? 0 : n;
}

static size_t candidates(struct asking *a, uint64_t *out)
{
    static const struct {
        unsigned field, component;
        const char *kind;
    } keys[] = {{5, 1, "family"}, {5, 2, "given"}, {7, 0, "birth"}, {7, 1, "birth"}, {6, 1, "mfamily"}, {6, 2, "mgiven"}};
    if (query_said(a, false, 3, 1, 0))
        return by_number(a, 3, out, CANDIDATES_MAX);
    if (query_said(a, false, 21, 1, 0)) {
        uint64_t mothers[32];
        size_t n = by_number(a, 21, mothers, 32), children = 0;
        for (size_t i = 0; i < n; i++)
            children += exchange_person_children(a->ctx, mothers[i], out + children, CANDIDATES_MAX - children);
        return children;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct parameter *p = query_said(a, false, keys[i].field, keys[i].component, 0);
        if (p)
            return exchange_person_find(a->ctx, keys[i].kind, p->value, p->prefix, out, CANDIDATES_MAX);
    }
    return newest(a, out, CANDIDATES_MAX); /* nothing that is indexed: the newest are looked through */
}

/* ---- PDQ: does a candidate fit? ---- */

static bool same(const struct parameter *p, const char *text)
{
    char folded[256];
    text_fold(text, strlen(text), folded, sizeof folded);
    return p->prefix ? folded[0] && strncmp(folded, p->value, strlen(p->value)) == 0 : strcmp(folded, p->value) == 0;
}

bool query_fits_field(const struct parameter *p, struct hl7_message *m, const char *segment, unsigned field)
{
    char text[256];
    const struct hl7_segment *s = hl7_segment(m, segment, 0);
    size_t n = s ? hl7_repetitions(m, s, field) : 0;
    for (uint16_t i = 1; i <= n; i++) {
        struct hl7_path path = {.field = (uint16_t)field, .repetition = i, .component = (uint16_t)(p->component ? p->component : 1), .sub = (uint16_t)p->sub};
        struct hl7_span part = hl7_part(m, s, &path);
        if (!p->sub)
            part = hl7_split(m, part, m->sub, 1);
        hl7_text(m, part, text, sizeof text);
        if (same(p, text))
            return true;
    }
    return false;
}

/* Every parameter about a number, met by one of the patient's numbers. */
static bool fits_number(struct asking *a, unsigned field, uint64_t patient)
{
    bool fits = false;
    struct query *q = tx_query(a->ctx->tx, "SELECT domain_id, value FROM exchange_identity WHERE patient_id=$1 AND retired_ms=0", "i", (int64_t)patient);
    while (!fits && query_next(q)) {
        struct exchange_domain d;
        if (exchange_domain_load(a->ctx, (uint64_t)query_int(q, "domain_id"), &d))
            continue;
        fits = true;
        for (size_t i = 0; i < a->n_parameters; i++) {
            const struct parameter *p = &a->parameters[i];
            if (p->field != field || p->visit)
                continue;
            const char *part = p->component == 4 ? (p->sub == 2 ? d.oid : p->sub == 3 ? "ISO" : d.namespace_id) : p->component == 5 ? "PI" : query_text(q, "value");
            fits = fits && same(p, part);
        }
    }
    return query_end(q) == 0 && fits;
}

struct kept_pid {
    struct hl7_message m;
    char *pid, *text;
    uint64_t mother;
};

static bool open_pid(struct op_ctx *ctx, uint64_t patient, struct kept_pid *k)
{
    memset(k, 0, sizeof *k);
    k->pid = exchange_person_pid(ctx, patient, &k->mother);
    if (!k->pid)
        return false;
    if (exchange_pid_parse(&k->m, k->pid, &k->text) == 0)
        return true;
    hl7_fini(&k->m);
    free(k->text);
    free(k->pid);
    return false;
}

static void close_pid(struct kept_pid *k)
{
    hl7_fini(&k->m);
    if (k->text)
        explicit_bzero(k->text, strlen(k->text));
    free(k->text);
    free(k->pid);
}

static bool fits(struct asking *a, uint64_t patient)
{
    struct kept_pid k, mother = {0};
    bool yes = true;
    if (!open_pid(a->ctx, patient, &k))
        return false;
    bool has_mother = k.mother && open_pid(a->ctx, k.mother, &mother);
    for (size_t i = 0; i < a->n_parameters && yes; i++) {
        const struct parameter *p = &a->parameters[i];
        if (p->visit)
            continue;
        if (p->field == 3)
            yes = fits_number(a, 3, patient);
        else if (p->field == 21)
            yes = (k.mother && fits_number(a, 21, k.mother)) || query_fits_field(p, &k.m, "PID", 21);
        else
            yes = query_fits_field(p, &k.m, "PID", p->field) || (p->field == 6 && has_mother && query_fits_field(p, &mother.m, "PID", 5));
    }
    if (has_mother)
        close_pid(&mother);
    close_pid(&k);
    return yes;
}

/* ---- PDQ: answering ---- */

/* What the source said, with every number of the person in PID-3, the mother's name in PID-6 and number in PID-21 where it left them out. */
void query_put_pid(struct asking *a, uint64_t patient, const struct listed *numbers)
{
    struct kept_pid k, mother = {0};
    struct hl7_writer *w = &a->pids;
    if (!open_pid(a->ctx, patient, &k))
        return;
    bool has_mother = k.mother && open_pid(a->ctx, k.mother, &mother);
    const struct hl7_segment *s = hl7_segment(&k.m, "PID", 0);
    unsigned last = s->n > 21 || !has_mother ? s->n : 21;
    hl7_puts(w, "PID");
    for (unsigned i = 1; i <= (last > 3 ? last : 3); i++) {
        struct hl7_span field = hl7_field(&k.m, s, i);
        if (i == 6 && !field.len && has_mother)
            field = hl7_split(&mother.m, hl7_field(&mother.m, hl7_segment(&mother.m, "PID", 0), 5), mother.m.repeat, 1);
        hl7_puts(w, "|");
        if (i == 3)
            hl7_put(w, numbers->text.bytes ? numbers->text.bytes : "", numbers->text.len);
        else if (i == 21 && has_mother) {
            struct listed hers = {{0}, 0};
            query_list_numbers(a, k.mother, &hers);
            hl7_put(w, hers.n ? hers.text.bytes : field.at, hers.n ? hers.text.len : field.len);
            hl7_writer_fini(&hers.text);
        } else if (i != 2 && i != 4) /* numbers of older versions are in PID-3 */
            hl7_put(w, field.at, field.len);
    }
    hl7_puts(w, "\r");
    if (has_mother)
        close_pid(&mother);
    close_pid(&k);
}

static void answer_one(struct asking *a, uint64_t patient, bool merged_away)
{
    struct listed numbers = {{0}, 0};
    if (!merged_away)
        query_list_person(a, patient, &numbers);
    if (numbers.n || (merged_away && a->n_wanted == 0)) {
        if (a->from)
            a->from--;
        else if (a->n_pids < a->limit) {
            query_put_pid(a, patient, &numbers);
            query_told(a, patient);
        } else
            a->remaining++;
    }
    hl7_writer_fini(&numbers.text);
}

/* One PID a person; who was merged away stands beside the survivor, without numbers. */
static void answer_all(struct asking *a)
{
    uint64_t persons[CANDIDATES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < a->n_found; i++) {
        if (query_hides(a, a->found[i]))
            continue;
        uint64_t person = patient_index_person(a->ctx, a->found[i]);
        bool again = false, gone = !query_has_live(a->ctx, a->found[i]);
        for (size_t k = 0; k < n && !again && !gone; k++)
            again = persons[k] == person;
        if (!again && !gone)
            persons[n++] = person;
        if (!again)
            answer_one(a, a->found[i], gone);
    }
}

int query_read_paging(struct asking *a)
{
    char quantity[16], pointer[32];
    hl7_text_at(a->m, "RCP-2.1", quantity, sizeof quantity);
    hl7_text_at(a->m, "DSC-1", pointer, sizeof pointer);
    a->limit = strtoul(quantity, NULL, 10);
    a->limit = a->limit > 0 && a->limit < ANSWERS_MAX ? a->limit : ANSWERS_MAX;
    a->from = strtoul(pointer, NULL, 10);
    bool known = !pointer[strspn(pointer, "0123456789")];
    return known ? 0 : exchange_flaw(&a->flaw, 204, "unknown_pointer", "DSC-1"); /* to begin anew would never end */
}

int query_find(struct asking *a)
{
    uint64_t *maybe = calloc(CANDIDATES_MAX, sizeof *maybe);
    size_t n = maybe ? candidates(a, maybe) : 0;
    for (size_t i = 0; i < n; i++) {
        bool again = false;
        for (size_t k = 0; k < a->n_found && !again; k++)
            again = a->found[k] == maybe[i];
        if (!again && fits(a, maybe[i]))
            a->found[a->n_found++] = maybe[i];
    }
    int rc = maybe ? tx_error(a->ctx->tx) : ERR_UNAVAILABLE;
    free(maybe);
    return rc;
}

int query_pdq(struct asking *a)
{
    int rc = query_read_paging(a);
    size_t start = a->from;
    rc = rc ? rc : query_read_parameters(a);
    rc = rc ? rc : query_find(a);
    if (rc == 0)
        answer_all(a);
    a->from = start;
    return rc ? rc : tx_error(a->ctx->tx);
}
