# 联系方式只给经治的人看全:申请人、专家、邀请方医务看全,受邀方调度和医务的电话只见首尾
> zhang new offline clinical routine {"target_org_id":"@county","form":{"questions":[{"n":1,"text":"是否需要溶栓?"}],"purpose":["diagnosis"],"history":{"chief_complaint":"右侧肢体无力2天","present_illness":"2天前晨起出现右侧肢体无力,言语不清。","past":"高血压10年"},"state":{"allergy":"none","weight_kg":61.5,"address":"云南省云岭县青石镇1号","guardian_name":"王大","guardian_relation":"父子","guardian_phone":"13700000003"},"vitals":{"temperature_c":36.6,"pulse_bpm":82,"respiration_bpm":18,"systolic_mmhg":162,"diastolic_mmhg":95,"spo2_percent":97,"consciousness":"clear"},"exam":{"physical":"右侧肌力4级"},"labs":[{"item":"血糖","value":"6.1","unit":"mmol/L"}],"treatment":{"given":"阿司匹林 100mg"},"diagnoses":[{"code":"I63.9","text":"脑梗死","main":true,"certainty":"suspected"}],"contact":{"phone":"13800000001","second_contact":"李某","second_phone":"13900000002"},"consent":{"telemedicine":{"agreed":true,"signer":"李某","relation":"本人","time_ms":1795395000000,"verbal":true}}}}
  11-23 09:00 DRAFT | applicant zhang
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:00
  11-23 09:00 told li: case.submitted approve_home
> zhang see masked
  []
> zhang see form.contact
  {"phone":"13800000001","second_contact":"李某","second_phone":"13900000002"}
> li see masked
  []
> li approve_home
  11-23 09:00 APPROVED_HOME | dispatcher 云岭县人民医院 | triage due 11-24 09:00
  11-23 09:00 told chen: case.approved_home triage
> chen see masked
  ["contact.phone","contact.second_phone","state.guardian_phone"]
> chen see form.contact
  {"phone":"138****0001","second_contact":"李某","second_phone":"139****0002"}
> chen see form.state
  {"address":"云南省云岭县青石镇1号","allergy":"none","guardian_name":"王大","guardian_phone":"137****0003","guardian_relation":"父子","weight_kg":61.5}
> chen triage {"dept_id":"@neuro"}
  11-23 09:00 TRIAGED | dispatcher 云岭县人民医院 | assign due 11-23 15:00
  11-23 09:00 told he: case.triaged
> chen assign {"expert_id":"@qian"}
  11-23 09:00 ASSIGNED | expert qian | accept due 11-23 15:00
  11-23 09:00 told qian: case.assigned accept
> qian accept
  11-23 09:00 ACCEPTED | expert qian | opinion due 11-25 09:00
  11-23 09:00 told zhang: case.accepted
  11-23 09:00 told chen: case.accepted
> qian see masked
  []
> qian see form.contact
  {"phone":"13800000001","second_contact":"李某","second_phone":"13900000002"}
> zhao see masked
  ["contact.phone","contact.second_phone","state.guardian_phone"]
