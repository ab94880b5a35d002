/* What the administration desk asks of the server: the tree, accounts, the roster's import, working hours, policies, signatures. */
#include "records/access/access.h"
#include "records/document/documents.h"
#include "records/org/org.h"
#include "records/parts.h"
#include "records/records.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define PASSWORD "Second-Password-2"

static struct {
    struct records *r;
    struct clock clock;
    char dir[64];
    struct reply last;
    char admin[80], house[20], dept[20], other[20], doctor[20];
} site;

static int64_t site_now(void *ctx)
{
    (void)ctx;
    return 1795500000000;
}

/* One call; the reply lives until the next one. */
static json_t *call(const char *token, const char *op, const char *fmt, ...)
{
    char text[2000];
    va_list list;
    va_start(list, fmt);
    vsnprintf(text, sizeof text, fmt, list);
    va_end(list);
    reply_clear(&site.last);
    json_t *args = json_loads(text, 0, NULL);
    assert_non_null(args);
    struct call c = {.op = op, .credential = token, .args = args};
    records_call(site.r, &c, &site.last);
    json_decref(args);
    return site.last.result;
}
#define AS_SYSTEM records_system_credential(site.r)

static const char *text_of(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static void keep_id(char out[20], json_t *o)
{
    assert_non_null(o);
    snprintf(out, 20, "%s", text_of(o, "id"));
}

/* The fault names this path with this reason. */
static void refused_at(const char *path, const char *reason)
{
    for (size_t i = 0; i < site.last.fault.n_fields; i++)
        if (strcmp(site.last.fault.fields[i].path, path) == 0) {
            assert_string_equal(site.last.fault.fields[i].reason, reason);
            return;
        }
    fail_msg("no fault at %s: %s %s", path, site.last.fault.reason, site.last.fault.text);
}

/* A person with one post and this role, signed in and ready; returns his token. */
static void staff_with(const char *login, const char *org, const char *role, char token[80], char id[20])
{
    char person[20], initial[40];
    json_t *made = call(AS_SYSTEM, "person.create", "{\"login\":\"%s\",\"name\":\"陈静\"}", login);
    keep_id(person, made);
    snprintf(initial, sizeof initial, "%s", text_of(made, "initial_password"));
    assert_non_null(call(AS_SYSTEM, "person.posts", "{\"person_id\":\"%s\",\"posts\":[{\"org_id\":\"%s\",\"roles\":[\"%s\"]}]}", person, org, role));
    assert_non_null(call(NULL, "session.login", "{\"login\":\"%s\",\"password\":\"%s\"}", login, initial));
    snprintf(token, 80, "%s", site.last.set_session);
    call(token, "session.password", "{\"old\":\"%s\",\"new\":\"%s\"}", initial, PASSWORD);
    assert_int_equal(site.last.error, 0);
    if (id)
        memcpy(id, person, 20);
}

static int setup(void **state)
{
    struct fault f = {0};
    (void)state;
    memset(&site, 0, sizeof site);
    strcpy(site.dir, "/tmp/yl-org-XXXXXX");
    site.clock = (struct clock){site_now, NULL};
    struct records_config config = {.data_dir = site.dir, .config_dir = YL_SOURCE_DIR "/config", .clock = &site.clock};
    if (!mkdtemp(site.dir) || records_open(&site.r, &config, &f) ||
        records_bootstrap(site.r, "医联体", "admin", "管理员", "First-Password-1", &f))
        return 1;
    keep_id(site.house, call(AS_SYSTEM, "org.create", "{\"kind\":\"institution\",\"level\":\"county\",\"code\":\"YL\",\"name\":\"县医院\"}"));
    keep_id(site.other, call(AS_SYSTEM, "org.create", "{\"kind\":\"institution\",\"level\":\"township\",\"code\":\"QS\",\"name\":\"卫生院\"}"));
    keep_id(site.dept, call(AS_SYSTEM, "org.create", "{\"kind\":\"department\",\"parent_id\":\"%s\",\"code\":\"YL-N\",\"name\":\"神经内科\"}", site.house));
    char token[80];
    staff_with("doctor", site.house, "expert", token, site.doctor);
    staff_with("boss", site.house, "consortium_admin", site.admin, NULL);
    return 0;
}

static int teardown(void **state)
{
    char command[96];
    (void)state;
    reply_clear(&site.last);
    records_close(site.r);
    snprintf(command, sizeof command, "rm -rf %s", site.dir);
    return system(command);
}

static void a_house_closes_after_its_departments(void **state)
{
    (void)state;
    assert_null(call(site.admin, "org.update", "{\"org_id\":\"%s\",\"active\":false}", site.house));
    refused_at("active", "has_active_parts");
    assert_non_null(call(site.admin, "org.update", "{\"org_id\":\"%s\",\"active\":false}", site.dept));
    assert_non_null(call(site.admin, "org.update", "{\"org_id\":\"%s\",\"active\":false}", site.house));
    assert_null(call(site.admin, "org.update", "{\"org_id\":\"%s\",\"active\":true}", site.dept));
    refused_at("active", "parent_inactive");
    assert_null(call(site.admin, "org.create", "{\"kind\":\"institution\",\"level\":\"city\",\"code\":\"YL\",\"name\":\"x\"}"));
    refused_at("code", "taken");
}

/* functions.md 4.2: a system administrator creates technically, but neither grants roles nor learns a password. */
static void a_technician_makes_accounts_nobody_can_use_yet(void **state)
{
    char token[80], id[20];
    (void)state;
    staff_with("tech", site.house, "sys_admin", token, NULL);
    json_t *made = call(token, "person.create", "{\"login\":\"new.one\",\"name\":\"周岩\"}");
    assert_non_null(made);
    assert_null(json_object_get(made, "initial_password"));
    keep_id(id, made);
    call(token, "person.posts", "{\"person_id\":\"%s\",\"posts\":[{\"org_id\":\"%s\",\"roles\":[\"expert\"]}]}", id, site.house);
    assert_int_equal(site.last.error, ERR_DENIED);
    call(token, "person.reset", "{\"person_id\":\"%s\",\"what\":\"password\"}", id);
    assert_int_equal(site.last.error, ERR_DENIED);
    assert_non_null(text_of(call(site.admin, "person.reset", "{\"person_id\":\"%s\",\"what\":\"password\"}", id), "initial_password"));
}

static void a_post_is_in_a_department_of_its_house(void **state)
{
    (void)state;
    assert_null(call(site.admin, "person.posts", "{\"person_id\":\"%s\",\"posts\":[{\"org_id\":\"%s\",\"dept_id\":\"%s\",\"roles\":[\"expert\"]}]}",
                     site.doctor, site.other, site.dept));
    refused_at("posts[0].dept_id", "not_of_this_institution");
    assert_non_null(call(site.admin, "person.posts", "{\"person_id\":\"%s\",\"posts\":[{\"org_id\":\"%s\",\"dept_id\":\"%s\",\"roles\":[\"expert\"]}]}",
                         site.doctor, site.house, site.dept));
}

static void nobody_resets_or_closes_himself(void **state)
{
    char boss[20];
    (void)state;
    json_t *me = call(site.admin, "session.get", "{}");
    keep_id(boss, json_object_get(me, "person"));
    call(site.admin, "person.reset", "{\"person_id\":\"%s\",\"what\":\"totp\"}", boss);
    assert_int_equal(site.last.error, ERR_DENIED);
    assert_null(call(site.admin, "person.update", "{\"person_id\":\"%s\",\"active\":false}", boss));
    refused_at("active", "own_account");
    call(site.admin, "person.reset", "{\"person_id\":\"00000000000000ff\",\"what\":\"password\"}");
    assert_int_equal(site.last.error, ERR_NOT_FOUND);
}

static void a_date_is_cleared_by_null_and_kept_when_absent(void **state)
{
    (void)state;
    json_t *p = call(site.admin, "person.update", "{\"person_id\":\"%s\",\"licence_until\":\"2031-12-31\"}", site.doctor);
    assert_string_equal(text_of(p, "licence_until"), "2031-12-31");
    p = call(site.admin, "person.update", "{\"person_id\":\"%s\",\"title\":\"主任医师\"}", site.doctor);
    assert_string_equal(text_of(p, "licence_until"), "2031-12-31");
    p = call(site.admin, "person.update", "{\"person_id\":\"%s\",\"licence_until\":null}", site.doctor);
    assert_string_equal(text_of(p, "licence_until"), "");
}

static void people_are_found_by_initials_in_any_case(void **state)
{
    (void)state;
    assert_int_equal(json_array_size(json_object_get(call(site.admin, "person.list", "{\"q\":\"CJ\",\"role\":\"expert\"}"), "items")), 1);
    assert_int_equal(json_array_size(json_object_get(call(site.admin, "person.list", "{\"q\":\"DOCTOR\"}"), "items")), 1);
    assert_int_equal(json_array_size(json_object_get(call(site.admin, "person.list", "{\"q\":\"wang\"}"), "items")), 0);
}

static int64_t shifts(void)
{
    return (int64_t)json_array_size(json_object_get(call(site.admin, "roster.list", "{\"from_ms\":0,\"to_ms\":2000000000000}"), "items"));
}

static void an_import_is_whole_or_nothing_and_names_the_line(void **state)
{
    (void)state;
    assert_null(call(site.admin, "roster.import",
                     "{\"csv\":\"login,dept,start,end,kind\\r\\n\\r\\ndoctor,YL-X,2026-11-24 08:00,2026-11-24 12:00,duty\\r\\n"
                     "doctor,YL-N,2026-11-24 08:00,2026-11-24 12:00,duty\\nnobody,YL-N,2026-11-24 08:00,2026-11-24 12:00,duty\\n"
                     "doctor,YL-N,2026-11-24 12:00,2026-11-24 08:00,duty\\ndoctor,YL-N,24.11.2026,x,duty\\ndoctor\"}"));
    assert_string_equal(site.last.fault.reason, "roster_faults");
    refused_at("csv line 3", "dept_unknown");
    refused_at("csv line 5", "login_unknown");
    refused_at("csv line 6", "not_after_start");
    refused_at("csv line 7", "time");
    refused_at("csv line 8", "five_columns");
    assert_int_equal(site.last.fault.n_fields, 5);
    assert_int_equal(shifts(), 0);
}

static void an_import_takes_what_spreadsheets_write(void **state)
{
    static const char good[] = "{\"csv\":\"\xEF\xBB\xBF账号,科室代码,开始,结束,类别\\r\\n doctor , YL-N,2026/11/24 8:00,2026/11/24 12:00:00,值班\\r\\n,,,,\\r\\n"
                               "doctor,YL-N,2026-11-25 08:00,2026-11-26 08:00,leave\"}";
    (void)state;
    json_t *done = call(site.admin, "roster.import", "%s", good);
    assert_non_null(done);
    assert_int_equal(json_integer_value(json_object_get(done, "imported")), 2);
    assert_int_equal(shifts(), 2);
    assert_null(call(site.admin, "roster.import", "%s", good));
    refused_at("csv line 2", "overlaps");
    assert_null(call(site.admin, "roster.import", "{\"csv\":\"login,dept\\n\"}"));
    refused_at("csv", "required");
}

static void an_office_keeps_its_own_hours_only(void **state)
{
    static const char hours[] = "{\"org_id\":\"%s\",\"week\":[[],[],[],[],[],[],[]],\"holidays\":[],\"makeups\":[]}";
    char token[80];
    (void)state;
    staff_with("office1", site.house, "medical_affairs", token, NULL);
    assert_non_null(call(token, "hours.set", hours, site.house));
    call(token, "hours.set", hours, site.other);
    assert_int_equal(site.last.error, ERR_DENIED);
    call(token, "hours.clear", "{\"org_id\":\"%s\"}", site.other);
    assert_int_equal(site.last.error, ERR_DENIED);
    assert_non_null(call(site.admin, "hours.set", hours, site.other));
    assert_int_equal(json_array_size(json_object_get(call(token, "hours.list", "{}"), "items")), 2);
    call(token, "hours.clear", "{\"org_id\":\"%s\"}", site.house);
    assert_int_equal(site.last.error, 0);
    assert_int_equal(json_array_size(json_object_get(call(token, "hours.list", "{}"), "items")), 1);
}

static void a_policy_goes_back_to_its_default(void **state)
{
    (void)state;
    assert_non_null(call(site.admin, "policy.set", "{\"policy_id\":\"access.idle_min\",\"value\":30}"));
    assert_null(call(site.admin, "policy.set", "{\"policy_id\":\"access.idle_min\",\"value\":4}"));
    refused_at("value", "out_of_range:5..240");
    assert_string_equal(text_of(call(site.admin, "policy.set", "{\"policy_id\":\"access.idle_min\",\"value\":null}"), "value"), "15");
    assert_non_null(call(site.admin, "policy.set", "{\"policy_id\":\"deadline.triage.urgent\",\"value\":\"3h\"}"));
    assert_string_equal(text_of(call(site.admin, "policy.set", "{\"policy_id\":\"deadline.triage.urgent\",\"value\":null}"), "value"), "2h");
    assert_null(call(site.admin, "policy.set", "{\"policy_id\":\"access.idle_min\"}"));
    refused_at("value", "required");
    call(site.admin, "policy.set", "{\"policy_id\":\"no.such\",\"value\":null}");
    assert_int_equal(site.last.error, ERR_NOT_FOUND);
}

static const unsigned char PNG[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0};

static json_t *send_signature(const char *token, const void *data, size_t len)
{
    uint64_t held, id;
    json_t *u = call(token, "upload.create", "{\"person_id\":\"%s\",\"name\":\"s.png\",\"bytes\":%zu,\"category\":\"signature\"}", site.doctor, len);
    if (!u)
        return NULL;
    id = strtoull(text_of(u, "upload_id"), NULL, 16);
    assert_int_equal(documents_upload_append(records_parts(site.r)->documents, id, 0, data, len, &held), 0);
    return call(token, "upload.finish", "{\"upload_id\":\"%016llx\"}", (unsigned long long)id);
}

static void who_manages_people_adds_the_signature_and_nothing_else(void **state)
{
    char office[80], document[20];
    (void)state;
    staff_with("office2", site.house, "medical_affairs", office, NULL);
    assert_null(send_signature(office, PNG, sizeof PNG));
    assert_int_equal(site.last.error, ERR_DENIED);
    assert_null(call(site.admin, "upload.create", "{\"person_id\":\"%s\",\"name\":\"x\",\"bytes\":9,\"category\":\"lab\"}", site.doctor));
    refused_at("category", "only_a_signature");
    call(site.admin, "upload.create", "{\"patient_id\":\"%s\",\"name\":\"x\",\"bytes\":9,\"category\":\"lab\"}", site.doctor);
    assert_int_equal(site.last.error, ERR_DENIED);
    keep_id(document, send_signature(site.admin, "just text", 9));
    assert_null(call(site.admin, "person.signature", "{\"person_id\":\"%s\",\"document_id\":\"%s\"}", site.doctor, document));
    refused_at("document_id", "not_a_signature");
    keep_id(document, send_signature(site.admin, PNG, sizeof PNG));
    json_t *p = call(site.admin, "person.signature", "{\"person_id\":\"%s\",\"document_id\":\"%s\"}", site.doctor, document);
    assert_true(json_is_true(json_object_get(p, "has_signature")));
    assert_string_equal(text_of(call(site.admin, "person.signature_open", "{\"person_id\":\"%s\"}", site.doctor), "content_type"), "image/png");
    call(office, "person.signature_open", "{\"person_id\":\"%s\"}", site.doctor);
    assert_int_equal(site.last.error, ERR_DENIED);
    call(office, "person.signature", "{\"person_id\":\"%s\",\"document_id\":\"%s\"}", site.doctor, document);
    assert_int_equal(site.last.error, ERR_DENIED);
}

/* The audit names the staff and institutions it is about, and a visitor without a session leaves no line. */
static void the_audit_names_staff_and_no_visitor(void **state)
{
    char auditor[80];
    int64_t before, after, first;
    char what[80];
    (void)state;
    staff_with("audit", site.house, "auditor", auditor, NULL);
    assert_int_equal(records_audit_verify(site.r, &before, &first, what), 0);
    call(NULL, "session.get", "{}");
    assert_int_equal(site.last.error, ERR_UNAUTHENTICATED);
    assert_int_equal(records_audit_verify(site.r, &after, &first, what), 0);
    assert_int_equal(before, after);
    call(NULL, "session.login", "{\"login\":\"doctor\",\"password\":\"wrong\"}");
    json_t *line = json_array_get(json_object_get(call(auditor, "audit.list", "{\"person_id\":\"%s\",\"denied\":true}", site.doctor), "items"), 0);
    assert_string_equal(text_of(line, "op"), "session.login");
    assert_string_equal(text_of(line, "detail"), "bad_credentials");
    assert_string_equal(text_of(line, "object_name"), "陈静");
}

/* The matrix page says rights in words: each right of a role has a label in both languages. */
static void every_right_has_words(void **state)
{
    json_t *role, *right, *row;
    size_t i, j, k;
    (void)state;
    json_t *table = call(site.admin, "role.list", "{}");
    json_array_foreach (json_object_get(table, "roles"), i, role)
        json_array_foreach (json_object_get(role, "rights"), j, right) {
            const char *word = NULL;
            json_array_foreach (json_object_get(table, "rights"), k, row)
                if (strcmp(text_of(row, "id"), json_string_value(right)) == 0 && text_of(json_object_get(row, "label"), "zh"))
                    word = text_of(json_object_get(row, "label"), "en");
            if (!word)
                fail_msg("config/roles.json: \"rights\" has no label for %s", json_string_value(right));
        }
}

/* One site for all: making accounts costs a second each where the machine is slow. */
int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_technician_makes_accounts_nobody_can_use_yet),
                                       cmocka_unit_test(a_post_is_in_a_department_of_its_house),
                                       cmocka_unit_test(nobody_resets_or_closes_himself),
                                       cmocka_unit_test(a_date_is_cleared_by_null_and_kept_when_absent),
                                       cmocka_unit_test(people_are_found_by_initials_in_any_case),
                                       cmocka_unit_test(an_import_is_whole_or_nothing_and_names_the_line),
                                       cmocka_unit_test(an_import_takes_what_spreadsheets_write),
                                       cmocka_unit_test(an_office_keeps_its_own_hours_only),
                                       cmocka_unit_test(a_policy_goes_back_to_its_default),
                                       cmocka_unit_test(who_manages_people_adds_the_signature_and_nothing_else),
                                       cmocka_unit_test(the_audit_names_staff_and_no_visitor),
                                       cmocka_unit_test(every_right_has_words),
                                       cmocka_unit_test(a_house_closes_after_its_departments)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
