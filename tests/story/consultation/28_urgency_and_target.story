# 起草中和被退回后修改紧急程度、受邀机构和科室:版本核对、只有申请人、送出后不能改,时限随新的紧急程度
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> zhang op case.update {"case_id":"@case","version":1,"target_dept_id":"@neuro","expert_id":"@qian"}
  {"completeness":{"missing":[{"label":{"en":"Personal history","zh":"个人史"},"mandatory":false,"path":"history.personal","weight":1},{"label":{"en":"Family history","zh":"家族史"},"mandatory":false,"path":"history.family","weight":1},{"label":{"en":"Infectious disease","zh":"传染性疾病"},"mandatory":false,"path":"state.infectious","weight":1},{"label":{"en":"Height","zh":"身高"},"mandatory":false,"path":"state.height_cm","weight":1},{"label":{"en":"Measured at","zh":"测量时间"},"mandatory":false,"path":"vitals.time_ms","weight":1},{"label":{"en":"Pain score","zh":"疼痛评分"},"mandatory":false,"path":"vitals.pain_score","weight":1},{"label":{"en":"Imaging, ECG, pathology, ultrasound","zh":"影像、心电、病理、超声"},"mandatory":false,"path":"studies","weight":5},{"label":{"en":"Response","zh":"疗效"},"mandatory":false,"path":"treatment.response","weight":2},{"label":{"en":"Current medication","zh":"当前用药"},"mandatory":false,"path":"treatment.drugs","weight":3},{"label":{"en":"Visit type","zh":"就诊类型"},"mandatory":false,"path":"visit.type","weight":1},{"label":{"en":"Cost explained","zh":"已告知费用"},"mandatory":false,"path":"fee.cost_told","weight":1}],"ready":true,"score":84,"threshold":70},"fit":{"doubtful":false,"score":100,"suggested":["neurology"]},"version":2}
> zhang see target
  {"dept":{"id":"0000000000000015","name":"神经内科"},"org":{"id":"0000000000000014","name":"云岭县人民医院"}}
> zhang see wanted_expert
  {"id":"00000000000000cc","name":"qian"}
> zhang op case.update {"case_id":"@case","version":2,"target_org_id":"@city"}
  ! invalid  [target_dept_id not_a_department]
> zhang op case.update {"case_id":"@case","version":2,"target_org_id":"@city","target_dept_id":null,"expert_id":null}
  {"completeness":{"missing":[{"label":{"en":"Personal history","zh":"个人史"},"mandatory":false,"path":"history.personal","weight":1},{"label":{"en":"Family history","zh":"家族史"},"mandatory":false,"path":"history.family","weight":1},{"label":{"en":"Infectious disease","zh":"传染性疾病"},"mandatory":false,"path":"state.infectious","weight":1},{"label":{"en":"Height","zh":"身高"},"mandatory":false,"path":"state.height_cm","weight":1},{"label":{"en":"Measured at","zh":"测量时间"},"mandatory":false,"path":"vitals.time_ms","weight":1},{"label":{"en":"Pain score","zh":"疼痛评分"},"mandatory":false,"path":"vitals.pain_score","weight":1},{"label":{"en":"Imaging, ECG, pathology, ultrasound","zh":"影像、心电、病理、超声"},"mandatory":false,"path":"studies","weight":5},{"label":{"en":"Response","zh":"疗效"},"mandatory":false,"path":"treatment.response","weight":2},{"label":{"en":"Current medication","zh":"当前用药"},"mandatory":false,"path":"treatment.drugs","weight":3},{"label":{"en":"Visit type","zh":"就诊类型"},"mandatory":false,"path":"visit.type","weight":1},{"label":{"en":"Cost explained","zh":"已告知费用"},"mandatory":false,"path":"fee.cost_told","weight":1}],"ready":true,"score":84,"threshold":70},"fit":{"doubtful":false,"score":null,"suggested":["neurology"]},"version":3}
> zhang see target
  {"dept":null,"org":{"id":"000000000000001e","name":"南江市第一医院"}}
> zhang see wanted_expert
  null
> zhang op case.update {"case_id":"@case","version":2,"urgency":"emergency"}
  ! conflict stale_version
> li op case.update {"case_id":"@case","version":3,"urgency":"emergency"}
  ! denied not_your_case
> zhang op case.update {"case_id":"@case","version":3,"target_org_id":"@county"}
  {"completeness":{"missing":[{"label":{"en":"Personal history","zh":"个人史"},"mandatory":false,"path":"history.personal","weight":1},{"label":{"en":"Family history","zh":"家族史"},"mandatory":false,"path":"history.family","weight":1},{"label":{"en":"Infectious disease","zh":"传染性疾病"},"mandatory":false,"path":"state.infectious","weight":1},{"label":{"en":"Height","zh":"身高"},"mandatory":false,"path":"state.height_cm","weight":1},{"label":{"en":"Measured at","zh":"测量时间"},"mandatory":false,"path":"vitals.time_ms","weight":1},{"label":{"en":"Pain score","zh":"疼痛评分"},"mandatory":false,"path":"vitals.pain_score","weight":1},{"label":{"en":"Imaging, ECG, pathology, ultrasound","zh":"影像、心电、病理、超声"},"mandatory":false,"path":"studies","weight":5},{"label":{"en":"Response","zh":"疗效"},"mandatory":false,"path":"treatment.response","weight":2},{"label":{"en":"Current medication","zh":"当前用药"},"mandatory":false,"path":"treatment.drugs","weight":3},{"label":{"en":"Visit type","zh":"就诊类型"},"mandatory":false,"path":"visit.type","weight":1},{"label":{"en":"Cost explained","zh":"已告知费用"},"mandatory":false,"path":"fee.cost_told","weight":1}],"ready":true,"score":84,"threshold":70},"fit":{"doubtful":false,"score":null,"suggested":["neurology"]},"version":4}
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:00
  11-23 09:00 told li: case.submitted approve_home
> li return {"items":[{"reason":"病情加重,请按紧急申请"}]}
  11-23 09:00 RETURNED | applicant zhang | resubmit due 11-26 09:00
  11-23 09:00 told zhang: case.returned resubmit
> zhang op case.update {"case_id":"@case","version":6,"urgency":"urgent"}
  {"completeness":{"missing":[{"label":{"en":"Personal history","zh":"个人史"},"mandatory":false,"path":"history.personal","weight":1},{"label":{"en":"Family history","zh":"家族史"},"mandatory":false,"path":"history.family","weight":1},{"label":{"en":"Infectious disease","zh":"传染性疾病"},"mandatory":false,"path":"state.infectious","weight":1},{"label":{"en":"Height","zh":"身高"},"mandatory":false,"path":"state.height_cm","weight":1},{"label":{"en":"Measured at","zh":"测量时间"},"mandatory":false,"path":"vitals.time_ms","weight":1},{"label":{"en":"Pain score","zh":"疼痛评分"},"mandatory":false,"path":"vitals.pain_score","weight":1},{"label":{"en":"Imaging, ECG, pathology, ultrasound","zh":"影像、心电、病理、超声"},"mandatory":false,"path":"studies","weight":5},{"label":{"en":"Response","zh":"疗效"},"mandatory":false,"path":"treatment.response","weight":2},{"label":{"en":"Current medication","zh":"当前用药"},"mandatory":false,"path":"treatment.drugs","weight":3},{"label":{"en":"Visit type","zh":"就诊类型"},"mandatory":false,"path":"visit.type","weight":1},{"label":{"en":"Cost explained","zh":"已告知费用"},"mandatory":false,"path":"fee.cost_told","weight":1}],"ready":true,"score":84,"threshold":70},"fit":{"doubtful":false,"score":null,"suggested":["neurology"]},"version":7}
> zhang see urgency
  "urgent"
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 10:00
  11-23 09:00 told li: case.submitted approve_home !
> zhang op case.update {"case_id":"@case","version":8,"urgency":"emergency"}
  ! not_allowed_now wrong_state
> li approve_home
  11-23 09:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-23 11:00
  11-23 09:00 told chen: case.approved_home triage !
