/* Opening and closing records, and its pool. */
#include "records/call/open.h"
#include "records/audit/audit.h"
#include "records/exchange/drop.h"
#include "records/exchange/pull.h"
#include "records/exchange/tell.h"
#include "records/fhir/fhir.h"
#include "records/health/health.h"
#include "records/outgoing/outgoing.h"
#include "records/document/documents.h"
#include "records/document/mirror.h"
#include "records/store/archive.h"
#include "records/store/sealed.h"
#include "records/work/recording.h"
#include "server/base/crypto.h"
#include "server/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct job {
    void (*run)(void *ctx);
    void *ctx;
};

static void *work(void *queue)
{
    struct job *j;
    while ((j = mailbox_wait(queue, -1))) { /* NULL: closed and empty */
        j->run(j->ctx);
        free(j);
    }
    return NULL;
}

static int put(struct mailbox *queue, void (*run)(void *ctx), void *ctx)
{
    struct job *j = malloc(sizeof *j);
    if (!j)
        return ERR_UNAVAILABLE;
    *j = (struct job){run, ctx};
    int rc = mailbox_put(queue, j);
    if (rc)
        free(j);
    return rc;
}

int records_pool_run(struct records *r, void (*run)(void *ctx), void *ctx)
{
    if (r->n_readers)
        return put(r->reads, run, ctx);
    run(ctx);
    return 0;
}

int records_writer_run(struct records *r, void (*run)(void *ctx), void *ctx)
{
    if (r->has_writer)
        return put(r->writes, run, ctx);
    run(ctx);
    return 0;
}

int records_slow_run(struct records *r, void (*run)(void *ctx), void *ctx)
{
    if (r->n_slow)
        return put(r->slow, run, ctx);
    run(ctx);
    return 0;
}

/* A small machine keeps a processor for everybody else while many sign in. */
static int slow_wanted(void)
{
    return sysconf(_SC_NPROCESSORS_ONLN) >= 4 ? POOL_SLOW_MAX : 1;
}

static int start_pool(struct records *r, int readers, struct fault *f)
{
    if (readers > POOL_READERS_MAX)
        readers = POOL_READERS_MAX;
    if (readers <= 0)
        return 0;
    if (mailbox_new(&r->reads, POOL_QUEUE, NULL, NULL) || mailbox_new(&r->writes, POOL_QUEUE, NULL, NULL) ||
        mailbox_new(&r->slow, POOL_SLOW_QUEUE, NULL, NULL))
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    r->has_writer = pthread_create(&r->writer, NULL, work, r->writes) == 0;
    while (r->has_writer && r->n_readers < readers && pthread_create(&r->reader[r->n_readers], NULL, work, r->reads) == 0)
        r->n_readers++;
    while (r->n_readers == readers && r->n_slow < slow_wanted() && pthread_create(&r->slow_one[r->n_slow], NULL, work, r->slow) == 0)
        r->n_slow++;
    return r->n_readers == readers && r->n_slow ? 0 : fault_set(f, ERR_UNAVAILABLE, "", "The pool's threads cannot be started.");
}

/* The slow ones hand on to the writer, the writer's jobs may still hand work to the readers: in this order nothing queued is lost;
 * what comes after a queue closed is refused. */
static void stop_pool(struct records *r)
{
    if (r->slow)
        mailbox_close(r->slow);
    for (int i = 0; i < r->n_slow; i++)
        pthread_join(r->slow_one[i], NULL);
    if (r->writes)
        mailbox_close(r->writes);
    if (r->has_writer)
        pthread_join(r->writer, NULL);
    if (r->reads)
        mailbox_close(r->reads);
    for (int i = 0; i < r->n_readers; i++)
        pthread_join(r->reader[i], NULL);
    r->n_readers = r->n_slow = 0;
    r->has_writer = false;
    mailbox_free(r->slow, free);
    mailbox_free(r->writes, free);
    mailbox_free(r->reads, free);
}

static void checkpoint(void *ctx)
{
    store_checkpoint(((struct records *)ctx)->store);
}

static int checkpoint_due(void *ctx)
{
    return records_pool_run(ctx, checkpoint, ctx);
}

static int64_t newest_change(struct store *s)
{
    struct tx *tx;
    if (tx_begin(s, TX_READ, &tx))
        return 0;
    int64_t seq = tx_int(tx, 0, "SELECT MAX(seq) FROM feed", "");
    tx_rollback(tx);
    return seq;
}

static int open_archive(struct records *r, const struct records_config *c, const char *where, struct fault *f)
{
    struct store_archive_config config = {where, c->archive_dir, c->archive_every_ms, c->archive_base_ms, c->archive_keep_days, r->clock};
    if (!c->archive_dir || !c->archive_dir[0] || !store_is_file(r->store)) /* PostgreSQL archives its own log */
        return 0;
    return store_archive_open(&r->archive, &config, f);
}

static int open_mirror(struct records *r, const struct records_config *c, struct fault *f)
{
    struct blob_mirror_config config = {.store = documents_store(r->parts.documents), .data_dir = r->data_dir, .dir = c->archive_dir, .clock = r->clock};
    if (!c->archive_dir || !c->archive_dir[0])
        return 0;
    return blob_mirror_open(&r->mirror, &config, f);
}

static int open_health(struct records *r, const struct records_config *c, struct fault *f)
{
    struct health_config config = {.data_dir = r->data_dir, .record_dir = c->record_dir, .archive_dir = c->archive_dir, .archive_every_ms = c->archive_every_ms,
                                   .archive_keep_days = c->archive_keep_days, .archive_base_ms = c->archive_base_ms, .version = c->version,
                                   .certificate = c->certificate, .media_workers = c->media_workers, .clock = r->clock, .store = r->store, .archive = r->archive, .mirror = r->mirror};
    return health_open(&r->parts.health, &config, f);
}

static int open_drop(struct records *r, const struct records_config *c, struct fault *f)
{
    struct exchange_drop_config config = {r, c->drop_dir, c->drop_settle_ms, c->drop_keep_days, c->drop_max_bytes};
    if (!c->drop_dir || !c->drop_dir[0] || !r->n_readers)
        return 0;
    int rc = exchange_drop_open(&r->drop, &config, f);
    return rc ? rc : exchange_drop_start(r->drop, f);
}

static int open_pull(struct records *r, const struct records_config *c, struct fault *f)
{
    struct exchange_pull_config config = {r, c->odbc_program, c->odbc_ini, c->odbc_rows, c->odbc_time_ms};
    if (!c->odbc_ini || !c->odbc_ini[0] || !r->n_readers)
        return 0;
    int rc = exchange_pull_open(&r->pull, &config, f);
    return rc ? rc : exchange_pull_start(r->pull, f);
}

static int open_outgoing(struct records *r, const struct records_config *c, struct fault *f)
{
    int rc = outgoing_open(&r->parts.outgoing, r, c->outgoing_allow, f);
    rc = rc ? rc : outgoing_lines(r->parts.outgoing, &(struct lines_config){.trust = c->notify_trust, .certificate = c->notify_certificate, .key = c->notify_key}, f);
    return rc || !r->n_readers ? rc : outgoing_start(r->parts.outgoing, f);
}

static int open_tell(struct records *r, const struct records_config *c, struct fault *f)
{
    struct exchange_tell_config config = {.records = r, .trust = c->notify_trust, .certificate = c->notify_certificate, .key = c->notify_key};
    if (!r->n_readers)
        return 0;
    int rc = exchange_tell_open(&r->tell, &config, f);
    return rc ? rc : exchange_tell_start(r->tell, f);
}

/* yilianctl of a new version beside the daemon of the old one. */
static int check_version(struct records *r, struct fault *f)
{
    int have = store_version(r->store), newest = store_newest();
    if (have <= 0 || have >= newest)
        return 0;
    return fault_set(f, ERR_CONFLICT, "older_database",
                     "The database is of version %d, this program of %d. Make a backup (yilianctl backup), stop the daemon, and start the new one or run yilianctl migrate.", have, newest);
}

static int open_all(struct records *r, const struct records_config *config, struct fault *f)
{
    char key_path[600], where[600];
    uint8_t key[32];
    if (mkdir(r->data_dir, 0700) == 0)
        log_info("records", "made the data folder");
    snprintf(key_path, sizeof key_path, "%s/keys/master.key", r->data_dir);
    int rc = config->alone ? records_alone(r->data_dir, &r->alone, f) : 0;
    bool had_key = access(key_path, F_OK) == 0;
    rc = rc ? rc : records_key(r->data_dir, key, f);
    rc = rc ? rc : store_locate(config->database, r->data_dir, where, sizeof where, f);
    rc = rc ? rc : store_open(&r->store, where, f);
    if (rc == 0 && !had_key && store_version(r->store) > 0) { /* a new key opens nothing of a database that is there already */
        unlink(key_path);
        rc = fault_set(f, ERR_STORAGE, "master_key", "The master key %s is missing: nothing in the database can be opened without it.", key_path);
    }
    if (rc == 0)
        store_unlock(r->store, key);
    rc = rc ? rc : config->as_it_is ? check_version(r, f) : 0;
    rc = rc ? rc : store_migrate(r->store, f);
    rc = rc ? rc : records_parts_open(&r->parts, r->data_dir, r->config_dir, key, f);
    explicit_bzero(key, sizeof key);
    rc = rc ? rc : audit_adopt_shown(r->store, r->parts.audit_key, clock_now_ms(r->clock));
    rc = rc ? rc : open_mirror(r, config, f); /* before anybody publishes a file */
    rc = rc ? rc : fhir_reindex(r->parts.fhir, r->store, f);
    if (rc == 0) {
        r->feed_told = newest_change(r->store);
        if (r->on_change)
            store_keep_fed(r->store);
        snprintf(r->parts.delivery_keys.base_url, sizeof r->parts.delivery_keys.base_url, "%s", config->base_url ? config->base_url : "");
        fhir_public_address(r->parts.fhir, config->public_address);
        snprintf(r->parts.record_dir, sizeof r->parts.record_dir, "%s", config->record_dir ? config->record_dir : "");
        snprintf(r->parts.drop_dir, sizeof r->parts.drop_dir, "%s", config->drop_dir ? config->drop_dir : "");
        r->parts.odbc = config->odbc_ini && config->odbc_ini[0];
        rc = recording_intake_open(&r->parts.intake, r);
    }
    rc = rc ? rc : exchange_queue_open(r, f);
    rc = rc ? rc : start_pool(r, config->readers, f);
    if (rc == 0 && config->composer && *config->composer && config->composers)
        rc = recording_exporter_open(&r->parts.exporter, r, config->composer, config->composers);
    if (rc == 0 && r->n_readers)
        store_checkpoint_on(r->store, checkpoint_due, r);
    rc = rc ? rc : open_archive(r, config, where, f);
    rc = rc ? rc : open_health(r, config, f);
    rc = rc ? rc : open_outgoing(r, config, f);
    rc = rc ? rc : open_drop(r, config, f);
    rc = rc ? rc : open_pull(r, config, f);
    return rc ? rc : open_tell(r, config, f);
}

static void make_system_credential(struct records *r)
{
    uint8_t random[32];
    crypto_random(random, sizeof random);
    memcpy(r->system_credential, "system:", 7);
    if (hex_encode(random, sizeof random, r->system_credential + 7, sizeof r->system_credential - 7) < 0)
        abort(); /* the buffer is made for it */
}

int records_open(struct records **out, const struct records_config *config, struct fault *f)
{
    struct records *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r)
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    pthread_mutex_init(&r->feed_lock, NULL);
    pthread_mutex_init(&r->waiting_lock, NULL);
    gather_open(&r->fhir_gather);
    make_system_credential(r);
    r->alone = -1;
    r->fhir_turn = (struct turn_line){.records = r, .run = fhir_read_turn};
    r->fhir_new_turn = (struct turn_line){.records = r, .run = fhir_read_turn};
    r->quick_turn = (struct turn_line){.records = r, .run = call_quick_turn};
    r->clock = config->clock ? config->clock : &clock_system;
    r->on_change = config->on_change;
    r->on_change_ctx = config->on_change_ctx;
    snprintf(r->data_dir, sizeof r->data_dir, "%s", config->data_dir);
    snprintf(r->config_dir, sizeof r->config_dir, "%s", config->config_dir);
    int rc = open_all(r, config, f);
    if (rc)
        records_close(r);
    else
        *out = r;
    return rc;
}

void records_close(struct records *r)
{
    if (!r)
        return;
    exchange_tell_close(r->tell);
    exchange_pull_close(r->pull);
    exchange_drop_close(r->drop); /* its rows are answered by the pool */
    outgoing_close(r->parts.outgoing);
    r->parts.outgoing = NULL;
    recording_exporter_close(r->parts.exporter); /* it calls operations */
    stop_pool(r);
    exchange_queue_close(r);
    recording_intake_close(r->parts.intake);
    health_close(r->parts.health);
    blob_mirror_close(r->mirror);
    records_parts_close(&r->parts);
    store_archive_close(r->archive);
    store_close(r->store);
    if (r->alone >= 0)
        close(r->alone);
    fhir_spare_free(r);
    pthread_mutex_destroy(&r->feed_lock);
    gather_close(&r->fhir_gather);
    pthread_mutex_destroy(&r->waiting_lock);
    explicit_bzero(r->system_credential, sizeof r->system_credential);
    free(r);
}

bool records_writable(struct records *r)
{
    return !store_is_stuck(r->store);
}

struct records_parts *records_parts(struct records *r)
{
    return &r->parts;
}

struct store *records_store(struct records *r)
{
    return r->store;
}

const struct clock *records_clock(struct records *r)
{
    return r->clock;
}

/* ---- change feed ---- */

static void add_house(struct tx *tx, int64_t org, struct records_change *c)
{
    for (int depth = 0; org && depth < 8 && c->n_orgs < CHANGE_ORGS_MAX; depth++) {
        c->orgs[c->n_orgs++] = (uint64_t)org;
        org = tx_int(tx, 0, "SELECT parent_id FROM org WHERE id=$1", "i", org);
    }
}

static void add_houses_of(struct tx *tx, int64_t case_id, struct records_change *c)
{
    add_house(tx, tx_int(tx, 0, "SELECT home_org_id FROM consult WHERE id=$1", "i", case_id), c);
    add_house(tx, tx_int(tx, 0, "SELECT target_org_id FROM consult WHERE id=$1 AND reached_ms>0", "i", case_id), c);
}

static void find_houses(struct tx *tx, struct records_change *c)
{
    uint64_t id;
    if (id_parse(c->key, &id))
        return;
    int64_t case_id = strcmp(c->topic, "document") == 0 ? tx_int(tx, 0, "SELECT case_id FROM document WHERE id=$1", "i", (int64_t)id) : (int64_t)id;
    if (case_id) {
        add_houses_of(tx, case_id, c);
        return;
    }
    add_house(tx, tx_int(tx, 0, "SELECT org_id FROM document WHERE id=$1", "i", (int64_t)id), c);
    add_house(tx, tx_int(tx, 0, "SELECT p.org_id FROM document d JOIN patient p ON p.id=d.patient_id WHERE d.id=$1", "i", (int64_t)id), c);
}

/* `tx` NULL: a read of its own. What cannot be found out is told to nobody. */
static void whose(struct records *r, struct tx *tx, struct records_change *c)
{
    struct tx *own = NULL;
    c->of_houses = strcmp(c->topic, "case") == 0 || strcmp(c->topic, "message") == 0 || strcmp(c->topic, "document") == 0;
    if (!c->of_houses || (!tx && tx_begin(r->store, TX_READ, &own)))
        return;
    find_houses(tx ? tx : own, c);
    tx_rollback(own);
}

static void tell(struct records *r, struct tx *tx, int64_t seq, const char *topic, const char *key, const char *payload)
{
    struct records_change c = {.seq = seq};
    snprintf(c.topic, sizeof c.topic, "%s", topic);
    snprintf(c.key, sizeof c.key, "%s", key);
    snprintf(c.payload, sizeof c.payload, "%s", payload);
    whose(r, tx, &c);
    r->on_change(r->on_change_ctx, &c);
    r->feed_told = seq;
}

static void tell_table(struct records *r)
{
    struct tx *tx;
    if (tx_begin(r->store, TX_READ, &tx))
        return;
    struct query *q = tx_query(tx, "SELECT seq, topic, key, payload FROM feed WHERE seq>$1 ORDER BY seq", "i", r->feed_told);
    while (query_next(q))
        tell(r, tx, query_int(q, "seq"), query_text(q, "topic"), query_text(q, "key"), query_text(q, "payload"));
    if (query_end(q))
        log_warn("records", "the change feed could not be read; told with the next commit");
    tx_rollback(tx);
}

/* A gap: another process (yilianctl, another daemon of the database) committed in between. */
void records_feed_tell(struct records *r)
{
    bool gap;
    if (!r->on_change)
        return;
    pthread_mutex_lock(&r->feed_lock);
    struct store_change *c = store_take_fed(r->store, &gap);
    while (c) {
        struct store_change *next = c->next;
        gap = gap || c->seq > r->feed_told + 1;
        if (!gap && c->seq > r->feed_told)
            tell(r, NULL, c->seq, c->topic, c->key, c->payload);
        free(c);
        c = next;
    }
    if (gap)
        tell_table(r);
    pthread_mutex_unlock(&r->feed_lock);
}

void records_feed_read(struct records *r)
{
    if (!r->on_change)
        return;
    pthread_mutex_lock(&r->feed_lock);
    tell_table(r);
    pthread_mutex_unlock(&r->feed_lock);
}
