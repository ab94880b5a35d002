#include "records/access/password.h"
#include "server/base/crypto.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORK_MAX 8 /* changing one's password asks for five */

enum kind { COMPARE, MAKE, INITIAL };
struct task {
    enum kind kind;
    const char *password; /* borrowed; INITIAL: NULL */
    char initial[PASSWORD_INITIAL_BYTES];
    char hash[PASSWORD_HASH_BYTES]; /* COMPARE: the stored one, "" = nobody's */
    bool fits;
    int error;
};

struct password_work {
    bool listing; /* before password_work_run */
    size_t n;
    struct task tasks[WORK_MAX];
};

/* 14 characters of an alphabet without look-alikes, three kinds for certain. */
static void random_password(char out[PASSWORD_INITIAL_BYTES])
{
    static const char letters[] = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    uint8_t random[14];
    crypto_random(random, sizeof random);
    for (size_t i = 0; i < 10; i++)
        out[i] = letters[random[i] % (sizeof letters - 1)];
    out[10] = letters[random[10] % 24];
    out[11] = letters[24 + random[11] % 24];
    out[12] = letters[48 + random[12] % 8];
    out[13] = '-';
    out[14] = 0;
}

static void run(struct task *t)
{
    if (t->kind == COMPARE) {
        t->fits = crypto_password_verify(*t->hash ? t->hash : NULL, t->password) == 1;
        return;
    }
    if (t->kind == INITIAL)
        random_password(t->initial);
    t->error = crypto_password_hash(t->kind == INITIAL ? t->initial : t->password, t->hash);
}

/* The finished task that answers this, or NULL. While listing, the task is noted. */
static const struct task *find(struct password_work *w, const struct task *want)
{
    if (!w)
        return NULL;
    for (size_t i = 0; i < w->n && !w->listing; i++) {
        const struct task *t = &w->tasks[i];
        bool same = t->kind == want->kind && (t->kind == INITIAL || strcmp(t->password, want->password) == 0);
        if (same && (t->kind != COMPARE || strcmp(t->hash, want->hash) == 0))
            return t;
    }
    if (w->listing && w->n < WORK_MAX)
        w->tasks[w->n++] = *want;
    return NULL;
}

static struct task answer(struct op_ctx *ctx, struct task want)
{
    const struct task *done = find(ctx->passwords, &want);
    if (done)
        return *done;
    if (ctx->passwords && ctx->passwords->listing)
        want.error = ERR_UNAVAILABLE; /* nobody looks at it */
    else
        run(&want);
    return want;
}

bool password_matches(struct op_ctx *ctx, const char *stored, const char *password)
{
    struct task want = {.kind = COMPARE, .password = password};
    snprintf(want.hash, sizeof want.hash, "%s", stored ? stored : "");
    return answer(ctx, want).fits && stored;
}

int password_make(struct op_ctx *ctx, const char *password, char hash[PASSWORD_HASH_BYTES])
{
    struct task done = answer(ctx, (struct task){.kind = MAKE, .password = password});
    memcpy(hash, done.hash, PASSWORD_HASH_BYTES);
    return done.error;
}

int password_initial(struct op_ctx *ctx, char password[PASSWORD_INITIAL_BYTES], char hash[PASSWORD_HASH_BYTES])
{
    struct task done = answer(ctx, (struct task){.kind = INITIAL});
    memcpy(password, done.initial, PASSWORD_INITIAL_BYTES);
    memcpy(hash, done.hash, PASSWORD_HASH_BYTES);
    explicit_bzero(done.initial, sizeof done.initial);
    return done.error;
}

struct password_work *password_work_new(void)
{
    struct password_work *w = calloc(1, sizeof *w);
    if (w)
        w->listing = true;
    return w;
}

void password_work_run(struct password_work *w)
{
    w->listing = false;
    for (size_t i = 0; i < w->n; i++)
        run(&w->tasks[i]);
}

void password_work_free(struct password_work *w)
{
    if (!w)
        return;
    explicit_bzero(w, sizeof *w);
    free(w);
}
