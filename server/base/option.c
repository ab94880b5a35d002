#include "server/base/option.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX_BYTES (256 * 1024)

struct value {
    char *text;
    int64_t number;
    int line; /* 0 = the fallback */
};

struct options {
    struct value *values; /* one per row of option_table */
};

struct reader {
    struct options *options;
    const char *path;
    struct fault *fault;
    int line;
};

static size_t table_len(void)
{
    size_t n = 0;
    while (option_table[n].name != NULL)
        n++;
    return n;
}

static int row_find(const char *name)
{
    for (int i = 0; option_table[i].name != NULL; i++)
        if (strcmp(option_table[i].name, name) == 0) return i;
    return -1;
}

static void complain(struct reader *r, const char *name, const char *reason)
{
    char place[sizeof(((struct fault_field *)0)->path)];
    const char *file = strrchr(r->path, '/');
    file = file != NULL ? file + 1 : r->path;
    if (r->line > 0)
        snprintf(place, sizeof(place), "%.40s:%d %.40s", file, r->line, name);
    else
        snprintf(place, sizeof(place), "%.40s %.40s", file, name);
    fault_field(r->fault, place, "%s", reason);
}

/* ---- the nearest name, for a slip of the pen ---- */

/* Levenshtein distance; names are short, so one row of 64 is enough. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], n = strlen(b);
    if (n >= 64) return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t cost = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            size_t least = diagonal < row[j] ? diagonal + 1 : row[j] + 1;
            row[j + 1] = cost < least ? cost : least;
        }
    }
    return row[n];
}

static const char *nearest_name(const char *name)
{
    const char *best = NULL;
    size_t least = strlen(name) / 2 + 1; /* farther than that is not a slip */
    for (int i = 0; option_table[i].name != NULL; i++) {
        size_t d = distance(name, option_table[i].name);
        if (d < least) {
            least = d;
            best = option_table[i].name;
        }
    }
    return best;
}

/* ---- values ---- */

struct unit {
    const char *word;
    int64_t factor;
};
static const struct unit durations[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {0}};
static const struct unit sizes[] = {{"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {0}};
static const struct unit plain[] = {{"", 1}, {0}};

static int parse_number(const char *text, const struct unit *units, int64_t *out)
{
    char *end;
    if (!isdigit((unsigned char)text[0]) && text[0] != '-') return ERR_INVALID;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno != 0 || end == text) return ERR_INVALID;
    while (*end == ' ')
        end++;
    for (; units->word != NULL; units++)
        if (strcmp(end, units->word) == 0) return __builtin_mul_overflow(n, units->factor, out) ? ERR_INVALID : 0;
    return ERR_INVALID;
}

static int parse_bool(const char *text, int64_t *out)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};
    for (int i = 0; i < 6; i++)
        if (strcmp(text, words[i]) == 0) {
            *out = i & 1;
            return 0;
        }
    return ERR_INVALID;
}

static void take_number(struct reader *r, const struct option *row, const char *text, struct value *v)
{
    static const char *const reasons[] = {[OPTION_INT] = "not_a_number", [OPTION_BOOL] = "not_yes_or_no",
                                          [OPTION_DURATION_MS] = "not_a_duration: write 500ms, 30s, 15m, 2h or 1d",
                                          [OPTION_BYTES] = "not_a_size: write 64KiB, 8MiB or 2GiB"};
    const struct unit *units = row->type == OPTION_DURATION_MS ? durations : row->type == OPTION_BYTES ? sizes : plain;
    int error = row->type == OPTION_BOOL ? parse_bool(text, &v->number) : parse_number(text, units, &v->number);
    if (error) {
        complain(r, row->name, reasons[row->type]);
    } else if (row->type != OPTION_BOOL && (v->number < row->min || v->number > row->max)) {
        char reason[80];
        snprintf(reason, sizeof(reason), "out_of_range: %" PRId64 " to %" PRId64, row->min, row->max);
        complain(r, row->name, reason);
    }
}

/* A relative path is taken from the configuration file's folder, so that the daemon may start anywhere. */
static char *resolve_path(const char *config_path, const char *text)
{
    const char *slash = strrchr(config_path, '/');
    char *out = NULL;
    if (text[0] == '/' || text[0] == '\0' || slash == NULL) return strdup(text);
    if (asprintf(&out, "%.*s/%s", (int)(slash - config_path), config_path, text) < 0) return NULL;
    return out;
}

static void take_value(struct reader *r, int index, const char *text)
{
    const struct option *row = &option_table[index];
    struct value *v = &r->options->values[index];
    free(v->text);
    v->text = row->type == OPTION_PATH ? resolve_path(r->path, text) : strdup(text);
    if (v->text == NULL) abort();
    v->line = r->line;
    if (row->type == OPTION_INT || row->type == OPTION_BOOL || row->type == OPTION_DURATION_MS ||
        row->type == OPTION_BYTES)
        take_number(r, row, text, v);
}

/* ---- lines ---- */

static char *trim(char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    size_t n = strlen(s);
    while (n > 0 && strchr(" \t\r", s[n - 1]) != NULL)
        s[--n] = '\0';
    return s;
}

static void take_line(struct reader *r, char *line)
{
    char *name = trim(line);
    if (name[0] == '\0' || name[0] == '#') return;
    char *equals = strchr(name, '=');
    if (equals == NULL) {
        complain(r, name, "no_equals_sign: write `name = value`");
        return;
    }
    *equals = '\0';
    name = trim(name);
    char *value = trim(equals + 1);
    int index = row_find(name);
    if (index < 0) {
        const char *near = nearest_name(name);
        char reason[96];
        snprintf(reason, sizeof(reason), near != NULL ? "unknown_option: did you mean %s?" : "unknown_option", near);
        complain(r, name, reason);
    } else if (r->options->values[index].line > 0) {
        char reason[80];
        snprintf(reason, sizeof(reason), "given_twice: first in line %d", r->options->values[index].line);
        complain(r, name, reason);
    } else {
        take_value(r, index, value);
    }
}

static void take_file(struct reader *r, char *text)
{
    for (char *line = text; line != NULL;) {
        char *end = strchr(line, '\n');
        if (end != NULL) *end = '\0';
        r->line++;
        take_line(r, line);
        line = end != NULL ? end + 1 : NULL;
    }
    r->line = 0;
    for (int i = 0; option_table[i].name != NULL; i++) {
        const struct value *v = &r->options->values[i];
        if (v->line == 0 && option_table[i].fallback == NULL)
            complain(r, option_table[i].name, "required");
        else if (v->line > 0 && option_table[i].fallback == NULL && v->text[0] == '\0') {
            r->line = v->line;
            complain(r, option_table[i].name, "empty");
            r->line = 0;
        } else if (v->line == 0)
            take_value(r, i, option_table[i].fallback);
    }
}

static char *read_text(const char *path, struct fault *f)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    struct stat st;
    if (file == NULL) {
        fault_set(f, ERR_NOT_FOUND, "config_unreadable", "%.180s: %s", path, strerror(errno));
        return NULL;
    }
    if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX_BYTES) {
        fault_set(f, ERR_INVALID, "config_unreadable", "%.180s: not a configuration file", path);
        goto out;
    }
    text = calloc(1, (size_t)st.st_size + 1);
    if (text == NULL) abort();
    size_t got = fread(text, 1, (size_t)st.st_size, file);
    text[got] = '\0';
    if (strlen(text) != got) { /* a NUL byte would hide the rest of the file */
        fault_set(f, ERR_INVALID, "config_unreadable", "%.180s: holds a NUL byte", path);
        free(text);
        text = NULL;
    }
out:
    fclose(file);
    return text;
}

int options_load(struct options **out, const char *path, struct fault *f)
{
    struct fault local;
    if (f == NULL) f = &local;
    fault_clear(f);
    *out = NULL;
    char *text = read_text(path, f);
    if (text == NULL) return f->code;
    struct options *o = calloc(1, sizeof(*o));
    if (o == NULL || (o->values = calloc(table_len(), sizeof(struct value))) == NULL) abort();
    struct reader r = {.options = o, .path = path, .fault = f};
    take_file(&r, text);
    free(text);
    if (f->code != 0) {
        fault_set(f, f->code, "config_invalid", "%.180s: %zu mistakes", path, f->n_fields);
        options_free(o);
        return f->code;
    }
    *out = o;
    return 0;
}

void options_free(struct options *o)
{
    if (o == NULL) return;
    for (size_t i = 0; i < table_len(); i++)
        free(o->values[i].text);
    free(o->values);
    free(o);
}

/* ---- getters ---- */

static const struct value *value_of(const struct options *o, const char *name, unsigned types)
{
    int index = row_find(name);
    if (index < 0 || (types & (1u << option_table[index].type)) == 0) {
        fprintf(stderr, "option %s: no such option of this type\n", name);
        abort();
    }
    return &o->values[index];
}

const char *options_text(const struct options *o, const char *name)
{
    return value_of(o, name, 1u << OPTION_TEXT | 1u << OPTION_PATH | 1u << OPTION_LIST)->text;
}

int64_t options_int(const struct options *o, const char *name)
{
    return value_of(o, name, 1u << OPTION_INT | 1u << OPTION_DURATION_MS | 1u << OPTION_BYTES)->number;
}

bool options_bool(const struct options *o, const char *name)
{
    return value_of(o, name, 1u << OPTION_BOOL)->number != 0;
}
