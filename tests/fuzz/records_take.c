/* HL7 v2 messages of a hospital and of a laboratory through to the record: whatever comes is answered by what can be read again, and the database
 * takes every statement. Several an input, one behind the other, with "\n\f\n" between them; '\n' ends a segment. */
#include "records/exchange/exchange.h"
#include "tests/lib/fuzz_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct actor system_actor = {.system = true, .name = "exchange"};

static void source(const char *text)
{
    struct tx *tx = fuzz_world_begin();
    struct fault f = {0};
    struct op_ctx ctx = {.records = w.r, .tx = tx, .actor = &system_actor, .now_ms = w.now_ms, .fault = &f};
    json_t *args = world_json(text), *result = NULL;
    const struct op *op = op_find("exchange.source_set");
    if (fields_check(op->args, args, &f) || op->run(&ctx, args, &result) || tx_commit(tx)) fprintf(stderr, "%s %s\n", f.reason, f.text), abort();
    json_decref(args);
    json_decref(result);
}

static void begin(void)
{
    source("{\"source_id\":\"0000000000000501\",\"org_id\":\"0000000000000014\",\"name\":\"HIS\",\"application\":\"HIS\",\"domains\":[{\"namespace_id\":\"HIS\",\"oid\":\"1.2.3\"}],\"may_ask\":true,\"enabled\":true}");
    source("{\"source_id\":\"0000000000000502\",\"org_id\":\"000000000000000a\",\"name\":\"LAB\",\"application\":\"LAB\",\"domains\":[{\"namespace_id\":\"LAB\",\"oid\":\"1.2.4\"}],\"may_ask\":true,\"enabled\":true,\"assume\":\"missing\"}");
}

/* An acknowledgement, or two with a NUL between them, or none. */
static void judge(const struct hl7_writer *answer)
{
    if (answer->failed) abort();
    for (size_t at = 0, n; at < answer->len; at += n + 1) {
        struct hl7_message m;
        struct fault f = {0};
        n = strnlen(answer->bytes + at, answer->len - at);
        if (hl7_parse(&m, answer->bytes + at, n, HL7_UTF8, &f) || !hl7_is(&m.segments[0], "MSH")) fprintf(stderr, "%.*s\n", (int)n, answer->bytes + at), abort();
        hl7_fini(&m);
    }
}

static void take(struct tx *tx, char *bytes, size_t len)
{
    static struct exchange_told told;
    struct fault f = {0};
    struct hl7_writer answer = {0};
    struct exchange_in in = {.bytes = bytes, .len = len, .address = "10.0.0.9", .certificate = "", .careful = true};
    struct op_ctx ctx = {.records = w.r, .tx = tx, .actor = &system_actor, .now_ms = w.now_ms, .fault = &f};
    memset(&told, 0, sizeof told);
    for (size_t i = 0; i < len; i++)
        if (bytes[i] == '\n') bytes[i] = '\r';
    int rc = exchange_is_query(bytes, len) ? exchange_answer_query(&ctx, &in, &answer, &told) : exchange_take(&ctx, &in, &answer);
    if (rc && rc != ERR_MALFORMED && rc != ERR_TOO_LARGE) fprintf(stderr, "%s %s\n", err_wire(rc), f.text), abort();
    if (tx_error(tx)) abort(); /* a statement that does not hold */
    if (told.n > EXCHANGE_TOLD_MAX) abort();
    if (rc == 0) judge(&answer);
    hl7_writer_fini(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 16384) return 0;
    struct tx *tx = fuzz_world_begin();
    exchange_group_begin(records_parts(w.r)->exchange);
    quality_arrivals_begin(records_parts(w.r)->quality);
    fuzz_world_each(data, size, take, tx);
    tx_rollback(tx);
    return 0;
}
