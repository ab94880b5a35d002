import { words } from '@/lib/i18n'

export const pw = words(
  {
    play: '播放', pause: '暂停', position: '播放位置', speed: '速度', mute: '静音', unmute: '打开声音', full: '全屏', back: '后退 10 秒', forward: '前进 10 秒',
    previous_mark: '上一个标记', next_mark: '下一个标记', enlarge: '放大 {name}', together: '并排显示', loading: '正在载入…', sound_only: '此时只有声音', nothing: '此时没有录到内容',
    recordings: '录像', recorded_at: '录制于 {time}，时长 {length}', sealed: '已封存', sealed_hash: '封存摘要 {hash}', not_sealed: '正在存入', not_whole: '录制曾中断', unnamed: '未知',
    play_failed: '录像打不开：{why}', lanes: '各路画面和声音', mic: '声音', camera: '画面', screen: '屏幕', camera2: '第二路画面', marks: '标记', no_marks: '没有标记',
    hole: '{why}，缺 {length}', hole_here: '这里没有录到：{why}', legend_on: '有内容', legend_hole: '缺失',
    mark_entered: '{names} 进入', mark_left: '{names} 离开', mark_removed: '{names} 被请出', mark_lost: '{names} 断线', mark_shown: '{names} 展示资料', mark_gap: '{names} 缺 {length}（{why}）', mark_killed: '服务器中断，录制到此为止',
    why_network: '网络丢包', why_disk: '服务器磁盘来不及写入', why_busy: '服务器繁忙', why_killed: '服务器中断', somebody: '有人',
    keys: '空格 播放/暂停；←→ 5 秒；J L 10 秒；[ ] 上/下一个标记；M 静音；F 全屏',
  },
  {
    play: 'Play', pause: 'Pause', position: 'Position', speed: 'Speed', mute: 'Mute', unmute: 'Sound on', full: 'Full screen', back: 'Back 10 seconds', forward: 'Forward 10 seconds',
    previous_mark: 'Mark before', next_mark: 'Next mark', enlarge: 'Enlarge {name}', together: 'Side by side', loading: 'Loading…', sound_only: 'Sound only at this time', nothing: 'Nothing was recorded at this time',
    recordings: 'Recordings', recorded_at: 'Recorded {time}, length {length}', sealed: 'sealed', sealed_hash: 'Seal {hash}', not_sealed: 'being stored', not_whole: 'was interrupted', unnamed: 'Unknown',
    play_failed: 'The recording cannot be opened: {why}', lanes: 'Pictures and voices', mic: 'voice', camera: 'picture', screen: 'screen', camera2: 'second picture', marks: 'Marks', no_marks: 'No marks',
    hole: '{why}, {length} missing', hole_here: 'Not recorded here: {why}', legend_on: 'recorded', legend_hole: 'missing',
    mark_entered: '{names} came in', mark_left: '{names} left', mark_removed: '{names} was removed', mark_lost: '{names} lost the line', mark_shown: '{names} showed a document', mark_gap: '{names}: {length} missing ({why})', mark_killed: 'The server stopped; the recording ends here',
    why_network: 'lost on the network', why_disk: 'the server\'s disk was too slow', why_busy: 'the server was overloaded', why_killed: 'the server stopped', somebody: 'Somebody',
    keys: 'Space: play or pause; ← →: 5 s; J L: 10 s; [ ]: mark before or after; M: mute; F: full screen',
  },
)
