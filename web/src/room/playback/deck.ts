// Plays the files of a recording together: one clock, and the element of each file kept with it - a little faster or slower when it is near,
// set when it is far. Files are opened (which is audited) shortly before they play, and their elements let go afterwards.
import { computed, nextTick, onBeforeUnmount, onMounted, reactive, ref, watch, type Ref } from 'vue'
import { say } from '@/lib/api'
import { openDocument } from '@/viewer/open'
import { wanted, type Lane, type Piece } from './tape'

const TICK_MS = 100
const NEAR_S = 0.03
const FAR_S = 0.2
const AHEAD_MS = 15_000
const HANDLE_MS = 9 * 60_000
/** A file that does not open is not waited for longer than this. */
const PATIENCE_MS = 8000

interface Held {
  url: string
  until: number
  failed: boolean
}

export interface Deck {
  at: Ref<number>
  playing: Ref<boolean>
  waiting: Ref<boolean>
  speed: Ref<number>
  muted: Ref<boolean>
  error: Ref<string>
  open: Ref<Piece[]>
  address: (p: Piece) => string | undefined
  hold: (p: Piece, el: unknown) => void
  toggle: () => void
  seek: (ms: number) => void
  align: (seek?: boolean) => void
}

export function useDeck(all: Ref<Lane[]>, duration: Ref<number>): Deck {
  const at = ref(0)
  const playing = ref(false)
  const waiting = ref(false)
  const speed = ref(1)
  const muted = ref(false)
  const error = ref('')
  const held = reactive(new Map<string, Held>())
  const elements = new Map<string, HTMLMediaElement>()
  let timer: ReturnType<typeof setInterval> | undefined
  let last = 0
  let stalledSince = 0

  const open = computed(() => wanted(all.value, at.value, AHEAD_MS * Math.max(1, speed.value)).filter((p) => held.get(p.file.document_id)?.url))
  const address = (p: Piece): string | undefined => held.get(p.file.document_id)?.url

  async function fetchOne(p: Piece): Promise<void> {
    const id = p.file.document_id
    held.set(id, { url: '', until: Date.now() + HANDLE_MS, failed: false })
    try {
      const opened = await openDocument(id)
      held.set(id, { url: opened.url, until: Date.now() + HANDLE_MS, failed: false })
      await nextTick()
    } catch (e) {
      held.set(id, { url: '', until: Date.now() + 5000, failed: true })
      error.value = say(e)
    }
  }
  function fetchWanted(): void {
    for (const p of wanted(all.value, at.value, AHEAD_MS * Math.max(1, speed.value))) {
      const h = held.get(p.file.document_id)
      if (!h || h.until < Date.now()) void fetchOne(p)
    }
  }
  function hold(p: Piece, el: unknown): void {
    if (el instanceof HTMLMediaElement) elements.set(p.file.document_id, el)
    else elements.delete(p.file.document_id)
  }
  const on = (p: Piece): boolean => at.value >= p.from && at.value < p.to
  function keep(p: Piece, el: HTMLMediaElement, seek: boolean): void {
    const off = (at.value - p.from) / 1000 - el.currentTime
    el.dataset.off = String(Math.round(off * 1000)) // for who measures
    const far = seek || Math.abs(off) > FAR_S * Math.max(1, speed.value)
    if (far && el.readyState >= 1 && !el.seeking) el.currentTime = Math.max(0, (at.value - p.from) / 1000)
    const rate = far || Math.abs(off) < NEAR_S ? speed.value : speed.value * (off > 0 ? 1.08 : 0.92)
    if (Math.abs(el.playbackRate - rate) > 0.001) el.playbackRate = rate
    if (playing.value && !waiting.value && el.paused && !el.ended) el.play().catch(() => {})
  }
  /** Brings every element to the clock. */
  function align(seek = false): void {
    for (const p of open.value) {
      const el = elements.get(p.file.document_id)
      if (!el) continue
      if (on(p)) keep(p, el, seek)
      else if (at.value < p.from && el.readyState >= 1 && el.currentTime > 0.01 && !el.seeking) el.currentTime = 0
      if ((!on(p) || !playing.value || waiting.value) && !el.paused) el.pause()
    }
  }
  function stalled(): boolean {
    return wanted(all.value, at.value, 0).some((p) => {
      const el = elements.get(p.file.document_id)
      if (!on(p) || held.get(p.file.document_id)?.failed) return false
      return !el || (!el.ended && (el.readyState < 2 || el.seeking))
    })
  }
  function tick(): void {
    const now = performance.now()
    const step = now - last
    last = now
    fetchWanted()
    const stop = playing.value && stalled()
    stalledSince = stop ? stalledSince || now : 0
    waiting.value = stop && now - stalledSince < PATIENCE_MS
    if (playing.value && !waiting.value) {
      at.value = Math.min(duration.value, at.value + step * speed.value)
      if (at.value >= duration.value) playing.value = false
    }
    align()
  }
  function toggle(): void {
    if (!playing.value && at.value >= duration.value) at.value = 0
    playing.value = !playing.value
    last = performance.now()
    align(true)
  }
  function seek(ms: number): void {
    at.value = Math.min(duration.value, Math.max(0, ms))
    fetchWanted()
    void nextTick(() => align(true))
  }
  watch(speed, () => align())
  onMounted(() => {
    last = performance.now()
    timer = setInterval(tick, TICK_MS)
    fetchWanted()
  })
  onBeforeUnmount(() => clearInterval(timer))
  return { at, playing, waiting, speed, muted, error, open, address, hold, toggle, seek, align }
}
