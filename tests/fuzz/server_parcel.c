/* Commands and events from another node: read, and what was read is written and read again as the same. The first byte says which of both. */
#include "server/node/parcel.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct parcel *written, const uint8_t *read, size_t len)
{
    if (written->len != len || (len && memcmp(written->bytes, read, len))) abort();
}

/* Ends are not looked at: fields have one form each, so every command that is read is written as the bytes that it came from. */
static void commands(const uint8_t *data, size_t size)
{
    struct parcel_reader r = {data, size};
    struct parcel p = {0};
    struct media_cmd c;
    for (const uint8_t *at = r.at; parcel_next_command(&r, &c) == PARCEL_ONE; at = r.at) {
        p.len = 0;
        if (!parcel_command(&p, &c)) abort();
        same(&p, at, (size_t)(r.at - at));
    }
    parcel_clear(&p);
}

static void events(const uint8_t *data, size_t size)
{
    struct parcel_reader r = {data, size};
    struct parcel p = {0};
    struct media_event e;
    for (const uint8_t *at = r.at; parcel_next_event(&r, &e) == PARCEL_ONE; at = r.at) {
        p.len = 0;
        if (!parcel_event(&p, &e)) abort();
        same(&p, at, (size_t)(r.at - at));
        free(e.survey);
    }
    parcel_clear(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] & 1) commands(data + 1, size - 1);
    else if (size) events(data + 1, size - 1);
    return 0;
}
