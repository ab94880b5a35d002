/* Heads of tumours: 癌, pathologies, and words that say organ and pathology at once. */
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
    static const char *const c78[] = {"肺", "纵隔", "胸膜", "气管", "鼻腔", "鼻窦", "喉", "肠", "腹", "肝", "胆", "胰", "胃", "食管", "肛", "网膜", "壶腹",
                                       "窦", "耳", "声带", "会厌", "乳突", "阑尾", "贲门", "幽门", "脾"};
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

static bool is_mass(const struct reader *r, const struct frame *f)
{
    static const char *const masses[] = {"占位", "肿物", "结节", "肿瘤"};
    if (!f || f->kind != KIND_DISEASE || f->strong != r->strong || f->a.organ == DX_NONE)
        return false;
    for (size_t i = 0; i < sizeof masses / sizeof *masses; i++)
        if (strstr(f->name, masses[i]))
            return true;
    return false;
}

/* 癌变, 恶变 */
static bool turned(const struct reader *r, const struct dx_token *k)
{
    return r->t->c[k->to - 1] == 0x53D8;
}

/* 可能, ? right behind token i: what it names is not certain. */
static bool doubted(const struct reader *r, size_t i)
{
    size_t k = i + 1;
    while (k < r->n && r->k[k].cls == DX_SPACE)
        k++;
    return r->suspect || (k < r->n && dx_reading(r->d, &r->k[k], DX_SUSPPOST));
}

/* 腺癌伴印戒细胞癌: more of the same tumour, not another one. */
static bool second_pathology(const struct reader *r, const struct frame *f, const struct lexeme *path)
{
    return f && f->kind == KIND_TUMOUR && path && f->path && f->strong == r->strong && !dx_has_attrs(&r->pending) && f->denied == r->deny &&
           f->family == r->family && f->suspected == r->suspect;
}

/* 宫颈癌（小细胞癌）: what is said of a cancer that has an organ is of that one. */
static bool said_of_another(struct reader *r, const struct lexeme *path)
{
    const struct frame *f = dx_current(r);
    bool open = f && (f->kind == KIND_TUMOUR || is_mass(r, f)) && f->strong == r->strong && (!f->path || f->path_flags & DX_GENERIC);
    return open && path->flags & DX_SOFT && dx_organ_of(r->d, r->k, &f->a) != DX_NONE;
}

void dx_read_tumour(struct reader *r, size_t i)
{
    const struct lexeme *x = &r->d->lexemes[r->k[i].lexeme];
    const struct lexeme *path = x->cls == DX_PATH ? x : NULL;
    uint16_t organ = dx_organ_of(r->d, r->k, &r->pending);
    if (organ == DX_NONE && (x->cls == DX_WHOLE || (path && r->pending.organ == DX_NONE && !said_of_another(r, path))))
        organ = x->organ;
    bool somewhere = organ != DX_NONE || r->pending.n_places || !path; /* 转移性腺癌 alone says what it is, not where */
    if (r->later.secondary && (somewhere || dx_last_tumour(r))) {
        secondary(r, i, organ);
        return;
    }
    r->later.secondary = false;
    struct frame *f = dx_current(r);
    if (x->cls == DX_TUMOUR && f && f->to == r->k[i].from && turned(r, &r->k[i]) && f->kind == KIND_DISEASE && f->a.organ != DX_NONE) {
        f->kind = KIND_TUMOUR; /* 直肠腺瘤癌变 */
        f->to = r->k[i].to;
        f->cancer_word = true;
        return;
    }
    if ((organ == DX_NONE || (f && organ == f->a.organ && !dx_has_attrs(&r->pending))) && is_mass(r, f)) { /* 胃窦占位，腺癌: the mass is the tumour; 腺癌？: it may be, and is said beside it */
        if (!f->suspected && !doubted(r, i))
            f->kind = KIND_TUMOUR;
        else
            r->pending.organ = organ = f->a.organ;
    }
    if (!completes(r, f, path, organ) && second_pathology(r, f, path) && (organ == DX_NONE || organ == dx_frame_organ(r, f))) {
        if (f->path_flags & DX_TUMOURLIKE && !(path->flags & DX_TUMOURLIKE))
            set_path(f, path, &r->k[i]); /* 佩吉特病伴浸润性导管癌 */
        return;
    }
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
