// What this page receives: the server offers, we answer; each m-line is one track of one seat, named by the offer's map.
import type { Ask, DownOffer, Remote } from './types'

export class Downlink {
  readonly pc: RTCPeerConnection
  private map: DownOffer['map'] = []
  private work: Promise<void> = Promise.resolve()
  private newest = 0
  private closed = false
  /** Our first answer is on its way: from here on only the network is waited for. */
  readonly answered: Promise<void>
  private tellAnswered: () => void = () => {}

  constructor(
    private readonly ask: Ask,
    private readonly changed: (remotes: Remote[]) => void,
  ) {
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: [] })
    this.pc.ontrack = () => this.tell()
    this.answered = new Promise((done) => (this.tellAnswered = done))
  }

  subscribe(): Promise<unknown> {
    return this.ask('media.subscribe', { wants: 'all', fresh: true })
  }

  restart(): Promise<unknown> {
    return this.ask('media.restart', { pc: 'down' })
  }

  /** A newer offer replaces one that waits here. */
  offer(o: DownOffer): void {
    this.newest = Math.max(this.newest, o.version)
    this.work = this.work
      .then(() => (this.closed || o.version < this.newest ? undefined : this.answer(o)))
      .catch((error: unknown) => {
        // The server's next offer repeats everything; the watchdog rebuilds when none comes.
        if (!this.closed) console.warn('offer not taken:', (error as Error).message)
      })
  }

  close(): void {
    this.closed = true
    this.pc.close()
  }

  private async answer(o: DownOffer): Promise<void> {
    await this.pc.setRemoteDescription({ type: 'offer', sdp: o.sdp })
    await this.pc.setLocalDescription(await this.pc.createAnswer())
    if (this.closed) return
    this.map = o.map
    this.tell()
    const taken = this.ask('media.answer', { sdp: this.pc.localDescription?.sdp, version: o.version })
    this.tellAnswered()
    await taken
  }

  private tell(): void {
    const byMid = new Map(this.pc.getTransceivers().map((t) => [t.mid, t.receiver.track]))
    this.changed(
      this.map.flatMap((m) => {
        const track = byMid.get(m.mid)
        return track ? [{ track: m.track, seat: m.seat, source: m.source, stream: this.streamOf(m.track, track) }] : []
      }),
    )
  }

  // One stable MediaStream per track id: a tile that is shown again must not restart.
  private streams = new Map<string, { stream: MediaStream; track: MediaStreamTrack }>()
  private streamOf(id: string, track: MediaStreamTrack): MediaStream {
    const held = this.streams.get(id)
    if (held?.track === track) return held.stream
    const stream = new MediaStream([track])
    this.streams.set(id, { stream, track })
    return stream
  }
}
