/* The workflow of an application. */
#include "records/research/research_private.h"

#define S(x) (UINT64_C(1) << R_##x)
#define P(x) (UINT32_C(1) << RP_##x)
#define F(x) (UINT32_C(1) << RF_##x)
#define N(array) (uint8_t)(sizeof array / sizeof *array)

static const struct flow_state states[] = {
    [R_DRAFT] = {{"DRAFT", "草稿", "Draft"}, 0, RP_APPLICANT},
    [R_SUBMITTED] = {{"SUBMITTED", "待审批", "Awaiting approval"}, 0, RP_APPROVER},
    [R_RETURNED] = {{"RETURNED", "退回修改", "Returned for correction"}, 0, RP_APPLICANT},
    [R_APPROVED] = {{"APPROVED", "已批准，数据制作中", "Approved, being made"}, 0, RP_SYSTEM},
    [R_READY] = {{"READY", "可下载", "Ready"}, 0, RP_APPLICANT},
    [R_FAILED] = {{"FAILED", "未能制作", "Could not be made"}, 0, RP_APPLICANT},
    [R_REFUSED] = {{"REFUSED", "未批准", "Refused"}, FLOW_TERMINAL, 255},
    [R_WITHDRAWN] = {{"WITHDRAWN", "已撤回", "Withdrawn"}, FLOW_TERMINAL, 255},
    [R_REVOKED] = {{"REVOKED", "批准已撤销", "Approval revoked"}, FLOW_TERMINAL, 255},
    [R_EXPIRED] = {{"EXPIRED", "已到期，数据已删除", "Expired, data deleted"}, FLOW_TERMINAL, 255},
};

static const struct flow_event events[] = {
    [RE_SUBMIT] = {{"submit", "提交审批", "Submit"}, "primary", ""},
    [RE_APPROVE] = {{"approve", "批准", "Approve"}, "primary", ""},
    [RE_RETURN] = {{"return", "退回修改", "Return"}, "normal", "reason"},
    [RE_REFUSE] = {{"refuse", "不批准", "Refuse"}, "danger", "reason"},
    [RE_RETRY] = {{"retry", "重新制作", "Make it again"}, "primary", ""},
    [RE_WITHDRAW] = {{"withdraw", "撤回申请", "Withdraw"}, "danger", ""},
    [RE_REVOKE] = {{"revoke", "撤销批准", "Revoke the approval"}, "danger", "reason"},
    [RE_MADE] = {{"made", "制作完成", "Made"}, "normal", "", FLOW_HIDDEN},
    [RE_FAIL] = {{"fail", "制作失败", "Failed"}, "normal", "", FLOW_HIDDEN},
    [RE_EXPIRE] = {{"expire", "到期", "Expire"}, "normal", "", FLOW_HIDDEN},
};

/* Nobody decides on his own application: OWN holds when the one who asks is its applicant. Whoever may approve may also stop what was approved,
 * his own included: stopping lets nothing out. */
static const struct flow_rule rules[] = {
    {S(DRAFT) | S(RETURNED), RE_SUBMIT, R_SUBMITTED, P(APPLICANT), .tell = P(APPROVER), .notice = "research.submitted"},
    {S(SUBMITTED), RE_APPROVE, R_APPROVED, P(APPROVER), .never = F(OWN), .tell = P(APPLICANT), .notice = "research.approved"},
    {S(SUBMITTED), RE_RETURN, R_RETURNED, P(APPROVER), .never = F(OWN), .tell = P(APPLICANT), .notice = "research.returned"},
    {S(SUBMITTED), RE_REFUSE, R_REFUSED, P(APPROVER), .never = F(OWN), .tell = P(APPLICANT), .notice = "research.refused"},
    {S(FAILED), RE_RETRY, R_APPROVED, P(APPLICANT)},
    {S(DRAFT) | S(SUBMITTED) | S(RETURNED) | S(APPROVED) | S(READY) | S(FAILED), RE_WITHDRAW, R_WITHDRAWN, P(APPLICANT)},
    {S(APPROVED) | S(READY) | S(FAILED), RE_REVOKE, R_REVOKED, P(APPROVER), .tell = P(APPLICANT), .notice = "research.revoked"},
    {S(APPROVED), RE_MADE, R_READY, P(SYSTEM), .tell = P(APPLICANT), .notice = "research.ready"},
    {S(APPROVED), RE_FAIL, R_FAILED, P(SYSTEM), .tell = P(APPLICANT), .notice = "research.failed"},
    {S(APPROVED) | S(READY) | S(FAILED), RE_EXPIRE, R_EXPIRED, P(SYSTEM), .tell = P(APPLICANT), .notice = "research.expired"},
};

static const struct flow_label parties[] = {
    [RP_APPLICANT] = {"applicant", "申请人", "Applicant"}, [RP_APPROVER] = {"approver", "审批人", "Approver"}, [RP_SYSTEM] = {"system", "系统", "System"}};
static const struct flow_label facts[] = {[RF_OWN] = {"own", "本人的申请", "one's own application"}};

const struct flow_def research_flow = {
    .name = "research",
    .title = {"research", "科研数据导出", "Data for research"},
    .states = states, .events = events, .rules = rules, .parties = parties, .facts = facts,
    .n_states = N(states), .n_events = N(events), .n_rules = N(rules), .n_parties = N(parties), .n_facts = N(facts),
    .system_party = RP_SYSTEM, .expire_event = 255, .ladder = {255, 255, 255, 255},
};
