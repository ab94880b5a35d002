/* The webhook gateway: one signed HTTP(S) POST (post.h). */
#include "records/notify/delivery.h"
#include "records/notify/post.h"
#include <stdio.h>
#include <string.h>

static bool webhook_url_ok(const char *url)
{
    return post_url_ok(url) && strlen(url) < sizeof((struct gateway_message *)0)->url;
}

static bool says_delivered(const struct post_result *a)
{
    json_t *o = json_loadb(a->answer, a->answer_len, 0, NULL);
    const char *state = json_string_value(json_object_get(o, "state"));
    bool delivered = state && strcmp(state, "delivered") == 0;
    json_decref(o);
    return delivered;
}

static void webhook_send(const struct gateway_message *m, struct gateway_result *r)
{
    char id[ID_TEXT_BYTES];
    struct post_result answer;
    id_format(m->delivery, id);
    post_now(&(struct post_request){.method = "POST", .url = m->url, .content_type = "application/json; charset=utf-8", .agent = "yilian-notify/1", .id = id,
                                    .secret = m->secret, .body = m->body, .len = strlen(m->body), .now_ms = m->now_ms}, &answer);
    *r = (struct gateway_result){.outcome = answer.outcome == POST_AGAIN ? GATEWAY_RETRY : answer.outcome == POST_REFUSED ? GATEWAY_REFUSED
                                            : says_delivered(&answer) ? GATEWAY_DELIVERED : GATEWAY_ACCEPTED};
    snprintf(r->error, sizeof r->error, "%s", answer.error);
}

const struct gateway_driver gateway_webhook = {"webhook", webhook_send, webhook_url_ok};

const struct gateway_driver *gateway_driver_find(const char *kind)
{
    return kind && strcmp(kind, gateway_webhook.kind) == 0 ? &gateway_webhook : NULL;
}
