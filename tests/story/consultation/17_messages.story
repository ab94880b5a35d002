# 病例内消息:已读、撤回、只限本案人员
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> zhang op message.send {"case_id":"@case","text":""}
  ! invalid  [text required]
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
> zhang op message.send {"case_id":"@case","text":"CT 已上传"}
  {"by":{"id":"0000000000000065","name":"zhang"},"document":null,"id":"................","org":{"id":"000000000000000a","name":"青石镇卫生院"},"read_by":[],"recalled":false,"t_ms":1795395600000,"text":"CT 已上传"}
  11-23 09:00 told qian: case.message
> zhang op message.send {"case_id":"@case","text":"x","to":["@sun"]}
  ! invalid  [to not_on_the_case:1]
> qian see unread_messages
  1
> qian op message.list {"case_id":"@case"}
  {"items":[{"by":{"id":"0000000000000065","name":"zhang"},"document":null,"id":"................","org":{"id":"000000000000000a","name":"青石镇卫生院"},"read_by":[],"recalled":false,"t_ms":1795395600000,"text":"CT 已上传"}],"next":null}
> qian op message.send {"case_id":"@case","text":"收到","buzz":true,"to":["@zhang"]}
  {"by":{"id":"00000000000000cc","name":"qian"},"document":null,"id":"................","org":{"id":"0000000000000014","name":"云岭县人民医院"},"read_by":[],"recalled":false,"t_ms":1795395600000,"text":"收到"}
  11-23 09:00 told zhang: case.buzz !
