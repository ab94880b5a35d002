# 工作时间与节假日:机构自己的、上级的、缺省的;政策可改时限
> admin op hours.set {"org_id":"@county","week":[[],[]],"holidays":[],"makeups":[]}
  ! invalid  [week not_valid]
> admin op hours.set {"org_id":"@county","week":[[{"start":"08:00","end":"07:00"}],[],[],[],[],[],[]],"holidays":[],"makeups":[]}
  ! invalid  [week not_valid]
> admin op hours.set {"org_id":"@county","week":[[{"start":"08:00","end":"16:00"}],[{"start":"08:00","end":"16:00"}],[{"start":"08:00","end":"16:00"}],[{"start":"08:00","end":"16:00"}],[{"start":"08:00","end":"16:00"}],[],[]],"holidays":["2026-11-24"],"makeups":["2026-11-28"]}
  {"holidays":["2026-11-24"],"makeups":["2026-11-28"],"week":[[{"end":"16:00","start":"08:00"}],[{"end":"16:00","start":"08:00"}],[{"end":"16:00","start":"08:00"}],[{"end":"16:00","start":"08:00"}],[{"end":"16:00","start":"08:00"}],[],[]]}
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:00
  11-23 09:00 told li: case.submitted approve_home
> li approve_home
  11-23 09:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-25 09:00
  11-23 09:00 told chen: case.approved_home triage
> chen triage {"dept_id":"@neuro"}
  11-23 09:00 TRIAGED | dispatcher 云岭县人民医院 | assign due 11-23 13:00
  11-23 09:00 told he: case.triaged
> wait 4h
  11-23 13:00 told chen: case.overdue assign
  11-23 13:00 TRIAGED
> chen assign {"expert_id":"@qian"}
  11-23 13:00 ASSIGNED | expert qian | accept due 11-25 09:00
  11-23 13:00 told qian: case.assigned accept
> admin op policy.set {"policy_id":"deadline.accept.routine","value":"nonsense"}
  ! invalid  [value not_a_duration]
> admin op policy.set {"policy_id":"deadline.remind_1h.routine","value":"1h"}
  ! invalid  [value must_be_before]
> admin op policy.set {"policy_id":"consult.completeness_threshold","value":101}
  ! invalid  [value out_of_range:0..100]
> admin op policy.set {"policy_id":"nonsense","value":1}
  ! not_found policy
> admin op policy.set {"policy_id":"deadline.accept.routine","value":"1wh"}
  {"id":"deadline.accept.routine","value":"1wh"}
> chen assign {"expert_id":"@wu"}
  11-23 13:00 ASSIGNED | expert wu | accept due 11-23 14:00
  11-23 13:00 told wu: case.assigned accept
> admin op policy.set {"policy_id":"consult.completeness_threshold","value":100}
  {"id":"consult.completeness_threshold","value":"100"}
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 13:00 DRAFT | applicant zhang
> zhang submit
  ! invalid below_threshold
