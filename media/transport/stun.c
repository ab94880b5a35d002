#include "media/transport/stun.h"
#include "media/rtp/bytes.h"
#include <mbedtls/sha1.h>

#define COOKIE 0x2112a442u
#define HEADER 20

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t crc = 0xffffffffu;
    while (n--) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

/* HMAC-SHA1 over a message whose length field is replaced: MESSAGE-INTEGRITY counts itself but nothing after it
 * (RFC 8489 14.5). By hand on the plain SHA-1 context: mbedtls_md would allocate. */
static void integrity_of(const uint8_t *msg, size_t len, const char *password, uint8_t out[20])
{
    uint8_t key[64] = {0}, pad[64], head[4];
    size_t key_len = strlen(password);
    if (key_len > sizeof key)
        mbedtls_sha1_ret((const uint8_t *)password, key_len, key);
    else
        memcpy(key, password, key_len);
    memcpy(head, msg, 2);
    put_u16(head + 2, (uint16_t)(len + 24 - HEADER));
    mbedtls_sha1_context c;
    mbedtls_sha1_init(&c);
    mbedtls_sha1_starts_ret(&c);
    for (int i = 0; i < 64; i++)
        pad[i] = key[i] ^ 0x36;
    mbedtls_sha1_update_ret(&c, pad, 64);
    mbedtls_sha1_update_ret(&c, head, 4);
    mbedtls_sha1_update_ret(&c, msg + 4, len - 4);
    mbedtls_sha1_finish_ret(&c, out);
    mbedtls_sha1_starts_ret(&c);
    for (int i = 0; i < 64; i++)
        pad[i] = key[i] ^ 0x5c;
    mbedtls_sha1_update_ret(&c, pad, 64);
    mbedtls_sha1_update_ret(&c, out, 20);
    mbedtls_sha1_finish_ret(&c, out);
    mbedtls_sha1_free(&c);
}

bool stun_is(const uint8_t *data, size_t len)
{
    return len >= HEADER && (data[0] & 0xc0) == 0 && get_u32(data + 4) == COOKIE;
}

static void parse_mapped(struct stun_message *m, const uint8_t *v, size_t n)
{
    if (n < 8 || (v[1] == 2 && n < 20) || (v[1] != 1 && v[1] != 2))
        return;
    m->has_mapped = true;
    m->mapped.port = (uint16_t)(get_u16(v + 2) ^ (COOKIE >> 16));
    m->mapped.ipv6 = v[1] == 2;
    for (size_t i = 0; i < (m->mapped.ipv6 ? 16u : 4u); i++)
        m->mapped.ip[i] = v[4 + i] ^ m->bytes[4 + i]; /* cookie and transaction id follow each other in the header */
}

static int parse_attribute(struct stun_message *m, uint16_t type, const uint8_t *v, size_t n)
{
    bool known_length = true;
    switch (type) {
    case STUN_USERNAME:
        m->username = v;
        m->username_len = n;
        break;
    case STUN_PRIORITY:
        if ((known_length = n == 4)) m->priority = get_u32(v);
        break;
    case STUN_USE_CANDIDATE:
        m->use_candidate = true;
        break;
    case STUN_ICE_CONTROLLED:
    case STUN_ICE_CONTROLLING:
        if (!(known_length = n == 8)) break;
        m->tie_breaker = get_u64(v);
        *(type == STUN_ICE_CONTROLLED ? &m->controlled : &m->controlling) = true;
        break;
    case STUN_ERROR_CODE:
        if ((known_length = n >= 4)) m->error_code = (uint16_t)((v[2] & 7) * 100 + v[3]);
        break;
    case STUN_XOR_MAPPED_ADDRESS:
        parse_mapped(m, v, n);
        break;
    case STUN_UNKNOWN_ATTRIBUTES:
        break;
    default:
        if (type < 0x8000 && m->n_unknown < 8) m->unknown[m->n_unknown++] = type;
    }
    return known_length ? 0 : ERR_MALFORMED;
}

int stun_parse(const uint8_t *data, size_t len, struct stun_message *out)
{
    memset(out, 0, sizeof *out);
    if (!stun_is(data, len) || len % 4 || (size_t)get_u16(data + 2) + HEADER != len)
        return ERR_MALFORMED;
    out->type = get_u16(data);
    out->bytes = data;
    memcpy(out->transaction, data + 8, 12);
    for (size_t at = HEADER; at < len;) {
        if (len - at < 4) return ERR_MALFORMED;
        uint16_t type = get_u16(data + at);
        size_t n = get_u16(data + at + 2), padded = (n + 3) & ~(size_t)3;
        if (padded > len - at - 4) return ERR_MALFORMED;
        if (type == STUN_FINGERPRINT) { /* always last (RFC 8489 14.7) */
            if (n != 4 || at + 8 != len || get_u32(data + at + 4) != (crc32_of(data, at) ^ 0x5354554eu))
                return ERR_MALFORMED;
            out->has_fingerprint = true;
        } else if (type == STUN_MESSAGE_INTEGRITY && !out->integrity_offset) {
            if (n != 20) return ERR_MALFORMED;
            out->integrity_offset = at;
        } else if (!out->integrity_offset) { /* what follows MESSAGE-INTEGRITY is ignored (14.5) */
            int err = parse_attribute(out, type, data + at + 4, n);
            if (err) return err;
        }
        at += 4 + padded;
    }
    return 0;
}

bool stun_authentic(const struct stun_message *m, const char *password)
{
    if (!m->integrity_offset) return false;
    uint8_t mac[20], diff = 0;
    integrity_of(m->bytes, m->integrity_offset, password, mac);
    for (int i = 0; i < 20; i++)
        diff |= mac[i] ^ m->bytes[m->integrity_offset + 4 + (size_t)i];
    return diff == 0;
}

void stun_begin(struct stun_builder *b, uint8_t *bytes, size_t cap, uint16_t type, const uint8_t transaction[12])
{
    *b = (struct stun_builder){.bytes = bytes, .cap = cap, .len = HEADER, .overflow = cap < HEADER};
    if (b->overflow) return;
    put_u16(bytes, type);
    put_u16(bytes + 2, 0);
    put_u32(bytes + 4, COOKIE);
    memcpy(bytes + 8, transaction, 12);
}

void stun_add(struct stun_builder *b, uint16_t attribute, const void *value, size_t len)
{
    size_t padded = (len + 3) & ~(size_t)3;
    if (b->overflow || b->cap - b->len < 4 + padded) {
        b->overflow = true;
        return;
    }
    uint8_t *p = b->bytes + b->len;
    put_u16(p, attribute);
    put_u16(p + 2, (uint16_t)len);
    memset(p + 4, 0, padded);
    if (len) memcpy(p + 4, value, len);
    b->len += 4 + padded;
}

void stun_add_u32(struct stun_builder *b, uint16_t attribute, uint32_t value)
{
    uint8_t v[4];
    put_u32(v, value);
    stun_add(b, attribute, v, 4);
}

void stun_add_u64(struct stun_builder *b, uint16_t attribute, uint64_t value)
{
    uint8_t v[8];
    put_u64(v, value);
    stun_add(b, attribute, v, 8);
}

void stun_add_mapped(struct stun_builder *b, const struct address *a)
{
    uint8_t v[20] = {0, a->ipv6 ? 2 : 1};
    size_t n = a->ipv6 ? 16 : 4;
    put_u16(v + 2, (uint16_t)(a->port ^ (COOKIE >> 16)));
    for (size_t i = 0; i < n; i++)
        v[4 + i] = a->ip[i] ^ b->bytes[4 + i];
    stun_add(b, STUN_XOR_MAPPED_ADDRESS, v, 4 + n);
}

void stun_add_error(struct stun_builder *b, unsigned code, const char *reason)
{
    uint8_t v[64] = {0, 0, (uint8_t)(code / 100), (uint8_t)(code % 100)};
    size_t n = strlen(reason);
    if (n > sizeof v - 4) n = sizeof v - 4;
    memcpy(v + 4, reason, n);
    stun_add(b, STUN_ERROR_CODE, v, 4 + n);
}

size_t stun_end(struct stun_builder *b, const char *password)
{
    if (password && !b->overflow) {
        uint8_t mac[20];
        integrity_of(b->bytes, b->len, password, mac);
        stun_add(b, STUN_MESSAGE_INTEGRITY, mac, 20);
    }
    if (b->overflow) return 0;
    put_u16(b->bytes + 2, (uint16_t)(b->len + 8 - HEADER));
    stun_add_u32(b, STUN_FINGERPRINT, crc32_of(b->bytes, b->len) ^ 0x5354554eu);
    return b->overflow ? 0 : b->len;
}
