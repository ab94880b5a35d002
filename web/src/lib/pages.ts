// A list that is read page by page: the newest question wins, an answer that comes late is dropped.
import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { say } from './api'

export interface Pages<T> {
  rows: ShallowRef<T[]>
  /** There are more. */
  next: Ref<string | number | null>
  loading: Ref<boolean>
  error: Ref<string>
  load: (more?: boolean) => Promise<void>
}

/** `get` asks for the page behind `after` (null: the first); `why` puts a fault into the desk's words. */
export function usePages<T>(get: (after: string | number | null) => Promise<{ items: T[]; next: string | number | null }>, why: (e: unknown) => string = say): Pages<T> {
  const rows: ShallowRef<T[]> = shallowRef([])
  const next = ref<string | number | null>(null)
  const loading = ref(false)
  const error = ref('')
  let asked = 0
  async function load(more = false): Promise<void> {
    const mine = ++asked
    loading.value = true
    error.value = ''
    try {
      const page = await get(more ? next.value : null)
      if (mine !== asked) return
      rows.value = more ? [...rows.value, ...page.items] : page.items
      next.value = page.next
    } catch (e) {
      if (mine === asked) error.value = why(e)
    } finally {
      if (mine === asked) loading.value = false
    }
  }
  return { rows, next, loading, error, load }
}
