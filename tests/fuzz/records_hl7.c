/* Messages of any sender: what parses must write back as it came, every part must lie inside it, and the usual table must make entries of it or
 * say what is wrong. The same bytes as the answer to a message of ours. */
#include "records/exchange/map.h"
#include "records/outgoing/er7.h"
#include <stdlib.h>
#include <string.h>

static void look(struct hl7_message *m)
{
    char text[300];
    for (size_t i = 0; i < m->n; i++)
        for (unsigned field = 0; field < 30; field++)
            for (uint16_t component = 0; component < 4; component++) {
                struct hl7_path p = {.field = (uint16_t)field, .repetition = component, .component = component, .sub = component & 1};
                struct hl7_span part = hl7_part(m, &m->segments[i], &p);
                if (part.at && (part.at < m->bytes || part.at + part.len > m->bytes + m->len))
                    abort();
                int64_t ms;
                int digits;
                if (hl7_text(m, part, text, field ? sizeof text : 7) >= sizeof text || hl7_time(part, 480, &ms, &digits) > 0)
                    abort();
            }
}

static void map(struct hl7_message *m)
{
    static struct exchange_map *table;
    struct exchange_entries entries;
    struct exchange_flaw flaw = {0};
    struct fault f = {0};
    char text[40];
    if (!table && exchange_map_open(&table, YL_SOURCE_DIR "/config/exchange", "hl7v2.json", &f))
        abort();
    int rc = exchange_map_apply(table, m, 480, &entries, &flaw);
    if (rc && (rc != ERR_INVALID || !flaw.code))
        abort();
    if (rc == 0)
        exchange_entries_fini(&entries);
    for (int i = 0; i < EXCHANGE_MEMBERS; i++)
        if (exchange_map_member(table, m, (enum exchange_member)i, text, sizeof text) >= sizeof text)
            abort();
}

/* Whatever is answered, what is shown of it is short and ends, and says neither the name nor the number. */
static void answer(const uint8_t *data, size_t size)
{
    static char message[] = "MSH|^~\\&|YILIAN\rPID|1||900101^^^YILIAN||Ouyang^Ruonan\r";
    struct hl7_writer sent = {.bytes = message, .len = sizeof message - 1};
    struct er7_verdict v;
    er7_judge((const char *)data, size, "1", &sent, &v);
    if (strnlen(v.text, sizeof v.text) == sizeof v.text || strstr(v.text, "900101") || strstr(v.text, "Ruonan"))
        abort();
    if (v.text[0] && v.word != ER7_REFUSED && v.word != ER7_LATER)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hl7_message m;
    struct hl7_span one;
    struct fault f = {0};
    struct hl7_path p;
    char name[40] = "";
    size_t at = 0;
    if (hl7_parse(&m, data, size, size & 1 ? HL7_LATIN1 : HL7_UTF8, &f) == 0) {
        char *out = malloc(size + 1);
        if (!out || hl7_write(&m, out, size) != size || memcmp(out, data, size) != 0)
            abort();
        free(out);
        look(&m);
        map(&m);
    } else if (!f.code)
        abort();
    hl7_fini(&m);
    while (hl7_batch_next(data, size, &at, &one))
        if (one.len == 0 || at > size)
            abort();
    answer(data, size);
    memcpy(name, data, size < sizeof name ? size : sizeof name - 1);
    if (hl7_path_parse(name, &p) == 0)
        hl7_path_print(&p, name, sizeof name);
    return 0;
}
