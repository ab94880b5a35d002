/* What another node says: read, and what was read is written and read again as the same. */
#include "server/node/message.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct node_message m, again;
    struct fault f = {0};
    if (node_message_read((const char *)data, size, &m, &f)) return 0;
    char *text = node_message_write(&m);
    if (!text || node_message_read(text, strlen(text), &again, &f)) abort();
    char *second = node_message_write(&again);
    if (!second || strcmp(text, second)) abort();
    free(text);
    free(second);
    return 0;
}
