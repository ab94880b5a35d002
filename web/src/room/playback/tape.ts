// What a recording holds, laid out on one time line: per person and source a lane of files (a long track is several), what is missing in them,
// and what happened meanwhile. All times are milliseconds since the recording began. Pure.
import type { Recording, RecordingTrack } from '@/lib/cases'

export interface Piece {
  file: RecordingTrack
  from: number
  to: number
}
export interface Hole {
  from: number
  /** The same as `from`: the process ended here. */
  to: number
  lost: number
  why: string
}
export interface Lane {
  key: string
  name: string
  source: string
  kind: 'audio' | 'video'
  pieces: Piece[]
  holes: Hole[]
}
export interface Mark {
  at: number
  kind: 'entered' | 'left' | 'removed' | 'lost' | 'shown' | 'gap' | 'killed'
  names: string[]
  /** Of a gap: its length and cause. */
  length: number
  why: string
}

/** Losses shorter than this are not worth a mark; they stand in the lane all the same. */
const MARK_MS = 500
/** What is lost at the same time to several is one event. */
const TOGETHER_MS = 2000
/** Tracks do not begin in the same instant, nor end in one. */
const EDGE_MS = 1500

export function lanes(r: Recording): Lane[] {
  const all = new Map<string, Lane>()
  for (const file of [...r.tracks].sort((a, b) => a.started_ms - b.started_ms)) {
    const key = `${file.who.id ?? file.who.name} ${file.source} ${file.kind}`
    let lane = all.get(key)
    if (!lane) all.set(key, (lane = { key, name: file.who.name, source: file.source, kind: file.kind, pieces: [], holes: [] }))
    const from = Math.max(0, file.started_ms - r.started_ms)
    lane.pieces.push({ file, from, to: from + file.duration_ms })
    for (const g of file.gaps ?? []) if (g.why !== 'quiet') lane.holes.push({ from: from + g.begin_ms, to: from + g.begin_ms + g.length_ms, lost: g.lost_ms, why: g.why })
  }
  const order = (l: Lane): string => `${l.name} ${l.kind === 'video' ? 0 : 1}`
  return [...all.values()].sort((a, b) => order(a).localeCompare(order(b)))
}

/** What stands on the screen at that time; at the very beginning what comes first, at the very end what stood there last. */
export const showsAt = (p: Piece, at: number, duration: number): boolean => (at >= p.from || p.from < EDGE_MS) && (at < p.to || p.to > duration - EDGE_MS)
export const holeAt = (lane: Lane, at: number): Hole | undefined => lane.holes.find((h) => at >= h.from && at < h.to)

/** Files that play at `at`, or will within `ahead`: more need not be open. */
export function wanted(all: Lane[], at: number, ahead: number): Piece[] {
  return all.flatMap((l) => l.pieces.filter((p) => p.to > at - 1000 && p.from < at + ahead))
}

function gapMarks(all: Lane[]): Mark[] {
  const found: Mark[] = []
  const holes = all.flatMap((l) => l.holes.map((h) => ({ ...h, name: l.name }))).sort((a, b) => a.from - b.from)
  for (const h of holes) {
    const killed = h.why === 'killed'
    if (!killed && h.lost < MARK_MS) continue
    const near = found.find((m) => (m.kind === 'killed') === killed && m.why === h.why && Math.abs(m.at - h.from) < TOGETHER_MS)
    if (!near) found.push({ at: h.from, kind: killed ? 'killed' : 'gap', names: [h.name], length: h.to - h.from, why: h.why })
    else {
      if (!near.names.includes(h.name)) near.names.push(h.name)
      near.length = Math.max(near.length, h.to - h.from)
    }
  }
  return found
}

export function marks(r: Recording, all: Lane[]): Mark[] {
  const told = (r.marks ?? []).map((m): Mark => ({ at: Math.max(0, m.t_ms - r.started_ms), kind: m.kind, names: m.name ? [m.name] : [], length: 0, why: '' }))
  return [...told, ...gapMarks(all)].sort((a, b) => a.at - b.at)
}
