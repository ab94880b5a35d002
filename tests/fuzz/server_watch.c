/* Lectures as strangers ask for them: paths and queries of low-latency HLS, passes, and the text messages of /live/ROOM/ws. The whole of
 * server/api/watch*.c and server/live/programme.c runs; net, desk, nodes and shelf are stood in for. Each line is a step:
 *   G target   a request without a header      B target   with the bearer token "good"     M text   a message of the WebSocket
 *   P x        a piece more ('k' key, 's' segment, 'g' a new generation)   T the timer   E the end of the lecture   X it is gone, another begins
 *   edge, nodes   (first line) the machine is an edge node; there are edge nodes
 * '~' in a line stands for a good pass. Whoever shows neither that nor "good" must not get one byte of the lecture, and every request has one answer. */
#include "server/api/watch_private.h"
#include "tests/lib/net_stand_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM 0x1122334455667788u
#define SECONDS 1000000

static struct programme *now_shown[2]; /* as it is, and with AAC */
static struct media_piece next_piece;
static struct desk_watch_events to_watch;
static bool is_edge, has_nodes, granted;
static struct watch *watching;
static char pass[PASS_BYTES];

/* ---- the shelf: what it has is read later ---- */
static struct reading {
    shelf_done done;
    void *ctx;
    size_t len;
} readings[64];
static size_t n_readings;

struct shelf_file *shelf_file_new(struct shelf *s) { return malloc(1); }
void shelf_file_free(struct shelf_file *f) { free(f); }
bool shelf_write(struct shelf_file *f, uint64_t offset, struct share *bytes) { return true; }

static void read_all(void)
{
    for (size_t i = 0; i < n_readings; i++) {
        struct share *s = i % 3 == 2 ? NULL : share_blank(readings[i].len);
        if (s) memset(s->bytes, 's', s->len);
        readings[i].done(readings[i].ctx, s);
        share_unref(s);
    }
    n_readings = 0;
}

void shelf_read(struct shelf_file *f, uint64_t offset, size_t len, shelf_done done, void *ctx)
{
    if (n_readings == sizeof readings / sizeof readings[0]) read_all();
    readings[n_readings++] = (struct reading){done, ctx, len};
}

/* ---- desk and nodes ---- */
static struct programme *of(uint64_t room, int i)
{
    if (room != ROOM) abort(); /* a pass is good for the room that it was made for */
    return now_shown[i];
}

struct programme *desk_programme(struct desk *d, uint64_t room) { return of(room, 0); }
struct programme *desk_programme_wait(struct desk *d, uint64_t room) { return of(room, 0); }
struct programme *desk_programme_aac(struct desk *d, uint64_t room) { return of(room, 1); }
bool desk_programme_dark(struct desk *d, uint64_t room) /* every second time its picture is still on its way */
{
    static bool dark;
    return (dark = !dark);
}
struct programme *edge_programme(struct edge *e, uint64_t room) { return of(room, 0); }
const char *edge_refusal(const struct edge *e) { return NULL; }
const char *edge_origin(const struct edge *e) { return "https://origin.example"; }
void edge_serve(struct edge *e, const struct edge_events *events) { to_watch = (struct desk_watch_events){events->ctx, events->news, events->gone}; }
void desk_watch_serve(struct desk *d, const struct desk_watch_events *events, struct shelf *shelf) { to_watch = *events; }
void origin_news(struct origin *o, struct programme *p) {}
void origin_gone(struct origin *o, struct programme *p) {}
void node_pass_key(const char *secret, uint8_t out[32]) { abort(); }

size_t origin_choose(struct origin *o, uint64_t room, const char *out[PLACEMENT_LIST_MAX])
{
    out[0] = "https://edge.example";
    return 1;
}

static struct net_request *asking;
void desk_watch(struct desk *d, const struct desk_watch_ask *a, desk_watch_done done, void *ctx)
{
    struct desk_watch_made made = {ROOM, watch_now_ms() + 60000, "讲课"};
    struct fault f = {0};
    if (!a->room || !*a->room || strlen(a->room) >= WORD_BYTES || !a->credential) abort();
    granted = strcmp(a->credential, "good") == 0;
    if (asking) asking->known |= granted; /* it may be answered later */
    if (!granted) fault_set(&f, ERR_DENIED, "no_watch", "no");
    done(ctx, granted ? NULL : &f, granted ? &made : NULL);
}

/* ---- what is answered ---- */
static void answered(const struct net_request *r, int status, const void *body, size_t len)
{
    bool knows = r->known || granted;
    if (status == 200 && len && !knows) abort();
    size_t n = strlen(r->path);
    bool list = n >= 5 && strcmp(r->path + n - 5, ".m3u8") == 0;
    if (status == 200 && len && list && (len < 8 || memcmp(body, "#EXTM3U\n", 8) != 0)) abort();
}

static void sent(const struct net_ws *ws, const struct share *s, const char *text, size_t len)
{
    json_t *m = text ? json_loadb(text, len, 0, NULL) : NULL;
    if (s ? !ws->known && !granted : !m) abort();
    json_decref(m);
}

/* ---- the lecture ---- */
static void add_to(struct programme *p, bool aac, bool init)
{
    char bytes[64];
    struct media_piece m = next_piece;
    m.init = init;
    m.aac = aac;
    m.bytes = share_new(bytes, (size_t)snprintf(bytes, sizeof bytes, "%s %u %lld", init ? "init" : "piece", m.generation, (long long)m.start_us));
    programme_add(p, &m);
    share_unref(m.bytes);
    if (!init) to_watch.news(to_watch.ctx, p);
}

static void grow(const char *how)
{
    bool anew = strchr(how, 'g') || !next_piece.generation;
    if (anew) next_piece.generation++;
    next_piece.segment = anew || strchr(how, 's');
    next_piece.key = next_piece.segment || strchr(how, 'k');
    for (int i = 0; i < 2; i++) {
        if (anew) add_to(now_shown[i], i == 1, true);
        add_to(now_shown[i], i == 1, false);
    }
    next_piece.start_us += next_piece.duration_us;
}

static void begin(void)
{
    next_piece = (struct media_piece){.picture = true, .width = 640, .height = 360, .duration_us = SECONDS / 5, .epoch_us = 1700000000ll * SECONDS, .codecs = "avc1.42e01f,opus"};
    for (int i = 0; i < 2; i++)
        if (!(now_shown[i] = programme_new((struct shelf *)&now_shown))) abort();
    for (int i = 0; i < 7; i++)
        grow(i % 3 ? "" : "s");
}

static void end(void)
{
    for (int i = 0; i < 2; i++) {
        to_watch.gone(to_watch.ctx, now_shown[i]);
        programme_free(now_shown[i]);
    }
}

static void old_ones(void)
{
    next_piece.start_us += 30 * SECONDS; /* what was there is on the shelf */
    for (int i = 0; i < 4; i++)
        grow("s");
}

/* ---- steps ---- */
static void request(const char *target, const char *credential, bool known)
{
    struct net_request *r = stand_in_request(NET_GET, target);
    r->credential = credential;
    r->known = known;
    granted = false;
    asking = r;
    stand_in_ask(r);
    asking = NULL;
}

static void message(struct net_ws *ws, const char *text, size_t len, bool known)
{
    static const struct net_ws_info info = {.path = "/live/room/ws", .address = "192.0.2.1", .user_agent = "", .credential = ""};
    granted = false;
    if (ws->closed) return;
    ws->known |= known;
    if (!ws->user && !(ws->user = stand_in_ws.on_open(stand_in_ws.ctx, ws, &info))) abort();
    stand_in_ws.on_message(stand_in_ws.ctx, ws, ws->user, text, len);
    ws->known |= granted;
}

static void step(struct net_ws *ws, const char *line, size_t len, bool known)
{
    const char *rest = len > 2 ? line + 2 : "";
    switch (*line) {
    case 'G': request(rest, "", known); break;
    case 'B': request(rest, "good", known); break;
    case 'M': message(ws, rest, len > 2 ? len - 2 : 0, known); break;
    case 'P': grow(rest); break;
    case 'O': old_ones(); break;
    case 'T': read_all(), stand_in_tick(stand_in_tick_arg); break;
    case 'E': programme_end(now_shown[0]), to_watch.news(to_watch.ctx, now_shown[0]); break;
    case 'X': read_all(), end(), begin(); break;
    default: break;
    }
}

/* '~' becomes a good pass. */
static void run_line(struct net_ws *ws, const char *line, size_t len)
{
    size_t n = 0, at = 0, marks = 0;
    for (size_t i = 0; i < len; i++)
        marks += line[i] == '~';
    char *text = malloc(len + marks * sizeof pass + 1);
    if (!text) abort();
    for (; at < len; at++)
        if (line[at] == '~') n += (size_t)sprintf(text + n, "%s", pass);
        else text[n++] = line[at];
    char *exact = stand_in_copy(text, n);
    free(text);
    step(ws, exact, n, marks > 0);
    free(exact);
}

static void set_up(struct watch_config *config, const char *first)
{
    struct fault f = {0};
    is_edge = strcmp(first, "edge") == 0;
    has_nodes = strcmp(first, "nodes") == 0;
    config->edge = is_edge ? (struct edge *)config : NULL;
    config->origin = has_nodes ? (struct origin *)config : NULL;
    stand_in_n_routes = 0;
    if (guard_new(&config->guard) || watch_new(&watching, config, &f)) abort();
    watch_pass(watching, ROOM, watch_now_ms() + 60000, pass);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct watch_config config = {0};
    struct net_ws ws = {0};
    const char *at = (const char *)data, *stop = at + size;
    char first[8] = "";
    snprintf(first, sizeof first, "%.*s", (int)(size && memchr(at, '\n', size) ? (const char *)memchr(at, '\n', size) - at : 0), at);
    set_up(&config, first);
    begin();
    for (int steps = 0; at < stop && steps < 60; steps++) {
        const char *line = memchr(at, '\n', (size_t)(stop - at));
        run_line(&ws, at, (size_t)((line ? line : stop) - at));
        at = line ? line + 1 : stop;
    }
    read_all();
    end();
    if (ws.user) stand_in_ws.on_close(stand_in_ws.ctx, &ws, ws.user, 1000);
    if (stand_in_waiting) abort(); /* nobody waits for ever */
    watch_free(watching);
    guard_free(config.guard);
    return 0;
}
