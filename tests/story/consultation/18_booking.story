# 预约细节:号源发布、移动、撤回、按号源预约、会诊室占用、改期释放、讨论会所有医师一起占用
> qian op slot.publish {"person_id":"@qian","start_ms":"+25h","end_ms":"+26h","repeat_weeks":1}
  {"items":[{"end_ms":1795489200000,"person_id":"00000000000000cc","slot_id":"................","start_ms":1795485600000,"state":"published"},{"end_ms":1796094000000,"person_id":"00000000000000cc","slot_id":"................","start_ms":1796090400000,"state":"published"}]}
> wu op slot.publish {"person_id":"@qian","start_ms":"+2h","end_ms":"+3h"}
  ! denied other_institution
> chen op slot.publish {"person_id":"@qian","start_ms":"+2h","end_ms":"+1h"}
  ! invalid  [end_ms not_after_start]
> zhang op slot.publish {"person_id":"@zhang","start_ms":"+2h","end_ms":"+3h"}
  ! invalid  [person_id not_an_expert]
> chen op meeting_room.create {"name":"第一会诊室","equipment":"双屏"}
  {"id":"................","name":"第一会诊室"}
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
> zhang schedule {"start_ms":"+2h"}
  ! not_allowed_now wrong_state
> qian accept
  11-23 09:00 ACCEPTED | expert qian | hold due 11-26 09:00
  11-23 09:00 told zhang: case.accepted
  11-23 09:00 told chen: case.accepted
> zhang schedule {}
  ! invalid  [start_ms required]
> zhang schedule {"start_ms":"+2h","end_ms":"+90min"}
  ! invalid  [end_ms not_after_start]
> zhang schedule {"person_id":"@wu","start_ms":"+2h"}
  ! invalid  [person_id not_on_the_team]
> zhang schedule {"start_ms":"+2h","meeting_room_id":"@county"}
  ! invalid  [meeting_room_id not_found]
> zhang schedule {"start_ms":"+2h"}
  11-23 09:00 SCHEDULED | expert qian | hold due 11-26 09:00
  11-23 09:00 told zhang: case.scheduled
  11-23 09:00 told li: case.scheduled
  11-23 09:00 told chen: case.scheduled
  11-23 09:00 told qian: case.scheduled
> zhang see booking
  {"end_ms":1795404600000,"meeting_room":null,"slot_id":"................","start_ms":1795402800000}
> zhang see room
  {"id":null,"open":false,"opens_ms":1795401900000}
> sun op calendar.get {"org_id":"@county"}
  {"buffer_ms":600000,"experts":[{"dept":{"id":"0000000000000015","name":"神经内科"},"mine":false,"org":{"id":"0000000000000014","name":"云岭县人民医院"},"person":{"id":"00000000000000cb","name":"he"},"title":"主任医师"},{"dept":{"id":"0000000000000015","name":"神经内科"},"mine":false,"org":{"id":"0000000000000014","name":"云岭县人民医院"},"person":{"id":"00000000000000cc","name":"qian"},"title":"副主任医师"},{"dept":{"id":"0000000000000015","name":"神经内科"},"mine":false,"org":{"id":"0000000000000014","name":"云岭县人民医院"},"person":{"id":"00000000000000cd","name":"wu"},"title":"主治医师"},{"dept":{"id":"0000000000000016","name":"心血管内科"},"mine":false,"org":{"id":"0000000000000014","name":"云岭县人民医院"},"person":{"id":"00000000000000ce","name":"zhou"},"title":"副主任医师"},{"dept":{"id":"0000000000000016","name":"心血管内科"},"mine":false,"org":{"id":"0000000000000014","name":"云岭县人民医院"},"person":{"id":"00000000000000cf","name":"xu"},"title":"住院医师"},{"dept":{"id":"0000000000000016","name":"心血管内科"},"mine":false,"org":{"id":"0000000000000014","name":"云岭县人民医院"},"person":{"id":"00000000000000d0","name":"lin"},"title":"主治医师"},{"dept":{"id":"0000000000000016","name":"心血管内科"},"mine":false,"org":{"id":"0000000000000014","name":"云岭县人民医院"},"person":{"id":"00000000000000d1","name":"old"},"title":"主任医师"}],"items":[{"end_ms":1795404600000,"meeting_room_id":null,"person_id":"00000000000000cc","slot_id":"................","start_ms":1795402800000,"state":"booked"},{"end_ms":1795489200000,"meeting_room_id":null,"person_id":"00000000000000cc","slot_id":"................","start_ms":1795485600000,"state":"published"}],"leave":[],"meeting_rooms":[{"active":true,"equipment":"双屏","id":"................","mine":false,"name":"第一会诊室","org":{"id":"0000000000000014","name":"云岭县人民医院"}}],"truncated":false}
> zhang cancel {"code":"condition_changed","reason":"好转"}
  11-23 09:00 CANCELLED
  11-23 09:00 told zhang: case.cancelled
  11-23 09:00 told li: case.cancelled
  11-23 09:00 told chen: case.cancelled
  11-23 09:00 told qian: case.cancelled
> zhang new interactive mdt routine {"target_org_id":"@county","new_patient":true}
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
> chen assign {"team":[{"person_id":"@he","part":"chair"},{"person_id":"@zhou","part":"member"}]}
  11-23 09:00 ASSIGNED | expert he | accept due 11-23 15:00
  11-23 09:00 told he: case.assigned accept
  11-23 09:00 told zhou: case.assigned accept
> he accept
  11-23 09:00 ASSIGNED | expert zhou | accept due 11-23 15:00
  11-23 09:00 told chen: case.accepted
> zhou accept
  11-23 09:00 ACCEPTED | expert he | hold due 11-26 09:00
  11-23 09:00 told zhang: case.accepted
  11-23 09:00 told chen: case.accepted
> chen schedule {"start_ms":"+2h","end_ms":"+3h"}
  11-23 09:00 SCHEDULED | expert he | hold due 11-26 09:00
  11-23 09:00 told zhang: case.scheduled
  11-23 09:00 told li: case.scheduled
  11-23 09:00 told chen: case.scheduled
  11-23 09:00 told he: case.scheduled
  11-23 09:00 told zhou: case.scheduled
> zhang new interactive clinical routine {"target_org_id":"@county","new_patient":true}
  11-23 09:00 DRAFT | applicant zhang
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:00
  11-23 09:00 told li: case.submitted approve_home
> li approve_home
  11-23 09:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-24 09:00
  11-23 09:00 told chen: case.approved_home triage
> chen triage {"dept_id":"@cardio"}
  11-23 09:00 TRIAGED | dispatcher 云岭县人民医院 | assign due 11-23 15:00
> chen assign {"expert_id":"@zhou"}
  11-23 09:00 ASSIGNED | expert zhou | accept due 11-23 15:00
  11-23 09:00 told zhou: case.assigned accept
> zhou accept
  11-23 09:00 ACCEPTED | expert zhou | hold due 11-26 09:00
  11-23 09:00 told zhang: case.accepted
  11-23 09:00 told chen: case.accepted
> zhou schedule {"start_ms":"+2h","end_ms":"+3h"}
  ! conflict slot_taken
