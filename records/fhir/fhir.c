/* What requests share: keys and tables, room to work in, the notes of what was done, the plan of one request. */
#include "records/fhir/dictionary.h"
#include "records/fhir/fhir_private.h"
#include "server/base/log.h"
#include <stddef.h>
#include <stdio.h>

#define PACK_LEVEL (-1) /* a quarter longer than 3 makes them, in half the time; opened in a third of it */

/* ---- opening ---- */

int fhir_open(struct fhir **out, const char *config_dir, const uint8_t master[32], struct fault *f)
{
    struct fhir *x = calloc(1, sizeof *x);
    uint8_t hash[32];
    *out = x;
    if (!x)
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    pthread_mutex_init(&x->lock, NULL);
    snprintf(x->data_dir, sizeof x->data_dir, "%s/data", config_dir);
    crypto_derive(master, "fhir bodies", x->body_key, 32);
    crypto_derive(master, "fhir facts", x->facts_key, 32);
    crypto_derive(master, "fhir keys", hash, 32);
    memcpy(x->hash_key, hash, sizeof x->hash_key);
    crypto_derive(master, "fhir pages 2", x->page_key, 32);
    crypto_derive(master, "fhir bearers", x->bearer_key, 32);
    explicit_bzero(hash, sizeof hash);
    x->pack = ZSTD_createCDict(fhir_dictionary, strlen(fhir_dictionary), PACK_LEVEL);
    x->unpack = ZSTD_createDDict(fhir_dictionary, strlen(fhir_dictionary));
    return x->pack && x->unpack ? 0 : fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
}

static void scratch_free(struct scratch *s)
{
    if (!s)
        return;
    r4_doc_free(s->doc);
    r4_doc_free(s->rows);
    ZSTD_freeCCtx(s->pack);
    ZSTD_freeDCtx(s->unpack);
    free(s);
}

void fhir_close(struct fhir *x)
{
    if (!x)
        return;
    while (x->free) {
        struct scratch *s = x->free;
        x->free = s->next;
        scratch_free(s);
    }
    for (size_t i = 0; i < sizeof x->listed / sizeof *x->listed; i++)
        terms_facts_free(atomic_load(&x->listed[i]));
    r4_close(x->r4);
    free(x->patients);
    free(x->visits);
    ZSTD_freeCDict(x->pack);
    ZSTD_freeDDict(x->unpack);
    pthread_mutex_destroy(&x->lock);
    explicit_bzero(x, sizeof *x);
    free(x);
}

static const struct r4 *first_r4(struct fhir *x)
{
    struct fault f = {0};
    pthread_mutex_lock(&x->lock);
    if (!x->r4 && !x->broken && r4_open(&x->r4, x->data_dir, &f)) {
        x->broken = true;
        log_error("fhir", "%s", f.text);
    }
    const struct r4 *r4 = x->r4;
    atomic_store_explicit(&x->ready, r4, memory_order_release);
    pthread_mutex_unlock(&x->lock);
    return r4;
}

/* The tables are read when the first request comes: a start costs what every site needs. Asked for with every value: nothing else is done here. */
const struct r4 *fhir_r4(struct fhir *x)
{
    const struct r4 *ready = atomic_load_explicit(&x->ready, memory_order_acquire);
    return ready ? ready : first_r4(x);
}

struct scratch *scratch_take(struct fhir *x)
{
    pthread_mutex_lock(&x->lock);
    struct scratch *s = x->free;
    if (s)
        x->free = s->next;
    pthread_mutex_unlock(&x->lock);
    if (s || !(s = calloc(1, sizeof *s)))
        return s;
    s->doc = r4_doc_new();
    s->rows = r4_doc_new();
    s->pack = ZSTD_createCCtx();
    s->unpack = ZSTD_createDCtx();
    if (s->doc && s->rows && s->pack && s->unpack)
        return s;
    scratch_free(s);
    return NULL;
}

void scratch_give(struct fhir *x, struct scratch *s)
{
    if (!s)
        return;
    r4_doc_reset(s->doc);
    r4_doc_reset(s->rows);
    pthread_mutex_lock(&x->lock);
    s->next = x->free;
    x->free = s;
    pthread_mutex_unlock(&x->lock);
}

/* ---- a request on its way ---- */

void fhir_note(struct fhir_work *w, const char *what, uint64_t patient, uint64_t object, const char *detail)
{
    if (w->n_notes == w->cap_notes) {
        size_t cap = w->cap_notes ? 2 * w->cap_notes : 4;
        struct fhir_note *more = realloc(w->notes, cap * sizeof *more);
        if (!more)
            abort(); /* what cannot be noted must not happen */
        w->notes = more;
        w->cap_notes = cap;
    }
    struct fhir_note *n = &w->notes[w->n_notes++];
    *n = (struct fhir_note){.patient = patient, .object = object, .what = what};
    snprintf(n->detail, sizeof n->detail, "%s", detail);
}

void fhir_public_address(struct fhir *x, const char *address)
{
    snprintf(x->public_address, sizeof x->public_address, "%s", address ? address : "");
}

void fhir_base(const struct fhir_work *w, char out[300])
{
    snprintf(out, 300, "https://%.250s/fhir", *w->q.host ? w->q.host : "localhost");
}

void fhir_work_init(struct fhir_work *w, struct records *r, struct fhir *x)
{
    memset(w, 0, offsetof(struct fhir_work, fault.fields));
    w->records = r;
    w->fhir = x;
}

void fhir_work_fini(struct fhir_work *w)
{
    free(w->notes);
    fhir_plan_drop(w);
}

void fhir_plan_drop(struct fhir_work *w)
{
    struct fhir_plan *p = w->plan;
    if (!p)
        return;
    if (p->staged)
        staged_clear(p->staged);
    free(p->staged);
    if (p->owns_bundle)
        bundle_free(p->bundle);
    export_free(p->export);
    free(p->assertion);
    scratch_give(w->fhir, p->scratch);
    free(p);
    w->plan = NULL;
}

struct fhir_plan *fhir_plan_new(struct fhir_work *w)
{
    w->plan = calloc(1, sizeof *w->plan);
    if (w->plan)
        w->plan->scratch = scratch_take(w->fhir);
    if (w->plan && w->plan->scratch && fhir_r4(w->fhir))
        return w->plan;
    fhir_refuse(w, ERR_UNAVAILABLE, "", "The FHIR service is not ready.");
    return NULL;
}
