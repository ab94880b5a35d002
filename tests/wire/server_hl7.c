/* MLLP with the real daemon: framing, order, TLS with a client's certificate, one sender's trouble is not another's, and kill -9 at random
 * moments while two senders send: nothing lost, nothing twice. */
#include "tests/lib/site.h"
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <sqlite3.h>

static uint16_t port, tls_port;

/* ---- a sender ---- */

struct sender {
    int fd;
    char in[65536];
    size_t len;
};

static int sender_open(struct sender *s)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = 20};
    memset(s, 0, sizeof *s);
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    int rc = connect(s->fd, (struct sockaddr *)&sa, sizeof sa);
    if (rc) close(s->fd);
    return rc;
}

static int sender_put(struct sender *s, const char *text)
{
    char block[9000];
    int n = snprintf(block, sizeof block, "\013%s\034\r", text);
    for (int i = 0; i < n; i++)
        if (block[i] == '\n') block[i] = '\r';
    return send(s->fd, block, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -1;
}

/* The next answer without its frame, CR as \n; NULL = the line is over. */
static const char *sender_get(struct sender *s)
{
    static char out[65536];
    for (;;) {
        char *end = s->len ? memmem(s->in, s->len, "\034\r", 2) : NULL;
        if (end) {
            size_t n = (size_t)(end - s->in);
            assert_int_equal(s->in[0], 013);
            memcpy(out, s->in + 1, n - 1);
            out[n - 1] = 0;
            s->len -= n + 2;
            memmove(s->in, s->in + n + 2, s->len);
            for (char *p = out; *p; p++)
                if (*p == '\r') *p = '\n';
            return out;
        }
        ssize_t got = recv(s->fd, s->in + s->len, sizeof s->in - s->len, 0);
        if (got <= 0) return NULL;
        s->len += (size_t)got;
    }
}

static const char *sender_ask(struct sender *s, const char *text)
{
    assert_int_equal(sender_put(s, text), 0);
    const char *answer = sender_get(s);
    if (!answer) fail_msg("no answer");
    return answer;
}

static bool msa_is(const char *answer, const char *code, const char *control)
{
    char want[120];
    snprintf(want, sizeof want, "\nMSA|%s|%s", code, control);
    const char *at = strstr(answer, want);
    return at && (at[strlen(want)] == '\n' || at[strlen(want)] == '|');
}

#define ADMIT(control, number, name) "MSH|^~\\&|HIS|QS|YL|X|20261128083000||ADT^A04|" control "|P|2.4\nPID|1||" number "^^^QS||" name "||19800101|F\nPV1|1|O\n"

/* ---- the site ---- */

static int begin(void **state)
{
    char more[200];
    (void)state;
    port = site_free_port(SOCK_STREAM);
    tls_port = site_free_port(SOCK_STREAM);
    snprintf(more, sizeof more, "mllp.port = %u\nmllp.tls_port = %u\nmllp.max_message = 64KiB\nexchange.drop_dir = drop\nexchange.drop_settle = 100ms\nexchange.odbc_ini = odbc.ini\nexchange.odbc_rows = 300\n", port, tls_port);
    site_start(more);
    site_ctl("exchange add --org QS01 --application HIS --facility QS --domain QS=1.2.3.4 --ask");
    site_ctl("exchange add --org YL01 --application LIS --domain YL --assume missing");
    site_ctl("exchange add --org BH01 --application BHIS --facility BH --domain BH");
    site_ctl("exchange add --org YL01 --application BIO --domain BIO --folder bio --map rows_results");
    return 0;
}

static void a_feed_and_a_question(void **state)
{
    struct sender s;
    (void)state;
    assert_int_equal(sender_open(&s), 0);
    assert_true(msa_is(sender_ask(&s, ADMIT("w1", "W1", "李^芳")), "AA", "w1"));
    /* fed and asked in one breath: the question sees the feed */
    assert_int_equal(sender_put(&s, ADMIT("w2", "W2", "孙^梅")), 0);
    assert_int_equal(sender_put(&s, "MSH|^~\\&|HIS|QS|YL|X|20261128||QBP^Q22^QBP_Q21|w3|P|2.5\nQPD|Q22^Find Candidates^HL7|T|@PID.3.1^W2\nRCP|I\n"), 0);
    assert_int_equal(sender_put(&s, ADMIT("w4", "W4", "钱^兰")), 0);
    assert_true(msa_is(sender_get(&s), "AA", "w2"));
    const char *answer = sender_get(&s);
    assert_non_null(strstr(answer, "QAK|T|OK"));
    assert_non_null(strstr(answer, "W2^^^QS&1.2.3.4&ISO"));
    assert_true(msa_is(sender_get(&s), "AA", "w4"));
    close(s.fd);
}

static void what_cannot_be_read_is_answered(void **state)
{
    static char large[70000];
    struct sender s;
    (void)state;
    assert_int_equal(sender_open(&s), 0);
    assert_non_null(strstr(sender_ask(&s, "nonsense"), "MSA|AR|"));
    assert_true(msa_is(sender_ask(&s, "MSH|^~\\&|STRANGER||||2026||ADT^A01|s1|P|2.4\nPID|1||1\n"), "AR", "s1"));
    memset(large, 'x', sizeof large);
    int n = snprintf(large, sizeof large, "\013MSH|^~\\&|HIS|QS|YL|X|20261128||ADT^A04|big|P|2.4\rZZZ|");
    large[n] = 'y';
    assert_int_equal(send(s.fd, large, sizeof large, 0), sizeof large);
    assert_int_equal(send(s.fd, "\034\r", 2, 0), 2);
    assert_true(msa_is(sender_get(&s), "AR", "big"));
    assert_true(msa_is(sender_ask(&s, ADMIT("w9", "W9", "周^红")), "AA", "w9")); /* the stream is in step */
    close(s.fd);
}

/* What a system wrote into a file is handed in beside the running daemon: all of a batch, in its order; what is refused is listed, and handed in again nothing is twice. */
static void a_file_of_messages_is_taken(void **state)
{
    struct sender s;
    char path[] = "/tmp/yl-hl7-file-XXXXXX", command[700], said[600] = "";
    (void)state;
    FILE *f = fdopen(mkstemp(path), "w");
    fputs("FHS|^~\\&|HIS\nBHS|^~\\&|HIS\n" ADMIT("f1", "F1", "吴^菊") ADMIT("f2", "F2", "郑^兰") "MSH|^~\\&|STRANGER||||2026||ADT^A01|f3|P|2.5\nPID|1||1\nBTS|3\nFTS|1\n", f);
    fclose(f);
    snprintf(command, sizeof command, YL_BUILD_DIR "/yilianctl --config %s exchange take %s 2>/dev/null", site.config, path);
    for (int i = 0; i < 2; i++) {
        FILE *p = popen(command, "r");
        said[fread(said, 1, sizeof said - 1, p)] = 0;
        assert_int_equal(WEXITSTATUS(pclose(p)), 1);
        assert_non_null(strstr(said, "3\tf3\tAR\t"));
        assert_non_null(strstr(said, "\n3 messages, 2 taken, 1 not\n"));
    }
    assert_int_equal(sender_open(&s), 0);
    assert_non_null(strstr(sender_ask(&s, "MSH|^~\\&|HIS|QS|YL|X|20261128||QBP^Q22^QBP_Q21|f4|P|2.5\nQPD|Q22^Find Candidates^HL7|T|@PID.3.1^F2\nRCP|I\n"), "F2^^^QS&1.2.3.4&ISO"));
    close(s.fd);
    truncate(path, 0);
    assert_int_equal(WEXITSTATUS(system(command)), 1); /* nothing in it is no success */
    unlink(path);
}

/* One sender stops in the middle of a message, one never reads; a third is served at once. */
static void nobody_waits_for_another(void **state)
{
    struct sender halves, deaf, s;
    char text[300];
    (void)state;
    assert_int_equal(sender_open(&halves), 0);
    assert_int_equal(send(halves.fd, "\013MSH|^~\\&|HIS", 13, 0), 13);
    assert_int_equal(sender_open(&deaf), 0);
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof text, ADMIT("deaf%d", "D1", "吴^玲"), i);
        if (sender_put(&deaf, text)) break;
    }
    assert_int_equal(sender_open(&s), 0);
    int64_t from = web_now_ms();
    assert_true(msa_is(sender_ask(&s, ADMIT("n1", "N1", "郑^云")), "AA", "n1"));
    assert_true(web_now_ms() - from < 5000);
    close(s.fd);
    close(deaf.fd);
    close(halves.fd);
}

/* ---- TLS ---- */

static int tls_ask(const char *certificate, const char *text, char *out, size_t cap)
{
    struct web w;
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    char path[200], block[2000];
    mbedtls_x509_crt_init(&chain);
    mbedtls_pk_init(&key);
    memset(&w, 0, sizeof w);
    char number[8];
    snprintf(number, sizeof number, "%u", tls_port);
    mbedtls_net_init(&w.net);
    mbedtls_ssl_init(&w.ssl);
    mbedtls_ssl_config_init(&w.config);
    mbedtls_entropy_init(&w.entropy);
    mbedtls_ctr_drbg_init(&w.random);
    mbedtls_ctr_drbg_seed(&w.random, mbedtls_entropy_func, &w.entropy, NULL, 0);
    mbedtls_ssl_config_defaults(&w.config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_authmode(&w.config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_rng(&w.config, mbedtls_ctr_drbg_random, &w.random);
    if (certificate) {
        snprintf(path, sizeof path, "%s/%s.pem", site.dir, certificate);
        assert_int_equal(mbedtls_x509_crt_parse_file(&chain, path), 0);
        snprintf(path, sizeof path, "%s/%s.key", site.dir, certificate);
        assert_int_equal(mbedtls_pk_parse_keyfile(&key, path, NULL), 0);
        assert_int_equal(mbedtls_ssl_conf_own_cert(&w.config, &chain, &key), 0);
    }
    mbedtls_ssl_setup(&w.ssl, &w.config);
    mbedtls_ssl_set_bio(&w.ssl, &w.net, mbedtls_net_send, mbedtls_net_recv, NULL);
    int rc = mbedtls_net_connect(&w.net, "127.0.0.1", number, MBEDTLS_NET_PROTO_TCP);
    rc = rc ? rc : mbedtls_ssl_handshake(&w.ssl);
    int n = snprintf(block, sizeof block, "\013%s\034\r", text);
    for (int i = 0; i < n; i++)
        if (block[i] == '\n') block[i] = '\r';
    rc = rc ? rc : web_send(&w, block, (size_t)n);
    rc = rc ? rc : web_fill(&w, 20, web_now_ms() + 10000);
    snprintf(out, cap, "%.*s", (int)w.len, w.in ? (const char *)w.in : "");
    for (char *p = out; *p; p++)
        if (*p == '\r') *p = '\n';
    web_close(&w);
    mbedtls_x509_crt_free(&chain);
    mbedtls_pk_free(&key);
    return rc;
}

static void a_certificate_of_ones_own(void **state)
{
    char command[600], answer[3000], print[80];
    (void)state;
    for (int i = 0; i < 2; i++) {
        snprintf(command, sizeof command, "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout c%d.key -out c%d.pem -days 2 -subj /CN=pacs 2>/dev/null",
                 site.dir, i, i);
        assert_int_equal(system(command), 0);
    }
    snprintf(command, sizeof command, "openssl x509 -in %s/c0.pem -outform DER | sha256sum | cut -c1-64", site.dir);
    FILE *p = popen(command, "r");
    assert_non_null(fgets(print, sizeof print, p));
    pclose(p);
    print[64] = 0;
    snprintf(command, sizeof command, "exchange add --org YL01 --application PACS --domain PACS --certificate %s", print);
    site_ctl(command);
    sleep(6); /* the daemon reads the table anew after five seconds */
#define PACS "MSH|^~\\&|PACS||YL|X|20261128083000||ADT^A04|t1|P|2.4\nPID|1||T1^^^PACS||冯^静||19800101|F\n"
    assert_int_equal(tls_ask("c0", PACS, answer, sizeof answer), 0);
    if (!msa_is(answer, "AA", "t1")) fail_msg("%s", answer);
    assert_int_equal(tls_ask("c1", PACS, answer, sizeof answer), 0);
    assert_true(msa_is(answer, "AR", "t1"));
    assert_int_equal(tls_ask(NULL, PACS, answer, sizeof answer), 0);
    assert_true(msa_is(answer, "AR", "t1"));
}

/* ---- kill -9 ---- */

#define LETTERS 240 /* of each of two senders */
#define KILLS 8

struct post { /* what a sender has yet to hear of */
    const char *application;
    bool heard[LETTERS];
    size_t n_heard;
};

static void letter(const struct post *p, int i, char *out, size_t cap)
{
    snprintf(out, cap, "MSH|^~\\&|%s|QS|YL|X|20261128083000||ORU^R01|k%d|P|2.4\nPID|1||K%d^^^%s||褚^%c||19800101|F\nOBR|1||o%d|GLU^血糖\nOBX|1|NM|GLU^血糖||%d|mmol/L|||||F|||20261128080000\n",
             p->application, i, i % 3, strcmp(p->application, "HIS") == 0 ? "QS" : "YL", 'A' + i % 3, i, i);
}

/* Sends everything that was not heard of, eight at a time, until all is or the line breaks. */
static void post_some(struct post *p)
{
    struct sender s;
    char text[600];
    if (sender_open(&s)) return;
    for (int i = 0; i < LETTERS;) {
        int sent = 0;
        for (int k = i; k < LETTERS && sent < 8; k++)
            if (!p->heard[k]) {
                letter(p, k, text, sizeof text);
                if (sender_put(&s, text)) {
                    close(s.fd);
                    return;
                }
                sent++;
            }
        if (!sent) break;
        while (sent-- > 0) {
            const char *answer = sender_get(&s), *at = answer ? strstr(answer, "\nMSA|AA|k") : NULL;
            if (!answer) {
                close(s.fd);
                return;
            }
            if (!at) fail_msg("%s", answer);
            int number = atoi(at + 9);
            p->n_heard += !p->heard[number];
            p->heard[number] = true;
        }
        while (i < LETTERS && p->heard[i])
            i++;
    }
    close(s.fd);
}

static void killer(unsigned us)
{
    pid_t victim = site.daemon;
    if (fork() == 0) {
        usleep(us);
        kill(victim, SIGKILL);
        _exit(0);
    }
}

static json_t *today_of(const struct person_at *who, const char *name)
{
    json_t *days = person_ask(who, "GET", "/exchange/days", NULL), *one, *found = NULL;
    size_t i;
    json_array_foreach(json_object_get(days, "items"), i, one)
    {
        const char *source = json_string_value(json_object_get(json_object_get(one, "source"), "name"));
        if (source && strcmp(source, name) == 0) found = json_incref(one);
    }
    json_decref(days);
    if (!found) fail_msg("no day of %s", name);
    return found;
}

static int64_t count_of(const json_t *day, const char *column)
{
    return json_integer_value(json_object_get(day, column));
}

static json_t *finding_of(json_t *list, const char *rule)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(list, "items"), i, one)
        if (strcmp(json_string_value(json_object_get(one, "rule")), rule) == 0) return one;
    fail_msg("nothing of %s", rule);
    return NULL;
}

/* A wrong message is taken like any other; what is wrong stands beside it, and comes to the clinic it is of. */
static void what_is_wrong_is_kept_beside_it(void **state)
{
    struct sender s;
    (void)state;
    assert_int_equal(sender_open(&s), 0);
    assert_true(msa_is(sender_ask(&s, "MSH|^~\\&|BHIS|BH|YL|X|20261128083000||ORU^R01|q1|P|2.4||||||UNICODE UTF-8\nPID|1||Q1^^^BH||吴^莉||19800101|F\nOBR|1||q1|24326-1^Electrolytes^LN\n"
                                      "OBX|1|NM|2823-3^Potassium^LN||41|mmol/L|||||F\nOBX|2|NM|14749-6^Glucose^LN||100|mg/dL|||||F\n"), "AA", "q1"));
    close(s.fd);
    struct person_at admin = person_sign_in("admin"), doctor = person_sign_in("bh.sun");
    json_t *found = person_ask(&admin, "GET", "/quality/findings?limit=100", NULL), *glucose = finding_of(found, "unit.item");
    assert_string_equal(json_string_value(json_object_get(glucose, "raw_unit")), "mg/dL");
    assert_string_equal(json_string_value(json_object_get(glucose, "clean")), "5.55");
    json_decref(found);
    json_t *fixes = person_ask(&doctor, "GET", "/quality/fixes?limit=100", NULL), *potassium = finding_of(fixes, "range.item");
    char path[80];
    snprintf(path, sizeof path, "/quality/fixes/%s/reply", json_string_value(json_object_get(potassium, "id")));
    json_decref(person_ask(&doctor, "POST", path, json_pack("{s:s,s:s,s:s}", "answer", "correct", "value", "4.1", "unit", "mmol/L")));
    json_decref(fixes);
    found = person_ask(&admin, "GET", "/quality/findings?rule=range.item&state=corrected", NULL);
    assert_string_equal(json_string_value(json_object_get(json_object_get(finding_of(found, "range.item"), "reply"), "value")), "4.1");
    json_decref(found);
}

static void nothing_lost_nothing_twice(void **state)
{
    struct post his = {.application = "HIS"}, lis = {.application = "LIS"};
    (void)state;
    struct person_at admin = person_sign_in("admin");
    json_t *before = today_of(&admin, "HIS");
    srand((unsigned)getpid());
    for (int i = 0; i < KILLS; i++) {
        int status;
        killer((unsigned)(8000 + rand() % 90000));
        post_some(i & 1 ? &his : &lis);
        post_some(i & 1 ? &lis : &his);
        waitpid(site.daemon, &status, 0);
        assert_true(WIFSIGNALED(status));
        site_launch();
    }
    size_t heard = his.n_heard + lis.n_heard;
    post_some(&his);
    post_some(&lis);
    assert_int_equal(his.n_heard, LETTERS);
    assert_int_equal(lis.n_heard, LETTERS);
    admin = person_sign_in("admin");
    json_t *h = today_of(&admin, "HIS"), *l = today_of(&admin, "LIS");
    assert_int_equal(count_of(h, "stored") - count_of(before, "stored"), LETTERS);
    assert_int_equal(count_of(l, "stored"), LETTERS);
    assert_int_equal(count_of(l, "dead"), 0);
    assert_true(json_is_true(json_object_get(h, "agrees")) && json_is_true(json_object_get(l, "agrees")));
    print_message("%d kills, %zu of %d heard before the last life, %lld repeats\n", KILLS, heard, 2 * LETTERS, (long long)(count_of(h, "repeated") + count_of(l, "repeated")));
    struct person_at doctor = person_sign_in("bh.sun"); /* of another institution: sees none of it */
    json_t *none = person_ask(&doctor, "GET", "/patients?q=%E8%A4%9A", NULL);
    assert_int_equal(json_array_size(json_object_get(none, "items")), 0);
    json_decref(none);
    json_decref(h);
    json_decref(l);
    json_decref(before);
    const char *chain = site_ctl("audit verify");
    assert_int_equal(strncmp(chain, "whole", 5), 0);
}

/* ---- a folder, and kill -9 while its file is read ---- */

#define ROWS 2500

static json_t *newest_file(const struct person_at *who)
{
    json_t *files = person_ask(who, "GET", "/exchange/files", NULL), *one = json_incref(json_array_get(json_object_get(files, "items"), 0));
    json_decref(files);
    return one;
}

static void drop_rows(void)
{
    char part[120], path[120];
    snprintf(part, sizeof part, "%s/drop/bio/day.csv.part", site.dir);
    snprintf(path, sizeof path, "%s/drop/bio/day.csv", site.dir);
    FILE *out = fopen(part, "w");
    assert_non_null(out);
    fprintf(out, "患者号,姓名,报告单号,项目代码,结果,报告时间\n");
    for (int i = 0; i < ROWS; i++)
        fprintf(out, "F%d,褚一,s%d,GLU,%s,2026-11-28 08:%02d:00\n", i % 5, i, i % 500 == 7 ? "" : "5.5", i % 60); /* five without a value */
    fclose(out);
    assert_int_equal(rename(part, path), 0);
}

static void a_folder_is_read_through_kills(void **state)
{
    char done[160];
    int kills = 0;
    (void)state;
    snprintf(done, sizeof done, "%s/drop/bio", site.dir);
    for (int i = 0; access(done, F_OK) && i < 200; i++) usleep(100000); /* the daemon makes it */
    drop_rows();
    struct person_at admin = person_sign_in("admin");
    json_t *file = NULL;
    for (int64_t from = web_now_ms(); web_now_ms() - from < 120000;) {
        json_decref(file);
        file = newest_file(&admin);
        const char *is = file ? json_string_value(json_object_get(file, "state")) : "";
        if (strcmp(is, "done") == 0) break;
        if (count_of(file, "rows") > kills * 400 && strcmp(is, "reading") == 0 && kills < 4) {
            int status;
            kill(site.daemon, SIGKILL);
            waitpid(site.daemon, &status, 0);
            kills++;
            site_launch();
            admin = person_sign_in("admin");
        }
        usleep(20000);
    }
    assert_string_equal(json_string_value(json_object_get(file, "state")), "done");
    assert_int_equal(count_of(file, "rows"), ROWS);
    assert_int_equal(count_of(file, "stored"), ROWS - 5);
    assert_int_equal(count_of(file, "dead"), 5);
    assert_int_equal(count_of(file, "repeated"), 0);
    json_decref(file);
    json_t *day = today_of(&admin, "BIO");
    assert_int_equal(count_of(day, "stored"), ROWS - 5);
    assert_true(json_is_true(json_object_get(day, "agrees")));
    json_decref(day);
    snprintf(done, sizeof done, "ls %s/drop/bio/done/*/day.csv.report.json >/dev/null", site.dir);
    assert_int_equal(system(done), 0);
    print_message("%d kills while the file was read\n", kills);
    assert_true(kills > 0);
    assert_int_equal(strncmp(site_ctl("audit verify"), "whole", 5), 0);
}

/* ---- a database, and kill -9 while it is read ---- */

static void make_database(void)
{
    char path[120];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/odbc.ini", site.dir);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fprintf(out, "[bank]\nDriver = SQLite3\nDatabase = %s/bank.db\n", site.dir);
    fclose(out);
    snprintf(path, sizeof path, "%s/bank.db", site.dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE r (seq INTEGER PRIMARY KEY, patient_no TEXT, report_no TEXT, item_code TEXT, result TEXT, reported_at TEXT)", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<2500) INSERT INTO r SELECT i, 'D'||(i%5), 's'||i, 'GLU', '5', '2026-11-28 08:00' FROM n",
                                  NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* Of source DB; -1 = nothing came yet. */
static int64_t stored_now(const struct person_at *who)
{
    json_t *list = person_ask(who, "GET", "/exchange/sources", NULL), *one;
    int64_t n = -1;
    size_t i;
    json_array_foreach(json_object_get(list, "items"), i, one) if (strcmp(json_string_value(json_object_get(one, "name")), "DB") == 0) n = count_of(one, "stored");
    json_decref(list);
    return n;
}

static void a_database_is_read_through_kills(void **state)
{
    int kills = 0;
    int64_t stored = 0;
    (void)state;
    make_database();
    site_ctl("exchange add --org YL01 --application DB --domain DB --dsn bank --view r --mark_column seq --map rows_results --every 10");
    struct person_at admin = person_sign_in("admin");
    for (int64_t from = web_now_ms(); stored < ROWS && web_now_ms() - from < 120000; usleep(20000)) {
        stored = stored_now(&admin);
        if (stored > kills * 400 && stored < ROWS && kills < 4) {
            int status;
            kill(site.daemon, SIGKILL);
            waitpid(site.daemon, &status, 0);
            kills++;
            site_launch();
            admin = person_sign_in("admin");
        }
    }
    json_t *day = today_of(&admin, "DB");
    assert_int_equal(count_of(day, "stored"), ROWS);
    assert_int_equal(count_of(day, "dead"), 0);
    assert_true(json_is_true(json_object_get(day, "agrees")));
    print_message("%d kills while the database was read, %lld repeats\n", kills, (long long)count_of(day, "repeated"));
    json_decref(day);
    assert_true(kills > 0);
    assert_int_equal(strncmp(site_ctl("audit verify"), "whole", 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_feed_and_a_question), cmocka_unit_test(what_cannot_be_read_is_answered), cmocka_unit_test(a_file_of_messages_is_taken), cmocka_unit_test(nobody_waits_for_another),
        cmocka_unit_test(a_certificate_of_ones_own), cmocka_unit_test(what_is_wrong_is_kept_beside_it), cmocka_unit_test(nothing_lost_nothing_twice),
        cmocka_unit_test(a_folder_is_read_through_kills),
        cmocka_unit_test(a_database_is_read_through_kills),
    };
    return cmocka_run_group_tests(tests, begin, site_stop);
}
