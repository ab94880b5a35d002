/* An application/trickle-ice-sdpfrag from outside: read, written back, read again. */
#include "server/sdp/sdp_frag.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct media_candidate candidates[2] = {{"192.0.2.1", 8444, 2130706431}, {"2001:db8::1", 8444, 2130706175}};
    struct sdp_frag frag, again;
    struct fault f = {0};
    int rc = sdp_frag_parse(&frag, (const char *)data, size, &f);
    if ((rc != 0) != (f.code != 0)) abort();
    if (rc) return 0;
    char *text = sdp_frag_write(&frag, "ours1234", "secretsecretsecretsecret", candidates, 2);
    if (!text || sdp_frag_parse(&again, text, strlen(text), &f) || strcmp(again.ufrag, "ours1234") || again.n_candidates != 2) abort();
    if (frag.mid[0] && strcmp(frag.mid, again.mid)) abort();
    free(text);
    return 0;
}
