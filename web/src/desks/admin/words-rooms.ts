import { words } from '@/lib/i18n'

export const rw = words(
  {
    title: '音视频运行', explain: '会诊室和直播间的线路与画面：只有编号、席位、机构和数字，没有姓名、病历和画面内容。每次查看都有审计记录。', live: '正在进行', ended: '历次会话',
    number: '编号', kind: '类型', since: '开始', seats: '席位', orgs: '机构', line: '线路', consultation: '会诊', lecture: '直播', st_open: '等人', st_live: '进行中', st_interrupted: '中断', st_ended: '已结束', seats_n: '{n} 席', waiting_n: '等候 {n}', audience_n: '观众 {n}', recording: '录像中', none_live: '现在没有进行中的会诊室或直播间', look: '查看', close: '收起', gone: '这个房间已经结束。',
    good: '良好', fair: '一般', poor: '较差', lost: '断线', host: '申请方', expert: '专家', member: '成员', guest: '家属', machine: '设备', waiting: '等候', away: '离开', admitted: '在场',
    up: '上行', down: '下行', way_none: '未连通', way_udp: 'UDP', way_tcp: 'TCP', way_inside: '本机接入', relayed: '经中继', ip: 'IPv{n}', rtt: '往返 {n} ms', loss: '丢包 {n}', jitter: '抖动 {n} ms', line_up: '浏览器估计上行可达 {n}', line_down: '估计下行可达 {n}', queue: '排队 {n} ms', not_connected: '没有媒体连接',
    limited_bandwidth: '发送受上行带宽限制', limited_cpu: '发送受电脑性能限制', freezes_n: '本人看到停顿 {n} 次',
    sent: '发出', received: '收到', show_received: '收到的画面与声音', hide_received: '收起收到的流', nothing_sent: '没有发出音视频', nothing_received: '没有收到音视频',
    from: '来自', mic: '声音', camera: '画面', camera2: '第二路画面', screen: '屏幕', codec: '编码', layer: '层', layer_n: '{n}/{m}', size: '分辨率', rate: '码率', lost_share: '丢包', jitter_col: '抖动', nack: 'NACK', rtx: '重传', keys: '关键帧请求', freezes: '停顿', grades: '等级（近 3 分钟）', state: '状态',
    f_ok: '正常', f_rests: '休眠（无人需要）', f_silent: '没有数据', f_never: '未提供', f_paused: '已暂停', f_waits: '等关键帧', r_none: '完整', r_frames: '减帧', r_size: '降为小图', r_held: '未发送（线路太窄）',
    inside: '服务器内耗时', inside_text: '近两分钟：一半不超过 {p50}，99% 不超过 {p99}', inside_none: '还没有数据', inside_help: '从收到一批包到交还网卡（已为每个收看者加密）的时间', over: '超过 {t}', upto: '不超过 {t}', times: '{n} 次',
    trail: '近 {t}：{parts}', trail_none: '还没有等级', share: '{g} 级 {n}%',
    day: '日期', org: '机构', grade: '等级', any: '全部', all_orgs: '全部机构', people: '参加', duration: '时长', going: '进行中', none_ended: '这一天没有符合条件的会话', truncated: '只显示最近 200 次，请缩小范围。', not_measured: '未测', measured_after: '结束后给出', people_n: '{n} 席',
    why: '原因', why_none: '没有发现问题', why_loss: '丢包 {n}', why_rtt: '往返时延 {n} ms', why_cut: '断线 {t}', why_bandwidth: '本机上行带宽不足', why_cpu: '本机性能不足', why_frozen: '收到的画面停顿 {t}', why_reduced: '收到的画面被减帧或缩小：本机下行线路窄', time: '经过', time_help: '每格约五分钟，取线路与画面中最差的等级', received_pictures: '收到的画面', late: '延迟', frozen: '停顿', legend: '等级为九成时间达到或优于的水平：A 原样清晰，B 略有影响，C 缩小或停顿，D 基本不可用。',
  },
  {
    title: 'Calls', explain: 'Connection and media quality of consultation rooms and lectures: numbers, seats and institutions only; no names, records or content. Every view is recorded in the audit log.', live: 'In progress', ended: 'Past sessions',
    number: 'Number', kind: 'Kind', since: 'Since', seats: 'Seats', orgs: 'Institutions', line: 'Line', consultation: 'Consultation', lecture: 'Lecture', st_open: 'Waiting for people', st_live: 'In progress', st_interrupted: 'Interrupted', st_ended: 'Ended', seats_n: '{n} {n|seat|seats}', waiting_n: '{n} waiting', audience_n: '{n} watching', recording: 'Recorded', none_live: 'No consultation room or lecture is live now', look: 'Details', close: 'Close', gone: 'This room has ended.',
    good: 'good', fair: 'fair', poor: 'poor', lost: 'cut off', host: 'Requesting side', expert: 'Expert', member: 'Member', guest: 'Family', machine: 'Device', waiting: 'waiting', away: 'away', admitted: 'in the room',
    up: 'Up', down: 'Down', way_none: 'not connected', way_udp: 'UDP', way_tcp: 'TCP', way_inside: 'on this machine', relayed: 'through a relay', ip: 'IPv{n}', rtt: '{n} ms round trip', loss: '{n} lost', jitter: '{n} ms jitter', line_up: 'browser estimates {n} upstream', line_down: 'about {n} downstream', queue: '{n} ms queue', not_connected: 'No media connection',
    limited_bandwidth: 'sending less: limited uplink', limited_cpu: 'sending less: computer busy', freezes_n: '{n} {n|freeze|freezes} seen',
    sent: 'Sends', received: 'Receives', show_received: 'Show received media', hide_received: 'Hide received media', nothing_sent: 'Sends no video or audio', nothing_received: 'Receives no video or audio',
    from: 'From', mic: 'voice', camera: 'camera', camera2: 'second picture', screen: 'screen', codec: 'Codec', layer: 'Layer', layer_n: '{n}/{m}', size: 'Size', rate: 'Rate', lost_share: 'Lost', jitter_col: 'Jitter', nack: 'NACK', rtx: 'RTX', keys: 'Keyframe requests', freezes: 'Freezes', grades: 'Grade (last 3 min)', state: 'State',
    f_ok: 'running', f_rests: 'idle: not needed', f_silent: 'no data', f_never: 'not offered', f_paused: 'paused', f_waits: 'waiting for a keyframe', r_none: 'whole', r_frames: 'fewer frames', r_size: 'smaller', r_held: 'not sent: link too slow',
    inside: 'Time inside the server', inside_text: 'last two minutes: half within {p50}, 99% within {p99}', inside_none: 'nothing measured yet', inside_help: 'From receiving packets to handing them on, encrypted for each receiver', over: 'over {t}', upto: 'up to {t}', times: '{n} {n|time|times}',
    trail: 'last {t}: {parts}', trail_none: 'no grade yet', share: '{g} {n}%',
    day: 'Day', org: 'Institution', grade: 'Grade', any: 'All', all_orgs: 'All institutions', people: 'People', duration: 'Length', going: 'in progress', none_ended: 'No sessions match on this day', truncated: 'Only the latest 200 are shown; narrow the filters.', not_measured: 'not measured', measured_after: 'after it ends', people_n: '{n} {n|seat|seats}',
    why: 'Why', why_none: 'nothing found', why_loss: '{n} lost', why_rtt: '{n} ms round trip', why_cut: 'cut off for {t}', why_bandwidth: 'its uplink was too slow', why_cpu: 'its computer was too slow', why_frozen: 'video frozen for {t}', why_reduced: 'video reduced in frame rate or size: its downlink was slow', time: 'Over time', time_help: 'About five minutes each; the worst of connection and video', received_pictures: 'Video received', late: 'Late', frozen: 'Frozen', legend: 'The grade was met or exceeded 90% of the time: A as sent, B slightly reduced, C smaller or choppy, D barely usable.',
  },
)
