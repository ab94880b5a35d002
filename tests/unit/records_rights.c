/* Who may ask for what, written down once more from functions.md 4.2 and docs/security.md by hand: every operation against every role. A new
 * operation has no row here and fails until somebody has said who may; a right that is given away in config/roles.json fails as well. What of
 * his own records a person then reads is records_sharing.c, what the workflow lets him do the stories. */
#include "records/access/access.h"
#include "records/ops/op.h"
#include "server/base/fault.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct {
    char letter;
    const char *role;
} roles[] = {{'A', "applicant"}, {'H', "township_head"}, {'M', "medical_affairs"}, {'D', "dispatcher"}, {'E', "expert"}, {'K', "dept_head"}, {'R', "reader"},
             {'N', "nurse"}, {'T', "teacher"}, {'L', "trainee"}, {'G', "manager"}, {'C', "consortium_admin"}, {'S', "sys_admin"}, {'U', "auditor"},
             {'I', "index_steward"}, {'Q', "data_steward"}, {'X', "researcher"}, {'P', "research_approver"}, {'W', "display"}};
#define N_ROLES (sizeof roles / sizeof *roles)

#define CASE "AHMDEK"       /* who takes part in cases */
#define RECORD "AHMDEKRN"   /* who sees patients */
#define EVERYBODY "AHMDEKRNTLGCSUIQXPW"
#define NOBODY "-"          /* the daemon alone */
#define STRANGERS "!"       /* without a session */

/* The longest beginning that fits. */
static const struct rule {
    const char *op, *who;
} rules[] = {
    /* oneself */
    {"session.", EVERYBODY}, {"session.login", STRANGERS}, {"session.get", STRANGERS}, {"notice.", EVERYBODY}, {"audit.mine", EVERYBODY}, {"role.list", EVERYBODY},
    {"org.list", EVERYBODY}, {"hours.list", EVERYBODY}, {"form.get", EVERYBODY}, {"term.", EVERYBODY}, {"upload.", EVERYBODY}, {"person.signature", EVERYBODY},
    /* links and codes */
    {"capture.open", STRANGERS}, {"access.open", STRANGERS}, {"case.verify", STRANGERS},
    /* patients */
    {"patient.", RECORD}, {"patient.create", "A"}, {"patient.update", "A"}, {"patient.override", "AHME"}, {"patient.overrides", "HM"}, {"patient.override_review", "HM"},
    {"consent.list", RECORD}, {"consent.", "AHMN"}, {"access.", RECORD}, {"access.find", "U"}, {"access.of_patient", "U"},
    {"document.", RECORD}, {"document.update", "AE"}, {"document.withdraw", "AE"},
    /* cases */
    {"case.", CASE}, {"case.create", "A"}, {"case.update", "A"}, {"case.submit", "A"}, {"case.supply_material", "A"}, {"case.acknowledge", "A"}, {"case.capture", "AE"},
    {"case.return", "HMD"}, {"case.approve_home", "HMD"}, {"case.post_review", "HMD"}, {"case.merge", "HMD"},
    {"case.triage", "MDK"}, {"case.redirect", "MDK"}, {"case.decline", "MDK"}, {"case.assign", "MDK"}, {"case.release_expert", "MDK"}, {"case.of_expert", "MDK"}, {"case.move_expert", "MDK"},
    {"case.accept", "E"}, {"case.expert_decline", "E"}, {"case.begin_review", "E"}, {"case.verbal_note", "E"}, {"case.sign_opinion", "E"}, {"case.addendum", "E"},
    {"case.override", "AHME"}, {"case.override_review", "HM"}, {"message.", CASE}, {"expert.list", CASE}, {"board.get", CASE}, {"board.wall", "HMDKGCW"},
    /* rooms */
    {"room.", NOBODY}, {"room.ticket", "AMDEKN"}, {"room.ticket_check", NOBODY}, {"room.guest", "AMDEKN"}, {"room.watch", "AMDEKN"}, {"room.quality", CASE}, {"room.live", "CS"},
    {"room.session", "CS"}, {"recording.", NOBODY}, {"recording.list", CASE}, {"recording.export", CASE}, {"recording.export_next", NOBODY}, {"recording.export_done", NOBODY},
    {"recording.export_restart", NOBODY}, {"device.", "CS"}, {"device.here", "AMDEKN"}, {"device.open", NOBODY},
    /* time */
    {"calendar.get", RECORD "C"}, {"slot.", "MDEKC"}, {"slot.hold", RECORD "C"}, {"slot.release", RECORD "C"}, {"meeting_room.", "MDC"}, {"meeting_room.list", RECORD "C"},
    {"roster.", "HMDEKC"}, {"roster.import", "MDKC"}, {"hours.", "MC"},
    /* the house: accounts without health data */
    {"person.list", "HMDKCSU"}, {"person.get", "HMDKCSU"}, {"person.create", "CS"}, {"person.update", "C"}, {"person.posts", "C"}, {"person.reset", "C"}, {"org.", "CS"},
    {"policy.list", "CSU"}, {"policy.set", "C"}, {"gateway.", "CS"}, {"delivery.", "CS"}, {"machine.", "CS"}, {"audit.", "U"}, {"inventory.", "CSUQ"},
    /* other systems: letting one in is the consortium's, the text of a message the index steward's */
    {"client.", "C"}, {"exchange.", "CSIQ"}, {"exchange.source_set", "C"}, {"exchange.domain_set", "C"}, {"exchange.pull", "C"}, {"exchange.message", "I"}, {"exchange.replay", "I"},
    {"exchange.drop", "I"}, {"out.", "C"}, {"out.list", "CSIQ"}, {"out.dead", "CSIQ"}, {"mpi.", "I"}, {"standard.", "CSQ"}, {"quality.", "CSQ"}, {"quality.map", "Q"},
    {"quality.reject", "Q"}, {"quality.undo", "Q"}, {"quality.remap", "Q"}, {"quality.fix_return", "Q"}, {"quality.fix_count", "AHM"}, {"quality.fixes", "AHM"}, {"quality.fix_reply", "AHM"},
    /* figures */
    {"report.", "HMDKGC"}, {"month.", "HMDKGCQ"}, {"month.make", "MDCQ"}, {"month.check", "MDCQ"}, {"month.approve", "HG"}, {"month.return", "HG"}, {"alarm.", "HMDKGCSQ"},
    {"alarm.rule_set", "GC"}, {"alarm.rule_remove", "GC"},
    /* research */
    {"research.", "CXP"}, {"research.create", "X"}, {"research.update", "X"}, {"research.submit", "X"}, {"research.withdraw", "X"}, {"research.retry", "X"}, {"research.open", "X"},
    {"research.approve", "CP"}, {"research.return", "CP"}, {"research.refuse", "CP"}, {"research.revoke", "CP"}};
#define N_RULES (sizeof rules / sizeof *rules)

static struct access *table;

static int open_table(void **state)
{
    struct fault f = {0};
    (void)state;
    return access_open(&table, YL_SOURCE_DIR "/config", &f);
}

static int close_table(void **state)
{
    (void)state;
    access_close(table);
    return 0;
}

static const char *who_may(const char *op)
{
    const struct rule *best = NULL;
    for (size_t i = 0; i < N_RULES; i++) {
        size_t n = strlen(rules[i].op);
        if (strncmp(rules[i].op, op, n) == 0 && (!best || n > strlen(best->op)))
            best = &rules[i];
    }
    return best ? best->who : NULL;
}

static bool has(char role, const char *right)
{
    for (size_t i = 0; i < N_ROLES; i++)
        if (roles[i].letter == role)
            return access_roles_may(table, 1ull << access_role(table, roles[i].role), right);
    return false;
}

static void every_operation_is_for_those_who_are_named(void **state)
{
    int compared = 0;
    (void)state;
    for (const struct op *const *t = op_tables; *t; t++)
        for (const struct op *o = *t; o->name; o++) {
            const char *who = who_may(o->name);
            if (!who)
                fail_msg("nobody has said who may %s", o->name);
            if (((o->flags & OP_SYSTEM) != 0) != (*who == '-') || ((o->flags & OP_ANONYMOUS) != 0) != (*who == '!'))
                fail_msg("%s is for %s", o->name, who);
            for (size_t i = 0; i < N_ROLES && o->right && !(o->flags & OP_SYSTEM); i++, compared++)
                if (has(roles[i].letter, o->right) != (strchr(who, roles[i].letter) != NULL))
                    fail_msg("%s may%s %s", roles[i].role, strchr(who, roles[i].letter) ? " not" : "", o->name);
        }
    assert_true(compared > 4000);
}

/* An operation may do more for who has a further right; nobody is to have one that no row of the table speaks of. */
static void every_role_is_known_here(void **state)
{
    const json_t *list = json_object_get(access_table(table), "roles"), *role;
    size_t i;
    (void)state;
    json_array_foreach((json_t *)list, i, role)
    {
        const char *id = json_string_value(json_object_get(role, "id"));
        bool known = strcmp(id, "capture") == 0; /* its sessions run four operations, whatever its rights: records_call.c */
        for (size_t k = 0; k < N_ROLES; k++)
            known = known || strcmp(roles[k].role, id) == 0;
        if (!known)
            fail_msg("%s", id);
    }
}

/* What is read of a patient leaves a line: no operation of these families goes without (records/call). */
static void health_data_is_audited(void **state)
{
    static const char *const families[] = {"patient.", "consent.", "access.", "document.", "case.", "message.", "recording.", "mpi.", "room.ticket", "room.guest", "report.list",
                                           "research.count", "research.open", "exchange.message", "quality.fixes", "quality.findings"};
    /* metadata of a case without its patient; what is known without a session; what only the daemon says of a film */
    static const char *const but[] = {"case.verify", "case.capture", "recording.export_list", "recording.export_cancel"};
    (void)state;
    for (const struct op *const *t = op_tables; *t; t++)
        for (const struct op *o = *t; o->name; o++) {
            bool of_family = false, excepted = o->flags & OP_SYSTEM || o->mode == OP_WRITE; /* a write has its line anyway */
            for (size_t i = 0; i < sizeof families / sizeof *families; i++)
                of_family = of_family || strncmp(o->name, families[i], strlen(families[i])) == 0;
            for (size_t i = 0; i < sizeof but / sizeof *but; i++)
                excepted = excepted || strcmp(o->name, but[i]) == 0;
            if (of_family && !excepted && !(o->flags & OP_PHI))
                fail_msg("%s leaves no line", o->name);
            if (o->flags & OP_PHI && o->flags & OP_QUIET)
                fail_msg("%s is quiet", o->name);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_operation_is_for_those_who_are_named), cmocka_unit_test(every_role_is_known_here), cmocka_unit_test(health_data_is_audited)};
    return cmocka_run_group_tests(tests, open_table, close_table);
}
