import { shallowRef } from 'vue'
import { say } from '../api'
import { dialogs } from './dialogs'

export interface Toast {
  id: number
  kind: 'info' | 'ok' | 'danger'
  text: string
  action?: { label: string; run: () => void }
  /** The dialog that was open when it was told. */
  within: HTMLDialogElement | null
}
export const toasts = shallowRef<Toast[]>([])
let next = 1

export function toast(text: string, kind: Toast['kind'] = 'ok', action?: Toast['action']): void {
  const id = next++
  toasts.value = [...toasts.value.slice(-3), { id, kind, text, action, within: dialogs.value.at(-1) ?? null }]
  setTimeout(() => dismiss(id), kind === 'danger' || action ? 12_000 : 5_000)
}
/** Shows why something failed. */
export function toastFault(error: unknown): void {
  toast(say(error), 'danger')
}
export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((t) => t.id !== id)
}
