/* Where config/ is, for the subcommands that need its tables but no site. */
#include "server/ctl/ctl.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool holds_tables(const char *dir)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/data/hant.tsv", dir);
    return access(path, R_OK) == 0;
}

int ctl_find_config(struct ctl *c, char dir[PATH_MAX], struct fault *f)
{
    static const char *const near[] = {"config", "../config", "../../config", "../share/yilian/config"};
    char program[PATH_MAX];
    if (c->config) {
        int rc = options_load(&c->options, c->config, f);
        if (rc == 0)
            snprintf(dir, PATH_MAX, "%s", options_text(c->options, "config.dir"));
        return rc;
    }
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    program[n > 0 ? n : 0] = 0;
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = 0;
    for (size_t i = 0; slash && i < sizeof near / sizeof *near; i++)
        if (snprintf(dir, PATH_MAX, "%s/%s", program, near[i]) < PATH_MAX && holds_tables(dir))
            return 0;
    snprintf(dir, PATH_MAX, "%s/config", YL_SOURCE_DIR);
    if (holds_tables(dir))
        return 0;
    return fault_set(f, ERR_NOT_FOUND, "config", "The folder config/data of Yilian is not found: give --config FILE.");
}
