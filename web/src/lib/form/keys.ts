/** Enter in a one-line field goes on to the next field, as in the hospitals' own systems; optional fields that are folded away are passed over. A
 *  text of several lines, a list of suggestions and a button keep the key. */
export function enterGoesOn(e: KeyboardEvent): void {
  const at = e.target
  if (e.isComposing || e.defaultPrevented || !(at instanceof HTMLInputElement) || at.getAttribute('role') === 'combobox') return
  e.preventDefault()
  const group = (x: HTMLElement): string => (x instanceof HTMLInputElement && x.type === 'radio' ? x.name : '')
  const fields = [...(e.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('input, textarea, select')].filter((x) => x.offsetParent && !x.matches(':disabled') && x.tabIndex >= 0)
  const next = fields.slice(fields.indexOf(at) + 1).find((x) => !group(x) || group(x) !== group(at))
  const chosen = next && fields.find((x) => group(x) && group(x) === group(next) && (x as HTMLInputElement).checked)
  ;(chosen ?? next)?.focus()
}
