/* patients - made people of a county and what registration desks write of them, with the truth known: households, twins, namesakes,
 * newborns under the mother's name, the unidentified, lent cards; values left out, mistyped, in other columns or filled in with anything.
 * How much of each is a `struct patients_mix`. By lot (dice.h). */
#ifndef YL_TESTS_SUPPORT_PATIENTS_H
#define YL_TESTS_SUPPORT_PATIENTS_H

#include "records/patient/identity.h"
#include "tests/support/dice.h"
#include <stdbool.h>
#include <stdio.h>

enum patient_field { P_FAMILY, P_GIVEN, P_SEX, P_YEAR, P_MONTH, P_DAY, P_CARD, P_PHONE, P_TOWN, P_DISTRICT, P_STREET, P_HOUSE, P_ROOM, P_POSTCODE,
                     P_INSURANCE, P_FIELDS };

struct patient {
    uint32_t truth;
    char text[P_FIELDS][64];
};

/* Shares of 0 to 1. */
struct patients_mix {
    double twins, namesakes, newborns, nobodies, lent, one_phone; /* of households, of persons, of records; `one_phone`: of households */
    double again; /* that one more record of the person follows */
    double wrong[P_FIELDS]; /* of a value that is there */
    double left_out[P_FIELDS];
    double filler;       /* of what is left out, a word or number that says nothing */
    double clinic_phone; /* records under the clinic's own */
    double other_column; /* a number in the phone's place and the other way round, family and given name exchanged */
    double latin;        /* Chinese names in letters, traditional ones as often */
};

static inline bool happens(double p)
{
    return roll(1000000) < p * 1e6;
}

/* One of a list of equal chance; of `skewed` ones the first far more often. */
static inline const char *one_of(const char *const *list, uint32_t n, bool skewed)
{
    uint32_t at = roll(n);
    return list[skewed ? at * roll(n) / n : at];
}
#define ONE_OF(list, skewed) one_of(list, sizeof list / sizeof *list, skewed)

/* Characters that are taken for one another: they sound or look alike, or are one character's two forms. */
static const char *const patients_alike[] = {
    "伟玮炜偉", "芳方舫", "娜那", "敏民", "静靖婧靜", "丽莉利麗", "强蔷強", "磊雷", "军君均軍", "洋阳杨扬楊陽", "勇永咏", "艳燕焰豔", "杰洁捷傑潔",
    "娟涓捐", "涛焘濤", "明名铭", "超钞", "秀绣", "霞侠", "平萍苹", "刚钢綱", "桂贵贵貴", "英瑛莹", "华桦骅華", "玉钰育", "红宏虹洪紅", "玲铃灵玪",
    "芬纷分", "彩采", "春椿舂", "菊局", "兰岚蓝蘭", "凤奉鳳", "梅媒", "琳林淋", "云芸雲", "莲连蓮", "荣容蓉榮", "香湘", "月岳", "佳嘉家", "琼穷", "珍真贞",
    "晶精", "国郭囯國", "建健", "志智", "文雯纹", "海浩", "德得", "辉晖輝", "峰锋丰", "波博", "斌彬", "宇雨", "欣新心", "怡宜", "子梓紫", "涵晗",
    "浩皓昊", "泽择澤", "轩宣", "诗施詩", "妍研", "俊骏", "鹏朋鵬", "飞非飛", "龙隆龍"};
static const char *const patients_families[] = {
    "王汪玊", "李理黎", "张章張", "刘浏劉", "陈程陳", "杨扬楊", "黄皇", "赵兆趙", "吴伍吳", "周邹", "徐许", "孙荪孫", "马麻馬", "朱珠", "胡湖", "郭国", "何荷",
    "林淋", "高膏", "罗萝羅", "郑政鄭", "梁粱", "谢榭謝", "宋送", "唐糖", "韩寒韓", "冯逢馮", "于余", "董懂", "萧肖蕭", "曹槽", "袁园", "邓登鄧", "傅付",
    "沈审", "曾增", "彭朋", "吕侣呂", "苏酥蘇", "卢芦盧", "蒋奖蔣", "蔡菜", "贾甲賈", "丁叮", "魏味", "薛学", "叶葉", "阎闫", "潘番", "杜肚", "戴带", "夏下"};
static const char *const patients_towns[] = {"海安市", "明州市", "清河市", "永宁市"};
static const char *const patients_districts[] = {"城东区", "城西区", "河口县", "新桥县", "龙泉镇", "柳林乡", "高新区", "石门县", "三江县", "白沙镇"};
static const char *const patients_streets[] = {"中山路", "和平街", "建国路", "幸福里", "健康路", "工农街", "滨江大道", "文庙巷", "北门外大街", "大王庄",
                                               "小李村", "前进路", "东风路", "光明街", "学院路", "梅园小区", "紫荆花园", "五一路", "桥头村", "青年路"};
static const char *const patients_fillers[] = {"不详", "无", "未知", "000000", "-", "N/A", "待补", "null", "1900-01-01", "暂无"};

static inline void patients_character(const char *const *list, uint32_t n, bool skewed, char out[8])
{
    char first[4];
    memcpy(first, one_of(list, n, skewed), 3);
    first[3] = 0;
    strcpy(out, first);
}

static inline void patients_given(char *out)
{
    char one[8], two[8] = "";
    patients_character(patients_alike, sizeof patients_alike / sizeof *patients_alike, true, one);
    if (happens(0.75))
        patients_character(patients_alike, sizeof patients_alike / sizeof *patients_alike, true, two);
    sprintf(out, "%s%s", one, two);
}

static inline void patients_number(struct patient *p, unsigned serial)
{
    char card[24];
    snprintf(card, sizeof card, "99%04u%.4s%.2s%.2s%03u", 1000 + (unsigned)(p->text[P_DISTRICT][0] & 0x7F) * 7 + roll(200), p->text[P_YEAR], p->text[P_MONTH],
             p->text[P_DAY], serial * 2 % 1000 + (strcmp(p->text[P_SEX], "男") == 0));
    card[17] = identity_check_character(card);
    card[18] = 0;
    strcpy(p->text[P_CARD], card);
}

static inline void patients_own(struct patient *p)
{
    snprintf(p->text[P_PHONE], 64, "1%u%09u", 3 + roll(7), roll(1000000000));
    snprintf(p->text[P_INSURANCE], 64, "3302%08u", roll(100000000));
    patients_number(p, roll(500));
}

static inline void patients_person(struct patient *p, const char *family, unsigned year)
{
    char one[8];
    patients_character(patients_families, sizeof patients_families / sizeof *patients_families, true, one);
    strcpy(p->text[P_FAMILY], family ? family : one);
    patients_given(p->text[P_GIVEN]);
    strcpy(p->text[P_SEX], roll(2) ? "男" : "女");
    snprintf(p->text[P_YEAR], 64, "%04u", year);
    snprintf(p->text[P_MONTH], 64, "%02u", 1 + roll(12));
    snprintf(p->text[P_DAY], 64, "%02u", 1 + roll(28));
    patients_own(p);
}

static inline void patients_house(struct patient *p)
{
    strcpy(p->text[P_TOWN], ONE_OF(patients_towns, false));
    strcpy(p->text[P_DISTRICT], ONE_OF(patients_districts, false));
    strcpy(p->text[P_STREET], ONE_OF(patients_streets, false));
    snprintf(p->text[P_HOUSE], 64, "%u号", 1 + roll(200));
    if (happens(0.6))
        snprintf(p->text[P_ROOM], 64, "%u幢%u室", 1 + roll(20), 101 + 100 * roll(12) + roll(6));
    snprintf(p->text[P_POSTCODE], 64, "99%04u", 1000 + (unsigned)(p->text[P_DISTRICT][1] & 0x7F) * 10 + (unsigned)(p->text[P_TOWN][1] & 0xF));
}

/* Up to six people of one house. */
static inline uint32_t patients_household(struct patient *out, const struct patients_mix *mix)
{
    unsigned year = 1935 + roll(70), children = roll(3);
    uint32_t n = 2;
    memset(out, 0, 8 * sizeof *out);
    patients_house(&out[0]);
    for (uint32_t i = 1; i < 8; i++)
        out[i] = out[0];
    patients_person(&out[0], NULL, year);
    patients_person(&out[1], NULL, year + roll(5));
    strcpy(out[0].text[P_SEX], "男");
    strcpy(out[1].text[P_SEX], "女");
    patients_number(&out[0], roll(500));
    patients_number(&out[1], roll(500));
    for (unsigned i = 0; i < children; i++)
        patients_person(&out[n++], out[0].text[P_FAMILY], year + 20 + roll(15) > 2024 ? 2024 : year + 22 + roll(12));
    if (happens(mix->twins)) {
        struct patient *a = &out[n++], *b = &out[n++];
        patients_person(a, out[0].text[P_FAMILY], year + 25 > 2024 ? 2024 : year + 25);
        *b = *a;
        patients_given(b->text[P_GIVEN]);
        if (strlen(a->text[P_GIVEN]) == 6 && happens(0.6)) { /* 子涵, 子轩 */
            memcpy(b->text[P_GIVEN], a->text[P_GIVEN], 3);
            patients_character(patients_alike, sizeof patients_alike / sizeof *patients_alike, false, b->text[P_GIVEN] + 3);
        }
        patients_own(b);
        memcpy(b->text[P_CARD], a->text[P_CARD], 14);
        b->text[P_CARD][15] = (char)('0' + (a->text[P_CARD][15] - '0' + 1) % 10);
        b->text[P_CARD][17] = identity_check_character(b->text[P_CARD]);
    }
    if (happens(mix->one_phone))
        for (uint32_t i = 1; i < n; i++)
            strcpy(out[i].text[P_PHONE], out[0].text[P_PHONE]);
    return n;
}

static inline void patients_newborn(struct patient *p, const struct patient *mother)
{
    *p = *mother;
    bool boy = roll(2);
    sprintf(p->text[P_GIVEN] + strlen(p->text[P_GIVEN]), "之%s", boy ? "子" : "女");
    strcpy(p->text[P_SEX], boy ? "男" : "女");
    snprintf(p->text[P_YEAR], 64, "2024");
    snprintf(p->text[P_MONTH], 64, "%02u", 1 + roll(12));
    snprintf(p->text[P_DAY], 64, "%02u", 1 + roll(28));
    p->text[P_CARD][0] = p->text[P_INSURANCE][0] = 0;
}

static inline void patients_nobody(struct patient *p)
{
    static const char *const names[] = {"无名氏", "无名", "三无人员", "不详", "未知"};
    memset(p, 0, sizeof *p);
    strcpy(p->text[P_GIVEN], ONE_OF(names, false));
    strcpy(p->text[P_SEX], roll(2) ? "男" : "女");
    if (roll(2))
        strcpy(p->text[P_YEAR], "1970");
}

/* ---- what the desks write ---- */

static inline void patients_digit(char *number)
{
    size_t n = strlen(number), at = n ? roll((uint32_t)n) : 0;
    if (n < 2)
        return;
    switch (roll(4)) {
    case 0: /* two exchanged */
        if (at + 1 < n) {
            char c = number[at];
            number[at] = number[at + 1];
            number[at + 1] = c;
        }
        break;
    case 1: /* one left out, or the end cut off */
        if (n > 4)
            memmove(number + at, number + at + 1, n - at);
        break;
    default:
        if (number[at] >= '0' && number[at] <= '9')
            number[at] = (char)('0' + roll(10));
    }
}

/* Letters: one typed wrong, left out or doubled, two exchanged, the rest left out. */
static inline void patients_letter(char *word)
{
    size_t n = strlen(word), at = n ? roll((uint32_t)n) : 0;
    char c = word[at];
    if (n < 2)
        return;
    switch (roll(6)) {
    case 0:
        if (at + 1 < n) {
            word[at] = word[at + 1];
            word[at + 1] = c;
        }
        break;
    case 1:
        memmove(word + at, word + at + 1, n - at);
        break;
    case 2:
        if (n < 60)
            memmove(word + at + 1, word + at, n - at + 1);
        break;
    case 3:
        word[1 + at / 2] = 0;
        break;
    default:
        word[at] = (char)('a' + roll(26));
    }
}

/* One character for another of its kind; one left out; two exchanged; any other. */
static inline void patients_misspell(char *name, const char *const *alike, uint32_t n_alike)
{
    size_t n = strlen(name) / 3, at = n ? roll((uint32_t)n) : 0;
    uint32_t kind = roll(10);
    if (!name[0])
        return;
    if (name[0] > 0) {
        patients_letter(name);
        return;
    }
    if (kind < 7) {
        for (uint32_t i = 0; i < n_alike; i++)
            for (size_t k = 0; alike[i][k]; k += 3)
                if (memcmp(alike[i] + k, name + 3 * at, 3) == 0) {
                    memcpy(name + 3 * at, alike[i] + 3 * roll((uint32_t)(strlen(alike[i]) / 3)), 3);
                    return;
                }
    } else if (kind == 7 && n > 1)
        memmove(name + 3 * at, name + 3 * at + 3, strlen(name + 3 * at) - 2);
    else if (kind == 8 && n == 2) {
        char c[3];
        memcpy(c, name, 3);
        memcpy(name, name + 3, 3);
        memcpy(name + 3, c, 3);
    } else {
        char any[8];
        patients_character(alike, n_alike, false, any);
        memcpy(name + 3 * at, any, 3);
    }
}

static inline void patients_slip_birth(struct patient *p)
{
    char *y = p->text[P_YEAR], *m = p->text[P_MONTH], *d = p->text[P_DAY], c[64];
    switch (roll(8)) {
    case 0:
        if (atoi(d) <= 12) {
            strcpy(c, m);
            strcpy(m, d);
            strcpy(d, c);
        }
        break;
    case 1:
        m[0] = d[0] = 0;
        break;
    case 2:
        strcpy(m, "01");
        strcpy(d, "01");
        break;
    case 3:
        y[3] = (char)('0' + (y[3] - '0' + 1 + 8 * roll(2)) % 10);
        break;
    case 4:
        y[2] = (char)('0' + (y[2] - '0' + 9) % 10);
        break;
    case 5:
        snprintf(d, 64, "%02u", 1 + roll(28));
        break;
    case 6:
        snprintf(m, 64, "%02u", 1 + roll(12));
        break;
    default: /* of the moon: some weeks before */
        snprintf(m, 64, "%02u", (unsigned)(atoi(m) + 10) % 12 + 1);
        snprintf(d, 64, "%02u", 1 + roll(28));
    }
}

static inline void patients_move(struct patient *p, bool whole)
{
    if (whole) {
        p->text[P_ROOM][0] = 0;
        patients_house(p);
    } else if (roll(2))
        p->text[P_ROOM][0] = 0;
    else
        p->text[P_TOWN][0] = 0;
}

static inline void patients_spoil(struct patient *r, enum patient_field f)
{
    switch (f) {
    case P_FAMILY:
        patients_misspell(r->text[f], patients_families, sizeof patients_families / sizeof *patients_families);
        break;
    case P_GIVEN:
        patients_misspell(r->text[f], patients_alike, sizeof patients_alike / sizeof *patients_alike);
        break;
    case P_SEX:
        strcpy(r->text[f], strcmp(r->text[f], "男") ? "男" : "女");
        break;
    case P_YEAR:
        patients_slip_birth(r);
        break;
    case P_PHONE:
        if (roll(3))
            snprintf(r->text[f], 64, "1%u%09u", 3 + roll(7), roll(1000000000));
        else
            patients_digit(r->text[f]);
        break;
    case P_STREET:
        if (r->text[f][0] > 0 && roll(3)) /* Latin */
            patients_letter(r->text[roll(2) ? P_STREET : P_DISTRICT]);
        else if (r->text[f][0] > 0)
            r->text[roll(2) ? P_ROOM : P_HOUSE][0] = 0;
        else
            patients_move(r, roll(2));
        break;
    default:
        patients_digit(r->text[f]);
    }
}

static inline void patients_exchange(char *a, char *b)
{
    char c[64];
    memcpy(c, a, 64);
    memcpy(a, b, 64);
    memcpy(b, c, 64);
}

/* One record of a person; `other` is whose card may be borrowed. */
static inline void patients_write(struct patient *r, const struct patient *other, const struct patients_mix *mix)
{
    if (happens(mix->lent)) {
        strcpy(r->text[P_CARD], other->text[P_CARD]);
        strcpy(r->text[P_INSURANCE], other->text[P_INSURANCE]);
    }
    for (int f = 0; f < P_FIELDS; f++)
        if (r->text[f][0] && happens(mix->wrong[f]))
            patients_spoil(r, (enum patient_field)f);
    if (happens(mix->clinic_phone))
        strcpy(r->text[P_PHONE], roll(3) ? "057487654321" : "13900001111");
    if (happens(mix->other_column))
        patients_exchange(r->text[P_FAMILY], r->text[P_GIVEN]);
    if (happens(mix->other_column))
        patients_exchange(r->text[P_CARD], r->text[P_PHONE]);
    for (int f = 0; f < P_FIELDS; f++)
        if (happens(mix->left_out[f])) {
            r->text[f][0] = 0;
            for (int with = f == P_YEAR ? P_MONTH : f == P_STREET ? P_TOWN : P_FIELDS; with <= (f == P_YEAR ? P_DAY : P_ROOM); with++)
                r->text[with][0] = 0;
            if (f != P_FAMILY && f != P_GIVEN && happens(mix->filler))
                strcpy(r->text[f], ONE_OF(patients_fillers, false));
        }
}
#endif
