// Resumable uploads: 1 MiB pieces, the server's offset is the truth, a lost network is waited for.
import { api, Fault, newKey, send } from './api'
import type { Doc } from './cases'

export interface UploadTarget {
  case_id?: string
  patient_id?: string
  person_id?: string
  category: string
  taken_ms?: number
}
interface Begun {
  upload_id: string
  offset: number
  chunk_bytes: number
}
const TRIES = 60
const PAUSE_MS = 2_000

/** Uploads one file; `progress` hears 0..1. Throws a Fault when the server says no, or the signal was aborted. */
export async function uploadFile(file: Blob & { name?: string }, target: UploadTarget, progress: (share: number) => void = () => {}, signal?: AbortSignal): Promise<Doc> {
  const begin = { ...target, name: file.name || 'file', bytes: file.size, content_type: file.type || 'application/octet-stream' }
  const { upload_id, chunk_bytes, offset } = await api.post<Begun>('/uploads', begin, { idempotencyKey: newKey(), signal })
  const path = `/uploads/${encodeURIComponent(upload_id)}`
  let at = offset
  for (let misses = 0; at < file.size; ) {
    try {
      const piece = file.slice(at, Math.min(file.size, at + chunk_bytes))
      const response = await send('PATCH', path, piece, { headers: { 'Upload-Offset': String(at), 'Content-Type': 'application/octet-stream' }, signal, timeoutMs: 120_000 })
      at = Number(response.headers.get('Upload-Offset') ?? at + piece.size)
      misses = 0
      progress(at / file.size)
    } catch (error) {
      if (!(error instanceof Fault) || signal?.aborted) throw error
      const wrongOffset = error.status === 409
      if (!wrongOffset && !(error.offline || error.code === 'timeout' || error.code === 'unavailable')) throw error
      if (++misses > TRIES) throw error
      if (!wrongOffset) await new Promise((r) => setTimeout(r, PAUSE_MS))
      at = await heldOffset(path, at, signal)
    }
  }
  return api.post<Doc>(`${path}/finish`, {}, { signal, timeoutMs: 120_000 })
}

async function heldOffset(path: string, fallback: number, signal?: AbortSignal): Promise<number> {
  try {
    const response = await send('HEAD', path, null, { signal })
    return Number(response.headers.get('Upload-Offset') ?? fallback)
  } catch {
    return fallback
  }
}

/** Words of a file's name, as hospital systems and people name them, that say what it is. */
const NAMED: [RegExp, string][] = [
  [/\u540c\u610f|\u77e5\u60c5|consent/, 'consent'],
  [/\u8f6c\u8bca|referral/, 'referral'],
  [/\u5fc3\u7535|ecg|ekg|holter/, 'ecg'],
  [/\u8d85\u58f0|\u5f69\u8d85|b\u8d85|ultraso|doppler/, 'ultrasound'],
  [/\u75c5\u7406|patholog|biops/, 'pathology'],
  [/\u5f71\u50cf|\u80f8\u7247|\u5e73\u7247|\u9020\u5f71|x\u5149|x-?ray|(^|[^a-z])(ct|cta|mri?|mra|dr)([^a-z]|$)/, 'imaging'],
  [/\u68c0\u9a8c|\u5316\u9a8c|\u8840\u5e38\u89c4|\u5c3f\u5e38\u89c4|\u751f\u5316|(^|[^a-z])lab/, 'lab'],
  [/\u75c5\u5386|\u5165\u9662|\u51fa\u9662|\u75c5\u7a0b|discharge|record/, 'record'],
]
/** The category that a file most likely is, until a person says better. */
export function guessCategory(file: { name: string; type: string }): string {
  const name = file.name.toLowerCase()
  if (/\.(dcm|dicom)$/.test(name) || file.type === 'application/dicom') return 'imaging'
  if (/\.(xml|scp|ecg|aecg)$/.test(name)) return 'ecg'
  if (file.type.startsWith('video/')) return 'video'
  if (file.type.startsWith('audio/')) return 'audio'
  const named = NAMED.find(([words]) => words.test(name))
  if (named) return named[1]
  if (file.type.startsWith('image/')) return 'photo'
  return 'other'
}
