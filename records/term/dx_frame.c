/* Frames and what is said before their heads: places, sides, types wait until a head takes them. */
#include "records/term/dx_read.h"
#include <string.h>

const struct attrs dx_no_attrs = {.organ = DX_NONE, .organ_at = -1, .side_at = -1, .type_at = -1, .teeth = -1};

bool dx_has_attrs(const struct attrs *a)
{
    return a->organ != DX_NONE || a->n_places || a->side || a->type || a->n_vertebrae || a->teeth >= 0;
}

void dx_forget(struct reader *r)
{
    r->pending = dx_no_attrs;
}

static void add_place(struct attrs *a, size_t token)
{
    if (a->n_places < PLACES_MAX)
        a->places[a->n_places++] = (int16_t)token;
}

static void add_vertebra(struct attrs *a, int16_t token)
{
    if (a->n_vertebrae < VERTEBRAE_MAX)
        a->vertebrae[a->n_vertebrae++] = token;
}

/* Organs whose parts are organs here: 眼 结膜, 口腔 颊. */
static bool wide(const char *organ)
{
    return strcmp(organ, "骨") == 0 || strcmp(organ, "眼") == 0 || strcmp(organ, "口腔") == 0;
}

void dx_add_attr(struct reader *r, size_t i)
{
    struct attrs *a = &r->pending;
    const struct dx_token *k = &r->k[i];
    const struct lexeme *x = k->lexeme ? &r->d->lexemes[k->lexeme] : NULL;
    switch (k->cls) {
    case DX_ORGAN:
        if (a->organ == DX_NONE || wide(r->d->organs[a->organ].name)) {
            a->organ = x->organ;
            a->organ_at = (int16_t)i;
        }
        break;
    case DX_SIDE:
        if (!a->side) {
            a->side = x;
            a->side_at = (int16_t)i;
        }
        break;
    case DX_TYPE:
        if (!a->type) {
            a->type = x;
            a->type_at = (int16_t)i;
        }
        break;
    case DX_TOOTH:
        a->teeth = a->teeth < 0 ? (int16_t)i : a->teeth;
        break;
    case DX_VERTEBRA:
        add_vertebra(a, (int16_t)i);
        break;
    default:
        add_place(a, i);
    }
}

/* 中段, 左叶: places of several organs, this one among them. */
static bool lobe_fits(const struct reader *r, const struct attrs *a, uint16_t organ)
{
    const struct lexeme *x = a->organ == DX_NONE && a->n_places ? dx_reading(r->d, &r->k[a->places[0]], DX_LOBE) : NULL;
    return x && (x->organs[organ / 32] >> organ % 32 & 1);
}

/* Do both speak of one thing? */
bool dx_attrs_fit(const struct reader *r, const struct attrs *a, const struct attrs *b)
{
    uint16_t x = dx_organ_of(r->d, r->k, a), y = dx_organ_of(r->d, r->k, b);
    if (x != DX_NONE && y != DX_NONE && x != y && strcmp(r->d->organs[x].cancer, r->d->organs[y].cancer) && !lobe_fits(r, b, x) &&
        !(strncmp(r->d->organs[x].name, "脑", strlen("脑")) == 0 && strcmp(r->d->organs[y].name, "脑") == 0))
        return false; /* 梨状窝 and 下咽, 声带 and 喉 are one; 脑膜瘤（右额部） */
    if (a->side && b->side && a->side != b->side)
        if (strcmp(a->side->name, b->side->name) && strcmp(a->side->name, "双侧"))
            return false; /* 双乳癌（左侧浸润性导管癌） is one */
    if (a->teeth >= 0 && b->teeth >= 0)
        return false;
    if (a->type && b->type && strcmp(a->type->name, b->type->name))
        return false;
    if (a->n_places && b->n_places)
        return strcmp(r->d->lexemes[r->k[a->places[0]].lexeme].name, r->d->lexemes[r->k[b->places[0]].lexeme].name) == 0;
    return true;
}

void dx_attrs_merge(const struct reader *r, struct attrs *to, const struct attrs *from)
{
    bool nearer = to->organ != DX_NONE && from->organ != DX_NONE && r->d->organs[from->organ].part && !r->d->organs[to->organ].part;
    if (to->organ == DX_NONE || nearer) {
        to->organ = from->organ;
        to->organ_at = from->organ_at;
    } else if (to->organ_at < 0 && to->organ == from->organ)
        to->organ_at = from->organ_at;
    if (!to->side) {
        to->side = from->side;
        to->side_at = from->side_at;
    }
    if (!to->type) {
        to->type = from->type;
        to->type_at = from->type_at;
    }
    to->teeth = to->teeth < 0 ? from->teeth : to->teeth;
    if (!to->n_places) {
        memcpy(to->places, from->places, sizeof to->places);
        to->n_places = from->n_places;
    }
    for (size_t i = 0; i < from->n_vertebrae; i++)
        add_vertebra(to, from->vertebrae[i]);
}

struct frame *dx_current(struct reader *r)
{
    return r->n_frames ? &r->frames[r->n_frames - 1] : NULL;
}

/* A cancer, or a disease that may spread: lymphoma, leukaemia, glioma, a stromal tumour; not a metastasis itself. */
static bool spreads(const struct frame *f)
{
    const char *c = f->icd;
    return f->kind == KIND_TUMOUR || (c[0] == 'C' && !(c[1] == '7' && c[2] >= '7')) || (c[0] == 'D' && (c[1] == '4' || (c[1] == '3' && c[2] >= '7')));
}

struct frame *dx_last_tumour(struct reader *r)
{
    for (size_t i = r->n_frames; i-- > 0;)
        if (spreads(&r->frames[i]))
            return &r->frames[i];
    return NULL;
}

/* Words of place that found no head of their own go to the head before them (肺癌（左上叶）). */
void dx_settle(struct reader *r, bool drop)
{
    struct frame *f = dx_current(r);
    bool near = f && f->strong == r->strong && !((f->family || f->denied) && f->comma != r->comma);
    if (near && dx_has_attrs(&r->pending) && dx_attrs_fit(r, &f->a, &r->pending)) {
        if (f->kind == KIND_DISEASE && strncmp(f->icd, "C8", 2) && f->a.organ == DX_NONE && r->pending.organ != DX_NONE && !r->pending.side && !r->pending.n_places)
            ; /* 高血压 心脏: an organ alone says nothing of a disease */
        else
            dx_attrs_merge(r, &f->a, &r->pending);
        dx_forget(r);
    } else if (drop && near)
        dx_forget(r);
}

/* ---- frames ---- */

bool dx_is_head(enum dx_class cls)
{
    return cls == DX_TUMOUR || cls == DX_PATH || cls == DX_WHOLE || cls == DX_DISEASE || cls == DX_HEAD;
}

bool dx_ends_chunk(enum dx_class cls)
{
    return cls == DX_STRONG || cls == DX_COMMA || cls == DX_JOIN || cls == DX_LIST || cls == DX_OPEN || cls == DX_CLOSE;
}

/* Is there a head behind token i before its chunk ends? */
bool dx_head_ahead(const struct reader *r, size_t i)
{
    for (size_t k = i + 1; k < r->n && !(dx_ends_chunk(r->k[k].cls) && !r->k[k].taken); k++)
        if (dx_is_head(r->k[k].cls) && !r->k[k].taken)
            return true;
    return false;
}

/* The same for what may also belong to the frame before: a blank then ends the chunk (肺癌，化疗后 高血压). */
bool dx_head_close_ahead(struct reader *r, size_t i)
{
    const struct frame *f = dx_current(r);
    bool before = (f && f->strong == r->strong) || dx_last_tumour(r);
    for (size_t k = i + 1; k < r->n && !(dx_ends_chunk(r->k[k].cls) && !r->k[k].taken) && !(before && r->k[k].cls == DX_SPACE); k++)
        if (dx_is_head(r->k[k].cls) && !r->k[k].taken)
            return true;
    return false;
}

/* Like head_ahead, past one list sign or colon: 考虑：肺癌. */
bool dx_head_ahead_wide(const struct reader *r, size_t i)
{
    size_t next = i + 1;
    while (next < r->n && (r->k[next].cls == DX_SPACE || r->k[next].cls == DX_COMMA))
        next++;
    return dx_head_ahead(r, i) || (next > i + 1 && r->k[i + 1].cls == DX_COMMA && r->t->c[r->k[i + 1].from] == ':' && dx_head_ahead(r, next - 1));
}

void dx_take_later(struct reader *r, struct frame *f)
{
    for (size_t i = 0; i < r->later.n_mods && f->n_mods < DX_LIST_MAX; i++)
        f->mods[f->n_mods++] = r->later.mods[i];
    r->later.n_mods = 0;
    if (f->kind == KIND_TUMOUR) {
        for (size_t i = 0; i < r->later.n_metas && f->n_metas < DX_LIST_MAX; i++)
            f->metas[f->n_metas++] = r->later.metas[i];
        r->later.n_metas = 0;
    }
    if (r->later.stage && !f->stage) {
        f->stage = r->later.stage;
        f->stage_by_number = r->later.by_number;
    }
    r->later.stage = NULL;
}

struct frame *dx_new_frame(struct reader *r, enum kind kind, size_t i)
{
    if (r->n_frames == DX_DIAGNOSES_MAX)
        return NULL;
    struct frame *f = &r->frames[r->n_frames++];
    memset(f, 0, sizeof *f);
    f->kind = kind;
    f->a = r->pending;
    f->from = r->k[i].from;
    f->to = r->k[i].to;
    f->path_organ = DX_NONE;
    f->rule = "lexicon";
    f->suspected = r->suspect;
    f->denied = r->deny;
    f->family = r->family;
    f->linked = r->link;
    f->linked_or = r->link_or;
    f->strong = r->strong;
    f->comma = r->comma;
    f->chunk = r->chunk;
    r->link = r->link_or = false;
    dx_forget(r);
    dx_take_later(r, f);
    return f;
}

void dx_add_mod(struct frame *f, const char *value)
{
    if (f->n_mods < DX_LIST_MAX)
        f->mods[f->n_mods++] = value;
}
