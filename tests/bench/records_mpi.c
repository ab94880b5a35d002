/* Bench: the patient index on real and made data, judged after clustering. Prints one line a set: records, true pairs, pair precision,
 * recall, F1, seconds. Truth (person ids, the number in a Febrl rec_id) is only used to judge, never given to the engine.
 *
 *   bench_records_mpi DATA [N]
 *
 * DATA holds mpi/ (cn, febrl, opencr, splink): these sets, then the Chinese set with more and more errors added. N > 0: then N made
 * records. Bars: febrl1-3 F1 >= 0.997; Chinese set F1 >= 0.985 with precision >= 0.999 at recall >= 0.93; 1,000,000 records in 30 s
 * on two cores.
 */
#include "records/mpi/link.h"
#include "records/mpi/load.h"
#include "records/patient/identity.h"
#include "records/records.h"
#include "records/term/fold.h"
#include "server/base/clock.h"
#include "tests/support/dice.h"
#include "tests/support/mpi_score.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const struct mpi_tables *tables;
static float odds; /* of the default of yilianctl; with BENCH_ODDS=0 (an even chance) recall grows and precision falls */

/* ---- one run ---- */

struct dataset {
    const char *name, *path;
    const char *truth; /* column; "rec_id" = the number in it */
    const char *map[MPI_ATTRIBUTES][MPI_MAP_COLUMNS];
};

static const struct dataset sets[] = {
#define FEBRL                                                                                                                     \
    "rec_id", {                                                                                                                   \
        [MPI_ID] = {"rec_id"}, [MPI_FAMILY_NAME] = {"surname"}, [MPI_GIVEN_NAME] = {"given_name"},                                \
        [MPI_BIRTH_DATE] = {"date_of_birth"}, [MPI_ID_NO] = {"soc_sec_id"}, [MPI_POSTCODE] = {"postcode"}, [MPI_ADDRESS] = {      \
            "street_number", "address_1", "address_2", "suburb", "state"                                                          \
        }                                                                                                                         \
    }
    {"febrl1", "febrl/dataset1.csv.gz", FEBRL},
    {"febrl2", "febrl/dataset2.csv.gz", FEBRL},
    {"febrl3", "febrl/dataset3.csv.gz", FEBRL},
    {"opencr uganda",
     "opencr/uganda.csv.gz",
     "rec_id",
     {[MPI_ID] = {"rec_id"},
      [MPI_SEX] = {"sex"},
      [MPI_BIRTH_DATE] = {"date_of_birth"},
      [MPI_GIVEN_NAME] = {"given_name"},
      [MPI_FAMILY_NAME] = {"surname"},
      [MPI_PHONE] = {"phone_number"},
      [MPI_ID_NO] = {"uganda_nin"},
      [MPI_INSURANCE_NO] = {"art_number"}}},
    {"splink fake_1000",
     "splink/fake_1000.csv",
     "cluster",
     {[MPI_ID] = {"unique_id"},
      [MPI_GIVEN_NAME] = {"first_name"},
      [MPI_FAMILY_NAME] = {"surname"},
      [MPI_BIRTH_DATE] = {"dob"},
      [MPI_ADDRESS] = {"city"},
      [MPI_PHONE] = {"email"}}},
    {"chinese dev",
     "cn/cn_mpi_dev.csv.gz",
     "person_id",
     {[MPI_ID] = {"rec_id"},
      [MPI_SOURCE] = {"source"},
      [MPI_NAME] = {"name"},
      [MPI_SEX] = {"sex"},
      [MPI_BIRTH_DATE] = {"birth_date"},
      [MPI_ID_NO] = {"id_no"},
      [MPI_PHONE] = {"phone"},
      [MPI_ADDRESS] = {"address"},
      [MPI_INSURANCE_NO] = {"insurance_no"}}},
};
#define CHINESE 5

static void fail(const struct fault *f)
{
    fprintf(stderr, "bench_records_mpi: %s\n", f->text);
    for (size_t i = 0; i < f->n_fields; i++)
        fprintf(stderr, "  %s: %s\n", f->fields[i].path, f->fields[i].reason);
    exit(1);
}

static void map_of(const struct dataset *d, struct mpi_map *map)
{
    memset(map, 0, sizeof *map);
    for (int a = 0; a < MPI_ATTRIBUTES; a++)
        for (size_t i = 0; i < MPI_MAP_COLUMNS && d->map[a][i]; i++)
            map->of[a].column[map->of[a].n++] = d->map[a][i];
}

/* "rec-1496-dup-3" is person 1496; other columns are the person as they stand. */
static uint64_t truth_of(const struct dataset *d, struct mpi_text t)
{
    size_t from = 0;
    if (strcmp(d->truth, "rec_id") == 0) {
        while (from < t.len && (t.p[from] < '0' || t.p[from] > '9'))
            from++;
        return strtoull(t.p + from, NULL, 10);
    }
    return (uint64_t)mpi_hash(t.p, t.len, 1) << 32 | mpi_hash(t.p, t.len, 2);
}

static size_t truths(const struct dataset *d, struct csv *c, struct cell *cells, const struct mpi_load *load, const uint32_t *cluster)
{
    struct fault f = {0};
    size_t n = 0;
    int column = csv_column(c, d->truth);
    csv_rewind(c);
    while (csv_next(c, &f) == 1) {
        cells[n] = (struct cell){truth_of(d, c->field[column]), cluster[load->row[n]]};
        n++;
    }
    return n;
}

/* Of the whole process: on a busy machine the only figure that says something. */
static double processor_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static struct score run(const char *name, const struct dataset *d, struct csv *c)
{
    struct fault f = {0};
    struct mpi_map map;
    struct mpi_set set;
    struct mpi_load load;
    struct mpi_link link;
    int64_t start = clock_monotonic_us();
    double before = processor_s();
    map_of(d, &map);
    mpi_set_init(&set, tables);
    mpi_load_init(&load, &set, &map);
    if (mpi_load_table(&load, c, &f) || mpi_load_finish(&load, &f))
        fail(&f);
    int64_t loaded = clock_monotonic_us();
    if (mpi_link_run(&link, &set, &(struct mpi_link_options){.odds = odds, .wrong = odds > 0 ? RECORDS_MPI_WRONG : 0, .threads = 2}))
        fail(&(struct fault){.text = "out of memory"});
    int64_t end = clock_monotonic_us();
    double processor = processor_s() - before;
    struct cell *cells = malloc((set.n + 1) * sizeof *cells);
    struct score s = judge(cells, truths(d, c, cells, &load, link.cluster));
    printf("%-22s %8u %8.0f  %.4f  %.4f  %.4f   %6.2f %6.2f %6.2f  %9llu\n", name, set.n, s.real, score_precision(s), score_recall(s), score_f1(s),
           (double)(loaded - start) / 1e6, (double)(end - loaded) / 1e6, processor, (unsigned long long)link.pairs);
    if (getenv("MPI_OUT")) {
        char path[300];
        snprintf(path, sizeof path, "%s/%s.csv", getenv("MPI_OUT"), name);
        FILE *out = fopen(path, "w");
        for (uint32_t i = 0; out && i < set.n; i++)
            fprintf(out, "%s,%u\n", mpi_load_id(&load, load.row[i]), link.cluster[load.row[i]]);
        if (out)
            fclose(out);
    }
    fflush(stdout);
    free(cells);
    mpi_link_fini(&link);
    mpi_load_fini(&load);
    mpi_set_fini(&set);
    return s;
}

/* ---- more errors: every value of the Chinese set may be damaged once more ---- */

enum { ID, PERSON, SOURCE, NAME, SEX, BIRTH, ID_NO, PHONE, ADDRESS, INSURANCE, COLUMNS };
static const char *const column_names[COLUMNS] = {"rec_id", "person_id", "source",  "name",    "sex",
                                                  "birth_date", "id_no", "phone", "address", "insurance_no"};

struct row {
    char text[COLUMNS][256];
};

static bool chance(double p)
{
    return roll(1000000) < p * 1e6;
}

/* Characters names are made of, for replacing. */
static const char common[] = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉萍红娥玲芬燕彩春菊兰凤洁梅琳素云莲真环雪荣爱妹"
                             "香月莺媛瑞凡佳嘉琼勤珍贞莉叶璧璐娅琦晶妍茜秋珊莎锦黛青倩婷姣婉娴瑾颖露瑶怡婵雁蓓纨仪荷丹蓉眉君琴";

static uint16_t common_char(void)
{
    size_t n = (sizeof common - 1) / 3, at = 3 * roll((uint32_t)n);
    const char *p = common + at;
    return (uint16_t)utf8_next(&p, common + sizeof common - 1);
}

/* One that sounds or looks like c, else any. */
static uint16_t confused(uint16_t c)
{
    for (int tries = 0; tries < 20000; tries++) {
        uint16_t other = (uint16_t)(0x4E00 + roll(0x5200));
        bool sound = mpi_syllable(tables, c, false) && mpi_syllable(tables, c, false) == mpi_syllable(tables, other, false);
        if (other != c && (sound || (tries > 500 && mpi_look_alike(tables, c, other))))
            return other;
    }
    return common_char();
}

static void damage_name(char *name)
{
    uint16_t c[64];
    size_t n = 0, out = 0;
    for (const char *p = name, *end = name + strlen(name); p < end && n < 60;)
        c[n++] = (uint16_t)utf8_next(&p, end);
    size_t at = n ? roll((uint32_t)n) : 0;
    uint32_t kind = roll(10);
    if (n < 2 || !mpi_is_han(c[at]))
        return;
    if (kind < 6)
        c[at] = confused(c[at]);
    else if (kind == 6)
        c[at] = common_char();
    else if (kind == 7 && n > 2) {
        memmove(c + at, c + at + 1, (n - at - 1) * sizeof *c);
        n--;
    } else if (kind == 8 && n > 2 && at + 1 < n) {
        uint16_t swap = c[at];
        c[at] = c[at + 1];
        c[at + 1] = swap;
    } else {
        char family[96], given[96];
        struct mpi_name read;
        mpi_name_read(tables, (struct mpi_text){name, strlen(name)}, (struct mpi_text){0}, (struct mpi_text){0}, &read);
        mpi_name_letters(tables, &read, family, given, sizeof family);
        if (!read.child && read.n)
            snprintf(name, 256, "%s %s", family, given);
        return;
    }
    for (size_t i = 0; i < n; i++)
        out += utf8_put(c[i], name + out);
    name[out] = 0;
}

static void damage_birth(char *birth)
{
    int y, m, d;
    if (sscanf(birth, "%4d-%2d-%2d", &y, &m, &d) != 3 || y == 1900)
        return;
    switch (roll(7)) {
    case 0:
        if (d <= 12) {
            int swap = m;
            m = d;
            d = swap;
        }
        break;
    case 1:
        snprintf(birth, 256, "%04d", y);
        return;
    case 2:
        m = d = 1;
        break;
    case 3:
        y += roll(2) ? 1 : -1;
        break;
    case 4:
        y += roll(2) && y < 2010 ? 10 : -10;
        break;
    case 5:
        d = 1 + (int)roll(28);
        break;
    default:
        m = 1 + (m + (int)roll(2)) % 12;
    }
    snprintf(birth, 256, roll(2) ? "%04d-%02d-%02d" : "%04d/%d/%d", y, m, d);
}

static void damage_number(char *number)
{
    size_t n = strlen(number), at = n ? roll((uint32_t)n) : 0;
    if (n < 5)
        return;
    switch (roll(6)) {
    case 0:
    case 1:
        number[0] = 0;
        break;
    case 2:
        number[at] = (char)('0' + roll(10));
        break;
    case 3:
        if (at + 1 < n) {
            char swap = number[at];
            number[at] = number[at + 1];
            number[at + 1] = swap;
        }
        break;
    case 4:
        number[n - 1 - roll(2)] = 0;
        break;
    default:
        snprintf(number, 256, "%s", n > 14 && roll(2) ? "111111111111111111" : "");
    }
}

static void damage_phone(char *phone)
{
    if (roll(2))
        damage_number(phone);
    else
        snprintf(phone, 256, "100%08u", roll(100000000));
}

/* Ward and room left out, the province left out, or moved. */
static void damage_address(char *address)
{
    char *ward = strstr(address, "栋"), *house = strstr(address, "号"), *province = strstr(address, "省");
    switch (roll(4)) {
    case 0:
        if (house && ward)
            house[strlen("号")] = 0;
        break;
    case 1:
        if (province)
            memmove(address, province + strlen("省"), strlen(province + strlen("省")) + 1);
        break;
    case 2:
        address[0] = 0;
        break;
    default:
        if (house)
            snprintf(address, 256, "虚构省平川市白塔区%s%u号", roll(2) ? "解放路" : "新华街", 1 + roll(300));
    }
}

static void damage(struct row *r, double p)
{
    if (chance(p))
        damage_name(r->text[NAME]);
    if (chance(p))
        damage_birth(r->text[BIRTH]);
    if (chance(p))
        damage_number(r->text[ID_NO]);
    if (chance(p))
        damage_phone(r->text[PHONE]);
    if (chance(p))
        damage_address(r->text[ADDRESS]);
    if (chance(p))
        r->text[INSURANCE][0] = 0;
    if (chance(p / 4))
        strcpy(r->text[SEX], roll(4) ? "" : roll(2) ? "男" : "女");
}

static void put_row(FILE *out, const struct row *r)
{
    for (int i = 0; i < COLUMNS; i++) {
        csv_put(out, (struct mpi_text){r->text[i], strlen(r->text[i])});
        putc(i + 1 < COLUMNS ? ',' : '\n', out);
    }
}

static void put_header(FILE *out)
{
    for (int i = 0; i < COLUMNS; i++)
        fprintf(out, "%s%c", column_names[i], i + 1 < COLUMNS ? ',' : '\n');
}

static void damaged(struct csv *c, double p, uint64_t seed)
{
    struct fault f = {0};
    struct csv made;
    char *bytes = NULL, name[40];
    size_t len = 0;
    FILE *out = open_memstream(&bytes, &len);
    dice = seed * 0x9E3779B97F4A7C15ull;
    csv_rewind(c);
    put_header(out);
    while (csv_next(c, &f) == 1) {
        struct row r;
        for (int i = 0; i < COLUMNS; i++) {
            struct mpi_text t = c->field[csv_column(c, column_names[i])];
            snprintf(r.text[i], sizeof r.text[i], "%.*s", (int)t.len, t.p);
        }
        damage(&r, p);
        put_row(out, &r);
    }
    fclose(out);
    snprintf(name, sizeof name, "chinese +%.0f%% seed %d", p * 100, (int)seed);
    if (csv_open_bytes(&made, name, bytes, len, &f))
        fail(&f);
    run(name, &sets[CHINESE], &made);
    csv_close(&made);
    free(bytes);
}

/* ---- made people, as many as wanted ---- */

static const char families[] = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
                               "姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤";

static void character(const char *from, size_t bytes, bool skewed, char out[4])
{
    uint32_t n = (uint32_t)(bytes / 3), at = roll(n);
    if (skewed) /* the first ones far more often than the last ones */
        at = at * roll(n) / n * roll(n) / n;
    memcpy(out, from + 3 * (size_t)at, 3);
    out[3] = 0;
}

static void make_person(uint32_t number, struct row *r)
{
    static const char *const towns[] = {"平川市白塔区", "平川市枫林县", "海沧市北湖区", "海沧市临江县", "海沧市南坪乡", "云岭市青溪区", "云岭市河东县",
                                        "云岭市石桥镇"};
    static const char *const streets[] = {"人民路", "解放路", "新华街", "朝阳路", "团结路", "胜利街", "长江路", "文化路", "滨河路", "东风村", "红旗村", "李家沟"};
    char family[4], first[4], second[4] = "", card[24];
    unsigned y = (1930 + roll(96)) % 10000, m = (1 + roll(12)) % 100, d = (1 + roll(28)) % 100, man = roll(2); /* as many digits as they have */
    memset(r, 0, sizeof *r);
    character(families, sizeof families - 1, true, family);
    character(common, sizeof common - 1, false, first);
    if (chance(0.8))
        character(common, sizeof common - 1, false, second);
    snprintf(r->text[PERSON], 256, "%u", number);
    snprintf(r->text[NAME], 256, "%s%s%s", family, first, second);
    snprintf(r->text[SEX], 256, "%s", man ? "男" : "女");
    snprintf(r->text[BIRTH], 256, "%04u-%02u-%02u", y, m, d);
    snprintf(card, sizeof card, "99%04u%04u%02u%02u%03u", roll(2000), y, m, d, (roll(500) * 2 + man) % 1000);
    card[17] = identity_check_character(card);
    memcpy(r->text[ID_NO], card, 18);
    snprintf(r->text[PHONE], 256, "100%08u", roll(100000000));
    snprintf(r->text[ADDRESS], 256, "虚构省%s%s%u号%u栋%u室", towns[roll(8)], streets[roll(12)], 1 + roll(300), 1 + roll(30), 101 + roll(2400));
    snprintf(r->text[INSURANCE], 256, "YB%09u", roll(1000000000));
}

static void made(uint32_t n)
{
    static const char *const sources[] = {"HIS", "EMR", "LIS", "PACS", "体检", "乡镇"};
    struct fault f = {0};
    struct csv table;
    char *bytes = NULL, name[40];
    size_t len = 0;
    FILE *out = open_memstream(&bytes, &len);
    dice = 42;
    put_header(out);
    for (uint32_t i = 0, person = 0; i < n; person++) {
        struct row whole;
        make_person(person, &whole);
        do {
            struct row r = whole;
            snprintf(r.text[ID], 256, "R%u", i);
            snprintf(r.text[SOURCE], 256, "%s", sources[roll(6)]);
            if (chance(0.24))
                r.text[ID_NO][0] = 0;
            if (chance(0.11))
                r.text[PHONE][0] = 0;
            if (chance(0.2))
                r.text[ADDRESS][0] = 0;
            if (chance(0.4))
                r.text[INSURANCE][0] = 0;
            damage(&r, 0.06);
            put_row(out, &r);
        } while (++i < n && chance(0.5));
    }
    fclose(out);
    snprintf(name, sizeof name, "made %u", n);
    if (csv_open_bytes(&table, name, bytes, len, &f))
        fail(&f);
    free(bytes);
    run(name, &sets[CHINESE], &table);
    csv_close(&table);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    printf("largest memory %ld MiB, of which the table %zu MiB\n", u.ru_maxrss / 1024, len >> 20);
}

static void read_set(const char *data, const struct dataset *d, struct csv *c)
{
    char command[600], path[400], *bytes = NULL;
    size_t len = 0, cap = 0;
    struct fault f = {0};
    snprintf(path, sizeof path, "%s/mpi/%s", data, d->path);
    snprintf(command, sizeof command, "gzip -cdf '%s'", path);
    FILE *in = popen(command, "re");
    for (size_t got = 1; in && got; len += got) {
        if (len + 65536 > cap)
            bytes = realloc(bytes, cap = cap * 2 + 65536);
        got = bytes ? fread(bytes + len, 1, 65536, in) : 0;
    }
    if (!in || pclose(in) || csv_open_bytes(c, d->path, bytes, len, &f))
        fail(f.code ? &f : &(struct fault){.text = "a data set cannot be read"});
    free(bytes);
}

int main(int argc, char **argv)
{
    struct fault f = {0};
    struct mpi_tables *opened;
    odds = getenv("BENCH_ODDS") ? (float)atof(getenv("BENCH_ODDS")) : logf(0.9f / 0.1f);
    if (argc < 2)
        return fprintf(stderr, "usage: bench_records_mpi DATA [N]\n"), 2;
    if (mpi_tables_open(&opened, YL_SOURCE_DIR "/config/data", &f))
        fail(&f);
    tables = opened;
    printf("%-22s %8s %8s  %6s  %6s  %6s   %6s %6s %6s  %9s\n", "set", "records", "pairs", "prec.", "recall", "F1", "load s", "link s", "cpu s", "compared");
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct csv c;
        read_set(argv[1], &sets[i], &c);
        run(sets[i].name, &sets[i], &c);
        for (int k = 0; i == CHINESE && k < 4; k++)
            damaged(&c, k < 2 ? 0.1 : k == 2 ? 0.2 : 0.3, (uint64_t)(k + 1));
        csv_close(&c);
    }
    if (argc > 2)
        made((uint32_t)strtoul(argv[2], NULL, 10));
    mpi_tables_close(opened);
    return 0;
}
