// Watches a lecture: live over WebSocket into MediaSource, about half a second behind; wound back over HTTP segments. The server may name other
// machines that pass the lecture on: when one of them dies or falls silent, the next is asked and the picture goes on. It owns the video element's
// source and speed; what the page shows of it is in `view`.
import { reactive } from 'vue'
import { Buffer, Source } from './buffer'
import { Native, playsHls } from './native'
import { Pacer } from './pace'
import { indexAt, parse, type Segment } from './playlist'

export type Stage = 'connecting' | 'waiting' | 'playing' | 'ended' | 'lost' | 'refused' | 'unsupported'
export interface View {
  stage: Stage
  /** Why it was refused: the server's reason. */
  reason: string
  name: string
  mode: 'live' | 'replay'
  /** Seconds behind what is happening; null: this player does not let one know. */
  behind: number | null
  /** Seconds of the programme: first and newest moment, and the one shown. */
  from: number
  until: number
  at: number
  stalls: number
  /** One can wind back. */
  winds: boolean
  /** Seconds of the lecture that had gone by before what this device can show begins. */
  late: number
  /** Milliseconds from the asking to the first picture. */
  first: number
  busy: boolean
  picture: boolean
  muted: boolean
  paused: boolean
}
interface Said {
  type: 'hello' | 'init' | 'skip' | 'waiting' | 'ended' | 'refused' | 'pong' | 'elsewhere'
  name?: string
  code?: string
  reason?: string
  codecs?: string
  width?: number
  now_ms?: number
  epoch_ms?: number
  end_ms?: number
  t?: number
  pass?: string
  nodes?: string[]
}

/** The first line of GET /live/ROOM/now; the WebSocket goes on with piece `next`. */
interface Now {
  name: string
  pass: string
  codecs: string
  now_ms: number
  epoch_ms: number
  end_ms: number
  generation: number
  next: number
  /** Where one goes on, first choice first; none: here. */
  nodes?: string[]
}

const TICK_MS = 100
const AHEAD_S = 20
const PEEK_FROM_S = 0.4
const PEEK_MS = 300
const ENOUGH_MS = 500
const RETRY_MS = [300, 1000, 2000, 4000]
const QUIET_MS = 700 // pieces come every 200
const SILENT_MS = 1500
const SILENT_MAX_MS = 16_000
/** An edge node that takes nobody now. */
const BUSY = ['full', 'no_origin']

export class Player {
  readonly view: View = reactive({
    stage: 'connecting', reason: '', name: '', mode: 'live', behind: 0, from: 0, until: 0, at: 0, stalls: 0, winds: true, late: 0, first: 0, busy: false, picture: true, muted: false, paused: false,
  })
  private ws: WebSocket | null = null
  private buffer: Buffer
  private native: Native | null = null
  private readonly pacer = new Pacer()
  private timer: ReturnType<typeof setInterval>
  private retry: ReturnType<typeof setTimeout> | undefined
  private tries = 0
  /** Other machines not tried yet, and what lets one in there. */
  private nodes: string[] = []
  private pass = ''
  private atNode = false
  /** No other machine could be reached: this server itself is asked. */
  private stay = false
  private heard = 0
  /** What a WebSocket brings goes behind a beginning that is still on its way. */
  private later: (() => void)[] | null = null
  private joins = 0
  private patience = SILENT_MS
  private over = false
  private started = false
  private startedAt = 0
  private asked = 0
  private epochMs = 0
  private offsetMs = 0
  private bestTrip = Infinity
  private joinEnd = 0
  private pinged = 0
  private pings = 0
  private trimmed = 0
  /** When the first picture was asked for; -1: it was shown, 0: not asked for. */
  private peeked = 0
  private base = ''
  private segments: Segment[] = []
  private ended = false
  private listed = 0
  private map = ''
  private loading = false
  private turn = 0

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly room: string,
    private readonly token: string,
  ) {
    this.buffer = this.newBuffer()
    video.addEventListener('waiting', this.onWaiting)
    this.timer = setInterval(() => this.tick(), TICK_MS)
    if (Source) this.connect()
    else this.goNative()
  }
  close(): void {
    this.over = true
    clearInterval(this.timer)
    clearTimeout(this.retry)
    this.ws?.close()
    this.video.removeEventListener('waiting', this.onWaiting)
    this.native?.close()
    this.buffer.close()
  }
  /** Sound or not; browsers let it on only after a gesture. */
  mute(on: boolean): void {
    this.video.muted = this.view.muted = on
    if (!this.view.paused) void this.play()
  }
  pause(on: boolean): void {
    this.view.paused = on
    if (on) this.video.pause()
    else if (this.view.mode === 'live') this.live()
    else void this.play()
  }
  /** Shows that moment of the programme. */
  async seek(at: number): Promise<void> {
    if (this.native) return this.native.seek(at)
    const turn = ++this.turn
    this.view.mode = 'replay'
    this.view.at = at
    this.view.paused = false
    this.ws?.close()
    this.ws = null
    clearTimeout(this.retry)
    this.newSource()
    if (!(await this.list(true)) || turn !== this.turn) return
    const s = this.segments[indexAt(this.segments, at)]
    if (!s) return
    this.view.stage = 'playing'
    this.started = false
    this.joinEnd = Math.max(at, s.start)
    void this.load()
  }
  live(): void {
    if (this.native) return void this.native.live()
    this.turn++
    this.stay = false
    this.view.mode = 'live'
    this.view.paused = false
    this.newSource()
    this.connect()
  }

  // ---- the line ----
  private url(path: string): string {
    return `/live/${encodeURIComponent(this.room)}${path}`
  }
  private connect(): void {
    this.ws?.close()
    clearTimeout(this.retry)
    if (this.over) return
    this.nodes = []
    this.asked = performance.now()
    const shown = this.video.requestVideoFrameCallback?.bind(this.video)
    shown?.(() => (this.view.first = performance.now() - this.asked))
    if (this.view.stage !== 'lost') this.view.stage = 'connecting'
    this.buffer.prepare()
    let from: Now | null = null
    let greeted = false
    this.later = null
    const join = ++this.joins
    const here = (): boolean => join === this.joins && this.ws !== null
    const stay = this.stay ? { stay: true } : {}
    this.open(location.origin, () => {
      greeted = true
      if (from) return { pass: from.pass, epoch_ms: from.epoch_ms, generation: from.generation, next: from.next, ...stay }
      return this.token ? { token: this.token, ...stay } : stay
    })
    const begin = (now: Now): boolean => {
      if (greeted || !here()) return false
      from = now
      this.later = []
      this.view.name = now.name
      this.said({ ...now, type: 'init' })
      if (now.nodes && !this.stay) this.elsewhere(now.nodes, now.pass, { epoch_ms: now.epoch_ms, generation: now.generation, next: now.next })
      return true
    }
    const take = (bytes: ArrayBuffer): boolean => {
      if (here()) this.buffer.append(bytes)
      return here()
    }
    void this.now(begin, take).then((whole) => {
      if (!from || !here()) return
      if (!whole) this.ws?.close()
      const acts = this.later ?? []
      this.later = null
      for (const act of acts) act()
    })
  }
  private open(where: string, first: () => object): WebSocket {
    this.ws?.close()
    const ws = (this.ws = new WebSocket(`${where.replace(/^http/, 'ws')}${this.url('/ws')}`))
    ws.binaryType = 'arraybuffer'
    this.atNode = where !== location.origin
    this.heard = performance.now()
    ws.onopen = () => ws.send(JSON.stringify(first()))
    ws.onmessage = (e: MessageEvent<string | ArrayBuffer>) => {
      if (ws === this.ws) this.heard = performance.now()
      const act = (): void => {
        if (ws !== this.ws) return
        if (typeof e.data === 'string') this.said(JSON.parse(e.data) as Said)
        else this.piece(e.data)
      }
      if (this.later) this.later.push(act)
      else act()
    }
    ws.onclose = (e) => {
      if (ws !== this.ws || this.over || this.view.stage === 'refused') return
      this.ws = null
      if (e.code === 4001) {
        this.view.stage = 'refused'
        this.view.reason = 'token_expired'
        return
      }
      if (this.atNode) return this.move()
      this.view.stage = 'lost'
      this.retry = setTimeout(() => this.live(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)])
    }
    return ws
  }
  private elsewhere(nodes: string[], pass: string, from: object = {}): void {
    this.nodes = [...nodes]
    this.pass = pass
    this.move(from)
  }
  /** To the next machine; what is buffered plays on meanwhile. After the last of them this server shows it itself. */
  private move(from: object = {}): void {
    const node = this.nodes.shift()
    if (node) {
      this.open(node, () => ({ pass: this.pass, stay: true, ...from }))
      return
    }
    this.stay = true
    this.connect()
  }
  /** A machine that is cut off says nothing, not even goodbye. A line that is only slow is given longer each time. */
  private listen(now: number): void {
    if (!this.atNode || !this.ws || now - this.heard < this.patience) return
    this.patience = Math.min(this.patience * 2, SILENT_MAX_MS)
    this.move()
  }
  /** What is shown now, over the connection that brought the page, while the WebSocket's is still being made; handed on as it comes, so that the
   * first picture does not wait for the rest of its group. Either may say that no more is wanted. True: all of it came. */
  private async now(begin: (now: Now) => boolean, take: (bytes: ArrayBuffer) => boolean): Promise<boolean> {
    try {
      const answer = await fetch(this.url('/now'), this.token ? { headers: { Authorization: `Bearer ${this.token}` } } : {})
      const reader = answer.ok ? answer.body?.getReader() : undefined
      if (!reader) return false
      let line = ''
      let begun = false
      const text = new TextDecoder()
      for (let r = await reader.read(); !r.done; r = await reader.read()) {
        let bytes = r.value
        if (!begun) {
          const end = bytes.indexOf(10)
          line += text.decode(end < 0 ? bytes : bytes.subarray(0, end), { stream: end < 0 })
          if (end < 0) continue
          begun = begin(JSON.parse(line) as Now)
          bytes = bytes.subarray(end + 1)
        }
        if (!begun || (bytes.length && !take(bytes.slice().buffer))) {
          void reader.cancel()
          return false
        }
      }
      return begun
    } catch {
      return false
    }
  }
  private piece(bytes: ArrayBuffer): void {
    if (this.started && this.view.mode === 'live') this.pacer.note(performance.now(), this.end() - this.video.currentTime)
    this.buffer.append(bytes)
  }
  private clock(now: number | undefined, sent?: number): void {
    if (!now) return
    const trip = sent === undefined ? 1000 : performance.now() - sent
    if (trip > this.bestTrip) return
    this.bestTrip = trip
    this.offsetMs = now + (sent === undefined ? 0 : trip / 2) - Date.now()
  }
  private said(m: Said): void {
    this.clock(m.now_ms, m.type === 'pong' ? m.t : undefined)
    switch (m.type) {
      case 'hello':
        this.tries = 0
        this.bestTrip = Infinity
        this.pings = 0
        this.view.name = m.name ?? this.view.name
        break
      case 'init':
        if (m.epoch_ms) this.epochMs = m.epoch_ms
        this.view.picture = m.width !== 0 // sound alone has a black one
        if (this.buffer.kind(m.codecs ?? '')) {
          this.started = false
          this.peeked = 0
          this.joinEnd = (m.end_ms ?? 0) / 1000
        }
        if (this.view.stage !== 'playing' && this.view.stage !== 'unsupported') this.view.stage = 'connecting'
        break
      case 'skip':
        this.pacer.reset()
        break
      case 'waiting':
        if (!this.started || this.ended) this.view.stage = 'waiting' // else another machine that is only just fetching it
        break
      case 'elsewhere':
        this.view.name = m.name ?? this.view.name
        this.elsewhere(m.nodes ?? [], m.pass ?? '')
        break
      case 'ended':
        this.ended = true
        this.view.stage = 'ended'
        break
      case 'refused':
        if (this.atNode && BUSY.includes(m.reason ?? '')) {
          this.move()
          break
        }
        this.view.stage = 'refused'
        this.view.reason = m.reason || m.code || ''
        break
      case 'pong':
        break
    }
  }

  // ---- playing ----
  private newBuffer(): Buffer {
    const failed = (why: string): void => {
      if (why === 'codec') this.goNative()
      else if (this.view.mode === 'live') this.live() // what is broken is thrown away
      else this.view.stage = 'lost'
    }
    return new Buffer(this.video, failed, () => (this.started ? this.resume() : this.begin()))
  }
  private newSource(): void {
    this.buffer.close()
    this.buffer = this.newBuffer()
    this.started = false
    this.peeked = 0
    this.map = ''
    this.loading = false
    this.pacer.reset()
  }
  private async play(): Promise<void> {
    try {
      await this.video.play()
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError' || this.video.muted) return
      this.video.muted = this.view.muted = true // without a gesture only a silent picture may start
      await this.video.play().catch(() => {})
    }
  }
  private readonly onWaiting = (): void => {
    if (!this.started || this.view.mode !== 'live' || this.video.seeking || this.ended || performance.now() - this.startedAt < 1000) return
    this.view.stalls++
    this.pacer.stalled(performance.now())
  }
  private end(): number {
    const b = this.video.buffered
    return b.length ? b.end(b.length - 1) : 0
  }
  private begin(): void {
    const b = this.video.buffered
    const end = this.end()
    if (!b.length) return
    const live = this.view.mode === 'live'
    if (live && this.peeks(b.start(b.length - 1), end)) return
    if (live ? end < this.joinEnd - 0.25 && !this.ended : end <= this.joinEnd) return // the rest of the first picture's group is on its way
    const to = live ? Math.max(b.start(b.length - 1), end - this.pacer.start) : Math.max(this.joinEnd, b.start(0))
    this.video.currentTime = to
    this.started = true
    this.startedAt = performance.now()
    if (this.view.stage !== 'ended') this.view.stage = 'playing'
    this.resume()
  }
  /** Plays what is there. Who came just behind a keyframe has one piece, and sees its picture stand until the next has come: it would stop before. */
  private resume(): void {
    if (!this.video.paused || this.view.paused) return
    const enough = this.end() - this.video.currentTime >= this.pacer.start || performance.now() - this.startedAt > ENOUGH_MS
    if (enough || this.ended || this.view.mode === 'replay') void this.play()
  }
  /** The keyframe that one begins with is shown while all since then, which is decoded before anything newer can be, is on its way. */
  private peeks(start: number, end: number): boolean {
    const now = performance.now()
    const shown = this.video.requestVideoFrameCallback?.bind(this.video)
    if (!this.peeked && shown && this.view.picture && Math.max(end, this.joinEnd) - start > PEEK_FROM_S) {
      this.peeked = now
      this.video.currentTime = start
      const buffer = this.buffer
      shown(() => {
        if (buffer !== this.buffer || this.started || !this.peeked) return
        this.peeked = -1
        if (this.view.stage !== 'ended') this.view.stage = 'playing'
        this.begin()
      })
    }
    return this.peeked > 0 && now - this.peeked < PEEK_MS
  }
  /** Where nothing was (the publisher's line broke), what comes after it is shown. */
  private overHole(): void {
    const b = this.video.buffered
    const at = this.video.currentTime
    for (let i = 0; i < b.length; i++) {
      if (at >= b.start(i) - 0.02 && at < b.end(i) - 0.05) return
      if (b.start(i) > at) {
        this.video.currentTime = b.start(i) + 0.01
        return
      }
    }
  }
  private tick(): void {
    const now = performance.now()
    if (this.native) return this.native.tick()
    if (!this.started) this.begin()
    this.view.at = this.started ? this.video.currentTime : this.view.at
    this.view.busy = this.started && this.video.readyState < 3 && !this.view.paused && this.view.stage === 'playing'
    this.view.until = Math.max(this.view.until, this.end())
    if (this.epochMs) this.view.behind = (Date.now() + this.offsetMs - this.epochMs) / 1000 - this.video.currentTime
    this.listen(now)
    const quiet = this.atNode && now - this.heard > QUIET_MS
    if (this.ws?.readyState === WebSocket.OPEN && now - this.pinged > (quiet ? QUIET_MS : this.pings < 3 ? 1000 : 10_000)) {
      this.pings++
      this.pinged = now
      this.ws.send(JSON.stringify({ type: 'ping', t: now }))
    }
    if (now - this.trimmed > 10_000) {
      this.trimmed = now
      this.buffer.trim()
    }
    if (!this.started) {
      if (this.view.mode === 'replay') void this.load()
      return
    }
    if (this.video.readyState < 3) this.overHole()
    if (this.view.mode === 'live') this.keepUp(now)
    else void this.load()
  }
  private keepUp(now: number): void {
    if (this.view.paused || this.video.seeking) return
    if (this.ended) {
      this.video.playbackRate = 1
      return
    }
    this.pacer.note(now, this.end() - this.video.currentTime)
    const pace = this.pacer.step(now)
    if (pace.jump !== undefined) this.video.currentTime = this.end() - pace.jump
    if (this.video.playbackRate !== pace.rate) this.video.playbackRate = pace.rate
    if (this.video.readyState >= 3) this.resume()
  }

  // ---- winding back ----
  private async list(fresh = false): Promise<boolean> {
    const now = Date.now()
    if (!fresh && (this.ended || now - this.listed < 3000)) return true
    this.listed = now
    try {
      if (!this.base) {
        const master = await fetch(this.url('/index.m3u8'), this.token ? { headers: { Authorization: `Bearer ${this.token}` } } : {})
        if (!master.ok) throw new Error(String(master.status))
        const line = (await master.text()).split('\n').find((l) => l && !l.startsWith('#'))
        this.base = new URL(line ?? '', new URL(this.url('/index.m3u8'), location.href)).href
      }
      const answer = await fetch(this.base)
      if (!answer.ok) throw new Error(String(answer.status))
      const list = parse(await answer.text(), this.base, this.epochMs)
      this.segments = list.segments
      this.ended = list.ended
      const [first, last] = [list.segments[0], list.segments.at(-1)]
      if (first && last) {
        this.view.from = first.start
        this.view.until = Math.max(list.ended ? 0 : this.view.until, last.start + last.duration)
      }
      return true
    } catch {
      this.base = ''
      if (this.view.mode === 'replay' && !this.started) this.view.stage = 'lost'
      return false
    }
  }
  private async fetched(url: string): Promise<ArrayBuffer> {
    const answer = await fetch(url)
    if (!answer.ok) throw new Error(String(answer.status))
    return answer.arrayBuffer()
  }
  /** The next segment after what is buffered, as long as less than AHEAD_S wait. */
  private async load(): Promise<void> {
    const at = this.started ? this.video.currentTime : this.joinEnd
    if (this.loading || this.view.mode !== 'replay' || !this.buffer) return
    const b = this.video.buffered
    let until = at
    for (let i = 0; i < b.length; i++) if (b.start(i) <= until + 0.1 && b.end(i) > until) until = b.end(i)
    if (until - at > AHEAD_S) return
    const turn = this.turn
    this.loading = true
    try {
      await this.list()
      const s = this.segments[indexAt(this.segments, until + 0.05)]
      if (!s || s.start + s.duration <= until + 0.05) {
        if (this.ended && this.started) this.buffer.end()
        return
      }
      const init = s.map === this.map ? null : await this.fetched(s.map)
      const bytes = await this.fetched(s.url)
      if (turn !== this.turn) return
      if (init) {
        this.buffer.kind(codecsOf(init))
        this.buffer.append(init)
        this.map = s.map
      }
      this.buffer.append(bytes)
      while (turn === this.turn && !this.buffer.idle) await new Promise((done) => setTimeout(done, 20))
    } catch {
      await new Promise((done) => setTimeout(done, 1000))
    } finally {
      if (turn === this.turn) this.loading = false
    }
  }

  // ---- without MediaSource, or with one that does not know what comes: the browser's own player ----
  private goNative(): void {
    this.joins++
    this.ws?.close()
    this.ws = null
    this.buffer.close()
    if (!playsHls(this.video)) {
      this.view.stage = 'unsupported'
      return
    }
    const ask = (path: string): Promise<Response> => fetch(this.url(path), this.token ? { headers: { Authorization: `Bearer ${this.token}` } } : {})
    const address = this.url('/index.m3u8') + (this.token ? `?token=${encodeURIComponent(this.token)}` : '')
    this.native = new Native(this.video, this.view, ask, address, () => this.play())
  }
}

/** What an initialisation segment declares: its avcC names the H.264 profile and level; the voice is Opus. */
export function codecsOf(init: ArrayBuffer): string {
  const b = new Uint8Array(init)
  for (let i = 0; i + 8 < b.length; i++)
    if (b[i] === 0x61 && b[i + 1] === 0x76 && b[i + 2] === 0x63 && b[i + 3] === 0x43)
      return `avc1.${[b[i + 5], b[i + 6], b[i + 7]].map((n) => (n ?? 0).toString(16).padStart(2, '0')).join('')},opus`
  return 'opus'
}
