# 专家失联:无人应答自动转下一位;预约后换人;到点未到
> zhang new interactive clinical urgent {"target_org_id":"@county"}
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
> wait 31min
  11-23 09:30 told chen: case.assigned !
  11-23 09:30 told he: case.assigned accept !
  11-23 09:31 ASSIGNED
> qian see state
  ! denied emergency_only
> he accept
  11-23 09:31 ACCEPTED | expert he | hold due 11-24 09:31
  11-23 09:31 told zhang: case.accepted !
  11-23 09:31 told chen: case.accepted !
> he schedule {"start_ms":"+2h","end_ms":"+3h"}
  11-23 09:31 SCHEDULED | expert he | hold due 11-24 09:31
  11-23 09:31 told zhang: case.scheduled !
  11-23 09:31 told li: case.scheduled !
  11-23 09:31 told chen: case.scheduled !
  11-23 09:31 told he: case.scheduled !
> he substitute {"person_id":"@zhou","reason":"急诊手术"}
  11-23 09:31 ASSIGNED | expert zhou | accept due 11-23 10:01
  11-23 09:31 told zhang: case.substituted !
  11-23 09:31 told chen: case.substituted !
  11-23 09:31 told zhou: case.substituted accept !
> zhou accept
  11-23 09:31 ACCEPTED | expert zhou | hold due 11-24 09:31
  11-23 09:31 told zhang: case.accepted !
  11-23 09:31 told chen: case.accepted !
> zhou schedule {"start_ms":"+2h","end_ms":"+3h"}
  11-23 09:31 SCHEDULED | expert zhou | hold due 11-24 09:31
  11-23 09:31 told zhang: case.scheduled !
  11-23 09:31 told li: case.scheduled !
  11-23 09:31 told chen: case.scheduled !
  11-23 09:31 told zhou: case.scheduled !
> wait 1h
  11-23 10:31 told zhang: case.reminder !
  11-23 10:31 told zhou: case.reminder !
  11-23 10:31 SCHEDULED
> wait 1h
  11-23 11:16 told zhang: case.room_open !
  11-23 11:16 told li: case.room_open !
  11-23 11:16 told chen: case.room_open !
  11-23 11:16 told zhou: case.room_open start !
  11-23 11:21 told zhang: case.reminder !
  11-23 11:21 told zhou: case.reminder !
  11-23 11:31 WAITING
> wait 20min
  11-23 11:34 told zhou: case.late !
  11-23 11:46 told zhang: case.noshow !
  11-23 11:46 told chen: case.noshow schedule !
  11-23 11:46 told zhao: case.noshow !
  11-23 11:46 told he: case.noshow !
  11-23 11:51 EXPERT_NOSHOW
> zhang allowed
  reschedule continue_offline cancel
> chen reschedule {"start_ms":"+1h","end_ms":"+2h","reason":"专家未到"}
  11-23 11:51 SCHEDULED | expert zhou | hold due 11-24 09:31
  11-23 11:51 told zhang: case.rescheduled !
  11-23 11:51 told li: case.rescheduled !
  11-23 11:51 told chen: case.rescheduled !
  11-23 11:51 told zhou: case.rescheduled !
> wait 45min
  11-23 12:36 told zhang: case.room_open !
  11-23 12:36 told li: case.room_open !
  11-23 12:36 told chen: case.room_open !
  11-23 12:36 told zhou: case.room_open start !
  11-23 12:36 WAITING
> room seen zhou
  11-23 12:36 WAITING
> wait 30min
  11-23 12:41 told zhang: case.reminder !
  11-23 12:41 told zhou: case.reminder !
  11-23 13:06 WAITING
> zhou start
  11-23 13:06 IN_SESSION | expert zhou
> room ended
  11-23 13:06 OPINION_DRAFT
  11-23 13:06 told zhou: case.opinion_due sign_opinion !
> wait 1h
  11-23 14:06 OPINION_DRAFT
> zhou substitute {"person_id":"@wu","reason":"下班交班"}
  11-23 14:06 ASSIGNED | expert wu | accept due 11-23 14:36
  11-23 14:06 told zhang: case.substituted !
  11-23 14:06 told chen: case.substituted !
  11-23 14:06 told wu: case.substituted accept !
> wu accept
  11-23 14:06 ACCEPTED | expert wu | report due 11-24 13:06
  11-23 14:06 told zhang: case.accepted !
  11-23 14:06 told chen: case.accepted !
> wu begin_review
  11-23 14:06 IN_REVIEW | expert wu | report due 11-24 13:06
  11-23 14:06 told zhang: case.in_review !
> wu sign_opinion
  11-23 14:06 OPINION_SIGNED | applicant zhang | read due 11-24 14:06
  11-23 14:06 told zhang: case.opinion_signed acknowledge !
  11-23 14:06 told li: case.opinion_signed !
