#include "records/mpi/name.h"
#include "records/term/fold.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

/* Folded characters of a text; what stands in brackets (留观, 女儿, a ward) is left out, a bracket at the very beginning is kept. */
static size_t fold_text(const struct mpi_tables *t, struct mpi_text text, uint16_t *out, size_t cap)
{
    const char *p = text.p, *end = mpi_text_end(text);
    size_t n = 0, depth = 0;
    while (p < end && n < cap) {
        uint32_t c = mpi_fold(t, utf8_next(&p, end));
        if (c == '(' || c == '[' || c == 0x3010 || c == 0x3014)
            depth += n > 0;
        else if (c == ')' || c == ']' || c == 0x3011 || c == 0x3015)
            depth -= depth > 0;
        else if (!depth && c && c < 0x10000)
            out[n++] = (uint16_t)c;
    }
    return n;
}

static size_t keep_han(uint16_t *c, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (mpi_is_han(c[i]))
            c[kept++] = c[i];
    return kept;
}

static size_t keep_letters(uint16_t *c, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (c[i] < 0x80 ? c[i] >= 'a' && c[i] <= 'z' : c[i] != 0xB7)
            c[kept++] = c[i];
    return kept;
}

/* Does the text begin with (or, at its end, `anywhere` contain) these UTF-8 characters? */
static bool spells(const uint16_t *c, size_t n, const char *word, bool whole)
{
    const char *p = word, *end = word + strlen(word);
    size_t i = 0;
    while (p < end) {
        if (i == n || utf8_next(&p, end) != c[i])
            return false;
        i++;
    }
    return !whole || i == n;
}

/* Names that stand for somebody who could not be asked. Beginnings: a number, a place or an hour often follows. */
static bool stands_for_nobody(const uint16_t *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (c[i] == 0x67D0) /* 某: 李某某, 某女 */
            return true;
    static const char *const beginnings[] = {"无名",     "未知",   "不详",   "不明",     "三无",         "路人", "姓名不", "姓名未",
                                             "无姓名",   "身份不", "身份未", "急诊未知", "急诊无名",     "待查", "昏迷",   "未提供",
                                             "无主患者", "流浪",   "不知",   "待定",     "待核",         "拒报",   "佚名",   "匿名",     "unknown",      "unidentified",
                                             "johndoe",  "janedoe", "doejohn", "doejane", "anonymous", "noname", "unnamed"};
    static const char *const wholes[] = {"无", "患者", "病人", "测试", "男", "女", "姓名", "新生儿", "婴儿"};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (spells(c, n, beginnings[i], false))
            return true;
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++)
        if (spells(c, n, wholes[i], true))
            return true;
    return false;
}

/* Position of a mark in the list (from 1), 0 = none. 大 and 一, 小 and 二 say the same of two. */
static uint8_t mark_of(uint16_t c)
{
    static const char *const marks[] = {"大一甲长a1", "小二乙次b2", "三丙c3", "四丁d4"};
    for (uint8_t i = 0; i < sizeof marks / sizeof *marks; i++)
        for (const char *p = marks[i], *end = p + strlen(p); p < end;)
            if (utf8_next(&p, end) == c)
                return (uint8_t)(i + 1);
    return 0;
}

static uint8_t child_word(uint16_t c)
{
    if (c == 0x5B50 || c == 0x7537) /* 子男 */
        return 's';
    if (c == 0x5973) /* 女 */
        return 'd';
    return c == 0x5A74 || c == 0x513F || c == 0x5B9D || c == 0x6BDB ? 'c' : 0; /* 婴儿宝毛 */
}

/* Where "男婴", "女儿", "宝宝" .. begins behind a whole name; 0 = nowhere. */
static size_t child_suffix(const struct mpi_name *n)
{
    static const char *const words[] = {"男婴", "女婴", "婴儿", "儿子", "女儿", "宝宝", "毛毛"};
    for (size_t i = 0; n->n >= 4 && i < sizeof words / sizeof *words; i++)
        if (spells(n->c + n->n - 2, 2, words[i], true))
            return (size_t)n->n - 2;
    return 0;
}

/* "王芳之子", "王芳之大女", "王芳女婴": the name is the mother's. */
static void take_child_han(struct mpi_name *out)
{
    const uint16_t zhi = 0x4E4B;
    size_t at = 0;
    for (size_t i = 2; i < out->n && !at; i++)
        if (out->c[i] == zhi && i + 1 < out->n)
            at = i;
    if (!at)
        at = child_suffix(out);
    if (!at)
        return;
    uint8_t kind = 0, mark = 0;
    for (size_t i = at; i < out->n; i++) {
        uint8_t k = child_word(out->c[i]);
        kind = kind && kind != 'c' ? kind : k ? k : kind;
        mark = mark ? mark : mark_of(out->c[i]);
    }
    if (!kind)
        return; /* 之 within a name */
    out->child = kind;
    out->child_mark = mark;
    out->n = (uint8_t)at;
}

static bool ends_with(const struct mpi_name *n, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i < len; i++)
        if (n->n < len + 4 || n->c[n->n - len + i] != (unsigned char)word[i])
            return false;
    return true;
}

/* The same in pinyin: "WANG FANGZHIZI". */
static void take_child_latin(struct mpi_name *out)
{
    if (ends_with(out, "zhizi"))
        out->child = 's';
    else if (ends_with(out, "zhinv") || ends_with(out, "zhinu"))
        out->child = 'd';
    else
        return;
    out->n = (uint8_t)(out->n - 5);
}

static void append(struct mpi_name *out, const uint16_t *c, size_t n)
{
    for (size_t i = 0; i < n && out->n < MPI_NAME_MAX; i++)
        out->c[out->n++] = c[i];
}

static uint8_t han_family(const struct mpi_tables *t, const struct mpi_name *n)
{
    if (n->n >= 3 && n->n <= 4 && mpi_double_surname(t, n->c[0], n->c[1]))
        return 2;
    return n->n == 2 || n->n == 3; /* longer: a minority name; one: nobody knows */
}

/* `last`: what the text ended with, before all but Chinese was dropped: 郑紫芳之子A. */
static void read_han(const struct mpi_tables *t, struct mpi_name *out, uint8_t family, uint16_t last)
{
    out->han = true;
    take_child_han(out);
    if (out->child && !out->child_mark)
        out->child_mark = mark_of(last);
    out->n_family = family && family < out->n ? family : han_family(t, out);
}

/* One column of Latin words: "Family, Given" or "FAMILY GIVEN ..". */
static void read_words(struct mpi_name *out, uint16_t *c, size_t n)
{
    size_t first = 0, split;
    bool comma = false;
    for (size_t i = 0; i < n && !comma; i++)
        if (c[i] == ',' && i) {
            first = i;
            comma = true;
        }
    while (!comma && first < n && c[first] == ' ')
        first++;
    for (split = first; !comma && split < n && c[split] != ' ' && c[split] != 0xB7; split++)
        ;
    if (comma)
        split = first;
    size_t rest = n - split;
    uint16_t *given = c + split;
    size_t n_family = keep_letters(c, split);
    rest = keep_letters(given, rest);
    append(out, c, n_family);
    out->n_family = rest ? out->n : 0;
    append(out, given, rest);
}

static bool has_han(const uint16_t *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (mpi_is_han(c[i]))
            return true;
    return false;
}

void mpi_name_read(const struct mpi_tables *t, struct mpi_text whole, struct mpi_text family, struct mpi_text given,
                   struct mpi_name *out)
{
    uint16_t a[64], b[64], plain[128];
    memset(out, 0, sizeof *out);
    bool split = family.len || given.len;
    size_t na = fold_text(t, split ? family : whole, a, 64), nb = split ? fold_text(t, given, b, 64) : 0;
    bool han = has_han(a, na) || has_han(b, nb);
    uint16_t last = nb ? b[nb - 1] : na ? a[na - 1] : 0;
    memcpy(plain, a, na * sizeof *a);
    memcpy(plain + na, b, nb * sizeof *b);
    size_t np = han ? keep_han(plain, na + nb) : keep_letters(plain, na + nb);
    if (stands_for_nobody(plain, np)) {
        out->unidentified = true;
        return;
    }
    if (han) {
        size_t n_family = split ? keep_han(a, na) : 0;
        append(out, plain, np);
        read_han(t, out, (uint8_t)n_family, last);
        return;
    }
    if (split) {
        size_t n_family = keep_letters(a, na), n_given = keep_letters(b, nb);
        append(out, a, n_family);
        out->n_family = out->n;
        append(out, b, n_given);
    } else
        read_words(out, a, na);
    take_child_latin(out);
    if (out->n_family > out->n)
        out->n_family = out->n;
}

/* ---- letters ---- */

static void add_letters(char *out, size_t cap, const char *letters)
{
    size_t n = strlen(out), m = strlen(letters);
    if (n + m < cap)
        memcpy(out + n, letters, m + 1);
}

void mpi_name_letters(const struct mpi_tables *t, const struct mpi_name *n, char *family, char *given, size_t cap)
{
    family[0] = given[0] = 0;
    for (size_t i = 0; i < n->n; i++) {
        bool in_family = i < n->n_family;
        char one[5] = "";
        if (!n->han)
            one[utf8_put(n->c[i], one)] = 0;
        add_letters(in_family ? family : given, cap,
                    n->han ? mpi_letters(t, mpi_syllable(t, n->c[i], in_family && n->n_family == 1)) : one);
    }
}

/* ---- comparing words ---- */

/* What both begin and end with costs nothing (an exchange across it is never the cheapest way), and mostly is nearly all. */
static void strip_common(const char **a, size_t *na, const char **b, size_t *nb)
{
    while (*na && *nb && **a == **b)
        ++*a, ++*b, --*na, --*nb;
    while (*na && *nb && (*a)[*na - 1] == (*b)[*nb - 1])
        --*na, --*nb;
}

int mpi_edits(const char *a, size_t na, const char *b, size_t nb, int limit)
{
    int row[3][66];
    if (na > 64 || nb > 64 || abs((int)na - (int)nb) > limit)
        return limit + 1;
    strip_common(&a, &na, &b, &nb);
    if (!na || !nb)
        return (int)(na + nb);
    for (size_t j = 0; j <= nb; j++)
        row[0][j] = (int)j;
    for (size_t i = 1; i <= na; i++) { /* a way through a cell further than `limit` from the diagonal is longer than that */
        int *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3], least = limit + 1;
        size_t from = i > (size_t)limit ? i - (size_t)limit : 1, to = i + (size_t)limit < nb ? i + (size_t)limit : nb;
        now[0] = (int)i;
        now[from - 1] = from > 1 ? limit + 1 : now[0];
        for (size_t j = from; j <= to; j++) {
            int d = last[j - 1] + (a[i - 1] != b[j - 1]);
            d = last[j] + 1 < d ? last[j] + 1 : d;
            d = now[j - 1] + 1 < d ? now[j - 1] + 1 : d;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < d)
                d = before[j - 2] + 1;
            now[j] = d;
            least = d < least ? d : least;
        }
        now[to + 1] = limit + 1; /* the next row looks there */
        if (least > limit)
            return limit + 1;
    }
    return row[na % 3][nb] > limit ? limit + 1 : row[na % 3][nb];
}

uint8_t mpi_word_compare(const char *a, size_t na, const char *b, size_t nb)
{
    size_t shorter = na < nb ? na : nb, common = 0;
    while (common < shorter && a[common] == b[common])
        common++;
    if (na == nb && common == na)
        return NAME_EXACT;
    if (common == shorter) /* "rob" and "robert", "j" and "john" */
        return shorter >= 3 && na + nb - 2 * shorter == 1 ? NAME_SOUND : NAME_NEAR;
    int edits = mpi_edits(a, na, b, nb, 3);
    if (edits == 1 && shorter >= 3)
        return NAME_SOUND;
    if (edits <= 2 && shorter >= 5)
        return NAME_NEAR;
    return (edits <= 3 && shorter >= 7) || common >= 4 ? NAME_PARTLY : NAME_DIFFERS;
}

/* ---- comparing names ---- */

/* One character: exact, sound, near (look-alike) or differs. */
static uint8_t char_compare(const struct mpi_tables *t, uint16_t a, uint16_t b, bool family)
{
    if (a == b)
        return NAME_EXACT;
    uint16_t x = mpi_syllable(t, a, family), y = mpi_syllable(t, b, family);
    if (x && x == y)
        return NAME_SOUND;
    return mpi_look_alike(t, a, b) ? NAME_NEAR : NAME_DIFFERS;
}

/* Parts of the same length, character by character. */
static uint8_t part_compare(const struct mpi_tables *t, const uint16_t *a, const uint16_t *b, size_t n, bool family)
{
    uint8_t worst = NAME_EXACT;
    size_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t level = char_compare(t, a[i], b[i], family);
        bad += level == NAME_DIFFERS;
        worst = level != NAME_DIFFERS && level > worst ? level : worst;
    }
    if (!bad)
        return worst;
    if (n == 2 && a[0] == b[1] && a[1] == b[0])
        return NAME_NEAR;
    return n > 1 && (bad == 1 || bad * 3 <= n) ? NAME_PARTLY : NAME_DIFFERS;
}

/* Where a character of the longer name was left out; -1 when that does not explain the difference. */
static int left_out(const struct mpi_tables *t, const struct mpi_name *longer, const struct mpi_name *shorter)
{
    int at = -1;
    size_t exact = 0;
    for (size_t i = 0, j = 0; j < shorter->n; i++) {
        uint8_t level = char_compare(t, longer->c[i], shorter->c[j], false);
        if (level <= NAME_SOUND) {
            exact += level == NAME_EXACT;
            j++;
        } else if (at >= 0)
            return -1;
        else
            at = (int)i;
    }
    return exact == 0 ? -1 : at < 0 ? longer->n - 1 : at;
}

static struct mpi_name_match han_other_length(const struct mpi_tables *t, const struct mpi_name *a, const struct mpi_name *b)
{
    const struct mpi_name *longer = a->n > b->n ? a : b, *shorter = a->n > b->n ? b : a;
    struct mpi_name_match m = {MPI_MISSING, NAME_DIFFERS};
    if (longer->n == shorter->n + 1 && shorter->n >= 2) {
        int at = left_out(t, longer, shorter);
        if (at >= 0) {
            m.given = NAME_NEAR;
            if (at >= longer->n_family && longer->n_family && shorter->n_family)
                m.family = part_compare(t, longer->c, shorter->c, shorter->n_family, true);
            return m;
        }
    }
    size_t same = 0;
    while (same < shorter->n && longer->c[same] == shorter->c[same])
        same++;
    if (same >= 3 && same == shorter->n) /* a long name cut short */
        return (struct mpi_name_match){MPI_MISSING, NAME_PARTLY};
    if (a->n_family && b->n_family)
        m.family = a->n_family == b->n_family ? part_compare(t, a->c, b->c, a->n_family, true) : NAME_DIFFERS;
    return m;
}

static struct mpi_name_match han_compare(const struct mpi_tables *t, const struct mpi_name *a, const struct mpi_name *b)
{
    if (a->n != b->n)
        return han_other_length(t, a, b);
    if (a->n_family != b->n_family) /* one column did not say where the family name ends */
        return (struct mpi_name_match){MPI_MISSING, part_compare(t, a->c, b->c, a->n, false)};
    struct mpi_name_match m = {MPI_MISSING, MPI_MISSING};
    if (a->n_family)
        m.family = part_compare(t, a->c, b->c, a->n_family, true);
    if (a->n > a->n_family)
        m.given = part_compare(t, a->c + a->n_family, b->c + b->n_family, (size_t)(a->n - a->n_family), false);
    return m;
}

static size_t letters_of(const struct mpi_name *n, size_t from, size_t to, char out[MPI_NAME_MAX * 2 + 1])
{
    size_t len = 0;
    for (size_t i = from; i < to; i++) /* beyond Latin letters two bytes tell characters apart well enough */
        if (n->c[i] < 0x80)
            out[len++] = (char)n->c[i];
        else {
            out[len++] = (char)(0x80 | n->c[i] >> 8);
            out[len++] = (char)n->c[i];
        }
    out[len] = 0;
    return len;
}

static uint8_t worse(uint8_t a, uint8_t b)
{
    return a > b ? a : b;
}

/* Words of two Latin names; exchanged columns are seen. */
static struct mpi_name_match latin_compare(const struct mpi_name *a, const struct mpi_name *b)
{
    char af[MPI_NAME_MAX * 2 + 1], ag[MPI_NAME_MAX * 2 + 1], bf[MPI_NAME_MAX * 2 + 1], bg[MPI_NAME_MAX * 2 + 1];
    size_t naf = letters_of(a, 0, a->n_family, af), nag = letters_of(a, a->n_family, a->n, ag);
    size_t nbf = letters_of(b, 0, b->n_family, bf), nbg = letters_of(b, b->n_family, b->n, bg);
    struct mpi_name_match m = {MPI_MISSING, MPI_MISSING};
    if (naf && nbf)
        m.family = mpi_word_compare(af, naf, bf, nbf);
    if (nag && nbg)
        m.given = mpi_word_compare(ag, nag, bg, nbg);
    if (m.family == NAME_EXACT && (m.given == NAME_EXACT || m.given == MPI_MISSING))
        return m;
    uint8_t x = naf && nbg ? mpi_word_compare(af, naf, bg, nbg) : MPI_MISSING;
    uint8_t y = nag && nbf ? mpi_word_compare(ag, nag, bf, nbf) : MPI_MISSING;
    bool both = x != MPI_MISSING && y != MPI_MISSING;
    if (both && x <= NAME_SOUND && y <= NAME_SOUND && (m.family > NAME_NEAR || m.given > NAME_NEAR))
        return (struct mpi_name_match){worse(x, NAME_SOUND), worse(y, NAME_SOUND)};
    /* one word stands where the other has none, or in the other column */
    if (!both && m.family == MPI_MISSING && m.given == MPI_MISSING && (x <= NAME_SOUND || y <= NAME_SOUND))
        return x <= NAME_SOUND ? (struct mpi_name_match){x, MPI_MISSING} : (struct mpi_name_match){MPI_MISSING, y};
    return m;
}

/* A Chinese name beside its pinyin: "ZHANG TAOMING", "Taoming Zhang", "zhangtaoming". */
static struct mpi_name_match mixed_compare(const struct mpi_tables *t, const struct mpi_name *han, const struct mpi_name *latin)
{
    char family[80], given[80], one[200], two[200], other[MPI_NAME_MAX * 2 + 1];
    mpi_name_letters(t, han, family, given, sizeof family);
    size_t n = letters_of(latin, 0, latin->n, other);
    snprintf(one, sizeof one, "%s%s", family, given);
    snprintf(two, sizeof two, "%s%s", given, family);
    int edits = mpi_edits(one, strlen(one), other, n, 2), turned = mpi_edits(two, strlen(two), other, n, 2);
    edits = turned < edits ? turned : edits;
    uint8_t all = edits == 0 ? NAME_SOUND : edits == 1 || (edits == 2 && n >= 10) ? NAME_NEAR : NAME_DIFFERS;
    if (all != NAME_DIFFERS)
        return (struct mpi_name_match){han->n_family ? all : MPI_MISSING, all};
    size_t nf = strlen(family);
    bool same = nf && latin->n_family == nf && memcmp(family, other, nf) == 0;
    return (struct mpi_name_match){same ? NAME_SOUND : han->n_family ? NAME_DIFFERS : MPI_MISSING, NAME_DIFFERS};
}

struct mpi_name_match mpi_name_compare(const struct mpi_tables *t, const struct mpi_name *a, const struct mpi_name *b)
{
    if (!a->n || !b->n)
        return (struct mpi_name_match){MPI_MISSING, MPI_MISSING};
    if (a->han != b->han)
        return a->han ? mixed_compare(t, a, b) : mixed_compare(t, b, a);
    return a->han ? han_compare(t, a, b) : latin_compare(a, b);
}
