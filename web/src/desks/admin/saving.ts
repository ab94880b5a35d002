// A form that is sent: one request at a time, and why the server said no, at the field where it belongs.
import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import type { Fault } from '@/lib/api'
import { asFault, fieldText } from './why'

export interface Saving {
  busy: Ref<boolean>
  fault: ShallowRef<Fault | null>
  /** The text for the field at `path`; null when it is fine. */
  err: (path: string) => string | null
  /** True when `act` went through; else the fault stands at its fields or was told. */
  send: (act: () => Promise<unknown>) => Promise<boolean>
}

export function useSaving(): Saving {
  const busy = ref(false)
  const fault = shallowRef<Fault | null>(null)
  const err = (path: string): string | null => fieldText(fault.value, path)
  async function send(act: () => Promise<unknown>): Promise<boolean> {
    busy.value = true
    fault.value = null
    try {
      await act()
      return true
    } catch (e) {
      fault.value = asFault(e)
      return false
    } finally {
      busy.value = false
    }
  }
  return { busy, fault, err, send }
}
