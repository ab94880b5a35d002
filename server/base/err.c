#include "server/base/err.h"

const char *err_wire(int err)
{
    switch (err) {
    case 0:
        return "ok";
#define X(name, value, wire, http)                                                                                \
    case name:                                                                                                    \
        return wire;
        ERR_TABLE(X)
#undef X
    default:
        return "internal";
    }
}

int err_http(int err)
{
    switch (err) {
    case 0:
        return 200;
#define X(name, value, wire, http)                                                                                \
    case name:                                                                                                    \
        return http;
        ERR_TABLE(X)
#undef X
    default:
        return 500;
    }
}
