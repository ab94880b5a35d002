import { words } from '@/lib/i18n'

export const mw = words(
  {
    title: '角色权限', right: '权限', role: '角色', may: '有', may_not: '无', one_role: '查看一个角色', rights_of: '{role}可以', nothing: '此角色没有专门的权限，只能使用个人设置和通知', read_only: '角色由安装配置（config/roles.json）定义，此处只读；分配角色在“人员”里办理。',
    rule_scope: '有“查看”权限不等于看到全部：会诊只有经办双方和被指派的专家看得到，患者只在本机构内检索，排班和号源限本机构。', rule_admin: '医联体管理员、系统管理员和安全审计员不能查看任何健康数据。', rule_self: '任何人不能审核自己的申请，不能给自己授予角色。', rule_denied: '每一次被拒绝的操作都记入审计。', rules: '共同规则',
  },
  {
    title: 'Roles and rights', right: 'Right', role: 'Role', may: 'yes', may_not: 'no', one_role: 'Look at one role', rights_of: '{role} may', nothing: 'This role has no rights of its own beside personal settings and notices', read_only: 'Roles are defined by the configuration (config/roles.json) and read-only here; they are given to people on the staff page.',
    rule_scope: 'A right to read does not mean everything: a consultation is seen by its two sides and the experts asked, patients are searched within one\'s institution, roster and slots are the institution\'s.', rule_admin: 'Consortium administrators, system administrators and security auditors see no health data at all.', rule_self: 'Nobody approves his own request or grants himself a role.', rule_denied: 'Every denied act is in the audit.', rules: 'Rules for all',
  },
)
