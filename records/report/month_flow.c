/* The workflow of a month's report: prepared by the system, checked, approved by somebody else, published. */
#include "records/report/month.h"

#define S(x) (UINT64_C(1) << MONTH_##x)
#define P(x) (UINT32_C(1) << MP_##x)
#define F(x) (UINT32_C(1) << MF_##x)
#define N(array) (uint8_t)(sizeof array / sizeof *array)

static const struct flow_state states[] = {
    [MONTH_DRAFT] = {{"DRAFT", "待核对", "To be checked"}, 0, MP_CHECKER},
    [MONTH_CHECKED] = {{"CHECKED", "待批准", "To be approved"}, 0, MP_APPROVER},
    [MONTH_APPROVED] = {{"APPROVED", "待发布", "To be published"}, 0, MP_CHECKER},
    [MONTH_FROZEN] = {{"FROZEN", "已发布，数字已固定", "Published, frozen"}, FLOW_TERMINAL, 255},
};

static const struct flow_event events[] = {
    [ME_CHECK] = {{"check", "核对无误，提交批准", "Checked, submit"}, "primary", ""},
    [ME_APPROVE] = {{"approve", "批准", "Approve"}, "primary", ""},
    [ME_RETURN] = {{"return", "退回", "Send back"}, "normal", "reason"},
    [ME_PUBLISH] = {{"publish", "发布", "Publish"}, "primary", ""},
};

/* Nobody approves what he checked: OWN holds when the one who asks is who checked it. Until it is published the approver may take it back. */
static const struct flow_rule rules[] = {
    {S(DRAFT), ME_CHECK, MONTH_CHECKED, P(CHECKER), .tell = P(APPROVER), .notice = "month.checked"},
    {S(CHECKED), ME_APPROVE, MONTH_APPROVED, P(APPROVER), .never = F(OWN), .tell = P(CHECKER), .notice = "month.approved"},
    {S(CHECKED) | S(APPROVED), ME_RETURN, MONTH_DRAFT, P(APPROVER), .tell = P(CHECKER), .notice = "month.returned"},
    {S(APPROVED), ME_PUBLISH, MONTH_FROZEN, P(CHECKER) | P(APPROVER)},
};

static const struct flow_label parties[] = {
    [MP_CHECKER] = {"checker", "核对人", "Checker"}, [MP_APPROVER] = {"approver", "批准人", "Approver"}, [MP_SYSTEM] = {"system", "系统", "System"}};
static const struct flow_label facts[] = {[MF_OWN] = {"own", "本人核对的月报", "checked by oneself"}};

const struct flow_def month_flow = {
    .name = "month",
    .title = {"month", "月报", "Report of a month"},
    .states = states, .events = events, .rules = rules, .parties = parties, .facts = facts,
    .n_states = N(states), .n_events = N(events), .n_rules = N(rules), .n_parties = N(parties), .n_facts = N(facts),
    .system_party = MP_SYSTEM, .expire_event = 255, .ladder = {255, 255, 255, 255},
};
