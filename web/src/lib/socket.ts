// One WebSocket to the server (docs/protocol/signaling.md): requests with answers, events, reconnection with backoff, and a heartbeat that
// notices a dead cable before the operating system does.
import { ref, type Ref } from 'vue'
import { Fault, newKey, type FieldFault } from './api'

export type SocketState = 'closed' | 'connecting' | 'open' | 'lost'
type Listener = (data: never, seq: number | undefined) => void
interface Waiting {
  resolve(result: unknown): void
  reject(error: Fault): void
  timer: ReturnType<typeof setTimeout>
}
interface Incoming {
  id?: number
  ok?: boolean
  result?: unknown
  error?: { code: string; reason?: string; text?: string; fields?: FieldFault[] }
  event?: string
  seq?: number
  data?: unknown
}

const REQUEST_TIMEOUT_MS = 10_000
const PING_EVERY_MS = 2_000
const PING_DEAD_MS = 4_000
/** When there is a reason to doubt the line. */
const DOUBT_DEAD_MS = 1_500
const CONNECT_TIMEOUT_MS = 3_000
/** Close codes after which trying again by itself would be wrong. */
const FINAL_CODES = new Set([4001, 4003, 4010])

export interface SocketOptions {
  /** Longest pause between two tries; a live call uses a short one. */
  maxBackoffMs?: number
  /** Heartbeat period; a live call uses a short one. */
  pingEveryMs?: number
  /** Without an answer for this long the line is dead. */
  deadMs?: number
}

export class Socket {
  readonly state: Ref<SocketState> = ref('closed')
  readonly closeCode: Ref<number> = ref(0)
  private ws: WebSocket | null = null
  private wanted = false
  private tries = 0
  private nextId = 1
  private waiting = new Map<number, Waiting>()
  private listeners = new Map<string, Set<Listener>>()
  private openers = new Set<() => void>()
  private timer: ReturnType<typeof setTimeout> | null = null
  private pinger: ReturnType<typeof setInterval> | null = null
  private heard = 0
  private readonly wake = (): void => this.hurry()
  private readonly seen = (): void => {
    if (document.visibilityState === 'visible') this.hurry()
  }

  constructor(private readonly options: SocketOptions = {}) {}

  open(): void {
    if (this.wanted) return
    this.wanted = true
    addEventListener('online', this.wake)
    addEventListener('offline', this.wake)
    document.addEventListener('visibilitychange', this.seen)
    this.connect()
  }

  close(): void {
    this.wanted = false
    removeEventListener('online', this.wake)
    removeEventListener('offline', this.wake)
    document.removeEventListener('visibilitychange', this.seen)
    if (this.timer) clearTimeout(this.timer)
    this.timer = null
    this.drop(1000)
    this.state.value = 'closed'
  }

  /** Runs at every (re)connection, at once when open already. Returns the removal. */
  onOpen(fn: () => void): () => void {
    this.openers.add(fn)
    if (this.state.value === 'open') fn()
    return () => this.openers.delete(fn)
  }

  on<T>(event: string, fn: (data: T, seq: number | undefined) => void): () => void {
    let set = this.listeners.get(event)
    if (!set) this.listeners.set(event, (set = new Set()))
    set.add(fn as Listener)
    return () => set.delete(fn as Listener)
  }

  request<T>(verb: string, args: unknown = {}, timeout_ms = REQUEST_TIMEOUT_MS): Promise<T> {
    const ws = this.ws
    if (!ws || ws.readyState !== WebSocket.OPEN) return Promise.reject(new Fault('offline', 0))
    const id = this.nextId++
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id)
        reject(new Fault('timeout', 0))
      }, timeout_ms)
      this.waiting.set(id, { resolve: resolve as (r: unknown) => void, reject, timer })
      ws.send(JSON.stringify({ id, verb, args }))
    })
  }

  /** For streams where only the newest matters (pointer, quality): no answer is waited for. False when it could not go out. */
  post(verb: string, args: unknown): boolean {
    const ws = this.ws
    if (!ws || ws.readyState !== WebSocket.OPEN || ws.bufferedAmount > 64 * 1024) return false
    ws.send(JSON.stringify({ id: this.nextId++, verb, args }))
    return true
  }

  /** The network may be back: try now instead of at the end of the pause; a silent connection is tested at once. */
  hurry(): void {
    if (!this.wanted) return
    if (this.state.value === 'lost') {
      this.tries = 0
      this.drop(0) // a try that went out into a dead network repeats itself only after seconds
      this.connect()
    } else if (this.state.value === 'open') this.ping(DOUBT_DEAD_MS)
  }

  private connect(): void {
    if (this.timer) clearTimeout(this.timer)
    this.timer = null
    if (this.ws) return
    if (this.state.value !== 'lost') this.state.value = 'connecting'
    const ws = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`)
    this.ws = ws
    const slow = setTimeout(() => ws.readyState === WebSocket.CONNECTING && this.lost(ws, 0), CONNECT_TIMEOUT_MS)
    ws.onopen = () => {
      clearTimeout(slow)
      if (this.ws !== ws) return
      this.tries = 0
      this.heard = Date.now()
      this.state.value = 'open'
      this.pinger = setInterval(() => this.ping(), this.options.pingEveryMs ?? PING_EVERY_MS * 5)
      for (const fn of [...this.openers]) fn()
    }
    ws.onmessage = (m) => this.ws === ws && this.receive(String(m.data))
    ws.onclose = (e) => {
      clearTimeout(slow)
      this.lost(ws, e.code)
    }
  }

  private receive(text: string): void {
    this.heard = Date.now()
    let m: Incoming
    try {
      m = JSON.parse(text) as Incoming
    } catch {
      return
    }
    if (m.event) {
      for (const fn of [...(this.listeners.get(m.event) ?? [])]) fn(m.data as never, m.seq)
      return
    }
    const entry = m.id === undefined ? undefined : this.waiting.get(m.id)
    if (!entry || m.id === undefined) return
    this.waiting.delete(m.id)
    clearTimeout(entry.timer)
    if (m.ok) entry.resolve(m.result)
    else entry.reject(new Fault(m.error?.code ?? 'internal', 0, m.error?.reason ?? '', m.error?.text ?? '', m.error?.fields ?? []))
  }

  private ping(dead_ms = this.options.deadMs ?? PING_DEAD_MS): void {
    const ws = this.ws
    if (!ws || ws.readyState !== WebSocket.OPEN) return
    const asked = Date.now()
    this.request('ping', {}, dead_ms).catch(() => {
      if (this.ws !== ws || this.heard >= asked) return
      // A page that stood still has not listened: that says nothing about the line.
      if (Date.now() - asked > dead_ms + 500) this.ping(dead_ms)
      else this.lost(ws, 0)
    })
  }

  private drop(code: number): void {
    const ws = this.ws
    this.ws = null
    if (this.pinger) clearInterval(this.pinger)
    this.pinger = null
    if (ws) {
      ws.onopen = ws.onmessage = ws.onclose = null
      ws.close(code === 0 ? undefined : code)
    }
    for (const entry of this.waiting.values()) {
      clearTimeout(entry.timer)
      entry.reject(new Fault('offline', 0))
    }
    this.waiting.clear()
  }

  private lost(ws: WebSocket, code: number): void {
    if (this.ws !== ws) return
    this.drop(0)
    this.closeCode.value = code
    if (!this.wanted) return
    if (FINAL_CODES.has(code)) {
      this.wanted = false
      this.state.value = 'closed'
      return
    }
    this.state.value = 'lost'
    const most = this.options.maxBackoffMs ?? 15_000
    const pause = Math.min(most, 250 * 2 ** Math.min(this.tries++, 8)) * (0.7 + Math.random() * 0.3)
    this.timer = setTimeout(() => this.connect(), pause)
  }
}

/** A browser-wide name for this page, told to the server as the device. */
export const pageId = newKey().slice(0, 8)
