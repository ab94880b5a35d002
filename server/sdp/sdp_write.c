#include "server/sdp/sdp.h"
#include "server/sdp/sdp_codec.h"
#include <stdio.h>
#include <stdlib.h>

static void write_payload(FILE *o, const struct sdp_media *m, const struct media_payload *row)
{
    static const char *const feedback[] = {"goog-remb", "ccm fir", "nack", "nack pli"};
    unsigned pt = row->payload_type, rtx = row->rtx_payload_type, red = row->red_payload_type;
    fprintf(o, "a=rtpmap:%u %s\r\n", pt, sdp_codec_rtpmap(row->codec));
    for (size_t i = 0; m->kind == MEDIA_VIDEO && i < sizeof feedback / sizeof *feedback; i++)
        fprintf(o, "a=rtcp-fb:%u %s\r\n", pt, feedback[i]);
    if (m->extensions.transport_cc) fprintf(o, "a=rtcp-fb:%u transport-cc\r\n", pt);
    if (row->fmtp[0]) fprintf(o, "a=fmtp:%u %s\r\n", pt, row->fmtp);
    if (red) fprintf(o, "a=rtpmap:%u %s\r\na=fmtp:%u %u/%u\r\n", red, sdp_red_rtpmap, red, pt, pt);
    if (rtx) fprintf(o, "a=rtpmap:%u rtx/90000\r\na=fmtp:%u apt=%u\r\n", rtx, rtx, pt);
}

static void write_extensions(FILE *o, const struct sdp_media *m)
{
    struct media_extensions x = m->extensions;
    for (size_t i = 0; i < SDP_EXTENSIONS; i++)
        if (*sdp_extension_slot(&x, i)) fprintf(o, "a=extmap:%u %s\r\n", *sdp_extension_slot(&x, i), sdp_extensions[i].uri);
}

static void write_layers(FILE *o, const struct sdp_media *m)
{
    const char *word = m->direction == SDP_SENDONLY ? "send" : "recv";
    if (!m->n_rids) return;
    for (size_t i = 0; i < m->n_rids; i++)
        fprintf(o, "a=rid:%s %s\r\n", m->rids[i], word);
    fprintf(o, "a=simulcast:%s ", word);
    for (size_t i = 0; i < m->n_rids; i++)
        fprintf(o, "%s%s", i ? ";" : "", m->rids[i]);
    fputs("\r\n", o);
}

/* Browsers play what shares a stream in step, and expect it to come from one CNAME. */
static void write_source(FILE *o, const struct sdp_media *m)
{
    const char *cname = m->stream[0] ? m->stream : "yilian";
    if (m->track[0]) fprintf(o, "a=msid:%s %s\r\n", m->stream[0] ? m->stream : "-", m->track);
    else if (m->stream[0]) fprintf(o, "a=msid:%s\r\n", m->stream);
    if (m->rtx_ssrc) fprintf(o, "a=ssrc-group:FID %u %u\r\n", m->ssrc, m->rtx_ssrc);
    if (m->ssrc) fprintf(o, "a=ssrc:%u cname:%s\r\n", m->ssrc, cname);
    if (m->rtx_ssrc) fprintf(o, "a=ssrc:%u cname:%s\r\n", m->rtx_ssrc, cname);
}

/* RFC 8839 5.1, and RFC 6544 4.5 for those over TCP. */
void sdp_write_candidates(FILE *o, const struct media_candidate *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fprintf(o, "a=candidate:%zu 1 %s %u %s %u typ host%s\r\n", i + 1, c[i].tcp ? "tcp" : "udp", c[i].priority, c[i].address, c[i].port,
                c[i].tcp ? " tcptype passive" : "");
    fputs("a=end-of-candidates\r\n", o);
}

static void write_transport(FILE *o, const struct sdp *s, bool first)
{
    static const char *const setup[] = {[SDP_ACTPASS] = "actpass", [SDP_ACTIVE] = "active", [SDP_PASSIVE] = "passive"};
    fprintf(o, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 %s\r\na=setup:%s\r\n", s->ufrag, s->password, s->fingerprint,
            setup[s->setup]);
    if (!first) return;
    if (s->n_candidates) sdp_write_candidates(o, s->candidates, s->n_candidates);
}

static void write_red(FILE *o, const struct sdp_media *m)
{
    for (size_t i = 0; i < m->n_payloads; i++)
        if (m->payloads[i].red_payload_type) fprintf(o, " %u", m->payloads[i].red_payload_type);
}

/* Whoever sends to us sends what stands first: a voice with the packet before it once more. Where only we send, RED is one of what may come. */
static void write_formats(FILE *o, const struct sdp_media *m)
{
    bool receives = m->direction & SDP_RECVONLY;
    if (receives) write_red(o, m);
    for (size_t i = 0; i < m->n_payloads; i++)
        fprintf(o, " %u", m->payloads[i].payload_type);
    if (!receives) write_red(o, m);
    for (size_t i = 0; i < m->n_payloads; i++)
        if (m->payloads[i].rtx_payload_type) fprintf(o, " %u", m->payloads[i].rtx_payload_type);
}

static void write_media(FILE *o, const struct sdp *s, const struct sdp_media *m, bool first)
{
    static const char *const directions[] = {"inactive", "sendonly", "recvonly", "sendrecv"};
    fprintf(o, "m=%s 9 %s", m->name, m->proto);
    write_formats(o, m);
    fputs("\r\nc=IN IP4 0.0.0.0\r\n", o);
    write_transport(o, s, first);
    if (m->mid[0]) fprintf(o, "a=mid:%s\r\n", m->mid);
    fprintf(o, "a=%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n", directions[m->direction]);
    write_extensions(o, m);
    for (size_t i = 0; i < m->n_payloads; i++)
        write_payload(o, m, &m->payloads[i]);
    write_layers(o, m);
    write_source(o, m);
}

/* RFC 8829 5.3.1: a rejected m-line repeats kind, protocol and format of the offer, and its mid. */
static void write_rejected(FILE *o, const struct sdp_media *m)
{
    fprintf(o, "m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\n", m->name, m->proto, m->format);
    if (m->mid[0]) fprintf(o, "a=mid:%s\r\n", m->mid);
}

static void write_bundle(FILE *o, const struct sdp *s)
{
    bool any = false;
    for (size_t i = 0; i < s->n_media; i++) {
        if (s->media[i].rejected || !s->media[i].mid[0]) continue;
        fprintf(o, "%s%s", any ? " " : "a=group:BUNDLE ", s->media[i].mid);
        any = true;
    }
    if (any) fputs("\r\n", o);
}

char *sdp_write(const struct sdp *s)
{
    char *text = NULL;
    size_t len = 0;
    bool first = true;
    FILE *o = open_memstream(&text, &len);
    if (!o) return NULL;
    fprintf(o, "v=0\r\no=- %llu %llu IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", (unsigned long long)s->session_id, (unsigned long long)s->version);
    if (s->ice_lite) fputs("a=ice-lite\r\n", o);
    if (s->mixed) fputs("a=extmap-allow-mixed\r\n", o);
    write_bundle(o, s);
    for (size_t i = 0; i < s->n_media; i++) {
        if (s->media[i].rejected) write_rejected(o, &s->media[i]);
        else write_media(o, s, &s->media[i], first);
        first = first && s->media[i].rejected;
    }
    bool failed = ferror(o);
    if (fclose(o) || failed) {
        free(text);
        return NULL;
    }
    return text;
}
