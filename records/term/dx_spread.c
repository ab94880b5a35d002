/* Metastases: the sites stand before the word (并肺门淋巴结、多发骨转移) or after it (转移至肝、骨; 转移（肝、骨）). */
#include "records/term/dx_read.h"
#include <string.h>

static bool is_place(const struct dx *d, const struct dx_token *k)
{
    return dx_reading(d, k, DX_ORGAN) || dx_reading(d, k, DX_SITE) || dx_reading(d, k, DX_REGION) || dx_reading(d, k, DX_PART) ||
           dx_reading(d, k, DX_LOBE);
}

static bool is_spread(const struct dx *d, const struct dx_token *k)
{
    return k->cls == DX_META || k->cls == DX_NODEMETA || k->cls == DX_METATO;
}

/* 伴眼眶内、盆壁转移: words the lexicon lacks, where a place must stand: between what joins and the word for metastasis. */
static bool unknown_site(const struct reader *r, size_t i)
{
    const struct dx_token *k = &r->k[i];
    size_t n = (size_t)(k->to - k->from);
    if (k->cls != DX_UNKNOWN || n < 2 || n > 5 || i == 0 || i + 1 >= r->n)
        return false;
    for (size_t c = k->from; c < k->to; c++)
        if (r->t->c[c] < 0x4E00 || r->t->c[c] > 0x9FFF)
            return false;
    size_t before = i - 1 - (r->k[i - 1].cls == DX_SIDE && i > 1);
    return (r->k[before].cls == DX_JOIN || r->k[before].cls == DX_LIST) && (is_spread(r->d, k + 1) || k[1].cls == DX_LIST);
}

static bool in_item(const struct dx *d, const struct dx_token *k)
{
    return is_place(d, k) || k->cls == DX_SIDE || k->cls == DX_QUANT || k->cls == DX_NODE || k->cls == DX_SPACE ||
           dx_reading(d, k, DX_QUANT);
}

/* 肝|左叶: is token i a lobe that the organ has? */
static bool lobe_of(const struct reader *r, size_t i, uint16_t organ)
{
    const struct lexeme *x = dx_reading(r->d, &r->k[i], DX_LOBE);
    return x && x->organ == organ;
}

/* The first token of the site that ends at `last`, or last + 1 when no site does. One place (or two when the nearer carries 淋巴结
 * and the other says where: 右肺门 淋巴结), with what stands before it: side, quantifier. */
static size_t item_begin(struct reader *r, size_t last, size_t floor, bool taken)
{
    bool place = false, node = false, side = false, whole = false;
    size_t first = last + 1;
    for (size_t i = last + 1; i-- > floor;) {
        const struct dx_token *k = &r->k[i];
        bool unknown = unknown_site(r, i);
        if (k->taken != taken || !(in_item(r->d, k) || unknown))
            break;
        if (k->cls == DX_SPACE) {
            if (place)
                break;
            continue;
        }
        bool quant = k->cls == DX_QUANT || dx_reading(r->d, k, DX_QUANT);
        if (k->cls == DX_NODE) {
            if (place || node)
                break;
            node = true;
        } else if (k->cls == DX_SIDE) {
            if (side)
                break;
            side = true;
        } else if (!quant && (is_place(r->d, k) || unknown)) {
            bool of_organ = place && !side && k->cls == DX_ORGAN && first == i + 1 && lobe_of(r, first, r->d->lexemes[k->lexeme].organ);
            if ((place || side) && !of_organ)
                break;
            place = true;
        }
        whole |= quant && dx_reading(r->d, k, DX_SITE);
        first = i;
    }
    return place || node || whole ? first : last + 1;
}

static bool organ_said(const struct reader *r, size_t i)
{
    return r->k[i].cls == DX_ORGAN && !r->k[i].taken;
}

static bool head_before(const struct reader *r, size_t i)
{
    while (i-- > 0)
        if (dx_is_head(r->k[i].cls))
            return true;
    return false;
}

/* 脑、骨、淋巴结转移: the nodes are a site of their own. */
static bool bare_nodes(const struct reader *r, size_t i)
{
    return r->k[i].cls == DX_NODEMETA && i > 0 && r->k[i - 1].cls == DX_LIST;
}

/* Before the word: items divided by list signs, back to something else. Returns the first token, `i` when there is none. Commas
 * divide items too (伴肝，骨转移) where the list they make begins behind a word that joins it to its head. */
static size_t backward(struct reader *r, size_t i)
{
    size_t begin = i, sure = 0, at = bare_nodes(r, i) ? i - 1 : i;
    bool commas = false;
    while (at > 0) {
        size_t last = at - 1;
        while (last > 0 && r->k[last].cls == DX_SPACE)
            last--;
        size_t first = item_begin(r, last, 0, false);
        if (first > last) {
            bool and_so_on = r->k[last].cls == DX_SKIP && r->t->c[r->k[last].from] == 0x7B49 && last > 0; /* 肝、肺等多处转移 */
            if (and_so_on || (dx_reading(r->d, &r->k[last], DX_QUANT) && !is_place(r->d, &r->k[last]))) {
                at = last; /* a quantifier between the last site and the word */
                continue;
            }
            break;
        }
        begin = first;
        if (first == 0)
            break;
        size_t before = first - 1;
        bool region = r->k[first].cls != DX_SIDE && dx_reading(r->d, &r->k[first], DX_REGION);
        if (r->k[before].cls == DX_LIST && before > 0)
            at = before;
        else if (r->k[before].cls == DX_COMMA && r->t->c[r->k[before].from] != ':' && before > 0) {
            sure = commas ? sure : begin;
            commas = true;
            at = before;
        }
        else if (region && dx_reading(r->d, &r->k[before], DX_REGION) && !r->k[before].taken)
            at = first; /* 肺门纵隔淋巴结 */
        else if (organ_said(r, first) && organ_said(r, before) && head_before(r, before))
            at = first; /* 脑骨转移 */
        else
            break;
    }
    bool joined = begin > 0 && r->k[begin - 1].cls == DX_JOIN;
    return commas && !joined ? sure : begin;
}

/* After the word: (肝、骨), 至肝、骨. Returns one behind the last token, `i + 1` when there is none. */
static size_t forward(struct reader *r, size_t i)
{
    size_t at = i + 1, end = i + 1;
    bool open = at < r->n && r->k[at].cls == DX_OPEN;
    at += open || (at < r->n && r->k[at].cls == DX_COMMA && r->t->c[r->k[at].from] == ':'); /* 多发转移：肝、骨 */
    while (at < r->n && (in_item(r->d, &r->k[at]) || r->k[at].cls == DX_LIST || (open && r->k[at].cls == DX_COMMA))) {
        at++;
        if (r->k[at - 1].cls != DX_LIST && r->k[at - 1].cls != DX_COMMA && r->k[at - 1].cls != DX_SPACE)
            end = at;
    }
    if (open)
        return at < r->n && r->k[at].cls == DX_CLOSE && end > i + 1 ? at : i + 1;
    return end;
}

static void mark(struct reader *r, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        r->k[i].taken = true;
}

/* 门静脉、下腔静脉癌栓: the clot that the vessel at token `vessel` has by the word at its list's end, or NULL. */
static const struct lexeme *clot_in(struct reader *r, size_t vessel)
{
    size_t mark_ = r->out->text_len;
    uint32_t l = dx_exact(r->d, dx_keep(r->out, "%s癌栓", dx_slice(r, r->k[vessel].from, r->k[vessel].to)), DX_THROMBUS);
    r->out->text_len = mark_;
    return l ? &r->d->lexemes[l] : NULL;
}

/* The first vessel of the list that ends in the clot at token i. */
static size_t first_vessel(struct reader *r, size_t i)
{
    while (i >= 2 && (r->k[i - 1].cls == DX_LIST || r->k[i - 1].cls == DX_JOIN) && clot_in(r, i - 2))
        i -= 2;
    return i;
}

void dx_spread_mark(struct reader *r)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->k[i].cls == DX_THROMBUS)
            mark(r, first_vessel(r, i), i);
        if (!is_spread(r->d, &r->k[i]))
            continue;
        size_t begin = r->k[i].cls == DX_METATO ? i : backward(r, i);
        mark(r, begin, i);
        if (begin == i && r->k[i].cls != DX_NODEMETA)
            mark(r, i + 1, forward(r, i));
    }
}

/* The words of i's sites, taken before: those right before it, or right behind. */
static void range_of(struct reader *r, size_t i, size_t *from, size_t *to)
{
    *from = i;
    while (*from > 0 && r->k[*from - 1].taken)
        (*from)--;
    *to = i;
    if (*from < i)
        return;
    *from = *to = i + 1;
    while (*to < r->n && r->k[*to].taken && !is_spread(r->d, &r->k[*to]))
        (*to)++;
}

static bool denied_before(struct reader *r, size_t from)
{
    while (from > 0 && (r->k[from - 1].cls == DX_SPACE || (r->k[from - 1].cls == DX_SKIP)))
        from--;
    return from > 0 && dx_reading(r->d, &r->k[from - 1], DX_NEGPRE);
}

size_t dx_spread_sites(struct reader *r, size_t i, const char **values, size_t cap, bool *denied)
{
    size_t from, to, n = 0;
    if (r->k[i].cls == DX_THROMBUS) { /* names its own place */
        from = first_vessel(r, i);
        *denied = denied_before(r, from);
        for (; !*denied && n < cap && from <= i; from += 2)
            values[n++] = (from < i ? clot_in(r, from) : &r->d->lexemes[r->k[i].lexeme])->name;
        return n;
    }
    range_of(r, i, &from, &to);
    *denied = denied_before(r, from < i ? from : i);
    bool seeded = false, bare = bare_nodes(r, i) && to == i, nodes = r->k[i].cls == DX_NODEMETA && !bare;
    for (size_t c = r->k[i].from; c < r->k[i].to; c++)
        seeded |= r->t->c[c] == 0x79CD; /* 种 of 种植 */
    if (nodes && to == i + 1 && from == i + 1) {
        if (cap && !*denied)
            values[n++] = "淋巴结";
        return n;
    }
    /* from the last to the first: 淋巴结 said once at the end belongs to the bare regions before it */
    const char *found[DX_LIST_MAX];
    size_t m = 0, last = to - bare;
    if (bare)
        found[m++] = "淋巴结";
    bool node_follows = nodes;
    while (last > from && m < DX_LIST_MAX) {
        size_t first = item_begin(r, last - 1, from, true);
        if (first >= last) { /* a quantifier alone */
            last--;
            continue;
        }
        const char *value = dx_site_text(r, first, last - 1, seeded, false);
        bool own = false, region = false;
        for (size_t k = first; k < last; k++) {
            own |= r->k[k].cls == DX_NODE;
            bool how_many = last - first > 1 && dx_reading(r->d, &r->k[k], DX_QUANT); /* 全身 of 全身骨 */
            region |= !how_many && dx_reading(r->d, &r->k[k], DX_REGION);
        }
        if (!own && node_follows && (region || (nodes && m == 0 && last == to)))
            value = dx_site_text(r, first, last - 1, seeded, true);
        node_follows = own || (node_follows && region);
        if (value && *value)
            found[m++] = value;
        last = first;
        while (last > from && (r->k[last - 1].cls == DX_LIST || r->k[last - 1].cls == DX_COMMA || r->k[last - 1].cls == DX_SPACE ||
                               r->k[last - 1].cls == DX_OPEN))
            last--;
    }
    while (m > 0 && n < cap)
        values[n++] = found[--m];
    return n;
}
