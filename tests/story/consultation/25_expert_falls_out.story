# 专家临时停诊:调度把他名下全部会诊一次改派、改期或撤下,全部成功或全部不变,各方收到通知
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
> zhang schedule {"start_ms":"+24h","end_ms":"+25h"}
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
> zhang schedule {"start_ms":"+26h","end_ms":"+27h"}
  11-23 09:00 SCHEDULED | expert qian | hold due 11-26 09:00
  11-23 09:00 told zhang: case.scheduled
  11-23 09:00 told li: case.scheduled
  11-23 09:00 told chen: case.scheduled
  11-23 09:00 told qian: case.scheduled
> zhang new offline clinical routine {"target_org_id":"@county","new_patient":true}
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
  11-23 09:00 ACCEPTED | expert qian | opinion due 11-25 09:00
  11-23 09:00 told zhang: case.accepted
  11-23 09:00 told chen: case.accepted
> qian begin_review
  11-23 09:00 IN_REVIEW | expert qian | opinion due 11-25 09:00
  11-23 09:00 told zhang: case.in_review
> zhang op case.move_expert {"person_id":"@qian","reason":"x","items":[{"case_id":"@first","version":7}]}
  ! denied not_your_act [items[0] not_your_act]
> gao op case.move_expert {"person_id":"@qian","reason":"x","items":[{"case_id":"@first","version":7}]}
  ! denied not_your_case [items[0] not_your_case]
> chen op case.move_expert {"person_id":"@qian","reason":"急性阑尾炎","items":[{"case_id":"@first","version":7,"person_id":"@he","start_ms":"+24h","end_ms":"+25h"},{"case_id":"@second","version":3}]}
  ! conflict stale_version [items[1] stale_version]
> chen op case.move_expert {"person_id":"@qian","reason":"急性阑尾炎","items":[{"case_id":"@first","version":7,"person_id":"@he","start_ms":"+24h","end_ms":"+25h"},{"case_id":"@second","version":7,"person_id":"@he","start_ms":"+24h","end_ms":"+25h"}]}
  ! conflict slot_taken [items[1] slot_taken]
> case first
> zhang see state
  "SCHEDULED"
> case second
> zhang see state
  "SCHEDULED"
> case last
> chen op case.move_expert {"person_id":"@qian","reason":"急性阑尾炎","items":[{"case_id":"@first","version":7,"person_id":"@he","start_ms":"+24h","end_ms":"+25h"},{"case_id":"@second","version":7,"start_ms":"+50h","end_ms":"+51h"},{"case_id":"@case","version":7}]}
  {"items":[{"case_id":"................","number":"HZ20261123-0001","state":"ASSIGNED"},{"case_id":"................","number":"HZ20261123-0002","state":"SCHEDULED"},{"case_id":"................","number":"HZ20261123-0003","state":"EXPERT_DECLINED"}]}
  11-23 09:00 told qian: case.substituted
  11-23 09:00 told zhang: case.substituted
  11-23 09:00 told chen: case.substituted
  11-23 09:00 told he: case.substituted accept
  11-23 09:00 told zhang: case.rescheduled
  11-23 09:00 told li: case.rescheduled
  11-23 09:00 told chen: case.rescheduled
  11-23 09:00 told qian: case.rescheduled
  11-23 09:00 told qian: case.substituted
  11-23 09:00 told zhang: case.expert_lost
  11-23 09:00 told li: case.expert_lost
  11-23 09:00 told chen: case.expert_lost assign
> zhang see state
  "EXPERT_DECLINED"
> case first
> zhang see state
  "ASSIGNED"
> he accept
  11-23 09:00 SCHEDULED | expert he | hold due 11-26 09:00
  11-23 09:00 told zhang: case.scheduled
  11-23 09:00 told li: case.scheduled
  11-23 09:00 told chen: case.scheduled
  11-23 09:00 told he: case.scheduled
> zhang see booking
  {"end_ms":1795485600000,"meeting_room":null,"slot_id":"................","start_ms":1795482000000}
> case second
> zhang see booking
  {"end_ms":1795579200000,"meeting_room":null,"slot_id":"................","start_ms":1795575600000}
> zhang see timeline
  11-23 09:00 create DRAFT -> DRAFT by applicant zhang
  11-23 09:00 submit DRAFT -> SUBMITTED by applicant zhang
  11-23 09:00 approve_home SUBMITTED -> APPROVED_HOME by home_office li
  11-23 09:00 triage APPROVED_HOME -> TRIAGED by dispatcher chen
  11-23 09:00 assign TRIAGED -> ASSIGNED by dispatcher chen
  11-23 09:00 accept ASSIGNED -> ACCEPTED by expert qian
  11-23 09:00 schedule ACCEPTED -> SCHEDULED by applicant zhang
  11-23 09:00 reschedule SCHEDULED -> SCHEDULED by dispatcher chen: 急性阑尾炎
> zhang new offline clinical routine {"target_org_id":"@county","new_patient":true}
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
  11-23 09:00 ACCEPTED | expert qian | opinion due 11-25 09:00
  11-23 09:00 told zhang: case.accepted
  11-23 09:00 told chen: case.accepted
> qian begin_review
  11-23 09:00 IN_REVIEW | expert qian | opinion due 11-25 09:00
  11-23 09:00 told zhang: case.in_review
> qian save_opinion {"body":{"findings":"写到一半"}}
  11-23 09:00 OPINION_DRAFT | expert qian | opinion due 11-25 09:00
> chen release_expert {"reason":"停诊"}
  11-23 09:00 EXPERT_DECLINED | dispatcher 云岭县人民医院 | assign due 11-23 15:00
  11-23 09:00 told qian: case.substituted
  11-23 09:00 told zhang: case.expert_lost
  11-23 09:00 told li: case.expert_lost
  11-23 09:00 told chen: case.expert_lost assign
> qian see state
  ! denied emergency_only
> clocks
  assign due 11-23 15:00 level 0
  opinion due 11-25 09:00 level 0
  opinion_hard due 11-30 09:00 level 0
> chen allowed
  redirect decline assign cancel
> chen assign {"expert_id":"@he"}
  11-23 09:00 ASSIGNED | expert he | accept due 11-23 15:00
  11-23 09:00 told he: case.assigned accept
> he accept
  11-23 09:00 ACCEPTED | expert he | opinion due 11-25 09:00
  11-23 09:00 told zhang: case.accepted
  11-23 09:00 told chen: case.accepted
> clocks
  opinion due 11-25 09:00 level 0
  opinion_hard due 11-30 09:00 level 0
