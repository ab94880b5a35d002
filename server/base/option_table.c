#include "server/base/option.h"

#define MINUTE_MS 60000LL
#define KIB 1024LL
#define MIB (1024LL * KIB)

/* config/yilian.conf.sample is written from this table and a unit test compares the two. */
const struct option option_table[] = {
    {"listen.address", OPTION_TEXT, "0.0.0.0", 0, 0, "Address the HTTPS server listens on; :: for IPv6 and IPv4."},
    {"listen.port", OPTION_INT, "8443", 1, 65535, "TCP port of HTTPS and WebSocket."},
    {"listen.origins", OPTION_LIST, "", 0, 0,
     "Further web origins that may open the WebSocket, e.g. https://yilian.example; its own address always may."},
    {"site.address", OPTION_TEXT, "", 0, 0,
     "Address people open, for links in messages and codes on paper, e.g. https://yilian.example; empty = this machine's name and listen.port."},
    {"listen.connections", OPTION_INT, "4000", 16, 100000, "Connections open at once, all clients together."},
    {"listen.connections_per_address", OPTION_INT, "200", 4, 100000,
     "Connections open at once from one address (a hospital behind one NAT address needs many)."},
    {"listen.idle", OPTION_DURATION_MS, "30s", 5000, 10 * MINUTE_MS,
     "A connection that sends no complete request, or takes nothing of its answer, for this long is closed."},
    {"tls.certificate", OPTION_PATH, NULL, 0, 0, "PEM file with the server's certificate and its chain."},
    {"tls.key", OPTION_PATH, NULL, 0, 0, "PEM file with the private key, readable by the daemon alone."},
    {"data.dir", OPTION_PATH, NULL, 0, 0, "Folder of the database, documents and keys, made by `yilianctl init`."},
    {"database.url", OPTION_TEXT, "", 0, 0,
     "PostgreSQL in place of the file in data.dir: postgresql://user@host/name; the password is best kept in a passfile. Empty = the file."},
    {"config.dir", OPTION_PATH, ".", 0, 0, "Folder of the read-only tables: roles, deadlines, forms."},
    {"web.root", OPTION_PATH, NULL, 0, 0, "Folder of the built web application."},
    {"media.address", OPTION_TEXT, "0.0.0.0", 0, 0, "Address the media plane's UDP socket is bound to."},
    {"media.port", OPTION_INT, "8444", 1, 65535, "UDP port of audio and video, one for all peers."},
    {"media.announce", OPTION_LIST, "", 0, 0,
     "Addresses told to browsers, e.g. the public one of a NAT; empty = every local address."},
    {"media.tcp", OPTION_BOOL, "yes", 0, 0,
     "Audio and video also over TCP, on the port of HTTPS, for networks that let no UDP through."},
    {"media.tcp_port", OPTION_INT, "0", 0, 65535, "Port of it told to browsers, e.g. 443 before a NAT; 0 = listen.port."},
    {"relay.urls", OPTION_LIST, "", 0, 0,
     "TURN servers told to browsers, e.g. turns:relay.example:5349?transport=tcp; empty = none. yilianctl relay config prints coturn's file."},
    {"relay.secret", OPTION_TEXT, "", 0, 0, "Secret shared with the TURN servers (coturn: static-auth-secret), at least 16 characters."},
    {"relay.lifetime", OPTION_DURATION_MS, "12h", 10 * MINUTE_MS, 48 * 60 * MINUTE_MS, "How long a relay credential is good; a session must fit in."},
    {"media.workers", OPTION_INT, "0", 0, 64, "Media threads; 0 = one per processor core."},
    {"media.max_bitrate", OPTION_INT, "3000000", 100000, 50000000, "Highest bit rate asked of one camera, bits per second."},
    {"record.dir", OPTION_PATH, "", 0, 0, "Scratch folder of recordings in progress; empty = DATA.DIR/recording."},
    {"records.readers", OPTION_INT, "2", 1, 64, "Reader threads of the database."},
    {"request.max_body", OPTION_BYTES, "1MiB", 64 * KIB, 16 * MIB, "Largest JSON body of one request."},
    {"request.rate", OPTION_INT, "200", 5, 100000, "Requests a second on average from one address; bursts of ten times that."},
    {"signaling.rate", OPTION_INT, "50", 5, 1000, "WebSocket messages a second on average from one connection."},
    {"metrics.token", OPTION_TEXT, "", 0, 0, "Bearer token that may read /metrics from elsewhere; empty = loopback only."},
    {"log.level", OPTION_TEXT, "info", 0, 0, "error, warn, info or debug."},
    {0},
};
