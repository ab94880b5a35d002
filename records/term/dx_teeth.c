/* Teeth: told by two digits (ISO 3950, FDI: 11-48, milk teeth 51-85) or by quadrant and place (右上6, 左下D), alone or listed. Digits are
 * teeth only in a line that speaks of teeth. */
#include "records/term/dx_read.h"
#include "records/term/fold.h"
#include <string.h>

bool dx_of_teeth(const struct dx_chars *t)
{
    for (size_t i = 0; i < t->n; i++) {
        uint32_t c = t->c[i], next = dx_char(t, i + 1);
        if (c == 0x7259 || c == 0x9F8B || c == 0x9F7F) /* 牙 龋 齿 */
            return true;
        if ((c == 0x6B8B && (next == 0x6839 || next == 0x51A0)) || (c == 0x963B && next == 0x751F)) /* 残根 残冠 阻生 */
            return true;
        if ((c == 0x6839 && (next == 0x5C16 || next == 0x6298)) || (c == 0x51A0 && (next == 0x5468 || next == 0x6298 || next == 0x6839))) /* 根尖 根折 冠周 冠折 冠根 */
            return true;
    }
    return false;
}

/* What makes digits a measure, a time or a grade: 28cm, 35岁, 12天. */
static bool is_unit(uint32_t c)
{
    static const uint32_t units[] = {0x5C81, 0x5E74, 0x6708, 0x5929, 0x65E5, 0x5468, 0x6B21, 0x5206, 0x5C0F, 0x7EA7, 0x671F, 0x5EA6, 0x4E2A, 0x7A0B,
                                     0x5398, 0x6BEB, 0x679A, 0x652F, 0x4F59, 0x591A, 0x4E09, 0x00D7, '.', '-', '/', '%', ':', '*', '+'}; /* 岁年月天日周次分小级期度个程厘毫枚支余多, 三 of 21三体 */
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (c == units[i])
            return true;
    return false;
}

static bool fdi_digits(const struct dx_chars *t, size_t i)
{
    uint32_t a = dx_char(t, i), b = dx_char(t, i + 1);
    return (a >= '1' && a <= '4' && b >= '1' && b <= '8') || (a >= '5' && a <= '8' && b >= '1' && b <= '5');
}

/* 36, #36, 36#, 36号牙: one tooth by two digits. */
static size_t fdi_at(const struct dx_chars *t, size_t i)
{
    size_t n = dx_char(t, i) == '#';
    uint32_t before = i ? t->c[i - 1] : 0;
    if (!fdi_digits(t, i + n) || (!n && (dx_is_digit(before) || dx_is_letter(before) || before == '-' || before == '/' || before == '+')))
        return 0;
    n += 2;
    n += dx_char(t, i + n) == '#';
    n += dx_char(t, i + n) == 0x53F7 && dx_char(t, i + n + 1) == 0x7259 ? 2 : 0; /* 号牙 */
    uint32_t next = dx_char(t, i + n);
    bool range = (next == '-' || next == '~') && fdi_digits(t, i + n + 1) && !dx_is_digit(dx_char(t, i + n + 3)) && !dx_is_letter(dx_char(t, i + n + 3)) && !is_unit(dx_char(t, i + n + 3));
    if (range)
        return n + 3;
    return dx_is_digit(next) || dx_is_letter(next) || is_unit(next) ? 0 : n;
}

/* 右上6, 左下颌8, 左下D: one tooth by its quadrant. */
static size_t quadrant_at(const struct dx_chars *t, size_t i)
{
    if (dx_char(t, i) != 0x5DE6 && dx_char(t, i) != 0x53F3) /* 左 右 */
        return 0;
    size_t n = 1;
    n += dx_char(t, i + n) == 0x4FA7; /* 侧 */
    if (dx_char(t, i + n) != 0x4E0A && dx_char(t, i + n) != 0x4E0B) /* 上 下 */
        return 0;
    n++;
    n += dx_char(t, i + n) == 0x988C; /* 颌 */
    uint32_t c = dx_char(t, i + n), next = dx_char(t, i + n + 1);
    bool place = (c >= '1' && c <= '8') || (c >= 'a' && c <= 'e');
    return place && !dx_is_digit(next) && !dx_is_letter(next) && !is_unit(next) ? n + 1 : 0;
}

static size_t one_at(const struct dx_chars *t, size_t i)
{
    size_t n = fdi_at(t, i);
    return n ? n : quadrant_at(t, i);
}

static bool is_list_sign(uint32_t c)
{
    return c == 0x3001 || c == ',' || c == 0xFF0C || c == 0x53CA || c == 0x548C || c == 0x4E0E; /* 、 及 和 与 */
}

size_t dx_teeth_at(const struct dx_chars *t, size_t i)
{
    size_t n = one_at(t, i);
    while (n && is_list_sign(dx_char(t, i + n))) {
        size_t blank = dx_char(t, i + n + 1) == ' ', more = one_at(t, i + n + 1 + blank);
        if (!more)
            break;
        n += 1 + blank + more;
    }
    return n;
}

/* "1.16残根": the number of a list stands right before a tooth. */
size_t dx_teeth_numbering_at(const struct dx_chars *t, size_t i)
{
    if (!dx_is_digit(dx_char(t, i)) || (i && (dx_is_digit(t->c[i - 1]) || dx_is_letter(t->c[i - 1]))))
        return 0;
    size_t n = 1 + dx_is_digit(dx_char(t, i + 1));
    bool sign = dx_char(t, i + n) == '.' || dx_char(t, i + n) == 0x3001;
    if (!sign || !fdi_digits(t, i + n + 1) || fdi_at(t, i))
        return 0;
    uint32_t after = dx_char(t, i + n + 3);
    return dx_is_digit(after) || dx_is_letter(after) || is_unit(after) ? 0 : n + 1;
}

bool dx_is_dental(const struct frame *f)
{
    static const char *const words[] = {"牙", "齿", "冠折", "根折", "冠根", "残根", "残冠", "龋"};
    if (strncmp(f->icd, "K0", 2) == 0)
        return true;
    for (size_t i = 0; f->name && i < sizeof words / sizeof *words; i++)
        if (strstr(f->name, words[i]))
            return true;
    return false;
}

/* 11、21: as written, without # and blanks, a list sign between any two. */
const char *dx_teeth_text(struct reader *r, size_t token)
{
    const struct dx_token *k = &r->k[token];
    char text[256];
    size_t n = 0;
    for (size_t i = k->from; i < k->to && n + 8 < sizeof text; i++) {
        uint32_t c = r->t->c[i];
        if (c == '#' || c == ' ' || c == 0x53F7 || c == 0x7259)
            continue;
        n += utf8_put(is_list_sign(c) ? 0x3001 : c >= 'a' && c <= 'e' ? c - 32 : c, text + n);
    }
    return dx_keep(r->out, "%.*s", (int)n, text);
}

static bool is_tooth(const struct reader *r, const struct dx_token *k)
{
    const struct lexeme *x = k->cls == DX_SITE ? dx_reading(r->d, k, DX_SITE) : NULL;
    return k->cls == DX_TOOTH || (x && strstr(x->name, "牙"));
}

/* 36缺失 is a missing tooth, 左上中切牙外伤性脱位 a dislocated one: what the name leaves out because the tooth is said before it. */
static void name_of_tooth(struct reader *r, size_t i)
{
    size_t first = i + 1, mark = r->out->text_len;
    if (first >= r->n || dx_ends_chunk(r->k[first].cls) || r->k[i].to != r->k[first].from)
        return;
    size_t from = r->k[first].from;
    if (dx_char(r->t, from) == 0x5916 && dx_char(r->t, from + 1) == 0x4F24) /* 外伤[性] */
        from += 2 + (dx_char(r->t, from + 2) == 0x6027);
    size_t last = first;
    while (last + 1 < r->n && last < first + 4 && !dx_ends_chunk(r->k[last + 1].cls) && r->k[last + 1].cls != DX_SPACE)
        last++;
    for (size_t k = last + 1; k-- > first;) {
        if (r->k[k].to <= from)
            break;
        uint32_t l = dx_exact(r->d, dx_keep(r->out, "牙%s", dx_slice(r, from, r->k[k].to)), DX_DISEASE);
        r->out->text_len = mark;
        if (!l)
            continue;
        for (size_t t = first + 1; t <= k; t++)
            r->k[t].taken = true;
        r->k[first].to = r->k[k].to;
        r->k[first].lexeme = l;
        r->k[first].cls = DX_DISEASE;
        return;
    }
}

/* 牙周炎（36松动Ⅱ度）: how the tooth of the disease before is, in brackets. */
static bool in_brackets(const struct reader *r, size_t i)
{
    return i > 1 && r->k[i - 1].cls == DX_OPEN && dx_is_head(r->k[i - 2].cls);
}

void dx_name_teeth(struct reader *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (is_tooth(r, &r->k[i]) && !in_brackets(r, i))
            name_of_tooth(r, i);
}
