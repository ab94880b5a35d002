/* Words the lexicon lacks: named by the line itself, their category by likeness with the ICD-10 list. */
#include "records/term/dx_read.h"
#include <string.h>

static bool may_name(enum dx_class cls)
{
    return cls == DX_UNKNOWN || cls == DX_ORGAN || cls == DX_PART || cls == DX_LOBE || cls == DX_REGION || cls == DX_SITE ||
           cls == DX_QUANT || cls == DX_TYPE || cls == DX_NODE;
}

static size_t chinese_unknown(const struct reader *r, const struct dx_token *k)
{
    size_t n = 0;
    for (size_t c = k->from; k->cls == DX_UNKNOWN && c < k->to; c++)
        n += r->t->c[c] >= 0x4E00 && r->t->c[c] <= 0x9FFF;
    return n;
}

/* Makes one disease of tokens first..last, named by the line's own words. */
static void make_disease(struct reader *r, size_t first, size_t last, const struct dx_like *best)
{
    r->made[r->n_made].token = first;
    r->made[r->n_made].name = dx_slice(r, r->k[first].from, r->k[last].to);
    r->made[r->n_made].rule = best ? "likeness" : "words";
    r->made[r->n_made].icd[0] = 0;
    if (best) {
        struct icd10_hit hit;
        icd10_at(r->d->icd10, best->entry, &hit);
        snprintf(r->made[r->n_made].icd, sizeof r->made->icd, "%.3s", hit.code);
    }
    r->n_made++;
    for (size_t i = first; i <= last; i++)
        r->k[i].taken = i > first;
    r->k[first].cls = DX_DISEASE;
    r->k[first].lexeme = 0;
    r->k[first].to = r->k[last].to;
}

static bool like(struct reader *r, size_t first, size_t last, struct dx_like *best)
{
    size_t mark = r->out->text_len;
    const char *name = dx_slice(r, r->k[first].from, r->k[last].to);
    size_t n = dx_likeness(r->d, name, NULL, best, 1);
    r->out->text_len = mark;
    return n > 0;
}

/* 病 or 症 at the end of a name. */
static bool ends_name(const struct reader *r, size_t i)
{
    const struct dx_token *k = &r->k[i];
    return i < r->n && k->cls == DX_SKIP && k->to - k->from == 1 && (r->t->c[k->from] == 0x75C5 || r->t->c[k->from] == 0x75C7);
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
        unknown += chinese_unknown(r, &r->k[i]);
    }
    if (first == to || unknown < 2 || r->n_made == DX_DIAGNOSES_MAX || !r->d->gram_at)
        return;
    last += last + 1 < to && ends_name(r, last + 1);
    struct dx_like best;
    bool found = like(r, first, last, &best);
    if (!enough || (found && best.score >= enough))
        make_disease(r, first, last, found && best.score >= DX_LIKE_ENOUGH - 150 ? &best : NULL);
}

/* A known disease at token k with more words right before it (多发性肌炎, 丁型病毒性肝炎) is another one, when the list has one very
 * like it. */
static void name_longer(struct reader *r, size_t k)
{
    size_t first = k;
    bool more = false;
    struct dx_like best;
    while (first > 0) {
        enum dx_class c = r->k[first - 1].cls;
        if (c != DX_UNKNOWN && c != DX_QUANT && c != DX_SKIP && c != DX_TYPE && c != DX_HEAD)
            break;
        first--;
        more |= c == DX_UNKNOWN ? chinese_unknown(r, &r->k[first]) > 0 : c == DX_QUANT;
    }
    if (!more || r->k[k].from - r->k[first].from > 8 || r->n_made == DX_DIAGNOSES_MAX)
        return;
    if (first > 0 && !dx_ends_chunk(r->k[first - 1].cls) && r->k[first - 1].cls != DX_SIDE && r->k[first - 1].cls != DX_SPACE)
        return;
    if (!like(r, first, k, &best) || best.score < DX_LIKE_LONGER)
        return;
    struct icd10_hit hit;
    const struct lexeme *known = dx_reading(r->d, &r->k[k], DX_DISEASE);
    icd10_at(r->d->icd10, best.entry, &hit);
    if (best.score >= DX_LIKE_ALIKE || (known && strncmp(hit.code, known->icd, 3) == 0))
        make_disease(r, first, k, &best);
}

void dx_name_unknown(struct reader *r, unsigned enough)
{
    size_t from = 0, depth = 0;
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
