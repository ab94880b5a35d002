// One person's seat in one live room: joins, keeps the seat through lost networks, reloads and a restarted server, carries media both ways,
// and holds what the page shows. No Vue component here and no DOM except through devices.ts.
import { computed, reactive, ref, shallowRef, triggerRef, watch } from 'vue'
import { Fault, say } from '@/lib/api'
import { holdAwake } from '@/lib/session'
import { Socket } from '@/lib/socket'
import { loadChoice, openCamera, openMic, openScreen, troubleOf, type Choice, type DeviceTrouble } from './devices'
import { Downlink } from './downlink'
import { Notices, type Notice } from './notices'
import { gradeOf, StatsMeter, type Summary } from './stats'
import { captureStill } from './still'
import type { DownOffer, Joined, Mode, Quality, Remote, Room, Seat, Show, Source, StreamQuality } from './types'
import { Uplink, type Outgoing } from './uplink'

export type Phase = 'idle' | 'connecting' | 'waiting' | 'in' | 'refused' | 'removed' | 'left' | 'ended' | 'replaced' | 'failed'
export interface Kept {
  ticket: string
  resume: string
  sources: Source[]
  muted: Source[]
  mode: Mode
  /** The device of the second camera: it comes back with the page. */
  camera2: string
  /** As the room said last: our offer is made before it can say it again. */
  layered?: Source[]
}
export interface LocalSlot {
  track: MediaStreamTrack | null
  /** Someone turned it on and it is part of the seat. */
  on: boolean
  /** On, but nothing is sent. */
  muted: boolean
  trouble: DeviceTrouble | null
  busy: boolean
}

const STATS_EVERY_MS = 5_000
const DRAW_AFTER_MS = 300
const RESTART_AFTER_MS = 1_500
const REBUILD_AFTER_MS = 6_000
const REBUILD_MOST_MS = 15_000
const STILL_EVERY_MS = 3_000
/** Poor for this long: video gives way to sound and still pictures by itself. */
const FALLBACK_AFTER_MS = 20_000

const fresh = (): LocalSlot => ({ track: null, on: false, muted: false, trouble: null, busy: false })

export interface CallOptions {
  /** Where the resume secret lives across a reload (sessionStorage key). */
  keep: string
  /** A personal ticket; asked again when the old one is no longer good. */
  ticket: (renew: boolean) => Promise<string>
  deviceName: string
}
const ALL = ['mic', 'camera', 'screen', 'camera2'] as const

export class Call {
  readonly phase = ref<Phase>('idle')
  readonly fault = shallowRef<Fault | null>(null)
  readonly reason = ref('')
  readonly room = shallowRef<Omit<Room, 'seats'> | null>(null)
  readonly seats = shallowRef(new Map<string, Seat>())
  readonly seatId = ref('')
  readonly speaking = ref<string | null>(null)
  readonly levels = shallowRef<Record<string, number>>({})
  readonly remotes = shallowRef<Remote[]>([])
  readonly stills = shallowRef(new Map<string, string>())
  readonly show = shallowRef<{ by: string; show: Show | null } | null>(null)
  /** By track: how each picture comes to this page. */
  readonly streams = shallowRef(new Map<string, StreamQuality>())
  /** What is said of the pictures, by track. */
  readonly notices = shallowRef(new Map<string, Notice>())
  private noticing = new Notices()
  readonly summary = shallowRef<Summary | null>(null)
  readonly mode = ref<Mode>('full')
  readonly autoMode = ref(false)
  /** Why there is neither sound nor picture although the room is joined; null when there is. */
  readonly mediaFault = ref<string | null>(null)
  readonly mediaUp = ref<RTCPeerConnectionState>('new')
  readonly mediaDown = ref<RTCPeerConnectionState>('new')
  readonly local = reactive<Record<Source, LocalSlot>>({ mic: fresh(), camera: fresh(), screen: fresh(), camera2: fresh() })
  readonly socket = new Socket({ maxBackoffMs: 1000, pingEveryMs: 1000, deadMs: 3000 })
  readonly me = computed(() => this.seats.value.get(this.seatId.value) ?? null)
  readonly isHost = computed(() => this.room.value?.host_seat === this.seatId.value || this.me.value?.role === 'host')
  readonly canShow = computed(() => this.isHost.value || this.me.value?.role === 'expert')
  readonly waiting = computed(() => [...this.seats.value.values()].filter((s) => s.state === 'waiting'))
  readonly present = computed(() => [...this.seats.value.values()].filter((s) => s.state === 'admitted' || s.state === 'away'))
  readonly others = computed(() => this.present.value.filter((s) => s.id !== this.seatId.value))
  /** The page cannot reach the room right now, but keeps the seat and keeps trying. */
  readonly broken = computed(() => this.phase.value === 'in' && (this.socket.state.value !== 'open' || ['disconnected', 'failed'].includes(this.mediaDown.value) || ['disconnected', 'failed'].includes(this.mediaUp.value)))

  private ticket = ''
  private asked: Promise<string> | null = null
  private resume = ''
  private lastSeq = 0
  private iceServers: RTCIceServer[] = []
  private up: Uplink | null = null
  private down: Downlink | null = null
  private joining = false
  private meter = new StatsMeter()
  private timers: ReturnType<typeof setInterval>[] = []
  private offs: (() => void)[] = []
  private badSince = { up: 0, down: 0 }
  private restarted = { up: false, down: false }
  private poorSince = 0
  private buildTries = 0
  private builds = 0
  private rebuild: ReturnType<typeof setTimeout> | undefined
  private release: (() => void) | null = null
  private choice: Choice = loadChoice()
  /** Connections made before the seat is known: entering waits for neither of them. */
  private readied: { up: Uplink; down: Downlink; tracks: Outgoing } | null = null

  constructor(private readonly options: CallOptions) {
    const kept = readKept(options.keep)
    if (kept) {
      this.ticket = kept.ticket
      this.resume = kept.resume
    }
  }

  /** While devices are tested: the line is open and the ticket here before anybody presses "enter". */
  prepare(): void {
    this.socket.open()
    // A room that is not open yet has no ticket; entering asks again.
    this.haveTicket().catch(() => {})
  }

  /** One question at a time: a newer ticket makes the one before worthless. */
  private async haveTicket(): Promise<void> {
    if (this.ticket) return
    this.asked ??= this.options.ticket(false).finally(() => (this.asked = null))
    this.ticket = await this.asked
  }

  /** Opens what the person chose (or had before a reload) and takes the seat. */
  async enter(choice: Choice): Promise<void> {
    this.choice = choice
    this.phase.value = 'connecting'
    this.release ??= holdAwake()
    this.listen()
    await this.openDevices(readKept(this.options.keep))
    this.timers.push(setInterval(() => void this.report(), STATS_EVERY_MS), setInterval(() => this.watchdog(), 500), setInterval(() => void this.sendStill(), STILL_EVERY_MS))
    this.offs.push(this.socket.onOpen(() => void this.join()))
    this.offs.push(
      watch(this.socket.state, (state) => {
        if (state !== 'closed' || this.over()) return
        if (this.socket.closeCode.value === 4001) this.fault.value = new Fault('unauthenticated', 401)
        this.end(this.socket.closeCode.value === 4010 ? 'replaced' : this.socket.closeCode.value === 4001 ? 'failed' : 'removed')
      }),
    )
    // An address that is gone (another Wi-Fi) shows in the media seconds before the heartbeat misses an answer.
    this.offs.push(watch([this.mediaUp, this.mediaDown], (states) => states.includes('disconnected') && this.socket.hurry()))
    this.socket.open()
  }

  private async openDevices(kept: Kept | null): Promise<void> {
    const wants = (s: 'mic' | 'camera'): boolean => (kept ? kept.sources.includes(s) : s === 'mic' ? this.choice.useMic : this.choice.useCamera)
    if (kept) this.mode.value = kept.mode
    const muted = new Set(kept?.muted)
    for (const s of ['camera', 'camera2'] as const) if (muted.has(s)) Object.assign(this.local[s], { on: true, muted: true }) // its light stays off
    await Promise.all([
      wants('mic') && !this.local.mic.track ? this.acquire('mic') : null,
      wants('camera') && !muted.has('camera') && !this.local.camera.track ? this.acquire('camera') : null,
      kept?.sources.includes('camera2') && kept.camera2 && !muted.has('camera2') ? this.acquire('camera2', kept.camera2) : null,
    ])
    if (muted.has('mic') && this.local.mic.on) this.setMuted('mic', true)
  }

  over(): boolean {
    return ['refused', 'removed', 'left', 'ended', 'replaced', 'failed'].includes(this.phase.value)
  }

  private readonly ask = <T>(verb: string, args: unknown = {}): Promise<T> => this.socket.request<T>(verb, args)

  // ---- joining ----
  private async join(): Promise<void> {
    if (this.joining || this.over()) return
    this.joining = true
    this.ready()
    try {
      const joined = await this.takeSeat()
      this.seatId.value = joined.seat
      this.iceServers = joined.ice_servers ?? []
      this.resume = joined.resume
      this.keep()
      if (joined.room) this.takeRoom(joined.room)
      if (joined.state === 'waiting') this.phase.value = 'waiting'
      else await this.admitted()
    } catch (error) {
      if (error instanceof Fault && !error.offline && error.code !== 'timeout' && error.code !== 'unavailable') {
        // Who was inside and finds the room closed has missed its end.
        const missed = error.reason === 'room_closed' || (error.reason === 'room_not_open' && this.resume !== '')
        this.fault.value = error
        this.end(missed ? 'ended' : 'failed')
      } else setTimeout(() => this.socket.state.value === 'open' && void this.join(), 700)
    } finally {
      this.joining = false
    }
  }

  private async takeSeat(): Promise<Joined> {
    await this.haveTicket()
    const args = (): Record<string, unknown> => ({ ticket: this.ticket, resume: this.resume || undefined, last_seq: this.resume ? this.lastSeq : undefined, device: { name: this.options.deviceName } })
    try {
      return await this.ask<Joined>('room.join', args())
    } catch (error) {
      const stale = error instanceof Fault && ['denied', 'gone', 'unauthenticated', 'not_found', 'invalid'].includes(error.code)
      if (!stale) throw error
      this.ticket = await this.options.ticket(true)
      return await this.ask<Joined>('room.join', args()).catch((again: unknown) => {
        if (!this.resume) throw again
        this.resume = ''
        return this.ask<Joined>('room.join', args())
      })
    }
  }

  private async admitted(): Promise<void> {
    this.buildTries = 0
    const built = this.build()
    // The page is drawn while the line is being secured, not while its answer waits.
    if (this.phase.value !== 'in' && this.others.value.some((s) => s.tracks.length)) await Promise.race([this.down?.answered, new Promise((done) => setTimeout(done, DRAW_AFTER_MS))])
    if (this.over()) return
    this.phase.value = 'in'
    await built
    if (this.mode.value !== 'full') this.socket.post('room.quality_hint', { mode: this.mode.value })
  }

  private keep(): void {
    const sources = ALL.filter((s) => this.local[s].on)
    const muted = sources.filter((s) => this.local[s].muted)
    const camera2 = this.local.camera2.track?.getSettings().deviceId ?? ''
    sessionStorage.setItem(this.options.keep, JSON.stringify({ ticket: this.ticket, resume: this.resume, sources, muted, mode: this.mode.value, camera2, layered: this.room.value?.layered } satisfies Kept))
  }

  // ---- media ----
  /** Never throws: a room without media still has its chat, record and acts; the media are tried again, ever slower. */
  private async build(): Promise<void> {
    clearTimeout(this.rebuild)
    const mine = ++this.builds
    try {
      await this.connectMedia()
      this.mediaFault.value = null
      this.buildTries = 0
    } catch (error) {
      if (mine !== this.builds) return // a newer one has closed ours
      if (this.over() || this.socket.state.value !== 'open') return // the next join builds again
      this.mediaFault.value = say(error)
      this.rebuild = setTimeout(() => void this.build(), Math.min(REBUILD_MOST_MS, 1000 * 2 ** this.buildTries++))
    }
  }

  /** What a source sends now: nothing while it is muted, and no moving picture in the modes for bad lines. */
  private outgoing(source: Source): MediaStreamTrack | null {
    const slot = this.local[source]
    return slot.muted || (source === 'camera' && this.mode.value !== 'full') ? null : slot.track
  }

  /** New connections with our offer made, so that only the server's answer is missing. */
  private ready(): void {
    this.unready()
    const down = new Downlink(this.ask, (remotes) => this.down === down && (this.remotes.value = remotes))
    const up = new Uplink(this.ask, this.choice.codec, this.room.value?.layered ?? readKept(this.options.keep)?.layered ?? [])
    const tracks: Outgoing = {}
    for (const source of ALL) if (this.local[source].on) tracks[source] = this.outgoing(source)
    up.prepare(tracks)
    this.readied = { up, down, tracks }
  }

  private unready(): void {
    this.readied?.up.close()
    this.readied?.down.close()
    this.readied = null
  }

  private async connectMedia(): Promise<void> {
    this.up?.close()
    this.down?.close()
    this.meter = new StatsMeter()
    this.badSince = { up: 0, down: 0 }
    this.restarted = { up: false, down: false }
    if (!this.readied) this.ready()
    const { up, down, tracks } = this.readied!
    // They have gathered nothing yet: relays are told with the seat.
    for (const { pc } of [up, down]) pc.setConfiguration({ bundlePolicy: 'max-bundle', iceServers: this.iceServers })
    this.readied = null
    this.up = up
    this.down = down
    up.pc.onconnectionstatechange = () => this.up === up && (this.mediaUp.value = up.pc.connectionState)
    down.pc.onconnectionstatechange = () => this.down === down && (this.mediaDown.value = down.pc.connectionState)
    this.mediaUp.value = this.mediaDown.value = 'new'
    await Promise.all([down.subscribe(), up.publish().then(() => this.agree(up, tracks))])
    await up.form(this.room.value?.layered ?? [])
  }

  /** What was muted or changed while the connections were made; nothing of it was sent meanwhile. */
  private async agree(up: Uplink, sent: Outgoing): Promise<void> {
    for (const source of ALL) {
      if (!this.local[source].on) continue
      const track = this.outgoing(source)
      if (!track) this.socket.post('room.mute_self', { source, muted: true })
      if (track !== (sent[source] ?? null)) await up.send(source, track)
    }
  }

  /** Restarts ICE on a connection that stays broken, and rebuilds both when that does not help. */
  private watchdog(): void {
    if (this.phase.value !== 'in' || this.socket.state.value !== 'open' || this.joining) return
    const now = performance.now()
    for (const side of ['up', 'down'] as const) {
      const link = this[side]
      const state = link?.pc.connectionState
      const used = link && (side === 'down' ? link.pc.remoteDescription !== null : this.up?.published)
      if (!used || state === 'connected') {
        this.badSince[side] = 0
        this.restarted[side] = false
        continue
      }
      this.badSince[side] ||= now
      const bad_ms = now - this.badSince[side]
      if (state !== 'connecting' && state !== 'new' && bad_ms > RESTART_AFTER_MS && !this.restarted[side]) {
        this.restarted[side] = true
        Promise.resolve(link.restart()).catch(() => {})
      }
      if (bad_ms > REBUILD_AFTER_MS && this.mediaFault.value === null) {
        void this.build()
        return
      }
    }
  }

  private async acquire(source: 'mic' | 'camera' | 'camera2', deviceId?: string): Promise<boolean> {
    const slot = this.local[source]
    const { choice } = this
    slot.busy = true
    slot.trouble = null
    try {
      const track = source === 'mic' ? await openMic(deviceId ?? choice.mic) : await openCamera(deviceId ?? choice[source], source === 'camera' ? 'face' : 'detail')
      this.adopt(source, track)
      return true
    } catch (error) {
      slot.trouble = troubleOf(error)
      return false
    } finally {
      slot.busy = false
    }
  }

  private adopt(source: Source, track: MediaStreamTrack): void {
    const slot = this.local[source]
    slot.track?.stop()
    slot.track = track
    slot.on = true
    slot.muted = false
    // An unplugged camera or the browser's own "stop sharing".
    track.onended = () => this.local[source].track === track && void this.stop(source)
  }

  /** Takes a track the device test opened already. */
  lend(source: 'mic' | 'camera', track: MediaStreamTrack): void {
    this.adopt(source, track)
  }

  private setMuted(source: Source, muted: boolean): void {
    this.local[source].muted = muted
    if (source !== 'mic' && muted) {
      this.local[source].track?.stop() // the camera's light goes out
      this.local[source].track = null
    }
  }

  /** Microphone and camera on/off: nothing is negotiated unless the source is new. */
  async toggle(source: 'mic' | 'camera'): Promise<void> {
    const slot = this.local[source]
    if (slot.busy) return
    if (!slot.on || slot.muted) {
      if (!slot.track || slot.track.readyState === 'ended') {
        if (!(await this.acquire(source))) return
      }
      slot.muted = false
    } else this.setMuted(source, true)
    await this.sendNow(source)
    this.keep()
  }

  private async sendNow(source: Source): Promise<void> {
    const track = this.outgoing(source)
    await this.up?.send(source, track)
    this.socket.post('room.mute_self', { source, muted: track === null })
  }

  async startScreen(): Promise<void> {
    const slot = this.local.screen
    slot.busy = true
    try {
      this.adopt('screen', await openScreen())
      await this.up?.send('screen', slot.track)
    } finally {
      slot.busy = false
      this.keep()
    }
  }

  async startCamera2(deviceId: string): Promise<void> {
    if (await this.acquire('camera2', deviceId)) await this.up?.send('camera2', this.local.camera2.track)
    this.keep()
  }

  async stop(source: Source): Promise<void> {
    const slot = this.local[source]
    slot.track?.stop()
    Object.assign(slot, fresh())
    await this.up?.stop(source)
    this.keep()
  }

  /** Another device for a source that is on. */
  async change(source: 'mic' | 'camera', deviceId: string): Promise<void> {
    this.choice[source] = deviceId
    if (!this.local[source].on || this.local[source].muted) return
    if (await this.acquire(source, deviceId)) await this.up?.send(source, this.outgoing(source))
  }

  /** Full video, sound only, or sound and a still picture every few seconds. */
  async setMode(mode: Mode, byItself = false): Promise<void> {
    this.mode.value = mode
    this.autoMode.value = byItself
    this.poorSince = 0
    this.socket.post('room.quality_hint', { mode })
    this.keep()
    if (this.local.camera.on && !this.local.camera.muted) await this.sendNow('camera')
    if (mode === 'stills') void this.sendStill()
  }

  private async sendStill(): Promise<void> {
    const camera = this.local.camera
    if (this.phase.value !== 'in' || this.mode.value !== 'stills' || !camera.track || camera.muted) return
    const jpeg_base64 = await captureStill(camera.track)
    if (jpeg_base64) this.socket.post('room.still', { source: 'camera', jpeg_base64 })
  }

  private async report(): Promise<void> {
    if (this.phase.value !== 'in') return
    const s = await this.meter.read(this.up?.pc ?? null, this.down?.pc ?? null).catch(() => null)
    if (!s) return
    this.summary.value = s
    this.socket.post('media.stats', s)
    // What others lose on their way up is missing here too; the server tells it from what this line loses.
    const told = this.me.value?.quality?.grade ?? s.grade
    if (told !== 'poor' && gradeOf(s.up_loss, s.rtt_ms) !== 'poor') this.poorSince = 0
    else if (this.mode.value === 'full') {
      this.poorSince ||= performance.now()
      if (performance.now() - this.poorSince > FALLBACK_AFTER_MS) await this.setMode('stills', true)
    }
  }

  layer(track: string, layer: 0 | 1 | 2): void {
    this.socket.post('media.layer', { track, layer })
  }

  // ---- the room's news ----
  private listen(): void {
    const on = <T>(event: string, fn: (data: T) => void): void => {
      this.offs.push(
        this.socket.on<T>(event, (data, seq) => {
          if (seq !== undefined) this.lastSeq = seq
          fn(data)
        }),
      )
    }
    on<{ room?: Room }>('room.admitted', (d) => {
      if (d.room) this.takeRoom(d.room)
      void this.admitted()
    })
    on<{ reason?: string }>('room.refused', (d) => this.end('refused', d.reason))
    on<Seat>('room.seat', (seat) => this.putSeat(seat))
    on<{ seat: string; reason?: string }>('room.left', (d) => this.seatLeft(d.seat, d.reason ?? ''))
    on<Omit<Room, 'seats'>>('room.state', (state) => this.takeState(state))
    on<{ seat: string | null; levels: Record<string, number> }>('room.speaking', (d) => {
      this.speaking.value = d.seat
      this.levels.value = d.levels ?? {}
    })
    on<Record<string, Quality>>('room.quality', (all) => {
      const seats = new Map(this.seats.value)
      for (const [id, quality] of Object.entries(all)) {
        const seat = seats.get(id)
        if (seat) seats.set(id, { ...seat, quality })
      }
      this.seats.value = seats
    })
    on<{ by: string; show: Show | null }>('room.show', (d) => (this.show.value = d))
    on<{ seat: string; source: Source; jpeg_base64: string }>('room.still', (d) => {
      this.stills.value.set(d.seat, `data:image/jpeg;base64,${d.jpeg_base64}`)
      triggerRef(this.stills)
    })
    on<{ streams: StreamQuality[] }>('media.streams', (d) => {
      this.streams.value = new Map(d.streams.map((s) => [s.track, s]))
      this.notices.value = this.noticing.input(d.streams, performance.now())
    })
    on<{ source: Source; layers: boolean[] }>('media.wanted', (d) => void this.up?.activate(d.source, d.layers).catch(() => {}))
    on<DownOffer>('media.offer', (o) => this.down?.offer(o))
    // What carried our sound and pictures is gone; the server has them come to itself.
    on<object>('media.moved', () => this.down && void this.build())
  }

  private takeRoom(room: Room): void {
    this.seats.value = new Map(room.seats.map((s) => [s.id, s]))
    this.takeState(room)
    const me = this.seats.value.get(this.seatId.value)
    if (me) this.obeyMute(me)
    this.show.value = room.show ? { by: room.show.by ?? this.show.value?.by ?? '', show: room.show } : null
  }

  private takeState(state: Omit<Room, 'seats'>): void {
    this.room.value = { ...this.room.value, ...state }
    void this.up?.form(state.layered).catch(() => {}) // the watchdog builds anew what fails
    if (state.state === 'ended') this.end('ended')
  }

  private putSeat(seat: Seat): void {
    const seats = new Map(this.seats.value)
    if (seat.state === 'left') seats.delete(seat.id)
    else seats.set(seat.id, { ...seats.get(seat.id), ...seat })
    this.seats.value = seats
    if (seat.id === this.seatId.value) this.obeyMute(seat)
  }

  /** The host silenced us: what we send stops here too, and the buttons say so. */
  private obeyMute(seat: Seat): void {
    const mic = this.local.mic
    if (seat.muted_by_host && mic.on && !mic.muted) {
      this.setMuted('mic', true)
      void this.up?.send('mic', null)
      this.keep()
    }
  }

  private seatLeft(id: string, reason: string): void {
    if (id === this.seatId.value) {
      this.end(reason === 'ended' ? 'ended' : reason === 'replaced' ? 'replaced' : reason === 'left' ? 'left' : 'removed', reason)
      return
    }
    const seats = new Map(this.seats.value)
    seats.delete(id)
    this.seats.value = seats
    if (this.stills.value.delete(id)) triggerRef(this.stills)
  }

  // ---- leaving ----
  async leave(): Promise<void> {
    await this.ask('room.leave').catch(() => {})
    this.end('left')
  }

  private end(phase: Phase, reason = ''): void {
    if (this.over()) return
    this.phase.value = phase
    this.reason.value = reason
    if (phase !== 'replaced') sessionStorage.removeItem(this.options.keep)
    this.dispose()
  }

  /** Gives everything back; the seat stays with the server unless `leave` was called. */
  dispose(): void {
    clearTimeout(this.rebuild)
    for (const timer of this.timers.splice(0)) clearInterval(timer)
    for (const off of this.offs.splice(0)) off()
    this.socket.close()
    this.up?.close()
    this.down?.close()
    this.up = this.down = null
    this.unready()
    for (const slot of Object.values(this.local)) {
      slot.track?.stop()
      Object.assign(slot, fresh())
    }
    this.remotes.value = []
    this.streams.value = new Map()
    this.notices.value = new Map()
    this.noticing = new Notices()
    this.release?.()
    this.release = null
  }
}

export function readKept(key: string): Kept | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(key) ?? 'null') as Kept | null
    return kept && typeof kept.ticket === 'string' && typeof kept.resume === 'string' && Array.isArray(kept.sources) && kept.mode ? kept : null
  } catch {
    return null
  }
}
