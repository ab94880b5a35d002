#include "server/node/serves.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAPPED_BITS 96

static bool parse_address(const char *text, uint8_t out[16], bool *ipv4)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    *ipv4 = inet_pton(AF_INET, text, out + 12) == 1;
    if (*ipv4) memcpy(out, mapped, sizeof mapped);
    return *ipv4 || inet_pton(AF_INET6, text, out) == 1;
}

static bool same_beginning(const uint8_t a[16], const uint8_t b[16], unsigned bits)
{
    if (memcmp(a, b, bits / 8)) return false;
    return bits % 8 == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8) == 0;
}

static bool nothing_behind(const struct serves_range *r)
{
    for (unsigned i = r->bits; i < 128; i++)
        if (r->address[i / 8] >> (7 - i % 8) & 1) return false;
    return true;
}

static bool parse_range(const char *word, struct serves_range *out)
{
    char address[64], *end;
    const char *slash = strchr(word, '/');
    bool ipv4;
    if (!slash || (size_t)(slash - word) >= sizeof address || slash[1] < '0' || slash[1] > '9') return false;
    snprintf(address, sizeof address, "%.*s", (int)(slash - word), word);
    unsigned long bits = strtoul(slash + 1, &end, 10);
    if (*end || !parse_address(address, out->address, &ipv4) || bits > (ipv4 ? 32 : 128)) return false;
    out->bits = (uint8_t)(bits + (ipv4 ? MAPPED_BITS : 0));
    return nothing_behind(out);
}

bool serves_parse(const char *text, struct serves *out)
{
    char words[SERVES_TEXT_BYTES], *rest = words;
    *out = (struct serves){0};
    if (strlen(text) >= sizeof words) return false;
    memcpy(words, text, strlen(text) + 1);
    for (const char *word; (word = strsep(&rest, ", "));) {
        if (!*word) continue;
        if (out->n == SERVES_MAX || !parse_range(word, &out->at[out->n])) return false;
        out->n++;
    }
    return true;
}

int serves_match(const struct serves *s, const char *address)
{
    uint8_t a[16];
    bool ipv4;
    int best = -1;
    if (!parse_address(address, a, &ipv4)) return -1;
    for (size_t i = 0; i < s->n; i++)
        if ((int)s->at[i].bits > best && same_beginning(a, s->at[i].address, s->at[i].bits)) best = s->at[i].bits;
    return best;
}
