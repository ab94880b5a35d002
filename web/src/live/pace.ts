// How far behind the newest bytes the picture stands: as little as the line allows. The least that was buffered within the last second is what
// counts, because pieces come every 200 ms. Small corrections by speed, which nobody hears; large ones by a jump.

const WINDOW_MS = 1000
const LEAST_S = 0.1
const MOST_S = 0.6
const JUMP_S = 1.2

export interface Pace {
  rate: number
  /** Seconds before the end of what is there; absent: no jump. */
  jump?: number
}

export class Pacer {
  private seen: { at: number; ahead: number }[] = []
  private cushion = LEAST_S
  private calmSince = 0

  reset(): void {
    this.seen = []
  }
  /** Playing stopped for want of bytes: stand a little further back from now on. */
  stalled(now: number): void {
    this.cushion = Math.min(MOST_S, this.cushion + 0.1)
    this.calmSince = now
    this.seen = []
  }
  /** How far before the end to begin. */
  get start(): number {
    return this.cushion + 0.2
  }
  step(now: number, ahead: number): Pace {
    this.seen.push({ at: now, ahead })
    while (this.seen[0]!.at < now - WINDOW_MS) this.seen.shift()
    if (now - this.calmSince > 15_000) {
      this.cushion = Math.max(LEAST_S, this.cushion - 0.02)
      this.calmSince = now
    }
    const least = Math.min(...this.seen.map((s) => s.ahead))
    const off = least - this.cushion
    const whole = this.seen.length > 1 && now - this.seen[0]!.at > WINDOW_MS / 2
    if (off > JUMP_S) {
      this.reset()
      return { rate: 1, jump: this.start }
    }
    if (!whole) return { rate: 1 }
    if (off > 0.05) return { rate: off > 0.3 ? 1.15 : off > 0.12 ? 1.08 : 1.03 }
    if (off < -0.06) return { rate: 0.96 }
    return { rate: 1 }
  }
}
