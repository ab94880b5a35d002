// Two languages, Chinese first. Each page keeps its texts beside itself in a words.ts: `export const w = words({..zh..}, {..en..})`, used as
// `w('key', { n: 3 })` in templates. The compiler refuses different keys; tools/check-words.mjs looks into the texts.
import { ref, watchEffect } from 'vue'

export type Locale = 'zh' | 'en'
/** A bilingual label as the server sends it. */
export interface Bi {
  zh: string
  en: string
}

const KEY = 'yl.locale'

function firstLocale(): Locale {
  if (typeof localStorage === 'undefined') return 'zh'
  return localStorage.getItem(KEY) === 'en' ? 'en' : 'zh'
}

export const locale = ref<Locale>(firstLocale())

if (typeof document !== 'undefined') {
  watchEffect(() => {
    document.documentElement.lang = locale.value === 'zh' ? 'zh-CN' : 'en'
  })
}

export function setLocale(next: Locale): void {
  locale.value = next
  try {
    localStorage.setItem(KEY, next)
  } catch {
    // private mode: the choice lasts until the page closes
  }
}

/** Tables seen so far; the word check empties and reads it. */
export const wordTables: { zh: Record<string, string>; en: Record<string, string> }[] = []

export type Params = Record<string, string | number>

/** `{n}` is the value; `{n|record|records}` the word that goes with it: the first after 1, else the second. */
export function fill(text: string, params?: Params): string {
  if (!params) return text
  const worded = text.replace(/\{(\w+)\|([^|}]*)\|([^|}]*)\}/g, (whole, name: string, one: string, more: string) => (name in params ? (String(params[name]) === '1' ? one : more) : whole))
  return worded.replace(/\{(\w+)\}/g, (whole, name: string) => (name in params ? String(params[name]) : whole))
}

export interface Words<K extends string> {
  (key: K, params?: Params): string
  /** The text of a key that comes from outside (an error code, a state): null where there is none. */
  maybe(key: string, params?: Params): string | null
}

export function words<K extends string>(zh: Record<K, string>, en: Record<NoInfer<K>, string>): Words<K> {
  wordTables.push({ zh, en })
  const w = ((key: K, params?: Params) => fill((locale.value === 'zh' ? zh : en)[key], params)) as Words<K>
  w.maybe = (key, params) => (key in zh ? w(key as K, params) : null)
  return w
}

/** A server label in the language of the page. */
export function label(bi: Bi | string | null | undefined): string {
  if (!bi) return ''
  if (typeof bi === 'string') return bi
  return bi[locale.value] || bi.zh || bi.en
}
/** Several names in one line, divided as the language does it. */
export const listed = (parts: string[]): string => parts.join(locale.value === 'zh' ? '\u3001' : ', ')
/** A count, the same in both languages: 12,345. */
export const grouped = (n: number): string => n.toLocaleString('en-US')
