/* The rule table as a document in two languages: what the engine runs is what people read. */
#include "records/flow/flow.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct out {
    FILE *f;
    const struct flow_def *def;
    bool zh;
};

static const char *say(const struct out *o, const struct flow_label *l)
{
    return o->zh ? l->zh : l->en;
}

static void list_bits(const struct out *o, uint64_t bits, const struct flow_label *labels, uint8_t n,
                      const char *none)
{
    bool any = false;
    for (uint8_t i = 0; i < n; i++)
        if (bits >> i & 1) {
            fprintf(o->f, "%s%s", any ? (o->zh ? "、" : ", ") : "", say(o, &labels[i]));
            any = true;
        }
    if (!any)
        fputs(none, o->f);
}

static void from_states(const struct out *o, uint64_t from)
{
    bool any = false;
    for (uint8_t i = 0; i < o->def->n_states; i++)
        if (from >> i & 1) {
            fprintf(o->f, "%s%s", any ? "<br>" : "", o->def->states[i].label.word);
            any = true;
        }
}

static void conditions(const struct out *o, const struct flow_rule *r)
{
    const struct flow_def *d = o->def;
    const char *sep = "";
    for (uint8_t i = 0; i < d->n_facts; i++)
        if ((r->need | r->never) >> i & 1) {
            const char *no = r->never >> i & 1 ? (o->zh ? "非" : "not ") : "";
            fprintf(o->f, "%s%s%s", sep, no, say(o, &d->facts[i]));
            sep = "; ";
        }
    for (uint8_t i = 0; i < d->n_checks; i++)
        if (r->check >> i & 1) {
            fprintf(o->f, "%s%s", sep, say(o, &d->checks[i]));
            sep = "; ";
        }
    if (!*sep)
        fputs("-", o->f);
}

static void clocks_of(const struct out *o, const struct flow_rule *r)
{
    const struct flow_def *d = o->def;
    const char *sep = "";
    for (uint8_t i = 0; i < d->n_clocks; i++) {
        const char *sign = r->start >> i & 1 ? "▶ " : r->stop >> i & 1 ? "■ " : NULL;
        if (sign) {
            fprintf(o->f, "%s%s%s", sep, sign, say(o, &d->clocks[i].label));
            sep = "<br>";
        }
    }
    if (r->pause) {
        fprintf(o->f, "%s%s", sep, o->zh ? "Ⅱ 其余暂停" : "Ⅱ others paused");
        sep = "<br>";
    }
    if (!*sep)
        fputs("-", o->f);
}

static void print_rules(const struct out *o)
{
    const struct flow_def *d = o->def;
    fputs(o->zh ? "\n### 规则\n\n| 从 | 动作 | 到 | 谁 | 条件 | 通知 | 时钟 | 系统工作 "
                  "|\n|---|---|---|---|---|---|---|---|\n"
                : "\n### Rules\n\n| From | Act | To | Who | Guard | Told | Clocks | Work "
                  "|\n|---|---|---|---|---|---|---|---|\n",
          o->f);
    for (size_t i = 0; i < d->n_rules; i++) {
        const struct flow_rule *r = &d->rules[i];
        const struct flow_label *e = &d->events[r->event].label;
        fputs("| ", o->f);
        from_states(o, r->from);
        fprintf(o->f, " | %s `%s` | %s | ", say(o, e), e->word,
                r->to == FLOW_SAME   ? (o->zh ? "(不变)" : "(same)")
                : r->to == FLOW_BACK ? (o->zh ? "(原状态)" : "(where it was)")
                                     : d->states[r->to].label.word);
        list_bits(o, r->who, d->parties, d->n_parties, "-");
        fputs(" | ", o->f);
        conditions(o, r);
        fputs(" | ", o->f);
        list_bits(o, r->notice ? r->tell : 0, d->parties, d->n_parties, "-");
        fputs(" | ", o->f);
        clocks_of(o, r);
        fputs(" | ", o->f);
        list_bits(o, r->work, d->works, d->n_works, "-");
        fputs(" |\n", o->f);
    }
}

static void print_states(const struct out *o)
{
    const struct flow_def *d = o->def;
    fputs(o->zh ? "\n### 状态\n\n| 代码 | 名称 | 责任方 | |\n|---|---|---|---|\n"
                : "\n### States\n\n| Code | Name | Held by | |\n|---|---|---|---|\n",
          o->f);
    for (uint8_t i = 0; i < d->n_states; i++) {
        const struct flow_state *s = &d->states[i];
        fprintf(o->f, "| %s | %s | %s | %s |\n", s->label.word, say(o, &s->label),
                s->holder == 255 ? "-" : say(o, &d->parties[s->holder]),
                s->flags & FLOW_TERMINAL     ? (o->zh ? "终态" : "final")
                : s->flags & FLOW_PRESESSION ? (o->zh ? "可过期" : "may expire")
                                             : "");
    }
}

static void print_clocks(const struct out *o, const struct flow_terms *const terms[3])
{
    const struct flow_def *d = o->def;
    fputs(
        o->zh
            ? "\n### 时钟\n\n| 时钟 | 常规 | 紧急 | 特急 | 到期 |\n|---|---|---|---|---|\n"
            : "\n### Clocks\n\n| Clock | Routine | Urgent | Emergency | When due |\n|---|---|---|---|---|\n",
        o->f);
    for (uint8_t i = 0; i < d->n_clocks; i++) {
        const struct flow_clock *k = &d->clocks[i];
        fprintf(o->f, "| %s `%s` |", say(o, &k->label), k->label.word);
        for (int u = 0; u < 3; u++) {
            char text[16];
            duration_format(terms[u][i].term, text);
            fprintf(o->f, " %s |", text);
        }
        if (k->on_due != 255)
            fprintf(o->f, " %s |\n", say(o, &d->events[k->on_due].label));
        else
            fprintf(o->f, " %s |\n",
                    k->moment ? (o->zh ? "提醒" : "reminder") : (o->zh ? "逐级上报 L1-L4" : "ladder L1-L4"));
    }
}

static void print_language(const struct out *o, const struct flow_terms *const terms[3])
{
    fprintf(o->f, "\n## %s\n", say(o, &o->def->title));
    print_states(o);
    print_rules(o);
    print_clocks(o, terms);
}

char *flow_print(const struct flow_def *def, const struct flow_terms *const terms[3])
{
    char *text = NULL;
    size_t len = 0;
    struct out o = {.f = open_memstream(&text, &len), .def = def, .zh = true};
    if (!o.f)
        return NULL;
    fprintf(o.f,
            "# %s %s\n\nPrinted from the rule table by `yilianctl flow print`; a test holds it equal. Do not "
            "edit.\n"
            "由规则表打印(`yilianctl flow print`),测试保证一致,请勿手改。\n",
            def->title.zh, def->title.en);
    print_language(&o, terms);
    o.zh = false;
    print_language(&o, terms);
    fclose(o.f);
    return text;
}
