/* STUN from anybody who can reach the UDP port; and, where the first two bits are set, which no STUN message has, from one who knows the password: a row of
 * messages of any attributes, each with the integrity that the agent asks for, from several addresses and over a restart. */
#include "media/transport/ice.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ice_credentials ours = {"ourfrag1", "our-password-24-letters!"}, anew = {"ourfrag2", "another-password-letters"};

static void input(struct ice *ice, const uint8_t *data, size_t size, const struct address *from, int64_t now_us)
{
    struct stun_message m, answer;
    struct ice_result r = {0};
    uint8_t reply[ICE_REPLY_BYTES], *exact = malloc(size ? size : 1); /* of its own size, so that a reader past the end is seen */
    memcpy(exact, data, size);
    if (stun_parse(exact, size, &m) == 0) {
        int rc = m.username ? ice_input(ice, &m, from, now_us, reply, &r) : 0;
        if (rc == 0 && r.reply_len && (r.reply_len > sizeof reply || stun_parse(reply, r.reply_len, &answer))) abort();
        (void)stun_authentic(&m, ours.password);
    }
    free(exact);
    if (ice->n_tuples > ICE_TUPLES_MAX || (ice->has_selected && !ice->n_tuples)) abort();
}

/* Records: what it is (bits: restart before it, whose password, whose name, heard), where it comes from, length of the attributes, they. */
static void known(struct ice *ice, const uint8_t *at, size_t left)
{
    static const uint16_t types[] = {STUN_BINDING_REQUEST, STUN_BINDING_INDICATION, STUN_BINDING_SUCCESS, STUN_BINDING_ERROR};
    for (int64_t now_us = 0; left >= 3; now_us += 300000) {
        uint8_t bytes[600];
        size_t n = at[2] & ~3u;
        struct address from = {.ip = {192, 0, 2, at[1]}, .port = (uint16_t)(1000 + at[1] % 3)};
        struct stun_builder b;
        if (n > left - 3) n = (left - 3) & ~(size_t)3;
        if (at[0] & 1) ice_restart(ice, at[0] & 2 ? &anew : &ours);
        stun_begin(&b, bytes, sizeof bytes, types[at[0] >> 6], (const uint8_t *)"transaction!");
        stun_add(&b, STUN_USERNAME, at[0] & 4 ? "ourfrag2:them" : "ourfrag1:them", 13);
        memcpy(bytes + b.len, at + 3, n);
        b.len += n;
        size_t len = stun_end(&b, at[0] & 8 ? anew.password : ours.password);
        if (len) input(ice, bytes, len, &from, now_us);
        if (at[0] & 16) (void)ice_heard(ice, &from, now_us);
        if (at[0] & 32) (void)ice_answered(ice, &from, now_us);
        at += 3 + n;
        left -= 3 + n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ice ice;
    struct address from = {.ip = {127, 0, 0, 1}, .port = 9};
    ice_init(&ice, &ours, 0);
    if (size && data[0] >= 0xc0) known(&ice, data + 1, size - 1);
    else input(&ice, data, size, &from, 1);
    return 0;
}
