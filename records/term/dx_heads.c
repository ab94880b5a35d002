/* Heads: the words that name a disease - 癌 and pathologies, whole names, endings that an organ completes. */
#include "records/term/dx_read.h"
#include <string.h>

static void set_path(struct frame *f, const struct lexeme *x, const struct dx_token *k)
{
    f->path = x->name;
    f->path_flags = x->flags;
    f->path_organ = x->organ;
    f->path_from = k->from;
    f->path_to = k->to;
}

/* May the pathology stand beside the one the frame has? The same, a nearer one for a general one, or the other way round. */
static bool path_fits(const struct reader *r, const struct frame *f, const struct lexeme *path)
{
    if (!path || !f->path || strcmp(path->name, f->path) == 0)
        return true;
    if (f->strong != r->strong || dx_has_attrs(&r->pending))
        return false;
    return f->path_flags & DX_GENERIC || path->flags & DX_GENERIC || (f->chunk != r->chunk && strstr(path->name, f->path));
}

/* Does this head complete the tumour before it, rather than name another? */
static bool completes(const struct reader *r, const struct frame *f, const struct lexeme *path, uint16_t organ)
{
    if (!f || f->kind != KIND_TUMOUR || f->denied != r->deny || f->family != r->family || (r->suspect && !f->suspected))
        return false;
    uint16_t mine = dx_frame_organ(r, f);
    if (mine != DX_NONE && organ != DX_NONE && mine != organ && strcmp(r->d->organs[mine].cancer, r->d->organs[organ].cancer))
        return false;
    if (!path_fits(r, f, path) || (f->strong != r->strong && organ == DX_NONE && !path))
        return false;
    return dx_attrs_fit(r, &f->a, &r->pending);
}

/* ICD-10: C77 lymph nodes, C78 organs of breathing and digestion, C79 the rest. */
void dx_spread_category(const char *site, char icd[4])
{
    static const char *const c78[] = {"肺", "纵隔", "胸膜", "气管", "鼻", "喉", "肠", "腹", "肝", "胆", "胰", "胃", "食管", "肛", "网膜", "壶腹"};
    strcpy(icd, strstr(site, "淋巴结") ? "C77" : "C79");
    for (size_t k = 0; icd[2] == '9' && k < sizeof c78 / sizeof *c78; k++)
        if (strstr(site, c78[k]) && !strstr(site, "腹壁") && !strstr(site, "腹股沟"))
            icd[2] = '8';
}

/* A metastasis said as a tumour: 转移性肝癌, 继发性骨恶性肿瘤. */
static void secondary(struct reader *r, size_t i, uint16_t organ)
{
    struct frame *primary = dx_last_tumour(r);
    const char *site = organ == DX_NONE ? "" : r->d->organs[organ].name;
    if (!*site && r->pending.n_places && i > 0) {
        const char *place = dx_site_text(r, (size_t)r->pending.places[0], i - 1, false, false);
        site = place ? place : "";
    }
    r->later.secondary = false;
    if (primary && *site) {
        if (primary->n_metas < DX_LIST_MAX)
            primary->metas[primary->n_metas++] = site;
        dx_explain(r, (size_t)(primary - r->frames), DX_SLOT_METASTASIS, "lexicon", site, r->k[i].from, r->k[i].to);
        dx_forget(r);
        return;
    }
    struct frame *f = dx_new_frame(r, KIND_DISEASE, i);
    if (!f)
        return;
    f->name = dx_keep(r->out, "%s转移癌", site);
    dx_spread_category(site, f->icd);
}

/* 胃窦占位，腺癌: the mass said before turns out to be the tumour. */
static void mass_is_tumour(const struct reader *r, struct frame *f)
{
    static const char *const masses[] = {"占位", "肿物", "结节", "肿瘤"};
    if (!f || f->kind != KIND_DISEASE || f->strong != r->strong || f->suspected || f->a.organ == DX_NONE || r->suspect)
        return;
    for (size_t i = 0; i < sizeof masses / sizeof *masses; i++)
        if (strstr(f->name, masses[i])) {
            f->kind = KIND_TUMOUR;
            return;
        }
}

void dx_read_tumour(struct reader *r, size_t i)
{
    const struct lexeme *x = &r->d->lexemes[r->k[i].lexeme];
    const struct lexeme *path = x->cls == DX_PATH ? x : NULL;
    uint16_t organ = dx_organ_of(r->d, r->k, &r->pending);
    if (organ == DX_NONE && (x->cls == DX_WHOLE || (path && r->pending.organ == DX_NONE)))
        organ = x->organ;
    if (r->later.secondary) {
        secondary(r, i, organ);
        return;
    }
    struct frame *f = dx_current(r);
    if (organ == DX_NONE)
        mass_is_tumour(r, f);
    if (!completes(r, f, path, organ)) {
        f = dx_new_frame(r, KIND_TUMOUR, i);
        if (!f)
            return;
    } else {
        dx_attrs_merge(r, &f->a, &r->pending);
        dx_take_later(r, f);
        dx_forget(r);
        f->to = r->k[i].to;
        f->chunk = r->chunk;
    }
    f->cancer_word |= x->cls != DX_PATH;
    if (path && !(f->path && path->flags & DX_GENERIC))
        set_path(f, path, &r->k[i]);
    if (x->cls == DX_WHOLE) {
        f->a.organ = f->a.organ == DX_NONE ? x->organ : f->a.organ;
        if (x->name2[0] && !f->path) {
            uint32_t known = dx_exact(r->d, x->name2, DX_PATH);
            f->path_flags = known ? r->d->lexemes[known].flags : 0;
            f->path = x->name2;
            f->path_from = r->k[i].from;
            f->path_to = r->k[i].to;
        }
    }
}

void dx_lookup(struct reader *r, struct frame *f, const char *name)
{
    uint32_t l = dx_exact(r->d, name, DX_DISEASE);
    struct dx_like best;
    f->name = name;
    if (l) {
        f->name = r->d->lexemes[l].name;
        memcpy(f->icd, r->d->lexemes[l].icd, sizeof f->icd);
    } else if (r->d->gram_at && dx_likeness(r->d, name, NULL, &best, 1) && best.score >= DX_LIKE_ENOUGH) {
        struct icd10_hit hit;
        icd10_at(r->d->icd10, best.entry, &hit);
        snprintf(f->icd, sizeof f->icd, "%.3s", hit.code);
        f->rule = best.score >= DX_LIKE_SURE ? "icd10" : "likeness";
    }
}

static const char *head_name(struct reader *r, uint16_t organ, const char *head)
{
    for (size_t i = 0; i < r->d->n_combos; i++)
        if (r->d->combos[i].organ == organ && strcmp(r->d->combos[i].head, head) == 0)
            return r->d->combos[i].name;
    return dx_keep(r->out, "%s%s", organ == DX_NONE ? "" : r->d->organs[organ].name, head);
}

/* An ending (积水, 囊肿, 穿孔...): with its organ a disease; without, it takes the organ said before, or qualifies. */
void dx_read_head(struct reader *r, size_t i)
{
    const struct lexeme *x = dx_reading(r->d, &r->k[i], DX_HEAD);
    struct frame *before = dx_current(r);
    bool near = before && before->strong == r->strong;
    uint16_t organ = dx_organ_of(r->d, r->k, &r->pending);
    struct attrs inherited = dx_no_attrs;
    if (organ == DX_NONE && near && x->flags & DX_QUALIFIER) {
        dx_add_mod(before, x->name);
        dx_explain(r, (size_t)(before - r->frames), DX_SLOT_MODIFIER, "lexicon", x->name, r->k[i].from, r->k[i].to);
        dx_forget(r);
        return;
    }
    bool inherits = organ == DX_NONE && near && x->flags & DX_INHERIT;
    if (inherits) {
        organ = dx_organ_of(r->d, r->k, &before->a);
        inherited = before->a;
        if (!r->pending.side) {
            r->pending.side = inherited.side;
            r->pending.side_at = inherited.side_at;
        }
    }
    bool odd = organ == DX_NONE && i > 0 && r->k[i - 1].cls == DX_UNKNOWN && r->k[i - 1].to - r->k[i - 1].from <= 8;
    const char *name = odd ? dx_slice(r, r->k[i - 1].from, r->k[i].to) : head_name(r, organ, x->name);
    if (organ != DX_NONE && r->pending.organ == DX_NONE)
        r->pending.organ = organ;
    struct frame *f = dx_new_frame(r, KIND_DISEASE, i);
    if (!f)
        return;
    dx_lookup(r, f, name);
    uint32_t plain = f->icd[0] ? 0 : dx_exact(r->d, x->name, DX_DISEASE);
    if (plain)
        memcpy(f->icd, r->d->lexemes[plain].icd, sizeof f->icd);
    if (inherits)
        f->rule = "inherited";
}

void dx_read_disease(struct reader *r, size_t i)
{
    const struct lexeme *x = dx_reading(r->d, &r->k[i], DX_DISEASE);
    r->later.secondary = false;
    struct frame *before = dx_current(r);
    if (x && before && before->kind == KIND_DISEASE && before->strong == r->strong && strcmp(before->name, x->name) == 0 &&
        before->family == r->family && before->denied == r->deny && dx_attrs_fit(r, &before->a, &r->pending)) {
        dx_attrs_merge(r, &before->a, &r->pending);
        dx_forget(r);
        return;
    }
    struct frame *f = dx_new_frame(r, KIND_DISEASE, i);
    if (!f)
        return;
    if (x) {
        f->name = x->name;
        memcpy(f->icd, x->icd, sizeof f->icd);
        f->a.organ = x->organ;
        f->rule = x->flags & DX_FROM_ICD ? "icd10" : "lexicon";
        return;
    }
    for (size_t m = 0; m < r->n_made; m++)
        if (r->made[m].token == i) {
            f->name = r->made[m].name;
            f->rule = r->made[m].rule;
            memcpy(f->icd, r->made[m].icd, sizeof f->icd);
        }
}
