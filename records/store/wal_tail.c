#include "records/store/wal_tail.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAME_HEAD 24
#define WAL_HEAD 32

static uint32_t big(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* As SQLite's walChecksumBytes; `bigs`: the words are in big-endian order (the log's magic number says so). */
static void add_sum(uint32_t sum[2], const uint8_t *p, size_t n, bool bigs)
{
    for (size_t i = 0; i + 8 <= n; i += 8) {
        uint32_t x, y;
        memcpy(&x, p + i, 4);
        memcpy(&y, p + i + 4, 4);
        if (bigs) {
            x = big(p + i);
            y = big(p + i + 4);
        }
        sum[0] += x + sum[1];
        sum[1] += y + sum[0];
    }
}

void wal_tail_forget(struct wal_tail *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->pages[i].bytes);
    t->n = 0;
}

static bool add_page(struct wal_tail *t, uint32_t number, const uint8_t *bytes)
{
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 256;
        struct wal_page *more = realloc(t->pages, cap * sizeof *more);
        if (!more)
            return false;
        t->pages = more;
        t->cap = cap;
    }
    uint8_t *copy = (t->n + 1) * t->page_bytes < WAL_TAIL_MAX ? malloc(t->page_bytes) : NULL;
    if (!copy)
        return false;
    memcpy(copy, bytes, t->page_bytes);
    t->pages[t->n] = (struct wal_page){number, (uint32_t)t->n, copy};
    t->n++;
    return true;
}

/* Frames up to the last commit; those behind it (of a transaction under way) are read again later. */
static void take_frames(struct wal_tail *t, int fd, const uint8_t head[WAL_HEAD], int64_t end)
{
    bool bigs = big(head) & 1;
    size_t step = FRAME_HEAD + t->page_bytes, kept = t->n;
    uint32_t sum[2] = {t->sum[0], t->sum[1]};
    int64_t at = t->at;
    uint8_t *frame = malloc(step);
    while (frame && at + (int64_t)step <= end && pread(fd, frame, step, at) == (ssize_t)step) {
        if (big(frame + 8) != t->salt[0] || big(frame + 12) != t->salt[1])
            break;
        add_sum(sum, frame, 8, bigs);
        add_sum(sum, frame + FRAME_HEAD, t->page_bytes, bigs);
        if (big(frame + 16) != sum[0] || big(frame + 20) != sum[1])
            break;
        if (!add_page(t, big(frame), frame + FRAME_HEAD)) {
            t->gap = true;
            break;
        }
        at += (int64_t)step;
        if (big(frame + 4)) { /* a commit */
            t->size = big(frame + 4);
            t->at = at;
            memcpy(t->sum, sum, sizeof sum);
            kept = t->n;
        }
    }
    t->gap = t->gap || !frame;
    free(frame);
    while (t->n > kept)
        free(t->pages[--t->n].bytes);
}

/* The log's head: the one we know, a new one after its end, or one that came without our knowing. */
static bool know_head(struct wal_tail *t, const uint8_t head[WAL_HEAD])
{
    uint32_t sum[2] = {0, 0};
    add_sum(sum, head, 24, big(head) & 1);
    if ((big(head) & ~1u) != 0x377f0682 || big(head + 24) != sum[0] || big(head + 28) != sum[1])
        return false; /* being written; nothing is lost by waiting */
    if (t->at && big(head + 16) == t->salt[0] && big(head + 20) == t->salt[1])
        return true;
    if (t->at && !t->ended)
        t->gap = true;
    t->salt[0] = big(head + 16);
    t->salt[1] = big(head + 20);
    t->page_bytes = big(head + 8);
    memcpy(t->sum, sum, sizeof sum);
    t->at = WAL_HEAD;
    t->ended = false;
    return true;
}

bool wal_tail_take(struct wal_tail *t)
{
    uint8_t head[WAL_HEAD];
    struct stat st;
    int fd = open(t->wal, O_RDONLY | O_CLOEXEC);
    bool there = fd >= 0 && fstat(fd, &st) == 0 && pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head && know_head(t, head);
    if (there && !t->gap)
        take_frames(t, fd, head, st.st_size);
    if (fd >= 0)
        close(fd);
    return there;
}

void wal_tail_begins_anew(struct wal_tail *t)
{
    if (!t->gap && wal_tail_take(t)) /* also one that began after it was taken last */
        t->ended = true;
    else if (t->at && !t->ended) /* it was cut by somebody else, with what was not taken yet */
        t->gap = true;
}

void wal_tail_from_the_beginning(struct wal_tail *t)
{
    wal_tail_forget(t);
    t->at = 0;
    t->gap = t->ended = false;
}
