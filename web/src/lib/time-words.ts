import { words } from './i18n'

export const t = words(
  {
    today: '今天 {time}',
    tomorrow: '明天 {time}',
    yesterday: '昨天 {time}',
    seconds: '{s} 秒',
    minutes: '{m} 分钟',
    hours: '{h} 小时',
    hours_minutes: '{h} 小时 {m} 分',
    days: '{d} 天',
    left: '剩余 {span}',
    over: '已超时 {span}',
  },
  {
    today: 'today {time}',
    tomorrow: 'tomorrow {time}',
    yesterday: 'yesterday {time}',
    seconds: '{s} s',
    minutes: '{m} min',
    hours: '{h} h',
    hours_minutes: '{h} h {m} min',
    days: '{d} {d|day|days}',
    left: '{span} left',
    over: 'overdue by {span}',
  },
)
