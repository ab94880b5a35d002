/* How a file in a folder is taken in (drop.h): read, its rows on their way, its report, its new place. */
#include "records/exchange/drop_private.h"
#include "records/exchange/exchange_private.h"
#include "records/parts.h"
#include "records/term/charset.h"
#include "server/base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAULTS_MAX 1000 /* of a report */

struct file { /* one under way */
    struct exchange_drop *d;
    const struct drop_source *source;
    const char *name;
    char dir[DROP_PATH], path[DROP_PATH + 260];
    char *bytes, *text;
    size_t len, text_len;
    char hash[33], state[12];
    uint64_t id;
    int64_t rows; /* taken already, in an earlier life */
    const char *charset;
    struct stat st;
};

/* ---- bytes ---- */

/* A read lease is only given when nobody has the file open for writing. */
static bool written_to(int fd)
{
    if (fcntl(fd, F_SETLEASE, F_RDLCK))
        return errno == EAGAIN;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}

static int read_all(struct file *f, int fd)
{
    f->bytes = malloc((size_t)f->st.st_size + 1);
    if (!f->bytes)
        return ERR_UNAVAILABLE;
    while (f->len < (size_t)f->st.st_size) {
        ssize_t n = read(fd, f->bytes + f->len, (size_t)f->st.st_size - f->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? ERR_STORAGE : ERR_NOT_ALLOWED_NOW; /* shorter than it was: somebody is at it */
        f->len += (size_t)n;
    }
    return 0;
}

/* ERR_TOO_LARGE: it has its size and nothing else. */
static int read_file(struct file *f)
{
    struct stat after;
    int fd = open(f->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_ALLOWED_NOW : ERR_DENIED;
    int rc = fstat(fd, &f->st) ? ERR_STORAGE : !S_ISREG(f->st.st_mode) || written_to(fd) ? ERR_NOT_ALLOWED_NOW : 0;
    if (rc == 0 && (size_t)f->st.st_size > f->d->config.max_bytes)
        rc = ERR_TOO_LARGE;
    rc = rc ? rc : read_all(f, fd);
    if (rc == 0 && (fstat(fd, &after) || after.st_size != f->st.st_size || after.st_mtim.tv_sec != f->st.st_mtim.tv_sec || after.st_mtim.tv_nsec != f->st.st_mtim.tv_nsec))
        rc = ERR_NOT_ALLOWED_NOW;
    close(fd);
    return rc;
}

static void hash_file(struct file *f)
{
    exchange_hash(records_parts(f->d->config.records)->exchange, f->bytes ? f->bytes : "", f->len, f->hash);
}

/* ---- its row in the database ---- */

/* The same file that was begun before: after a kill, or when it could not be moved away. */
static int find_begun(struct file *f, struct tx *tx)
{
    struct query *q = tx_query(tx,
                               "SELECT id, state, rows FROM exchange_file WHERE source_id=$1 AND state IN ('reading','read','refused') AND name=$2 AND hash=$3 "
                               "ORDER BY id DESC LIMIT 1",
                               "itt", (int64_t)f->source->id, f->name, f->hash);
    if (query_next(q)) {
        f->id = (uint64_t)query_int(q, "id");
        f->rows = query_int(q, "rows");
        snprintf(f->state, sizeof f->state, "%s", query_text(q, "state"));
    }
    return query_end(q);
}

static int begin(struct file *f)
{
    struct tx *tx;
    int64_t now_ms = clock_now_ms(records_clock(f->d->config.records));
    int rc = tx_begin(records_store(f->d->config.records), TX_WRITE, &tx);
    if (rc)
        return rc;
    rc = find_begun(f, tx);
    if (rc == 0 && !f->id) {
        f->id = id_new();
        snprintf(f->state, sizeof f->state, "reading");
        /* of a name that was written anew while it was read, the earlier content counts as far as it was taken */
        tx_exec(tx, "UPDATE exchange_file SET state='done', reason='replaced', done_ms=$1 WHERE source_id=$2 AND name=$3 AND state='reading'", "iit", now_ms,
                (int64_t)f->source->id, f->name);
        rc = tx_exec(tx,
                     "INSERT INTO exchange_file (id, source_id, name, hash, size, state, reason, place, charset, unused, rows, stored, dead, repeated, begun_ms, done_ms) "
                     "VALUES ($1,$2,$3,$4,$5,'reading','','','','',0,0,0,0,$6,0)",
                     "iittii", (int64_t)f->id, (int64_t)f->source->id, f->name, f->hash, (int64_t)f->st.st_size, now_ms);
    }
    if (rc)
        tx_rollback(tx);
    return rc ? rc : tx_commit(tx);
}

/* reason "" = as far as it is. */
static int set_state(struct file *f, const char *state, const char *reason, const char *place)
{
    struct tx *tx;
    int rc = tx_begin(records_store(f->d->config.records), TX_WRITE, &tx);
    if (rc)
        return rc;
    tx_exec(tx, "UPDATE exchange_file SET state=$1, done_ms=$2 WHERE id=$3", "tii", state, clock_now_ms(records_clock(f->d->config.records)), (int64_t)f->id);
    if (reason[0])
        tx_exec(tx, "UPDATE exchange_file SET reason=$1, place=$2 WHERE id=$3", "tti", reason, place, (int64_t)f->id);
    rc = tx_error(tx);
    snprintf(f->state, sizeof f->state, "%s", state);
    if (rc)
        tx_rollback(tx);
    return rc ? rc : tx_commit(tx);
}

static int note_shape(struct file *f, const char *unused)
{
    struct tx *tx;
    int rc = tx_begin(records_store(f->d->config.records), TX_WRITE, &tx);
    if (rc)
        return rc;
    rc = tx_exec(tx, "UPDATE exchange_file SET charset=$1, unused=$2 WHERE id=$3", "tti", f->charset, unused, (int64_t)f->id);
    if (rc)
        tx_rollback(tx);
    return rc ? rc : tx_commit(tx);
}

/* ---- rows on their way ---- */

/* A record that is none (a quote left open, too many fields): kept as it stands, under the file's own header, up to the end of its line. */
static char *broken_body(struct csv *c, size_t from, size_t line)
{
    size_t begin = c->len >= 3 && memcmp(c->bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0, end = from;
    while (begin < c->len && (c->bytes[begin] == '\n' || c->bytes[begin] == '\r'))
        begin++;
    size_t header = begin;
    while (header < c->len && c->bytes[header] != '\n' && c->bytes[header] != '\r')
        header++;
    while (end < c->len && c->bytes[end] != '\n' && c->bytes[end] != '\r')
        end++;
    size_t n = end - from < ROWS_BODY_MAX ? end - from : ROWS_BODY_MAX;
    while (n > 0 && n < end - from && ((unsigned char)c->bytes[from + n] & 0xC0) == 0x80)
        n--; /* cut between two characters */
    char *body = malloc(header + n + 3);
    if (body)
        sprintf(body, "%.*s\n%.*s\n", (int)(header - begin), c->bytes + begin, (int)n, c->bytes + from);
    c->at = end;
    c->next_line = line;
    return body;
}

/* 1 with *body, 0 at the end. A record longer than is sensible is one that never closes its quote. */
static int next_body(struct file *f, struct csv *c, const struct exchange_header *h, char **body)
{
    struct fault fault = {0};
    size_t whole = c->len;
    while (c->at < c->len && (c->bytes[c->at] == '\n' || c->bytes[c->at] == '\r'))
        c->at++;
    size_t from = c->at, line = c->next_line;
    if (from >= c->len)
        return 0;
    c->len = whole - from > ROWS_BODY_MAX ? from + ROWS_BODY_MAX : whole;
    int rc = csv_next(c, &fault);
    bool cut = c->len < whole && c->at >= c->len;
    c->len = whole;
    *body = rc == 1 && !cut ? exchange_rows_body(f->source->rows, c, h) : broken_body(c, from, line);
    return *body ? 1 : ERR_UNAVAILABLE;
}

static int send_rows(struct file *f, struct csv *c, const struct exchange_header *h)
{
    int rc = 1;
    int64_t number = 0;
    row_flow_begin(&f->d->flow);
    while (rc == 1) {
        char *body;
        rc = next_body(f, c, h, &body);
        if (rc != 1)
            break;
        number++;
        int sent = number > f->rows ? row_flow_send(&f->d->flow, f->source->id, f->id, number, body, false) : 0;
        explicit_bzero(body, strlen(body));
        free(body);
        rc = sent ? sent : 1;
    }
    bool whole = row_flow_end(&f->d->flow) && rc == 0;
    return whole ? 0 : rc ? rc : ERR_NOT_ALLOWED_NOW;
}

/* ---- report and new place ---- */

static json_t *faults_of(struct file *f, struct tx *tx)
{
    json_t *items = json_array();
    struct query *q = tx_query(tx, "SELECT row_no, reason, location FROM exchange_message WHERE file_id=$1 AND file_id>0 AND state='dead' ORDER BY row_no LIMIT $2", "ii",
                               (int64_t)f->id, (int64_t)FAULTS_MAX);
    while (query_next(q))
        json_array_append_new(items, json_pack("{s:I,s:s?,s:s?}", "row", (json_int_t)query_int(q, "row_no"), "column", query_text(q, "location"), "reason", query_text(q, "reason")));
    if (query_end(q))
        return items; /* the report is a help, not the truth: that is in the database */
    return items;
}

static json_t *report_of(struct file *f)
{
    struct tx *tx;
    json_t *o = NULL;
    if (tx_begin(records_store(f->d->config.records), TX_READ, &tx))
        return NULL;
    struct query *q = tx_query(tx, "SELECT * FROM exchange_file WHERE id=$1", "i", (int64_t)f->id);
    if (query_next(q)) {
        int64_t begun = query_int(q, "begun_ms");
        o = json_pack("{s:s?,s:s?,s:s?,s:s?,s:s?,s:s?,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "file", query_text(q, "name"), "result",
                      strcmp(f->state, "refused") == 0 ? "refused" : "taken", "reason", query_text(q, "reason"), "column", query_text(q, "place"), "charset",
                      query_text(q, "charset"), "unused_columns", query_text(q, "unused"), "bytes", (json_int_t)query_int(q, "size"), "rows",
                      (json_int_t)query_int(q, "rows"), "stored", (json_int_t)query_int(q, "stored"), "dead", (json_int_t)query_int(q, "dead"), "repeated",
                      (json_int_t)query_int(q, "repeated"), "begun_ms", (json_int_t)begun, "done_ms", (json_int_t)query_int(q, "done_ms"));
    }
    if (query_end(q) == 0 && o)
        json_object_set_new(o, "faults", faults_of(f, tx));
    tx_rollback(tx);
    return o;
}

static void write_report(struct file *f, const char *place)
{
    char path[DROP_PATH + 400];
    json_t *o = report_of(f);
    snprintf(path, sizeof path, "%s.report.json", place);
    if (!o || json_dump_file(o, path, JSON_INDENT(1)))
        log_warn("exchange", "the report of a file of source %016llx could not be written", (unsigned long long)f->source->id);
    json_decref(o);
}

/* done/DAY/NAME, never over another file. */
static int move_away(struct file *f)
{
    char day[11], dir[DROP_PATH + 40], to[DROP_PATH + 380];
    bool refused = strcmp(f->state, "refused") == 0;
    exchange_day_of(clock_now_ms(records_clock(f->d->config.records)), day);
    snprintf(dir, sizeof dir, "%s/%s", f->dir, refused ? "failed" : "done");
    (void)!mkdir(dir, 0770);
    snprintf(dir, sizeof dir, "%s/%s/%s", f->dir, refused ? "failed" : "done", day);
    (void)!mkdir(dir, 0770);
    snprintf(to, sizeof to, "%s/%s", dir, f->name);
    int rc = renameat2(AT_FDCWD, f->path, AT_FDCWD, to, RENAME_NOREPLACE);
    if (rc && errno == EEXIST) {
        snprintf(to, sizeof to, "%s/%016llx-%s", dir, (unsigned long long)f->id, f->name);
        rc = renameat2(AT_FDCWD, f->path, AT_FDCWD, to, RENAME_NOREPLACE);
    }
    if (rc && errno == EINVAL) /* a file system that knows no such flag; the long name is this file's own */
        rc = rename(f->path, to);
    if (rc)
        return ERR_STORAGE;
    write_report(f, to);
    return set_state(f, refused ? "failed" : "done", "", "");
}

/* ---- one file ---- */

static int refuse(struct file *f, const char *reason, const char *place)
{
    int rc = set_state(f, "refused", reason, place);
    return rc ? rc : move_away(f);
}

static int take_rows(struct file *f)
{
    char column[ROWS_NAME_BYTES], unused[600];
    struct csv c;
    struct fault fault = {0};
    struct exchange_header h;
    f->text = charset_decode(f->bytes, f->len, &f->text_len, &f->charset);
    if (!f->text)
        return ERR_UNAVAILABLE;
    if (csv_open_bytes(&c, "", f->text, f->text_len, &fault))
        return fault.code == ERR_INTERNAL ? ERR_UNAVAILABLE : refuse(f, "no_table", "");
    free(f->text);
    f->text = NULL;
    if (exchange_rows_header(f->source->rows, &c, &h, column, unused, sizeof unused)) {
        csv_close(&c);
        return refuse(f, "column_missing", column);
    }
    int rc = note_shape(f, unused);
    rc = rc ? rc : send_rows(f, &c, &h);
    csv_close(&c);
    rc = rc ? rc : set_state(f, "read", "", "");
    return rc ? rc : move_away(f);
}

static int take(struct file *f)
{
    int read = read_file(f);
    if (read && read != ERR_TOO_LARGE)
        return read;
    hash_file(f);
    int rc = begin(f);
    if (rc)
        return rc;
    if (strcmp(f->state, "reading") != 0)
        return move_away(f);
    return read ? refuse(f, "too_large", "") : take_rows(f);
}

int drop_file_take(struct exchange_drop *d, const struct drop_source *s, const char *name)
{
    struct file f = {.d = d, .source = s, .name = name};
    snprintf(f.dir, sizeof f.dir, "%s/%s", d->root, s->folder);
    snprintf(f.path, sizeof f.path, "%s/%s", f.dir, name);
    int rc = take(&f);
    if (f.bytes)
        explicit_bzero(f.bytes, f.len);
    free(f.bytes);
    free(f.text);
    return rc;
}
