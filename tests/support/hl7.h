/* hl7 - sending messages straight to an open records (tests/support/desk.h) and looking at the answers. Once per test program. */
#ifndef YL_TESTS_SUPPORT_HL7_H
#define YL_TESTS_SUPPORT_HL7_H

#include "records/exchange/exchange.h"
#include "records/patient/index.h"
#include "tests/support/desk.h"

static const struct op *const hl7_tables[] = {exchange_ops, patient_ops, index_ops, NULL};
#define CALL(name, ...) desk_call(hl7_tables, name, desk_text(__VA_ARGS__))

static struct {
    char bytes[200000]; /* of the last answer; CR as \n, so that a test reads lines */
    size_t len;
    int error;
} hl7_answer;

static void hl7_done(void *ctx, const struct records_message_answer *a)
{
    (void)ctx;
    hl7_answer.error = a->error;
    hl7_answer.len = a->len < sizeof hl7_answer.bytes ? a->len : sizeof hl7_answer.bytes - 1;
    memcpy(hl7_answer.bytes, a->bytes, hl7_answer.len);
    hl7_answer.bytes[hl7_answer.len] = 0;
    for (size_t i = 0; i < hl7_answer.len; i++)
        if (hl7_answer.bytes[i] == '\r')
            hl7_answer.bytes[i] = '\n';
}

/* `text` may end lines by \n. */
static const char *hl7_send_from(const char *text, size_t len, const char *address, const char *certificate)
{
    char *bytes = malloc(len + 1);
    memcpy(bytes, text, len);
    bytes[len] = 0;
    for (size_t i = 0; i < len; i++)
        if (bytes[i] == '\n')
            bytes[i] = '\r';
    struct records_message m = {.bytes = bytes, .len = len, .address = address, .certificate = certificate};
    assert_int_equal(records_message_submit(desk.r, &m, hl7_done, NULL), 0);
    free(bytes);
    return hl7_answer.bytes;
}

static inline const char *hl7_send(const char *text)
{
    return hl7_send_from(text, strlen(text), "10.0.0.9", "");
}

/* A part of the last answer, or "". */
static inline const char *hl7_said(const char *path)
{
    static char out[4][4000];
    static int next;
    struct hl7_message m;
    struct fault f = {0};
    char *text = out[++next % 4];
    text[0] = 0;
    if (hl7_answer.len && hl7_parse(&m, hl7_answer.bytes, hl7_answer.len, HL7_UTF8, &f) == 0)
        hl7_text_at(&m, path, text, sizeof out[0]);
    if (hl7_answer.len)
        hl7_fini(&m);
    return text;
}

static inline size_t hl7_lines(const char *segment)
{
    size_t n = 0;
    for (const char *p = hl7_answer.bytes; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : p)
        n += strncmp(p, segment, 3) == 0;
    return n;
}

/* A source of institution `org`; domains: "\"namespace_id\":\"HIS\"" or NULL. Its id. */
static const char *hl7_source(const char *application, int org, const char *domain, const char *more)
{
    static char ids[8][17];
    static int next;
    char *id = ids[++next % 8];
    id_format(id_new(), id);
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    tx_upsert(tx, "org", NULL, "id,parent_id,kind,level,code,name,pinyin,phone,specialty,active", "iittttttti", (int64_t)org, (int64_t)0, "hospital", "",
              desk_text("org%d", org), desk_text("医院%d", org), "", "", "", (int64_t)1);
    assert_int_equal(tx_commit(tx), 0);
    json_t *s = CALL("exchange.source_set",
                     "{\"source_id\":\"%s\",\"org_id\":\"%016x\",\"name\":\"%s\",\"application\":\"%s\",\"domains\":[%s%s%s],\"may_ask\":true,\"enabled\":true%s%s}", id, org,
                     application, application, domain ? "{" : "", domain ? domain : "", domain ? "}" : "", more ? "," : "", more ? more : "");
    if (!s)
        fail_msg("%s %s", desk.fault.text, desk_wrong());
    json_decref(s);
    return id;
}
#endif
