# 过期:草稿 30 天;无人处理到 L4 后 14 天
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> wait 30d
  12-23 09:00 told zhang: case.expired
  12-23 09:00 told admin: case.expired
  12-23 09:00 EXPIRED
> zhang new offline clinical routine {"target_org_id":"@county"}
  12-23 09:00 DRAFT | applicant zhang
> zhang submit
  12-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 12-23 15:00
  12-23 09:00 told li: case.submitted approve_home
> wait 40d
  12-23 15:00 told li: case.overdue approve_home
  12-24 09:30 told li: case.escalated approve_home
  12-24 15:00 told li: case.escalated approve_home
  12-25 15:00 told admin: case.escalated approve_home
  01-08 15:00 told zhang: case.expired
  01-08 15:00 told li: case.expired
  01-08 15:00 told admin: case.expired
  02-01 09:00 EXPIRED
> zhang allowed
 
