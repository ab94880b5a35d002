// Why the index said no, in the words of this desk.
import { Fault, say } from '@/lib/api'
import { iw } from './words'

const REASONS: Record<string, Parameters<typeof iw>[0]> = { stale_version: 'stale', decided: 'decided', already_one: 'already_one', kept_apart: 'kept_apart', barred: 'barred_why', moved_since: 'moved_since', alone: 'alone', undone: 'is_undone' }
export function why(error: unknown): string {
  const key = error instanceof Fault ? REASONS[error.reason] : undefined
  return key ? iw(key) : say(error)
}
/** Somebody was faster: what is on the screen is old. */
export const overtaken = (error: unknown): boolean => error instanceof Fault && ['stale_version', 'decided', 'already_one'].includes(error.reason)
