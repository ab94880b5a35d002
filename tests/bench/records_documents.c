/* How fast an upload becomes durable and readable, and how fast a diagnosis is found.
 *   bench_records_documents [folder] [MB]      default: /tmp, 300 MB
 * Prints one line a measure. The upload is what the pool does for PATCH /uploads: 1 MiB a call, hashed, sealed and synced each. */
#include "records/document/documents.h"
#include "records/term/icd10.h"
#include "server/base/clock.h"
#include "server/base/id.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static double seconds(void)
{
    return (double)clock_monotonic_us() / 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int write_all(struct documents *d, uint64_t id, size_t mb, double *each)
{
    uint8_t *data = malloc(1 << 20);
    uint64_t held = 0;
    int rc = documents_upload_create(d, id, (uint64_t)mb << 20);
    for (size_t i = 0; i < 1 << 20; i++)
        data[i] = (uint8_t)(i * 31 ^ i >> 7);
    for (size_t n = 0; rc == 0 && n < mb; n++) {
        double begin = seconds();
        data[n % 1000] ^= 1;
        rc = documents_upload_append(d, id, held, data, 1 << 20, &held);
        each[n] = seconds() - begin;
    }
    free(data);
    return rc;
}

static int read_all(struct documents *d, const char *address, uint64_t bytes)
{
    static uint8_t data[256 << 10];
    struct blob *b;
    size_t got;
    int rc = blob_open(documents_store(d), address, &b);
    if (rc)
        return rc;
    for (uint64_t at = 0; rc == 0 && at < bytes; at += got)
        rc = blob_read(b, at, data, sizeof data, &got);
    blob_close(b);
    return rc;
}

static int upload(struct documents *d, size_t mb)
{
    uint64_t id = id_new();
    double *each = calloc(mb, sizeof *each), begin = seconds();
    struct upload_done done;
    int rc = write_all(d, id, mb, each);
    double wrote = seconds();
    rc = rc ? rc : documents_upload_done(d, id, true, &done);
    double finished = seconds();
    rc = rc ? rc : read_all(d, done.address, (uint64_t)mb << 20);
    double read = seconds();
    qsort(each, mb, sizeof *each, by_value);
    if (rc == 0) {
        printf("upload_mb_per_s %.1f\nupload_append_p50_ms %.2f\n", (double)mb / (wrote - begin), each[mb / 2] * 1e3);
        printf("upload_append_p99_ms %.2f\nupload_finish_ms %.2f\n", each[mb * 99 / 100] * 1e3, (finished - wrote) * 1e3);
        printf("read_mb_per_s %.1f\n", (double)mb / (read - finished));
    }
    documents_upload_drop(d, id);
    free(each);
    return rc;
}

static int search(void)
{
    static const char *const queries[] = {"高血压", "gxy",  "gaoxueya",   "I63", "脑 梗死",
                                          "肺炎",   "tnb", "2型糖尿病", "心",  "naogengsi"};
    struct pinyin *p;
    struct icd10 *x;
    struct icd10_hit hits[ICD10_LIMIT_MAX];
    double each[1000], begin = seconds();
    if (pinyin_open(&p, YL_SOURCE_DIR "/config/data") || icd10_open(&x, YL_SOURCE_DIR "/config/data", p))
        return -1;
    printf("icd10_load_ms %.1f\n", (seconds() - begin) * 1e3);
    for (int i = 0; i < 1000; i++) {
        begin = seconds();
        if (icd10_search(x, queries[i % 10], 20, hits) == 0)
            return -1;
        each[i] = seconds() - begin;
    }
    qsort(each, 1000, sizeof *each, by_value);
    printf("icd10_search_p50_ms %.2f\nicd10_search_p99_ms %.2f\n", each[500] * 1e3, each[990] * 1e3);
    icd10_close(x);
    pinyin_close(p);
    return 0;
}

int main(int argc, char **argv)
{
    char dir[300], cmd[320];
    static const uint8_t key[32] = {7};
    struct documents *d;
    struct fault f = {0};
    size_t mb = argc > 2 ? strtoul(argv[2], NULL, 10) : 300;
    snprintf(dir, sizeof dir, "%s/yl-bench-XXXXXX", argc > 1 ? argv[1] : "/tmp");
    if (!mkdtemp(dir) || documents_open(&d, dir, key, &f))
        return 1;
    int rc = upload(d, mb ? mb : 1);
    documents_close(d);
    snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    rc = system(cmd) || rc;
    return rc || search();
}
