# 谁能看:申请人、本院医政、受邀方(审核后)、专家(指派后至结案7天);他院医师、系统管理员、审计员不能
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> li see state
  ! denied not_your_case
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:00
  11-23 09:00 told li: case.submitted approve_home
> li see state
  "SUBMITTED"
> chen see state
  ! denied not_your_case
> sun see state
  ! denied not_your_case
> sun submit
  ! denied not_your_case
> sun op message.send {"case_id":"@case","text":"hi"}
  ! denied not_your_case
> sun op message.list {"case_id":"@case"}
  ! denied not_your_case
> sun op case.print {"case_id":"@case","what":"application"}
  ! denied not_your_case
> sun op case.promise {"case_id":"@case"}
  ! denied not_your_case
> sun op case.list {"view":"all"}
  {"items":[],"next":null}
> sys see state
  ! denied not_your_case
> admin see state
  ! denied not_your_case
> auditor see state
  ! denied not_your_case
> qian see state
  ! denied not_your_case
> li approve_home
  11-23 09:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-24 09:00
  11-23 09:00 told chen: case.approved_home triage
> chen see state
  "APPROVED_HOME"
> zhao see state
  "APPROVED_HOME"
> he see state
  ! denied emergency_only
> chen triage {"dept_id":"@neuro"}
  11-23 09:00 TRIAGED | dispatcher 云岭县人民医院 | assign due 11-23 15:00
  11-23 09:00 told he: case.triaged
> he see state
  "TRIAGED"
> wu see state
  ! denied emergency_only
> chen assign {"expert_id":"@zhang"}
  ! invalid not_qualified [expert_id not_an_expert]
> chen assign {"expert_id":"@lin"}
  ! invalid not_qualified [expert_id practice_too_short]
> chen assign {"expert_id":"@xu"}
  ! invalid not_qualified [expert_id title_too_low]
> chen assign {"expert_id":"@old"}
  ! invalid not_qualified [expert_id licence_not_valid]
> chen assign {"expert_id":"@feng"}
  ! invalid not_qualified [expert_id other_institution]
> chen assign {"expert_id":"@qian"}
  11-23 09:00 ASSIGNED | expert qian | accept due 11-23 15:00
  11-23 09:00 told qian: case.assigned accept
> qian see state
  "ASSIGNED"
> qian expert_decline {"code":"busy","reason":"手术"}
  11-23 09:00 EXPERT_DECLINED | dispatcher 云岭县人民医院 | assign due 11-23 15:00
  11-23 09:00 told zhang: case.expert_declined
  11-23 09:00 told chen: case.expert_declined assign
> qian see state
  ! denied emergency_only
> chen assign {"expert_id":"@wu"}
  11-23 09:00 ASSIGNED | expert wu | accept due 11-23 15:00
  11-23 09:00 told wu: case.assigned accept
> wu accept
  11-23 09:00 ACCEPTED | expert wu | opinion due 11-25 09:00
  11-23 09:00 told zhang: case.accepted
  11-23 09:00 told chen: case.accepted
> wu begin_review
  11-23 09:00 IN_REVIEW | expert wu | opinion due 11-25 09:00
  11-23 09:00 told zhang: case.in_review
> wu save_opinion {"body":{"findings":"秘密"}}
  11-23 09:00 OPINION_DRAFT | expert wu | opinion due 11-25 09:00
> zhang see opinion
  null
> li see opinion
  null
> chen see opinion
  null
> zhang see timeline
  11-23 09:00 create DRAFT -> DRAFT by applicant zhang
  11-23 09:00 submit DRAFT -> SUBMITTED by applicant zhang
  11-23 09:00 approve_home SUBMITTED -> APPROVED_HOME by home_office li
  11-23 09:00 triage APPROVED_HOME -> TRIAGED by dispatcher chen
  11-23 09:00 assign TRIAGED -> ASSIGNED by dispatcher chen
  11-23 09:00 expert_decline ASSIGNED -> EXPERT_DECLINED by expert qian: 手术
  11-23 09:00 assign EXPERT_DECLINED -> ASSIGNED by dispatcher chen
  11-23 09:00 accept ASSIGNED -> ACCEPTED by expert wu
  11-23 09:00 begin_review ACCEPTED -> IN_REVIEW by expert wu
  11-23 09:00 save_opinion IN_REVIEW -> OPINION_DRAFT by expert wu
> wu sign_opinion
  11-23 09:00 OPINION_SIGNED | applicant zhang | read due 11-24 09:00
  11-23 09:00 told zhang: case.opinion_signed acknowledge
  11-23 09:00 told li: case.opinion_signed
> chen see opinion
  {"body":{"answers":[{"n":1,"text":"已超时间窗,不溶栓"},{"n":2,"text":"暂不转诊"}],"diagnoses":[{"certainty":"certain","code":"I63.9","main":true,"text":"脑梗死","versus":"agreed"}],"findings":"缺血性卒中表现","follow_up_days":7,"recommendations":[{"n":1,"text":"双抗21天","type":"drug","urgency":"today"},{"n":2,"text":"颈动脉超声","type":"exam","urgency":"week"}],"transfer":{"advised":false}},"members":[],"signed_ms":1795395600000,"state":"signed","version":1}
> zhang acknowledge
  11-23 09:00 ACKNOWLEDGED | applicant zhang | auto_close due 11-30 09:00
  11-23 09:00 told wu: case.acknowledged
> wait 7d
  11-30 09:00 told zhang: case.closed
  11-30 09:00 told li: case.closed
  11-30 09:00 told wu: case.closed
  11-30 09:00 CLOSED
> wu see state
  "CLOSED"
> wait 8d
  12-08 09:00 CLOSED
> wu see state
  ! denied emergency_only
> zhang see state
  "CLOSED"
