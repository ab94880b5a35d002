/* Text forms of bytes: hexadecimal, base64url without padding (RFC 4648, 5), base32 (RFC 4648, 6). */
#include "server/base/crypto.h"
#include <string.h>

int hex_encode(const void *data, size_t len, char *out, size_t cap)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;
    if (cap < 2 * len + 1)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * len] = 0;
    return (int)(2 * len);
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int hex_decode(const char *text, uint8_t *out, size_t cap)
{
    size_t len = strlen(text);
    if (len % 2)
        return ERR_INVALID;
    if (len / 2 > cap)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < len; i += 2) {
        int high = nibble(text[i]), low = nibble(text[i + 1]);
        if (high < 0 || low < 0)
            return ERR_INVALID;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return (int)(len / 2);
}

/* Writes `bits` at a time; 6 for base64, 5 for base32. */
static int encode(const uint8_t *p, size_t len, int bits, const char *alphabet, char *out, size_t cap)
{
    size_t need = (len * 8 + (size_t)bits - 1) / (size_t)bits, n = 0;
    uint32_t held = 0;
    int have = 0;
    if (cap < need + 1)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < len; i++) {
        held = held << 8 | p[i];
        for (have += 8; have >= bits; have -= bits)
            out[n++] = alphabet[held >> (have - bits) & ((1u << bits) - 1)];
    }
    if (have)
        out[n++] = alphabet[held << (bits - have) & ((1u << bits) - 1)];
    out[n] = 0;
    return (int)n;
}

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int base64url_encode(const void *data, size_t len, char *out, size_t cap)
{
    return encode(data, len, 6, base64url, out, cap);
}

int base32_encode(const void *data, size_t len, char *out, size_t cap)
{
    return encode(data, len, 5, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", out, cap);
}

/* Strict: other characters, a length that no bytes have, and stray bits at the end are refused, so a text has one spelling. */
/* 0 to 63; 64 = white space, 65 = padding, 66 = neither. */
static uint32_t sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : c == ' ' || c == '\n' || c == '\r' || c == '\t' ? 64 : c == '=' ? 65 : 66;
}

int base64_decode(const char *text, size_t len, uint8_t *out, size_t cap)
{
    size_t n = 0, letters = 0;
    uint32_t held = 0;
    int have = 0, ends = 0;
    for (size_t i = 0; i < len; i++) {
        uint32_t v = sextet(text[i]);
        if (v == 64)
            continue;
        if (v == 65) {
            ends++;
            continue;
        }
        if (v > 65 || ends)
            return ERR_INVALID;
        held = (held << 6 | v) & 0xFFFF;
        have += 6;
        letters++;
        if (have < 8)
            continue;
        have -= 8;
        if (n == cap)
            return ERR_TOO_LARGE;
        out[n++] = (uint8_t)(held >> have);
    }
    return letters % 4 == 1 || ends > 2 || held & ((1u << have) - 1) ? ERR_INVALID : (int)n;
}

int base64url_decode(const char *text, uint8_t *out, size_t cap)
{
    size_t len = strlen(text), n = 0;
    uint32_t held = 0;
    int have = 0;
    if (len % 4 == 1)
        return ERR_INVALID;
    if (len / 4 * 3 + (len % 4 ? len % 4 - 1 : 0) > cap)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < len; i++) {
        const char *at = strchr(base64url, text[i]);
        if (!at)
            return ERR_INVALID;
        held = held << 6 | (uint32_t)(at - base64url);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (uint8_t)(held >> have);
        }
    }
    return held & ((1u << have) - 1) ? ERR_INVALID : (int)n;
}
