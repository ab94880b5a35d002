/* Subscription (http://hl7.org/fhir/R4/subscription.html): what a client may ask for, and the subscriber it becomes (records/outgoing). Only a
 * Subscription that says "requested", or that was set up and still says "active", asks for anything; others are kept like any resource. Whoever
 * writes it last is whose scopes and institution hold. */
#include "records/fhir/fhir_private.h"
#include "records/notify/post.h"
#include "records/outgoing/outgoing.h"
#include "records/store/seal.h"
#include <stdio.h>

#define A_CLIENT_MAX 10
#define HEADERS_MAX 1000
#define CRITERIA_MAX 1000
#define ENDPOINT_MAX 500

struct asked { /* what it says; texts of the resource */
    struct r4_str criteria, endpoint, payload, type, query;
    const struct r4_type *of;
    const struct r4_node *headers;
    int64_t until_ms;
};

static bool asks(const struct r4_node *resource)
{
    const struct r4_node *status = r4_get(resource, "status");
    return r4_is(status, "requested") || r4_is(status, "active");
}

static void read_it(struct fhir_work *w, const struct r4_node *resource, struct asked *a)
{
    struct r4_str end = r4_text(r4_get(resource, "end"));
    int64_t high;
    memset(a, 0, sizeof *a);
    a->criteria = r4_text(r4_get(resource, "criteria"));
    a->endpoint = r4_text(r4_at(resource, "channel.endpoint"));
    a->payload = r4_text(r4_at(resource, "channel.payload"));
    a->type = r4_text(r4_at(resource, "channel.type"));
    a->headers = r4_at(resource, "channel.header");
    const char *mark = a->criteria.n ? memchr(a->criteria.p, '?', a->criteria.n) : NULL;
    size_t n = mark ? (size_t)(mark - a->criteria.p) : a->criteria.n;
    a->of = n ? r4_resource(fhir_r4(w->fhir), a->criteria.p, n) : NULL;
    a->query = mark ? (struct r4_str){mark + 1, a->criteria.n - n - 1} : (struct r4_str){"", 0};
    if (!end.p || !r4_date_interval(end.p, end.n, FHIR_ZONE_MIN, &a->until_ms, &high))
        a->until_ms = 0;
}

/* ---- may it be so ---- */

static int wrong(struct fhir_work *w, const char *place, const char *why)
{
    struct r4_issues *issues = calloc(1, sizeof *issues);
    if (!issues)
        return fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    r4_issue_add(w->plan->scratch->doc, issues, &(struct r4_issue){R4_ERROR, "processing", place, why});
    int rc = fhir_fail_issues(w, 422, issues);
    free(issues);
    return rc;
}

static bool is_token(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!((p[i] | 32) >= 'a' && (p[i] | 32) <= 'z') && !(p[i] >= '0' && p[i] <= '9') && p[i] != '-' && p[i] != '_')
            return false;
    return n > 0;
}

/* "Name: value" (RFC 9110 5.1, 5.5), none of those the message has of its own. */
static bool header_ok(struct r4_str h)
{
    static const char *const own[] = {"host", "content-length", "content-type", "transfer-encoding", "connection", "expect", "upgrade", "te", "trailer",
                                      "proxy-authorization", "idempotency-key", "user-agent"};
    const char *colon = h.p ? memchr(h.p, ':', h.n) : NULL;
    size_t n = colon ? (size_t)(colon - h.p) : 0;
    if (!is_token(h.p, n) || (n >= 9 && strncasecmp(h.p, "x-yilian-", 9) == 0))
        return false;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strlen(own[i]) == n && strncasecmp(h.p, own[i], n) == 0)
            return false;
    for (size_t i = n; i < h.n; i++)
        if ((unsigned char)h.p[i] < ' ' || (unsigned char)h.p[i] > '~')
            return false;
    return true;
}

static int check_headers(struct fhir_work *w, const struct asked *a)
{
    size_t all = 0;
    for (size_t i = 0; a->headers && i < a->headers->len; i++) {
        struct r4_str h = r4_text(r4_item(a->headers, i));
        if (!header_ok(h))
            return wrong(w, "Subscription.channel.header", "A header is \"Name: value\" in visible ASCII, and none the message has of its own.");
        all += h.n + 1;
    }
    return all <= HEADERS_MAX ? 0 : wrong(w, "Subscription.channel.header", "The headers are longer than 1000 characters.");
}

static int check_channel(struct fhir_work *w, const struct asked *a)
{
    char url[ENDPOINT_MAX + 1];
    if (!r4_str_is(a->type, "rest-hook"))
        return wrong(w, "Subscription.channel.type", "Only rest-hook is offered.");
    if (a->payload.n && !r4_str_is(a->payload, "application/fhir+json") && !r4_str_is(a->payload, "application/json"))
        return wrong(w, "Subscription.channel.payload", "application/fhir+json, or none for a notice without content.");
    snprintf(url, sizeof url, "%.*s", a->endpoint.n <= ENDPOINT_MAX ? (int)a->endpoint.n : 0, a->endpoint.p ? a->endpoint.p : "");
    if (!post_url_ok(url))
        return wrong(w, "Subscription.channel.endpoint", "An http or https address of at most 500 characters.");
    return check_headers(w, a);
}

static int check_criteria(struct fhir_work *w, const struct asked *a)
{
    if (!a->of || a->criteria.n > CRITERIA_MAX)
        return wrong(w, "Subscription.criteria", "A search of one type, such as Observation?code=1975-2, of at most 1000 characters.");
    if (fhir_need(w, a->of->name, MAY_READ | MAY_SEARCH))
        return ERR_DENIED;
    char *copy = r4_doc_copy(w->plan->scratch->doc, a->query.p, a->query.n), text[300], why[256] = "";
    if (!copy)
        return fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    if (!a->query.n || search_understood(w, a->of, (struct r4_str){copy, a->query.n}, why, sizeof why) == 0)
        return 0;
    snprintf(text, sizeof text, "The criteria are no search of %s: %.200s", a->of->name, why);
    return wrong(w, "Subscription.criteria", text);
}

static int check_number(struct fhir_work *w, struct tx *tx, const char *name)
{
    int64_t n = tx_int(tx, 0, "SELECT COUNT(*) AS n FROM out_subscriber WHERE client_id=$1 AND hook=1 AND state<>'off' AND subscription<>$2", "it",
                       (int64_t)w->actor.client, name);
    int64_t all = tx_int(tx, 0, "SELECT COUNT(*) AS n FROM out_subscriber WHERE subscription<>$1", "t", name);
    if (n < A_CLIENT_MAX && all < OUT_SUBSCRIBERS_MAX)
        return 0;
    return fhir_fail_status(w, 422, "too-costly", "A client has at most %d Subscriptions, the site %d subscribers.", A_CLIENT_MAX, OUT_SUBSCRIBERS_MAX);
}

int subscription_check(struct fhir_work *w, struct tx *tx, const struct staged *s)
{
    struct asked a;
    if (w->actor.system || !s->resource || !asks(s->resource))
        return 0;
    if (!w->actor.client)
        return fhir_fail(w, ERR_DENIED, "client", "Only machine clients subscribe.");
    if (r4_is(r4_get(s->resource, "status"), "active") && !tx_int(tx, 0, "SELECT COUNT(*) AS n FROM out_subscriber WHERE subscription=$1", "t", s->name))
        return wrong(w, "Subscription.status", "A client asks with \"requested\"; \"active\" is for the server to say.");
    read_it(w, s->resource, &a);
    int rc = check_channel(w, &a);
    rc = rc ? rc : check_criteria(w, &a);
    return rc ? rc : check_number(w, tx, s->name);
}

/* ---- the subscriber ---- */

static void set_sealed(struct fhir_work *w, struct tx *tx, uint64_t id, const char *column, const char *text)
{
    uint8_t sealed[HEADERS_MAX + 200];
    bool headers = strcmp(column, "headers") == 0;
    int len = seal_text(records_parts(w->records)->delivery_keys.seal, id ^ (headers ? 1 : 2), text, sealed, sizeof sealed);
    if (len < 0)
        abort(); /* lengths were checked */
    tx_exec(tx, headers ? "UPDATE out_subscriber SET headers_sealed=$1 WHERE id=$2" : "UPDATE out_subscriber SET criteria_sealed=$1 WHERE id=$2", "bi", sealed, (size_t)len,
            (int64_t)id);
}

static void set_texts(struct fhir_work *w, struct tx *tx, uint64_t id, const struct asked *a)
{
    char text[HEADERS_MAX + 100] = "";
    size_t n = 0;
    for (size_t i = 0; a->headers && i < a->headers->len; i++) {
        struct r4_str h = r4_text(r4_item(a->headers, i));
        n += (size_t)snprintf(text + n, sizeof text - n, "%.*s\n", (int)h.n, h.p);
    }
    set_sealed(w, tx, id, "headers", text);
    snprintf(text, sizeof text, "%.*s", (int)a->query.n, a->query.p);
    set_sealed(w, tx, id, "criteria", text);
}

/* From now on; what an unlisted endpoint misses while it is unlisted is not told later. */
static void begin_now(struct fhir_work *w, struct tx *tx, uint64_t id, const char *url)
{
    bool allowed = outgoing_allowed(records_parts(w->records)->outgoing, url);
    tx_exec(tx, "UPDATE out_subscriber SET state='active', status='requested', error='', tries=0, next_ms=0, dead_in_row=0, "
                "feed_seq=CASE WHEN $1=1 THEN COALESCE((SELECT MAX(seq) FROM feed), 0) ELSE -1 END, "
                "fhir_seq=COALESCE((SELECT MAX(seq) FROM fhir_change), 0) WHERE id=$2", "ii", (int64_t)allowed, (int64_t)id);
}

static void set_up(struct fhir_work *w, struct tx *tx, const struct staged *s, uint64_t id)
{
    struct asked a;
    char url[ENDPOINT_MAX + 1], name[100];
    read_it(w, s->resource, &a);
    snprintf(url, sizeof url, "%.*s", (int)a.endpoint.n, a.endpoint.p);
    snprintf(name, sizeof name, "Subscription/%.80s", s->name);
    bool fresh = !id || r4_is(r4_get(s->resource, "status"), "requested") ||
                 tx_int(tx, 0, "SELECT COUNT(*) AS n FROM out_subscriber WHERE id=$1 AND state IN ('off','error')", "i", (int64_t)id);
    if (!id)
        id = id_new();
    tx_upsert(tx, "out_subscriber", NULL, "id,hook,created_ms,export_stage", "iiii", (int64_t)id, (int64_t)1, w->now_ms, (int64_t)2);
    tx_exec(tx, "UPDATE out_subscriber SET name=$1, subscription=$2, client_id=$3, org_id=$4, scopes=$5, type=$6, payload=$7, url=$8, until_ms=$9, changed_ms=$10 WHERE id=$11",
            "ttiittitiii", name, s->name, (int64_t)w->actor.client, (int64_t)w->actor.org, w->actor.scopes, a.of->name, (int64_t)(a.payload.n > 0), url, a.until_ms,
            w->now_ms, (int64_t)id);
    set_texts(w, tx, id, &a);
    if (fresh)
        begin_now(w, tx, id, url);
}

/* It says off, error or nothing of the kind any more. */
static void take_down(struct tx *tx, uint64_t id, bool gone)
{
    if (!id)
        return;
    tx_exec(tx, "DELETE FROM out_item WHERE subscriber_id=$1", "i", (int64_t)id);
    tx_exec(tx, gone ? "DELETE FROM out_subscriber WHERE id=$1" : "UPDATE out_subscriber SET state='off', status='off' WHERE id=$1", "i", (int64_t)id);
}

int subscription_stored(struct fhir_work *w, struct tx *tx, const struct staged *s)
{
    bool gone = s->act == ACT_DELETE;
    if (w->actor.system && !gone) /* the server tells how it stands, or a site is loaded */
        return 0;
    uint64_t id = (uint64_t)tx_int(tx, 0, "SELECT id FROM out_subscriber WHERE subscription=$1", "t", s->name);
    if (gone || !asks(s->resource))
        take_down(tx, id, gone);
    else
        set_up(w, tx, s, id);
    return tx_error(tx);
}
