/* The a= lines. */
#include "server/sdp/sdp_codec.h"
#include "server/sdp/sdp_parser.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define ICE_CHARS ALNUM "+/"                      /* RFC 8839 5.1 */
#define TOKEN_CHARS ALNUM "!#$%&'*+-.^_`{|}~"     /* RFC 8866 9 */
#define RID_CHARS ALNUM "-_"                      /* RFC 8851 10 */

static bool made_of(const char *text, const char *chars)
{
    return text[0] && !text[strspn(text, chars)];
}

static int read_group(struct sdp_parser *p, char *value, int arg)
{
    char *semantics = sdp_word(&value);
    if (semantics && strcmp(semantics, "BUNDLE") == 0 && !p->bundle) p->bundle = value;
    return 0;
}

static int read_lite(struct sdp_parser *p, char *value, int arg)
{
    p->out->ice_lite = true;
    return 0;
}

static int read_mixed(struct sdp_parser *p, char *value, int arg)
{
    p->out->mixed = true;
    return 0;
}

static int read_ufrag(struct sdp_parser *p, char *value, int arg)
{
    if (!made_of(value, ICE_CHARS) || strlen(value) < 4 || strlen(value) > 256) return sdp_bad(p, p->line, "malformed");
    p->level->ufrag = value;
    return 0;
}

static int read_password(struct sdp_parser *p, char *value, int arg)
{
    if (!made_of(value, ICE_CHARS) || strlen(value) < 22 || strlen(value) > 256) return sdp_bad(p, p->line, "malformed");
    p->level->password = value;
    return 0;
}

/* RFC 8122 5: there may be one line per hash; ours is SHA-256. */
static int read_fingerprint(struct sdp_parser *p, char *value, int arg)
{
    char *hash = sdp_word(&value), *hex = sdp_word(&value);
    if (!hash || !hex) return sdp_bad(p, p->line, "malformed");
    if (strcasecmp(hash, "sha-256") || p->level->fingerprint) return 0;
    if (strlen(hex) != 95) return sdp_bad(p, p->line, "malformed");
    for (size_t i = 0; i < 95; i++) {
        if (i % 3 == 2 ? hex[i] != ':' : !isxdigit((unsigned char)hex[i])) return sdp_bad(p, p->line, "malformed");
        hex[i] = (char)toupper((unsigned char)hex[i]);
    }
    p->level->fingerprint = hex;
    return 0;
}

static int read_setup(struct sdp_parser *p, char *value, int arg)
{
    static const char *const words[] = {[SDP_ACTPASS] = "actpass", [SDP_ACTIVE] = "active", [SDP_PASSIVE] = "passive"};
    for (int i = 0; i < 3; i++)
        if (strcmp(value, words[i]) == 0) {
            p->level->setup = (enum sdp_setup)i;
            p->level->setup_said = true;
            return 0;
        }
    return sdp_bad(p, p->line, "malformed");
}

static int read_mid(struct sdp_parser *p, char *value, int arg)
{
    if (!made_of(value, TOKEN_CHARS)) return sdp_bad(p, p->line, "malformed");
    if (strlen(value) >= sizeof p->media->mid) return sdp_bad(p, p->line, "too_long:15");
    for (size_t i = 0; i < p->out->n_media; i++)
        if (strcmp(p->out->media[i].mid, value) == 0) return sdp_bad(p, p->line, "twice");
    if (p->media->mid[0]) return sdp_bad(p, p->line, "twice");
    snprintf(p->media->mid, sizeof p->media->mid, "%s", value);
    return 0;
}

static int read_direction(struct sdp_parser *p, char *value, int arg)
{
    p->media->direction = (enum sdp_direction)arg;
    return 0;
}

static int read_flag(struct sdp_parser *p, char *value, int arg)
{
    if (arg) p->level->bundle_only = true;
    else p->level->rtcp_mux = true;
    return 0;
}

/* "96 VP8/90000", "96 apt=97": kept until the m-line is complete. */
static int read_format(struct sdp_parser *p, char *value, int arg)
{
    uint64_t pt;
    if (p->level->foreign) return 0;
    if (!sdp_number(&value, " ", 127, &pt)) return sdp_bad(p, p->line, "not_a_payload_type");
    const char **rows = arg ? p->formats.fmtp : p->formats.rtpmap;
    value += strspn(value, " ");
    if (!value[0]) return sdp_bad(p, p->line, "malformed");
    if (!rows[pt]) rows[pt] = value;
    return 0;
}

/* "3/sendonly uri attributes". Numbers above 14 need the two-byte form (RFC 8285 4.3), which we do not ask anybody to send. */
static int read_extmap(struct sdp_parser *p, char *value, int arg)
{
    uint64_t id;
    if (!sdp_number(&value, "/ ", UINT16_MAX, &id)) return sdp_bad(p, p->line, "not_a_number");
    char *direction = sdp_word(&value), *uri = sdp_word(&value);
    if (direction && direction[0] != '/') {
        uri = direction;
        direction = NULL;
    }
    if (!uri) return sdp_bad(p, p->line, "malformed");
    if (id < 1 || id > 14 || (direction && strcmp(direction, "/inactive") == 0)) return 0;
    for (size_t i = 0; i < SDP_EXTENSIONS; i++) {
        uint8_t *slot = sdp_extension_slot(&p->media->extensions, i);
        bool same = strcmp(sdp_extensions[i].uri, uri) == 0;
        if (same && !*slot) *slot = (uint8_t)id;
        else if (!same && *slot == id) return sdp_bad(p, p->line, "twice");
    }
    return 0;
}

static int read_ssrc(struct sdp_parser *p, char *value, int arg)
{
    uint64_t ssrc;
    if (!sdp_number(&value, " ", UINT32_MAX, &ssrc)) return sdp_bad(p, p->line, "not_a_number");
    if (!p->media->ssrc) p->media->ssrc = (uint32_t)ssrc;
    return 0;
}

static int read_ssrc_group(struct sdp_parser *p, char *value, int arg)
{
    char *semantics = sdp_word(&value);
    uint64_t ssrc, rtx;
    if (!semantics || strcmp(semantics, "FID") || p->media->rtx_ssrc) return 0;
    value += strspn(value, " ");
    if (!sdp_number(&value, " ", UINT32_MAX, &ssrc)) return sdp_bad(p, p->line, "not_a_number");
    value += strspn(value, " ");
    if (!sdp_number(&value, " ", UINT32_MAX, &rtx)) return sdp_bad(p, p->line, "not_a_number");
    p->media->ssrc = (uint32_t)ssrc;
    p->media->rtx_ssrc = (uint32_t)rtx;
    return 0;
}

/* "q;~h,x;f": ~ = begins paused, a comma parts alternatives of which we take the first (RFC 8853 5.1). */
static int read_rids(struct sdp_parser *p, char *list)
{
    struct sdp_media *m = p->media;
    m->n_rids = 0;
    for (char *rid; (rid = strsep(&list, ";")) && m->n_rids < MEDIA_RIDS_MAX;) {
        rid[strcspn(rid, ",")] = 0;
        if (rid[0] == '~') rid++;
        if (!made_of(rid, RID_CHARS)) return sdp_bad(p, p->line, "malformed");
        if (strlen(rid) >= sizeof m->rids[0]) return sdp_bad(p, p->line, "too_long:15");
        for (size_t i = 0; i < m->n_rids; i++)
            if (strcmp(m->rids[i], rid) == 0) return sdp_bad(p, p->line, "twice");
        snprintf(m->rids[m->n_rids++], sizeof m->rids[0], "%s", rid);
    }
    return 0;
}

/* "send q;h;f recv x": what the writer sends counts; in a description of ours it is what we receive. */
static int read_simulcast(struct sdp_parser *p, char *value, int arg)
{
    char *direction, *list;
    bool sends = false;
    while ((direction = sdp_word(&value))) {
        list = sdp_word(&value);
        bool send = strcmp(direction, "send") == 0;
        if (!list || (!send && strcmp(direction, "recv"))) return sdp_bad(p, p->line, "malformed");
        if (!sends && read_rids(p, list)) return ERR_INVALID;
        sends = sends || send;
    }
    return 0;
}

/* "stream track"; "-" = no stream. We need neither, so a name too long for us is left out. */
static int read_msid(struct sdp_parser *p, char *value, int arg)
{
    struct sdp_media *m = p->media;
    char *stream = sdp_word(&value), *track = sdp_word(&value);
    if (!stream || m->stream[0] || m->track[0]) return 0;
    if (strlen(stream) >= sizeof m->stream || (track && strlen(track) >= sizeof m->track)) return 0;
    if (strcmp(stream, "-")) snprintf(m->stream, sizeof m->stream, "%s", stream);
    if (track) snprintf(m->track, sizeof m->track, "%s", track);
    return 0;
}

enum { IN_SESSION = 1, IN_MEDIA = 2, ANYWHERE = 3 };
static const struct {
    const char *name;
    int where;
    int (*read)(struct sdp_parser *p, char *value, int arg);
    int arg;
} attributes[] = {
    {"group", IN_SESSION, read_group},
    {"ice-lite", IN_SESSION, read_lite},
    {"ice-ufrag", ANYWHERE, read_ufrag},
    {"ice-pwd", ANYWHERE, read_password},
    {"fingerprint", ANYWHERE, read_fingerprint},
    {"setup", ANYWHERE, read_setup},
    {"sendrecv", ANYWHERE, read_direction, SDP_SENDRECV},
    {"sendonly", ANYWHERE, read_direction, SDP_SENDONLY},
    {"recvonly", ANYWHERE, read_direction, SDP_RECVONLY},
    {"inactive", ANYWHERE, read_direction, SDP_INACTIVE},
    {"extmap", ANYWHERE, read_extmap},
    {"extmap-allow-mixed", ANYWHERE, read_mixed},
    {"mid", IN_MEDIA, read_mid},
    {"rtcp-mux", IN_MEDIA, read_flag, 0},
    {"bundle-only", IN_MEDIA, read_flag, 1},
    {"rtpmap", IN_MEDIA, read_format, 0},
    {"fmtp", IN_MEDIA, read_format, 1},
    {"ssrc", IN_MEDIA, read_ssrc},
    {"ssrc-group", IN_MEDIA, read_ssrc_group},
    {"simulcast", IN_MEDIA, read_simulcast},
    {"msid", IN_MEDIA, read_msid},
};

int sdp_attribute(struct sdp_parser *p, char *text)
{
    int where = p->level == &p->session ? IN_SESSION : IN_MEDIA;
    char *value = text + strcspn(text, ":");
    if (*value) *value++ = 0;
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        if (attributes[i].where & where && strcmp(attributes[i].name, text) == 0)
            return attributes[i].read(p, value, attributes[i].arg);
    return 0;
}
