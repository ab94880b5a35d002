/* What is said around a head: stage, treatment, spread, and how surely it is said. */
#include "records/term/dx_read.h"
#include <string.h>

static struct frame *for_stage(struct reader *r)
{
    struct frame *f = dx_current(r), *tumour = dx_last_tumour(r);
    if (f && (f->kind == KIND_TUMOUR || f->comma == r->comma))
        return f;
    return tumour ? tumour : f;
}

/* 否认高血压，胃癌术后Ⅱ期: what was staged or treated is not denied, though a denial before it goes on past commas. */
static void end_denial(struct reader *r, struct frame *f)
{
    if (!f->denied || !r->deny_on || f->comma == r->deny_comma)
        return;
    f->denied = r->deny = r->deny_on = false;
}

static void put_stage(struct reader *r, size_t i, const char *text, bool by_number)
{
    struct frame *f = for_stage(r);
    bool before = !(f && f->chunk == r->chunk) && dx_head_close_ahead(r, i);
    if (before) {
        r->later.stage = text;
        r->later.by_number = by_number;
        return;
    }
    if (!f || (f->kind == KIND_DISEASE && f->name && strstr(f->name, "高血压")))
        return;
    end_denial(r, f);
    if (!f->stage || (by_number && !f->stage_by_number)) {
        f->stage = text;
        f->stage_by_number = by_number;
        dx_explain(r, (size_t)(f - r->frames), DX_SLOT_STAGE, "lexicon", text, r->k[i].from, r->k[i].to);
    }
}

static bool who_before(const struct reader *r, size_t i)
{
    while (i > 0 && r->k[i - 1].cls == DX_SPACE)
        i--;
    const struct dx_token *k = &r->k[i ? i - 1 : 0];
    return i && k->to - k->from == 3 && r->t->c[k->from] == 'w' && r->t->c[k->from + 1] == 'h' && r->t->c[k->from + 2] == 'o';
}

void dx_read_stage(struct reader *r, size_t i)
{
    const struct dx_token *k = &r->k[i];
    struct frame *f;
    switch (k->cls) {
    case DX_NUMBER_STAGE:
        put_stage(r, i, dx_stage_text(r->out, k->number), true);
        break;
    case DX_LETTER_STAGE: {
        const uint32_t *c = r->t->c + k->from + k->number[0];
        int digit = c[1] >= '1' && c[1] <= '3' ? (int)c[1] : 0;
        put_stage(r, i, dx_keep(r->out, "%s %c%.*s期", r->t->c[k->from] == 'd' ? "Dukes" : "BCLC", c[0] == '0' ? '0' : (char)(c[0] - 32), digit > 0, (char[]){(char)digit, 0}), false);
        break;
    }
    case DX_STAGE:
        put_stage(r, i, r->d->lexemes[k->lexeme].name, false);
        break;
    case DX_TNM: /* the group stage, where one is said, says it shorter */
        f = for_stage(r);
        if (f && !f->stage && f->kind == KIND_TUMOUR) {
            f->stage = dx_tnm_text(r, k);
            dx_explain(r, (size_t)(f - r->frames), DX_SLOT_STAGE, "lexicon", f->stage, k->from, k->to);
        } else if (!f && dx_head_ahead(r, i) && !r->later.stage)
            r->later.stage = dx_tnm_text(r, k);
        break;
    case DX_GRADE: /* only WHO's grades of tumours are stages; those of pressure and heart function are not */
        if (i > 0 && who_before(r, i))
            put_stage(r, i, dx_keep(r->out, "WHO %.*s级", (int)strlen("Ⅰ"), dx_stage_text(r->out, k->number)), false);
        break;
    default:
        break;
    }
}

/* What a disease that is no tumour is more exactly, said behind its name: 慢性胃炎（非萎缩性）. */
void dx_read_form(struct reader *r, size_t i)
{
    struct frame *f = dx_current(r);
    if (!f || f->kind != KIND_DISEASE || f->strong != r->strong || f->path)
        return;
    f->path = r->d->lexemes[r->k[i].lexeme].name;
    f->path_from = r->k[i].from;
    f->path_to = r->k[i].to;
}

/* What is left after operations: ICD-10 Z89-Z98. */
static void operation_category(const char *name, char icd[4])
{
    static const struct {
        const char *word, *icd;
    } table[] = {{"移植", "Z94"}, {"截肢", "Z89"}, {"造口", "Z93"}, {"气管切开", "Z93"}, {"造瘘", "Z93"}, {"支架", "Z95"}, {"搭桥", "Z95"}, {"起搏器", "Z95"},
                 {"瓣膜置换", "Z95"}, {"瓣置换", "Z95"}, {"pci", "Z95"}, {"PCI", "Z95"}, {"置换", "Z96"}, {"晶体", "Z96"},
                 {"切除", "Z90"}, {"摘除", "Z90"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strstr(name, table[i].word)) {
            strcpy(icd, table[i].icd);
            return;
        }
    strcpy(icd, "Z98");
}

/* An operation on an organ no tumour before was said of: a state of its own (胆囊切除术后). */
static void after_operation(struct reader *r, size_t i)
{
    size_t first = i;
    while (first > 0 && !dx_ends_chunk(r->k[first - 1].cls) && !dx_is_head(r->k[first - 1].cls) && r->k[first - 1].cls != DX_SPACE &&
           r->k[first - 1].cls != DX_NEGPRE && r->k[first - 1].cls != DX_SUSPPRE && r->k[first - 1].cls != DX_SUSPPOST && r->k[first - 1].cls != DX_HAS)
        first--;
    for (; first < i && r->k[first].cls == DX_SKIP; first++) { /* 诊断：胆囊切除术后, 既往胆囊切除术后 */
        uint32_t c = r->t->c[r->k[first].from];
        bool heading = r->k[first].to - r->k[first].from > 2 && r->t->c[r->k[first].to - 1] == ':';
        if (!heading && c != 0x65E2 && c != 0x66FE && c != 0x884C && c != 0x7ECF && c != 0x60A3) /* 既 曾 行 经 患 */
            break;
    }
    bool of_lobe = first < i && r->k[first].cls == DX_SIDE && r->k[first + 1].cls == DX_LOBE; /* 左下肺叶切除术后: one name */
    const struct lexeme *side = of_lobe ? NULL : r->pending.side;
    int16_t side_at = r->pending.side_at;
    first += side && first == (size_t)side_at && first < i;
    const char *name = dx_slice(r, r->k[first].from, r->k[i].to);
    dx_forget(r);
    struct frame *f = dx_new_frame(r, KIND_DISEASE, i);
    if (!f)
        return;
    f->a.side = side;
    f->a.side_at = side_at;
    f->from = r->k[first].from;
    dx_lookup(r, f, name);
    char told[4];
    operation_category(name, told);
    if (f->icd[0] != 'Z' || (strcmp(f->rule, "likeness") == 0 && strcmp(told, "Z98"))) {
        memcpy(f->icd, told, sizeof f->icd);
        f->rule = "implied";
    }
}

/* Has the frame the organ, or is its name of the organ's category: 胶质母细胞瘤 and 颞叶? */
static bool is_of(const struct reader *r, const struct frame *f, uint16_t organ)
{
    uint16_t own = dx_frame_organ(r, f);
    return own == organ || (own == DX_NONE && f->icd[0] == 'C' && strcmp(f->icd, r->d->organs[organ].icd) == 0);
}

static struct frame *tumour_of(struct reader *r, uint16_t organ)
{
    for (size_t i = r->n_frames; i-- > 0;)
        if (is_of(r, &r->frames[i], organ))
            return &r->frames[i];
    return NULL;
}

/* 放化疗+手术后, 化疗及放疗后, 免疫联合化疗后: what stands before the sign is over too. */
static void put_treatments_before(struct reader *r, struct frame *f, size_t i)
{
    while (i >= 2 && r->k[i - 1].cls == DX_LIST && r->k[i - 2].cls == DX_SKIP)
        i -= 2;
    for (; r->k[i].cls == DX_SKIP; i += 2) {
        bool drugs = false, rays = false, knife = false, aimed = false, immune = false, hormones = false;
        for (size_t c = r->k[i].from; c < r->k[i].to; c++) {
            drugs |= r->t->c[c] == 0x5316; /* 化 */
            rays |= r->t->c[c] == 0x653E;  /* 放 */
            knife |= r->t->c[c] == 0x672F || r->t->c[c] == 0x624B; /* 术 手 */
            aimed |= r->t->c[c] == 0x9776; /* 靶 */
            immune |= r->t->c[c] == 0x514D; /* 免 */
            hormones |= r->t->c[c] == 0x6CCC; /* 泌 */
        }
        const char *names[] = {knife ? "术后" : NULL, drugs ? "化疗后" : NULL, rays ? "放疗后" : NULL, aimed ? "靶向治疗后" : NULL,
                               immune ? "免疫治疗后" : NULL, hormones ? "内分泌治疗后" : NULL};
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if (names[k]) {
                dx_add_mod(f, names[k]);
                dx_explain(r, (size_t)(f - r->frames), DX_SLOT_MODIFIER, "lexicon", names[k], r->k[i].from, r->k[i].to);
            }
    }
}

/* 胰头癌，胆道支架植入术后; 胃癌，空肠营养管置入术后: what keeps the way open that the tumour closes. */
static bool keeps_open(const struct reader *r, uint16_t tumour, uint16_t operated, size_t i)
{
    const char *a = tumour == DX_NONE ? "" : r->d->organs[tumour].icd, *b = r->d->organs[operated].icd;
    if (strcmp(a, "C15") < 0 || strcmp(a, "C26") > 0 || strcmp(b, "C15") < 0 || strcmp(b, "C26") > 0)
        return false;
    for (size_t k = i + 1; k-- > 0 && (k == i || !dx_ends_chunk(r->k[k].cls));)
        for (size_t c = r->k[k].from; c + 1 < r->k[k].to; c++) {
            uint32_t x = r->t->c[c], y = r->t->c[c + 1];
            if ((x == 0x652F && y == 0x67B6) || (x == 0x5F15 && y == 0x6D41) || (x == 0x8425 && y == 0x517B)) /* 支架 引流 营养 */
                return true;
        }
    return false;
}

/* Is the operation one for the tumour f, though it names another organ? 宫颈癌根治性子宫切除术后. */
static bool treats(const struct reader *r, const struct frame *f, uint16_t operated, size_t i)
{
    if (!f || f->kind != KIND_TUMOUR || f->strong != r->strong)
        return false;
    uint16_t organ = dx_frame_organ(r, f);
    if (organ != DX_NONE && strcmp(r->d->organs[operated].name, "子宫") == 0 && strncmp(r->d->organs[organ].icd, "C5", 2) == 0)
        return true;
    if (keeps_open(r, organ, operated, i))
        return true;
    for (size_t k = i + 1; k-- > 0 && (k == i || !dx_ends_chunk(r->k[k].cls));)
        for (size_t c = r->k[k].from; c + 1 < r->k[k].to; c++)
            if (r->t->c[c] == 0x6839 && r->t->c[c + 1] == 0x6CBB) /* 根治 */
                return true;
    return false;
}

static void put_mods(struct reader *r, struct frame *f, const struct lexeme *x, size_t i)
{
    const char *names[] = {x->name, x->name2, x->name3};
    end_denial(r, f);
    put_treatments_before(r, f, i);
    for (size_t k = 0; k < 3; k++) {
        if (!names[k])
            continue;
        dx_add_mod(f, names[k]);
        dx_explain(r, (size_t)(f - r->frames), DX_SLOT_MODIFIER, "lexicon", names[k], r->k[i].from, r->k[i].to);
    }
}

/* 双附件切除术后, 双侧腹股沟淋巴结清扫术后: the side is that of what was operated, not of the tumour. */
static bool side_of_operation(const struct reader *r, size_t i)
{
    const struct attrs *a = &r->pending;
    bool other = false;
    for (size_t k = 0; k < a->n_places; k++)
        if (dx_reading(r->d, &r->k[a->places[k]], DX_PART) || dx_reading(r->d, &r->k[a->places[k]], DX_LOBE))
            return false;
    for (size_t k = (size_t)(a->side_at < 0 ? (int)i : a->side_at); k < i; k++) {
        const struct dx_token *t = &r->k[k];
        other |= t->cls == DX_REGION || t->cls == DX_SITE || t->cls == DX_NODE || (t->cls == DX_UNKNOWN && r->t->c[t->from] >= 0x4E00);
    }
    for (size_t c = r->k[i].from; c < r->k[i].to; c++) /* 附 of 附件, 淋 of 淋巴结 */
        other |= r->t->c[c] == 0x9644 || r->t->c[c] == 0x6DCB;
    return other;
}

/* 置换术后 */
static bool replaces(const struct reader *r, size_t i)
{
    for (size_t c = r->k[i].from; c + 1 < r->k[i].to; c++)
        if (r->t->c[c] == 0x7F6E && r->t->c[c + 1] == 0x6362)
            return true;
    return false;
}

/* 胰十二指肠切除术后, 剖宫产术后: does the word for the operation say on what? Its organ, where it is one, at *organ. */
static bool names_operated(const struct reader *r, size_t i, uint16_t *organ)
{
    for (size_t c = r->k[i].from; c < r->k[i].to; c++) {
        if (r->t->c[c] == 0x5256) /* 剖 */
            return true;
        for (size_t end = c + 1; end < r->k[i].to && end <= c + 4; end++)
            for (uint32_t l = dx_between(r->d, r->t, c, end); l; l = r->d->lexemes[l].next)
                if (r->d->lexemes[l].cls == DX_ORGAN) {
                    *organ = r->d->lexemes[l].organ;
                    return true;
                }
    }
    return false;
}

/* Is what the next head names a tumour, or a disease of the organ (胃大部切除术后残胃炎), or is there none? */
static bool of_organ_ahead(const struct reader *r, size_t i, uint16_t organ)
{
    for (size_t k = i + 1; k < r->n; k++)
        if (dx_is_head(r->k[k].cls) && !r->k[k].taken) {
            const struct lexeme *x = dx_reading(r->d, &r->k[k], DX_DISEASE);
            uint32_t last = r->t->c[r->k[k].to - 1u];
            bool leaks = last == 0x7618 || last == 0x6F0F; /* 瘘 漏 */
            bool own = x && !leaks && organ != DX_NONE && (x->organ == organ || strstr(x->name, r->d->organs[organ].name));
            return own || r->k[k].cls == DX_TUMOUR || r->k[k].cls == DX_PATH || r->k[k].cls == DX_WHOLE;
        }
    return true;
}

/* 胆囊切除术后胆漏, 肝移植术后胆管狭窄: what came of an operation stands behind it; the operation is a state of its own, not something
 * done for what came of it. */
static bool came_of_operation(struct reader *r, size_t i, uint16_t organ)
{
    bool more_than_after = r->k[i].to - r->k[i].from > 2;
    bool what = organ != DX_NONE || names_operated(r, i, &organ) || (replaces(r, i) && r->pending.n_places);
    return more_than_after && what && !dx_last_tumour(r) && !of_organ_ahead(r, i, organ);
}

void dx_read_mod(struct reader *r, size_t i)
{
    const struct lexeme *x = &r->d->lexemes[r->k[i].lexeme];
    struct frame *f = dx_current(r), *tumour = dx_last_tumour(r);
    uint16_t organ = dx_organ_of(r->d, r->k, &r->pending);
    bool operation = strcmp(x->name, "术后") == 0;
    if (!(f && f->chunk == r->chunk) && dx_head_close_ahead(r, i)) {
        if (operation && came_of_operation(r, i, organ)) {
            after_operation(r, i);
            return;
        }
        const char *names[] = {x->name, x->name2, x->name3};
        for (size_t k = 0; k < 3; k++)
            if (names[k] && r->later.n_mods < LATER_MAX)
                r->later.mods[r->later.n_mods++] = names[k];
        return;
    }
    bool listed = r->none && i > 1 && r->k[i - 1].cls == DX_LIST && (r->k[i - 2].cls == DX_META || r->k[i - 2].cls == DX_NODEMETA); /* 未见转移及复发 */
    if (listed || (r->deny && f && !f->denied)) { /* 无复发 */
        dx_forget(r);
        return;
    }
    bool own = operation && replaces(r, i) && r->pending.n_places;
    own |= operation && !tumour && f && f->strong != r->strong && i > 0 && r->k[i - 1].cls == DX_UNKNOWN && r->k[i - 1].to == r->k[i].from; /* 高血压；永久起搏器植入术后 */
    if (own) {
        after_operation(r, i); /* 左膝置换术后 */
        return;
    }
    if (operation && organ != DX_NONE) {
        struct frame *same = tumour_of(r, organ);
        if (!same && treats(r, tumour, organ, i))
            same = tumour;
        if (!same) {
            after_operation(r, i);
            return;
        }
        bool plain = r->k[i].to - r->k[i].from <= 3 || r->pending.organ == DX_NONE, unplaced = !same->a.n_places && !same->a.side;
        if (same == f && f->chunk == r->chunk)
            dx_settle(r, true);
        else if (plain && unplaced && same->strong == r->strong && dx_attrs_fit(r, &same->a, &r->pending))
            dx_attrs_merge(r, &same->a, &r->pending); /* 乳腺癌，左乳术后; 肝癌（混合型）左叶介入术后 */
        dx_forget(r);
        f = same;
    } else {
        if (operation && side_of_operation(r, i) && f)
            dx_forget(r);
        dx_settle(r, true);
        if (f && f->strong != r->strong && tumour)
            f = tumour;
        else if (f && f->kind == KIND_DISEASE && tumour && f->chunk != r->chunk && strcmp(x->name, "穿孔") && (!operation || tumour->strong == r->strong))
            f = tumour; /* chemotherapy is for the tumour, and an operation said by itself */
    }
    if (f)
        put_mods(r, f, x, i);
    else
        after_operation(r, i);
}

/* Is a cancer said further on that this may have come from? */
static bool origin_ahead(const struct reader *r, size_t i)
{
    for (size_t k = i + 1; k < r->n; k++) {
        const struct lexeme *x = dx_reading(r->d, &r->k[k], DX_DISEASE);
        if (r->k[k].cls == DX_TUMOUR || r->k[k].cls == DX_PATH || r->k[k].cls == DX_WHOLE || (x && (x->icd[0] == 'C' || x->icd[0] == 'D')))
            return true;
    }
    return false;
}

void dx_spread_alone(struct reader *r, size_t i, const char *site)
{
    dx_forget(r);
    struct frame *f = dx_new_frame(r, KIND_DISEASE, i);
    if (!f)
        return;
    if (strstr(site, "栓")) {
        dx_lookup(r, f, site);
        return;
    }
    f->name = dx_keep(r->out, "%s转移癌", site);
    dx_spread_category(f->name, f->icd);
    f->rule = "implied";
}

void dx_read_spread(struct reader *r, size_t i)
{
    const char *values[DX_LIST_MAX];
    bool denied;
    size_t n = dx_spread_sites(r, i, values, DX_LIST_MAX, &denied);
    if (denied) { /* the denial was of this: what follows is not denied by it */
        r->deny = r->deny_on;
        r->none = true;
    }
    dx_settle(r, false);
    struct frame *f = dx_last_tumour(r), *mass = dx_current(r);
    for (size_t c = r->k[i].from; f && !denied && c < r->k[i].to; c++)
        if (r->t->c[c] == 0x590D) { /* 复 of 复发转移 */
            dx_add_mod(f, "复发");
            dx_explain(r, (size_t)(f - r->frames), DX_SLOT_MODIFIER, "lexicon", "复发", r->k[i].from, r->k[i].to);
        }
    bool noun = r->t->c[r->k[i].to - 1] == 0x7624 || r->t->c[r->k[i].to - 1] == 0x764C; /* 瘤 癌 */
    if (denied && n && noun && !f && !origin_ahead(r, i)) { /* 排除骨转移瘤 */
        size_t first = r->n_frames;
        for (size_t k = 0; k < n; k++)
            dx_spread_alone(r, i, values[k]);
        for (; first < r->n_frames; first++)
            r->frames[first].denied = true;
        return;
    }
    n = denied ? 0 : n;
    uint16_t own_organ = f && f->suspected && noun && n == 1 ? dx_frame_organ(r, f) : DX_NONE;
    if (own_organ != DX_NONE && strcmp(values[0], r->d->organs[own_organ].name) == 0) { /* 肝癌？肝转移癌？ */
        struct frame *other = dx_new_frame(r, KIND_DISEASE, i);
        if (other) {
            other->name = dx_keep(r->out, "%s转移癌", values[0]);
            dx_spread_category(values[0], other->icd);
        }
        return;
    }
    if (n == 0 && !f && noun && !denied && mass && mass->strong == r->strong && mass->a.organ != DX_NONE) { /* 双肺结节，转移瘤？ */
        const char *organ = r->d->organs[mass->a.organ].name;
        struct frame *own = dx_new_frame(r, KIND_DISEASE, i);
        if (own) {
            own->name = dx_keep(r->out, "%s转移癌", organ);
            dx_spread_category(organ, own->icd);
        }
        return;
    }
    bool alone = !f && !origin_ahead(r, i);
    for (size_t k = 0; k < n; k++) {
        if (alone)
            dx_spread_alone(r, i, values[k]);
        else if (!f) {
            if (r->later.n_metas < LATER_MAX)
                r->later.metas[r->later.n_metas++] = values[k];
        } else if (f->n_metas < DX_LIST_MAX) {
            f->metas[f->n_metas++] = values[k];
            dx_explain(r, (size_t)(f - r->frames), DX_SLOT_METASTASIS, "lexicon", values[k], r->k[i].from, r->k[i].to);
        }
    }
}

/* ---- how surely it is said ---- */

/* 待查, 查因: what causes it is not known. */
static bool asks_why(const struct reader *r, const struct dx_token *k)
{
    uint32_t c = r->t->c[k->to - 1];
    return c == 0x67E5 || c == 0x56E0; /* 查 因 */
}

/* Marks the frame before, and those it is listed with: by 或 及 和 where `or_only`, by any sign else. */
static void mark_back(struct reader *r, enum dx_class what, bool or_only, bool why)
{
    for (size_t i = r->n_frames; i-- > 0;) {
        struct frame *f = &r->frames[i];
        bool symptom = why && f->icd[0] == 'R' && f->icd[1] < '7'; /* 胸痛待查: the pain is certain, its cause is not */
        f->suspected |= what == DX_SUSPPOST && !symptom;
        f->denied |= what == DX_NEGPOST;
        f->family |= what == DX_FAMPOST;
        if (!(or_only ? f->linked_or : f->linked))
            break;
    }
}

static void scope(struct reader *r, enum dx_class pre)
{
    if (pre == DX_SUSPPRE) {
        r->suspect = true, r->suspect_frames = r->n_frames;
        r->deny = r->deny_on = false; /* 排除肺结核后考虑肺癌 */
    }
    else if (pre == DX_NEGPRE) {
        r->deny = true;
        r->deny_comma = r->comma;
    }
    else
        r->family = true;
}

static bool spread_follows(const struct reader *r, size_t i)
{
    size_t k = i + 1;
    while (k < r->n && r->k[k].taken)
        k++;
    return k < r->n && k > i + 1 && (r->k[k].cls == DX_META || r->k[k].cls == DX_NODEMETA);
}

/* Written on to what stands before, with a blank behind. */
static bool clings(const struct reader *r, size_t i)
{
    enum dx_class before = i > 0 ? (enum dx_class)r->k[i - 1].cls : DX_SPACE;
    return i + 1 < r->n && r->k[i + 1].cls == DX_SPACE && before != DX_SPACE && (!dx_ends_chunk(before) || before == DX_CLOSE);
}

/* Behind a spread said in a statement of its own: 肺癌；脑转移待查. */
static bool after_spread(const struct reader *r, size_t i)
{
    while (i > 0 && !(dx_ends_chunk(r->k[i - 1].cls) && !r->k[i - 1].taken)) {
        i--;
        if (r->k[i].cls == DX_META || r->k[i].cls == DX_NODEMETA)
            return true;
    }
    return false;
}

/* HER2阴性, EGFR(-): the marker is negative, not the disease. */
static bool of_marker(const struct reader *r, size_t i)
{
    uint32_t c = i > 0 && r->k[i - 1].to == r->k[i].from ? r->t->c[r->k[i - 1].to - 1] : 0;
    return dx_reading(r->d, &r->k[i], DX_NEGPOST) && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
}

void dx_read_certainty(struct reader *r, size_t i)
{
    if (of_marker(r, i))
        return;
    const struct dx_token *k = &r->k[i];
    static const enum dx_class pairs[][2] = {{DX_SUSPPRE, DX_SUSPPOST}, {DX_NEGPRE, DX_NEGPOST}, {DX_FAMPRE, DX_FAMPOST}};
    struct frame *f = dx_current(r);
    for (size_t p = 0; p < 3; p++) {
        bool pre = dx_reading(r->d, k, pairs[p][0]), post = dx_reading(r->d, k, pairs[p][1]);
        if (!pre && !post)
            continue;
        bool here = f && f->chunk == r->chunk, ahead = dx_head_ahead_wide(r, i);
        if (pairs[p][0] == DX_NEGPRE && pre && spread_follows(r, i))
            return; /* 除外脑转移: the spread is denied where it is read, not the cancer */
        if (post && f && (f->strong == r->strong || after_spread(r, i)) && clings(r, i))
            pre = ahead = false; /* 肺癌不除外 高血压 */
        if ((pre && (!post || ahead || !f)) || (post && !pre && !here && ahead)) {
            scope(r, pairs[p][0]);
            if (pairs[p][0] == DX_NEGPRE && k->to - k->from >= 2 && r->t->c[k->from] == 0x5426) /* 否认: of all that follows */
                r->deny_on = true;
        } else if (f && (f->strong == r->strong || p == 0)) {
            dx_settle(r, false);
            struct frame *tumour = p == 0 && after_spread(r, i) ? dx_last_tumour(r) : NULL;
            if (tumour && tumour != f && f->chunk != r->chunk) /* 胃癌伴腹水，腹膜转移可能 */
                tumour->suspected = true;
            else
                mark_back(r, pairs[p][1], p != 2, asks_why(r, k));
        }
        return;
    }
}
