/* A signed opinion stands: whoever changes one word, the signer, the licence or the time behind the system's back is found out by
 * the code on the paper; and the requester reads nothing before the signature, by no way. */
#include "tests/story/world.h"
#include "records/store/sealed.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct world w;
#define PICTURE 777

static char id[ID_TEXT_BYTES], code[40];
static int64_t version;

static json_t *act(const char *name, const char *op, json_t *args)
{
    json_object_set_new(args, "case_id", json_string(id));
    json_object_set_new(args, "version", json_integer(version));
    json_t *c = world_call(&w, name, op, args);
    if (!c)
        fail_msg("%s: %s %s", op, w.fault.reason, w.fault.text);
    version = json_integer_value(json_object_get(c, "version"));
    return c;
}

static int open_case(void **state)
{
    char hex[ID_TEXT_BYTES], county[ID_TEXT_BYTES], neuro[ID_TEXT_BYTES], qian[ID_TEXT_BYTES];
    world_open(&w);
    id_format(world_patient(&w, "zhang"), hex);
    id_format(20, county);
    id_format(21, neuro);
    id_format(who("qian")->id, qian);
    json_t *c = world_call(&w, "zhang", "case.create",
                           json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "patient_id", hex, "kind", "offline", "scope",
                                     "clinical", "urgency", "routine", "target_org_id", county, "form", full_form()));
    snprintf(id, sizeof id, "%s", json_string_value(json_object_get(c, "id")));
    version = json_integer_value(json_object_get(c, "version"));
    json_decref(c);
    json_decref(act("zhang", "case.submit", json_object()));
    json_decref(act("li", "case.approve_home", json_object()));
    json_decref(act("chen", "case.triage", json_pack("{s:s}", "dept_id", neuro)));
    json_decref(act("chen", "case.assign", json_pack("{s:s}", "expert_id", qian)));
    json_decref(act("qian", "case.accept", json_object()));
    json_decref(act("qian", "case.begin_review", json_object()));
    return 0;
}

static int close_case(void **state)
{
    world_close(&w);
    return 0;
}

/* Everything the requester's side can ask for, searched for a word of the draft. */
static void the_draft_leaks_nowhere(void **state)
{
    static const char *const word = "SECRETWORD";
    static const char *const readers[] = {"zhang", "li", "chen", "zhao"};
    json_t *body = full_opinion();
    json_object_set_new(body, "findings", json_string(word));
    json_decref(act("qian", "case.save_opinion", json_pack("{s:o}", "body", body)));
    for (size_t i = 0; i < 4; i++) {
        const struct {
            const char *op, *args;
        } ways[] = {{"case.get", "{}"}, {"case.print", "{\"what\":\"application\"}"}, {"message.list", "{}"},
                    {"case.promise", "{}"}, {"case.print", "{\"what\":\"opinion\"}"}, {"case.outcome", "{}"}};
        for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
            json_t *args = world_json(ways[k].args);
            json_object_set_new(args, "case_id", json_string(id));
            json_t *v = world_call(&w, readers[i], ways[k].op, args);
            char *text = v ? json_dumps(v, JSON_ENCODE_ANY) : strdup(w.fault.text);
            assert_null(strstr(text, word));
            if (k >= 4)
                assert_null(v);
            free(text);
            json_decref(v);
        }
        json_t *lines = world_call(&w, readers[i], "case.list", json_object()),
               *notices = world_call(&w, readers[i], "notice.list", json_object());
        char *a = json_dumps(lines, 0), *b = json_dumps(notices, 0);
        assert_null(strstr(a, word));
        assert_null(strstr(b, word));
        free(a);
        free(b);
        json_decref(lines);
        json_decref(notices);
    }
}

static bool valid(void)
{
    json_t *v = world_call(&w, NULL, "case.verify", json_pack("{s:s}", "code", code));
    assert_non_null(v);
    char *text = json_dumps(v, 0);
    assert_null(strstr(text, "李")); /* the patient's name is on no public page */
    free(text);
    bool good = json_is_true(json_object_get(v, "valid"));
    json_decref(v);
    return good;
}

static void change(const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    assert_int_equal(tx_exec(tx, sql, ""), 0);
    assert_int_equal(tx_commit(tx), 0);
}

static void restore(void)
{
    change("DELETE FROM consult_opinion");
    change("INSERT INTO consult_opinion SELECT * FROM kept");
}

/* One word of the sealed text changed by somebody who has the key. */
static void forge(const char *column, enum sealed_column which)
{
    char sql[80], *text = NULL;
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    uint64_t row = (uint64_t)tx_int(tx, 0, "SELECT id FROM consult_opinion", ""), of = 0;
    assert_int_equal(id_parse(id, &of), 0);
    struct query *q = tx_query(tx, "SELECT * FROM consult_opinion", "");
    assert_true(query_next(q));
    text = strdup(query_sealed(q, column, which, row, of));
    assert_int_equal(query_end(q), 0);
    char *word = strstr(text, "21");
    assert_non_null(word);
    *word = '3';
    snprintf(sql, sizeof sql, "UPDATE consult_opinion SET %s=$1", column);
    assert_int_equal(tx_exec(tx, sql, "s", &(struct sealed){which, (int64_t)row, (int64_t)of, text}), 0);
    assert_int_equal(tx_commit(tx), 0);
    free(text);
}

/* A picture of qian's signature, as an upload leaves it, bytes apart. */
static void give_qian_a_picture(void)
{
    char sql[500];
    snprintf(sql, sizeof sql,
             "INSERT INTO document (id, case_id, patient_id, person_id, org_id, by_person, name, category, type, bytes, sha256, blob, thumb_state, "
             "taken_ms, uploaded_ms, source, withdrawn_ms) VALUES (%d,0,0,%d,0,%d,CAST('' AS BLOB),'signature','png',9,'aa','aa',0,0,0,'upload',0)",
             PICTURE, (int)who("qian")->id, (int)who("qian")->id);
    change(sql);
    snprintf(sql, sizeof sql, "UPDATE person SET signature_document=%d WHERE id=%d", PICTURE, (int)who("qian")->id);
    change(sql);
}

/* Whether this person may ask for the picture under the opinion; what is refused later is the file, which this test has not. */
static bool may_see_picture(const char *name)
{
    char picture[ID_TEXT_BYTES];
    id_format(PICTURE, picture);
    json_t *v = world_call(&w, name, "case.signature_open", json_pack("{s:s,s:s}", "case_id", id, "document_id", picture));
    assert_null(v);
    return w.fault.code == ERR_STORAGE;
}

static void every_change_is_found(void **state)
{
    give_qian_a_picture();
    assert_false(may_see_picture("zhang"));
    json_decref(act("qian", "case.sign_opinion", json_pack("{s:o}", "body", full_opinion())));
    json_t *p = world_call(&w, "zhang", "case.print", json_pack("{s:s,s:s}", "case_id", id, "what", "opinion"));
    assert_non_null(p);
    const json_t *signature = json_object_get(json_object_get(json_object_get(p, "case"), "opinion"), "signature");
    assert_non_null(json_string_value(json_object_get(signature, "picture_id")));
    assert_true(may_see_picture("zhang"));
    assert_false(may_see_picture("sun")); /* of another house */
    assert_false(may_see_picture("feng"));
    change("UPDATE person SET signature_document=0"); /* another one later, or none: what was signed stands */
    assert_true(may_see_picture("zhang"));
    assert_non_null(strstr(json_string_value(json_object_get(p, "qr_svg")), "<svg"));
    snprintf(code, sizeof code, "%s", strrchr(json_string_value(json_object_get(p, "verify_url")), '/') + 1);
    json_decref(p);
    assert_true(valid());
    change("CREATE TABLE kept AS SELECT * FROM consult_opinion");
    static const char *const changes[] = {
        "UPDATE consult_opinion SET person_id=person_id+1", "UPDATE consult_opinion SET licence_no='9'",
        "UPDATE consult_opinion SET signed_ms=signed_ms+1", "UPDATE consult_opinion SET version=version+1",
        /* without the key: a byte less, another column's text, the text in the clear */
        "UPDATE consult_opinion SET body=substr(body,1,length(body)-1)", "UPDATE consult_opinion SET body=signed_text",
        "UPDATE consult_opinion SET signature_document=0", "UPDATE consult_opinion SET signed_text=body", "UPDATE consult_opinion SET body='{\"findings\":\"x\"}'"};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        change(changes[i]);
        assert_false(valid());
        restore();
        assert_true(valid());
    }
    /* with the key: the hash on the paper still tells */
    forge("body", SEALED_OPINION_BODY);
    assert_false(valid());
    restore();
    forge("signed_text", SEALED_OPINION_TEXT);
    assert_false(valid());
    restore();
    assert_true(valid());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_draft_leaks_nowhere), cmocka_unit_test(every_change_is_found)};
    return cmocka_run_group_tests(tests, open_case, close_case);
}
