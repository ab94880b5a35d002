/* yiliand - the daemon: reads the configuration, opens records, media and the listener, serves until SIGTERM. */
#include "media/media.h"
#include "records/ops/op.h"
#include "records/records.h"
#include "server/api/api.h"
#include "server/api/figures.h"
#include "server/api/oversee.h"
#include "server/api/watch.h"
#include "server/api/whip.h"
#include "server/base/clock.h"
#include "server/base/id.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/option.h"
#include "server/base/site_address.h"
#include "server/exchange/gate.h"
#include "server/net/net.h"
#include "server/node/settings.h"
#include "server/signaling/signaling.h"
#include "server/upkeep.h"
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION "0.1.0"
#define TICK_MS 1000
#define EDGE_IDS 2 /* 0: the origin's, 1: yilianctl's (server/base/id.h) */

struct daemon {
    struct options *options;
    struct records *records;
    struct media *media;
    struct net *net;
    struct api *api;
    struct guard *guard;         /* of wrong tickets and tokens */
    struct relay relay;
    struct oversee *oversee;
    struct whip whip;
    struct node_settings node;
    struct origin *origin;       /* where edges may come */
    struct spread *spread;       /* members' media at edges */
    struct edge *edge;           /* where we are one */
    struct relay_nodes *passed;  /* an edge's rooms, for those who watch */
    struct host *host;           /* and for their members */
    struct figures figures;      /* of an edge */
    struct shelf *shelf;         /* of lectures */
    struct watch *watch;
    struct gate *gate;           /* MLLP */
    struct upkeep upkeep;
    unsigned connections; /* that fit into the files this process may open */
    struct signaling *signaling; /* set before the first change can come: the clocks start with the loop */
    char pipe_program[600], odbc_program[600], record_dir[600], address[SITE_ADDRESS_BYTES], origins[1200];
};

static int complain(const struct fault *f)
{
    fprintf(stderr, "yiliand: %s\n", f->text[0] ? f->text : err_wire(f->code));
    for (size_t i = 0; i < f->n_fields; i++)
        fprintf(stderr, "  %s: %s\n", f->fields[i].path, f->fields[i].reason);
    return 1;
}

static int check_dtls(const struct options *o, struct fault *f)
{
    const char *is = options_text(o, "media.dtls");
    if (strcmp(is, "openssl") == 0 || strcmp(is, "mbedtls") == 0) return 0;
    return fault_set(f, ERR_INVALID, "config_invalid", "media.dtls: write openssl or mbedtls.");
}

static int set_log_level(const struct options *o, struct fault *f)
{
    static const char *const words[] = {"error", "warn", "info", "debug"};
    for (int i = 0; i < 4; i++)
        if (strcmp(options_text(o, "log.level"), words[i]) == 0) {
            log_set_level((enum log_level)i);
            return 0;
        }
    return fault_set(f, ERR_INVALID, "config_invalid", "log.level: write error, warn, info or debug.");
}

/* What the table's types do not check. */
static int check_words(struct daemon *d, struct fault *f)
{
    int rc = set_log_level(d->options, f);
    if (rc == 0) rc = check_dtls(d->options, f);
    rc = rc ? rc : node_settings_read(d->options, &d->node, f);
    return rc ? rc : site_address(d->options, d->address, f);
}

/* ---- the records plane as the API sees it ---- */

static int submit(void *ctx, const struct call *call, records_done done, void *done_ctx)
{
    return records_submit(((struct daemon *)ctx)->records, call, done, done_ctx);
}

static int ask_fhir(void *ctx, const struct records_fhir *q, records_fhir_done done, void *done_ctx)
{
    return records_fhir_submit(((struct daemon *)ctx)->records, q, done, done_ctx);
}

static int append(void *ctx, const struct records_append *a, records_append_done done, void *done_ctx)
{
    return records_append_submit(((struct daemon *)ctx)->records, a, done, done_ctx);
}

static int read_bytes(void *ctx, const char *handle, uint64_t offset, size_t len, records_read_done done, void *done_ctx)
{
    return records_read_submit(((struct daemon *)ctx)->records, handle, offset, len, done, done_ctx);
}

static void tick(void *arg)
{
    struct daemon *d = arg;
    if (records_tick_submit(d->records)) log_warn("yiliand", "the records plane is busy; its clocks are looked at a second later");
    net_timer_start(d->net, TICK_MS, tick, d);
}

static void changed(void *ctx, const struct records_change *change)
{
    struct daemon *d = ctx;
    if (d->signaling) signaling_change(d->signaling, change);
}

static const char *missing(void *ctx)
{
    const struct daemon *d = ctx;
    return !d->media || !media_answers(d->media) ? "media" : records_writable(d->records) ? NULL : "disk";
}

static void take_stream(void *ctx, int fd)
{
    struct daemon *d = ctx;
    if (d->media) media_take_stream(d->media, fd);
    else close(fd);
}

/* ---- opening, bottom up ---- */

/* Child programs stand beside this one; "" = it is not there. */
static void find_beside(char out[600], const char *name)
{
    ssize_t n = readlink("/proc/self/exe", out, 560);
    out[n > 0 ? n : 0] = 0;
    char *slash = strrchr(out, '/');
    if (slash) snprintf(slash + 1, (size_t)(out + 600 - (slash + 1)), "%s", name);
    if (!slash || access(out, X_OK)) out[0] = 0;
}

static void find_record_dir(struct daemon *d)
{
    const char *dir = options_text(d->options, "record.dir");
    snprintf(d->record_dir, sizeof d->record_dir, "%s%s", *dir ? dir : options_text(d->options, "data.dir"), *dir ? "" : "/recording");
    if (mkdir(d->record_dir, 0700) == 0) log_info("yiliand", "made the recording folder");
}

static struct media_config media_settings(const struct daemon *d)
{
    const struct options *o = d->options;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct media_config config = {.bind_address = options_text(o, "media.address"),
                                  .udp_port = (uint16_t)options_int(o, "media.port"),
                                  .announce = options_text(o, "media.announce"),
                                  .workers = (unsigned)options_int(o, "media.workers"),
                                  .voices = (unsigned)options_int(o, "media.voices"),
                                  .dtls = strcmp(options_text(o, "media.dtls"), "mbedtls") == 0 ? MEDIA_DTLS_MBEDTLS : MEDIA_DTLS_DEFAULT,
                                  .max_bitrate_bps = (uint32_t)options_int(o, "media.max_bitrate")};
    uint16_t told = (uint16_t)options_int(o, "media.tcp_port");
    if (options_bool(o, "media.tcp")) config.tcp_port = told ? told : (uint16_t)options_int(o, "listen.port");
    if (config.workers == 0) config.workers = cores > 0 ? (unsigned)cores : 1;
    return config;
}

static int open_records(struct daemon *d, struct fault *f)
{
    find_record_dir(d);
    find_beside(d->pipe_program, "yilian-pipe");
    find_beside(d->odbc_program, "yilian-odbc");
    struct records_config config = {.data_dir = options_text(d->options, "data.dir"),
                                       .database = options_text(d->options, "database.url"),
                                    .config_dir = options_text(d->options, "config.dir"),
                                    .alone = true,
                                    .record_dir = d->record_dir,
                                    .archive_dir = options_text(d->options, "backup.dir"),
                                    .archive_every_ms = (int)options_int(d->options, "backup.every"),
                                    .archive_base_ms = options_int(d->options, "backup.base_every"),
                                    .archive_keep_days = (int)options_int(d->options, "backup.keep_days"),
                                    .drop_dir = options_text(d->options, "exchange.drop_dir"),
                                    .drop_settle_ms = (int)options_int(d->options, "exchange.drop_settle"),
                                    .drop_keep_days = (int)options_int(d->options, "exchange.drop_keep_days"),
                                    .odbc_ini = options_text(d->options, "exchange.odbc_ini"),
                                    .odbc_program = d->odbc_program,
                                    .odbc_rows = (int)options_int(d->options, "exchange.odbc_rows"),
                                    .odbc_time_ms = (int)options_int(d->options, "exchange.odbc_time"),
                                    .drop_max_bytes = (size_t)options_int(d->options, "exchange.drop_max_file"),
                                    .outgoing_allow = options_text(d->options, "outgoing.allow"),
                                    .notify_trust = options_text(d->options, "mllp.trust"),
                                    .notify_certificate = options_text(d->options, "tls.certificate"),
                                    .notify_key = options_text(d->options, "tls.key"),
                                    .composer = d->pipe_program,
                                    .composers = (int)options_int(d->options, "record.exports"),
                                    .base_url = d->address,
                                    .public_address = *options_text(d->options, "site.address") ? d->address : "",
                                    .version = VERSION,
                                    .certificate = options_text(d->options, "tls.certificate"),
                                    .media_workers = (int)media_settings(d).workers,
                                    .clock = &clock_system,
                                    .readers = (int)options_int(d->options, "records.readers"),
                                    .on_change = changed,
                                    .on_change_ctx = d};
    return records_open(&d->records, &config, f);
}

static int open_listener(struct daemon *d, struct fault *f)
{
    const struct options *o = d->options;
    struct net_config config = {.address = options_text(o, "listen.address"),
                                .port = (uint16_t)options_int(o, "listen.port"),
                                .certificate = options_text(o, "tls.certificate"),
                                .key = options_text(o, "tls.key"),
                                .web_root = d->node.edge ? "" : options_text(o, "web.root"),
                                .origins = d->origins,
                                .connections = d->connections,
                                .connections_per_address = (unsigned)options_int(o, "listen.connections_per_address"),
                                .idle_ms = (unsigned)options_int(o, "listen.idle"),
                                .requests_per_second = (unsigned)options_int(o, "request.rate"),
                                .ws_messages_per_second = (unsigned)options_int(o, "signaling.rate"),
                                .max_body = (size_t)options_int(o, "request.max_body"),
                                .on_stream = take_stream,
                                .on_stream_ctx = d};
    /* The pages that watch at an edge are the origin's. */
    snprintf(d->origins, sizeof d->origins, "%s%s%s", options_text(o, "listen.origins"), d->node.edge ? "," : "", d->node.edge ? d->node.peer : "");
    return net_open(&d->net, &config, f);
}

static int open_watch(struct daemon *d, struct fault *f)
{
    int rc = shelf_open(&d->shelf, d->net, d->record_dir, f);
    if (!rc && *d->node.secret) rc = spread_new(&d->spread, d->net, f);
    struct origin_config origin = {d->net, signaling_desk(d->signaling), d->spread, d->guard, d->node.secret};
    if (!rc && d->spread) rc = origin_new(&d->origin, &origin, f);
    struct plane_away away = d->spread ? spread_away(d->spread) : (struct plane_away){0};
    desk_away(origin.desk, &away);
    struct watch_config watch = {.net = d->net, .desk = origin.desk, .guard = d->guard, .shelf = d->shelf, .origin = d->origin, .node_secret = d->node.secret};
    return rc ? rc : watch_new(&d->watch, &watch, f);
}

static int open_net(struct daemon *d, struct fault *f)
{
    const struct options *o = d->options;
    int rc = open_listener(d, f);
    if (rc) return rc;
    struct api_config api = {.net = d->net,
                             .backend = {.ctx = d, .submit = submit, .append = append, .read = read_bytes, .find = op_find, .fhir = ask_fhir},
                             .metrics_token = options_text(o, "metrics.token"),
                             .missing = missing,
                             .missing_ctx = d};
    rc = api_new(&d->api, &api, f);
    if (rc == 0 && guard_new(&d->guard)) rc = fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    struct signaling_config signaling = {.net = d->net, .records = d->records, .guard = d->guard, .relay = &d->relay,
                                         .layered = options_text(o, "room.layered")};
    if (rc == 0) rc = relay_open(&d->relay, options_text(o, "relay.urls"), options_text(o, "relay.secret"), options_int(o, "relay.lifetime"), f);
    rc = rc ? rc : signaling_new(&d->signaling, &signaling, f);
    if (rc) return rc;
    if (!(d->oversee = oversee_new(signaling_desk(d->signaling)))) return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    api_oversee(d->api, d->oversee);
    rc = open_watch(d, f);
    d->whip = (struct whip){whip_seats_of_desk(signaling_desk(d->signaling)), d->guard, &d->relay};
    if (d->origin) d->whip.seats.elsewhere = watch_elsewhere;
    d->whip.seats.elsewhere_ctx = d->watch;
    return rc ? rc : whip_serve(d->net, &d->whip, f);
}

static const char *edge_missing(void *ctx)
{
    const struct daemon *d = ctx;
    const char *why = edge_refusal(d->edge);
    return why && strcmp(why, "no_origin") == 0 ? "origin" : NULL;
}

static void edge_media_event(void *ctx, const struct media_event *e)
{
    const struct daemon *d = ctx;
    relay_media_event(d->passed, e);
    host_media_event(d->host, e);
    if (e->type == MEDIA_SURVEYED) free(e->survey);
}

static int open_edge_media(struct daemon *d, struct fault *f)
{
    struct media_config config = media_settings(d);
    config.on_event = edge_media_event;
    config.on_event_ctx = d;
    int rc = media_open(&d->media, &config, f);
    if (rc) return rc;
    relay_nodes_media(d->passed, d->media);
    host_media(d->host, d->media);
    edge_media(d->edge, d->media);
    return 0;
}

/* An edge: what is watched, and nothing else; no records, no rooms of its own. */
static int open_edge(struct daemon *d, struct fault *f)
{
    id_set_node(EDGE_IDS); /* the origin's ids are used here beside its own */
    struct edge_config edge = {.peer = d->node.peer, .peer_certificate = d->node.peer_certificate, .secret = d->node.secret, .address = d->node.address,
                               .serves = d->node.serves,
                               .viewers_max = d->node.viewers_max};
    int rc = open_listener(d, f);
    edge.net = d->net;
    d->figures = (struct figures){options_text(d->options, "metrics.token"), edge_missing, d};
    if (rc == 0 && figures_serve(d->net, &d->figures)) rc = fault_set(f, ERR_INTERNAL, "figures", "The URLs of health and figures are taken.");
    if (rc == 0 && guard_new(&d->guard)) rc = fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    rc = rc ? rc : relay_nodes_new(&d->passed, d->net, f);
    rc = rc ? rc : host_new(&d->host, d->net, f);
    edge.relay = d->passed;
    edge.host = d->host;
    rc = rc ? rc : edge_new(&d->edge, &edge, f);
    struct watch_config watch = {.net = d->net, .guard = d->guard, .edge = d->edge, .relay = d->passed, .node_secret = d->node.secret};
    rc = rc ? rc : relay_open(&d->relay, options_text(d->options, "relay.urls"), options_text(d->options, "relay.secret"), options_int(d->options, "relay.lifetime"), f);
    rc = rc ? rc : watch_new(&d->watch, &watch, f);
    if (rc) return rc;
    d->whip = (struct whip){watch_edge_seats(d->watch), d->guard, &d->relay};
    rc = whip_serve(d->net, &d->whip, f);
    return rc ? rc : open_edge_media(d, f);
}

static int open_gate(struct daemon *d, struct fault *f)
{
    const struct options *o = d->options;
    struct gate_config config = {.net = d->net,
                                 .records = d->records,
                                 .address = options_text(o, "mllp.address"),
                                 .port = (uint16_t)options_int(o, "mllp.port"),
                                 .tls_port = (uint16_t)options_int(o, "mllp.tls_port"),
                                 .connections = (unsigned)options_int(o, "mllp.connections"),
                                 .max_message = (size_t)options_int(o, "mllp.max_message")};
    return gate_open(&d->gate, &config, f);
}

static int open_media(struct daemon *d, struct fault *f)
{
    if (!d->pipe_program[0]) log_warn("yiliand", "yilian-pipe is not beside yiliand: lectures show H.264 only, have no AAC for phones, and no films are made of recordings");
    struct media_config config = media_settings(d);
    config.record_dir = d->record_dir;
    config.record_min_free_bytes = (uint64_t)options_int(d->options, "record.min_free_mb") << 20;
    config.pipe_program = d->pipe_program;
    config.on_event = desk_media_event;
    config.on_event_ctx = signaling_desk(d->signaling);
    int rc = media_open(&d->media, &config, f);
    if (rc == 0) signaling_media(d->signaling, d->media);
    if (rc == 0 && d->spread) spread_media(d->spread, d->media);
    return rc;
}

/* Begun before a kill and with no file left: sealed now. Those with files follow, as the recorder tells of them. */
static int recover_recordings(struct daemon *d, struct fault *f)
{
    json_t *args = json_pack("{s:I}", "before_ms", (json_int_t)clock_now_ms(&clock_system));
    struct call call = {.op = "recording.recover", .credential = records_system_credential(d->records), .args = args};
    struct reply reply = {0};
    records_call(d->records, &call, &reply);
    int rc = reply.error;
    if (rc) *f = reply.fault;
    reply_clear(&reply);
    json_decref(args);
    return rc;
}

static int open_all(struct daemon *d, struct fault *f)
{
    int rc = open_records(d, f);
    rc = rc ? rc : open_net(d, f);
    rc = rc ? rc : open_gate(d, f);
    rc = rc ? rc : open_media(d, f); /* it tells of recordings that a killed daemon left: the desk must be there */
    return rc ? rc : recover_recordings(d, f);
}

/* ---- closing, top down (docs/closures.md) ---- */

static void close_all(struct daemon *d)
{
    if (d->net) net_shut(d->net);
    signaling_shut(d->signaling);
    relay_nodes_shut(d->passed);
    host_shut(d->host);
    media_close(d->media);     /* its last files go straight to the records plane */
    shelf_close(d->shelf);     /* what it read is posted */
    records_close(d->records); /* every completion has been posted when it returns */
    net_free(d->net);
    api_free(d->api);
    oversee_free(d->oversee);
    watch_free(d->watch);
    origin_free(d->origin);
    edge_free(d->edge);
    relay_nodes_free(d->passed);
    host_free(d->host);
    spread_free(d->spread);
    gate_free(d->gate);
    signaling_free(d->signaling);
    guard_free(d->guard);
    options_free(d->options);
}

static void *look_after(void *arg)
{
    struct daemon *d = arg;
    d->upkeep = (struct upkeep){.net = d->net, .certificate = options_text(d->options, "tls.certificate"), .key = options_text(d->options, "tls.key")};
    upkeep_run(&d->upkeep);
    net_stop(d->net);
    return NULL;
}

static int serve(struct daemon *d)
{
    struct fault f = {0};
    pthread_t waiter;
    int64_t began_us = clock_monotonic_us();
    upkeep_block_signals();
    d->connections = upkeep_fit_files((unsigned)options_int(d->options, "listen.connections"));
    int rc = check_words(d, &f);
    rc = rc ? rc : d->node.edge ? open_edge(d, &f) : open_all(d, &f);
    if (rc == 0 && pthread_create(&waiter, NULL, look_after, d))
        rc = fault_set(&f, ERR_UNAVAILABLE, "", "A thread could not be started.");
    if (rc) {
        complain(&f);
        close_all(d);
        return 1;
    }
    if (!d->node.edge) net_timer_start(d->net, TICK_MS, tick, d);
    malloc_trim(0);
    log_info("yiliand", "ready at https://%s:%d after %d ms", options_text(d->options, "listen.address"),
             (int)options_int(d->options, "listen.port"), (int)((clock_monotonic_us() - began_us) / 1000));
    net_run(d->net);
    pthread_join(waiter, NULL);
    close_all(d);
    return 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: yiliand --config FILE | --check-config FILE | --config FILE --check-config | --version\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct daemon d = {0};
    struct fault f = {0};
    const char *file = NULL;
    int check = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--version") == 0) return puts("yiliand " VERSION) < 0;
        if (strcmp(argv[i], "--check-config") == 0)
            check = 1;
        else if (strcmp(argv[i], "--config") == 0)
            continue;
        else
            file = argv[i];
    }
    if (!file) return usage();
    setenv("TZ", ":/etc/localtime", 0); /* unset, every local time would read that file anew (tzset) */
    tzset();
    if (options_load(&d.options, file, &f)) return complain(&f);
    if (check) {
        int rc = check_words(&d, &f);
        options_free(d.options);
        return rc ? complain(&f) : puts("The configuration is in order.") < 0;
    }
    return serve(&d);
}
