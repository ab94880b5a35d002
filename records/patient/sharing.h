/* sharing - whose records of one person an acting member of staff may read now, and on what ground.
 *
 * A person's local patients belong together when the index says so for certain: linked at registration or by a steward (policy
 * sharing.auto_links 0: by a steward alone), and nobody has called the link into question since - a pair that waits as "conflict" or was
 * reported by a doctor counts as strangers until a steward has decided.
 *
 * Grounds, the first that holds: OWN the actor's institution keeps the record; CASE he takes part in a case of this record or, where the patient did not
 * refuse, a case of another record of the person that was sent and is not over for more than a week (functions.md 3.8); CONSENT the patient allowed it, and the actor's institution
 * keeps a record of him; EMERGENCY he said why it cannot wait (emergency.c). A refusal closes linked cases and consent, never the house's own
 * records, the record the case itself is about, or an emergency. Runs inside operations.
 */
#ifndef YL_RECORDS_PATIENT_SHARING_H
#define YL_RECORDS_PATIENT_SHARING_H

#include "records/ops/op.h"

#define SHARE_MAX 64 /* local patients of one person that are looked at */

enum share_basis { SHARE_NONE, SHARE_OWN, SHARE_CASE, SHARE_CONSENT, SHARE_EMERGENCY };
const char *share_basis_word(enum share_basis basis); /* "none" "own" "case" "consent" "emergency" */

struct share_member {
    uint64_t patient, org;
    enum share_basis basis;
    bool refused; /* the patient said no */
    char how[12]; /* how the index came to it: new, auto, steward */
};
/* Every certain record of the person, the one asked about first; n >= 1. No access check of its own. ERR_NOT_FOUND when there is no such patient. */
YL_CHECKED int sharing_members(struct op_ctx *ctx, uint64_t patient, struct share_member out[SHARE_MAX], size_t *n);
/* Did the patient refuse that the actor's institution shares in this record of another one, and has nobody there another ground? Then no door tells of it: that he was there
 * is his affair. Also true when it cannot be found out. For a machine: the actor is its institution, without a person. */
bool sharing_hides(struct op_ctx *ctx, uint64_t patient);
/* The ground for this one record. */
YL_CHECKED int sharing_basis(struct op_ctx *ctx, uint64_t patient, enum share_basis *out);

/* ---- consent (consent.c) ---- */
enum share_word { CONSENT_SILENT, CONSENT_PERMIT, CONSENT_DENY };
struct share_consents { /* rows in force of one person */
    struct {
        uint64_t source, target; /* institutions; 0 = all */
        int64_t t_ms;
        enum share_word word;
    } row[512];
    size_t n;
};
/* Adds what was recorded with one local patient for a purpose ("treatment", "research", "teaching") and about an institution that wants to see, by name or as one of all. */
YL_CHECKED int consents_load(struct op_ctx *ctx, uint64_t patient, uint64_t target, const char *purpose, struct share_consents *out);
/* What holds between two institutions: the row that names more of them, of two as exact the newer. */
enum share_word consents_say(const struct share_consents *c, uint64_t source, uint64_t target);

/* Does the actor's emergency access to this local patient run now (emergency.c)? */
bool emergency_active(struct op_ctx *ctx, uint64_t patient);

extern const struct op consent_ops[];   /* consent.list record withdraw */
extern const struct op emergency_ops[]; /* patient.override overrides override_review */
#endif
