/* The configuration file's parser. */
#include "server/base/option.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    char path[40];
    struct options *o;
    struct fault f;
    if (fd < 0) fd = memfd_create("option", MFD_CLOEXEC);
    if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (options_load(&o, path, &f) == 0) options_free(o);
    else if (f.code == 0) abort();
    return 0;
}
