import { words } from '@/lib/i18n'

const rw = words(
  {
    applicant: '申请医师',
    head: '院长',
    township_head: '乡镇卫生院负责人',
    medical_affairs: '医务科',
    home_reviewer: '医政审核',
    dept_head: '科主任',
    dispatcher: '调度员',
    expert: '专家',
    reader: '诊断医师',
    auditor: '安全审计员',
    follow_up: '随访护士',
    nurse: '随访护士',
    teacher: '授课教师',
    trainee: '学员',
    manager: '管理者',
    consortium_admin: '医联体管理员',
    sysadmin: '系统管理员',
    sys_admin: '系统管理员',
    security_auditor: '安全审计员',
    index_steward: '主索引管理员',
    data_steward: '数据治理员',
    researcher: '科研人员',
    research_approver: '科研数据审批人',
    display: '调度大屏',
    patient: '患者',
  },
  {
    applicant: 'Requesting doctor',
    head: 'Head',
    township_head: 'Head of health centre',
    medical_affairs: 'Medical affairs',
    home_reviewer: 'Medical affairs',
    dept_head: 'Head of department',
    dispatcher: 'Dispatcher',
    expert: 'Expert',
    reader: 'Diagnostic doctor',
    auditor: 'Security auditor',
    follow_up: 'Follow-up nurse',
    nurse: 'Follow-up nurse',
    teacher: 'Teacher',
    trainee: 'Trainee',
    manager: 'Manager',
    consortium_admin: 'Consortium administrator',
    sysadmin: 'System administrator',
    sys_admin: 'System administrator',
    security_auditor: 'Security auditor',
    index_steward: 'Index steward',
    data_steward: 'Data steward',
    researcher: 'Researcher',
    research_approver: 'Approver of research data',
    display: 'Wall display',
    patient: 'Patient',
  },
)

export function roleName(code: string): string {
  return rw.maybe(code) ?? code
}
export function roleNames(codes: readonly string[], separator = ' · '): string {
  return [...new Set(codes.map(roleName))].join(separator)
}
