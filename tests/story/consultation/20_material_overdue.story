# 补充资料逾期:提醒申请人,向调度提示可取消;已读意见逾期 24 小时直达科室
> zhang new offline clinical urgent {"target_org_id":"@county"}
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
> chen need_material {"items":["CT原片"],"code":"tired"}
  ! invalid  [code not_a_choice]
> chen need_material {"items":["CT原片"],"code":"patient_unreachable"}
  11-23 09:00 NEED_MATERIAL | applicant zhang | material due 11-23 17:00
  11-23 09:00 told zhang: case.need_material supply_material !
> zhang see clock
  {"due_ms":1795424400000,"id":"material","label":{"en":"Material","zh":"补充资料"},"left_ms":0,"level":0,"paused":false,"paused_reason":null,"started_ms":1795395600000}
> wait 9h
  11-23 17:00 told zhang: case.overdue supply_material !
  11-23 17:00 told chen: case.cancel_offered !
  11-23 17:30 told li: case.escalated supply_material !
  11-23 18:00 NEED_MATERIAL
> chen allowed
  cancel
> chen cancel {"code":"material_missing","reason":"资料一直未补"}
  11-23 18:00 CANCELLED
  11-23 18:00 told zhang: case.cancelled !
  11-23 18:00 told li: case.cancelled !
  11-23 18:00 told chen: case.cancelled !
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 18:00 DRAFT | applicant zhang
> zhang submit
  11-23 18:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-24 12:00
  11-23 18:00 told li: case.submitted approve_home
> li approve_home
  11-23 18:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-24 17:30
  11-23 18:00 told chen: case.approved_home triage
> chen triage {"dept_id":"@neuro"}
  11-23 18:00 TRIAGED | dispatcher 云岭县人民医院 | assign due 11-24 12:00
  11-23 18:00 told he: case.triaged
> chen assign {"expert_id":"@qian"}
  11-23 18:00 ASSIGNED | expert qian | accept due 11-24 12:00
  11-23 18:00 told qian: case.assigned accept
> qian accept
  11-23 18:00 ACCEPTED | expert qian | opinion due 11-25 18:00
  11-23 18:00 told zhang: case.accepted
  11-23 18:00 told chen: case.accepted
> qian begin_review
  11-23 18:00 IN_REVIEW | expert qian | opinion due 11-25 18:00
  11-23 18:00 told zhang: case.in_review
> wait 3d
  11-25 18:00 told qian: case.overdue sign_opinion
  11-26 12:00 told he: case.escalated sign_opinion
  11-26 17:30 told zhao: case.escalated sign_opinion
  11-26 18:00 IN_REVIEW
> qian sign_opinion
  11-26 18:00 OPINION_SIGNED | applicant zhang | read due 11-27 18:00
  11-26 18:00 told zhang: case.opinion_signed acknowledge
  11-26 18:00 told li: case.opinion_signed
> wait 25h
  11-27 18:00 told zhang: case.overdue acknowledge
  11-27 18:00 told li: case.escalated acknowledge
  11-27 19:00 OPINION_SIGNED
> zhang acknowledge
  11-27 19:00 ACKNOWLEDGED | applicant zhang | auto_close due 12-04 19:00
  11-27 19:00 told qian: case.acknowledged
