/* Bench: the diagnosis normal form. How well (micro-F1 over the values of all slots, lines that are right as a whole) and how fast (lines
 * a second of one core, reading and writing JSON) it reads a file of judged lines; of how many names of the ICD-10 lists it finds the
 * category.
 *
 *   bench_records_dx [FILE.jsonl] [seconds]      (default tests/unit/dx/judged.jsonl 3)
 *
 * Bars: micro-F1 >= 0.97, whole lines >= 0.92, >= 50,000 lines/s per core. -v as a third word prints the lines that are not right.
 */
#include "server/base/clock.h"
#include "tests/support/dx_gold.h"
#include <stdlib.h>
#include <time.h>

#define LINES_MAX 20000

static json_t *lines[LINES_MAX];
static size_t n_lines;

static int load(const char *path)
{
    FILE *in = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    if (!in)
        return fprintf(stderr, "%s cannot be read\n", path), 1;
    while (n_lines < LINES_MAX && getline(&line, &cap, in) > 0) {
        json_t *one = json_loads(line, 0, NULL);
        if (json_is_string(json_object_get(one, "text")) && json_is_array(json_object_get(one, "gold")))
            lines[n_lines++] = one;
        else
            json_decref(one);
    }
    free(line);
    fclose(in);
    return n_lines == 0;
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void speed(const struct dx *dx, double seconds)
{
    static struct dx_result r;
    static char json[65536];
    double start = cpu_seconds(), used;
    size_t n = 0, bytes = 0;
    do {
        for (size_t i = 0; i < n_lines; i++, n++) {
            const char *text = json_string_value(json_object_get(lines[i], "text"));
            dx_normalise(dx, text, strlen(text), &r);
            bytes += dx_json(&r, false, json, sizeof json);
        }
        used = cpu_seconds() - start;
    } while (used < seconds);
    printf("{\"part\":\"speed\",\"lines\":%zu,\"cpu_s\":%.2f,\"lines_per_s\":%.0f,\"bytes_out\":%zu}\n", n, used, (double)n / used, bytes);
}

int main(int argc, char **argv)
{
    struct pinyin *pinyin = NULL;
    struct icd10 *icd10 = NULL;
    struct dx *dx = NULL;
    struct dx_score s = {0};
    const char *data = YL_SOURCE_DIR "/config/data";
    double start = cpu_seconds();
    if (load(argc > 1 ? argv[1] : YL_SOURCE_DIR "/tests/unit/dx/judged.jsonl") || pinyin_open(&pinyin, data) ||
        icd10_open(&icd10, data, pinyin) || dx_open(&dx, data, icd10))
        return 1;
    printf("{\"part\":\"load\",\"cpu_s\":%.2f}\n", cpu_seconds() - start);
    for (size_t i = 0; i < n_lines; i++)
        if (!dx_gold_line(dx, lines[i], &s) && argc > 3)
            printf("not right: %s\n", json_string_value(json_object_get(lines[i], "text")));
    printf("{\"part\":\"quality\",\"lines\":%zu,\"micro_f1\":%.4f,\"exact\":%.4f}\n", s.lines,
           2.0 * (double)s.right / (double)(s.wanted + s.given), (double)s.exact / (double)s.lines);
    static const char *const lists[] = {"icd10_nhsa.tsv", "icd10_category.tsv"};
    for (size_t i = 0; i < 2; i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", data, lists[i]);
        struct dx_names n = dx_own_names(dx, path);
        printf("{\"part\":\"names\",\"list\":\"%s\",\"names\":%zu,\"own_category\":%.4f}\n", lists[i], n.names, (double)n.own / (double)n.names);
    }
    speed(dx, argc > 2 ? atof(argv[2]) : 3);
    for (size_t i = 0; i < n_lines; i++)
        json_decref(lines[i]);
    dx_close(dx);
    icd10_close(icd10);
    pinyin_close(pinyin);
    return 0;
}
