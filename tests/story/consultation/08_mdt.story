# 多学科:主席、秘书、成员分别签名,主席最后
> zhang new interactive mdt routine {"target_org_id":"@county"}
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
  ! invalid  [team required]
> chen assign {"team":[{"person_id":"@he","part":"chair"},{"person_id":"@qian","part":"member"}]}
  ! invalid  [team two_departments]
> chen assign {"team":[{"person_id":"@he","part":"chair"},{"person_id":"@zhou","part":"chair"},{"person_id":"@chen","part":"secretary"}]}
  ! invalid  [team one_chair]
> chen assign {"team":[{"person_id":"@he","part":"chair"},{"person_id":"@zhou","part":"member"},{"person_id":"@zhang","part":"secretary"}]}
  ! invalid  [team[2].person_id other_institution]
> chen assign {"team":[{"person_id":"@he","part":"chair"},{"person_id":"@zhou","part":"member"},{"person_id":"@qian","part":"member"},{"person_id":"@chen","part":"secretary"}]}
  11-23 09:00 ASSIGNED | expert he | accept due 11-23 15:00
  11-23 09:00 told he: case.assigned accept
  11-23 09:00 told zhou: case.assigned accept
  11-23 09:00 told qian: case.assigned accept
  11-23 09:00 told chen: case.assigned
> he accept
  11-23 09:00 ASSIGNED | expert zhou | accept due 11-23 15:00
  11-23 09:00 told chen: case.accepted
> zhou accept
  11-23 09:00 ASSIGNED | expert qian | accept due 11-23 15:00
  11-23 09:00 told chen: case.accepted
> zhou accept
  ! not_allowed_now not_for_this_case
> qian accept
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
  11-23 09:00 told qian: case.scheduled
  11-23 09:00 told chen: case.scheduled
> wait 2h
  11-23 10:00 told zhang: case.reminder
  11-23 10:00 told he: case.reminder
  11-23 10:00 told zhou: case.reminder
  11-23 10:00 told qian: case.reminder
  11-23 10:00 told chen: case.reminder
  11-23 10:45 told zhang: case.room_open
  11-23 10:45 told li: case.room_open
  11-23 10:45 told chen: case.room_open
  11-23 10:45 told he: case.room_open start
  11-23 10:45 told zhou: case.room_open start
  11-23 10:45 told qian: case.room_open start
  11-23 10:45 told chen: case.room_open
  11-23 10:50 told zhang: case.reminder
  11-23 10:50 told he: case.reminder
  11-23 10:50 told zhou: case.reminder
  11-23 10:50 told qian: case.reminder
  11-23 10:50 told chen: case.reminder
  11-23 11:00 WAITING
> room seen he
  11-23 11:00 WAITING
> he start
  11-23 11:00 IN_SESSION | expert he
> he end_session
  11-23 11:00 OPINION_DRAFT | expert zhou | report due 11-24 11:00
  11-23 11:00 told he: case.opinion_due sign_opinion
  11-23 11:00 told zhou: case.opinion_due sign_opinion
  11-23 11:00 told qian: case.opinion_due sign_opinion
  11-23 11:00 told chen: case.opinion_due
> he sign_opinion
  ! not_allowed_now not_for_this_case
> he allowed
  substitute save_opinion write_minutes verbal_note
> zhou write_minutes {"minutes":"成员不写记录"}
  ! not_allowed_now not_for_this_case
> chen write_minutes {"minutes":"何主任:倾向动脉硬化性。周医师:应排除心源性栓塞。","absentees":"影像科","dissent":"周医师保留意见"}
  11-23 11:00 OPINION_DRAFT | expert zhou | report due 11-24 11:00
> zhang see minutes
  null
> qian see minutes
  {"absentees":"影像科","by":{"id":"00000000000000c9","name":"chen"},"dissent":"周医师保留意见","minutes":"何主任:倾向动脉硬化性。周医师:应排除心源性栓塞。","saved_ms":1795402800000,"signed":false}
> he write_minutes {"minutes":"另起一份"}
  ! conflict stale_version
> zhou sign_opinion {"body":{"findings":"心源性栓塞可能,建议动态心电图"}}
  11-23 11:00 OPINION_DRAFT | expert qian | report due 11-24 11:00
  11-23 11:00 told he: case.member_signed
  11-23 11:00 told zhou: case.member_signed
  11-23 11:00 told qian: case.member_signed
  11-23 11:00 told chen: case.member_signed
> zhou allowed
  substitute verbal_note
> zhang see opinion
  null
> zhou see opinion
  {"body":{},"members":[{"body":{"findings":"心源性栓塞可能,建议动态心电图"},"person":{"id":"00000000000000ce","name":"zhou"},"picture_id":null,"signed_ms":1795402800000}],"signed_ms":null,"state":"draft","version":0}
> he sign_opinion
  ! not_allowed_now not_for_this_case
> qian sign_opinion {"body":{"findings":"同意主席意见"}}
  11-23 11:00 OPINION_DRAFT | expert he | report due 11-24 11:00
  11-23 11:00 told he: case.member_signed
  11-23 11:00 told zhou: case.member_signed
  11-23 11:00 told qian: case.member_signed
  11-23 11:00 told chen: case.member_signed
> chen write_minutes {"minutes":"","base_ms":1795402800000}
  11-23 11:00 OPINION_DRAFT | expert he | report due 11-24 11:00
> he sign_opinion
  ! invalid incomplete [body.mdt.minutes required]
> he write_minutes {"minutes":"何主任:倾向动脉硬化性。周医师:应排除心源性栓塞。结论:双抗,动态心电图。","absentees":"影像科","base_ms":1795402800000}
  11-23 11:00 OPINION_DRAFT | expert he | report due 11-24 11:00
> he sign_opinion
  11-23 11:00 OPINION_SIGNED | applicant zhang | read due 11-24 11:00
  11-23 11:00 told zhang: case.opinion_signed acknowledge
  11-23 11:00 told li: case.opinion_signed
> zhang see team
  [{"org":{"id":"0000000000000014","name":"云岭县人民医院"},"part":"chair","person":{"id":"00000000000000cb","name":"he"},"signed_ms":1795402800000,"state":"signed","title":"主任医师"},{"org":{"id":"0000000000000014","name":"云岭县人民医院"},"part":"member","person":{"id":"00000000000000ce","name":"zhou"},"signed_ms":1795402800000,"state":"signed","title":"副主任医师"},{"org":{"id":"0000000000000014","name":"云岭县人民医院"},"part":"member","person":{"id":"00000000000000cc","name":"qian"},"signed_ms":1795402800000,"state":"signed","title":"副主任医师"},{"org":{"id":"0000000000000014","name":"云岭县人民医院"},"part":"secretary","person":{"id":"00000000000000c9","name":"chen"},"signed_ms":null,"state":"asked","title":""}]
> zhang see minutes
  {"absentees":"影像科","by":null,"dissent":"","minutes":"何主任:倾向动脉硬化性。周医师:应排除心源性栓塞。结论:双抗,动态心电图。","saved_ms":1795402800000,"signed":true}
> chen write_minutes {"minutes":"签后再改","base_ms":0}
  ! not_allowed_now wrong_state
> zhang op case.print {"case_id":"@case","what":"minutes"}
  {"copy":1,"mark":"","number":"HZ20261123-0001","printed_by":{"id":"0000000000000065","name":"zhang"},"printed_ms":1795402800000}
