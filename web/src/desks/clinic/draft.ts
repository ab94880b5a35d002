// The draft of an application: saved at each pause in the typing, kept on the device while the network is away.
import { onBeforeUnmount, ref, shallowRef, watch } from 'vue'
import { api, Fault, say, url } from '@/lib/api'
import type { Case, Urgency } from '@/lib/cases'
import { tidy, type Body } from '@/lib/form/form'
import { kept, dropKept, pendingKeys, sendOrKeep } from '@/lib/queue'
import { serverNow } from '@/lib/time'

const PAUSE_MS = 700
const copy = (form: unknown): Body => JSON.parse(JSON.stringify(form ?? {})) as Body
/** What a draft says apart from its form; null takes a choice away. */
export interface Head {
  urgency: Urgency
  kind: string
  scope: string
  template: string | null
  target_org_id: string | null
  target_dept_id: string | null
  expert_id: string | null
}
type Answer = { version: number; completeness: Case['completeness']; fit: Case['fit'] }

export function useDraft(id: string) {
  const data = shallowRef<Case | null>(null)
  const form = ref<Body>({})
  const state = ref<'saved' | 'unsaved' | 'saving' | 'kept' | 'failed' | 'stale'>('saved')
  const savedMs = ref(0)
  const why = ref('')
  const fault = shallowRef<Fault | null>(null)
  const completeness = shallowRef<Case['completeness']>(null)
  const fit = shallowRef<Case['fit']>(null)
  const key = `case/${id}`
  let version = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: Promise<void> | null = null
  let dirty = false

  function take(next: Case): void {
    data.value = next
    version = next.version
    completeness.value = next.completeness
    fit.value = next.fit
  }
  async function load(): Promise<void> {
    const waiting = (await kept(key).catch(() => null)) as { form?: Body; version?: number } | null
    const next = await api.get<Case>(url`/cases/${id}`)
    take(next)
    form.value = copy(waiting?.form ?? next.form)
    savedMs.value = next.changed_ms
    state.value = 'saved'
    if (!waiting) return
    if (waiting.version !== next.version) state.value = 'stale'
    else changed()
  }
  function changed(): void {
    dirty = true
    if (state.value !== 'stale') state.value = 'unsaved'
    clearTimeout(timer)
    timer = setTimeout(() => void save(), PAUSE_MS)
  }
  async function once(): Promise<void> {
    dirty = false
    state.value = 'saving'
    try {
      const sent = await sendOrKeep(key, 'PATCH', url`/cases/${id}`, { version, form: tidy(form.value) ?? {} })
      if (sent.state === 'kept') {
        state.value = 'kept'
        return
      }
      const answer = sent.answer as Answer
      version = answer.version
      completeness.value = answer.completeness
      fit.value = answer.fit
      savedMs.value = serverNow()
      fault.value = null
      state.value = dirty ? 'unsaved' : 'saved'
    } catch (error) {
      fault.value = error instanceof Fault ? error : null
      why.value = say(error)
      state.value = fault.value?.reason === 'stale_version' ? 'stale' : 'failed'
    }
  }
  async function save(): Promise<void> {
    clearTimeout(timer)
    if (running) await running
    if (state.value === 'stale' || !dirty) return
    running = once().finally(() => (running = null))
    await running
  }
  async function takeTheirs(): Promise<void> {
    await dropKept(key)
    dirty = false
    await load()
  }
  async function keepMine(): Promise<void> {
    take(await api.get<Case>(url`/cases/${id}`))
    state.value = 'unsaved'
    changed()
    await save()
  }
  /** After what was typed, with its own answer: the page goes on from what the server has, so it does not wait for a network. */
  async function place(head: Head): Promise<void> {
    await save()
    if (state.value === 'kept') throw new Fault('offline', 0)
    try {
      version = (await api.patch<Answer>(url`/cases/${id}`, { version, ...head })).version
    } catch (error) {
      if (error instanceof Fault && error.reason === 'stale_version') state.value = 'stale'
      throw error
    }
    await refresh()
  }
  async function refresh(): Promise<void> {
    const next = await api.get<Case>(url`/cases/${id}`)
    // Read before a save that has been answered meanwhile: only its files are news.
    if (next.version < version) {
      if (data.value) data.value = { ...data.value, attachments: next.attachments }
      return
    }
    // A new version with the same form (a file was added) is not a collision; with another form it is, and saving will say so.
    if (!dirty || JSON.stringify(next.form) === JSON.stringify(data.value?.form)) take(next)
    else data.value = { ...next, version }
  }
  // The queue sent what waited: go on from the version that made.
  watch(pendingKeys, (now, before) => {
    if (before.has(key) && !now.has(key) && state.value === 'kept') void api.get<Case>(url`/cases/${id}`).then((next) => (take(next), (state.value = dirty ? 'unsaved' : 'saved'))).catch(() => {})
  })
  const leave = (): void => void save()
  const warn = (e: BeforeUnloadEvent): void => {
    if (state.value === 'unsaved' || state.value === 'saving') e.preventDefault()
  }
  addEventListener('pagehide', leave)
  addEventListener('beforeunload', warn)
  onBeforeUnmount(() => {
    removeEventListener('pagehide', leave)
    removeEventListener('beforeunload', warn)
    void save()
  })
  return { data, form, state, savedMs, why, fault, completeness, fit, load, changed, save, place, takeTheirs, keepMine, refresh, version: () => version }
}
