// Staff as the server tells them, and the tables that go with them.
import { shallowRef } from 'vue'
import { api } from '@/lib/api'
import { label, locale, type Bi } from '@/lib/i18n'
import type { Post } from '@/lib/session'

export interface Person {
  id: string
  login: string
  pinyin: string
  name: string
  title: string
  phone_masked: string
  licence_no: string
  licence_until: string
  practice_since: string
  specialties: string[]
  languages: string[]
  active: boolean
  locked: boolean
  totp_enrolled: boolean
  has_signature: boolean
  posts: Post[]
  initial_password?: string
}
export interface Role {
  id: string
  label: Bi
  rights: string[]
}
export interface RoleTable {
  roles: Role[]
  rights: { id: string; label: Bi }[]
}

export const roleTable = shallowRef<RoleTable>({ roles: [], rights: [] })
let loading: Promise<void> | null = null
/** The role table is configuration: once a page load is enough. */
export function loadRoles(): Promise<void> {
  loading ??= api.get<RoleTable>('/roles').then((t) => void (roleTable.value = { roles: t.roles.filter((r) => r.id !== 'capture'), rights: t.rights })).catch((error: unknown) => {
    loading = null
    throw error
  })
  return loading
}
export const roleLabel = (id: string): string => label(roleTable.value.roles.find((r) => r.id === id)?.label) || id
export function postText(p: Post): string {
  return [p.org.name, p.dept?.name].filter(Boolean).join(' · ')
}
export const rolesText = (p: Post): string => p.roles.map(roleLabel).join(locale.value === 'zh' ? '、' : ', ')

/** "a,b、c" -> list */
export const listOf = (text: string | null): string[] => (text ?? '').split(/[,，、;；]/).map((s) => s.trim()).filter(Boolean)
/** Kept as the printed word; the engine knows the four ranks of doctors by it. */
export const TITLES = ['住院医师', '主治医师', '副主任医师', '主任医师', '执业助理医师', '乡村医生', '护士', '护师', '主管护师', '副主任护师', '主任护师', '技师', '主管技师', '药师', '主管药师', '工程师', '高级工程师']
