import type { Bi } from '@/lib/i18n'

/** What data are here (records/standard): shapes of the three answers. */
export interface FormField {
  form: string
  path: string
  type: string
  label?: Bi
  unit?: string
  choices?: { value: string; label: Bi }[]
}
export interface Element {
  id: string
  version: number
  from: string
  until: string
  in_effect: boolean
  name: Bi
  definition: Bi
  format: string
  domain: string
  hl7: string
  fhir: string
  fields: FormField[]
}
export interface StandardFault {
  fault: 'unbound' | 'unknown' | 'differs' | 'longer' | 'unused'
  element: string
  form?: string
  path?: string
  label?: Bi
}
export interface Elements {
  day: string
  items: Element[]
  forms: { id: string; version: number; fields: number; bound: number }[]
  faults: StandardFault[]
}
export interface Master {
  id: 'institutions' | 'departments' | 'staff' | 'sources' | 'items'
  in_effect: number
  closed: number
  version: string
  gaps: { what: string; n: number }[]
}
export interface Vocabulary {
  id: string
  url: string
  version: string
  title: string
  codes: number
  complete?: boolean
  source?: string
  target?: string
  from: string
  until: string
}
export interface Vocabularies {
  systems: Vocabulary[]
  sets: { id: string; url: string; version: string; title: string }[]
  maps: Vocabulary[]
}
/** The part of the national catalogue an identifier is of (DE02), or of ours (YL.C). */
export const groupOf = (id: string): string => id.slice(0, 4)
