/* Reading a line: words fill frames. A head (癌, a pathology, a disease) makes a frame or completes the one before; places, sides,
 * types, stages and circumstances go to the head they stand by. */
#include "records/term/dx_read.h"
#include <stdlib.h>
#include <string.h>

/* ---- separators ---- */

static void read_separator(struct reader *r, size_t i)
{
    const struct dx_token *k = &r->k[i];
    r->reached &= k->cls == DX_LIST;
    r->none &= k->cls == DX_LIST;
    if (k->cls == DX_LIST)
        dx_listed_organ(r, i);
    bool none_here = !(dx_current(r) && dx_current(r)->strong == r->strong);
    bool next_has_it = k->cls == DX_LIST && !none_here && dx_current(r)->comma != r->comma && dx_head_ahead(r, i); /* 蜂窝织炎，C4/5、C5/6椎间盘突出 */
    if (next_has_it || (k->cls == DX_LIST && dx_listed_place(r, i)))
        ;
    else if (k->cls == DX_LIST || k->cls == DX_OPEN)
        dx_settle(r, false);
    else
        dx_settle(r, true);
    r->link = r->link_or = false;
    if (k->cls == DX_LIST && dx_current(r) && dx_current(r)->strong == r->strong) {
        uint32_t c = r->t->c[k->from];
        r->link = true;
        r->link_or = c != 0x3001 && c != '+' && c != '/';
    }
    if (k->cls == DX_STRONG || k->cls == DX_COMMA) {
        bool colon = r->t->c[k->from] == ':';
        r->trauma |= colon && !none_here && dx_current(r)->icd[0] == 'S'; /* 颅脑外伤：硬膜外血肿 */
        if (!colon || k->cls == DX_STRONG)
            r->suspect = r->family = false;
        if (k->cls == DX_STRONG)
            r->deny_on = false;
        if (!colon || k->cls == DX_STRONG)
            r->deny = r->deny_on;
        r->comma++;
    }
    if (k->cls == DX_STRONG) {
        if (!none_here || dx_has_attrs(&r->pending))
            dx_forget(r);
        r->strong++;
        r->later.n_mods = 0;
        r->later.stage = NULL;
        r->later.secondary = false;
    }
    r->chunk++;
}

/* 转移性乳腺癌 is a cancer that has spread; 转移性肝癌 is one that came from elsewhere: few organs are where others spread to. */
static bool spread_primary(struct reader *r, size_t i)
{
    static const char *const origins[] = {"乳腺", "前列腺", "胃", "结肠", "直肠", "结直肠", "食管", "宫颈", "膀胱", "甲状腺", "鼻咽", "胰腺",
                                          "胆囊", "子宫内膜", "喉", "睾丸"};
    if (r->t->c[r->k[i].from] != 0x8F6C || i + 2 >= r->n || r->k[i + 1].cls != DX_ORGAN || r->k[i + 1].to != r->k[i + 2].from || dx_last_tumour(r))
        return false; /* 转 */
    const char *organ = r->d->organs[r->d->lexemes[r->k[i + 1].lexeme].organ].name;
    for (size_t k = 0; dx_is_head(r->k[i + 2].cls) && k < sizeof origins / sizeof *origins; k++)
        if (strcmp(organ, origins[k]) == 0)
            return true;
    return false;
}

/* 左肩胛骨骨折伴同侧锁骨骨折, 右肺癌，对侧胸腔积液: the side is told by that of the disease before. */
static void read_other_side(struct reader *r, size_t i)
{
    const struct frame *f = dx_current(r);
    uint32_t c = r->t->c[r->k[i].from];
    bool other = c == 0x5BF9; /* 对 */
    if (r->k[i].to - r->k[i].from != 2 || r->t->c[r->k[i].from + 1u] != 0x4FA7 || (!other && c != 0x540C) || !f || f->strong != r->strong || !f->a.side || r->pending.side)
        return; /* 同 侧 */
    bool left = strcmp(f->a.side->name, "左侧") == 0, right = strcmp(f->a.side->name, "右侧") == 0;
    if ((!left && !right) || !dx_head_ahead(r, i))
        return;
    uint32_t l = dx_exact(r->d, left == other ? "右侧" : "左侧", DX_SIDE);
    r->pending.side = l ? &r->d->lexemes[l] : NULL;
    r->pending.side_at = (int16_t)i;
}

/* ---- the line ---- */

static void read_token(struct reader *r, size_t i)
{
    switch (r->k[i].cls) {
    case DX_ORGAN: case DX_PART: case DX_LOBE: case DX_SIDE: case DX_SITE: case DX_REGION: case DX_TYPE: case DX_VERTEBRA: case DX_LIMB: case DX_TOOTH:
        if (!r->reached)
            dx_add_attr(r, i);
        break;
    case DX_SKIP: { /* 侵犯胸壁, 累及骶髂关节: where it has reached is not where it began */
        uint32_t c = r->t->c[r->k[i].from];
        struct frame *f = dx_current(r);
        bool own = c == 0x4E2A || (r->k[i].to - r->k[i].from == 1 && f && f->to == r->k[i].from && r->t->c[f->to - 1] != 0x75C5); /* 病 */
        if (own && f && !f->family && !f->denied && r->t->c[r->k[i].to - 1] == 0x53F2 && f->chunk == r->chunk) /* 胃癌个人史, 白血病史 */
            f->past = true;
        bool grown = (c == 0x4FB5 || c == 0x7D2F || c == 0x6D78) && r->k[i].to - r->k[i].from == 2; /* 侵犯, 累及, 浸润 */
        if (grown && i > 0 && f && (r->k[i - 1].cls == DX_SITE || r->k[i - 1].cls == DX_REGION))
            dx_forget(r); /* 骨髓浸润, 胸壁侵犯 */
        r->reached |= (c == 0x4FB5 || c == 0x7D2F) && r->k[i].to - r->k[i].from > 1;
        break;
    }
    case DX_TUMOUR: case DX_PATH: case DX_WHOLE:
        dx_read_tumour(r, i);
        break;
    case DX_DISEASE: dx_read_disease(r, i); break;
    case DX_HEAD: dx_read_head(r, i); break;
    case DX_META: case DX_NODEMETA: case DX_METATO: case DX_THROMBUS: dx_read_spread(r, i); break;
    case DX_FORM: dx_read_form(r, i); break;
    case DX_QUANT: read_other_side(r, i); break;
    case DX_METAPRE: r->later.secondary = dx_head_ahead(r, i) && !spread_primary(r, i); break;
    case DX_MOD: dx_read_mod(r, i); break;
    case DX_NUMBER_STAGE: case DX_LETTER_STAGE: case DX_STAGE: case DX_TNM: case DX_GRADE: dx_read_stage(r, i); break;
    case DX_SUSPPOST: case DX_SUSPPRE: case DX_NEGPRE: case DX_NEGPOST: case DX_FAMPRE: case DX_FAMPOST:
        dx_read_certainty(r, i);
        break;
    case DX_HAS:
        if (!r->family && !(i > 0 && dx_reading(r->d, &r->k[i - 1], DX_NEGPRE)))
            r->deny = r->deny_on = false;
        break;
    case DX_SPACE: /* 疑肺癌 高血压: a doubt said before its disease goes no further */
        r->suspect &= r->n_frames == r->suspect_frames;
        break;
    case DX_STRONG: case DX_COMMA: case DX_JOIN: case DX_LIST: case DX_OPEN: case DX_CLOSE:
        read_separator(r, i);
        break;
    default:
        break;
    }
}

static void finish_spread(struct reader *r)
{
    for (size_t i = 0; i < r->later.n_metas; i++) {
        struct frame *f = dx_last_tumour(r);
        if (f) {
            if (f->n_metas < DX_LIST_MAX)
                f->metas[f->n_metas++] = r->later.metas[i];
            continue;
        }
        dx_spread_alone(r, r->n - 1, r->later.metas[i]);
    }
}

/* 孕40周, and nothing else of it: she is pregnant. */
static void add_pregnancy(struct reader *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->k[i].cls == DX_PREGNANCY) {
            struct frame *f = dx_new_frame(r, KIND_DISEASE, i);
            if (f)
                dx_lookup(r, f, dx_slice(r, r->k[i].from, r->k[i].to));
            return;
        }
}

static void explain_frame(struct reader *r, size_t i)
{
    struct frame *f = &r->frames[i];
    struct dx_diagnosis *o = &r->out->diagnoses[i];
    const struct dx_token *k = r->k;
    dx_explain(r, i, DX_SLOT_DIAGNOSIS, f->rule, o->diagnosis, f->from, f->to);
    if (f->a.type && *o->location_type)
        dx_explain(r, i, DX_SLOT_TYPE, "lexicon", o->location_type, k[f->a.type_at].from, k[f->a.type_at].to);
    if (*o->pathology)
        dx_explain(r, i, DX_SLOT_PATHOLOGY, "lexicon", o->pathology, f->path_from, f->path_to);
    int16_t at = f->a.n_places ? f->a.places[0] : f->a.n_vertebrae ? f->a.vertebrae[0] : f->a.teeth >= 0 ? f->a.teeth : f->a.side_at;
    if (*o->lesion && at >= 0) {
        int16_t from = f->a.side_at >= 0 && f->a.side_at < at ? f->a.side_at : at;
        dx_explain(r, i, DX_SLOT_LESION, "lexicon", o->lesion, k[from].from, k[at].to);
    }
}

/* 左输尿管结石伴肾积水, 右侧胸腔积液伴肺不张: what joins a disease of the urinary tract or the lungs there is on its side. */
static void share_side(struct reader *r, size_t i)
{
    struct frame *f = &r->frames[i], *before = i ? f - 1 : f;
    bool pair = f->a.organ != DX_NONE && r->d->organs[f->a.organ].pair && f->icd[0] == before->icd[0] && (f->icd[0] == 'N' || f->icd[0] == 'J');
    if (!pair || f->a.side || !before->a.side || f->comma != before->comma || f->strong != before->strong)
        return;
    for (size_t k = 0; k < r->n; k++)
        if (r->k[k].cls == DX_JOIN && r->k[k].from >= before->to && r->k[k].to <= f->from) {
            f->a.side = before->a.side;
            f->a.side_at = before->a.side_at;
        }
}

/* 左股骨骨折术后内固定断裂, 右胫骨骨折术后骨不连: what came of bones and what was put in them is on their side. */
static void share_side_of_operation(struct reader *r, size_t i)
{
    struct frame *f = &r->frames[i], *before = f - 1;
    bool of_bones = strcmp(f->icd, "T84") == 0 || strcmp(f->icd, "M84") == 0;
    if (of_bones && !f->a.side && before->a.side && f->chunk == before->chunk) {
        f->a.side = before->a.side;
        f->a.side_at = before->a.side_at;
    }
}

/* 肺结核（涂阳）, 涂阳肺结核: the nearest disease that the proof is of changes its category. */
static void read_proof(struct reader *r, size_t i)
{
    const struct lexeme *x = &r->d->lexemes[r->k[i].lexeme];
    struct frame *nearest = NULL;
    int least = DX_LINE_MAX;
    for (size_t k = 0; k < r->n_frames; k++) {
        int away = r->frames[k].from < r->k[i].from ? r->k[i].from - r->frames[k].from : r->frames[k].from - r->k[i].from;
        if (strcmp(r->frames[k].icd, x->name) == 0 && away < least) {
            nearest = &r->frames[k];
            least = away;
        }
    }
    if (nearest)
        memcpy(nearest->icd, x->name2, sizeof nearest->icd);
}

/* 车祸伤，…血气胸: what may come of itself came of an injury there, and is of that category (ICD-10: chapter XIX). */
static void came_of_injury(struct reader *r, struct frame *f)
{
    size_t mark = r->out->text_len;
    char icd[4];
    if (f->kind != KIND_DISEASE || f->denied || f->family || !f->name || f->icd[0] == 'S' || f->icd[0] == 'T')
        return;
    const char *name = dx_keep(r->out, "创伤性%s", f->name);
    uint32_t known = dx_exact(r->d, name, DX_DISEASE);
    if (known)
        memcpy(icd, r->d->lexemes[known].icd, sizeof icd);
    if ((known || (r->d->gram_at && dx_like_category(r->d, name, icd) >= DX_LIKE_SURE)) && (icd[0] == 'S' || icd[0] == 'T') && icd[1] != '9') /* T90-T98: what is left long after */
        memcpy(f->icd, icd, sizeof f->icd);
    r->out->text_len = mark;
}

static void read_line(struct reader *r, unsigned enough)
{
    dx_read_behind(r);
    dx_name_teeth(r);
    dx_name_unknown(r, enough);
    dx_complaints(r);
    dx_spread_mark(r);
    for (size_t i = 0; i < r->n; i++)
        if (!r->k[i].taken)
            read_token(r, i);
    dx_settle(r, true);
    if (r->n)
        finish_spread(r);
    dx_listed_share(r);
    if (!r->n_frames)
        add_pregnancy(r);
    for (size_t i = 0; i < r->n_frames; i++)
        dx_join_complication(r, &r->frames[i]);
    for (size_t i = 1; i < r->n_frames; i++) {
        share_side(r, i);
        share_side_of_operation(r, i);
    }
    for (size_t i = 0; r->trauma && i < r->n_frames; i++)
        came_of_injury(r, &r->frames[i]);
    for (size_t i = 0; i < r->n; i++)
        if (r->k[i].cls == DX_PROOF)
            read_proof(r, i);
}

static void begin(struct reader *r, size_t n, struct dx_result *out)
{
    r->n = n;
    r->n_frames = r->n_made = 0;
    r->pending = dx_no_attrs;
    memset(&r->later, 0, sizeof r->later);
    r->suspect = r->deny = r->deny_on = r->family = r->link = r->link_or = r->none = r->reached = false;
    r->strong = r->comma = r->chunk = r->deny_comma = 0;
    out->n = out->n_steps = out->text_len = 0;
}

void dx_normalise(const struct dx *d, const char *line, size_t len, struct dx_result *out)
{
    static _Thread_local struct dx_token tokens[DX_TOKENS_MAX];
    static _Thread_local struct dx_chars chars;
    static _Thread_local struct reader r;
    dx_chars(d, line, len, &chars);
    r.d = d;
    r.t = &chars;
    r.line = line;
    r.k = tokens;
    r.out = out;
    begin(&r, dx_scan(d, &chars, tokens), out);
    read_line(&r, DX_LIKE_ENOUGH);
    if (r.n_frames == 0 && d->gram_at) { /* the doctor's words are a diagnosis all the same */
        begin(&r, dx_scan(d, &chars, tokens), out);
        read_line(&r, 0);
    }
    for (size_t i = 0; i < r.n_frames; i++)
        dx_finish(&r, i, &out->diagnoses[i]);
    out->n = r.n_frames;
    for (size_t i = 0; i < r.n_frames; i++)
        explain_frame(&r, i);
}

/* ---- the lexicon's life ---- */

int dx_open(struct dx **out, const char *data_dir, const struct icd10 *x)
{
    struct dx *d = calloc(1, sizeof *d);
    *out = NULL;
    if (!d)
        return ERR_INTERNAL;
    d->icd10 = x;
    int rc = dx_lexicon_load(d, data_dir);
    rc = rc ? rc : dx_lexicon_add_icd10(d, data_dir);
    rc = rc ? rc : dx_likeness_build(d);
    if (rc)
        dx_close(d);
    else
        *out = d;
    return rc;
}

void dx_close(struct dx *d)
{
    if (!d)
        return;
    dx_lexicon_free(d);
    free(d->gram_at);
    free(d->grams);
    free(d->gram_count);
    free(d);
}

size_t dx_candidates(const struct dx *d, const struct dx_diagnosis *x, struct icd10_hit *hits, size_t limit)
{
    char name[400];
    struct dx_like best[ICD10_LIMIT_MAX];
    bool tumour = x->icd10[0] == 'C' && strstr(x->diagnosis, "癌");
    size_t stem = strlen(x->diagnosis) - (tumour ? strlen("癌") : 0);
    if (tumour && *x->lesion) /* the list says 左肺上叶恶性肿瘤 */
        snprintf(name, sizeof name, "%s恶性肿瘤", x->lesion);
    else if (tumour)
        snprintf(name, sizeof name, "%.*s恶性肿瘤", (int)stem, x->diagnosis);
    else
        snprintf(name, sizeof name, "%s%s", x->lesion, x->diagnosis);
    limit = limit < ICD10_LIMIT_MAX ? limit : ICD10_LIMIT_MAX;
    size_t n = dx_likeness(d, name, x->icd10[0] ? x->icd10 : NULL, best, limit);
    for (size_t i = 0; i < n; i++)
        icd10_at(d->icd10, best[i].entry, &hits[i]);
    return n;
}
