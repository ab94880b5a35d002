# 换专家并带时间:原专家被告知;新专家接受即成预约;谢绝则释放;日历上团队成员各自的车道都占用;合并仅在有重复时提供
> chen op meeting_room.create {"name":"第一会诊室"}
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
> qian accept
  11-23 09:00 ACCEPTED | expert qian | hold due 11-26 09:00
  11-23 09:00 told zhang: case.accepted
  11-23 09:00 told chen: case.accepted
> qian op slot.publish {"person_id":"@qian","start_ms":"+2h","end_ms":"+3h"}
  {"items":[{"end_ms":1795406400000,"person_id":"00000000000000cc","slot_id":"................","start_ms":1795402800000,"state":"published"}]}
> chen schedule {"start_ms":"+2h","end_ms":"+3h"}
  11-23 09:00 SCHEDULED | expert qian | hold due 11-26 09:00
  11-23 09:00 told zhang: case.scheduled
  11-23 09:00 told li: case.scheduled
  11-23 09:00 told chen: case.scheduled
  11-23 09:00 told qian: case.scheduled
> wu op slot.publish {"person_id":"@wu","start_ms":"+4h","end_ms":"+5h"}
  {"items":[{"end_ms":1795413600000,"person_id":"00000000000000cd","slot_id":"................","start_ms":1795410000000,"state":"published"}]}
> chen substitute {"person_id":"@wu","reason":"钱医师临时手术","slot_id":"@slot"}
  11-23 09:00 ASSIGNED | expert wu | accept due 11-23 15:00
  11-23 09:00 told qian: case.substituted
  11-23 09:00 told zhang: case.substituted
  11-23 09:00 told chen: case.substituted
  11-23 09:00 told wu: case.substituted accept
> zhang see booking
  {"end_ms":1795413600000,"meeting_room":null,"slot_id":"................","start_ms":1795410000000}
> zhang see room
  null
> qian op slot.move {"slot_id":"@slot","start_ms":"+4h"}
  ! denied other_institution
> wu accept
  11-23 09:00 SCHEDULED | expert wu | hold due 11-26 09:00
  11-23 09:00 told zhang: case.scheduled
  11-23 09:00 told li: case.scheduled
  11-23 09:00 told chen: case.scheduled
  11-23 09:00 told wu: case.scheduled
> zhang allowed
  reschedule open_room continue_offline cancel
> zhang see booking
  {"end_ms":1795413600000,"meeting_room":null,"slot_id":"................","start_ms":1795410000000}
> chen substitute {"person_id":"@he","reason":"吴医师请假","start_ms":"+5h","end_ms":"+6h"}
  11-23 09:00 ASSIGNED | expert he | accept due 11-23 15:00
  11-23 09:00 told wu: case.substituted
  11-23 09:00 told zhang: case.substituted
  11-23 09:00 told chen: case.substituted
  11-23 09:00 told he: case.substituted accept
> he expert_decline {"code":"busy","reason":"门诊"}
  11-23 09:00 EXPERT_DECLINED | dispatcher 云岭县人民医院 | assign due 11-23 15:00
  11-23 09:00 told zhang: case.expert_declined
  11-23 09:00 told chen: case.expert_declined assign
> zhang see booking
  null
> he op calendar.get {"org_id":"@county","dept_id":"@neuro"}
  {"buffer_ms":600000,"experts":[{"dept":{"id":"0000000000000015","name":"神经内科"},"mine":true,"org":{"id":"0000000000000014","name":"云岭县人民医院"},"person":{"id":"00000000000000cb","name":"he"},"title":"主任医师"},{"dept":{"id":"0000000000000015","name":"神经内科"},"mine":true,"org":{"id":"0000000000000014","name":"云岭县人民医院"},"person":{"id":"00000000000000cc","name":"qian"},"title":"副主任医师"},{"dept":{"id":"0000000000000015","name":"神经内科"},"mine":true,"org":{"id":"0000000000000014","name":"云岭县人民医院"},"person":{"id":"00000000000000cd","name":"wu"},"title":"主治医师"}],"items":[{"end_ms":1795406400000,"meeting_room_id":null,"person_id":"00000000000000cc","slot_id":"................","start_ms":1795402800000,"state":"published"},{"end_ms":1795413600000,"meeting_room_id":null,"person_id":"00000000000000cd","slot_id":"................","start_ms":1795410000000,"state":"published"}],"leave":[],"meeting_rooms":[{"active":true,"equipment":"","id":"................","mine":true,"name":"第一会诊室","org":{"id":"0000000000000014","name":"云岭县人民医院"}}],"truncated":false}
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:00
  11-23 09:00 told li: case.submitted approve_home
> li allowed
  return approve_home cancel merge
