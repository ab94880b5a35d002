import { words } from '@/lib/i18n'

export const dw = words(
  { title: '会诊', inbox: '待我处理', mine: '与我有关', all: '全部', view: '范围', state: '状态', urgency: '紧急程度', overdue: '只看超时', search: '编号或患者', any: '全部', number: '编号', patient: '患者', due: '时限', holder: '当前处理人', target: '受邀方', empty: '没有会诊', more: '更多', total: '共 {n} 例,超时 {m} 例', paused: '计时已暂停', new_case: '新建会诊' },
  { title: 'Consultations', inbox: 'Waiting for me', mine: 'Mine', all: 'All', view: 'Which', state: 'State', urgency: 'Urgency', overdue: 'Overdue only', search: 'Number or patient', any: 'All', number: 'Number', patient: 'Patient', due: 'Due', holder: 'Now with', target: 'Asked', empty: 'No consultations', more: 'More', total: '{n} in all, {m} overdue', paused: 'clock paused', new_case: 'New consultation' },
)
