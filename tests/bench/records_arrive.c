/* Processor time of messages that arrive: read, mapped, matched, cleaned, stored durably, audited, answered; without a network (bench_server_hl7 has one).
 * bench_records_arrive [MESSAGES] [GROUP] [new|changed|again|oru|panel]      (default 4000 32 new)
 *
 * GROUP messages are handed in at a time, and the next when all are answered. new: ADT^A04, each a new patient, of names, birth dates, phones and streets as a
 * county has them, one in five known already from another source. The others are about 200 patients, registered before the count begins: changed: ADT^A08, he
 * moved; again: ADT^A08 with nothing new in it; oru: a blood count of three values; panel: of sixteen. getrusage, so that it holds on a busy machine. Counted
 * exactly by `valgrind --tool=callgrind --collect-atstart=no --toggle-collect=take_waiting`: the difference of two runs by that of their numbers of messages.
 * Bar: 5,000 messages/s a core = 200 us.
 */
#include "records/parts.h"
#include "records/records.h"
#include "tests/support/people.h"
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
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

/* MSH-7, in the zone of the site: what is told a day late is a finding of its own. */
static char made[16];
static void make_time(void)
{
    time_t t = time(NULL) + 8 * 3600;
    struct tm tm;
    strftime(made, sizeof made, "%Y%m%d%H%M%S", gmtime_r(&t, &tm));
}

/* PID of a new patient; one in five is the one before, as the other source knows him. */
static size_t registration(char *m, size_t cap, int number)
{
    static char rest[400];
    bool again = number % 5 == 4;
    if (!again)
        people_draw(rest, sizeof rest);
    return (size_t)snprintf(m, cap, "MSH|^~\\&|HIS%d|X|YL|X|%s||ADT^A04|a%d|P|2.4||||||UNICODE UTF-8\rPID|1||%d^^^HIS%d||%s\rPV1|1|O|门诊^^^内科\r", again, made, number, number, again, rest);
}

#define HEAD "MSH|^~\\&|HIS0|X|YL|X|%s||%s|%s%d|P|2.4||||||UNICODE UTF-8\r"
#define KNOWN 200

/* PID of a known patient, who lives where he says he lives today. */
static size_t known(char *m, size_t cap, const char *type, const char *series, int number, int street)
{
    int who = number % KNOWN;
    return (size_t)snprintf(m, cap, HEAD "PID|1||r%d^^^HIS0||林^%d||19%02d%02d%02d|M|||虚构省平川市白塔区解放路%d号||138%08d\r", made, type, series, number, who, who, 30 + who % 60, 1 + who % 12, 1 + who % 28,
                            street, 10000000 + who);
}

static size_t visit(char *m, size_t cap, const char *series, int number, int street)
{
    size_t n = known(m, cap, "ADT^A08", series, number, street);
    return n + (size_t)snprintf(m + n, cap - n, "PV1|1|O|门诊^^^内科||||||||||||||||v%d\r", number);
}

static size_t result(char *m, size_t cap, int number, int values)
{
    static const struct {
        const char *code, *name, *unit, *range;
        int from, to;
    } items[] = {{"WBC", "白细胞", "10*9/L", "4-10", 4, 10}, {"HGB", "血红蛋白", "g/L", "110-150", 110, 150}, {"PLT", "血小板", "10*9/L", "100-300", 100, 300},
                 {"RBC", "红细胞", "10*12/L", "4.0-5.5", 4, 6}, {"NEU%", "中性粒细胞百分比", "%", "50-70", 50, 70}, {"LYM%", "淋巴细胞百分比", "%", "20-40", 20, 40},
                 {"MON%", "单核细胞百分比", "%", "3-8", 3, 8}, {"EOS%", "嗜酸性粒细胞百分比", "%", "0.5-5", 1, 5}, {"BAS%", "嗜碱性粒细胞百分比", "%", "0-1", 0, 1},
                 {"HCT", "红细胞压积", "%", "37-50", 37, 50}, {"MCV", "平均红细胞体积", "fL", "80-100", 80, 100}, {"MCH", "平均血红蛋白量", "pg", "27-34", 27, 34},
                 {"MCHC", "平均血红蛋白浓度", "g/L", "320-360", 320, 360}, {"RDW", "红细胞分布宽度", "%", "11-15", 11, 15}, {"MPV", "平均血小板体积", "fL", "6-13", 6, 13},
                 {"PCT", "血小板压积", "%", "0.1-0.3", 0, 1}};
    char when[80];
    int at = number / KNOWN;
    size_t n = known(m, cap, "ORU^R01", "o", number, 1);
    snprintf(when, sizeof when, "20%02d%02d%02d%02d%02d01", 10 + at / 32256 % 16, 1 + at / 2688 % 12, 1 + at / 96 % 28, at / 4 % 24, at % 4 * 15);
    n += (size_t)snprintf(m + n, cap - n, "OBR|1|p%d|f%d|CBC^血常规|||%s\r", number, number, when);
    for (int i = 0; i < values; i++)
        n += (size_t)snprintf(m + n, cap - n, "OBX|%d|NM|%s^%s^L||%d.%d|%s|%s|N|||F|||%s\r", i + 1, items[i].code, items[i].name, items[i].from + number % (items[i].to - items[i].from), number % 10,
                              items[i].unit, items[i].range, when);
    return n;
}

static void answered(void *ctx, const struct records_message_answer *a)
{
    (void)ctx;
    if (a->error || !memmem(a->bytes, a->len, "MSA|AA", 6))
        exit((fprintf(stderr, "refused: %d %.*s\n", a->error, (int)a->len, a->bytes), 1));
    pthread_mutex_lock(&lock);
    unanswered--;
    pthread_cond_signal(&moved);
    pthread_mutex_unlock(&lock);
}

static const char *const kinds[] = {"new", "changed", "again", "oru", "panel"};
static const char *const titles[] = {"ADT^A04, four of five new patients", "ADT^A08, a known patient moved", "ADT^A08, nothing new", "ORU^R01, three values", "ORU^R01, sixteen values"};
enum { NEW, CHANGED, AGAIN, ORU, PANEL, KINDS };

static size_t message(char *m, size_t cap, int kind, int number)
{
    switch (kind) {
    case NEW: return registration(m, cap, number);
    case CHANGED: return visit(m, cap, "c", number, 2 + number);
    case AGAIN: return visit(m, cap, "g", number, 1);
    case ORU: return result(m, cap, number, 3);
    default: return result(m, cap, number, 16);
    }
}

static void hand_in(char *m, size_t len)
{
    struct records_message in = {.bytes = m, .len = len, .address = "127.0.0.1"};
    pthread_mutex_lock(&lock);
    unanswered++;
    pthread_mutex_unlock(&lock);
    if (records_message_submit(site, &in, answered, NULL))
        exit(1);
}

static void await(void)
{
    pthread_mutex_lock(&lock);
    while (unanswered)
        pthread_cond_wait(&moved, &lock);
    pthread_mutex_unlock(&lock);
}

static void register_known(void)
{
    char m[4000];
    for (int i = 0; i < KNOWN; i++)
        hand_in(m, visit(m, sizeof m, "k", i, 1));
    await();
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/yl-arrive-XXXXXX", command[64], m[4000];
    int messages = argc > 1 ? atoi(argv[1]) : 4000, group = argc > 2 ? atoi(argv[2]) : 32, kind = 0;
    while (argc > 3 && kind < KINDS && strcmp(argv[3], kinds[kind]) != 0)
        kind++;
    if (kind == KINDS || messages < 1 || group < 1)
        return fprintf(stderr, "bench_records_arrive [MESSAGES] [GROUP] [new|changed|again|oru|panel]\n"), 2;
    make_time();
    open_site(dir);
    register_known();
    double from = cpu_us();
    for (int i = 0; i < messages;) {
        for (int k = 0; k < group && i < messages; k++, i++)
            hand_in(m, message(m, sizeof m, kind, i));
        await();
    }
    double each = (cpu_us() - from) / messages;
    printf("%s: %d messages, %d at a time: %.0f us of processor time each = %.0f/s a core\n", titles[kind], messages, group, each, 1e6 / each);
    records_close(site);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) != 0;
}
