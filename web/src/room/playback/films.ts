// The films of a recording: asked for, watched while they are made, given up.
import { computed, onBeforeUnmount, ref, watch, type ComputedRef, type Ref } from 'vue'
import { api, say, url } from '@/lib/api'
import type { RecordingFilm } from '@/lib/cases'

const LOOK_MS = 1500

export interface Films {
  items: Ref<RecordingFilm[]>
  possible: Ref<boolean>
  busy: Ref<boolean>
  error: Ref<string>
  ask: (layout: string) => Promise<void>
  cancel: (film: RecordingFilm) => Promise<void>
  underway: ComputedRef<boolean>
}
export const isUnderway = (f: RecordingFilm): boolean => f.state === 'queued' || f.state === 'running'

export function useFilms(recording: Ref<string>): Films {
  const items = ref<RecordingFilm[]>([])
  const possible = ref(true)
  const busy = ref(false)
  const error = ref('')
  let timer: ReturnType<typeof setTimeout> | undefined
  let gone = false

  const underway = computed(() => items.value.some(isUnderway))
  async function look(): Promise<void> {
    clearTimeout(timer)
    const id = recording.value
    try {
      const told = await api.get<{ items: RecordingFilm[]; possible: boolean }>(url`/recordings/${id}/exports`)
      if (gone || id !== recording.value) return
      items.value = told.items
      possible.value = told.possible
    } catch (e) {
      if (!gone) error.value = say(e)
    }
    if (!gone && underway.value) timer = setTimeout(() => void look(), LOOK_MS)
  }
  async function act(path: string, body: object): Promise<void> {
    busy.value = true
    error.value = ''
    try {
      await api.post(path, body)
    } catch (e) {
      error.value = say(e)
    }
    busy.value = false
    await look()
  }
  watch(recording, () => {
    items.value = []
    void look()
  }, { immediate: true })
  onBeforeUnmount(() => {
    gone = true
    clearTimeout(timer)
  })
  return { items, possible, busy, error, underway, ask: (layout) => act(url`/recordings/${recording.value}/exports`, { layout }), cancel: (film) => act(url`/recording-exports/${film.id}/cancel`, {}) }
}
