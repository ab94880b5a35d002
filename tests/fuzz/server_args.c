/* Path, query and JSON body become arguments; what comes out is checked like any call. */
#include "server/api/routes.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct field item[] = {{.type = FIELD_INT}, {0}};
static const struct field fields[] = {{.name = "n", .type = FIELD_INT}, {.name = "b", .type = FIELD_BOOL}, {.name = "d", .type = FIELD_NUMBER},
                                      {.name = "l", .type = FIELD_ARRAY, .of = item}, {.name = "t", .type = FIELD_TEXT}, {0}};

/* First line: path, second: query, the rest: body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct fault f = {0};
    bool other;
    memcpy(text, data, size);
    text[size] = '\0';
    char *query = memchr(text, '\n', size);
    json_t *args = json_object();
    if (query) {
        *query++ = '\0';
        size_t left = size - (size_t)(query - text);
        char *body = memchr(query, '\n', left);
        if (body) *body++ = '\0';
        route_match(NET_GET, text, args, &other);
        if (args_from_query(args, query, fields, &f) == 0 && body &&
            args_from_body(args, body, size - (size_t)(body - text), &f) == 0 && fields_check(fields, args, &f) == 0 && f.code)
            abort();
    }
    json_decref(args);
    free(text);
    return 0;
}
