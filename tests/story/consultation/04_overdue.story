# 每一个时钟都到期:逐级提醒 L1 本人 -> L2 科室/值班 -> L3 医政 -> L4 医联体;工作时间外不计时
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:00
  11-23 09:00 told li: case.submitted approve_home
> wait 3d
  11-23 15:00 told li: case.overdue approve_home
  11-24 09:30 told li: case.escalated approve_home
  11-24 15:00 told li: case.escalated approve_home
  11-25 15:00 told admin: case.escalated approve_home
  11-26 09:00 SUBMITTED
> li approve_home
  11-26 09:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-27 09:00
  11-26 09:00 told chen: case.approved_home triage
> wait 4d
  11-27 09:00 told chen: case.overdue triage
  11-27 15:00 told he: case.escalated triage
  11-30 09:00 told zhao: case.escalated triage
  11-30 09:00 APPROVED_HOME
> chen triage {"dept_id":"@neuro"}
  11-30 09:00 TRIAGED | dispatcher 云岭县人民医院 | assign due 11-30 15:00
  11-30 09:00 told he: case.triaged
> wait 1d
  11-30 15:00 told chen: case.overdue assign
  12-01 09:00 TRIAGED
> chen assign {"expert_id":"@qian"}
  12-01 09:00 ASSIGNED | expert qian | accept due 12-01 15:00
  12-01 09:00 told qian: case.assigned accept
> wait 1d
  12-01 15:00 told chen: case.assigned
  12-01 15:00 told he: case.assigned accept
  12-02 09:00 ASSIGNED
> wait 5d
  12-02 09:30 told chen: case.assigned
  12-02 09:30 told wu: case.assigned accept
  12-02 15:30 told zhang: case.expert_declined
  12-02 15:30 told chen: case.expert_declined assign
  12-03 10:00 told chen: case.overdue assign
  12-03 16:00 told he: case.escalated assign
  12-04 10:00 told zhao: case.escalated assign
  12-07 09:00 EXPERT_DECLINED
> clocks
  assign due 12-03 10:00 level 3
