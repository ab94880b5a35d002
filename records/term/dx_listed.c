/* 肾盂、输尿管癌, 左肺、右乳癌术后, 肝、肾囊肿: organs listed before one head, each with a disease of its own. */
#include "records/term/dx_read.h"
#include <string.h>

static bool organ_at(const struct reader *r, size_t i)
{
    return i < r->n && r->k[i].cls == DX_ORGAN && !r->k[i].taken;
}

static bool part_at(const struct reader *r, size_t i)
{
    return i < r->n && !r->k[i].taken && (r->k[i].cls == DX_LOBE || r->k[i].cls == DX_PART || r->k[i].cls == DX_REGION);
}

/* Are the two said as different cancers? */
static bool apart(const struct reader *r, uint16_t a, uint16_t b)
{
    return a != b && strcmp(r->d->organs[a].cancer, r->d->organs[b].cancer) != 0;
}

/* The token of the organ behind the list sign at token i; r->n when none is. */
static size_t next_organ(const struct reader *r, size_t i)
{
    size_t k = i + 1;
    while (k < r->n && (r->k[k].cls == DX_SIDE || r->k[k].cls == DX_SPACE) && !r->k[k].taken)
        k++;
    return organ_at(r, k) ? k : r->n;
}

/* 左肺上叶、右肺下叶: is the organ at token k, of the list sign at i, said of another side than what waits? */
static bool other_side(const struct reader *r, size_t i, size_t k)
{
    const struct lexeme *x = k > i + 1 ? dx_reading(r->d, &r->k[k - 1], DX_SIDE) : NULL;
    return x && r->pending.side && strcmp(x->name, r->pending.side->name) != 0;
}

/* The head that the list ends in, when every item of it is an organ that differs from the one before; r->n when there is none. */
static size_t head_of_list(const struct reader *r, size_t i, uint16_t organ)
{
    size_t own = i + 1;
    while (own < r->n && (r->k[own].cls == DX_SIDE || r->k[own].cls == DX_SPACE) && !r->k[own].taken)
        own++;
    bool whole = own < r->n && (r->k[own].cls == DX_WHOLE || r->k[own].cls == DX_PATH) && r->d->lexemes[r->k[own].lexeme].organ == organ;
    if (whole && !r->k[own].taken && other_side(r, i, own)) /* 左肺、右肺癌, 左肾、右肾透明细胞癌: one word */
        return own;
    for (size_t k; (k = next_organ(r, i)) < r->n;) {
        uint16_t next = r->d->lexemes[r->k[k].lexeme].organ;
        if (!apart(r, organ, next) && !other_side(r, i, k))
            return r->n;
        organ = next;
        do
            k++;
        while (part_at(r, k) || (k < r->n && (r->k[k].cls == DX_SKIP || r->k[k].cls == DX_SIDE) && !r->k[k].taken)); /* 双原发 */
        if (k < r->n && (r->k[k].cls == DX_TUMOUR || r->k[k].cls == DX_PATH) && !r->k[k].taken)
            return k;
        if (k >= r->n || r->k[k].cls != DX_LIST)
            return r->n;
        i = k;
    }
    return r->n;
}

/* The disease that the place at token i has by the ending of the name behind the list sign: 肝 of 肝、肾囊肿 has 肝囊肿. NULL = none. */
static const struct lexeme *same_ending(struct reader *r, size_t i)
{
    const struct dx_token *place = &r->k[i - 1];
    size_t next = i + 1, mark = r->out->text_len;
    while (next < r->n && (r->k[next].cls == DX_SIDE || r->k[next].cls == DX_SPACE) && !r->k[next].taken)
        next++;
    bool parted = organ_at(r, next) && next + 1 < r->n && r->k[next + 1].cls == DX_HEAD; /* 乳腺 结节 */
    size_t at = next + parted;
    if (at >= r->n || r->k[at].taken || (!parted && r->k[at].cls != DX_DISEASE))
        return NULL;
    uint32_t l = 0;
    for (size_t from = r->k[at].from + !parted; !l && from + 2 <= r->k[at].to; from++) {
        l = dx_exact(r->d, dx_keep(r->out, "%s%s", dx_slice(r, place->from, place->to), dx_slice(r, from, r->k[at].to)), DX_DISEASE);
        r->out->text_len = mark;
    }
    return l ? &r->d->lexemes[l] : NULL;
}

/* 左肺上叶、右肺下叶腺癌: the head of two lobes of a paired organ, one of each side; r->n when they are not. */
static size_t head_of_lobes(const struct reader *r, size_t i)
{
    const struct lexeme *lobe = dx_reading(r->d, &r->k[i - 1], DX_LOBE), *side = i + 2 < r->n ? dx_reading(r->d, &r->k[i + 1], DX_SIDE) : NULL;
    if (!lobe || lobe->organ == DX_NONE || !r->d->organs[lobe->organ].pair || !side || !r->pending.side || strcmp(side->name, r->pending.side->name) == 0)
        return r->n;
    const struct lexeme *other = dx_reading(r->d, &r->k[i + 2], DX_LOBE);
    size_t k = i + 3;
    while (k < r->n && (r->k[k].cls == DX_SKIP || r->k[k].cls == DX_TYPE) && !r->k[k].taken)
        k++;
    bool head = k < r->n && (r->k[k].cls == DX_TUMOUR || r->k[k].cls == DX_PATH || r->k[k].cls == DX_WHOLE) && !r->k[k].taken;
    return other && other->organ == lobe->organ && head ? k : r->n;
}

void dx_listed_organ(struct reader *r, size_t i)
{
    if (i == 0 || r->k[i - 1].taken || r->later.secondary || !dx_has_attrs(&r->pending))
        return;
    bool organ = r->pending.organ != DX_NONE && (organ_at(r, i - 1) || part_at(r, i - 1));
    size_t head = organ ? head_of_list(r, i, r->pending.organ) : head_of_lobes(r, i);
    bool place = organ_at(r, i - 1) || dx_reading(r->d, &r->k[i - 1], DX_SITE) || dx_reading(r->d, &r->k[i - 1], DX_REGION);
    const struct lexeme *disease = head == r->n && place ? same_ending(r, i) : NULL;
    struct frame *f = head < r->n || disease ? dx_new_frame(r, disease ? KIND_DISEASE : KIND_TUMOUR, i - 1) : NULL;
    if (!f)
        return;
    f->shares = true;
    f->cancer_word = !disease;
    if (disease) {
        f->name = disease->name;
        memcpy(f->icd, disease->icd, sizeof f->icd);
        f->a.organ = disease->organ;
        f->a.n_places = 0; /* it is in the name */
    }
}

bool dx_listed_place(const struct reader *r, size_t i)
{
    const struct attrs *a = &r->pending;
    if (!r->n_frames || i == 0 || !part_at(r, i - 1) || a->n_places == 0 || a->n_places == PLACES_MAX || a->places[a->n_places - 1] != (int16_t)(i - 1))
        return false;
    return r->frames[r->n_frames - 1].strong == r->strong && part_at(r, i + 1) && r->k[i + 1].cls == r->k[i - 1].cls && !dx_head_ahead(r, i);
}

void dx_listed_share(struct reader *r)
{
    for (size_t i = r->n_frames; i-- > 1;) {
        struct frame *to = &r->frames[i - 1], *from = &r->frames[i];
        if (!to->shares || to->kind != from->kind)
            continue;
        struct frame own = *to;
        *to = *from;
        to->a = own.a;
        to->from = own.from;
        to->to = own.to;
        to->linked = own.linked;
        to->linked_or = own.linked_or;
        if (own.kind == KIND_DISEASE) {
            to->name = own.name;
            memcpy(to->icd, own.icd, sizeof to->icd);
            to->rule = own.rule;
        }
        if (!from->a.side) { /* 右侧肾盂、输尿管: said once for both */
            from->a.side = own.a.side;
            from->a.side_at = own.a.side_at;
        }
    }
}
