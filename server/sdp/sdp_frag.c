#include "server/sdp/sdp_frag.h"
#include "server/sdp/sdp.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct sdp_frag *out;
    struct fault *f;
    unsigned line;
};

static int bad(struct reading *r, unsigned line, const char *reason)
{
    char path[32] = "sdpfrag";
    if (line) snprintf(path, sizeof path, "sdpfrag:%u", line);
    return fault_field(r->f, path, "%s", reason);
}

/* ice-char: letters, digits, + and / (RFC 8839 5.4). Every m-line may repeat them, but they are those of one session. */
static int credential(struct reading *r, const char *text, size_t least, char held[260])
{
    size_t n = strlen(text);
    if (n < least || n > 256) return bad(r, r->line, "length");
    if (strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") != n) return bad(r, r->line, "characters");
    if (held[0] && strcmp(held, text) != 0) return bad(r, r->line, "another_session");
    memcpy(held, text, n + 1);
    return 0;
}

static const char *after(const char *text, const char *name)
{
    size_t n = strlen(name);
    return strncmp(text, name, n) == 0 ? text + n : NULL;
}

static int read_attribute(struct reading *r, const char *text)
{
    const char *value;
    if ((value = after(text, "ice-ufrag:"))) return credential(r, value, 4, r->out->ufrag);
    if ((value = after(text, "ice-pwd:"))) return credential(r, value, 22, r->out->password);
    if (after(text, "candidate:")) r->out->n_candidates++;
    else if (strcmp(text, "end-of-candidates") == 0) r->out->end_of_candidates = true;
    else if ((value = after(text, "mid:")) && !r->out->mid[0]) snprintf(r->out->mid, sizeof r->out->mid, "%s", value);
    return 0;
}

static int read_line(struct reading *r, const char *text)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) return bad(r, r->line, "control_character");
    if (!text[0]) return 0;
    if (text[1] != '=') return bad(r, r->line, "not_a_line");
    if (text[0] == 'm' && !r->out->media[0]) snprintf(r->out->media, sizeof r->out->media, "%s", text + 2);
    return text[0] == 'a' ? read_attribute(r, text + 2) : 0;
}

static int read_lines(struct reading *r, char *text, size_t len)
{
    for (char *at = text, *end = text + len; at < end;) {
        char *next = memchr(at, '\n', (size_t)(end - at)), *stop = next ? next : end;
        r->line++;
        if (memchr(at, 0, (size_t)(stop - at))) return bad(r, r->line, "control_character");
        *stop = 0;
        if (stop > at && stop[-1] == '\r') stop[-1] = 0;
        if (read_line(r, at)) return ERR_INVALID;
        at = stop + 1;
    }
    return r->out->ufrag[0] && r->out->password[0] ? 0 : bad(r, 0, "no_ice_credentials");
}

int sdp_frag_parse(struct sdp_frag *out, const char *text, size_t len, struct fault *f)
{
    struct reading r = {.out = out, .f = f};
    memset(out, 0, sizeof *out);
    fault_clear(f);
    if (len > SDP_FRAG_MAX) return bad(&r, 0, "too_long:65536");
    char *copy = malloc(len + 1);
    if (!copy) return fault_set(f, ERR_UNAVAILABLE, "busy", "Out of memory.");
    memcpy(copy, text, len);
    int rc = read_lines(&r, copy, len);
    free(copy);
    return rc;
}

char *sdp_frag_write(const struct sdp_frag *theirs, const char *ufrag, const char *password, const struct media_candidate *candidates,
                     size_t n)
{
    char *text = NULL;
    size_t len = 0;
    FILE *o = open_memstream(&text, &len);
    if (!o) return NULL;
    fprintf(o, "a=ice-lite\r\nm=%s\r\na=mid:%s\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", theirs->media[0] ? theirs->media : "audio 9 UDP/TLS/RTP/SAVPF 0",
            theirs->mid[0] ? theirs->mid : "0", ufrag, password);
    sdp_write_candidates(o, candidates, n);
    bool failed = ferror(o);
    if (fclose(o) || failed) {
        free(text);
        return NULL;
    }
    return text;
}
