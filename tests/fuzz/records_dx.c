/* The diagnosis line: any bytes a doctor, a chart export or a wrong encoding puts there. The result must be whole: texts within memory,
 * spans within the line, JSON that parses, and the same again on a second reading. */
#include "records/term/dx.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#ifndef YL_SOURCE_DIR
#define YL_SOURCE_DIR "."
#endif

static struct pinyin *pinyin;
static struct icd10 *icd10;
static struct dx *dx;

static bool valid_utf8(const char *text, size_t len)
{
    json_t *s = json_stringn(text, len);
    json_decref(s);
    return s != NULL;
}

static void check(const struct dx_result *r, size_t len)
{
    if (r->n > DX_DIAGNOSES_MAX || r->n_steps > DX_STEPS_MAX)
        abort();
    for (size_t i = 0; i < r->n; i++) {
        const struct dx_diagnosis *d = &r->diagnoses[i];
        if (!d->diagnosis || !d->location_type || !d->pathology || !d->lesion || !d->stage || strlen(d->icd10) > 3)
            abort();
    }
    for (size_t i = 0; i < r->n_steps; i++)
        if (r->steps[i].from > r->steps[i].to || r->steps[i].to > len || r->steps[i].diagnosis >= r->n)
            abort();
}

/* The tables are read before the clock of the first input runs. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *dir = getenv("YL_DATA") ? getenv("YL_DATA") : YL_SOURCE_DIR "/config/data";
    if (pinyin_open(&pinyin, dir) || icd10_open(&icd10, dir, pinyin) || dx_open(&dx, dir, icd10))
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dx_result r;
    static char json[256 << 10], again[256 << 10];
    if (size > 9000)
        return 0;
    char *line = malloc(size + 1); /* exactly as long as it is: reading past it is found */
    memcpy(line, data, size);
    dx_normalise(dx, line, size, &r);
    check(&r, size);
    size_t n = dx_json(&r, true, json, sizeof json);
    if (!n)
        abort();
    if (valid_utf8(line, size)) {
        json_t *parsed = json_loadb(json, n, 0, NULL);
        if (!parsed)
            abort();
        json_decref(parsed);
    }
    for (size_t i = 0; i < r.n; i++) {
        struct icd10_hit hits[5];
        if (dx_candidates(dx, &r.diagnoses[i], hits, 5) > 5)
            abort();
    }
    dx_normalise(dx, line, size, &r);
    if (dx_json(&r, true, again, sizeof again) != n || memcmp(json, again, n))
        abort();
    free(line);
    return 0;
}
