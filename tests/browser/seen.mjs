// What an eye would find on any page: text cut off, a label on two lines, a day that can be read two ways, a value that is none, a target
// smaller than a finger. One pass over what is drawn; each finding names its element.
import assert from 'node:assert/strict'

function look({ lang, phone }) {
  const found = []
  const seen = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && e.getBoundingClientRect().width > 1 && !e.closest('.sr, .skip, [aria-hidden=true]')
  const name = (e) => `${e.tagName.toLowerCase()}.${[...e.classList].join('.')} "${(e.innerText || e.value || e.getAttribute('aria-label') || '').trim().replace(/\s+/g, ' ').slice(0, 40)}"`
  const place = document.querySelector('dialog[open]') ?? document.querySelector('#app')
  const all = [...place.querySelectorAll('*')].filter(seen)
  for (const e of all) {
    const s = getComputedStyle(e)
    if (s.textOverflow === 'ellipsis' && e.scrollWidth > e.clientWidth + 1 && !e.closest('[title], summary') && !/^(INPUT|SELECT)$/.test(e.tagName)) found.push(`cut off, and no title says the rest: ${name(e)}`)
  }
  for (const e of all.filter((x) => x.matches('.y-button, [role=tab], nav.side a, nav.tabs span, .y-badge'))) {
    if (getComputedStyle(e).flexDirection === 'column') continue // its picture stands above its word
    const text = document.createRange()
    text.selectNodeContents(e)
    const lines = new Set([...text.getClientRects()].filter((r) => r.width > 2 && r.height > 8).map((r) => Math.round((r.top + r.bottom) / 16)))
    if (lines.size > 1 && text.getBoundingClientRect().height > 1.7 * (parseFloat(getComputedStyle(e).lineHeight) || 20)) found.push(`a label on two lines: ${name(e)}`)
  }
  if (phone)
    for (const e of all.filter((x) => x.matches('.y-button, [role=tab], .y-input, a.brand, nav.tabs > *'))) {
      const b = e.getBoundingClientRect()
      if (b.height < 43.5 || b.width < 43.5) found.push(`smaller than a finger, ${Math.round(b.width)} x ${Math.round(b.height)}: ${name(e)}`)
    }
  const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT)
  for (let n; (n = walker.nextNode()); ) {
    const t = n.data.trim()
    if (!t || !seen(n.parentElement)) continue
    if (/\bundefined\b|\bNaN\b|\[object /.test(t)) found.push(`no value: ${t.slice(0, 50)}`)
    if (lang === 'en' && /(^|[^-\d])\d\d-\d\d( \d\d:\d\d|$)/.test(t)) found.push(`month or day? ${t.slice(0, 50)}`)
    if (lang === 'zh' && /\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b \d/.test(t)) found.push(`an English day: ${t.slice(0, 50)}`)
  }
  const heads = [...document.querySelectorAll('h1')].filter((e) => e.checkVisibility()).length
  if (heads > 1 && !document.querySelector('dialog[open]')) found.push(`${heads} first headings`)
  return [...new Set(found)]
}

export async function looked(page, what, { lang, phone }) {
  const found = await page.evaluate(look, { lang, phone })
  assert.ok(!found.length, `${what}: ${found.slice(0, 4).join(' | ')}`)
}
