/* Processor time of messages that arrive: read, mapped, matched, cleaned, stored durably, audited, answered; without a network (bench_server_hl7 has one).
 * bench_records_arrive [MESSAGES] [GROUP] [adt|oru]      (default 4000 32 adt)
 *
 * GROUP messages are handed in at a time, and the next when all are answered. ADT: each a new patient, of names, birth dates, phones and streets as a county
 * has them, one in five known already from another source. ORU: a blood count of three values for one of 200 patients. getrusage, so that it holds on a busy
 * machine; under `valgrind --tool=callgrind` the instructions are counted exactly. Bar: 5,000 messages/s a core = 200 us.
 */
#include "records/parts.h"
#include "records/records.h"
#include "tests/support/dice.h"
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SOURCES 2

static struct records *site;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static int unanswered;
static double cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void open_site(char *dir)
{
    struct fault f = {0};
    struct records_config config = {.data_dir = mkdtemp(dir), .config_dir = YL_SOURCE_DIR "/config", .clock = &clock_system, .readers = 1};
    struct tx *tx;
    if (!config.data_dir || records_open(&site, &config, &f) || tx_begin(records_store(site), TX_WRITE, &tx))
        exit((fprintf(stderr, "%s\n", f.text), 1));
    tx_exec(tx, "INSERT INTO org (id, parent_id, kind, level, code, name, pinyin, phone, specialty, active) VALUES (20,0,'institution','','X','甲院','','','',1)", "");
    if (tx_commit(tx))
        exit(1);
    for (int i = 0; i < SOURCES; i++) {
        char id[20], name[16];
        snprintf(id, sizeof id, "%016x", 0xe01 + i);
        snprintf(name, sizeof name, "HIS%d", i);
        json_t *args = json_pack("{s:s,s:s,s:s,s:s,s:[{s:s}],s:b}", "source_id", id, "org_id", "0000000000000014", "name", name, "application", name, "domains", "namespace_id", name, "enabled", 1);
        struct reply reply;
        struct call call = {.op = "exchange.source_set", .credential = records_system_credential(site), .args = args};
        records_call(site, &call, &reply);
        if (reply.error)
            exit((fprintf(stderr, "%s\n", reply.fault.text), 1));
        reply_clear(&reply);
        json_decref(args);
    }
}

/* PID of a new patient; one in five is the one before, as the other source knows him. */
static size_t registration(char *m, size_t cap, int number)
{
    static const char families[] = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈";
    static const char givens[] = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉萍红娥玲芬燕彩春菊兰凤洁梅琳素云莲真环雪荣爱妹香月莺媛瑞凡佳嘉";
    static char rest[400];
    bool again = number % 5 == 4;
    if (!again) {
        char f[4], a[4], b[4];
        roll_character(families, f);
        roll_character(givens, a);
        roll_character(givens, b);
        snprintf(rest, sizeof rest, "%s^%s%s||%04u%02u%02u|%c|||虚构省平川市白塔区解放路%u号%u栋||138%08u", f, a, b, 1930 + roll(90), 1 + roll(12), 1 + roll(28), roll(2) ? 'M' : 'F', 1 + roll(300),
                 1 + roll(30), roll(100000000));
    }
    return (size_t)snprintf(m, cap, "MSH|^~\\&|HIS%d|X|YL|X|20261128083000||ADT^A04|a%d|P|2.4||||||UNICODE UTF-8\rPID|1||%d^^^HIS%d||%s\rPV1|1|O|门诊^^^内科\r", again, number, number, again, rest);
}

static size_t result(char *m, size_t cap, int number)
{
    char when[80];
    int n = number / 200;
    snprintf(when, sizeof when, "20%02d%02d%02d%02d%02d01", 10 + n / 32256 % 16, 1 + n / 2688 % 12, 1 + n / 96 % 28, n / 4 % 24, n % 4 * 15);
    return (size_t)snprintf(m, cap,
                            "MSH|^~\\&|HIS0|X|YL|X|20261128083000||ORU^R01|o%d|P|2.4||||||UNICODE UTF-8\rPID|1||r%d^^^HIS0||林^%d||19%02d%02d%02d|M\rOBR|1|p%d|f%d|CBC^血常规|||%s\r"
                            "OBX|1|NM|WBC^白细胞^L||%d.%d|10*9/L|4-10|N|||F|||%s\rOBX|2|NM|HGB^血红蛋白^L||%d|g/L|110-150|N|||F|||%s\rOBX|3|NM|PLT^血小板^L||%d|10*9/L|100-300|N|||F|||%s\r",
                            number, number % 200, number % 200, 30 + number % 60, 1 + number % 12, 1 + number % 28, number, number, when, number % 9, number % 10, when, 100 + number % 60, when,
                            90 + number % 200, when);
}

static void answered(void *ctx, int error, const char *bytes, size_t len)
{
    (void)ctx;
    if (error || !memmem(bytes, len, "MSA|AA", 6))
        exit((fprintf(stderr, "refused: %d %.*s\n", error, (int)len, bytes), 1));
    pthread_mutex_lock(&lock);
    unanswered--;
    pthread_cond_signal(&moved);
    pthread_mutex_unlock(&lock);
}

static void hand_in(int number, bool adt)
{
    char m[3000];
    struct records_message in = {.bytes = m, .len = adt ? registration(m, sizeof m, number) : result(m, sizeof m, number), .address = "127.0.0.1"};
    pthread_mutex_lock(&lock);
    unanswered++;
    pthread_mutex_unlock(&lock);
    if (records_message_submit(site, &in, answered, NULL))
        exit(1);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/yl-arrive-XXXXXX", command[64];
    int messages = argc > 1 ? atoi(argv[1]) : 4000, group = argc > 2 ? atoi(argv[2]) : 32;
    bool adt = argc <= 3 || strcmp(argv[3], "adt") == 0;
    open_site(dir);
    double from = cpu_us();
    for (int i = 0; i < messages;) {
        for (int k = 0; k < group && i < messages; k++)
            hand_in(i++, adt);
        pthread_mutex_lock(&lock);
        while (unanswered)
            pthread_cond_wait(&moved, &lock);
        pthread_mutex_unlock(&lock);
    }
    double each = (cpu_us() - from) / messages;
    printf("%s: %d messages, %d at a time: %.0f us of processor time each = %.0f/s a core\n", adt ? "ADT^A04, four of five new patients" : "ORU^R01, three values", messages, group, each, 1e6 / each);
    records_close(site);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) != 0;
}
