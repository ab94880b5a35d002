/* hant - traditional Chinese characters to simplified, one to one. Loaded once, then read-only: any thread. 42 kB. */
#ifndef YL_RECORDS_TERM_HANT_H
#define YL_RECORDS_TERM_HANT_H

#include "server/base/err.h"
#include <stddef.h>
#include <stdint.h>

struct hant;

/* Reads hant.tsv in data_dir. */
YL_CHECKED int hant_open(struct hant **out, const char *data_dir);
void hant_close(struct hant *h);
/* The simplified form of the character, or itself. h may be NULL. */
uint32_t hant_simple(const struct hant *h, uint32_t character);
/* The whole text simplified; cut at a whole character when cap is short. Returns the length. */
size_t hant_text(const struct hant *h, const char *text, char *out, size_t cap);
#endif
