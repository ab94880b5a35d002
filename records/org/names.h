/* names - pinyin of names, folded for search: full reading and initials by a blank. */
#ifndef YL_RECORDS_ORG_NAMES_H
#define YL_RECORDS_ORG_NAMES_H

struct records;
#define NAMES_PINYIN 400
void names_pinyin(struct records *r, const char *name, char out[NAMES_PINYIN]);
#endif
