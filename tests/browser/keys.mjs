// A page by keyboard alone: nothing that is pressed is out of reach, every stop is seen and not covered, and the end of the page is come to.
import assert from 'node:assert/strict'

const STOPS = 160

/** What is clicked and can be neither focused nor holds something that can (Vue keeps an element's listeners at it). */
function onlyByMouse() {
  const at = 'a[href], button, input, select, textarea, summary, label, video[controls], [tabindex]'
  return [...document.querySelectorAll('#app *')]
    .filter((e) => (Object.getOwnPropertySymbols(e).map((s) => e[s]).find((v) => v && v.onClick) ?? e._vei)?.onClick)
    .filter((e) => !e.matches(at) && !e.closest('button, a[href], label, dialog') && !e.querySelector(at) && e.checkVisibility())
    .map((e) => e.outerHTML.slice(0, 90))
}

/** The element that has the focus: is it seen to have it, and is it seen at all? */
function stop() {
  const e = document.activeElement
  if (!e || e === document.body) return null
  const marked = (x) => x && ((getComputedStyle(x).outlineStyle !== 'none' && parseFloat(getComputedStyle(x).outlineWidth) > 0) || getComputedStyle(x).boxShadow !== 'none')
  const r = e.getBoundingClientRect()
  const seen = marked(e) || marked(e.nextElementSibling) || marked(e.closest('label')) || marked(e.parentElement)
  const [x, y] = [(Math.max(r.left, 0) + Math.min(r.right, innerWidth)) / 2, (Math.max(r.top, 0) + Math.min(r.bottom, innerHeight)) / 2] // of what is in the window
  const hit = document.elementFromPoint(x, y)
  const label = e.closest('label')
  const clear = r.width * r.height < 16 || !hit || e.contains(hit) || hit.contains(e) || label?.contains(hit)
  return { text: `${e.tagName.toLowerCase()} ${(e.getAttribute('aria-label') || e.innerText || e.name || e.id || '').slice(0, 30)}`, seen, clear, skip: e.classList.contains('skip') }
}

export async function byKeyboard(p, what) {
  const none = (list, fault) => assert.ok(!list.length, `${what}: ${fault}: ${list.slice(0, 4).join(' | ')}`)
  none(await p.evaluate(onlyByMouse), 'only by mouse')
  const unseen = []
  const covered = []
  await p.evaluate(() => {
    document.activeElement?.blur()
    getSelection()?.removeAllRanges()
    scrollTo(0, 0)
  })
  let n = 0
  for (; n < STOPS; n++) {
    await p.keyboard.press('Tab')
    const s = await p.evaluate(stop)
    if (!s) break
    if (!s.seen) unseen.push(s.text)
    if (!s.clear) covered.push(s.text)
  }
  none(unseen, 'the focus is not seen')
  none(covered, 'what has the focus is covered')
}
