#include "records/term/ts_defs.h"
#include "server/base/log.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct def {
    struct ts_def pub; /* first: a struct ts_def of ours is one of these */
    size_t at, len;    /* its JSON in the file, behind the lines */
    _Atomic(void *) made; /* struct ts_system or json_t; NULL until it is asked for */
};

struct ts_defs {
    const char *file, *bodies;
    size_t file_len, bodies_len;
    char *lines; /* cut into the strings of list */
    struct def *list; /* code systems, then value sets; each by url and version */
    size_t n_systems, n;
};

/* ---- the file ---- */

static int map_file(struct ts_defs *d, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *at = fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    if (fd >= 0)
        close(fd);
    if (at == MAP_FAILED)
        return ERR_STORAGE;
    d->file = at;
    d->file_len = (size_t)st.st_size;
    return 0;
}

/* kind id url version name offset length */
static bool read_line(struct ts_defs *d, char *line)
{
    struct def *e = &d->list[d->n++];
    const char *kind = strsep(&line, "\t");
    const char **texts[] = {&e->pub.id, &e->pub.url, &e->pub.version, &e->pub.name};
    for (size_t i = 0; i < 4; i++)
        *texts[i] = line ? strsep(&line, "\t") : "";
    e->at = line ? strtoul(line, &line, 10) : 0;
    e->len = line ? strtoul(line, NULL, 10) : 0;
    d->n_systems += kind[0] == 'S';
    return e->len && e->at < d->bodies_len && e->len <= d->bodies_len - e->at;
}

static int read_lines(struct ts_defs *d)
{
    const char *end = memmem(d->file, d->file_len, "\n\n", 2);
    size_t len = end ? (size_t)(end - d->file) : 0, lines = 1;
    if (!end)
        return ERR_STORAGE;
    d->bodies = end + 2;
    d->bodies_len = d->file_len - len - 2;
    d->lines = strndup(d->file, len);
    for (size_t i = 0; i < len; i++)
        lines += d->file[i] == '\n';
    d->list = calloc(lines, sizeof *d->list);
    if (!d->lines || !d->list)
        return ERR_INTERNAL;
    char *rest = d->lines;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (!read_line(d, line))
            return ERR_STORAGE;
    return 0;
}

int ts_defs_open(struct ts_defs **out, const char *data_dir)
{
    char path[600];
    struct ts_defs *d = calloc(1, sizeof *d);
    *out = NULL;
    if (!d)
        return ERR_INTERNAL;
    snprintf(path, sizeof path, "%s/r4_terms.txt", data_dir);
    int rc = map_file(d, path);
    rc = rc ? rc : read_lines(d);
    if (rc) {
        log_error("term", "cannot read %s", path);
        ts_defs_close(d);
        return rc;
    }
    *out = d;
    return 0;
}

static void system_free(struct ts_system *s)
{
    if (!s)
        return;
    json_decref(s->resource);
    ts_system_clear(s);
    free(s);
}

void ts_defs_close(struct ts_defs *d)
{
    if (!d)
        return;
    for (size_t i = 0; d->list && i < d->n; i++) {
        void *made = atomic_load(&d->list[i].made);
        if (i < d->n_systems)
            system_free(made);
        else
            json_decref(made);
    }
    if (d->file)
        munmap((void *)d->file, d->file_len);
    free(d->lines);
    free(d->list);
    free(d);
}

/* ---- making one ---- */

static json_t *resource_of(const struct ts_defs *d, const struct def *e)
{
    return json_loadb(d->bodies + e->at, e->len, 0, NULL);
}

/* Two threads may make the same one: the first stays. */
static const struct ts_system *system_made(const struct ts_defs *d, struct def *e)
{
    void *have = atomic_load(&e->made);
    if (have)
        return have;
    struct ts_system *mine = calloc(1, sizeof *mine);
    json_t *resource = mine ? resource_of(d, e) : NULL;
    if (resource && ts_system_read(mine, resource) == 0 && atomic_compare_exchange_strong(&e->made, &have, mine))
        return mine;
    system_free(mine);
    return have;
}

static const json_t *set_made(const struct ts_defs *d, struct def *e)
{
    void *have = atomic_load(&e->made);
    if (have)
        return have;
    json_t *mine = resource_of(d, e);
    if (!mine || atomic_compare_exchange_strong(&e->made, &have, mine))
        return mine;
    json_decref(mine);
    return have;
}

/* ---- finding ---- */

/* The first of this url among list[from..to). */
static size_t first_of(const struct ts_defs *d, size_t from, size_t to, const char *url)
{
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (strcmp(d->list[middle].pub.url, url) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* Its newest version that fits, NULL. `sets`: a value set has no patterns of versions. */
static struct def *find(const struct ts_defs *d, bool sets, const char *url, const char *version)
{
    struct def *best = NULL;
    size_t to = !d ? 0 : sets ? d->n : d->n_systems;
    for (size_t i = d ? first_of(d, sets ? d->n_systems : 0, to, url) : 0; i < to && strcmp(d->list[i].pub.url, url) == 0; i++) {
        struct def *e = &d->list[i];
        bool fits = !*version || (sets ? strcmp(e->pub.version, version) == 0 : ts_version_fits(e->pub.version, version));
        if (fits && (!best || ts_version_compare(e->pub.version, best->pub.version) > 0))
            best = e;
    }
    return best;
}

const struct ts_system *ts_defs_system(const struct ts_defs *d, const char *url, const char *version)
{
    struct def *e = find(d, false, url, version);
    return e ? system_made(d, e) : NULL;
}

const json_t *ts_defs_set(const struct ts_defs *d, const char *url, const char *version)
{
    struct def *e = find(d, true, url, version);
    return e ? set_made(d, e) : NULL;
}

static struct def *of_id(const struct ts_defs *d, size_t from, size_t to, const char *id)
{
    for (size_t i = from; i < to; i++)
        if (strcmp(d->list[i].pub.id, id) == 0)
            return &d->list[i];
    return NULL;
}

const struct ts_system *ts_defs_system_of_id(const struct ts_defs *d, const char *id)
{
    struct def *e = d ? of_id(d, 0, d->n_systems, id) : NULL;
    return e ? system_made(d, e) : NULL;
}

const json_t *ts_defs_set_of_id(const struct ts_defs *d, const char *id)
{
    struct def *e = d ? of_id(d, d->n_systems, d->n, id) : NULL;
    return e ? set_made(d, e) : NULL;
}

size_t ts_defs_versions(const struct ts_defs *d, const char *url, const char **out, size_t cap)
{
    size_t n = 0;
    for (size_t i = d ? first_of(d, 0, d->n_systems, url) : 0; d && i < d->n_systems && n < cap && strcmp(d->list[i].pub.url, url) == 0; i++)
        out[n++] = d->list[i].pub.version;
    return n;
}

const struct ts_def *ts_defs_at(const struct ts_defs *d, const char *type, size_t i)
{
    bool sets = strcmp(type, "ValueSet") == 0;
    if (!d || (!sets && strcmp(type, "CodeSystem")))
        return NULL;
    i += sets ? d->n_systems : 0;
    return i < (sets ? d->n : d->n_systems) ? &d->list[i].pub : NULL;
}

json_t *ts_defs_resource(const struct ts_defs *d, const struct ts_def *which)
{
    return resource_of(d, (const struct def *)(const void *)which);
}
