# 院内急会诊:10 分钟到位;普通 24 小时完成;被邀科室谁在谁接
> qian new offline in_house urgent {"target_dept_id":"@cardio"}
  11-23 09:00 DRAFT | applicant qian
> qian submit
  11-23 09:00 TRIAGED | dispatcher 云岭县人民医院 | arrive due 11-23 09:10
  11-23 09:00 told chen: case.triaged accept !
  11-23 09:00 told zhou: case.triaged !
  11-23 09:00 told xu: case.triaged !
  11-23 09:00 told lin: case.triaged !
  11-23 09:00 told old: case.triaged !
> zhou allowed
  accept
> wu see state
  ! denied emergency_only
> wait 11min
  11-23 09:10 told zhou: case.overdue begin_review !
  11-23 09:10 told xu: case.overdue begin_review !
  11-23 09:10 told lin: case.overdue begin_review !
  11-23 09:10 told old: case.overdue begin_review !
  11-23 09:11 TRIAGED
> lin accept
  ! invalid not_qualified [person practice_too_short]
> xu accept
  ! invalid not_qualified [person title_too_low]
> old accept
  ! invalid not_qualified [person licence_not_valid]
> zhou accept
  11-23 09:11 ACCEPTED | expert zhou | arrive due 11-23 09:10
  11-23 09:11 told qian: case.accepted !
> zhou begin_review
  11-23 09:11 IN_REVIEW | expert zhou | inhouse due 11-24 09:00
  11-23 09:11 told qian: case.in_review !
> clocks
  inhouse due 11-24 09:00 level 0
> zhou sign_opinion
  11-23 09:11 OPINION_SIGNED | applicant qian | read due 11-24 09:11
  11-23 09:11 told qian: case.opinion_signed acknowledge !
  11-23 09:11 told zhao: case.opinion_signed !
> qian acknowledge
  11-23 09:11 ACKNOWLEDGED | applicant qian | auto_close due 11-30 09:11
  11-23 09:11 told zhou: case.acknowledged !
