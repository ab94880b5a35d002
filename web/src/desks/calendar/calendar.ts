// The calendar as the server tells it (GET /calendar), and what follows from it: lanes, what is in the way of what, which times are free.
import { onBeforeUnmount, ref, shallowRef, watch, type Ref as VueRef } from 'vue'
import { api, say, type Ref } from '@/lib/api'
import { onCaughtUp, socket } from '@/lib/push'
import { now, serverNow } from '@/lib/time'

export type SlotState = 'published' | 'held' | 'booked' | 'done' | 'noshow'
export interface Item {
  slot_id: string
  person_id: string
  meeting_room_id: string | null
  start_ms: number
  end_ms: number
  state: SlotState
  held_until_ms?: number
  held_by_me?: boolean
  case_id?: string
  case_number?: string
  urgency?: string
}
export interface Expert {
  person: Ref
  org: Ref | null
  dept: Ref | null
  title: string
  mine: boolean
}
export interface Room {
  id: string
  name: string
  org: Ref
  equipment: string
  active: boolean
  mine: boolean
}
export interface Leave {
  shift_id: string
  person_id: string
  start_ms: number
  end_ms: number
}
export interface Calendar {
  experts: Expert[]
  meeting_rooms: Room[]
  items: Item[]
  leave: Leave[]
  buffer_ms: number
  truncated: boolean
}
export interface Span {
  start_ms: number
  end_ms: number
}
export interface Lane {
  key: string
  kind: 'person' | 'room'
  id: string
  name: string
  detail: string
  group: string
  groupName: string
  mine: boolean
}
/** Why something stands in the way: a word of words.ts. */
export type Clash = 'clash_leave' | 'clash_session' | 'clash_room' | 'clash_past'

export const MINUTE = 60_000
export const HOUR = 3_600_000
export const DAY = 86_400_000
export const keyOf = (i: Item): string => `${i.slot_id}:${i.person_id}`
export const overlaps = (a: Span, b: Span, gap = 0): boolean => a.start_ms < b.end_ms + gap && a.end_ms + gap > b.start_ms
/** A hold that has run out is a free slot again; nobody tells, so the clock does. */
export const stateOf = (i: Item): SlotState => (i.state === 'held' && (i.held_until_ms ?? 0) <= now.value ? 'published' : i.state)

export interface CalendarQuery {
  from_ms: number
  to_ms: number
  org_id?: string | null
  dept_id?: string | null
}

/** The calendar of a span, read again whenever a slot, a case or the connection changes. */
export function useCalendar(query: () => CalendarQuery | null): { data: VueRef<Calendar | null>; loading: VueRef<boolean>; error: VueRef<string>; reload: () => Promise<void> } {
  const data = shallowRef<Calendar | null>(null)
  const loading = ref(false)
  const error = ref('')
  let asked = 0
  async function reload(): Promise<void> {
    const q = query()
    if (!q) return
    const mine = ++asked
    loading.value = true
    try {
      const next = await api.get<Calendar>('/calendar', { ...q })
      if (mine !== asked) return
      data.value = next
      error.value = ''
    } catch (e) {
      if (mine === asked) error.value = say(e)
    } finally {
      if (mine === asked) loading.value = false
    }
  }
  let timer: ReturnType<typeof setTimeout> | undefined
  const soon = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => void reload(), 250)
  }
  const offs = [socket.on('slot.changed', soon), socket.on('case.changed', soon), onCaughtUp(soon)]
  watch(() => JSON.stringify(query()), () => void reload(), { immediate: true })
  onBeforeUnmount(() => {
    asked++
    clearTimeout(timer)
    for (const off of offs) off()
  })
  return { data, loading, error, reload }
}

/** Made once: a thousand names compared by localeCompare make one for each comparison. */
const byName = new Intl.Collator('zh-Hans-CN')

/** One lane for each expert and each room in use, by institution and department. */
export function lanesOf(c: Calendar, roomsWord: string): Lane[] {
  const people = c.experts.map<Lane>((e) => ({
    key: `p:${e.person.id}`, kind: 'person', id: e.person.id, name: e.person.name, detail: e.title, mine: e.mine,
    group: `${e.org?.id}/1${e.dept?.id ?? ''}`, groupName: [e.org?.name, e.dept?.name].filter(Boolean).join(' · '),
  }))
  const rooms = c.meeting_rooms.filter((r) => r.active || c.items.some((i) => i.meeting_room_id === r.id)).map<Lane>((r) => ({
    key: `r:${r.id}`, kind: 'room', id: r.id, name: r.name, detail: r.equipment, mine: r.mine, group: `${r.org.id}/2`, groupName: `${r.org.name} · ${roomsWord}`,
  }))
  return [...people, ...rooms].sort((a, b) => a.group.localeCompare(b.group) || byName.compare(a.name, b.name))
}
export const inLane = (i: Item, lane: Lane): boolean => (lane.kind === 'person' ? i.person_id === lane.id : i.meeting_room_id === lane.id)

/** A session is there once for each doctor of its team; a room shows it once. */
export function itemsOf(c: Calendar, lane: Lane, within: Span): Item[] {
  const seen = new Set<string>()
  return c.items.filter((i) => inLane(i, lane) && overlaps(i, within) && (lane.kind === 'person' || (!seen.has(i.slot_id) && seen.add(i.slot_id))))
}

/** What stands in the way of this person at this time; the session that is being moved does not count. */
export function personClash(c: Calendar, person: string, span: Span, except: string[] = []): Clash | null {
  if (span.start_ms < serverNow()) return 'clash_past'
  if (c.leave.some((l) => l.person_id === person && overlaps(l, span))) return 'clash_leave'
  return c.items.some((i) => i.person_id === person && i.state === 'booked' && !except.includes(i.slot_id) && overlaps(i, span, c.buffer_ms)) ? 'clash_session' : null
}
export function roomClash(c: Calendar, room: string, span: Span, except: string[] = []): Clash | null {
  return c.items.some((i) => i.meeting_room_id === room && i.state === 'booked' && !except.includes(i.slot_id) && overlaps(i, span, c.buffer_ms)) ? 'clash_room' : null
}

/** What is wrong with what the calendar holds already: a session in somebody's leave, two at once, a free time over a session. */
export function clashOf(c: Calendar, i: Item): Clash | null {
  const state = stateOf(i)
  if (state === 'done' || state === 'noshow' || i.end_ms < now.value) return null
  if (c.leave.some((l) => l.person_id === i.person_id && overlaps(l, i))) return 'clash_leave'
  const other = c.items.some((o) => o.person_id === i.person_id && o.slot_id !== i.slot_id && o.state === 'booked' && overlaps(o, i, state === 'booked' ? c.buffer_ms : 0))
  if (other) return 'clash_session'
  return state === 'booked' && i.meeting_room_id ? roomClash(c, i.meeting_room_id, i, [i.slot_id]) : null
}

/** Published times of these people at which all of them are free, soonest first. */
export function freeSlots(c: Calendar, people: string[], except: string[] = []): Item[] {
  return c.items
    .filter((i) => people.includes(i.person_id) && (stateOf(i) === 'published' || (stateOf(i) === 'held' && i.held_by_me)) && people.every((p) => !personClash(c, p, i, except)))
    .sort((a, b) => a.start_ms - b.start_ms)
}
