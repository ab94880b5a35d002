/* The lines of key_late as they stand in a transaction, and the sweeps that put their rows into the trees (late.h). */
#include "records/store/late_key.h"
#include "records/store/late_list.h"
#include "records/store/store_private.h"
#include "server/base/id.h"
#include <stdlib.h>
#include <string.h>

#define LINE_MAX 21000    /* bytes of a line's rows */
#define STEP_LINES 32     /* so many lines are added between two stretches */
#define STEP_ROWS 12      /* rows a stretch puts in for each of these lines: more than a line has on average, or what waits would grow and grow */
#define BATCH 64          /* ... in one statement */
#define SWEEP_LEAST 6144  /* lines that are gathered before a sweep begins; */
#define SWEEP_SHARE 4     /* ... in a large site that part of all lines there have been: the larger the trees, the more rows it takes until a page takes several */
#define SWEEP_MOST 24576  /* ... at most: what waits is held in memory, at most twice that many lines of some ten rows of 100 bytes */

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
    struct late_list list;
    struct line *lines; /* ring of cap, a power of two */
    size_t first, n, cap;
    int64_t dead; /* nodes of lines up to here stand in the trees for good: committed */
    struct state state;
};

struct late {
    struct image images[2]; /* by tx_mode */
    pthread_mutex_t lock;   /* the readers'; there is one writer */
};

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
    return x->line <= m->state.gone || (x->line <= m->state.sweep && late_bytes_compare(x->key, x->n, m->state.place.bytes, m->state.place.n) < 0);
}

/* The last line that speaks of a row is right. */
static bool waits(const struct image *m, struct at at)
{
    const struct node *x = late_list_node(&m->list, at);
    return !x->minus && !in_tree(m, x) && !same_row(x, late_list_node(&m->list, late_list_next(&m->list, at)));
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
    if (late_list_add(&m->list, x)) {
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
        late_list_drop(&m->list, x);
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
    late_list_clear(&m->list);
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
    struct cell cells[BATCH * LATE_CELLS_MAX];
    char kinds[BATCH][LATE_KIND_MAX];
    size_t n, n_cells;
    uint8_t tree;
};

static int put_batch(struct tx *tx, struct batch *b)
{
    static const struct {
        const char *table, *columns;
        int width;
    } trees[] = {{"mpi_key", "key,patient_id", 2}, {"patient_key", "org_id,kind,key,patient_id", 4}, {"exchange_person_key", "kind,key,patient_id", 3}};
    int rc = b->n ? tx_add_rows(tx, trees[b->tree].table, trees[b->tree].columns, trees[b->tree].width, b->cells, b->n) : 0;
    b->n = b->n_cells = 0;
    return rc;
}

static int put_in(struct tx *tx, struct batch *b, const struct node *x)
{
    int rc = b->n == BATCH || x->key[0] != b->tree ? put_batch(tx, b) : 0;
    b->tree = x->key[0];
    b->n_cells += late_key_cells(x->key, x->n, x->patient, b->kinds[b->n], b->cells + b->n_cells);
    b->n++;
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
    struct at at = late_list_find(&m->list, s->place.bytes, s->place.n);
    struct node *x, *last = NULL;
    struct batch batch = {.n = 0};
    size_t done = 0;
    int rc = 0;
    while ((x = late_list_node(&m->list, at)) && rc == 0 && (done < rows || same_key(last, x))) {
        if (x->line <= m->dead) {
            late_list_cut(&m->list, &at);
            continue;
        }
        if (x->line <= s->sweep && waits(m, at)) {
            rc = put_in(tx, &batch, x);
            done++;
        }
        last = x;
        at = late_list_next(&m->list, at);
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

int late_remove(struct tx *tx, uint64_t patient, const struct late_key *key)
{
    uint8_t bytes[LATE_KEY_MAX + 3];
    struct image *m = image_of(tx);
    bool found = false;
    int rc = keep_in_step(tx, m);
    struct at at = rc ? (struct at){m->list.n_tops, 0} : late_list_find(&m->list, key->bytes, key->n);
    for (struct node *x; (x = late_list_node(&m->list, at)) && !found && late_key_begins(x->key, x->n, key); at = late_list_next(&m->list, at))
        found = x->patient == patient && waits(m, at);
    if (found)
        rc = write_line(tx, m, patient, bytes, put_row(bytes, key, true));
    leave(tx);
    return rc;
}

int late_each(struct tx *tx, const struct late_key *key, late_visit visit, void *ctx)
{
    struct image *m = image_of(tx);
    int rc = keep_in_step(tx, m);
    struct at at = rc ? (struct at){m->list.n_tops, 0} : late_list_find(&m->list, key->bytes, key->whole ? key->n : key->search);
    bool more = true;
    for (struct node *x; (x = late_list_node(&m->list, at)) && more && late_key_begins(x->key, x->n, key); at = late_list_next(&m->list, at))
        more = !waits(m, at) || !late_key_meant(x->key, x->n, key) || visit(ctx, x->patient, late_key_text(x->key));
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
        free(l->images[i].lines);
    }
    pthread_mutex_destroy(&l->lock);
    free(l);
}
