/* What stands behind a name and is read before the rest: the part of its organ in brackets (胰腺癌（头部）), where a spread came from (骨转移，
 * 原发前列腺), the cause its injuries are listed under (车祸伤：1.…), the complaint that led to it (咳嗽1周，急性支气管炎). */
#include "records/term/dx_read.h"
#include <string.h>

static uint32_t first_of(const struct reader *r, size_t i)
{
    return r->t->c[r->k[i].from];
}

/* ---- parts in brackets ---- */

/* The organ of the tumour or disease that ends right before token i, DX_NONE. */
static uint16_t organ_before(const struct reader *r, size_t i)
{
    while (i > 0 && r->k[i - 1].cls == DX_SPACE)
        i--;
    if (i == 0 || !dx_is_head(r->k[i - 1].cls))
        return DX_NONE;
    for (size_t k = i; k-- > 0 && r->k[k].cls != DX_STRONG && r->k[k].cls != DX_COMMA;) {
        const struct dx_token *t = &r->k[k];
        const struct lexeme *x = &r->d->lexemes[t->lexeme];
        if (t->lexeme && (t->cls == DX_ORGAN || t->cls == DX_WHOLE || (t->cls == DX_DISEASE && k + 1 == i) || (t->cls == DX_PATH && x->organ != DX_NONE)))
            return x->organ;
    }
    return DX_NONE;
}

/* The part of the organ that characters from..to are with the organ's name before or behind: 头 is 胰头 of 胰腺, 横 is 横结肠; 0. */
static uint32_t part_said(struct reader *r, uint16_t organ, size_t from, size_t to)
{
    size_t mark = r->out->text_len;
    const char *name = r->d->organs[organ].name, *stem = dx_slice(r, from, to);
    const char *tries[] = {dx_keep(r->out, "%s%s", name, stem), dx_keep(r->out, "%.3s%s", name, stem), dx_keep(r->out, "%s%s", stem, name)};
    uint32_t found = 0;
    for (size_t i = 0; !found && i < sizeof tries / sizeof *tries; i++) {
        found = dx_exact(r->d, tries[i], DX_PART);
        found = found && r->d->lexemes[found].organ == organ ? found : 0;
    }
    r->out->text_len = mark;
    return found;
}

/* Is what stands at tokens [first, last) of the item behind a name a part of its organ? It becomes one word. */
static void read_item(struct reader *r, uint16_t organ, size_t first, size_t last, bool bracketed)
{
    static const uint32_t fits[] = {DX_UNKNOWN, DX_LIMB, DX_REGION, DX_SITE, DX_SKIP, DX_ORGAN};
    size_t from = r->k[first].from, to = r->k[last - 1].to, chars = to - from;
    bool known = false;
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++)
        known |= r->k[first].cls == fits[i];
    bool says_part = chars > 1 && r->t->c[to - 1] == 0x90E8; /* 部 */
    if (!known || chars > 4 || (!bracketed && !says_part))
        return;
    uint32_t part = part_said(r, organ, from, to - says_part);
    if (!part)
        return;
    r->k[first].lexeme = part;
    r->k[first].cls = DX_PART;
    r->k[first].to = (uint16_t)to;
    for (size_t i = first + 1; i < last; i++)
        r->k[i].taken = true;
}

static void parts_behind(struct reader *r)
{
    for (size_t i = 1; i + 1 < r->n; i++) {
        bool open = r->k[i].cls == DX_OPEN;
        uint16_t organ = open || r->k[i].cls == DX_COMMA || r->k[i].cls == DX_SPACE ? organ_before(r, i) : DX_NONE;
        if (organ == DX_NONE)
            continue;
        for (size_t first = i + 1, k = first; k <= r->n; k++) {
            if (k < r->n && !dx_ends_chunk(r->k[k].cls) && r->k[k].cls != DX_SPACE)
                continue;
            if (k > first)
                read_item(r, organ, first, k, open);
            if (!open || k == r->n || r->k[k].cls == DX_CLOSE || r->k[k].cls == DX_STRONG)
                break;
            first = k + 1;
        }
    }
}

/* ---- where a spread came from ---- */

static bool spread_before(const struct reader *r, size_t i)
{
    while (i-- > 0 && r->k[i].cls != DX_STRONG)
        if (r->k[i].cls == DX_META || r->k[i].cls == DX_NODEMETA || r->k[i].cls == DX_METAPRE)
            return true;
    return false;
}

/* 原发, 原发灶, 原发部位, 来源, 来源于, 来自, 源自 */
static bool says_origin(const struct reader *r, size_t i)
{
    uint32_t a = first_of(r, i), b = r->k[i].to - r->k[i].from > 1 ? r->t->c[r->k[i].from + 1u] : 0;
    if (r->k[i].cls != DX_SKIP && r->k[i].cls != DX_UNKNOWN)
        return false;
    return (a == 0x539F && b == 0x53D1 && r->t->c[r->k[i].to - 1] != 0x6027) || (a == 0x6765 && (b == 0x6E90 || b == 0x81EA)) || (a == 0x6E90 && b == 0x81EA);
}

/* The organ said at token i by itself, its side before it, as far as its statement goes: its token; r->n when there is none. */
static size_t origin_organ(const struct reader *r, size_t i)
{
    while (i < r->n && (r->k[i].cls == DX_SIDE || r->k[i].cls == DX_SPACE))
        i++;
    const struct lexeme *x = i < r->n && !r->k[i].taken ? &r->d->lexemes[r->k[i].lexeme] : NULL;
    if (!x || (r->k[i].cls != DX_ORGAN && r->k[i].cls != DX_PART) || x->organ == DX_NONE)
        return r->n;
    size_t next = i + 1;
    while (next < r->n && (r->k[next].cls == DX_SKIP || r->k[next].cls == DX_PART || r->k[next].cls == DX_LOBE))
        next++;
    bool ends = next == r->n || dx_ends_chunk(r->k[next].cls) || r->k[next].cls == DX_SPACE || r->k[next].cls == DX_SUSPPOST;
    return ends ? next - 1 : r->n;
}

/* Token `at` is followed by one that makes it a cancer. */
static bool insert_cancer(struct reader *r, size_t at)
{
    uint32_t cancer = dx_exact(r->d, "癌", DX_TUMOUR);
    if (!cancer || r->n == DX_TOKENS_MAX)
        return false;
    memmove(&r->k[at + 2], &r->k[at + 1], (r->n - at - 1) * sizeof *r->k);
    r->k[at + 1] = (struct dx_token){.from = r->k[at].from, .to = r->k[at].to, .lexeme = cancer, .cls = DX_TUMOUR};
    r->n++;
    return true;
}

/* 骨转移癌（原发：前列腺）, 腹膜转移，来源于卵巢？: the organ said by itself is where the cancer is. */
static void origins(struct reader *r)
{
    for (size_t i = 1; i + 1 < r->n; i++) {
        if (!says_origin(r, i) || !spread_before(r, i))
            continue;
        size_t k = i + 1;
        while (k < r->n && (r->k[k].cls == DX_SKIP || r->k[k].cls == DX_SPACE || r->k[k].cls == DX_UNKNOWN || r->k[k].cls == DX_SUSPPOST || r->k[k].cls == DX_SUSPPRE ||
                            (r->k[k].cls == DX_COMMA && first_of(r, k) == ':')))
            k += r->k[k].cls != DX_UNKNOWN || r->k[k].to - r->k[k].from == 1 ? 1 : r->n;
        size_t organ = k < r->n ? origin_organ(r, k) : r->n;
        if (organ < r->n && insert_cancer(r, organ))
            i = organ + 1;
    }
}

/* ---- causes ---- */

static bool other_head(const struct reader *r, size_t i)
{
    for (size_t k = 0; k < r->n; k++)
        if (k != i && dx_is_head(r->k[k].cls) && !r->k[k].taken)
            return true;
    return false;
}

/* 车祸伤：左股骨干骨折, 摔伤后右腕骨折: how it came about, not a disease beside the injuries it led to. By itself it is all that is known. */
static void causes(struct reader *r)
{
    r->trauma = false;
    for (size_t i = 0; i < r->n; i++) {
        if (r->k[i].cls != DX_CAUSE)
            continue;
        if (other_head(r, i)) {
            r->trauma = true;
            for (size_t k = i + 1; !dx_head_ahead(r, i) && k < r->n && !dx_ends_chunk(r->k[k].cls); k++)
                r->k[k].taken = true; /* 砸伤左足 */
        } else
            r->k[i] = (struct dx_token){.from = r->k[i].from, .to = r->k[i].to, .cls = DX_UNKNOWN};
    }
}

/* 刀刺伤：, 冠折（外伤）: an injury of no place said, as the heading of others or in brackets behind one: their cause. */
bool dx_is_cause(const struct reader *r, size_t i)
{
    bool heads = i + 1 < r->n && r->k[i + 1].cls == DX_COMMA && first_of(r, i + 1) == ':' && dx_head_ahead(r, i + 1);
    bool note = i > 0 && i + 1 < r->n && r->k[i - 1].cls == DX_OPEN && r->k[i + 1].cls == DX_CLOSE && r->n_frames && r->frames[r->n_frames - 1].strong == r->strong;
    return heads || note;
}

/* ---- complaints ---- */

static const char *category_of(const struct reader *r, size_t i)
{
    const struct lexeme *x = dx_reading(r->d, &r->k[i], DX_DISEASE);
    for (size_t m = 0; !x && m < r->n_made; m++)
        if (r->made[m].token == i)
            return r->made[m].icd;
    return x ? x->icd : "";
}

/* 3天, 半年, 1周余, 6小时: how long it has been; the length in characters from c, 0. */
static size_t duration_at(const struct dx_chars *t, size_t c)
{
    static const uint32_t units[] = {0x5929, 0x65E5, 0x5468, 0x6708, 0x5E74, 0x5206}; /* 天 日 周 月 年 分 */
    size_t n = 0, digits = 0;
    uint32_t u;
    while (c + n < t->n && digits < 5 && ((u = t->c[c + n]), (u >= '0' && u <= '9') || u == '+' || u == '-' || u == 0x534A || u == 0x6570 || u == 0x4F59 || u == 0x4E2A || u == 0x4E24 || u == 0x4E00)) /* 半 数 余 个 两 一 */
        n++, digits++;
    u = c + n < t->n ? t->c[c + n] : 0;
    if (!digits)
        return 0;
    if (u == 0x5C0F) /* 小时 */
        return n + 2;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (u == units[i])
            return n + 1;
    return 0;
}

/* Is there, further on in the statement of token i and behind a comma, a disease that is no symptom? */
static bool disease_follows(const struct reader *r, size_t i)
{
    bool comma = false;
    for (size_t k = i + 1; k < r->n && r->k[k].cls != DX_STRONG; k++) {
        comma |= r->k[k].cls == DX_COMMA && first_of(r, k) != ':';
        if (comma && dx_is_head(r->k[k].cls) && !r->k[k].taken && category_of(r, k)[0] != 'R')
            return true;
    }
    return false;
}

void dx_complaints(struct reader *r)
{
    for (size_t i = 0; i + 1 < r->n; i++) {
        const char *icd = category_of(r, i);
        if (r->k[i].cls != DX_DISEASE || r->k[i].taken || icd[0] != 'R' || icd[1] > '7' || !disease_follows(r, i))
            continue;
        bool led_to = duration_at(r->t, r->k[i].to) > 0;
        for (size_t k = i; !led_to && k-- > 0 && !dx_ends_chunk(r->k[k].cls);)
            led_to = r->k[k].cls == DX_CAUSE; /* 跌倒后右髋疼痛，… */
        if (!led_to)
            continue;
        for (size_t k = i + 1; k-- > 0 && (k == i || !dx_ends_chunk(r->k[k].cls));)
            r->k[k].taken = true;
    }
}

/* 肝癌（S5、S6段）: what would be vertebrae are segments of the liver, where the line speaks of it before. */
static void segments(struct reader *r)
{
    bool liver = false;
    for (size_t i = 0; i < r->n; i++) {
        const struct lexeme *x = &r->d->lexemes[r->k[i].lexeme];
        bool organ = r->k[i].lexeme && (r->k[i].cls == DX_ORGAN || r->k[i].cls == DX_WHOLE || r->k[i].cls == DX_PATH || r->k[i].cls == DX_DISEASE) && x->organ != DX_NONE;
        if (r->k[i].cls == DX_STRONG)
            liver = false;
        else if (organ)
            liver = strcmp(r->d->organs[x->organ].name, "肝") == 0;
        else if (r->k[i].cls == DX_VERTEBRA && r->k[i].lexeme && liver)
            r->k[i].cls = DX_LOBE;
    }
}

static bool is_number(const struct reader *r, size_t i)
{
    bool digits = i < r->n && r->k[i].cls == DX_UNKNOWN;
    for (size_t c = digits ? r->k[i].from : 1, to = digits ? r->k[i].to : 0; c < to; c++)
        digits &= r->t->c[c] >= '0' && r->t->c[c] <= '9';
    return digits;
}

/* 支气管旁LN 1/4转移: of how many, between the nodes and what is said of them. */
static void ratios(struct reader *r)
{
    for (size_t i = 1; i + 3 < r->n; i++) {
        if (!is_number(r, i) || r->k[i + 1].cls != DX_LIST || first_of(r, i + 1) != '/' || !is_number(r, i + 2))
            continue;
        size_t before = i - 1 - (r->k[i - 1].cls == DX_SPACE && i > 1), next = i + 3 + (r->k[i + 3].cls == DX_SPACE);
        if (r->k[before].cls != DX_NODE || next >= r->n || r->k[next].cls != DX_META)
            continue;
        for (size_t k = i; k < i + 3; k++)
            r->k[k] = (struct dx_token){.from = r->k[k].from, .to = r->k[k].to, .cls = DX_SPACE};
    }
}

/* L4/5、L5/S1突出: what the disc between them does. */
static void discs(struct reader *r)
{
    static const uint32_t says[] = {0x7A81, 0x81A8, 0x8131}; /* 突 膨 脱 */
    for (size_t i = 1; i < r->n; i++) {
        size_t from = r->k[i].from, n = (size_t)(r->k[i].to - from);
        if (r->k[i].cls != DX_UNKNOWN || n != 2 || r->k[i - 1].cls != DX_VERTEBRA || r->t->c[from + 1] != 0x51FA || r->k[i - 1].to - r->k[i - 1].from < 4) /* 出 */
            continue;
        bool said = false;
        for (size_t k = 0; k < sizeof says / sizeof *says; k++)
            said |= r->t->c[from] == says[k];
        uint32_t letter = dx_vertebra_letter(r->t->c[r->k[i - 1].from]);
        size_t mark = r->out->text_len;
        const char *spine = letter == 'C' ? "颈" : letter == 'T' ? "胸" : "腰", *name = dx_slice(r, from, from + 2);
        uint32_t l = dx_exact(r->d, dx_keep(r->out, "%s椎间盘%s症", spine, name), DX_DISEASE);
        l = l ? l : dx_exact(r->d, dx_keep(r->out, "%s椎间盘%s", spine, name), DX_DISEASE);
        r->out->text_len = mark;
        if (said && l) {
            r->k[i].lexeme = l;
            r->k[i].cls = DX_DISEASE;
        }
    }
}

static bool in_list_of_sites(const struct dx_token *k)
{
    return k->cls == DX_VERTEBRA || k->cls == DX_LIST || k->cls == DX_SPACE || k->cls == DX_QUANT || k->cls == DX_SITE || k->cls == DX_PART || k->cls == DX_SIDE ||
           k->cls == DX_ORGAN || k->cls == DX_LIMB;
}

/* T12、L1转移, L3椎体转移: vertebrae that a spread is said of are where it is, by their part of the spine. */
static void spread_vertebrae(struct reader *r)
{
    for (size_t i = 1; i < r->n; i++) {
        if (r->k[i].cls != DX_META)
            continue;
        for (size_t k = i; k-- > 0 && in_list_of_sites(&r->k[k]);) {
            uint32_t letter = r->k[k].cls == DX_VERTEBRA ? dx_vertebra_letter(r->t->c[r->k[k].from]) : 0;
            const char *spine = letter == 'C' ? "颈椎" : letter == 'T' ? "胸椎" : letter == 'L' ? "腰椎" : "骶骨";
            uint32_t l = letter ? dx_exact(r->d, spine, DX_PART) : 0;
            if (!l)
                continue;
            r->k[k].lexeme = l;
            r->k[k].cls = DX_PART;
            if (first_of(r, k + 1) == 0x690E && r->k[k + 1].from == r->k[k].to && r->k[k + 1].cls != DX_META) /* L3|椎体 */
                r->k[k + 1] = (struct dx_token){.from = r->k[k + 1].from, .to = r->k[k + 1].to, .cls = DX_SPACE};
        }
    }
}

void dx_read_behind(struct reader *r)
{
    spread_vertebrae(r);
    ratios(r);
    discs(r);
    segments(r);
    causes(r);
    parts_behind(r);
    origins(r);
}
