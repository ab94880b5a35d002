#include "records/mpi/compare.h"
#include <string.h>

#define UNSEEN 1000 /* records a small set is thought to be drawn from: it does not know what is rare */

static float share_of(const struct mpi_set *s, const struct mpi_pool *p, uint32_t value)
{
    return (float)p->values[value].count / (float)(s->n + UNSEEN);
}

static void compare_names(const struct mpi_set *s, const struct mpi_record *a, const struct mpi_record *b, struct mpi_match *out)
{
    struct mpi_name_match m = {MPI_MISSING, MPI_MISSING};
    if (a->name && b->name && !a->child == !b->child) { /* a child's and its mother's name cannot be compared */
        if (a->name == b->name)
            m = (struct mpi_name_match){a->family ? NAME_EXACT : MPI_MISSING, a->given ? NAME_EXACT : MPI_MISSING};
        else
            m = mpi_name_compare(s->tables, mpi_set_name(s, a->name), mpi_set_name(s, b->name));
    }
    out->level[PART_FAMILY] = m.family;
    out->level[PART_GIVEN] = m.given;
    if (m.family == NAME_EXACT)
        out->share[PART_FAMILY] = share_of(s, &s->families, a->family);
    if (m.given == NAME_EXACT)
        out->share[PART_GIVEN] = share_of(s, &s->givens, a->given);
}

static uint8_t better(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

static void compare_births(const struct mpi_set *s, const struct mpi_record *a, const struct mpi_record *b, struct mpi_match *out)
{
    bool one_witness = a->id == b->id && a->flags & b->flags & MPI_BIRTH_OF_CARD; /* the number speaks for itself already */
    out->level[PART_BIRTH] = MPI_MISSING;
    if (one_witness)
        return;
    uint8_t level = mpi_date_compare(a->birth, b->birth);
    if (level != BIRTH_EXACT && a->card_birth.year)
        level = better(level, mpi_date_compare(a->card_birth, b->birth));
    if (level != BIRTH_EXACT && b->card_birth.year)
        level = better(level, mpi_date_compare(a->birth, b->card_birth));
    out->level[PART_BIRTH] = level;
    if (level == BIRTH_EXACT) {
        uint32_t value = a->birth_value ? a->birth_value : b->birth_value;
        out->share[PART_BIRTH] = value ? share_of(s, &s->births, value) : 0;
    }
}

static struct mpi_number_view view_of(const struct mpi_set *s, const struct mpi_record *r)
{
    return (struct mpi_number_view){mpi_pool_bytes(&s->ids, r->id), s->ids.values[r->id].len,
                                    r->flags & MPI_CARD         ? NUMBER_CARD
                                    : r->flags & MPI_CARD_15    ? NUMBER_CARD_15
                                    : r->flags & MPI_CARD_WRONG ? NUMBER_CARD_WRONG
                                                                : NUMBER_OTHER};
}

#define NOT_OWN (MPI_CARD_ODD | MPI_ID_SHARED)

static void compare_numbers(const struct mpi_set *s, const struct mpi_record *a, const struct mpi_record *b, struct mpi_match *out)
{
    uint8_t id = MPI_MISSING, insurance = MPI_MISSING;
    /* a card that says another birth date is a borrowed one - unless its owner's name is the record's, then the date was mistyped */
    bool named = out->level[PART_FAMILY] <= NAME_SOUND && out->level[PART_GIVEN] <= NAME_NEAR && a->id == b->id;
    bool odd = (a->flags | b->flags) & MPI_CARD_ODD && !named, shared = (a->flags | b->flags) & MPI_ID_SHARED;
    if (a->id && b->id && !odd && !shared) {
        id = a->id == b->id ? NUMBER_SAME : mpi_number_compare(view_of(s, a), view_of(s, b));
        if (id == NUMBER_SAME)
            out->share[PART_ID] = share_of(s, &s->ids, a->id);
    }
    /* who shows another's identity card shows the insurance card with it */
    if (a->insurance && b->insurance && !odd) {
        const struct mpi_value *x = &s->insurances.values[a->insurance], *y = &s->insurances.values[b->insurance];
        insurance = a->insurance == b->insurance
                        ? NUMBER_SAME
                        : mpi_number_compare((struct mpi_number_view){mpi_pool_bytes(&s->insurances, a->insurance), x->len, NUMBER_OTHER},
                                             (struct mpi_number_view){mpi_pool_bytes(&s->insurances, b->insurance), y->len, NUMBER_OTHER});
        if (insurance == NUMBER_SAME)
            out->share[PART_INSURANCE] = share_of(s, &s->insurances, a->insurance);
    }
    out->level[PART_ID] = id;
    out->level[PART_INSURANCE] = insurance;
}

static uint8_t compare_phone(const struct mpi_set *s, uint32_t a, uint32_t b)
{
    const struct mpi_value *x = &s->phones.values[a], *y = &s->phones.values[b];
    if (a == b)
        return PHONE_SAME;
    const char *p = mpi_pool_bytes(&s->phones, a), *q = mpi_pool_bytes(&s->phones, b);
    return x->len >= 6 && mpi_edits(p, x->len, q, y->len, 1) <= 1 ? PHONE_NEAR : PHONE_DIFFERS;
}

static void compare_phones(const struct mpi_set *s, const struct mpi_record *a, const struct mpi_record *b, struct mpi_match *out)
{
    uint8_t best = MPI_MISSING;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            if (!a->phone[i] || !b->phone[j])
                continue;
            uint8_t level = compare_phone(s, a->phone[i], b->phone[j]);
            if (level == PHONE_SAME)
                out->share[PART_PHONE] = share_of(s, &s->phones, a->phone[i]);
            best = better(best, level);
        }
    out->level[PART_PHONE] = best;
}

/* The rarer words count more. *contained: how much of the shorter address is in the longer one; *same: of both together. */
static void compare_words(const struct mpi_set *s, const struct mpi_address *a, const struct mpi_address *b, float *contained,
                          float *same)
{
    float wa = 0, wb = 0, both = 0;
    size_t i = 0, j = 0;
    while (i < a->n || j < b->n) {
        uint32_t x = i < a->n ? a->words[i] : UINT32_MAX, y = j < b->n ? b->words[j] : UINT32_MAX;
        float w = s->word_weight[x < y ? x : y];
        wa += x <= y ? w : 0;
        wb += y <= x ? w : 0;
        both += x == y ? w : 0;
        i += x <= y;
        j += y <= x;
    }
    float shorter = wa < wb ? wa : wb;
    *contained = shorter > 0 ? both / shorter : 0;
    *same = wa + wb > 0 ? 2 * both / (wa + wb) : 0;
}

static float compare_pairs(const struct mpi_address *a, const struct mpi_address *b)
{
    int in_a = 0, in_b = 0, both = 0;
    for (int i = 0; i < 4; i++) {
        in_a += __builtin_popcountll(a->pairs[i]);
        in_b += __builtin_popcountll(b->pairs[i]);
        both += __builtin_popcountll(a->pairs[i] & b->pairs[i]);
    }
    return in_a + in_b ? 2.0f * (float)both / (float)(in_a + in_b) : 0;
}

static void compare_addresses(const struct mpi_set *s, const struct mpi_record *a, const struct mpi_record *b, struct mpi_match *out)
{
    float contained, same;
    if (!a->address || !b->address) {
        out->level[PART_ADDRESS] = MPI_MISSING;
        return;
    }
    if (a->address == b->address) {
        out->level[PART_ADDRESS] = ADDRESS_SAME;
        out->share[PART_ADDRESS] = share_of(s, &s->addresses, a->address);
        return;
    }
    const struct mpi_address *x = mpi_set_address(s, a->address), *y = mpi_set_address(s, b->address);
    compare_words(s, x, y, &contained, &same);
    float pairs = compare_pairs(x, y);
    bool house = x->core && x->core == y->core;
    out->level[PART_ADDRESS] = contained > 0.95f && (house || same > 0.7f)      ? ADDRESS_SHORTER
                               : same > 0.75f || pairs > 0.85f || (house && contained > 0.6f) ? ADDRESS_CLOSE
                               : same > 0.45f || pairs > 0.65f                                ? ADDRESS_PARTLY
                                                                                              : ADDRESS_DIFFERS;
}

static void compare_postcodes(const struct mpi_set *s, const struct mpi_record *a, const struct mpi_record *b, struct mpi_match *out)
{
    out->level[PART_POSTCODE] = MPI_MISSING;
    if (!a->postcode || !b->postcode)
        return;
    const struct mpi_value *x = &s->postcodes.values[a->postcode], *y = &s->postcodes.values[b->postcode];
    if (a->postcode == b->postcode) {
        out->level[PART_POSTCODE] = POSTCODE_SAME;
        out->share[PART_POSTCODE] = share_of(s, &s->postcodes, a->postcode);
    } else
        out->level[PART_POSTCODE] = mpi_edits(mpi_pool_bytes(&s->postcodes, a->postcode), x->len,
                                              mpi_pool_bytes(&s->postcodes, b->postcode), y->len, 1) <= 1
                                        ? POSTCODE_NEAR
                                        : POSTCODE_DIFFERS;
}

void mpi_compare(const struct mpi_set *s, const struct mpi_record *a, const struct mpi_record *b, struct mpi_match *out)
{
    memset(out->share, 0, sizeof out->share);
    compare_names(s, a, b, out);
    compare_births(s, a, b, out);
    out->level[PART_SEX] = !a->sex || !b->sex ? MPI_MISSING : a->sex == b->sex ? SEX_SAME : SEX_DIFFERS;
    compare_numbers(s, a, b, out);
    compare_phones(s, a, b, out);
    compare_addresses(s, a, b, out);
    compare_postcodes(s, a, b, out);
}

uint32_t mpi_match_pattern(const struct mpi_match *m)
{
    uint32_t pattern = 0;
    for (int i = 0; i < MPI_PARTS; i++)
        pattern |= (uint32_t)m->level[i] << (3 * i);
    return pattern;
}

enum mpi_bar mpi_barred(const struct mpi_set *s, const struct mpi_record *a, const struct mpi_record *b)
{
    if (a->flags & b->flags & MPI_UNIDENTIFIED)
        return BAR_UNIDENTIFIED;
    bool right = (a->flags & b->flags & MPI_CARD) && !((a->flags | b->flags) & NOT_OWN);
    if (right && a->id != b->id)
        return BAR_CARDS;
    if (a->child && b->child && a->sound == b->sound &&
        ((a->child_mark && b->child_mark && a->child_mark != b->child_mark) || (a->sex && b->sex && a->sex != b->sex)))
        return BAR_SIBLINGS;
    if (!a->child != !b->child && a->sound && a->sound == b->sound && mpi_date_compare(a->birth, b->birth) != BIRTH_EXACT)
        return BAR_MOTHER;
    return BAR_NONE;
}
