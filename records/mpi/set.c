#include "records/mpi/set.h"
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 24
#define CROWD_NAMES 20 /* different names and birth dates under one value: no person and no household */

const char *const mpi_attribute_words[MPI_ATTRIBUTES] = {"id",    "name",  "family_name", "given_name", "sex",          "birth_date",
                                                         "id_no", "phone", "address",     "postcode",   "insurance_no", "source"};

void mpi_set_init(struct mpi_set *s, const struct mpi_tables *tables)
{
    memset(s, 0, sizeof *s);
    s->tables = tables;
}

void mpi_set_fini(struct mpi_set *s)
{
    struct mpi_pool *pools[] = {&s->names,     &s->families,   &s->givens, &s->ids,  &s->phones,
                                &s->addresses, &s->postcodes, &s->insurances, &s->births, &s->words};
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++)
        mpi_pool_fini(pools[i]);
    free(s->records);
    free(s->address_bytes);
    free(s->address_at);
    free(s->word_weight);
    memset(s, 0, sizeof *s);
}

/* ---- adding ---- */

/* First letter and the next two different consonant classes: the same for most ways to write a Latin name, and short for pinyin. */
static uint32_t sound_code(const char *letters)
{
    static const char classes[] = "01230120022455012623010202"; /* American Soundex, a..z */
    uint32_t code = 0;
    int n = 0;
    char last = 0;
    for (const char *p = letters; *p && n < 4; p++) {
        char class = *p >= 'a' && *p <= 'z' ? classes[*p - 'a'] : (char)('7' + (*p & 15));
        if (n == 0)
            code = (uint32_t)(unsigned char)*p;
        else if (class == '0' || class == last) {
            last = class;
            continue;
        } else
            code = code << 8 | (unsigned char)class;
        last = class;
        n++;
    }
    return code;
}

/* Chinese names have few sounds of one syllable, so there all letters count. */
static uint32_t part_sound(const char *letters, bool han)
{
    if (!*letters)
        return 0;
    uint32_t h = han ? mpi_hash(letters, strlen(letters), 7) : mpi_mix(sound_code(letters), 7);
    return h ? h : 1;
}

/* Letters without their order: "ZHANG TAOMING", "taoming zhang", 张涛明 and exchanged columns give one number. */
static uint32_t whole_sound(const char *family, const char *given)
{
    uint32_t sum = 0, n = 0;
    for (const char *p = family; *p; p++, n++)
        sum += mpi_mix((unsigned char)*p, 11);
    for (const char *p = given; *p; p++, n++)
        sum += mpi_mix((unsigned char)*p, 11);
    return n ? mpi_mix(sum, n) | 1 : 0;
}

static bool add_name(struct mpi_set *s, const struct mpi_raw *raw, struct mpi_record *r)
{
    struct mpi_name name;
    char family[96], given[96];
    mpi_name_read(s->tables, raw->text[MPI_NAME], raw->text[MPI_FAMILY_NAME], raw->text[MPI_GIVEN_NAME], &name);
    r->flags |= name.unidentified ? MPI_UNIDENTIFIED : 0;
    r->child = name.child;
    r->child_mark = name.child_mark;
    if (!r->sex && name.child)
        r->sex = name.child == 's' ? 'm' : name.child == 'd' ? 'f' : 0;
    if (!name.n)
        return true;
    name.child = name.child_mark = 0;
    mpi_name_letters(s->tables, &name, family, given, sizeof family);
    r->sound = whole_sound(family, given);
    r->family_sound = part_sound(family, name.han);
    r->given_sound = part_sound(given, name.han);
    r->name = mpi_pool_put(&s->names, &name, offsetof(struct mpi_name, c) + name.n * sizeof name.c[0]);
    if (name.n_family)
        r->family = mpi_pool_put(&s->families, name.c, name.n_family * sizeof name.c[0]);
    if (name.n > name.n_family)
        r->given = mpi_pool_put(&s->givens, name.c + name.n_family, (size_t)(name.n - name.n_family) * sizeof name.c[0]);
    return r->name != 0;
}

/* Does the record's birth date speak against the number's? A slip does not. */
static bool odd_birth(struct mpi_date said, struct mpi_date card)
{
    if (said.month == 1 && said.day == 1)
        said.month = said.day = 0; /* only the year was asked */
    uint8_t level = mpi_date_compare(said, card);
    return level == BIRTH_DIFFERS;
}

static bool add_identity(struct mpi_set *s, const struct mpi_raw *raw, struct mpi_record *r)
{
    struct mpi_number n;
    mpi_number_read(s->tables, raw->text[MPI_ID_NO], true, &n);
    if (!n.len)
        return true;
    r->flags |= n.kind == NUMBER_CARD         ? MPI_CARD
                : n.kind == NUMBER_CARD_15    ? MPI_CARD_15
                : n.kind == NUMBER_CARD_WRONG ? MPI_CARD_WRONG
                                              : 0;
    if (n.birth.year && odd_birth(r->birth, n.birth))
        r->flags |= MPI_CARD_ODD;
    else {
        r->card_birth = n.birth;
        r->sex = n.sex && (!r->sex || r->birth.year) ? (uint8_t)n.sex : r->sex; /* a card that no date proves says nothing against a desk */
    }
    r->id = mpi_pool_put(&s->ids, n.text, n.len);
    return r->id != 0;
}

static bool add_numbers(struct mpi_set *s, const struct mpi_raw *raw, struct mpi_record *r)
{
    struct mpi_phone phones[2];
    struct mpi_number n;
    size_t found = mpi_phone_read(s->tables, raw->text[MPI_PHONE], phones);
    bool ok = true;
    for (size_t i = 0; i < found; i++)
        ok = (r->phone[i] = mpi_pool_put(&s->phones, phones[i].text, phones[i].len)) && ok;
    mpi_number_read(s->tables, raw->text[MPI_POSTCODE], false, &n);
    if (n.len)
        ok = (r->postcode = mpi_pool_put(&s->postcodes, n.text, n.len)) && ok;
    mpi_number_read(s->tables, raw->text[MPI_INSURANCE_NO], false, &n);
    if (n.len)
        ok = (r->insurance = mpi_pool_put(&s->insurances, n.text, n.len)) && ok;
    return ok;
}

int mpi_set_add(struct mpi_set *s, const struct mpi_raw *raw)
{
    char words[512];
    if (s->n == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 16;
        struct mpi_record *grown = realloc(s->records, cap * sizeof *grown);
        if (!grown)
            return ERR_INTERNAL;
        s->records = grown;
        s->cap = cap;
    }
    struct mpi_record *r = &s->records[s->n];
    memset(r, 0, sizeof *r);
    r->sex = (uint8_t)mpi_sex_read(s->tables, raw->text[MPI_SEX]);
    r->birth = mpi_date_read(s->tables, raw->text[MPI_BIRTH_DATE], &s->order);
    bool ok = add_name(s, raw, r) && add_identity(s, raw, r) && add_numbers(s, raw, r);
    size_t n = mpi_address_read(s->tables, raw->text[MPI_ADDRESS], words, sizeof words);
    if (n)
        ok = (r->address = mpi_pool_put(&s->addresses, words, n)) && ok;
    s->n += ok;
    return ok ? 0 : ERR_INTERNAL;
}

/* ---- finishing ---- */

static void mark_pair(struct mpi_address *a, uint32_t x, uint32_t y)
{
    uint32_t bit = mpi_mix(x, y) & 255;
    a->pairs[bit >> 6] |= 1ull << (bit & 63);
}

static bool number_word(const char *p, size_t len)
{
    return len && *p >= '0' && *p <= '9';
}

/* House number with the street before it (Chinese) or the beginning of the one after it (Latin). */
static uint32_t core_of(const char *const *word, const size_t *len, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (number_word(word[i], len[i])) {
            bool han = len[i] > 3 && word[i][len[i] - 1] < 0;
            size_t near = han ? i - 1 : i + 1;
            if ((han && i == 0) || near >= n)
                continue;
            size_t m = han || len[near] < 4 ? len[near] : 4;
            return mpi_mix(mpi_hash(word[i], len[i], 3), mpi_hash(word[near], m, 5)) | 1;
        }
    return 0;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool read_address(struct mpi_set *s, uint32_t value)
{
    const char *text = mpi_pool_bytes(&s->addresses, value), *end = text + s->addresses.values[value].len, *word[WORDS_MAX];
    size_t len[WORDS_MAX], n = 0, room = (sizeof(struct mpi_address) + WORDS_MAX * sizeof(uint32_t) + 7) / 8;
    if (s->address_used + room > s->address_cap) {
        size_t cap = s->address_cap * 2 + 1024;
        uint64_t *grown = realloc(s->address_bytes, cap * sizeof *grown);
        if (!grown)
            return false;
        s->address_bytes = grown;
        s->address_cap = cap;
    }
    struct mpi_address *a = (struct mpi_address *)(s->address_bytes + s->address_used);
    memset(a, 0, sizeof *a);
    for (const char *p = text; p < end && n < WORDS_MAX; p++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        word[n] = p;
        len[n] = (size_t)(stop - p);
        a->words[n] = mpi_pool_put(&s->words, p, len[n]);
        if (!a->words[n++])
            return false;
        p = stop;
    }
    uint32_t before = 0;
    for (const char *p = text; p < end; p++)
        if (*p != '\n') {
            mark_pair(a, before, (unsigned char)*p);
            before = before << 8 | (unsigned char)*p;
            before &= *p < 0 ? 0xFFFFFF : 0xFF; /* a Chinese character is three bytes */
        }
    a->n = (uint8_t)n;
    a->core = core_of(word, len, n);
    qsort(a->words, n, sizeof *a->words, by_number);
    s->address_at[value] = (uint32_t)s->address_used;
    s->address_used += (sizeof *a + n * sizeof(uint32_t) + 7) / 8;
    return true;
}

static bool read_addresses(struct mpi_set *s)
{
    uint32_t *at = realloc(s->address_at, ((size_t)s->addresses.n + 1) * sizeof *at);
    if (!at)
        return false;
    s->address_at = at;
    for (; s->addresses_read + 1 < s->addresses.n; s->addresses_read++)
        if (!read_address(s, s->addresses_read + 1))
            return false;
    float *weight = realloc(s->word_weight, ((size_t)s->words.n + 1) * sizeof *weight);
    if (!weight)
        return false;
    s->word_weight = weight;
    for (uint32_t w = 1; w < s->words.n; w++) /* in 64ths, so that a sum does not depend on the order of its words */
        s->word_weight[w] = 1 + roundf(64 * log2f((float)s->addresses.n / (float)s->words.values[w].count)) / 64;
    return true;
}

struct seen {
    uint32_t id, sound, birth;
};

static int by_id(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->sound > y->sound) - (x->sound < y->sound);
}

static int by_birth(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    return (x->birth > y->birth) - (x->birth < y->birth);
}

static uint32_t different_births(struct seen *group, uint32_t n)
{
    uint32_t births = 1;
    qsort(group, n, sizeof *group, by_birth);
    for (uint32_t i = 1; i < n; i++)
        births += group[i].birth != group[i - 1].birth;
    return births;
}

/* A value under which many names and birth dates stand is a placeholder nobody knew of, or the clinic's own. A number that should be one
 * person's is so from more than five on already, where hardly one of them stands there twice. */
static bool means_nobody(struct seen *group, uint32_t n, bool own)
{
    uint32_t names = 1;
    for (uint32_t i = 1; i < n; i++)
        names += group[i].sound != group[i - 1].sound;
    bool few = own && names > 5 && names * 3 >= n * 2;
    if (names <= CROWD_NAMES && !few)
        return false;
    uint32_t births = different_births(group, n);
    return births > CROWD_NAMES || (few && births > 5 && births * 3 >= n * 2);
}

/* Which values of a pool mean nobody; `at`: where a record has its value. NULL when memory ran out. */
static uint8_t *find_shared(const struct mpi_set *s, const struct mpi_pool *pool, size_t at, bool own)
{
    struct seen *all = malloc(((size_t)s->n + 1) * sizeof *all);
    uint8_t *shared = calloc((size_t)pool->n + 1, 1);
    uint32_t n = 0;
    if (!all || !shared) {
        free(all);
        free(shared);
        return NULL;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        const struct mpi_record *r = &s->records[i];
        uint32_t value = *(const uint32_t *)((const char *)r + at);
        if (value && pool->values[value].count > 5)
            all[n++] = (struct seen){value, r->sound, (uint32_t)r->birth.year << 9 | (uint32_t)(r->birth.month << 5 | r->birth.day)};
    }
    qsort(all, n, sizeof *all, by_id);
    for (uint32_t from = 0, to; from < n; from = to) {
        uint32_t value = all[from].id;
        for (to = from; to < n && all[to].id == value;)
            to++;
        shared[value] = means_nobody(all + from, to - from, own);
    }
    free(all);
    return shared;
}

static bool mark_shared(struct mpi_set *s)
{
    uint8_t *id = find_shared(s, &s->ids, offsetof(struct mpi_record, id), true);
    uint8_t *insurance = find_shared(s, &s->insurances, offsetof(struct mpi_record, insurance), true);
    uint8_t *phone = find_shared(s, &s->phones, offsetof(struct mpi_record, phone), false);
    bool ok = id && insurance && phone;
    for (uint32_t i = 0; ok && i < s->n; i++) {
        struct mpi_record *r = &s->records[i];
        r->flags |= id[r->id] ? MPI_ID_SHARED : 0;
        r->insurance = insurance[r->insurance] ? 0 : r->insurance;
        if (phone[r->phone[0]]) {
            r->phone[0] = r->phone[1];
            r->phone[1] = 0;
        }
        r->phone[1] = phone[r->phone[1]] ? 0 : r->phone[1];
    }
    free(id);
    free(insurance);
    free(phone);
    return ok;
}

/* Where the first of January is written far too often it means "some day of that year". The card knows better. */
static bool settle_births(struct mpi_set *s)
{
    uint32_t full = 0, first = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        full += mpi_date_full(s->records[i].birth);
        first += s->records[i].birth.month == 1 && s->records[i].birth.day == 1;
    }
    bool weak = first > 3 && (uint64_t)first * 365 > (uint64_t)full * 3;
    for (uint32_t i = 0; i < s->n; i++) {
        struct mpi_record *r = &s->records[i];
        if (weak && r->birth.month == 1 && r->birth.day == 1)
            r->birth.month = r->birth.day = r->birth_value = 0;
        if (!r->birth.month && mpi_date_full(r->card_birth) && (!r->birth.year || r->birth.year == r->card_birth.year)) {
            r->flags |= r->birth.year ? 0 : MPI_BIRTH_OF_CARD;
            r->birth = r->card_birth;
        }
        if (r->birth.month && !r->birth_value)
            r->birth_value = mpi_pool_put(&s->births, &r->birth, sizeof r->birth);
        if (r->birth.month && !r->birth_value)
            return false;
    }
    return true;
}

int mpi_set_finish(struct mpi_set *s)
{
    return read_addresses(s) && mark_shared(s) && settle_births(s) ? 0 : ERR_INTERNAL;
}

uint32_t mpi_set_most(const struct mpi_set *s, enum mpi_attribute a)
{
    const struct mpi_pool *const pools[MPI_ATTRIBUTES] = {[MPI_NAME] = &s->names, [MPI_BIRTH_DATE] = &s->births, [MPI_ID_NO] = &s->ids, [MPI_PHONE] = &s->phones,
                                                          [MPI_ADDRESS] = &s->addresses, [MPI_POSTCODE] = &s->postcodes, [MPI_INSURANCE_NO] = &s->insurances};
    uint32_t most = 0;
    for (uint32_t v = 1; pools[a] && v < pools[a]->n; v++)
        most = pools[a]->values[v].count > most ? pools[a]->values[v].count : most;
    return most;
}
