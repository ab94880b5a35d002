/* yilianctl inventory - the inventory as lines of text, a class each: counts and shares only. */
#include "server/ctl/ctl.h"
#include <stdio.h>
#include <time.h>

static const char *in_chinese(const json_t *label)
{
    const char *zh = json_string_value(json_object_get(label, "zh"));
    return zh ? zh : "";
}

static void print_when(const json_t *ms)
{
    char text[20] = "-";
    time_t t = (time_t)(json_integer_value(ms) / 1000);
    struct tm tm;
    if (json_is_integer(ms) && localtime_r(&t, &tm))
        strftime(text, sizeof text, "%Y-%m-%d %H:%M", &tm);
    printf("\t%s", text);
}

/* "without identity number 4.0%": of the newest rows only. */
static void print_missing(const json_t *table)
{
    json_int_t of = json_integer_value(json_object_get(table, "sampled"));
    const json_t *column;
    size_t i;
    json_array_foreach(json_object_get(table, "columns"), i, column)
    {
        json_int_t empty = json_integer_value(json_object_get(column, "empty"));
        if (empty)
            printf("\t%s缺%.1f%%", in_chinese(json_object_get(column, "label")), 100.0 * (double)empty / (double)of);
    }
}

static void print_class(const json_t *c)
{
    const json_t *owner = json_object_get(c, "owner");
    printf("%s\t%lld\tL%lld\t%s%s", in_chinese(json_object_get(c, "label")), (long long)json_integer_value(json_object_get(c, "count")),
           (long long)json_integer_value(json_object_get(c, "level")), json_is_true(json_object_get(owner, "each")) ? "各机构" : "",
           in_chinese(json_object_get(owner, "label")));
    print_when(json_object_get(c, "last_ms"));
    const json_t *table;
    size_t i;
    json_array_foreach(json_object_get(c, "tables"), i, table) print_missing(table);
    putchar('\n');
}

int ctl_inventory(struct ctl *c)
{
    struct call call = {.op = "inventory.get", .credential = records_system_credential(c->records), .args = json_object()};
    struct reply reply;
    const json_t *class;
    size_t i;
    records_call(c->records, &call, &reply);
    json_decref(call.args);
    int code = reply.error ? ctl_complain(&reply.fault) : 0;
    json_array_foreach(json_object_get(reply.result, "classes"), i, class) print_class(class);
    reply_clear(&reply);
    return code;
}
