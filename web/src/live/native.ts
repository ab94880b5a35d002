// The browser's own player of low-latency HLS, for phones without MediaSource or whose MediaSource knows no Opus. They may be given the rendition with
// AAC, which begins when the first of them asks for it: nothing before can be shown here, and `view.late` says so. Seconds are the player's own.
import type { View } from './player'

/** Players of the system that read the dates of a playlist say which moment their second 0 is. */
type Dated = HTMLVideoElement & { getStartDate?: () => Date }

export const playsHls = (video: HTMLVideoElement): boolean => video.canPlayType('application/vnd.apple.mpegurl') !== ''

const AGAIN_MS = 2000
/** Sound alone has a black picture, of a size that no camera has (media/mux/blank.h). */
const BLANK = [192, 108]
const BEFORE_END_S = 1

export class Native {
  private over = false
  private retry: ReturnType<typeof setTimeout> | undefined
  private asked = 0
  /** UTC of the first moment that can be shown; how far the server's clock is before ours. */
  private firstMs = 0
  private offsetMs = 0
  private readonly events: Record<string, () => void> = {
    playing: () => this.view.mode === 'live' && !this.view.first && (this.view.first = performance.now() - this.asked),
    timeupdate: () => this.view.stage !== 'ended' && !this.video.error && (this.view.stage = 'playing'),
    error: () => this.again('lost'),
    ended: () => Object.assign(this.view, { stage: 'ended', mode: 'live' }),
  }

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly view: View,
    /** Below /live/ROOM. */
    private readonly ask: (path: string) => Promise<Response>,
    private readonly address: string,
    private readonly play: () => Promise<void>,
  ) {
    for (const [name, act] of Object.entries(this.events)) video.addEventListener(name, act)
    void this.begin()
  }
  close(): void {
    this.over = true
    clearTimeout(this.retry)
    for (const [name, act] of Object.entries(this.events)) this.video.removeEventListener(name, act)
    this.video.removeAttribute('src')
  }
  async seek(at: number): Promise<void> {
    this.view.mode = 'replay'
    if (this.view.stage === 'ended') this.view.stage = 'playing'
    if (!this.video.seekable.length) { // a player that winds nothing back while it goes on: now that it has ended it begins at the beginning
      this.video.load()
      return this.play()
    }
    await this.show(Math.min(Math.max(at, this.view.from), Math.max(this.view.from, this.view.until - BEFORE_END_S)))
  }
  async live(): Promise<void> {
    this.view.mode = 'live'
    await this.show(this.view.until)
  }
  tick(): void {
    const [s, v] = [this.video.seekable, this.view]
    v.from = s.length ? s.start(0) : 0
    v.until = s.length ? s.end(s.length - 1) : 0
    v.winds = v.until - v.from > 1 || v.stage === 'ended'
    v.at = this.video.currentTime
    v.picture = this.video.videoWidth > 0 && (this.video.videoWidth !== BLANK[0] || this.video.videoHeight !== BLANK[1])
    v.busy = v.stage === 'playing' && this.video.readyState < 3 && !v.paused
    v.behind = this.behind()
  }
  /** Null where the player neither dates its seconds nor says where the lecture begins among them: its second 0 may then be the lecture's first
   * moment or the one at which it came in, and a figure would be wrong by minutes. */
  private behind(): number | null {
    const start = (this.video as Dated).getStartDate?.().getTime() ?? NaN
    const now = Date.now() + this.offsetMs
    if (Number.isFinite(start)) return (now - start) / 1000 - this.view.at
    if (!this.video.seekable.length) return null
    return this.firstMs ? (now - this.firstMs) / 1000 - (this.view.at - this.view.from) : Math.max(0, this.view.until - this.view.at)
  }

  private async show(at: number): Promise<void> {
    this.view.paused = false
    this.video.currentTime = at
    await this.play()
  }
  /** The element says only that it could not load: the server says why. */
  private async begin(): Promise<void> {
    this.asked = performance.now()
    try {
      const answer = await this.ask('/index.m3u8')
      if (this.over) return
      if (answer.status === 404) return this.again('waiting')
      if (answer.status === 401 || answer.status === 403) {
        const { error } = (await answer.json()) as { error: { code: string; reason: string } }
        Object.assign(this.view, { stage: 'refused', reason: error.reason || error.code })
        return
      }
      if (!answer.ok) return this.again('lost')
      const variants = (await answer.text()).split('\n').filter((l) => l && !l.startsWith('#'))
      this.video.src = this.address
      void this.play()
      await this.times(variants)
    } catch {
      this.again('lost')
    }
  }
  private again(stage: View['stage']): void {
    clearTimeout(this.retry)
    if (this.over || this.view.stage === 'ended') return
    this.view.stage = stage
    this.retry = setTimeout(() => void this.begin(), AGAIN_MS)
  }
  /** When what is shown here begins, and how much of the lecture was before. */
  private async times(variants: string[]): Promise<void> {
    const aac = !this.video.canPlayType('audio/mp4; codecs="opus"')
    const mine = variants.find((l) => l.includes('/aac/') === aac)
    const now = await firstOf(await this.ask('/now'), /^(\{.*\})\n/)
    const date = mine && (await firstOf(await this.ask(`/${mine}`), /#EXT-X-PROGRAM-DATE-TIME:(.+)\n/))
    if (!now || !date) return
    const { name, now_ms, epoch_ms } = JSON.parse(now) as { name: string; now_ms: number; epoch_ms: number }
    this.offsetMs = now_ms - Date.now()
    this.firstMs = Date.parse(date)
    Object.assign(this.view, { name, late: Math.max(0, (this.firstMs - epoch_ms) / 1000) })
  }
}

/** What is found first in the answer's text; the rest is not waited for. */
async function firstOf(answer: Response, what: RegExp): Promise<string> {
  const reader = answer.ok ? answer.body?.getReader() : undefined
  const text = new TextDecoder()
  let found: RegExpExecArray | null = null
  for (let all = ''; reader && !found; ) {
    const r = await reader.read()
    if (r.done) break
    all += text.decode(r.value, { stream: true })
    found = what.exec(all)
  }
  void reader?.cancel()
  return found?.[1] ?? ''
}
