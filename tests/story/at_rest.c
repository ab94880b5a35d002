/* At rest: what people write about a patient is in no file of the data folder in the clear, neither by a case's life from the draft to
 * the addendum nor after a database of an older version was opened; and a sealed value opens in its own row alone. */
#include "records/document/document.h"
#include "records/store/sealed.h"
#include "server/base/log.h"
#include "tests/story/world.h"
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <cmocka.h>

static struct world w;
static char id[ID_TEXT_BYTES], patient[ID_TEXT_BYTES];
static int64_t version;

/* ---- searching the files ---- */

static bool in_file(const char *path, const char *phrase)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    bool found = false;
    if (f && stat(path, &st) == 0 && st.st_size > 0) {
        char *bytes = malloc((size_t)st.st_size);
        size_t n = fread(bytes, 1, (size_t)st.st_size, f);
        found = memmem(bytes, n, phrase, strlen(phrase)) != NULL;
        free(bytes);
    }
    if (f)
        fclose(f);
    return found;
}

static bool in_folder(const char *dir, const char *phrase)
{
    struct dirent *e;
    bool found = false;
    DIR *d = opendir(dir);
    while (d && !found && (e = readdir(d))) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (e->d_name[0] != '.')
            found = e->d_type == DT_DIR ? in_folder(path, phrase) : in_file(path, phrase);
    }
    if (d)
        closedir(d);
    return found;
}

/* ---- a case's life with a phrase of its own in everything that is typed ---- */

static const char *const phrases[] = {
    "头痛如劈三日",     "嘱查头颅磁共振",   "缺近期心电图纸", "请补既往病历本", "草稿疑似蛛网膜", "所见左侧大脑梗",
    "建议双抗二十一",   "因过敏改用他药",   "处理已遵嘱执行", "评价沟通很耐心", "抢救需看既往史", "复核理由属实哦",
    "电话核对病人家",   "王某胸片正位片",   "传错病人的原因", "未传完的化验单", "改派缘由是外出", "补充意见复查钾",
    "口头先行止血药", "审核备注资料齐",
    "外院报文溶血标本", "外院报文暗巷七号", "外院报文废弃原因", "外院数据确无生日",
};

static json_t *act(const char *name, const char *op, const char *args)
{
    json_t *a = world_json(args);
    json_object_set_new(a, "case_id", json_string(id));
    json_object_set_new(a, "version", json_integer(version));
    json_t *c = world_call(&w, name, op, a);
    if (!c)
        fail_msg("%s: %s %s %s", op, w.fault.reason, w.fault.text, w.fault.n_fields ? w.fault.fields[0].path : "");
    if (json_object_get(c, "version"))
        version = json_integer_value(json_object_get(c, "version"));
    return c;
}

static void go(const char *name, const char *op, const char *args)
{
    json_decref(act(name, op, args));
}

static void with_id(const char *name, const char *op, const char *member, const char *value, const char *more)
{
    json_t *args = world_json(more);
    json_object_set_new(args, member, json_string(value));
    json_t *r = world_call(&w, name, op, args);
    if (!r)
        fail_msg("%s: %s %s", op, w.fault.reason, w.fault.text);
    json_decref(r);
}

static void send_opinion(const char *op, const char *findings)
{
    json_t *body = full_opinion(), *args = json_pack("{s:O}", "body", body);
    json_object_set_new(body, "findings", json_string(findings));
    json_object_set_new(json_array_get(json_object_get(body, "recommendations"), 0), "text", json_string("建议双抗二十一"));
    char *text = json_dumps(args, 0);
    go("qian", op, text);
    free(text);
    json_decref(args);
    json_decref(body);
}

static void documents(void)
{
    struct documents *d = records_parts(w.r)->documents;
    uint64_t upload, held;
    const char *names[] = {"王某胸片正位片.txt", "未传完的化验单.txt"};
    for (int i = 0; i < 2; i++) {
        json_t *u = world_call(&w, "zhang", "upload.create",
                               json_pack("{s:s,s:s,s:i,s:s}", "case_id", id, "name", names[i], "bytes", 4, "category", "record"));
        assert_non_null(u);
        const char *text = json_string_value(json_object_get(u, "upload_id"));
        assert_int_equal(id_parse(text, &upload), 0);
        if (i == 0) {
            assert_int_equal(documents_upload_append(d, upload, 0, "text", 4, &held), 0);
            json_t *done = world_call(&w, "zhang", "upload.finish", json_pack("{s:s}", "upload_id", text));
            assert_non_null(done);
            assert_string_equal(json_string_value(json_object_get(done, "name")), names[i]);
            with_id("zhang", "document.withdraw", "document_id", json_string_value(json_object_get(done, "id")),
                    "{\"reason\":\"传错病人的原因\"}");
            json_decref(done);
        }
        json_decref(u);
    }
}

static void until_assigned(void)
{
    go("zhang", "case.submit", "{}");
    go("li", "case.return", "{\"items\":[{\"reason\":\"缺近期心电图纸\"}]}");
    go("zhang", "case.submit", "{}");
    go("li", "case.approve_home", "{\"comment\":\"审核备注资料齐\"}");
    go("chen", "case.triage", "{\"dept_id\":\"0000000000000015\"}");
    go("chen", "case.need_material", "{\"items\":[\"请补既往病历本\"]}");
    go("zhang", "case.supply_material", "{}");
    with_id("zhou", "case.override", "case_id", id, "{\"reason\":\"抢救需看既往史\"}");
    json_t *c = world_call(&w, "zhao", "case.get", json_pack("{s:s}", "case_id", id));
    json_t *override = json_object_get(json_array_get(json_object_get(c, "overrides"), 0), "id");
    json_t *review = json_pack("{s:O,s:s,s:s}", "override_id", override, "verdict", "justified", "comment", "复核理由属实哦");
    char *text = json_dumps(review, 0);
    with_id("zhao", "case.override_review", "case_id", id, text);
    free(text);
    json_decref(review);
    json_decref(c);
    go("chen", "case.assign", "{\"expert_id\":\"00000000000000cd\"}"); /* wu */
    go("wu", "case.expert_decline", "{\"code\":\"busy\",\"reason\":\"改派缘由是外出\"}");
    go("chen", "case.assign", "{\"expert_id\":\"00000000000000cc\"}"); /* qian */
}

static void live(void)
{
    json_t *form = full_form();
    json_object_set_new(json_object_get(form, "history"), "present_illness", json_string("头痛如劈三日"));
    json_t *c = world_call(&w, "zhang", "case.create",
                           json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "patient_id", patient, "kind", "offline", "scope", "clinical", "urgency",
                                     "routine", "target_org_id", "0000000000000014", "form", form));
    assert_non_null(c);
    snprintf(id, sizeof id, "%s", json_string_value(json_object_get(c, "id")));
    version = json_integer_value(json_object_get(c, "version"));
    json_decref(c);
    documents();
    with_id("zhang", "patient.reveal", "patient_id", patient, "{\"what\":\"phone\",\"reason\":\"电话核对病人家\"}");
    until_assigned();
    with_id("zhang", "message.send", "case_id", id, "{\"text\":\"嘱查头颅磁共振\"}");
    go("qian", "case.accept", "{}");
    go("qian", "case.begin_review", "{}");
    send_opinion("case.save_opinion", "草稿疑似蛛网膜");
}

/* ---- messages of other systems: bytes, PID, entries, why one was put aside ---- */

static void heard(void *ctx, const struct records_message_answer *a)
{
    assert_int_equal(a->error, 0);
    snprintf(ctx, 8, "%.2s", a->len > 4 ? strstr(a->bytes, "MSA|") + 4 : "");
}

static void message(const char *bytes, const char *expected)
{
    char code[8];
    struct records_message m = {.bytes = bytes, .len = strlen(bytes), .address = "10.0.0.1", .certificate = ""};
    assert_int_equal(records_message_submit(w.r, &m, heard, code), 0);
    assert_string_equal(code, expected);
}

static json_t *as_system(const char *op, json_t *args)
{
    struct reply reply;
    struct call call = {.op = op, .credential = records_system_credential(w.r), .args = args};
    records_call(w.r, &call, &reply);
    json_decref(args);
    if (reply.error)
        fail_msg("%s: %s", op, reply.fault.text);
    return reply.result;
}

static void messages(void)
{
    json_decref(as_system("exchange.source_set", world_json("{\"source_id\":\"0000000000000e01\",\"org_id\":\"0000000000000014\",\"name\":\"检验\",\"application\":\"LIS\","
                                                           "\"domains\":[{\"namespace_id\":\"LIS\"}],\"enabled\":true}")));
    message("MSH|^~\\&|LIS||||20261124||ORU^R01|1|P|2.4\rPID|1||77^^^LIS||钱^进||19800101|M|||外院报文暗巷七号\rOBR|1||1|X^血\rOBX|1|ST|K^钾||外院报文溶血标本\r", "AA");
    message("MSH|^~\\&|LIS||||20261124||ORU^R01|2|P|2.4\rPID|1||||钱^进\rOBX|1|ST|K^钾||外院报文溶血标本\r", "AE");
    json_t *dead = as_system("exchange.dead", json_object());
    const char *letter = json_string_value(json_object_get(json_array_get(json_object_get(dead, "items"), 0), "id"));
    json_decref(as_system("exchange.drop", json_pack("{s:s,s:s}", "message_id", letter, "reason", "外院报文废弃原因")));
    json_decref(dead);
    message("MSH|^~\\&|LIS||||20261124||ORU^R01|3|P|2.4\rPID|1||78^^^LIS||钱^退||\rOBR|1||2|X^血\rOBX|1|ST|K^钾||5\r", "AA");
    json_t *fixes = world_call(&w, "zhao", "quality.fixes", json_object());
    const char *finding = json_string_value(json_object_get(json_array_get(json_object_get(fixes, "items"), 0), "id"));
    json_decref(world_call(&w, "zhao", "quality.fix_reply", json_pack("{s:s,s:s,s:s}", "finding_id", finding, "answer", "as_is", "note", "外院数据确无生日")));
    json_decref(fixes);
}

static void finish(void)
{
    go("qian", "case.verbal_note", "{\"text\":\"口头先行止血药\"}");
    send_opinion("case.sign_opinion", "所见左侧大脑梗");
    go("zhang", "case.acknowledge",
       "{\"items\":[{\"n\":1,\"decision\":\"adopted\"},{\"n\":2,\"decision\":\"modified\",\"reason\":\"因过敏改用他药\"}],"
       "\"handling\":\"处理已遵嘱执行\"}");
    go("zhang", "case.evaluate",
       "{\"scores\":{\"timely\":5,\"helpful\":5,\"attitude\":5,\"system\":4},\"comment\":\"评价沟通很耐心\"}");
    go("qian", "case.addendum", "{\"text\":\"补充意见复查钾\"}");
}

static int open_world(void **state)
{
    world_open(&w);
    id_format(world_patient(&w, "zhang"), patient);
    return 0;
}

static int close_world(void **state)
{
    world_close(&w);
    return 0;
}

/* What the program says while it works goes into the folder that is searched. */
static int log_into(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", w.dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600), kept = dup(2);
    assert_true(fd >= 0 && kept >= 0);
    fflush(stderr);
    dup2(fd, 2);
    close(fd);
    log_set_level(LOG_LEVEL_DEBUG);
    return kept;
}

static void log_back(int kept)
{
    fflush(stderr);
    dup2(kept, 2);
    close(kept);
    log_set_level(LOG_LEVEL_INFO);
}

static void nothing_typed_is_in_the_files(void **state)
{
    int kept = log_into("log");
    live();
    messages();
    json_decref(world_call(&w, "zhang", "message.send",
                           json_pack("{s:s,s:s,s:i}", "case_id", id, "text", "嘱查头颅磁共振", "缺近期心电图纸", 1))); /* refused */
    log_back(kept);
    assert_int_equal(world_count(&w, "SELECT COUNT(*) FROM consult_draft"), 1); /* looked for while it is there */
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        assert_false(in_folder(w.dir, phrases[i]));
    finish();
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (in_folder(w.dir, phrases[i]))
            fail_msg("in the clear: %s", phrases[i]);
    if (store_is_file(records_store(w.r)))
        assert_true(in_folder(w.dir, "青石镇卫生院")); /* the search does find what is not sealed, */
    assert_true(in_file("/proc/self/exe", phrases[0])); /* and these very bytes */
}

/* So that no column is forgotten above: each one has been written, and nothing but a sealed value. */
static void every_sealed_column_was_written(void **state)
{
    for (int i = 0; i < SEALED_COUNT; i++) {
        const struct sealed_place *p = &sealed_places[i];
        char sql[300];
        bool elsewhere = i >= SEALED_TICKET_NAME && i <= SEALED_TRACK_NAME; /* a room: unit/records_room, records_recording */
        elsewhere = elsewhere || (i >= SEALED_MPI_NOTE && i <= SEALED_SHARE_COMMENT); /* the index and sharing: unit/records_index, records_sharing */
        elsewhere = elsewhere || (i >= SEALED_MONTH_SHEET && i <= SEALED_ALARM_NOTE); /* story/month, story/alarm */
        if (i != SEALED_DRAFT_BODY && !elsewhere) { /* a draft is gone with the signature */
            snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM %s WHERE %s IS NOT NULL", p->table, p->column);
            if (world_count(&w, sql) < 1)
                fail_msg("%s.%s was never written", p->table, p->column);
        }
        snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM %s WHERE %s IS NOT NULL AND CAST(%s AS BLOB)<>%s", p->table, p->column, p->column, p->column);
        assert_int_equal(world_count(&w, sql), 0);
    }
}

/* ---- a value in another place ---- */

static void change(const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    assert_int_equal(tx_exec(tx, sql, ""), 0);
    assert_int_equal(tx_commit(tx), 0);
}

static int read_case(void)
{
    json_t *c = world_call(&w, "zhang", "case.get", json_pack("{s:s}", "case_id", id));
    json_decref(c);
    return c ? 0 : w.fault.code;
}

static void a_moved_value_does_not_open(void **state)
{
    static const char *const changes[][2] = {
        {"consult_event", "UPDATE consult_event SET reason=(SELECT e.reason FROM consult_event e WHERE e.reason IS NOT NULL AND "
                          "e.id<>consult_event.id LIMIT 1) WHERE reason IS NOT NULL"},
        {"consult", "UPDATE consult SET form=adoption"},
        {"consult", "UPDATE consult SET form=substr(form,1,length(form)-1)"},
        {"consult", "UPDATE consult SET form='{\"history\":{}}'"},
        {"consult_opinion", "UPDATE consult_opinion SET case_id=case_id, body=signed_text"},
        {"consult_item", "UPDATE consult_item SET items=(SELECT i.items FROM consult_item i WHERE i.id<>consult_item.id ORDER BY i.id LIMIT 1)"}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char sql[200];
        assert_int_equal(read_case(), 0);
        snprintf(sql, sizeof sql, "CREATE TABLE kept AS SELECT * FROM %s", changes[i][0]);
        change(sql);
        change(changes[i][1]);
        assert_int_equal(read_case(), ERR_STORAGE);
        snprintf(sql, sizeof sql, "DELETE FROM %s", changes[i][0]);
        change(sql);
        snprintf(sql, sizeof sql, "INSERT INTO %s SELECT * FROM kept", changes[i][0]);
        change(sql);
        change("DROP TABLE kept");
    }
    assert_int_equal(read_case(), 0);
}

/* ---- a database from before ---- */

#define OLD "旧版明文主诉咳嗽"

static int old_version;

static void make_old(void)
{
    struct store *s;
    struct tx *tx;
    struct fault f = {0};
    char path[96];
    snprintf(path, sizeof path, "%s/yilian.db", w.dir);
    assert_int_equal(store_open(&s, path, &f), 0);
    int last = 0; /* the step before the one that seals */
    for (const struct migration *m = store_migrations; !m->run; m++)
        last = m->version;
    for (const struct migration *m = store_migrations; m->version <= last; m++) {
        assert_int_equal(tx_begin(s, TX_WRITE, &tx), 0);
        char sql[65536], *save;
        snprintf(sql, sizeof sql, "%s", m->sql);
        for (char *one = strtok_r(sql, ";", &save); one; one = strtok_r(NULL, ";", &save))
            assert_int_equal(tx_exec(tx, one, ""), 0);
        assert_int_equal(tx_commit(tx), 0);
    }
    assert_int_equal(tx_begin(s, TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO consult (id,number,patient_id,applicant_id,home_org_id,home_dept_id,created_ms,form,adoption) VALUES "
                "(7,'HZ1',1,1,1,1,1,'{\"a\":\"" OLD "\"}',NULL),(8,'HZ2',1,1,1,1,1,'{}','" OLD "')", "");
    tx_exec(tx, "INSERT INTO consult_event VALUES (1,7,1,'x','A','B',1,'r',1,'" OLD "',NULL),(2,7,1,'x','A','B',1,'r',1,NULL,NULL)", "");
    tx_exec(tx, "INSERT INTO consult_item (id,case_id,kind,t_ms,person_id,items,done) VALUES (1,7,'need',1,1,'" OLD "',0)", "");
    tx_exec(tx, "INSERT INTO consult_draft VALUES (7,5,'" OLD "5',1),(7,6,'" OLD "6',1)", "");
    tx_exec(tx, "INSERT INTO consult_opinion VALUES (1,7,1,'final',1,'" OLD "','" OLD "',1,'h','l',0)", "");
    tx_exec(tx, "INSERT INTO consult_advice (case_id,n,text,reason) VALUES (7,1,'" OLD "1','" OLD "'),(7,2,'" OLD "2',NULL)", "");
    tx_exec(tx, "INSERT INTO consult_evaluation VALUES (7,'expert',5,'{}','" OLD "',1)", "");
    tx_exec(tx, "INSERT INTO consult_message VALUES (1,7,1,1,1,'" OLD "',0,0,0)", "");
    tx_exec(tx, "INSERT INTO consult_override (id,case_id,person_id,org_id,t_ms,until_ms,reason,reviewed_ms,comment) "
                "VALUES (1,7,1,1,1,1,'" OLD "',0,'" OLD "')", "");
    tx_exec(tx, "INSERT INTO patient_reveal VALUES (1,1,1,'phone','" OLD "',1)", "");
    tx_exec(tx, "INSERT INTO document VALUES (1,7,1,0,1,1,'" OLD "','lab','pdf',1,'s','b',NULL,2,0,1,'upload',1,1,'" OLD "')", "");
    tx_exec(tx, "INSERT INTO upload VALUES (1,1,1,7,1,0,'" OLD "','lab',NULL,1,0,NULL,'upload',1,0)", "");
    tx_exec(tx, "INSERT INTO room_ticket (id,token_hash,room_id,case_id,person_id,role,name,title,org,seat_id,resume_hash,admitted,created_ms,"
                "expires_ms,revoked_ms) VALUES (1,'t',9,7,0,'guest','" OLD "','" OLD "','',1,'',0,1,1,0)", "");
    tx_exec(tx, "INSERT INTO recording_source VALUES (3,4,'video','camera',0,'" OLD "')", "");
    tx_exec(tx, "INSERT INTO recording_track (recording_id,document_id,kind,source,person_id,name,started_ms,duration_ms,content_type,sha256,"
                "track_id) VALUES (3,5,'video','camera',0,'" OLD "',1,1,'video/webm','s',4)", "");
    tx_exec(tx, "INSERT INTO idempotent VALUES (1,'12345678','x','y',1,'z')", "");
    char set[40];
    snprintf(set, sizeof set, "PRAGMA user_version=%d", last);
    tx_exec(tx, set, "");
    old_version = last;
    assert_int_equal(tx_commit(tx), 0);
    store_close(s);
}

static void assert_old(struct tx *tx, const char *sql, const char *column, enum sealed_column which, uint64_t row, uint64_t part,
                       const char *want)
{
    struct query *q = tx_query(tx, sql, "");
    assert_true(query_next(q));
    const char *text = query_sealed(q, column, which, row, part);
    if (want)
        assert_string_equal(text, want);
    else
        assert_null(text);
    assert_int_equal(query_end(q), 0);
}

static void an_older_database_is_sealed_when_opened(void **state)
{
    struct fault f = {0};
    struct store *s;
    struct tx *tx;
    char path[96];
    strcpy(w.dir, "/tmp/yl-old-XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    struct records_config config = {.data_dir = w.dir, .config_dir = YL_SOURCE_DIR "/config", .clock = &w.clock};
    assert_int_equal(records_open(&w.r, &config, &f), 0); /* makes the master key */
    bool file = store_is_file(records_store(w.r));
    records_close(w.r);
    w.r = NULL;
    if (!file)
        skip(); /* sites on PostgreSQL are younger than this step */
    snprintf(path, sizeof path, "%s/yilian.db", w.dir);
    assert_int_equal(unlink(path), 0);
    make_old();
    assert_true(in_folder(w.dir, OLD));
    /* without the key nothing is half done */
    assert_int_equal(store_open(&s, path, &f), 0);
    assert_int_not_equal(store_migrate(s, &f), 0);
    assert_int_equal(store_version(s), old_version);
    store_close(s);
    fault_clear(&f);

    assert_int_equal(records_open(&w.r, &config, &f), 0);
    assert_false(in_folder(w.dir, OLD)); /* neither rows nor what was left of them */
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    assert_old(tx, "SELECT form FROM consult WHERE id=7", "form", SEALED_CONSULT_FORM, 7, 0, "{\"a\":\"" OLD "\"}");
    assert_old(tx, "SELECT adoption FROM consult WHERE id=7", "adoption", SEALED_CONSULT_ADOPTION, 7, 0, NULL);
    assert_old(tx, "SELECT adoption FROM consult WHERE id=8", "adoption", SEALED_CONSULT_ADOPTION, 8, 0, OLD);
    assert_old(tx, "SELECT body FROM consult_draft WHERE person_id=6", "body", SEALED_DRAFT_BODY, 7, 6, OLD "6");
    assert_old(tx, "SELECT text FROM consult_advice WHERE n=2", "text", SEALED_ADVICE_TEXT, 7, 2, OLD "2");
    assert_old(tx, "SELECT reason FROM consult_advice WHERE n=2", "reason", SEALED_ADVICE_REASON, 7, 2, NULL);
    assert_old(tx, "SELECT comment FROM consult_evaluation", "comment", SEALED_EVALUATION_COMMENT, 7, 5, OLD);
    assert_old(tx, "SELECT name FROM document", "name", SEALED_DOCUMENT_NAME, 1, 0, OLD);
    assert_old(tx, "SELECT name FROM room_ticket", "name", SEALED_TICKET_NAME, 1, 9, OLD);
    assert_old(tx, "SELECT title FROM room_ticket", "title", SEALED_TICKET_TITLE, 1, 9, OLD);
    assert_old(tx, "SELECT name FROM recording_source", "name", SEALED_SOURCE_NAME, 3, 4, OLD);
    assert_old(tx, "SELECT name FROM recording_track", "name", SEALED_TRACK_NAME, 3, 5, OLD);
    assert_int_equal(tx_int(tx, -1, "SELECT COUNT(*) FROM idempotent", ""), 0);
    tx_rollback(tx);
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0); /* columns that were born sealed: an institution to write them for */
    tx_exec(tx, "INSERT INTO org (id, parent_id, kind, level, code, name, pinyin, phone, specialty, active) VALUES (20,0,'institution','','X','甲院','','','',1)", "");
    assert_int_equal(tx_commit(tx), 0);
    messages();
    every_sealed_column_was_written(NULL);
    records_close(w.r);
    assert_int_equal(records_open(&w.r, &config, &f), 0); /* a second time finds nothing to do */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_typed_is_in_the_files), cmocka_unit_test(every_sealed_column_was_written),
                                       cmocka_unit_test(a_moved_value_does_not_open)};
    const struct CMUnitTest old[] = {cmocka_unit_test_teardown(an_older_database_is_sealed_when_opened, close_world)};
    return cmocka_run_group_tests(tests, open_world, close_world) + cmocka_run_group_tests(old, NULL, NULL);
}
