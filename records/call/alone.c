/* One daemon at a time in a data folder. SQLite would let two write in turns, but each would seal the other's recordings that are under way, sweep its
 * uploads and run its clocks. The lock is the kernel's: it goes with the process, however that ends. */
#include "records/call/open.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int taken(const char *data_dir, int fd, struct fault *f)
{
    char text[24] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    return fault_set(f, ERR_CONFLICT, "data_in_use", "%s is in use by another daemon (process %ld): stop that one first.", data_dir, n > 0 ? atol(text) : 0);
}

int records_alone(const char *data_dir, int *fd, struct fault *f)
{
    char path[600], text[24];
    snprintf(path, sizeof path, "%s/daemon.lock", data_dir);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0) /* the first thing that is written: a disk that takes nothing, a folder of another account are found here */
        return fault_set(f, ERR_STORAGE, "data.dir", "data.dir: %s cannot be written: %s. The folder and all in it belong to the daemon's account, on a disk that takes something.", path, strerror(errno));
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0) {
        if (ftruncate(*fd, 0) == 0) /* only for the words above */
            (void)!pwrite(*fd, text, (size_t)n, 0);
        return 0;
    }
    int rc = errno == EWOULDBLOCK ? taken(data_dir, *fd, f) : fault_set(f, ERR_STORAGE, "data.dir", "%s cannot be locked: %s.", path, strerror(errno));
    close(*fd);
    *fd = -1;
    return rc;
}
