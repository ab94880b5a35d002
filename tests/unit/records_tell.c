/* The PIX update notification (IHE ITI-10): who is told of which numbers and when, through a consumer that is down, silent or refuses; over TLS. */
#include "records/exchange/notice.h"
#include "records/exchange/tell.h"
#include "tests/support/hl7.h"
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- a system that is notified ---- */

enum manner { ACCEPTS, REFUSES, SILENT, ANSWERS_ANOTHER };
static struct consumer {
    int fd;
    uint16_t port;
    pthread_t thread;
    atomic_int manner;
    atomic_bool stop;
    pthread_mutex_t lock;
    size_t n;
    char got[64][1000];
} consumers[2];

static void keep_and_answer(struct consumer *c, int fd, char *text)
{
    char answer[300], control[40] = "";
    struct hl7_message m;
    struct fault f = {0};
    if (hl7_parse(&m, text, strlen(text), HL7_UTF8, &f) == 0)
        hl7_text_at(&m, "MSH-10", control, sizeof control);
    hl7_fini(&m);
    int manner = atomic_load(&c->manner);
    pthread_mutex_lock(&c->lock);
    if (manner != SILENT && c->n < 64)
        snprintf(c->got[c->n++], sizeof c->got[0], "%s", text);
    pthread_mutex_unlock(&c->lock);
    if (manner == SILENT)
        return;
    int n = snprintf(answer, sizeof answer, "\013MSH|^~\\&|HIS|F|YILIAN|MPI|2026||ACK^A31|x|P|2.5\rMSA|%s|%s\r\034\r", manner == REFUSES ? "AE" : "AA",
                     manner == ANSWERS_ANOTHER ? "other" : control);
    (void)!send(fd, answer, (size_t)n, MSG_NOSIGNAL);
}

static void serve(struct consumer *c, int fd)
{
    char in[4000];
    size_t len = 0;
    while (!atomic_load(&c->stop)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 20) == 0)
            continue;
        ssize_t n = recv(fd, in + len, sizeof in - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        in[len] = 0;
        char *end = memmem(in, len, "\034\r", 2);
        if (!end)
            continue;
        *end = 0;
        assert_int_equal(in[0], 013);
        keep_and_answer(c, fd, in + 1);
        len = 0;
    }
    close(fd);
}

static void *accept_all(void *arg)
{
    struct consumer *c = arg;
    while (!atomic_load(&c->stop)) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        if (poll(&p, 1, 20) == 1)
            serve(c, accept(c->fd, NULL, NULL));
    }
    return NULL;
}

static void consumer_open(struct consumer *c)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(c->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sa;
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(c->fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(getsockname(c->fd, (struct sockaddr *)&sa, &len), 0);
    assert_int_equal(listen(c->fd, 8), 0);
    c->port = ntohs(sa.sin_port);
    atomic_store(&c->stop, false);
    assert_int_equal(pthread_create(&c->thread, NULL, accept_all, c), 0);
}

static void consumer_close(struct consumer *c)
{
    if (!c->fd)
        return;
    atomic_store(&c->stop, true);
    pthread_join(c->thread, NULL);
    close(c->fd);
    c->fd = 0;
}

/* Message number n (from 1) of all it took; its parts. */
static const char *told(struct consumer *c, size_t n, const char *path)
{
    pthread_mutex_lock(&c->lock);
    if (n > c->n)
        fail_msg("%zu messages came, not %zu", c->n, n);
    hl7_answer.len = strlen(c->got[n - 1]);
    memcpy(hl7_answer.bytes, c->got[n - 1], hl7_answer.len + 1);
    pthread_mutex_unlock(&c->lock);
    return hl7_said(path);
}

static size_t came(struct consumer *c)
{
    pthread_mutex_lock(&c->lock);
    size_t n = c->n;
    pthread_mutex_unlock(&c->lock);
    return n;
}

/* ---- the site ---- */

static struct exchange_tell *tell;
static const char *his;

static void begin_tell(int answer_ms, const char *trust, const char *certificate, const char *key)
{
    struct exchange_tell_config config = {desk.r, trust, certificate, key, 5000, answer_ms};
    struct fault f = {0};
    exchange_tell_close(tell);
    assert_int_equal(exchange_tell_open(&tell, &config, &f), 0);
}

static const char *notify(const struct consumer *c)
{
    return desk_text("\"notify\":\"mllp://127.0.0.1:%u\"", c->port);
}

static int open_site(void **state)
{
    int rc = desk_open(state);
    if (rc)
        return rc;
    for (int i = 0; i < 2; i++) {
        memset(&consumers[i], 0, sizeof consumers[i]);
        pthread_mutex_init(&consumers[i].lock, NULL);
        consumer_open(&consumers[i]);
    }
    his = hl7_source("HIS", 7, "\"namespace_id\":\"HIS\",\"oid\":\"1.2.3\"", desk_text("\"facility\":\"F\",%s", notify(&consumers[0])));
    hl7_source("LIS", 8, "\"namespace_id\":\"LIS\"", NULL);
    begin_tell(20000, NULL, NULL, NULL);
    return 0;
}

static int close_site(void **state)
{
    exchange_tell_close(tell);
    tell = NULL;
    for (int i = 0; i < 2; i++)
        consumer_close(&consumers[i]);
    return desk_close(state);
}

static void later(int64_t ms)
{
    __atomic_add_fetch(&desk.now_ms, ms, __ATOMIC_RELAXED);
    exchange_tell_round(tell);
}

static void registered(const char *application, const char *event, const char *number, const char *more)
{
    static int control;
    hl7_send(desk_text("MSH|^~\\&|%s|F|||20261128||ADT^%s|c%d|P|2.5\nPID|||%s||赵^明^^^^^L||19840125|M|||武侯区人民路1号||^PRN^PH^^^^13800138000||||||110101198401250012\n%s", application, event,
                       ++control, number, more));
    if (strcmp(hl7_said("MSA-1"), "AA") != 0)
        fail_msg("%s", hl7_answer.bytes);
}

static json_t *state_of(const char *source)
{
    json_t *list = CALL("exchange.sources", "{}"), *found = NULL, *one;
    size_t i;
    json_array_foreach(json_object_get(list, "items"), i, one)
        if (strcmp(member(one, "id"), source) == 0)
            found = json_incref(json_object_get(one, "notified"));
    json_decref(list);
    assert_non_null(found);
    return found;
}

static void stands(const char *state, const char *reason, int waiting, int refused)
{
    json_t *o = state_of(his);
    if (strcmp(member(o, "state"), state) != 0 || strcmp(member(o, "reason"), reason) != 0 || json_integer_value(json_object_get(o, "waiting")) != waiting ||
        json_integer_value(json_object_get(o, "refused")) != refused)
        fail_msg("%s", json_dumps(o, 0));
    json_decref(o);
}

static int64_t sql(const char *text)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(desk.r), TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, text, "");
    tx_rollback(tx);
    return n;
}

/* ---- what is told ---- */

static void numbers_that_come_together_and_part(void **state)
{
    struct consumer *c = &consumers[0];
    char patient[17];
    (void)state;
    registered("HIS", "A04", "H1^^^HIS", "");
    later(1000);
    assert_int_equal(came(c), 0); /* a lone number says nothing to who gave it */
    registered("LIS", "A04", "L1^^^LIS", "");
    later(1000);
    assert_int_equal(came(c), 1);
    assert_string_equal(told(c, 1, "MSH-9"), "ADT^A31^ADT_A05");
    assert_string_equal(told(c, 1, "MSH-5"), "HIS");
    assert_string_equal(told(c, 1, "MSH-6"), "F");
    assert_string_equal(told(c, 1, "PID-3"), "H1^^^HIS&1.2.3&ISO^PI~L1^^^LIS^PI");
    assert_string_equal(told(c, 1, "PID-5"), "~^^^^^^S"); /* no demographics */
    assert_string_equal(told(c, 1, "PV1-2"), "N");
    stands("ok", "", 0, 0);
    registered("HIS", "A08", "H1^^^HIS", "PV1|1|O\n");
    later(1000);
    assert_int_equal(came(c), 1); /* no number changed */
    id_format((uint64_t)sql("SELECT patient_id AS n FROM exchange_identity WHERE value='L1'"), patient);
    json_t *act = CALL("mpi.split", "{\"patient_id\":\"%s\"}", patient);
    if (!act)
        fail_msg("%s %s", desk.fault.text, desk_wrong());
    later(1000);
    assert_int_equal(came(c), 2);
    assert_string_equal(told(c, 2, "PID-3"), "H1^^^HIS&1.2.3&ISO^PI");
    json_t *undone = CALL("mpi.undo", "{\"act_id\":\"%s\"}", member(act, "act_id"));
    if (!undone)
        fail_msg("%s %s", desk.fault.text, desk_wrong());
    later(1000);
    assert_int_equal(came(c), 3);
    assert_string_equal(told(c, 3, "PID-3"), "H1^^^HIS&1.2.3&ISO^PI~L1^^^LIS^PI");
    json_decref(undone);
    json_decref(act);
    registered("LIS", "A29", "L1^^^LIS", ""); /* withdrawn */
    later(1000);
    assert_string_equal(told(c, 4, "PID-3"), "H1^^^HIS&1.2.3&ISO^PI");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_notice"), 0);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM audit WHERE op='exchange.notify'"), 4);
}

static void who_has_no_number_of_his_is_none_of_his_business(void **state)
{
    (void)state;
    hl7_source("PORTAL", 9, NULL, notify(&consumers[1])); /* assigns none: the region's registry */
    hl7_source("PACS", 9, "\"namespace_id\":\"PACS\"", NULL);
    registered("LIS", "A04", "L1^^^LIS", "");
    registered("PACS", "A04", "P1^^^PACS", "");
    later(1000);
    assert_int_equal(came(&consumers[0]), 0);
    assert_int_equal(came(&consumers[1]), 1);
    assert_string_equal(told(&consumers[1], 1, "MSH-5"), "PORTAL");
    assert_string_equal(told(&consumers[1], 1, "PID-3"), "L1^^^LIS^PI~P1^^^PACS^PI");
}

static void a_system_that_is_down_is_told_the_last_word_once(void **state)
{
    struct consumer *c = &consumers[0];
    (void)state;
    consumer_close(c);
    registered("HIS", "A04", "H1^^^HIS", "");
    registered("LIS", "A04", "L1^^^LIS", "");
    later(1000);
    stands("failed", "connect", 2, 0);
    json_t *o = state_of(his);
    assert_int_equal(json_integer_value(json_object_get(o, "next_ms")), desk.now_ms + 10000);
    json_decref(o);
    registered("LIS", "A04", "L1^^^LIS~L2^^^LIS", "");
    later(10000);
    later(1000); /* not yet */
    o = state_of(his);
    assert_int_equal(json_integer_value(json_object_get(o, "failures")), 2);
    json_decref(o);
    consumer_open(c);
    later(20000);
    assert_int_equal(came(c), 1);
    assert_string_equal(told(c, 1, "PID-3"), "H1^^^HIS&1.2.3&ISO^PI~L1^^^LIS^PI~L2^^^LIS^PI");
    stands("ok", "", 0, 0);
}

static void what_is_refused_is_put_aside_and_not_lost(void **state)
{
    struct consumer *c = &consumers[0];
    (void)state;
    atomic_store(&c->manner, REFUSES);
    registered("HIS", "A04", "H1^^^HIS", "");
    registered("LIS", "A04", "L1^^^LIS", "");
    for (int i = 0; i < 12; i++)
        later(3600000);
    assert_true(came(c) >= 5);
    stands("failed", "refused", 0, 2); /* of each of the two records */
    atomic_store(&c->manner, ANSWERS_ANOTHER);
    registered("LIS", "A04", "L1^^^LIS~L2^^^LIS", "");
    later(3600000);
    stands("failed", "answer", 1, 1);
    atomic_store(&c->manner, ACCEPTS);
    size_t before = came(c);
    later(3600000);
    assert_int_equal(came(c), before + 1);
    json_t *o = state_of(his);
    assert_string_equal(member(o, "state"), "ok");
    json_decref(o);
}

static void a_silent_system_holds_up_nobody(void **state)
{
    (void)state;
    hl7_source("PORTAL", 9, NULL, notify(&consumers[1]));
    atomic_store(&consumers[0].manner, SILENT);
    begin_tell(60000, NULL, NULL, NULL);
    registered("HIS", "A04", "H1^^^HIS", "");
    registered("LIS", "A04", "L1^^^LIS", "");
    struct fault f = {0};
    assert_int_equal(exchange_tell_start(tell, &f), 0);
    for (int i = 0; i < 1000 && came(&consumers[1]) == 0; i++)
        usleep(20000);
    assert_int_equal(came(&consumers[1]), 1);
    stands("", "", 2, 0); /* still waited for */
    exchange_tell_close(tell); /* the end does not wait for it */
    tell = NULL;
    begin_tell(300, NULL, NULL, NULL);
    later(1000);
    stands("failed", "timeout", 2, 0);
    assert_int_equal(came(&consumers[1]), 1);
}

static void an_address_is_one(void **state)
{
    (void)state;
    static const char *const wrong[] = {"http://host:1", "mllp://host", "mllp://:99", "mllp://host:0", "mllp://host:70000", "mllp://us er@host:1", "mllps://host:12/x", "mllp://a:b:1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null(CALL("exchange.source_set", "{\"source_id\":\"%s\",\"org_id\":\"0000000000000007\",\"name\":\"HIS\",\"application\":\"HIS\",\"enabled\":true,\"notify\":\"%s\"}", his, wrong[i]));
        assert_string_equal(desk_wrong(), "notify not_mllp");
    }
    registered("HIS", "A04", "H1^^^HIS", "");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_notice"), 1);
    json_t *s = CALL("exchange.source_set", "{\"source_id\":\"%s\",\"org_id\":\"0000000000000007\",\"name\":\"HIS\",\"application\":\"HIS\",\"enabled\":true,\"domains\":[{\"namespace_id\":\"HIS\"}]}", his);
    assert_non_null(s);
    assert_true(json_is_null(json_object_get(s, "notified")));
    json_decref(s);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_notice"), 0); /* who is no longer told */
}

/* ---- TLS ---- */

static const char server[] =
    "import socket,ssl,sys\n"
    "d=sys.argv[1]\n"
    "t=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); t.load_cert_chain(d+'/them.pem',d+'/them.key'); t.load_verify_locations(d+'/us.pem'); t.verify_mode=ssl.CERT_REQUIRED\n"
    "s=socket.create_server(('127.0.0.1',0)); open(d+'/port.new','w').write(str(s.getsockname()[1])); import os; os.rename(d+'/port.new',d+'/port')\n"
    "while True:\n"
    "  c,_=s.accept()\n"
    "  try:\n"
    "    c=t.wrap_socket(c,server_side=True); b=b''\n"
    "    while b'\\x1c\\r' not in b: b+=c.recv(4096)\n"
    "    k=b.split(b'|')[9]\n"
    "    c.sendall(b'\\x0bMSH|^~\\\\&|A|B|C|D|2026||ACK|1|P|2.5\\rMSA|CA|'+k+b'\\r\\x1c\\r'); c.recv(1)\n"
    "  except Exception: pass\n"
    "  c.close()\n";

static void over_tls(void **state)
{
    char command[900], path[100], number[16] = "", trust[100], certificate[100], key[100];
    (void)state;
    snprintf(path, sizeof path, "%s/them.py", desk.dir);
    FILE *out = fopen(path, "w");
    fputs(server, out);
    fclose(out);
    snprintf(command, sizeof command,
             "cd %s && for who in us them; do openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $who.key -out $who.pem -days 2 -subj /CN=$who -addext "
             "subjectAltName=IP:127.0.0.1 2>/dev/null; done; timeout 100 python3 them.py . >/dev/null 2>&1 & echo $! > %s/pid",
             desk.dir, desk.dir);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "%s/port", desk.dir);
    for (int i = 0; i < 1000 && !number[0]; i++) {
        FILE *in = fopen(path, "r");
        if (in && !fgets(number, sizeof number, in))
            number[0] = 0;
        if (in)
            fclose(in);
        usleep(20000);
    }
    json_t *s = CALL("exchange.source_set",
                     "{\"source_id\":\"%s\",\"org_id\":\"0000000000000007\",\"name\":\"HIS\",\"application\":\"HIS\",\"enabled\":true,\"domains\":[{\"namespace_id\":\"HIS\"}],\"notify\":\"mllps://127.0.0.1:%s\"}",
                     his, number);
    assert_non_null(s);
    json_decref(s);
    registered("HIS", "A04", "H1^^^HIS", "");
    registered("LIS", "A04", "L1^^^LIS", "");
    snprintf(trust, sizeof trust, "%s/them.pem", desk.dir);
    snprintf(certificate, sizeof certificate, "%s/us.pem", desk.dir);
    snprintf(key, sizeof key, "%s/us.key", desk.dir);
    begin_tell(20000, NULL, certificate, key);
    later(1000);
    stands("failed", "connect", 2, 0); /* nobody vouches for them */
    begin_tell(20000, trust, NULL, NULL);
    later(3600000);
    json_t *o = state_of(his); /* they do not take us without a certificate */
    assert_string_equal(member(o, "state"), "failed");
    json_decref(o);
    begin_tell(20000, trust, certificate, key);
    later(3600000);
    stands("ok", "", 0, 0);
    snprintf(command, sizeof command, "kill $(cat %s/pid)", desk.dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_site, close_site)
    const struct CMUnitTest tests[] = {
        T(numbers_that_come_together_and_part), T(who_has_no_number_of_his_is_none_of_his_business), T(a_system_that_is_down_is_told_the_last_word_once),
        T(what_is_refused_is_put_aside_and_not_lost), T(a_silent_system_holds_up_nobody), T(an_address_is_one), T(over_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
