# 转派:县医院转市医院;原机构不再可见
> zhang new offline clinical urgent {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 10:00
  11-23 09:00 told li: case.submitted approve_home !
> li approve_home
  11-23 09:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-23 11:00
  11-23 09:00 told chen: case.approved_home triage !
> chen redirect {"org_id":"@county","reason":"x"}
  ! invalid  [org_id same_institution]
> chen redirect {"org_id":"@city","reason":"需神经介入评估"}
  11-23 09:00 REDIRECTED | dispatcher 南江市第一医院 | triage due 11-23 11:00
  11-23 09:00 told zhang: case.redirected !
  11-23 09:00 told li: case.redirected !
  11-23 09:00 told gao: case.redirected triage !
> chen see state
  ! denied not_your_case
> gao triage {"dept_id":"@neuro"}
  ! invalid  [dept_id not_a_department]
> gao triage {"dept_id":"@city_neuro"}
  11-23 09:00 TRIAGED | dispatcher 南江市第一医院 | assign due 11-23 09:30
> gao assign {"expert_id":"@qian"}
  ! invalid not_qualified [expert_id other_institution]
> gao assign {"expert_id":"@feng"}
  11-23 09:00 ASSIGNED | expert feng | accept due 11-23 09:30
  11-23 09:00 told feng: case.assigned accept !
> feng accept
  11-23 09:00 ACCEPTED | expert feng | opinion due 11-24 09:00
  11-23 09:00 told zhang: case.accepted !
  11-23 09:00 told gao: case.accepted !
> feng begin_review
  11-23 09:00 IN_REVIEW | expert feng | opinion due 11-24 09:00
  11-23 09:00 told zhang: case.in_review !
> feng sign_opinion
  11-23 09:00 OPINION_SIGNED | applicant zhang | read due 11-24 09:00
  11-23 09:00 told zhang: case.opinion_signed acknowledge !
  11-23 09:00 told li: case.opinion_signed !
