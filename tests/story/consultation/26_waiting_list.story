# 候补:没有号源的会诊排队;空出的号源按紧急程度和先后依次提供,限时应答,逾期或放弃让给下一位
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
> zhang wait {}
  11-23 09:00 ACCEPTED | expert qian | hold due 11-26 09:00
> zhang see waiting
  {"may":true,"offer":null,"place":1,"since_ms":1795395600000,"waits":true}
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
> zhang wait {}
  11-23 09:00 ACCEPTED | expert qian | hold due 11-26 09:00
> zhang new interactive clinical urgent {"target_org_id":"@county","new_patient":true}
  11-23 09:00 DRAFT | applicant zhang
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 10:00
  11-23 09:00 told li: case.submitted approve_home !
> li approve_home
  11-23 09:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-23 11:00
  11-23 09:00 told chen: case.approved_home triage !
> chen triage {"dept_id":"@neuro"}
  11-23 09:00 TRIAGED | dispatcher 云岭县人民医院 | assign due 11-23 09:30
  11-23 09:00 told he: case.triaged !
> chen assign {"expert_id":"@qian"}
  11-23 09:00 ASSIGNED | expert qian | accept due 11-23 09:30
  11-23 09:00 told qian: case.assigned accept !
> qian accept
  11-23 09:00 ACCEPTED | expert qian | hold due 11-24 09:00
  11-23 09:00 told zhang: case.accepted !
  11-23 09:00 told chen: case.accepted !
> chen wait {}
  11-23 09:00 ACCEPTED | expert qian | hold due 11-24 09:00
> zhang see waiting
  {"may":true,"offer":null,"place":1,"since_ms":1795395600000,"waits":true}
> case first
> zhang see waiting
  {"may":true,"offer":null,"place":2,"since_ms":1795395600000,"waits":true}
> qian op slot.publish {"person_id":"@qian","start_ms":"+5h","end_ms":"+6h"}
  {"items":[{"end_ms":1795417200000,"person_id":"00000000000000cc","slot_id":"................","start_ms":1795413600000,"state":"published"}]}
  11-23 09:00 told chen: slot.offered schedule !
> case last
> chen see waiting
  {"may":true,"offer":{"end_ms":1795417200000,"mine":true,"slot_id":"................","start_ms":1795413600000,"until_ms":1795397400000},"place":1,"since_ms":1795395600000,"waits":true}
> zhang schedule {"slot_id":"@slot"}
  ! conflict slot_taken
> chen unwait {"pass":true}
  11-23 09:00 ACCEPTED | expert qian | hold due 11-24 09:00
  11-23 09:00 told zhang: slot.offered schedule
> case first
> zhang see waiting
  {"may":true,"offer":{"end_ms":1795417200000,"mine":true,"slot_id":"................","start_ms":1795413600000,"until_ms":1795397400000},"place":2,"since_ms":1795395600000,"waits":true}
> wait 31min
  11-23 09:30 told zhang: slot.offer_over
  11-23 09:30 told zhang: slot.offered schedule
  11-23 09:31 ACCEPTED
> zhang see waiting
  {"may":true,"offer":null,"place":3,"since_ms":1795397400000,"waits":true}
> case second
> zhang see waiting
  {"may":true,"offer":{"end_ms":1795417200000,"mine":true,"slot_id":"................","start_ms":1795413600000,"until_ms":1795399200000},"place":2,"since_ms":1795395600000,"waits":true}
> zhang schedule {"slot_id":"@slot"}
  11-23 09:31 SCHEDULED | expert qian | hold due 11-26 09:00
  11-23 09:31 told zhang: case.scheduled
  11-23 09:31 told li: case.scheduled
  11-23 09:31 told chen: case.scheduled
  11-23 09:31 told qian: case.scheduled
> zhang see waiting
  null
> case first
> zhang see waiting
  {"may":true,"offer":null,"place":2,"since_ms":1795397400000,"waits":true}
> case second
> zhang cancel {"code":"condition_changed","reason":"好转"}
  11-23 09:31 CANCELLED
  11-23 09:31 told zhang: case.cancelled
  11-23 09:31 told li: case.cancelled
  11-23 09:31 told chen: case.cancelled
  11-23 09:31 told qian: case.cancelled
> case last
> chen see waiting
  {"may":true,"offer":null,"place":1,"since_ms":1795395600000,"waits":true}
> case first
> zhang see waiting
  {"may":true,"offer":null,"place":2,"since_ms":1795397400000,"waits":true}
> zhang unwait {}
  11-23 09:31 ACCEPTED | expert qian | hold due 11-26 09:00
> zhang see waiting
  {"may":true,"waits":false}
> zhang unwait {}
  ! not_allowed_now not_waiting
> zhang op case.wait {"case_id":"@second"}
  ! not_allowed_now not_for_this_case
> case last
> chen schedule {"slot_id":"@slot"}
  11-23 09:31 SCHEDULED | expert qian | hold due 11-24 09:00
  11-23 09:31 told zhang: case.scheduled !
  11-23 09:31 told li: case.scheduled !
  11-23 09:31 told chen: case.scheduled !
  11-23 09:31 told qian: case.scheduled !
> chen see waiting
  null
> zhang new interactive clinical routine {"target_org_id":"@county","new_patient":true}
  11-23 09:31 DRAFT | applicant zhang
> zhang submit
  11-23 09:31 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:31
  11-23 09:31 told li: case.submitted approve_home
> li approve_home
  11-23 09:31 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-24 09:31
  11-23 09:31 told chen: case.approved_home triage
> chen triage {"dept_id":"@neuro"}
  11-23 09:31 TRIAGED | dispatcher 云岭县人民医院 | assign due 11-23 15:31
  11-23 09:31 told he: case.triaged
> chen assign {"expert_id":"@qian"}
  11-23 09:31 ASSIGNED | expert qian | accept due 11-23 15:31
  11-23 09:31 told qian: case.assigned accept
> qian accept
  11-23 09:31 ACCEPTED | expert qian | hold due 11-26 09:31
  11-23 09:31 told zhang: case.accepted
  11-23 09:31 told chen: case.accepted
> zhang wait {}
  11-23 09:31 ACCEPTED | expert qian | hold due 11-26 09:31
> qian op slot.publish {"person_id":"@qian","start_ms":"+27h","end_ms":"+28h"}
  {"items":[{"end_ms":1795498260000,"person_id":"00000000000000cc","slot_id":"................","start_ms":1795494660000,"state":"published"}]}
  11-23 09:31 told zhang: slot.offered schedule
> zhang see waiting
  {"may":true,"offer":{"end_ms":1795498260000,"mine":true,"slot_id":"................","start_ms":1795494660000,"until_ms":1795399260000},"place":1,"since_ms":1795397460000,"waits":true}
> zhang op slot.hold {"slot_id":"@slot"}
  {"held_until_ms":1795397580000,"slot_id":"................"}
> zhang op slot.release {"slot_id":"@slot"}
  null
> qian op slot.withdraw {"slot_id":"@slot"}
  null
> zhang see waiting
  {"may":true,"offer":null,"place":1,"since_ms":1795397460000,"waits":true}
> qian op slot.publish {"person_id":"@qian","start_ms":"+29h","end_ms":"+30h"}
  {"items":[{"end_ms":1795505460000,"person_id":"00000000000000cc","slot_id":"................","start_ms":1795501860000,"state":"published"}]}
  11-23 09:31 told zhang: slot.offered schedule
> zhang see waiting
  {"may":true,"offer":{"end_ms":1795505460000,"mine":true,"slot_id":"................","start_ms":1795501860000,"until_ms":1795399260000},"place":1,"since_ms":1795397460000,"waits":true}
> chen substitute {"person_id":"@he","reason":"停诊"}
  11-23 09:31 ASSIGNED | expert he | accept due 11-23 15:31
  11-23 09:31 told qian: case.substituted
  11-23 09:31 told zhang: case.substituted
  11-23 09:31 told chen: case.substituted
  11-23 09:31 told he: case.substituted accept
> zhang see waiting
  null
