# 紧急越权查阅:本案两院的医师说明理由可看一天,医政立即得知并复核;外院与管理员不行
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> zhou op case.override {"case_id":"@case","reason":"患者来诊抢救"}
  ! denied not_your_case
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:00
  11-23 09:00 told li: case.submitted approve_home
> li approve_home
  11-23 09:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-24 09:00
  11-23 09:00 told chen: case.approved_home triage
> zhou see state
  ! denied emergency_only
> zhou op case.override {"case_id":"@case"}
  ! invalid  [reason required]
> sun op case.override {"case_id":"@case","reason":"想看看病历"}
  ! denied not_your_case
> sys op case.override {"case_id":"@case","reason":"想看看病历"}
  ! denied not_your_case
> chen see overrides
  []
> zhou override {"reason":"患者转来急诊抢救"}
  11-23 09:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-24 09:00
  11-23 09:00 told zhao: access.override !
> zhou see state
  "APPROVED_HOME"
> zhou allowed
 
> zhou see overrides
  []
> zhou op message.send {"case_id":"@case","text":"x"}
  ! denied only_looking
> zhou op case.print {"case_id":"@case","what":"application"}
  ! denied only_looking
> wait 25h
  11-24 09:00 told chen: case.overdue triage
  11-24 10:00 APPROVED_HOME
> zhou see state
  ! denied emergency_only
> zhang see timeline
  11-23 09:00 create DRAFT -> DRAFT by applicant zhang
  11-23 09:00 submit DRAFT -> SUBMITTED by applicant zhang
  11-23 09:00 approve_home SUBMITTED -> APPROVED_HOME by home_office li
  11-23 09:00 override APPROVED_HOME -> APPROVED_HOME by onlooker zhou: 患者转来急诊抢救
  11-24 09:00 overdue APPROVED_HOME -> APPROVED_HOME by system -: triage L1
