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
    free(l->row);
    memset(l, 0, sizeof *l);
}

/* ---- one line ---- */

struct columns {
    int at[MPI_ATTRIBUTES][MPI_MAP_COLUMNS]; /* -1 = not in this table */
    char joined[MPI_ATTRIBUTES][JOINED_MAX];
};

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
        struct mpi_text one = at < 0 ? only : csv_trim(c->field[at]);
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

/* A name of the map that stands twice in the header might mean either column. */
static const char *stands_twice(const struct csv *c, const struct mpi_map *map)
{
    for (int a = 0; a < MPI_ATTRIBUTES; a++)
        for (size_t i = 0; i < map->of[a].n; i++) {
            const char *name = map->of[a].column[i];
            size_t met = 0;
            for (size_t k = 0; k < c->n_columns; k++)
                met += c->column[k].len == strlen(name) && memcmp(c->column[k].p, name, c->column[k].len) == 0;
            if (met > 1)
                return name;
        }
    return NULL;
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
    if (c->unreadable && !l->unreadable)
        snprintf(l->unreadable_at, sizeof l->unreadable_at, "%s, line %zu", c->name, c->unreadable_line);
    l->unreadable += c->unreadable;
    const char *twice = stands_twice(c, l->map);
    int rc = 0;
    if (twice)
        rc = fault_set(f, ERR_INVALID, "csv", "%s, line 1: the column \"%.60s\" stands there more than once.", c->name, twice);
    else if (l->files == MPI_FILES_MAX)
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

/* ---- the records' order ---- */

struct place {
    uint64_t said; /* of what the record says */
    const char *id;
    uint32_t row;
};

static uint32_t hash_of(const struct mpi_pool *p, uint32_t value)
{
    return p->values[value].hash;
}

static uint64_t said_by(const struct mpi_set *s, const struct mpi_record *r)
{
    const uint32_t said[] = {r->name ? hash_of(&s->names, r->name) : 0,
                             r->id ? hash_of(&s->ids, r->id) : 0,
                             (uint32_t)r->birth.year << 9 | (uint32_t)(r->birth.month << 5 | r->birth.day),
                             r->phone[0] ? hash_of(&s->phones, r->phone[0]) : 0,
                             r->phone[1] ? hash_of(&s->phones, r->phone[1]) : 0,
                             r->address ? hash_of(&s->addresses, r->address) : 0,
                             r->postcode ? hash_of(&s->postcodes, r->postcode) : 0,
                             r->insurance ? hash_of(&s->insurances, r->insurance) : 0,
                             (uint32_t)r->sex << 16 | (uint32_t)r->child << 8 | r->child_mark};
    return (uint64_t)mpi_hash(said, sizeof said, 1) << 32 | mpi_hash(said, sizeof said, 2);
}

static int by_said(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->said != y->said)
        return x->said < y->said ? -1 : 1;
    int ids = strcmp(x->id, y->id);
    return ids ? ids : (x->row > y->row) - (x->row < y->row);
}

/* Takes the records and their ids over into the order of `places`. */
static bool take_order(struct mpi_load *l, const struct place *places)
{
    uint32_t n = l->set->n;
    struct mpi_record *records = malloc(((size_t)n + 1) * sizeof *records);
    size_t *id_at = malloc(((size_t)n + 1) * sizeof *id_at);
    if (!records || !id_at) {
        free(records);
        free(id_at);
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        records[i] = l->set->records[places[i].row];
        id_at[i] = l->id_at[places[i].row];
        l->row[places[i].row] = i;
    }
    free(l->set->records);
    free(l->id_at);
    l->set->records = records;
    l->set->cap = n + 1;
    l->id_at = id_at;
    return true;
}

static bool settle_order(struct mpi_load *l)
{
    uint32_t n = l->set->n;
    struct place *places = malloc(((size_t)n + 1) * sizeof *places);
    l->row = malloc(((size_t)n + 1) * sizeof *l->row);
    bool ok = places && l->row;
    for (uint32_t i = 0; ok && i < n; i++)
        places[i] = (struct place){said_by(l->set, &l->set->records[i]), mpi_load_id(l, i), i};
    if (ok)
        qsort(places, n, sizeof *places, by_said);
    ok = ok && take_order(l, places);
    free(places);
    return ok;
}

int mpi_load_finish(struct mpi_load *l, struct fault *f)
{
    for (int a = 0; a < MPI_ATTRIBUTES; a++)
        for (size_t i = 0; i < l->map->of[a].n; i++)
            if (!l->met[a][i])
                fault_field(f, mpi_attribute_words[a], "no_such_column:%.60s", l->map->of[a].column[i]);
    if (f->n_fields)
        return fault_set(f, ERR_INVALID, "map", "The map names columns that no table has.");
    if (mpi_set_finish(l->set) || !settle_order(l))
        return fault_set(f, ERR_INTERNAL, "", "Out of memory.");
    return 0;
}
