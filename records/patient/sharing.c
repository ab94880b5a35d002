/* The ground on which a record is open (sharing.h). */
#include "records/patient/sharing.h"
#include "records/work/consultation.h"
#include "records/work/policy.h"
#include <stdio.h>
#include <string.h>

const char *share_basis_word(enum share_basis basis)
{
    static const char *const words[] = {"none", "own", "case", "consent", "emergency"};
    return words[basis];
}

/* A link somebody doubts counts for nothing until it is decided. Of a reported pair the reported one steps aside, of a contradiction both. */
#define DOUBTED(who)                                                                                                                              \
    "EXISTS (SELECT 1 FROM mpi_task t WHERE t.patient_id=" who ".patient_id AND t.state IN ('open','later') AND t.why IN ('conflict','reported')) "  \
    "OR EXISTS (SELECT 1 FROM mpi_task t WHERE t.other_id=" who ".patient_id AND t.state IN ('open','later') AND t.why='conflict')"

static int load_others(struct op_ctx *ctx, struct share_member out[SHARE_MAX], size_t *n)
{
    int64_t by_machine = work_policy_int(ctx, "sharing.auto_links");
    struct query *q = tx_query(ctx->tx,
                               "SELECT m.patient_id, m.how, p.org_id FROM mpi_member s JOIN mpi_member m ON m.person_id=s.person_id JOIN patient p ON "
                               "p.id=m.patient_id WHERE s.patient_id=$1 AND m.patient_id<>$1 AND ($2=1 OR (m.how<>'auto' AND s.how<>'auto')) AND NOT (" DOUBTED(
                                   "m") ") AND NOT (" DOUBTED("s") ") ORDER BY m.patient_id LIMIT $3",
                               "iii", (int64_t)out[0].patient, by_machine, (int64_t)SHARE_MAX - 1);
    for (; query_next(q); (*n)++) {
        out[*n] = (struct share_member){.patient = (uint64_t)query_int(q, "patient_id"), .org = (uint64_t)query_int(q, "org_id")};
        snprintf(out[*n].how, sizeof out[*n].how, "%s", query_text(q, "how"));
    }
    return query_end(q);
}

static int load_first(struct op_ctx *ctx, uint64_t patient, struct share_member *out)
{
    *out = (struct share_member){.patient = patient};
    struct query *q = tx_query(ctx->tx, "SELECT p.org_id, m.how FROM patient p LEFT JOIN mpi_member m ON m.patient_id=p.id WHERE p.id=$1", "i", (int64_t)patient);
    bool found = query_next(q);
    if (found) {
        out->org = (uint64_t)query_int(q, "org_id");
        snprintf(out->how, sizeof out->how, "%s", query_text(q, "how") ? query_text(q, "how") : "new");
    }
    int rc = query_end(q);
    return rc ? rc : found ? 0 : fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such patient.");
}

struct grounds { /* what the actor has with the person as a whole */
    bool own, in_case, emergency;
};

static struct grounds look_for_grounds(struct op_ctx *ctx, struct share_member *m, size_t n)
{
    struct grounds g = {0};
    for (size_t i = 0; i < n; i++) {
        m[i].basis = m[i].org == ctx->actor->org.v && m[i].org                                ? SHARE_OWN
                     : consultation_grants_patient(ctx, (struct patient_id){m[i].patient}) ? SHARE_CASE
                                                                                            : SHARE_NONE;
        g.own = g.own || m[i].basis == SHARE_OWN;
        g.in_case = g.in_case || consultation_opens_person(ctx, (struct patient_id){m[i].patient});
        g.emergency = g.emergency || emergency_active(ctx, m[i].patient);
    }
    return g;
}

static enum share_basis ground_for(const struct grounds *g, enum share_word word, bool consent_needed)
{
    if (word != CONSENT_DENY && g->in_case && (word == CONSENT_PERMIT || !consent_needed))
        return SHARE_CASE;
    if (word == CONSENT_PERMIT && g->own)
        return SHARE_CONSENT;
    return g->emergency ? SHARE_EMERGENCY : SHARE_NONE;
}

int sharing_members(struct op_ctx *ctx, uint64_t patient, struct share_member out[SHARE_MAX], size_t *n)
{
    struct share_consents consents = {0};
    *n = 1;
    int rc = load_first(ctx, patient, &out[0]);
    rc = rc ? rc : load_others(ctx, out, n);
    for (size_t i = 0; rc == 0 && i < *n; i++)
        rc = consents_load(ctx, out[i].patient, ctx->actor->org.v, "treatment", &consents);
    if (rc)
        return rc;
    bool consent_needed = work_policy_int(ctx, "sharing.needs_consent") != 0;
    struct grounds g = look_for_grounds(ctx, out, *n);
    for (size_t i = 0; i < *n; i++) {
        enum share_word word = consents_say(&consents, out[i].org, ctx->actor->org.v);
        out[i].refused = word == CONSENT_DENY;
        if (out[i].basis == SHARE_NONE)
            out[i].basis = ground_for(&g, word, consent_needed);
    }
    return tx_error(ctx->tx);
}

/* Mostly nobody of the person's records has a refusal, and nothing more is asked. */
static bool refuses_somebody(struct op_ctx *ctx, uint64_t patient)
{
    return tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM mpi_member a JOIN mpi_member b ON b.person_id=a.person_id JOIN share_consent c ON c.patient_id=b.patient_id "
                              "WHERE a.patient_id=$1 AND c.decision='deny' AND c.withdrawn_ms=0", "i", (int64_t)patient) > 0;
}

bool sharing_hides(struct op_ctx *ctx, uint64_t patient)
{
    struct share_member members[SHARE_MAX];
    size_t n = 0;
    if (!ctx->actor->org.v || !refuses_somebody(ctx, patient))
        return tx_error(ctx->tx) != 0;
    return sharing_members(ctx, patient, members, &n) || (members[0].basis == SHARE_NONE && members[0].refused);
}

int sharing_basis(struct op_ctx *ctx, uint64_t patient, enum share_basis *out)
{
    struct share_member members[SHARE_MAX];
    size_t n;
    *out = SHARE_NONE;
    int rc = sharing_members(ctx, patient, members, &n);
    if (rc == 0)
        *out = members[0].basis;
    return rc;
}
