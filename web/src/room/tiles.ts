// Which pictures there are and which one is large.
import { computed, ref, watch, type ComputedRef, type Ref } from 'vue'
import type { Call } from './call'
import type { Seat, Source } from './types'
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
}

function labelOf(seat: Seat, source: Source, mine: boolean): string {
  const name = mine ? `${seat.person.name} (${rw('you')})` : seat.person.name
  if (source === 'screen') return rw('source_screen', { name })
  return source === 'camera2' ? rw('source_camera2', { name }) : name
}

export function useTiles(call: Call): { tiles: ComputedRef<Tile[]>; main: ComputedRef<Tile | null>; rest: ComputedRef<Tile[]>; pinned: Ref<string | null> } {
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
        const remote = mine ? null : call.remotes.value.find((r) => r.seat === seat.id && r.source === source)
        const muted = mine ? call.local[source].muted : (seat.tracks.find((t) => t.source === source)?.muted ?? true)
        const track = mine ? call.local[source].track : null
        const stream = muted ? null : mine ? (track ? streamOf(track) : null) : (remote?.stream ?? null)
        const still = source === 'camera' && !stream ? (call.stills.value.get(seat.id) ?? null) : null
        list.push({ key: `${seat.id}/${source}`, seat, source, stream, track: remote?.track ?? null, still, mine, label: labelOf(seat, source, mine) })
      }
    }
    return list
  })
  const main = computed<Tile | null>(() => {
    const all = tiles.value
    const camera = (seat: string | null | undefined): Tile | undefined => (seat ? all.find((t) => t.seat.id === seat && t.source === 'camera') : undefined)
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

  // The large picture gets the best layer, small ones a small one: a clinic's line carries what is looked at.
  const asked = new Map<string, number>()
  watch(
    [main, rest],
    () => {
      const small = rest.value.length > 3 ? 0 : 1
      for (const t of tiles.value) {
        if (!t.track || t.source !== 'camera') continue
        const want = t.key === main.value?.key ? 2 : small
        if (asked.get(t.track) === want) continue
        asked.set(t.track, want)
        call.layer(t.track, want as 0 | 1 | 2)
      }
    },
    { immediate: true },
  )
  watch(call.mediaDown, (state) => state === 'connected' && asked.clear())
  return { tiles, main, rest, pinned }
}

const own = new WeakMap<MediaStreamTrack, MediaStream>()
function streamOf(track: MediaStreamTrack): MediaStream {
  let stream = own.get(track)
  if (!stream) own.set(track, (stream = new MediaStream([track])))
  return stream
}
