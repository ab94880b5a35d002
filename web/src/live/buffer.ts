// A SourceBuffer as a queue: what is given is appended in order, whatever the browser is busy with; a new kind of stream becomes a changed
// type, another set of tracks a new MediaSource. Old seconds are taken out, so that hours of a lecture do not fill the memory.

interface MediaSourceKind {
  new (): MediaSource
  isTypeSupported(type: string): boolean
}
/** Safari on phones has only the managed one. */
export const Source: MediaSourceKind | undefined =
  (globalThis as { ManagedMediaSource?: MediaSourceKind }).ManagedMediaSource ?? (globalThis as { MediaSource?: MediaSourceKind }).MediaSource

const KEEP_BEHIND_S = 30

type Job = { bytes: ArrayBuffer } | { type: string } | { remove: [number, number] }

export const mimeOf = (codecs: string): string => `${codecs.includes('avc1') ? 'video' : 'audio'}/mp4; codecs="${codecs}"`

export class Buffer {
  private jobs: Job[] = []
  private source: MediaSource | null = null
  private buffer: SourceBuffer | null = null
  private url = ''
  private tracks = 0
  private type = ''
  private closed = false

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly failed: (why: string) => void,
    /** Something was appended. */
    private readonly grown: () => void,
  ) {}

  /** Opens the source before it is known what comes: that takes the browser a while. */
  prepare(): void {
    if (!Source || this.source || this.closed) return
    const source = (this.source = new Source())
    this.url = URL.createObjectURL(source)
    this.video.disableRemotePlayback = true
    this.video.src = this.url
    source.addEventListener('sourceopen', () => this.open(source))
  }

  /** What is appended next is of these codecs. True: everything begins anew, nothing of before is left. */
  kind(codecs: string): boolean {
    const type = mimeOf(codecs)
    const tracks = codecs.split(',').length
    if (!Source?.isTypeSupported(type)) {
      this.failed('codec')
      return false
    }
    if (this.source && tracks === this.tracks) {
      if (type !== this.type) this.add({ type })
      this.type = type
      return false
    }
    if (this.tracks) this.reset()
    this.type = type
    this.tracks = tracks
    this.prepare()
    this.open(this.source)
    return true
  }
  append(bytes: ArrayBuffer): void {
    this.add({ bytes })
  }
  get idle(): boolean {
    return this.jobs.length === 0 && !!this.buffer && !this.buffer.updating
  }
  /** Only whole seconds, rarely: removing costs. */
  trim(): void {
    const b = this.video.buffered
    const until = this.video.currentTime - KEEP_BEHIND_S
    if (b.length && until - b.start(0) > 10) this.add({ remove: [0, until] })
  }
  /** No more will come: the player stops at the end instead of waiting there. */
  end(): void {
    if (this.source?.readyState === 'open' && this.idle) this.source.endOfStream()
  }
  reset(): void {
    this.jobs = []
    this.buffer = null
    this.source = null
    this.tracks = 0
    this.type = ''
    if (this.url) URL.revokeObjectURL(this.url)
    this.url = ''
  }
  close(): void {
    this.closed = true
    this.reset()
    this.video.removeAttribute('src')
    this.video.load()
  }

  private open(source: MediaSource | null): void {
    if (!source || source !== this.source || this.buffer || !this.type || source.readyState !== 'open') return
    this.buffer = source.addSourceBuffer(this.type)
    this.buffer.addEventListener('updateend', () => {
      this.next()
      this.grown()
    })
    this.buffer.addEventListener('error', () => this.failed('append'))
    this.next()
  }
  private add(job: Job): void {
    this.jobs.push(job)
    this.next()
  }
  private next(): void {
    const b = this.buffer
    if (!b || b.updating || this.closed || this.source?.readyState === 'closed') return
    const job = this.jobs[0]
    if (!job) return
    try {
      if ('bytes' in job) b.appendBuffer(job.bytes)
      else if ('type' in job) b.changeType(job.type)
      else b.remove(...job.remove)
      this.jobs.shift()
      if ('type' in job) this.next()
    } catch (error) {
      const full = error instanceof DOMException && error.name === 'QuotaExceededError' && 'bytes' in job
      if (full && this.video.currentTime > 5) this.jobs.unshift({ remove: [0, this.video.currentTime - 3] })
      else if (full) this.jobs.shift()
      else this.failed('append')
      if (full) setTimeout(() => this.next(), 50)
    }
  }
}
