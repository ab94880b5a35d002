/* The archive: subjects.csv, a file for each kind of event, manifest.json, README.txt. Rows stand in the order of the pseudonyms, which says
 * nothing. */
#include "records/patient/identity.h"
#include "records/research/research_private.h"
#include "server/base/crypto.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct csv {
    FILE *f;
    char *text;
    size_t len;
};

static bool csv_open(struct csv *c)
{
    memset(c, 0, sizeof *c);
    c->f = open_memstream(&c->text, &c->len);
    if (c->f)
        fputs("\xef\xbb\xbf", c->f); /* spreadsheets take UTF-8 without it for GBK */
    return c->f;
}

static void csv_close(struct csv *c, struct zip *z, const char *name, char sha256[65])
{
    uint8_t hash[SHA256_BYTES];
    fclose(c->f);
    crypto_sha256(c->text, c->len, hash);
    (void)!hex_encode(hash, sizeof hash, sha256, 65);
    zip_add(z, name, c->text, c->len);
    explicit_bzero(c->text, c->len);
    free(c->text);
}

/* RFC 4180; no cell begins like a formula. */
static void cell(FILE *f, const char *text)
{
    bool quote = strpbrk(text, "\",\r\n") != NULL;
    if (quote)
        fputc('"', f);
    if (*text && strchr("=@", *text))
        fputc('\'', f);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', f);
        fputc(*text, f);
    }
    if (quote)
        fputc('"', f);
}

/* ---- order ---- */

struct named {
    char name[PSEUDONYM_BYTES];
    uint32_t subject;
    size_t first, n; /* its events */
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static struct named *name_all(const struct made *m, uint32_t *n)
{
    struct named *list = calloc((size_t)m->found->n + 1, sizeof *list);
    size_t at = 0;
    *n = 0;
    for (uint32_t i = 0; list && i < m->found->n; i++) {
        struct named *one = &list[*n];
        one->first = at;
        while (at < m->events->n && m->events->list[at].subject == i)
            at++;
        if (m->cut->drop[i])
            continue;
        one->n = at - one->first;
        one->subject = i;
        pseudonym(m->key, m->found->list[i].person, one->name);
        ++*n;
    }
    if (list)
        qsort(list, *n, sizeof *list, by_name);
    return list;
}

/* ---- the files ---- */

static const char *quasi_text(const struct made *m, uint32_t subject, size_t column)
{
    uint8_t rung = m->cut->rung[column];
    uint32_t value = m->ladders->cells[(size_t)subject * m->ladders->table.n_columns + column];
    return m->ladders->text[column][rung][value];
}

static int write_subjects(const struct made *m, const struct named *list, uint32_t n, struct zip *z, char sha256[65])
{
    struct csv c;
    bool condition = research_has(m->project->fields, FIELD_CONDITION);
    if (!csv_open(&c))
        return ERR_UNAVAILABLE;
    fputs("subject", c.f);
    for (size_t i = 0; i < m->ladders->table.n_columns; i++)
        fprintf(c.f, ",%s", research_fields[m->ladders->names[i]].name);
    fputs(condition ? ",condition\r\n" : "\r\n", c.f);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t code = m->conditions[list[i].subject];
        fputs(list[i].name, c.f);
        for (size_t k = 0; k < m->ladders->table.n_columns; k++) {
            fputc(',', c.f);
            cell(c.f, quasi_text(m, list[i].subject, k));
        }
        if (condition) {
            fputc(',', c.f);
            cell(c.f, code == KANON_NONE ? "*" : words_text(&m->found->words, code));
        }
        fputs("\r\n", c.f);
    }
    csv_close(&c, z, "subjects.csv", sha256);
    return 0;
}

/* "a|b" as two cells */
static void parts(FILE *f, const char *text)
{
    char part[256];
    for (;;) {
        size_t n = strcspn(text, "|");
        snprintf(part, sizeof part, "%.*s", (int)n, text);
        fputc(',', f);
        cell(f, part);
        if (!text[n])
            return;
        text += n + 1;
    }
}

static void write_event(FILE *f, const struct made *m, const char *name, const struct event *e)
{
    fprintf(f, "%s,%" PRId32, name, e->day);
    parts(f, words_text(&m->found->words, e->code));
    if (e->table == T_OBSERVATIONS) {
        fprintf(f, ",%.1s,", e->mark ? &e->mark : "");
        if (e->numeric)
            fprintf(f, "%.10g", e->value);
        fprintf(f, ",%s,%.1s", words_text(&m->found->words, e->word), e->flag ? &e->flag : "");
    }
    fputs("\r\n", f);
}

static int write_table(struct made *m, enum research_table t, const struct named *list, uint32_t n, struct zip *z, char sha256[65])
{
    const struct research_field *field = &research_fields[FIELD_TABLES + t];
    char name[40];
    struct csv c;
    if (!csv_open(&c))
        return ERR_UNAVAILABLE;
    fprintf(c.f, "subject,day,%s\r\n", field->columns);
    for (uint32_t i = 0; i < n; i++)
        for (size_t k = 0; k < list[i].n; k++) {
            const struct event *e = &m->events->list[list[i].first + k];
            if (e->table != t || e->code == KANON_NONE)
                continue;
            write_event(c.f, m, list[i].name, e);
            m->tables[t].rows++;
        }
    snprintf(name, sizeof name, "%s.csv", field->name);
    csv_close(&c, z, name, sha256);
    return 0;
}

/* ---- what was done to the data ---- */

static json_t *column_report(const struct made *m, size_t column)
{
    const struct kanon_column *c = &m->ladders->table.columns[column];
    uint8_t rung = m->cut->rung[column];
    return json_pack("{s:s,s:i,s:i,s:b}", "field", research_fields[m->ladders->names[column]].name, "rung", rung, "rungs", c->rungs - 1, "left_out", rung > 0 && rung == c->rungs - 1);
}

static json_t *table_report(const char *name, const struct table_done *t)
{
    return json_pack("{s:s,s:I,s:I,s:I,s:I}", "field", name, "rows", (json_int_t)t->rows, "coarser", (json_int_t)t->coarser, "left_out", (json_int_t)t->left_out, "capped", (json_int_t)t->capped);
}

static json_t *report_of(const struct made *m)
{
    json_t *columns = json_array(), *tables = json_array();
    for (size_t i = 0; i < m->ladders->table.n_columns; i++)
        json_array_append_new(columns, column_report(m, i));
    if (research_has(m->project->fields, FIELD_CONDITION))
        json_array_append_new(tables, table_report("condition", &m->condition));
    for (size_t t = 0; t < T_TABLES; t++)
        if (research_has(m->project->fields, FIELD_TABLES + t))
            json_array_append_new(tables, table_report(research_fields[FIELD_TABLES + t].name, &m->tables[t]));
    return json_pack("{s:I,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o}", "l", (json_int_t)m->l, "condition_hidden", (int)m->condition_hidden, "k", (json_int_t)m->k, "smallest", (json_int_t)m->cut->smallest, "classes", (json_int_t)m->cut->classes, "diversity",
                     (json_int_t)m->cut->diversity, "persons", (json_int_t)m->cut->kept, "dropped", (json_int_t)m->cut->dropped, "refused", (json_int_t)(m->found->refused < m->k ? 0 : m->found->refused - m->found->refused % m->k),
                     "text_left_out", (json_int_t)m->events->text_left_out, "columns", columns, "tables", tables);
}

static json_t *name_of(struct op_ctx *ctx, const char *sql, uint64_t id)
{
    struct query *q = tx_query(ctx->tx, sql, "i", (int64_t)id);
    json_t *name = json_string(query_next(q) ? query_text(q, "name") : "");
    (void)!query_end(q);
    return name;
}

static void day_text(int64_t t_ms, char out[11])
{
    date_of_ms(t_ms, RESEARCH_ZONE_MIN, out);
}

static json_t *manifest_of(struct op_ctx *ctx, const struct made *m, json_t *files, json_t *report)
{
    const struct project *p = m->project;
    char made[11], until[11];
    day_text(m->now_ms, made);
    day_text(p->until_ms, until);
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:s,s:s,s:O,s:o,s:O,s:o,s:{s:s,s:s,s:s}}", "number", p->number, "title", p->title, "purpose", p->purpose, "ethics_approval", p->ethics_no,
                     "ethics_date", p->ethics_date, "applicant", name_of(ctx, "SELECT name FROM person WHERE id=$1", p->person), "institution",
                     name_of(ctx, "SELECT name FROM org WHERE id=$1", p->org), "approved_by", name_of(ctx, "SELECT name FROM person WHERE id=$1", p->decided_by), "made", made, "expires",
                     until, "cohort", p->cohort, "fields", research_fields_json(p->fields), "protection", report, "files", files, "rules", "pseudonyms",
                     "HMAC-SHA-256 under a random key of this run alone, wiped when the run ended: there is no way back and no join with another project", "days",
                     "counted from each person's own first diagnosis of the cohort (day 0)", "law",
                     "Personal Information Protection Law art. 28, 51, 73; GB/T 37964-2019: pseudonymised, not anonymous. Use for the stated purpose only, no re-identification, no passing on, delete by the date of expiry");
}

static void write_readme(const struct made *m, struct zip *z)
{
    char text[3000], until[11];
    day_text(m->project->until_ms, until);
    int n = snprintf(text, sizeof text,
                     "\xef\xbb\xbf"
                     "科研数据 %s：%s\r\n\r\n仅供本申请所述目的使用，有效期至 %s，到期须删除全部副本。不得尝试识别个人，不得与其他数据关联，不得转交他人。\r\n"
                     "subject 为本次导出专用的假名，密钥已销毁，任何人不能还原；day 为距本人入组诊断的天数（0 为当天）；“*”表示该项已泛化到不提供。\r\n"
                     "每种准标识符组合至少有 %u 人相同。依据：《个人信息保护法》第二十八、五十一、七十三条，GB/T 37964-2019。\r\n\r\n"
                     "Data for research %s. For the purpose of this application only, until %s, then delete every copy. Do not try to identify anybody, do not join with\r\n"
                     "other data, do not pass on. subject: a pseudonym of this export alone whose key is destroyed; day: days from the person's own first diagnosis;\r\n"
                     "\"*\": not given. Every combination of quasi-identifiers is shared by at least %u persons. The rest is in manifest.json.\r\n",
                     m->project->number, m->project->title, until, m->k, m->project->number, until, m->k);
    zip_add(z, "README.txt", text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

static void add_file(json_t *files, const char *name, const char *sha256)
{
    char full[40];
    snprintf(full, sizeof full, "%s.csv", name);
    json_array_append_new(files, json_pack("{s:s,s:s}", "name", full, "sha256", sha256));
}

int file_make(struct op_ctx *ctx, struct made *m, struct zip *out, json_t **report)
{
    uint32_t n;
    char sha256[65];
    struct named *list = name_all(m, &n);
    json_t *files = json_array();
    int rc = list ? write_subjects(m, list, n, out, sha256) : ERR_UNAVAILABLE;
    if (rc == 0)
        add_file(files, "subjects", sha256);
    for (enum research_table t = 0; t < T_TABLES && rc == 0; t++) {
        if (!research_has(m->project->fields, FIELD_TABLES + t))
            continue;
        rc = write_table(m, t, list, n, out, sha256);
        if (rc == 0)
            add_file(files, research_fields[FIELD_TABLES + t].name, sha256);
    }
    free(list);
    *report = report_of(m);
    json_t *manifest = manifest_of(ctx, m, files, *report);
    char *text = manifest ? json_dumps(manifest, JSON_INDENT(1)) : NULL;
    json_decref(manifest);
    if (text)
        zip_add(out, "manifest.json", text, strlen(text));
    else if (rc == 0)
        rc = ERR_UNAVAILABLE;
    free(text);
    write_readme(m, out);
    rc = rc ? rc : tx_error(ctx->tx) ? tx_error(ctx->tx) : zip_end(out);
    if (rc) {
        json_decref(*report);
        *report = NULL;
    }
    return rc;
}
