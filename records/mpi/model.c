#include "records/mpi/model.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 40
#define FEW_PAIRS 20 /* that one person's records are thought to be like before any was seen */
#define FEW_DRAWN 10
#define FEW_NAMESAKES 0.05 /* of one birthday, believed in before any was seen; of each other reason it is one pair */
#define BELIEVED 2   /* times the namesakes whom numbers prove */
#define LEAST 1e-6 /* no level is impossible: data may always surprise */

#define BIT(part) (1u << (part))
#define PLACE BIT(PART_POSTCODE)
#define HOUSE (BIT(PART_PHONE) | BIT(PART_ADDRESS) | BIT(PART_POSTCODE))

/* The parts a reason explains; the others are left to chance. */
static const unsigned explained[MPI_CLASSES] = {
    [CLASS_PERSON] = ~0u,
    [CLASS_CHANCE] = 0,
    [CLASS_HOUSEHOLD] = BIT(PART_FAMILY) | HOUSE,
    [CLASS_TWINS] = BIT(PART_FAMILY) | BIT(PART_GIVEN) | BIT(PART_BIRTH) | BIT(PART_SEX) | BIT(PART_ID) | HOUSE,
    [CLASS_NAMESAKE] = BIT(PART_FAMILY) | BIT(PART_GIVEN) | BIT(PART_BIRTH) | BIT(PART_SEX),
    [CLASS_CARD] = BIT(PART_ID) | BIT(PART_INSURANCE),
    [CLASS_BIRTH_FAMILY] = BIT(PART_FAMILY) | BIT(PART_BIRTH),
    [CLASS_BIRTH_GIVEN] = BIT(PART_GIVEN) | BIT(PART_BIRTH),
    [CLASS_NAME] = BIT(PART_FAMILY) | BIT(PART_GIVEN) | BIT(PART_SEX),
    [CLASS_BIRTH] = BIT(PART_BIRTH) | BIT(PART_SEX),
    [CLASS_PLACE_FAMILY] = BIT(PART_FAMILY) | PLACE,
    [CLASS_PLACE_GIVEN] = BIT(PART_GIVEN) | BIT(PART_SEX) | PLACE,
    [CLASS_PLACE_BIRTH] = BIT(PART_BIRTH) | PLACE,
};
/* What a class is by its meaning: how often the part may differ, at most (its two last levels; sex has one); 0 = as often as it does. Where hardly anybody stands
 * twice, "the same person" would else become what is frequent there - one given name and postcode, say. */
static const double differs_most[MPI_CLASSES][MPI_PARTS] = {
    [CLASS_PERSON] = {[PART_FAMILY] = 0.4, [PART_GIVEN] = 0.4, [PART_BIRTH] = 0.4, [PART_SEX] = 0.2},
    [CLASS_TWINS] = {[PART_BIRTH] = 0.1},
};
static const int n_levels[MPI_PARTS] = {NAME_LEVELS, NAME_LEVELS, BIRTH_LEVELS, 2, NUMBER_LEVELS, 3, 5, 3, NUMBER_LEVELS};

/* ---- patterns ---- */

static bool patterns_grow(struct mpi_patterns *p)
{
    uint32_t n = p->slots_n ? p->slots_n * 2 : 1024, *slots = calloc(n, sizeof *slots);
    uint32_t *pattern = realloc(p->pattern, n / 2 * sizeof *pattern);
    double *count = NULL;
    if (pattern) {
        p->pattern = pattern;
        count = realloc(p->count, n / 2 * sizeof *count);
    }
    if (!slots || !count) {
        free(slots);
        return false;
    }
    p->count = count;
    for (uint32_t i = 0; i < p->n; i++) {
        uint32_t at = mpi_mix(p->pattern[i], 1) & (n - 1);
        while (slots[at])
            at = (at + 1) & (n - 1);
        slots[at] = i + 1;
    }
    free(p->slots);
    p->slots = slots;
    p->slots_n = n;
    return true;
}

bool mpi_patterns_add(struct mpi_patterns *p, uint32_t pattern, double count)
{
    if (p->n * 2 >= p->slots_n && !patterns_grow(p))
        return false;
    uint32_t at = mpi_mix(pattern, 1) & (p->slots_n - 1);
    while (p->slots[at] && p->pattern[p->slots[at] - 1] != pattern)
        at = (at + 1) & (p->slots_n - 1);
    if (!p->slots[at]) {
        p->pattern[p->n] = pattern;
        p->count[p->n] = 0;
        p->slots[at] = ++p->n;
    }
    p->count[p->slots[at] - 1] += count;
    return true;
}

void mpi_patterns_fini(struct mpi_patterns *p)
{
    free(p->pattern);
    free(p->count);
    free(p->slots);
    memset(p, 0, sizeof *p);
}

static int level_of(uint32_t pattern, int part)
{
    return pattern >> (3 * part) & 7;
}

/* ---- learning ---- */

struct learner {
    double prior[MPI_CLASSES], p[MPI_CLASSES][MPI_PARTS][MPI_LEVELS];
    double chance[MPI_PARTS][MPI_LEVELS]; /* of two records drawn by lot */
};

/* Of an explained part before anything is learned: agreement in nine of ten, the rest spread. Twins have numbers of their own, often
 * neighbours, and names that share a character. */
static double start_of(int class, int part, int level)
{
    static const double twin_number[NUMBER_LEVELS] = {0.001, 0.02, 0.75, 0.1, 0.129};
    static const double twin_name[NAME_LEVELS] = {0.01, 0.03, 0.06, 0.45, 0.45};
    if (class == CLASS_TWINS && part == PART_ID)
        return twin_number[level];
    if (class == CLASS_TWINS && part == PART_GIVEN)
        return twin_name[level];
    return level == 0 ? 0.9 : 0.1 / (n_levels[part] - 1);
}

/* What two records drawn by lot are thought to be like before any was seen: hardly ever alike. */
static double unlike(int part, int level)
{
    if (part == PART_SEX)
        return 0.5;
    return level < n_levels[part] - 1 ? 0.003 : 1 - 0.003 * (n_levels[part] - 1);
}

static void set_chance(struct learner *l, const struct mpi_patterns *random, const double *different)
{
    for (int part = 0; part < MPI_PARTS; part++) {
        double sum = 0, seen[MPI_LEVELS] = {0};
        for (uint32_t i = 0; i < random->n; i++) {
            int level = level_of(random->pattern[i], part);
            double w = random->count[i] * (different ? different[i] : 1);
            seen[level] += w;
            sum += level == MPI_MISSING ? 0 : w;
        }
        for (int level = 0; level < n_levels[part]; level++)
            l->chance[part][level] = fmax((seen[level] + FEW_DRAWN * unlike(part, level)) / (sum + FEW_DRAWN), LEAST);
    }
}

static void begin(struct learner *l)
{
    for (int c = 0; c < MPI_CLASSES; c++) {
        l->prior[c] = c == CLASS_PERSON || c == CLASS_CHANCE ? 0.3 : 0.4 / (MPI_CLASSES - 2);
        for (int part = 0; part < MPI_PARTS; part++)
            for (int level = 0; level < n_levels[part]; level++)
                l->p[c][part][level] = explained[c] & BIT(part) ? start_of(c, part, level) : l->chance[part][level];
    }
}

/* Who of one place has one name is a reason only where both say the place. */
static bool possible(int class, int postcode)
{
    return class < CLASS_PLACE_FAMILY || postcode != MPI_MISSING;
}

/* Share of each class in one pattern; returns the pattern's whole likelihood. */
static double shares(const struct learner *l, uint32_t pattern, double out[MPI_CLASSES])
{
    double sum = 0;
    for (int c = 0; c < MPI_CLASSES; c++) {
        double v = possible(c, level_of(pattern, PART_POSTCODE)) ? l->prior[c] : 0;
        for (int part = 0; part < MPI_PARTS; part++) {
            int level = level_of(pattern, part);
            if (level != MPI_MISSING)
                v *= l->p[c][part][level];
        }
        out[c] = v;
        sum += v;
    }
    for (int c = 0; c < MPI_CLASSES; c++)
        out[c] = sum > 0 ? out[c] / sum : c == CLASS_CHANCE;
    return sum;
}

/* Keeps a part to what its class means: what is too much of its last levels goes to the others. */
static void keep_meaning(double *p, int levels, double most)
{
    int last = levels > 2 ? levels - 2 : levels - 1;
    double differs = 0;
    for (int level = last; level < levels; level++)
        differs += p[level];
    if (!most || differs <= most)
        return;
    for (int level = 0; level < levels; level++)
        p[level] *= level < last ? (1 - most) / (1 - differs) : most / differs;
}

/* New probabilities from expected counts, drawn towards the start with the strength of a few pairs. */
static void maximise(struct learner *l, double prior[MPI_CLASSES], double counts[MPI_CLASSES][MPI_PARTS][MPI_LEVELS], double total)
{
    for (int c = 0; c < MPI_CLASSES; c++) {
        double strength = c == CLASS_PERSON ? FEW_PAIRS : 2 + total * 1e-3;
        l->prior[c] = (prior[c] + (c == CLASS_NAMESAKE ? FEW_NAMESAKES : 1)) / (total + MPI_CLASSES);
        for (int part = 0; part < MPI_PARTS; part++) {
            double sum = 0;
            if (!(explained[c] & BIT(part)) || (c == CLASS_TWINS && part == PART_ID))
                continue;
            for (int level = 0; level < n_levels[part]; level++)
                sum += counts[c][part][level];
            for (int level = 0; level < n_levels[part]; level++)
                l->p[c][part][level] =
                    fmax((counts[c][part][level] + strength * start_of(c, part, level)) / (sum + strength), LEAST);
            keep_meaning(l->p[c][part], n_levels[part], differs_most[c][part]);
            if (c == CLASS_TWINS && part == PART_GIVEN) /* no twins are given one name */
                l->p[c][part][0] = fmin(l->p[c][part][0], start_of(c, part, 0));
        }
    }
}

/* Twins' names are learned from twins whose numbers prove that they are two. */
static bool proven_two(uint32_t pattern)
{
    int level = level_of(pattern, PART_ID);
    return level == NUMBER_TWIN || level == NUMBER_CLASH;
}

/* Without a number a namesake of the same birthday looks like somebody who moved. In how many there are, not more is believed than
 * numbers bear out: where nobody has one, that namesakes share a birthday stays the chance it is. */
static double believed(const struct learner *l, double namesakes, double proven, double numbered, double total)
{
    double with_two = numbered * (l->chance[PART_ID][NUMBER_TWIN] + l->chance[PART_ID][NUMBER_CLASH]);
    return fmin(namesakes, BELIEVED * proven * total / (with_two + 1));
}

static void one_round(struct learner *l, const struct mpi_patterns *candidates)
{
    double prior[MPI_CLASSES] = {0}, counts[MPI_CLASSES][MPI_PARTS][MPI_LEVELS] = {0}, total = 0, share[MPI_CLASSES];
    double numbered = 0, proven = 0; /* pairs that both have a number; namesakes among those with two right ones */
    for (uint32_t i = 0; i < candidates->n; i++) {
        uint32_t pattern = candidates->pattern[i];
        shares(l, pattern, share);
        total += candidates->count[i];
        numbered += level_of(pattern, PART_ID) != MPI_MISSING ? candidates->count[i] : 0;
        proven += proven_two(pattern) ? share[CLASS_NAMESAKE] * candidates->count[i] : 0;
        for (int c = 0; c < MPI_CLASSES; c++) {
            double w = share[c] * candidates->count[i];
            prior[c] += w;
            for (int part = 0; part < MPI_PARTS; part++)
                if (!(c == CLASS_TWINS && part == PART_GIVEN) || proven_two(pattern))
                    counts[c][part][level_of(pattern, part)] += w;
        }
    }
    prior[CLASS_NAMESAKE] = believed(l, prior[CLASS_NAMESAKE], proven, numbered, total);
    maximise(l, prior, counts, total);
}

/* Two records drawn by lot are sometimes one person; in a small set that would spoil `chance`. */
static void look_again(struct learner *l, const struct mpi_patterns *random, double persons, double records, double *different)
{
    double prior = persons / (records * (records - 1) / 2 + 1);
    for (uint32_t i = 0; i < random->n; i++) {
        double same = prior, other = 1 - prior;
        for (int part = 0; part < MPI_PARTS; part++) {
            int level = level_of(random->pattern[i], part);
            same *= level == MPI_MISSING ? 1 : l->p[CLASS_PERSON][part][level];
            other *= level == MPI_MISSING ? 1 : l->chance[part][level];
        }
        different[i] = other / (same + other);
    }
}

static void finish(struct mpi_model *m, const struct learner *l, const struct mpi_patterns *candidates)
{
    double total = 0;
    memset(m, 0, sizeof *m);
    for (uint32_t i = 0; i < candidates->n; i++)
        total += candidates->count[i];
    m->candidates = total;
    m->persons = total * l->prior[CLASS_PERSON];
    for (int c = 0; c < MPI_CLASSES; c++) {
        m->prior[c] = (float)log(l->prior[c]);
        for (int part = 0; part < MPI_PARTS; part++)
            for (int level = 0; level < n_levels[part]; level++)
                m->p[c][part][level] = (float)log(l->p[c][part][level]);
    }
}

int mpi_model_learn(struct mpi_model *m, const struct mpi_patterns *candidates, const struct mpi_patterns *random, double records)
{
    struct learner l = {0};
    double *different = malloc(((size_t)random->n + 1) * sizeof *different), total = 0;
    if (!different)
        return ERR_INTERNAL;
    for (uint32_t i = 0; i < candidates->n; i++)
        total += candidates->count[i];
    set_chance(&l, random, NULL);
    for (int pass = 0; pass < 2; pass++) {
        begin(&l);
        for (int round = 0; round < ROUNDS; round++)
            one_round(&l, candidates);
        look_again(&l, random, l.prior[CLASS_PERSON] * total, records, different);
        if (pass == 0)
            set_chance(&l, random, different);
    }
    finish(m, &l, candidates);
    free(different);
    return 0;
}

/* ---- weighing ---- */

/* How rare what a pair agrees on exactly is, part by part, as a logarithm; 0 where it does not or that is not known. */
static void rareness(const struct mpi_match *match, float out[MPI_PARTS])
{
    for (int part = 0; part < MPI_PARTS; part++)
        out[part] = match->level[part] == 0 && match->share[part] > 0 ? logf(match->share[part]) : 0;
}

/* Logarithm of class c's likelihood. An exact agreement that the class leaves to chance is as rare as its value. */
static float likelihood(const struct mpi_model *m, const struct mpi_match *match, const float rare[MPI_PARTS], int c)
{
    float v = m->prior[c];
    for (int part = 0; part < MPI_PARTS; part++) {
        int level = match->level[part];
        bool by_value = level == 0 && match->share[part] > 0 && !(explained[c] & BIT(part));
        v += by_value ? rare[part] : m->p[c][part][level];
    }
    return v;
}

/* The classes that can be: those behind have no part in it. */
static int classes_of(const struct mpi_match *match)
{
    int c = MPI_CLASSES;
    while (!possible(c - 1, match->level[PART_POSTCODE]))
        c--;
    return c;
}

float mpi_model_odds(const struct mpi_model *m, const struct mpi_match *match)
{
    float all[MPI_CLASSES], rare[MPI_PARTS], most = -INFINITY, sum = 0;
    int classes = classes_of(match);
    rareness(match, rare);
    for (int c = CLASS_CHANCE; c < classes; c++) {
        all[c] = likelihood(m, match, rare, c);
        most = all[c] > most ? all[c] : most;
    }
    for (int c = CLASS_CHANCE; c < classes; c++)
        sum += expf(all[c] - most);
    return likelihood(m, match, rare, CLASS_PERSON) - most - logf(sum);
}

enum mpi_class mpi_model_rival(const struct mpi_model *m, const struct mpi_match *match)
{
    enum mpi_class best = CLASS_CHANCE;
    float rare[MPI_PARTS], most = -INFINITY;
    int classes = classes_of(match);
    rareness(match, rare);
    for (int c = CLASS_CHANCE; c < classes; c++) {
        float v = likelihood(m, match, rare, c);
        best = v > most ? (enum mpi_class)c : best;
        most = v > most ? v : most;
    }
    return best;
}

float mpi_model_part(const struct mpi_model *m, const struct mpi_match *match, enum mpi_part part, enum mpi_class against)
{
    int level = match->level[part];
    if (level == MPI_MISSING)
        return 0;
    bool rare = level == 0 && match->share[part] > 0 && !(explained[against] & BIT(part));
    return m->p[CLASS_PERSON][part][level] - (rare ? logf(match->share[part]) : m->p[against][part][level]);
}

/* ---- keeping ---- */

static const char *const class_words[MPI_CLASSES] = {"person",       "chance",      "household", "twins", "namesake", "card",
                                                     "birth_family", "birth_given", "name",      "birth", "place_family", "place_given", "place_birth"};
static const char *const part_words[MPI_PARTS] = {"family", "given", "birth", "sex", "id", "phone", "address", "postcode", "insurance"};

bool mpi_model_write(const struct mpi_model *m, FILE *out)
{
    for (int c = 0; c < MPI_CLASSES; c++) {
        fprintf(out, "%s\t%.5f\n", class_words[c], (double)m->prior[c]);
        for (int part = 0; part < MPI_PARTS; part++) {
            fprintf(out, "%s", part_words[part]);
            for (int level = 0; level < n_levels[part]; level++)
                fprintf(out, "\t%.5f", (double)m->p[c][part][level]);
            putc('\n', out);
        }
    }
    return !ferror(out);
}

/* A line "word<TAB>number<TAB>number .."; as many numbers as asked for. */
static bool read_line(FILE *in, const char *word, float *numbers, int n)
{
    char line[256], *rest = line;
    if (!fgets(line, sizeof line, in))
        return false;
    size_t len = strlen(word);
    if (strncmp(line, word, len) != 0 || line[len] != '\t')
        return false;
    rest = line + len;
    for (int i = 0; i < n; i++) {
        char *end;
        numbers[i] = strtof(rest, &end);
        if (end == rest || numbers[i] > 0)
            return false;
        rest = end;
    }
    return true;
}

int mpi_model_read(struct mpi_model *m, FILE *in)
{
    memset(m, 0, sizeof *m);
    for (int c = 0; c < MPI_CLASSES; c++) {
        if (!read_line(in, class_words[c], &m->prior[c], 1))
            return ERR_INVALID;
        for (int part = 0; part < MPI_PARTS; part++)
            if (!read_line(in, part_words[part], m->p[c][part], n_levels[part]))
                return ERR_INVALID;
    }
    return 0;
}
