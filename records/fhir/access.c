/* Who asks and what he may: machine clients by bearer token, people of the house by the rights of their role, the daemon itself. */
#include "records/fhir/client.h"
#include <stdio.h>

static int unknown(struct fhir_work *w, const char *reason)
{
    return fhir_fail(w, ERR_UNAUTHENTICATED, reason, "Show a bearer token of /fhir/auth/token, or sign in.");
}

static bool reads(const struct fhir_work *w)
{
    return strcmp(w->q.method, "GET") == 0 || strcmp(w->q.method, "HEAD") == 0;
}

/* `scopes` NULL: all that it was given. */
static int take_client(struct fhir_work *w, struct tx *tx, uint64_t client, const char *scopes)
{
    struct query *q = tx_query(tx, "SELECT org_id, scopes FROM fhir_client WHERE id=$1 AND active=1", "i", (int64_t)client);
    bool there = query_next(q);
    if (there) {
        w->actor.org = (uint64_t)query_int(q, "org_id");
        snprintf(w->actor.scopes, sizeof w->actor.scopes, "%s", scopes ? scopes : query_text(q, "scopes"));
    }
    int rc = query_end(q);
    if (rc || !there)
        return unknown(w, "client");
    w->actor.client = client;
    return 0;
}

static int who_client(struct fhir_work *w, struct tx *tx)
{
    struct bearer b;
    if (!bearer_open(w->fhir, w->q.credential, w->now_ms, &b))
        return unknown(w, "bearer");
    return take_client(w, tx, b.client, b.scopes);
}

static int who_person(struct fhir_work *w, struct tx *tx)
{
    struct records_parts *parts = records_parts(w->records);
    struct access_session session;
    struct fault f;
    fault_clear(&f);
    int rc = access_session_find(tx, parts->access, w->q.credential, w->now_ms, &session, &f);
    if (rc || strcmp(session.stage, "ready"))
        return unknown(w, "no_session");
    w->actor.person = session.actor.person.v;
    w->actor.org = session.actor.org.v;
    w->actor.session = session.actor.session;
    w->actor.dept = session.actor.dept.v;
    w->actor.roles = session.actor.roles;
    if (w->q.by_cookie && !reads(w) && (strlen(w->q.csrf) != strlen(session.csrf) || !crypto_equal(w->q.csrf, session.csrf, strlen(session.csrf))))
        return fhir_fail(w, ERR_DENIED, "csrf", "The X-CSRF-Token header is missing or old.");
    snprintf(w->actor.scopes, sizeof w->actor.scopes, "%s %s", actor_may(w->records, &session.actor, "fhir.read") ? "system/*.read" : "",
             actor_may(w->records, &session.actor, "fhir.write") ? "system/*.write" : "");
    return 0;
}

static bool is_client(const struct fhir_work *w)
{
    return strncmp(w->q.credential, "f1.", 3) == 0;
}

/* A person's writes are not answered from it: their CSRF token is looked at. */
static bool may_be_known(const struct fhir_work *w)
{
    return w->known && (reads(w) || is_client(w));
}

static bool known(struct fhir_work *w)
{
    for (size_t i = 0; may_be_known(w) && i < w->known->n; i++)
        if (strcmp(w->known->of[i].credential, w->q.credential) == 0) {
            w->actor = w->known->of[i].actor;
            return true;
        }
    return false;
}

static void keep_known(struct fhir_work *w)
{
    if (!may_be_known(w) || w->known->n == FHIR_KNOWN)
        return;
    w->known->of[w->known->n].credential = w->q.credential;
    w->known->of[w->known->n++].actor = w->actor;
}

int fhir_who(struct fhir_work *w, struct tx *tx)
{
    if (!*w->q.credential)
        return unknown(w, "no_session");
    if (strcmp(w->q.credential, records_system_credential(w->records)) == 0) {
        if (w->q.as_client)
            return take_client(w, tx, w->q.as_client, NULL);
        w->actor.system = true;
        snprintf(w->actor.scopes, sizeof w->actor.scopes, "system/*.*");
        return 0;
    }
    if (known(w))
        return 0;
    int rc = is_client(w) ? who_client(w, tx) : who_person(w, tx);
    if (rc == 0)
        keep_known(w);
    return rc;
}

bool fhir_may(const struct fhir_work *w, const char *type, int what)
{
    return (scopes_rights(w->actor.scopes, type) & (unsigned)what) == (unsigned)what;
}

int fhir_need(struct fhir_work *w, const char *type, int what)
{
    if (fhir_may(w, type, what))
        return 0;
    return fhir_fail(w, ERR_DENIED, "scope", "This needs a scope that was not given: system/%s.", type);
}
