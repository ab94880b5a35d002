/* What a changed file looks like to who reads its chain, gaps that come together, and files that machines left with times that are none. */
#include "media/mux/webm.h"
#include "tests/lib/recorder_feed.h"

static uint8_t *bytes_of(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    uint8_t *b = malloc(*n);
    assert_int_equal(fread(b, 1, *n, f), *n);
    fclose(f);
    return b;
}

struct memory {
    const uint8_t *bytes;
    size_t n;
};

static int64_t read_memory(void *ctx, uint64_t at, void *out, size_t n)
{
    const struct memory *m = ctx;
    size_t k = at >= m->n ? 0 : m->n - at < n ? (size_t)(m->n - at) : n;
    memcpy(out, m->bytes + at, k);
    return (int64_t)k;
}

static struct reel_report read_bytes(const uint8_t *bytes, size_t n)
{
    struct memory m = {bytes, n};
    struct reel_reader r = {{read_memory, &m, n}, true, NULL, NULL};
    struct reel_report out;
    assert_int_equal(reel_read(&r, &out), 0);
    return out;
}

static size_t find(const uint8_t *b, size_t n, size_t from, const char *what, size_t len)
{
    for (size_t i = from; i + len <= n; i++)
        if (memcmp(b + i, what, len) == 0)
            return i;
    return n;
}

static void changed(void **state)
{
    struct recorder *r = begin((struct recorder_config){0});
    struct recorder_inlet *in = recorder_inlet(r, 0);
    (void)state;
    recorder_start(in, (struct room_id){0xc1}, RECORDING);
    play(in, 0, 4000);
    recorder_stop(in, RECORDING);
    recorder_close(r);
    size_t n;
    uint8_t *b = bytes_of(heard(MEDIA_RECORD_FILE, SOUND)->file.path, &n);
    assert_null(read_bytes(b, n).wrong);
    size_t tracks = find(b, n, find(b, n, 0, "yilian", 6), "\x16\x54\xae\x6b", 4), one = find(b, n, 0, "\x1f\x43\xb6\x75", 4), /* behind the seek head */
           two = find(b, n, one + 4, "\x1f\x43\xb6\x75", 4), cues = find(b, n, two, "\x1c\x53\xbb\x6b", 4);
    assert_true(tracks < one && one < two && two < cues && cues < n);
    for (size_t i = tracks; i < cues; i += 7) { /* no bit of it can be turned */
        b[i] ^= 4;
        struct reel_report turned = read_bytes(b, n);
        assert_true(turned.wrong || !turned.chained);
        b[i] ^= 4;
    }
    uint8_t *without = malloc(n);
    memcpy(without, b, one);
    memcpy(without + one, b + two, n - two);
    assert_string_equal(read_bytes(without, n - (two - one)).wrong, "links are missing or out of order");
    struct reel_report whole_one = read_bytes(b, n), cut_off = read_bytes(b, two);
    assert_null(cut_off.wrong); /* a file that ends early is whole as far as it goes: the seal of the recording names the last link */
    assert_true(cut_off.links < whole_one.links && memcmp(cut_off.last.last, whole_one.last.last, SHA256_BYTES) != 0);
    free(without);
    free(b);
    empty_dir();
}

static void gaps_come_together(void **state)
{
    struct reel_gaps g = {0};
    (void)state;
    for (int i = 0; i < 100; i++)
        reel_gaps_add(&g, &(struct reel_gap){i * 1000, 20, 20, REEL_NETWORK});
    assert_int_equal(g.n, 1);
    assert_int_equal(g.at[0].length_ms, 99020);
    assert_int_equal(g.at[0].lost_ms, 2000);
    for (int i = 0; i < 100; i++)
        reel_gaps_add(&g, &(struct reel_gap){200000 + i * 10000, 20, 20, REEL_DISK});
    assert_int_equal(g.n, REEL_GAPS_MAX);
    assert_int_equal(g.at[REEL_GAPS_MAX - 1].begin_ms + g.at[REEL_GAPS_MAX - 1].length_ms, 200000 + 99 * 10000 + 20);
}

/* Times that no recording has, as a damaged disk or somebody else leaves them: neither is reckoned with. */
static void times_that_are_none(void **state)
{
    static const struct {
        uint64_t begin_ms;
        bool good;
    } links[] = {{REEL_MS_MAX, true}, {INT64_MAX, false}, {UINT64_MAX, false}};
    static const uint8_t head[] = "\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff\x16\x54\xae\x6b\x80";
    (void)state;
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        uint8_t b[sizeof head + REEL_LINK_MAX];
        struct reel_gaps gaps = {1, {{(int64_t)links[i].begin_ms, 20, 20, REEL_DISK}}};
        size_t n = sizeof head - 1, tracks = n - 5;
        memcpy(b, head, n);
        n += reel_link(&(struct reel_chain){0}, b + tracks, 5, &gaps, 0, b + n);
        struct reel_report r = read_bytes(b, n);
        if ((r.wrong == NULL) != links[i].good)
            fail_msg("%llx: %s", (unsigned long long)links[i].begin_ms, r.wrong ? r.wrong : "taken");
    }
    /* what machines left of two files (tests/fuzz/media_webm.c); the first byte is the fuzzer's */
    static const char *const files[] = {"file", "file_no_time", "file_back_in_time"};
    for (size_t i = 0; i < 3; i++) {
        char path[300], text[4000];
        int64_t ms;
        snprintf(path, sizeof path, "%s/tests/fuzz/corpus/media_webm/%s", YL_SOURCE_DIR, files[i]);
        FILE *from = fopen(path, "rb");
        size_t n = fread(text, 1, sizeof text, from);
        fclose(from);
        snprintf(path, sizeof path, "%s/left.webm", dir);
        FILE *to = fopen(path, "wb");
        assert_int_equal(fwrite(text + 1, 1, n - 1, to), n - 1);
        fclose(to);
        assert_int_equal(webm_finish(path, &ms), i ? ERR_NOT_FOUND : 0);
        unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed),
        cmocka_unit_test(gaps_come_together),
        cmocka_unit_test(times_that_are_none),
    };
    return cmocka_run_group_tests(tests, feed_begin, feed_end);
}
