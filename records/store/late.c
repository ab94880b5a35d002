/* Keys in memory, in the order of their trees: a skip list (late.h). W. Pugh, Skip Lists, CACM 33(6), 1990 */
#include "records/store/late.h"
#include "records/store/store_private.h"
#include "server/base/id.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVELS 18
#define LINE_MAX 12000    /* bytes of a line's rows */
#define STEP_LINES 32     /* so many lines are added between two stretches */
#define STEP_ROWS 12      /* rows a stretch puts in for each of these lines: more than a line has on average, or what waits would grow and grow */
#define SWEEP_LEAST 6144  /* lines that are gathered before a sweep begins; */
#define SWEEP_SHARE 4     /* ... in a large site that part of all lines there have been: the larger the trees, the more rows it takes until a page takes several */
#define SWEEP_MOST 24576  /* ... at most: what waits is held in memory, at most twice that many lines of some ten rows of 100 bytes */

struct node {
    uint64_t patient;
    int64_t line;
    struct node *beside; /* of the same line */
    uint16_t n;
    uint8_t levels;
    bool minus; /* taken out again */
    struct node *next[]; /* behind them the key */
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
    struct node *head; /* of all levels, without a key */
    struct line *lines; /* ring of cap, a power of two */
    size_t first, n, cap;
    int64_t dead; /* nodes of lines up to here stand in the trees for good: committed */
    struct state state;
    uint64_t dice;
};

struct late {
    struct image images[2]; /* by tx_mode */
    pthread_mutex_t lock;   /* the readers'; there is one writer */
};

static const struct {
    const char *table, *columns, *format;
} trees[] = {
    [LATE_MPI] = {"mpi_key", "key,patient_id", "i"},
    [LATE_PATIENT] = {"patient_key", "org_id,kind,key,patient_id", "itt"},
    [LATE_PERSON] = {"exchange_person_key", "kind,key,patient_id", "tt"},
};

/* ---- keys ---- */

static void put_integer(struct late_key *k, int64_t value)
{
    uint64_t u = (uint64_t)value ^ (1ull << 63);
    for (int shift = 56; shift >= 0; shift -= 8)
        k->bytes[k->n++] = (uint8_t)(u >> shift);
}

static void put_text(struct late_key *k, const char *text, bool whole)
{
    size_t room = LATE_KEY_MAX - 1 - k->n, n = strnlen(text, room);
    memcpy(k->bytes + k->n, text, n);
    k->n += n;
    if (whole)
        k->bytes[k->n++] = 0;
}

struct late_key late_key(enum late_tree tree, const char *format, ...)
{
    struct late_key k;
    va_list args;
    k.n = 0;
    k.bytes[k.n++] = (uint8_t)tree;
    va_start(args, format);
    for (const char *f = format; *f; f++)
        if (*f == 'i')
            put_integer(&k, va_arg(args, int64_t));
        else
            put_text(&k, va_arg(args, const char *), *f == 't');
    va_end(args);
    return k;
}

static int64_t integer_at(const uint8_t *bytes)
{
    uint64_t u = 0;
    for (int i = 0; i < 8; i++)
        u = u << 8 | bytes[i];
    return (int64_t)(u ^ (1ull << 63));
}

static uint8_t *key_of(const struct node *x)
{
    return (uint8_t *)(uintptr_t)&x->next[x->levels];
}

static int compare_bytes(const uint8_t *a, size_t n, const uint8_t *b, size_t m)
{
    int d = memcmp(a, b, n < m ? n : m);
    return d ? d : (n > m) - (n < m);
}

static int compare(const struct node *a, const struct node *b)
{
    int d = compare_bytes(key_of(a), a->n, key_of(b), b->n);
    if (d)
        return d;
    return a->patient != b->patient ? (a->patient > b->patient ? 1 : -1) : (a->line > b->line) - (a->line < b->line);
}

/* ---- the list ---- */

static struct node *node_new(size_t levels, const uint8_t *key, size_t n)
{
    struct node *x = calloc(1, sizeof *x + levels * sizeof *x->next + n);
    if (!x)
        return NULL;
    x->levels = (uint8_t)levels;
    x->n = (uint16_t)n;
    if (n)
        memcpy(key_of(x), key, n);
    return x;
}

static size_t levels_by_lot(struct image *m)
{
    m->dice = m->dice * 6364136223846793005u + 1442695040888963407u;
    size_t levels = 1;
    for (uint64_t d = m->dice >> 20; levels < LEVELS && (d & 3) == 0; d >>= 2)
        levels++;
    return levels;
}

/* The last of each level that comes before x. */
static void before(struct image *m, const struct node *x, struct node *last[LEVELS])
{
    struct node *at = m->head;
    for (int level = LEVELS - 1; level >= 0; level--) {
        while (at->next[level] && compare(at->next[level], x) < 0)
            at = at->next[level];
        last[level] = at;
    }
}

static void link_in(struct image *m, struct node *x)
{
    struct node *last[LEVELS];
    before(m, x, last);
    for (int level = 0; level < x->levels; level++) {
        x->next[level] = last[level]->next[level];
        last[level]->next[level] = x;
    }
}

static void unlink_from(struct node *x, struct node *last[LEVELS])
{
    for (int level = 0; level < x->levels; level++)
        if (last[level]->next[level] == x)
            last[level]->next[level] = x->next[level];
    free(x);
}

/* The last of each level before the first whose key is not less. */
static void before_key(const struct image *m, const struct late_key *k, struct node *last[LEVELS])
{
    struct node *at = m->head;
    for (int level = LEVELS - 1; level >= 0; level--) {
        while (at->next[level] && compare_bytes(key_of(at->next[level]), at->next[level]->n, k->bytes, k->n) < 0)
            at = at->next[level];
        last[level] = at;
    }
}

static bool same_key(const struct node *a, const struct node *b)
{
    return a->n == b->n && memcmp(key_of(a), key_of(b), a->n) == 0;
}

static bool same_row(const struct node *a, const struct node *b)
{
    return b && a->patient == b->patient && same_key(a, b);
}

static bool in_tree(const struct image *m, const struct node *x)
{
    return x->line <= m->state.gone || (x->line <= m->state.sweep && compare_bytes(key_of(x), x->n, m->state.place.bytes, m->state.place.n) < 0);
}

/* The last line that speaks of a row is right. */
static bool waits(const struct image *m, const struct node *x)
{
    return !x->minus && !in_tree(m, x) && !same_row(x, x->next[0]);
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
    struct node *x = node_new(levels_by_lot(m), at + 3, n);
    if (!x)
        return ERR_UNAVAILABLE;
    x->patient = patient;
    x->line = l->number;
    x->minus = at[0];
    x->beside = l->rows;
    l->rows = x;
    link_in(m, x);
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
    struct node *last[LEVELS];
    for (struct node *x = l->rows, *beside; x; x = beside) {
        beside = x->beside;
        before(m, x, last);
        unlink_from(x, last);
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
    for (struct node *x = m->head->next[0], *next; x; x = next) {
        next = x->next[0];
        free(x);
    }
    memset(m->head->next, 0, LEVELS * sizeof *m->head->next);
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

static int put_in(struct tx *tx, const struct node *x)
{
    const uint8_t *k = key_of(x), tree = k[0];
    const char *kind = (const char *)k + 9, *table = trees[tree].table, *columns = trees[tree].columns;
    if (tree == LATE_MPI)
        return tx_upsert(tx, table, NULL, columns, "ii", integer_at(k + 1), (int64_t)x->patient);
    if (tree == LATE_PATIENT)
        return tx_upsert(tx, table, NULL, columns, "itti", integer_at(k + 1), kind, kind + strlen(kind) + 1, (int64_t)x->patient);
    kind = (const char *)k + 1;
    return tx_upsert(tx, table, NULL, columns, "tti", kind, kind + strlen(kind) + 1, (int64_t)x->patient);
}

static int write_state(struct tx *tx, const struct state *s)
{
    return tx_exec(tx, "UPDATE key_late_state SET gone=$1, sweep=$2, first=$3, place=$4 WHERE id=1", "iiib", s->gone, s->sweep, s->first, s->place.bytes, s->place.n);
}

/* What the list has behind the place: into the trees what is of this sweep, away what is long there. */
static int put_stretch(struct tx *tx, struct image *m, size_t rows)
{
    struct node *last[LEVELS], *x;
    struct state *s = &m->state;
    int rc = 0;
    size_t done = 0;
    before_key(m, &s->place, last);
    while ((x = last[0]->next[0]) && rc == 0 && (done < rows || same_key(last[0], x))) {
        if (x->line <= m->dead) {
            unlink_from(x, last);
            continue;
        }
        if (x->line <= s->sweep && waits(m, x)) {
            rc = put_in(tx, x);
            done++;
        }
        for (int level = 0; level < x->levels; level++)
            last[level] = x;
    }
    if (x) {
        memcpy(s->place.bytes, key_of(x), x->n);
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

static bool begins(const struct node *x, const struct late_key *k)
{
    return x->n >= k->n && memcmp(key_of(x), k->bytes, k->n) == 0;
}

int late_remove(struct tx *tx, uint64_t patient, const struct late_key *key)
{
    uint8_t bytes[LATE_KEY_MAX + 3];
    struct node *last[LEVELS];
    struct image *m = image_of(tx);
    bool found = false;
    int rc = keep_in_step(tx, m);
    if (rc == 0) {
        before_key(m, key, last);
        for (struct node *x = last[0]->next[0]; x && !found && begins(x, key); x = x->next[0])
            found = x->n == key->n && x->patient == patient && waits(m, x);
    }
    if (found)
        rc = write_line(tx, m, patient, bytes, put_row(bytes, key, true));
    leave(tx);
    return rc;
}

static const char *text_of(const struct node *x)
{
    const char *k = (const char *)key_of(x);
    if (k[0] == LATE_MPI)
        return NULL;
    const char *kind = k + (k[0] == LATE_PATIENT ? 9 : 1);
    return kind + strlen(kind) + 1;
}

int late_each(struct tx *tx, const struct late_key *key, late_visit visit, void *ctx)
{
    struct node *last[LEVELS];
    struct image *m = image_of(tx);
    int rc = keep_in_step(tx, m);
    bool more = rc == 0;
    if (more)
        before_key(m, key, last);
    for (struct node *x = more ? last[0]->next[0] : NULL; x && more && begins(x, key); x = x->next[0])
        more = !waits(m, x) || visit(ctx, x->patient, text_of(x));
    leave(tx);
    return rc;
}

struct late *late_open(void)
{
    struct late *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    pthread_mutex_init(&l->lock, NULL);
    for (int i = 0; i < 2; i++) {
        l->images[i].dice = id_new();
        if (!(l->images[i].head = node_new(LEVELS, NULL, 0))) {
            late_close(l);
            return NULL;
        }
    }
    return l;
}

void late_close(struct late *l)
{
    if (!l)
        return;
    for (int i = 0; i < 2; i++) {
        if (l->images[i].head)
            drop_all(&l->images[i]);
        free(l->images[i].head);
        free(l->images[i].lines);
    }
    pthread_mutex_destroy(&l->lock);
    free(l);
}
