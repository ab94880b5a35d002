// One resumable transfer with pause; what was begun is remembered per case, so that choosing the same file after a reload goes on.
import { reactive } from 'vue'
import { api, Fault, newKey, say, send, url } from '@/lib/api'
import { me } from '@/lib/session'

interface Begun {
  upload_id: string
  chunk_bytes: number
  name: string
  bytes: number
  modified: number
  case_id: string
  person: string
}
export interface Transfer {
  id: string
  name: string
  share: number
  state: 'running' | 'paused' | 'hashing' | 'failed' | 'done'
  error: string
  run(): Promise<void>
  pause(): void
  giveUp(): void
}
const KEY = 'yl.uploads'
const HASH_MOST = 1 << 30
function all(): Begun[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '[]') as Begun[]
  } catch {
    return []
  }
}
function remember(next: Begun[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(next.slice(-20)))
  } catch {
    // private mode: a reload begins anew
  }
}
export const begun = (caseId: string): Begun[] => all().filter((b) => b.case_id === caseId && b.person === me.value?.person.id)
const forgetUpload = (id: string): void => remember(all().filter((b) => b.upload_id !== id))

/** SHA-256 in a worker, piece by piece; null when the browser will not. */
function hashOf(file: File): Promise<string | null> {
  if (file.size > HASH_MOST) return Promise.resolve(null)
  return new Promise((resolve) => {
    const worker = new Worker(new URL('./hash.worker.ts', import.meta.url), { type: 'module' })
    const end = (value: string | null): void => {
      worker.terminate()
      resolve(value)
    }
    worker.onmessage = (e: MessageEvent<string | null>) => end(e.data)
    worker.onerror = () => end(null)
    worker.postMessage(file)
  })
}

async function place(file: File, caseId: string, category: string): Promise<{ b: Begun; at: number }> {
  const known = begun(caseId).find((b) => b.name === file.name && b.bytes === file.size && b.modified === file.lastModified)
  if (known) {
    try {
      const held = await send('HEAD', url`/uploads/${known.upload_id}`)
      return { b: known, at: Number(held.headers.get('Upload-Offset') ?? 0) }
    } catch (error) {
      if (!(error instanceof Fault) || (error.status !== 404 && error.status !== 410)) throw error
      forgetUpload(known.upload_id)
    }
  }
  const made = await api.post<{ upload_id: string; offset: number; chunk_bytes: number }>('/uploads', { case_id: caseId, name: file.name, bytes: file.size, content_type: file.type || 'application/octet-stream', category, taken_ms: file.lastModified || undefined })
  const b: Begun = { upload_id: made.upload_id, chunk_bytes: made.chunk_bytes, name: file.name, bytes: file.size, modified: file.lastModified, case_id: caseId, person: me.value?.person.id ?? '' }
  remember([...all(), b])
  return { b, at: made.offset }
}
const passing = (error: unknown): error is Fault => error instanceof Fault && (error.offline || error.code === 'timeout' || error.code === 'unavailable' || error.status === 409)
const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

export function resumable(file: File, caseId: string, category: string, done: () => void): Transfer {
  let stop = new AbortController()
  let hash: Promise<string | null> | null = null
  let uploadId = ''
  let given = false
  async function pieces(t: Transfer): Promise<void> {
    for (;;) {
      try {
        const { b, at: from } = await place(file, caseId, category)
        uploadId = b.upload_id
        for (let at = from; at < file.size; t.share = at / file.size) {
          const piece = file.slice(at, Math.min(file.size, at + b.chunk_bytes))
          const r = await send('PATCH', url`/uploads/${b.upload_id}`, piece, { headers: { 'Upload-Offset': String(at), 'Content-Type': 'application/octet-stream' }, signal: stop.signal, timeoutMs: 120_000 })
          at = Number(r.headers.get('Upload-Offset') ?? at + piece.size)
        }
        return
      } catch (error) {
        if (stop.signal.aborted || !passing(error)) throw error
        await wait(2_000) // the server's offset is asked again: nothing is sent twice, nothing left out
        if (stop.signal.aborted) throw error
      }
    }
  }
  const t: Transfer = reactive({
    id: newKey(), name: file.name, share: 0, state: 'paused', error: '',
    async run() {
      if (t.state === 'running' || t.state === 'hashing') return
      stop = new AbortController()
      hash ??= hashOf(file)
      t.state = 'running'
      t.error = ''
      try {
        await pieces(t)
        t.share = 1
        t.state = 'hashing'
        const sha256 = await hash
        await api.post(url`/uploads/${uploadId}/finish`, sha256 ? { sha256 } : {}, { timeoutMs: 120_000 })
        forgetUpload(uploadId)
        t.state = 'done'
        done()
      } catch (error) {
        if (given) return
        t.state = stop.signal.aborted ? 'paused' : 'failed'
        t.error = stop.signal.aborted ? '' : say(error)
      }
    },
    pause() {
      stop.abort()
    },
    giveUp() {
      given = true
      stop.abort()
      if (!uploadId) return
      forgetUpload(uploadId)
      void api.del(url`/uploads/${uploadId}`).catch(() => {})
    },
  } as Transfer)
  return t
}
