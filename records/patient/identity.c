#include "records/patient/identity.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const type_words[] = {"none",       "id_card",  "passport",          "hk_macao_permit", "taiwan_permit",
                                         "residence_card", "military", "birth_certificate", "household",       "other"};

const char *identity_type_word(enum identity_type type)
{
    return (unsigned)type <= IDENTITY_OTHER ? type_words[type] : "other";
}

enum identity_type identity_type_parse(const char *word)
{
    if (!word)
        return IDENTITY_NONE;
    for (int i = 0; i <= IDENTITY_OTHER; i++)
        if (strcmp(word, type_words[i]) == 0)
            return (enum identity_type)i;
    return IDENTITY_OTHER;
}

/* ---- dates ---- */

static bool leap(int y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int month_days(int y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return m == 2 && leap(y) ? 29 : days[m - 1];
}

static bool all_digits(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

static int number_at(const char *text, size_t n)
{
    int v = 0;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (text[i] - '0');
    return v;
}

static bool real_date(int y, int m, int d)
{
    return y >= 1800 && y <= 2199 && m >= 1 && m <= 12 && d >= 1 && d <= month_days(y, m);
}

int date_parse(const char *text, int *year, int *month, int *day)
{
    if (!text || strlen(text) != 10 || text[4] != '-' || text[7] != '-')
        return ERR_INVALID;
    if (!all_digits(text, 4) || !all_digits(text + 5, 2) || !all_digits(text + 8, 2))
        return ERR_INVALID;
    *year = number_at(text, 4);
    *month = number_at(text + 5, 2);
    *day = number_at(text + 8, 2);
    return real_date(*year, *month, *day) ? 0 : ERR_INVALID;
}

/* Days from civil, H. Hinnant's algorithm: years begin in March so that the leap day is the last. */
int64_t date_days(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void put_digits(char *out, int n, int v)
{
    for (; n > 0; v /= 10)
        out[--n] = (char)('0' + v % 10);
}

void date_of_ms(int64_t ms, int zone_min, char out[11])
{
    time_t t = (time_t)((ms + (int64_t)zone_min * 60000) / 1000);
    struct tm tm;
    out[0] = 0;
    if (!gmtime_r(&t, &tm) || tm.tm_year + 1900 < 1000 || tm.tm_year + 1900 > 9999)
        return;
    put_digits(out, 4, tm.tm_year + 1900);
    out[4] = '-';
    put_digits(out + 5, 2, tm.tm_mon + 1);
    out[7] = '-';
    put_digits(out + 8, 2, tm.tm_mday);
    out[10] = 0;
}

void age_text(const char *birth_date, const char *today, int english, char out[32])
{
    int by, bm, bd, ty, tm, td;
    out[0] = 0;
    if (date_parse(birth_date, &by, &bm, &bd) || date_parse(today, &ty, &tm, &td))
        return;
    int64_t days = date_days(ty, tm, td) - date_days(by, bm, bd);
    if (days < 0)
        return;
    int months = (ty - by) * 12 + tm - bm - (td < bd);
    /* the last "monthiversary": its day is cut to the month's length (born on the 31st) */
    int my = by + (bm - 1 + months) / 12, mm = (bm - 1 + months) % 12 + 1;
    int md = bd < month_days(my, mm) ? bd : month_days(my, mm);
    int rest = (int)(date_days(ty, tm, td) - date_days(my, mm, md));
    if (days < 28 || months == 0)
        snprintf(out, 32, english ? "%d d" : "%d天", (int)days);
    else if (months < 12)
        snprintf(out, 32, english ? "%d mo %d d" : "%d月%d天", months, rest);
    else if (months < 72 && months % 12)
        snprintf(out, 32, english ? "%d y %d mo" : "%d岁%d月", months / 12, months % 12);
    else
        snprintf(out, 32, english ? "%d y" : "%d岁", months / 12);
}

/* ---- typing ---- */

/* Folds full-width ASCII (U+FF01..FF5E) and the ideographic space, drops blanks, raises letters. false: too long or other
 * characters. */
static bool fold(const char *text, char *out, size_t cap)
{
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        unsigned char c;
        if (p[0] == 0xEF && p[1] >= 0xBC && p[1] <= 0xBD && p[2] >= 0x80 && p[2] <= 0xBF) {
            unsigned u = 0xF000u | (unsigned)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
            if (u < 0xFF01 || u > 0xFF5E)
                return false;
            c = (unsigned char)(u - 0xFF01 + '!');
            p += 3;
        } else if (p[0] == 0xE3 && p[1] == 0x80 && p[2] == 0x80) {
            c = ' ';
            p += 3;
        } else if (*p < 0x80)
            c = *p++;
        else
            return false;
        if (c == ' ' || c == '\t')
            continue;
        if (c >= 'a' && c <= 'z')
            c = (unsigned char)(c - 32);
        if (c < 0x21 || n + 1 >= cap)
            return false;
        out[n++] = (char)c;
    }
    out[n] = 0;
    return true;
}

/* ---- resident identity number ---- */

char identity_check_character(const char *digits17)
{
    static const int weight[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    int sum = 0;
    for (int i = 0; i < 17; i++)
        sum += (digits17[i] - '0') * weight[i];
    return "10X98765432"[sum % 11];
}

/* GB/T 2260 first two digits. */
static bool province(int code)
{
    static const char known[] = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 "
                                "81 82 83 ";
    char two[8];
    snprintf(two, sizeof two, "%02d ", code % 100);
    return strstr(known, two) != NULL;
}

static enum identity_area area_of(const char *number)
{
    if (number[0] == '9' && number[1] == '9')
        return AREA_TEST;
    if (province(number_at(number, 2)))
        return AREA_PLAUSIBLE;
    /* permanent residence card: 9, province, ISO 3166-1 numeric country */
    if (number[0] == '9' && province(number_at(number + 1, 2)))
        return AREA_PLAUSIBLE;
    return AREA_NOT_SAID;
}

/* Numbers typed to get past a mandatory field. They can pass the check digit (111111111111111 -> 18 digits), so they are
 * known by shape: one digit repeated, a counting row, an area or a sequence of zeroes with the null birth date. */
static bool placeholder(const char *n, size_t len)
{
    static const char up[] = "0123456789012345678901234567890", down[] = "9876543210987654321098765432109";
    size_t body = len == 18 ? 17 : len;
    size_t same = 1;
    while (same < body && n[same] == n[0])
        same++;
    if (same >= 6)
        return true;
    char head[18];
    memcpy(head, n, body < 12 ? body : 12);
    head[body < 12 ? body : 12] = 0;
    if (strstr(up, head) || strstr(down, head))
        return true;
    if (strncmp(n, "123456", 6) == 0 || strncmp(n, "000000", 6) == 0)
        return true;
    return len == 18 && strncmp(n + 6, "19000101", 8) == 0;
}

static const char *card_check(char *n, const char *today, struct identity *out)
{
    size_t len = strlen(n);
    if (len != 15 && len != 18)
        return "wrong_length";
    if (!all_digits(n, len == 18 ? 17 : 15) || (len == 18 && n[17] != 'X' && !all_digits(n + 17, 1)))
        return "wrong_characters";
    if (placeholder(n, len))
        return "placeholder";
    if (len == 15) {
        memmove(n + 8, n + 6, 9);
        memcpy(n + 6, "19", 2);
        n[17] = identity_check_character(n);
        n[18] = 0;
    }
    if (n[17] != identity_check_character(n))
        return "wrong_check_digit";
    int y = number_at(n + 6, 4), m = number_at(n + 10, 2), d = number_at(n + 12, 2);
    int ty, tm, td;
    if (!real_date(y, m, d) || date_parse(today, &ty, &tm, &td))
        return "wrong_date";
    int64_t age_days = date_days(ty, tm, td) - date_days(y, m, d);
    if (age_days < 0 || age_days > 130 * 366)
        return "wrong_date";
    out->area = area_of(n);
    if (out->area == AREA_NOT_SAID)
        return "wrong_area";
    snprintf(out->birth_date, sizeof out->birth_date, "%.4s-%.2s-%.2s", n + 6, n + 10, n + 12);
    out->sex = (n[16] - '0') % 2 ? 'm' : 'f';
    return NULL;
}

int identity_card_normalise(const char *text, char out[IDENTITY_NUMBER_BYTES])
{
    char n[IDENTITY_NUMBER_BYTES];
    if (!fold(text, n, sizeof n))
        return ERR_INVALID;
    size_t len = strlen(n);
    if (len == 15 && all_digits(n, 15)) {
        memmove(n + 8, n + 6, 9);
        memcpy(n + 6, "19", 2);
        n[17] = identity_check_character(n);
        n[18] = 0;
    } else if (len != 18 || !all_digits(n, 17) || n[17] != identity_check_character(n))
        return ERR_INVALID;
    memcpy(out, n, 19);
    return 0;
}

/* ---- other documents: shape only, nothing of them can be computed ---- */

/* pattern: 'A' letter, '9' digit, '*' any number of letters and digits (last only) */
static bool shaped(const char *n, const char *pattern)
{
    for (; *pattern && *pattern != '*'; pattern++, n++) {
        bool letter = *n >= 'A' && *n <= 'Z', digit = *n >= '0' && *n <= '9';
        if ((*pattern == 'A' && !letter) || (*pattern == '9' && !digit) || !*n)
            return false;
    }
    if (!*pattern)
        return *n == 0;
    for (; *n; n++)
        if (!((*n >= 'A' && *n <= 'Z') || (*n >= '0' && *n <= '9')))
            return false;
    return true;
}

static bool shaped_any(const char *n, const char *const *patterns)
{
    for (; *patterns; patterns++)
        if (shaped(n, *patterns))
            return true;
    return false;
}

static const char *other_check(enum identity_type type, const char *n)
{
    static const char *const hk[] = {"A99999999", "A9999999999", NULL}, *const taiwan[] = {"99999999", "9999999999", NULL},
                      *const birth[] = {"A999999999", NULL}, *const residence[] = {"AAA999999999999", NULL};
    size_t len = strlen(n), same = 1;
    while (same < len && n[same] == n[0])
        same++;
    if (len >= 4 && same == len)
        return "placeholder";
    switch (type) {
    case IDENTITY_PASSPORT:
        return len < 5 || len > 12 ? "wrong_length" : shaped(n, "*") ? NULL : "wrong_characters";
    case IDENTITY_HK_MACAO:
        return shaped_any(n, hk) ? NULL : "wrong_characters";
    case IDENTITY_TAIWAN:
        return shaped_any(n, taiwan) ? NULL : "wrong_characters";
    case IDENTITY_RESIDENCE:
        return shaped_any(n, residence) ? NULL : "wrong_characters";
    case IDENTITY_BIRTH:
        return shaped_any(n, birth) ? NULL : "wrong_characters";
    default: /* number plates of officers and the like: 字第 is not typed here; letters, digits and dashes */
        return len < 4 ? "wrong_length" : NULL;
    }
}

/* Officers' certificates read 军字第1234567号: the three characters carry nothing that the digits do not. */
static void strip_cjk(const char *text, char *out, size_t cap)
{
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p && n + 1 < cap;) {
        bool wide_ascii = p[0] == 0xEF && (p[1] == 0xBC || p[1] == 0xBD);
        if (p[0] >= 0xE3 && p[0] <= 0xE9 && p[1] && p[2])
            p += 3;
        else if (wide_ascii && p[2] && n + 3 < cap) {
            memcpy(out + n, p, 3);
            n += 3;
            p += 3;
        } else
            out[n++] = (char)*p++;
    }
    out[n] = 0;
}

int identity_check(enum identity_type type, const char *text, const char *today, struct identity *out,
                   const char **reason)
{
    char stripped[128];
    memset(out, 0, sizeof *out);
    bool empty = !text || !*text;
    if (type == IDENTITY_NONE) {
        *reason = "not_expected";
        return empty ? 0 : ERR_INVALID;
    }
    *reason = "required";
    if (empty)
        return ERR_INVALID;
    if (type == IDENTITY_MILITARY || type == IDENTITY_HOUSEHOLD || type == IDENTITY_OTHER) {
        strip_cjk(text, stripped, sizeof stripped);
        text = stripped;
    }
    *reason = "wrong_characters";
    if (strlen(text) > 120 || !fold(text, out->number, sizeof out->number)) {
        memset(out, 0, sizeof *out);
        return ERR_INVALID;
    }
    bool card = type == IDENTITY_CARD || (type == IDENTITY_RESIDENCE && strlen(out->number) == 18);
    *reason = card ? card_check(out->number, today, out) : other_check(type, out->number);
    if (!*reason && type == IDENTITY_RESIDENCE && card && out->number[0] != '9')
        *reason = "wrong_area";
    return *reason ? ERR_INVALID : 0;
}

void identity_mask(const char *number, char out[IDENTITY_NUMBER_BYTES])
{
    size_t len = strnlen(number, IDENTITY_NUMBER_BYTES - 1);
    size_t head = len == 18 ? 6 : 0, tail = len >= 8 ? 4 : len / 2;
    for (size_t i = 0; i < len; i++)
        out[i] = i < head || i + tail >= len ? number[i] : '*';
    out[len] = 0;
}

/* ---- phones ---- */

int phone_normalise(const char *text, char out[24])
{
    char n[48];
    size_t len = 0;
    if (!text || !fold(text, n, sizeof n))
        return ERR_INVALID;
    const char *p = n;
    if (strncmp(p, "+86", 3) == 0)
        p += 3;
    else if (strncmp(p, "0086", 4) == 0)
        p += 4;
    for (; *p; p++) {
        if (strchr("-()+", *p))
            continue;
        if (*p < '0' || *p > '9' || len >= 20)
            return ERR_INVALID;
        out[len++] = *p;
    }
    out[len] = 0;
    return len >= 5 ? 0 : ERR_INVALID;
}

void phone_mask(const char *phone, char out[24])
{
    size_t len = strnlen(phone, 23), head = len >= 11 ? 3 : 0, tail = len >= 9 ? 4 : 2;
    for (size_t i = 0; i < len; i++)
        out[i] = i < head || i + tail >= len ? phone[i] : '*';
    out[len] = 0;
}
