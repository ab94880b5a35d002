#include "records/quality/clean.h"
#include "records/patient/identity.h"
#include "records/quality/units.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONE_MIN 480
#define MINUTE_MS 60000LL
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

/* ---- finding ---- */

static struct clean_finding *found(struct clean_result *out, const struct rule *r, const char *reason, const char *raw)
{
    static struct clean_finding beyond; /* written, never read: there are fewer rules for one thing than places */
    struct clean_finding *f = out->n < CLEAN_FINDINGS_MAX ? &out->findings[out->n++] : &beyond;
    f->rule = r;
    f->reason = reason;
    f->cleaned = false;
    f->raw_unit[0] = f->clean[0] = f->unit[0] = 0;
    snprintf(f->raw, sizeof f->raw, "%s", raw);
    return f;
}

static void propose(struct clean_finding *f, const char *clean)
{
    snprintf(f->clean, sizeof f->clean, "%s", clean);
}

void clean_wipe(struct clean_result *r)
{
    explicit_bzero(r->findings, r->n * sizeof *r->findings);
    r->n = 0;
}

/* ---- a patient ---- */

struct known { /* of a patient, found out once */
    bool card, card_good; /* his number is to be a resident identity number; and can be */
    const char *card_reason;
    struct identity id;
};

static const char *member(const struct clean_patient *p, const char *name)
{
    return strcmp(name, "name") == 0 ? p->name : strcmp(name, "sex") == 0 ? p->sex : strcmp(name, "birth_date") == 0 ? p->birth_date
         : strcmp(name, "id_no") == 0 ? p->id_no : strcmp(name, "phone") == 0 ? p->phone : "?";
}

/* What came as a document of no known kind and looks like a resident number is judged as one: a mistyped number is kept as "other". */
static bool looks_like_card(const struct clean_patient *p)
{
    size_t n = strlen(p->id_no), digits = strspn(p->id_no, "0123456789");
    if (strcmp(p->id_type, "id_card") == 0)
        return n > 0;
    return strcmp(p->id_type, "other") == 0 && (n == 15 || n == 18) && digits + 1 >= n;
}

static void know(const struct clean_with *w, const struct clean_patient *p, struct known *k)
{
    k->card = looks_like_card(p);
    k->card_good = k->card && identity_check(IDENTITY_CARD, p->id_no, w->today, &k->id, &k->card_reason) == 0;
}

static void check_born(const struct clean_with *w, const struct rule *r, const struct clean_patient *p, struct clean_result *out)
{
    int y, m, d, now_y, now_m, now_d;
    if (date_parse(p->birth_date, &y, &m, &d) || date_parse(w->today, &now_y, &now_m, &now_d))
        found(out, r, "not_a_date", p->birth_date);
    else if (strcmp(p->birth_date, w->today) > 0)
        found(out, r, "future", p->birth_date);
    else if (r->years && now_y - y > r->years)
        found(out, r, "too_old", p->birth_date);
}

static void check_identity_birth(const struct rule *r, const struct clean_patient *p, const struct known *k, struct clean_result *out)
{
    if (strcmp(k->id.birth_date, p->birth_date) != 0)
        propose(found(out, r, "not_the_numbers", p->birth_date), k->id.birth_date);
}

static void check_identity_sex(const struct rule *r, const struct clean_patient *p, const struct known *k, struct clean_result *out)
{
    const char *is = k->id.sex == 'm' ? "male" : "female";
    if (strcmp(is, p->sex) != 0)
        propose(found(out, r, "not_the_numbers", p->sex), is);
}

static bool sexed(const char *sex)
{
    return strcmp(sex, "male") == 0 || strcmp(sex, "female") == 0;
}

/* Is there something to judge? */
static bool patient_applies(const struct rule *r, const struct clean_patient *p, const struct known *k)
{
    switch (r->check) {
    case CHECK_REQUIRED: return !p->temporary;
    case CHECK_IDENTITY: return k->card;
    case CHECK_IDENTITY_BIRTH: return k->card_good && *k->id.birth_date && *p->birth_date && !p->birth_estimated;
    case CHECK_IDENTITY_SEX: return k->card_good && k->id.sex && sexed(p->sex);
    case CHECK_BORN: return *p->birth_date != 0;
    default: return false;
    }
}

static void patient_judge(const struct clean_with *w, const struct rule *r, const struct clean_patient *p, const struct known *k, struct clean_result *out)
{
    const char *said = member(p, r->member);
    switch (r->check) {
    case CHECK_REQUIRED:
        if (!*said || (strcmp(r->member, "sex") == 0 && !sexed(said)))
            propose(found(out, r, "missing", ""), k->card_good && strcmp(r->member, "birth_date") == 0 ? k->id.birth_date : "");
        break;
    case CHECK_IDENTITY:
        if (!k->card_good)
            found(out, r, k->card_reason, p->id_no);
        break;
    case CHECK_IDENTITY_BIRTH: check_identity_birth(r, p, k, out); break;
    case CHECK_IDENTITY_SEX: check_identity_sex(r, p, k, out); break;
    default: check_born(w, r, p, out);
    }
}

void clean_patient(const struct clean_with *w, const struct clean_patient *p, struct clean_result *out)
{
    struct known k = {.card_reason = ""};
    out->n = 0;
    out->applied = 0;
    know(w, p, &k);
    for (size_t i = 0; i < rules_count(w->rules); i++) {
        const struct rule *r = rules_at(w->rules, i);
        if (!(w->on >> i & 1) || r->kinds || !patient_applies(r, p, &k))
            continue;
        out->applied |= 1ull << i;
        patient_judge(w, r, p, &k, out);
    }
}

/* ---- an entry ---- */

bool clean_number(const char *value, double *out, char sign[4])
{
    char *end;
    size_t n = 0;
    while (*value == ' ')
        value++;
    while (n < 3 && (*value == '<' || *value == '>' || *value == '='))
        sign[n++] = *value++;
    sign[n] = 0;
    if (!isdigit((unsigned char)*value) && *value != '.' && *value != '-' && *value != '+')
        return false;
    *out = strtod(value, &end);
    bool some = end != value && strspn(value, "+-.0123456789eE") >= (size_t)(end - value);
    while (*end == ' ')
        end++;
    return some && !*end && isfinite(*out);
}

/* As many digits as came, at least three. */
static int digits_of(const char *value)
{
    int n = 0;
    for (bool some = false; *value && *value != 'e' && *value != 'E'; value++) {
        some = some || (*value >= '1' && *value <= '9');
        n += some && isdigit((unsigned char)*value);
    }
    return n < 3 ? 3 : n > 6 ? 6 : n;
}

struct measured { /* a result that is a number of a known item */
    const struct item *item;
    double value, clean; /* clean: in the item's unit */
    char sign[4];
    enum { UNITS_NONE, UNITS_SAME, UNITS_CONVERTED, UNITS_MISSING, UNITS_UNKNOWN, UNITS_OTHER } state;
};

/* `into` and its factor for what was written, or what hinders. */
static int convert(const struct clean_with *w, const struct clean_entry *e, struct measured *m)
{
    char tidy[UNIT_BYTES];
    struct unit from, to;
    double offset = 0, factor;
    const struct unit_substance substance = {m->item->molar, m->item->charge};
    unit_tidy(e->unit, tidy);
    const char *known = rules_unit(w->rules, e->unit);
    if (!known)
        known = rules_unit(w->rules, tidy);
    const char *unit = known ? known : tidy;
    if (strcmp(unit, m->item->unit) == 0)
        return UNITS_SAME;
    if (!rules_conversion(w->rules, m->item->code, unit, &factor, &offset)) {
        if (!unit_parse(unit, &from))
            return UNITS_UNKNOWN;
        factor = unit_parse(m->item->unit, &to) ? unit_factor(&from, &to, &substance) : 0;
        if (factor == 0)
            return UNITS_OTHER;
        if (fabs(factor - 1) < 1e-9)
            return UNITS_SAME;
    }
    m->clean = m->value * factor + offset;
    return UNITS_CONVERTED;
}

static void measure(const struct clean_with *w, const struct clean_entry *e, struct measured *m)
{
    *m = (struct measured){.item = NULL};
    if (strcmp(e->standard_system, ITEMS_SYSTEM) != 0)
        return;
    const struct item *item = items_find(w->items, e->standard_code);
    if (!item || !clean_number(e->value, &m->value, m->sign))
        return;
    m->item = item;
    m->clean = m->value;
    m->state = !*item->unit ? UNITS_NONE : !*e->unit ? UNITS_MISSING : (unsigned)convert(w, e, m);
}

static void put_number(const struct clean_entry *e, const struct measured *m, struct clean_finding *f)
{
    snprintf(f->clean, sizeof f->clean, "%s%.*g", m->sign, digits_of(e->value), m->clean);
    snprintf(f->unit, sizeof f->unit, "%s", m->item->unit);
}

static void check_unit(const struct rule *r, const struct clean_entry *e, const struct measured *m, struct clean_result *out)
{
    static const char *const reasons[] = {"", "", "converted", "unit_missing", "unit_unknown", "unit_of_other_kind"};
    if (m->state <= UNITS_SAME)
        return;
    struct clean_finding *f = found(out, r, reasons[m->state], e->value);
    snprintf(f->raw_unit, sizeof f->raw_unit, "%s", e->unit);
    f->cleaned = m->state == UNITS_CONVERTED;
    if (f->cleaned)
        put_number(e, m, f);
}

/* What is less than a bound is judged as the bound. */
static void check_range(const struct rule *r, const struct clean_entry *e, const struct measured *m, struct clean_result *out)
{
    if (m->clean >= m->item->low && m->clean <= m->item->high)
        return;
    struct clean_finding *f = found(out, r, m->clean < m->item->low ? "below" : "above", e->value);
    snprintf(f->raw_unit, sizeof f->raw_unit, "%s", e->unit);
}

static bool ranged(const struct measured *m)
{
    return m->item && (m->item->low != 0 || m->item->high != 0) && m->state <= UNITS_CONVERTED;
}

/* Z00, Z00.0, Z00.000x001: the edition's extensions are letters and digits. */
static bool icd10_form(const char *code)
{
    bool head = isupper((unsigned char)code[0]) && isdigit((unsigned char)code[1]) && isalnum((unsigned char)code[2]);
    if (!head || !code[3])
        return head;
    size_t n = strspn(code + (code[3] == '.' ? 4 : 3), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZx+*");
    return n > 0 && n <= 8 && !code[(code[3] == '.' ? 4 : 3) + n];
}

static const char *set_of(const struct rule *r, const char *system)
{
    return *system ? json_string_value(json_object_get(json_object_get(r->row, "sets"), system)) : NULL;
}

static bool in_set(const struct clean_with *w, const char *set, const char *code)
{
    struct icd10_hit hit;
    if (strcmp(set, "icd10_list") == 0)
        return icd10_find(w->icd10, code, &hit);
    return strcmp(set, "loinc") == 0 ? items_code_valid(code) : icd10_form(code);
}

static void check_code_set(const struct clean_with *w, const struct rule *r, const struct clean_entry *e, struct clean_result *out)
{
    if (!in_set(w, set_of(r, e->standard_system), e->standard_code))
        found(out, r, "not_in_set", e->standard_code);
}

/* Compares without the point: "N40-N51", "D07.4". */
static bool within(const char *code, const char *range)
{
    char plain[16], low[16] = "", high[16] = "";
    size_t n = 0, k = 0;
    for (; *code && n < sizeof plain - 1; code++)
        if (*code != '.')
            plain[n++] = *code;
    plain[n] = 0;
    for (const char *p = range; *p && *p != '-' && k < sizeof low - 1; p++)
        if (*p != '.')
            low[k++] = *p;
    const char *second = strchr(range, '-');
    k = 0;
    for (const char *p = second ? second + 1 : range; *p && k < sizeof high - 1; p++)
        if (*p != '.')
            high[k++] = *p;
    return strncmp(plain, low, strlen(low)) >= 0 && strncmp(plain, high, strlen(high)) <= 0;
}

static bool listed(const struct rule *r, const char *list, const char *code)
{
    size_t i;
    json_t *range;
    json_array_foreach(json_object_get(r->row, list), i, range)
        if (within(code, json_string_value(range) ? json_string_value(range) : "?"))
            return true;
    return false;
}

static bool of_system(const struct rule *r, const char *system)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(r->row, "systems"), i, one)
        if (strcmp(system, json_string_value(one) ? json_string_value(one) : "") == 0)
            return true;
    return false;
}

static void check_sex(const struct rule *r, const struct clean_entry *e, struct clean_result *out)
{
    bool male = strcmp(e->sex, "male") == 0;
    if (listed(r, male ? "female" : "male", e->standard_code))
        found(out, r, male ? "of_women" : "of_men", e->standard_code);
}

/* A time as its finding shows it. */
static void at_time(struct clean_result *out, const struct rule *r, const char *reason, int64_t ms)
{
    char text[40];
    date_of_ms(ms, ZONE_MIN, text);
    int64_t minute = ((ms / MINUTE_MS + ZONE_MIN) % 1440 + 1440) % 1440; /* also before 1970 */
    snprintf(text + 10, sizeof text - 10, " %02d:%02d", (int)(minute / 60) & 31, (int)(minute % 60) & 63);
    found(out, r, reason, text);
}

static void check_time(const struct clean_with *w, const struct rule *r, const struct clean_entry *e, struct clean_result *out)
{
    char day[11];
    date_of_ms(e->t_ms, ZONE_MIN, day);
    if (r->check == CHECK_FUTURE && e->t_ms > w->now_ms + r->minutes * MINUTE_MS)
        at_time(out, r, "future", e->t_ms);
    if (r->check == CHECK_BIRTH && strcmp(day, e->birth_date) < 0)
        at_time(out, r, "before_birth", e->t_ms);
    if (r->check == CHECK_VISIT && e->t_ms < e->visit_ms - r->hours * HOUR_MS)
        at_time(out, r, "before_visit", e->t_ms);
    if (r->check == CHECK_LEAVE && e->leave_ms < e->visit_ms)
        at_time(out, r, "left_before", e->leave_ms);
    if (r->check == CHECK_ORDER && e->end_ms < e->t_ms)
        at_time(out, r, "ended_before", e->end_ms);
    if (r->check == CHECK_LATE && w->now_ms - e->t_ms > r->hours * HOUR_MS)
        at_time(out, r, "late", e->t_ms);
}

static bool entry_applies(const struct clean_with *w, const struct rule *r, const struct clean_entry *e, const struct measured *m)
{
    switch (r->check) {
    case CHECK_CODE_SET: return *e->standard_code && set_of(r, e->standard_system);
    case CHECK_UNIT: return m->item && m->state != UNITS_NONE;
    case CHECK_RANGE: return ranged(m);
    case CHECK_FUTURE: return e->t_ms != 0;
    case CHECK_BIRTH: return e->t_ms && *e->birth_date;
    case CHECK_VISIT: return e->t_ms && e->visit_ms;
    case CHECK_LEAVE: return e->visit_ms && e->leave_ms;
    case CHECK_ORDER: return e->t_ms && e->end_ms;
    case CHECK_SEX: return sexed(e->sex) && *e->standard_code && of_system(r, e->standard_system);
    case CHECK_LATE: return e->t_ms && e->t_ms <= w->now_ms && w->now_ms - e->t_ms < r->history_days * DAY_MS;
    default: return true;
    }
}

static void entry_judge(const struct clean_with *w, const struct rule *r, const struct clean_entry *e, const struct measured *m, struct clean_result *out)
{
    switch (r->check) {
    case CHECK_CODED:
        if (!*e->code)
            found(out, r, "missing", "");
        break;
    case CHECK_VALUED:
        if (!*e->value && (strcmp(e->status, "final") == 0 || strcmp(e->status, "corrected") == 0))
            found(out, r, "missing", "");
        break;
    case CHECK_CODE_SET: check_code_set(w, r, e, out); break;
    case CHECK_UNIT: check_unit(r, e, m, out); break;
    case CHECK_RANGE: check_range(r, e, m, out); break;
    case CHECK_SEX: check_sex(r, e, out); break;
    case CHECK_DUPLICATE:
        if (e->duplicate)
            found(out, r, "came_before", *e->standard_code ? e->standard_code : e->code);
        break;
    default: check_time(w, r, e, out);
    }
}

void clean_entry(const struct clean_with *w, const struct clean_entry *e, struct clean_result *out)
{
    struct measured m;
    uint32_t kind = rules_kind(w->rules, e->kind);
    out->n = 0;
    out->applied = 0;
    if (!kind)
        return;
    measure(w, e, &m);
    for (size_t i = 0; i < rules_count(w->rules); i++) {
        const struct rule *r = rules_at(w->rules, i);
        if (!(w->on >> i & 1) || !(r->kinds & kind) || !entry_applies(w, r, e, &m))
            continue;
        out->applied |= 1ull << i;
        entry_judge(w, r, e, &m, out);
    }
}
