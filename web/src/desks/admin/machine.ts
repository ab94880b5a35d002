// How the machine is (GET /machine, records/health): figures and verdicts are the server's, the sentences are here.
import { grouped } from '@/lib/i18n'
import { bytesText, dateText, dateTimeText, nearText, serverNow, spanText } from '@/lib/time'
import { mw } from './words-machine'

export type Level = 'ok' | 'warn' | 'bad'
interface Judged {
  level: Level
  why: string
}
interface Archive extends Judged {
  kind: 'archive'
  dir: string
  every_ms: number
  base_every_ms: number
  keep_days: number
  from_ms: number | null
  reached_ms: number | null
  base_ms: number | null
  checked_ms: number | null
  base_bytes: number
  bytes: number
  copies: number
  fault: string
  wrong: string
}
interface ServerLog extends Judged {
  kind: 'server_log'
  reached_ms: number | null
  failed_ms: number | null
}
interface NoBackup extends Judged {
  kind: 'none'
}
interface Files extends Judged {
  dir: string
  files?: number
  bytes?: number
  waiting?: number
  since_ms?: number | null
  compared_ms?: number | null
  fault?: string
  wrong?: string
}
interface Disk extends Judged {
  folders: { name: 'data' | 'record' | 'backup'; path: string }[]
  free_bytes: number
  total_bytes: number
  days_left: number | null
  hours_known: number
}
interface Trouble {
  name: string
  last_ms: number | null
  open: number
  why: 'failed' | 'dead' | 'quiet'
}
export interface Machine {
  now_ms: number
  program: Judged & { version: string; since_ms: number; clock_leaps: number }
  backup: Archive | ServerLog | NoBackup
  files: Files
  disks: Disk[]
  certificate: Judged & { file: string; ends_ms: number | null }
  database: Judged & { engine: 'sqlite' | 'postgresql'; server: string; bytes: number; log_bytes: number; version: number; standbys: number | null; in_step: number; behind_ms: number | null }
  media: Judged & { workers: number; load_percent: number | null; rooms: number; seats: number }
  exchange: Judged & { sources: number; open: number; stopped: number; items: Trouble[] }
}

/** One card: facts as name and value, and what to do when it is not well. */
export interface Card {
  key: string
  title: string
  level: Level
  head: string
  todo: string
  facts: [string, string][]
  to?: string
}

const ago = (ms: number | null): string => (ms ? mw('ago', { span: spanText(serverNow() - ms), at: nearText(ms) }) : mw('never'))
const todo = (part: string, why: string, params: Record<string, string | number> = {}): string => (why ? (mw.maybe(`${part}_${why}`, params) ?? why) : '')

function backupFacts(b: Machine['backup']): [string, string][] {
  if (b.kind === 'none') return []
  if (b.kind === 'server_log')
    return [
      [mw('b_kept'), ago(b.reached_ms)],
      ...(b.failed_ms ? ([[mw('b_failed'), ago(b.failed_ms)]] as [string, string][]) : []),
      [mw('b_copy'), mw('b_copy_elsewhere')],
    ]
  return [
    [mw('b_reached'), ago(b.reached_ms)],
    [mw('b_from'), b.from_ms ? dateTimeText(b.from_ms) : mw('never')],
    [mw('b_copy'), b.base_ms ? `${ago(b.base_ms)} · ${bytesText(b.base_bytes)}` : mw('never')],
    [mw('b_checked'), b.checked_ms ? ago(b.checked_ms) : mw('b_not_read')],
    [mw('b_where'), b.dir],
    [mw('b_size'), mw('b_size_of', { size: bytesText(b.bytes), n: b.copies })],
    ...(b.wrong ? ([[mw('b_log'), b.wrong]] as [string, string][]) : []),
    [mw('b_keep'), mw('b_keep_days', { n: b.keep_days, every: spanText(b.base_every_ms) })],
  ]
}

function backupHead(b: Machine['backup']): string {
  if (b.kind === 'none') return mw('b_no')
  if (!b.reached_ms) return mw('b_nothing')
  return mw('b_up_to', { at: nearText(b.reached_ms) })
}

/** Attachments and recordings: without backup.dir the card of the database says it all, unless that is a server's. */
function filesCard(m: Machine): Card[] {
  const f = m.files
  if (m.backup.kind === 'none') return []
  return [
    {
      key: 'files',
      title: mw('files'),
      level: f.level,
      head: f.why === 'none' ? mw('b_no') : f.waiting ? mw('fi_waiting', { n: grouped(f.waiting) }) : mw('fi_copied', { n: grouped(f.files ?? 0) }),
      todo: todo('fi', f.why, { text: mw.maybe(`bf_${f.fault}`) ?? mw('b_reason') }),
      facts: f.dir
        ? [
            [mw('fi_count'), `${grouped(f.files ?? 0)} · ${bytesText(f.bytes ?? 0)}`],
            ...(f.since_ms ? ([[mw('fi_since'), ago(f.since_ms)]] as [string, string][]) : []),
            [mw('fi_compared'), f.compared_ms ? ago(f.compared_ms) : mw('fi_not_compared')],
            [mw('b_where'), f.dir],
            [mw('fi_key'), mw('fi_key_text')],
            ...(f.wrong ? ([[mw('b_log'), f.wrong]] as [string, string][]) : []),
          ]
        : [],
    },
  ]
}

function diskCard(d: Disk, n: number): Card {
  const part = d.total_bytes ? Math.floor((100 * d.free_bytes) / d.total_bytes) : 0
  const days = d.days_left === null ? mw(d.hours_known < 6 ? 'd_days_unknown' : 'd_days_no', { n: Math.max(0, d.hours_known) }) : mw('d_days_n', { n: d.days_left, h: d.hours_known })
  return {
    key: `disk${n}`,
    title: mw('disk', { names: d.folders.map((f) => mw(`f_${f.name}`)).join(' · ') }),
    level: d.level,
    head: d.total_bytes ? mw('d_free', { free: bytesText(d.free_bytes), total: bytesText(d.total_bytes), part }) : mw('d_absent'),
    todo: d.why ? (mw.maybe(`d_${d.why}_${d.folders[0]?.name}`, { n: d.days_left ?? 0 }) ?? todo('d', d.why, { n: d.days_left ?? 0 })) : '',
    facts: [[mw('d_rate'), days], ...d.folders.map((f): [string, string] => [mw(`f_${f.name}`), f.path])],
  }
}

function databaseFacts(d: Machine['database']): [string, string][] {
  const out: [string, string][] = [
    [mw('db_engine'), `${d.engine === 'sqlite' ? mw('db_file') : 'PostgreSQL'} ${d.server}`],
    [mw('db_size'), d.engine === 'sqlite' ? mw('db_size_log', { size: bytesText(d.bytes), log: bytesText(d.log_bytes) }) : bytesText(d.bytes)],
    [mw('db_version'), String(d.version)],
  ]
  if (d.engine === 'postgresql') out.push([mw('db_standby'), d.standbys === null ? mw('db_hidden') : d.standbys ? mw('db_standbys', { n: d.standbys, s: d.in_step, lag: d.behind_ms === null ? '–' : spanText(d.behind_ms) }) : mw('db_no_standby')])
  return out
}

export const troubleText = (t: Trouble): string => mw(`x_${t.why}`, { n: grouped(t.open), at: t.last_ms ? nearText(t.last_ms) : '–' })

export function cardsOf(m: Machine): Card[] {
  const ends = m.certificate.ends_ms
  const days = ends ? Math.floor((ends - m.now_ms) / 86_400_000) : 0
  return [
    { key: 'backup', title: mw('backup'), level: m.backup.level, head: backupHead(m.backup), todo: todo('b', m.backup.why, { text: m.backup.kind === 'archive' ? (mw.maybe(`bf_${m.backup.fault}`) ?? mw('b_reason')) : '' }), facts: backupFacts(m.backup) },
    ...filesCard(m),
    ...m.disks.map(diskCard),
    { key: 'database', title: mw('database'), level: m.database.level, head: mw(m.database.why === 'damaged' ? 'db_is_damaged' : m.database.why === 'stuck' ? 'db_is_stuck' : 'db_answers'), todo: todo('db', m.database.why), facts: databaseFacts(m.database) },
    { key: 'certificate', title: mw('certificate'), level: m.certificate.level, head: ends ? mw(days < 0 ? 'c_over' : 'c_until', { at: dateText(ends), n: Math.abs(days) }) : mw('c_none'), todo: todo('c', m.certificate.why), facts: [[mw('c_file'), m.certificate.file || '–']] },
    {
      key: 'exchange', title: mw('exchange'), level: m.exchange.level, head: m.exchange.sources ? mw('x_in_use', { n: m.exchange.sources }) : mw('x_none'), todo: todo('x', m.exchange.why),
      facts: [[mw('x_open'), grouped(m.exchange.open)], [mw('x_stopped_n'), grouped(m.exchange.stopped)], ...m.exchange.items.map((t): [string, string] => [t.name, troubleText(t)])],
      to: m.exchange.why === 'stopped' ? '/admin/exchange?tab=out' : m.exchange.open ? '/admin/exchange?tab=dead' : '/admin/exchange',
    },
    {
      key: 'media', title: mw('media'), level: m.media.level, head: m.media.rooms ? mw('m_rooms', { n: m.media.rooms, s: m.media.seats }) : mw('m_no_rooms'), todo: todo('m', m.media.why),
      facts: [[mw('m_load'), m.media.load_percent === null ? mw('m_unknown') : mw('m_load_of', { n: m.media.load_percent, w: m.media.workers })]],
      to: '/admin/rooms',
    },
    { key: 'program', title: mw('program'), level: m.program.level, head: mw('p_since', { span: spanText(m.now_ms - m.program.since_ms) }), todo: todo('p', m.program.why, { n: m.program.clock_leaps }), facts: [[mw('p_version'), m.program.version || '–'], [mw('p_began'), dateTimeText(m.program.since_ms)]] },
  ]
}
