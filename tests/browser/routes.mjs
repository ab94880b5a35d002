// Every route of the application on the real daemon, each as somebody whose page it is, where there is something to see and where there is
// nothing or something is wrong: accessibility, width, keyboard, what an eye would find (seen.mjs), console. The list of routes is the router's own: one without a visit here fails.
// SHOTS=dir keeps a picture of each, in both languages and sizes; ONLY=name looks at one route alone.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { axe, DESKTOP, open, PHONE, run } from './lib.mjs'
import { byKeyboard } from './keys.mjs'
import { enterBy, member } from './live.mjs'
import { looked } from './seen.mjs'
import { signIn } from './site.mjs'
import { arrive, shownSite, visitsOf } from './visits.mjs'

process.env.TZ = 'Asia/Shanghai'
const { site, browser, shots, c } = await shownSite()
await enterBy(await member(browser, site.base, 'qs.zhang'), null, c.room, { codec: 'vp8' })
const VISITS = visitsOf(c)

/** A tablet, a half window, 200 % zoom: neither the page nor a table scrolls sideways on the pages of daily work. */
const NARROW = ['home', 'cases', 'case', 'patients', 'patient', 'cockpit-list', 'cockpit', 'months', 'alarms', 'calendar', 'slots', 'people', 'roster', 'research-project', 'exchange', 'index', 'audit']
async function narrower(p, what) {
  for (const width of [1024, 820, 683]) {
    await p.setViewportSize({ width, height: 768 })
    await p.waitForTimeout(150)
    const cut = await p.evaluate(() => [document.documentElement, ...document.querySelectorAll('.y-table')].filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.innerText.slice(0, 60)))
    assert.deepEqual(cut, [], `${what} at ${width}: wider than its place`)
  }
  await p.setViewportSize(DESKTOP.viewport)
}

async function visit(at, lang, size, name, n, v) {
  const login = v[0]
  const what = `${name} ${n} ${login || 'nobody'} ${size} ${lang}`
  const p = await at(login)
  p.faults = []
  await arrive(p, v)
  await p.waitForTimeout(shots ? 400 : 60)
  if (shots) await p.screenshot({ path: join(shots, `${what.replace(/[^\w.-]+/g, '_')}.png`), fullPage: process.env.FULL === '1' })
  if (shots || (n === 0 && size === 'desktop')) await axe(p, what) // what else a route shows is built of the same parts; the desks' own tests look at phones
  if (name !== 'wall') await looked(p, what, { lang, phone: size === 'phone' }) // the wall is read from afar and pressed by nobody
  if (name !== 'print') assert.ok(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1), `${what} is wider than the screen`)
  if (size === 'desktop' && n === 0 && lang === 'zh' && NARROW.includes(name)) await narrower(p, what)
  if (size === 'desktop' && (n === 0 || name === 'room') && lang === 'zh') await byKeyboard(p, what)
  const faults = p.faults.filter((f) => !/status of 4/.test(f))
  assert.ok(!faults.length, `console: ${faults.join("; ")}`)
}

const tests = {
  'every route of the router has a visit': async () => {
    const p = await open(browser, { base: site.base })
    await p.goto('/login')
    await p.locator('form').waitFor()
    const names = await p.evaluate(() => document.querySelector('#app').__vue_app__.config.globalProperties.$router.getRoutes().map((r) => String(r.name)))
    assert.ok(names.length > 25, names.join())
    assert.deepEqual(names.filter((n) => !VISITS[n]?.length), [], 'routes without a visit in tests/browser/routes.mjs')
    assert.deepEqual(Object.keys(VISITS).filter((n) => !names.includes(n)), [], 'visits without a route')
    await p.context().close()
  },
}
// In the second pass each route once is enough: the tests of the desks look at their pages in both sizes and languages too.
const both = shots ? [['desktop', 'en', true], ['phone', 'zh', true]] : []
for (const [size, lang, all] of [['desktop', 'zh', true], ['phone', 'en', !!shots], ...both])
  tests[`every route: ${size} ${lang}`] = async () => {
    const pages = {}
    const shape = size === 'phone' ? PHONE : DESKTOP
    const at = async (login) => {
      if (!login) pages['']?.context().close()
      if (!login || !pages[login]) {
        pages[login] = await open(browser, { base: site.base, shape, lang })
        pages[login].setDefaultTimeout(20_000)
        if (login) await signIn(pages[login], login)
      }
      return pages[login]
    }
    const wrong = []
    for (const [name, list] of Object.entries(VISITS))
      if (!process.env.ONLY || process.env.ONLY.split(',').includes(name)) for (const [n, v] of (all ? list : list.slice(0, 1)).entries()) await visit(at, lang, size, name, n, v).catch((e) => wrong.push(`${name} ${n} ${v[0]} ${v[1]}: ${String(e.message).split('\n').slice(0, 3).join(' ')}`))
    for (const p of Object.values(pages)) await p.context().close()
    assert.deepEqual(wrong, [])
  }

await run(tests).finally(async () => {
  await browser.close()
  await site.stop()
})
