/* config_table - a table of the configuration folder: JSON in a file. A member given twice is a mistake, not a choice. */
#ifndef YL_RECORDS_CONFIG_TABLE_H
#define YL_RECORDS_CONFIG_TABLE_H

#include "server/base/fault.h"
#include <jansson.h>

/* *out is the caller's. ERR_INVALID with the file, the line and what is wrong there. */
YL_CHECKED int config_table(json_t **out, const char *path, struct fault *f);
#endif
