/* Sharing across institutions: what is open on which ground, compared with a model of its own over random worlds; a person's timeline, reports of wrong
 * links, consent, emergency access. */
#include "records/document/document.h"
#include "records/patient/index.h"
#include "records/patient/sharing.h"
#include "records/store/sealed.h"
#include "tests/support/desk.h"
#include "tests/support/dice.h"

static const struct op *const tables[] = {patient_ops, consent_ops, emergency_ops, document_ops, index_ops, NULL};
#define CALL(name, ...) desk_call(tables, name, desk_text(__VA_ARGS__))

#define ORGS 4
#define STAFF 8
#define PEOPLE 3
#define MOST 12
#define DAY 86400000ll

enum role { APPLICANT, EXPERT, OFFICE, NURSE };
static const char *const role_words[] = {"applicant", "expert", "medical_affairs", "nurse"};

static struct world {
    struct {
        int64_t id, org;
        enum role role;
    } staff[STAFF];
    struct {
        int64_t id, org, person, document, document_case;
        bool by_machine;
    } patient[MOST];
    int patients;
    struct {
        int64_t id, patient, applicant, home, target, expert, closed;
        int expert_state;
        bool sent, reached, sensitive;
    } cases[MOST];
    int n_cases;
    struct {
        int64_t patient, source, target, from, until, t;
        bool deny, treatment, withdrawn;
    } consent[MOST];
    int consents;
    struct {
        int64_t patient, staff, org, until;
    } emergency[MOST];
    int emergencies;
    struct {
        int64_t a, b;
        bool conflict, waiting, counts;
    } doubt[MOST];
    int doubts;
    bool auto_links, needs_consent;
} w;

/* ---- putting a world into the database ---- */

static struct tx *tx;
static int64_t next_id = 1000;

static void put_staff(void)
{
    for (int64_t org = 1; org <= ORGS; org++)
        tx_exec(tx, "INSERT INTO org (id, parent_id, kind, level, code, name, pinyin, phone, specialty, active) VALUES ($1,0,'institution','county',$2,$2,'','','',1)", "it",
                org, org == 1 ? "A" : org == 2 ? "B" : org == 3 ? "C" : "D");
    for (int i = 0; i < STAFF; i++) {
        w.staff[i].id = 100 + i;
        w.staff[i].org = 1 + i % ORGS;
        w.staff[i].role = (enum role)(i / ORGS == 0 ? i % 2 : i % 4);
        tx_exec(tx,
                "INSERT INTO person (id, login, name, pinyin, title, phone_masked, licence_no, licence_until, practice_since, specialties, languages, active, "
                "signature_document, password, password_change, totp_on, totp_step, fails, lockouts, locked_until_ms, created_ms, created_by, version) VALUES "
                "($1,$2,'x','','','','','2030-01-01','2000-01-01','','',1,0,'',0,0,0,0,0,0,0,0,1)",
                "it", w.staff[i].id, desk_text("s%d", i));
        tx_exec(tx, "INSERT INTO post (id, person_id, org_id, dept_id) VALUES ($1,$1,$2,0)", "ii", w.staff[i].id, w.staff[i].org);
        tx_exec(tx, "INSERT INTO post_role (post_id, role) VALUES ($1,$2)", "it", w.staff[i].id, role_words[w.staff[i].role]);
    }
}

static void put_patient(int i)
{
    struct fault f = {0};
    struct actor nobody = {.system = true};
    struct op_ctx ctx = {.records = desk.r, .tx = tx, .actor = &nobody, .now_ms = desk.now_ms, .fault = &f};
    struct patient_row row = {.id = (uint64_t)w.patient[i].id, .org_id = (uint64_t)w.patient[i].org, .version = 1, .created_ms = 1, .name = "李明", .sex = "male",
                              .birth_date = "1960-05-05", .id_type = "none", .allergy_state = "unknown"};
    snprintf(row.local_number, sizeof row.local_number, "N%lld", (long long)w.patient[i].id);
    snprintf(row.secret.address, sizeof row.secret.address, "虚构省平川市白塔区1号");
    assert_int_equal(patient_store(&ctx, &row, NULL), 0);
    tx_exec(tx, "INSERT INTO mpi_member (patient_id, person_id, how, since_ms) VALUES ($1,$2,$3,1)", "iit", w.patient[i].id, w.patient[i].person,
            w.patient[i].by_machine ? "auto" : "steward");
}

static void put_document(int i)
{
    int64_t id = w.patient[i].document;
    tx_exec(tx,
            "INSERT INTO document (id, case_id, patient_id, person_id, org_id, by_person, name, category, type, bytes, sha256, blob, thumb_state, taken_ms, uploaded_ms, "
            "source, withdrawn_ms) VALUES ($1,$2,$3,0,$4,0,$5,'lab','pdf',1,'','',0,0,$6,'upload',0)",
            "iiiisi", id, w.patient[i].document_case, w.patient[i].id, w.patient[i].org, SEALED(DOCUMENT_NAME, id, 0, "report.pdf"), id);
}

static void put_case(int i)
{
    int64_t id = w.cases[i].id;
    const char *state = !w.cases[i].sent ? "DRAFT" : w.cases[i].closed ? "CLOSED" : "ACCEPTED";
    tx_exec(tx,
            "INSERT INTO consult (id, number, kind, scope, template, urgency, state, back, version, patient_id, applicant_id, home_org_id, home_dept_id, target_org_id, "
            "created_ms, changed_ms, submitted_ms, reached_ms, closed_ms, form) VALUES ($1,$2,'offline','clinical','','routine',$3,'DRAFT',1,$4,$5,$6,0,$7,$8,$8,$9,$10,$11,$12)",
            "ittiiiiiiiis", id, desk_text("HZ%lld", (long long)id), state, w.cases[i].patient, w.cases[i].applicant, w.cases[i].home, w.cases[i].target, id,
            (int64_t)w.cases[i].sent, (int64_t)w.cases[i].reached, w.cases[i].closed,
            SEALED(CONSULT_FORM, id, 0, w.cases[i].sensitive ? "{\"diagnoses\":[{\"code\":\"F32.1\",\"text\":\"x\"}]}" : "{\"diagnoses\":[{\"code\":\"I63.9\",\"text\":\"x\"}]}"));
    if (w.cases[i].expert)
        tx_exec(tx, "INSERT INTO consult_team (case_id, n, person_id, part, state, asked_ms, signed_ms) VALUES ($1,0,$2,0,$3,1,0)", "iii", id, w.cases[i].expert,
                (int64_t)w.cases[i].expert_state);
}

static int64_t past_or_coming(void)
{
    return desk.now_ms + (roll(2) ? DAY : -DAY) * (1 + roll(3));
}

static void make_patients(void)
{
    w.patients = 0;
    for (int p = 0; p < PEOPLE; p++) {
        int64_t person = next_id++;
        int first = roll(ORGS), records = 1 + roll(3);
        for (int i = 0; i < records; i++) {
            int at = w.patients++;
            w.patient[at].id = next_id++;
            w.patient[at].org = 1 + (first + i) % ORGS;
            w.patient[at].person = person;
            w.patient[at].by_machine = roll(2);
            w.patient[at].document = next_id++;
            w.patient[at].document_case = 0;
        }
    }
}

static void make_cases(void)
{
    w.n_cases = roll(MOST / 2);
    for (int i = 0; i < w.n_cases; i++) {
        int applicant = roll(STAFF), at = roll(w.patients), closed = roll(3);
        w.cases[i].id = next_id++;
        w.cases[i].patient = w.patient[at].id;
        w.cases[i].applicant = w.staff[applicant].id;
        w.cases[i].home = roll(5) ? w.staff[applicant].org : 1 + roll(ORGS); /* a house he has left since */
        w.cases[i].target = 1 + roll(ORGS);
        w.cases[i].sent = roll(4) > 0;
        w.cases[i].reached = w.cases[i].sent && roll(4) > 0;
        w.cases[i].closed = !w.cases[i].sent || closed == 0 ? 0 : desk.now_ms - (closed == 1 ? 3 : 10) * DAY;
        w.cases[i].expert = w.cases[i].reached && roll(2) ? w.staff[roll(4) ? w.cases[i].target - 1 + ORGS * roll(2) : roll(STAFF)].id : 0; /* one in four has left */
        w.cases[i].expert_state = roll(4); /* asked, accepted, signed, declined */
        w.cases[i].sensitive = roll(3) == 0;
        if (roll(2))
            w.patient[at].document_case = w.cases[i].id;
    }
}

static void make_consents(void)
{
    static const char *const purposes[] = {"treatment", "any", "research"};
    w.consents = roll(6);
    for (int i = 0; i < w.consents; i++) {
        int64_t id = next_id++, now = desk.now_ms;
        int purpose = roll(3);
        w.consent[i].patient = w.patient[roll(w.patients)].id;
        w.consent[i].source = roll(2) ? 1 + roll(ORGS) : 0;
        w.consent[i].target = roll(2) ? 1 + roll(ORGS) : 0;
        w.consent[i].from = roll(5) ? now - DAY : now + DAY;
        w.consent[i].until = roll(2) ? 0 : past_or_coming();
        w.consent[i].t = now - DAY + i; /* no two at once */
        w.consent[i].deny = roll(2);
        w.consent[i].treatment = purpose < 2;
        w.consent[i].withdrawn = roll(5) == 0;
        tx_exec(tx,
                "INSERT INTO share_consent (id, patient_id, decision, purpose, source_org, target_org, from_ms, until_ms, person_id, org_id, t_ms, given, note, withdrawn_ms, "
                "withdrawn_by) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,1,1,$9,'paper',NULL,$10,0)",
                "iittiiiiii", id, w.consent[i].patient, w.consent[i].deny ? "deny" : "permit", purposes[purpose], w.consent[i].source, w.consent[i].target, w.consent[i].from,
                w.consent[i].until, w.consent[i].t, (int64_t)w.consent[i].withdrawn);
    }
}

static void make_rest(void)
{
    w.emergencies = roll(3);
    for (int i = 0; i < w.emergencies; i++) {
        int64_t id = next_id++;
        int s = roll(STAFF);
        w.emergency[i].patient = w.patient[roll(w.patients)].id;
        w.emergency[i].staff = w.staff[s].id;
        w.emergency[i].org = roll(5) ? w.staff[s].org : 1 + roll(ORGS);
        w.emergency[i].until = past_or_coming();
        tx_exec(tx, "INSERT INTO share_override (id, patient_id, person_id, org_id, t_ms, until_ms, reason, reviewed_ms, reviewed_by) VALUES ($1,$2,$3,$4,1,$5,$6,0,0)", "iiiiis", id,
                w.emergency[i].patient, w.emergency[i].staff, w.emergency[i].org, w.emergency[i].until, SEALED(SHARE_REASON, id, w.emergency[i].patient, "x"));
    }
    w.doubts = roll(3);
    for (int i = 0; i < w.doubts; i++) {
        int why = roll(3), state = roll(3);
        w.doubt[i].a = w.patient[roll(w.patients)].id;
        w.doubt[i].b = w.patient[roll(w.patients)].id;
        w.doubt[i].conflict = why == 0;
        w.doubt[i].waiting = state < 2;
        w.doubt[i].counts = why < 2;
        tx_exec(tx, "INSERT INTO mpi_task (id, patient_id, other_id, odds_milli, why, state, created_ms, act_id) VALUES ($1,$2,$3,0,$4,$5,1,0)", "iiitt", next_id++, w.doubt[i].a,
                w.doubt[i].b, why == 0 ? "conflict" : why == 1 ? "reported" : "likely", state == 0 ? "open" : state == 1 ? "later" : "linked");
    }
    w.auto_links = roll(4) > 0;
    w.needs_consent = roll(4) == 0;
    tx_upsert(tx, "policy", "id", "id,value,changed_ms,changed_by", "ttii", "sharing.auto_links", w.auto_links ? "1" : "0", (int64_t)1, (int64_t)1);
    tx_upsert(tx, "policy", "id", "id,value,changed_ms,changed_by", "ttii", "sharing.needs_consent", w.needs_consent ? "1" : "0", (int64_t)1, (int64_t)1);
}

static void make_world(void)
{
    static const char *const emptied[] = {"patient", "patient_key", "mpi_member", "mpi_task", "consult", "consult_team", "document", "share_consent", "share_override"};
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    for (size_t i = 0; i < sizeof emptied / sizeof *emptied; i++)
        tx_exec(tx, desk_text("DELETE FROM %s", emptied[i]), "");
    make_patients();
    make_cases();
    for (int i = 0; i < w.patients; i++) {
        put_patient(i);
        put_document(i);
    }
    for (int i = 0; i < w.n_cases; i++)
        put_case(i);
    make_consents();
    make_rest();
    assert_int_equal(tx_commit(tx), 0);
}

/* ---- the model: written from docs/security.md, knows nothing of the program ---- */

/* Does he take part in the case at all, and as more than its expert? */
static bool part_in(int c, int s, bool *only_expert)
{
    bool expert = w.cases[c].expert == w.staff[s].id && w.cases[c].expert_state < 3 && w.staff[s].org == w.cases[c].target; /* of the house that is asked */
    bool asked = w.cases[c].applicant == w.staff[s].id, side = asked && w.cases[c].home == w.staff[s].org; /* a request is the house's, and nobody decides on his own */
    if (!asked && w.staff[s].role == OFFICE)
        side = (w.staff[s].org == w.cases[c].home && w.cases[c].sent) || (w.staff[s].org == w.cases[c].target && w.cases[c].reached);
    *only_expert = expert && !side;
    return expert || side;
}

static bool reads_case(int c, int s)
{
    bool only_expert;
    if (!part_in(c, s, &only_expert))
        return false;
    return !(only_expert && w.cases[c].closed && desk.now_ms > w.cases[c].closed + 7 * DAY);
}

static bool reads_by_case(int64_t patient, int s)
{
    for (int c = 0; c < w.n_cases; c++)
        if (w.cases[c].patient == patient && reads_case(c, s))
            return true;
    return false;
}

static bool doubted(int64_t patient)
{
    for (int i = 0; i < w.doubts; i++)
        if (w.doubt[i].counts && w.doubt[i].waiting && (w.doubt[i].a == patient || (w.doubt[i].conflict && w.doubt[i].b == patient)))
            return true;
    return false;
}

static bool linked(int a, int b)
{
    if (a == b)
        return true;
    if (w.patient[a].person != w.patient[b].person || doubted(w.patient[a].id) || doubted(w.patient[b].id))
        return false;
    return w.auto_links || (!w.patient[a].by_machine && !w.patient[b].by_machine);
}

enum word { SILENT, YES, NO };
static enum word said(int self, int64_t source, int64_t target)
{
    int best = -1;
    for (int i = 0; i < w.consents; i++) {
        bool of_person = false;
        for (int p = 0; p < w.patients; p++)
            of_person |= w.patient[p].id == w.consent[i].patient && linked(self, p);
        bool runs = !w.consent[i].withdrawn && w.consent[i].from <= desk.now_ms && (!w.consent[i].until || w.consent[i].until > desk.now_ms);
        bool fits = (!w.consent[i].source || w.consent[i].source == source) && (!w.consent[i].target || w.consent[i].target == target);
        if (!of_person || !runs || !fits || !w.consent[i].treatment)
            continue;
        int rank = (w.consent[i].source ? 20 : 0) + (w.consent[i].target ? 10 : 0);
        int best_rank = best < 0 ? -1 : (w.consent[best].source ? 20 : 0) + (w.consent[best].target ? 10 : 0);
        if (rank > best_rank || (rank == best_rank && w.consent[i].t > w.consent[best].t))
            best = i;
    }
    return best < 0 ? SILENT : w.consent[best].deny ? NO : YES;
}

/* The ground on which s reads record p when he asks for record self. */
static const char *ground(int self, int p, int s)
{
    bool own = false, running = false, emergency = false, only;
    if (w.patient[p].org == w.staff[s].org)
        return "own";
    if (reads_by_case(w.patient[p].id, s))
        return "case";
    for (int i = 0; i < w.patients; i++) {
        if (!linked(self, i))
            continue;
        own |= w.patient[i].org == w.staff[s].org;
        for (int c = 0; c < w.n_cases; c++)
            running |= w.cases[c].patient == w.patient[i].id && w.cases[c].sent && (!w.cases[c].closed || desk.now_ms <= w.cases[c].closed + 7 * DAY) && part_in(c, s, &only);
        for (int e = 0; e < w.emergencies; e++)
            emergency |= w.emergency[e].patient == w.patient[i].id && w.emergency[e].staff == w.staff[s].id && w.emergency[e].org == w.staff[s].org && w.emergency[e].until > desk.now_ms;
    }
    enum word word = said(self, w.patient[p].org, w.staff[s].org);
    if (running && word != NO && (word == YES || !w.needs_consent))
        return "case";
    if (own && word == YES)
        return "consent";
    return emergency ? "emergency" : "none";
}

static int reach(const char *basis, enum role role)
{
    bool doctor = role == APPLICANT || role == EXPERT;
    switch (basis[0]) {
    case 'o':
        return role == NURSE ? 3 : 4;
    case 'e':
        return 4;
    default: /* case, consent */
        return strcmp(basis, "case") == 0 ? (doctor ? 4 : role == OFFICE ? 3 : 2) : doctor ? 3 : 2;
    }
}

static bool sensitive_case(int64_t id)
{
    for (int c = 0; c < w.n_cases; c++)
        if (w.cases[c].id == id)
            return w.cases[c].sensitive;
    return false;
}

/* ---- comparing ---- */

static void act_as(int s)
{
    desk.actor.person.v = (uint64_t)w.staff[s].id;
    desk.actor.org.v = (uint64_t)w.staff[s].org;
    desk.actor.roles = 1ull << access_role(records_parts(desk.r)->access, role_words[w.staff[s].role]);
}

static int patient_at(const char *hex)
{
    for (int p = 0; p < w.patients; p++)
        if (strcmp(desk_text("%016llx", (unsigned long long)w.patient[p].id), hex) == 0)
            return p;
    return -1;
}

static int open_entries(int self, int s)
{
    int n = 0;
    for (int p = 0; p < w.patients; p++)
        if (linked(self, p) && strcmp(ground(self, p, s), "none") != 0) {
            n++;
            for (int c = 0; c < w.n_cases; c++)
                n += w.cases[c].patient == w.patient[p].id && w.cases[c].sent;
        }
    return n;
}

static void check_entries(const json_t *items, int self, int s)
{
    size_t i;
    json_t *entry;
    json_array_foreach(items, i, entry)
    {
        int p = patient_at(member(entry, "patient_id"));
        assert_true(p >= 0 && linked(self, p));
        int level = reach(ground(self, p, s), w.staff[s].role);
        bool document = strcmp(member(entry, "kind"), "lab") == 0;
        uint64_t id;
        assert_int_equal(id_parse(member(entry, "id"), &id), 0);
        bool hidden = (document ? sensitive_case(w.patient[p].document_case) : sensitive_case((int64_t)id)) && level < 4;
        assert_int_equal(json_is_true(json_object_get(entry, "masked")), hidden);
        assert_int_equal(json_is_string(json_object_get(entry, "title")), !hidden);
        if (hidden)
            assert_null(json_object_get(entry, "document_id"));
    }
}

static void check_timeline(int self, int s)
{
    const char *mine = ground(self, self, s);
    json_t *t = CALL("patient.timeline", "{\"patient_id\":\"%016llx\"}", (unsigned long long)w.patient[self].id), *source;
    if (strcmp(mine, "none") == 0) {
        if (t)
            fail_msg("open without a ground");
        assert_string_equal(desk.fault.reason, "not_your_patient");
        return;
    }
    if (!t)
        fail_msg("closed on the ground %s: %s", mine, desk.fault.text);
    size_t i, n = 0;
    json_array_foreach(json_object_get(t, "sources"), i, source)
    {
        int p = patient_at(member(source, "patient_id"));
        if (p >= 0)
            assert_string_equal(member(source, "basis"), ground(self, p, s));
        else
            assert_string_equal(member(source, "basis"), "none");
    }
    for (int p = 0; p < w.patients; p++)
        n += linked(self, p);
    assert_int_equal(json_array_size(json_object_get(t, "sources")), n);
    assert_int_equal(json_array_size(json_object_get(t, "items")), open_entries(self, s));
    check_entries(json_object_get(t, "items"), self, s);
    json_decref(t);
}

static void check_record(int p, int s)
{
    const char *basis = ground(p, p, s);
    json_t *r = CALL("patient.get", "{\"patient_id\":\"%016llx\"}", (unsigned long long)w.patient[p].id);
    assert_int_equal(r != NULL, strcmp(basis, "none") != 0);
    if (r) {
        assert_string_equal(member(r, "basis"), basis);
        assert_string_equal(member(r, "address"), reach(basis, w.staff[s].role) >= 3 ? "虚构省平川市白塔区1号" : "虚构省****");
        json_decref(r);
    }
    int64_t of = w.patient[p].document_case;
    bool by_case = false;
    for (int c = 0; c < w.n_cases; c++)
        by_case |= w.cases[c].id == of && reads_case(c, s);
    bool open = by_case || (strcmp(basis, "none") != 0 && (reach(basis, w.staff[s].role) >= 4 || !sensitive_case(of)));
    json_t *d = CALL("document.get", "{\"document_id\":\"%016llx\"}", (unsigned long long)w.patient[p].document);
    assert_int_equal(d != NULL, open);
    json_decref(d);
}

static int grounds_met[5];

static void what_is_open_is_what_the_model_says(void **state)
{
    int checks = 0;
    for (int world = 0; world < 150; world++) {
        make_world();
        for (int s = 0; s < STAFF; s++)
            for (int p = 0; p < w.patients; p++, checks++) {
                act_as(s);
                check_timeline(p, s);
                check_record(p, s);
                for (int g = 0; g < 5; g++)
                    grounds_met[g] += strcmp(ground(p, p, s), share_basis_word((enum share_basis)g)) == 0;
            }
    }
    assert_true(checks > 5000);
    for (int g = 0; g < 5; g++)
        if (grounds_met[g] < 20)
            fail_msg("the ground %s was met %d times", share_basis_word((enum share_basis)g), grounds_met[g]);
}

/* ---- one story: a township's patient, a doctor of the county, a wrong link ---- */

static void begin_story(void)
{
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    static const char *const emptied[] = {"patient", "patient_key", "mpi_member", "mpi_task", "consult", "consult_team", "document", "share_consent", "share_override", "policy"};
    for (size_t i = 0; i < sizeof emptied / sizeof *emptied; i++)
        tx_exec(tx, desk_text("DELETE FROM %s", emptied[i]), "");
    memset(&w.cases, 0, sizeof w.cases);
    w.patients = 3; /* the township's, the county's, the city's */
    for (int i = 0; i < 3; i++) {
        w.patient[i].id = 501 + i;
        w.patient[i].org = 1 + i;
        w.patient[i].person = 501;
        w.patient[i].by_machine = i > 0;
        w.patient[i].document = 601 + i;
        w.patient[i].document_case = 0;
        put_patient(i);
        put_document(i);
    }
    assert_int_equal(tx_commit(tx), 0);
    act_as(1); /* an expert of the county */
}

static size_t seen(const char *extra)
{
    json_t *t = CALL("patient.timeline", "{\"patient_id\":\"00000000000001f6\"%s}", extra); /* the county's record */
    assert_non_null(t);
    size_t n = json_array_size(json_object_get(t, "items"));
    json_decref(t);
    return n;
}

static void consent_opens_and_closes(void **state)
{
    begin_story();
    assert_int_equal(seen(""), 1);
    json_t *c = CALL("consent.record", "{\"patient_id\":\"00000000000001f6\",\"decision\":\"permit\",\"purpose\":\"treatment\",\"source_org_id\":\"0000000000000003\","
                                       "\"given\":\"paper\",\"note\":\"本人签字\",\"until_ms\":%lld}",
                     (long long)(desk.now_ms + DAY));
    assert_non_null(c);
    assert_int_equal(seen(""), 2);
    assert_int_equal(seen(",\"org_id\":\"0000000000000003\""), 1);
    assert_int_equal(seen(",\"kind\":\"case\""), 0);
    desk.now_ms += DAY + 1;
    assert_int_equal(seen(""), 1); /* it ran out */
    desk.now_ms -= DAY + 1;
    json_decref(CALL("consent.withdraw", "{\"patient_id\":\"00000000000001f6\",\"consent_id\":\"%s\"}", member(c, "id")));
    assert_int_equal(seen(""), 1);
    json_t *l = CALL("consent.list", "{\"patient_id\":\"00000000000001f6\"}"), *one = json_array_get(json_object_get(l, "items"), 0);
    assert_string_equal(member(one, "state"), "withdrawn");
    assert_string_equal(member(one, "note"), "本人签字");
    assert_null(CALL("consent.record", "{\"patient_id\":\"00000000000001f5\",\"decision\":\"deny\",\"purpose\":\"any\",\"given\":\"verbal\"}")); /* another house's record */
    assert_null(CALL("consent.record", "{\"patient_id\":\"00000000000001f6\",\"decision\":\"deny\",\"purpose\":\"any\",\"given\":\"verbal\",\"until_ms\":1}"));
    assert_string_equal(desk_wrong(), "until_ms in_the_past");
    json_decref(l);
    json_decref(c);
}

/* A refusal holds however much is recorded after it; and a list that is cut says so. */
static void a_refusal_is_not_pushed_out(void **state)
{
    static const char said[] = "{\"patient_id\":\"00000000000001f6\",\"decision\":\"%s\",\"purpose\":\"treatment\",\"source_org_id\":\"0000000000000003\",%s\"given\":\"paper\"}";
    (void)state;
    begin_story();
    json_decref(CALL("consent.record", said, "deny", "\"target_org_id\":\"0000000000000002\","));
    for (int i = 0; i < 120; i++) {
        json_decref(CALL("consent.record", said, "permit", ""));
        if (i == 0 || i == 60 || i == 119)
            assert_int_equal(seen(""), 1);
        json_t *l = i < 98 ? NULL : CALL("consent.list", "{\"patient_id\":\"00000000000001f6\"}");
        if (l)
            assert_int_equal(json_is_true(json_object_get(l, "truncated")), i > 98); /* the refusal is the hundredth when i is 98 */
        assert_true(!l || json_array_size(json_object_get(l, "items")) == 100);
        json_decref(l);
    }
}

static void emergency_is_short_and_judged_by_somebody_else(void **state)
{
    begin_story();
    json_t *o = CALL("patient.override", "{\"patient_id\":\"00000000000001f6\",\"reason\":\"昏迷，家属不在\"}");
    assert_non_null(o);
    assert_int_equal(seen(""), 3);
    assert_null(CALL("patient.override_review", "{\"override_id\":\"%s\",\"verdict\":\"justified\"}", member(o, "id"))); /* his own */
    desk.now_ms += 4 * 3600000 + 1;
    assert_int_equal(seen(""), 1);
    desk.now_ms -= 4 * 3600000 + 1;
    desk.actor.person.v = 900;
    json_t *l = CALL("patient.overrides", "{}");
    assert_string_equal(member(json_array_get(json_object_get(l, "items"), 0), "reason"), "昏迷，家属不在");
    json_decref(l);
    json_t *v = CALL("patient.override_review", "{\"override_id\":\"%s\",\"verdict\":\"not_justified\",\"comment\":\"可等家属\"}", member(o, "id"));
    assert_non_null(v);
    l = CALL("patient.overrides", "{}");
    assert_int_equal(json_array_size(json_object_get(l, "items")), 0);
    json_decref(l);
    json_decref(v);
    json_decref(o);
    assert_null(CALL("patient.override", "{\"patient_id\":\"00000000000001f5\",\"reason\":\"好奇想看看\"}")); /* not registered with us */
}

static bool document_opens(int64_t id)
{
    json_t *d = CALL("document.get", "{\"document_id\":\"%016llx\"}", (unsigned long long)id);
    bool open = d != NULL;
    json_decref(d);
    return open;
}

/* An emergency of one house's doctor is none of the other house he works for. */
static void emergency_on_a_case_is_of_the_house_it_was_said_in(void **state)
{
    begin_story();
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    w.cases[0].id = 802;
    w.cases[0].patient = 501;
    w.cases[0].applicant = w.staff[0].id;
    w.cases[0].home = 1;
    w.cases[0].target = 2;
    w.cases[0].sent = w.cases[0].reached = true;
    w.patient[0].document = 701;
    w.patient[0].document_case = 802;
    put_case(0);
    put_document(0);
    tx_exec(tx, "INSERT INTO consult_override (id, case_id, person_id, org_id, t_ms, until_ms, reason, reviewed_ms) VALUES (1,802,$1,2,1,$2,$3,0)", "iis", w.staff[1].id,
            desk.now_ms + DAY, SEALED(OVERRIDE_REASON, 1, 802, "x"));
    assert_int_equal(tx_commit(tx), 0);
    assert_true(document_opens(701));
    desk.actor.org.v = 4;
    assert_false(document_opens(701));
    memset(&w.cases, 0, sizeof w.cases);
}

static void a_reported_record_leaves_at_once(void **state)
{
    begin_story();
    json_decref(CALL("consent.record", "{\"patient_id\":\"00000000000001f6\",\"decision\":\"permit\",\"purpose\":\"any\",\"given\":\"verbal\"}"));
    assert_int_equal(seen(""), 3);
    json_t *r = CALL("patient.report_link", "{\"patient_id\":\"00000000000001f6\",\"other_id\":\"00000000000001f7\",\"note\":\"血型不符\"}");
    assert_non_null(r);
    assert_int_equal(seen(""), 2);
    assert_null(CALL("patient.get", "{\"patient_id\":\"00000000000001f7\"}"));
    assert_null(CALL("patient.report_link", "{\"patient_id\":\"00000000000001f6\",\"other_id\":\"00000000000001f7\",\"note\":\"血型不符\"}"));
    json_t *t = CALL("mpi.tasks", "{\"why\":\"reported\"}"), *task = json_array_get(json_object_get(t, "items"), 0);
    assert_string_equal(member(task, "note"), "血型不符");
    json_t *d = CALL("mpi.decide", "{\"task_id\":\"%s\",\"decision\":\"link\"}", member(task, "id")); /* it was right after all */
    assert_non_null(d);
    assert_int_equal(seen(""), 3);
    json_decref(d);
    json_decref(t);
    json_decref(r);
}

/* Who works on a case of a patient who was taken out of his group, or put back, is told. */
static void open_cases_hear_of_it(void **state)
{
    begin_story();
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    w.cases[0].id = 801;
    w.cases[0].patient = 503;
    w.cases[0].applicant = w.staff[2].id;
    w.cases[0].home = 3;
    w.cases[0].target = 2;
    w.cases[0].sent = w.cases[0].reached = true;
    w.cases[0].expert = w.staff[1].id;
    w.cases[0].expert_state = 1;
    put_case(0);
    tx_exec(tx, "DELETE FROM notice", "");
    assert_int_equal(tx_commit(tx), 0);
    json_t *a = CALL("mpi.split", "{\"patient_id\":\"00000000000001f7\"}");
    if (!a)
        fail_msg("%s", desk.fault.text);
    assert_int_equal(tx_begin(records_store(desk.r), TX_READ, &tx), 0);
    assert_int_equal(tx_int(tx, 0, "SELECT COUNT(*) AS n FROM notice WHERE template='patient.identity' AND case_id=801", ""), 2);
    tx_rollback(tx);
    json_decref(CALL("mpi.undo", "{\"act_id\":\"%s\"}", member(a, "act_id")));
    assert_int_equal(tx_begin(records_store(desk.r), TX_READ, &tx), 0);
    assert_int_equal(tx_int(tx, 0, "SELECT COUNT(*) AS n FROM notice WHERE template='patient.identity'", ""), 4);
    tx_rollback(tx);
    json_decref(a);
}

static void pages_hold_together(void **state)
{
    begin_story();
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    for (int i = 0; i < 25; i++) { /* five at each instant */
        w.patient[1].document = 700 + i;
        put_document(1);
        tx_exec(tx, "UPDATE document SET uploaded_ms=$1 WHERE id=$2", "ii", (int64_t)(1000 + i / 5), (int64_t)(700 + i));
    }
    assert_int_equal(tx_commit(tx), 0);
    char after[80] = "", last[17] = "g";
    size_t n = 0;
    for (bool more = true; more;) {
        size_t i;
        json_t *t = CALL("patient.timeline", "{\"patient_id\":\"00000000000001f6\",\"limit\":4%s}", after), *entry;
        json_array_foreach(json_object_get(t, "items"), i, entry)
        {
            assert_string_not_equal(member(entry, "id"), last);
            strcpy(last, member(entry, "id"));
            n++;
        }
        more = json_is_string(json_object_get(t, "next"));
        snprintf(after, sizeof after, ",\"after\":\"%s\"", member(t, "next"));
        json_decref(t);
    }
    assert_int_equal(n, 26);
}

static int open_worlds(void **state)
{
    if (desk_open(state) || tx_begin(records_store(desk.r), TX_WRITE, &tx))
        return 1;
    put_staff();
    return tx_commit(tx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_open_is_what_the_model_says),
        cmocka_unit_test(consent_opens_and_closes),
        cmocka_unit_test(a_refusal_is_not_pushed_out),
        cmocka_unit_test(emergency_is_short_and_judged_by_somebody_else),
        cmocka_unit_test(emergency_on_a_case_is_of_the_house_it_was_said_in),
        cmocka_unit_test(a_reported_record_leaves_at_once),
        cmocka_unit_test(open_cases_hear_of_it),
        cmocka_unit_test(pages_hold_together),
    };
    return cmocka_run_group_tests(tests, open_worlds, desk_close);
}
