# 意见之后:建议台账、逐条采纳、7 天与 30 天结局、随访任务、补充意见各版本、打印件核验
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> zhang op case.outcome {"case_id":"@case"}
  ! not_allowed_now not_signed
> zhang op case.promise {"case_id":"@case"}
  {"basis":"terms","experts_on_duty":7,"likely_ms":1795580100000,"queue":0}
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
  11-23 09:00 ACCEPTED | expert qian | opinion due 11-25 09:00
  11-23 09:00 told zhang: case.accepted
  11-23 09:00 told chen: case.accepted
> qian begin_review
  11-23 09:00 IN_REVIEW | expert qian | opinion due 11-25 09:00
  11-23 09:00 told zhang: case.in_review
> qian sign_opinion {"body":{"findings":"x","diagnoses":[{"text":"脑梗死","main":true}],"answers":[{"n":1,"text":"a"}],"recommendations":[{"n":1,"type":"drug","text":"双抗"},{"n":1,"type":"exam","text":"超声"}],"transfer":{"advised":false}}}
  ! invalid incomplete [body.answers[1].text required:2] [body.recommendations[1] same_number:1]
> qian sign_opinion
  11-23 09:00 OPINION_SIGNED | applicant zhang | read due 11-24 09:00
  11-23 09:00 told zhang: case.opinion_signed acknowledge
  11-23 09:00 told li: case.opinion_signed
> qian sign_opinion
  ! not_allowed_now wrong_state
> zhang acknowledge {"items":[{"n":1,"decision":"adopted"},{"n":9,"decision":"adopted"}],"handling":"ok"}
  ! invalid  [items[1].n no_such_recommendation] [items required:2]
> zhang acknowledge
  11-23 09:00 ACKNOWLEDGED | applicant zhang | auto_close due 11-30 09:00
  11-23 09:00 told qian: case.acknowledged
> zhang see adoption
  {"by":{"id":"0000000000000065","name":"zhang"},"handling":"已按意见处理","items":[{"decision":"adopted","n":1,"reason":""},{"decision":"not_adopted","n":2,"reason":"已做"}],"t_ms":1795395600000}
> zhang op case.outcome {"case_id":"@case"}
  {"items":[{"decision":"adopted","n":1,"outcome_30d":null,"outcome_7d":null,"reason":"","text":"双抗21天","type":"drug","urgency":"today"},{"decision":"not_adopted","n":2,"outcome_30d":null,"outcome_7d":null,"reason":"已做","text":"颈动脉超声","type":"exam","urgency":"week"}]}
> zhang evaluate {"scores":{"timely":9}}
  ! invalid  [scores.timely too_large:5]
> qian evaluate
  11-23 09:00 ACKNOWLEDGED | applicant zhang | auto_close due 11-30 09:00
> qian evaluate
  ! not_allowed_now not_for_this_case
> zhang close
  ! not_allowed_now wrong_state
> zhang evaluate
  11-23 09:00 EVALUATED | applicant zhang | auto_close due 11-30 09:00
  11-23 09:00 told zhang: case.evaluated close
> zhang close {"follow_up_days":30}
  11-23 09:00 CLOSED
  11-23 09:00 told li: case.closed
  11-23 09:00 told qian: case.closed
> wait 7d
  11-30 09:00 CLOSED
> zhang op case.outcome {"case_id":"@case","day":7,"items":[{"n":1,"outcome":"effective"},{"n":2,"outcome":"not_done"}]}
  {"items":[{"decision":"adopted","n":1,"outcome_30d":null,"outcome_7d":"effective","reason":"","text":"双抗21天","type":"drug","urgency":"today"},{"decision":"not_adopted","n":2,"outcome_30d":null,"outcome_7d":"not_done","reason":"已做","text":"颈动脉超声","type":"exam","urgency":"week"}]}
> chen op case.outcome {"case_id":"@case","day":7,"items":[{"n":1,"outcome":"worse"}]}
  ! denied not_your_act
> qian addendum {"text":"第一次补充"}
  11-30 09:00 CLOSED
  11-30 09:00 told zhang: case.addendum
> qian addendum {"text":"第二次补充"}
  11-30 09:00 CLOSED
  11-30 09:00 told zhang: case.addendum
> zhang addendum {"text":"我也补充"}
  ! denied not_your_act
> zhang see addenda
  [{"by":{"id":"00000000000000cc","name":"qian"},"t_ms":1796000400000,"text":"第一次补充","version":2},{"by":{"id":"00000000000000cc","name":"qian"},"t_ms":1796000400000,"text":"第二次补充","version":3}]
> qian see evaluations
  [{"comment":"","scores":{"attitude":5,"helpful":5,"system":4,"timely":5},"side":"applicant","t_ms":1795395600000},{"comment":"","scores":{"complete":4,"cooperation":5,"necessity":5,"question":5},"side":"expert","t_ms":1795395600000}]
