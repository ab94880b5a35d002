#include "records/mpi/attribute.h"
#include "records/patient/identity.h"
#include "records/term/fold.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEAR_DAYS 45 /* "some weeks ago", written down as a day */

/* Folded text in UTF-8 without filling. */
static size_t fold_utf8(const struct mpi_tables *t, struct mpi_text text, char *out, size_t cap)
{
    const char *p = text.p, *end = mpi_text_end(text);
    size_t n = 0;
    while (p < end && n + 5 < cap) {
        uint32_t c = mpi_fold(t, utf8_next(&p, end));
        if (c)
            n += utf8_put(c, out + n);
    }
    out[n] = 0;
    return n;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What spreadsheets make of numbers: "13800001234.0" loses its end, and of "3.30106E+17" nothing that identifies is left. */
static void undo_spreadsheet(char *text)
{
    size_t digits = strspn(text, "0123456789");
    char *rest = text + digits;
    if (!digits || *rest == 0)
        return;
    bool point = *rest == '.';
    size_t after = point ? strspn(rest + 1, "0123456789") : 0;
    char *end = rest + (point ? after + 1 : 0);
    if (end[0] == 'e' && end[1] == '+' && end[2 + strspn(end + 2, "0123456789")] == 0)
        *text = 0;
    else if (after && *end == 0 && strspn(rest + 1, "0") == after)
        *rest = 0;
}

/* ---- dates ---- */

struct groups {
    int value[3], digits[3], n;
    int month; /* said by a name */
    bool year_word;
    bool year_only; /* the month and day of another calendar */
};

/* 0 .. 10 of a Chinese numeral, -1 = it is none. */
static int numeral(const char *p)
{
    static const char *const words[] = {"〇", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "零", "○"};
    for (int i = 0; i < 13; i++)
        if (strncmp(p, words[i], 3) == 0)
            return i > 10 ? 0 : i;
    return -1;
}

/* 一九八〇年十二月三十一日: the numerals as digits, in place (two digits are shorter than one numeral). */
static void read_numerals(char *text)
{
    char *out = text;
    for (const char *p = text; *p;) {
        int value = numeral(p), next = value < 0 ? -1 : numeral(p + 3);
        bool ten_before = out > text && digit(out[-1]);
        if (value < 0) {
            *out++ = *p++;
            continue;
        }
        if (value < 10)
            *out++ = (char)('0' + value);
        else { /* 十 二十 十二 二十一 */
            if (!ten_before)
                *out++ = '1';
            if (next < 0)
                *out++ = '0';
        }
        p += 3;
    }
    *out = 0;
}

/* 农历, 正月, 初五: the year is near enough, the day is not. */
static bool lunar(const char *text)
{
    static const char *const words[] = {"农历", "阴历", "旧历", "正月", "腊月", "冬月", "初", "廿", "闰"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(text, words[i]))
            return true;
    return false;
}

/* An age, or a day without its year. */
static bool no_date(const char *text)
{
    return strstr(text, "岁") || (strstr(text, "月") && strstr(text, "日") && !strstr(text, "年") && strspn(text, "0123456789 ") < 4);
}

static int month_name(const char *p)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int m = 0; m < 12; m++)
        if (strncmp(p, names + 3 * m, 3) == 0)
            return m + 1;
    return 0;
}

/* The first three runs of digits; a time after them is not looked at. */
static struct groups groups_of(const struct mpi_tables *t, struct mpi_text text, char folded[48])
{
    struct groups g = {0};
    fold_utf8(t, text, folded, 48);
    undo_spreadsheet(folded);
    if (strstr(folded, "年") || strstr(folded, "月") || strstr(folded, "岁")) {
        g.year_only = lunar(folded);
        read_numerals(folded);
        if (no_date(folded))
            return g;
    }
    for (const char *p = folded; *p;) {
        if (digit(*p)) {
            int value = 0, n = 0;
            for (; digit(*p); p++, n++)
                value = n < 8 ? value * 10 + (*p - '0') : value;
            if (g.n < 3) {
                g.value[g.n] = value;
                g.digits[g.n++] = n;
            }
        } else if (*p >= 'a' && *p <= 'z') {
            int m = month_name(p);
            g.month = g.month || g.n == 3 ? g.month : m;
            while (*p >= 'a' && *p <= 'z')
                p++;
        } else {
            g.year_word = g.year_word || strncmp(p, "年", 3) == 0;
            p++;
        }
    }
    if (g.n && g.digits[0] <= 3 && strstr(folded, "民国")) {
        g.value[0] += 1911;
        g.digits[0] = 4;
    }
    return g;
}

static int full_year(int year, int digits)
{
    return digits > 2 ? year : year > 30 ? 1900 + year : 2000 + year;
}

static struct mpi_date checked(int year, int month, int day)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    struct mpi_date d = {0};
    if (year < 1850 || year > 2150 || (year == 1900 && month <= 1 && day <= 1))
        return d; /* 1900-01-01 is what a form writes by itself */
    d.year = (int16_t)year;
    if (month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1]) {
        d.month = (int8_t)month;
        d.day = (int8_t)day;
    }
    return d;
}

/* Days since 1899-12-30, as spreadsheets keep dates. */
static struct mpi_date spreadsheet_day(int days)
{
    char text[11];
    int y, m, d;
    date_of_ms(((int64_t)days - 25569) * 86400000, 0, text);
    return date_parse(text, &y, &m, &d) ? (struct mpi_date){0} : checked(y, m, d);
}

static struct mpi_date one_group(const struct groups *g)
{
    int v = g->value[0], n = g->digits[0];
    if (n >= 8 && v / 10000 >= 1850 && v / 10000 <= 2150)
        return checked(v / 10000, v / 100 % 100, v % 100);
    if (n == 8)
        return checked(v % 10000, v / 10000 % 100, v / 1000000);
    if (n == 6 && v / 100 >= 1850 && v / 100 <= 2150 && v % 100 >= 1 && v % 100 <= 12)
        return checked(v / 100, 0, 0);
    if (n == 6)
        return checked(full_year(v / 10000, 2), v / 100 % 100, v % 100);
    if (n == 5)
        return spreadsheet_day(v);
    return n == 4 ? checked(v, 0, 0) : (struct mpi_date){0};
}

static struct mpi_date with_month_name(const struct groups *g)
{
    int year_at = g->digits[0] > 2 || g->value[0] > 31 ? 0 : 1;
    if (g->n < 2)
        return checked(full_year(g->value[0], g->digits[0]), 0, 0);
    return checked(full_year(g->value[year_at], g->digits[year_at]), g->month, g->value[1 - year_at]);
}

void mpi_date_look(const struct mpi_tables *t, struct mpi_text text, struct mpi_date_order *order)
{
    char folded[48];
    struct groups g = groups_of(t, text, folded);
    if (g.n < 3 || g.month || g.digits[0] > 2)
        return;
    order->day_first += g.value[0] > 12 && g.value[0] <= 31 && g.value[1] <= 12;
    order->month_first += g.value[1] > 12 && g.value[1] <= 31 && g.value[0] <= 12;
}

struct mpi_date mpi_date_read(const struct mpi_tables *t, struct mpi_text text, const struct mpi_date_order *order)
{
    char folded[48];
    struct groups g = groups_of(t, text, folded);
    if (g.n == 0)
        return (struct mpi_date){0};
    if (g.month)
        return with_month_name(&g);
    if (g.year_only)
        return checked(full_year(g.value[0], g.digits[0]), 0, 0);
    if (g.n == 1)
        return one_group(&g);
    if (g.n == 2) /* 1970-03 or 03/1970: the month alone is not used */
        return checked(g.digits[0] > 2 ? g.value[0] : full_year(g.value[1], g.digits[1]), 0, 0);
    if (g.digits[0] > 2 || g.year_word || g.value[0] > 31)
        return checked(full_year(g.value[0], g.digits[0]), g.value[1], g.value[2]);
    bool month_first = order && order->month_first > order->day_first;
    if (g.value[month_first ? 0 : 1] > 12) /* this one value goes against its column */
        month_first = !month_first;
    return checked(full_year(g.value[2], g.digits[2]), g.value[month_first ? 0 : 1], g.value[month_first ? 1 : 0]);
}

/* One digit typed wrong, or two neighbours exchanged, in YYYYMMDD. */
static bool one_slip(struct mpi_date a, struct mpi_date b)
{
    int x = a.year * 10000 + a.month * 100 + a.day, y = b.year * 10000 + b.month * 100 + b.day;
    int differ = 0, last = 0, last_x = 0, last_y = 0;
    for (int i = 0; i < 8; i++, x /= 10, y /= 10) {
        if (x % 10 == y % 10)
            continue;
        if (++differ == 2)
            return x / 10 == y / 10 && last == i - 1 && x % 10 == last_y && y % 10 == last_x;
        last = i;
        last_x = x % 10;
        last_y = y % 10;
    }
    return differ == 1;
}

uint8_t mpi_date_compare(struct mpi_date a, struct mpi_date b)
{
    if (!a.year || !b.year)
        return MPI_MISSING;
    int years = abs(a.year - b.year);
    if (!a.month || !b.month)
        return years == 0 ? BIRTH_PARTLY : years == 1 || years == 10 ? BIRTH_NEAR : BIRTH_DIFFERS;
    if (years == 0 && a.month == b.month && a.day == b.day)
        return BIRTH_EXACT;
    if (years == 0 && a.month == b.day && a.day == b.month)
        return BIRTH_SLIP;
    if (a.month == b.month && a.day == b.day && (years == 1 || years == 10 || years == 100))
        return BIRTH_SLIP;
    if (one_slip(a, b))
        return BIRTH_SLIP;
    int64_t days = years > 1 ? 999 : llabs(date_days(a.year, a.month, a.day) - date_days(b.year, b.month, b.day));
    return days <= NEAR_DAYS ? BIRTH_NEAR : BIRTH_DIFFERS;
}

/* ---- numbers ---- */

/* One character again and again, or a counting row: typed to get past a mandatory field. */
static bool placeholder(const char *n, size_t len)
{
    size_t same = 1, up = 1, down = 1;
    for (size_t i = 1; i < len; i++) {
        same += n[i] == n[0];
        up += n[i] == n[i - 1] + 1 || (n[i - 1] == '9' && n[i] == '0');
        down += n[i] == n[i - 1] - 1 || (n[i - 1] == '0' && n[i] == '9');
    }
    return len < 4 || same >= len - (len >= 15) || up == len || down == len;
}

static size_t keep_number(const struct mpi_tables *t, struct mpi_text text, char *out)
{
    char folded[160];
    size_t n = 0;
    fold_utf8(t, text, folded, sizeof folded);
    undo_spreadsheet(folded);
    for (const char *p = folded; *p && n + 1 < MPI_NUMBER_MAX; p++)
        if (digit(*p) || (*p >= 'a' && *p <= 'z'))
            out[n++] = *p >= 'a' ? (char)(*p - 32) : *p;
    out[n] = 0;
    return n;
}

static size_t digits_in(const char *n)
{
    size_t count = 0;
    for (; *n; n++)
        count += digit(*n);
    return count;
}

static void read_card_meaning(struct mpi_number *out)
{
    int v = atoi((char[]){out->text[6], out->text[7], out->text[8], out->text[9], 0});
    out->birth = checked(v, (out->text[10] - '0') * 10 + out->text[11] - '0', (out->text[12] - '0') * 10 + out->text[13] - '0');
    out->sex = (out->text[16] - '0') % 2 ? 'm' : 'f';
}

static void read_card(struct mpi_number *out)
{
    char made[IDENTITY_NUMBER_BYTES];
    size_t digits = digits_in(out->text);
    bool like_card = out->len >= 13 && out->len <= 20 && digits + 1 >= out->len;
    if (!like_card)
        return;
    out->kind = NUMBER_CARD_WRONG;
    if (identity_card_normalise(out->text, made))
        return;
    struct mpi_number whole = {.kind = out->len == 15 ? NUMBER_CARD_15 : NUMBER_CARD, .len = 18};
    memcpy(whole.text, made, 19);
    read_card_meaning(&whole);
    if (mpi_date_full(whole.birth))
        *out = whole;
}

void mpi_number_read(const struct mpi_tables *t, struct mpi_text text, bool identity, struct mpi_number *out)
{
    memset(out, 0, sizeof *out);
    out->len = (uint8_t)keep_number(t, text, out->text);
    if (!out->len || placeholder(out->text, out->len) || digits_in(out->text) == 0) {
        memset(out, 0, sizeof *out);
        return;
    }
    out->kind = NUMBER_OTHER;
    if (identity)
        read_card(out);
}

static bool cut_off(struct mpi_number_view a, struct mpi_number_view b)
{
    size_t shorter = a.len < b.len ? a.len : b.len, longer = a.len < b.len ? b.len : a.len;
    if (shorter < 8 || longer - shorter > 6)
        return false;
    const char *l = a.len < b.len ? b.text : a.text, *s = a.len < b.len ? a.text : b.text;
    return memcmp(l, s, shorter) == 0 || memcmp(l + longer - shorter, s, shorter) == 0;
}

/* Number as it stood before it was made 18 digits: without century and check. */
static struct mpi_number_view old_form(struct mpi_number_view n, char buffer[16])
{
    if (n.kind != NUMBER_CARD_15 && n.kind != NUMBER_CARD)
        return n;
    memcpy(buffer, n.text, 6);
    memcpy(buffer + 6, n.text + 8, 9);
    buffer[15] = 0;
    return (struct mpi_number_view){buffer, 15, n.kind};
}

uint8_t mpi_number_compare(struct mpi_number_view a, struct mpi_number_view b)
{
    char x[16], y[16];
    if (!a.len || !b.len)
        return MPI_MISSING;
    if (a.len == b.len && memcmp(a.text, b.text, a.len) == 0)
        return NUMBER_SAME;
    bool cards = (a.kind == NUMBER_CARD || a.kind == NUMBER_CARD_15) && (b.kind == NUMBER_CARD || b.kind == NUMBER_CARD_15);
    if (cards && a.kind == NUMBER_CARD && b.kind == NUMBER_CARD)
        return memcmp(a.text, b.text, 14) == 0 ? NUMBER_TWIN : NUMBER_CLASH;
    if (a.kind == NUMBER_CARD_15 || b.kind == NUMBER_CARD_15) {
        a = old_form(a, x);
        b = old_form(b, y);
    }
    size_t longer = a.len > b.len ? a.len : b.len;
    int allowed = longer >= 14 ? 2 : 1;
    if (longer >= 5 && (mpi_edits(a.text, a.len, b.text, b.len, allowed) <= allowed || cut_off(a, b)))
        return NUMBER_NEAR;
    return cards ? NUMBER_CLASH : NUMBER_DIFFERS;
}

/* ---- phones, sex ---- */

static bool read_one_phone(char *p, size_t len, struct mpi_phone *out)
{
    size_t n = 0;
    bool letters = false;
    while (len && (*p == ' ' || *p == '+')) {
        p++;
        len--;
    }
    p[len] = 0;
    undo_spreadsheet(p);
    len = strlen(p);
    for (size_t i = 0; i < len && !letters; i++)
        letters = (p[i] >= 'a' && p[i] <= 'z') || p[i] == '@' || p[i] < 0;
    for (size_t i = 0; i < len && n + 1 < MPI_NUMBER_MAX; i++)
        if (letters ? p[i] != ' ' : digit(p[i]))
            out->text[n++] = p[i];
    size_t drop = letters ? 0 : n > 11 && strncmp(out->text, "0086", 4) == 0 ? 4 : n > 11 && strncmp(out->text, "86", 2) == 0 ? 2 : 0;
    memmove(out->text, out->text + drop, n - drop);
    n -= drop;
    out->text[n] = 0;
    out->len = (uint8_t)n;
    return n >= 5 && !placeholder(out->text, n) && (!letters || strchr(out->text, '@') || digits_in(out->text) >= 5);
}

size_t mpi_phone_read(const struct mpi_tables *t, struct mpi_text text, struct mpi_phone out[2])
{
    char folded[160];
    size_t n = fold_utf8(t, text, folded, sizeof folded), found = 0, start = 0;
    for (size_t i = 0; i <= n && found < 2; i++) {
        bool mark = i == n || strchr(";,/|", folded[i]) || strncmp(folded + i, "、", 3) == 0;
        if (!mark)
            continue;
        memset(&out[found], 0, sizeof out[found]);
        bool wide = i < n && folded[i] < 0;
        found += read_one_phone(folded + start, i - start, &out[found]);
        start = i + (wide ? 3 : 1);
    }
    return found;
}

char mpi_sex_read(const struct mpi_tables *t, struct mpi_text text)
{
    char folded[40];
    fold_utf8(t, text, folded, sizeof folded);
    const char *p = folded + strspn(folded, " ");
    if (strncmp(p, "男", 3) == 0 || strncmp(p, "male", 4) == 0 || ((*p == 'm' || *p == '1') && (!p[1] || p[1] == ' ')))
        return 'm';
    if (strncmp(p, "女", 3) == 0 || strncmp(p, "female", 6) == 0 || strncmp(p, "woman", 5) == 0 ||
        ((*p == 'f' || *p == '2') && (!p[1] || p[1] == ' '))) /* GB/T 2261.1: 1 male, 2 female */
        return 'f';
    return 0;
}

/* ---- addresses ---- */

/* Characters that end the name of a place or a part of a building. */
static bool ends_place(uint32_t c)
{
    static const uint16_t ends[] = u"省市区县州盟旗镇乡村街路道巷弄号栋幢楼单元室层组屯里庄";
    for (const uint16_t *p = ends; *p; p++)
        if (*p == c)
            return true;
    return false;
}

enum { CLASS_OTHER, CLASS_DIGIT, CLASS_LETTER, CLASS_HAN };

static int class_of(uint32_t c)
{
    return c >= '0' && c <= '9' ? CLASS_DIGIT : mpi_is_han(c) ? CLASS_HAN : (c >= 'a' && c <= 'z') || c > 0xBF ? CLASS_LETTER : CLASS_OTHER;
}

/* 号 院 are said with or without: a number is a word of its own with what follows left out. */
size_t mpi_address_read(const struct mpi_tables *t, struct mpi_text text, char *out, size_t cap)
{
    const char *p = text.p, *end = mpi_text_end(text);
    size_t n = 0, start = 0;
    int last = CLASS_OTHER;
    while (p < end && n + 6 < cap) {
        uint32_t c = mpi_fold(t, utf8_next(&p, end));
        int class = class_of(c);
        bool ends = class == CLASS_HAN && ends_place(c);
        bool cut = n > start && (class == CLASS_OTHER || (class != last && !(last == CLASS_DIGIT && ends)));
        if (cut) {
            out[n++] = '\n';
            start = n;
        }
        if (class != CLASS_OTHER)
            n += utf8_put(c, out + n);
        last = class;
        if (ends && n > start + 3) {
            out[n++] = '\n';
            start = n;
            last = CLASS_OTHER;
        }
    }
    if (n > start)
        out[n++] = '\n';
    out[n] = 0;
    return n;
}
