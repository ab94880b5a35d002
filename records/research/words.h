/* words - texts as small numbers, each once: 0, 1, 2 ... in the order of their coming. One owner at a time. */
#ifndef YL_RECORDS_RESEARCH_WORDS_H
#define YL_RECORDS_RESEARCH_WORDS_H

#include <stddef.h>
#include <stdint.h>

struct words {
    struct word *by_text;
    char **list;
    uint32_t n, cap;
};
#define WORDS_FULL UINT32_MAX /* memory */
uint32_t words_id(struct words *w, const char *text);
const char *words_text(const struct words *w, uint32_t id);
void words_clear(struct words *w);
#endif
