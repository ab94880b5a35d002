import { words } from '@/lib/i18n'

export const mw = words(
  {
    title: '角色权限', right: '权限', role: '角色', may: '有', may_not: '无', one_role: '查看一个角色', rights_of: '{role}可以', nothing: '此角色没有专门的权限，只能使用个人设置和通知', read_only: '角色由安装配置（config/roles.json）定义，此处只读；分配角色在“人员”里办理。',
    rule_scope: '有“查看”权限不等于看到全部：会诊只有经办双方和被指派的专家看得到，患者只在本机构内检索，排班和号源限本机构。', rule_admin: '医联体管理员、系统管理员和安全审计员不能查看任何健康数据。', rule_self: '任何人不能审核自己的申请，不能给自己授予角色。', rule_denied: '每一次被拒绝的操作都记入审计。', rules: '共同规则',
  },
  {
    title: 'Roles and rights', right: 'Right', role: 'Role', may: 'yes', may_not: 'no', one_role: 'Show one role', rights_of: '{role} may', nothing: 'This role has no rights beyond personal settings and notices', read_only: 'Roles are defined in the configuration (config/roles.json) and read-only here; assign them to people on the Staff page.',
    rule_scope: 'View rights are scoped: a consultation is visible to its two sides and the experts consulted; patients, roster and slots only within one\'s own institution.', rule_admin: 'Consortium administrators, system administrators and security auditors see no health data at all.', rule_self: 'No one approves their own request or grants themselves a role.', rule_denied: 'Every denied operation is recorded in the audit log.', rules: 'General rules',
  },
)
