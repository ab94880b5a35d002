import { words } from '@/lib/i18n'

export const ow = words(
  {
    title: '机构科室', find: '名称、拼音首字母或代码', code: '代码', level: '级别', kind: '类型', specialty: '专业', parent: '上级', top: '（最上层）', add_institution: '新增机构', add_below: '新增下级', below: '在“{name}”下新增', edit_title: '修改 {name}', empty: '没有找到机构或科室', counts: '{n} 家机构，{m} 个科室', show_closed: '显示已停用', close_it: '停用', open_it: '启用', close_sure: '停用后不能再选作受邀机构或岗位所在机构，已有的会诊和记录不变。确定停用“{name}”？', closed_done: '已停用', opened_done: '已启用', created: '已新增 {name}', code_help: '全联盟唯一，用于排班导入等', expand: '展开 {name}', fold: '收起 {name}',
  },
  {
    title: 'Institutions and departments', find: 'Name, pinyin initials or code', code: 'Code', level: 'Level', kind: 'Kind', specialty: 'Specialty', parent: 'Parent', top: '(top)', add_institution: 'Add an institution', add_below: 'Add below', below: 'Add below {name}', edit_title: 'Edit {name}', empty: 'No institution or department found', counts: '{n} {n|institution|institutions}, {m} {m|department|departments}', show_closed: 'Show closed', close_it: 'Close', open_it: 'Reopen', close_sure: 'Once closed it can no longer be consulted or chosen for a post; consultations and records are kept. Close {name}?', closed_done: 'Closed', opened_done: 'Reopened', created: '{name} was added', code_help: 'Unique in the consortium; used for roster import, among others', expand: 'Show what is below {name}', fold: 'Hide what is below {name}',
  },
)
