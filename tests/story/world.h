/* world - a small consortium for stories: a township clinic, a county hospital, a city hospital, their
 * people, one clock that jumps. Operations run as the named person through their table row (arguments
 * checked, one transaction), without sessions.
 */
#ifndef YL_TESTS_STORY_WORLD_H
#define YL_TESTS_STORY_WORLD_H

#include "records/access/access.h"
#include "records/audit/patient_access.h"
#include "records/document/document.h"
#include "records/notify/notify.h"
#include "records/outgoing/outgoing.h"
#include "records/parts.h"
#include "records/patient/index.h"
#include "records/patient/patient.h"
#include "records/quality/quality.h"
#include "records/patient/sharing.h"
#include "records/records.h"
#include "records/report/report.h"
#include "records/research/research.h"
#include "records/work/consultation.h"
#include "records/work/consult_flow.h"
#include "records/work/work_ops.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct somebody {
    const char *name, *title, *roles; /* roles by blank */
    uint64_t id, org, dept;
    const char *since, *until;
};
struct house {
    const char *name, *zh, *kind;
    uint64_t id, parent;
};

static const struct house houses[] = {
    {"root", "云岭医联体", "institution", 1, 0},
    {"township", "青石镇卫生院", "institution", 10, 1},
    {"general", "全科", "department", 11, 10},
    {"other_township", "白河镇卫生院", "institution", 15, 1},
    {"other_general", "全科", "department", 16, 15},
    {"county", "云岭县人民医院", "institution", 20, 1},
    {"neuro", "神经内科", "department", 21, 20},
    {"cardio", "心血管内科", "department", 22, 20},
    {"city", "南江市第一医院", "institution", 30, 1},
    {"city_neuro", "神经内科", "department", 31, 30},
};
static const struct somebody people[] = {
    {"zhang", "主治医师", "applicant", 101, 10, 11, "2012-07-01", "2030-01-01"},
    {"li", "主治医师", "township_head applicant", 102, 10, 11, "2005-07-01", "2030-01-01"},
    {"sun", "主治医师", "applicant", 103, 15, 16, "2012-07-01", "2030-01-01"},
    {"chen", "", "dispatcher", 201, 20, 20, "", ""},
    {"zhao", "", "medical_affairs", 202, 20, 20, "", ""},
    {"he", "主任医师", "dept_head expert", 203, 20, 21, "1999-07-01", "2030-01-01"},
    {"qian", "副主任医师", "expert applicant", 204, 20, 21, "2006-07-01", "2030-01-01"},
    {"wu", "主治医师", "expert", 205, 20, 21, "2015-07-01", "2030-01-01"},
    {"zhou", "副主任医师", "expert applicant", 206, 20, 22, "2004-07-01", "2030-01-01"},
    {"xu", "住院医师", "expert", 207, 20, 22, "2020-07-01", "2030-01-01"},
    {"lin", "主治医师", "expert", 208, 20, 22, "2024-07-01", "2030-01-01"},
    {"old", "主任医师", "expert", 209, 20, 22, "1990-07-01", "2025-01-01"},
    {"gao", "", "dispatcher", 301, 30, 30, "", ""},
    {"feng", "主任医师", "expert", 302, 30, 31, "1995-07-01", "2030-01-01"},
    {"admin", "", "consortium_admin", 901, 1, 1, "", ""},
    {"screen", "", "display", 210, 20, 20, "", ""},
    {"sys", "", "sys_admin", 902, 1, 1, "", ""},
    {"auditor", "", "auditor", 903, 1, 1, "", ""},
    {"ren", "副主任医师", "researcher", 212, 20, 21, "2006-07-01", "2030-01-01"},
    {"bao", "主任医师", "researcher research_approver", 904, 1, 1, "1999-07-01", "2030-01-01"},
    {"dean", "", "manager", 213, 20, 20, "", ""},
    {"chief", "", "manager", 905, 1, 1, "", ""}, /* of the whole consortium */
    {"shen", "", "auditor", 214, 20, 20, "", ""}, /* of the county hospital alone */
};
#define N_PEOPLE (sizeof people / sizeof *people)
#define N_HOUSES (sizeof houses / sizeof *houses)

struct world {
    struct records *r;
    struct clock clock;
    _Atomic int64_t now_ms; /* the feed's thread reads it too */
    char dir[64];
    struct fault fault;
    struct op_ctx last;
};

static int64_t world_now(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static const struct somebody *who(const char *name)
{
    for (size_t i = 0; i < N_PEOPLE; i++)
        if (strcmp(people[i].name, name) == 0)
            return &people[i];
    return NULL;
}

__attribute__((unused)) static const char *name_of(uint64_t id)
{
    for (size_t i = 0; i < N_PEOPLE; i++)
        if (people[i].id == id)
            return people[i].name;
    return "?";
}

static const struct op *world_op(const char *name)
{
    static const struct op *const tables[] = {consult_ops,  case_list_ops, case_desk_ops, case_move_ops, waiting_ops, slot_ops,
                                              message_ops,  form_ops,      policy_ops,    hours_ops,
                                              override_ops, patient_ops,   notify_ops,    document_ops,  outgoing_ops,
                                              quality_ops,  research_ops,  consent_ops,   access_ops,    index_ops,   report_ops,
                                              month_ops,    alarm_ops};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct op *o = tables[t]; o->name; o++)
            if (strcmp(o->name, name) == 0)
                return o;
    fprintf(stderr, "no operation %s\n", name);
    abort();
}

/* The bits of a somebody's roles: operations that ask for a right inside find it. */
static uint64_t world_roles(struct records *r, const struct somebody *s)
{
    char roles[80], *save;
    uint64_t bits = 0;
    snprintf(roles, sizeof roles, "%s", s->roles);
    for (char *one = strtok_r(roles, " ", &save); one; one = strtok_r(NULL, " ", &save))
        bits |= 1ull << access_role(records_parts(r)->access, one);
    return bits;
}

/* NULL on error, with w->fault filled (its code tells). Takes args. */
static json_t *world_call(struct world *w, const char *name, const char *op_name, json_t *args)
{
    const struct op *op = world_op(op_name);
    const struct somebody *s = name ? who(name) : NULL;
    struct actor actor = {.session = 1};
    struct tx *tx;
    json_t *result = NULL;
    char session[80] = "";
    if (s) {
        actor.person.v = s->id;
        actor.org.v = s->org;
        actor.dept.v = s->dept == s->org ? 0 : s->dept;
        actor.second_factor = true;
        actor.roles = world_roles(w->r, s);
        snprintf(actor.name, sizeof actor.name, "%s", s->name);
    }
    fault_clear(&w->fault);
    int rc = fields_check(op->args, args, &w->fault);
    if (!rc && tx_begin(records_store(w->r), op->mode == OP_READ ? TX_READ : TX_WRITE, &tx) == 0) {
        w->last = (struct op_ctx){.records = w->r,
                                  .tx = tx,
                                  .actor = &actor,
                                  .now_ms = w->now_ms,
                                  .fault = &w->fault,
                                  .set_session = session};
        rc = op->run(&w->last, args, &result);
        if (rc)
            tx_rollback(tx);
        else
            rc = tx_commit(tx);
        w->last.actor = NULL;
    }
    json_decref(args);
    if (rc) {
        w->fault.code = rc;
        json_decref(result);
        return NULL;
    }
    return result ? result : json_null();
}

__attribute__((unused)) static void world_tick(struct world *w)
{
    struct actor system = {.system = true};
    struct tx *tx;
    bool more = true;
    for (int i = 0; more && i < 50; i++) {
        if (tx_begin(records_store(w->r), TX_WRITE, &tx))
            abort();
        struct op_ctx ctx = {
            .records = w->r, .tx = tx, .actor = &system, .now_ms = w->now_ms, .fault = &w->fault};
        int rc = consultation_tick(&ctx, 50, &more);
        if (rc) {
            fprintf(stderr, "tick: %s %s\n", err_wire(rc), w->fault.text);
            abort();
        }
        if (tx_commit(tx))
            abort();
    }
}

__attribute__((unused)) static int64_t world_next(struct world *w)
{
    struct tx *tx;
    if (tx_begin(records_store(w->r), TX_READ, &tx))
        abort();
    int64_t next = consultation_next_ms(tx);
    tx_rollback(tx);
    return next;
}

static void world_seed_person(struct tx *tx, const struct somebody *s)
{
    char roles[80], *save;
    tx_exec(tx,
            "INSERT INTO person (id, login, name, pinyin, title, phone_masked, licence_no, licence_until, practice_since, "
            "specialties, languages, active, signature_document, password, password_change, totp_on, totp_step, "
            "fails, lockouts, locked_until_ms, created_ms, created_by, version) "
            "VALUES ($1,'p' || $1,$2,'',$3,'',$4,$5,$6,'','',1,0,'',0,0,0,0,0,0,0,0,1)",
            "ittttt", (int64_t)s->id, s->name, s->title, *s->until ? "1101" : "", s->until, s->since);
    tx_exec(tx, "INSERT INTO post (id, person_id, org_id, dept_id) VALUES ($1,$1,$2,$3)", "iii", (int64_t)s->id, (int64_t)s->org,
            (int64_t)(s->dept == s->org ? 0 : s->dept));
    snprintf(roles, sizeof roles, "%s", s->roles);
    for (char *r = strtok_r(roles, " ", &save); r; r = strtok_r(NULL, " ", &save))
        tx_exec(tx, "INSERT INTO post_role (post_id, role) VALUES ($1,$2)", "it", (int64_t)s->id, r);
}

/* Houses and people straight into the tables of records/org: no password, no session. */
static void world_seed_sql(struct tx *tx)
{
    for (size_t i = 0; i < N_HOUSES; i++)
        tx_exec(tx, "INSERT INTO org (id, parent_id, kind, name, code, pinyin, phone, specialty, active) "
                "VALUES ($1,$2,$3,$4,'c' || $1,'','','',1)",
                "iitt", (int64_t)houses[i].id, (int64_t)houses[i].parent, houses[i].kind, houses[i].zh);
    for (size_t i = 0; i < N_PEOPLE; i++)
        world_seed_person(tx, &people[i]);
}

/* With a pool of `readers` threads; 0 = everything runs on the caller's. */
static void world_open_pool(struct world *w, int readers)
{
    memset(w, 0, sizeof *w);
    strcpy(w->dir, "/tmp/yl-story-XXXXXX");
    if (!mkdtemp(w->dir))
        abort();
    w->clock = (struct clock){world_now, w};
    w->now_ms = INT64_C(1795395600000); /* Monday 2026-11-23 09:00 in China */
    struct records_config config = {
        .data_dir = w->dir, .config_dir = YL_SOURCE_DIR "/config", .clock = &w->clock, .readers = readers,
        .base_url = "https://yilian.test:8443"};
    if (records_open(&w->r, &config, &w->fault)) {
        fprintf(stderr, "records_open: %s\n", w->fault.text);
        abort();
    }
    struct tx *tx;
    if (tx_begin(records_store(w->r), TX_WRITE, &tx))
        abort();
    world_seed_sql(tx);
    if (tx_commit(tx))
        abort();
}

__attribute__((unused)) static void world_open(struct world *w)
{
    world_open_pool(w, 0);
}

static void world_close(struct world *w)
{
    char command[128];
    records_close(w->r);
    snprintf(command, sizeof command, "rm -rf %s", w->dir);
    if (system(command))
        fprintf(stderr, "left behind: %s\n", w->dir);
}

/* What `sql` counts; -1 when it could not be asked. */
static inline int64_t world_count(const struct world *w, const char *sql)
{
    struct tx *tx;
    if (tx_begin(records_store(w->r), TX_READ, &tx))
        return -1;
    int64_t n = tx_int(tx, -1, sql, "");
    tx_rollback(tx);
    return n;
}

static json_t *world_json(const char *text)
{
    json_error_t e;
    json_t *v = json_loads(text, 0, &e);
    if (!v) {
        fprintf(stderr, "bad JSON in a test: %s: %s\n", e.text, text);
        abort();
    }
    return v;
}

/* ---- documents in full: what a careful doctor writes ---- */
__attribute__((unused)) static json_t *full_form(void)
{
    return world_json(
        "{\"questions\":[{\"n\":1,\"text\":\"是否需要溶栓?\"},{\"n\":2,\"text\":\"是否需要转诊?\"}],"
        "\"purpose\":[\"diagnosis\",\"treatment\"],"
        "\"history\":{\"chief_complaint\":\"右侧肢体无力2天\",\"present_illness\":"
        "\"2天前晨起出现右侧肢体无力,言语不清。\",\"past\":\"高血压10年\"},"
        "\"state\":{\"allergy\":\"none\",\"weight_kg\":61.5},"
        "\"vitals\":{\"temperature_c\":36.6,\"pulse_bpm\":82,\"respiration_bpm\":18,\"systolic_mmhg\":162,"
        "\"diastolic_mmhg\":95,\"spo2_percent\":97,"
        "\"consciousness\":\"clear\"},\"exam\":{\"physical\":\"右侧肌力4级\",\"specialty\":"
        "\"右侧巴氏征阳性\"},"
        "\"labs\":[{\"item\":\"血糖\",\"value\":\"6.1\",\"unit\":\"mmol/"
        "L\"}],\"treatment\":{\"given\":\"阿司匹林 100mg\"},"
        "\"diagnoses\":[{\"code\":\"I63.9\",\"text\":\"脑梗死\",\"main\":true,\"certainty\":\"suspected\"}],"
        "\"contact\":{\"phone\":\"13800000001\"},"
        "\"consent\":{\"telemedicine\":{\"agreed\":true,\"signer\":\"李某\",\"relation\":\"本人\",\"time_"
        "ms\":1795395000000,\"verbal\":true}}}");
}

__attribute__((unused)) static json_t *full_opinion(void)
{
    return world_json(
        "{\"findings\":\"缺血性卒中表现\",\"diagnoses\":[{\"code\":\"I63.9\",\"text\":\"脑梗死\",\"main\":"
        "true,\"certainty\":\"certain\",\"versus\":\"agreed\"}],"
        "\"answers\":[{\"n\":1,\"text\":\"已超时间窗,不溶栓\"},{\"n\":2,\"text\":\"暂不转诊\"}],"
        "\"recommendations\":[{\"n\":1,\"type\":\"drug\",\"text\":\"双抗21天\",\"urgency\":\"today\"},{\"n\":"
        "2,\"type\":\"exam\",\"text\":\"颈动脉超声\","
        "\"urgency\":\"week\"}],\"transfer\":{\"advised\":false},\"follow_up_days\":7}");
}

/* Takes `args`. */
__attribute__((unused)) static uint64_t world_patient_of(struct world *w, const char *doctor, json_t *args)
{
    uint64_t id = 0;
    json_t *p = world_call(w, doctor, "patient.create", args);
    if (!p || id_parse(json_string_value(json_object_get(p, "id")), &id)) {
        fprintf(stderr, "patient: %s %s\n", w->fault.reason, w->fault.text);
        abort();
    }
    json_decref(p);
    return id;
}

__attribute__((unused)) static uint64_t world_patient(struct world *w, const char *doctor)
{
    static int n;
    char text[200];
    snprintf(text, sizeof text, "{\"name\":\"李%d\",\"sex\":\"male\",\"birth_date\":\"1958-03-04\"}", n++);
    return world_patient_of(w, doctor, world_json(text));
}
#endif
