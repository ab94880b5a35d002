import { words } from '@/lib/i18n'

export const dw = words(
  {
    title: '影像设备', explain: '内镜、超声、术野摄像机等支持 RTSP、RTMP 或 SRT 的设备。登记后，本机构的主持人可在会诊室里接入它的画面（H.264）。服务器只访问这里登记的地址。', add: '登记设备', edit_title: '修改 {name}', empty: '还没有登记设备。登记后，会诊主持人可以把它的画面接入会诊室。', org: '所属机构', org_help: '只有这家机构的主持人能接入', kind: '协议', address: '地址', address_help: '不含用户名和密码，例如 {example}', user: '用户名', password: '密码', password_keep: '留空则沿用原密码；改了地址需重新填写', password_help: '加密保存，保存后不再显示', passphrase: '口令', passphrase_help: 'SRT 口令，10 至 79 个字符；没有则留空', enabled: '启用', in_use: '启用', off: '停用', has_password: '已设密码', no_password: '无密码', remove: '删除', remove_title: '删除“{name}”？', remove_text: '以后会诊室里不能再接入它。正在进行的会诊不受影响。', name_help: '会诊室里显示的名称，例如“内镜二室 胃镜”', removed: '已删除',
  },
  {
    title: 'Devices', explain: 'Endoscopes, ultrasound machines and theatre cameras reachable by RTSP, RTMP or SRT. Once registered, hosts of that institution can show the device (H.264) in the consultation room. The server connects to no other addresses.', add: 'Add a device', edit_title: 'Edit {name}', empty: 'No devices yet. Once registered, the host of a consultation can show a device in the room.', org: 'Institution', org_help: 'Only hosts from this institution can show the device', kind: 'Protocol', address: 'Address', address_help: 'Without name and password, e.g. {example}', user: 'User name', password: 'Password', password_keep: 'Leave empty to keep the current one; required again for a new address', password_help: 'Stored encrypted, not shown again after saving', passphrase: 'Passphrase', passphrase_help: 'SRT passphrase, 10 to 79 characters; leave empty if none', enabled: 'Active', in_use: 'Active', off: 'Off', has_password: 'Password set', no_password: 'No password', remove: 'Delete', remove_title: 'Delete "{name}"?', remove_text: 'It can no longer be shown in rooms. Sessions in progress are not affected.', name_help: 'As shown in the room, e.g. "Endoscopy 2, gastroscope"', removed: 'Deleted',
  },
)
