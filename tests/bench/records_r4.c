/* Bench: the model of FHIR R4 on data of others, in one thread.
 *
 *   bench_records_r4 FILE...
 *
 * A FILE is NDJSON (a resource a line) or one JSON text (a resource, or a Bundle whose entries are taken one by one); what ends in .gz goes
 * through zcat. Says how many resources are not valid and why, whether each is written back byte for byte, and the CPU time of parsing,
 * validating and making the index values. Bar: 20,000 resources a CPU second for the three.
 */
#include "records/r4/search.h"
#include "records/r4/validate.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct r4 *r4;
static struct r4_doc *doc, *scratch;
static size_t resources, invalid, values, bytes, changed;
static double parse_s, validate_s, extract_s;

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char *load(const char *path, size_t *n)
{
    char command[1200];
    size_t len = strlen(path), cap = 1 << 20;
    bool packed = len > 3 && strcmp(path + len - 3, ".gz") == 0;
    snprintf(command, sizeof command, "zcat '%s'", path);
    FILE *in = packed ? popen(command, "r") : fopen(path, "r");
    char *text = malloc(cap);
    *n = 0;
    for (size_t got; in && text && (got = fread(text + *n, 1, cap - *n, in)) > 0;) {
        *n += got;
        if (*n == cap)
            text = realloc(text, cap *= 2);
    }
    if (in)
        packed ? pclose(in) : fclose(in);
    return text;
}

static void count(void *ctx, const struct r4_value *v)
{
    values++;
}

static void judge(const struct r4_node *resource)
{
    static struct r4_issues issues;
    resources++;
    if (r4_validate(r4, scratch, resource, NULL, 0, &issues)) {
        struct r4_str type = r4_text(r4_get(resource, "resourceType")), id = r4_text(r4_get(resource, "id"));
        invalid++;
        if (invalid <= 20)
            printf("  %.*s/%.*s %s at %s: %s\n", (int)type.n, type.p ? type.p : "", (int)id.n, id.p ? id.p : "", issues.list[0].code, issues.list[0].expression,
                   issues.list[0].details);
    }
    r4_doc_reset(scratch);
}

static void yield(const struct r4_node *resource)
{
    struct r4_extract x = {r4, NULL, NULL, count, NULL};
    if (r4_extract(&x, scratch, resource))
        printf("  a resource without values\n");
    r4_doc_reset(scratch);
}

static void each(const struct r4_node *root, void (*with)(const struct r4_node *resource))
{
    bool entries = r4_is(r4_get(root, "type"), "transaction") || r4_is(r4_get(root, "type"), "batch");
    const struct r4_node *list = entries ? r4_get(root, "entry") : NULL;
    for (const struct r4_node *one = list ? list->child : NULL; one; one = one->next)
        if (r4_get(one, "resource"))
            with(r4_get(one, "resource"));
    if (!list)
        with(root);
}

static void take(const char *text, size_t n)
{
    struct r4_node *root;
    struct r4_json_error e;
    r4_doc_reset(doc);
    double a = cpu();
    if (r4_json_parse(doc, text, n, &root, &e)) {
        printf("  %s at line %u column %u\n", e.reason, e.line, e.column);
        return;
    }
    double b = cpu();
    each(root, judge);
    double c = cpu();
    each(root, yield);
    parse_s += b - a;
    validate_s += c - b;
    extract_s += cpu() - c;
    bytes += n;
}

static void lines(const char *text, size_t n)
{
    const char *p = text, *end = text + n;
    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        stop = stop ? stop : end;
        struct r4_node *root;
        struct r4_buf b = {0};
        if (stop > p) {
            take(p, (size_t)(stop - p));
            if (!r4_json_parse(doc, p, (size_t)(stop - p), &root, NULL))
                r4_json_write(&b, root);
            changed += b.n != (size_t)(stop - p) || memcmp(b.p, p, b.n) != 0;
            r4_buf_clear(&b);
        }
        p = stop + 1;
    }
}

int main(int argc, char **argv)
{
    struct fault f;
    fault_clear(&f);
    double a = cpu();
    if (r4_open(&r4, YL_SOURCE_DIR "/config/data", &f) || !(doc = r4_doc_new()) || !(scratch = r4_doc_new())) {
        fprintf(stderr, "%s\n", f.text);
        return 1;
    }
    printf("definitions loaded in %.0f ms\n", (cpu() - a) * 1000);
    for (int i = 1; i < argc; i++) {
        size_t n;
        char *text = load(argv[i], &n);
        if (strstr(argv[i], ".ndjson"))
            lines(text, n);
        else if (n)
            take(text, n);
        free(text);
    }
    double all = parse_s + validate_s + extract_s, r = resources ? (double)resources : 1;
    printf("%zu resources, %zu not valid, %zu lines written differently, %.1f index values each\n", resources, invalid, changed, (double)values / r);
    printf("%.1f MB at %.0f MB/s; a resource: parse %.1f, validate %.1f, index %.1f us; %.0f resources a CPU second\n", (double)bytes / 1e6,
           (double)bytes / 1e6 / (parse_s > 0 ? parse_s : 1), parse_s / r * 1e6, validate_s / r * 1e6, extract_s / r * 1e6, r / (all > 0 ? all : 1));
    r4_close(r4);
    return 0;
}
