/* Every occasion on which a notice is written, and every act word it may name. [...] is left out when its value is empty. */
#include "records/notify/notify.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DUE_ZH "[，请于 {due} 前处理]"
#define DUE_EN "[, due {due}]"

const struct notify_template notify_templates[] = {
    /* the consultation, in the order of its life */
    {"case.submitted", "会诊申请 {number} 待审核" DUE_ZH, "Consultation request {number} awaits review" DUE_EN, true},
    {"case.returned", "会诊申请 {number} 被退回，请按清单修改后重新提交" DUE_ZH,
     "Consultation request {number} was returned with a list of items to correct" DUE_EN, true},
    {"case.reviewed", "会诊申请 {number} 已完成补审", "Retrospective review of consultation request {number} is complete", false},
    {"case.approved_home", "会诊申请 {number} 待分诊" DUE_ZH, "Consultation request {number} awaits triage" DUE_EN, true},
    {"case.triaged", "会诊 {number} 已分诊，待指派专家" DUE_ZH, "Consultation {number} has been triaged and awaits assignment" DUE_EN, true},
    {"case.redirected", "会诊申请 {number} 已转至贵院" DUE_ZH, "Consultation request {number} was redirected to your hospital" DUE_EN, true},
    {"case.need_material", "会诊 {number} 需要补充材料" DUE_ZH, "Consultation {number} needs more material" DUE_EN, true},
    {"case.material_supplied", "会诊 {number} 已补充材料" DUE_ZH, "Material was provided for consultation {number}" DUE_EN, true},
    {"case.declined", "会诊申请 {number} 未被受理，请查看原因与建议", "Consultation request {number} was declined; see the reason", false},
    {"case.assigned", "会诊 {number} 已指派给您，请确认" DUE_ZH, "Consultation {number} is assigned to you; please accept" DUE_EN, true},
    {"case.accepted", "会诊 {number} 专家已接受", "The expert accepted consultation {number}", false},
    {"case.expert_declined", "会诊 {number} 专家无法接受，请另行指派" DUE_ZH,
     "The expert cannot take consultation {number}; please assign another" DUE_EN, true},
    {"case.substituted", "会诊 {number} 已更换专家", "The expert for consultation {number} has changed", false},
    {"case.expert_lost", "会诊 {number} 原专家不能参加，正在另行安排" DUE_ZH,
     "The expert for consultation {number} is unavailable; another is being arranged" DUE_EN, true},
    {"case.scheduled", "会诊 {number} 已安排[，时间 {due}]", "Consultation {number} is scheduled[ for {due}]", false},
    {"case.rescheduled", "会诊 {number} 已改期[，新时间 {due}]", "Consultation {number} was rescheduled[ to {due}]", false},
    {"slot.offered", "会诊 {number} 有候补号源，请确认" DUE_ZH, "A slot is offered for consultation {number}; please respond" DUE_EN, true},
    {"slot.offer_over", "会诊 {number} 的候补号源逾期未确认，已让给下一位，仍在排队", "The slot offered for consultation {number} was not confirmed and went to the next in line; it stays on the waiting list", false},
    {"case.reminder", "会诊 {number} 即将开始[：{due}]", "Consultation {number} starts soon[: {due}]", false, "room"},
    {"case.room_open", "会诊 {number} 会诊室已开放，请进入", "The room of consultation {number} is open; please enter", false, "room"},
    {"case.late", "会诊 {number} 已到时间，其他各方正在等待", "Consultation {number} is due to start; the others are waiting", false, "room"},
    {"case.noshow", "会诊 {number} 专家未到，请处理" DUE_ZH, "The expert did not attend consultation {number}; please act" DUE_EN, true},
    {"case.interrupted", "会诊 {number} 已中断", "Consultation {number} was interrupted", false},
    {"case.offline_offered", "会诊 {number} 可转为离线继续", "Consultation {number} can be continued offline", false},
    {"case.cancel_offered", "会诊 {number} 补充资料已超时，可取消", "Material for consultation {number} is overdue; it may be cancelled", false},
    {"case.in_review", "会诊 {number} 专家正在阅读材料", "The expert is reviewing consultation {number}", false},
    {"case.verbal_note", "会诊 {number} 专家已给出口头意见，请查看", "The expert left a verbal note in consultation {number}", false},
    {"case.opinion_due", "会诊 {number} 待出具意见" DUE_ZH, "The opinion on consultation {number} is awaited" DUE_EN, true},
    {"case.member_signed", "会诊 {number} 有成员已签署意见", "A member signed an opinion on consultation {number}", false},
    {"case.opinion_signed", "会诊 {number} 意见书已签署，请阅读并确认" DUE_ZH,
     "The opinion on consultation {number} is signed; please read and acknowledge" DUE_EN, true},
    {"case.acknowledged", "会诊 {number} 申请方已确认意见", "The requester acknowledged the opinion on consultation {number}", false},
    {"case.evaluate", "会诊 {number} 待评价" DUE_ZH, "Consultation {number} awaits your evaluation" DUE_EN, true},
    {"case.evaluated", "会诊 {number} 已评价", "Consultation {number} was evaluated", false},
    {"case.closed", "会诊 {number} 已结束", "Consultation {number} is closed", false},
    {"case.addendum", "会诊 {number} 意见书有补充", "The opinion on consultation {number} has an addendum", false},
    {"case.cancelled", "会诊 {number} 已取消", "Consultation {number} was cancelled", false},
    {"case.expired", "会诊 {number} 已过期失效", "Consultation {number} expired", false},
    {"case.merged", "会诊 {number} 与另一申请重复，已合并", "Consultation {number} was merged into another request", false},
    {"case.message", "会诊 {number} 有新消息", "New message in consultation {number}", false},
    {"case.buzz", "会诊 {number} 有人正在紧急呼叫您", "You are called urgently in consultation {number}", false},
    {"case.document_added", "会诊 {number} 有新增资料", "New documents in consultation {number}", false},
    {"case.recording_ready", "会诊 {number} 录像可查看", "A recording of consultation {number} is ready", false},
    /* clocks: the holder first, then whoever the ladder names */
    {"case.due_soon", "会诊 {number} 即将到期[：{act}]" DUE_ZH, "Consultation {number} is nearly due[: {act}]" DUE_EN, true},
    {"case.overdue", "会诊 {number} 已超时[：{act}]，请立即处理", "Consultation {number} is overdue[: {act}]; please act now", true},
    {"case.escalated", "会诊 {number} 超时未处理[：{act}]，请督办", "Consultation {number} is overdue and was escalated to you[: {act}]", true},
    /* others */
    {"access.override", "会诊 {number} 有紧急调阅待复核" DUE_ZH,
     "Emergency access was used for {number}; please review" DUE_EN, true},
    {"patient.identity", "会诊 {number} 患者的主索引归属有变更，请核对其时间线", "The patient index link for consultation {number} has changed; please check the timeline", false},
    {"access.override_patient", "有医生紧急调阅了本院患者在其他机构的记录，请在期限内复核" DUE_ZH,
     "A doctor used emergency access to your patient's records at other institutions; please review" DUE_EN, true},
    {"month.made", "{number} 月报已生成，请核对", "The monthly reports for {number} are ready; please check them", true, "/reports"},
    {"month.checked", "{number} 月报已核对，请审阅批准", "The report for {number} has been checked and awaits approval", true, "/reports"},
    {"month.approved", "{number} 月报已批准，请发布", "The report for {number} has been approved; please publish it", true, "/reports"},
    {"month.returned", "{number} 月报被退回，请查看原因后重新核对", "The report for {number} was returned; see the reason", true, "/reports"},
    {"alarm.opened", "指标报警 {number} 待处理[：{what}，{beyond}界限 {limit}][，{since} 起]", "Alarm {number} needs attention[: {what}, {beyond} the limit of {limit}][, since {since}]", true, "/alarms"},
    {"alarm.closed", "指标报警 {number} 已恢复正常，自动关闭[：{what}，界限 {limit}]", "Alarm {number} has closed: back within the limit[: {what}, limit {limit}]", false,
     "/alarms"},
    {"research.submitted", "科研数据申请 {number} 待审批", "Application {number} for research data awaits approval", true, "/research"},
    {"research.returned", "科研数据申请 {number} 被退回，请修改后重新提交", "Application {number} for research data was returned for correction", true, "/research"},
    {"research.approved", "科研数据申请 {number} 已批准，正在制作", "Research data application {number} was approved; the data set is being prepared", false, "/research"},
    {"research.refused", "科研数据申请 {number} 未获批准，请查看原因", "Application {number} for research data was refused; see the reason", false, "/research"},
    {"research.revoked", "科研数据申请 {number} 的批准已撤销，数据已删除", "The approval of {number} was revoked; the data set is deleted", false, "/research"},
    {"research.ready", "科研数据 {number} 可以下载", "Research data {number} are ready", false, "/research"},
    {"research.failed", "科研数据 {number} 未能制作，请查看原因", "Research data {number} could not be made; see the reason", true, "/research"},
    {"research.expired", "科研数据 {number} 已到期删除，请删除您保存的副本", "Research data {number} expired and are deleted; delete your copies", false, "/research"},
    {"account.changed", "您的账号安全设置已变更，如非本人操作请联系管理员",
     "Your account's security settings changed; contact the administrator if it was not you", false},
    {0},
};

const struct notify_act notify_acts[] = {
    {"submit", "提交申请", "submit"},
    {"resubmit", "修改后重新提交", "correct and resubmit"},
    {"approve_home", "本院审核", "home review"},
    {"triage", "分诊", "triage"},
    {"assign", "指派专家", "assign an expert"},
    {"accept", "确认接受", "accept"},
    {"schedule", "安排时间", "schedule"},
    {"supply_material", "补充材料", "supply material"},
    {"start", "开始会诊", "start"},
    {"resume", "恢复会诊", "resume"},
    {"begin_review", "阅读材料", "begin the review"},
    {"sign_opinion", "出具并签署意见", "sign the opinion"},
    {"acknowledge", "确认意见", "acknowledge the opinion"},
    {"evaluate", "评价", "evaluate"},
    {"close", "结束归档", "close"},
    {"post_review", "补审", "review afterwards"},
    {"confirm", "确认", "confirm"},
    {0},
};

const struct notify_template *notify_template_find(const char *id)
{
    for (const struct notify_template *t = notify_templates; id && t->id; t++)
        if (strcmp(t->id, id) == 0)
            return t;
    return NULL;
}

const char *notify_page(const struct notify_template *t, struct case_id case_id, char out[NOTIFY_PAGE_BYTES])
{
    char id[ID_TEXT_BYTES];
    if (!t->page || t->page[0] == '/' || !case_id.v)
        return t->page && t->page[0] == '/' ? t->page : NULL;
    id_format(case_id.v, id);
    snprintf(out, NOTIFY_PAGE_BYTES, "/cases/%s/%s", id, t->page);
    return out;
}

static const struct notify_act *act_find(const char *word)
{
    for (const struct notify_act *a = notify_acts; word && a->word; a++)
        if (strcmp(a->word, word) == 0)
            return a;
    return NULL;
}

bool notify_act_known(const char *word)
{
    return act_find(word) != NULL;
}

/* ---- filling in ---- */

struct values {
    const char *number, *act;
    char due[48], since[48];
    struct notify_figure_words figure;
};

static const char *value_of(const struct values *v, const char *name, size_t len)
{
    const struct { const char *name, *value; } all[] = {{"number", v->number},      {"act", v->act},       {"due", v->due}, {"what", v->figure.what}, {"beyond", v->figure.beyond},
                                                        {"limit", v->figure.limit}, {"since", v->since}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strlen(all[i].name) == len && memcmp(all[i].name, name, len) == 0)
            return all[i].value;
    return "";
}

/* Appends one stretch (outside or inside brackets); false when a value in it is empty. */
static bool fill(const struct values *v, const char *from, const char *to, char *out, size_t cap)
{
    size_t n = strlen(out);
    bool whole = true;
    while (from < to) {
        const char *piece = from;
        size_t len = 1;
        const char *close = *from == '{' ? memchr(from, '}', (size_t)(to - from)) : NULL;
        if (close) {
            piece = value_of(v, from + 1, (size_t)(close - from - 1));
            len = strlen(piece);
            whole = whole && len;
            from = close + 1;
        } else
            from++;
        if (n + len < cap) {
            memcpy(out + n, piece, len);
            n += len;
            out[n] = 0;
        }
    }
    return whole;
}

static void due_text(int64_t due_ms, int zone_min, bool zh, char *out, size_t cap)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t t = (time_t)(due_ms / 1000 + (int64_t)zone_min * 60);
    struct tm tm;
    out[0] = 0;
    if (due_ms <= 0 || !gmtime_r(&t, &tm))
        return;
    if (zh)
        snprintf(out, cap, "%d月%d日 %02d:%02d", tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min);
    else
        snprintf(out, cap, "%d %s %02d:%02d", tm.tm_mday, months[tm.tm_mon], tm.tm_hour, tm.tm_min);
}

void notify_text(const struct notify_template *t, const struct notify_about *about, const char *language, int zone_min, char out[NOTIFY_TEXT_BYTES])
{
    bool zh = strcmp(language, "en") != 0;
    const struct notify_act *act = act_find(about->act);
    struct values v = {.number = about->case_number ? about->case_number : "", .act = act ? (zh ? act->zh : act->en) : "", .figure.beyond = ""};
    due_text(about->due_ms, zone_min, zh, v.due, sizeof v.due);
    if (about->figure) {
        due_text(about->figure->since_ms, zone_min, zh, v.since, sizeof v.since);
        notify_figure_words(about->figure, zh, &v.figure);
    }
    out[0] = 0;
    for (const char *p = zh ? t->zh : t->en; *p;) {
        size_t plain = strcspn(p, "[");
        fill(&v, p, p + plain, out, NOTIFY_TEXT_BYTES);
        p += plain;
        if (*p != '[')
            break;
        const char *close = strchr(p, ']');
        size_t before = strlen(out);
        if (!fill(&v, p + 1, close, out, NOTIFY_TEXT_BYTES))
            out[before] = 0;
        p = close + 1;
    }
}
