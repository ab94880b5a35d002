// What is said of each picture: why it is less than it could be, and for a few seconds that it is whole again. The server reports every two
// seconds; a line on the edge goes to and fro, so nothing is said at the first sign, and nothing is taken back at the first good report.
import type { StreamQuality } from './types'

export interface Notice {
  /** `back`: it is whole again. */
  what: 'frames' | 'size' | 'stills' | 'held' | 'sender_line' | 'sender_cpu' | 'rest' | 'back'
}
type By = StreamQuality['by']
/** Reports in a row before it is said. A picture that is left out is gone, or stands for seconds: that is said at once. A browser that begins to send says for some
 *  seconds that it could send more. */
const SAID_AFTER: Record<Exclude<By, ''>, number> = { line: 2, sender_line: 5, sender_cpu: 5, rest: 3 }
const GOOD_AFTER = 4
const BACK_MS = 6000

interface State {
  by: By
  run: number
  good: number
  said: Exclude<By, ''> | ''
  reduced: 'frames' | 'size' | 'stills' | 'held'
  backUntil: number
}

export class Notices {
  private states = new Map<string, State>()

  /** One report; what is to be said now, by track. */
  input(streams: readonly StreamQuality[], nowMs: number): Map<string, Notice> {
    const out = new Map<string, Notice>()
    const states = new Map<string, State>()
    for (const s of streams) {
      const st = this.states.get(s.track) ?? { by: '', run: 0, good: 0, said: '', reduced: 'size', backUntil: 0 }
      states.set(s.track, st)
      this.step(st, s, nowMs)
      if (st.said) out.set(s.track, { what: st.said === 'line' ? st.reduced : st.said })
      else if (nowMs < st.backUntil) out.set(s.track, { what: 'back' })
    }
    this.states = states
    return out
  }

  private step(st: State, s: StreamQuality, nowMs: number): void {
    st.run = s.by === st.by ? st.run + 1 : 1
    st.by = s.by
    if (s.reduced !== 'none') st.reduced = s.reduced
    else if (st.reduced === 'held' || st.reduced === 'stills') st.reduced = 'size' // it is sent again
    st.good = s.by ? 0 : st.good + 1
    if (s.by && s.by !== st.said && (st.run >= SAID_AFTER[s.by] || s.reduced === 'held' || s.reduced === 'stills')) st.said = s.by
    if (!st.said || st.good < GOOD_AFTER) return
    st.backUntil = st.said === 'rest' ? 0 : nowMs + BACK_MS
    st.said = ''
  }
}
