/* stun - STUN messages (RFC 8489) as ICE uses them: parse, check, build. Pure: no I/O, no allocation; any thread.
 * Hides attribute layout, MESSAGE-INTEGRITY (HMAC-SHA1, short-term key) and FINGERPRINT.
 */
#ifndef YL_MEDIA_TRANSPORT_STUN_H
#define YL_MEDIA_TRANSPORT_STUN_H

#include "media/transport/address.h"
#include "server/base/err.h"
#include <stddef.h>

enum stun_type {
    STUN_BINDING_REQUEST = 0x0001,
    STUN_BINDING_INDICATION = 0x0011,
    STUN_BINDING_SUCCESS = 0x0101,
    STUN_BINDING_ERROR = 0x0111
};

struct stun_message { /* points into the parsed bytes */
    uint16_t type;
    uint8_t transaction[12];
    const uint8_t *username;
    size_t username_len;
    bool use_candidate, controlling, controlled, has_fingerprint;
    uint64_t tie_breaker;
    uint32_t priority;
    uint16_t error_code;
    bool has_mapped;
    struct address mapped;
    size_t n_unknown; /* comprehension-required attributes that we do not know (RFC 8489 6.3) */
    uint16_t unknown[8];
    const uint8_t *bytes;
    size_t integrity_offset; /* of the MESSAGE-INTEGRITY attribute, 0 = none */
};

/* True when the bytes look like STUN (first two bits 0, magic cookie). */
bool stun_is(const uint8_t *data, size_t len);
/* ERR_MALFORMED for anything that breaks RFC 8489 section 5 or carries a wrong FINGERPRINT. */
YL_CHECKED int stun_parse(const uint8_t *data, size_t len, struct stun_message *out);
/* True when the message carries MESSAGE-INTEGRITY made with this password (constant time). */
bool stun_authentic(const struct stun_message *m, const char *password);

struct stun_builder {
    uint8_t *bytes;
    size_t cap, len;
    bool overflow;
};
void stun_begin(struct stun_builder *b, uint8_t *bytes, size_t cap, uint16_t type, const uint8_t transaction[12]);
void stun_add(struct stun_builder *b, uint16_t attribute, const void *value, size_t len);
void stun_add_u32(struct stun_builder *b, uint16_t attribute, uint32_t value);
void stun_add_u64(struct stun_builder *b, uint16_t attribute, uint64_t value);
void stun_add_mapped(struct stun_builder *b, const struct address *a);
void stun_add_error(struct stun_builder *b, unsigned code, const char *reason);
/* Appends MESSAGE-INTEGRITY (password NULL: none) and FINGERPRINT; returns the length, 0 when it did not fit. */
size_t stun_end(struct stun_builder *b, const char *password);

enum stun_attribute {
    STUN_USERNAME = 0x0006,
    STUN_MESSAGE_INTEGRITY = 0x0008,
    STUN_ERROR_CODE = 0x0009,
    STUN_UNKNOWN_ATTRIBUTES = 0x000a,
    STUN_XOR_MAPPED_ADDRESS = 0x0020,
    STUN_PRIORITY = 0x0024,
    STUN_USE_CANDIDATE = 0x0025,
    STUN_FINGERPRINT = 0x8028,
    STUN_ICE_CONTROLLED = 0x8029,
    STUN_ICE_CONTROLLING = 0x802a
};
#endif
