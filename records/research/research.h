/* research - data for research (科研数据导出): an application with purpose, ethics approval, cohort, fields and expiry; somebody else of the
 * consortium decides; what is approved is made in the background, pseudonymised and k-checked, and is the applicant's to fetch until it expires.
 *
 * What leaves (GB/T 37964-2019; Personal Information Protection Law art. 28, 51, 73): one row a person with coarsened quasi-identifiers, each
 * combination shared by at least k persons (kanon.h), and rows of events on days counted from the person's own first diagnosis. Pseudonyms are
 * HMACs under a key made for that one run, which lives in memory alone and is wiped: nobody, this house included, finds the way back, and two
 * projects' files cannot be joined. No free text, no number, name, date or place of a person. Codes that fewer than k persons have are coarsened
 * or left out, measured values capped at the k-th extreme. Who refused research use is not in it; for whom is, "who saw my record" says so.
 *
 * Threads: operations as every operation; the run in the background's round alone, in slices.
 */
#ifndef YL_RECORDS_RESEARCH_RESEARCH_H
#define YL_RECORDS_RESEARCH_RESEARCH_H

#include "records/flow/flow.h"
#include "records/ops/op.h"

extern const struct op research_ops[];
extern const struct flow_def research_flow; /* docs/workflows/research.md */

struct research; /* the run that goes on, if one does */
YL_CHECKED int research_open(struct research **out); /* ERR_UNAVAILABLE */
void research_close(struct research *s); /* what it was making is begun again at the next start */
/* One round in the background: ends what expired, goes on with what was approved, about 200 ms. */
void research_background(struct records *r, int64_t now_ms);
#endif
