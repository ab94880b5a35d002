/* Questions of other systems: who may ask, and the reply around what the files query_*.c find. */
#include "records/exchange/query_private.h"
#include "records/parts.h"
#include "records/patient/sharing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    return p && end - p >= 4 && (memcmp(p, "QBP", 3) == 0 || memcmp(p, "QCN", 3) == 0);
}

int query_wrong(struct asking *a, int code, const char *reason, unsigned field, unsigned component)
{
    exchange_flaw(&a->flaw, code, reason, NULL);
    a->flaw.at = (struct hl7_path){.segment = "QPD", .occurrence = 1, .field = (uint16_t)field, .repetition = 1, .component = (uint16_t)component};
    return ERR_INVALID;
}

bool query_hides(const struct asking *a, uint64_t patient)
{
    struct op_ctx as = *a->ctx;
    as.actor = &a->asker;
    return sharing_hides(&as, patient);
}

void query_told(struct asking *a, uint64_t patient)
{
    a->n_pids++;
    for (size_t i = 0; i < a->told.n; i++)
        if (a->told.patient[i] == patient)
            return;
    a->told.patient[a->told.n++] = patient; /* of ANSWERS_MAX at most */
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

static const char *const reply_types[] = {"RSP^K23^RSP_K23", "RSP^K22^RSP_K22", "RSP^ZV2^RSP_ZV2"};

static void put_reply(struct asking *a, const char *code, const char *status, struct hl7_writer *w)
{
    char tag[64], text[80];
    exchange_put_header(w, a->m, reply_types[a->kind], a->ctx->now_ms);
    exchange_put_msa(w, a->m, &(struct exchange_ack){code, "", a->flaw.code ? &a->flaw : NULL});
    hl7_text(a->m, hl7_field(a->m, a->qpd, 2), tag, sizeof tag);
    hl7_puts(w, "QAK|");
    hl7_put_text(w, tag);
    hl7_puts(w, "|");
    hl7_puts(w, status);
    hl7_puts(w, "|");
    struct hl7_span name = hl7_field(a->m, a->qpd, 1);
    hl7_put(w, name.at ? name.at : "", name.len);
    if (a->kind != ASK_PIX && !a->flaw.code) {
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

/* Only QBP and QCN come here (exchange_is_query). */
static bool kind_of(const char *event, enum question *kind)
{
    static const char *const events[] = {"Q23", "Q22", "ZV1", "J01"};
    for (int i = 0; i < 4; i++)
        if (strcmp(event, events[i]) == 0) {
            *kind = (enum question)i;
            return true;
        }
    return false;
}

/* Of a question that is cancelled (ITI-21, QCN^J01) nothing is kept here: it is cancelled. */
static int ask(struct asking *a)
{
    if (a->kind == ASK_CANCEL)
        return 0;
    return a->kind == ASK_PIX ? query_pix(a) : a->kind == ASK_PDQ ? query_pdq(a) : query_visits(a);
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
    a->asker.org.v = source.org_id;
    if (!source.may_ask)
        return exchange_flaw(&a->flaw, 207, "may_not_ask", "MSH-3");
    if (!kind_of(event, &a->kind))
        return exchange_flaw(&a->flaw, 201, "unknown_query", "MSH-9");
    if (a->kind == ASK_CANCEL)
        return hl7_segment(a->m, "QID", 0) ? 0 : exchange_flaw(&a->flaw, 100, "segment_missing", "QID");
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

int exchange_answer_query(struct op_ctx *ctx, const struct exchange_in *in, struct hl7_writer *w, struct exchange_told *told)
{
    struct hl7_message m;
    struct fault f = {0};
    static const char *const names[] = {"pix", "pdq", "visits", "cancel"};
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
    int admitted = admit(a, in);
    rc = admitted ? admitted : ask(a);
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "%s found=%zu%s%s", names[a->kind], a->n_pids, a->flaw.code ? " flaw=" : "", a->flaw.reason);
    if (rc == 0 || a->flaw.code) {
        rc = 0;
        if (!admitted && a->kind == ASK_CANCEL)
            exchange_put_ack(w, &m, &(struct exchange_ack){"AA", "", NULL}, ctx->now_ms);
        else if (admitted)
            exchange_put_ack(w, &m, &(struct exchange_ack){"AR", "", &a->flaw}, ctx->now_ms);
        else {
            put_reply(a, a->flaw.code ? "AE" : "AA", a->flaw.code ? "AE" : a->n_pids ? "OK" : "NF", w);
            encode(w, m.charset);
        }
    }
    rc = rc ? rc : a->pids.failed || w->failed ? ERR_UNAVAILABLE : 0;
    *told = a->told;
    hl7_writer_fini(&a->pids);
    hl7_fini(&m);
    free(a);
    return rc;
}
