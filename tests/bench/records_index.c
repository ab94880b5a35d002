/* Bench: matching at registration. Registers N made patients through patient.create, a thousand a transaction, then times the last ones:
 * a third new people, a third known ones from another institution, a third known ones with errors. One JSON line.
 *
 *   bench_records_index [N] [timed]     (default 20000 2000)      Bar: match p99 <= 5 ms at one million.
 *
 * The time is that of patient_index_put alone, inside its transaction; a commit is not in it. cpu_* is the thread's processor time: on a busy
 * machine the only figure that says something.
 */
#include "records/patient/index.h"
#include "records/records.h"
#include "tests/support/dice.h"
#include "server/base/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static struct records *site;
static char folder[] = "/tmp/yl-index-XXXXXX";
static struct actor actor = {.person = {11}, .org = {1}};
static void make(struct patient_row *row)
{
    static const char families[] = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈";
    static const char givens[] = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉萍红娥玲芬燕彩春菊兰凤洁梅琳素云莲真环雪荣爱妹香月莺媛瑞凡佳嘉";
    char family[4], first[4], second[4];
    unsigned man = roll(2), y = (1930 + roll(95)) % 10000, m = (1 + roll(12)) % 100, d = (1 + roll(28)) % 100;
    memset(row, 0, sizeof *row);
    roll_character(families, family);
    roll_character(givens, first);
    roll_character(givens, second);
    row->id = id_new();
    row->org_id = 1;
    row->version = 1;
    row->created_ms = 1795500000000;
    snprintf(row->local_number, sizeof row->local_number, "N%llx", (unsigned long long)row->id);
    snprintf(row->name, sizeof row->name, "%s%s%s", family, first, second);
    snprintf(row->sex, sizeof row->sex, "%s", man ? "male" : "female");
    snprintf(row->birth_date, sizeof row->birth_date, "%04u-%02u-%02u", y, m, d);
    strcpy(row->id_type, "id_card");
    strcpy(row->allergy_state, "unknown");
    char card[24];
    snprintf(card, sizeof card, "99%04u%04u%02u%02u%03u", roll(2000), y, m, d, (roll(500) * 2 + man) % 1000);
    card[17] = identity_check_character(card);
    if (roll(4))
        memcpy(row->secret.id_no, card, 18);
    snprintf(row->secret.phone, sizeof row->secret.phone, "138%08u", roll(100000000));
    snprintf(row->secret.address, sizeof row->secret.address, "虚构省平川市白塔区解放路%u号%u栋", 1 + roll(300), 1 + roll(30));
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

struct took {
    int64_t wall_us, cpu_us;
};

static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

static struct took enter(struct tx *tx, struct patient_row *row, const char **outcome)
{
    struct fault f = {0};
    struct op_ctx ctx = {.records = site, .tx = tx, .actor = &actor, .now_ms = 1795500000000, .fault = &f};
    if (patient_store(&ctx, row, true))
        exit(1);
    int64_t wall = clock_monotonic_us(), cpu = cpu_us();
    if (patient_index_put(&ctx, row, outcome))
        exit(1);
    return (struct took){clock_monotonic_us() - wall, cpu_us() - cpu};
}

static int open_site(void)
{
    struct fault f = {0};
    struct records_config config = {.data_dir = mkdtemp(folder), .config_dir = YL_SOURCE_DIR "/config", .clock = &clock_system};
    return config.data_dir ? records_open(&site, &config, &f) : 1;
}

static void close_site(void)
{
    char command[96];
    records_close(site);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command))
        fprintf(stderr, "%s is left\n", folder);
}

/* The same person once more, from elsewhere, perhaps with errors. */
static void again(struct patient_row *row, bool errors)
{
    row->id = id_new();
    row->org_id = 2;
    snprintf(row->local_number, sizeof row->local_number, "N%llx", (unsigned long long)row->id);
    if (errors) {
        row->secret.id_no[0] = 0;
        row->birth_date[9] = row->birth_date[9] == '1' ? '2' : '1';
    }
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000, timed = argc > 2 ? strtoul(argv[2], NULL, 10) : 2000;
    struct patient_row *known = calloc(timed + 1, sizeof *known);
    int64_t *wall = calloc(timed + 1, sizeof *wall), *cpu = calloc(timed + 1, sizeof *cpu), start = clock_monotonic_us();
    size_t linked = 0, review = 0;
    const char *outcome;
    struct tx *tx = NULL;
    if (!known || !wall || !cpu || timed == 0 || open_site())
        return 1;
    for (size_t i = 0; i < n; i++) {
        struct patient_row row;
        if (i % 1000 == 0 && tx_begin(records_store(site), TX_WRITE, &tx))
            return 1;
        make(&row);
        if (i % (n / timed + 1) == 0)
            known[i / (n / timed + 1)] = row;
        enter(tx, &row, &outcome);
        if ((i % 1000 == 999 || i + 1 == n) && tx_commit(tx))
            return 1;
    }
    double seeded = (double)(clock_monotonic_us() - start) / 1e6;
    if (tx_begin(records_store(site), TX_WRITE, &tx))
        return 1;
    for (size_t i = 0; i < timed; i++) {
        struct patient_row row;
        if (i % 3 == 0 || !known[i].id)
            make(&row);
        else {
            row = known[i];
            again(&row, i % 3 == 2);
        }
        struct took t = enter(tx, &row, &outcome);
        wall[i] = t.wall_us;
        cpu[i] = t.cpu_us;
        linked += strcmp(outcome, "linked") == 0;
        review += strcmp(outcome, "review") == 0;
    }
    if (tx_commit(tx))
        return 1;
    qsort(wall, timed, sizeof *wall, by_size);
    qsort(cpu, timed, sizeof *cpu, by_size);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    printf("{\"patients\":%zu,\"seed_s\":%.1f,\"timed\":%zu,\"linked\":%zu,\"review\":%zu,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"cpu_p50_ms\":%.2f,"
           "\"cpu_p99_ms\":%.2f,\"cpu_max_ms\":%.2f,\"rss_mib\":%ld}\n",
           n, seeded, timed, linked, review, (double)wall[timed / 2] / 1e3, (double)wall[timed * 99 / 100] / 1e3, (double)cpu[timed / 2] / 1e3,
           (double)cpu[timed * 99 / 100] / 1e3, (double)cpu[timed - 1] / 1e3, u.ru_maxrss / 1024);
    free(known);
    free(wall);
    free(cpu);
    close_site();
    return 0;
}
