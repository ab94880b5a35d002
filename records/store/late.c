/* Keys in memory, sorted, in blocks under one sorted list of blocks (late.h). */
#include "records/store/late.h"
#include "records/store/store_private.h"
#include "server/base/id.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 96          /* entries moved by one that comes between them: half of these */
#define LINE_MAX 21000    /* bytes of a line's rows */
#define STEP_LINES 32     /* so many lines are added between two stretches */
#define STEP_ROWS 12      /* rows a stretch puts in for each of these lines: more than a line has on average, or what waits would grow and grow */
#define BATCH 64          /* ... in one statement */
#define SWEEP_LEAST 6144  /* lines that are gathered before a sweep begins; */
#define SWEEP_SHARE 4     /* ... in a large site that part of all lines there have been: the larger the trees, the more rows it takes until a page takes several */
#define SWEEP_MOST 24576  /* ... at most: what waits is held in memory, at most twice that many lines of some ten rows of 100 bytes */

/* A row in memory: the key is behind it. */
struct node {
    uint64_t patient;
    int64_t line;
    struct node *beside; /* of the same line */
    uint16_t n;
    bool minus; /* taken out again */
    uint8_t key[];
};

struct entry { /* most comparisons end with the key's first bytes */
    uint64_t head[2];
    struct node *x;
};

struct block {
    size_t n; /* never 0 */
    struct entry entries[BLOCK];
};

struct top { /* of all blocks, in order */
    struct entry first;
    struct block *block;
};

struct at { /* an entry's place; block = n_tops: behind the last */
    size_t block, i;
};

struct line {
    int64_t number, mark;
    struct node *rows;
};

struct state { /* key_late_state */
    int64_t gone;  /* lines up to here stand in the trees */
    int64_t sweep; /* ... up to here in those parts of the trees that come before `place` */
    int64_t first; /* lines from here on have not been deleted */
    struct late_key place;
};

struct image {
    struct top *tops;
    size_t n_tops, cap_tops;
    struct line *lines; /* ring of cap, a power of two */
    size_t first, n, cap;
    int64_t dead; /* nodes of lines up to here stand in the trees for good: committed */
    struct state state;
};

struct late {
    struct image images[2]; /* by tx_mode */
    pthread_mutex_t lock;   /* the readers'; there is one writer */
};

/* ---- keys: the tree, a hash of all columns but the last, the last column, the others. So the first bytes tell most keys apart, rows of one institution and kind stand side by
 * side in the order of the last column, and so do they in the tree. ---- */

static void put_integer(struct late_key *k, int64_t value)
{
    uint64_t u = (uint64_t)value ^ (1ull << 63);
    for (int shift = 56; shift >= 0; shift -= 8)
        k->bytes[k->n++] = (uint8_t)(u >> shift);
}

static void put_text(struct late_key *k, const char *text)
{
    size_t room = LATE_KEY_MAX - 1 - k->n, n = strnlen(text, room);
    memcpy(k->bytes + k->n, text, n);
    k->n += n;
}

static void put_hash(struct late_key *k, uint64_t org, const char *kind)
{
    uint64_t h = (org ^ 0x9E3779B97F4A7C15u) * 0xFF51AFD7ED558CCDu;
    for (; *kind; kind++)
        h = (h ^ (uint8_t)*kind) * 1099511628211u;
    k->bytes[k->n++] = (uint8_t)(h >> 56);
    k->bytes[k->n++] = (uint8_t)(h >> 48);
}

void late_number(struct late_key *k, int64_t key)
{
    k->n = 0;
    k->bytes[k->n++] = LATE_MPI;
    put_integer(k, key);
    k->whole = true;
}

void late_text(struct late_key *k, enum late_tree tree, uint64_t org, const char *kind, const char *key, bool beginning)
{
    k->n = 0;
    k->bytes[k->n++] = (uint8_t)tree;
    put_hash(k, org, kind);
    put_text(k, key);
    k->whole = !beginning;
    k->search = k->n;
    k->bytes[k->n++] = 0;
    put_integer(k, (int64_t)org);
    snprintf((char *)k->bytes + k->n, LATE_KIND_MAX, "%s", kind);
    k->n += strlen((char *)k->bytes + k->n);
}

static int64_t integer_at(const uint8_t *bytes)
{
    uint64_t u = 0;
    for (int i = 0; i < 8; i++)
        u = u << 8 | bytes[i];
    return (int64_t)(u ^ (1ull << 63));
}

static int compare_bytes(const uint8_t *a, size_t n, const uint8_t *b, size_t m)
{
    int d = memcmp(a, b, n < m ? n : m);
    return d ? d : (n > m) - (n < m);
}

static void head_of(const uint8_t *key, size_t n, uint64_t head[2])
{
    uint8_t bytes[16] = {0};
    memcpy(bytes, key, n < 16 ? n : 16);
    for (int i = 0; i < 2; i++) {
        uint64_t u;
        memcpy(&u, bytes + 8 * i, 8);
        head[i] = __builtin_bswap64(u);
    }
}

static int compare(const struct entry *a, const struct entry *b)
{
    for (int i = 0; i < 2; i++)
        if (a->head[i] != b->head[i])
            return a->head[i] < b->head[i] ? -1 : 1;
    int d = compare_bytes(a->x->key, a->x->n, b->x->key, b->x->n);
    if (d)
        return d;
    return a->x->patient != b->x->patient ? (a->x->patient > b->x->patient ? 1 : -1) : (a->x->line > b->x->line) - (a->x->line < b->x->line);
}

/* ---- the list ---- */

/* The first that is not less. */
static struct at find(const struct image *m, const struct entry *e)
{
    size_t low = 0, high = m->n_tops; /* the first block that begins behind e */
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (compare(&m->tops[mid].first, e) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (!low)
        return (struct at){0, 0};
    const struct block *b = m->tops[low - 1].block;
    size_t from = 0, to = b->n;
    while (from < to) {
        size_t mid = (from + to) / 2;
        if (compare(&b->entries[mid], e) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from < b->n ? (struct at){low - 1, from} : (struct at){low, 0};
}

static struct at find_key(const struct image *m, const uint8_t *key, size_t n)
{
    struct {
        struct node node;
        uint8_t key[LATE_KEY_MAX];
    } x = {.node = {.n = (uint16_t)n}};
    struct entry e = {.x = &x.node};
    memcpy(x.node.key, key, n);
    head_of(key, n, e.head);
    return find(m, &e);
}

static struct node *node_at(const struct image *m, struct at at)
{
    return at.block < m->n_tops ? m->tops[at.block].block->entries[at.i].x : NULL;
}

static struct at next_of(const struct image *m, struct at at)
{
    return ++at.i < m->tops[at.block].block->n ? at : (struct at){at.block + 1, 0};
}

static int add_top(struct image *m, size_t place, struct block *b)
{
    if (m->n_tops == m->cap_tops) {
        size_t cap = m->cap_tops ? m->cap_tops * 2 : 64;
        struct top *more = realloc(m->tops, cap * sizeof *more);
        if (!more)
            return ERR_UNAVAILABLE;
        m->tops = more;
        m->cap_tops = cap;
    }
    memmove(m->tops + place + 1, m->tops + place, (m->n_tops++ - place) * sizeof *m->tops);
    m->tops[place] = (struct top){b->entries[0], b};
    return 0;
}

static int new_block(struct image *m, size_t place, const struct entry *from, size_t n)
{
    struct block *b = malloc(sizeof *b);
    if (!b)
        return ERR_UNAVAILABLE;
    memcpy(b->entries, from, n * sizeof *from);
    b->n = n;
    int rc = add_top(m, place, b);
    if (rc)
        free(b);
    return rc;
}

static int split(struct image *m, size_t block)
{
    struct block *b = m->tops[block].block;
    int rc = new_block(m, block + 1, b->entries + BLOCK / 2, BLOCK - BLOCK / 2);
    b->n = rc ? b->n : BLOCK / 2;
    return rc;
}

static int link_in(struct image *m, struct node *x)
{
    struct entry e = {.x = x};
    head_of(x->key, x->n, e.head);
    if (!m->n_tops)
        return new_block(m, 0, &e, 1);
    struct at at = find(m, &e);
    if (at.i == 0 && at.block > 0) { /* behind the last of the block before */
        at.block--;
        at.i = m->tops[at.block].block->n;
    }
    struct block *b = m->tops[at.block].block;
    if (b->n == BLOCK) {
        int rc = split(m, at.block);
        if (rc)
            return rc;
        if (at.i > BLOCK / 2)
            at = (struct at){at.block + 1, at.i - BLOCK / 2};
        b = m->tops[at.block].block;
    }
    memmove(b->entries + at.i + 1, b->entries + at.i, (b->n++ - at.i) * sizeof e);
    b->entries[at.i] = e;
    m->tops[at.block].first = b->entries[0];
    return 0;
}

/* What stood behind it is there now; *at goes to the next block when it was the last of its own. */
static void unlink_at(struct image *m, struct at *at)
{
    struct block *b = m->tops[at->block].block;
    free(b->entries[at->i].x);
    memmove(b->entries + at->i, b->entries + at->i + 1, (--b->n - at->i) * sizeof *b->entries);
    if (!b->n) {
        free(b);
        memmove(m->tops + at->block, m->tops + at->block + 1, (--m->n_tops - at->block) * sizeof *m->tops);
        at->i = 0;
        return;
    }
    m->tops[at->block].first = b->entries[0];
    if (at->i == b->n)
        *at = (struct at){at->block + 1, 0};
}

static void unlink_node(struct image *m, struct node *x)
{
    struct entry e = {.x = x};
    head_of(x->key, x->n, e.head);
    struct at at = find(m, &e);
    unlink_at(m, &at);
}

static bool same_key(const struct node *a, const struct node *b)
{
    return a && b && a->n == b->n && memcmp(a->key, b->key, a->n) == 0;
}

static bool same_row(const struct node *a, const struct node *b)
{
    return a && b && a->patient == b->patient && same_key(a, b);
}

static bool in_tree(const struct image *m, const struct node *x)
{
    return x->line <= m->state.gone || (x->line <= m->state.sweep && compare_bytes(x->key, x->n, m->state.place.bytes, m->state.place.n) < 0);
}

/* The last line that speaks of a row is right. */
static bool waits(const struct image *m, struct at at)
{
    const struct node *x = node_at(m, at);
    return !x->minus && !in_tree(m, x) && !same_row(x, node_at(m, next_of(m, at)));
}

/* ---- lines ---- */

static struct line *line_at(struct image *m, size_t i)
{
    return &m->lines[(m->first + i) & (m->cap - 1)];
}

static int64_t newest(const struct image *m)
{
    return m->n ? m->lines[(m->first + m->n - 1) & (m->cap - 1)].number : m->state.gone;
}

static int grow(struct image *m)
{
    size_t cap = m->cap ? m->cap * 2 : 1024;
    struct line *more = malloc(cap * sizeof *more);
    if (!more)
        return ERR_UNAVAILABLE;
    for (size_t i = 0; i < m->n; i++)
        more[i] = *line_at(m, i);
    free(m->lines);
    m->lines = more;
    m->first = 0;
    m->cap = cap;
    return 0;
}

static int read_row(struct image *m, struct line *l, uint64_t patient, const uint8_t *at, size_t n)
{
    struct node *x = malloc(sizeof *x + n);
    if (!x || n > LATE_KEY_MAX) {
        free(x);
        return ERR_UNAVAILABLE;
    }
    *x = (struct node){.patient = patient, .line = l->number, .beside = l->rows, .n = (uint16_t)n, .minus = at[0]};
    memcpy(x->key, at + 3, n);
    if (link_in(m, x)) {
        free(x);
        return ERR_UNAVAILABLE;
    }
    l->rows = x;
    return 0;
}

/* bytes: of each row a sign, the length of its key, the key. */
static int read_line(struct image *m, int64_t number, int64_t mark, uint64_t patient, const uint8_t *bytes, size_t len)
{
    int rc = m->n == m->cap ? grow(m) : 0;
    if (rc)
        return rc;
    struct line *l = line_at(m, m->n++);
    *l = (struct line){number, mark, NULL};
    for (size_t at = 0, n; rc == 0 && at + 3 <= len; at += 3 + n) {
        n = (size_t)(bytes[at + 1] << 8 | bytes[at + 2]);
        rc = at + 3 + n <= len ? read_row(m, l, patient, bytes + at, n) : ERR_STORAGE;
    }
    return rc;
}

static void drop_rows(struct image *m, const struct line *l)
{
    for (struct node *x = l->rows, *beside; x; x = beside) {
        beside = x->beside;
        unlink_node(m, x);
    }
}

static void drop_newest(struct image *m)
{
    m->n--;
    drop_rows(m, line_at(m, m->n));
}

/* The writer's rows go when a stretch passes them, which costs nothing. */
static void drop_dead(struct image *m, bool rows)
{
    while (m->n && line_at(m, 0)->number <= m->dead) {
        if (rows)
            drop_rows(m, line_at(m, 0));
        m->first++;
        m->n--;
    }
}

static void drop_all(struct image *m)
{
    for (size_t i = 0; i < m->n_tops; i++) {
        struct block *b = m->tops[i].block;
        for (size_t k = 0; k < b->n; k++)
            free(b->entries[k].x);
        free(b);
    }
    m->n_tops = 0;
    m->n = 0;
    m->dead = 0;
}

/* ---- in step with the transaction ---- */

static int read_state(struct tx *tx, struct state *s)
{
    struct query *q = tx_query(tx, "SELECT gone, sweep, first, place FROM key_late_state WHERE id=1", "");
    memset(s, 0, sizeof *s);
    if (query_next(q)) {
        const void *place = query_blob(q, "place", &s->place.n);
        s->place.n = place && s->place.n <= LATE_KEY_MAX ? s->place.n : 0;
        if (s->place.n)
            memcpy(s->place.bytes, place, s->place.n);
        s->gone = query_int(q, "gone");
        s->sweep = query_int(q, "sweep");
        s->first = query_int(q, "first");
    }
    return query_end(q);
}

static int read_new(struct tx *tx, struct image *m)
{
    struct query *q = tx_query(tx, "SELECT line, mark, patient_id, rows FROM key_late WHERE line>$1 ORDER BY line", "i", newest(m));
    int rc = 0;
    while (rc == 0 && query_next(q)) {
        size_t len;
        const void *bytes = query_blob(q, "rows", &len);
        rc = read_line(m, query_int(q, "line"), query_int(q, "mark"), (uint64_t)query_int(q, "patient_id"), bytes, len);
    }
    int end = query_end(q);
    if (rc)
        drop_all(m);
    return rc ? store_fail(tx, rc, "key_late") : end;
}

/* Lines that were rolled back go. */
static void drop_undone(struct tx *tx, struct image *m)
{
    while (m->n) {
        const struct line *l = line_at(m, m->n - 1);
        if (l->number <= m->state.gone || tx_int(tx, 0, "SELECT mark FROM key_late WHERE line=$1", "i", l->number) == l->mark || tx->error)
            return;
        drop_newest(m);
    }
}

static int keep_in_step(struct tx *tx, struct image *m)
{
    if (tx->late == LATE_IN_STEP)
        return tx->error;
    int rc = read_state(tx, &m->state);
    if (rc)
        return rc;
    if (m->state.gone < m->dead || (m->n && newest(m) < m->state.gone))
        drop_all(m);
    if (tx->late == LATE_NOT_ASKED) /* nothing of it is this transaction's own yet */
        m->dead = m->state.gone;
    drop_undone(tx, m);
    drop_dead(m, tx->connection->mode == TX_READ);
    rc = tx->error ? tx->error : read_new(tx, m);
    tx->late = LATE_IN_STEP;
    return rc;
}

static struct image *image_of(struct tx *tx)
{
    struct late *l = tx->store->late;
    enum tx_mode mode = tx->connection->mode;
    if (mode == TX_READ) {
        pthread_mutex_lock(&l->lock);
        tx->late = LATE_NOT_ASKED; /* another reader may have been there since */
    }
    return &l->images[mode];
}

static void leave(struct tx *tx)
{
    if (tx->connection->mode == TX_READ)
        pthread_mutex_unlock(&tx->store->late->lock);
}

/* ---- into the trees ---- */

/* Rows of one tree, put in together. Their texts are the nodes' own. */
struct batch {
    struct cell cells[BATCH * 4];
    char kinds[BATCH][LATE_KIND_MAX];
    size_t n;
    uint8_t tree;
};

static int put_batch(struct tx *tx, struct batch *b)
{
    static const struct {
        const char *table, *columns;
        int width;
    } trees[] = {{"mpi_key", "key,patient_id", 2}, {"patient_key", "org_id,kind,key,patient_id", 4}, {"exchange_person_key", "kind,key,patient_id", 3}};
    int rc = b->n ? tx_add_rows(tx, trees[b->tree].table, trees[b->tree].columns, trees[b->tree].width, b->cells, b->n) : 0;
    b->n = 0;
    return rc;
}

static int put_in(struct tx *tx, struct batch *b, const struct node *x)
{
    int rc = b->n == BATCH || x->key[0] != b->tree ? put_batch(tx, b) : 0;
    const struct cell patient = {NULL, (int64_t)x->patient};
    b->tree = x->key[0];
    if (b->tree == LATE_MPI) { /* which holds no text */
        struct cell *at = b->cells + 2 * b->n++;
        at[0] = (struct cell){NULL, integer_at(x->key + 1)};
        at[1] = patient;
        return rc;
    }
    const char *key = (const char *)x->key + 3, *rest = key + strlen(key) + 1;
    char *kind = b->kinds[b->n];
    snprintf(kind, LATE_KIND_MAX, "%.*s", (int)(x->n - (size_t)(rest + 8 - (const char *)x->key)), rest + 8);
    struct cell *at = b->cells + (b->tree == LATE_PATIENT ? 4 : 3) * b->n++;
    if (b->tree == LATE_PATIENT)
        *at++ = (struct cell){NULL, integer_at((const uint8_t *)rest)};
    at[0] = (struct cell){kind, 0};
    at[1] = (struct cell){key, 0};
    at[2] = patient;
    return rc;
}

static int write_state(struct tx *tx, const struct state *s)
{
    return tx_exec(tx, "UPDATE key_late_state SET gone=$1, sweep=$2, first=$3, place=$4 WHERE id=1", "iiib", s->gone, s->sweep, s->first, s->place.bytes, s->place.n);
}

/* What the list has from the place on: into the trees what is of this sweep, away what is long there. All of one key, so that the place parts those in and those not. */
static int put_stretch(struct tx *tx, struct image *m, size_t rows)
{
    struct state *s = &m->state;
    struct at at = find_key(m, s->place.bytes, s->place.n);
    struct node *x, *last = NULL;
    struct batch batch = {.n = 0};
    size_t done = 0;
    int rc = 0;
    while ((x = node_at(m, at)) && rc == 0 && (done < rows || same_key(last, x))) {
        if (x->line <= m->dead) {
            unlink_at(m, &at);
            continue;
        }
        if (x->line <= s->sweep && waits(m, at)) {
            rc = put_in(tx, &batch, x);
            done++;
        }
        last = x;
        at = next_of(m, at);
    }
    rc = rc ? rc : put_batch(tx, &batch);
    if (x) {
        memcpy(s->place.bytes, x->key, x->n);
        s->place.n = x->n;
    } else { /* the end: all lines of the sweep are in */
        s->gone = s->sweep;
        s->place.n = 0;
    }
    return rc;
}

/* Lines that stand in the trees, a few at a time. */
static void delete_some(struct tx *tx, struct state *s)
{
    s->first = s->first + 2 * STEP_LINES > s->gone ? s->gone + 1 : s->first + 2 * STEP_LINES;
    tx_exec(tx, "DELETE FROM key_late WHERE line<$1", "i", s->first);
}

/* A sweep ends before as many lines have come as it takes in. */
static int step(struct tx *tx, struct image *m)
{
    struct state *s = &m->state;
    int64_t share = s->gone / SWEEP_SHARE, least = share < SWEEP_LEAST ? SWEEP_LEAST : share > SWEEP_MOST ? SWEEP_MOST : share;
    bool rest = s->first <= s->gone, sweeps = s->sweep > s->gone || newest(m) - s->gone >= least;
    int rc = 0;
    if (rest)
        delete_some(tx, s);
    if (sweeps) {
        s->sweep = s->sweep > s->gone ? s->sweep : newest(m);
        rc = put_stretch(tx, m, STEP_LINES * STEP_ROWS);
    }
    return rc || !(rest || sweeps) ? rc : write_state(tx, s);
}

/* ---- for those who write and look ---- */

static size_t put_row(uint8_t *to, const struct late_key *k, bool minus)
{
    to[0] = minus;
    to[1] = (uint8_t)(k->n >> 8);
    to[2] = (uint8_t)k->n;
    memcpy(to + 3, k->bytes, k->n);
    return 3 + k->n;
}

static int write_line(struct tx *tx, struct image *m, uint64_t patient, const uint8_t *bytes, size_t len)
{
    int64_t number = newest(m) + 1, mark = (int64_t)id_new();
    int rc = tx_exec(tx, "INSERT INTO key_late (line, mark, patient_id, rows) VALUES ($1,$2,$3,$4)", "iiib", number, mark, (int64_t)patient, bytes, len);
    if (rc == 0 && read_line(m, number, mark, patient, bytes, len)) {
        drop_all(m); /* half of it: read anew by the next */
        return store_fail(tx, ERR_UNAVAILABLE, "key_late");
    }
    return rc ? rc : number % STEP_LINES ? 0 : step(tx, m);
}

int late_add(struct tx *tx, uint64_t patient, const struct late_rows *rows)
{
    uint8_t bytes[LINE_MAX];
    struct image *m = image_of(tx);
    size_t len = 0;
    for (size_t i = 0; i < rows->n; i++)
        len += put_row(bytes + len, &rows->keys[i], false);
    int rc = len ? keep_in_step(tx, m) : tx->error;
    if (rc == 0 && len)
        rc = write_line(tx, m, patient, bytes, len);
    leave(tx);
    return rc;
}

static bool is_or_begins(const struct node *x, const struct late_key *k)
{
    return k->whole ? x->n == k->n && memcmp(x->key, k->bytes, k->n) == 0 : x->n >= k->search && memcmp(x->key, k->bytes, k->search) == 0;
}

int late_remove(struct tx *tx, uint64_t patient, const struct late_key *key)
{
    uint8_t bytes[LATE_KEY_MAX + 3];
    struct image *m = image_of(tx);
    bool found = false;
    int rc = keep_in_step(tx, m);
    struct at at = rc ? (struct at){m->n_tops, 0} : find_key(m, key->bytes, key->n);
    for (struct node *x; (x = node_at(m, at)) && !found && is_or_begins(x, key); at = next_of(m, at))
        found = x->patient == patient && waits(m, at);
    if (found)
        rc = write_line(tx, m, patient, bytes, put_row(bytes, key, true));
    leave(tx);
    return rc;
}

/* Another institution and kind may have the same hash. */
static bool meant(const struct node *x, const struct late_key *k)
{
    const uint8_t *end = k->whole ? NULL : memchr(x->key + 3, 0, x->n - 3u);
    size_t rest = k->n - k->search;
    return k->whole || (end && x->n == (size_t)(end - x->key) + rest && memcmp(end, k->bytes + k->search, rest) == 0);
}

int late_each(struct tx *tx, const struct late_key *key, late_visit visit, void *ctx)
{
    struct image *m = image_of(tx);
    int rc = keep_in_step(tx, m);
    struct at at = rc ? (struct at){m->n_tops, 0} : find_key(m, key->bytes, key->whole ? key->n : key->search);
    bool more = true;
    for (struct node *x; (x = node_at(m, at)) && more && is_or_begins(x, key); at = next_of(m, at))
        more = !waits(m, at) || !meant(x, key) || visit(ctx, x->patient, x->key[0] == LATE_MPI ? NULL : (const char *)x->key + 3);
    leave(tx);
    return rc;
}

struct late *late_open(void)
{
    struct late *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

void late_close(struct late *l)
{
    if (!l)
        return;
    for (int i = 0; i < 2; i++) {
        drop_all(&l->images[i]);
        free(l->images[i].tops);
        free(l->images[i].lines);
    }
    pthread_mutex_destroy(&l->lock);
    free(l);
}
