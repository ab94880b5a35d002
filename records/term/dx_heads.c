/* Heads that name a disease by itself or by an ending that an organ completes. */
#include "records/term/dx_read.h"
#include <string.h>

void dx_lookup(struct reader *r, struct frame *f, const char *name)
{
    uint32_t l = dx_exact(r->d, name, DX_DISEASE);
    f->name = name;
    if (l) {
        f->name = r->d->lexemes[l].name;
        memcpy(f->icd, r->d->lexemes[l].icd, sizeof f->icd);
    } else if (r->d->gram_at) {
        char icd[4];
        unsigned score = dx_like_category(r->d, name, icd);
        if (score >= DX_LIKE_ENOUGH) {
            memcpy(f->icd, icd, sizeof f->icd);
            f->rule = score >= DX_LIKE_SURE ? "icd10" : "likeness";
        }
    }
}

static const char *head_name(struct reader *r, uint16_t organ, const char *head)
{
    for (size_t i = 0; i < r->d->n_combos; i++)
        if (r->d->combos[i].organ == organ && strcmp(r->d->combos[i].head, head) == 0)
            return r->d->combos[i].name;
    return dx_keep(r->out, "%s%s", organ == DX_NONE ? "" : r->d->organs[organ].name, head);
}

/* Words right before an ending that no organ completes. */
static bool names_head(const struct reader *r, const struct dx_token *k)
{
    if (k->cls == DX_UNKNOWN)
        return k->to - k->from <= 8;
    return !k->taken && (dx_reading(r->d, k, DX_SITE) || dx_reading(r->d, k, DX_REGION) || dx_reading(r->d, k, DX_LIMB));
}

static void read_known(struct reader *r, size_t i, const struct lexeme *x, const char *rule)
{
    struct frame *f = dx_new_frame(r, KIND_DISEASE, i);
    if (!f)
        return;
    f->name = x->name;
    memcpy(f->icd, x->icd, sizeof f->icd);
    f->a.organ = x->organ;
    f->rule = rule;
}

/* ICD-10: the benign tumours (D10-D36) and those of uncertain behaviour (D37-D48) of the organ whose cancer has this category. */
static void other_tumour(const char *cancer, bool benign, char icd[4])
{
    static const struct {
        const char *to, *benign, *uncertain;
    } table[] = {{"C06", "D10", "D37"}, {"C08", "D11", "D37"}, {"C14", "D10", "D37"}, {"C17", "D13", "D37"}, {"C21", "D12", "D37"},
                 {"C26", "D13", "D37"}, {"C34", "D14", "D38"}, {"C39", "D15", "D38"}, {"C41", "D16", "D48"}, {"C44", "D23", "D48"},
                 {"C49", "D21", "D48"}, {"C50", "D24", "D48"}, {"C52", "D28", "D39"}, {"C55", "D26", "D39"}, {"C56", "D27", "D39"},
                 {"C58", "D28", "D39"}, {"C63", "D29", "D40"}, {"C68", "D30", "D41"}, {"C69", "D31", "D48"}, {"C70", "D32", "D42"},
                 {"C72", "D33", "D43"}, {"C73", "D34", "D44"}, {"C75", "D35", "D44"}};
    size_t i = 0;
    while (i + 1 < sizeof table / sizeof *table && strcmp(cancer, table[i].to) > 0)
        i++;
    strcpy(icd, benign ? table[i].benign : table[i].uncertain);
}

/* 药疹（多形红斑型）, 克罗恩病（小肠型、狭窄型）, 出血热（低血压期）: what it looks like, said by another disease's name. */
static bool names_form(struct reader *r, size_t i)
{
    uint32_t next = i + 1 < r->n && r->k[i + 1].from == r->k[i].to ? r->t->c[r->k[i + 1].from] : 0;
    bool form = next == 0x578B || next == 0x671F; /* 型 期 */
    bool behind = i > 0 && (r->k[i - 1].cls == DX_OPEN || r->k[i - 1].cls == DX_LIST || r->k[i - 1].cls == DX_COMMA);
    return form && behind && dx_current(r) && dx_current(r)->strong == r->strong;
}

/* The organ that a disease's own name says: 胆囊 of 慢性胆囊炎. DX_NONE. */
static uint16_t organ_in_name(const struct reader *r, const struct frame *f)
{
    for (size_t c = f->from; c < f->to; c++) {
        size_t end = c;
        for (uint32_t l = dx_longest(r->d, r->t, c, &end); l && end <= f->to; l = r->d->lexemes[l].next)
            if (r->d->lexemes[l].cls == DX_ORGAN)
                return r->d->lexemes[l].organ;
        for (end = f->to; end > c + 1; end--) {
            uint32_t l = dx_between(r->d, r->t, c, end);
            if (l && r->d->lexemes[l].cls == DX_ORGAN)
                return r->d->lexemes[l].organ;
        }
    }
    return DX_NONE;
}

/* 半月板|Ⅲ度|损伤: the grade stands inside the name. The disease of the name without it, or NULL. */
static const struct lexeme *graded_name(struct reader *r, size_t i)
{
    if (i < 2 || r->k[i - 1].cls != DX_GRADE || r->k[i - 1].to != r->k[i].from || r->k[i - 2].to != r->k[i - 1].from)
        return NULL;
    size_t mark = r->out->text_len;
    uint32_t l = dx_exact(r->d, dx_keep(r->out, "%s%s", dx_slice(r, r->k[i - 2].from, r->k[i - 2].to), dx_slice(r, r->k[i].from, r->k[i].to)), DX_DISEASE);
    r->out->text_len = mark;
    return l ? &r->d->lexemes[l] : NULL;
}

/* Is it what is left after an operation, a state of its own? */
static bool after_operation(const struct frame *f)
{
    size_t len = f->name ? strlen(f->name) : 0, end = strlen("术后");
    return f->icd[0] == 'Z' && len > end && strcmp(f->name + len - end, "术后") == 0;
}

/* 膝关节置换术后感染: a complication of the operation (ICD-10: T84 of joints, T82 of heart and vessels, T86 of transplants, T81). */
static void of_operation(struct reader *r, struct frame *f, size_t i, const char *what)
{
    static const char *const told[][2] = {{"Z96", "T84"}, {"Z95", "T82"}, {"Z94", "T86"}};
    f->name = dx_keep(r->out, "%s%s", f->name, what);
    f->to = r->k[i].to;
    const char *icd = "T81";
    for (size_t k = 0; k < sizeof told / sizeof *told; k++)
        icd = strcmp(f->icd, told[k][0]) == 0 ? told[k][1] : icd;
    memcpy(f->icd, icd, sizeof f->icd);
    dx_forget(r);
}

/* An ending (积水, 囊肿, 穿孔...): with its organ a disease; without, it takes the organ said before, or qualifies. */
void dx_read_head(struct reader *r, size_t i)
{
    if (names_form(r, i))
        return;
    const struct lexeme *x = dx_reading(r->d, &r->k[i], DX_HEAD);
    if (x->icd[0])
        dx_limb_behind(r, i);
    const struct lexeme *graded = graded_name(r, i), *limb = x->icd[0] && !graded ? dx_limb_of(r) : NULL;
    const struct lexeme *spine = limb ? NULL : graded ? graded : dx_spine_disease(r, i);
    if (spine) {
        if (graded)
            r->pending.n_places = 0; /* 左膝 of 左膝半月板 */
        read_known(r, i, spine, "parted");
        return;
    }
    if (x->icd[0] && !limb && dx_organ_of(r->d, r->k, &r->pending) == DX_NONE && dx_is_cause(r, i)) {
        r->trauma = true;
        return;
    }
    if (limb) {
        dx_read_injury(r, i, x, limb);
        return;
    }
    struct frame *before = dx_current(r);
    bool near = before && before->strong == r->strong;
    uint16_t organ = dx_organ_of(r->d, r->k, &r->pending);
    if (near && before->kind == KIND_DISEASE && before->to == r->k[i].from && organ == DX_NONE && strcmp(x->name, "畸形") == 0)
        return; /* 足外翻畸形 is 足外翻 */
    struct attrs inherited = dx_no_attrs;
    bool own_words = i > 0 && r->k[i - 1].cls == DX_UNKNOWN && r->k[i - 1].to == r->k[i].from && r->k[i].from - r->k[i - 1].from > 1 && r->t->c[r->k[i - 1].from] >= 0x4E00;
    if (organ == DX_NONE && near && x->flags & DX_QUALIFIER && before->to == r->k[i].from && after_operation(before)) {
        of_operation(r, before, i, x->name);
        return;
    }
    if (organ == DX_NONE && near && x->flags & DX_QUALIFIER && !own_words) { /* not 切口感染 */
        dx_add_mod(before, x->name);
        dx_explain(r, (size_t)(before - r->frames), DX_SLOT_MODIFIER, "lexicon", x->name, r->k[i].from, r->k[i].to);
        dx_forget(r);
        return;
    }
    bool of_nodes = i > 0 && r->k[i - 1].cls == DX_NODE && r->k[i - 1].to == r->k[i].from; /* 淋巴囊肿 */
    bool inherits = organ == DX_NONE && near && x->flags & DX_INHERIT && !of_nodes;
    if (inherits) {
        organ = dx_organ_of(r->d, r->k, &before->a);
        organ = organ == DX_NONE && before->kind == KIND_DISEASE ? organ_in_name(r, before) : organ;
        inherited = before->a;
        if (!r->pending.side) {
            r->pending.side = inherited.side;
            r->pending.side_at = inherited.side_at;
        }
    }
    bool odd = organ == DX_NONE && i > 0 && names_head(r, &r->k[i - 1]) && r->k[i - 1].to == r->k[i].from;
    if (x->icd[0] && organ == DX_NONE && !odd) {
        struct frame *f = dx_new_frame(r, KIND_DISEASE, i);
        if (!f)
            return;
        f->name = x->name;
        strcpy(f->icd, x->icd[0] == 'b' ? "T30" : "T14"); /* of no region said */
        return;
    }
    size_t first = i - odd;
    if (odd && first > 0 && r->k[first - 1].cls == DX_SKIP && r->k[first - 1].to - r->k[first - 1].from == 1 && r->k[first - 1].to == r->k[first].from)
        first--; /* 病毒感染 */
    bool surface = odd && dx_reading(r->d, &r->k[i - 1], DX_SITE) && dx_reading(r->d, &r->k[i - 1], DX_LIMB);
    if (odd && r->k[i - 1].cls != DX_UNKNOWN)
        r->pending.n_places = 0; /* the place is in the name: 大腿肿物 */
    const char *name = odd ? dx_slice(r, r->k[first].from, r->k[i].to) : head_name(r, organ, x->name);
    if (organ != DX_NONE && r->pending.organ == DX_NONE)
        r->pending.organ = organ;
    struct frame *f = dx_new_frame(r, KIND_DISEASE, i);
    if (!f)
        return;
    dx_lookup(r, f, name);
    bool sure = f->icd[0] && strcmp(f->rule, "likeness");
    if (organ != DX_NONE && !sure && x->flags & (DX_BENIGN | DX_UNCERTAIN)) {
        other_tumour(r->d->organs[organ].icd, x->flags & DX_BENIGN, f->icd);
        f->rule = "implied";
    }
    if (surface && x->name2 && (!f->icd[0] || strcmp(f->rule, "likeness") == 0))
        snprintf(f->icd, sizeof f->icd, "%s", x->name2);
    uint32_t plain = f->icd[0] && (sure || !(x->flags & DX_OWN)) ? 0 : dx_exact(r->d, x->name, DX_DISEASE);
    if (plain)
        memcpy(f->icd, r->d->lexemes[plain].icd, sizeof f->icd);
    if (inherits)
        f->rule = "inherited";
}

static bool says_where(enum dx_class c)
{
    return c == DX_SIDE || c == DX_ORGAN || c == DX_PART || c == DX_LOBE || c == DX_SITE || c == DX_REGION || c == DX_LIMB;
}

/* 急性前壁心肌梗死, 慢性右侧硬膜下血肿: the place stands inside the name. The disease of the whole name, or NULL. */
static const struct lexeme *parted_name(struct reader *r, size_t i)
{
    size_t k = i, mark = r->out->text_len;
    uint32_t l = 0;
    while (k > 0 && (says_where(r->k[k - 1].cls) || (r->k[k - 1].cls == DX_LIST && k > 1 && says_where(r->k[k - 2].cls))) && !r->k[k - 1].taken)
        k--;
    bool kind = k > 1 && r->k[k - 1].cls == DX_SKIP && r->t->c[r->k[k - 1].from] == 0x578B && r->k[k - 2].to == r->k[k - 1].from; /* 型 */
    if (k == i || k == 0 || (r->k[k - 1 - kind].cls != DX_UNKNOWN && r->k[k - 1 - kind].cls != DX_QUANT))
        return NULL;
    size_t first = r->k[k - 1 - kind].from, to = r->k[k - 1].to;
    for (size_t from = to - first > 10 ? to - 10u : first; /* 急性ST段抬高型 */ !l && from < to; from++) {
        const char *head = dx_slice(r, r->k[i].from, r->k[i].to);
        l = dx_exact(r->d, dx_keep(r->out, "%s%s", dx_slice(r, from, to), head), DX_DISEASE);
    }
    r->out->text_len = mark;
    return l ? &r->d->lexemes[l] : NULL;
}

/* The disease of the name made of characters from..to and that of token i, in either order; NULL. */
static const struct lexeme *kind_of(struct reader *r, size_t i, size_t from, size_t to)
{
    size_t mark = r->out->text_len;
    const char *kind = dx_slice(r, from, to), *said = dx_slice(r, r->k[i].from, r->k[i].to);
    uint32_t l = dx_exact(r->d, dx_keep(r->out, "%s%s", kind, said), DX_DISEASE);
    l = l ? l : dx_exact(r->d, dx_keep(r->out, "%s%s", kind, dx_reading(r->d, &r->k[i], DX_DISEASE)->name), DX_DISEASE);
    l = l ? l : dx_exact(r->d, dx_keep(r->out, "%s%s", said, kind), DX_DISEASE);
    r->out->text_len = mark;
    return l && !(r->d->lexemes[l].flags & DX_FROM_ICD) ? &r->d->lexemes[l] : NULL;
}

/* 肝硬化（酒精性）, 贫血（缺铁性，中度）: what kind it is stands behind it in parentheses. The disease of the whole name, or NULL; the
 * words of the kind are taken. A word for how it looks (颈椎病（神经根型）) is kept beside the name instead. */
static const struct lexeme *kind_behind(struct reader *r, size_t i)
{
    if (i + 3 >= r->n || r->k[i + 1].cls != DX_OPEN)
        return NULL;
    for (size_t first = i + 2, k = first; k < r->n && r->k[k].to - r->k[i + 2].from < 20; k++) {
        if (r->k[k].cls != DX_CLOSE && r->k[k].cls != DX_COMMA && r->k[k].cls != DX_LIST)
            continue;
        const struct lexeme *x = k > first && r->k[first].cls != DX_FORM ? kind_of(r, i, r->k[first].from, r->k[k].from) : NULL;
        for (size_t t = first; x && t < k; t++)
            r->k[t].taken = true;
        if (x || r->k[k].cls == DX_CLOSE)
            return x;
        first = k + 1;
    }
    return NULL;
}

/* 双膝OA: the joint said right before it is in the longer name. */
static const struct lexeme *placed_name(struct reader *r, size_t i, const struct lexeme *x)
{
    const struct lexeme *place = i > 0 ? dx_reading(r->d, &r->k[i - 1], DX_LIMB) : NULL;
    if (!place || r->k[i - 1].taken || r->k[i - 1].to != r->k[i].from)
        return NULL;
    size_t mark = r->out->text_len;
    uint32_t l = dx_exact(r->d, dx_keep(r->out, "%s%s", dx_slice(r, r->k[i - 1].from, r->k[i - 1].to), x->name), DX_DISEASE);
    r->out->text_len = mark;
    return l && !(r->d->lexemes[l].flags & DX_FROM_ICD) ? &r->d->lexemes[l] : NULL;
}

/* 2型糖尿病伴肾病: a complication said right behind its disease; one that names the disease itself (糖尿病肾病), anywhere in the line. It
 * is of the category of the disease's kind. */
void dx_join_complication(struct reader *r, struct frame *f)
{
    const struct dx *d = r->d;
    size_t at = (size_t)(f - r->frames);
    for (size_t k = 0; f->name && k < d->n_joined; k++) {
        if (strcmp(d->joined[k].said, f->name))
            continue;
        bool own = strcmp(d->joined[k].said, d->joined[k].name) == 0;
        for (size_t i = own ? r->n_frames : at; i-- > 0;) {
            const struct frame *of = &r->frames[i];
            bool kin = of != f && of->icd[0] && of->family == f->family && of->denied == f->denied && strstr(d->joined[k].categories, of->icd);
            bool near = of->strong == f->strong && of->comma == f->comma;
            if (kin && (own ? strcmp(of->icd, "E14") != 0 : near)) {
                f->name = d->joined[k].name;
                memcpy(f->icd, of->icd, sizeof f->icd);
                f->rule = "inherited";
                return;
            }
            if (!own && !near)
                break;
        }
    }
}

/* 非霍奇金淋巴瘤（DLBCL）, 白血病 AML: the general name and the nearer one are one disease. */
static bool nearer_name(struct reader *r, const struct lexeme *x)
{
    struct frame *f = dx_current(r);
    bool general = f && f->kind == KIND_DISEASE && f->strong == r->strong && (strcmp(f->icd, "C85") == 0 || strcmp(f->icd, "C95") == 0);
    bool blood = x->icd[0] == 'C' && (x->icd[1] == '8' || x->icd[1] == '9') && f && f->icd[1] == x->icd[1];
    if (!general || !blood || strcmp(x->icd, f->icd) == 0 || f->denied != r->deny || f->family != r->family || f->suspected != r->suspect)
        return false;
    f->name = x->name;
    memcpy(f->icd, x->icd, sizeof f->icd);
    dx_attrs_merge(r, &f->a, &r->pending);
    dx_forget(r);
    return true;
}

/* 慢性湿疹, 外伤性白内障: how it runs and where it comes from belong to the name; what else is passed over (原发性, 继发性) where the list
 * has the disease by that name (原发性闭角型青光眼). NULL when nothing of the kind stands right before it. */
static const char *with_course(struct reader *r, size_t i, const struct lexeme *x, char icd[4])
{
    const struct dx_token *before = i > 0 ? &r->k[i - 1] : NULL;
    bool passed = before && (before->cls == DX_SKIP || before->cls == DX_METAPRE);
    if (!before || (before->cls != DX_UNKNOWN && before->cls != DX_FORM && !passed) || before->to != r->k[i].from || before->to - before->from > 8 ||
        before->to - before->from < 2 || (r->t->c[before->to - 1] != 0x6027 && r->t->c[before->to - 1] != 0x578B)) /* 性 型 */
        return NULL;
    size_t mark = r->out->text_len;
    const char *name = dx_keep(r->out, "%s%s", dx_slice(r, before->from, before->to), x->name);
    unsigned score = r->d->gram_at ? dx_like_category(r->d, name, icd) : 0;
    if (passed && (score < DX_LIKE_SURE || strcmp(icd, x->icd))) {
        r->out->text_len = mark;
        return NULL;
    }
    if (score < DX_LIKE_LONGER)
        memcpy(icd, x->icd, sizeof x->icd);
    return name;
}

/* 双相情感障碍，躁狂发作; 双相障碍 目前为抑郁发作: an episode of the disease said before it (ICD-10: F31 holds both). 急性心肌梗死 KillipⅡ级:
 * how heart failure is graded, which the list has as names. */
static bool is_episode(const struct reader *r, const struct frame *before, const struct lexeme *x)
{
    if (x && before && strncmp(x->name, "Killip", strlen("Killip")) == 0)
        return before->strong == r->strong;
    return x && (strcmp(x->icd, "F30") == 0 || strcmp(x->icd, "F32") == 0) && before && strcmp(before->icd, "F31") == 0 &&
           before->strong == r->strong && before->denied == r->deny && before->family == r->family;
}

/* 慢性胃炎伴糜烂、胆汁反流: how the gastritis looks, not a disease beside it. */
static bool is_feature(const struct reader *r, const struct frame *before, const struct lexeme *x)
{
    return x && before && before->strong == r->strong && before->name && strstr(before->name, "胃炎") && strstr(x->name, "胆汁反流") && !strstr(x->name, "胃炎");
}

/* 胆囊切除术后 beside its own disease is how that was treated, not a state of its own. */
static bool is_treatment(const struct reader *r, const struct frame *before, const struct lexeme *x)
{
    return x && x->icd[0] == 'Z' && strstr(x->name, "术后") && before && before->strong == r->strong &&
           (before->kind == KIND_TUMOUR || (x->organ != DX_NONE && before->a.organ == x->organ) ||
            (strcmp(x->icd, "Z95") == 0 && before->icd[0] == 'I' && before->comma == r->comma)); /* 风心病二尖瓣置换术后 */
}

void dx_read_disease(struct reader *r, size_t i)
{
    if (names_form(r, i))
        return;
    const struct lexeme *x = dx_reading(r->d, &r->k[i], DX_DISEASE), *whole = x ? dx_spine_disease(r, i) : NULL;
    const struct lexeme *head = dx_reading(r->d, &r->k[i], DX_HEAD);
    whole = x && !whole ? parted_name(r, i) : whole;
    whole = x && !whole ? kind_behind(r, i) : whole;
    if (x && !whole && (whole = placed_name(r, i, x)) && r->pending.n_places)
        r->pending.n_places--;
    r->later.secondary = false;
    struct frame *before = dx_current(r);
    if (head && (dx_organ_of(r->d, r->k, &r->pending) != DX_NONE || (head->icd[0] && dx_limb_of(r)))) {
        dx_read_head(r, i); /* 胃GIST, 双手烧伤 */
        return;
    }
    if (is_treatment(r, before, x)) {
        dx_add_mod(before, "术后");
        dx_explain(r, (size_t)(before - r->frames), DX_SLOT_MODIFIER, "lexicon", "术后", r->k[i].from, r->k[i].to);
        dx_forget(r);
        return;
    }
    x = whole ? whole : x;
    if (is_episode(r, before, x) || is_feature(r, before, x)) {
        dx_forget(r);
        return;
    }
    if (x && before && before->kind == KIND_DISEASE && before->strong == r->strong && strcmp(before->name, x->name) == 0 &&
        before->family == r->family && before->denied == r->deny && dx_attrs_fit(r, &before->a, &r->pending)) {
        dx_attrs_merge(r, &before->a, &r->pending);
        dx_forget(r);
        return;
    }
    if (x && nearer_name(r, x))
        return;
    struct frame *f = dx_new_frame(r, KIND_DISEASE, i);
    if (!f)
        return;
    if (x) {
        f->name = x->name;
        memcpy(f->icd, x->icd, sizeof f->icd);
        f->a.organ = x->organ;
        char icd[4];
        const char *longer = whole ? NULL : with_course(r, i, x, icd);
        if (longer) {
            f->name = longer;
            f->from = r->k[i - 1].from;
            memcpy(f->icd, icd, sizeof f->icd);
        }
        f->rule = whole ? "parted" : x->flags & DX_FROM_ICD ? "icd10" : "lexicon";
        dx_join_complication(r, f);
        return;
    }
    for (size_t m = 0; m < r->n_made; m++)
        if (r->made[m].token == i) {
            f->name = r->made[m].name;
            f->rule = r->made[m].rule;
            memcpy(f->icd, r->made[m].icd, sizeof f->icd);
        }
}
