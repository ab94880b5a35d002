/* Tables of columns: compiled, and rows made into messages (rows.h). */
#include "records/exchange/rows.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENTS_MAX 12

struct column {
    char names[256]; /* "患者号|patient_no": the first is what it is called here; "" = a constant */
    char constant[64];
    struct hl7_path to;
    bool require, time;
    json_t *words; /* value of the file -> value of the message; NULL = as it is */
};

struct exchange_rows {
    char name[64], like[64], message[24];
    struct column columns[ROWS_COLUMNS_MAX];
    size_t n;
    char segments[SEGMENTS_MAX][4]; /* in the order of the message */
    size_t n_segments;
};

/* ---- compiling ---- */

static int know_segment(struct exchange_rows *r, const char *name)
{
    for (size_t i = 0; i < r->n_segments; i++)
        if (strcmp(r->segments[i], name) == 0)
            return 0;
    if (r->n_segments == SEGMENTS_MAX)
        return ERR_INVALID;
    memcpy(r->segments[r->n_segments++], name, 4);
    return 0;
}

/* One place of a message: a field at least; a segment comes once in a row. */
static int compile_place(struct column *c, const char *to)
{
    if (!to || hl7_path_parse(to, &c->to) || !c->to.field || c->to.field > 60 || c->to.repetition > 8 || c->to.component > 20 || c->to.sub > 8 || c->to.occurrence > 1)
        return ERR_INVALID;
    if (!c->to.repetition)
        c->to.repetition = 1;
    if (!c->to.component)
        c->to.component = 1;
    if (!c->to.sub)
        c->to.sub = 1;
    return strcmp(c->to.segment, "MSH") == 0 && c->to.field != 7 ? ERR_INVALID : 0;
}

static int compile_column(struct exchange_rows *r, const json_t *from, size_t number, struct fault *f)
{
    char where[40];
    struct column *c = &r->columns[r->n];
    const char *names = json_string_value(json_object_get(from, "column")), *constant = json_string_value(json_object_get(from, "value"));
    const char *as = json_string_value(json_object_get(from, "as"));
    snprintf(where, sizeof where, "columns[%zu]", number);
    if (r->n == ROWS_COLUMNS_MAX)
        return fault_field(f, where, "too_many");
    if (!names == !constant || (names && (!names[0] || strlen(names) >= sizeof c->names)) || (constant && strlen(constant) >= sizeof c->constant))
        return fault_field(f, where, "required:column or value");
    if (compile_place(c, json_string_value(json_object_get(from, "to"))))
        return fault_field(f, where, "not_a_path:to");
    if (as && strcmp(as, "text") != 0 && strcmp(as, "time") != 0)
        return fault_field(f, where, "as:text,time");
    snprintf(c->names, sizeof c->names, "%s", names ? names : "");
    snprintf(c->constant, sizeof c->constant, "%s", constant ? constant : "");
    c->require = json_is_true(json_object_get(from, "require"));
    c->time = as && as[0] == 't' && as[1] == 'i';
    c->words = json_incref(json_object_get(from, "words"));
    r->n++;
    return strcmp(c->to.segment, "MSH") == 0 || know_segment(r, c->to.segment) == 0 ? 0 : fault_field(f, where, "too_many:segments");
}

int exchange_rows_open(struct exchange_rows **out, const json_t *from, struct fault *f)
{
    const char *name = json_string_value(json_object_get(from, "name")), *like = json_string_value(json_object_get(from, "like"));
    const char *message = json_string_value(json_object_get(from, "message"));
    const json_t *columns = json_object_get(from, "columns");
    struct exchange_rows *r = calloc(1, sizeof *r);
    int rc = 0;
    *out = NULL;
    if (!r)
        return ERR_UNAVAILABLE;
    if (!name || !name[0] || strlen(name) >= sizeof r->name)
        rc = fault_field(f, "name", "required");
    else if (!message || strlen(message) < 3 || strlen(message) >= sizeof r->message)
        rc = fault_field(f, "message", "required");
    snprintf(r->name, sizeof r->name, "%s", name ? name : "");
    snprintf(r->like, sizeof r->like, "%s", like && strlen(like) < sizeof r->like ? like : "hl7v2");
    snprintf(r->message, sizeof r->message, "%s", message ? message : "");
    for (size_t i = 0; i < json_array_size(columns) && rc == 0; i++)
        rc = compile_column(r, json_array_get(columns, i), i, f);
    bool patient = false;
    for (size_t i = 0; i < r->n; i++)
        patient = patient || (r->columns[i].names[0] && strcmp(r->columns[i].to.segment, "PID") == 0);
    if (rc == 0 && !patient)
        rc = fault_field(f, "columns", "required:PID");
    if (rc)
        exchange_rows_close(r);
    else
        *out = r;
    return rc;
}

void exchange_rows_close(struct exchange_rows *r)
{
    for (size_t i = 0; r && i < r->n; i++)
        json_decref(r->columns[i].words);
    free(r);
}

const char *exchange_rows_name(const struct exchange_rows *r)
{
    return r->name;
}

const char *exchange_rows_like(const struct exchange_rows *r)
{
    return r->like;
}

/* ---- headers and bodies ---- */

static void first_name(const struct column *c, char out[ROWS_NAME_BYTES])
{
    size_t n = strcspn(c->names, "|");
    snprintf(out, ROWS_NAME_BYTES, "%.*s", (int)(n < ROWS_NAME_BYTES ? n : ROWS_NAME_BYTES - 1), c->names);
}

static bool called(const struct column *c, struct mpi_text name)
{
    for (const char *p = c->names; *p;) {
        size_t n = strcspn(p, "|");
        if (n == name.len && strncasecmp(p, name.p, n) == 0)
            return true;
        p += n + (p[n] != 0);
    }
    return false;
}

/* The first of the column's names that the header has. */
static int field_of(const struct column *c, const struct csv *csv)
{
    for (const char *p = c->names; *p;) {
        size_t n = strcspn(p, "|");
        for (size_t i = 0; i < csv->n_columns; i++)
            if (csv->column[i].len == n && n && strncasecmp(csv->column[i].p, p, n) == 0)
                return (int)i;
        p += n + (p[n] != 0);
    }
    return -1;
}

static void list_unused(const struct exchange_rows *r, const struct csv *csv, char *out, size_t cap)
{
    size_t len = 0;
    out[0] = 0;
    for (size_t i = 0; i < csv->n_columns; i++) {
        struct mpi_text name = csv->column[i];
        bool known = name.len == 0 || name.len + len + 3 > cap;
        for (size_t k = 0; k < r->n && !known; k++)
            known = called(&r->columns[k], name);
        if (!known)
            len += (size_t)snprintf(out + len, cap - len, "%s%.*s", len ? "; " : "", (int)name.len, name.p);
    }
}

int exchange_rows_header(const struct exchange_rows *r, const struct csv *csv, struct exchange_header *h, char column[ROWS_NAME_BYTES], char *unused, size_t cap)
{
    int rc = 0;
    column[0] = 0;
    for (size_t i = 0; i < r->n; i++) {
        h->at[i] = field_of(&r->columns[i], csv);
        if (h->at[i] < 0 && r->columns[i].require && rc == 0) {
            first_name(&r->columns[i], column);
            rc = ERR_INVALID;
        }
    }
    if (unused)
        list_unused(r, csv, unused, cap);
    return rc;
}

/* A column of the file that feeds several places stands in the body once. */
static bool comes_again(const struct exchange_rows *r, const struct exchange_header *h, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (r->columns[k].names[0] && h->at[k] == h->at[i])
            return true;
    return false;
}

static void put_line(FILE *out, const struct exchange_rows *r, const struct csv *c, const struct exchange_header *h)
{
    bool more = false;
    for (size_t i = 0; i < r->n; i++) {
        char name[ROWS_NAME_BYTES];
        if (h->at[i] < 0 || comes_again(r, h, i))
            continue;
        if (more)
            putc(',', out);
        more = true;
        first_name(&r->columns[i], name);
        csv_put(out, c ? c->field[h->at[i]] : (struct mpi_text){name, strlen(name)});
    }
    putc('\n', out);
}

char *exchange_rows_body(const struct exchange_rows *r, const struct csv *c, const struct exchange_header *h)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return NULL;
    put_line(out, r, NULL, h);
    put_line(out, r, c, h);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* ---- values ---- */

static const char *skip_marks(const char *p)
{
    while (*p && !isdigit((unsigned char)*p) && *p != '+' && *p != 'Z')
        p++;
    return p;
}

/* The zone behind the time, as HL7 writes it; NULL = none such. */
static const char *zone_of(const char *p, char out[8])
{
    int hours = 0, minutes = 0, n = 0;
    out[0] = 0;
    if (*p == 'Z' && !p[1])
        return strcpy(out, "+0000");
    if ((*p != '+' && *p != '-') || !isdigit((unsigned char)p[1]) || sscanf(p + 1, "%2d%n", &hours, &n) != 1)
        return NULL;
    const char *q = p + 1 + n + (p[1 + n] == ':');
    int m = 0;
    if (*q && (sscanf(q, "%2d%n", &minutes, &m) != 1 || q[m]))
        return NULL;
    if (hours > 14 || minutes > 59)
        return NULL;
    snprintf(out, 8, "%c%02u%02u", *p, (unsigned)hours % 100, (unsigned)minutes % 100);
    return out;
}

/* Digits that stand together (20261128083000) hold several parts; else a part each: year, month, day, hour, minute, second, fraction. */
static const char *read_parts(const char *p, char digits[15], size_t *n)
{
    static const size_t width[] = {4, 2, 2, 2, 2, 2};
    for (int part = 0; part < 6 && isdigit((unsigned char)*p);) {
        size_t run = strspn(p, "0123456789");
        if (run > width[part]) { /* together */
            size_t want = 0;
            while (part < 6 && want < run)
                want += width[part++];
            if (want != run)
                return NULL;
            memcpy(digits + *n, p, run);
            *n += run;
        } else {
            if (part == 0 && run != 4)
                return NULL;
            memset(digits + *n, '0', width[part] - run);
            memcpy(digits + *n + width[part] - run, p, run);
            *n += width[part++];
        }
        p += run;
        if (*p == '-' && part >= 4) /* a zone west, not a mark */
            break;
        if (*p == '.' && part == 6) /* parts of a second */
            break;
        if (*p && *p != '+')
            p = skip_marks(p);
        if (*p == '+' || *p == 'Z')
            break;
    }
    if (*p == '.') /* parts of a second are left out */
        p += 1 + strspn(p + 1, "0123456789");
    return p;
}

int exchange_rows_time(const char *text, char out[32])
{
    char digits[15] = "", zone[8];
    size_t n = 0;
    int64_t ms;
    int known;
    while (*text == ' ' || *text == '\t')
        text++;
    const char *rest = read_parts(text, digits, &n);
    while (rest && (*rest == ' ' || *rest == '\t'))
        rest++;
    if (!rest || n < 4 || (*rest && !zone_of(rest, zone)))
        return ERR_INVALID;
    snprintf(out, 32, "%.14s%s", digits, *rest ? zone : "");
    return hl7_time((struct hl7_span){out, strlen(out)}, 480, &ms, &known);
}

/* ---- messages ---- */

struct value { /* of one column, for one row */
    char *text; /* malloc'd, NULL = nothing */
};
struct making {
    const struct exchange_rows *rows;
    struct value values[ROWS_COLUMNS_MAX];
    struct exchange_flaw *flaw;
    char *column; /* ROWS_NAME_BYTES */
};

static int wrong(struct making *m, int code, const char *reason, size_t i)
{
    exchange_flaw(m->flaw, code, reason, NULL);
    if (i < m->rows->n) {
        m->flaw->at = m->rows->columns[i].to;
        first_name(&m->rows->columns[i], m->column);
    }
    return ERR_INVALID;
}

static char *trimmed(struct mpi_text t)
{
    while (t.len && isspace((unsigned char)*t.p)) {
        t.p++;
        t.len--;
    }
    while (t.len && isspace((unsigned char)t.p[t.len - 1]))
        t.len--;
    return t.len ? strndup(t.p, t.len) : NULL;
}

static int take_value(struct making *m, size_t i, struct mpi_text field)
{
    const struct column *c = &m->rows->columns[i];
    char time[32], *text = m->values[i].text = trimmed(field);
    if (!text)
        return c->require ? wrong(m, 101, "required", i) : 0;
    if (strstr(text, "\xEF\xBF\xBD"))
        return wrong(m, 102, "encoding", i);
    const char *word = json_string_value(json_object_get(c->words, text));
    if (c->time && exchange_rows_time(text, time))
        return wrong(m, 102, "time", i);
    if (word || c->time) {
        m->values[i].text = strdup(word ? word : time);
        free(text);
    }
    return m->values[i].text ? 0 : ERR_UNAVAILABLE;
}

static int take_values(struct making *m, const struct csv *c, const struct exchange_header *h)
{
    int rc = 0;
    for (size_t i = 0; i < m->rows->n && rc == 0; i++)
        if (m->rows->columns[i].names[0])
            rc = take_value(m, i, h->at[i] >= 0 ? c->field[h->at[i]] : (struct mpi_text){"", 0});
    return rc;
}

/* What stands at a place: the value of the first column that says something there, or a constant. */
static const char *at_place(const struct making *m, const struct hl7_path *p)
{
    for (size_t i = 0; i < m->rows->n; i++) {
        const struct column *c = &m->rows->columns[i];
        const char *text = c->names[0] ? m->values[i].text : c->constant;
        if (text && memcmp(c->to.segment, p->segment, 4) == 0 && c->to.field == p->field && c->to.repetition == p->repetition &&
            c->to.component == p->component && c->to.sub == p->sub)
            return text;
    }
    return NULL;
}

/* The greatest number used at one level under a place: 0 field, 1 repetition, 2 component, 3 subcomponent. */
static unsigned greatest(const struct making *m, const struct hl7_path *p, int level)
{
    unsigned max = 0;
    for (size_t i = 0; i < m->rows->n; i++) {
        const struct hl7_path *to = &m->rows->columns[i].to;
        const uint16_t part[] = {to->field, to->repetition, to->component, to->sub}, wanted[] = {p->field, p->repetition, p->component, p->sub};
        bool there = memcmp(to->segment, p->segment, 4) == 0 && (m->rows->columns[i].constant[0] || m->values[i].text);
        for (int k = 0; k < level; k++)
            there = there && part[k] == wanted[k];
        max = there && part[level] > max ? part[level] : max;
    }
    return max;
}

static void put_part(const struct making *m, struct hl7_writer *w, struct hl7_path p, int level)
{
    static const char *const marks[] = {"|", "~", "^", "&"};
    uint16_t *part[] = {&p.field, &p.repetition, &p.component, &p.sub};
    unsigned n = level < 4 ? greatest(m, &p, level) : 0;
    const char *text = level == 4 ? at_place(m, &p) : NULL;
    if (text)
        hl7_put_text(w, text);
    for (unsigned i = 1; i <= n; i++) {
        if (i > 1 || level == 0)
            hl7_puts(w, marks[level]);
        *part[level] = (uint16_t)i;
        put_part(m, w, p, level + 1);
    }
}

/* A segment that no column of this row says anything of stays away. */
static bool spoken_of(const struct making *m, const char *segment)
{
    for (size_t i = 0; i < m->rows->n; i++)
        if (m->values[i].text && strcmp(m->rows->columns[i].to.segment, segment) == 0)
            return true;
    return false;
}

static void put_header(const struct making *m, const struct exchange_row_head *head, struct hl7_writer *w)
{
    const char *made = at_place(m, &(struct hl7_path){.segment = "MSH", .field = 7, .repetition = 1, .component = 1, .sub = 1});
    hl7_puts(w, "MSH|^~\\&|");
    hl7_put_text(w, head->application);
    hl7_puts(w, "|");
    hl7_put_text(w, head->facility);
    hl7_puts(w, "|||");
    if (made)
        hl7_puts(w, made);
    else
        hl7_put_time(w, head->made_ms, 480);
    hl7_puts(w, "||");
    hl7_puts(w, m->rows->message);
    hl7_puts(w, "|");
    hl7_put_text(w, head->control);
    hl7_puts(w, "|P|2.5||||||UNICODE UTF-8\r");
}

static void put_segments(const struct making *m, struct hl7_writer *w)
{
    for (size_t i = 0; i < m->rows->n_segments; i++) {
        struct hl7_path p = {0};
        if (!spoken_of(m, m->rows->segments[i]))
            continue;
        memcpy(p.segment, m->rows->segments[i], 4);
        hl7_puts(w, p.segment);
        put_part(m, w, p, 0);
        hl7_puts(w, "\r");
    }
}

static int read_body(struct making *m, const char *body)
{
    struct csv c;
    struct fault f = {0};
    struct exchange_header h;
    int rc = csv_open_bytes(&c, "row", body, strlen(body), &f);
    if (rc)
        return wrong(m, 102, "not_a_row", SIZE_MAX);
    if (exchange_rows_header(m->rows, &c, &h, m->column, NULL, 0)) {
        exchange_flaw(m->flaw, 101, "column_missing", NULL);
        rc = ERR_INVALID;
    } else if (csv_next(&c, &f) != 1)
        rc = wrong(m, 102, "not_a_row", SIZE_MAX);
    rc = rc ? rc : take_values(m, &c, &h);
    if (rc == 0 && csv_next(&c, &f) != 0) /* a quote that a correction left open swallows the end, or there are two rows */
        rc = wrong(m, 102, "not_a_row", SIZE_MAX);
    csv_close(&c);
    return rc;
}

int exchange_rows_message(const struct exchange_rows *r, const char *body, const struct exchange_row_head *head, struct hl7_writer *out,
                          struct exchange_flaw *flaw, char column[ROWS_NAME_BYTES])
{
    struct making m = {.rows = r, .flaw = flaw, .column = column};
    column[0] = 0;
    int rc = body ? read_body(&m, body) : 0;
    put_header(&m, head, out);
    if (body && rc == 0)
        put_segments(&m, out);
    for (size_t i = 0; i < r->n; i++) {
        if (m.values[i].text)
            explicit_bzero(m.values[i].text, strlen(m.values[i].text));
        free(m.values[i].text);
    }
    return out->failed ? ERR_UNAVAILABLE : rc;
}

/* The exact component where a column goes there, else any of the field. */
void exchange_rows_column(const struct exchange_rows *r, const struct hl7_path *at, char column[ROWS_NAME_BYTES])
{
    const struct column *found = NULL;
    column[0] = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct column *c = &r->columns[i];
        if (!c->names[0] || strcmp(c->to.segment, at->segment) != 0 || c->to.field != at->field)
            continue;
        bool exact = c->to.component == (at->component ? at->component : 1) && c->to.repetition == (at->repetition ? at->repetition : 1);
        if (exact || !found)
            found = c;
        if (exact)
            break;
    }
    if (found)
        first_name(found, column);
}
