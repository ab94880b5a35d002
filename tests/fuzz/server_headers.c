/* Header fields that server/net reads itself: Range, lists of entity tags, cookies and bearer tokens, codings; and queries. One a line:
 * length of the thing, Range, tags, Cookie, Authorization, Accept-Encoding, query. */
#include "server/net/net_private.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES 7

/* What is said to be one range is one, and written out it means the same. */
static void ranges(const char *text, uint64_t total)
{
    char again[80];
    uint64_t first = 0, last = 0, f2 = 0, l2 = 0;
    int rc = range_parse(text, total, &first, &last);
    if (rc != 0 && rc != 1 && rc != ERR_RANGE) abort();
    if (rc != 1) return;
    if (first > last || last >= total) abort();
    snprintf(again, sizeof again, "bytes=%llu-%llu", (unsigned long long)first, (unsigned long long)last);
    if (range_parse(again, total, &f2, &l2) != 1 || f2 != first || l2 != last) abort();
}

static void tags(const char *list)
{
    static const char tag[] = "\"0123456789abcdef\"";
    bool there = etag_listed(list, tag);
    if (there && strcmp(list, "*") != 0 && !strstr(list, tag)) abort();
    if (etag_listed(list, "")) if (strcmp(list, "*") != 0) abort();
}

static void credentials(const char *cookie, const char *authorization)
{
    bool by_cookie;
    char *found = credential_of(cookie, authorization, &by_cookie);
    if (!found || (by_cookie && (strchr(found, ';') || !strstr(cookie, found)))) abort();
    if (!by_cookie && *found && !strstr(authorization, found)) abort();
    free(found);
}

static void query(const char *text)
{
    char name[16], value[24];
    const char *at = text;
    for (int more; (more = net_query_next(&at, name, sizeof name, value, sizeof value)) > 0;)
        if (strlen(name) >= sizeof name || strlen(value) >= sizeof value || at > text + strlen(text)) abort();
}

/* A file of ours asked for by somebody who has gone: everything is read and decided, and nothing is sent. */
static void file(struct net *n, char *const line[LINES])
{
    struct asset item = {.path = (char *)"/a.js", .content_type = "text/javascript", .plain = {(uint8_t *)"plain", 5, "\"0123456789abcdef\""}, .br = {(uint8_t *)"br", 2, "\"b\""}, .gz = {(uint8_t *)"gz", 2, "\"g\""}};
    struct net_request *r = calloc(1, sizeof *r);
    if (!r) abort();
    r->net = n;
    r->headers[1] = strdup(line[5]);
    r->headers[8] = strdup(line[2]);
    r->headers[11] = strdup(line[1]);
    asset_reply_form(r, &item);
    requests_spare_free(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct net n = {0};
    char *all = malloc(size + 1), *line[LINES], *at = all;
    if (!all) abort();
    memcpy(all, data, size);
    all[size] = '\0';
    for (size_t i = 0; i < LINES; i++) {
        char *end = at + strcspn(at, "\n");
        line[i] = strndup(at, (size_t)(end - at));
        at = *end ? end + 1 : end;
    }
    ranges(line[1], strtoull(line[0], NULL, 10) % 1000000000000000000u); /* 18 digits: no file is larger */
    tags(line[2]);
    credentials(line[3], line[4]);
    query(line[6]);
    file(&n, line);
    for (size_t i = 0; i < LINES; i++)
        free(line[i]);
    free(all);
    return 0;
}
