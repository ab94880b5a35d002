// 200 % zoom on an old 1366 x 768 screen: a window of 683 x 384. On every route what may be pressed can be come to, the bars leave most of the
// window to the page, and no dialog is higher than the window: its buttons are in it. SHOTS=dir keeps a picture of each; ONLY=name one route.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { open, run } from './lib.mjs'
import { signIn } from './site.mjs'
import { arrive, shownSite, visitsOf } from './visits.mjs'

process.env.TZ = 'Asia/Shanghai'
const ZOOM = { viewport: { width: 683, height: 384 }, deviceScaleFactor: 2 }
const { site, browser, shots, c } = await shownSite()

/** How much of the window is left to the page when it is scrolled half way: what stays where it is over it is taken off. */
function left() {
  scrollTo(0, document.documentElement.scrollHeight / 2)
  const stays = (e) => {
    for (let x = e; x; x = x.parentElement) if (/fixed|sticky/.test(getComputedStyle(x).position) && x.getBoundingClientRect().height < innerHeight * 0.9) return true
    return false
  }
  let free = 0
  for (let y = 2; y < innerHeight; y += 4) free += [0.3, 0.5, 0.7].every((x) => !stays(document.elementFromPoint(innerWidth * x, y))) ? 4 : 0
  scrollTo(0, 0)
  return free / innerHeight
}

/** What may be pressed in `place` and cannot be come to: scrolled to, something else lies on it or it is outside of the window. */
function unreachable(place) {
  const found = []
  for (const e of document.querySelector(place).querySelectorAll('button, a[href], input, select, textarea, summary, [role=tab]')) {
    if (!e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest('.sr, .skip') || e.disabled) continue
    const box = () => e.getClientRects()[0] ?? e.getBoundingClientRect()
    if (box().width * box().height < 16) continue
    e.scrollIntoView({ block: 'nearest', inline: 'nearest' })
    const clear = () => {
      const r = box()
      const hit = document.elementFromPoint(r.left + r.width / 2, (Math.max(r.top, 0) + Math.min(r.bottom, innerHeight)) / 2)
      return hit && (e.contains(hit) || hit.contains(e) || hit.closest('label')?.contains(e) || hit.closest('label')?.htmlFor === e.id)
    }
    if (clear()) continue
    e.scrollIntoView({ block: 'center', inline: 'center' }) // a hand on the wheel goes on
    if (!clear()) found.push(`${e.tagName.toLowerCase()} "${(e.getAttribute('aria-label') || e.innerText || e.name || '').trim().slice(0, 30)}"`)
  }
  return [...new Set(found)]
}

/** A dialog is in the window, with the buttons of its foot. */
function dialogFits() {
  const d = document.querySelector('dialog[open]')
  const inside = (e) => {
    const r = e.getBoundingClientRect()
    return r.top >= 0 && r.left >= 0 && r.bottom <= innerHeight + 1 && r.right <= innerWidth + 1
  }
  const faults = inside(d) ? [] : ['the dialog is larger than the window']
  for (const b of d.querySelectorAll(':scope > header button, :scope > footer button')) if (!inside(b)) faults.push(`outside: ${b.innerText || b.getAttribute('aria-label')}`)
  if (d.querySelector(':scope > .body').clientHeight < 140) faults.push('hardly a line of it is seen')
  return faults
}

async function dialogChecked(p, what) {
  await p.locator('dialog[open]').waitFor()
  assert.deepEqual(await p.evaluate(dialogFits), [], what)
  assert.deepEqual(await p.evaluate(unreachable, 'dialog[open]'), [], `${what}: out of reach`)
}

const pages = {}
async function at(login, more = {}) {
  if (!login) await pages['']?.context().close()
  if (!login || !pages[login]) {
    pages[login] = await open(browser, { base: site.base, shape: ZOOM, ...more })
    pages[login].setDefaultTimeout(20_000)
    if (login) await signIn(pages[login], login)
  }
  return pages[login]
}

async function visit(name, n, v) {
  const what = `${name} ${n} ${v[0] || 'nobody'}`
  const p = await at(v[0])
  await arrive(p, v)
  await p.waitForTimeout(60)
  if (shots) await p.screenshot({ path: join(shots, `${what.replace(/[^\w.-]+/g, '_')}.png`) })
  if (await p.locator('dialog[open]').count()) return dialogChecked(p, what)
  if (name !== 'print' && name !== 'wall') assert.ok(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1), `${what} is wider than the window`)
  const free = await p.evaluate(left)
  assert.ok(free > 0.6, `${what}: bars leave ${Math.round(free * 100)} % of the window to the page`)
  assert.deepEqual(await p.evaluate(unreachable, '#app'), [], `${what}: out of reach`)
}

const { signed, room, draft, person } = c
/** The dialogs of each desk's main tasks: who, where, what opens it. */
const DIALOGS = [
  ['qs.zhang', '/patients', '.page-head .y-button'],
  ['qs.zhang', `/cases/${draft}/edit`, 'section.head button'],
  ['qs.zhang', `/cases/${signed}`, '.head .y-button.primary'],
  ['xy.chen', '/calendar', '.page-head .y-button.primary'],
  ['xy.chen', '/calendar', '.page-head .y-button:first-of-type'],
  ['xy.qian', '/slots', '.page-head .y-button.primary'],
  ['xy.qian', `/cases/${room}`, '.head .y-button.primary:not(a)'],
  ['admin', '/admin/orgs', '.page-head .y-button.primary'],
  ['admin', '/admin/people', '.page-head .y-button.primary'],
  ['admin', `/admin/people/${person}`, '#posts-h + .y-button, .page-head .y-button:not(a)'],
  ['xy.zhao', '/admin/roster', '.page-head .y-button.primary'],
  ['admin', '/admin/gateways', '.page-head .y-button.primary'],
  ['admin', '/admin/devices', '.page-head .y-button.primary'],
  ['admin', '/admin/exchange', '.page-head .y-button.primary'],
  ['admin', '/admin/policies', 'tbody .y-button'],
  ['admin', '/alarms?tab=rules', '.page-head .y-button.primary'],
  ['xy.zhao', '/overrides', 'tbody .y-button'],
]

await run({
  async 'every route: all of it can be come to, and the bars are small'() {
    const wrong = []
    for (const [name, list] of Object.entries(visitsOf(c)))
      if (!process.env.ONLY || process.env.ONLY.split(',').includes(name)) for (const [n, v] of list.entries()) await visit(name, n, v).catch((e) => wrong.push(`${name} ${n} ${v[0]}: ${String(e.message).split('\n').slice(0, 12).join(' ')}`))
    assert.deepEqual(wrong, [])
  },
  async 'every dialog of a main task is in the window, with its buttons'() {
    const wrong = []
    for (const [login, path, opens] of DIALOGS) {
      const p = await at(login)
      await p.goto(path)
      await p.locator(opens).first().click()
      await dialogChecked(p, `${login} ${path}`).catch((e) => wrong.push(String(e.message).split('\n').slice(0, 8).join(' ')))
      if (shots) await p.screenshot({ path: join(shots, `dialog_${login}${path.replace(/[^\w.-]+/g, '_')}.png`) })
    }
    assert.deepEqual(wrong, [])
  },
  async 'the menus are in the window, or scroll in it'() {
    const p = await at('admin')
    await p.goto('/')
    await p.locator('nav.tabs > button').click()
    await p.locator('.sheet a').first().waitFor()
    assert.deepEqual(await p.evaluate(unreachable, '.sheet'), [], 'the desks')
    await p.locator('nav.tabs > button').click()
    await p.locator('header.top [aria-haspopup=menu]').click()
    await p.locator('[role=menu]').waitFor()
    const last = p.locator('[role=menu] [role^=menuitem]').last()
    await last.scrollIntoViewIfNeeded()
    const box = await last.boundingBox()
    assert.ok(box.y + box.height <= 384, `the last entry of the account ends at ${box.y + box.height}`)
  },
}).finally(async () => {
  await browser.close()
  await site.stop()
})
