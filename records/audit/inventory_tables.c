/* Which class each table belongs to. A new table gets its row here in the same commit (inventory.h). */
#include "records/audit/inventory.h"

const struct inventory_class inventory_classes[] = {
    {"patient", "患者身份信息", "Patients", "personal", 4, "medical_affairs", true},
    {"index", "患者主索引", "Patient index", "personal", 4, "index_steward", false},
    {"case", "会诊病例", "Consultations", "health", 4, "medical_affairs", true},
    {"document", "病历资料", "Documents", "medical", 4, "medical_affairs", true},
    {"opinion", "会诊意见", "Opinions", "medical", 4, "medical_affairs", true},
    {"message", "病例沟通", "Messages of cases", "medical", 4, "medical_affairs", true},
    {"follow_up", "随访", "Follow-ups", "medical", 4, "nurse", true},
    {"fhir", "FHIR 资源", "FHIR resources", "medical", 4, "medical_affairs", true},
    {"exchange", "接入数据", "Data of other systems", "medical", 4, "medical_affairs", true},
    {"consent", "共享同意", "Consents to sharing", "personal", 4, "medical_affairs", true},
    {"recording", "会诊录音录像", "Recordings", "medical", 5, "medical_affairs", true},
    {"special_access", "紧急调阅与查看完整号码", "Emergency access, numbers shown in full", "medical", 4, "medical_affairs", true},
    {"room", "会诊室", "Rooms", "medical", 4, "dispatcher", true},
    {"schedule", "号源与预约", "Times and bookings", "resource", 2, "dispatcher", true},
    {"org", "机构与科室", "Institutions", "resource", 1, "consortium_admin", false},
    {"staff", "人员与岗位", "Staff", "resource", 3, "consortium_admin", false},
    {"credential", "登录凭证", "Credentials", "system", 4, "sys_admin", false},
    {"notice", "通知", "Notices", "system", 2, "sys_admin", false},
    {"audit", "安全审计", "Audit", "system", 3, "auditor", false},
    {"settings", "参数与网关", "Settings", "system", 3, "consortium_admin", false},
    {"internal", "系统运行数据", "What the program keeps for itself", "system", 4, "sys_admin", false},
    {0},
};

#define NO_KEY(kind) "NOT EXISTS (SELECT 1 FROM patient_key k WHERE k.patient_id=t.id AND k.kind='" kind "')"

const struct inventory_table inventory_tables[] = {
    {"patient", "patient", "id", "created_ms",
     {{"证件号码", "identity number", NO_KEY("id")},
      {"联系电话", "phone", NO_KEY("phone")},
      {"医保号", "insurance number", NO_KEY("insurance")},
      {"出生日期", "date of birth", "t.birth_date=''"},
      {"性别", "sex", "t.sex='unknown'"},
      {"过敏史", "allergies", "t.allergy_state='unknown'"}}},
    {"patient_key", "patient", "patient_id", NULL, {{0}}},

    {"mpi_member", "index", "person_id", "since_ms", {{0}}},
    {"mpi_key", "index", "key", NULL, {{0}}},
    {"mpi_task", "index", "id", "created_ms", {{"裁决", "a decision", "t.state='open'"}}},
    {"mpi_apart", "index", "a", NULL, {{0}}},
    {"mpi_act", "index", "id", "t_ms", {{0}}},
    {"mpi_move", "index", "act_id", NULL, {{0}}},
    {"mpi_state", "index", "id", NULL, {{0}}},

    {"consult", "case", "id", "created_ms",
     {{"专科模板", "a template", "t.template IS NULL"},
      {"会诊科室", "the department asked", "t.target_dept_id=0"},
      {"专家", "an expert", "t.expert_id=0"},
      {"已签发的意见", "a signed opinion", "t.signed_ms=0"},
      {"采纳登记", "what became of the advice", "t.signed_ms>0 AND t.adoption IS NULL"}}},
    {"consult_clock", "case", "case_id", "started_ms", {{0}}},
    {"consult_team", "case", "case_id", "asked_ms", {{0}}},
    {"consult_event", "case", "id", "t_ms", {{0}}},
    {"consult_item", "case", "id", "t_ms", {{0}}},
    {"consult_print", "case", "id", "t_ms", {{0}}},
    {"consult_evaluation", "case", "case_id", "t_ms", {{0}}},

    {"document", "document", "id", "uploaded_ms",
     {{"摘要值", "a hash", "t.sha256=''"}, {"拍摄或检查日期", "when it was made", "t.taken_ms=0"}, {"缩略图", "a thumbnail", "t.thumbnail IS NULL"}}},
    {"upload", "document", "id", "created_ms", {{"完成的文件", "the finished document", "t.document_id=0"}}},

    {"consult_opinion", "opinion", "id", "signed_ms",
     {{"执业证书号", "a licence number", "t.licence_no=''"},
      {"二次验证", "a second factor", "t.second_factor=0"},
      {"签名图片", "a signature picture", "t.signature_document=0"}}},
    {"consult_draft", "opinion", "case_id", "saved_ms", {{0}}},
    {"consult_advice", "opinion", "case_id", "decided_ms", {{"采纳情况", "whether it was followed", "t.decision IS NULL"}, {"7 天结果", "the result after 7 days", "t.outcome7 IS NULL"}}},

    {"consult_message", "message", "id", "t_ms", {{0}}},
    {"consult_read", "message", "case_id", "t_ms", {{0}}},

    {"follow_up", "follow_up", "case_id", "made_ms", {{0}}},

    {"fhir_resource", "fhir", "pkey", NULL, {{0}}},
    {"fhir_version", "fhir", "pkey", "t_ms", {{0}}},
    {"fhir_name", "fhir", "type", NULL, {{0}}},
    {"fhir_change", "fhir", "seq", NULL, {{0}}},
    {"fhir_token", "fhir", "key", NULL, {{0}}},
    {"fhir_range", "fhir", "param", NULL, {{0}}},
    {"fhir_export", "fhir", "id", "t_ms", {{0}}},
    {"fhir_export_file", "fhir", "export_id", NULL, {{0}}},

    {"exchange_entry", "exchange", "id", "t_ms", {{"标准编码", "a standard code", "t.standard_code=''"}, {"项目编码", "a code", "t.code=''"}}},
    {"exchange_message", "exchange", "id", "received_ms", {{"患者", "a patient", "t.patient_id=0"}}},
    {"exchange_body", "exchange", "hash", "t_ms", {{0}}},
    {"exchange_dead", "exchange", "message_id", "since_ms", {{"处理", "that it was dealt with", "t.done_ms=0"}}},
    {"exchange_day", "exchange", "source_id", NULL, {{0}}},
    {"exchange_state", "exchange", "source_id", "last_ms", {{0}}},
    {"exchange_identity", "index", "patient_id", "since_ms", {{0}}},
    {"exchange_person", "index", "patient_id", "changed_ms", {{0}}},
    {"exchange_person_key", "index", "patient_id", NULL, {{0}}},

    {"share_consent", "consent", "id", NULL, {{0}}},

    {"recording", "recording", "id", "started_ms", {{"封存", "a seal", "t.sealed_ms=0"}}},
    {"recording_source", "recording", "recording_id", NULL, {{0}}},
    {"recording_track", "recording", "recording_id", "started_ms", {{"摘要值", "a hash", "t.sha256=''"}, {"逐段校验链", "its chain", "t.chain=''"}}},
    {"recording_gap", "recording", "recording_id", NULL, {{0}}},

    {"consult_override", "special_access", "id", "t_ms", {{"医务科复核", "a review", "t.reviewed_ms=0"}}},
    {"share_override", "special_access", "id", NULL, {{0}}},
    {"patient_reveal", "special_access", "id", "t_ms", {{0}}},

    {"room", "room", "id", "created_ms", {{"开始时间", "a beginning", "t.started_ms=0"}}},
    {"room_log", "room", "id", "t_ms", {{0}}},
    {"room_ticket", "room", "id", "created_ms", {{0}}},

    {"slot", "schedule", "id", NULL, {{0}}},
    {"slot_waiting", "schedule", "case_id", "since_ms", {{0}}},
    {"booking", "schedule", "id", NULL, {{0}}},
    {"meeting_room", "schedule", "id", NULL, {{"设备", "its equipment", "t.equipment=''"}}},

    {"org", "org", "id", NULL, {{"电话", "phone", "t.phone=''"}, {"专科", "specialty", "t.kind='department' AND t.specialty=''"}}},
    {"working_hours", "org", "org_id", "changed_ms", {{0}}},

    {"person", "staff", "id", "created_ms",
     {{"执业证书号", "a licence number", "t.licence_no=''"},
      {"执业有效期", "the licence's end", "t.licence_until=''"},
      {"联系电话", "phone", "t.phone IS NULL"},
      {"签名图片", "a signature picture", "t.signature_document=0"},
      {"二次验证", "a second factor", "t.totp_on=0"},
      {"岗位", "a post", "NOT EXISTS (SELECT 1 FROM post p WHERE p.person_id=t.id)"}}},
    {"post", "staff", "id", NULL, {{0}}},
    {"post_role", "staff", "post_id", NULL, {{0}}},
    {"shift", "staff", "id", NULL, {{0}}},

    {"session", "credential", "id", "created_ms", {{0}}},
    {"person_password", "credential", "person_id", "set_ms", {{0}}},
    {"access_link", "credential", "id", NULL, {{0}}},
    {"fhir_client", "credential", "id", NULL, {{0}}},
    {"fhir_assertion", "credential", "client_id", NULL, {{0}}},
    {"capture", "credential", "id", "created_ms", {{0}}},
    {"capture_session", "credential", "session_id", NULL, {{0}}},
    {"room_token", "credential", "id", "created_ms", {{0}}},

    {"notice", "notice", "id", "created_ms", {{"已读", "that it was read", "t.read_ms=0"}}},
    {"delivery", "notice", "id", "created_ms", {{0}}},

    {"audit", "audit", "seq", "t_ms", {{"人员", "who it was", "t.person_id=0"}, {"来源地址", "the address", "t.address=''"}}},
    {"audit_head", "audit", "id", NULL, {{0}}},

    {"policy", "settings", "id", "changed_ms", {{0}}},
    {"gateway", "settings", "id", "created_ms", {{"签名密钥", "a secret", "t.secret_sealed IS NULL"}}},

    {"device", "settings", "id", "created_ms", {{"密码", "a password", "t.password_sealed IS NULL"}}},
    {"exchange_source", "settings", "id", "created_ms", {{"客户端证书", "a client certificate", "t.certificate=''"}}},
    {"exchange_domain", "settings", "id", "created_ms", {{0}}},

    {"feed", "internal", "seq", "t_ms", {{0}}},
    {"idempotent", "internal", "t_ms", "t_ms", {{0}}},
    {"consult_counter", "internal", "day", NULL, {{0}}},
    {"patient_counter", "internal", "org_id", NULL, {{0}}},
    {0},
};
