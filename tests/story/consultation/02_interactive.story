# 交互会诊:预约、提醒、候诊室、开始、结束、24 小时内签发
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
> clocks
  hold due 11-26 09:00 level 0
> qian op slot.publish {"person_id":"@qian","start_ms":"+30h","end_ms":"+31h"}
  {"items":[{"end_ms":1795507200000,"person_id":"00000000000000cc","slot_id":"................","start_ms":1795503600000,"state":"published"}]}
> qian op slot.publish {"person_id":"@qian","start_ms":"+30h","end_ms":"+31h"}
  ! conflict slot_overlap
> chen schedule {"person_id":"@qian","start_ms":"+50h"}
  11-23 09:00 SCHEDULED | expert qian | hold due 11-26 09:00
  11-23 09:00 told zhang: case.scheduled
  11-23 09:00 told li: case.scheduled
  11-23 09:00 told chen: case.scheduled
  11-23 09:00 told qian: case.scheduled
> clocks
  remind_24h due 11-24 11:00 level 0
  remind_1h due 11-25 10:00 level 0
  room_opens due 11-25 10:45 level 0
  remind_10min due 11-25 10:50 level 0
  late_call due 11-25 11:03 level 0
  noshow due 11-25 11:15 level 0
  hold due 11-26 09:00 level 0
> zhang see team
  [{"org":{"id":"0000000000000014","name":"云岭县人民医院"},"part":"expert","person":{"id":"00000000000000cc","name":"qian"},"signed_ms":null,"state":"accepted","title":"副主任医师"}]
> wait 25h
  11-24 10:00 SCHEDULED
> wait 24h
  11-24 11:00 told zhang: case.reminder
  11-24 11:00 told qian: case.reminder
  11-25 10:00 told zhang: case.reminder
  11-25 10:00 told qian: case.reminder
  11-25 10:00 SCHEDULED
> wait 45min
  11-25 10:45 told zhang: case.room_open
  11-25 10:45 told li: case.room_open
  11-25 10:45 told chen: case.room_open
  11-25 10:45 told qian: case.room_open start
  11-25 10:45 WAITING
> zhang allowed
  reschedule start continue_offline cancel
> room seen qian
  11-25 10:45 WAITING
> wait 15min
  11-25 10:50 told zhang: case.reminder
  11-25 10:50 told qian: case.reminder
  11-25 11:00 WAITING
> qian start {"identity_confirmed":false,"recording_consent":true}
  ! invalid  [identity_confirmed required]
> qian start
  11-25 11:00 IN_SESSION | expert qian
> clocks
> qian save_opinion {"body":{"findings":"会诊中记录"}}
  11-25 11:00 IN_SESSION | expert qian
> wait 30min
  11-25 11:30 IN_SESSION
> room ended
  11-25 11:30 OPINION_DRAFT
  11-25 11:30 told qian: case.opinion_due sign_opinion
> qian sign_opinion
  11-25 11:30 OPINION_SIGNED | applicant zhang | read due 11-26 11:30
  11-25 11:30 told zhang: case.opinion_signed acknowledge
  11-25 11:30 told li: case.opinion_signed
> zhang acknowledge
  11-25 11:30 ACKNOWLEDGED | applicant zhang | auto_close due 12-02 11:30
  11-25 11:30 told qian: case.acknowledged
> wait 7d
  12-02 11:30 told zhang: case.closed
  12-02 11:30 told li: case.closed
  12-02 11:30 told qian: case.closed
  12-02 11:30 CLOSED
> zhang see timeline
  11-23 09:00 create DRAFT -> DRAFT by applicant zhang
  11-23 09:00 submit DRAFT -> SUBMITTED by applicant zhang
  11-23 09:00 approve_home SUBMITTED -> APPROVED_HOME by home_office li
  11-23 09:00 triage APPROVED_HOME -> TRIAGED by dispatcher chen
  11-23 09:00 assign TRIAGED -> ASSIGNED by dispatcher chen
  11-23 09:00 accept ASSIGNED -> ACCEPTED by expert qian
  11-23 09:00 schedule ACCEPTED -> SCHEDULED by dispatcher chen
  11-25 10:45 open_room SCHEDULED -> WAITING by system -
  11-25 11:00 start WAITING -> IN_SESSION by expert qian: recording_agreed
  11-25 11:30 end_session IN_SESSION -> OPINION_DRAFT by system -
  11-25 11:30 sign_opinion OPINION_DRAFT -> OPINION_SIGNED by expert qian
  11-25 11:30 acknowledge OPINION_SIGNED -> ACKNOWLEDGED by applicant zhang
  12-02 11:30 auto_close ACKNOWLEDGED -> CLOSED by system -
