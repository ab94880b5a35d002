# 退回修改、补充资料(时钟暂停)、专家不能、谢绝
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> zhang op case.update {"case_id":"@case","version":1,"form":{"history":{"chief_complaint":"x"},"nonsense":1}}
  ! invalid form [form.nonsense unknown]
> zhang op case.update {"case_id":"@case","version":1,"form":{"history":{"chief_complaint":"头痛"}}}
  {"completeness":{"missing":[{"label":{"en":"Questions to be answered (numbered)","zh":"需解答的问题（逐条编号）"},"mandatory":true,"path":"questions","weight":12},{"label":{"en":"Purpose","zh":"会诊目的"},"mandatory":true,"path":"purpose","weight":4},{"label":{"en":"History of present illness","zh":"现病史"},"mandatory":true,"path":"history.present_illness","weight":10},{"label":{"en":"Past medical history","zh":"既往史"},"mandatory":true,"path":"history.past","weight":4},{"label":{"en":"Personal history","zh":"个人史"},"mandatory":false,"path":"history.personal","weight":1},{"label":{"en":"Family history","zh":"家族史"},"mandatory":false,"path":"history.family","weight":1},{"label":{"en":"Allergy","zh":"过敏史"},"mandatory":true,"path":"state.allergy","weight":5},{"label":{"en":"Infectious disease","zh":"传染性疾病"},"mandatory":false,"path":"state.infectious","weight":1},{"label":{"en":"Height","zh":"身高"},"mandatory":false,"path":"state.height_cm","weight":1},{"label":{"en":"Weight","zh":"体重"},"mandatory":false,"path":"state.weight_kg","weight":2},{"label":{"en":"Measured at","zh":"测量时间"},"mandatory":false,"path":"vitals.time_ms","weight":1},{"label":{"en":"Temperature","zh":"体温"},"mandatory":true,"path":"vitals.temperature_c","weight":2},{"label":{"en":"Pulse","zh":"脉搏"},"mandatory":true,"path":"vitals.pulse_bpm","weight":2},{"label":{"en":"Systolic BP","zh":"收缩压"},"mandatory":true,"path":"vitals.systolic_mmhg","weight":2},{"label":{"en":"Diastolic BP","zh":"舒张压"},"mandatory":true,"path":"vitals.diastolic_mmhg","weight":2},{"label":{"en":"Respiration","zh":"呼吸"},"mandatory":false,"path":"vitals.respiration_bpm","weight":2},{"label":{"en":"SpO2","zh":"血氧饱和度"},"mandatory":false,"path":"vitals.spo2_percent","weight":2},{"label":{"en":"Consciousness","zh":"意识"},"mandatory":false,"path":"vitals.consciousness","weight":2},{"label":{"en":"Pain score","zh":"疼痛评分"},"mandatory":false,"path":"vitals.pain_score","weight":1},{"label":{"en":"Physical findings","zh":"体格检查"},"mandatory":true,"path":"exam.physical","weight":8},{"label":{"en":"Specialty examination","zh":"专科检查"},"mandatory":false,"path":"exam.specialty","weight":4},{"label":{"en":"Laboratory results","zh":"检验结果"},"mandatory":false,"path":"labs","weight":5},{"label":{"en":"Imaging, ECG, pathology, ultrasound","zh":"影像、心电、病理、超声"},"mandatory":false,"path":"studies","weight":5},{"label":{"en":"Treatment given","zh":"已行治疗"},"mandatory":true,"path":"treatment.given","weight":6},{"label":{"en":"Response","zh":"疗效"},"mandatory":false,"path":"treatment.response","weight":2},{"label":{"en":"Current medication","zh":"当前用药"},"mandatory":false,"path":"treatment.drugs","weight":3},{"label":{"en":"Preliminary diagnoses (ICD-10)","zh":"初步诊断（ICD-10）"},"mandatory":true,"path":"diagnoses","weight":8},{"label":{"en":"Visit type","zh":"就诊类型"},"mandatory":false,"path":"visit.type","weight":1},{"label":{"en":"Contact phone","zh":"联系电话"},"mandatory":true,"path":"contact.phone","weight":2},{"label":{"en":"Consent to telemedicine","zh":"远程会诊知情同意"},"mandatory":true,"path":"consent.telemedicine","weight":8},{"label":{"en":"Cost explained","zh":"已告知费用"},"mandatory":false,"path":"fee.cost_told","weight":1}],"ready":false,"score":6,"threshold":70},"fit":{"doubtful":false,"score":null,"suggested":["neurology"]},"version":2}
> zhang submit
  ! invalid incomplete [form.questions required] [form.purpose required] [form.history.present_illness required] [form.history.past required] [form.state.allergy required] [form.vitals.temperature_c required]
> zhang op case.update {"case_id":"@case","version":1,"form":{}}
  ! conflict stale_version
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:00
  11-23 09:00 told li: case.submitted approve_home
> li return {"items":[]}
  ! invalid  [items too_few:1]
> li return {"items":[{"path":"form.history.past","reason":"既往史太简单"}]}
  11-23 09:00 RETURNED | applicant zhang | resubmit due 11-26 09:00
  11-23 09:00 told zhang: case.returned resubmit
> zhang see returns
  [{"by":{"id":"0000000000000066","name":"li"},"items":[{"path":"form.history.past","reason":"既往史太简单"}],"t_ms":1795395600000}]
> zhang allowed
  submit cancel
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:00
  11-23 09:00 told li: case.submitted approve_home
> li approve_home
  11-23 09:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-24 09:00
  11-23 09:00 told chen: case.approved_home triage
> chen triage {"dept_id":"@cardio"}
  11-23 09:00 TRIAGED | dispatcher 云岭县人民医院 | assign due 11-23 15:00
> wait 1h
  11-23 10:00 TRIAGED
> chen need_material {"items":["头颅CT原片","近一周血压记录"]}
  11-23 10:00 NEED_MATERIAL | applicant zhang | material due 11-25 10:00
  11-23 10:00 told zhang: case.need_material supply_material
> clocks
  assign due 11-23 15:00 level 0 paused, 180 min left
  material due 11-25 10:00 level 0
> zhang see needs
  [{"done":false,"item":"头颅CT原片"},{"done":false,"item":"近一周血压记录"}]
> wait 3h
  11-23 13:00 NEED_MATERIAL
> zhang supply_material {"comment":"已上传"}
  11-23 13:00 TRIAGED | dispatcher 云岭县人民医院 | assign due 11-23 17:00
  11-23 13:00 told chen: case.material_supplied
> clocks
  assign due 11-23 17:00 level 0
> zhang see needs
  [{"done":true,"item":"头颅CT原片"},{"done":true,"item":"近一周血压记录"}]
> chen assign {"expert_id":"@zhou"}
  11-23 13:00 ASSIGNED | expert zhou | accept due 11-24 08:30
  11-23 13:00 told zhou: case.assigned accept
> zhou expert_decline {"code":"nonsense","reason":"x"}
  ! invalid  [code not_a_choice]
> zhou expert_decline {"code":"not_my_field","reason":"属神经内科"}
  11-23 13:00 EXPERT_DECLINED | dispatcher 云岭县人民医院 | assign due 11-24 08:30
  11-23 13:00 told zhang: case.expert_declined
  11-23 13:00 told chen: case.expert_declined assign
> zhou allowed
  ! denied emergency_only
> chen decline {"code":"no_expert","reason":"本院近期无合适专家"}
  ! invalid  [suggestion required]
> chen decline {"code":"no_expert","reason":"本院近期无合适专家","suggestion":"建议申请市级医院"}
  11-23 13:00 DECLINED
  11-23 13:00 told zhang: case.declined
  11-23 13:00 told li: case.declined
> zhang allowed
 
> li allowed
 

> zhang see refusals
  [{"by":{"id":"00000000000000ce","name":"zhou"},"code":"not_my_field","event":"expert_decline","label":{"en":"Unable to take","zh":"无法会诊"},"reason":"属神经内科","suggestion":null,"t_ms":1795410000000},{"by":{"id":"00000000000000c9","name":"chen"},"code":"no_expert","event":"decline","label":{"en":"Decline","zh":"谢绝会诊"},"reason":"本院近期无合适专家","suggestion":"建议申请市级医院","t_ms":1795410000000}]
