/* The batch form of the patient index: tables in, groups out. The map is JSON; the engine (records/mpi) knows neither it nor SQL. */
#include "records/mpi/link.h"
#include "records/mpi/load.h"
#include "records/records.h"
#include "server/base/clock.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the map ---- */

static int attribute_of(const char *word)
{
    for (int a = 0; a < MPI_ATTRIBUTES; a++)
        if (strcmp(mpi_attribute_words[a], word) == 0)
            return a;
    return -1;
}

static void take_columns(const char *word, const json_t *value, struct mpi_map *map, struct fault *f)
{
    int a = attribute_of(word);
    size_t n = json_is_array(value) ? json_array_size(value) : 1;
    if (a < 0) {
        fault_field(f, word, "unknown_attribute");
        return;
    }
    if (n == 0 || n > MPI_MAP_COLUMNS)
        fault_field(f, word, "one_to_%d_columns", MPI_MAP_COLUMNS);
    for (size_t i = 0; i < n && n <= MPI_MAP_COLUMNS; i++) {
        const char *column = json_string_value(json_is_array(value) ? json_array_get(value, i) : value);
        if (!column || !*column)
            fault_field(f, word, "column_name_expected");
        else
            map->of[a].column[map->of[a].n++] = column;
    }
}

static int read_map(const json_t *json, struct mpi_map *map, struct fault *f)
{
    const char *word;
    json_t *value;
    memset(map, 0, sizeof *map);
    if (!json_is_object(json) || json_object_size(json) == 0)
        return fault_set(f, ERR_INVALID, "map", "The map must be an object from attribute to column name or list of columns.");
    json_object_foreach((json_t *)json, word, value) take_columns(word, value, map, f);
    if (f->n_fields)
        return fault_set(f, ERR_INVALID, "map", "The map is wrong. Attributes: id, name, family_name, given_name, sex, birth_date, "
                                                "id_no, phone, address, postcode, insurance_no, source.");
    return 0;
}

/* ---- the run ---- */

struct batch {
    const struct records_mpi_link *job;
    struct mpi_tables *tables;
    struct mpi_map map;
    struct mpi_set set;
    struct mpi_load load;
    struct mpi_link link;
};

static int load_tables(struct batch *b, struct fault *f)
{
    char dir[600];
    snprintf(dir, sizeof dir, "%s/data", b->job->config_dir);
    int rc = mpi_tables_open(&b->tables, dir, f);
    if (rc)
        return rc;
    mpi_set_init(&b->set, b->tables);
    mpi_load_init(&b->load, &b->set, &b->map);
    for (size_t i = 0; i < b->job->n_in; i++) {
        struct csv csv;
        rc = csv_open(&csv, b->job->in[i], f);
        if (rc)
            return rc;
        rc = mpi_load_table(&b->load, &csv, f);
        csv_close(&csv);
        if (rc)
            return rc;
    }
    return mpi_load_finish(&b->load, f);
}

/* How many records carry an id that an earlier record has. */
static int count_repeated(const struct batch *b, uint32_t *repeated)
{
    struct mpi_pool ids = {0};
    int rc = 0;
    for (uint32_t i = 0; i < b->set.n && rc == 0; i++) {
        const char *id = mpi_load_id(&b->load, i);
        uint32_t value = mpi_pool_put(&ids, id, strlen(id));
        rc = value ? 0 : ERR_INTERNAL;
        *repeated += value && ids.values[value].count > 1;
    }
    mpi_pool_fini(&ids);
    return rc;
}

static void note_alike(const struct mpi_set *s, struct records_mpi_figures *figures)
{
    for (int a = 0; a < MPI_ATTRIBUTES && figures->n_alike < RECORDS_MPI_ALIKE; a++) {
        uint32_t most = mpi_set_most(s, (enum mpi_attribute)a);
        if (most >= 1000 && most >= s->n / 10) {
            figures->alike[figures->n_alike].attribute = mpi_attribute_words[a];
            figures->alike[figures->n_alike++].records = most;
        }
    }
}

/* A slip of the hand must not cost a table. */
static bool is_input(const struct records_mpi_link *job)
{
    struct stat out, in;
    if (!job->out || stat(job->out, &out) || !S_ISREG(out.st_mode))
        return false;
    for (size_t i = 0; i < job->n_in; i++)
        if (stat(job->in[i], &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
            return true;
    return false;
}

static int write_clusters(const struct batch *b, struct fault *f)
{
    FILE *out = fopen(b->job->out, "we");
    if (!out)
        return fault_set(f, ERR_STORAGE, "out", "%.150s cannot be written: %s.", b->job->out, strerror(errno));
    fputs("rec_id,cluster_id\n", out);
    for (uint32_t i = 0; i < b->set.n; i++) {
        uint32_t record = b->load.row[i];
        const char *id = mpi_load_id(&b->load, record);
        csv_put(out, (struct mpi_text){id, strlen(id)});
        fprintf(out, ",%u\n", b->link.cluster[record] + 1);
    }
    int failed = ferror(out);
    if (fclose(out) || failed)
        return fault_set(f, ERR_STORAGE, "out", "%.150s could not be written whole: %s.", b->job->out, strerror(errno));
    return 0;
}

static int write_model(const struct batch *b, struct fault *f)
{
    FILE *out = fopen(b->job->model_out, "we");
    bool written = out && mpi_model_write(&b->link.model, out);
    if (!out || fclose(out) || !written)
        return fault_set(f, ERR_STORAGE, "model", "%.150s cannot be written: %s.", b->job->model_out, strerror(errno));
    return 0;
}

/* The record called `id`, or "id@2": the one in the second table. */
static int find_record(const struct batch *b, const char *id, uint32_t *out, struct fault *f)
{
    const char *at = strrchr(id, '@');
    size_t table = at ? strtoul(at + 1, NULL, 10) : 0, found = 0;
    size_t len = table >= 1 && table <= b->load.files ? (size_t)(at - id) : SIZE_MAX;
    for (uint32_t i = 0; i < b->set.n; i++) {
        const char *own = mpi_load_id(&b->load, b->load.row[i]);
        bool here = strcmp(own, id) == 0;
        if (!here && len != SIZE_MAX && i >= b->load.first[table - 1] && i < b->load.first[table])
            here = strlen(own) == len && memcmp(own, id, len) == 0;
        if (here && found++ == 0)
            *out = b->load.row[i];
    }
    if (found == 0)
        return fault_set(f, ERR_NOT_FOUND, "explain", "No record is called %.80s.", id);
    if (found > 1)
        return fault_set(f, ERR_CONFLICT, "explain", "%zu records are called %.80s: say which table, as in %.80s@1.", found, id, id);
    return 0;
}

static int explain(const struct batch *b, char **explanation, struct fault *f)
{
    uint32_t x, y;
    int rc = find_record(b, b->job->explain[0], &x, f);
    rc = rc ? rc : find_record(b, b->job->explain[1], &y, f);
    if (rc)
        return rc;
    *explanation = mpi_link_explain(&b->link, x, y);
    return *explanation ? 0 : fault_set(f, ERR_INTERNAL, "", "Out of memory.");
}

static int run(struct batch *b, struct records_mpi_figures *figures, char **explanation, struct fault *f)
{
    double p = b->job->probability > 0 ? b->job->probability : RECORDS_MPI_PROBABILITY, wrong = b->job->probability > 0 ? 0 : RECORDS_MPI_WRONG;
    int64_t start = clock_monotonic_us();
    if (is_input(b->job))
        return fault_set(f, ERR_INVALID, "out", "%.150s is one of the tables that are read; the groups need a file of their own.", b->job->out);
    int rc = read_map(b->job->map, &b->map, f);
    rc = rc ? rc : load_tables(b, f);
    if (rc)
        return rc;
    figures->records = b->set.n;
    figures->unreadable = b->load.unreadable;
    memcpy(figures->unreadable_at, b->load.unreadable_at, sizeof figures->unreadable_at);
    figures->load_ms = (clock_monotonic_us() - start) / 1000;
    rc = count_repeated(b, &figures->repeated);
    rc = rc ? rc : mpi_link_run(&b->link, &b->set, &(struct mpi_link_options){.odds = (float)log(p / (1 - p)), .wrong = wrong, .threads = 2});
    if (rc)
        return fault_set(f, rc, "", "Out of memory.");
    figures->clusters = b->link.clusters;
    figures->pairs = b->link.pairs;
    figures->left_pairs = b->link.cut.pairs;
    figures->left_edges = b->link.cut.edges;
    figures->left_groups = b->link.cut.groups;
    note_alike(&b->set, figures);
    figures->link_ms = (clock_monotonic_us() - start) / 1000 - figures->load_ms;
    rc = b->job->out ? write_clusters(b, f) : 0;
    if (rc == 0 && b->job->model_out)
        rc = write_model(b, f);
    return rc || !b->job->explain[0] ? rc : explain(b, explanation, f);
}

int records_mpi_link(const struct records_mpi_link *job, struct records_mpi_figures *figures, char **explanation, struct fault *f)
{
    struct batch *b = calloc(1, sizeof *b);
    memset(figures, 0, sizeof *figures);
    *explanation = NULL;
    if (!b)
        return fault_set(f, ERR_INTERNAL, "", "Out of memory.");
    b->job = job;
    int rc = run(b, figures, explanation, f);
    mpi_link_fini(&b->link);
    mpi_load_fini(&b->load);
    mpi_set_fini(&b->set);
    mpi_tables_close(b->tables);
    free(b);
    return rc;
}
