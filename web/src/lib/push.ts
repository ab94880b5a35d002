// Live news for the signed-in person: notices (bell), and changes that open pages listen to.
import { ref, watch } from 'vue'
import { api } from './api'
import type { Bi } from './i18n'
import { forget, has, onSession } from './session'
import { Socket } from './socket'
import { serverNow } from './time'

export interface Notice {
  id: string
  t_ms: number
  text: Bi
  case_id: string | null
  /** Where it is dealt with when that is not the page of its case. */
  page?: string | null
  urgent: boolean
  read_ms: number | null
}

/** A call into a room holds while one may still come. */
const CALL_MS = 2 * 3_600_000
export const callsIn = (n: Notice): boolean => !!n.page?.endsWith('/room') && has('room.join') && serverNow() - n.t_ms < CALL_MS
/** Where it leads; null: nowhere. */
export function placeOf(n: Notice): string | null {
  if (n.page && (callsIn(n) || !n.case_id)) return n.page
  return n.case_id ? `/cases/${n.case_id}` : null
}

export const socket = new Socket()
export const unread = ref(0)
/** False while the push connection is broken: pages show the banner and poll nothing meanwhile. */
export const connected = ref(true)

let wasOpen = false
const again: Set<() => void> = new Set()

/** After a lost connection the page may have missed events: reload what is shown. Returns the removal. */
export function onCaughtUp(fn: () => void): () => void {
  again.add(fn)
  return () => again.delete(fn)
}

const fresh: Set<(n: Notice) => void> = new Set()
export function onNotice(fn: (n: Notice) => void): () => void {
  fresh.add(fn)
  return () => fresh.delete(fn)
}

export async function refreshUnread(): Promise<void> {
  const answer = await api.get<{ unread: number }>('/notices', { unread: true, limit: 1 })
  unread.value = answer.unread
}

export function startPush(): void {
  socket.onOpen(() => {
    socket.request('push.subscribe', { topics: ['notice', 'case', 'slot'] }).catch(() => {})
    if (wasOpen) {
      refreshUnread().catch(() => {})
      for (const fn of [...again]) fn()
    }
    wasOpen = true
  })
  socket.on<Omit<Notice, 'read_ms'> & { unread: number }>('notice', (n) => {
    unread.value = n.unread
    for (const fn of [...fresh]) fn({ ...n, read_ms: null })
  })
  socket.on('session.ended', () => forget())
  watch(socket.state, (state) => {
    connected.value = state !== 'lost'
    if (state === 'closed' && socket.closeCode.value === 4001) forget()
  })
  onSession((now) => {
    unread.value = now?.unread ?? 0
    if (now?.stage === 'ready') socket.open()
    else {
      socket.close()
      wasOpen = false
    }
  })
}
