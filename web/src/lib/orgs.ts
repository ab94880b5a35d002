// The organisation tree, loaded once a session: names, and choices for the comboboxes.
import { computed, shallowRef } from 'vue'
import { api } from './api'
import type { Choice } from './kit/YCombobox.vue'
import { onSession } from './session'

export interface Org {
  id: string
  parent_id: string | null
  kind: 'institution' | 'department'
  level: 'city' | 'county' | 'township' | 'village' | null
  code: string
  name: string
  pinyin: string
  phone: string
  specialty: string | null
  active: boolean
}
export const orgs = shallowRef<Org[]>([])
let loading: Promise<void> | null = null
export function loadOrgs(again = false): Promise<void> {
  if (again) loading = null
  loading ??= api.get<{ items: Org[] }>('/orgs').then((r) => void (orgs.value = r.items)).catch((error: unknown) => {
    loading = null
    throw error
  })
  return loading
}
onSession((now) => {
  if (!now) {
    orgs.value = []
    loading = null
  }
})
const choice = (o: Org): Choice<string> => ({ value: o.id, label: o.name, pinyin: o.pinyin ?? undefined })
export const institutions = computed(() => orgs.value.filter((o) => o.kind === 'institution' && o.active !== false).map(choice))
/** Departments of an institution, at any depth below it. */
export function departments(orgId: string | null | undefined): Choice<string>[] {
  if (!orgId) return []
  const inside = new Set([orgId])
  for (let before = 0; before !== inside.size; ) {
    before = inside.size
    for (const o of orgs.value) if (o.kind === 'department' && o.parent_id && inside.has(o.parent_id)) inside.add(o.id)
  }
  return orgs.value.filter((o) => o.kind === 'department' && inside.has(o.id) && o.active !== false).map(choice)
}
/** An institution and those below it in the tree, closed ones too: their records stay. */
export function institutionsWithin(orgId: string | null | undefined): Choice<string>[] {
  const inside = new Set(orgId ? [orgId] : [])
  for (let before = 0; before !== inside.size; ) {
    before = inside.size
    for (const o of orgs.value) if (o.parent_id && inside.has(o.parent_id)) inside.add(o.id)
  }
  return orgs.value.filter((o) => o.kind === 'institution' && inside.has(o.id)).map(choice)
}
export const orgName = (id: string | null | undefined): string => orgs.value.find((o) => o.id === id)?.name ?? ''
