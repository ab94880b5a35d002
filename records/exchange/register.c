/* The patient of a message: his numbers, his record here, merges (HL7 v2.8 chapter 3; IHE ITI-8). */
#include "records/exchange/exchange_private.h"
#include "records/exchange/notice.h"
#include "records/exchange/person.h"
#include "records/parts.h"
#include "records/patient/index.h"
#include "records/quality/quality.h"
#include "records/term/fold.h"
#include "records/term/term.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS_MAX 16
#define PID_MAX 16384

struct number {
    char value[128];
    uint64_t domain;
};
struct numbers { /* what PID-3 says */
    struct number own[NUMBERS_MAX]; /* the first is the one the patient is found by */
    size_t n;
    char id_type[24], id_no[64], insurance[64];
};

/* ---- numbers and domains ---- */

uint64_t exchange_identity(struct op_ctx *ctx, uint64_t domain, const char *value, bool *retired)
{
    uint64_t patient = 0;
    *retired = false;
    struct query *q = tx_query(ctx->tx, "SELECT patient_id, retired_ms FROM exchange_identity WHERE domain_id=$1 AND value=$2", "it", (int64_t)domain, value);
    if (query_next(q)) {
        patient = (uint64_t)query_int(q, "patient_id");
        *retired = query_int(q, "retired_ms") != 0;
    }
    return query_end(q) ? 0 : patient;
}

static int add_identity(struct op_ctx *ctx, const struct number *n, uint64_t patient)
{
    tx_upsert(ctx->tx, "exchange_identity", "domain_id,value", "domain_id,value,patient_id,since_ms,retired_ms", "itiii", (int64_t)n->domain, n->value,
              (int64_t)patient, ctx->now_ms, (int64_t)0);
    exchange_notice_number(ctx, patient, false);
    return tx_error(ctx->tx);
}

int exchange_identity_add(struct op_ctx *ctx, uint64_t domain, const char *value, uint64_t patient)
{
    struct number n = {.domain = domain};
    snprintf(n.value, sizeof n.value, "%s", value);
    return add_identity(ctx, &n, patient);
}

enum owner { OWN, NOBODYS, FOREIGN, UNKNOWN, SILENT };

/* Whose number a CX is. A laboratory goes by the numbers its hospital's HIS gave: those of the same institution are own. Numbers of nobody (a
 * national one) are taken beside an own one; a source never assigns in another institution's domain. */
static enum owner owner_of(struct exchange_taking *t, struct hl7_span cx, struct exchange_domain *domain)
{
    char name[64], oid[128];
    struct hl7_span authority = hl7_split(t->m, cx, t->m->component, 4);
    hl7_text(t->m, hl7_split(t->m, authority, t->m->sub, 1), name, sizeof name);
    hl7_text(t->m, hl7_split(t->m, authority, t->m->sub, 2), oid, sizeof oid);
    bool silent = !name[0] && !oid[0];
    if (t->source->domain && (t->source->assume == ASSUME_ANY || (silent && t->source->assume == ASSUME_MISSING)))
        return exchange_domain_load(t->ctx, t->source->domain, domain) ? UNKNOWN : OWN;
    if (silent)
        return SILENT;
    if (exchange_domain_find(t->ctx, name, oid, domain))
        return UNKNOWN;
    return !domain->source_id ? NOBODYS : domain->org_id == t->source->org_id ? OWN : FOREIGN;
}

static int flaw_at(struct exchange_taking *t, int code, const char *reason, struct hl7_path at)
{
    exchange_flaw(&t->flaw, code, reason, NULL);
    t->flaw.at = at;
    return ERR_INVALID;
}

static void take_document(struct numbers *out, const char *kind, const char *value)
{
    if (strcmp(kind, "insurance") == 0)
        snprintf(out->insurance, sizeof out->insurance, "%.60s", value);
    else {
        snprintf(out->id_type, sizeof out->id_type, "%s", kind);
        snprintf(out->id_no, sizeof out->id_no, "%.60s", value);
    }
}

/* In their order. */
static void take_number(struct numbers *out, const char *value, uint64_t domain)
{
    if (out->n == NUMBERS_MAX)
        return;
    struct number *next = &out->own[out->n++];
    snprintf(next->value, sizeof next->value, "%s", value);
    next->domain = domain;
}

/* One repetition of PID-3; what it finds wrong is kept in *why, should nothing better come. */
static bool read_number(struct exchange_taking *t, struct hl7_span cx, struct numbers *out, enum owner *why)
{
    char value[128], type[16];
    struct exchange_domain domain;
    hl7_text(t->m, hl7_split(t->m, cx, t->m->component, 1), value, sizeof value);
    hl7_text(t->m, hl7_split(t->m, cx, t->m->component, 5), type, sizeof type);
    if (!value[0])
        return false;
    const char *document = exchange_map_number_type(t->source->map, type);
    if (document) {
        take_document(out, document, value);
        return false;
    }
    enum owner owner = owner_of(t, cx, &domain);
    if (owner == OWN)
        take_number(out, value, domain.id);
    else
        *why = *why == FOREIGN ? FOREIGN : owner;
    return owner == OWN;
}

/* Numbers of domains that nobody here assigns, when there is an own one to hold them. */
static void read_nobodys(struct exchange_taking *t, const struct hl7_segment *s, unsigned field, struct numbers *out)
{
    size_t n = hl7_repetitions(t->m, s, field);
    for (unsigned i = 1; i <= n; i++) {
        char value[128];
        struct exchange_domain domain;
        struct hl7_span cx = hl7_split(t->m, hl7_field(t->m, s, field), t->m->repeat, i);
        hl7_text(t->m, hl7_split(t->m, cx, t->m->component, 1), value, sizeof value);
        if (value[0] && owner_of(t, cx, &domain) == NOBODYS)
            take_number(out, value, domain.id);
    }
}

/* PID-3, or MRG-1: at least one number of a domain the source assigns. */
static int read_numbers(struct exchange_taking *t, const struct hl7_segment *s, unsigned field, struct numbers *out)
{
    size_t n = hl7_repetitions(t->m, s, field);
    enum owner why = SILENT;
    struct hl7_path at = {.field = (uint16_t)field, .repetition = 1, .component = 1};
    memset(out, 0, sizeof *out);
    memcpy(at.segment, s->name.at, 3);
    bool any = false;
    for (unsigned i = 1; i <= n; i++)
        any = read_number(t, hl7_split(t->m, hl7_field(t->m, s, field), t->m->repeat, i), out, &why) || any;
    if (any) {
        read_nobodys(t, s, field, out);
        return 0;
    }
    if (!hl7_part(t->m, s, &at).len)
        return flaw_at(t, 101, "no_number", at);
    at.component = 4;
    return flaw_at(t, why == SILENT ? 101 : 204, why == FOREIGN ? "foreign_domain" : why == SILENT ? "no_domain" : "unknown_domain", at);
}

/* ---- demographics ---- */

static bool ascii(const char *s)
{
    for (; *s; s++)
        if ((uint8_t)*s >= 0x80)
            return false;
    return true;
}

static void put_name(struct exchange_taking *t, struct patient_row *row)
{
    char family[80], given[80];
    exchange_map_member(t->source->map, t->m, MEMBER_FAMILY, family, sizeof family);
    exchange_map_member(t->source->map, t->m, MEMBER_GIVEN, given, sizeof given);
    bool apart = family[0] && given[0] && (ascii(family) || ascii(given));
    snprintf(row->name, sizeof row->name, "%s%s%s", family, apart ? " " : "", given);
}

static void put_birth(struct exchange_taking *t, struct patient_row *row)
{
    char text[40], date[11];
    int64_t ms;
    int digits;
    exchange_map_member(t->source->map, t->m, MEMBER_BIRTH, text, sizeof text);
    /* the day it is there, whatever the zone: cut before a zone could move it */
    text[8] = 0;
    if (!text[0] || hl7_time((struct hl7_span){text, strlen(text)}, 0, &ms, &digits))
        return;
    date_of_ms(ms, 0, date);
    memcpy(row->birth_date, date, sizeof date);
    row->birth_estimated = digits < 8;
}

static void put_identity(struct exchange_taking *t, const struct numbers *numbers, struct patient_row *row)
{
    char text[64], today[11];
    const char *reason;
    struct identity id;
    snprintf(text, sizeof text, "%s", numbers->id_no);
    if (!text[0])
        exchange_map_member(t->source->map, t->m, MEMBER_ID_NO, text, sizeof text);
    if (!text[0])
        return;
    date_of_ms(t->ctx->now_ms, PATIENT_ZONE_MIN, today);
    enum identity_type type = numbers->id_type[0] ? identity_type_parse(numbers->id_type) : IDENTITY_CARD;
    if (identity_check(type, text, today, &id, &reason) == 0)
        snprintf(row->secret.id_no, sizeof row->secret.id_no, "%s", id.number);
    else { /* mistyped over there: the index weighs it as what it is, nobody is turned away for it */
        type = numbers->id_type[0] ? type : IDENTITY_OTHER;
        snprintf(row->secret.id_no, sizeof row->secret.id_no, "%.32s", text);
    }
    snprintf(row->id_type, sizeof row->id_type, "%s", identity_type_word(type));
}

static void put_rest(struct exchange_taking *t, const struct numbers *numbers, struct patient_row *row)
{
    const struct exchange_map *map = t->source->map;
    char text[200];
    exchange_map_member(map, t->m, MEMBER_SEX, row->sex, sizeof row->sex);
    exchange_map_member(map, t->m, MEMBER_ADDRESS, row->secret.address, sizeof row->secret.address);
    exchange_map_member(map, t->m, MEMBER_NATION, row->nationality, sizeof row->nationality);
    if (exchange_map_member(map, t->m, MEMBER_PHONE, text, sizeof text) && phone_normalise(text, row->secret.phone))
        row->secret.phone[0] = 0;
    snprintf(text, sizeof text, "%s", numbers->insurance);
    if (!text[0])
        exchange_map_member(map, t->m, MEMBER_INSURANCE, text, sizeof text);
    snprintf(row->secret.insurance_no, sizeof row->secret.insurance_no, "%.32s", text);
    if (!row->sex[0])
        strcpy(row->sex, "unknown");
}

/* PID-21: the mother's number in a domain of the source's. 0 = not said or not known here. */
static uint64_t mother_of(struct exchange_taking *t)
{
    char value[128];
    bool retired;
    struct exchange_domain domain;
    const struct hl7_segment *pid = hl7_segment(t->m, "PID", 0);
    struct hl7_span cx = hl7_split(t->m, hl7_field(t->m, pid, 21), t->m->repeat, 1);
    hl7_text(t->m, hl7_split(t->m, cx, t->m->component, 1), value, sizeof value);
    for (size_t n = strlen(value); n && value[n - 1] == ' ';)
        value[--n] = 0;
    if (!value[0] || owner_of(t, cx, &domain) != OWN)
        return 0;
    return exchange_identity(t->ctx, domain.id, value, &retired);
}

/* Somebody without a name is called after his mother, or is somebody unknown: the index links neither by chance. */
static int name_nameless(struct exchange_taking *t, uint64_t mother, struct patient_row *row)
{
    struct patient_row m;
    const char *whose = strcmp(row->sex, "male") == 0 ? "之子" : strcmp(row->sex, "female") == 0 ? "之女" : "之婴";
    if (!mother) {
        snprintf(row->name, sizeof row->name, "无名氏（%s）", strcmp(row->sex, "male") == 0 ? "男" : strcmp(row->sex, "female") == 0 ? "女" : "未知");
        row->temporary = true;
        return 0;
    }
    int rc = patient_load(t->ctx, mother, &m);
    if (rc == 0)
        snprintf(row->name, sizeof row->name, "%.150s%s", m.name, whose);
    patient_row_wipe(&m);
    return rc;
}

static int fill_row(struct exchange_taking *t, const struct numbers *numbers, uint64_t mother, struct patient_row *row)
{
    struct pinyin_name readings[2];
    row->secret = (struct patient_private){.allergy_detail = ""};
    row->temporary = false;
    strcpy(row->id_type, "none");
    put_name(t, row);
    put_birth(t, row);
    put_rest(t, numbers, row);
    put_identity(t, numbers, row);
    int rc = row->name[0] ? 0 : name_nameless(t, mother, row);
    int n = pinyin_name(records_parts(t->ctx->records)->terms->pinyin, row->name, readings);
    snprintf(row->pinyin, sizeof row->pinyin, "%s", n ? readings[0].full : "");
    return rc;
}

/* ---- registering ---- */

/* The number itself where it is free at the institution; else with its domain before it. */
static void give_local_number(struct exchange_taking *t, const struct number *n, struct patient_row *row)
{
    struct exchange_domain d;
    snprintf(row->local_number, sizeof row->local_number, "%.120s", n->value);
    int64_t taken = tx_int(t->ctx->tx, 0, "SELECT COUNT(*) AS n FROM patient WHERE org_id=$1 AND local_number=$2", "it", (int64_t)row->org_id, row->local_number);
    if (taken && exchange_domain_load(t->ctx, n->domain, &d) == 0)
        snprintf(row->local_number, sizeof row->local_number, "%.30s:%.120s", d.namespace_id[0] ? d.namespace_id : d.oid, n->value);
}

/* `said` is what came; `before` what the source said last, NULL = nothing yet. */
static int store_patient(struct exchange_taking *t, const struct numbers *numbers, struct exchange_said *said, const struct exchange_said *before)
{
    struct patient_row row, old;
    const char *outcome;
    bool fresh = t->patient == 0;
    int rc = fresh ? 0 : patient_load(t->ctx, t->patient, &old);
    row = fresh ? (struct patient_row){.id = id_new(), .org_id = t->source->org_id, .created_ms = t->ctx->now_ms, .allergy_state = "unknown"} : old;
    rc = rc ? rc : fill_row(t, numbers, said->mother, &row);
    if (rc == 0 && fresh)
        give_local_number(t, &numbers->own[0], &row);
    row.version++;
    rc = rc ? rc : patient_store(t->ctx, &row, fresh ? NULL : &old);
    rc = rc ? rc : patient_index_put(t->ctx, &row, fresh ? NULL : &old, &outcome);
    said->patient = row.id;
    rc = rc ? rc : exchange_person_write(t->ctx, said, before);
    struct quality_origin from = {t->source->id, t->source->org_id, row.id, t->message};
    rc = rc ? rc : quality_clean_patient(t->ctx, &from, &row, fresh ? NULL : &old);
    t->patient = row.id;
    patient_row_wipe(&row);
    if (!fresh)
        patient_row_wipe(&old);
    return rc;
}

/* What an ADT says of somebody who may be known; the same words again change nothing. */
static int take_words(struct exchange_taking *t, const struct numbers *numbers)
{
    struct exchange_said said = {.source = t->source->id, .mother = mother_of(t)}, before = {0};
    char *held = t->patient ? exchange_person_pid(t->ctx, t->patient, &before.mother) : NULL;
    char *pid = exchange_canonical(t->m, hl7_segment(t->m, "PID", 0), 40);
    said.pid = pid;
    before.pid = held;
    int rc = pid ? tx_error(t->ctx->tx) : ERR_UNAVAILABLE;
    if (rc == 0 && (!held || strcmp(held, pid) != 0 || before.mother != said.mother))
        rc = store_patient(t, numbers, &said, held ? &before : NULL);
    if (held)
        explicit_bzero(held, strlen(held));
    free(held);
    free(pid);
    return rc;
}

/* Of an ADT the demographics count; other messages only bring a patient nobody knew yet. */
static int find_or_register(struct exchange_taking *t, const struct numbers *numbers, bool adt)
{
    bool retired = false;
    t->patient = exchange_identity(t->ctx, numbers->own[0].domain, numbers->own[0].value, &retired);
    size_t by = 0; /* the number that is known */
    while (!t->patient && ++by < numbers->n)
        t->patient = exchange_identity(t->ctx, numbers->own[by].domain, numbers->own[by].value, &retired);
    if (retired && adt)
        return flaw_at(t, 204, "number_merged_away", (struct hl7_path){.segment = "PID", .field = 3, .repetition = 1, .component = 1});
    bool known = t->patient != 0;
    if (known && !adt)
        return tx_error(t->ctx->tx);
    int rc = take_words(t, numbers);
    for (size_t i = 0; rc == 0 && i < numbers->n; i++) {
        uint64_t held = known && i == by ? t->patient : known ? exchange_identity(t->ctx, numbers->own[i].domain, numbers->own[i].value, &retired) : 0;
        if (!held)
            rc = add_identity(t->ctx, &numbers->own[i], t->patient);
    }
    return rc;
}

/* ---- merges ---- */

static int known_number(struct exchange_taking *t, const struct hl7_segment *s, unsigned field, struct number *n, uint64_t *patient)
{
    struct numbers numbers;
    bool retired;
    int rc = read_numbers(t, s, field, &numbers);
    if (rc)
        return rc;
    *n = numbers.own[0];
    struct exchange_domain domain;
    if ((rc = exchange_domain_load(t->ctx, n->domain, &domain)))
        return rc;
    if (domain.source_id != t->source->id && domain.source_id) /* merged, changed and withdrawn by who assigns it */
        return flaw_at(t, 204, "foreign_domain", (struct hl7_path){.segment = {s->name.at[0], s->name.at[1], s->name.at[2]}, .field = (uint16_t)field, .repetition = 1, .component = 4});
    *patient = exchange_identity(t->ctx, n->domain, n->value, &retired);
    struct hl7_path at = {.field = (uint16_t)field, .repetition = 1, .component = 1};
    memcpy(at.segment, s->name.at, 3);
    return *patient && !retired ? 0 : flaw_at(t, 204, "unknown_number", at);
}

/* A number that was merged away is listed with the survivor's; one that was withdrawn (its time is kept negative) nowhere. */
static void retire(struct op_ctx *ctx, const struct number *n, uint64_t patient, bool withdrawn)
{
    tx_exec(ctx->tx, "UPDATE exchange_identity SET retired_ms=$1 WHERE domain_id=$2 AND value=$3", "iit", withdrawn ? -ctx->now_ms : ctx->now_ms, (int64_t)n->domain, n->value);
    exchange_notice_number(ctx, patient, true);
}

int exchange_merge_undone(struct op_ctx *ctx, uint64_t patient, int64_t t_ms)
{
    tx_exec(ctx->tx, "UPDATE exchange_identity SET retired_ms=0 WHERE patient_id=$1 AND retired_ms=$2", "ii", (int64_t)patient, t_ms);
    if (tx_changes(ctx->tx) > 0)
        exchange_notice_number(ctx, patient, false);
    return tx_error(ctx->tx);
}

/* A18, A34, A36, A39, A40: two numbers of one source were one person. No clinical row moves: the persons of the index are joined, by an
 * act the steward can take back, and the number that went is found no more. */
static int merge(struct exchange_taking *t, const struct hl7_segment *pid, const struct hl7_segment *mrg)
{
    struct number stays, goes;
    uint64_t to, from;
    int rc = known_number(t, mrg, 1, &goes, &from);
    rc = rc ? rc : known_number(t, pid, 3, &stays, &to);
    if (rc)
        return rc;
    t->patient = to;
    if (goes.domain != stays.domain)
        return flaw_at(t, 204, "foreign_domain", (struct hl7_path){.segment = "MRG", .field = 1, .repetition = 1, .component = 4});
    if (from == to)
        return goes.domain == stays.domain && strcmp(goes.value, stays.value) == 0 ? 0 : (retire(t->ctx, &goes, from, false), tx_error(t->ctx->tx));
    struct index_act act = {.patient = to, .other = from, .kind = "merge"};
    uint64_t a = patient_index_person(t->ctx, from), b = patient_index_person(t->ctx, to);
    if (a != b) {
        patient_index_begin(t->ctx, &act);
        rc = patient_index_move(t->ctx, &act, from, b);
    }
    retire(t->ctx, &goes, from, false);
    return rc ? rc : tx_error(t->ctx->tx);
}

/* A46, A47, A49: the number changed, the patient did not. */
static int change_number(struct exchange_taking *t, const struct hl7_segment *pid, const struct hl7_segment *mrg)
{
    struct numbers now;
    struct number before;
    uint64_t holder;
    bool retired;
    int rc = known_number(t, mrg, 1, &before, &t->patient);
    rc = rc ? rc : read_numbers(t, pid, 3, &now);
    if (rc)
        return rc;
    holder = exchange_identity(t->ctx, now.own[0].domain, now.own[0].value, &retired);
    if (holder && holder != t->patient)
        return flaw_at(t, 205, "number_taken", (struct hl7_path){.segment = "PID", .field = 3, .repetition = 1, .component = 1});
    retire(t->ctx, &before, t->patient, false);
    return add_identity(t->ctx, &now.own[0], t->patient);
}

/* A23, A29: a registration was a mistake. Nothing is deleted here; the number is found no more. */
static int withdraw(struct exchange_taking *t, const struct hl7_segment *pid)
{
    struct number n;
    int rc = known_number(t, pid, 3, &n, &t->patient);
    if (rc == 0)
        retire(t->ctx, &n, t->patient, true);
    return rc;
}

static bool one_of(const char *event, const char *list)
{
    const char *at = event[0] ? strstr(list, event) : NULL;
    return strlen(event) == 3 && at && (at - list) % 4 == 0;
}

static int need(struct exchange_taking *t, const char *segment)
{
    exchange_flaw(&t->flaw, 100, "segment_missing", segment);
    return ERR_INVALID;
}

int exchange_register(struct exchange_taking *t)
{
    char type[8], event[8];
    struct numbers numbers;
    const struct hl7_segment *pid = hl7_segment(t->m, "PID", 0), *mrg = hl7_segment(t->m, "MRG", 0);
    hl7_text_at(t->m, "MSH-9.1", type, sizeof type);
    hl7_text_at(t->m, "MSH-9.2", event, sizeof event);
    bool adt = strcmp(type, "ADT") == 0;
    if (!pid)
        return need(t, "PID");
    if (adt && one_of(event, "A24 A37"))
        return exchange_flaw(&t->flaw, 201, "by_hand", "MSH-9"); /* links are the steward's */
    if (adt && one_of(event, "A18 A34 A36 A39 A40"))
        return mrg ? merge(t, pid, mrg) : need(t, "MRG");
    if (adt && one_of(event, "A46 A47 A49"))
        return mrg ? change_number(t, pid, mrg) : need(t, "MRG");
    if (adt && one_of(event, "A29"))
        return withdraw(t, pid);
    int rc = read_numbers(t, pid, 3, &numbers);
    return rc ? rc : find_or_register(t, &numbers, adt);
}
