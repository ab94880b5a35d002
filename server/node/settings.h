/* settings - the node.* options, checked together: what fits to what. Pure. */
#ifndef YL_SERVER_NODE_SETTINGS_H
#define YL_SERVER_NODE_SETTINGS_H

#include "server/base/fault.h"
#include "server/base/option.h"
#include <stdbool.h>

struct node_settings { /* texts are the options' */
    bool edge;
    const char *peer, *peer_certificate, *secret, *address, *serves;
    unsigned viewers_max;
};
/* The fault's text begins with the option's name. */
YL_CHECKED int node_settings_read(const struct options *o, struct node_settings *out, struct fault *f);
#endif
