/* Files of any bytes in any characters, through the tables of columns to messages: a message made of a row must be one, its times too, and what
 * cannot be made says why. The first byte picks the table, or a table made of the input itself. */
#include "records/exchange/rows.h"
#include "records/term/charset.h"
#include <stdlib.h>
#include <string.h>

static const struct exchange_rows *table(int which)
{
    static struct exchange_rows *tables[2];
    static const char *const files[] = {YL_SOURCE_DIR "/config/exchange/rows_results.json", YL_SOURCE_DIR "/config/exchange/rows_visits.json"};
    struct fault f = {0};
    if (!tables[which]) {
        json_t *from = json_load_file(files[which], 0, NULL);
        if (!from || exchange_rows_open(&tables[which], from, &f))
            abort();
        json_decref(from);
    }
    return tables[which];
}

static void make(const struct exchange_rows *rows, const char *body)
{
    const struct exchange_row_head head = {"LIS", "", "c1", 1795395600000};
    struct hl7_writer w = {0};
    struct exchange_flaw flaw = {0};
    struct hl7_message m;
    struct fault f = {0};
    char column[ROWS_NAME_BYTES];
    int rc = exchange_rows_message(rows, body, &head, &w, &flaw, column);
    if (rc && (rc != ERR_INVALID || !flaw.code || !flaw.reason[0]))
        abort();
    if (w.failed || hl7_parse(&m, w.bytes, w.len, HL7_UTF8, &f) || !hl7_is(&m.segments[0], "MSH") || (rc && m.n != 1))
        abort();
    hl7_fini(&m);
    hl7_writer_fini(&w);
}

static void rows_of(const struct exchange_rows *rows, const char *text, size_t len)
{
    struct csv c;
    struct fault f = {0};
    struct exchange_header h;
    char column[ROWS_NAME_BYTES], unused[60];
    if (csv_open_bytes(&c, "fuzz", text, len, &f))
        return;
    if (exchange_rows_header(rows, &c, &h, column, unused, sizeof unused) == 0)
        for (int n = 0; n < 50 && csv_next(&c, &f) == 1; n++) {
            char *body = exchange_rows_body(rows, &c, &h);
            if (!body)
                abort();
            make(rows, body);
            free(body);
        }
    csv_close(&c);
}

static void own_table(const char *text)
{
    struct fault f = {0};
    struct exchange_rows *rows;
    json_t *from = json_loads(text, 0, NULL);
    if (from && exchange_rows_open(&rows, from, &f) == 0) {
        make(rows, "a,b\n1,2\n");
        exchange_rows_close(rows);
    }
    json_decref(from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *charset;
    char time[32], *text;
    size_t len;
    if (size < 2 || !(text = charset_decode((const char *)data + 1, size - 1, &len, &charset)))
        return 0;
    if (strlen(text) != len)
        abort();
    if (exchange_rows_time(text, time) == 0 && strlen(time) < 4)
        abort();
    if (data[0] == '{')
        own_table(text);
    rows_of(table(data[0] & 1), text, len);
    make(table(data[0] & 1), text);
    free(text);
    return 0;
}
