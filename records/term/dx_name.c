/* Words the lexicon lacks: named by the line itself, their category by likeness with the ICD-10 list. */
#include "records/term/dx_read.h"
#include <string.h>

static bool may_name(enum dx_class cls)
{
    return cls == DX_UNKNOWN || cls == DX_ORGAN || cls == DX_PART || cls == DX_LOBE || cls == DX_REGION || cls == DX_SITE ||
           cls == DX_QUANT || cls == DX_TYPE || cls == DX_NODE || cls == DX_LIMB || cls == DX_FORM;
}

static size_t chinese_unknown(const struct reader *r, const struct dx_token *k)
{
    size_t n = 0;
    for (size_t c = k->from; k->cls == DX_UNKNOWN && c < k->to; c++)
        n += r->t->c[c] >= 0x4E00 && r->t->c[c] <= 0x9FFF;
    return n;
}

/* Makes one disease of tokens first..last, named by the line's own words; `icd` is "" when no category is known. */
static void make_disease(struct reader *r, size_t first, size_t last, const char *icd)
{
    r->made[r->n_made].token = first;
    r->made[r->n_made].name = dx_slice(r, r->k[first].from, r->k[last].to);
    r->made[r->n_made].rule = *icd ? "likeness" : "words";
    strcpy(r->made[r->n_made].icd, icd);
    r->n_made++;
    for (size_t i = first; i <= last; i++)
        r->k[i].taken = i > first;
    r->k[first].cls = DX_DISEASE;
    r->k[first].lexeme = 0;
    r->k[first].to = r->k[last].to;
}

static unsigned like(struct reader *r, size_t first, size_t last, char icd[4])
{
    size_t mark = r->out->text_len;
    unsigned score = dx_like_category(r->d, dx_slice(r, r->k[first].from, r->k[last].to), icd);
    r->out->text_len = mark;
    return score;
}

/* 病 or 症 at the end of a name. */
static bool ends_name(const struct reader *r, size_t i)
{
    const struct dx_token *k = &r->k[i];
    return i < r->n && k->cls == DX_SKIP && k->to - k->from == 1 && (r->t->c[k->from] == 0x75C5 || r->t->c[k->from] == 0x75C7);
}

/* 急性, 慢性, 亚急性, 陈旧性: no name by itself */
static bool is_course(const struct reader *r, const struct dx_token *k)
{
    uint32_t a = r->t->c[k->from], b = r->t->c[k->to - 1];
    size_t n = (size_t)(k->to - k->from);
    return b == 0x6027 && ((n == 2 && (a == 0x6025 || a == 0x6162)) || (n == 3 && (a == 0x4E9A || a == 0x9648)));
}

/* 人工晶体植入术后: the words before 术后 are what was done, not a disease. */
static bool is_operation(const struct reader *r, size_t last)
{
    static const uint32_t done[] = {0x5165, 0x9664, 0x6362, 0x690D, 0x5408, 0x8865, 0x5B9A, 0x53E3, 0x6D41, 0x5F62, 0x624E, 0x5EFA, 0x51FA,
                                    0x79BB, 0x523A}; /* 入除换植合补定口流形扎建出离刺 */
    const struct dx_token *k = &r->k[last], *next = &r->k[last + 1];
    const struct lexeme *mod = dx_reading(r->d, next, DX_MOD);
    if (!mod || strcmp(mod->name, "术后"))
        return false;
    for (size_t i = 0; i < sizeof done / sizeof *done; i++)
        if (r->t->c[k->to - 1] == done[i])
            return true;
    return false;
}

/* 库欣病, 胰岛素瘤, 某某综合征: words that end as names of diseases do. */
static bool sounds_ill(const struct reader *r, const struct dx_token *k)
{
    static const uint32_t ends[] = {0x75C5, 0x75C7, 0x7624, 0x708E, 0x5F81, 0x764C, 0x75B9, 0x75AE, 0x7663, 0x759D, 0x7618, 0x75D4, 0x75EB, 0x75E3}; /* 病症瘤炎征癌疹疮癣疝瘘痔痫痣 */
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (r->t->c[k->to - 1] == ends[i])
            return true;
    return false;
}

/* Do tokens [from, to) make a statement of their own, divided from others by more than a list sign? */
static bool stands_alone(const struct reader *r, size_t from, size_t to)
{
    bool begins = from == 0 || r->k[from - 1].cls == DX_STRONG || r->k[from - 1].cls == DX_COMMA || r->k[from - 1].cls == DX_JOIN;
    return begins && (to == r->n || r->k[to].cls == DX_STRONG || r->k[to].cls == DX_COMMA);
}

/* 伴奇静脉、脑转移: does the list that the chunk ending at token `to` is in end in a spread? */
static bool listed_spread(const struct reader *r, size_t from, size_t to)
{
    if (from == 0 || (r->k[from - 1].cls != DX_JOIN && r->k[from - 1].cls != DX_LIST) || to >= r->n || r->k[to].cls != DX_LIST)
        return false;
    size_t i = to;
    while (i < r->n && (r->k[i].cls == DX_LIST || r->k[i].cls == DX_ORGAN || r->k[i].cls == DX_SITE || r->k[i].cls == DX_REGION || r->k[i].cls == DX_PART ||
                        r->k[i].cls == DX_SIDE || r->k[i].cls == DX_QUANT || r->k[i].cls == DX_NODE || r->k[i].cls == DX_UNKNOWN))
        i++;
    return i < r->n && (r->k[i].cls == DX_META || r->k[i].cls == DX_NODEMETA);
}

/* tokens [from, to) are a chunk without a head: is it a disease after all? */
static void name_chunk(struct reader *r, size_t from, size_t to, unsigned enough)
{
    size_t first = to, last = from, unknown = 0;
    for (size_t i = from; i < to; i++) {
        if (dx_is_head(r->k[i].cls) || r->k[i].cls == DX_META || r->k[i].cls == DX_METATO || r->k[i].cls == DX_NODEMETA)
            return;
        if (!may_name(r->k[i].cls))
            continue;
        first = first == to ? i : first;
        last = i;
        unknown += is_course(r, &r->k[i]) ? 0 : chinese_unknown(r, &r->k[i]);
    }
    if (last + 1 < to && is_operation(r, last))
        return;
    if (listed_spread(r, from, to))
        return;
    if (first == to || unknown < 2 || r->n_made == DX_DIAGNOSES_MAX || !r->d->gram_at)
        return;
    last += last + 1 < to && ends_name(r, last + 1);
    char icd[4];
    unsigned score = like(r, first, last, icd);
    bool named = stands_alone(r, from, to) && sounds_ill(r, &r->k[last]) && r->k[last].to - r->k[first].from <= 16;
    if (score >= enough || named)
        make_disease(r, first, last, score >= DX_LIKE_ENOUGH - 150 ? icd : "");
}

/* A known disease at token k with more words right before it (多发性肌炎, 丁型病毒性肝炎) is another one, when the list has one very
 * like it. */
static void name_longer(struct reader *r, size_t k)
{
    size_t first = k;
    bool more = false;
    char icd[4];
    while (first > 0) {
        enum dx_class c = r->k[first - 1].cls;
        if (c != DX_UNKNOWN && c != DX_QUANT && c != DX_SKIP && c != DX_TYPE && c != DX_HEAD && c != DX_FORM)
            break;
        first--;
        more |= c == DX_UNKNOWN ? chinese_unknown(r, &r->k[first]) > 0 : c == DX_QUANT || c == DX_FORM;
    }
    const struct dx_token *of = &r->k[first];
    if (first > 0 && r->k[first - 1].cls == DX_SIDE && of->cls == DX_UNKNOWN && of->to - of->from == 1)
        return; /* 左耳慢性中耳炎 */
    if (!more || r->k[k].from - r->k[first].from > 8 || r->n_made == DX_DIAGNOSES_MAX)
        return;
    if (first > 0 && !dx_ends_chunk(r->k[first - 1].cls) && r->k[first - 1].cls != DX_SIDE && r->k[first - 1].cls != DX_SPACE)
        return;
    unsigned score = like(r, first, k, icd);
    const struct lexeme *known = dx_reading(r->d, &r->k[k], DX_DISEASE);
    if (score >= DX_LIKE_ALIKE || (score >= DX_LIKE_LONGER && known && strcmp(icd, known->icd) == 0))
        make_disease(r, first, k, icd);
}

/* 溃疡性肠炎, 黄疸型肝炎: a disease said of another is how that is, not a second one. */
static void name_kind(struct reader *r, size_t k)
{
    const struct dx_token *sign = &r->k[k - 1];
    uint32_t c = r->t->c[sign->to - 1];
    size_t first = sign->to - sign->from == 1 && k > 1 && r->k[k - 2].to == sign->from ? k - 2 : k - 1; /* 糖尿病性 is one word */
    const struct dx_token *of = &r->k[first];
    char icd[4];
    if ((of->cls != DX_DISEASE && of->cls != DX_HEAD) || of->taken || r->n_made == DX_DIAGNOSES_MAX)
        return;
    if ((c != 0x6027 && c != 0x578B) || sign->to != r->k[k].from) /* 性 型 */
        return;
    const struct lexeme *known = dx_reading(r->d, &r->k[k], DX_DISEASE);
    if (like(r, first, k, icd) < DX_LIKE_LONGER && known)
        strcpy(icd, known->icd);
    make_disease(r, first, k, icd);
}

void dx_name_unknown(struct reader *r, unsigned enough)
{
    size_t from = 0, depth = 0;
    for (size_t i = 1; i < r->n && r->d->gram_at; i++)
        if (r->k[i].cls == DX_DISEASE)
            name_kind(r, i);
    for (size_t i = 1; r->d->gram_at && i < r->n; i++)
        if (r->k[i].cls == DX_DISEASE && r->k[i - 1].to == r->k[i].from)
            name_longer(r, i);
    for (size_t i = 0; i <= r->n; i++)
        if (i == r->n || dx_ends_chunk(r->k[i].cls)) {
            if (!depth || !enough) /* what stands in parentheses explains a name, it seldom is one */
                name_chunk(r, from, i, enough);
            from = i + 1;
            depth += i < r->n && r->k[i].cls == DX_OPEN;
            depth -= i < r->n && r->k[i].cls == DX_CLOSE && depth;
        }
}
