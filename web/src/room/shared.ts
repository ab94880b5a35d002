// Looking at one document together: who shows, what, and where; sent at most 25 times a second, newest wins.
import { computed, onScopeDispose, ref, watch, type ComputedRef, type Ref } from 'vue'
import type { View, Pointer } from '@/viewer/DocumentViewer.vue'
import type { Call } from './call'

const SEND_EVERY_MS = 40

export interface Shared {
  /** The document everyone looks at now, or null. */
  documentId: ComputedRef<string | null>
  mine: ComputedRef<boolean>
  showerName: ComputedRef<string>
  following: Ref<boolean>
  view: ComputedRef<View | null>
  pointer: ComputedRef<Pointer | null>
  start: (documentId: string, view?: View) => void
  stop: () => void
  move: (view: View) => void
  point: (at: Pointer | null) => void
}

export function useShared(call: Call): Shared {
  const following = ref(true)
  const latest = ref<{ document_id: string; page: number; zoom: number; x: number; y: number; pointer: Pointer | null } | null>(null)
  const show = computed(() => call.show.value?.show ?? null)
  const mine = computed(() => show.value !== null && call.show.value?.by === call.seatId.value)
  let timer: ReturnType<typeof setTimeout> | null = null
  let lastSent = 0

  watch(() => show.value?.document_id, () => (following.value = true))

  function flush(): void {
    timer = null
    lastSent = performance.now()
    if (latest.value) call.socket.post('room.show', { show: latest.value })
  }
  function send(): void {
    timer ??= setTimeout(flush, Math.max(0, SEND_EVERY_MS - (performance.now() - lastSent)))
  }
  onScopeDispose(() => timer && clearTimeout(timer))

  return {
    documentId: computed(() => show.value?.document_id ?? null),
    mine,
    showerName: computed(() => call.seats.value.get(call.show.value?.by ?? '')?.person.name ?? ''),
    following,
    view: computed(() => (show.value && !mine.value ? { page: show.value.page, zoom: show.value.zoom, x: show.value.x, y: show.value.y } : null)),
    pointer: computed(() => (mine.value ? null : (show.value?.pointer ?? null))),
    start(documentId, view = { page: 1, zoom: 1, x: 0.5, y: 0.5 }) {
      latest.value = { document_id: documentId, ...view, pointer: null }
      call.show.value = { by: call.seatId.value, show: { ...latest.value } }
      send()
    },
    stop() {
      if (timer) clearTimeout(timer)
      timer = null
      latest.value = null
      call.show.value = null
      call.socket.post('room.show', { show: null })
    },
    move(view) {
      if (!mine.value || !show.value) return
      latest.value = { document_id: show.value.document_id, pointer: latest.value?.pointer ?? null, ...view }
      send()
    },
    point(at) {
      if (!mine.value || !show.value) return
      latest.value = { ...(latest.value ?? show.value), pointer: at }
      send()
    },
  }
}
