/* Cutting a line into words: the longest spelling wins; stages, TNM, grades and numbering are read by rule. */
#include "records/term/dx_lexicon.h"
#include <string.h>

static size_t blanks(const struct dx_chars *t, size_t i)
{
    size_t n = 0;
    while (dx_char(t, i + n) == ' ')
        n++;
    return n;
}

/* ---- stages ---- */

/* i, ii, iii, iv, v; 1-5; 一 to 五; 壹 贰 叁 of pneumoconiosis. Returns its length, the value in *value. */
static size_t numeral(const struct dx_chars *t, size_t i, uint8_t *value)
{
    static const uint32_t chinese[] = {0x4E00, 0x4E8C, 0x4E09, 0x56DB, 0x4E94, 0x58F9, 0x8D30, 0x53C1};
    size_t n = 0, v = 0;
    uint32_t c = dx_char(t, i);
    if (c >= '1' && c <= '5' && !dx_is_digit(dx_char(t, i + 1))) {
        *value = (uint8_t)(c - '0');
        return 1;
    }
    for (uint8_t k = 0; k < sizeof chinese / sizeof *chinese; k++)
        if (c == chinese[k]) {
            *value = (uint8_t)(k % 5 + 1);
            return 1;
        }
    while (dx_char(t, i + n) == 'i' && n < 3)
        n++;
    if (n < 3 && dx_char(t, i + n) == 'v') {
        v = n == 1 ? 4 : n == 0 ? 5 : 0;
        n++;
    } else
        v = n;
    *value = (uint8_t)v;
    return v ? n : 0;
}

/* numeral [blank] [a-d] [1-3]: one bound of a stage */
static size_t bound(const struct dx_chars *t, size_t i, uint8_t number[3])
{
    size_t n = numeral(t, i, &number[0]);
    if (!n)
        return 0;
    size_t gap = blanks(t, i + n);
    gap += !gap && dx_char(t, i + n) == '-'; /* III-B */
    uint32_t c = dx_char(t, i + n + gap);
    bool outside = (c == 'e' || c == 's') && dx_char(t, i + n + gap + 1) == 0x671F; /* IE期, IIIS期 of lymphomas */
    if ((outside || (c >= 'a' && c <= 'd')) && !dx_is_letter(dx_char(t, i + n + gap + 1))) {
        number[1] = (uint8_t)c;
        n += gap + 1;
        c = dx_char(t, i + n);
        if (c >= '1' && c <= '3' && !dx_is_digit(dx_char(t, i + n + 1))) {
            number[2] = (uint8_t)c;
            n++;
            bool how = (dx_char(t, i + n) == 'r' || dx_char(t, i + n) == 'p') && !dx_is_letter(dx_char(t, i + n + 1)); /* IIIC1r: seen by imaging, by pathology */
            n += how;
        }
    }
    return n;
}

size_t dx_stage_at(const struct dx_chars *t, size_t i, uint8_t number[4])
{
    uint8_t second[3] = {0};
    memset(number, 0, 4);
    size_t n = bound(t, i, number);
    if (!n)
        return 0;
    bool roman = dx_char(t, i) == 'i' || dx_char(t, i) == 'v';
    if (dx_char(t, i + n) == '-' || dx_char(t, i + n) == '/') {
        size_t m = bound(t, i + n + 1, second);
        if (m && dx_char(t, i + n + 1 + m) == 0x671F) {
            number[3] = second[0];
            n += 1 + m;
        }
    }
    size_t gap = blanks(t, i + n);
    if (dx_char(t, i + n + gap) == 0x671F) { /* 期 */
        size_t end = n + gap + 1;
        uint32_t c = dx_char(t, i + end), next = dx_char(t, i + end + 1);
        if (number[1] || c < 'a' || c > 'c' || dx_is_letter(next) || dx_is_digit(next) || next == 0x7EC4) /* Ⅲ期B, but not B组 */
            return end;
        number[1] = (uint8_t)c;
        return end + 1;
    }
    /* without 期 only what cannot be anything else: IV, IIIB, ⅡA; a type, grade or degree is none */
    uint32_t c = dx_char(t, i + n);
    bool plainly = roman && (number[1] || n >= 2 || t->sign[i]) && !dx_is_letter(c) && !dx_is_digit(c);
    return plainly && c != 0x578B && c != 0x5EA6 && c != 0x7EA7 && c != 0xB0 && c != '-' && c != 0x671F && c != 0x7C7B ? n : 0;
}

/* dukes c2期, bclc-b期: a stage told by letter, after the one who named it. Its letter at *letter. */
static size_t lettered_stage_at(const struct dx_chars *t, size_t i, size_t *letter)
{
    static const char *const whose[] = {"dukes", "bclc"};
    for (size_t k = 0; k < sizeof whose / sizeof *whose; k++) {
        size_t n = 0;
        while (whose[k][n] && dx_char(t, i + n) == (uint32_t)whose[k][n])
            n++;
        if (whose[k][n] || (i && dx_is_letter(dx_char(t, i - 1))))
            continue;
        n += dx_char(t, i + n) == '\'' && dx_char(t, i + n + 1) == 's' ? 2 : 0;
        while (dx_char(t, i + n) == ' ' || dx_char(t, i + n) == '-' || dx_char(t, i + n) == ':' || dx_char(t, i + n) == 0x5206 || dx_char(t, i + n) == 0x671F) /* 分期 */
            n++;
        uint32_t c = dx_char(t, i + n);
        if (c != '0' && (c < 'a' || c > 'd'))
            return 0;
        *letter = i + n++;
        n += dx_char(t, i + n) >= '1' && dx_char(t, i + n) <= '3';
        size_t gap = blanks(t, i + n);
        if (dx_char(t, i + n + gap) == 0x671F)
            return n + gap + 1;
        return dx_is_letter(dx_char(t, i + n)) || dx_is_digit(dx_char(t, i + n)) ? 0 : n;
    }
    return 0;
}

/* 3级, Ⅱ度, iii级: a grade. */
static size_t grade_at(const struct dx_chars *t, size_t i, uint8_t number[4])
{
    memset(number, 0, 4);
    size_t n = numeral(t, i, &number[0]);
    if (n && (dx_char(t, i + n) == '-' || dx_char(t, i + n) == '/')) {
        uint8_t second;
        size_t m = numeral(t, i + n + 1, &second);
        n += m ? m + 1 : 0;
    }
    uint32_t c = dx_char(t, i + n);
    return n && (c == 0x7EA7 || c == 0x5EA6 || c == 0xB0) ? n + 1 : 0; /* 级 度 ° */
}

/* ---- TNM (UICC): [cpyra] T [is x 0-4][a-d] N [x 0-3][a-c] M [x 0 1][a-c] ---- */

static size_t tnm_part(const struct dx_chars *t, size_t i, char letter)
{
    size_t n = blanks(t, i);
    if (dx_char(t, i + n) != (uint32_t)letter)
        return 0;
    n++;
    if (letter == 't' && dx_char(t, i + n) == 'i' && dx_char(t, i + n + 1) == 's')
        return n + 2;
    if (letter == 'n' && dx_char(t, i + n) == '+') /* T3N+M0 */
        return n + 1;
    if (!dx_is_digit(dx_char(t, i + n)) && dx_char(t, i + n) != 'x')
        return 0;
    n++;
    uint32_t c = dx_char(t, i + n);
    if (c >= 'a' && c <= 'd')
        n++;
    n += dx_is_digit(dx_char(t, i + n)) && c >= 'a' && c <= 'd'; /* T1a2 */
    if (dx_char(t, i + n) == '-' && dx_is_digit(dx_char(t, i + n + 1))) { /* T3-4N1 */
        n += 2;
        c = dx_char(t, i + n);
        n += c >= 'a' && c <= 'd';
    }
    return n;
}

static size_t tnm_at(const struct dx_chars *t, size_t i)
{
    size_t n = 0;
    if (i && (dx_is_letter(dx_char(t, i - 1)) || dx_is_digit(dx_char(t, i - 1))))
        return 0;
    while (n < 3 && (dx_char(t, i + n) == 'c' || dx_char(t, i + n) == 'p' || dx_char(t, i + n) == 'y' || dx_char(t, i + n) == 'r'))
        n++;
    size_t tumour = tnm_part(t, i + n, 't'), nodes = tnm_part(t, i + n + tumour, 'n');
    size_t spread = tnm_part(t, i + n + tumour + nodes, 'm');
    size_t all = n + tumour + nodes + spread;
    bool enough = (tumour && nodes) || (nodes && spread) || (tumour && spread) || (spread && dx_char(t, i + n + 1) == '1') ||
                  (tumour && n);
    uint8_t number[4];
    bool ends = (!dx_is_letter(dx_char(t, i + all)) && !dx_is_digit(dx_char(t, i + all))) || dx_stage_at(t, i + all, number); /* T2N0M0IIA期 */
    return enough && ends ? all : 0;
}

/* C, T, L, S, or 颈 胸 腰 骶 for them; 0 for anything else. */
uint32_t dx_vertebra_letter(uint32_t c)
{
    switch (c) {
    case 'c': case 0x9888: return 'C';
    case 't': case 0x80F8: return 'T';
    case 'l': case 0x8170: return 'L';
    case 's': case 0x9AB6: return 'S';
    default: return 0;
    }
}

/* What ends a word that is written in haste: 肺癌（右下）, 肝转、骨转. */
static bool word_ends(const struct dx_chars *t, size_t i)
{
    uint32_t c = dx_char(t, i);
    return i >= t->n || c == ' ' || c == ',' || c == 0xFF0C || c == 0x3001 || c == ')' || c == ';' || c == 0x3002 || c == '?' ||
           c == 0x4F34 || c == 0x5E76 || (c >= 0x2460 && c <= 0x2473); /* 伴 并 ① */
}

/* L4/5, C5-6, L5/S1, 腰4/5 */
static size_t vertebra_at(const struct dx_chars *t, size_t i)
{
    uint32_t c = dx_vertebra_letter(dx_char(t, i)) + 32;
    if (c == 32 || !dx_is_digit(dx_char(t, i + 1)) || (i && dx_is_letter(dx_char(t, i - 1))))
        return 0;
    size_t n = 2;
    n += dx_is_digit(dx_char(t, i + n));
    uint32_t next = dx_char(t, i + n);
    if (next == 0x690E || next == 0x538B || next == 0x9AA8 || next == 0x7206 || next == 0x75C5 || next == 0x6ED1 || (next == 0x8F6C && dx_char(t, i + n + 1) == 0x79FB)) /* L1转移, L1椎体, L1压缩性骨折, L1骨折, L1爆裂骨折 */
        return n;
    if ((next == 0x3001 || next == ',') && dx_vertebra_letter(dx_char(t, i + n + 1)) && dx_is_digit(dx_char(t, i + n + 2))) /* T11、T12 */
        return n;
    size_t gap = next == ' ' ? blanks(t, i + n) : 0;
    uint32_t more = gap ? dx_vertebra_letter(dx_char(t, i + n + gap)) : 0;
    if (c == 't' && (more == 'T' || more == 'L') && dx_is_digit(dx_char(t, i + n + gap + 1)) && !tnm_at(t, i)) /* T12 L1 */
        return n;
    if (c == 'l' && dx_char(t, i + 1) <= '5' && n == 2 && (word_ends(t, i + n)))
        return n;
    if (n == 2 && dx_vertebra_letter(next) && next > 'z' && dx_is_digit(dx_char(t, i + 3)) && dx_char(t, i + 4) == 0x690E) /* 腰5骶1椎间盘 */
        return 4;
    if (next != '/' && next != '-')
        return 0;
    n++;
    uint32_t e = dx_char(t, i + n);
    n += e == 'l' || e == 's' || e == 't';
    return dx_is_digit(dx_char(t, i + n)) ? n + 1 + dx_is_digit(dx_char(t, i + n + 1)) : 0; /* T11/12 */
}

/* "1." "2、" "(3)" "4)" ①: a list's numbering. */
static size_t numbering_at(const struct dx_chars *t, size_t i)
{
    size_t n = 0;
    uint32_t c = dx_char(t, i);
    if (c >= 0x2460 && c <= 0x2473)
        return 1;
    if (dx_is_digit(c) && t->sign[i])
        return 2;
    bool open = c == '(';
    n += open;
    size_t digits = 0;
    while (dx_is_digit(dx_char(t, i + n)) && digits < 2)
        n++, digits++;
    if (!digits || (i && (dx_is_digit(dx_char(t, i - 1)) || dx_is_letter(dx_char(t, i - 1)) || dx_char(t, i - 1) == '.')))
        return 0;
    c = dx_char(t, i + n);
    if (open)
        return c == ')' && (i == 0 || dx_char(t, i - 1) == ' ' || dx_char(t, i - 1) == ';') ? n + 1 : 0;
    if (c == ')' && i == 0)
        return n + 1;
    return (c == '.' || c == 0x3001 || c == 0xFF0E) && !dx_is_digit(dx_char(t, i + n + 1)) ? n + 1 : 0;
}

/* 孕39+2周, 妊娠38周, 停经50天, G2P1: how long and how often, no disease. */
static size_t pregnancy_at(const struct dx_chars *t, size_t i)
{
    uint32_t c = dx_char(t, i), unit;
    size_t n = 0;
    if (c == 'g' && dx_is_digit(dx_char(t, i + 1)) && dx_char(t, i + 2) == 'p' && dx_is_digit(dx_char(t, i + 3)) && !dx_is_letter(dx_char(t, i - (i > 0))))
        return 4;
    if (c == 0x5BAB && dx_char(t, i + 1) == 0x5185) { /* 宫内 */
        size_t more = dx_char(t, i + 2) == 0x5B55 || dx_char(t, i + 2) == 0x598A ? pregnancy_at(t, i + 2) : 0;
        return more ? more + 2 : 0;
    }
    if (c == 0x5B55) /* 孕 */
        n = 1;
    else if ((c == 0x598A && dx_char(t, i + 1) == 0x5A20) || (c == 0x505C && dx_char(t, i + 1) == 0x7ECF)) /* 妊娠 停经 */
        n = 2;
    while (n && dx_char(t, i + n) == ' ')
        n++;
    if (!n || !dx_is_digit(dx_char(t, i + n)))
        return 0;
    while (dx_is_digit(dx_char(t, i + n)) || dx_char(t, i + n) == '+' || dx_char(t, i + n) == '/' || dx_char(t, i + n) == '-')
        n++;
    n += dx_char(t, i + n) == 0x4E2A; /* 个 */
    unit = dx_char(t, i + n);
    return unit == 0x5468 || unit == 0x5929 || unit == 0x6708 ? n + 1 : 0; /* 周 天 月 */
}

/* 距门齿28-32cm, 距肛缘约5厘米: how far in, no place. */
static size_t distance_at(const struct dx_chars *t, size_t i)
{
    static const uint32_t from[] = {0x95E8, 0x9F7F, 0x809B, 0x7F18, 0x5207, 0x7259, 0x53E3, 0x72B6, 0x7EBF, 0x7EA6, 0x4E0A, 0x4E2D, ' '}; /* 门齿肛缘切牙口状线约上中 */
    size_t n = 1, words = 0;
    if (dx_char(t, i) != 0x8DDD) /* 距 */
        return 0;
    for (size_t k = 0; k < sizeof from / sizeof *from && words < 6;)
        if (dx_char(t, i + n) == from[k])
            n++, words++, k = 0;
        else
            k++;
    size_t digits = n;
    while (dx_is_digit(dx_char(t, i + n)) || dx_char(t, i + n) == '-' || dx_char(t, i + n) == '~' || dx_char(t, i + n) == '.')
        n++;
    if (!words || n == digits)
        return 0;
    n += blanks(t, i + n);
    uint32_t a = dx_char(t, i + n), b = dx_char(t, i + n + 1);
    bool unit = ((a == 'c' || a == 'm') && b == 'm') || (a == 0x5398 && b == 0x7C73) || (a == 0x516C && b == 0x5206); /* cm mm 厘米 公分 */
    n += unit ? 2 : 0;
    uint32_t c = dx_char(t, i + n);
    return unit ? n + (c == 0x5904) : 0; /* 处 */
}

/* ---- courses of treatment ---- */

/* 化疗6周期后, 放疗三十次后, 放化疗4程后: a modifier said with its count. The lexeme of 化疗后 and the like in *lexeme. */
static size_t course_at(const struct dx *d, const struct dx_chars *t, size_t i, uint32_t *lexeme)
{
    static const uint32_t counts[] = {0x5468, 0x671F, 0x7A0B, 0x6B21, 0x4E2A, 0x7597, 0x4F59, 0x591A, 0x5341, 0x767E, 0x5468, 0x7B2C,
                                      0x4E00, 0x4E8C, 0x4E24, 0x4E09, 0x56DB, 0x4E94, 0x516D, 0x4E03, 0x516B, 0x4E5D, ' '};
    uint32_t c = dx_char(t, i);
    size_t n = 1;
    bool both = c == 0x653E && dx_char(t, i + 1) == 0x5316; /* 放化 */
    if (c != 0x5316 && c != 0x653E)
        return 0;
    n += both;
    if (dx_char(t, i + n) != 0x7597) /* 疗 */
        return 0;
    n++;
    size_t counted = 0;
    for (; counted < 8; counted++) {
        uint32_t x = dx_char(t, i + n + counted);
        bool ok = dx_is_digit(x);
        for (size_t k = 0; !ok && k < sizeof counts / sizeof *counts; k++)
            ok = x == counts[k];
        if (!ok)
            break;
    }
    bool after = dx_char(t, i + n + counted) == 0x540E; /* 后 */
    for (uint32_t unit; !after && counted; counted--) /* 化疗4周期: up to its unit, 期 程 次 */
        if ((unit = dx_char(t, i + n + counted - 1)) == 0x671F || unit == 0x7A0B || unit == 0x6B21)
            break;
    bool given = counted > 1 && dx_char(t, i + n + counted) != 0x4E2D; /* not 化疗4周期中 */
    if (!counted || (!after && !given))
        return 0;
    *lexeme = dx_exact(d, both ? "放化疗后" : c == 0x5316 ? "化疗后" : "放疗后", DX_MOD);
    return *lexeme ? n + counted + after : 0;
}

/* Regimens of chemotherapy by their letters. */
static bool is_regimen(const struct dx_chars *t, size_t i, size_t n)
{
    static const char *const names[] = {"sox", "xelox", "capox", "capeox", "folfox", "folfox4", "folfox6", "mfolfox6", "folfiri", "folfirinox", "mfolfirinox", "folfoxiri",
                                        "xeliri", "flot", "dcf", "dos", "dof", "ecf", "ecx", "eox", "tp", "dp", "ep", "ip", "gp", "pp", "ap", "gc", "tc", "tcb", "pc", "dc",
                                        "ac", "ac-t", "ec", "ec-t", "fec", "tac", "tcbh", "tcbhp", "tch", "tchp", "thp", "vac", "vip", "abvd", "beacopp", "chop", "r-chop",
                                        "rchop", "chope", "r-chope", "r-cdop", "cdop", "dhap", "gdp", "gemox", "r-gemox", "p-gemox", "da-epoch", "r-epoch", "epoch",
                                        "hyper-cvad", "vdlp", "vdclp", "ia", "da", "mae", "hag", "cag", "vrd", "vcd", "pad", "vtd", "rd", "mp", "bep", "ema-co", "tip",
                                        "mvac", "cav", "pf", "tpf", "pcv", "mtx"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        size_t m = 0;
        while (m < n && names[k][m] && t->c[i + m] == (uint32_t)names[k][m])
            m++;
        if (m == n && !names[k][m])
            return true;
    }
    return false;
}

/* GC方案化疗后, SOX×4后, DCF方案3程: a regimen is no cancer by those letters. With *course what is over: the regimen and its count, a modifier;
 * else the regimen alone, words that say nothing. */
static size_t regimen_at(const struct dx_chars *t, size_t i, bool *course)
{
    size_t n = 0, digits = 0;
    if (!dx_is_letter(dx_char(t, i)) || (i && (dx_is_letter(t->c[i - 1]) || dx_is_digit(t->c[i - 1]) || t->c[i - 1] == '-')))
        return 0;
    while (dx_is_letter(dx_char(t, i + n)) || dx_is_digit(dx_char(t, i + n)) || (dx_char(t, i + n) == '-' && dx_is_letter(dx_char(t, i + n + 1))))
        n++;
    size_t times = 0;
    bool scheme = dx_char(t, i + n) == 0x65B9 && dx_char(t, i + n + 1) == 0x6848; /* 方案 */
    *course = false;
    if (n < 2 || n > 12 || !(scheme || is_regimen(t, i, n)))
        return 0;
    n += scheme ? 2 : 0;
    size_t alone = scheme ? n : 0;
    n += blanks(t, i + n);
    if (dx_char(t, i + n) == 0xD7 || dx_char(t, i + n) == '*')
        times = ++n;
    n += blanks(t, i + n);
    while (dx_is_digit(dx_char(t, i + n)) && digits < 2)
        n++, digits++;
    if (digits) {
        uint32_t c = dx_char(t, i + n), next;
        c = c == 0x4E2A ? dx_char(t, i + ++n) : c; /* 个 */
        next = dx_char(t, i + n + 1);
        size_t unit = (c == 0x5468 && next == 0x671F) || (c == 0x7597 && next == 0x7A0B) ? 2 : c == 0x7A0B || c == 0x6B21 ? 1 : 0; /* 周期 疗程 程 次 */
        if (!unit && !times)
            return alone;
        n += unit;
    } else if (times)
        return alone;
    bool after = dx_char(t, i + n) == 0x540E; /* 后 */
    *course = (scheme || times) && (after || (digits && dx_char(t, i + n) != 0x4E2D && dx_char(t, i + n) != 0x5316)); /* not 中, 化疗 */
    return *course ? n + after : alone;
}

/* ---- tokens ---- */

static bool by_rule(const struct dx_chars *t, size_t i, struct dx_token *k)
{
    size_t n, letter;
    if ((n = numbering_at(t, i)))
        k->cls = DX_STRONG;
    else if ((n = tnm_at(t, i)))
        k->cls = DX_TNM;
    else if ((n = grade_at(t, i, k->number)))
        k->cls = DX_GRADE;
    else if ((n = lettered_stage_at(t, i, &letter))) {
        k->cls = DX_LETTER_STAGE;
        k->number[0] = (uint8_t)(letter - i);
    }
    else if ((n = vertebra_at(t, i)))
        k->cls = DX_VERTEBRA;
    else if ((n = pregnancy_at(t, i)))
        k->cls = DX_PREGNANCY;
    else
        return false;
    k->to = (uint16_t)(i + n);
    return true;
}

static enum dx_class sign_class(uint32_t c)
{
    switch (c) {
    case ' ': return DX_SPACE;
    case '(': return DX_OPEN;
    case ')': return DX_CLOSE;
    case '\n': case 0x3002: return DX_STRONG;
    case '.': return DX_COMMA;
    default: return DX_UNKNOWN;
    }
}

/* 右下 by itself is a lobe; 骨转 a metastasis; (腺，右上) a pathology. */
static uint32_t short_word(const struct dx *d, const struct dx_chars *t, size_t i)
{
    uint32_t c = dx_char(t, i), before = i ? t->c[i - 1] : 0;
    if (!word_ends(t, i + 1))
        return 0;
    if ((c == 0x817A || c == 0x9CDE) && (before == '(' || (before && word_ends(t, i - 1)))) /* 腺 鳞 */
        return dx_exact(d, c == 0x817A ? "腺癌" : "鳞癌", DX_PATH);
    if (c == 0x8F6C && before >= 0x4E00) /* 转 */
        return dx_exact(d, "转移", DX_META);
    if (before != 0x5DE6 && before != 0x53F3 && before != 0x53CC) /* 左 右 双 */
        return 0;
    return c == 0x4E0A ? dx_exact(d, "上叶", DX_LOBE) : c == 0x4E2D ? dx_exact(d, "中叶", DX_LOBE) : c == 0x4E0B ? dx_exact(d, "下叶", DX_LOBE) : 0;
}

static bool statement_ends(const struct dx_chars *t, size_t i)
{
    uint32_t c = dx_char(t, i);
    return i >= t->n || c == ';' || c == 0x3002 || c == ' ' || c == '.';
}

/* 双肾盂 is a malformation where it stands alone; among more words it is both. */
static uint32_t both(const struct dx *d, const struct dx_chars *t, size_t i, size_t end)
{
    bool alone = (i == 0 || statement_ends(t, i - 1)) && statement_ends(t, end) && dx_char(t, end) != ' ';
    size_t of = i + 1;
    uint32_t l = t->c[i] == 0x53CC && !alone ? dx_longest(d, t, i + 1, &of) : 0;
    return l && of >= end && d->lexemes[l].cls != DX_DISEASE ? dx_exact(d, "双", DX_SIDE) : 0;
}

/* 否认有|机磷中毒 is 否认|有机磷中毒, 右半|月板损伤 is 右|半月板损伤, 血管瘤病|史 is 血管瘤|病史: the shorter word, where the last character belongs to what follows; 0. */
static uint32_t without_last(const struct dx *d, const struct dx_chars *t, size_t i, size_t *end)
{
    static const uint32_t both_ways[] = {0x6709, 0x534A, 0x8FB9, 0x5BA4}; /* 有 半 边 室 */
    size_t last = *end - 1, of = last;
    uint32_t other = 0;
    for (size_t k = 0; k < sizeof both_ways / sizeof *both_ways && last > i; k++)
        if (t->c[last] == both_ways[k])
            other = dx_longest(d, t, last, &of);
    bool name = other && of > *end && d->lexemes[other].cls == DX_DISEASE;
    bool history = t->c[last] == 0x75C5 && dx_char(t, *end) == 0x53F2 && last - i > 2; /* 病 史; not 糖尿 of 糖尿病史 */
    uint32_t l = name || history ? dx_between(d, t, i, last) : 0;
    if (!l || (history && d->lexemes[l].cls != DX_DISEASE))
        return 0;
    *end = last;
    return l;
}

/* A shorter word where the longest one swallows the beginning of another: 结肠|溃疡型癌 is no 结肠溃疡, 骨m|iii期 no mi; 0 with *end
 * moved where what is left before the other is no word (姑息性|化疗后). */
static uint32_t shorter(const struct dx *d, const struct dx_chars *t, size_t i, size_t *end)
{
    uint32_t next = dx_char(t, *end), l = 0;
    uint8_t number[4];
    size_t of = 0;
    if (dx_char(t, i) == 'm' && *end > i + 1 && i + 1 + dx_stage_at(t, i + 1, number) > *end) {
        *end = i + 1;
        return dx_between(d, t, i, i + 1);
    }
    for (size_t k = *end - 1; !l && (next == 0x578B || next == 0x540E) && k > i; k--) { /* 型 后 */
        uint32_t other = dx_longest(d, t, k, &of);
        bool type = other && of > *end && d->lexemes[other].cls == DX_TYPE, mod = other && of > *end && d->lexemes[other].cls == DX_MOD;
        if (((type || mod) && (l = dx_between(d, t, i, k))) || mod) {
            *end = k;
            break;
        }
    }
    return l;
}

/* after_unknown: the character before belongs to no word, so letters here may be its rest (the iv of xiv) */
static bool one_token(const struct dx *d, const struct dx_chars *t, size_t i, bool after_unknown, bool teeth, struct dx_token *k)
{
    size_t end = i, n;
    *k = (struct dx_token){.from = (uint16_t)i};
    if (teeth && (n = dx_teeth_at(t, i))) {
        *k = (struct dx_token){.from = (uint16_t)i, .to = (uint16_t)(i + n), .cls = DX_TOOTH};
        return true;
    }
    if (teeth && (n = dx_teeth_numbering_at(t, i))) {
        *k = (struct dx_token){.from = (uint16_t)i, .to = (uint16_t)(i + n), .cls = DX_STRONG};
        return true;
    }
    uint32_t l = dx_longest(d, t, i, &end), course, other;
    if (l && end > i + 1 && d->lexemes[l].flags & DX_FROM_ICD && (other = both(d, t, i, end))) {
        l = other;
        end = i + 1;
    }
    size_t whole = end;
    if (l && ((other = without_last(d, t, i, &end)) || (other = shorter(d, t, i, &end)) || end < whole))
        l = other;
    if ((n = distance_at(t, i))) {
        *k = (struct dx_token){.from = (uint16_t)i, .to = (uint16_t)(i + n), .cls = DX_SKIP};
        return true;
    }
    bool over;
    if ((n = regimen_at(t, i, &over))) {
        *k = (struct dx_token){.from = (uint16_t)i, .to = (uint16_t)(i + n), .lexeme = over ? dx_exact(d, "化疗后", DX_MOD) : dx_exact(d, "方案", DX_SKIP)};
        k->cls = over ? DX_MOD : DX_SKIP;
        return true;
    }
    if ((n = course_at(d, t, i, &course)) && n > end - i) {
        *k = (struct dx_token){.from = (uint16_t)i, .to = (uint16_t)(i + n), .lexeme = course, .cls = DX_MOD};
        return true;
    }
    size_t further = end;
    if (l && t->c[i] == 0x65E0 && end - i > 1 && dx_longest(d, t, i + 1, &further) && further > end) { /* 无乳腺癌家族史 is not 无乳 */
        l = dx_exact(d, "无", DX_NEGPRE);
        end = i + 1;
    }
    bool inside = after_unknown && i && !t->sign[i] && (dx_is_letter(dx_char(t, i - 1)) || dx_is_digit(dx_char(t, i - 1)));
    if (!inside && (n = dx_stage_at(t, i, k->number)) && n >= end - i) {
        k->cls = DX_NUMBER_STAGE;
        k->to = (uint16_t)(i + n);
        return true;
    }
    memset(k->number, 0, sizeof k->number);
    if (by_rule(t, i, k) && k->to >= end) {
        k->lexeme = k->cls == DX_VERTEBRA && l && k->to == end && d->lexemes[l].cls == DX_LOBE ? l : 0; /* S5 of the liver */
        return true;
    }
    if (!l && (l = short_word(d, t, i)))
        end = i + 1;
    if (l) {
        k->lexeme = l;
        k->cls = d->lexemes[l].cls;
        k->to = (uint16_t)end;
        return true;
    }
    k->cls = sign_class(t->c[i]);
    k->to = (uint16_t)(i + 1);
    if (k->cls == DX_COMMA && i && dx_is_digit(dx_char(t, i - 1)) && dx_is_digit(dx_char(t, i + 1)))
        k->cls = DX_UNKNOWN;
    return k->cls != DX_UNKNOWN;
}

/* A word for what a disease is more exactly stands behind it, as a word of its own. */
static bool qualifies(const struct dx_token *before)
{
    return before && (before->cls == DX_DISEASE || before->cls == DX_OPEN || before->cls == DX_SPACE || before->cls == DX_COMMA || before->cls == DX_FORM);
}

static bool is_where(enum dx_class c)
{
    return c == DX_ORGAN || c == DX_PART || c == DX_LOBE || c == DX_LIMB || c == DX_SITE || c == DX_VERTEBRA;
}

/* 肺|恶性肿瘤|靶向治疗, 桡骨|骨折|术后: a name of the list that begins with a head is, behind the place, that head of that place. */
static void of_organ(const struct dx *d, const struct dx_chars *t, const struct dx_token *before, struct dx_token *k)
{
    if (k->cls != DX_DISEASE || !(d->lexemes[k->lexeme].flags & DX_FROM_ICD) || before->to != k->from)
        return;
    if (!is_where(before->cls))
        return;
    bool operated = t->c[k->to - 1] == 0x540E && t->c[k->to - 2] == 0x672F; /* 术后 */
    for (size_t end = k->to - 1u; end > k->from + 1u; end--) {
        uint32_t l = dx_between(d, t, k->from, end);
        if (l && (d->lexemes[l].cls == DX_TUMOUR || (operated && end == k->to - 2u && d->lexemes[l].cls == DX_HEAD))) {
            *k = (struct dx_token){.from = k->from, .to = (uint16_t)end, .lexeme = l, .cls = d->lexemes[l].cls};
            return;
        }
    }
}

/* 脑转放疗后: 转 behind a place, where it begins no other word. */
static bool spreads_to(const struct dx *d, const struct dx_chars *t, const struct dx_token *before, struct dx_token *k)
{
    static const uint32_t others[] = {0x79FB, 0x6C28, 0x5F52, 0x8BCA, 0x5F55, 0x590D, 0x9634, 0x5B50, 0x6D41, 0x4F4D, 0x9662, 0x5165, 0x53D8}; /* 移氨归诊录复阴子流位院入变 */
    uint32_t next = dx_char(t, k->from + 1u);
    if (t->c[k->from] != 0x8F6C || before->to != k->from || (next == 0x5316 && dx_char(t, k->from + 2u) != 0x7597)) /* 转; 转化 but not 化疗 */
        return false;
    if (before->cls != DX_ORGAN && before->cls != DX_SITE && before->cls != DX_REGION && before->cls != DX_NODE)
        return false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (next == others[i])
            return false;
    *k = (struct dx_token){.from = k->from, .to = (uint16_t)(k->from + 1), .lexeme = dx_exact(d, "转移", DX_META), .cls = DX_META};
    return true;
}

size_t dx_scan(const struct dx *d, const struct dx_chars *t, struct dx_token *tokens)
{
    size_t n = 0;
    bool teeth = dx_of_teeth(t);
    for (size_t i = 0; i < t->n;) {
        struct dx_token k;
        bool known = one_token(d, t, i, n && tokens[n - 1].cls == DX_UNKNOWN, teeth, &k);
        if (n)
            of_organ(d, t, &tokens[n - 1], &k);
        known |= n && !known && spreads_to(d, t, &tokens[n - 1], &k);
        if (k.cls == DX_FORM && !qualifies(n ? &tokens[n - 1] : NULL)) { /* 慢性肥厚性鼻炎: a part of the name */
            known = false;
            k.cls = DX_UNKNOWN;
            k.lexeme = 0;
        }
        if (!known && n && tokens[n - 1].cls == DX_UNKNOWN && tokens[n - 1].to == i)
            tokens[n - 1].to = k.to;
        else
            tokens[n++] = k;
        i = k.to;
    }
    return n;
}

const struct lexeme *dx_reading(const struct dx *d, const struct dx_token *k, enum dx_class cls)
{
    for (uint32_t l = k->lexeme; l; l = d->lexemes[l].next)
        if (d->lexemes[l].cls == cls)
            return &d->lexemes[l];
    return NULL;
}
