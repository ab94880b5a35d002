/* What a child says is read as a stranger's words: any bytes, in any pieces. */
#include "media/pipe/message.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pipe_reader r = {0};
    if (size < 2) return 0;
    bool from_child = data[0] & 1;
    size_t step = 1 + data[1] % 97;
    for (size_t at = 2; at < size; at += step) {
        struct pipe_message m;
        size_t cap, n = size - at < step ? size - at : step;
        memcpy(pipe_reader_room(&r, &cap), data + at, n);
        pipe_reader_fed(&r, n);
        do {
            if (pipe_reader_next(&r, from_child, &m)) goto out;
            if (m.type == PIPE_TYPE_COUNT) break;
            if (!pipe_message_good(&m, from_child)) abort();
            uint8_t sum = 0;
            for (size_t i = 0; i < m.len; i++)
                sum ^= m.bytes[i];
            if (m.len && sum == 0xff && m.word == 0xffff) abort(); /* reads all of it */
        } while (true);
    }
out:
    pipe_reader_free(&r);
    return 0;
}
