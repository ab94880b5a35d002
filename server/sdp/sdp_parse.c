/* Lines, m-lines, and what only the whole description tells: bundling and the transport. */
#include "server/sdp/sdp_codec.h"
#include "server/sdp/sdp_parser.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int sdp_bad(struct sdp_parser *p, unsigned line, const char *reason)
{
    char path[24] = "sdp";
    if (line) snprintf(path, sizeof path, "sdp:%u", line);
    fault_set(p->f, ERR_INVALID, "sdp", "the session description cannot be carried (%s: %s)", path, reason);
    fault_field(p->f, path, "%s", reason);
    return ERR_INVALID;
}

char *sdp_word(char **at)
{
    char *word = *at + strspn(*at, " \t"), *end = word + strcspn(word, " \t");
    if (!word[0]) return NULL;
    *at = *end ? end + 1 : end;
    *end = 0;
    return word;
}

bool sdp_number(char **at, const char *stop, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;
    char *c = *at;
    for (; isdigit((unsigned char)*c); c++) {
        unsigned digit = (unsigned)(*c - '0');
        if (n > (max - digit) / 10) return false;
        n = n * 10 + digit;
    }
    if (c == *at || (*c && !strchr(stop, *c))) return false;
    *at = c;
    *out = n;
    return true;
}

/* "- 4912168676276343134 2 IN IP4 127.0.0.1" */
static int read_origin(struct sdp_parser *p, char *value)
{
    char *id, *version;
    if (!sdp_word(&value) || !(id = sdp_word(&value)) || !(version = sdp_word(&value))) return sdp_bad(p, p->line, "malformed");
    if (!sdp_number(&id, "", UINT64_MAX, &p->out->session_id) || !sdp_number(&version, "", UINT64_MAX, &p->out->version))
        return sdp_bad(p, p->line, "not_a_number");
    p->origin = true;
    return 0;
}

/* RFC 8829 5.1.2: browsers write the first, and take the others. */
static bool secured(const char *proto)
{
    static const char *const known[] = {"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVP"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], proto) == 0) return true;
    return false;
}

static int read_formats(struct sdp_parser *p, char *formats)
{
    struct sdp_formats *t = &p->formats;
    bool seen[128] = {false};
    memset(t, 0, sizeof *t);
    for (char *word; !p->level->foreign && (word = sdp_word(&formats));) {
        uint64_t pt;
        if (!sdp_number(&word, "", 127, &pt)) return sdp_bad(p, p->line, "not_a_payload_type");
        if (!seen[pt]) t->order[t->n++] = (uint8_t)pt;
        seen[pt] = true;
    }
    return 0;
}

/* "audio 9 UDP/TLS/RTP/SAVPF 111 63" */
static int begin_media(struct sdp_parser *p, char *value)
{
    uint64_t number;
    if (p->out->n_media == SDP_MEDIA_MAX) return sdp_bad(p, p->line, "too_many:128");
    char *name = sdp_word(&value), *port = sdp_word(&value), *proto = sdp_word(&value);
    value += strspn(value, " \t");
    size_t format = strcspn(value, " \t");
    if (!name || !port || !proto || !format) return sdp_bad(p, p->line, "malformed");
    if (!sdp_number(&port, "/", 65535, &number)) return sdp_bad(p, p->line, "not_a_port");
    struct sdp_media *m = p->media = &p->out->media[p->out->n_media];
    if (strlen(name) >= sizeof m->name || strlen(proto) >= sizeof m->proto || format >= sizeof m->format)
        return sdp_bad(p, p->line, "too_long:39");
    *m = p->common;
    snprintf(m->name, sizeof m->name, "%s", name);
    snprintf(m->proto, sizeof m->proto, "%s", proto);
    memcpy(m->format, value, format);
    m->kind = strcmp(name, "video") == 0 ? MEDIA_VIDEO : MEDIA_AUDIO;
    p->level = &p->levels[p->out->n_media++];
    p->level->line = p->line;
    p->level->port_zero = number == 0;
    p->level->foreign = (m->kind == MEDIA_AUDIO && strcmp(name, "audio")) || !secured(proto);
    return read_formats(p, value);
}

static bool carried(uint8_t pt)
{
    return pt < 64 || pt >= 96; /* else it would be taken for RTCP (RFC 5761 4) */
}

/* The retransmission format of a payload type: "rtx/90000" with apt= (RFC 4588 8.1). */
static uint8_t rtx_of(const struct sdp_formats *t, uint8_t pt)
{
    for (size_t i = 0; i < t->n; i++) {
        const char *map = t->rtpmap[t->order[i]], *fmtp = t->fmtp[t->order[i]];
        if (!map || !fmtp || strncasecmp(map, "rtx/", 4)) continue;
        const char *apt = strcasestr(fmtp, "apt=");
        if (apt && strtoul(apt + 4, NULL, 10) == pt) return t->order[i];
    }
    return 0;
}

/* The payload type that carries this one redundantly: every block of it is of this one, as "111/111" says (RFC 2198 5). */
static uint8_t red_of(const struct sdp_formats *t, uint8_t pt)
{
    for (size_t i = 0; i < t->n; i++) {
        uint8_t red = t->order[i];
        char *at = (char *)t->fmtp[red];
        uint64_t block;
        size_t blocks = 0;
        if (!at || !t->rtpmap[red] || strcasecmp(t->rtpmap[red], sdp_red_rtpmap) || !carried(red)) continue;
        while (sdp_number(&at, "/", 127, &block) && block == pt && ++blocks && *at == '/')
            at++;
        if (blocks > 1 && !*at && block == pt) return red;
    }
    return 0;
}

static void take_payloads(const struct sdp_formats *t, struct sdp_media *m)
{
    for (size_t i = 0; i < t->n && m->n_payloads < MEDIA_CODECS_MAX; i++) {
        struct media_payload *row = &m->payloads[m->n_payloads];
        uint8_t pt = t->order[i];
        if (!carried(pt)) continue;
        if (!t->rtpmap[pt] || !sdp_codec_find(t->rtpmap[pt], m->kind, &row->codec)) continue;
        if (!sdp_codec_fmtp(row->codec, t->fmtp[pt], row->fmtp)) continue;
        row->payload_type = pt;
        row->rtx_payload_type = rtx_of(t, pt);
        row->red_payload_type = m->kind == MEDIA_AUDIO ? red_of(t, pt) : 0;
        m->n_payloads++;
    }
    if (m->n_payloads < MEDIA_CODECS_MAX) memset(&m->payloads[m->n_payloads], 0, sizeof *m->payloads);
}

/* The m-line that is being read is complete. Port 0 means rejected unless the line only waits for its bundle (RFC 9143 6). */
static int end_media(struct sdp_parser *p)
{
    struct sdp_media *m = p->media;
    if (p->level == &p->session) return 0;
    if (p->level->foreign || (p->level->port_zero && !p->level->bundle_only)) {
        struct sdp_media rejected = {.kind = m->kind, .rejected = true};
        memcpy(rejected.name, m->name, sizeof m->name);
        memcpy(rejected.proto, m->proto, sizeof m->proto);
        memcpy(rejected.format, m->format, sizeof m->format);
        memcpy(rejected.mid, m->mid, sizeof m->mid);
        *m = rejected;
        return 0;
    }
    if (!p->level->rtcp_mux) return sdp_bad(p, p->level->line, "no_rtcp_mux");
    take_payloads(&p->formats, m);
    return 0;
}

static int read_line(struct sdp_parser *p, char *text, bool *begun)
{
    for (char *c = text; *c; c++)
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f) return sdp_bad(p, p->line, "control_character");
    if (!text[0]) return 0;
    if (text[1] != '=') return sdp_bad(p, p->line, "not_a_line");
    if (!*begun && strcmp(text, "v=0")) return sdp_bad(p, p->line, "not_sdp");
    *begun = true;
    switch (text[0]) {
    case 'o': return read_origin(p, text + 2);
    case 'm': return end_media(p) ? ERR_INVALID : begin_media(p, text + 2);
    case 'a': return sdp_attribute(p, text + 2);
    default: return 0;
    }
}

/* `text` has room for one NUL behind its end. Lines end with LF or CRLF. */
static int read_lines(struct sdp_parser *p, char *text, size_t len)
{
    bool begun = false;
    for (char *at = text, *end = text + len; at < end;) {
        char *next = memchr(at, '\n', (size_t)(end - at)), *stop = next ? next : end;
        p->line++;
        if (memchr(at, 0, (size_t)(stop - at))) return sdp_bad(p, p->line, "control_character");
        *stop = 0;
        if (stop > at && stop[-1] == '\r') stop[-1] = 0;
        if (read_line(p, at, &begun)) return ERR_INVALID;
        at = stop + 1;
    }
    return begun ? end_media(p) : sdp_bad(p, 0, "required");
}

static bool listed(const char *list, const char *mid)
{
    size_t n = strlen(mid);
    for (const char *at = list; at && *at; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        if (n && strncmp(at, mid, n) == 0 && (!at[n] || at[n] == ' ')) return true;
    }
    return false;
}

/* All that is carried shares one transport. An encoder with a single m-line need not say so. */
static int check_bundle(struct sdp_parser *p)
{
    size_t carried = 0;
    for (size_t i = 0; i < p->out->n_media; i++)
        carried += !p->out->media[i].rejected;
    for (size_t i = 0; i < p->out->n_media; i++) {
        const struct sdp_media *m = &p->out->media[i];
        if (m->rejected || listed(p->bundle, m->mid) || (carried == 1 && !p->bundle)) continue;
        return sdp_bad(p, p->levels[i].line, "not_bundled");
    }
    return 0;
}

/* The m-line whose transport holds for all: the first that we can carry, because that is the first of our answer's group too. One
 * that only waits for its bundle says nothing of a transport (RFC 9143 6). NULL: none. */
static const struct sdp_level *tagged(const struct sdp_parser *p)
{
    const struct sdp_level *found = NULL;
    for (size_t i = 0; i < p->out->n_media && !found; i++)
        if (!p->out->media[i].rejected && p->out->media[i].n_payloads && !p->levels[i].port_zero) found = &p->levels[i];
    for (size_t i = 0; i < p->out->n_media && !found; i++)
        if (!p->out->media[i].rejected) found = &p->levels[i];
    return found ? found : &p->levels[0];
}

static int take_transport(struct sdp_parser *p)
{
    const struct sdp_level *own = tagged(p), *all = &p->session;
    const char *ufrag = own->ufrag ? own->ufrag : all->ufrag, *password = own->password ? own->password : all->password;
    const char *fingerprint = own->fingerprint ? own->fingerprint : all->fingerprint;
    if (!ufrag || !password) return sdp_bad(p, own->line, "no_ice_credentials");
    if (!fingerprint) return sdp_bad(p, own->line, "no_sha256_fingerprint");
    snprintf(p->out->ufrag, sizeof p->out->ufrag, "%s", ufrag);
    snprintf(p->out->password, sizeof p->out->password, "%s", password);
    snprintf(p->out->fingerprint, sizeof p->out->fingerprint, "%s", fingerprint);
    p->out->setup = own->setup_said ? own->setup : all->setup_said ? all->setup : SDP_ACTPASS;
    return 0;
}

static int parse(struct sdp_parser *p, char *text, size_t len)
{
    p->common.direction = SDP_SENDRECV;
    p->media = &p->common;
    p->level = &p->session;
    if (read_lines(p, text, len)) return ERR_INVALID;
    if (!p->origin) return sdp_bad(p, 0, "no_origin");
    if (!p->out->n_media) return sdp_bad(p, 0, "no_media");
    return check_bundle(p) ? ERR_INVALID : take_transport(p);
}

int sdp_parse(struct sdp **out, const char *text, size_t len, struct fault *f)
{
    struct sdp_parser *p = calloc(1, sizeof *p);
    struct sdp *s = sdp_new();
    char *copy = malloc(SDP_TEXT_MAX + 1);
    int err = 0;
    *out = NULL;
    if (f) fault_clear(f);
    if (!p || !s || !copy) err = fault_set(f, ERR_INTERNAL, "memory", "out of memory");
    else {
        p->f = f;
        p->out = s;
        if (len > SDP_TEXT_MAX) err = sdp_bad(p, 0, "too_long:196608");
        else err = parse(p, memcpy(copy, text, len), len);
    }
    free(copy);
    free(p);
    if (err) sdp_free(s);
    else *out = s;
    return err;
}

struct sdp *sdp_new(void)
{
    return calloc(1, sizeof(struct sdp));
}

void sdp_free(struct sdp *s)
{
    free(s);
}
