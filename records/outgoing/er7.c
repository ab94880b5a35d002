/* The messages (HL7 v2.5.1 chapters 3, 9, 10 and 11). Trailing empty fields are not written. */
#include "records/outgoing/er7_private.h"
#include "server/base/crypto.h"
#include "server/base/err.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct er7_code role_from = {"RP", "Referring Provider", "HL70286"}, role_to = {"RT", "Referred to Provider", "HL70286"};

/* MSH-15 and MSH-16 stay empty: original mode, one answer. */
static void put_head(struct hl7_writer *w, const struct er7_thing *t, const struct er7_to *to, const char *type)
{
    hl7_puts(w, "MSH|^~\\&|" ER7_US "|" ER7_US);
    er7_put(w, to->application);
    er7_put(w, to->facility);
    er7_put_ms(w, t->now_ms);
    hl7_puts(w, "||");
    hl7_puts(w, type);
    er7_put(w, t->control);
    hl7_puts(w, "|P|2.5.1|||||CHN|");
    hl7_puts(w, hl7_charset_word(to->charset));
    hl7_puts(w, "\r");
}

static int64_t changed_ms(const struct er7_thing *t)
{
    int64_t ms = er7_ms(er7_text(json_object_get(t->body, "meta"), "lastUpdated"));
    return ms ? ms : t->now_ms;
}

static void put_event(struct hl7_writer *w, const struct er7_thing *t)
{
    hl7_puts(w, "EVN|");
    er7_put_ms(w, changed_ms(t));
    hl7_puts(w, "\r");
}

static void put_note(struct hl7_writer *w, int64_t n, const char *text, struct er7_code type)
{
    hl7_puts(w, "NTE");
    er7_put_int(w, n);
    er7_skip(w, 1);
    er7_put(w, text);
    if (type.code[0])
        er7_put_code(w, type);
    hl7_puts(w, "\r");
}

static const char *case_number(const struct er7_thing *t)
{
    return er7_first(t->body, "identifier", "value");
}

/* ---- persons: chapter 3 ---- */

static void put_person(struct hl7_writer *w, const struct er7_thing *t, const struct er7_to *to)
{
    bool joined = t->act == ER7_JOINED;
    put_head(w, t, to, joined ? "ADT^A40^ADT_A39" : t->act == ER7_NEW ? "ADT^A28^ADT_A05" : "ADT^A31^ADT_A05");
    put_event(w, t);
    er7_put_pid(w, t->body);
    if (joined) {
        hl7_puts(w, "MRG|");
        hl7_put_text(w, t->name);
        hl7_puts(w, "^^^" ER7_US "^PI\r");
    } else
        hl7_puts(w, "PV1|1|N\r"); /* required; N = not applicable */
}

/* ---- referrals: chapter 11 ---- */

struct word {
    const char *ours, *code, *text;
};
static struct er7_code word_of(const struct word *list, const char *ours, const char *system)
{
    while (list->ours && strcmp(list->ours, ours))
        list++;
    return (struct er7_code){list->code, list->text, system};
}

/* Tables 0283 and 0280; the last row is everything else. */
static const struct word request_states[] = {{"completed", "A", "Accepted"}, {"revoked", "R", "Rejected"}, {NULL, "P", "Pending"}};
static const struct word task_states[] = {{"accepted", "A", "Accepted"},  {"in-progress", "A", "Accepted"}, {"completed", "A", "Accepted"}, {"rejected", "R", "Rejected"},
                                          {"cancelled", "R", "Rejected"}, {"failed", "E", "Expired"},       {NULL, "P", "Pending"}};
static const struct word priorities[] = {{"stat", "S", "STAT"}, {"urgent", "A", "ASAP"}, {NULL, "R", "Routine"}};

/* What REF and RRI have in common: RF1, who asks, who is asked, the patient. */
static void put_referral(struct hl7_writer *w, const struct er7_thing *t, const struct word *states, const json_t *performers)
{
    const json_t *kind = json_object_get(t->body, "code"), *one;
    size_t i;
    hl7_puts(w, "RF1");
    er7_put_code(w, word_of(states, er7_text(t->body, "status"), "HL70283"));
    er7_put_code(w, word_of(priorities, er7_text(t->body, "priority"), "HL70280"));
    er7_put_code(w, er7_concept(kind));
    er7_put_code(w, (struct er7_code){"WR", "Send Written Report", "HL70282"});
    er7_skip(w, 1);
    er7_put_ei(w, case_number(t));
    er7_put_ms(w, er7_ms(er7_text(t->body, "authoredOn")));
    er7_skip(w, 1);
    er7_put_ms(w, changed_ms(t));
    er7_put_code(w, (struct er7_code){"S", "Second Opinion", "HL70336"});
    hl7_puts(w, "\r");
    er7_put_provider(w, role_from, json_object_get(t->body, "requester"));
    json_array_foreach(performers, i, one) er7_put_provider(w, role_to, one);
    er7_put_pid(w, t->patient);
}

static void put_request(struct hl7_writer *w, const struct er7_thing *t, const struct er7_to *to)
{
    const json_t *one;
    size_t i;
    bool over = er7_is(t->body, "status", "revoked");
    put_head(w, t, to, over ? "REF^I14^REF_I12" : t->act == ER7_NEW ? "REF^I12^REF_I12" : "REF^I13^REF_I12");
    put_referral(w, t, request_states, json_object_get(t->body, "performer"));
    json_array_foreach(json_object_get(t->body, "reasonCode"), i, one)
    {
        hl7_puts(w, "DG1");
        er7_put_int(w, (int64_t)i + 1);
        er7_skip(w, 1);
        er7_put_code(w, er7_concept(one));
        er7_skip(w, 2);
        er7_put(w, "W"); /* DG1-6: working */
        hl7_puts(w, "\r");
    }
    json_array_foreach(json_object_get(t->body, "note"), i, one) put_note(w, (int64_t)i + 1, er7_text(one, "text"), (struct er7_code){"question", "会诊目的", ER7_CODES});
}

static void put_state(struct hl7_writer *w, const struct er7_thing *t, const struct er7_to *to)
{
    const json_t *state = json_object_get(t->body, "businessStatus"), *owner = json_object_get(t->body, "owner");
    json_t *performers = json_array();
    if (json_is_object(owner))
        json_array_append(performers, (json_t *)owner);
    put_head(w, t, to, "RRI^I12^RRI_I12");
    put_referral(w, t, task_states, performers);
    put_note(w, 1, er7_text(state, "text"), (struct er7_code){er7_first(state, "coding", "code"), er7_first(state, "coding", "display"), ER7_CODES});
    json_decref(performers);
}

/* ---- appointments: chapter 10 ---- */

/* Table 0278. */
static const struct word appointment_states[] = {{"booked", "Booked", "预约已确认"},   {"arrived", "Started", "会诊进行中"}, {"fulfilled", "Complete", "会诊已完成"},
                                                 {"cancelled", "Cancelled", "已取消"}, {"noshow", "Noshow", "未到场"},       {NULL, "Pending", "待确认"}};

static const json_t *participant(const struct er7_thing *t, size_t n)
{
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(t->body, "participant"), i, one)
        if (er7_is_person(json_object_get(one, "actor")) && n-- == 0)
            return json_object_get(one, "actor");
    return NULL;
}

static void put_length(struct hl7_writer *w, const struct er7_thing *t)
{
    const json_t *minutes = json_object_get(t->body, "minutesDuration");
    if (minutes)
        er7_put_int(w, json_integer_value(minutes));
    else
        er7_skip(w, 1);
    er7_put_code(w, (struct er7_code){minutes ? "min" : "", minutes ? "minute" : "", "UCUM"});
}

/* SCH-11: TQ.4 start, TQ.5 end, for those who do not read TQ1. */
static void put_timing(struct hl7_writer *w, int64_t start_ms, int64_t end_ms)
{
    hl7_puts(w, "|");
    if (!start_ms || !end_ms)
        return;
    hl7_puts(w, "^^^");
    hl7_put_time(w, start_ms, ER7_ZONE_MIN);
    hl7_puts(w, "^");
    hl7_put_time(w, end_ms, ER7_ZONE_MIN);
}

static void put_schedule(struct hl7_writer *w, const struct er7_thing *t)
{
    const json_t *who = participant(t, 0), *expert = participant(t, 1);
    hl7_puts(w, "SCH");
    er7_put_ei(w, case_number(t));
    er7_put_ei(w, t->name);
    er7_skip(w, 3);
    er7_put_code(w, (struct er7_code){"consultation", "远程会诊", ER7_CODES}); /* SCH-6, required */
    er7_skip(w, 2);
    put_length(w, t);
    put_timing(w, er7_ms(er7_text(t->body, "start")), er7_ms(er7_text(t->body, "end")));
    er7_skip(w, 4);
    er7_put_person(w, expert ? expert : who); /* SCH-16, required */
    er7_skip(w, 3);
    er7_put_person(w, who); /* SCH-20, required */
    er7_skip(w, 4);
    er7_put_code(w, word_of(appointment_states, er7_text(t->body, "status"), "HL70278"));
    er7_put_ei(w, case_number(t));
    hl7_puts(w, "\rTQ1|1");
    er7_skip(w, 5);
    er7_put_ms(w, er7_ms(er7_text(t->body, "start")));
    er7_put_ms(w, er7_ms(er7_text(t->body, "end")));
    int64_t priority = json_integer_value(json_object_get(t->body, "priority"));
    er7_put(w, priority == 1 ? "S" : priority == 3 ? "A" : "R");
    hl7_puts(w, "\r");
}

static void put_resources(struct hl7_writer *w, const struct er7_thing *t)
{
    const json_t *one;
    hl7_puts(w, "RGS|1\rAIS|1|");
    er7_put_code(w, (struct er7_code){"consultation", "远程会诊", ER7_CODES});
    er7_put_ms(w, er7_ms(er7_text(t->body, "start")));
    er7_skip(w, 2);
    put_length(w, t);
    hl7_puts(w, "\r");
    for (size_t i = 0; (one = participant(t, i)); i++) {
        hl7_puts(w, "AIP");
        er7_put_int(w, (int64_t)i + 1);
        er7_skip(w, 1);
        er7_put_person(w, one);
        er7_put_code(w, i ? (struct er7_code){"expert", "会诊专家", ER7_CODES} : (struct er7_code){"applicant", "申请医生", ER7_CODES});
        hl7_puts(w, "\r");
    }
}

static void put_appointment(struct hl7_writer *w, const struct er7_thing *t, const struct er7_to *to)
{
    bool over = er7_is(t->body, "status", "cancelled");
    put_head(w, t, to, over ? "SIU^S15^SIU_S12" : t->act == ER7_NEW ? "SIU^S12^SIU_S12" : t->act == ER7_MOVED ? "SIU^S13^SIU_S12" : "SIU^S14^SIU_S12");
    put_schedule(w, t);
    if (t->patient) /* the group is optional */
        er7_put_pid(w, t->patient);
    put_resources(w, t);
}

/* ---- opinions: chapter 9 ---- */

static const char *part_of(const json_t *output)
{
    return er7_first(json_object_get(output, "type"), "coding", "code");
}

/* Who signed, each once; what follows each of them is when. */
static size_t signers(const struct er7_thing *t, const json_t **who, int64_t *when_ms, size_t cap)
{
    const json_t *one;
    size_t i, n = 0;
    json_array_foreach(json_object_get(t->body, "output"), i, one)
    {
        if (n < cap && strcmp(part_of(one), "signed-by") == 0)
            who[n++] = json_object_get(one, "valueReference");
        else if (n && strcmp(part_of(one), "signed-at") == 0)
            when_ms[n - 1] = er7_ms(er7_text(one, "valueInstant"));
    }
    return n;
}

static void put_document_number(struct hl7_writer *w, const struct er7_thing *t, int64_t seq)
{
    char number[ER7_NAME_BYTES];
    snprintf(number, sizeof number, "%s-%lld", t->name, (long long)seq);
    er7_put_ei(w, seq ? number : "");
}

#define SIGNERS_MAX 8

static void put_txa(struct hl7_writer *w, const struct er7_thing *t)
{
    const json_t *who[SIGNERS_MAX];
    int64_t when_ms[SIGNERS_MAX] = {0};
    size_t n = signers(t, who, when_ms, SIGNERS_MAX);
    int64_t last_ms = n && when_ms[n - 1] ? when_ms[n - 1] : changed_ms(t);
    hl7_puts(w, "TXA|1");
    er7_put_code(w, (struct er7_code){"CN", "Consultation", "HL70270"});
    er7_put(w, "TX");
    er7_put_ms(w, last_ms);
    if (n)
        er7_put_person(w, who[0]);
    else
        er7_skip(w, 1);
    er7_put_ms(w, last_ms);
    er7_skip(w, 2);
    er7_skip(w, 1);
    for (size_t i = 0; i < n; i++) {
        hl7_puts(w, i ? "~" : "");
        er7_add_person(w, who[i]);
    }
    er7_skip(w, 2);
    put_document_number(w, t, t->seq);
    put_document_number(w, t, t->act == ER7_NEW ? 0 : t->before);
    er7_put_ei(w, case_number(t));
    er7_skip(w, 2);
    er7_put(w, n ? "LA" : "AU"); /* TXA-17, table 0271: legally authenticated */
    er7_skip(w, 1);
    er7_put(w, "AV");
    hl7_puts(w, "\r");
}

struct part {
    const char *code, *text, *kind;
};
static const struct part parts[] = {{"findings", "病情分析", "TX"}, {"diagnosis", "会诊诊断", "CE"}, {"answer", "会诊答复", "TX"}, {"recommendation", "诊疗建议", "TX"}, {"transfer-advised", "建议转诊", "ID"}};
#define PARTS (sizeof parts / sizeof *parts)

/* OBX-4 tells those of one kind apart. */
static void put_observations(struct hl7_writer *w, const struct er7_thing *t)
{
    int64_t n = 0, count[PARTS] = {0};
    const json_t *one;
    size_t i, k;
    json_array_foreach(json_object_get(t->body, "output"), i, one)
    {
        for (k = 0; k < PARTS && strcmp(parts[k].code, part_of(one)); k++)
            ;
        if (k == PARTS)
            continue;
        hl7_puts(w, "OBX");
        er7_put_int(w, ++n);
        er7_put(w, parts[k].kind);
        er7_put_code(w, (struct er7_code){parts[k].code, parts[k].text, ER7_CODES});
        er7_put_int(w, ++count[k]);
        if (parts[k].kind[0] == 'C')
            er7_put_code(w, er7_concept(json_object_get(one, "valueCodeableConcept")));
        else if (parts[k].kind[0] == 'I')
            er7_put(w, json_is_true(json_object_get(one, "valueBoolean")) ? "Y" : "N");
        else
            er7_put(w, er7_text(one, "valueString"));
        er7_skip(w, 5);
        er7_put(w, "F");
        hl7_puts(w, "\r");
    }
}

static void put_report(struct hl7_writer *w, const struct er7_thing *t, const struct er7_to *to)
{
    put_head(w, t, to, t->act == ER7_NEW ? "MDM^T02^MDM_T02" : "MDM^T10^MDM_T02");
    put_event(w, t);
    er7_put_pid(w, t->patient);
    hl7_puts(w, "PV1|1|N\r");
    put_txa(w, t);
    put_observations(w, t);
}

/* ---- which ---- */

int er7_compose(const struct er7_thing *t, const struct er7_to *to, struct hl7_writer *out)
{
    if (strcmp(t->type, "Patient") == 0)
        put_person(out, t, to);
    else if (strcmp(t->type, "ServiceRequest") == 0)
        put_request(out, t, to);
    else if (strcmp(t->type, "Task") == 0)
        (t->report ? put_report : put_state)(out, t, to);
    else if (strcmp(t->type, "Appointment") == 0)
        put_appointment(out, t, to);
    else
        return ERR_INTERNAL;
    if (out->failed || to->charset == HL7_UTF8)
        return out->failed ? ERR_UNAVAILABLE : 0;
    size_t len;
    char *bytes = hl7_encode(to->charset, out->bytes, out->len, &len);
    explicit_bzero(out->bytes, out->len);
    hl7_writer_fini(out);
    hl7_put(out, bytes ? bytes : "", bytes ? len : 0);
    free(bytes);
    return bytes && !out->failed ? 0 : ERR_UNAVAILABLE;
}

void er7_control(uint64_t receiver, int64_t seq, char out[ER7_CONTROL_BYTES])
{
    uint8_t hash[SHA256_BYTES], bytes[8];
    char hex[9] = "";
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(receiver >> (8 * i));
    crypto_sha256(bytes, sizeof bytes, hash);
    (void)!hex_encode(hash, 4, hex, sizeof hex);
    snprintf(out, ER7_CONTROL_BYTES, "%s-%llu", hex, (unsigned long long)seq % 100000000000u);
}

/* ---- what is compared ---- */

static bool is_signature(const json_t *output)
{
    return strcmp(part_of(output), "signed-by") == 0 || strcmp(part_of(output), "signed-at") == 0;
}

static bool has_part(const json_t *outputs)
{
    const json_t *one;
    size_t i;
    json_array_foreach(outputs, i, one) if (!is_signature(one)) return true;
    return false;
}

char *er7_content(const char *type, bool report, const char *body, char start[ER7_CONTENT_START])
{
    json_t *whole = json_loads(body, 0, NULL), *outputs = json_object_get(whole, "output");
    snprintf(start, ER7_CONTENT_START, "%s", strcmp(type, "Appointment") == 0 ? er7_text(whole, "start") : "");
    json_object_del(whole, "meta");
    json_object_del(whole, "lastModified");
    char *text = NULL;
    if (report)
        text = has_part(outputs) ? json_dumps(outputs, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    else if (whole) {
        if (strcmp(type, "Task") == 0)
            json_object_del(whole, "output");
        text = json_dumps(whole, JSON_COMPACT | JSON_SORT_KEYS);
    }
    json_decref(whole);
    return text;
}

bool er7_is_over(const char *type, const char *body)
{
    json_t *whole = json_loads(body, 0, NULL);
    bool over = (strcmp(type, "ServiceRequest") == 0 && er7_is(whole, "status", "revoked")) ||
                (strcmp(type, "Appointment") == 0 && er7_is(whole, "status", "cancelled"));
    json_decref(whole);
    return over;
}
