/* One table says which fields a verb has, one what a field is; reading and writing follow them. */
#include "server/node/message.h"
#include "server/base/crypto.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_MAX INT64_C(4102444800000000) /* 2100, microseconds */

enum kind { NUMBER, FLAG, TEXT };

struct field {
    const char *name;
    enum kind kind;
    size_t at;
    int64_t min, max; /* of a number; of a text's length */
};
#define AT(member) offsetof(struct node_message, member)
static const struct field fields[] = {
    {"version", NUMBER, AT(version), 1, 1000},
    {"viewers_max", NUMBER, AT(viewers_max), 1, NODE_VIEWERS_MAX},
    {"viewers", NUMBER, AT(viewers), 0, NODE_VIEWERS_MAX},
    {"room", NUMBER, AT(room), INT64_MIN, INT64_MAX}, /* an id's 64 bits */
    {"number", NUMBER, AT(number), 0, INT64_C(1) << 40},
    {"generation", NUMBER, AT(generation), 0, UINT32_MAX},
    {"epoch_us", NUMBER, AT(epoch_us), 0, TIME_MAX},
    {"start_us", NUMBER, AT(start_us), 0, TIME_MAX},
    {"duration_us", NUMBER, AT(duration_us), 0, 60000000},
    {"width", NUMBER, AT(width), 0, UINT16_MAX},
    {"height", NUMBER, AT(height), 0, UINT16_MAX},
    {"bytes", NUMBER, AT(bytes), 1, NODE_PIECE_MAX},
    {"line", NUMBER, AT(line), 0, 127},
    {"track", NUMBER, AT(track), INT64_MIN, INT64_MAX},
    {"seat", NUMBER, AT(seat), INT64_MIN, INT64_MAX},
    {"layer", NUMBER, AT(layer), 0, 2},
    {"layers", NUMBER, AT(layers), 0, 7}, /* how many, of a line; which, of a wish */
    {"value", NUMBER, AT(value), 0, 255},
    {"segment", FLAG, AT(segment), 0, 0},
    {"key", FLAG, AT(key), 0, 0},
    {"address", TEXT, AT(address), 1, NODE_ADDRESS_BYTES - 1},
    {"nonce", TEXT, AT(nonce), NODE_NONCE_BYTES - 1, NODE_NONCE_BYTES - 1},
    {"proof", TEXT, AT(proof), NODE_PROOF_BYTES - 1, NODE_PROOF_BYTES - 1},
    {"codecs", TEXT, AT(codecs), 1, 39},
    {"text", TEXT, AT(text), 0, 199},
    {"fingerprint", TEXT, AT(fingerprint), 1, 111},
    {"candidates", TEXT, AT(candidates), 1, NODE_CANDIDATES_BYTES - 1},
    {"serves", TEXT, AT(serves), 0, SERVES_TEXT_BYTES - 1},
};

#define FIELDS_MAX 9
static const struct verb {
    const char *name, *fields[FIELDS_MAX]; /* ended by NULL */
} verbs[NODE_VERBS] = {
    [NODE_HELLO] = {"hello", {"version", "address", "viewers_max", "nonce", "fingerprint", "candidates", "serves"}},
    [NODE_CHALLENGE] = {"challenge", {"nonce", "proof"}},
    [NODE_PROOF] = {"proof", {"proof"}},
    [NODE_WELCOME] = {"welcome", {NULL}},
    [NODE_REFUSED] = {"refused", {"text"}},
    [NODE_LOAD] = {"load", {"viewers"}},
    [NODE_OK] = {"ok", {NULL}},
    [NODE_WANT] = {"want", {"room", "epoch_us", "generation", "number"}},
    [NODE_DROP] = {"drop", {"room"}},
    [NODE_BEGIN] = {"begin", {"room", "number"}},
    [NODE_INIT] = {"init", {"room", "generation", "epoch_us", "codecs", "width", "height", "bytes"}},
    [NODE_PIECE] = {"piece", {"room", "generation", "epoch_us", "start_us", "duration_us", "segment", "key", "bytes"}},
    [NODE_END] = {"end", {"room"}},
    [NODE_GONE] = {"gone", {"room"}},
    [NODE_RELAY] = {"relay", {"room"}},
    [NODE_UNRELAY] = {"unrelay", {"room"}},
    [NODE_LINE] = {"line", {"room", "line", "track", "seat", "layer", "layers", "value"}},
    [NODE_OFFER] = {"offer", {"room", "number", "address", "bytes"}},
    [NODE_ANSWER] = {"answer", {"room", "number", "bytes"}},
    [NODE_LAYERS] = {"layers", {"room", "track", "layers"}},
    [NODE_LOST] = {"lost", {"room"}},
    [NODE_COMMANDS] = {"commands", {"bytes"}},
    [NODE_EVENTS] = {"events", {"bytes"}},
};

static const struct field *field_of(const char *name)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(fields[i].name, name) == 0) return &fields[i];
    abort(); /* the tables above do not agree */
}

static bool read_field(const struct field *x, const json_t *v, struct node_message *m)
{
    void *at = (char *)m + x->at;
    if (x->kind == FLAG) {
        *(bool *)at = json_is_true(v);
        return json_is_boolean(v);
    }
    if (x->kind == TEXT) {
        if (!json_is_string(v) || (int64_t)json_string_length(v) < x->min || (int64_t)json_string_length(v) > x->max) return false;
        memcpy(at, json_string_value(v), json_string_length(v) + 1); /* no NUL in it: jansson refuses them */
        return true;
    }
    *(int64_t *)at = json_integer_value(v);
    return json_is_integer(v) && *(int64_t *)at >= x->min && *(int64_t *)at <= x->max;
}

static int read_fields(const struct verb *verb, const json_t *j, struct node_message *m, struct fault *f)
{
    for (size_t i = 0; i < FIELDS_MAX && verb->fields[i]; i++)
        if (!read_field(field_of(verb->fields[i]), json_object_get(j, verb->fields[i]), m))
            return fault_set(f, ERR_MALFORMED, verb->fields[i], "%s: %s is missing or out of its bounds.", verb->name, verb->fields[i]);
    return 0;
}

int node_message_read(const char *text, size_t len, struct node_message *out, struct fault *f)
{
    json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(j, "type"));
    int rc = ERR_MALFORMED;
    *out = (struct node_message){.verb = NODE_VERBS};
    for (int i = 0; type && i < NODE_VERBS; i++)
        if (strcmp(type, verbs[i].name) == 0) out->verb = (enum node_verb)i;
    if (out->verb == NODE_VERBS) (void)!fault_set(f, rc, "type", "There is no such message.");
    else rc = read_fields(&verbs[out->verb], j, out, f);
    json_decref(j);
    return rc;
}

char *node_message_write(const struct node_message *m)
{
    const struct verb *verb = &verbs[m->verb];
    json_t *j = json_pack("{s:s}", "type", verb->name);
    for (size_t i = 0; i < FIELDS_MAX && verb->fields[i]; i++) {
        const struct field *x = field_of(verb->fields[i]);
        const void *at = (const char *)m + x->at;
        json_object_set_new(j, x->name, x->kind == FLAG ? json_boolean(*(const bool *)at) : x->kind == TEXT ? json_string(at) : json_integer(*(const int64_t *)at));
    }
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    return text;
}

/* ---- proofs ---- */
void node_nonce(char out[NODE_NONCE_BYTES])
{
    uint8_t bytes[16];
    crypto_random(bytes, sizeof bytes);
    if (hex_encode(bytes, sizeof bytes, out, NODE_NONCE_BYTES) < 0) abort();
}

void node_proof(const char *secret, const char *speaker, const char *edge_nonce, const char *origin_nonce, char out[NODE_PROOF_BYTES])
{
    char text[120];
    uint8_t mac[SHA256_BYTES];
    int n = snprintf(text, sizeof text, "yilian node 1 %s %s %s", speaker, edge_nonce, origin_nonce);
    crypto_hmac_sha256(secret, strlen(secret), text, (size_t)n, mac);
    if (hex_encode(mac, sizeof mac, out, NODE_PROOF_BYTES) < 0) abort();
}

bool node_proof_equal(const char *a, const char *b)
{
    return strlen(a) == NODE_PROOF_BYTES - 1 && strlen(b) == NODE_PROOF_BYTES - 1 && crypto_equal(a, b, NODE_PROOF_BYTES - 1);
}

void node_pass_key(const char *secret, uint8_t out[32])
{
    static const char label[] = "yilian lecture pass 1";
    crypto_hmac_sha256(secret, strlen(secret), label, sizeof label - 1, out);
}
