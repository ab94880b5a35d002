/* config_table - a table of the configuration folder: JSON in a file, or lines. A member given twice is a mistake, not a choice. */
#ifndef YL_RECORDS_CONFIG_TABLE_H
#define YL_RECORDS_CONFIG_TABLE_H

#include "server/base/fault.h"
#include <jansson.h>

/* The file `name` of a folder. *out is the caller's. ERR_INVALID with the file, the line and what is wrong there. */
YL_CHECKED int config_table(json_t **out, const char *dir, const char *name, struct fault *f);
/* A table of lines (*.tsv), to be cut in place: its text, malloc'd. NULL: not there, empty, or 4 MB and more. */
char *config_text(const char *path);
#endif
