/* yilianctl dx: the diagnosis normal form over whole files, without a site. */
#include "server/ctl/ctl.h"
#include <stdlib.h>
#include <string.h>

#define JSON_BYTES (256 << 10) /* for the diagnoses of a line; its text, which may be of any length, comes on top */

int ctl_find_data(struct ctl *c, char out[PATH_MAX], struct fault *f)
{
    const char *given = ctl_value(c, "data");
    char dir[PATH_MAX];
    if (given)
        return snprintf(out, PATH_MAX, "%s", given) < PATH_MAX ? 0 : fault_set(f, ERR_INVALID, "data", "The path is too long.");
    int rc = ctl_find_config(c, dir, f);
    if (rc == 0 && snprintf(out, PATH_MAX, "%s/data", dir) >= PATH_MAX)
        rc = fault_set(f, ERR_INVALID, "config.dir", "The path is too long.");
    return rc;
}

struct job {
    struct records_dx *dx;
    int flags;
    char *json, *line;
    size_t json_cap, line_cap;
};

/* Room for a line of `len` bytes, each of which JSON may write as six. */
static bool make_room(struct job *j, size_t len)
{
    size_t wanted = JSON_BYTES + 6 * len;
    char *grown = wanted > j->json_cap ? realloc(j->json, wanted) : j->json;
    if (!grown)
        return false;
    j->json_cap = wanted > j->json_cap ? wanted : j->json_cap;
    j->json = grown;
    return true;
}

static int write_diagnoses(struct job *j, const char *text, size_t len, int flags)
{
    size_t n = make_room(j, len) ? records_dx_json(j->dx, text, len, j->flags | flags, j->json, j->json_cap) : 0;
    if (!n)
        return fprintf(stderr, "yilianctl: out of memory for a line of %zu bytes\n", len), 1;
    fwrite_unlocked(j->json, 1, n, stdout);
    return 0;
}

/* {"text": ..., more}: the members stay as they are, but for gold. */
static int write_object(struct job *j, json_t *object)
{
    const char *key;
    json_t *value, *text = json_object_get(object, "text");
    putc_unlocked('{', stdout);
    json_object_foreach(object, key, value) {
        if (strcmp(key, "gold") == 0 || strcmp(key, "diagnoses") == 0)
            continue;
        json_t *name = json_string(key);
        json_dumpf(name, stdout, JSON_ENCODE_ANY);
        fputs(": ", stdout);
        json_dumpf(value, stdout, JSON_ENCODE_ANY);
        fputs(", ", stdout);
        json_decref(name);
    }
    fputs("\"diagnoses\": ", stdout);
    int rc = write_diagnoses(j, json_string_value(text), json_string_length(text), 0);
    fputs("}\n", stdout);
    return rc;
}

static int one_line(struct job *j, const char *line, size_t len)
{
    json_t *object = len && line[0] == '{' ? json_loadb(line, len, 0, NULL) : NULL;
    int rc;
    if (json_is_string(json_object_get(object, "text")))
        rc = write_object(j, object);
    else {
        rc = write_diagnoses(j, line, len, RECORDS_DX_TEXT);
        putc_unlocked('\n', stdout);
    }
    json_decref(object);
    return rc;
}

static int normalise(struct job *j)
{
    ssize_t n;
    int rc = 0;
    bool first = true;
    setvbuf(stdout, NULL, _IOFBF, 1 << 20);
    while (!rc && (n = getline(&j->line, &j->line_cap, stdin)) >= 0) {
        size_t mark = first && n >= 3 && memcmp(j->line, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0; /* as editors under Windows put it */
        while (n > (ssize_t)mark && (j->line[n - 1] == '\n' || j->line[n - 1] == '\r'))
            n--;
        rc = one_line(j, j->line + mark, (size_t)n - mark);
        first = false;
    }
    return fflush(stdout) || ferror(stdin) ? 1 : rc;
}

static bool read_words(struct ctl *c, struct job *j)
{
    for (int i = 1; i < c->argc; i++) {
        if (strcmp(c->argv[i], "--explain") == 0)
            j->flags |= RECORDS_DX_EXPLAIN;
        else if ((strcmp(c->argv[i], "--data") == 0 || strcmp(c->argv[i], "--config") == 0) && i + 1 < c->argc)
            i++;
        else
            return fprintf(stderr, "yilianctl: %s is not understood here\n", c->argv[i]), false;
    }
    return c->argc > 0 && (strcmp(c->argv[0], "normalise") == 0 || strcmp(c->argv[0], "normalize") == 0);
}

int ctl_dx(struct ctl *c)
{
    char path[PATH_MAX];
    struct job j = {0};
    struct fault f = {0};
    if (!read_words(c, &j))
        return fprintf(stderr, "usage: yilianctl dx normalise [--data DIR] [--explain] <LINES >JSON-LINES\n"), 2;
    int code = ctl_find_data(c, path, &f) || records_dx_open(&j.dx, path, &f) ? ctl_complain(&f) : normalise(&j);
    records_dx_close(j.dx);
    free(j.json);
    free(j.line);
    return code;
}
