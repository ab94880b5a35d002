/* Scopes of SMART App Launch, version 1 ("system/Patient.read") and 2 ("system/Patient.rs"). */
#include "records/fhir/client.h"
#include <stdio.h>

static unsigned rights_of(const char *p, size_t n)
{
    static const char letters[] = "cruds";
    static const unsigned bits[] = {MAY_CREATE, MAY_READ, MAY_UPDATE, MAY_DELETE, MAY_SEARCH};
    unsigned rights = 0;
    if (n == 4 && memcmp(p, "read", 4) == 0)
        return MAY_READ | MAY_SEARCH;
    if (n == 5 && memcmp(p, "write", 5) == 0)
        return MAY_CREATE | MAY_UPDATE | MAY_DELETE;
    if (n == 1 && *p == '*')
        return MAY_ALL;
    for (size_t i = 0, last = 0; i < n; i++) { /* in this order, each once */
        const char *at = strchr(letters + last, p[i]);
        if (!p[i] || !at)
            return 0;
        rights |= bits[at - letters];
        last = (size_t)(at - letters) + 1;
    }
    return rights;
}

struct word {
    const char *p, *type, *end;
    size_t n, type_len;
    unsigned rights; /* 0: no scope of ours */
};

static bool next_word(const char **at, struct word *w)
{
    *at += strspn(*at, " ");
    if (!**at)
        return false;
    w->p = *at;
    w->n = strcspn(*at, " ");
    w->rights = 0;
    *at += w->n;
    const char *dot = memchr(w->p, '.', w->n);
    if (w->n < 10 || memcmp(w->p, "system/", 7) || !dot || dot == w->p + 7)
        return true;
    w->type = w->p + 7;
    w->type_len = (size_t)(dot - w->type);
    w->rights = rights_of(dot + 1, (size_t)(w->p + w->n - dot - 1));
    for (size_t i = 0; i < w->type_len; i++)
        if (!(w->type_len == 1 && w->type[0] == '*') && !((w->type[i] | 32) >= 'a' && (w->type[i] | 32) <= 'z'))
            w->rights = 0;
    return true;
}

unsigned scopes_rights(const char *scopes, const char *type)
{
    unsigned rights = 0;
    struct word w;
    while (next_word(&scopes, &w))
        if (w.rights && ((w.type_len == 1 && *w.type == '*') || (strlen(type) == w.type_len && memcmp(type, w.type, w.type_len) == 0)))
            rights |= w.rights;
    return rights;
}

const char *scopes_wrong(const char *scopes)
{
    struct word w;
    while (next_word(&scopes, &w))
        if (!w.rights)
            return w.p;
    return NULL;
}

void scopes_granted(const char *held, const char *asked, char *out, size_t cap)
{
    struct word w;
    size_t n = 0;
    out[0] = 0;
    while (next_word(&asked, &w)) {
        char type[80];
        snprintf(type, sizeof type, "%.*s", w.rights ? (int)w.type_len : 0, w.rights ? w.type : "");
        if (w.rights && (scopes_rights(held, type) & w.rights) == w.rights && n + w.n + 2 < cap)
            n += (size_t)snprintf(out + n, cap - n, "%s%.*s", n ? " " : "", (int)w.n, w.p);
    }
}
