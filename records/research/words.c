#include "records/research/words.h"
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct word {
    uint32_t id;
    UT_hash_handle hh;
    char text[];
};

uint32_t words_id(struct words *w, const char *text)
{
    struct word *found;
    size_t len = strlen(text);
    HASH_FIND(hh, w->by_text, text, len, found);
    if (found)
        return found->id;
    if (w->n == w->cap) {
        uint32_t cap = w->cap ? 2 * w->cap : 256;
        char **more = realloc(w->list, cap * sizeof *more);
        if (!more)
            return WORDS_FULL;
        w->list = more;
        w->cap = cap;
    }
    found = malloc(sizeof *found + len + 1);
    if (!found)
        return WORDS_FULL;
    memcpy(found->text, text, len + 1);
    found->id = w->n;
    w->list[w->n++] = found->text;
    HASH_ADD_KEYPTR(hh, w->by_text, found->text, len, found);
    return found->id;
}

const char *words_text(const struct words *w, uint32_t id)
{
    return id < w->n ? w->list[id] : "";
}

void words_clear(struct words *w)
{
    struct word *one, *next;
    HASH_ITER(hh, w->by_text, one, next)
    {
        HASH_DEL(w->by_text, one);
        free(one);
    }
    free(w->list);
    memset(w, 0, sizeof *w);
}
