// How far behind the newest bytes the picture stands: as little as the line allows. What counts is the least that was ahead, which is just before a
// piece comes (every 200 ms): where too much is left even then, it is played a little faster. Small corrections by speed, which nobody hears; large
// ones by a jump.

const WINDOW_MS = 1000
/** A piece that is late by 50 ms is rare, and each stop costs more than it: small corrections look at the last twenty. */
const FINE_MS = 4000
const LEAST_S = 0.13
/** Where the speed is changed Chromium needs that much ahead (measured: it stops at 0.12, at plain speed at 0.06 to 0.09). It is therefore never
 * slowed down when little is left: that alone would stop it. */
const CHANGED_S = 0.2
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
  /** So much is ahead. */
  note(now: number, ahead: number): void {
    this.seen.push({ at: now, ahead })
    while (this.seen[0]!.at < now - FINE_MS) this.seen.shift()
  }
  step(now: number): Pace {
    if (now - this.calmSince > 15_000) {
      this.cushion = Math.max(LEAST_S, this.cushion - 0.02)
      this.calmSince = now
    }
    const least = (ms: number): number => Math.min(...this.seen.filter((s) => s.at >= now - ms).map((s) => s.ahead))
    const [off, fine] = [least(WINDOW_MS) - this.cushion, least(FINE_MS) - this.cushion]
    const ahead = this.seen.at(-1)?.ahead ?? 0
    const whole = this.seen.length > 1 && now - this.seen[0]!.at > WINDOW_MS / 2
    if (whole && off > JUMP_S) {
      this.reset()
      return { rate: 1, jump: this.start }
    }
    if (!whole || ahead < CHANGED_S) return { rate: 1 }
    if (off > 0.3) return { rate: 1.15 }
    return { rate: fine > 0.12 ? 1.08 : fine > 0.05 ? 1.03 : 1 }
  }
}
