/* Injuries by their region, and what a vertebra leaves out of a name: the part of the body is in the name of the disease. */
#include "records/term/dx_read.h"
#include <string.h>

/* The part of the spine the first vertebra said is in. */
static const char *spine_of(const struct reader *r)
{
    switch (dx_vertebra_letter(r->t->c[r->k[r->pending.vertebrae[0]].from])) {
    case 'C': return "颈椎";
    case 'T': return "胸椎";
    case 'L': return "腰椎";
    default: return "骶椎";
    }
}

/* The region an injury is of: the last one said, or that of a vertebra. */
const struct lexeme *dx_limb_of(const struct reader *r)
{
    const struct attrs *a = &r->pending;
    for (size_t i = a->n_places; i-- > 0;) {
        const struct lexeme *x = dx_reading(r->d, &r->k[a->places[i]], DX_LIMB);
        if (x)
            return x;
    }
    uint32_t l = a->n_vertebrae ? dx_exact(r->d, spine_of(r), DX_LIMB) : 0;
    return l ? &r->d->lexemes[l] : NULL;
}

static bool says_limb(const struct reader *r, size_t i)
{
    return dx_reading(r->d, &r->k[i], DX_LIMB) || r->k[i].cls == DX_SIDE;
}

/* 烫伤左前臂, 划伤右手: the region stands right behind, and nothing more of its statement. */
static void limb_right_behind(struct reader *r, size_t i)
{
    bool any = false;
    size_t k = i + 1;
    for (; k < r->n && says_limb(r, k) && r->k[k].from == r->k[k - 1].to; k++)
        any |= dx_reading(r->d, &r->k[k], DX_LIMB) != NULL;
    if (!any || (k < r->n && !dx_ends_chunk(r->k[k].cls) && r->k[k].cls != DX_SPACE))
        return;
    for (size_t t = i + 1; t < k; t++) {
        dx_add_attr(r, t);
        r->k[t].taken = true;
    }
}

/* 骨折（左股骨颈）: the region stands behind in parentheses; it is read as if it stood before. */
void dx_limb_behind(struct reader *r, size_t i)
{
    if (dx_has_attrs(&r->pending) || i + 1 >= r->n)
        return;
    if (r->k[i + 1].cls != DX_OPEN) {
        limb_right_behind(r, i);
        return;
    }
    bool any = false;
    size_t k = i + 2;
    for (; k < r->n && r->k[k].cls != DX_CLOSE; k++)
        any |= dx_reading(r->d, &r->k[k], DX_LIMB) != NULL;
    for (size_t t = i + 2; any && k < r->n && t < k; t++)
        if (r->k[t].cls == DX_SIDE || dx_reading(r->d, &r->k[t], DX_LIMB)) {
            dx_add_attr(r, t);
            r->k[t].taken = true;
        }
}

/* C5/6椎间盘突出, L4滑脱: the vertebra says which part of the spine the name leaves out. */
const struct lexeme *dx_spine_disease(struct reader *r, size_t i)
{
    if (!r->pending.n_vertebrae)
        return NULL;
    size_t mark = r->out->text_len;
    const char *spine = spine_of(r), *name = dx_slice(r, r->k[i].from, r->k[i].to);
    uint32_t l = dx_exact(r->d, dx_keep(r->out, "%.3s%s", spine, name), DX_DISEASE);
    l = l ? l : dx_exact(r->d, dx_keep(r->out, "%s%s", spine, name), DX_DISEASE);
    r->out->text_len = mark;
    return l ? &r->d->lexemes[l] : NULL;
}

/* 锁骨|中段|骨折, 尺骨|冠状突|骨折: what is written between the bone and the ending, at token i, is the part of it; "" where nothing is. */
static const char *part_of_limb(struct reader *r, size_t i, const struct lexeme *limb)
{
    size_t k = i, chinese = 0;
    while (k > 0 && r->k[k - 1].to == r->k[k].from && !r->k[k - 1].taken && (r->k[k - 1].cls == DX_UNKNOWN || r->k[k - 1].cls == DX_LOBE))
        k--;
    for (size_t c = r->k[k].from; c < r->k[i].from; c++)
        chinese += r->t->c[c] >= 0x4E00;
    bool bone = k > 0 && k < i && r->k[k - 1].to == r->k[k].from && dx_reading(r->d, &r->k[k - 1], DX_LIMB) == limb;
    bool kind = bone && r->t->c[r->k[i].from - 1u] == 0x6027; /* 性: how it broke, not where */
    kind |= bone && strstr(limb->name, "关节"); /* 肩关节|前|脱位: which way */
    return bone && !kind && chinese && r->k[i].from - r->k[k].from <= 6 ? dx_slice(r, r->k[k].from, r->k[i].from) : "";
}

/* ICD-10 chapter XIX: the region gives the block, the kind of injury its last digit; burns (b) have blocks of their own. */
void dx_read_injury(struct reader *r, size_t i, const struct lexeme *kind, const struct lexeme *limb)
{
    static const char burns[] = "0011223445";
    const char *name = dx_keep(r->out, "%s%s%s", limb->name, part_of_limb(r, i, limb), kind->name);
    uint32_t known = dx_exact(r->d, name, DX_DISEASE);
    r->pending.n_places = 0;
    r->pending.organ = DX_NONE;
    struct frame *f = dx_new_frame(r, KIND_DISEASE, i);
    if (!f)
        return;
    f->name = known ? r->d->lexemes[known].name : name;
    if (known)
        memcpy(f->icd, r->d->lexemes[known].icd, sizeof f->icd);
    else if (kind->icd[0] == 'b')
        snprintf(f->icd, sizeof f->icd, "T2%c", burns[limb->icd[0] - '0']);
    else
        snprintf(f->icd, sizeof f->icd, "S%c%c", limb->icd[0], kind->icd[0]);
}
