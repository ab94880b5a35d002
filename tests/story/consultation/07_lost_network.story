# 断线:中断、恢复、再断、十分钟后提示转离线,离线完成
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
> zhang schedule {"start_ms":"+1h","end_ms":"+2h"}
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
> room seen qian
  11-23 09:50 WAITING
> zhang start
  11-23 09:50 IN_SESSION | expert qian
> room interrupted
  11-23 09:50 INTERRUPTED
  11-23 09:50 told zhang: case.interrupted
  11-23 09:50 told li: case.interrupted
  11-23 09:50 told chen: case.interrupted
  11-23 09:50 told qian: case.interrupted resume
> room resumed
  11-23 09:50 IN_SESSION
> room interrupted
  11-23 09:50 INTERRUPTED
  11-23 09:50 told zhang: case.interrupted
  11-23 09:50 told li: case.interrupted
  11-23 09:50 told chen: case.interrupted
  11-23 09:50 told qian: case.interrupted resume
> room interrupted
  11-23 09:50 INTERRUPTED
> wait 12min
  11-23 10:00 told qian: case.overdue resume
  11-23 10:00 told zhang: case.offline_offered
  11-23 10:00 told chen: case.offline_offered
  11-23 10:02 INTERRUPTED
> zhang allowed
  resume continue_offline end_session
> zhang continue_offline {"reason":"网络中断"}
  11-23 10:02 OFFLINE_CONTINUE | expert qian | report due 11-24 10:02
  11-23 10:02 told zhang: case.offline_offered
  11-23 10:02 told li: case.offline_offered
  11-23 10:02 told chen: case.offline_offered
  11-23 10:02 told qian: case.offline_offered sign_opinion
> room ended
  11-23 10:02 OFFLINE_CONTINUE
> clocks
  report due 11-24 10:02 level 0
> qian allowed
  substitute save_opinion verbal_note sign_opinion
> qian sign_opinion
  11-23 10:02 OPINION_SIGNED | applicant zhang | read due 11-24 10:02
  11-23 10:02 told zhang: case.opinion_signed acknowledge
  11-23 10:02 told li: case.opinion_signed
