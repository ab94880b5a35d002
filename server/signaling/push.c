/* News of cases, their documents, slots, messages and notices the moment they are committed. No health data goes out: pages read the object again, with
 * their own rights. */
#include "server/signaling/signaling.h"
#include <string.h>

enum topic { TOPIC_NOTICE = 1, TOPIC_CASE = 2, TOPIC_SLOT = 4, TOPIC_MESSAGE = 8, TOPIC_DOCUMENT = 16 };
static const struct {
    const char *name;   /* of the change feed */
    const char *event;  /* on the wire */
    unsigned bit, with; /* subscribed by its own name, or along with this one */
} topics[] = {{"notice", "notice", TOPIC_NOTICE, 0},
              {"case", "case.changed", TOPIC_CASE, 0},
              {"slot", "slot.changed", TOPIC_SLOT, 0},
              {"message", "message", TOPIC_MESSAGE, TOPIC_CASE},
              {"document", "document.changed", TOPIC_DOCUMENT, TOPIC_CASE}};
#define N_TOPICS (sizeof topics / sizeof *topics)

/* That there is a case, and how it goes, is nobody's but those who work with cases. */
unsigned push_topics_of(const json_t *rights)
{
    static const struct {
        const char *right;
        unsigned topics;
    } opens[] = {{"case.read", TOPIC_CASE | TOPIC_MESSAGE | TOPIC_DOCUMENT}, {"document.read", TOPIC_DOCUMENT}, {"board.read", TOPIC_CASE}, {"slot.read", TOPIC_SLOT}};
    unsigned may = TOPIC_NOTICE;
    json_t *right;
    size_t i;
    json_array_foreach(rights, i, right) for (size_t k = 0; k < sizeof opens / sizeof *opens; k++)
        if (strcmp(json_string_value(right), opens[k].right) == 0) may |= opens[k].topics;
    return may;
}

static void ping(struct connection *c, int64_t id, const json_t *args)
{
    connection_answer(c, id, json_object());
}

static void subscribed(struct connection *c, int64_t id, const json_t *args)
{
    json_t *one;
    size_t i;
    struct fault f = {0};
    if (!c->person[0]) {
        fault_set(&f, ERR_UNAUTHENTICATED, "no_session", "Sign in first.");
        connection_refuse(c, id, &f);
        return;
    }
    c->topics = 0;
    json_array_foreach(json_object_get(args, "topics"), i, one) for (size_t t = 0; t < N_TOPICS; t++)
        if (strcmp(json_string_value(one), topics[t].name) == 0) c->topics |= topics[t].bit;
    connection_answer(c, id, json_object());
}

static void subscribe(struct connection *c, int64_t id, const json_t *args)
{
    connection_identify(c, id, args, subscribed);
}

static bool is_told(const struct connection *c, const struct records_change *change)
{
    for (size_t i = 0; i < change->n_orgs; i++)
        if (change->orgs[i] == c->org) return true;
    return !change->of_houses;
}

void push_change(struct signaling *s, const struct records_change *change)
{
    size_t t = 0;
    while (t < N_TOPICS && strcmp(topics[t].name, change->topic))
        t++;
    json_t *data = t < N_TOPICS ? json_loads(change->payload, 0, NULL) : NULL;
    bool personal = t < N_TOPICS && topics[t].bit == TOPIC_NOTICE;
    for (struct connection *c = data ? signaling_first(s) : NULL; c; c = c->hh.next)
        if (c->topics & (topics[t].bit | topics[t].with) && c->may & topics[t].bit && c->person[0] && (!personal || strcmp(c->person, change->key) == 0) && is_told(c, change))
            connection_send(c, json_pack("{s:s,s:I,s:O}", "event", topics[t].event, "seq", (json_int_t)change->seq, "data", data));
    json_decref(data);
}

static const struct field topic = {"topic", FIELD_ENUM, .choices = "notice|case|slot|message|document"};
static const struct field subscribe_args[] = {{"topics", FIELD_ARRAY, true, .max = 8, .of = &topic}, {0}};

const struct verb push_verbs[] = {
    {"ping", NULL, ping, "is the line alive"},
    {"push.subscribe", subscribe_args, subscribe, "news of these topics from now on; signed-in people"},
    {0},
};
