# 取消:申请人在会诊前;会诊中只有医政
> zhang new interactive clinical routine {"target_org_id":"@county"}
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
> qian schedule {"start_ms":"+1h","end_ms":"+2h"}
  11-23 09:00 SCHEDULED | expert qian | hold due 11-26 09:00
  11-23 09:00 told zhang: case.scheduled
  11-23 09:00 told li: case.scheduled
  11-23 09:00 told chen: case.scheduled
  11-23 09:00 told qian: case.scheduled
> sun cancel {"code":"other","reason":"x"}
  ! denied not_your_case
> zhang cancel {"code":"x","reason":"x"}
  ! invalid  [code not_a_choice]
> zhang cancel {"code":"patient_refused","reason":"患者要求转院"}
  11-23 09:00 CANCELLED
  11-23 09:00 told zhang: case.cancelled
  11-23 09:00 told li: case.cancelled
  11-23 09:00 told chen: case.cancelled
  11-23 09:00 told qian: case.cancelled
> zhang new interactive clinical routine {"target_org_id":"@county"}
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
> qian schedule {"start_ms":"+1h","end_ms":"+2h"}
  11-23 09:00 SCHEDULED | expert qian | hold due 11-26 09:00
  11-23 09:00 told zhang: case.scheduled
  11-23 09:00 told li: case.scheduled
  11-23 09:00 told chen: case.scheduled
  11-23 09:00 told qian: case.scheduled
> wait 50min
  11-23 09:45 told zhang: case.room_open
  11-23 09:45 told li: case.room_open
  11-23 09:45 told chen: case.room_open
  11-23 09:45 told qian: case.room_open start
  11-23 09:50 told zhang: case.reminder
  11-23 09:50 told qian: case.reminder
  11-23 09:50 WAITING
> qian start
  11-23 09:50 IN_SESSION | expert qian
> zhang cancel {"code":"patient_left","reason":"x"}
  ! denied not_your_act
> chen cancel {"code":"patient_left","reason":"x"}
  ! denied not_your_act
> zhao cancel {"code":"patient_left","reason":"患者离院"}
  11-23 09:50 CANCELLED
  11-23 09:50 told zhang: case.cancelled
  11-23 09:50 told li: case.cancelled
  11-23 09:50 told chen: case.cancelled
  11-23 09:50 told qian: case.cancelled
> zhang see refusals
  [{"by":{"id":"00000000000000ca","name":"zhao"},"code":"patient_left","event":"cancel","label":{"en":"Cancel consultation","zh":"取消会诊"},"reason":"患者离院","suggestion":null,"t_ms":1795398600000}]
