/* STUN from anybody who can reach the UDP port. */
#include "media/transport/ice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ice_credentials ours = {"ourfrag1", "our-password-24-letters!"};
    struct stun_message m;
    if (stun_parse(data, size, &m)) return 0;
    struct ice ice;
    struct ice_result r;
    uint8_t reply[ICE_REPLY_BYTES];
    struct address from = {.ip = {127, 0, 0, 1}, .port = 9};
    ice_init(&ice, &ours, 0);
    if (m.username) (void)!ice_input(&ice, &m, &from, 1, reply, &r);
    (void)stun_authentic(&m, ours.password);
    return 0;
}
