/* Low-latency HLS of lectures (RFC 8216bis): the master playlist, and below a pass the media playlists, parts and segments. */
#include "server/api/watch_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAYLIST_TYPE "application/vnd.apple.mpegurl"
#define HOLD_MS 6000        /* 6.2.5.2: a blocked request is answered within three target durations */
#define PIECE_MS 200
#define PLAYER_MS 80 /* what a player needs between an answer and its next question; a page just begun needs more */
#define LINES_MAX 16384

/* Half a round trip brings the playlist, a whole one the part, and something to spare: that must fit into a part. */
static unsigned per_part_for(unsigned rtt_ms)
{
    unsigned n = (rtt_ms + rtt_ms / 2 + 80 + PIECE_MS - 1) / PIECE_MS;
    return n < 1 ? 1 : n > PROGRAMME_PER_PART_MAX ? PROGRAMME_PER_PART_MAX : n;
}

/* ---- lines ---- */
/* Behind a proxy the kernel knows only the way to the proxy. So each master playlist names a line, and how long the first question for the
 * media playlist takes to come tells the whole way. The oldest are forgotten; who is not known has the parts that his URL names. */
struct line {
    UT_hash_handle hh; /* watch.lines, the oldest first */
    uint32_t id;
    unsigned per_part; /* 0 = nothing was asked yet */
    int64_t told_ms;
};

static uint32_t line_new(struct watch *w)
{
    struct line *l = calloc(1, sizeof *l);
    if (!l) abort();
    l->id = ++w->last_line;
    l->told_ms = watch_now_ms();
    HASH_ADD(hh, w->lines, id, sizeof l->id, l);
    if (HASH_COUNT(w->lines) > LINES_MAX) {
        l = w->lines;
        HASH_DEL(w->lines, l);
        free(l);
    }
    return w->last_line;
}

static unsigned line_per_part(struct watch *w, long id, unsigned otherwise)
{
    uint32_t key = (uint32_t)id;
    struct line *l = NULL;
    if (id > 0) HASH_FIND(hh, w->lines, &key, sizeof key, l);
    if (!l) return otherwise;
    if (!l->per_part) {
        int64_t took = watch_now_ms() - l->told_ms - PLAYER_MS;
        unsigned by_line = per_part_for(took < 0 ? 0 : took > 1000 ? 1000 : (unsigned)took);
        l->per_part = by_line > otherwise ? by_line : otherwise;
    }
    return l->per_part;
}

void hls_free(struct watch *w)
{
    struct line *l, *next;
    HASH_ITER(hh, w->lines, l, next)
    {
        HASH_DEL(w->lines, l);
        free(l);
    }
}

struct variant {
    const char *pass, *size;
    uint32_t line;
    char *text;
    size_t room;
};

/* The same with AAC for players that know no Opus (4.4.6.2: of what it can play one takes what has the higher SCORE). */
static int aac_variant(struct net_request *r, const struct programme_now *now, struct variant v)
{
    char codecs[48];
    const char *opus = strstr(now->codecs, "opus");
    if (!opus) return 0;
    snprintf(codecs, sizeof codecs, "%.*smp4a.40.2", (int)(opus - now->codecs), now->codecs);
    return snprintf(v.text, v.room, "#EXT-X-STREAM-INF:SCORE=1,BANDWIDTH=%u,AVERAGE-BANDWIDTH=%u,CODECS=\"%s\"%s\n%s/aac/live-%u.m3u8?line=%u\n", now->peak_bps + 60000, now->average_bps + 60000,
                    codecs, v.size, v.pass, per_part_for(net_request_rtt_ms(r)), v.line);
}

static void reply_master(struct watch *w, struct net_request *r, uint64_t room, const char *pass)
{
    struct programme *p = desk_programme(w->config.desk, room);
    struct programme_now now = {.codecs = ""};
    struct fault f = {0};
    char text[1000], size[60] = "";
    if (p) programme_now(p, &now);
    if (!*now.codecs) {
        fault_set(&f, ERR_NOT_FOUND, "not_begun", "Nothing is shown here yet.");
        net_reply_header(r, "Cache-Control", "no-store");
        net_reply_fault(r, &f);
        return;
    }
    if (now.width) snprintf(size, sizeof size, ",RESOLUTION=%ux%u", now.width, now.height);
    uint32_t line = line_new(w);
    int n = snprintf(text, sizeof text,
                     "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-STREAM-INF:SCORE=2,BANDWIDTH=%u,AVERAGE-BANDWIDTH=%u,CODECS=\"%s\"%s\n"
                     "%s/live-%u.m3u8?line=%u\n",
                     now.peak_bps + 10000, now.average_bps + 10000, now.codecs, size, pass, per_part_for(net_request_rtt_ms(r)), line);
    if (!programme_ended(p) || desk_programme_aac(w->config.desk, room)) n += aac_variant(r, &now, (struct variant){pass, size, line, text + n, sizeof text - (size_t)n});
    net_reply_header(r, "Cache-Control", "no-store");
    net_reply_bytes(r, 200, PLAYLIST_TYPE, text, (size_t)n);
}

/* ---- answers ---- */
static void not_found(struct net_request *r, const char *reason, const char *text)
{
    struct fault f = {0};
    fault_set(&f, ERR_NOT_FOUND, reason, "%s", text);
    net_reply_header(r, "Cache-Control", "max-age=1");
    net_reply_fault(r, &f);
}

static void reply_media(struct net_request *r, struct share *s)
{
    net_reply_header(r, "Cache-Control", "private, max-age=3600"); /* a name never means other bytes */
    net_reply_share(r, 200, "video/mp4", s);
}

static void reply_playlist(struct net_request *r, struct programme *p, unsigned per_part, bool skip)
{
    struct share *s = programme_playlist(p, per_part, skip);
    net_reply_header(r, "Cache-Control", "no-cache");
    if (s) net_reply_share(r, 200, PLAYLIST_TYPE, s);
    else not_found(r, "busy", "Out of memory.");
}

/* True: answered. `late`: no longer waits. */
static bool try_held(struct watch *w, struct held *h, bool late)
{
    struct share *s;
    if (*h->pass) {
        if (!late && desk_programme_dark(w->config.desk, h->room)) return false;
        reply_master(w, h->request, h->room, h->pass);
        return true;
    }
    if (h->playlist) {
        if (!late && !programme_has(h->programme, h->segment, h->part, h->per_part)) return false;
        reply_playlist(h->request, h->programme, h->per_part, h->skip);
        return true;
    }
    enum programme_part there = programme_part(h->programme, h->segment, (unsigned)h->part, h->per_part, &s);
    if (there == PART_LATER && !late) return false;
    if (there == PART_HERE) reply_media(h->request, s);
    else not_found(h->request, "no_part", "There is no such part.");
    share_unref(s);
    return true;
}

static void hold(struct watch *w, struct held h)
{
    struct held *kept;
    if (try_held(w, &h, false)) return;
    if (!(kept = malloc(sizeof *kept))) abort();
    *kept = h;
    if (!kept->until_ms) kept->until_ms = watch_now_ms() + HOLD_MS;
    kept->next = w->held;
    w->held = kept;
}

static void look(struct watch *w, struct programme *p, int64_t late_before_ms, bool gone)
{
    for (struct held **at = &w->held; *at;) {
        struct held *h = *at;
        bool late = gone || h->until_ms <= late_before_ms;
        if ((p && h->programme != p) || !try_held(w, h, late)) {
            at = &h->next;
            continue;
        }
        *at = h->next;
        free(h);
    }
}

void hls_news(struct watch *w, struct programme *p)
{
    look(w, p, 0, false);
}

void hls_gone(struct watch *w, struct programme *p)
{
    look(w, p, 0, true);
}

void hls_tick(struct watch *w, int64_t now_ms)
{
    look(w, NULL, now_ms, false);
}

/* ---- requests ---- */
/* A picture that is on its way is waited for: a player that began with sound alone adds none later, and who watches first is why its codec begins to be changed. */
void hls_master(struct watch *w, struct net_request *r, const struct desk_watch_made *made, const char *pass)
{
    struct held h = {.request = r, .programme = desk_programme(w->config.desk, made->room), .room = made->room};
    snprintf(h.pass, sizeof h.pass, "%s", pass);
    hold(w, h);
}

struct query {
    long segment, part, line;
    bool skip, bad;
};

static long number(const char *text)
{
    size_t n = strspn(text, "0123456789");
    return n && n < 9 && !text[n] ? strtol(text, NULL, 10) : -1;
}

static struct query read_query(const struct net_request *r)
{
    struct query q = {-1, -1, -1, false, false};
    char name[64], value[64];
    const char *at = net_request_query(r);
    int more;
    while ((more = net_query_next(&at, name, sizeof name, value, sizeof value)) > 0) {
        if (strcmp(name, "_HLS_msn") == 0) q.bad |= (q.segment = number(value)) < 0;
        else if (strcmp(name, "_HLS_part") == 0) q.bad |= (q.part = number(value)) < 0;
        else if (strcmp(name, "line") == 0) q.line = number(value);
        else if (strcmp(name, "_HLS_skip") == 0) q.skip = strcmp(value, "YES") == 0 || strcmp(value, "v2") == 0;
    }
    q.bad |= q.part >= 0 && q.segment < 0; /* 6.2.5.2 */
    return q;
}

/* The first playlist waits for the next part: a player reckons its distance from the newest part as if that had only just come, and stays there. */
static void first_playlist(struct watch *w, struct held h)
{
    if (programme_ended(h.programme)) {
        reply_playlist(h.request, h.programme, h.per_part, h.skip);
        return;
    }
    h.segment = 0;
    if (programme_segments(h.programme)) { /* else: players take a playlist without a whole segment for an empty one */
        h.segment = programme_segments(h.programme) - 1;
        h.part = (int)programme_parts(h.programme, h.segment, h.per_part);
        h.until_ms = watch_now_ms() + 2 * PIECE_MS * (int)h.per_part;
    }
    hold(w, h);
}

static void playlist(struct watch *w, struct net_request *r, struct programme *p, unsigned per_part)
{
    struct query q = read_query(r);
    struct fault f = {0};
    struct held h = {.request = r, .programme = p, .playlist = true, .skip = q.skip, .segment = (uint32_t)q.segment, .part = (int)q.part};
    if (q.bad || (q.segment > (long)programme_segments(p) + 1 && !programme_ended(p))) { /* 6.2.5.2: too far in the future */
        fault_set(&f, ERR_MALFORMED, "_HLS_msn", "There is no such segment to wait for.");
        net_reply_fault(r, &f);
        return;
    }
    h.per_part = line_per_part(w, q.line, per_part);
    if (q.segment < 0) first_playlist(w, h);
    else hold(w, h);
}

static void segment_done(void *ctx, struct share *s)
{
    if (s) reply_media(ctx, s);
    else not_found(ctx, "no_segment", "There is no such segment.");
}

void hls_below(struct watch *w, struct net_request *r, uint64_t room, const char *file)
{
    unsigned a, b, c;
    int end = 0;
    bool aac = strncmp(file, "aac/", 4) == 0;
    struct programme *p = aac ? desk_programme_aac(w->config.desk, room) : desk_programme(w->config.desk, room);
    file += aac ? 4 : 0;
    if (!p || (!aac && !programme_segments(p))) {
        not_found(r, "not_begun", "Nothing is shown here yet.");
    } else if (sscanf(file, "live-%1u.m3u8%n", &a, &end) == 1 && end && !file[end] && a >= 1 && a <= PROGRAMME_PER_PART_MAX) {
        playlist(w, r, p, a);
    } else if (sscanf(file, "init-%9u.mp4%n", &a, &end) == 1 && end && !file[end] && programme_init(p, a)) {
        reply_media(r, programme_init(p, a));
    } else if (sscanf(file, "seg-%9u.m4s%n", &a, &end) == 1 && end && !file[end]) {
        programme_segment(p, a, segment_done, r);
    } else if (sscanf(file, "part-%9u.%9u.%1u.m4s%n", &a, &b, &c, &end) == 3 && end && !file[end] && c >= 1 && c <= PROGRAMME_PER_PART_MAX) {
        hold(w, (struct held){.request = r, .programme = p, .segment = a, .part = (int)b, .per_part = c});
    } else {
        not_found(r, "no_such_url", "There is nothing at this URL.");
    }
}
