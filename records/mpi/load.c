#include "records/mpi/load.h"
#include <stdlib.h>
#include <string.h>

#define JOINED_MAX 1024

void mpi_load_init(struct mpi_load *l, struct mpi_set *set, const struct mpi_map *map)
{
    memset(l, 0, sizeof *l);
    l->set = set;
    l->map = map;
}

void mpi_load_fini(struct mpi_load *l)
{
    free(l->ids);
    free(l->id_at);
    memset(l, 0, sizeof *l);
}

/* ---- one line ---- */

struct columns {
    int at[MPI_ATTRIBUTES][MPI_MAP_COLUMNS]; /* -1 = not in this table */
    char joined[MPI_ATTRIBUTES][JOINED_MAX];
};

static struct mpi_text trimmed(struct mpi_text t)
{
    while (t.len && (*t.p == ' ' || *t.p == '\t')) {
        t.p++;
        t.len--;
    }
    while (t.len && (t.p[t.len - 1] == ' ' || t.p[t.len - 1] == '\t'))
        t.len--;
    return t;
}

static const char *joiner(enum mpi_attribute a)
{
    switch (a) {
    case MPI_NAME:
    case MPI_FAMILY_NAME:
    case MPI_GIVEN_NAME:
    case MPI_ADDRESS:
        return " ";
    case MPI_BIRTH_DATE:
        return "-";
    case MPI_PHONE:
        return ";";
    default:
        return NULL; /* the first that is filled in */
    }
}

static struct mpi_text value_of(const struct csv *c, const struct mpi_map *map, struct columns *columns, enum mpi_attribute a)
{
    struct mpi_text only = {"", 0};
    const char *with = joiner(a);
    size_t n = 0, filled = 0;
    for (size_t i = 0; i < map->of[a].n; i++) {
        int at = columns->at[a][i];
        struct mpi_text one = at < 0 ? only : trimmed(c->field[at]);
        if (at < 0 || !one.len)
            continue;
        if (filled++ == 0)
            only = one;
        if (!with || n + one.len + 2 > JOINED_MAX)
            continue;
        if (n)
            columns->joined[a][n++] = *with;
        memcpy(columns->joined[a] + n, one.p, one.len);
        n += one.len;
    }
    return filled > 1 && with ? (struct mpi_text){columns->joined[a], n} : only;
}

static bool keep_id(struct mpi_load *l, struct mpi_text id, size_t line)
{
    char made[32];
    if (!id.len) {
        id.len = (size_t)snprintf(made, sizeof made, "%zu", line);
        id.p = made;
    }
    if (l->set->n > l->id_at_cap || !l->id_at) {
        size_t cap = l->id_at_cap ? l->id_at_cap * 2 : 1024;
        size_t *grown = realloc(l->id_at, (cap + 1) * sizeof *grown);
        if (!grown)
            return false;
        l->id_at = grown;
        l->id_at_cap = cap;
    }
    if (l->ids_len + id.len + 1 > l->ids_cap) {
        size_t cap = l->ids_cap * 2 + id.len + 65536;
        char *grown = realloc(l->ids, cap);
        if (!grown)
            return false;
        l->ids = grown;
        l->ids_cap = cap;
    }
    l->id_at[l->set->n] = l->ids_len;
    memcpy(l->ids + l->ids_len, id.p, id.len);
    l->ids[l->ids_len + id.len] = 0;
    l->ids_len += id.len + 1;
    return true;
}

/* ---- one table ---- */

static void find_columns(struct mpi_load *l, const struct csv *c, struct columns *out)
{
    for (int a = 0; a < MPI_ATTRIBUTES; a++)
        for (size_t i = 0; i < l->map->of[a].n; i++) {
            out->at[a][i] = csv_column(c, l->map->of[a].column[i]);
            l->met[a][i] = l->met[a][i] || out->at[a][i] >= 0;
        }
}

static bool any_column(const struct mpi_map *map, const struct columns *columns, enum mpi_attribute a)
{
    for (size_t i = 0; i < map->of[a].n; i++)
        if (columns->at[a][i] >= 0)
            return true;
    return false;
}

/* Looks which way round the whole birth date column is written. */
static int look_at_dates(struct mpi_load *l, struct csv *c, struct columns *columns, struct fault *f)
{
    int rc = 1;
    l->set->order = (struct mpi_date_order){0};
    if (!any_column(l->map, columns, MPI_BIRTH_DATE))
        return 0;
    while ((rc = csv_next(c, f)) == 1)
        mpi_date_look(l->set->tables, value_of(c, l->map, columns, MPI_BIRTH_DATE), &l->set->order);
    csv_rewind(c);
    return rc;
}

int mpi_load_table(struct mpi_load *l, struct csv *c, struct fault *f)
{
    struct columns *columns = malloc(sizeof *columns);
    if (!columns)
        return fault_set(f, ERR_INTERNAL, "", "Out of memory.");
    find_columns(l, c, columns);
    int rc = 0;
    if (l->files == MPI_FILES_MAX)
        rc = fault_set(f, ERR_INVALID, "csv", "More than %d tables.", MPI_FILES_MAX);
    else if (l->map->of[MPI_ID].n && !any_column(l->map, columns, MPI_ID))
        rc = fault_set(f, ERR_INVALID, "csv", "%s, line 1: there is no column \"%.60s\" (id of the map).", c->name, l->map->of[MPI_ID].column[0]);
    else
        rc = look_at_dates(l, c, columns, f);
    while (rc == 0 && (rc = csv_next(c, f)) == 1) {
        struct mpi_raw raw;
        for (int a = 0; a < MPI_ATTRIBUTES; a++)
            raw.text[a] = value_of(c, l->map, columns, (enum mpi_attribute)a);
        rc = keep_id(l, raw.text[MPI_ID], c->line) ? mpi_set_add(l->set, &raw) : ERR_INTERNAL;
        if (rc)
            fault_set(f, rc, "", "Out of memory at %s, line %zu.", c->name, c->line);
    }
    free(columns);
    if (rc == 0)
        l->first[++l->files] = l->set->n;
    return rc;
}

int mpi_load_finish(struct mpi_load *l, struct fault *f)
{
    for (int a = 0; a < MPI_ATTRIBUTES; a++)
        for (size_t i = 0; i < l->map->of[a].n; i++)
            if (!l->met[a][i])
                fault_field(f, mpi_attribute_words[a], "no_such_column:%.60s", l->map->of[a].column[i]);
    if (f->n_fields)
        return fault_set(f, ERR_INVALID, "map", "The map names columns that no table has.");
    if (mpi_set_finish(l->set))
        return fault_set(f, ERR_INTERNAL, "", "Out of memory.");
    return 0;
}
