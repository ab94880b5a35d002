/* yilianctl mpi link: the patient index over CSV files. Needs no site, only config/data. */
#include "server/ctl/ctl.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 64

struct words {
    const char *map, *out, *probability, *model, *explain[2], *in[FILES_MAX];
    size_t n_in;
};

static int usage(void)
{
    fprintf(stderr, "usage: yilianctl mpi link --map MAP.json --in A.csv [--in B.csv ..] --out CLUSTERS.csv\n"
                    "                          [--explain A B] [--probability 0.9] [--model-out FILE] [--config FILE]\n"
                    "  MAP.json    {\"id\": \"rec_id\", \"name\": \"name\", \"address\": [\"street\", \"town\"], ..}; attributes: id, name or\n"
                    "              family_name and given_name, sex, birth_date, id_no, phone, address, postcode, insurance_no, source\n"
                    "  --explain   says why records A and B are one person or two; A@2 is record A of the second file\n"
                    "  --model-out writes what was learned; config/data/mpi_model.tsv is such a file\n"
                    "  --probability  from where on records are one person; without it 0.9, or higher where too many would be wrong\n"
                    "  --out       may be left out with --explain\n");
    return 2;
}

static bool take(struct ctl *c, int *i, const char *name, const char **out)
{
    if (strcmp(c->argv[*i], name) || *i + 1 >= c->argc)
        return false;
    *out = c->argv[++*i];
    return true;
}

static bool read_words(struct ctl *c, struct words *w)
{
    for (int i = 1; i < c->argc; i++) {
        const char *file = NULL, *config = NULL; /* --config is the program's own */
        if (take(c, &i, "--map", &w->map) || take(c, &i, "--out", &w->out) || take(c, &i, "--config", &config) ||
            take(c, &i, "--probability", &w->probability) || take(c, &i, "--model-out", &w->model))
            continue;
        if (w->n_in < FILES_MAX && take(c, &i, "--in", &file))
            w->in[w->n_in++] = file;
        else if (strcmp(c->argv[i], "--explain") == 0 && i + 2 < c->argc) {
            w->explain[0] = c->argv[++i];
            w->explain[1] = c->argv[++i];
        } else {
            fprintf(stderr, "yilianctl: %s is not understood here\n", c->argv[i]);
            return false;
        }
    }
    return w->map && w->n_in && (w->out || w->explain[0]);
}

/* As editors under Windows save it too: with a mark before it. */
static json_t *load_map(const char *path, struct fault *f)
{
    json_error_t where = {.line = -1};
    json_t *map = NULL;
    FILE *in = fopen(path, "re");
    if (!in) {
        fault_set(f, ERR_NOT_FOUND, "map", "%.120s cannot be read: %s.", path, strerror(errno));
        return NULL;
    }
    char mark[3];
    if (fread(mark, 1, 3, in) != 3 || memcmp(mark, "\xEF\xBB\xBF", 3))
        rewind(in);
    map = json_loadf(in, JSON_REJECT_DUPLICATES, &where);
    fclose(in);
    if (!map)
        fault_set(f, ERR_MALFORMED, "map", "%.80s, line %d, column %d: %.100s.", path, where.line, where.column, where.text);
    return map;
}

/* Where too many are alike not everything is compared: he who reads the groups must know. */
static void tell_left_out(const struct records_mpi_figures *figures)
{
    for (size_t i = 0; i < figures->n_alike; i++)
        fprintf(stderr, "%u records have one and the same %s: it tells nobody from another\n", figures->alike[i].records, figures->alike[i].attribute);
    if (figures->n_alike && figures->left_pairs)
        fprintf(stderr, "%llu pairs that share a key were not compared for it: of more than 50 under one key each meets its neighbours by birth date and name\n",
                (unsigned long long)figures->left_pairs);
    if (figures->left_edges || figures->left_groups)
        fprintf(stderr, "too many records are alike: %llu weaker pairs were let go, and %llu times two groups were not looked at as wholes\n",
                (unsigned long long)figures->left_edges, (unsigned long long)figures->left_groups);
}

static int run(const struct words *w, const char *dir, struct fault *f)
{
    struct records_mpi_figures figures;
    char *explanation = NULL;
    json_t *map = load_map(w->map, f);
    if (!map)
        return f->code;
    struct records_mpi_link job = {.config_dir = dir,
                                   .map = map,
                                   .in = w->in,
                                   .n_in = w->n_in,
                                   .out = w->out,
                                   .model_out = w->model,
                                   .explain = {w->explain[0], w->explain[1]},
                                   .probability = w->probability ? atof(w->probability) : 0};
    int rc = records_mpi_link(&job, &figures, &explanation, f);
    json_decref(map);
    if (explanation)
        fputs(explanation, stdout);
    free(explanation);
    if (rc)
        return rc;
    fprintf(stderr, "%u records, %u persons; %llu pairs compared; read in %.1f s, linked in %.1f s\n", figures.records, figures.clusters,
            (unsigned long long)figures.pairs, (double)figures.load_ms / 1e3, (double)figures.link_ms / 1e3);
    if (figures.unreadable)
        fprintf(stderr, "%zu bytes are no characters and were passed over, the first in %s\n", figures.unreadable, figures.unreadable_at);
    tell_left_out(&figures);
    if (figures.repeated)
        fprintf(stderr, "%u records have an id that stands before: each has its own line, in the order of the input\n", figures.repeated);
    return 0;
}

int ctl_mpi(struct ctl *c)
{
    struct words w = {0};
    struct fault f = {0};
    char dir[PATH_MAX];
    if (c->argc < 1 || strcmp(c->argv[0], "link") || !read_words(c, &w))
        return usage();
    double p = w.probability ? atof(w.probability) : RECORDS_MPI_PROBABILITY;
    if (p < 0.01 || p > 0.999999)
        return fprintf(stderr, "yilianctl: --probability must lie between 0.01 and 0.999999\n"), 2;
    if (ctl_find_config(c, dir, &f) || run(&w, dir, &f))
        return ctl_complain(&f);
    return 0;
}
