/* Why two records are one person or two, in the words of the index steward. */
#include "records/mpi/link.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const part_words[MPI_PARTS] = {"姓", "名", "出生日期", "性别", "证件号码", "电话", "地址", "邮政编码", "医保号"};
static const char *const level_words[MPI_PARTS][MPI_LEVELS] = {
    {"相同", "读音相同或仅差一个字母", "字形相近、漏字或缩写", "部分相同", "不同", "", "", "未填写或不可比"},
    {"相同", "读音相同或仅差一个字母", "字形相近、漏字、颠倒或缩写", "部分相同", "不同", "", "", "未填写或不可比"},
    {"相同", "年份相同，月日不详", "疑似笔误：月日颠倒、错一位、差一年或十年", "相差不超过一个半月", "不同", "", "", "未填写"},
    {"相同", "不同", "", "", "", "", "", "未填写"},
    {"相同", "疑似录错：错位、颠倒或截断", "均有效，同地区同生日但号码不同（如双胞胎）", "均有效但不同", "不同", "", "", "未填写或不可信"},
    {"相同", "仅差一位", "不同", "", "", "", "", "未填写"},
    {"相同", "一方为简写", "大部分相同", "部分相同", "不同", "", "", "未填写"},
    {"相同", "仅差一位", "不同", "", "", "", "", "未填写"},
    {"相同", "疑似录错", "不同", "不同", "不同", "", "", "未填写或不可信"},
};
static const char *const class_words[MPI_CLASSES] = {"同一人",       "偶然相似",           "同户家人",     "双胞胎或同日登记的亲属", "同名同生日的另一人",
                                                     "借用证件",     "同生日同姓的另一人", "同生日同名的另一人", "同名的另一人",           "同生日的另一人",
                                                     "同街区同姓的另一人", "同街区同名的另一人", "同街区同生日的另一人"};
static const char *const bar_words[] = {"", "两人均为身份不明患者，永不相互归并", "两个有效的居民身份证号不同",
                                        "同一母亲名下的两名新生儿", "新生儿登记在母亲名下，对方为母亲本人"};

struct text {
    char *p;
    size_t n, cap;
    bool failed;
};

static void put(struct text *t, const char *fmt, ...) YL_PRINTF(2, 3);
static void put(struct text *t, const char *fmt, ...)
{
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n < 0 || t->failed)
        return;
    size_t len = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    if (t->n + len + 1 > t->cap) {
        size_t cap = t->cap * 2 + len + 1024;
        char *grown = realloc(t->p, cap);
        if (!grown) {
            t->failed = true;
            return;
        }
        t->p = grown;
        t->cap = cap;
    }
    memcpy(t->p + t->n, line, len + 1);
    t->n += len;
}

static void put_parts(struct text *t, const struct mpi_link *l, const struct mpi_match *match)
{
    enum mpi_class rival = mpi_model_rival(&l->model, match);
    for (int part = 0; part < MPI_PARTS; part++) {
        float weight = mpi_model_part(&l->model, match, (enum mpi_part)part, rival);
        put(t, "  %s：%s", part_words[part], level_words[part][match->level[part]]);
        if (match->level[part] == 0 && match->share[part] > 0)
            put(t, "（每 %.0f 条记录约有 1 条是此值）", 1 / (double)match->share[part]);
        if (match->level[part] != MPI_MISSING)
            put(t, "  %+.2f", (double)weight);
        put(t, "\n");
    }
    put(t, "  事先可能（比较过的记录中两者之比）  %+.2f\n", (double)(l->model.prior[CLASS_PERSON] - l->model.prior[rival]));
    put(t, "最需排除的另一种可能：%s\n", class_words[rival]);
}

static void put_flags(struct text *t, const char *which, const struct mpi_record *r)
{
    if (r->flags & MPI_UNIDENTIFIED)
        put(t, "%s：身份不明患者。\n", which);
    if (r->flags & MPI_CARD_ODD)
        put(t, "%s：证件号码中的出生日期与登记的不符，疑似借用他人证件，证件号码与医保号不作依据。\n", which);
    if (r->flags & MPI_ID_SHARED)
        put(t, "%s：许多不同的人登记了同一证件号码，该号码不作依据。\n", which);
    if (r->flags & MPI_CARD_WRONG)
        put(t, "%s：证件号码长度或校验码不正确。\n", which);
    if (r->child)
        put(t, "%s：新生儿，登记的是母亲姓名。\n", which);
}

/* They are together, or not, for a reason that lies in other records. */
static void put_others(struct text *t, const struct mpi_link *l, uint32_t a, uint32_t b, float odds)
{
    uint32_t members = 0, barred = 0;
    bool together = l->cluster[a] == l->cluster[b];
    for (uint32_t i = 0; i < l->set->n; i++) {
        members += l->cluster[i] == l->cluster[a];
        if (!together && l->cluster[i] == l->cluster[b])
            for (uint32_t j = 0; j < l->set->n && !barred; j++)
                barred = l->cluster[j] == l->cluster[a] && mpi_barred(l->set, &l->set->records[i], &l->set->records[j]);
    }
    if (together && odds <= l->options.odds)
        put(t, "单看这两条不足以归并；它们经由同组的其他记录归为一人（本组共 %u 条）。\n", members);
    if (!together && odds > l->options.odds)
        put(t, barred ? "单看这两条可以归并；但两组中有互相排斥的记录（有效证件号不同等），故分开。\n"
                      : "单看这两条可以归并；但两组记录合起来看，不像同一人，故分开。\n");
}

char *mpi_link_explain(const struct mpi_link *l, uint32_t a, uint32_t b)
{
    struct text t = {0};
    struct mpi_match match;
    const struct mpi_record *x = &l->set->records[a], *y = &l->set->records[b];
    mpi_compare(l->set, x, y, &match);
    enum mpi_bar bar = mpi_barred(l->set, x, y);
    float odds = mpi_model_odds(&l->model, &match);
    put(&t, "结论：%s\n", l->cluster[a] == l->cluster[b] ? "同一人" : "不是同一人");
    put(&t, "这两条记录属同一人的可能性：%.4f%%（优势的自然对数 %+.2f，归并线 %+.2f）\n", 100 / (1 + exp(-(double)odds)), (double)odds,
        (double)l->options.odds);
    if (bar)
        put(&t, "禁止归并：%s。\n", bar_words[bar]);
    put(&t, "逐项比较（正数支持同一人，负数反对）：\n");
    put_parts(&t, l, &match);
    put_flags(&t, "甲", x);
    put_flags(&t, "乙", y);
    if (!bar)
        put_others(&t, l, a, b, odds);
    if (t.failed) {
        free(t.p);
        return NULL;
    }
    return t.p;
}

static const char *const part_english[MPI_PARTS] = {"Family name", "Given name", "Date of birth", "Sex", "Document number",
                                                    "Phone", "Address", "Postcode", "Insurance number"};
#define NOT_SAID "not given, or not comparable"
static const char *const level_english[MPI_PARTS][MPI_LEVELS] = {
    {"the same", "sounds the same or one letter off", "looks alike, a character missing, or shortened", "partly the same", "different", "", "", NOT_SAID},
    {"the same", "sounds the same or one letter off", "looks alike, a character missing or swapped, or shortened", "partly the same", "different", "", "", NOT_SAID},
    {"the same", "the same year, day not known", "likely a slip: day and month swapped, one digit, one or ten years off", "within a month and a half",
     "different", "", "", "not given"},
    {"the same", "different", "", "", "", "", "", "not given"},
    {"the same", "likely a slip: digits swapped, wrong or cut off", "both valid, same area and birthday, numbers differ (twins, say)", "both valid and different",
     "different", "", "", "not given, or not to be trusted"},
    {"the same", "one digit off", "different", "", "", "", "", "not given"},
    {"the same", "one is a short form", "mostly the same", "partly the same", "different", "", "", "not given"},
    {"the same", "one digit off", "different", "", "", "", "", "not given"},
    {"the same", "likely a slip", "different", "different", "different", "", "", "not given, or not to be trusted"},
};
static const char *const class_english[MPI_CLASSES] = {
    "the same person", "alike by chance", "family of one household", "twins, or relatives registered on one day",
    "another person of the same name and birthday", "somebody with a borrowed card", "another person of the same birthday and family name",
    "another person of the same birthday and given name", "another person of the same name", "another person of the same birthday",
    "another person of that street or postcode and family name", "another person of that street or postcode and given name",
    "another person of that street or postcode and birthday"};
static const char *const bar_english[] = {"", "both are unidentified patients, who are never put together", "two valid identity numbers that differ",
                                          "two newborns under one mother", "a newborn under the mother's name, and the mother herself"};

struct mpi_words mpi_part_label(enum mpi_part part)
{
    return (struct mpi_words){part_words[part], part_english[part]};
}

struct mpi_words mpi_level_label(enum mpi_part part, uint8_t level)
{
    uint8_t known = level < MPI_LEVELS ? level : MPI_MISSING;
    return (struct mpi_words){level_words[part][known], level_english[part][known]};
}

struct mpi_words mpi_bar_label(enum mpi_bar bar)
{
    return (struct mpi_words){bar_words[bar], bar_english[bar]};
}

struct mpi_words mpi_class_label(enum mpi_class rival)
{
    return (struct mpi_words){class_words[rival], class_english[rival]};
}
