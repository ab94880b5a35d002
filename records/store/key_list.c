#include "records/store/key_list.h"
#include "server/base/text.h"
#include <string.h>

bool key_list_has(const struct key_list *k, const char *kind, const char *key)
{
    for (size_t i = 0; i < k->n; i++)
        if (strcmp(k->list[i].kind, kind) == 0 && strcmp(k->list[i].key, key) == 0)
            return true;
    return false;
}

void key_list_add(struct key_list *k, const char *kind, const char *key)
{
    if (!key[0] || k->n == LATE_ROWS_MAX || key_list_has(k, kind, key))
        return;
    k->list[k->n].kind = kind;
    TEXT_COPY(k->list[k->n].key, key);
    k->n++;
}
