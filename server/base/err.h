/* err - the one table of error codes: C name, word on the wire, HTTP status.
 *
 * Every fallible function returns `int`: 0, or one of these (always negative). A call that a person or a peer will
 * hear about also fills a caller-owned `struct fault` (fault.h).
 */
#ifndef YL_SERVER_BASE_ERR_H
#define YL_SERVER_BASE_ERR_H

#define ERR_TABLE(X)                                                                                              \
    X(ERR_INVALID, -1, "invalid", 422)              /* a field of the request is wrong; fault.fields says which */ \
    X(ERR_MALFORMED, -2, "malformed", 400)          /* not parseable at all */                                     \
    X(ERR_UNAUTHENTICATED, -3, "unauthenticated", 401)                                                             \
    X(ERR_SECOND_FACTOR, -4, "second_factor_required", 401)                                                        \
    X(ERR_DENIED, -5, "denied", 403)                                                                               \
    X(ERR_NOT_FOUND, -6, "not_found", 404)                                                                         \
    X(ERR_CONFLICT, -7, "conflict", 409)            /* version, slot taken, duplicate */                           \
    X(ERR_NOT_ALLOWED_NOW, -8, "not_allowed_now", 409) /* the state does not offer this act */                     \
    X(ERR_GONE, -9, "gone", 410)                    /* expired ticket, link, upload */                             \
    X(ERR_TOO_LARGE, -10, "too_large", 413)                                                                        \
    X(ERR_RANGE, -11, "range_not_satisfiable", 416)                                                                \
    X(ERR_LOCKED, -12, "locked", 423)               /* account locked out */                                       \
    X(ERR_RATE, -13, "rate_limited", 429)                                                                          \
    X(ERR_INTERNAL, -14, "internal", 500)                                                                          \
    X(ERR_UNAVAILABLE, -15, "unavailable", 503)     /* shutting down, queue full: try again */                     \
    X(ERR_STORAGE, -16, "storage", 507)             /* disk full or failing */                                     \
    X(ERR_METHOD, -17, "method_not_allowed", 405)                                                                  \
    X(ERR_MEDIA_TYPE, -18, "unsupported_media_type", 415)                                                          \
    X(ERR_PRECONDITION, -19, "precondition_required", 428)                                                         \
    X(ERR_TIMEOUT, -20, "timeout", 504)                                                                            \
    X(ERR_PRECONDITION_FAILED, -21, "precondition_failed", 412) /* If-Match names another version */

enum err {
#define X(name, value, wire, http) name = value,
    ERR_TABLE(X)
#undef X
};

/* The word used on the wire ("ok" for 0, "internal" for an unknown code). Static storage. */
const char *err_wire(int err);
/* The HTTP status (200 for 0, 500 for an unknown code). */
int err_http(int err);

#define YL_CHECKED __attribute__((warn_unused_result))
#define YL_PRINTF(f, a) __attribute__((format(printf, f, a)))
#endif
