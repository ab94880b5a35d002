/* Upload files and blobs as a broken disk, or somebody with access to it, may leave them: opening them ends in an error or in a
 * file that answers within its bounds. */
#include "records/document/blob_format.h"
#include "server/base/log.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct blob_store *store;
static char dir[64];

static void begin(void)
{
    static const uint8_t key[32] = {1};
    log_set_level((enum log_level)-1); /* every input is a damaged file: nothing to say */
    snprintf(dir, sizeof dir, "/tmp/yl-fuzz-XXXXXX");
    if (!mkdtemp(dir) || blob_store_open(&store, dir, key))
        abort();
}

static void write_file(const char *path, const uint8_t *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || file_write_at(fd, data, size, 0))
        abort();
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[200], address[BLOB_ADDRESS_BYTES];
    uint8_t out[256];
    size_t got;
    struct blob_file *f;
    struct blob *b;
    if (!store)
        begin();
    snprintf(path, sizeof path, "%s/uploads/0000000000000001.up", dir);
    write_file(path, data, size);
    if (blob_file_resume(store, 1, &f) == 0) {
        if (blob_file_held(f) > blob_file_expected(f))
            abort();
        blob_file_close(f);
    }
    memset(address, 'a', 64);
    address[64] = 0;
    snprintf(path, sizeof path, "%s/blobs/aa", dir);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/blobs/aa/aa", dir);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/blobs/aa/aa/%s", dir, address);
    write_file(path, data, size);
    if (blob_open(store, address, &b) == 0) {
        int rc = blob_read(b, 0, out, sizeof out, &got);
        if (rc == 0 && got > sizeof out)
            abort();
        blob_close(b);
    }
    return 0;
}
