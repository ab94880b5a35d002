import { words } from '@/lib/i18n'

/** The administrator's first day. */
export const fw = words(
  {
    title: '从这里开始', done: '已完成', and: '、', missing: '还缺：{list}。',
    house: '新增成员机构', house_text: '在医联体下新增县医院、乡镇卫生院等。', house_go: '新增机构',
    dept: '新增科室', dept_text: '在机构那一行点“新增下级”，为受邀机构新增科室。', dept_go: '新增科室',
    staff: '新增人员并分配角色', staff_text: '新建账号，给出岗位和角色；初始密码只显示一次。', staff_go: '新增人员',
    m_applicant: '申请医师', m_township_head: '院内审核人（卫生院负责人或医务科）', m_dispatcher: '调度员', m_expert: '专家',
    then: '做完后，申请医师登录即可在“会诊”页新建会诊。各院信息系统的数据在“数据交换”登记来源后接入；时限等在“运行参数”修改。',
  },
  {
    title: 'Start here', done: 'Done', and: ', ', missing: 'Still missing: {list}.',
    house: 'Add the member institutions', house_text: 'Add the county hospital and the township health centres below the consortium.', house_go: 'Add institutions',
    dept: 'Add departments', dept_text: 'In the row of an institution choose "Add below" for each department that will be consulted.', dept_go: 'Add departments',
    staff: 'Add staff and give them roles', staff_text: 'Create an account, then give post and roles; the initial password is shown only once.', staff_go: 'Add staff',
    m_applicant: 'a requesting doctor', m_township_head: 'an internal reviewer (head of the health centre or medical affairs)', m_dispatcher: 'a dispatcher', m_expert: 'an expert',
    then: 'A requesting doctor can then sign in and start the first request under Consultations. Hospital systems can send data once registered under Data exchange; time limits are set under Policies.',
  },
)
