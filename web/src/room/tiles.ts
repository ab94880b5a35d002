// Which pictures there are and which one is large.
import { computed, onScopeDispose, reactive, ref, watch, type ComputedRef, type Ref } from 'vue'
import type { Call } from './call'
import type { Notice } from './notices'
import type { Seat, Source, StreamQuality } from './types'
import { rw } from './words'

export interface Tile {
  key: string
  seat: Seat
  source: Exclude<Source, 'mic'>
  stream: MediaStream | null
  track: string | null
  still: string | null
  mine: boolean
  label: string
  quality: StreamQuality | null
  notice: Notice | null
}

function labelOf(seat: Seat, source: Source, mine: boolean): string {
  const name = mine ? `${seat.person.name} (${rw('you')})` : seat.person.name
  if (source === 'screen') return rw('source_screen', { name })
  return source === 'camera2' && !seat.device ? rw('source_camera2', { name }) : name
}

/** Cameras send 180, 360 and 720 lines; a picture may be stretched by a fifth. `height`: of the tile, in the screen's pixels. */
function layerFor(height: number | undefined): 0 | 1 | 2 {
  if (height === undefined || height <= 216) return 0
  return height <= 432 ? 1 : 2
}

const AWAY_MS = 5000
/** Whether nobody has looked at this page for a while: another tab, another window, a locked phone. */
function useAway(): Ref<boolean> {
  const away = ref(false)
  let timer: ReturnType<typeof setTimeout> | undefined
  const look = (): void => {
    clearTimeout(timer)
    if (document.visibilityState === 'visible') away.value = false
    else timer = setTimeout(() => (away.value = true), AWAY_MS)
  }
  document.addEventListener('visibilitychange', look)
  onScopeDispose(() => {
    document.removeEventListener('visibilitychange', look)
    clearTimeout(timer)
  })
  look()
  return away
}

export function useTiles(call: Call): { tiles: ComputedRef<Tile[]>; main: ComputedRef<Tile | null>; rest: ComputedRef<Tile[]>; pinned: Ref<string | null>; heights: Map<string, number> } {
  const pinned = ref<string | null>(null)
  const lastSpeaker = ref<string | null>(null)
  watch(call.speaking, (id) => id && id !== call.seatId.value && (lastSpeaker.value = id))

  const tiles = computed<Tile[]>(() => {
    const list: Tile[] = []
    for (const seat of call.present.value) {
      const mine = seat.id === call.seatId.value
      for (const source of ['screen', 'camera2', 'camera'] as const) {
        const published = mine ? call.local[source].on : seat.tracks.some((t) => t.source === source)
        if (!published && source !== 'camera') continue
        if (!published && seat.device === 'running') continue // its picture is the second one
        const remote = mine ? null : call.remotes.value.find((r) => r.seat === seat.id && r.source === source)
        const muted = mine ? call.local[source].muted : (seat.tracks.find((t) => t.source === source)?.muted ?? true)
        const track = mine ? call.local[source].track : null
        const stream = muted ? null : mine ? (track ? streamOf(track) : null) : (remote?.stream ?? null)
        const still = source === 'camera' && !stream ? (call.stills.value.get(seat.id) ?? null) : null
        list.push({ key: `${seat.id}/${source}`, seat, source, stream, track: remote?.track ?? null, still, mine, label: labelOf(seat, source, mine), quality: (remote && call.streams.value.get(remote.track)) ?? null, notice: (remote && call.notices.value.get(remote.track)) ?? null })
      }
    }
    return list
  })
  const main = computed<Tile | null>(() => {
    const all = tiles.value
    const camera = (seat: string | null | undefined): Tile | undefined => (seat ? all.find((t) => t.seat.id === seat && (t.source === 'camera' || !!t.seat.device)) : undefined)
    const spot = call.room.value?.spotlight
    return (
      all.find((t) => t.key === pinned.value) ??
      camera(spot) ??
      all.find((t) => t.source !== 'camera' && !t.mine) ??
      camera(lastSpeaker.value) ??
      all.find((t) => !t.mine && t.source === 'camera') ??
      all[0] ??
      null
    )
  })
  const rest = computed(() => tiles.value.filter((t) => t.key !== main.value?.key))

  // Each picture gets the layer that its tile has pixels for: a clinic's line carries what is looked at. Where nobody looks the least goes on, so that
  // there is a picture at once when somebody does.
  const away = useAway()
  const heights = reactive(new Map<string, number>())
  const asked = new Map<string, number>()
  watch(
    [tiles, main, away, () => [...heights]],
    () => {
      for (const t of tiles.value) {
        if (!t.track || t.source === 'screen') continue
        const want = away.value ? 0 : t.key === main.value?.key ? 2 : layerFor(heights.get(t.key))
        if (asked.get(t.track) === want) continue
        asked.set(t.track, want)
        call.layer(t.track, want)
      }
    },
    { immediate: true },
  )
  watch(call.mediaDown, (state) => state === 'connected' && asked.clear())
  return { tiles, main, rest, pinned, heights }
}

const own = new WeakMap<MediaStreamTrack, MediaStream>()
function streamOf(track: MediaStreamTrack): MediaStream {
  let stream = own.get(track)
  if (!stream) own.set(track, (stream = new MediaStream([track])))
  return stream
}
