import { words } from '@/lib/i18n'

/** Texts of the tab on which our own objects go out. */
export const ow = words(
  {
    tab: '数据推送', explain: '本平台的患者、会诊、会诊报告和预约，推送给数据中心、各院 HIS、科研平台。首次推送全部，之后推送变更；每个接收方有自己的连续编号，断线后从中断处继续，不会丢失；重发的沿用原编号。', add: '登记接收方', edit_title: '修改接收方：{name}', empty: '还没有接收方',
    no_allow: '服务器尚未设置允许推送的地址（outgoing.allow）：只能登记自行拉取的接收方', allowed: '只能推送到服务器允许的地址：{list}',
    receiver: '接收方', content: '推送内容', progress: '进度', last_ok: '最近送达', state: '状态', never: '尚无',
    k_patient: '患者', k_consultation: '会诊', k_report: '会诊报告', k_appointment: '预约', subscription: 'FHIR 订阅 · {type}',
    pulled: '自行拉取', sees_all: '全医联体视角', up_to: '已送达 {acked}，最新 {last}', waits: '待送 {n}', lag: '已等待 {span}', exporting: '正在全量推送', dead_n: '被拒 {n}',
    s_active: '正常', s_trying: '重试中', s_paused: '已暂停', s_error: '已停止', s_off: '已结束', s_going: '推送中', trying: '{error}；第 {n} 次失败，{time} 再试', error_is: '连续被拒，已停止：{error}',
    pause: '暂停', resume: '继续', look: '查看', url: '推送地址', url_help: '留空则由对方凭接口客户端身份自行拉取（/fhir/$feed）', url_pull: '对方自行拉取', kinds: '推送内容', org: '以哪个机构的视角', org_help: '脱敏与可见范围按此机构计算；不选则为全医联体', all_orgs: '全医联体',
    client: '接口客户端', client_help: '选定后，其授权范围是上限；自行拉取时必选', no_client: '不限定', secret: '签名密钥', secret_help: '至少 16 位；对方用它核对 X-Yilian-Signature。可不填', secret_keep: '留空则保留现有密钥', make_secret: '生成', secret_copy: '请现在复制给对方，保存后不再显示',
    batch: '每条消息最多几项', batch_help: '1 至 50', export: '先推送全部现有数据', dead: '被拒的数据', dead_empty: '没有被拒的数据', seq: '编号', thing: '数据', reason: '对方答复', when: '时间', retry: '重发', drop: '放弃', retry_all: '全部重发', dropped: '已放弃', retried: '已排队重发',
    replay: '从编号重新推送', replay_help: '从这个编号起的数据按原编号再送一次；保留 30 天', replay_do: '重新推送', replayed: '{n} 项已排队', export_again: '重新全量推送', export_asked: '全量推送已排队', export_sure: '全部现有数据将以新编号再送一次。数据量大时需要较长时间。', remove: '删除接收方', remove_sure: '将删除“{name}”及其待送数据，不可恢复。', removed: '已删除', paused: '已暂停', resumed: '已继续', by_client: 'FHIR 订阅由客户端自己修改或删除，这里可以暂停。',
    until: '到期', r_not_allowed: '不在服务器允许的地址之内（outgoing.allow）', r_required_without_client: '没有推送地址时，须选定接口客户端', r_nothing_kept: '没有可重新推送的数据', r_range: '须在 {n} 之间',
  },
  {
    tab: 'Outgoing', explain: 'Patients, consultations, reports and appointments of this platform go out to data centres, hospital systems and research platforms. First everything, then each change; every receiver has numbers of its own without gaps and goes on where it was broken off: nothing is lost, and what comes twice has the same number.', add: 'Register a receiver', edit_title: 'Change receiver: {name}', empty: 'No receiver yet',
    no_allow: 'The server has no addresses it may send to (outgoing.allow): only receivers who fetch can be registered', allowed: 'Only to addresses the server allows: {list}',
    receiver: 'Receiver', content: 'What goes', progress: 'Progress', last_ok: 'Last taken', state: 'State', never: 'None yet',
    k_patient: 'Patients', k_consultation: 'Consultations', k_report: 'Reports', k_appointment: 'Appointments', subscription: 'FHIR Subscription · {type}',
    pulled: 'Fetched by the receiver', sees_all: 'Sees the whole consortium', up_to: 'Taken to {acked} of {last}', waits: '{n} waiting', lag: 'for {span}', exporting: 'Sending everything', dead_n: '{n} refused',
    s_active: 'Fine', s_trying: 'Trying again', s_paused: 'Paused', s_error: 'Stopped', s_off: 'Ended', s_going: 'Sending', trying: '{error}; failed {n} times, again {time}', error_is: 'Refused in a row, stopped: {error}',
    pause: 'Pause', resume: 'Go on', look: 'Details', url: 'Address', url_help: 'Empty: the receiver fetches as a machine client (/fhir/$feed)', url_pull: 'The receiver fetches', kinds: 'What goes', org: 'With whose eyes', org_help: 'What is masked and seen is reckoned for this institution; none: the whole consortium', all_orgs: 'The whole consortium',
    client: 'Machine client', client_help: 'Its scopes are then the limit; required when the receiver fetches', no_client: 'None', secret: 'Key of the signature', secret_help: 'At least 16 characters; the receiver checks X-Yilian-Signature with it. Optional', secret_keep: 'Empty: the key stays', make_secret: 'Make one', secret_copy: 'Copy it for the receiver now; it is not shown again',
    batch: 'Entries a message at most', batch_help: '1 to 50', export: 'Send everything there is first', dead: 'Refused', dead_empty: 'Nothing was refused', seq: 'Number', thing: 'Entry', reason: 'Answer', when: 'Time', retry: 'Send again', drop: 'Give up', retry_all: 'Send all again', dropped: 'Given up', retried: 'Queued again',
    replay: 'Replay from a number', replay_help: 'What has this number or a higher one goes once more under the same numbers; kept for 30 days', replay_do: 'Replay', replayed: '{n} entries queued', export_again: 'Send everything again', export_asked: 'Everything is queued', export_sure: 'Everything there is goes once more, under new numbers. With many patients this takes its time.', remove: 'Remove the receiver', remove_sure: '“{name}” and what waits for it will be removed. This cannot be undone.', removed: 'Removed', paused: 'Paused', resumed: 'Goes on', by_client: 'A FHIR Subscription is changed and removed by its client; it can be paused here.',
    until: 'Ends', r_not_allowed: 'Not among the addresses the server allows (outgoing.allow)', r_required_without_client: 'Without an address a machine client is needed', r_nothing_kept: 'There is nothing to replay', r_range: 'Must be within {n}',
  },
)
