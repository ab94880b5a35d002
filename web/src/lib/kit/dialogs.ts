import { shallowRef } from 'vue'

/** The open dialogs, the topmost last: they lie above all else of the page, and nothing outside of them can be pressed or is read out. */
export const dialogs = shallowRef<HTMLDialogElement[]>([])
export function opened(el: HTMLDialogElement): void {
  dialogs.value = [...dialogs.value, el]
}
export function closed(el: HTMLDialogElement): void {
  dialogs.value = dialogs.value.filter((d) => d !== el)
}
