# 常规离线会诊:申请 -> 本院审核 -> 分诊 -> 指派 -> 接受 -> 阅读 -> 签发 -> 已阅 -> 评价 -> 结案,全程不开房间
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> zhang allowed
  submit cancel
> li see number
  ! denied not_your_case
> wait 10min
  11-23 09:10 DRAFT
> zhang submit
  11-23 09:10 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:10
  11-23 09:10 told li: case.submitted approve_home
> zhang allowed
  cancel
> li allowed
  return approve_home cancel
> chen see state
  ! denied not_your_case
> wait 30min
  11-23 09:40 SUBMITTED
> li approve_home {"comment":"情况属实"}
  11-23 09:40 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-24 09:40
  11-23 09:40 told chen: case.approved_home triage
> chen allowed
  triage redirect need_material decline cancel
> chen triage {"dept_id":"@neuro"}
  11-23 09:40 TRIAGED | dispatcher 云岭县人民医院 | assign due 11-23 15:40
  11-23 09:40 told he: case.triaged
> chen assign {"expert_id":"@qian"}
  11-23 09:40 ASSIGNED | expert qian | accept due 11-23 15:40
  11-23 09:40 told qian: case.assigned accept
> qian allowed
  accept expert_decline substitute
> qian accept
  11-23 09:40 ACCEPTED | expert qian | opinion due 11-25 09:40
  11-23 09:40 told zhang: case.accepted
  11-23 09:40 told chen: case.accepted
> wait 2h
  11-23 11:40 ACCEPTED
> qian begin_review
  11-23 11:40 IN_REVIEW | expert qian | opinion due 11-25 09:40
  11-23 11:40 told zhang: case.in_review
> qian save_opinion {"body":{"findings":"初步印象"}}
  11-23 11:40 OPINION_DRAFT | expert qian | opinion due 11-25 09:40
> qian see opinion
  {"body":{"findings":"初步印象"},"members":[],"signed_ms":null,"state":"draft","version":0}
> zhang see opinion
  null
> li see opinion
  null
> zhang op case.print {"case_id":"@case","what":"opinion"}
  ! not_allowed_now not_signed
> qian op case.print {"case_id":"@case","what":"opinion"}
  {"copy":1,"mark":"draft","number":"HZ20261123-0001","printed_by":{"id":"00000000000000cc","name":"qian"},"printed_ms":1795405200000}
> qian sign_opinion {"body":{"findings":"x"}}
  ! invalid incomplete [body.diagnoses required] [body.answers required] [body.recommendations required] [body.transfer.advised required] [body.answers[0].text required:1] [body.answers[1].text required:2]
> qian sign_opinion
  11-23 11:40 OPINION_SIGNED | applicant zhang | read due 11-24 11:40
  11-23 11:40 told zhang: case.opinion_signed acknowledge
  11-23 11:40 told li: case.opinion_signed
> zhang op case.print {"case_id":"@case","what":"opinion"}
  {"copy":1,"mark":"","number":"HZ20261123-0001","printed_by":{"id":"0000000000000065","name":"zhang"},"printed_ms":1795405200000}
> zhang op case.print {"case_id":"@case","what":"opinion"}
  {"copy":2,"mark":"reprint","number":"HZ20261123-0001","printed_by":{"id":"0000000000000065","name":"zhang"},"printed_ms":1795405200000}
> zhang acknowledge {"items":[{"n":1,"decision":"not_adopted"}],"handling":"x"}
  ! invalid  [items[0].reason required] [items required:1] [items required:2]
> zhang acknowledge
  11-23 11:40 ACKNOWLEDGED | applicant zhang | auto_close due 11-30 11:40
  11-23 11:40 told qian: case.acknowledged
> zhang evaluate
  11-23 11:40 ACKNOWLEDGED | applicant zhang | auto_close due 11-30 11:40
> qian evaluate
  11-23 11:40 EVALUATED | applicant zhang | auto_close due 11-30 11:40
  11-23 11:40 told zhang: case.evaluated close
> zhang close {"follow_up_days":7}
  11-23 11:40 CLOSED
  11-23 11:40 told li: case.closed
  11-23 11:40 told qian: case.closed
> qian addendum {"text":"补充:注意血压"}
  11-23 11:40 CLOSED
  11-23 11:40 told zhang: case.addendum
> zhang cancel {"code":"other","reason":"x"}
  ! not_allowed_now wrong_state
> zhang see addenda
  [{"by":{"id":"00000000000000cc","name":"qian"},"t_ms":1795405200000,"text":"补充:注意血压","version":2}]
> zhang see timeline
  11-23 09:00 create DRAFT -> DRAFT by applicant zhang
  11-23 09:10 submit DRAFT -> SUBMITTED by applicant zhang
  11-23 09:40 approve_home SUBMITTED -> APPROVED_HOME by home_office li: 情况属实
  11-23 09:40 triage APPROVED_HOME -> TRIAGED by dispatcher chen
  11-23 09:40 assign TRIAGED -> ASSIGNED by dispatcher chen
  11-23 09:40 accept ASSIGNED -> ACCEPTED by expert qian
  11-23 11:40 begin_review ACCEPTED -> IN_REVIEW by expert qian
  11-23 11:40 save_opinion IN_REVIEW -> OPINION_DRAFT by expert qian
  11-23 11:40 sign_opinion OPINION_DRAFT -> OPINION_SIGNED by expert qian
  11-23 11:40 acknowledge OPINION_SIGNED -> ACKNOWLEDGED by applicant zhang
  11-23 11:40 evaluate ACKNOWLEDGED -> ACKNOWLEDGED by applicant zhang
  11-23 11:40 evaluate ACKNOWLEDGED -> EVALUATED by expert qian
  11-23 11:40 close EVALUATED -> CLOSED by applicant zhang
  11-23 11:40 addendum CLOSED -> CLOSED by expert qian
> clocks
