# 两人同时操作:后到者得到 stale_version;同一时段只有一人订到
> zhang new interactive clinical routine {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:00
  11-23 09:00 told li: case.submitted approve_home
> li approve_home {"version":2}
  11-23 09:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-24 09:00
  11-23 09:00 told chen: case.approved_home triage
> li return {"version":2,"items":[{"reason":"x"}]}
  ! conflict stale_version
> chen triage {"dept_id":"@neuro"}
  11-23 09:00 TRIAGED | dispatcher 云岭县人民医院 | assign due 11-23 15:00
  11-23 09:00 told he: case.triaged
> chen assign {"expert_id":"@qian"}
  11-23 09:00 ASSIGNED | expert qian | accept due 11-23 15:00
  11-23 09:00 told qian: case.assigned accept
> qian accept
  11-23 09:00 ACCEPTED | expert qian | hold due 11-26 09:00
  11-23 09:00 told zhang: case.accepted
  11-23 09:00 told chen: case.accepted
> qian schedule {"start_ms":"+2h","end_ms":"+3h"}
  11-23 09:00 SCHEDULED | expert qian | hold due 11-26 09:00
  11-23 09:00 told zhang: case.scheduled
  11-23 09:00 told li: case.scheduled
  11-23 09:00 told chen: case.scheduled
  11-23 09:00 told qian: case.scheduled
> zhang new interactive clinical routine {"target_org_id":"@county","new_patient":true}
  11-23 09:00 DRAFT | applicant zhang
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:00
  11-23 09:00 told li: case.submitted approve_home
> li approve_home
  11-23 09:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-24 09:00
  11-23 09:00 told chen: case.approved_home triage
> chen triage {"dept_id":"@neuro"}
  11-23 09:00 TRIAGED | dispatcher 云岭县人民医院 | assign due 11-23 15:00
  11-23 09:00 told he: case.triaged
> chen assign {"expert_id":"@qian"}
  11-23 09:00 ASSIGNED | expert qian | accept due 11-23 15:00
  11-23 09:00 told qian: case.assigned accept
> qian accept
  11-23 09:00 ACCEPTED | expert qian | hold due 11-26 09:00
  11-23 09:00 told zhang: case.accepted
  11-23 09:00 told chen: case.accepted
> zhang schedule {"start_ms":"+2h","end_ms":"+3h"}
  ! conflict slot_taken
> zhang schedule {"start_ms":"+3h","end_ms":"+4h"}
  ! conflict slot_taken
> zhang schedule {"start_ms":"+190min","end_ms":"+4h"}
  11-23 09:00 SCHEDULED | expert qian | hold due 11-26 09:00
  11-23 09:00 told zhang: case.scheduled
  11-23 09:00 told li: case.scheduled
  11-23 09:00 told chen: case.scheduled
  11-23 09:00 told qian: case.scheduled
> zhang reschedule {"start_ms":"+5h","end_ms":"+6h","reason":"患者要检查"}
  11-23 09:00 SCHEDULED | expert qian | hold due 11-26 09:00
  11-23 09:00 told zhang: case.rescheduled
  11-23 09:00 told li: case.rescheduled
  11-23 09:00 told chen: case.rescheduled
  11-23 09:00 told qian: case.rescheduled
> zhang reschedule {"start_ms":"+6h","end_ms":"+7h","reason":"再改"}
  11-23 09:00 SCHEDULED | expert qian | hold due 11-26 09:00
  11-23 09:00 told zhang: case.rescheduled
  11-23 09:00 told li: case.rescheduled
  11-23 09:00 told chen: case.rescheduled
  11-23 09:00 told qian: case.rescheduled
> zhang reschedule {"start_ms":"+7h","end_ms":"+8h","reason":"三改"}
  ! not_allowed_now not_for_this_case
> zhao reschedule {"start_ms":"+7h","end_ms":"+8h","reason":"医政同意"}
  11-23 09:00 SCHEDULED | expert qian | hold due 11-26 09:00
  11-23 09:00 told zhang: case.rescheduled
  11-23 09:00 told li: case.rescheduled
  11-23 09:00 told chen: case.rescheduled
  11-23 09:00 told qian: case.rescheduled
