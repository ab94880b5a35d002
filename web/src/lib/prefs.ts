// How this browser likes the page: text size and theme. Language is in i18n.ts.
import { ref, watchEffect } from 'vue'

export type TextSize = 'normal' | 'large' | 'huge'
export type Theme = 'light' | 'dark'

function read<T extends string>(key: string, allowed: readonly T[], fallback: T): T {
  try {
    const value = localStorage.getItem(key) as T | null
    return value && allowed.includes(value) ? value : fallback
  } catch {
    return fallback
  }
}
function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // private mode: lasts until the page closes
  }
}

export const textSize = ref<TextSize>(read('yl.text', ['normal', 'large', 'huge'] as const, 'normal'))
export const theme = ref<Theme>(read('yl.theme', ['light', 'dark'] as const, 'light'))

watchEffect(() => {
  document.documentElement.dataset.text = textSize.value
  write('yl.text', textSize.value)
})
watchEffect(() => {
  document.documentElement.dataset.theme = theme.value
  write('yl.theme', theme.value)
})
