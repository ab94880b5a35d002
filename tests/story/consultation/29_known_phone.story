# 本院患者已登记的电话自动填入申请(没有本人电话用监护人的),并记入号码查看记录;写了联系方式的不改
> zhang new offline clinical routine {"target_org_id":"@county","new_patient":{"name":"石小满","sex":"male","birth_date":"1958-03-04","phone":"138 1234 5678"},"form":{}}
  11-23 09:00 DRAFT | applicant zhang
> zhang see form.contact
  {"phone":"13812345678"}
> zhang new offline clinical routine {"target_org_id":"@county","form":{"contact":{"second_contact":"女儿"}}}
  11-23 09:00 DRAFT | applicant zhang
> zhang see form.contact
  {"second_contact":"女儿"}
> zhang new offline clinical routine {"target_org_id":"@county","new_patient":{"name":"石小禾","sex":"male","birth_date":"2021-03-04","guardian":{"name":"石大","relation":"父","phone":"13900002222"}},"form":{}}
  11-23 09:00 DRAFT | applicant zhang
> zhang see form.contact
  {"phone":"13900002222"}
> zhang new offline clinical routine {"target_org_id":"@county","new_patient":true,"form":{}}
  11-23 09:00 DRAFT | applicant zhang
> zhang see form
  {}
