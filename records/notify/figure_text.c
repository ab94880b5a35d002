/* What a notice says of a number: whose, which, how much, its limit. */
#include "records/notify/notify.h"
#include <stdio.h>
#include <string.h>

static const struct word {
    const char *word, *zh, *en;
} periods[] = {{"yesterday", "昨日", "yesterday"}, {"7d", "近7天", "last 7 days"}, {"30d", "近30天", "last 30 days"}, {"month", "本月", "this month"}, {0}},
  units[] = {{"cases", "件", ""}, {"times", "次", ""}, {"percent", "%", "%"}, {"points", "分", "points"}, {0}}, days = {"", "天", "days"}, hours = {"", "小时", "h"}, minutes = {"", "分钟", "min"};

static const struct word *find(const struct word *list, const char *word)
{
    static const struct word none = {"", "", ""};
    for (; word && list->word; list++)
        if (strcmp(list->word, word) == 0)
            return list;
    return &none;
}

/* As the cockpit says it: long times in days or hours. */
static void amount(const struct notify_figure *f, int64_t milli, bool zh, char *out, size_t cap)
{
    bool time = f->unit && strcmp(f->unit, "minutes") == 0;
    double value = (double)milli / 1000;
    const struct word *unit = !time ? find(units, f->unit) : value >= 2880 ? &days : value >= 120 ? &hours : &minutes;
    value /= unit == &days ? 1440 : unit == &hours ? 60 : 1;
    const char *text = zh ? unit->zh : unit->en;
    snprintf(out, cap, "%.*f%s%s", value == (double)(int64_t)value ? 0 : unit == find(units, "points") ? 2 : 1, value, *text && *text != '%' ? " " : "", text);
}

void notify_figure_words(const struct notify_figure *f, bool zh, struct notify_figure_words *out)
{
    char value[48];
    const struct word *period = find(periods, f->period);
    amount(f, f->milli, zh, value, sizeof value);
    amount(f, f->limit_milli, zh, out->limit, sizeof out->limit);
    out->beyond = zh ? (f->above ? "高于" : "低于") : f->above ? "above" : "below";
    if (zh)
        snprintf(out->what, sizeof out->what, "%s %s%s %s", f->org, period->zh, f->zh, value);
    else
        snprintf(out->what, sizeof out->what, "%s, %s%s%s %s", f->org, f->en, *period->en ? ", " : "", period->en, value);
}

char *notify_figure_pack(const struct notify_figure *f)
{
    json_t *o = f ? json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:I,s:I,s:I}", "zh", f->zh, "en", f->en, "org", f->org, "period", f->period, "unit", f->unit, "above", f->above, "value",
                              (json_int_t)f->milli, "limit", (json_int_t)f->limit_milli, "since", (json_int_t)f->since_ms)
                  : NULL;
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    return text;
}

json_t *notify_figure_open(const char *text, struct notify_figure *out)
{
    int above;
    json_int_t milli, limit, since;
    json_t *o = text ? json_loads(text, 0, NULL) : NULL;
    *out = (struct notify_figure){0};
    if (!o || json_unpack(o, "{s:s,s:s,s:s,s:s,s:s,s:b,s:I,s:I,s:I}", "zh", &out->zh, "en", &out->en, "org", &out->org, "period", &out->period, "unit", &out->unit, "above", &above, "value",
                          &milli, "limit", &limit, "since", &since)) {
        json_decref(o);
        return NULL;
    }
    out->above = above != 0;
    out->milli = milli;
    out->limit_milli = limit;
    out->since_ms = since;
    return o;
}
