// The consultation case as the server sends it (docs/protocol/http.md), and small words about it.
import type { Bi } from './i18n'
import type { Ref } from './api'
import { locale, words } from './i18n'

export type Urgency = 'emergency' | 'urgent' | 'routine'
export interface CaseLine {
  id: string
  number: string
  kind: 'offline' | 'interactive'
  scope: string
  template: string | null
  urgency: Urgency
  state: string
  state_label: Bi
  patient: { id: string; name: string; sex: 'male' | 'female' | 'unknown'; age_text: string; age_text_en?: string }
  applicant: { id: string; name: string; org: Ref }
  target: { org: Ref | null; dept: Ref | null } | null
  expert: Ref | null
  holder: { id: string; name: string; role: string; org: string | Ref | null } | null
  due_ms: number | null
  overdue: boolean
  paused: boolean
  start_ms: number | null
  created_ms: number
  changed_ms: number
  version: number
  unread_messages: number
}
export interface Doc {
  id: string
  case_id: string | null
  patient_id: string | null
  name: string
  category: string
  kind: 'image' | 'pdf' | 'dicom' | 'ecg' | 'video' | 'audio' | 'other'
  content_type: string
  bytes: number
  sha256: string
  taken_ms: number | null
  uploaded_ms: number
  by: Ref
  org: Ref | null
  source: string
  has_thumbnail: boolean
  withdrawn: boolean
}
export interface Allowed {
  event: string
  label: Bi
  style: 'primary' | 'normal' | 'danger'
  needs: string[]
}
export interface TimelineItem {
  t_ms: number
  event: string
  from: string
  to: string
  by: Ref | null
  role: string
  org: Ref | null
  reason: string | null
  label: Bi
}
export interface TeamMember {
  person: Ref
  title: string
  org: Ref | null
  part: 'expert' | 'chair' | 'secretary' | 'member'
  state: string
  signed_ms: number | null
}
export interface RecordingTrack {
  document_id: string
  kind: 'audio' | 'video'
  source: string
  who: { id: string | null; name: string }
  started_ms: number
  duration_ms: number
  content_type: string
  /** What is missing, in times of the file; length 0 = to its end; `quiet` is no loss. */
  gaps?: { begin_ms: number; length_ms: number; lost_ms: number; why: string }[]
}
/** Small pictures of a recording beside each other in one JPEG, evenly over its length. */
export interface RecordingStrip {
  document_id: string
  cells: number
  width: number
  height: number
}
export interface RecordingFilm {
  id: string
  layout: 'grid' | 'speaker' | 'slides'
  state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled'
  /** Hundredths, while it runs. */
  progress: number
  asked_ms: number
  done_ms: number
  by: Ref
  document_id: string | null
  bytes: number
  error: string
  may_cancel: boolean
}
export interface Recording {
  id: string
  started_ms: number
  duration_ms: number
  sealed: boolean
  sha256: string
  /** Why it is not whole; '' when it is. */
  note: string
  tracks: RecordingTrack[]
  poster?: string | null
  strip?: RecordingStrip | null
  marks?: { t_ms: number; kind: 'entered' | 'left' | 'removed' | 'lost' | 'shown'; seat: string | null; name: string }[]
}
export interface Case extends CaseLine {
  form: Record<string, unknown>
  completeness: { score: number; threshold: number; ready: boolean; missing: { path: string; label: Bi; weight: number; mandatory: boolean }[] } | null
  fit: { score: number | null; doubtful: boolean; suggested: Bi[] } | null
  attachments: Doc[]
  team: TeamMember[]
  booking: { slot_id: string; start_ms: number; end_ms: number; meeting_room: Ref | null } | null
  room: { id: string | null; opens_ms: number; open: boolean } | null
  waiting?: { waits: boolean; may: boolean; place?: number; since_ms?: number; offer?: { slot_id: string; start_ms: number; end_ms: number; until_ms: number; mine: boolean } | null } | null
  clock: { id: string; label: Bi; started_ms: number; due_ms: number; paused: boolean; paused_reason: string | null } | null
  returns: { t_ms: number; by: Ref; items: { path: string; reason: string }[] }[]
  needs: { item: string; done: boolean }[]
  refusals: { t_ms: number; by: Ref; event: string; label: Bi; code: string; reason: string; suggestion: string | null }[]
  opinion: null | { state: 'draft' | 'signed'; version: number; body: Record<string, unknown>; members: { person: Ref; body: Record<string, unknown>; signed_ms: number | null; picture_id?: string | null }[]; signed_ms: number | null; signature: { by: Ref; licence_no: string; picture_id?: string | null } | null }
  minutes?: { minutes: string; absentees: string; dissent: string; by: Ref | null; saved_ms: number; signed: boolean } | null
  adoption: null | { items: { n: number; decision: string; reason: string }[]; handling: string; by: Ref; t_ms: number }
  evaluations: { side: string; scores: Record<string, number>; comment: string; t_ms: number }[]
  addenda: { version: number; text: string; by: Ref; t_ms: number }[]
  wanted_expert?: Ref | null
  previous_case_id: string | null
  merged_into: string | null
  timeline: TimelineItem[]
  allowed: Allowed[]
  recordings: Recording[]
}

const cw = words(
  { male: '男', female: '女', unknown: '性别未知', nameless: '姓名未知', emergency: '特急', urgent: '紧急', routine: '常规', offline: '离线会诊', interactive: '视频会诊' },
  { male: 'male', female: 'female', unknown: 'sex unknown', nameless: 'name unknown', emergency: 'Emergency', urgent: 'Urgent', routine: 'Routine', offline: 'Offline', interactive: 'Video' },
)
export const sexText = (sex: string): string => cw.maybe(sex) ?? sex
export const urgencyText = (u: string): string => cw.maybe(u) ?? u
export const kindText = (k: string): string => cw.maybe(k) ?? k
export const urgencyKind = (u: string): 'danger' | 'warn' | 'plain' => (u === 'emergency' ? 'danger' : u === 'urgent' ? 'warn' : 'plain')
export const ageText = (p: { age_text: string; age_text_en?: string }): string => ((locale.value === 'en' ? p.age_text_en : null) ?? p.age_text).replace(/ /g, '\u00a0') // a number keeps its unit
export const patientText = (p: CaseLine['patient']): string => [p.name || cw('nameless'), sexText(p.sex), ageText(p)].filter(Boolean).join(' ')
