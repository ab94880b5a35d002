/* flat_private - a compiled ViewDefinition. Inside records/r4 only (flat.c makes it, flat_run.c runs it). */
#ifndef YL_RECORDS_R4_FLAT_PRIVATE_H
#define YL_RECORDS_R4_FLAT_PRIVATE_H

#include "records/r4/flat.h"

struct flat_column {
    struct r4_flat_column pub;
    struct r4_path *path;
};

enum flat_walk { FLAT_HERE, FLAT_EACH, FLAT_EACH_OR_NULL, FLAT_REPEAT };

struct flat_select {
    enum flat_walk walk;
    struct r4_path **paths; /* of the walk: one; of repeat any number */
    size_t n_paths;
    struct flat_column *columns;
    size_t n_columns;
    struct flat_select *selects; /* side by side: every row of one with every row of the others */
    size_t n_selects;
    struct flat_select *unions;  /* one below the other */
    size_t n_unions;
    size_t width; /* columns of it and all below */
};

struct r4_flat {
    const struct r4 *r4;
    struct r4_doc *own;
    const struct r4_type *resource;
    struct flat_select root;
    struct r4_path **where;
    size_t n_where;
    struct r4_variable *constants; /* NULL-ended list */
    struct r4_path **paths; /* all of them, to be freed */
    size_t n_paths;
    struct r4_flat_column *columns; /* of root, in order */
    size_t n_columns;
};
#endif
