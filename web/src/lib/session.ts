// Who is signed in, with which post; the idle clock; sign-in and sign-out.
import { computed, onScopeDispose, ref, shallowRef, watch } from 'vue'
import { api, Fault, setCsrf, type Ref } from './api'

export interface Post {
  id: string
  org: Ref & { level: string | null }
  dept: Ref | null
  roles: string[]
}
export interface Me {
  stage: 'ready' | 'totp' | 'post' | 'password' | 'capture'
  person: { id: string; name: string; login: string; title: string; phone_masked: string; has_signature?: boolean }
  posts: Post[]
  post: Post | null
  roles: string[]
  rights: string[]
  csrf: string
  totp_enrolled: boolean
  second_factor_until_ms: number
  idle_ms: number
  unread: number
  server_ms: number
  version: string
}

export const me = shallowRef<Me | null>(null)
export const ready = computed(() => me.value?.stage === 'ready')
/** Server clock minus ours: deadlines are counted by the server's clock. */
export const clockSkewMs = ref(0)

export function has(right: string): boolean {
  return me.value?.rights.includes(right) ?? false
}
export function hasAny(rights: string | readonly string[] | undefined): boolean {
  if (!rights) return true
  return (typeof rights === 'string' ? [rights] : rights).some(has)
}
export function hasRole(...roles: string[]): boolean {
  return roles.some((role) => me.value?.roles.includes(role))
}

const changed: ((now: Me | null) => void)[] = []
/** Called at each sign-in, change of stage or post, and sign-out; at once when somebody is signed in. */
export function onSession(fn: (now: Me | null) => void): void {
  changed.push(fn)
  if (me.value) fn(me.value)
}

const HINT = 'yl.in'
/** A hint, not a fact: this browser had a session. Without it the server need not be asked before the sign-in page shows. */
export function signedInBefore(): boolean {
  try {
    return localStorage.getItem(HINT) === '1'
  } catch {
    return true
  }
}
function hint(signedIn: boolean): void {
  try {
    if (signedIn) localStorage.setItem(HINT, '1')
    else localStorage.removeItem(HINT)
  } catch {
    // private mode: the server is asked each time
  }
}

function take(next: Me | null): void {
  me.value = next
  hint(next !== null)
  setCsrf(next?.csrf ?? '')
  if (next) clockSkewMs.value = next.server_ms - Date.now()
  for (const fn of changed) fn(next)
}

let loading: Promise<Me | null> | null = null

/** The session of this browser, asked once; null when nobody is signed in. Throws `offline` when the server cannot be reached. */
export function loadSession(again = false): Promise<Me | null> {
  if (!again && me.value) return Promise.resolve(me.value)
  loading ??= api
    .get<Me>('/session', undefined, { quiet401: true })
    .then((next) => {
      take(next)
      return next as Me | null
    })
    .catch((error: unknown) => {
      if (error instanceof Fault && error.status === 401) {
        take(null)
        return null
      }
      throw error
    })
    .finally(() => {
      loading = null
    })
  return loading
}

async function step(path: string, body: unknown): Promise<Me> {
  const next = await api.post<Me>(path, body, { quiet401: true })
  take(next)
  return next
}

export const signIn = (login: string, password: string): Promise<Me> => step('/session', { login, password })
export const giveCode = (code: string): Promise<Me> => step('/session/totp', { code })
export const choosePost = (post_id: string): Promise<Me> => step('/session/post', { post_id })

export async function changePassword(old: string, next: string): Promise<Me | null> {
  await api.post('/session/password', { old, new: next }, { quiet401: true })
  return loadSession(true)
}

export async function signOut(): Promise<void> {
  try {
    await api.del('/session', { quiet401: true })
  } finally {
    take(null)
  }
}

/** The server ended the session (idle, elsewhere): forget it here too. */
export function forget(): void {
  if (me.value) take(null)
}

// ---- the idle clock ----
let lastActive = Date.now()
let lastTold = Date.now()
let holds = 0

/** A call in progress counts as activity: nobody is signed out in the middle of a consultation. Returns the release. */
export function holdAwake(): () => void {
  holds++
  let held = true
  return () => {
    if (held) holds--
    held = false
  }
}

/** Watching counts as activity too: whoever follows a lecture or a recording touches nothing for three quarters of an hour. For as long as the component lives. */
export function holdAwakeWhile(active: () => boolean): void {
  let release: (() => void) | undefined
  watch(active, (now) => {
    release?.()
    release = now ? holdAwake() : undefined
  }, { immediate: true })
  onScopeDispose(() => release?.())
}

const IDLE_DEFAULT_MS = 900_000
const WARN_MS = 60_000
/** Seconds until sign-out while the warning shows, else null. */
export const idleSecondsLeft = ref<number | null>(null)

export function stillHere(): void {
  lastActive = Date.now()
  idleSecondsLeft.value = null
}

function keepAlive(now: number, idle_ms: number): void {
  if (lastActive <= lastTold || now - lastTold < Math.min(idle_ms / 4, 120_000)) return
  lastTold = now
  loadSession(true).catch(() => {})
}

let leaving = false
/** Once, however many seconds the answer takes. */
function leave(): void {
  if (leaving) return
  leaving = true
  void signOut().catch(() => forget()).finally(() => (leaving = false))
}

function tick(): void {
  const now = Date.now()
  if (!ready.value) {
    lastActive = lastTold = now
    idleSecondsLeft.value = null
    return
  }
  if (holds > 0) lastActive = now
  const idle_ms = me.value?.idle_ms || IDLE_DEFAULT_MS
  const left = lastActive + idle_ms - now
  idleSecondsLeft.value = left < Math.min(WARN_MS, idle_ms / 2) ? Math.max(0, Math.ceil(left / 1000)) : null
  if (left <= 0) leave()
  else keepAlive(now, idle_ms)
}

export function startIdleClock(): void {
  for (const type of ['pointerdown', 'keydown', 'wheel', 'touchstart']) {
    addEventListener(type, () => {
      if (idleSecondsLeft.value === null) lastActive = Date.now()
    }, { passive: true, capture: true })
  }
  setInterval(tick, 1000)
}
