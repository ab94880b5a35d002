/* pinyin - readings of Chinese characters, of personal names, and their initials. Loaded once, then read-only: any thread.
 * 49 kB for 8,300 characters. ü is written v.
 */
#ifndef YL_RECORDS_TERM_PINYIN_H
#define YL_RECORDS_TERM_PINYIN_H

#include "server/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pinyin;

/* Reads pinyin.tsv, pinyin_more.tsv and surnames.tsv in `data_dir` (config/data). */
YL_CHECKED int pinyin_open(struct pinyin **out, const char *data_dir);
void pinyin_close(struct pinyin *p);

/* The frequent reading, NULL for a character without one. Static for the life of p. */
const char *pinyin_syllable(const struct pinyin *p, uint32_t character);
/* Readings of a text, without blanks: full "gaoxueya" and initials "gxy"; Latin letters and digits stay, other signs go. Either
 * output may be NULL. Always NUL-terminated, cut when short. */
void pinyin_text(const struct pinyin *p, const char *text, char *full, char *initials, size_t cap);
/* Readings of a person's name: the surname is read as a surname. Returns how many readings there are (1 or 2, 0 for a name that
 * has no letters at all); `n` picks one. */
struct pinyin_name {
    char full[128], initials[48];
};
int pinyin_name(const struct pinyin *p, const char *name, struct pinyin_name out[2]);
/* Splits typed pinyin into syllables: "gaoxueya" -> "g","x","y" initials. false when it is not whole syllables. */
bool pinyin_split(const struct pinyin *p, const char *typed, char *initials, size_t cap);
#endif
