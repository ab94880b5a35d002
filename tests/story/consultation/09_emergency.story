# 特急:免事前审核、10 分钟分诊、5 分钟应答、口头意见 10 分钟、2 小时签发、事后补审
> zhang new offline specialist emergency {"template":"stroke","target_org_id":"@county","target_dept_id":"@neuro","form":{"questions":[{"n":1,"text":"能否溶栓?"}],"history":{"chief_complaint":"右侧肢体无力1小时","present_illness":"突发"},"state":{"allergy":"unknown"},"vitals":{"pulse_bpm":80,"systolic_mmhg":170,"diastolic_mmhg":95},"diagnoses":[{"code":"I63.9","text":"脑梗死","main":true}],"contact":{"phone":"13800000001"},"consent":{"telemedicine":{"agreed":true,"signer":"李某","relation":"子","verbal":true}}}}
  11-23 09:00 DRAFT | applicant zhang
> zhang submit
  ! invalid incomplete [form.template.onset_ms required] [form.template.nihss required] [form.template.glucose_mmol required] [form.template.ct_done required] [form.template.anticoagulants required]
> zhang op case.update {"case_id":"@case","version":1,"form":{"questions":[{"n":1,"text":"能否溶栓?"}],"history":{"chief_complaint":"右侧肢体无力1小时","present_illness":"突发"},"state":{"allergy":"unknown"},"vitals":{"pulse_bpm":80,"systolic_mmhg":170,"diastolic_mmhg":95},"diagnoses":[{"code":"I63.9","text":"脑梗死","main":true}],"contact":{"phone":"13800000001"},"consent":{"telemedicine":{"agreed":true,"signer":"李某","relation":"子","verbal":true}},"template":{"onset_ms":1795392000000,"nihss":9,"glucose_mmol":6.2,"ct_done":"done","anticoagulants":"no"}}}
  {"completeness":{"missing":[{"label":{"en":"Purpose","zh":"会诊目的"},"mandatory":false,"path":"purpose","weight":4},{"label":{"en":"Past medical history","zh":"既往史"},"mandatory":false,"path":"history.past","weight":4},{"label":{"en":"Personal history","zh":"个人史"},"mandatory":false,"path":"history.personal","weight":1},{"label":{"en":"Family history","zh":"家族史"},"mandatory":false,"path":"history.family","weight":1},{"label":{"en":"Infectious disease","zh":"传染性疾病"},"mandatory":false,"path":"state.infectious","weight":1},{"label":{"en":"Height","zh":"身高"},"mandatory":false,"path":"state.height_cm","weight":1},{"label":{"en":"Weight","zh":"体重"},"mandatory":false,"path":"state.weight_kg","weight":2},{"label":{"en":"Measured at","zh":"测量时间"},"mandatory":false,"path":"vitals.time_ms","weight":1},{"label":{"en":"Temperature","zh":"体温"},"mandatory":false,"path":"vitals.temperature_c","weight":2},{"label":{"en":"Respiration","zh":"呼吸"},"mandatory":false,"path":"vitals.respiration_bpm","weight":2},{"label":{"en":"SpO2","zh":"血氧饱和度"},"mandatory":false,"path":"vitals.spo2_percent","weight":2},{"label":{"en":"Consciousness","zh":"意识"},"mandatory":false,"path":"vitals.consciousness","weight":2},{"label":{"en":"Pain score","zh":"疼痛评分"},"mandatory":false,"path":"vitals.pain_score","weight":1},{"label":{"en":"Physical findings","zh":"体格检查"},"mandatory":false,"path":"exam.physical","weight":8},{"label":{"en":"Specialty examination","zh":"专科检查"},"mandatory":false,"path":"exam.specialty","weight":4},{"label":{"en":"Laboratory results","zh":"检验结果"},"mandatory":false,"path":"labs","weight":5},{"label":{"en":"Imaging, ECG, pathology, ultrasound","zh":"影像、心电、病理、超声"},"mandatory":false,"path":"studies","weight":5},{"label":{"en":"Treatment given","zh":"已行治疗"},"mandatory":false,"path":"treatment.given","weight":6},{"label":{"en":"Response","zh":"疗效"},"mandatory":false,"path":"treatment.response","weight":2},{"label":{"en":"Current medication","zh":"当前用药"},"mandatory":false,"path":"treatment.drugs","weight":3},{"label":{"en":"Last known well","zh":"最后正常时间"},"mandatory":false,"path":"template.last_known_well_ms","weight":4},{"label":{"en":"Contraindications to thrombolysis","zh":"溶栓禁忌"},"mandatory":false,"path":"template.contraindications","weight":2},{"label":{"en":"Visit type","zh":"就诊类型"},"mandatory":false,"path":"visit.type","weight":1},{"label":{"en":"Cost explained","zh":"已告知费用"},"mandatory":false,"path":"fee.cost_told","weight":1}],"ready":false,"score":55,"threshold":70},"fit":{"doubtful":false,"score":100,"suggested":["neurology"]},"version":2}
> zhang submit
  11-23 09:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-23 09:10
  11-23 09:00 told li: case.approved_home !
  11-23 09:00 told chen: case.approved_home triage !
> li allowed
  post_review cancel
> chen triage
  11-23 09:00 TRIAGED | dispatcher 云岭县人民医院 | assign due 11-23 09:05
  11-23 09:00 told he: case.triaged !
> chen assign {"expert_id":"@qian"}
  11-23 09:00 ASSIGNED | expert qian | accept due 11-23 09:05
  11-23 09:00 told qian: case.assigned accept !
> wait 6min
  11-23 09:05 told chen: case.assigned !
  11-23 09:05 told he: case.assigned accept !
  11-23 09:06 ASSIGNED
> he accept
  11-23 09:06 ACCEPTED | expert he | opinion due 11-23 11:06
  11-23 09:06 told zhang: case.accepted !
  11-23 09:06 told chen: case.accepted !
> he begin_review
  11-23 09:06 IN_REVIEW | expert he | verbal_note due 11-23 09:16
  11-23 09:06 told zhang: case.in_review !
> clocks
  verbal_note due 11-23 09:16 level 0
  opinion due 11-23 11:06 level 0
  opinion_hard due 11-23 15:06 level 0
  post_review due 11-24 09:00 level 0
> he verbal_note {"text":"可溶栓,先给负荷量"}
  11-23 09:06 IN_REVIEW | expert he | opinion due 11-23 11:06
  11-23 09:06 told zhang: case.verbal_note !
> zhang see verbal_notes
  [{"by":{"id":"00000000000000cb","name":"he"},"t_ms":1795395960000,"text":"可溶栓,先给负荷量","version":1}]
> zhang see opinion
  null
> wait 3h
  11-23 11:06 told he: case.overdue sign_opinion !
  11-23 11:11 told he: case.escalated sign_opinion !
  11-23 11:16 told zhao: case.escalated sign_opinion !
  11-23 11:26 told admin: case.escalated sign_opinion !
  11-23 12:06 IN_REVIEW
> he sign_opinion {"body":{"findings":"急性缺血性卒中","diagnoses":[{"code":"I63.9","text":"脑梗死","main":true}],"answers":[{"n":1,"text":"可以溶栓"}],"recommendations":[{"n":1,"type":"drug","text":"静脉溶栓","urgency":"now"}],"transfer":{"advised":true,"where":"县医院"}}}
  11-23 12:06 OPINION_SIGNED | applicant zhang | read due 11-23 14:06
  11-23 12:06 told zhang: case.opinion_signed acknowledge !
  11-23 12:06 told li: case.opinion_signed !
> li post_review {"comment":"属实"}
  11-23 12:06 OPINION_SIGNED | applicant zhang | read due 11-23 14:06
  11-23 12:06 told zhang: case.reviewed !
> li allowed
 
> clocks
  read due 11-23 14:06 level 0
