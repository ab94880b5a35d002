#include "server/api/routes.h"
#include <stdlib.h>
#include <string.h>

#define GET NET_GET
#define POST NET_POST
#define PUT NET_PUT
#define PATCH NET_PATCH
#define DELETE NET_DELETE
#define ACT(event) {POST, "/cases/{case_id}/acts/" #event, "case." #event}

const struct api_route api_routes[] = {
    /* session and self */
    {POST, "/session", "session.login"},
    {POST, "/session/totp", "session.totp"},
    {POST, "/session/post", "session.post"},
    {GET, "/session", "session.get"},
    {DELETE, "/session", "session.logout"},
    {POST, "/session/password", "session.password"},
    {POST, "/session/totp/enrol", "session.totp_enrol"},
    {POST, "/session/totp/confirm", "session.totp_confirm"},
    {GET, "/sessions", "session.list"},
    {DELETE, "/sessions/{session_id}", "session.end"},
    /* organisations, people, roster */
    {GET, "/orgs", "org.list"},
    {POST, "/orgs", "org.create"},
    {PATCH, "/orgs/{org_id}", "org.update"},
    {GET, "/people", "person.list"},
    {POST, "/people", "person.create"},
    {GET, "/people/{person_id}", "person.get"},
    {PATCH, "/people/{person_id}", "person.update"},
    {PUT, "/people/{person_id}/posts", "person.posts"},
    {POST, "/people/{person_id}/reset", "person.reset"},
    {PUT, "/people/{person_id}/signature", "person.signature"},
    {POST, "/people/{person_id}/signature/open", "person.signature_open"},
    {GET, "/people/{person_id}/cases", "case.of_expert"},
    {POST, "/people/{person_id}/cases/move", "case.move_expert"},
    {GET, "/experts", "expert.list"},
    {GET, "/roster", "roster.list"},
    {POST, "/roster", "roster.create"},
    {DELETE, "/roster/{shift_id}", "roster.delete"},
    {POST, "/roster/import", "roster.import"},
    {GET, "/roles", "role.list"},
    {GET, "/calendars", "hours.list"},
    {PUT, "/calendars/{org_id}", "hours.set"},
    {DELETE, "/calendars/{org_id}", "hours.clear"},
    /* patients, documents, terms */
    {GET, "/patients", "patient.search"},
    {POST, "/patients", "patient.create"},
    {GET, "/patients/{patient_id}", "patient.get"},
    {PATCH, "/patients/{patient_id}", "patient.update"},
    {POST, "/patients/{patient_id}/reveal", "patient.reveal"},
    {GET, "/patients/{patient_id}/timeline", "patient.timeline"},
    {GET, "/patients/{patient_id}/attachments/{attachment_id}", "patient.attachment"},
    {POST, "/patients/{patient_id}/report_link", "patient.report_link"},
    {GET, "/patients/{patient_id}/consents", "consent.list"},
    {POST, "/patients/{patient_id}/consents", "consent.record"},
    {POST, "/patients/{patient_id}/consents/{consent_id}/withdraw", "consent.withdraw"},
    {POST, "/patients/{patient_id}/override", "patient.override"},
    {GET, "/patients/{patient_id}/accesses", "access.report"},
    {POST, "/patients/{patient_id}/access_link", "access.link"},
    {POST, "/who_saw", "access.open"},
    {GET, "/audit/patients", "access.find"},
    {GET, "/audit/patients/{patient_id}", "access.of_patient"},
    {GET, "/overrides", "patient.overrides"},
    {POST, "/overrides/{override_id}/review", "patient.override_review"},
    {GET, "/research/catalogue", "research.catalogue"},
    {GET, "/research", "research.list"},
    {POST, "/research", "research.create"},
    {GET, "/research/{project_id}", "research.get"},
    {PATCH, "/research/{project_id}", "research.update"},
    {GET, "/research/{project_id}/count", "research.count"},
    {POST, "/research/{project_id}/submit", "research.submit"},
    {POST, "/research/{project_id}/withdraw", "research.withdraw"},
    {POST, "/research/{project_id}/retry", "research.retry"},
    {POST, "/research/{project_id}/approve", "research.approve"},
    {POST, "/research/{project_id}/return", "research.return"},
    {POST, "/research/{project_id}/refuse", "research.refuse"},
    {POST, "/research/{project_id}/revoke", "research.revoke"},
    {POST, "/research/{project_id}/open", "research.open"},
    {GET, "/index/tasks", "mpi.tasks"},
    {POST, "/index/tasks/{task_id}/decide", "mpi.decide"},
    {GET, "/index/pair", "mpi.pair"},
    {GET, "/index/persons/{patient_id}", "mpi.person"},
    {POST, "/index/persons/{patient_id}/merge", "mpi.merge"},
    {POST, "/index/persons/{patient_id}/split", "mpi.split"},
    {POST, "/index/persons/{patient_id}/confirm", "mpi.confirm"},
    {POST, "/index/persons/{patient_id}/reveal", "mpi.reveal"},
    {GET, "/index/find", "mpi.find"},
    {GET, "/index/acts", "mpi.acts"},
    {GET, "/index/acts/{act_id}", "mpi.act"},
    {POST, "/index/acts/{act_id}/undo", "mpi.undo"},
    {POST, "/index/rebuild", "mpi.rebuild"},
    {GET, "/exchange/sources", "exchange.sources"},
    {PUT, "/exchange/sources/{source_id}", "exchange.source_set"},
    {GET, "/exchange/domains", "exchange.domains"},
    {PUT, "/exchange/domains/{domain_id}", "exchange.domain_set"},
    {GET, "/exchange/days", "exchange.days"},
    {POST, "/exchange/sources/{source_id}/pull", "exchange.pull"},
    {GET, "/exchange/files", "exchange.files"},
    {GET, "/exchange/dead", "exchange.dead"},
    {GET, "/exchange/messages/{message_id}", "exchange.message"},
    {POST, "/exchange/messages/{message_id}/replay", "exchange.replay"},
    {POST, "/exchange/messages/{message_id}/drop", "exchange.drop"},
    {GET, "/outgoing/subscribers", "out.list"},
    {PUT, "/outgoing/subscribers/{subscriber_id}", "out.set"},
    {DELETE, "/outgoing/subscribers/{subscriber_id}", "out.remove"},
    {POST, "/outgoing/subscribers/{subscriber_id}/pause", "out.pause"},
    {POST, "/outgoing/subscribers/{subscriber_id}/replay", "out.replay"},
    {POST, "/outgoing/subscribers/{subscriber_id}/export", "out.export"},
    {GET, "/outgoing/subscribers/{subscriber_id}/dead", "out.dead"},
    {POST, "/outgoing/subscribers/{subscriber_id}/retry", "out.retry"},
    {POST, "/outgoing/subscribers/{subscriber_id}/drop", "out.drop"},
    {GET, "/standard/elements", "standard.elements"},
    {GET, "/standard/master", "standard.master"},
    {GET, "/standard/vocabularies", "standard.vocabularies"},
    {GET, "/quality/coverage", "quality.coverage"},
    {GET, "/quality/codes", "quality.codes"},
    {GET, "/quality/codes/{code_id}", "quality.code"},
    {GET, "/quality/candidates", "quality.find"},
    {GET, "/quality/sources/{source_id}/map", "quality.concept_map"},
    {POST, "/quality/codes/{code_id}/map", "quality.map"},
    {POST, "/quality/codes/{code_id}/reject", "quality.reject"},
    {POST, "/quality/codes/{code_id}/undo", "quality.undo"},
    {POST, "/quality/sources/{source_id}/map_same", "quality.map_same"},
    {POST, "/quality/remap", "quality.remap"},
    {GET, "/quality/scores", "quality.scores"},
    {GET, "/quality/rules", "quality.rules"},
    {GET, "/quality/findings", "quality.findings"},
    {POST, "/quality/findings/{finding_id}/return", "quality.fix_return"},
    {GET, "/quality/fixes/count", "quality.fix_count"},
    {GET, "/quality/fixes", "quality.fixes"},
    {POST, "/quality/fixes/{finding_id}/reply", "quality.fix_reply"},
    {GET, "/terms/icd10", "term.icd10"},
    {POST, "/terms/diagnosis", "term.dx"},
    {POST, "/terms/fhir", "term.fhir"},
    {POST, "/uploads", "upload.create"},
    {GET, "/uploads/{upload_id}", "upload.status"},
    {DELETE, "/uploads/{upload_id}", "upload.cancel"},
    {POST, "/uploads/{upload_id}/finish", "upload.finish"},
    {GET, "/documents/{document_id}", "document.get"},
    {POST, "/documents/{document_id}/open", "document.open"},
    {PATCH, "/documents/{document_id}", "document.update"},
    {POST, "/documents/{document_id}/withdraw", "document.withdraw"},
    {POST, "/cases/{case_id}/capture", "case.capture"},
    {POST, "/capture", "capture.open"},
    {GET, "/forms/{form_id}", "form.get"},
    /* consultation cases */
    {POST, "/cases", "case.create"},
    {GET, "/cases", "case.list"},
    {GET, "/cases/{case_id}", "case.get"},
    {PATCH, "/cases/{case_id}", "case.update"},
    {GET, "/board", "board.get"},
    {GET, "/reports/cockpit", "report.cockpit"},
    {GET, "/reports/list", "report.list"},
    {GET, "/reports/months", "month.list"},
    {POST, "/reports/months", "month.make"},
    {GET, "/reports/months/{report_id}", "month.get"},
    {POST, "/reports/months/{report_id}/check", "month.check"},
    {POST, "/reports/months/{report_id}/approve", "month.approve"},
    {POST, "/reports/months/{report_id}/return", "month.return"},
    {POST, "/reports/months/{report_id}/publish", "month.publish"},
    {GET, "/alarms", "alarm.list"},
    {GET, "/alarms/rules", "alarm.rules"},
    {PUT, "/alarms/rules/{rule_id}", "alarm.rule_set"},
    {DELETE, "/alarms/rules/{rule_id}", "alarm.rule_remove"},
    {POST, "/alarms/{alarm_id}/take", "alarm.take"},
    {POST, "/alarms/{alarm_id}/acknowledge", "alarm.acknowledge"},
    {GET, "/board/wall", "board.wall"},
    {POST, "/cases/{case_id}/merge", "case.merge"},
    {GET, "/cases/{case_id}/promise", "case.promise"},
    {POST, "/cases/{case_id}/outcome", "case.outcome"},
    {POST, "/cases/{case_id}/override", "case.override"},
    {POST, "/cases/{case_id}/wait", "case.wait"},
    {POST, "/cases/{case_id}/unwait", "case.unwait"},
    {POST, "/cases/{case_id}/override_review", "case.override_review"},
    {POST, "/cases/{case_id}/signatures/{document_id}/open", "case.signature_open"},
    {GET, "/cases/{case_id}/messages", "message.list"},
    {POST, "/cases/{case_id}/messages", "message.send"},
    {POST, "/cases/{case_id}/messages/read", "message.read"},
    {POST, "/cases/{case_id}/messages/{message_id}/recall", "message.recall"},
    {POST, "/cases/{case_id}/print", "case.print"},
    {GET, "/verify/{code}", "case.verify"},
    {GET, "/cases/{case_id}/access", "case.access"},
    ACT(submit), ACT(return), ACT(approve_home), ACT(post_review), ACT(triage), ACT(redirect), ACT(need_material),
    ACT(supply_material), ACT(decline), ACT(assign), ACT(accept), ACT(expert_decline), ACT(substitute), ACT(release_expert), ACT(schedule),
    ACT(reschedule), ACT(open_room), ACT(start), ACT(interrupt), ACT(resume), ACT(continue_offline), ACT(end_session),
    ACT(begin_review), ACT(save_opinion), ACT(write_minutes), ACT(verbal_note), ACT(sign_opinion), ACT(acknowledge), ACT(evaluate), ACT(close),
    ACT(addendum), ACT(cancel),
    /* calendar and slots */
    {GET, "/calendar", "calendar.get"},
    {POST, "/slots", "slot.publish"},
    {PATCH, "/slots/{slot_id}", "slot.move"},
    {POST, "/slots/{slot_id}/hold", "slot.hold"},
    {DELETE, "/slots/{slot_id}/hold", "slot.release"},
    {DELETE, "/slots/{slot_id}", "slot.withdraw"},
    {GET, "/meeting_rooms", "meeting_room.list"},
    {POST, "/meeting_rooms", "meeting_room.create"},
    {PATCH, "/meeting_rooms/{meeting_room_id}", "meeting_room.update"},
    /* notices, audit, system */
    {GET, "/notices", "notice.list"},
    {POST, "/notices/read_all", "notice.read_all"},
    {POST, "/notices/{notice_id}/read", "notice.read"},
    {GET, "/gateways", "gateway.list"},
    {PUT, "/gateways/{gateway_id}", "gateway.set"},
    {POST, "/gateways/{gateway_id}/test", "gateway.test"},
    {GET, "/deliveries", "delivery.list"},
    {GET, "/devices", "device.list"},
    {PUT, "/devices/{device_id}", "device.set"},
    {DELETE, "/devices/{device_id}", "device.remove"},
    {GET, "/room_devices", "device.here"},
    {GET, "/audit", "audit.list"},
    {GET, "/audit/mine", "audit.mine"},
    {POST, "/audit/verify", "audit.verify"},
    {GET, "/inventory", "inventory.get"},
    {GET, "/machine", "machine.get"},
    {GET, "/policies", "policy.list"},
    {PUT, "/policies/{policy_id}", "policy.set"},
    {GET, "/clients", "client.list"},
    {POST, "/clients", "client.add"},
    {DELETE, "/clients/{client_id}", "client.remove"},
    /* rooms */
    {POST, "/cases/{case_id}/room/ticket", "room.ticket"},
    {GET, "/cases/{case_id}/room/guests", "room.guest_list"},
    {POST, "/cases/{case_id}/room/guests", "room.guest"},
    {DELETE, "/cases/{case_id}/room/guests/{guest_id}", "room.guest_revoke"},
    {GET, "/rooms/{room}/watch", "room.watch"},
    {GET, "/rooms", "room.live"},
    {GET, "/rooms/{room_id}", "room.live_get"},
    {GET, "/room_sessions", "room.sessions"},
    {GET, "/room_sessions/{room_id}", "room.session_get"},
    {GET, "/cases/{case_id}/recordings", "recording.list"},
    {GET, "/recordings/{recording_id}/exports", "recording.export_list"},
    {POST, "/recordings/{recording_id}/exports", "recording.export"},
    {POST, "/recording-exports/{export_id}/cancel", "recording.export_cancel"},
    {GET, "/cases/{case_id}/quality", "room.quality"},
    {0}};

/* Segment by segment; with args the {names} are put in. */
static bool path_fits(const char *pattern, const char *path, json_t *args)
{
    while (*pattern == '/' && *path == '/') {
        pattern++;
        path++;
        size_t want = strcspn(pattern, "/"), have = strcspn(path, "/");
        if (have == 0) return false;
        if (*pattern == '{') {
            char name[40];
            if (have > 200) return false;
            snprintf(name, sizeof name, "%.*s", (int)(want - 2), pattern + 1);
            if (args) json_object_set_new(args, name, json_stringn(path, have));
        } else if (want != have || memcmp(pattern, path, want) != 0) {
            return false;
        }
        pattern += want;
        path += have;
    }
    return *pattern == '\0' && *path == '\0';
}

const struct api_route *route_match(enum net_method method, const char *path, json_t *args, bool *other_method)
{
    const struct api_route *best = NULL;
    *other_method = false;
    for (const struct api_route *r = api_routes; r->path; r++) {
        if (!path_fits(r->path, path, NULL)) continue;
        if (r->method != method)
            *other_method = true;
        else if (!best || strchr(best->path, '{') > strchr(r->path, '{')) /* a literal segment goes before a {name} */
            best = r;
    }
    if (best) path_fits(best->path, path, args);
    return best;
}
