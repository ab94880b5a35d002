// The control kit in a real browser: keyboard, models, focus and accessibility, in both themes and three text sizes.
import assert from 'node:assert/strict'
import { axe, counted, DESKTOP, launch, open, PHONE, ROOT, run, startVite } from './lib.mjs'

const vite = await startVite()
const browser = await launch()

async function bench(shape = DESKTOP, prefs = {}) {
  const page = await open(browser, { base: vite.base, shape })
  page.setDefaultTimeout(90_000)
  page.setDefaultNavigationTimeout(90_000)
  await page.addInitScript((p) => Object.entries(p).forEach(([k, v]) => localStorage.setItem(k, v)), prefs)
  await page.route('**/bench', (r) => r.fulfill({ contentType: 'text/html', body: `<!doctype html><html lang="zh"><head><title>kit</title></head><body><div id="app"></div><script type="module" src="/@vite/client"></script><script type="module" src="/@fs${ROOT}/tests/browser/kit/main.ts"></script></body></html>` }))
  await page.goto('/bench')
  await page.getByRole('heading', { name: 'kit' }).waitFor()
  return page
}
const model = (page) => page.evaluate(() => ({ ...globalThis.bench }))

await run({
  async 'no accessibility violation in light, dark and large text'() {
    for (const [shape, prefs] of [[DESKTOP, {}], [DESKTOP, { 'yl.theme': 'dark' }], [PHONE, { 'yl.text': 'huge' }], [PHONE, { 'yl.theme': 'dark', 'yl.text': 'large' }]]) {
      const page = await bench(shape, prefs)
      await axe(page, JSON.stringify(prefs))
      assert.deepEqual(page.faults.filter((f) => !/vite|WebSocket/.test(f)), [])
      await page.context().close()
    }
  },
  async 'combobox finds by characters, full pinyin and initials'() {
    const page = await bench()
    const box = page.getByRole('combobox', { name: 'dept' })
    for (const [typed, want] of [['\u795e\u7ecf', 'neuro'], ['xnk', 'cardio'], ['zhongzheng', 'icu']]) {
      await box.fill(typed)
      await counted(page.locator('[role=option]'), 1, typed)
      await box.press('Enter')
      assert.equal((await model(page)).dept, want)
    }
    await box.fill('zzz')
    await page.getByRole('status').filter({ hasText: '\u6ca1\u6709\u5339\u914d' }).waitFor()
    await box.press('Escape')
    await box.blur()
    assert.equal(await box.inputValue(), '\u91cd\u75c7\u533b\u5b66\u79d1', 'an unfinished entry falls back to the choice')
    await box.fill('')
    await box.blur()
    assert.equal((await model(page)).dept, null)
  },
  async 'combobox list is accessible while open'() {
    const page = await bench()
    await page.getByRole('combobox', { name: 'dept' }).fill('k')
    await page.getByRole('combobox', { name: 'dept' }).fill('')
    await page.locator('[role=option]').first().waitFor()
    await axe(page, 'open combobox')
    await page.keyboard.press('ArrowDown')
    assert.equal(await page.locator('[role=option][aria-selected=true]').innerText(), '\u795e\u7ecf\u5916\u79d1')
  },
  async 'date is typed in any usual form, refused when impossible or too early'() {
    const page = await bench()
    const day = page.getByRole('textbox', { name: 'day', exact: true })
    for (const [typed, want] of [['20261124', '2026-11-24'], ['2026/3/5', '2026-03-05'], ['2026\u5e742\u670828\u65e5', '2026-02-28']]) {
      await day.fill(typed)
      await day.press('Tab')
      assert.equal((await model(page)).day, want)
    }
    await day.fill('2026-02-30')
    await day.press('Tab')
    assert.equal((await model(page)).day, '2026-02-28')
    assert.equal(await day.getAttribute('aria-invalid'), 'true')
    await day.fill('2026-01-09')
    await day.press('Tab')
    assert.equal((await model(page)).day, '2026-02-28', 'before min')
  },
  async 'date is picked with the keyboard'() {
    const page = await bench()
    await page.getByRole('textbox', { name: 'day', exact: true }).fill('2026-11-24')
    await page.getByRole('textbox', { name: 'day', exact: true }).press('Tab')
    await page.getByRole('button', { name: /^day / }).click()
    await page.getByRole('dialog').waitFor()
    await axe(page, 'date picker')
    await page.keyboard.press('ArrowDown') // a week later, in the next month
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Enter')
    assert.equal((await model(page)).day, '2026-12-02')
    assert.equal(await page.getByRole('dialog').count(), 0)
  },
  async 'date and time make one moment'() {
    const page = await bench()
    await page.getByRole('textbox', { name: 'moment', exact: true }).fill('2026-11-24')
    await page.getByRole('textbox', { name: 'moment', exact: true }).press('Tab')
    assert.equal((await model(page)).moment, null, 'no time yet')
    await page.getByRole('combobox', { name: /^moment / }).selectOption('09:45')
    assert.equal((await model(page)).moment, await page.evaluate(() => new Date('2026-11-24T09:45:00').getTime()))
  },
  async 'number: full-width digits, decimals, out of range marked, nonsense is null'() {
    const page = await bench()
    const n = page.getByRole('textbox', { name: 'number' })
    await n.fill('\uff11\uff12\uff10')
    assert.equal((await model(page)).n, 120)
    await n.fill('36.')
    assert.equal(await n.inputValue(), '36.')
    await n.fill('500')
    assert.equal(await n.getAttribute('aria-invalid'), 'true')
    await n.fill('abc')
    assert.equal((await model(page)).n, null)
    assert.equal(await page.getByText('请填数字').count(), 0, 'not while it is typed')
    await n.press('Tab')
    await page.getByText('请填数字').waitFor()
    await axe(page, 'an entry that is no number')
  },
  async 'dialog traps focus, closes on Escape and gives focus back'() {
    const page = await bench()
    const opener = page.getByRole('button', { name: 'open dialog' })
    await opener.click()
    await page.getByRole('dialog', { name: 'a dialog' }).waitFor()
    await axe(page, 'dialog')
    for (let i = 0; i < 6; i++) {
      await page.keyboard.press('Tab')
      assert.ok(await page.evaluate(() => document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)))
    }
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.ok(await opener.evaluate((el) => el === document.activeElement))
  },
  async 'what is told while a dialog is open lies above it, can be pressed, and outlives it'() {
    const page = await bench()
    await page.evaluate(() => { // what is told does not go by itself, however slow the machine
      const real = setTimeout
      globalThis.setTimeout = (f, ms, ...rest) => (ms >= 5000 ? 0 : real(f, ms, ...rest))
    })
    await page.getByRole('button', { name: 'open dialog' }).click()
    await page.getByRole('button', { name: 'tell' }).click()
    const told = page.getByRole('dialog').getByRole('alert').filter({ hasText: 'refused' })
    await told.waitFor() // by its role: what lies behind a modal dialog has none
    await page.getByRole('button', { name: 'again' }).click()
    assert.equal(await page.locator('#chosen').innerText(), 'again')
    await page.getByRole('button', { name: 'tell' }).click()
    await axe(page, 'told in a dialog')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'again' }).click()
  },
  async 'confirm does nothing until confirmed'() {
    const page = await bench()
    await page.getByRole('button', { name: 'open confirm' }).click()
    await page.getByRole('button', { name: '\u53d6\u6d88' }).click()
    assert.equal(await page.locator('#chosen').innerText(), '')
    await page.getByRole('button', { name: 'open confirm' }).click()
    await page.getByRole('button', { name: 'do it' }).click()
    assert.equal(await page.locator('#chosen').innerText(), 'confirmed')
  },
  async 'menu by keyboard skips what is disabled'() {
    const page = await bench()
    await page.getByRole('button', { name: 'menu' }).focus()
    await page.keyboard.press('ArrowDown')
    await page.getByRole('menuitem', { name: 'one' }).waitFor()
    await axe(page, 'menu')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    assert.equal(await page.locator('#chosen').innerText(), 'three')
    await page.getByRole('button', { name: 'menu' }).click()
    await page.keyboard.press('Escape')
    assert.equal(await page.getByRole('menu').count(), 0)
  },
  async 'tabs by arrow keys'() {
    const page = await bench()
    await page.getByRole('tab', { name: /tab a/ }).focus()
    await page.keyboard.press('ArrowRight')
    await page.getByText('panel b').waitFor()
    assert.equal(await page.getByRole('tab', { name: 'tab b' }).getAttribute('aria-selected'), 'true')
  },
  async 'a field names its control, its help and its fault'() {
    const page = await bench()
    const text = page.getByRole('textbox', { name: 'text' })
    assert.equal(await text.getAttribute('aria-invalid'), 'true')
    assert.match(await text.evaluate((el) => el.getAttribute('aria-describedby').split(' ').map((id) => document.getElementById(id).textContent).join(' ')), /wrong help/)
  },
  async 'row opens on click; controls are at least 24 px; nothing is wider than the phone'() {
    const page = await bench(PHONE)
    await page.getByRole('cell', { name: 'two' }).click()
    assert.equal(await page.locator('#opened').innerText(), '2')
    const small = await page.evaluate(() => [...document.querySelectorAll('button, select, input:not([type=checkbox]):not([type=radio])')].filter((e) => e.getBoundingClientRect().height < 24).map((e) => e.outerHTML.slice(0, 80)))
    assert.deepEqual(small, [])
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'horizontal scrolling')
  },
}, async (test) => {
  try {
    await test()
  } finally {
    for (const context of browser.contexts()) await context.close()
  }
})
await browser.close()
await vite.stop()
