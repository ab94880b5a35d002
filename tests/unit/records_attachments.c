/* Uploads to documents to handles, notices to deliveries, all against a real store: limits, access, names, resuming, withdrawing, the
 * background round with a real HTTP server at its end. */
#include "records/background.h"
#include "records/document/document.h"
#include "records/notify/notify.h"
#include "records/patient/patient.h"
#include "tests/support/desk.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

static const struct op *const tables[] = {patient_ops, document_ops, notify_ops, term_ops, NULL};
#define CALL(name, ...) desk_call(tables, name, desk_text(__VA_ARGS__))

static char patient[17], document[17];

static struct documents *documents(void)
{
    return records_parts(desk.r)->documents;
}

static int begin(void **state)
{
    int rc = desk_open(state);
    json_t *p = rc ? NULL : CALL("patient.create", "{\"name\":\"沈萍香\",\"sex\":\"female\",\"birth_date\":\"1967-09-10\"}");
    snprintf(patient, sizeof patient, "%s", member(p, "id"));
    json_decref(p);
    return rc;
}

/* Uploads bytes in two pieces; the finished document. */
static json_t *upload(const char *name, const char *category, const void *data, size_t len)
{
    uint64_t held = 0;
    json_t *u = CALL("upload.create", "{\"patient_id\":\"%s\",\"name\":\"%s\",\"bytes\":%zu,\"category\":\"%s\",\"content_type\":\"text/html\"}",
                     patient, name, len, category);
    assert_non_null(u);
    uint64_t id = strtoull(member(u, "upload_id"), NULL, 16);
    assert_int_equal(documents_upload_append(documents(), id, 0, data, len / 2, &held), 0);
    assert_int_equal(documents_upload_append(documents(), id, held, (const char *)data + held, len - held, &held), 0);
    json_t *d = CALL("upload.finish", "{\"upload_id\":\"%s\"}", member(u, "upload_id"));
    assert_non_null(d);
    json_decref(u);
    return d;
}

static const char pdf[] = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
                          "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 300]>>endobj\ntrailer<</Root 1 0 R>>\n";

static void from_upload_to_bytes(void **state)
{
    json_t *d = upload("../../血常规 报告.pdf", "lab", pdf, sizeof pdf - 1);
    snprintf(document, sizeof document, "%s", member(d, "id"));
    assert_string_equal(member(d, "name"), "血常规 报告.pdf");
    assert_string_equal(member(d, "content_type"), "application/pdf"); /* whatever the browser said */
    assert_string_equal(member(d, "kind"), "pdf");
    assert_string_equal(member(d, "patient_id"), patient);
    json_t *h = CALL("document.open", "{\"document_id\":\"%s\"}", document);
    char data[100];
    size_t got;
    assert_true(json_is_true(json_object_get(h, "inline")));
    assert_int_equal(documents_handle_read(documents(), member(h, "handle"), desk.now_ms, 5, data, 3, &got), 0);
    assert_int_equal(got, 3);
    assert_memory_equal(data, "1.4", 3);
    assert_int_equal(documents_handle_read(documents(), member(h, "handle"), desk.now_ms, 1 << 20, data, 3, &got), 0);
    assert_int_equal(got, 0);
    assert_int_equal(documents_handle_read(documents(), member(h, "handle"), desk.now_ms + DOCUMENT_HANDLE_MS, 0, data, 3, &got), ERR_GONE);
    documents_handles_end(documents(), desk.actor.session); /* logged out */
    assert_int_equal(documents_handle_read(documents(), member(h, "handle"), desk.now_ms, 0, data, 3, &got), ERR_GONE);
    assert_int_equal(documents_handle_read(documents(), "nonsense", desk.now_ms, 0, data, 3, &got), ERR_GONE);
    json_decref(h);
    json_decref(d);
}

static void what_could_run_is_a_download(void **state)
{
    static const char html[] = "<html><script>alert(document.cookie)</script></html>";
    json_t *d = upload("好看.html", "other", html, sizeof html - 1);
    json_t *h = CALL("document.open", "{\"document_id\":\"%s\"}", member(d, "id"));
    assert_string_equal(member(h, "content_type"), "application/octet-stream");
    assert_true(json_is_false(json_object_get(h, "inline")));
    json_decref(h);
    json_decref(d);
}

static void unfinished_uploads(void **state)
{
    uint64_t held;
    json_t *u = CALL("upload.create", "{\"patient_id\":\"%s\",\"name\":\"a\",\"bytes\":10,\"category\":\"photo\",\"sha256\":\"%064d\"}", patient, 7);
    uint64_t id = strtoull(member(u, "upload_id"), NULL, 16);
    assert_null(CALL("upload.finish", "{\"upload_id\":\"%s\"}", member(u, "upload_id")));
    assert_string_equal(desk.fault.reason, "bytes_missing");
    assert_int_equal(documents_upload_append(documents(), id, 3, "x", 1, &held), ERR_CONFLICT);
    assert_int_equal(held, 0);
    assert_int_equal(documents_upload_append(documents(), id, 0, "hello", 5, &held), 0);
    json_t *s = CALL("upload.status", "{\"upload_id\":\"%s\"}", member(u, "upload_id"));
    assert_int_equal(json_integer_value(json_object_get(s, "offset")), 5);
    json_decref(s);
    assert_int_equal(documents_upload_append(documents(), id, 5, "worlds", 6, &held), ERR_TOO_LARGE);
    assert_int_equal(documents_upload_append(documents(), id, 5, "world", 5, &held), 0);
    assert_null(CALL("upload.finish", "{\"upload_id\":\"%s\"}", member(u, "upload_id"))); /* not the hash it promised */
    assert_memory_equal(desk_wrong(), "sha256 differs:936a185caaa266bb", 31);
    uint64_t roles = desk.actor.roles;
    desk.actor.roles = 0; /* taken away since it began */
    assert_null(CALL("upload.finish", "{\"upload_id\":\"%s\"}", member(u, "upload_id")));
    assert_int_equal(desk.fault.code, ERR_DENIED);
    desk.actor.roles = roles;
    desk.actor.person.v = 12; /* an id alone gives nothing */
    assert_null(CALL("upload.status", "{\"upload_id\":\"%s\"}", member(u, "upload_id")));
    assert_int_equal(desk.fault.code, ERR_GONE);
    desk.actor.person.v = 11;
    json_decref(CALL("upload.cancel", "{\"upload_id\":\"%s\"}", member(u, "upload_id")));
    assert_int_equal(documents_upload_append(documents(), id, 10, "x", 1, &held), ERR_GONE);
    json_decref(u);
    assert_null(CALL("upload.create", "{\"name\":\"a\",\"bytes\":10,\"category\":\"photo\"}"));
    assert_memory_equal(desk_wrong(), "case_id exactly_one_of", 22);
    assert_null(CALL("upload.create", "{\"patient_id\":\"%s\",\"name\":\"a\",\"bytes\":0,\"category\":\"photo\"}", patient));
    assert_null(CALL("upload.create", "{\"person_id\":\"%016x\",\"name\":\"a\",\"bytes\":5,\"category\":\"signature\"}", 12));
    assert_int_equal(desk.fault.code, ERR_DENIED);
}

static void finishing_twice_gives_the_same(void **state)
{
    json_t *u = CALL("upload.create", "{\"patient_id\":\"%s\",\"name\":\"a.txt\",\"bytes\":2,\"category\":\"other\"}", patient);
    uint64_t held, id = strtoull(member(u, "upload_id"), NULL, 16);
    assert_int_equal(documents_upload_append(documents(), id, 0, "ab", 2, &held), 0);
    json_t *a = CALL("upload.finish", "{\"upload_id\":\"%s\"}", member(u, "upload_id"));
    json_t *b = CALL("upload.finish", "{\"upload_id\":\"%s\"}", member(u, "upload_id"));
    assert_string_equal(member(a, "id"), member(b, "id"));
    json_decref(a);
    json_decref(b);
    json_decref(u);
}

static void too_many_at_once(void **state)
{
    char ids[UPLOADS_PER_PERSON][17];
    for (int i = 0; i < UPLOADS_PER_PERSON; i++) {
        json_t *u = CALL("upload.create", "{\"patient_id\":\"%s\",\"name\":\"a\",\"bytes\":10,\"category\":\"photo\"}", patient);
        assert_non_null(u);
        snprintf(ids[i], sizeof ids[i], "%s", member(u, "upload_id"));
        json_decref(u);
    }
    assert_null(CALL("upload.create", "{\"patient_id\":\"%s\",\"name\":\"a\",\"bytes\":10,\"category\":\"photo\"}", patient));
    assert_int_equal(desk.fault.code, ERR_RATE);
    for (int i = 0; i < UPLOADS_PER_PERSON; i++)
        json_decref(CALL("upload.cancel", "{\"upload_id\":\"%s\"}", ids[i]));
}

static void strangers_and_withdrawal(void **state)
{
    desk.actor.org.v = 3;
    desk.actor.person.v = 99;
    assert_null(CALL("document.open", "{\"document_id\":\"%s\"}", document));
    assert_int_equal(desk.fault.code, ERR_DENIED);
    assert_null(CALL("document.withdraw", "{\"document_id\":\"%s\",\"reason\":\"不要\"}", document));
    assert_null(CALL("document.open", "{\"document_id\":\"%016x\"}", 5));
    assert_int_equal(desk.fault.code, ERR_NOT_FOUND);
    desk.actor.org.v = 1;
    desk.actor.person.v = 11;
    json_t *d = CALL("document.update", "{\"document_id\":\"%s\",\"name\":\"新名.pdf\",\"category\":\"record\"}", document);
    assert_string_equal(member(d, "name"), "新名.pdf");
    json_decref(d);
    json_t *t = CALL("patient.timeline", "{\"patient_id\":\"%s\"}", patient);
    size_t before = json_array_size(json_object_get(t, "items"));
    json_decref(t);
    json_decref(CALL("document.withdraw", "{\"document_id\":\"%s\",\"reason\":\"传错病人\"}", document));
    assert_null(CALL("document.open", "{\"document_id\":\"%s\"}", document));
    assert_string_equal(desk.fault.reason, "withdrawn");
    t = CALL("patient.timeline", "{\"patient_id\":\"%s\"}", patient);
    assert_int_equal(json_array_size(json_object_get(t, "items")), before - 1);
    json_decref(t);
}

static void thumbnails_and_sweeping(void **state)
{
    json_t *d = upload("页.pdf", "record", pdf, sizeof pdf - 1), *h;
    assert_true(json_is_false(json_object_get(d, "has_thumbnail")));
    records_background(desk.r);
    h = CALL("document.open", "{\"document_id\":\"%s\",\"thumbnail\":true}", member(d, "id"));
    if (h) /* pdftoppm is optional */
        assert_string_equal(member(h, "content_type"), "image/jpeg");
    else
        assert_string_equal(desk.fault.reason, "no_thumbnail");
    json_decref(h);
    json_decref(d);
    json_t *u = CALL("upload.create", "{\"patient_id\":\"%s\",\"name\":\"a\",\"bytes\":10,\"category\":\"photo\"}", patient);
    int64_t now_ms = desk.now_ms;
    desk.now_ms = clock_now_ms(&clock_system) + 3 * UPLOAD_IDLE_MS; /* abandoned: file times are the machine's, not the desk's */
    records_background(desk.r);
    assert_null(CALL("upload.status", "{\"upload_id\":\"%s\"}", member(u, "upload_id")));
    assert_int_equal(desk.fault.code, ERR_GONE);
    json_decref(u);
    desk.now_ms = now_ms;
}

static void files_of_the_daemon(void **state)
{
    char path[96], sha256[65];
    struct document_staging staged = {0};
    bool whole = false;
    struct document_id id;
    struct tx *tx;
    snprintf(path, sizeof path, "%s/track.webm", desk.dir);
    FILE *f = fopen(path, "wb");
    fputs("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", f);
    for (int i = 0; i < 300000; i++)
        fputc(i * 7 & 255, f);
    fclose(f);
    assert_int_equal(document_stage_begin(documents(), "/nonexistent", &staged), ERR_STORAGE);
    assert_int_equal(document_stage_begin(documents(), path, &staged), 0);
    assert_int_equal(document_stage_step(documents(), &staged, 100000, &whole), 0);
    while (!whole)
        assert_int_equal(document_stage_step(documents(), &staged, 100000, &whole), 0);
    assert_int_equal(document_stage_sha256(documents(), &staged, sha256), 0);
    struct document_meta meta = {.patient = {strtoull(patient, NULL, 16)}, .org = {1}, .name = "摄像头.webm", .category = "recording",
                                 .source = "recording", .taken_ms = desk.now_ms};
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    struct op_ctx ctx = {.records = desk.r, .tx = tx, .actor = &desk.actor, .now_ms = desk.now_ms, .fault = &desk.fault};
    assert_int_equal(records_document_import(&ctx, staged.id, &meta, &id), 0);
    json_t *d = document_object(&ctx, id);
    assert_string_equal(member(d, "content_type"), "video/webm");
    assert_int_equal(json_integer_value(json_object_get(d, "bytes")), 300016);
    assert_string_equal(member(d, "sha256"), sha256);
    assert_int_equal(tx_commit(tx), 0);
    document_stage_drop(documents(), &staged);
    assert_null(CALL("document.withdraw", "{\"document_id\":\"%s\",\"reason\":\"不要\"}", member(d, "id"))); /* sealed */
    assert_int_equal(desk.fault.code, ERR_NOT_ALLOWED_NOW);
    json_decref(d);
}

/* ---- notices ---- */

static int tell(uint64_t person, const char *template_id, const char *number, bool urgent)
{
    struct tx *tx;
    struct notify_about about = {.case_number = number, .act = "accept", .due_ms = desk.now_ms + 3600000, .urgent = urgent};
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    struct op_ctx ctx = {.records = desk.r, .tx = tx, .actor = &desk.actor, .now_ms = desk.now_ms, .fault = &desk.fault};
    int rc = notify_person(&ctx, (struct person_id){person}, template_id, &about);
    if (rc)
        tx_rollback(tx);
    else
        assert_int_equal(tx_commit(tx), 0);
    return rc;
}

static void notices_hold_no_health_data(void **state)
{
    assert_int_equal(tell(11, "case.assigned", "HZ20261124-0001", true), 0);
    assert_int_equal(tell(11, "case.scheduled", "HZ20261124-0002", false), 0);
    assert_int_equal(tell(12, "case.assigned", "HZ20261124-0001", false), 0);
    assert_int_equal(tell(11, "case.nonsense", "HZ1", false), ERR_INTERNAL);
    assert_int_equal(tell(11, "case.assigned", "张三 肺炎", false), ERR_INTERNAL);
    assert_int_equal(tell(0, "case.assigned", "HZ1", false), 0); /* nobody */
    json_t *l = CALL("notice.list", "{\"unread\":true}"), *items = json_object_get(l, "items");
    assert_int_equal(json_array_size(items), 2);
    assert_int_equal(json_integer_value(json_object_get(l, "unread")), 2);
    const char *first = member(json_array_get(items, 0), "id");
    json_t *r = CALL("notice.read", "{\"notice_id\":\"%s\"}", first);
    assert_int_equal(json_integer_value(json_object_get(r, "unread")), 1);
    json_decref(r);
    desk.actor.person.v = 12;
    assert_null(CALL("notice.read", "{\"notice_id\":\"%s\"}", first)); /* another's */
    desk.actor.person.v = 11;
    json_decref(l);
    json_decref(CALL("notice.read_all", "{}"));
    l = CALL("notice.list", "{\"unread\":true}");
    assert_int_equal(json_array_size(json_object_get(l, "items")), 0);
    json_decref(l);
}

/* Takes one request and answers with the status given. */
struct server {
    int fd, port;
    const char *status;
    pthread_t thread;
    char request[8192];
};

static void *serve(void *ctx)
{
    struct server *s = ctx;
    int c = accept(s->fd, NULL, NULL);
    size_t n = 0;
    char answer[200];
    while (n < sizeof s->request - 1) {
        ssize_t got = read(c, s->request + n, sizeof s->request - 1 - n);
        n += got > 0 ? (size_t)got : 0;
        s->request[n] = 0;
        const char *body = strstr(s->request, "\r\n\r\n"), *length = strcasestr(s->request, "content-length:");
        if (got <= 0 || (body && length && strlen(body + 4) >= strtoul(length + 15, NULL, 10)))
            break;
    }
    snprintf(answer, sizeof answer, "HTTP/1.1 %s\r\nConnection: close\r\n\r\n", s->status);
    (void)!write(c, answer, strlen(answer));
    close(c);
    return NULL;
}

static void serve_one(struct server *s, const char *status)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)s->port)};
    socklen_t len = sizeof a;
    int yes = 1;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    s->status = status;
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->fd, 4), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void served(struct server *s)
{
    pthread_join(s->thread, NULL);
    close(s->fd);
}

/* state of the newest delivery on a gateway, "" when there is none */
static const char *state_on(const char *gateway)
{
    static char state[16];
    json_t *l = CALL("delivery.list", "{}"), *item;
    size_t i;
    state[0] = 0;
    json_array_foreach (json_object_get(l, "items"), i, item)
        if (!state[0] && strcmp(member(json_object_get(item, "gateway"), "id"), gateway) == 0)
            snprintf(state, sizeof state, "%s", member(item, "state"));
    json_decref(l);
    return state;
}

#define FIRST "00000000000000a1"
#define SECOND "00000000000000a2"
static void set_gateway(const char *id, int port, int priority)
{
    json_t *g = CALL("gateway.set", "{\"gateway_id\":\"%s\",\"name\":\"短信\",\"url\":\"http://127.0.0.1:%d/hook\",\"secret\":\"0123456789abcdef\","
                                    "\"kinds\":[\"urgent\",\"task\"],\"priority\":%d,\"enabled\":true}", id, port, priority);
    assert_non_null(g);
    char *text = json_dumps(g, 0);
    assert_null(strstr(text, "0123456789abcdef"));
    free(text);
    json_decref(g);
}

static void deliveries_fail_over_and_come_back(void **state)
{
    struct server a = {0}, b = {0};
    serve_one(&a, "503 Later");
    serve_one(&b, "200 OK");
    set_gateway(FIRST, a.port, 1);
    set_gateway(SECOND, b.port, 2);
    assert_int_equal(tell(11, "case.scheduled", "HZ1", false), 0); /* only tells: neither gateway takes it */
    assert_string_equal(state_on(FIRST), "");
    assert_int_equal(tell(11, "case.assigned", "HZ20261124-0009", true), 0);
    assert_string_equal(state_on(FIRST), "queued");
    records_background(desk.r);
    served(&a);
    assert_non_null(strstr(a.request, "\"case_number\":\"HZ20261124-0009\""));
    assert_string_equal(state_on(FIRST), "queued"); /* 503: again later */
    records_background(desk.r);                      /* not yet: nobody listens, nothing is lost */
    assert_string_equal(state_on(FIRST), "queued");
    desk.now_ms += delivery_backoff_ms(1);
    serve_one(&a, "403 Forbidden");
    records_background(desk.r);
    served(&a);
    assert_string_equal(state_on(FIRST), "failed");
    assert_string_equal(state_on(SECOND), "queued"); /* the next channel has it */
    records_background(desk.r);
    served(&b);
    assert_string_equal(state_on(SECOND), "sent");
    json_decref(CALL("notice.read_all", "{}"));
    assert_string_equal(state_on(SECOND), "read");
    assert_string_equal(state_on(FIRST), "failed");
}

static void quiet_hours_wait_for_the_morning(void **state)
{
    int64_t day = desk.now_ms;
    desk.now_ms += 9 * 3600000; /* 23:00 */
    assert_int_equal(tell(12, "case.assigned", "HZ3", false), 0);
    records_background(desk.r); /* nobody listens: a try would leave an error */
    json_t *l = CALL("delivery.list", "{\"state\":\"queued\"}"), *item = json_array_get(json_object_get(l, "items"), 0);
    assert_int_equal(json_integer_value(json_object_get(item, "tries")), 0);
    assert_int_equal(json_integer_value(json_object_get(item, "next_ms")), 1795500000000 + 17 * 3600000); /* 07:00 */
    json_decref(l);
    desk.actor.person.v = 12;
    json_decref(CALL("notice.read_all", "{}")); /* read in the application: no message at seven */
    desk.actor.person.v = 11;
    l = CALL("delivery.list", "{\"state\":\"queued\"}");
    assert_int_equal(json_array_size(json_object_get(l, "items")), 0);
    json_decref(l);
    desk.now_ms = day;
}

static void a_gateway_is_given_up_after_some_tries(void **state)
{
    set_gateway(FIRST, 1, 1); /* nobody listens on port 1 */
    json_t *g = CALL("gateway.set", "{\"gateway_id\":\"%s\",\"name\":\"off\",\"url\":\"http://127.0.0.1:1/\",\"kinds\":[],\"enabled\":false}", SECOND);
    json_decref(g);
    assert_int_equal(tell(11, "case.assigned", "HZ2", true), 0);
    for (int i = 0; i < DELIVERY_TRIES_MAX; i++) {
        assert_string_equal(state_on(FIRST), "queued");
        records_background(desk.r);
        desk.now_ms += delivery_backoff_ms(i + 1);
    }
    assert_string_equal(state_on(FIRST), "failed");
}

static void terms(void **state)
{
    json_t *r = CALL("term.icd10", "{\"q\":\"gxy\",\"limit\":3}"), *items = json_object_get(r, "items");
    assert_int_equal(json_array_size(items), 3);
    assert_string_equal(member(json_array_get(items, 0), "text"), "高血压");
    assert_string_equal(member(json_array_get(items, 0), "pinyin"), "gxy");
    json_decref(r);
    assert_null(CALL("term.icd10", "{\"q\":\"\"}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_upload_to_bytes),           cmocka_unit_test(what_could_run_is_a_download),
        cmocka_unit_test(unfinished_uploads),             cmocka_unit_test(finishing_twice_gives_the_same),
        cmocka_unit_test(too_many_at_once),               cmocka_unit_test(strangers_and_withdrawal),
        cmocka_unit_test(thumbnails_and_sweeping),        cmocka_unit_test(files_of_the_daemon),
        cmocka_unit_test(notices_hold_no_health_data),    cmocka_unit_test(deliveries_fail_over_and_come_back),
        cmocka_unit_test(quiet_hours_wait_for_the_morning), cmocka_unit_test(a_gateway_is_given_up_after_some_tries),
        cmocka_unit_test(terms),
    };
    return cmocka_run_group_tests(tests, begin, desk_close);
}
