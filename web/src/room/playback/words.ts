import { words } from '@/lib/i18n'

export const pw = words(
  {
    play: '播放', pause: '暂停', position: '播放位置', speed: '速度', mute: '静音', unmute: '打开声音', full: '全屏', back: '后退 10 秒', forward: '前进 10 秒',
    previous_mark: '上一个标记', next_mark: '下一个标记', enlarge: '放大 {name}', together: '并排显示', loading: '正在载入…', sound_only: '此时只有声音', nothing: '此时没有录到内容',
    recordings: '录像', recorded_at: '录制于 {time}，时长 {length}', sealed: '已封存', sealed_hash: '封存摘要 {hash}', not_sealed: '正在存入', not_whole: '录制曾中断', unnamed: '未知',
    play_failed: '录像打不开：{why}', lanes: '各路画面和声音', mic: '声音', camera: '画面', screen: '屏幕', camera2: '第二路画面', marks: '标记', no_marks: '没有标记',
    hole: '{why}，缺 {length}', hole_here: '这里没有录到：{why}', legend_on: '有内容', legend_hole: '缺失',
    mark_entered: '{names} 进入', mark_left: '{names} 离开', mark_removed: '{names} 被请出', mark_lost: '{names} 断线', mark_shown: '{names} 展示资料', mark_gap: '{names} 缺 {length}（{why}）', mark_killed: '服务器中断，录制到此为止',
    films: '合成影片', film: '影片', films_help: '把各路画面和声音合成一个 MP4 文件，可在任何播放器中观看。斜纹处表示那一路没有录到。', films_not_here: '本服务器没有启用影片合成。', layout: '版式', make_film: '合成影片',
    layout_grid: '宫格', layout_grid_help: '各方同样大小', layout_speaker: '发言人', layout_speaker_help: '谁说话谁放大', layout_slides: '屏幕加发言人', layout_slides_help: '共享屏幕放大，人像在旁',
    film_queued: '排队中', film_running: '正在合成', film_done: '已完成', film_failed: '未完成', film_cancelled: '已取消', film_cancel: '取消', film_show: '观看', film_hide: '收起', film_save: '下载', film_by: '{name} 申请于 {time}',
    film_error: '合成失败，可以重新申请。', film_error_timeout: '合成超时，可以重新申请。', film_error_interrupted: '服务器多次中断，合成未完成，可以重新申请。', film_error_storage: '服务器磁盘写入失败，可以重新申请。',
    why_network: '网络丢包', why_disk: '服务器磁盘来不及写入', why_busy: '服务器繁忙', why_killed: '服务器中断', why_source: '对方设备卡顿', somebody: '有人',
    keys: '空格 播放/暂停；←→ 5 秒；J L 10 秒；[ ] 上/下一个标记；M 静音；F 全屏',
  },
  {
    play: 'Play', pause: 'Pause', position: 'Position', speed: 'Speed', mute: 'Mute', unmute: 'Sound on', full: 'Full screen', back: 'Back 10 seconds', forward: 'Forward 10 seconds',
    previous_mark: 'Mark before', next_mark: 'Next mark', enlarge: 'Enlarge {name}', together: 'Side by side', loading: 'Loading…', sound_only: 'Sound only at this time', nothing: 'Nothing was recorded at this time',
    recordings: 'Recordings', recorded_at: 'Recorded {time}, length {length}', sealed: 'sealed', sealed_hash: 'Seal {hash}', not_sealed: 'being stored', not_whole: 'was interrupted', unnamed: 'Unknown',
    play_failed: 'The recording cannot be opened: {why}', lanes: 'Pictures and voices', mic: 'voice', camera: 'picture', screen: 'screen', camera2: 'second picture', marks: 'Marks', no_marks: 'No marks',
    hole: '{why}, {length} missing', hole_here: 'Not recorded here: {why}', legend_on: 'recorded', legend_hole: 'missing',
    mark_entered: '{names} came in', mark_left: '{names} left', mark_removed: '{names} was removed', mark_lost: '{names} lost the line', mark_shown: '{names} showed a document', mark_gap: '{names}: {length} missing ({why})', mark_killed: 'The server stopped; the recording ends here',
    films: 'Films', film: 'Film', films_help: 'All pictures and voices in one MP4 file, for any player. Stripes stand where that picture was not recorded.', films_not_here: 'This server makes no films.', layout: 'Layout', make_film: 'Make a film',
    layout_grid: 'Grid', layout_grid_help: 'everybody equally large', layout_speaker: 'Speaker', layout_speaker_help: 'who speaks is large', layout_slides: 'Screen and speaker', layout_slides_help: 'the shared screen large, people beside',
    film_queued: 'waiting', film_running: 'being made', film_done: 'ready', film_failed: 'not made', film_cancelled: 'cancelled', film_cancel: 'Cancel', film_show: 'Watch', film_hide: 'Close', film_save: 'Download', film_by: 'asked for by {name}, {time}',
    film_error: 'It could not be made. You can ask for it again.', film_error_timeout: 'It took too long. You can ask for it again.', film_error_interrupted: 'The server stopped several times. You can ask for it again.', film_error_storage: 'The server could not write to its disk. You can ask for it again.',
    why_network: 'lost on the network', why_disk: 'the server\'s disk was too slow', why_busy: 'the server was overloaded', why_killed: 'the server stopped', why_source: 'the sender\'s device stalled', somebody: 'Somebody',
    keys: 'Space: play or pause; ← →: 5 s; J L: 10 s; [ ]: mark before or after; M: mute; F: full screen',
  },
)
