/* The diagnosis normal form does not hang on the very words of its judged lines: sides, stages, places of spread, pathologies, organs and
 * companions are exchanged for others of their kind, in the line and in what it should be read as alike. */
#include "tests/support/dx_gold.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define LINES_MAX 4000

static struct pinyin *pinyin;
static struct icd10 *icd10;
static struct dx *dx;
static char *lines[LINES_MAX]; /* judged lines that are right as they stand, as JSON */
static size_t n_lines;

static bool right(const char *line)
{
    struct dx_score s = {0};
    json_t *one = json_loads(line, 0, NULL);
    assert_non_null(one);
    int exact = dx_gold_line(dx, one, &s);
    json_decref(one);
    return exact;
}

static void load(const char *name)
{
    char path[600], *line = NULL;
    size_t cap = 0;
    snprintf(path, sizeof path, "%s/tests/unit/dx/%s", YL_SOURCE_DIR, name);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (n_lines < LINES_MAX && getline(&line, &cap, in) > 0)
        if (right(line))
            lines[n_lines++] = strdup(line);
    free(line);
    fclose(in);
}

static int setup(void **state)
{
    static const char *const sets[] = {"judged.jsonl", "grammar.jsonl", "everyday_1.jsonl", "everyday_2.jsonl", "everyday_3.jsonl"};
    const char *data = YL_SOURCE_DIR "/config/data";
    if (pinyin_open(&pinyin, data) || icd10_open(&icd10, data, pinyin) || dx_open(&dx, data, icd10))
        return 1;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        load(sets[i]);
    return 0;
}

static int teardown(void **state)
{
    while (n_lines)
        free(lines[--n_lines]);
    dx_close(dx);
    icd10_close(icd10);
    pinyin_close(pinyin);
    return 0;
}

/* `text` with each `from` written as `to`; the caller frees. */
static char *replaced(const char *text, const char *from, const char *to)
{
    size_t room = strlen(text) * (1 + strlen(to)) + 1, n = 0;
    char *out = malloc(room);
    assert_non_null(out);
    for (const char *p = text; *p;)
        if (strncmp(p, from, strlen(from)) == 0) {
            n += (size_t)snprintf(out + n, room - n, "%s", to);
            p += strlen(from);
        } else
            out[n++] = *p++;
    out[n] = 0;
    return out;
}

static bool has_any(const char *line, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        if (strstr(line, words[i]))
            return true;
    return false;
}

static void sides(void **state)
{
    /* what has a left or right of its own, or a part only one side has */
    static const char *const fixed[] = {"左心", "右心", "左室", "右室", "左房", "右房", "左前分支", "束支", "主干", "半结肠", "左结肠", "右结肠", "胃左", "胃右",
                                        "左外叶", "左内叶", "右前叶", "右后叶", "左外侧", "外叶", "后叶", "内叶", "前叶", "左右", "左、右", "左主", NULL};
    size_t n = 0;
    for (size_t i = 0; i < n_lines; i++) {
        const char *gold = strstr(lines[i], "\"gold\""), *l = strstr(lines[i], "左"), *r = strstr(lines[i], "右");
        if (!((l && l < gold) || (r && r < gold)) || has_any(lines[i], fixed))
            continue;
        char *a = replaced(lines[i], "左", "@"), *b = replaced(a, "右", "左"), *c = replaced(b, "@", "右");
        if (!right(c))
            fail_msg("%s", c);
        n++;
        free(a);
        free(b);
        free(c);
    }
    assert_true(n > 300);
}

struct swap {
    const char *from, *to, *icd_from, *icd_to;
    const char *unless[10]; /* lines with one of these are left alone */
    size_t least;          /* lines it must have been tried on */
};

static void try_swaps(const struct swap *swaps, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        const struct swap *s = &swaps[k];
        size_t n = 0;
        char value[100];
        snprintf(value, sizeof value, "\"%s\"", s->from); /* a whole value */
        for (size_t i = 0; i < n_lines; i++) {
            const char *gold = strstr(lines[i], "\"gold\""), *said = strstr(lines[i], s->from);
            if (!said || said > gold || !strstr(gold, value) || strstr(lines[i], s->to) || has_any(lines[i], s->unless) ||
                (s->icd_from && !strstr(gold, s->icd_from)))
                continue;
            char *a = replaced(lines[i], s->from, s->to), *b = replaced(a, s->icd_from ? s->icd_from : "\n", s->icd_to ? s->icd_to : "\n");
            if (!right(b))
                fail_msg("%s for %s: %s", s->to, s->from, b);
            n++;
            free(a);
            free(b);
        }
        if (n < s->least)
            fail_msg("%s for %s: %zu lines", s->to, s->from, n);
    }
}

static void stages(void **state)
{
    static const struct swap swaps[] = {{"ⅢB期", "ⅠA期", 0, 0, {0}, 3}, {"ⅡA期", "ⅣB期", 0, 0, {0}, 3}, {"Ⅳ期", "Ⅱ期", 0, 0, {0}, 3}, {"Ⅰ期", "Ⅲ期", 0, 0, {0}, 3},
                                        {"广泛期", "局限期", 0, 0, {0}, 3}};
    try_swaps(swaps, sizeof swaps / sizeof *swaps);
}

static void places_of_spread(void **state)
{
    static const struct swap swaps[] = {
        {"肾上腺", "脾", 0, 0, {"肾上腺癌", "转移癌", 0}, 5},
        {"肾上腺", "盆壁", 0, 0, {"肾上腺癌", "转移癌", 0}, 5},
        {"肾上腺", "子宫", 0, 0, {"肾上腺癌", "C5", "转移癌", 0}, 3},
        {"胸膜", "皮下", 0, 0, {"胸膜恶性", "间皮", "胸膜炎", "胸膜增厚", 0}, 5},
        {"胸膜", "眼眶", 0, 0, {"胸膜恶性", "间皮", "胸膜炎", "胸膜增厚", 0}, 5},
        {"卵巢", "甲状腺", 0, 0, {"卵巢癌", "卵巢恶性", "输卵管", 0}, 5},
        {"卵巢", "膀胱", 0, 0, {"卵巢癌", "卵巢恶性", "输卵管", 0}, 5},
        {"盆腔淋巴结", "肠系膜淋巴结", 0, 0, {0}, 5},
        {"腹膜后淋巴结", "腹股沟淋巴结", 0, 0, {0}, 5},
        {"锁骨上淋巴结", "颈部淋巴结", 0, 0, {"左锁骨上淋巴结转移癌", 0}, 5},
        {"肺门淋巴结", "隆突下淋巴结", 0, 0, {0}, 5},
        {"大网膜", "胸壁", 0, 0, {"大网膜恶性", 0}, 1},
    };
    try_swaps(swaps, sizeof swaps / sizeof *swaps);
}

static void pathologies(void **state)
{
    static const struct swap swaps[] = {
        {"腺鳞癌", "肉瘤样癌", 0, 0, {0}, 2},       {"腺鳞癌", "黏液表皮样癌", 0, 0, {0}, 2},     {"大细胞癌", "神经内分泌癌", 0, 0, {0}, 1},
        {"大细胞癌", "腺样囊性癌", 0, 0, {0}, 1},   {"印戒细胞癌", "未分化癌", 0, 0, {0}, 2},     {"印戒细胞癌", "管状腺癌", 0, 0, {0}, 2},
        {"浸润性小叶癌", "髓样癌", 0, 0, {0}, 2},   {"浸润性导管癌", "化生性癌", 0, 0, {0}, 2},
    };
    try_swaps(swaps, sizeof swaps / sizeof *swaps);
}

/* A line that speaks of one organ only by its name. */
static void organs(void **state)
{
    static const struct swap swaps[] = {
        {"胃癌", "食管癌", "C16", "C15", {"胃窦", "胃体", "胃底", "胃角", "贲门", "胃周", "残胃", 0}, 3},
        {"胃癌", "膀胱癌", "C16", "C67", {"胃窦", "胃体", "胃底", "胃角", "贲门", "胃周", "残胃", 0}, 3},
        {"胃癌", "胰腺癌", "C16", "C25", {"胃窦", "胃体", "胃底", "胃角", "贲门", "胃周", "残胃", 0}, 3},
        {"结肠癌", "直肠癌", "C18", "C20", {"升结", "横结", "降结", "状", "半", "曲", "盲", "C20", "右侧结", 0}, 3},
        {"结肠癌", "喉癌", "C18", "C32", {"升结", "横结", "降结", "状", "半", "曲", "盲", "右侧结", 0}, 3},
        {"乳腺癌", "卵巢癌", "C50", "C56", {"卵巢", "象限", "侧乳", "右乳", "左乳", "TNBC", "三阴", "炎性", 0}, 3},
    };
    try_swaps(swaps, sizeof swaps / sizeof *swaps);
}

static void companions(void **state)
{
    static const struct swap swaps[] = {
        {"2型糖尿病", "帕金森病", "E11", "G20", {"糖尿病肾", "糖尿病视", "糖尿病周", "糖尿病足", "酮症", "糖尿病性", 0}, 5},
        {"2型糖尿病", "胆囊结石", "E11", "K80", {"糖尿病肾", "糖尿病视", "糖尿病周", "糖尿病足", "酮症", "糖尿病性", 0}, 5},
        {"慢性阻塞性肺疾病", "系统性红斑狼疮", "J44", "M32", {"急性加重", 0}, 5},
        {"慢性乙型病毒性肝炎", "甲状腺功能减退症", "B18", "E03", {0}, 5},
        {"贫血", "癫痫", "D64", "G40", {"D5", "D6", 0}, 0},
        {"肺部感染", "前列腺增生", "J98", "N40", {0}, 5},
        {"肺部感染", "强直性脊柱炎", "J98", "M45", {0}, 5},
    };
    try_swaps(swaps, sizeof swaps / sizeof *swaps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sides), cmocka_unit_test(stages), cmocka_unit_test(places_of_spread), cmocka_unit_test(pathologies),
        cmocka_unit_test(organs), cmocka_unit_test(companions),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
