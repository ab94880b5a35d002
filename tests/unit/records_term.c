/* Folding, readings of names, and finding a diagnosis as a doctor types it. */
#include "records/term/fold.h"
#include "records/term/icd10.h"
#include "server/base/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct pinyin *pinyin;
static struct icd10 *icd10;

static int setup(void **state)
{
    return pinyin_open(&pinyin, YL_SOURCE_DIR "/config/data") || icd10_open(&icd10, YL_SOURCE_DIR "/config/data", pinyin);
}

static int teardown(void **state)
{
    icd10_close(icd10);
    pinyin_close(pinyin);
    return 0;
}

static const char *folded(const char *text)
{
    static char out[64];
    text_fold(text, strlen(text), out, sizeof out);
    return out;
}

static void folding(void **state)
{
    assert_string_equal(folded("ＡＢＣ　１２３"), "abc123");
    assert_string_equal(folded("阿迪力·买买提"), "阿迪力买买提");
    assert_string_equal(folded("阿迪力•买买提"), "阿迪力买买提");
    assert_string_equal(folded("Ⅱ型糖尿病"), "2型糖尿病");
    assert_string_equal(folded("\xff\xfe"), "\xef\xbf\xbd\xef\xbf\xbd");
    char cut[5];
    assert_int_equal(text_fold("张三", 6, cut, sizeof cut), 3); /* never half a character */
    assert_string_equal(cut, "张");
    char end[16];
    text_prefix_end("ab", end, sizeof end);
    assert_string_equal(end, "ac");
    text_prefix_end("张", end, sizeof end);
    assert_true(strcmp("张三", end) < 0 && strcmp("张", end) < 0 && strcmp("弡", end) >= 0);
    text_prefix_end("", end, sizeof end);
    assert_string_equal(end, "");
}

static const char *name_of(const char *name, int i)
{
    static char out[200];
    struct pinyin_name readings[2];
    int n = pinyin_name(pinyin, name, readings);
    if (i >= n)
        return "";
    snprintf(out, sizeof out, "%s %s", readings[i].full, readings[i].initials);
    return out;
}

static void names(void **state)
{
    assert_string_equal(name_of("王小明", 0), "wangxiaoming wxm");
    assert_string_equal(name_of("单雄信", 0), "shanxiongxin sxx");
    assert_string_equal(name_of("欧阳锋", 0), "ouyangfeng oyf");
    assert_string_equal(name_of("曾国藩", 0), "zengguofan zgf");
    assert_string_equal(name_of("覃春", 0), "qinchun qc");
    assert_string_equal(name_of("覃春", 1), "tanchun tc");
    assert_string_equal(name_of("吕布", 0), "lvbu lb");
    assert_string_equal(name_of("張三", 0), "zhangsan zs");
    assert_string_equal(name_of("阿迪力·买买提", 0), "adilimaimaiti adlmmt");
    assert_string_equal(name_of("Anna Lee", 0), "annalee annalee");
    assert_string_equal(name_of("", 0), "");
    assert_string_equal(name_of("，。", 0), "");
    char in[16];
    assert_true(pinyin_split(pinyin, "gaoxueya", in, sizeof in));
    assert_string_equal(in, "gxy");
    assert_true(pinyin_split(pinyin, "xianan", in, sizeof in));
    assert_false(pinyin_split(pinyin, "gxy", in, sizeof in));
    assert_false(pinyin_split(pinyin, "", in, sizeof in));
    assert_false(pinyin_split(pinyin, "anananananananananananananananananananx", in, sizeof in));
}

/* the first hit's code, or "" */
static const char *first(const char *query)
{
    static char code[64];
    struct icd10_hit hits[ICD10_LIMIT_MAX];
    size_t n = icd10_search(icd10, query, 10, hits);
    snprintf(code, sizeof code, "%.*s", n ? (int)hits[0].code_len : 0, n ? hits[0].code : "");
    return code;
}

static void finds_as_typed(void **state)
{
    assert_int_equal(icd10_count(icd10), 33304);
    assert_string_equal(first("I63.900"), "I63.900");
    assert_string_equal(first("i63900"), "I63.900");
    assert_string_equal(first("I63"), "I63.000");
    assert_string_equal(first("高血压"), "I10.x00x002");
    assert_string_equal(first("gxy"), "I10.x00x002");
    assert_string_equal(first("GXY"), "I10.x00x002");
    assert_string_equal(first("gaoxueya"), "I10.x00x002");
    assert_string_equal(first("ngs"), "I63.900");
    assert_string_equal(first("肺炎"), "J18.900");
    assert_string_equal(first("Ⅱ型糖尿病"), "E11.900");
    assert_string_equal(first("２型糖尿病"), "E11.900");
    assert_string_equal(first("脑 梗死"), "I63.900");
    assert_string_equal(first("gxy 3级"), "I10.x05");
    assert_string_equal(first("I63 小脑"), "I63.904");
    assert_string_equal(first(""), "");
    assert_string_equal(first("   "), "");
    assert_string_equal(first("没有这种病"), "");
    assert_string_equal(first("zzzzzzzz"), "");
    assert_string_equal(first("\xff\xff"), "");
}

static void order_and_limit(void **state)
{
    struct icd10_hit hits[ICD10_LIMIT_MAX], exact;
    size_t n = icd10_search(icd10, "I63", 200, hits);
    assert_true(n > 20 && n <= ICD10_LIMIT_MAX);
    for (size_t i = 1; i < n; i++)
        assert_true(strncmp(hits[i - 1].code, hits[i].code, 7) <= 0);
    assert_int_equal(icd10_search(icd10, "心", 3, hits), 3);
    assert_int_equal(icd10_search(icd10, "心", 0, hits), 0);
    assert_int_equal(icd10_find(icd10, "A00.000", &exact), 1);
    assert_int_equal(icd10_find(icd10, "A00", &exact), 0);
    assert_int_equal(icd10_find(icd10, "", &exact), 0);
    assert_int_equal(icd10_find(icd10, "Z99.900", &exact), 1);
}

static void every_code_is_found_by_itself(void **state)
{
    FILE *f = fopen(YL_SOURCE_DIR "/config/data/icd10_nhsa.tsv", "r");
    char line[1024];
    size_t n = 0;
    struct icd10_hit hit;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\t")] = 0;
        assert_int_equal(icd10_find(icd10, line, &hit), 1);
        n++;
    }
    fclose(f);
    assert_int_equal(n, icd10_count(icd10));
}

static void missing_files_are_told(void **state)
{
    struct pinyin *p;
    struct icd10 *x;
    assert_int_equal(pinyin_open(&p, "/nonexistent"), ERR_STORAGE);
    assert_int_equal(icd10_open(&x, "/nonexistent", pinyin), ERR_STORAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folding),         cmocka_unit_test(names),
        cmocka_unit_test(finds_as_typed),  cmocka_unit_test(order_and_limit),
        cmocka_unit_test(every_code_is_found_by_itself), cmocka_unit_test(missing_files_are_told),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
