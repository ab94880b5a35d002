/* The values of the normal form: how a place, a stage, a site and a name are written. */
#include "records/term/dx_read.h"
#include "records/term/fold.h"
#include <stdarg.h>
#include <string.h>

const char *dx_keep(struct dx_result *out, const char *format, ...)
{
    size_t left = sizeof out->text - out->text_len;
    char *at = out->text + out->text_len;
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(at, left, format, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= left)
        return "";
    out->text_len += (size_t)n + 1;
    return at;
}

const char *dx_slice(struct reader *r, size_t from, size_t to)
{
    size_t a = r->t->at[from], b = r->t->at[to];
    while (a < b && r->line[a] == ' ')
        a++;
    while (b > a && r->line[b - 1] == ' ')
        b--;
    char simple[1024];
    const char *p = r->line + a, *end = r->line + b;
    size_t n = 0;
    if (b - a > sizeof simple / 3) /* a wrong byte may become three */
        return dx_keep(r->out, "%.*s", (int)(b - a), p);
    while (p < end) {
        uint32_t c = utf8_next(&p, end);
        bool wide = (c >= 0xFF10 && c <= 0xFF19) || (c >= 0xFF21 && c <= 0xFF3A) || (c >= 0xFF41 && c <= 0xFF5A); /* ＩｇＧ４ */
        n += utf8_put(wide ? c - 0xFEE0 : hant_simple(r->d->hant, c), simple + n);
    }
    return dx_keep(r->out, "%.*s", (int)n, simple);
}

void dx_explain(struct reader *r, size_t frame, enum dx_slot slot, const char *rule, const char *value, size_t from, size_t to)
{
    if (r->out->n_steps == DX_STEPS_MAX)
        return;
    r->out->steps[r->out->n_steps++] = (struct dx_step){.from = r->t->at[from], .to = r->t->at[to], .diagnosis = (uint8_t)frame,
                                                        .slot = slot, .rule = rule, .value = value};
}

/* ---- stages ---- */

static const char *roman(uint8_t n)
{
    static const char *const signs[] = {"", "Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ"};
    return n <= 5 ? signs[n] : "";
}

const char *dx_stage_text(struct dx_result *out, const uint8_t number[4])
{
    char letter[2] = {number[1] ? (char)(number[1] - 32) : 0, 0}, digit[2] = {(char)number[2], 0};
    if (number[3])
        return dx_keep(out, "%s%s%s-%s期", roman(number[0]), letter, digit, roman(number[3]));
    return dx_keep(out, "%s%s%s期", roman(number[0]), letter, digit);
}

const char *dx_tnm_text(struct reader *r, const struct dx_token *k)
{
    char text[32];
    size_t n = 0;
    for (size_t i = k->from; i < k->to && n + 1 < sizeof text; i++) {
        uint32_t c = r->t->c[i];
        if (c != ' ')
            text[n++] = (char)(c == 't' || c == 'n' || c == 'm' ? c - 32 : c);
    }
    text[n] = 0;
    return dx_keep(r->out, "%s", text);
}

/* ---- sites of metastasis ---- */

static const struct lexeme *site_reading(const struct dx *d, const struct dx_token *k)
{
    static const enum dx_class order[] = {DX_ORGAN, DX_SITE, DX_PART, DX_REGION, DX_LOBE};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        const struct lexeme *x = dx_reading(d, k, order[i]);
        if (x)
            return x;
    }
    return NULL;
}

static const char *place_of(struct reader *r, const struct dx_token *k, const char *side, bool seeded)
{
    const struct lexeme *x = site_reading(r->d, k);
    if (!x)
        return NULL;
    if (x->cls == DX_LOBE && x->organ != DX_NONE)
        return r->d->organs[x->organ].name;
    const char *name = x->name;
    if (seeded && strcmp(name, "腹腔") == 0)
        return "腹膜"; /* what is sown in the abdominal cavity grows on its lining */
    return *side ? dx_keep(r->out, "%s%s", side, name) : name;
}

/* Side, quantifiers and one place, then perhaps 淋巴结: 左锁骨上淋巴结, 双肺多发, 全身多处骨. */
const char *dx_site_text(struct reader *r, size_t first, size_t last, bool seeded, bool nodes_follow)
{
    const char *side = "", *place = NULL, *region = NULL, *whole = NULL;
    bool node = nodes_follow;
    const struct dx_token *at = NULL;
    for (size_t i = first; i <= last; i++) {
        const struct lexeme *s = dx_reading(r->d, &r->k[i], DX_SIDE), *g = dx_reading(r->d, &r->k[i], DX_REGION);
        node |= dx_reading(r->d, &r->k[i], DX_NODE) || dx_reading(r->d, &r->k[i], DX_NODEMETA);
        if (s)
            side = strcmp(s->name2, "双") ? s->name2 : "";
        else if (!dx_reading(r->d, &r->k[i], DX_QUANT) && site_reading(r->d, &r->k[i]))
            at = &r->k[i], region = g ? g->name : NULL;
        if (dx_reading(r->d, &r->k[i], DX_QUANT) && dx_reading(r->d, &r->k[i], DX_SITE))
            whole = dx_reading(r->d, &r->k[i], DX_SITE)->name; /* 全身多发转移: the body is the place where no other is said */
    }
    if (node) {
        const char *where = region ? region : at ? site_reading(r->d, at)->name : "";
        if (strcmp(where, "多发") == 0 || strcmp(where, "全身") == 0)
            where = "";
        return dx_keep(r->out, "%s%s淋巴结", side, where);
    }
    for (size_t i = first; !at && !whole && i <= last; i++)
        if (r->k[i].cls == DX_UNKNOWN) /* a place the lexicon lacks, by its own words */
            return dx_keep(r->out, "%s%s", side, dx_slice(r, r->k[i].from, r->k[i].to));
    place = at ? place_of(r, at, side, seeded) : whole;
    return place;
}

/* ---- lesions ---- */

uint16_t dx_organ_of(const struct dx *d, const struct dx_token *k, const struct attrs *a)
{
    if (a->organ != DX_NONE)
        return a->organ;
    for (size_t i = 0; i < a->n_places; i++) {
        const struct lexeme *x = dx_reading(d, &k[a->places[i]], DX_LOBE);
        x = k[a->places[i]].cls == DX_LOBE && x ? x : dx_reading(d, &k[a->places[i]], DX_PART);
        x = x ? x : dx_reading(d, &k[a->places[i]], DX_LOBE);
        if (x && x->organ != DX_NONE)
            return x->organ;
    }
    return DX_NONE;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* 距骨, 肘关节: a bone that only injuries have a word for; 头皮 and 额部皮肤 are skin; other places of the surface (面部鳞癌) are
 * where a named pathology lies in the skin. */
static uint16_t surface_organ(const struct reader *r, const struct frame *f, size_t i)
{
    const struct lexeme *x = dx_reading(r->d, &r->k[f->a.places[i]], DX_LIMB);
    if (!x)
        return DX_NONE;
    if (strstr(x->name, "皮"))
        return r->d->skin;
    if (ends_with(x->name, "骨") || ends_with(x->name, "椎") || ends_with(x->name, "关节") || ends_with(x->name, "颅底"))
        return r->d->bone;
    return f->path && dx_reading(r->d, &r->k[f->a.places[i]], DX_SITE) ? r->d->skin : DX_NONE;
}

uint16_t dx_frame_organ(const struct reader *r, const struct frame *f)
{
    uint16_t organ = f->path_organ;
    if (f->kind == KIND_TUMOUR && f->a.organ == DX_NONE && organ != DX_NONE)
        for (size_t i = 0; i < f->a.n_places; i++)
            for (uint32_t l = r->k[f->a.places[i]].lexeme; l; l = r->d->lexemes[l].next) {
                const struct lexeme *x = &r->d->lexemes[l];
                if ((x->cls == DX_PART && x->organ == organ) || (x->cls == DX_LOBE && x->organs[organ / 32] >> organ % 32 & 1))
                    return organ;
            }
    uint16_t said = dx_organ_of(r->d, r->k, &f->a);
    if (said == DX_NONE && organ == DX_NONE && f->kind == KIND_TUMOUR)
        for (size_t i = 0; i < f->a.n_places; i++)
            if ((organ = surface_organ(r, f, i)) != DX_NONE)
                return organ;
    return said != DX_NONE || f->kind != KIND_TUMOUR ? said : organ;
}

static bool organ_is(const struct dx *d, uint16_t organ, const char *name)
{
    return organ != DX_NONE && strcmp(d->organs[organ].name, name) == 0;
}

/* The reading of a place that fits the organ. */
static const struct lexeme *place_reading(const struct dx *d, const struct dx_token *k, uint16_t organ, enum kind kind)
{
    const struct lexeme *part = NULL, *lobe = dx_reading(d, k, DX_LOBE);
    for (uint32_t l = k->lexeme; l; l = d->lexemes[l].next)
        if (d->lexemes[l].cls == DX_PART && (organ == DX_NONE || d->lexemes[l].organ == organ))
            part = &d->lexemes[l];
    if (lobe && organ != DX_NONE && (lobe->organs[organ / 32] >> organ % 32 & 1))
        return lobe;
    if (part)
        return part;
    if (kind == KIND_DISEASE) {
        const struct lexeme *x = dx_reading(d, k, DX_PART);
        x = x ? x : lobe;
        const struct lexeme *region = dx_reading(d, k, DX_REGION), *limb = dx_reading(d, k, DX_LIMB);
        x = x ? x : region && limb ? limb : region; /* 腹部 is 腹腔 of lymph nodes only */
        x = x ? x : dx_reading(d, k, DX_SITE);
        return x || !limb || limb->icd[0] > '3' ? x : limb; /* head and trunk; a joint is in the disease's name */
    }
    if (organ != DX_NONE && !organ_is(d, organ, "骨") && !organ_is(d, organ, "皮肤") && !organ_is(d, organ, "软组织"))
        return NULL;
    const struct lexeme *site = dx_reading(d, k, DX_SITE); /* tissue found everywhere: the bone or region says where */
    site = site ? site : dx_reading(d, k, DX_REGION);
    site = site ? site : dx_reading(d, k, DX_LIMB);
    return site ? site : lobe;
}

static const char *lobe_text(struct reader *r, const struct frame *f, uint16_t organ, const struct lexeme *lobe, int16_t at)
{
    const char *side = f->a.side ? f->a.side->name2 : "";
    if (organ == DX_NONE)
        organ = lobe->organ;
    const struct organ *o = &r->d->organs[organ];
    if (o->pair && !organ_is(r->d, organ, "甲状腺") && (side[0] || organ_is(r->d, organ, "肺")))
        return dx_keep(r->out, "%s%s%s", side, o->name, lobe->name);
    bool bare = organ_is(r->d, organ, "肝") || organ_is(r->d, organ, "甲状腺") || organ_is(r->d, organ, "前列腺");
    const struct lexeme *next = (size_t)at + 1 < r->n ? dx_reading(r->d, &r->k[at + 1], DX_ORGAN) : NULL;
    bool before_organ = next && next->organ == organ; /* 直肠癌（低位直肠） */
    if (bare || before_organ || f->a.organ_at < 0 || f->a.organ_at > at)
        return lobe->name;
    return dx_keep(r->out, "%s%s", o->name, lobe->name);
}

static const char *part_text(struct reader *r, const struct frame *f, const struct lexeme *x)
{
    const struct lexeme *side = f->a.side;
    if (side && x->cls != DX_PART && f->kind == KIND_DISEASE && f->name && strstr(f->name, x->name))
        return side->name; /* 左足糖尿病足 */
    if (x->cls == DX_REGION || x->cls == DX_SITE || x->cls == DX_LIMB)
        return side ? dx_keep(r->out, "%s%s", side->name2, x->name) : x->name;
    if (x->flags & DX_WITH_ORGAN) {
        const char *organ = r->d->organs[x->organ].name;
        if (side)
            return dx_keep(r->out, "%s%s%s", side->name2, strcmp(organ, "乳腺") ? organ : "乳", x->name);
        return dx_keep(r->out, "%s%s", organ, x->name);
    }
    if (!side)
        return x->name;
    if (x->flags & DX_SIDE1)
        return dx_keep(r->out, "%s%s", side->name2, x->name);
    return x->flags & DX_PAIR ? dx_keep(r->out, "%s%s", side->name, x->name) : x->name;
}

static const char *place_text(struct reader *r, const struct frame *f, uint16_t organ)
{
    const char *text = "";
    const struct lexeme *first = NULL;
    for (size_t i = 0; i < f->a.n_places; i++) {
        int16_t at = f->a.places[i];
        const struct lexeme *x = place_reading(r->d, &r->k[at], organ, f->kind);
        const struct lexeme *joint = !x && f->kind == KIND_DISEASE && r->k[at].from >= f->to ? dx_reading(r->d, &r->k[at], DX_LIMB) : NULL;
        if (joint && r->t->c[r->k[at].to - 1] == 0x8282 && !strstr(f->name, joint->name)) /* 节: 痛风（右第一跖趾关节） */
            x = joint;
        if (!x)
            continue;
        if (!first) {
            text = x->cls == DX_LOBE ? lobe_text(r, f, organ, x, at) : part_text(r, f, x);
            first = x;
        } else if (f->a.places[i] == f->a.places[i - 1] + 1 && (organ_is(r->d, organ, "肺") || (organ_is(r->d, organ, "骨") && x->cls == DX_LOBE))) /* 上叶舌段, 股骨下段: a part of the part */
            text = dx_keep(r->out, "%s%s", text, dx_slice(r, r->k[at].from, r->k[at].to));
        else if (at == f->a.places[i - 1] + 1 && x->cls == DX_SITE && first->cls == DX_SITE) /* 右足拇趾 */
            text = part_text(r, f, x);
        else if (x->cls == first->cls && strcmp(x->name, first->name) && (f->a.places[i] > f->a.places[i - 1] + 1 || organ_is(r->d, organ, "心脏")))
            text = dx_keep(r->out, "%s、%s", text, x->name);
    }
    return text;
}

/* L4/5、L5/S1. A disc is between two: L4-5 is written L4/5 there, and is several vertebrae elsewhere. */
static const char *vertebrae_text(struct reader *r, const struct frame *f)
{
    const struct attrs *a = &f->a;
    bool disc = f->name && strstr(f->name, "椎间盘");
    char upper[VERTEBRAE_MAX * 40];
    size_t n = 0;
    for (size_t k = 0; k < a->n_vertebrae; k++) {
        const struct dx_token *v = &r->k[a->vertebrae[k]];
        if (k)
            n += (size_t)sprintf(upper + n, "、");
        for (size_t i = v->from; i < v->to && i < v->from + 16u; i++) {
            uint32_t c = r->t->c[i], letter = dx_vertebra_letter(c);
            if (disc && letter && i > v->from && r->t->c[i - 1] >= '0' && r->t->c[i - 1] <= '9') /* 腰5骶1 */
                upper[n++] = '/';
            upper[n++] = (char)(letter ? letter : disc && c == '-' ? '/' : c);
        }
    }
    return dx_keep(r->out, "%.*s", (int)n, upper);
}

static const char *lesion_text(struct reader *r, const struct frame *f, uint16_t organ)
{
    if (f->a.teeth >= 0 && f->kind == KIND_DISEASE && dx_is_dental(f))
        return dx_teeth_text(r, (size_t)f->a.teeth);
    if (f->a.n_vertebrae)
        return vertebrae_text(r, f);
    const char *text = place_text(r, f, organ);
    if (*text)
        return text;
    const char *part = organ != DX_NONE && f->kind == KIND_TUMOUR ? r->d->organs[organ].part : NULL;
    if (part)
        return f->a.side ? dx_keep(r->out, "%s%s", f->a.side->name, part) : part;
    bool anywhere = f->kind == KIND_DISEASE && (strncmp(f->icd, "C8", 2) == 0 || f->icd[0] == 'L' || strcmp(f->icd, "D17") == 0 || strcmp(f->icd, "B02") == 0);
    const struct lexeme *in = anywhere && f->a.organ_at >= 0 ? dx_reading(r->d, &r->k[f->a.organ_at], DX_ORGAN) : NULL;
    if (in && strstr(f->name, in->name))
        in = NULL;
    if (in) /* a lymphoma, a disease of the skin may be in any organ */
        return f->a.side ? dx_keep(r->out, "%s%s", f->a.side->name2, in->name) : in->name;
    if (!f->a.side)
        return "";
    if (f->kind == KIND_TUMOUR && organ_is(r->d, organ, "肝") && strcmp(f->a.side->name2, "双"))
        return dx_keep(r->out, "%s叶", f->a.side->name2); /* 右肝 is the right lobe */
    return f->a.side->name;
}

/* ---- names and categories ---- */

/* Carcinoma in situ: ICD-10 D00-D09 by the organ's own category. */
static const char *situ_category(const char *cancer)
{
    static const struct {
        const char *to, *from, *situ;
    } table[] = {{"C14", "C00", "D00"}, {"C16", "C15", "D00"}, {"C26", "C17", "D01"}, {"C39", "C30", "D02"}, {"C44", "C44", "D04"},
                 {"C50", "C50", "D05"}, {"C53", "C53", "D06"}, {"C63", "C51", "D07"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(cancer, table[i].from) >= 0 && strcmp(cancer, table[i].to) <= 0)
            return table[i].situ;
    return "D09";
}

/* Family history: Z80-Z84 by the chapter of the disease. */
static const char *family_category(const char *icd)
{
    switch (icd[0]) {
    case 'C': return "Z80";
    case 'D': return icd[1] < '5' ? "Z80" : "Z83";
    case 'F': return "Z81";
    case 'G': case 'I': case 'J': case 'M': case 'Q': return "Z82";
    case 'A': case 'B': case 'E': case 'H': case 'K': return "Z83";
    default: return "Z84";
    }
}

/* 视网膜母细胞瘤 says its own organ, whatever wider one (眼) is said too. */
static bool names_organ(const struct reader *r, const struct frame *f)
{
    const char *own = f->path_organ == DX_NONE ? NULL : r->d->organs[f->path_organ].name;
    return own && strncmp(f->path, own, strlen(own)) == 0;
}

/* A bone of arm or leg: ICD-10 C40, those of the trunk and head C41. */
static bool bone_of_limb(const struct reader *r, const struct frame *f)
{
    for (size_t i = 0; i < f->a.n_places; i++) {
        const struct lexeme *x = dx_reading(r->d, &r->k[f->a.places[i]], DX_LIMB);
        if (x && x->icd[0] >= '4' && strcmp(x->name, "锁骨"))
            return true;
        const struct lexeme *site = dx_reading(r->d, &r->k[f->a.places[i]], DX_SITE);
        if (site && (ends_with(site->name, "上肢") || ends_with(site->name, "下肢") || ends_with(site->name, "四肢")))
            return true;
    }
    return false;
}

static void tumour_name(struct reader *r, const struct frame *f, uint16_t organ, struct dx_diagnosis *out)
{
    const struct organ *o = organ == DX_NONE ? NULL : &r->d->organs[organ];
    const char *place = o || f->path ? "" : place_text(r, f, DX_NONE);
    snprintf(out->icd10, sizeof out->icd10, "%s", o ? o->icd : *place ? "C76" : "C80");
    if (organ_is(r->d, organ, "骨") && bone_of_limb(r, f))
        strcpy(out->icd10, "C40");
    if (*place) {
        const struct lexeme *x = place_reading(r->d, &r->k[f->a.places[0]], DX_NONE, KIND_TUMOUR);
        out->diagnosis = dx_keep(r->out, "%s恶性肿瘤", x ? x->name : place);
    } else if (!o)
        out->diagnosis = f->path ? f->path : "恶性肿瘤";
    else if (f->path && f->path_flags & DX_TUMOURLIKE)
        out->diagnosis = organ == f->path_organ || names_organ(r, f) ? f->path : dx_keep(r->out, "%s%s", o->name, f->path);
    else
        out->diagnosis = o->cancer;
    if (f->path && strcmp(f->path, "恶性黑色素瘤") == 0 && (!o || strcmp(o->icd, "C44") == 0 || strcmp(o->icd, "C00") == 0 || strcmp(o->icd, "C21") == 0 || strcmp(o->icd, "C50") == 0))
        strcpy(out->icd10, "C43");
    else if (f->path_flags & DX_SITU)
        snprintf(out->icd10, sizeof out->icd10, "%s", situ_category(o ? o->icd : "C80"));
}

/* 肺 is told from 肺内: the lung's own cancer spreads within it. */
static const char *spread_for(const struct dx *d, uint16_t organ, const char *site)
{
    bool lung = organ_is(d, organ, "肺"), liver = organ_is(d, organ, "肝");
    if (strcmp(site, "肺") == 0 || strcmp(site, "肺内") == 0)
        return lung ? "肺内" : "肺";
    if (lung && (strcmp(site, "左肺") == 0 || strcmp(site, "右肺") == 0))
        return "肺内";
    if (strcmp(site, "肝内") == 0 || (liver && strcmp(site, "肝") == 0))
        return liver ? "肝内" : "肝";
    return site;
}

static void add_unique(const char **list, size_t *n, const char *value)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(list[i], value) == 0)
            return;
    if (*n < DX_LIST_MAX)
        list[(*n)++] = value;
}

static void finish_lists(struct reader *r, const struct frame *f, uint16_t organ, struct dx_diagnosis *out)
{
    for (size_t i = 0; i < f->n_metas; i++)
        add_unique(out->metastasis, &out->n_metastasis, spread_for(r->d, organ, f->metas[i]));
    for (size_t i = 0; i < f->n_mods; i++)
        add_unique(out->modifiers, &out->n_modifiers, f->mods[i]);
    if (f->suspected)
        add_unique(out->modifiers, &out->n_modifiers, "疑似");
    if (f->denied)
        add_unique(out->modifiers, &out->n_modifiers, "否定");
    if (f->family)
        add_unique(out->modifiers, &out->n_modifiers, "家族史");
}

void dx_finish(struct reader *r, size_t frame, struct dx_diagnosis *out)
{
    struct frame *f = &r->frames[frame];
    uint16_t organ = dx_frame_organ(r, f);
    *out = (struct dx_diagnosis){.location_type = f->a.type && f->kind == KIND_TUMOUR ? f->a.type->name : "",
                                 .pathology = f->path ? f->path : ""};
    if (f->kind == KIND_TUMOUR)
        tumour_name(r, f, organ, out);
    else {
        out->diagnosis = f->name;
        memcpy(out->icd10, f->icd, sizeof out->icd10);
    }
    out->lesion = lesion_text(r, f, organ);
    out->stage = f->stage ? f->stage : "";
    finish_lists(r, f, organ, out);
    if (f->past && out->icd10[0] == 'C')
        strcpy(out->icd10, "Z85");
    if (f->family && out->icd10[0])
        strcpy(out->icd10, family_category(out->icd10));
}
