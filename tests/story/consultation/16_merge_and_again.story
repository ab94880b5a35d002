# 重复申请合并;再次会诊与前次关联
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:00
  11-23 09:00 told li: case.submitted approve_home
> li approve_home
  11-23 09:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-24 09:00
  11-23 09:00 told chen: case.approved_home triage
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:00
  11-23 09:00 told li: case.submitted approve_home
> li approve_home
  11-23 09:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-24 09:00
  11-23 09:00 told chen: case.approved_home triage
> chen merge {"into_case_id":"@case","reason":"重复"}
  ! invalid  [into_case_id same_case]
> chen merge {"into_case_id":"@first","reason":"同一患者重复申请"}
  11-23 09:00 MERGED
  11-23 09:00 told zhang: case.merged
> zhang see merged_into
  "................"
> zhang new offline clinical routine {"target_org_id":"@county","previous_case_id":"@first"}
  11-23 09:00 DRAFT | applicant zhang
> zhang new offline clinical routine {"target_org_id":"@county","previous_case_id":"@first","new_patient":true}
  ! invalid  [previous_case_id other_patient]
