/* yilianctl dx: the diagnosis normal form over whole files, without a site. */
#include "server/ctl/ctl.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef YL_SOURCE_DIR
#define YL_SOURCE_DIR "."
#endif

#define JSON_BYTES (256 << 10)

static bool is_data(const char *dir)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/dx_words.tsv", dir);
    return access(path, R_OK) == 0;
}

/* The tables: --data, YL_DATA, beside the program (build folder in the source tree, or PREFIX/bin with PREFIX/share/yilian), the
 * folder the program is run in, the source tree it was built from. */
static const char *find_data(const struct ctl *c, char out[PATH_MAX])
{
    static const char *const beside[] = {"../config/data", "../share/yilian/data", "../share/yilian/config/data", "config/data"};
    char self[PATH_MAX];
    const char *given = ctl_value(c, "data");
    given = given ? given : getenv("YL_DATA");
    if (given)
        return given;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = 0;
    for (size_t i = 0; slash && i < sizeof beside / sizeof *beside; i++) {
        if (snprintf(out, PATH_MAX, "%s/%s", self, beside[i]) < PATH_MAX && is_data(out))
            return out;
    }
    snprintf(out, PATH_MAX, "config/data");
    if (is_data(out))
        return out;
    snprintf(out, PATH_MAX, "%s/config/data", YL_SOURCE_DIR);
    return out;
}

struct job {
    struct records_dx *dx;
    int flags;
    char *json, *line;
    size_t line_cap;
};

static int write_diagnoses(struct job *j, const char *text, size_t len, int flags)
{
    size_t n = records_dx_json(j->dx, text, len, j->flags | flags, j->json, JSON_BYTES);
    if (!n)
        return fprintf(stderr, "yilianctl: a line has more to say than %d bytes hold\n", JSON_BYTES), 1;
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

static int one_line(struct job *j, size_t len)
{
    json_t *object = len && j->line[0] == '{' ? json_loadb(j->line, len, 0, NULL) : NULL;
    int rc;
    if (json_is_string(json_object_get(object, "text")))
        rc = write_object(j, object);
    else {
        rc = write_diagnoses(j, j->line, len, RECORDS_DX_TEXT);
        putc_unlocked('\n', stdout);
    }
    json_decref(object);
    return rc;
}

static int normalise(struct job *j)
{
    ssize_t n;
    int rc = 0;
    setvbuf(stdout, NULL, _IOFBF, 1 << 20);
    while (!rc && (n = getline(&j->line, &j->line_cap, stdin)) >= 0) {
        while (n > 0 && (j->line[n - 1] == '\n' || j->line[n - 1] == '\r'))
            n--;
        rc = one_line(j, (size_t)n);
    }
    return fflush(stdout) || ferror(stdin) ? 1 : rc;
}

static bool has_flag(const struct ctl *c, const char *name)
{
    for (int i = 0; i < c->argc; i++)
        if (strcmp(c->argv[i], name) == 0)
            return true;
    return false;
}

int ctl_dx(struct ctl *c)
{
    char path[PATH_MAX];
    struct job j = {.flags = has_flag(c, "--explain") ? RECORDS_DX_EXPLAIN : 0};
    struct fault f = {0};
    if (c->argc < 1 || (strcmp(c->argv[0], "normalise") && strcmp(c->argv[0], "normalize")))
        return fprintf(stderr, "usage: yilianctl dx normalise [--data DIR] [--explain] <LINES >JSON-LINES\n"), 2;
    j.json = malloc(JSON_BYTES);
    int code = !j.json ? 1 : records_dx_open(&j.dx, find_data(c, path), &f) ? ctl_complain(&f) : normalise(&j);
    records_dx_close(j.dx);
    free(j.json);
    free(j.line);
    return code;
}
