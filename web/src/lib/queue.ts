// "Saved, will send": drafts that could not reach the server are kept in this browser and sent when it is back. One newest entry per key.
// Health data at rest: entries are sealed with an AES-GCM key that cannot be exported, belong to one person, and go when they were sent.
import { computed, ref } from 'vue'
import { Fault, newKey, send } from './api'
import { me, onSession } from './session'

interface Sealed {
  key: string
  person: string
  saved_ms: number
  iv: Uint8Array<ArrayBuffer>
  bytes: ArrayBuffer
  /** Only held for its writer (held.ts), never sent from here. `ended`: its session ended in the middle of it. */
  held?: boolean
  ended?: boolean
}
export interface Later {
  method: 'POST' | 'PATCH' | 'PUT'
  path: string
  body: unknown
  idempotencyKey: string
}

export const pendingKeys = ref<Set<string>>(new Set())
/** How many drafts wait in this browser for the network. */
export const pending = computed(() => pendingKeys.value.size)
export const sending = ref(false)
/** Entries the server refused (changed meanwhile, no longer allowed): shown to the person, never dropped in silence. */
export const refused = ref<{ key: string; fault: Fault; body: unknown }[]>([])

let opened: Promise<IDBDatabase> | null = null

function asked<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('indexeddb'))
  })
}

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('yilian', 1)
    request.onupgradeneeded = () => {
      request.result.createObjectStore('keys')
      request.result.createObjectStore('drafts', { keyPath: 'key' })
    }
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('indexeddb'))
  })
  return opened
}

async function store(name: string, mode: IDBTransactionMode): Promise<IDBObjectStore> {
  const db = await database()
  return db.transaction(name, mode, { durability: mode === 'readwrite' ? 'strict' : 'default' }).objectStore(name)
}

async function sealKey(): Promise<CryptoKey> {
  const held = (await asked((await store('keys', 'readonly')).get('seal'))) as CryptoKey | undefined
  if (held) return held
  const made = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
  await asked((await store('keys', 'readwrite')).put(made, 'seal'))
  return made
}

async function seal(key: string, what: unknown, person: string, marks: { held?: boolean; ended?: boolean } = {}): Promise<void> {
  const iv = crypto.getRandomValues(new Uint8Array(12))
  const plain = new TextEncoder().encode(JSON.stringify(what))
  const bytes = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, await sealKey(), plain)
  const entry: Sealed = { key, person, saved_ms: Date.now(), iv, bytes, ...marks }
  await asked((await store('drafts', 'readwrite')).put(entry))
}
async function put(key: string, later: Later, person: string): Promise<void> {
  await seal(key, later, person)
  pendingKeys.value = new Set(pendingKeys.value).add(key)
}

async function unseal<T = Later>(entry: Sealed): Promise<T | null> {
  try {
    const plain = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: entry.iv }, await sealKey(), entry.bytes)
    return JSON.parse(new TextDecoder().decode(plain)) as T
  } catch {
    return null
  }
}

async function drop(key: string): Promise<void> {
  await asked((await store('drafts', 'readwrite')).delete(key))
  const left = new Set(pendingKeys.value)
  left.delete(key)
  pendingKeys.value = left
}

/** Nothing is wrong with what was written: the network is away, or the session has ended and its person signs in again. */
const waits = (error: Fault): boolean => error.offline || error.code === 'timeout' || error.code === 'unavailable' || error.status === 401

/**
 * Sends now, or keeps the entry and sends it when the network is back. 'sent' carries the server's answer.
 * `key` names the thing being saved (`case/ID`): a newer entry replaces an older one that still waits.
 */
export async function sendOrKeep(
  key: string,
  method: Later['method'],
  path: string,
  body: unknown,
): Promise<{ state: 'sent'; answer: unknown } | { state: 'kept' }> {
  const later: Later = { method, path, body, idempotencyKey: newKey() }
  const person = me.value?.person.id ?? '' // as long as it is known: the answer may be that the session has ended
  try {
    const response = await send(method, path, JSON.stringify(body), { idempotencyKey: later.idempotencyKey })
    if (pendingKeys.value.has(key)) await drop(key)
    const text = await response.text()
    return { state: 'sent', answer: text ? JSON.parse(text) : undefined }
  } catch (error) {
    if (!(error instanceof Fault) || !waits(error)) throw error
    await put(key, later, person)
    return { state: 'kept' }
  }
}

/** What waits under this key (a page opened again shows it instead of the server's older text). */
export async function kept(key: string): Promise<unknown> {
  const entry = (await asked((await store('drafts', 'readonly')).get(key))) as Sealed | undefined
  if (!entry || entry.person !== me.value?.person.id) return null
  return (await unseal(entry))?.body ?? null
}

export function dropKept(key: string): Promise<void> {
  return drop(key)
}

// ---- what is typed and not sent (held.ts) ----
const HELD_MS = 7 * 86_400_000
/** One after the other: what was dropped must not come back by a hold that began before. */
let turn: Promise<unknown> = Promise.resolve()
function inTurn<T>(act: () => Promise<T>): Promise<T> {
  const mine = turn.then(act, act)
  turn = mine.catch(() => {})
  return mine
}
export function hold(key: string, what: unknown, person: string, ended: boolean): Promise<void> {
  return inTurn(() => seal(key, what, person, { held: true, ended }))
}
export function letGo(key: string): Promise<void> {
  return inTurn(async () => void (await asked((await store('drafts', 'readwrite')).delete(key))))
}
export function heldFor<T>(key: string, person: string): Promise<T | null> {
  return inTurn(async () => {
    const entry = (await asked((await store('drafts', 'readonly')).get(key))) as Sealed | undefined
    return entry?.held && entry.person === person ? unseal<T>(entry) : null
  })
}
/** The key, below this one, of what the end of the session interrupted; said once. */
export function interrupted(below: string): Promise<string | null> {
  return inTurn(async () => {
    const person = me.value?.person.id
    const all = (await asked((await store('drafts', 'readonly')).getAll(IDBKeyRange.bound(below, `${below}\uffff`)))) as Sealed[]
    const entry = all.find((e) => e.held && e.ended && e.person === person)
    if (entry) await asked((await store('drafts', 'readwrite')).put({ ...entry, ended: false }))
    return entry?.key ?? null
  })
}

async function sendOne(entry: Sealed): Promise<boolean> {
  const later = await unseal(entry)
  if (!later) {
    await drop(entry.key)
    return true
  }
  try {
    await send(later.method, later.path, JSON.stringify(later.body), { idempotencyKey: later.idempotencyKey })
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    if (waits(error)) return false
    refused.value = [...refused.value, { key: entry.key, fault: error, body: later.body }]
  }
  await drop(entry.key)
  return true
}

export async function flush(): Promise<void> {
  const person = me.value?.person.id
  if (sending.value || !person || me.value?.stage !== 'ready') return
  sending.value = true
  try {
    const all = (await asked((await store('drafts', 'readonly')).getAll())) as Sealed[]
    for (const e of all) if (e.held && Date.now() - e.saved_ms > HELD_MS) await letGo(e.key)
    const entries = all.filter((e) => e.person === person && !e.held)
    pendingKeys.value = new Set(entries.map((e) => e.key))
    for (const entry of entries.sort((a, b) => a.saved_ms - b.saved_ms)) {
      if (!(await sendOne(entry))) break
    }
  } finally {
    sending.value = false
  }
}

export function startQueue(): void {
  addEventListener('online', () => void flush().catch(() => {}))
  setInterval(() => pending.value && void flush().catch(() => {}), 10_000)
  onSession((now) => {
    if (now?.stage === 'ready') void flush().catch(() => {})
    else pendingKeys.value = new Set()
  })
}
