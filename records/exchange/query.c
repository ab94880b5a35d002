/* Questions: PIX (ITI-9, QBP^Q23) - which other numbers has this patient; PDQ (ITI-21, QBP^Q22) - who fits this description. */
#include "records/exchange/exchange_private.h"
#include "records/exchange/person.h"
#include "records/parts.h"
#include "records/patient/index.h"
#include "records/term/fold.h"
#include "server/base/crypto.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANDIDATES_MAX 5000
#define PARAMETERS_MAX 24
#define DOMAINS_MAX 16
#define ANSWERS_MAX 500 /* of one reply; more come by continuation */

struct parameter {
    unsigned field, component, sub;
    char value[200], raw[200]; /* folded; as it was written */
    bool prefix;     /* "value*" */
};
struct asking {
    struct op_ctx *ctx;
    struct hl7_message *m;
    const struct hl7_segment *qpd;
    struct exchange_flaw flaw;
    bool pix;
    uint64_t wanted[DOMAINS_MAX]; /* domains whose numbers are asked for; none = all */
    size_t n_wanted;
    struct parameter parameters[PARAMETERS_MAX];
    size_t n_parameters;
    uint64_t found[CANDIDATES_MAX];
    size_t n_found;
    struct hl7_writer pids; /* the answer's PID segments */
    size_t n_pids, from, limit, remaining;
};

bool exchange_is_query(const char *bytes, size_t len)
{
    const char *p = bytes, *end = memchr(bytes, '\r', len);
    end = end ? end : bytes + len;
    while (p < end && memcmp(p, "MSH", end - p > 3 ? 3 : (size_t)(end - p)) != 0)
        p++;
    if (end - p < 5)
        return false;
    char field = p[3];
    for (int i = 0; i < 8 && p; i++) {
        p = memchr(p, field, (size_t)(end - p));
        p = p ? p + 1 : NULL;
    }
    return p && end - p >= 4 && memcmp(p, "QBP", 3) == 0;
}

static int wrong(struct asking *a, int code, const char *reason, unsigned field, unsigned component)
{
    exchange_flaw(&a->flaw, code, reason, NULL);
    a->flaw.at = (struct hl7_path){.segment = "QPD", .occurrence = 1, .field = (uint16_t)field, .repetition = 1, .component = (uint16_t)component};
    return ERR_INVALID;
}

/* ---- numbers ---- */

static int domain_of(struct asking *a, struct hl7_span cx, struct exchange_domain *d)
{
    char name[64], oid[128];
    struct hl7_span authority = hl7_split(a->m, cx, a->m->component, 4);
    hl7_text(a->m, hl7_split(a->m, authority, a->m->sub, 1), name, sizeof name);
    hl7_text(a->m, hl7_split(a->m, authority, a->m->sub, 2), oid, sizeof oid);
    return exchange_domain_find(a->ctx, name, oid, d);
}

/* QPD-4 of PIX, QPD-8 of PDQ: domains whose numbers are wanted. */
static int read_wanted(struct asking *a, unsigned field)
{
    struct hl7_span all = hl7_field(a->m, a->qpd, field);
    size_t n = hl7_count(a->m, all, a->m->repeat);
    for (unsigned i = 1; i <= n && i <= DOMAINS_MAX; i++) {
        struct exchange_domain d;
        struct hl7_span one = hl7_split(a->m, all, a->m->repeat, i);
        if (!one.len)
            continue;
        if (domain_of(a, one, &d))
            return wrong(a, 204, "unknown_domain", field, 0);
        a->wanted[a->n_wanted++] = d.id;
    }
    return 0;
}

static bool wants(const struct asking *a, uint64_t domain)
{
    for (size_t i = 0; i < a->n_wanted; i++)
        if (a->wanted[i] == domain)
            return true;
    return a->n_wanted == 0;
}

static bool has_live(struct op_ctx *ctx, uint64_t patient)
{
    return tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM exchange_identity WHERE patient_id=$1 AND retired_ms=0", "i", (int64_t)patient) > 0;
}

struct listed {
    struct hl7_writer text; /* joined by ~ */
    size_t n;
};

/* Live numbers; of a patient who was merged away (no live one is left) those he had, because they lead to the survivor now. */
static void list_numbers(struct asking *a, uint64_t patient, struct listed *out)
{
    bool live = has_live(a->ctx, patient);
    struct query *q = tx_query(a->ctx->tx, "SELECT domain_id, value, retired_ms FROM exchange_identity WHERE patient_id=$1 ORDER BY domain_id, value", "i",
                               (int64_t)patient);
    while (query_next(q)) {
        struct exchange_domain d;
        if ((live && query_int(q, "retired_ms")) || !wants(a, (uint64_t)query_int(q, "domain_id")) ||
            exchange_domain_load(a->ctx, (uint64_t)query_int(q, "domain_id"), &d))
            continue;
        hl7_puts(&out->text, out->n++ ? "~" : "");
        hl7_put_text(&out->text, query_text(q, "value"));
        hl7_puts(&out->text, "^^^");
        hl7_put_text(&out->text, d.namespace_id);
        hl7_puts(&out->text, "&");
        hl7_put_text(&out->text, d.oid);
        hl7_puts(&out->text, d.oid[0] ? "&ISO^PI" : "&^PI");
    }
    if (query_end(q))
        a->n_wanted = 0; /* the error sticks to the transaction */
}

/* The patient's own numbers first, then those of everyone who is the same person. */
static void list_person(struct asking *a, uint64_t patient, struct listed *out)
{
    uint64_t members[256], person = patient_index_person(a->ctx, patient);
    size_t n = 0;
    list_numbers(a, patient, out);
    struct query *q = tx_query(a->ctx->tx, "SELECT patient_id FROM mpi_member WHERE person_id=$1 AND patient_id<>$2 ORDER BY patient_id LIMIT 256", "ii",
                               (int64_t)person, (int64_t)patient);
    while (query_next(q))
        members[n++] = (uint64_t)query_int(q, "patient_id");
    if (query_end(q) == 0)
        for (size_t i = 0; i < n; i++)
            list_numbers(a, members[i], out);
}

/* ---- PIX ---- */

static int ask_pix(struct asking *a)
{
    char value[128];
    bool retired;
    struct exchange_domain d;
    struct listed numbers = {{0}, 0};
    struct hl7_span cx = hl7_split(a->m, hl7_field(a->m, a->qpd, 3), a->m->repeat, 1);
    hl7_text(a->m, hl7_split(a->m, cx, a->m->component, 1), value, sizeof value);
    if (!value[0])
        return wrong(a, 101, "required", 3, 1);
    if (domain_of(a, cx, &d))
        return wrong(a, 204, "unknown_domain", 3, 4);
    uint64_t patient = exchange_identity(a->ctx, d.id, value, &retired);
    if (!patient || retired)
        return tx_error(a->ctx->tx) ? tx_error(a->ctx->tx) : wrong(a, 204, "unknown_number", 3, 1);
    int rc = read_wanted(a, 4);
    if (rc)
        return rc;
    a->ctx->audit.patient = patient;
    list_person(a, patient, &numbers);
    if (numbers.n) { /* 3.9.4.2.2.6: no demographics; the name is there because it must be */
        hl7_puts(&a->pids, "PID|||");
        hl7_put(&a->pids, numbers.text.bytes, numbers.text.len);
        hl7_puts(&a->pids, "||~^^^^^^S\r");
        a->n_pids = 1;
    }
    hl7_writer_fini(&numbers.text);
    return tx_error(a->ctx->tx);
}

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
    int n = sscanf(name, "@PID.%u.%u.%u%c", &p->field, &p->component, &p->sub, &extra);
    if (n < 1 || extra || a->n_parameters == PARAMETERS_MAX || !can_be(p->field, p->component, p->sub))
        return wrong(a, 103, "unknown_parameter", 3, 1);
    size_t len = strlen(value);
    if (len && value[len - 1] == '*') {
        p->prefix = true;
        value[len - 1] = 0;
    }
    if (p->field == 7)
        p->prefix = true; /* a year finds everybody born in it */
    memcpy(p->raw, value, sizeof p->raw);
    text_fold(value, strlen(value), p->value, sizeof p->value);
    a->n_parameters += p->value[0] != 0;
    return 0;
}

static int read_parameters(struct asking *a)
{
    struct hl7_span all = hl7_field(a->m, a->qpd, 3);
    size_t n = hl7_count(a->m, all, a->m->repeat);
    int rc = 0;
    for (unsigned i = 1; i <= n && rc == 0; i++)
        rc = read_parameter(a, hl7_split(a->m, all, a->m->repeat, i));
    if (rc == 0 && a->n_parameters == 0)
        rc = wrong(a, 101, "required", 3, 0);
    return rc ? rc : read_wanted(a, 8);
}

static const struct parameter *said(const struct asking *a, unsigned field, unsigned component, unsigned sub)
{
    for (size_t i = 0; i < a->n_parameters; i++)
        if (a->parameters[i].field == field && a->parameters[i].component == component && (sub == 0 || a->parameters[i].sub == sub || a->parameters[i].sub == 0))
            return &a->parameters[i];
    return NULL;
}

/* ---- PDQ: candidates ---- */

static size_t by_number(struct asking *a, unsigned field, uint64_t *out, size_t cap)
{
    const struct parameter *value = said(a, field, 1, 0);
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
    if (said(a, 3, 1, 0))
        return by_number(a, 3, out, CANDIDATES_MAX);
    if (said(a, 21, 1, 0)) {
        uint64_t mothers[32];
        size_t n = by_number(a, 21, mothers, 32), children = 0;
        for (size_t i = 0; i < n; i++)
            children += exchange_person_children(a->ctx, mothers[i], out + children, CANDIDATES_MAX - children);
        return children;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct parameter *p = said(a, keys[i].field, keys[i].component, 0);
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

static bool fits_field(const struct parameter *p, struct hl7_message *pid, unsigned field)
{
    char text[256];
    const struct hl7_segment *s = hl7_segment(pid, "PID", 0);
    size_t n = hl7_repetitions(pid, s, field);
    for (uint16_t i = 1; i <= n; i++) {
        struct hl7_path path = {.field = (uint16_t)field, .repetition = i, .component = (uint16_t)(p->component ? p->component : 1), .sub = (uint16_t)p->sub};
        struct hl7_span part = hl7_part(pid, s, &path);
        if (!p->sub)
            part = hl7_split(pid, part, pid->sub, 1);
        hl7_text(pid, part, text, sizeof text);
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
            if (p->field != field)
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
        if (p->field == 3)
            yes = fits_number(a, 3, patient);
        else if (p->field == 21)
            yes = (k.mother && fits_number(a, 21, k.mother)) || fits_field(p, &k.m, 21);
        else
            yes = fits_field(p, &k.m, p->field) || (p->field == 6 && has_mother && fits_field(p, &mother.m, 5));
    }
    if (has_mother)
        close_pid(&mother);
    close_pid(&k);
    return yes;
}

/* ---- PDQ: answering ---- */

/* What the source said, with every number of the person in PID-3, the mother's name in PID-6 and number in PID-21 where it left them out. */
static void put_pid(struct asking *a, uint64_t patient, const struct listed *numbers)
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
            list_numbers(a, k.mother, &hers);
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
        list_person(a, patient, &numbers);
    if (numbers.n || (merged_away && a->n_wanted == 0)) {
        if (a->from)
            a->from--;
        else if (a->n_pids < a->limit) {
            put_pid(a, patient, &numbers);
            a->n_pids++;
            a->ctx->audit.patient = patient;
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
        uint64_t person = patient_index_person(a->ctx, a->found[i]);
        bool again = false, gone = !has_live(a->ctx, a->found[i]);
        for (size_t k = 0; k < n && !again && !gone; k++)
            again = persons[k] == person;
        if (!again && !gone)
            persons[n++] = person;
        if (!again)
            answer_one(a, a->found[i], gone);
    }
}

static int ask_pdq(struct asking *a)
{
    uint64_t *maybe = calloc(CANDIDATES_MAX, sizeof *maybe);
    char quantity[16], pointer[32];
    int rc = maybe ? read_parameters(a) : ERR_UNAVAILABLE;
    hl7_text_at(a->m, "RCP-2.1", quantity, sizeof quantity);
    hl7_text_at(a->m, "DSC-1", pointer, sizeof pointer);
    a->limit = strtoul(quantity, NULL, 10);
    a->limit = a->limit > 0 && a->limit < ANSWERS_MAX ? a->limit : ANSWERS_MAX;
    a->from = strtoul(pointer, NULL, 10);
    size_t start = a->from, n = rc ? 0 : candidates(a, maybe);
    for (size_t i = 0; i < n; i++) {
        bool again = false;
        for (size_t k = 0; k < a->n_found && !again; k++)
            again = a->found[k] == maybe[i];
        if (!again && fits(a, maybe[i]))
            a->found[a->n_found++] = maybe[i];
    }
    free(maybe);
    if (rc == 0)
        answer_all(a);
    if (a->n_pids != 1)
        a->ctx->audit.patient = 0;
    a->from = start;
    return rc ? rc : tx_error(a->ctx->tx);
}

/* ---- the reply ---- */

static void put_segment(struct hl7_writer *w, struct hl7_message *m, const struct hl7_segment *s)
{
    size_t n = s->n;
    hl7_put(w, s->name.at, 3);
    for (unsigned i = 1; i <= n; i++) {
        char text[1000];
        struct hl7_span field = hl7_field(m, s, i);
        hl7_puts(w, "|");
        if (m->charset == HL7_UTF8 && m->component == '^' && m->repeat == '~' && m->escape == '\\' && m->sub == '&')
            hl7_put(w, field.at ? field.at : "", field.len);
        else {
            hl7_text(m, field, text, sizeof text);
            hl7_puts(w, text);
        }
    }
    hl7_puts(w, "\r");
}

static void put_reply(struct asking *a, const char *code, const char *status, struct hl7_writer *w)
{
    char tag[64], text[80], event[8];
    hl7_text_at(a->m, "MSH-9.2", event, sizeof event);
    exchange_put_header(w, a->m, a->pix ? "RSP^K23^RSP_K23" : "RSP^K22^RSP_K22", a->ctx->now_ms);
    exchange_put_msa(w, a->m, &(struct exchange_ack){code, "", a->flaw.code ? &a->flaw : NULL});
    hl7_text(a->m, hl7_field(a->m, a->qpd, 2), tag, sizeof tag);
    hl7_puts(w, "QAK|");
    hl7_put_text(w, tag);
    hl7_puts(w, "|");
    hl7_puts(w, status);
    hl7_puts(w, "|");
    struct hl7_span name = hl7_field(a->m, a->qpd, 1);
    hl7_put(w, name.at ? name.at : "", name.len);
    if (!a->pix && !a->flaw.code) {
        snprintf(text, sizeof text, "|%zu|%zu|%zu", a->from + a->n_pids + a->remaining, a->n_pids, a->remaining);
        hl7_puts(w, text);
    }
    hl7_puts(w, "\r");
    if (a->qpd)
        put_segment(w, a->m, a->qpd);
    if (!a->flaw.code && a->n_pids)
        hl7_put(w, a->pids.bytes, a->pids.len);
    if (!a->flaw.code && a->remaining) {
        snprintf(text, sizeof text, "DSC|%zu|I\r", a->from + a->n_pids);
        hl7_puts(w, text);
    }
}

static int admit(struct asking *a, const struct exchange_in *in)
{
    char application[96], facility[96], event[8];
    struct exchange_source source;
    hl7_text_at(a->m, "MSH-3.1", application, sizeof application);
    hl7_text_at(a->m, "MSH-4.1", facility, sizeof facility);
    hl7_text_at(a->m, "MSH-9.2", event, sizeof event);
    int rc = exchange_source_find(a->ctx, application, facility, in->address, in->certificate, &source);
    if (rc && rc != ERR_NOT_FOUND && rc != ERR_DENIED)
        return rc;
    if (rc)
        return exchange_flaw(&a->flaw, 103, rc == ERR_DENIED ? "wrong_address" : "unknown_source", "MSH-3");
    a->ctx->audit.object = source.id;
    if (!source.may_ask)
        return exchange_flaw(&a->flaw, 207, "may_not_ask", "MSH-3");
    if (strcmp(event, "Q23") != 0 && strcmp(event, "Q22") != 0)
        return exchange_flaw(&a->flaw, 201, "unknown_query", "MSH-9");
    return a->qpd ? 0 : exchange_flaw(&a->flaw, 100, "segment_missing", "QPD");
}

static void encode(struct hl7_writer *w, enum hl7_charset to)
{
    size_t len;
    char *bytes = to == HL7_UTF8 || w->failed ? NULL : hl7_encode(to, w->bytes, w->len, &len);
    if (!bytes)
        return;
    w->len = 0;
    hl7_put(w, bytes, len);
    free(bytes);
}

int exchange_answer_query(struct op_ctx *ctx, const struct exchange_in *in, struct hl7_writer *w)
{
    struct hl7_message m;
    struct fault f = {0};
    char event[8];
    struct asking *a = calloc(1, sizeof *a);
    int rc = a ? hl7_parse(&m, in->bytes, in->len, HL7_UTF8, &f) : ERR_UNAVAILABLE;
    if (!a)
        return rc;
    if (rc) {
        hl7_fini(&m);
        free(a);
        return rc;
    }
    a->ctx = ctx;
    a->m = &m;
    a->qpd = hl7_segment(&m, "QPD", 0);
    hl7_text_at(&m, "MSH-9.2", event, sizeof event);
    a->pix = strcmp(event, "Q23") == 0;
    int admitted = admit(a, in);
    rc = admitted ? admitted : a->pix ? ask_pix(a) : ask_pdq(a);
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "%s found=%zu%s%s", a->pix ? "pix" : "pdq", a->n_pids, a->flaw.code ? " flaw=" : "", a->flaw.reason);
    if (rc == 0 || a->flaw.code) {
        rc = 0;
        if (admitted)
            exchange_put_ack(w, &m, &(struct exchange_ack){"AR", "", &a->flaw}, ctx->now_ms);
        else {
            put_reply(a, a->flaw.code ? "AE" : "AA", a->flaw.code ? "AE" : a->n_pids ? "OK" : "NF", w);
            encode(w, m.charset);
        }
    }
    rc = rc ? rc : a->pids.failed || w->failed ? ERR_UNAVAILABLE : 0;
    hl7_writer_fini(&a->pids);
    hl7_fini(&m);
    free(a);
    return rc;
}
