/* patient_sets - made patients (patients.h) as tables for the patient index, with the truth beside them. */
#ifndef YL_TESTS_SUPPORT_PATIENT_SETS_H
#define YL_TESTS_SUPPORT_PATIENT_SETS_H

#include "records/mpi/load.h"
#include "tests/support/patients.h"

#define PATIENT_TABLES 3

enum patient_layout { PLAIN, SPLIT, THREE_TABLES, FEBRL, PATIENT_LAYOUTS };

struct patient_set {
    const char *name;
    enum patient_layout layout;
    uint32_t persons;
    struct patients_mix mix;
    double error; /* of every value, beside mix.wrong */
    double missing;
};

struct people {
    struct patient *of;
    uint32_t n, cap;
};


static inline struct patient *people_add(struct people *all, const struct patient *p)
{
    if (all->n == all->cap) {
        all->cap = all->cap * 2 + 1024;
        all->of = realloc(all->of, all->cap * sizeof *all->of);
    }
    all->of[all->n] = *p;
    all->of[all->n].truth = all->n;
    return &all->of[all->n++];
}

/* The name of somebody, and in half of the cases the birth date or the year with it. */
static inline void make_namesake(struct patient *p, const struct patient *of)
{
    strcpy(p->text[P_FAMILY], of->text[P_FAMILY]);
    strcpy(p->text[P_GIVEN], of->text[P_GIVEN]);
    strcpy(p->text[P_SEX], of->text[P_SEX]);
    uint32_t birth = roll(4);
    if (birth < 2)
        strcpy(p->text[P_YEAR], of->text[P_YEAR]);
    if (birth == 0) {
        strcpy(p->text[P_MONTH], of->text[P_MONTH]);
        strcpy(p->text[P_DAY], of->text[P_DAY]);
    }
    patients_own(p);
}

static inline void make_people(const struct patient_set *f, const struct people *latin, struct people *all)
{
    for (uint32_t i = 0; f->layout == FEBRL && i < f->persons && latin && i < latin->n; i++)
        people_add(all, &latin->of[i]);
    while (f->layout != FEBRL && all->n < f->persons) {
        struct patient house[8], one;
        uint32_t n = patients_household(house, &f->mix);
        for (uint32_t i = 0; i < n; i++)
            people_add(all, &house[i]);
        if (happens(f->mix.newborns)) {
            patients_newborn(&one, &house[1]);
            people_add(all, &one);
        }
        if (happens(f->mix.nobodies)) {
            patients_nobody(&one);
            people_add(all, &one);
        }
        if (happens(f->mix.namesakes * n)) {
            patients_household(house, &f->mix);
            make_namesake(&house[0], &all->of[roll(all->n)]);
            if (house[0].text[P_CARD][0] && house[0].text[P_MONTH][0])
                people_add(all, &house[0]);
        }
    }
}

/* Latin people out of a Febrl table: the originals. */
static inline void patients_read_latin(const char *path, struct people *latin)
{
    static const char *const names[P_FIELDS] = {[P_FAMILY] = "surname", [P_GIVEN] = "given_name", [P_CARD] = "soc_sec_id", [P_TOWN] = "state",
                                                [P_DISTRICT] = "suburb", [P_STREET] = "address_1", [P_HOUSE] = "street_number",
                                                [P_ROOM] = "address_2", [P_POSTCODE] = "postcode"};
    struct csv c;
    struct fault f = {0};
    if (csv_open(&c, path, &f)) {
        fprintf(stderr, "%s\n", f.text);
        exit(1);
    }
    while (csv_next(&c, &f) == 1) {
        struct patient p = {0};
        struct mpi_text id = csv_trim(c.field[csv_column(&c, "rec_id")]), birth = csv_trim(c.field[csv_column(&c, "date_of_birth")]);
        if (id.len < 4 || memcmp(id.p + id.len - 3, "org", 3))
            continue;
        for (int i = 0; i < P_FIELDS; i++)
            if (names[i]) {
                struct mpi_text t = csv_trim(c.field[csv_column(&c, names[i])]);
                snprintf(p.text[i], sizeof p.text[i], "%.*s", (int)t.len, t.p);
            }
        if (birth.len == 8) {
            snprintf(p.text[P_YEAR], 64, "%.4s", birth.p);
            snprintf(p.text[P_MONTH], 64, "%.2s", birth.p + 4);
            snprintf(p.text[P_DAY], 64, "%.2s", birth.p + 6);
        }
        people_add(latin, &p);
    }
    csv_close(&c);
}

static const char *const headers[PATIENT_LAYOUTS][PATIENT_TABLES] = {
    [PLAIN] = {"id,truth,xm,xb,csrq,zjhm,lxdh,dz,yb,ybh"},
    [SPLIT] = {"id,truth,xing,ming,xb,nian,yue,ri,zjhm,lxdh,shi,qu,jie,hao,shi2,yb,ybh"},
    [THREE_TABLES] = {"id,truth,xm,xb,csrq,zjhm,lxdh,dz,yb,ybh", "id,truth,xing,ming,csrq,lxdh,dz,ybh", "id,truth,xm,xb,nian,yue,ri,zjhm,shi,qu,jie,hao"},
    [FEBRL] = {"id,truth,ming,xing,nian,yue,ri,zjhm,hao,jie,shi2,qu,shi,yb"},
};
static const struct {
    enum mpi_attribute attribute;
    const char *column;
} meanings[] = {{MPI_ID, "id"},           {MPI_NAME, "xm"},      {MPI_FAMILY_NAME, "xing"}, {MPI_GIVEN_NAME, "ming"},  {MPI_SEX, "xb"},     {MPI_BIRTH_DATE, "csrq"},
                {MPI_BIRTH_DATE, "nian"}, {MPI_BIRTH_DATE, "yue"}, {MPI_BIRTH_DATE, "ri"},    {MPI_ID_NO, "zjhm"},       {MPI_PHONE, "lxdh"}, {MPI_ADDRESS, "dz"},
                {MPI_ADDRESS, "shi"},     {MPI_ADDRESS, "qu"},   {MPI_ADDRESS, "jie"},      {MPI_ADDRESS, "hao"},      {MPI_ADDRESS, "shi2"}, {MPI_POSTCODE, "yb"},
                {MPI_INSURANCE_NO, "ybh"}};

static inline bool has_column(enum patient_layout layout, const char *name)
{
    for (int t = 0; t < PATIENT_TABLES && headers[layout][t]; t++) {
        char all[200], wanted[40];
        snprintf(all, sizeof all, ",%s,", headers[layout][t]);
        snprintf(wanted, sizeof wanted, ",%s,", name);
        if (strstr(all, wanted))
            return true;
    }
    return false;
}

static inline void map_of(enum patient_layout layout, struct mpi_map *map)
{
    memset(map, 0, sizeof *map);
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (has_column(layout, meanings[i].column))
            map->of[meanings[i].attribute].column[map->of[meanings[i].attribute].n++] = meanings[i].column;
}

static inline void value_of(const struct patient *r, const char *column, uint32_t number, char *out, size_t cap)
{
    const char(*t)[64] = r->text;
    static const struct {
        const char *column;
        enum patient_field field;
    } plain[] = {{"xing", P_FAMILY}, {"ming", P_GIVEN}, {"xb", P_SEX},       {"nian", P_YEAR},   {"yue", P_MONTH}, {"ri", P_DAY},        {"zjhm", P_CARD}, {"lxdh", P_PHONE},
                 {"shi", P_TOWN},    {"qu", P_DISTRICT}, {"jie", P_STREET},  {"hao", P_HOUSE},   {"shi2", P_ROOM}, {"yb", P_POSTCODE}, {"ybh", P_INSURANCE}};
    out[0] = 0;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(column, plain[i].column) == 0)
            snprintf(out, cap, "%s", t[plain[i].field]);
    if (strcmp(column, "id") == 0)
        snprintf(out, cap, "R%u", number);
    else if (strcmp(column, "truth") == 0)
        snprintf(out, cap, "%u", r->truth);
    else if (strcmp(column, "xm") == 0)
        snprintf(out, cap, "%s%s%s", t[P_FAMILY], t[P_FAMILY][0] > 0 ? " " : "", t[P_GIVEN]);
    else if (strcmp(column, "csrq") == 0)
        snprintf(out, cap, t[P_MONTH][0] ? "%s-%s-%s" : "%s", t[P_YEAR], t[P_MONTH], t[P_DAY]);
    else if (strcmp(column, "dz") == 0)
        snprintf(out, cap, "%s%s%s%s%s", t[P_TOWN], t[P_DISTRICT], t[P_STREET], t[P_HOUSE], t[P_ROOM]);
}

struct made {
    struct csv table[PATIENT_TABLES];
    uint32_t n, *truth; /* of the tables' rows, one table after the other */
};

static inline void write_letters(const struct mpi_tables *names, struct patient *r)
{
    char family[64], given[64];
    struct mpi_name read;
    mpi_name_read(names, (struct mpi_text){0}, (struct mpi_text){r->text[P_FAMILY], strlen(r->text[P_FAMILY])},
                  (struct mpi_text){r->text[P_GIVEN], strlen(r->text[P_GIVEN])}, &read);
    mpi_name_letters(names, &read, family, given, sizeof family);
    if (!read.han || read.child)
        return;
    snprintf(r->text[P_FAMILY], 64, "%s", family);
    snprintf(r->text[P_GIVEN], 64, "%s", given);
}

static inline struct patients_mix mix_of(const struct patient_set *f)
{
    struct patients_mix mix = f->mix;
    for (int i = 0; i < P_FIELDS; i++) {
        bool part = i == P_MONTH || i == P_DAY || i == P_TOWN || i == P_DISTRICT || i == P_HOUSE || i == P_ROOM;
        mix.wrong[i] += part ? 0 : i == P_SEX ? f->error / 8 : f->error;
        mix.left_out[i] += part || i == P_FAMILY || i == P_GIVEN ? 0 : f->missing;
    }
    return mix;
}

static inline void put_record(FILE *out, const struct patient *r, const char *header, uint32_t number)
{
    char columns[200], *rest = columns, *column;
    snprintf(columns, sizeof columns, "%s", header);
    for (bool first = true; (column = strsep(&rest, ",")); first = false) {
        char value[400];
        value_of(r, column, number, value, sizeof value);
        if (!first)
            putc(',', out);
        csv_put(out, (struct mpi_text){value, strlen(value)});
    }
    putc('\n', out);
}

static inline void make_set(const struct patient_set *f, const struct mpi_tables *names, const struct people *latin, struct made *m)
{
    struct people all = {0};
    struct patients_mix mix = mix_of(f);
    char *bytes[PATIENT_TABLES] = {0};
    size_t len[PATIENT_TABLES] = {0};
    FILE *out[PATIENT_TABLES] = {0};
    uint32_t *truth[PATIENT_TABLES] = {0}, n[PATIENT_TABLES] = {0}, tables_n = 0, number = 0;
    struct fault fault = {0};
    memset(m, 0, sizeof *m);
    make_people(f, latin, &all);
    for (; tables_n < PATIENT_TABLES && headers[f->layout][tables_n]; tables_n++) {
        out[tables_n] = open_memstream(&bytes[tables_n], &len[tables_n]);
        truth[tables_n] = malloc(all.n * 64 * sizeof **truth);
        fprintf(out[tables_n], "%s\n", headers[f->layout][tables_n]);
    }
    for (uint32_t i = 0; i < all.n; i++)
        for (int times = 0; times < 60 && (times == 0 || happens(mix.again)) && (times == 0 || all.of[i].text[P_FAMILY][0] || f->layout == FEBRL); times++) {
            struct patient r = all.of[i];
            uint32_t t = roll(tables_n);
            patients_write(&r, &all.of[roll(all.n)], &mix);
            if (happens(mix.latin))
                write_letters(names, &r);
            put_record(out[t], &r, headers[f->layout][t], ++number);
            truth[t][n[t]++] = all.of[i].truth;
        }
    m->truth = malloc((number + 1) * sizeof *m->truth);
    for (uint32_t t = 0; t < tables_n; t++) {
        fclose(out[t]);
        if (csv_open_bytes(&m->table[t], f->name, bytes[t], len[t], &fault))
            exit(1);
        memcpy(m->truth + m->n, truth[t], n[t] * sizeof **truth);
        m->n += n[t];
        free(truth[t]);
        free(bytes[t]);
    }
    free(all.of);
}
#endif
