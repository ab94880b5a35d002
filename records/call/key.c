/* The master key: 32 random bytes in keys/master.key, for this account alone. Everything sealed in the data folder hangs on it, so it
 * is never made anew beside an existing database. */
#include "records/call/open.h"
#include "server/base/crypto.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return rc;
}

static int make_key(const char *data_dir, const char *path, uint8_t key[32], struct fault *f)
{
    char dir[600];
    snprintf(dir, sizeof dir, "%s/keys", data_dir);
    crypto_random(key, 32);
    if (mkdir(dir, 0700) && errno != EEXIST)
        return fault_set(f, ERR_STORAGE, "master_key", "Cannot make %s: %s.", dir, strerror(errno));
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool whole = fd >= 0 && write(fd, key, 32) == 32 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    if (whole && sync_dir(dir) == 0 && sync_dir(data_dir) == 0)
        return 0;
    if (fd >= 0)
        unlink(path); /* half a key must not be found next time */
    return fault_set(f, ERR_STORAGE, "master_key", "Cannot write %s.", path);
}

int records_key(const char *data_dir, uint8_t key[32], struct fault *f)
{
    char path[600], database[600];
    struct stat st;
    snprintf(path, sizeof path, "%s/keys/master.key", data_dir);
    snprintf(database, sizeof database, "%s/yilian.db", data_dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT && access(database, F_OK) && errno == ENOENT)
        return make_key(data_dir, path, key, f);
    if (fd < 0 && errno != ENOENT)
        return fault_set(f, ERR_STORAGE, "master_key", "The master key %s cannot be read: %s. Everything in data.dir belongs to the daemon's account.", path, strerror(errno));
    if (fd < 0)
        return fault_set(f, ERR_STORAGE, "master_key", "The master key %s is missing: nothing in %s can be opened without it.", path, data_dir);
    bool whole = fstat(fd, &st) == 0 && st.st_size == 32 && read(fd, key, 32) == 32;
    close(fd);
    if (!whole)
        return fault_set(f, ERR_STORAGE, "master_key", "%s is not a master key.", path);
    if (st.st_mode & 077)
        return fault_set(f, ERR_STORAGE, "master_key", "%s can be read by others: chmod 600 it.", path);
    return 0;
}
