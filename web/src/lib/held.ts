// What somebody is typing into a dialog: a reason, a judgement, an answer. It is sealed in this browser while it is typed (queue.ts), so that neither
// a session that ends in the middle nor a closed dialog costs it, and stands there again when the same person opens the same dialog. It is gone when
// it was sent or given up, and after seven days.
import { onScopeDispose, ref, watch, type Ref } from 'vue'
import { heldFor, hold, letGo } from './queue'
import { me } from './session'

const PAUSE_MS = 400

export interface Held {
  /** What stands in the dialog was written before: the dialog says so. */
  restored: Ref<boolean>
  /** The dialog of this key opens, as empty as it begins: what was written before is put in. */
  open(key: string): Promise<void>
  /** Sent, or given up. */
  done(): void
  /** Closed without either: it stays. */
  leave(): void
  /** Empties the dialog of what was written before. */
  clear(): void
}

/** `read` gives what is worth keeping, never a password; `write` puts it into the dialog. */
export function useHeld<T>(read: () => T, write: (was: T) => void): Held {
  const restored = ref(false)
  let key = ''
  let person = ''
  let blank = ''
  let saved = ''
  let timer: ReturnType<typeof setTimeout> | undefined
  const now = (): string => JSON.stringify(read())
  function save(): void {
    clearTimeout(timer)
    const text = now()
    const ended = me.value?.person.id !== person
    if (!key || (text === saved && !(ended && text !== blank))) return
    saved = text
    // Without a store (a private window) it is only as lasting as the page.
    if (text === blank) letGo(key).catch(() => {})
    else hold(key, JSON.parse(text), person, ended).catch(() => {})
  }
  function leave(): void {
    save()
    key = ''
    restored.value = false
  }
  watch(now, () => {
    clearTimeout(timer)
    if (key) timer = setTimeout(save, PAUSE_MS)
  })
  onScopeDispose(leave)
  return {
    restored,
    async open(next) {
      key = next
      person = me.value?.person.id ?? ''
      blank = saved = now()
      restored.value = false
      const was = await heldFor<T>(next, person).catch(() => null)
      if (was === null || key !== next || now() !== blank) return
      write(was)
      saved = now()
      restored.value = true
    },
    done() {
      clearTimeout(timer)
      if (key) letGo(key).catch(() => {})
      key = ''
      restored.value = false
    },
    leave,
    clear() {
      write(JSON.parse(blank) as T)
      restored.value = false
    },
  }
}
