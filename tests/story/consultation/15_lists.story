# 待办、列表与看板:数目与数据库一致
> zhang new offline clinical routine {"target_org_id":"@county"}
  11-23 09:00 DRAFT | applicant zhang
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 15:00
  11-23 09:00 told li: case.submitted approve_home
> zhang new offline clinical urgent {"target_org_id":"@county","new_patient":true}
  11-23 09:00 DRAFT | applicant zhang
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 10:00
  11-23 09:00 told li: case.submitted approve_home !
> zhang new offline clinical urgent {"target_org_id":"@city","new_patient":true}
  11-23 09:00 DRAFT | applicant zhang
> zhang submit
  11-23 09:00 SUBMITTED | home_office 青石镇卫生院 | home_review due 11-23 10:00
  11-23 09:00 told li: case.submitted approve_home !
> li op board.get {}
  {"holders":[{"count":3,"holder":{"id":"000000000000000a","name":"青石镇卫生院"},"overdue":0,"role":"home_office"}],"overdue":0,"states":[{"count":3,"label":{"en":"Awaiting internal review","zh":"待本院审核"},"overdue":0,"state":"SUBMITTED"}],"total":3,"urgencies":[{"count":2,"overdue":0,"urgency":"urgent"},{"count":1,"overdue":0,"urgency":"routine"}]}
> zhang op board.get {}
  {"holders":[{"count":3,"holder":{"id":"000000000000000a","name":"青石镇卫生院"},"overdue":0,"role":"home_office"}],"overdue":0,"states":[{"count":3,"label":{"en":"Awaiting internal review","zh":"待本院审核"},"overdue":0,"state":"SUBMITTED"}],"total":3,"urgencies":[{"count":2,"overdue":0,"urgency":"urgent"},{"count":1,"overdue":0,"urgency":"routine"}]}
> chen op board.get {}
  {"holders":[],"overdue":0,"states":[],"total":0,"urgencies":[]}
> li approve_home
  11-23 09:00 APPROVED_HOME | dispatcher 南江市第一医院 | triage due 11-23 11:00
  11-23 09:00 told gao: case.approved_home triage !
> wait 3h
  11-23 10:00 told li: case.overdue approve_home !
  11-23 10:30 told li: case.escalated approve_home !
  11-23 11:00 told gao: case.overdue triage !
  11-23 12:00 told li: case.escalated approve_home !
  11-23 12:00 APPROVED_HOME
> li op board.get {"overdue":true}
  {"holders":[{"count":1,"holder":{"id":"000000000000001e","name":"南江市第一医院"},"overdue":1,"role":"dispatcher"},{"count":1,"holder":{"id":"000000000000000a","name":"青石镇卫生院"},"overdue":1,"role":"home_office"}],"overdue":2,"states":[{"count":1,"label":{"en":"Awaiting internal review","zh":"待本院审核"},"overdue":1,"state":"SUBMITTED"},{"count":1,"label":{"en":"Awaiting triage","zh":"待分诊"},"overdue":1,"state":"APPROVED_HOME"}],"total":2,"urgencies":[{"count":2,"overdue":2,"urgency":"urgent"}]}
> li op board.get {}
  {"holders":[{"count":2,"holder":{"id":"000000000000000a","name":"青石镇卫生院"},"overdue":1,"role":"home_office"},{"count":1,"holder":{"id":"000000000000001e","name":"南江市第一医院"},"overdue":1,"role":"dispatcher"}],"overdue":2,"states":[{"count":2,"label":{"en":"Awaiting internal review","zh":"待本院审核"},"overdue":1,"state":"SUBMITTED"},{"count":1,"label":{"en":"Awaiting triage","zh":"待分诊"},"overdue":1,"state":"APPROVED_HOME"}],"total":3,"urgencies":[{"count":2,"overdue":2,"urgency":"urgent"},{"count":1,"overdue":0,"urgency":"routine"}]}
> gao op board.get {}
  {"holders":[{"count":1,"holder":{"id":"000000000000001e","name":"南江市第一医院"},"overdue":1,"role":"dispatcher"}],"overdue":1,"states":[{"count":1,"label":{"en":"Awaiting triage","zh":"待分诊"},"overdue":1,"state":"APPROVED_HOME"}],"total":1,"urgencies":[{"count":1,"overdue":1,"urgency":"urgent"}]}
> sun op board.get {}
  {"holders":[],"overdue":0,"states":[],"total":0,"urgencies":[]}
> nobody op case.verify {"code":"no-such-code"}
  ! not_found code
> admin op board.get {}
  {"holders":[{"count":2,"holder":{"id":"000000000000000a","name":"青石镇卫生院"},"overdue":1,"role":"home_office"},{"count":1,"holder":{"id":"000000000000001e","name":"南江市第一医院"},"overdue":1,"role":"dispatcher"}],"overdue":2,"states":[{"count":2,"label":{"en":"Awaiting internal review","zh":"待本院审核"},"overdue":1,"state":"SUBMITTED"},{"count":1,"label":{"en":"Awaiting triage","zh":"待分诊"},"overdue":1,"state":"APPROVED_HOME"}],"total":3,"urgencies":[{"count":2,"overdue":2,"urgency":"urgent"},{"count":1,"overdue":0,"urgency":"routine"}]}
> admin op case.list {"view":"all"}
  {"items":[],"next":null}
> li op case.list {"view":"inbox","limit":1}
  {"items":[{"applicant":{"id":"0000000000000065","name":"zhang","org":{"id":"000000000000000a","name":"青石镇卫生院"}},"changed_ms":1795395600000,"created_ms":1795395600000,"due_ms":1795399200000,"expert":null,"holder":{"id":null,"name":"青石镇卫生院","org":{"id":"000000000000000a","name":"青石镇卫生院"},"role":"home_office"},"id":"................","kind":"offline","number":"HZ20261123-0002","overdue":true,"patient":{"age_text":"68岁","age_text_en":"68 y","id":"................","name":"李16","sex":"male"},"paused":false,"scope":"clinical","start_ms":null,"state":"SUBMITTED","state_label":{"en":"Awaiting internal review","zh":"待本院审核"},"target":{"dept":null,"org":{"id":"0000000000000014","name":"云岭县人民医院"}},"template":null,"unread_messages":0,"urgency":"urgent","version":2}],"next":"1"}
