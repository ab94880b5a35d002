# 号源占用两分钟:别人约不到,过时自动释放;按号源预约,取消后号源还回;已约号源不可移动
> qian op slot.publish {"person_id":"@qian","start_ms":"+25h","end_ms":"+26h"}
  {"items":[{"end_ms":1795489200000,"person_id":"00000000000000cc","slot_id":"................","start_ms":1795485600000,"state":"published"}]}
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
> chen op slot.hold {"slot_id":"@slot"}
  {"held_until_ms":1795395720000,"slot_id":"................"}
> sun op slot.hold {"slot_id":"@slot"}
  ! conflict slot_taken
> zhang schedule {"slot_id":"@slot"}
  ! conflict slot_taken
> wait 3min
  11-23 09:03 ACCEPTED
> zhang schedule {"slot_id":"@slot"}
  11-23 09:03 SCHEDULED | expert qian | hold due 11-26 09:00
  11-23 09:03 told zhang: case.scheduled
  11-23 09:03 told li: case.scheduled
  11-23 09:03 told chen: case.scheduled
  11-23 09:03 told qian: case.scheduled
> qian op slot.move {"slot_id":"@slot","start_ms":"+30h"}
  ! conflict slot_taken
> qian op slot.withdraw {"slot_id":"@slot"}
  ! conflict slot_taken
> zhang cancel {"code":"condition_changed","reason":"好转"}
  11-23 09:03 CANCELLED
  11-23 09:03 told zhang: case.cancelled
  11-23 09:03 told li: case.cancelled
  11-23 09:03 told chen: case.cancelled
  11-23 09:03 told qian: case.cancelled
> qian op slot.move {"slot_id":"@slot","start_ms":"+30h"}
  {"end_ms":1795507380000,"person_id":"00000000000000cc","slot_id":"................","start_ms":1795503780000,"state":"published"}
> qian op slot.withdraw {"slot_id":"@slot"}
  null
> qian op slot.move {"slot_id":"@slot","start_ms":"+31h"}
  ! conflict slot_taken
