// The door to the server: JSON over fetch with the session cookie, the CSRF token, an idempotency key for every write, and one error type.
import { label, type Bi } from './i18n'
import { w } from './words'

export interface FieldFault {
  path: string
  reason: string
}

/** What the server (or the missing network) said no with. `code` as in docs/protocol/http.md, plus `offline`. */
export class Fault extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly reason = '',
    text = '',
    readonly fields: FieldFault[] = [],
    readonly data: Record<string, unknown> = {},
  ) {
    super(text || code)
    this.name = 'Fault'
  }
  get offline(): boolean {
    return this.code === 'offline'
  }
  /** The sentence for people, in the language of the page. */
  get sentence(): string {
    return (this.reason && w.maybe(this.reason)) || w.maybe(this.code) || w('error_number', { status: this.status })
  }
  /** Text for one field, by its path: null when the field is fine. */
  field(path: string): string | null {
    const hit = this.fields.find((f) => f.path === path)
    return hit ? fieldReason(hit.reason) : null
  }
}

export function fieldReason(reason: string): string {
  const word = reason.replace(/:.*/, '') // the rest is a detail: "too_long:200"
  return w.maybe(`field_${word}`) ?? w.maybe(word) ?? w('field_wrong')
}

/** The sentence for any thrown thing. */
export function say(error: unknown): string {
  if (error instanceof Fault) return error.sentence
  return error instanceof Error ? error.message : String(error)
}

let csrf = ''
let onSessionLost: () => void = () => {}

export function setCsrf(token: string): void {
  csrf = token
}
export function whenSessionLost(fn: () => void): void {
  onSessionLost = fn
}

export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
}

/** The id of a thing this page makes: 63 bits, never 0. Brought along by who saves, so that saving twice makes one. */
export function newId(): string {
  const key = newKey().slice(0, 16)
  return `${(parseInt(key[0]!, 16) & 7).toString(16)}${key.slice(1, 15)}1`
}

export type Query = Record<string, string | number | boolean | null | undefined>

export function withQuery(path: string, query?: Query): string {
  if (!query) return path
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') search.set(name, String(value))
  }
  const text = search.toString()
  return text ? `${path}?${text}` : path
}

export interface CallOptions {
  query?: Query
  signal?: AbortSignal
  /** Repeats with the same key return the first answer; made up when absent. */
  idempotencyKey?: string
  /** Let the request outlive the page (autosave while it closes; at most 64 kB). */
  keepalive?: boolean
  headers?: Record<string, string>
  timeoutMs?: number
  /** A 401 normally ends the session in this page; the sign-in calls say it themselves. */
  quiet401?: boolean
}

const BASE = '/api/v1'
const TIMEOUT_MS = 20_000

async function faultOf(response: Response): Promise<Fault> {
  let body: { error?: Record<string, unknown> } = {}
  try {
    body = (await response.json()) as typeof body
  } catch {
    // not JSON: a proxy in between, or a body cut short
  }
  const e = body.error ?? {}
  const code = typeof e.code === 'string' ? e.code : response.status >= 500 ? 'unavailable' : 'internal'
  const text = typeof e.text === 'string' ? e.text : e.text ? label(e.text as Bi) : ''
  return new Fault(code, response.status, String(e.reason ?? ''), text, (e.fields as FieldFault[]) ?? [], e)
}

function linked(outer: AbortSignal | undefined, timeout_ms: number): { signal: AbortSignal; done: () => void } {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), timeout_ms)
  const abort = (): void => controller.abort()
  outer?.addEventListener('abort', abort)
  return {
    signal: controller.signal,
    done: () => {
      clearTimeout(timer)
      outer?.removeEventListener('abort', abort)
    },
  }
}

/** One request; the raw Response of a success. */
export async function send(method: string, path: string, body?: BodyInit | null, o: CallOptions = {}): Promise<Response> {
  const writes = method !== 'GET' && method !== 'HEAD'
  const headers: Record<string, string> = { ...o.headers }
  if (typeof body === 'string' && !headers['Content-Type']) headers['Content-Type'] = 'application/json'
  if (writes && csrf) headers['X-CSRF-Token'] = csrf
  if (writes) headers['Idempotency-Key'] = o.idempotencyKey ?? newKey()
  const url = BASE + withQuery(path, o.query)
  const link = linked(o.signal, o.timeoutMs ?? TIMEOUT_MS)
  let response: Response
  try {
    response = await fetch(url, { method, headers, body: body ?? null, credentials: 'same-origin', cache: 'no-store', signal: link.signal, keepalive: o.keepalive ?? false })
  } catch (error) {
    if (o.signal?.aborted) throw error
    throw new Fault(link.signal.aborted ? 'timeout' : 'offline', 0)
  } finally {
    link.done()
  }
  if (response.ok) return response
  const fault = await faultOf(response)
  if (response.status === 401 && fault.code === 'unauthenticated' && !o.quiet401) onSessionLost()
  throw fault
}

/** A write that met a dead network is tried once more with the same idempotency key. */
async function call<T>(method: string, path: string, body: unknown, o: CallOptions = {}): Promise<T> {
  const options = { ...o, idempotencyKey: o.idempotencyKey ?? newKey() }
  const text = body === undefined ? null : JSON.stringify(body)
  let response: Response
  try {
    response = await send(method, path, text, options)
  } catch (error) {
    const again = error instanceof Fault && error.offline && navigator.onLine && !o.keepalive
    if (!again) throw error
    await new Promise((r) => setTimeout(r, 400))
    response = await send(method, path, text, options)
  }
  if (response.status === 204 || response.headers.get('Content-Length') === '0') return undefined as T
  const answer = await response.text()
  return (answer ? JSON.parse(answer) : undefined) as T
}

/** Path parts are escaped: url`/cases/${id}/acts/${event}`. */
export function url(parts: TemplateStringsArray, ...values: (string | number)[]): string {
  return parts.reduce((whole, part, i) => whole + part + (i < values.length ? encodeURIComponent(String(values[i])) : ''), '')
}

export const api = {
  get: <T>(path: string, query?: Query, o?: CallOptions): Promise<T> => call<T>('GET', path, undefined, { ...o, query }),
  post: <T>(path: string, body: unknown = {}, o?: CallOptions): Promise<T> => call<T>('POST', path, body, o),
  put: <T>(path: string, body: unknown, o?: CallOptions): Promise<T> => call<T>('PUT', path, body, o),
  patch: <T>(path: string, body: unknown, o?: CallOptions): Promise<T> => call<T>('PATCH', path, body, o),
  del: <T>(path: string, o?: CallOptions): Promise<T> => call<T>('DELETE', path, undefined, o),
}

export interface Page<T> {
  items: T[]
  next: string | null
}
export interface Ref {
  id: string
  name: string
}
