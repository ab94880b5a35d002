import { words } from '@/lib/i18n'

export const q = words(
  {
    title: '通话质量', none: '还没有通话质量数据：通话满一分钟或有人离开后记录。', who: '参加人', grade: '线路', time: '时长', loss: '丢包', rtt: '往返', up: '上行', down: '下行', pictures: '收到的画面', picture: '画面', from: '来自', late: '延迟', frozen: '停顿',
    good: '良好', fair: '一般', poor: '较差', lost: '断线', host: '申请方', expert: '专家', member: '成员', guest: '家属', machine: '设备', camera: '画面', camera2: '第二路画面', screen: '屏幕', mic: '声音', session: '会诊 {time}', going: '进行中', to: '{name} 收到的画面',
    legend: '等级为九成时间达到或优于的水平：A 原样清晰，B 略有影响，C 画面缩小或停顿，D 基本不可用。',
  },
  {
    title: 'Call quality', none: 'No measurements yet: figures appear after one minute of a call, or when someone leaves.', who: 'Who', grade: 'Line', time: 'Time', loss: 'Lost', rtt: 'Round trip', up: 'Up', down: 'Down', pictures: 'Video received', picture: 'Picture', from: 'From', late: 'Late', frozen: 'Frozen',
    good: 'good', fair: 'fair', poor: 'poor', lost: 'cut off', host: 'requesting side', expert: 'expert', member: 'member', guest: 'family', machine: 'device', camera: 'camera', camera2: 'second picture', screen: 'screen', mic: 'voice', session: 'Session {time}', going: 'in progress', to: 'Video received by {name}',
    legend: 'The grade was met or exceeded 90% of the time: A as sent, B slightly reduced, C smaller or choppy, D barely usable.',
  },
)
