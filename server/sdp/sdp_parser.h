/* sdp_parser - the state of one sdp_parse, shared by the reader of lines (sdp_parse.c) and of attributes (sdp_attribute.c). Strings point
 * into the parser's copy of the text, in which every line ends with a NUL. */
#ifndef YL_SERVER_SDP_SDP_PARSER_H
#define YL_SERVER_SDP_SDP_PARSER_H

#include "server/sdp/sdp.h"

struct sdp_level { /* what is said of the transport: for the whole session, or in one m-line */
    const char *ufrag, *password, *fingerprint;
    enum sdp_setup setup;
    bool setup_said, rtcp_mux, bundle_only;
    bool port_zero, foreign; /* foreign: a kind or protocol that we do not carry */
    unsigned line;           /* of the m-line; 0 for the session */
};

struct sdp_formats { /* of the current m-line; fmtp may come before rtpmap */
    size_t n;
    uint8_t order[128];
    const char *rtpmap[128], *fmtp[128];
};

struct sdp_parser {
    struct fault *f;
    unsigned line;           /* being read, from 1 */
    bool origin;             /* o= was there */
    struct sdp *out;
    const char *bundle;      /* mids of a=group:BUNDLE; NULL = none */
    struct sdp_media *media; /* being read: before the first m-line `common`, which every m-line begins as */
    struct sdp_level *level; /* of the same */
    struct sdp_media common;
    struct sdp_level session, levels[SDP_MEDIA_MAX];
    struct sdp_formats formats;
};

/* Sets the fault at a line (0 = the whole description); returns ERR_INVALID. */
YL_CHECKED int sdp_bad(struct sdp_parser *p, unsigned line, const char *reason);
/* Reads "name:value" of an a= line into p; what we do not know is left out. */
YL_CHECKED int sdp_attribute(struct sdp_parser *p, char *text);

/* Cuts the next word off *at; NULL at the end. */
char *sdp_word(char **at);
/* A decimal number up to max that ends the text or is followed by a character of `stop`; *at is moved behind its digits. */
bool sdp_number(char **at, const char *stop, uint64_t max, uint64_t *out);
#endif
