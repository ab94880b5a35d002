// Why the server said no, in the words of this desk: a field's reason may carry a detail after a colon ("out_of_range:5..240").
import { Fault, fieldReason, say } from '@/lib/api'
import { toast } from '@/lib/kit'
import { aw } from './words'

export function reasonText(reason: string): string {
  const at = reason.indexOf(':')
  const word = at < 0 ? reason : reason.slice(0, at)
  return aw.maybe(`r_${word}`, { n: at < 0 ? '' : reason.slice(at + 1).replace('..', ' – ') }) ?? fieldReason(reason)
}
/** The text for one field; null when it is fine. */
export function fieldText(fault: Fault | null, path: string): string | null {
  const hit = fault?.fields.find((f) => f.path === path)
  return hit ? reasonText(hit.reason) : null
}
/** The sentence for the whole request. */
export function why(error: unknown): string {
  return (error instanceof Fault && error.reason && aw.maybe(`f_${error.reason}`)) || say(error)
}
/** Keeps a fault for the form's fields, or shows what is no fault of a field. */
export function asFault(error: unknown): Fault | null {
  if (error instanceof Fault && error.fields.length) return error
  toast(why(error), 'danger')
  return null
}
