import { words } from '@/lib/i18n'

export const dw = words(
  {
    title: '会诊', inbox: '待我处理', mine: '与我有关', all: '全部', view: '范围', state: '状态', urgency: '紧急程度', overdue: '只看超时', search: '会诊编号', any: '全部', number: '编号', patient: '患者', due: '时限', holder: '当前处理人', route: '申请 → 受邀', empty: '还没有会诊。申请医师登记患者、填好申请并提交后，会诊列在这里。', empty_inbox: '没有待您处理的会诊', more: '更多', total: '共 {n} 例，超时 {m} 例', paused: '计时已暂停', new_case: '新建会诊',
    org: '机构', kind: '方式', filters: '筛选', clear: '清除筛选', acts: '处理', acts_of: '处理会诊 {number}', open_case: '打开会诊', stale: '刚才有人更新了此会诊，已载入最新内容，请核对后再操作', late_n: '超时 {n}', open_wall: '大屏', counts_all: '以下数字按所选机构、紧急程度等筛选统计', holder_n: '{name}（{n}）', by_state: '按状态', empty_filter: '没有符合筛选条件的会诊',
    wall: '会诊时限大屏', wall_lost: '与服务器的连接已断开，正在重连。', wall_as_of: '显示的是 {time} 的数据', wall_counts: '数量', wall_overdue: '超时', wall_active: '进行中', wall_late_n: '超时 {n}', wall_list: '按时限排列', wall_none: '当前没有计时中的会诊', wall_route: '申请方 → 受邀方', wall_late: '已超 {span}', wall_left: '剩 {span}', wall_states: '按状态', wall_loading: '正在载入…', full_screen: '全屏', leave_wall: '退出大屏',
  },
  {
    title: 'Consultations', inbox: 'Waiting for me', mine: 'Involving me', all: 'All', view: 'Show', state: 'State', urgency: 'Urgency', overdue: 'Overdue only', search: 'Consultation number', any: 'All', number: 'Number', patient: 'Patient', due: 'Due', holder: 'Now with', route: 'From → to', empty: 'No consultations yet. They are listed here once a requesting doctor registers a patient, completes a request and submits it.', empty_inbox: 'No consultations are waiting for you', more: 'More', total: '{n} in total, {m} overdue', paused: 'clock paused', new_case: 'New consultation',
    org: 'Institution', kind: 'Kind', filters: 'Filters', clear: 'Clear filters', acts: 'Action', acts_of: 'Consultation {number}', open_case: 'Open consultation', stale: 'Someone has just updated this consultation; the latest version is loaded. Please check it before you act.', late_n: '{n} late', open_wall: 'Wall', counts_all: 'Counts follow the institution, urgency and other filters', holder_n: '{name} ({n})', by_state: 'By state', empty_filter: 'No consultations match the filters',
    wall: 'Deadlines', wall_lost: 'The connection to the server is lost; reconnecting.', wall_as_of: 'Showing data as of {time}', wall_counts: 'Counts', wall_overdue: 'overdue', wall_active: 'in progress', wall_late_n: '{n} late', wall_list: 'By deadline', wall_none: 'No consultations are being timed', wall_route: 'From → to', wall_late: '{span} late', wall_left: '{span} left', wall_states: 'By state', wall_loading: 'Loading…', full_screen: 'Full screen', leave_wall: 'Exit wall screen',
  },
)
