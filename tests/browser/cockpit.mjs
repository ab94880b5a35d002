// The cockpits on the real daemon, over the demo consortium's month: eight numbers, each opens the very things it counts, by institution and period;
// definitions, the month's report on paper and as CSV; who may not read a case sees no patient. SHOTS=dir keeps pictures.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { axe, DESKTOP, open, PHONE, run } from './lib.mjs'
import { ask, browser, entered, shot, site } from './history.mjs'

const tile = (page, id) => page.locator(`[data-indicator=${id}]`)
const dean = await entered('yuanzhang')
/** History is counted in the background within seconds. */
async function counted(page) {
  for (let i = 0; i < 60; i++) {
    const { body } = await ask(page, '/reports/cockpit?period=30d')
    if (!body.filling && body.indicators?.[0].now.value) return body
    await page.waitForTimeout(500)
  }
  throw new Error('history was not counted')
}

const jobs = {
  'the dean begins the day with eight numbers that are on one screen': async () => {
    await counted(dean)
    await dean.goto('/?period=30d')
    await tile(dean, 'volume').waitFor()
    assert.equal(await dean.locator('[data-indicator]').count(), 8)
    const bottom = await dean.locator('[data-indicator]').last().evaluate((e) => e.getBoundingClientRect().bottom)
    assert.ok(bottom <= DESKTOP.viewport.height, `the eighth number ends at ${bottom}`)
    assert.match(await tile(dean, 'volume').innerText(), /1\d|2\d/)
    await axe(dean, 'the cockpit')
    await shot(dean, 'dean-zh')
  },
  'a number opens what it counts, and the list adds up to it': async () => {
    const { body } = await ask(dean, '/reports/cockpit?period=30d')
    for (const i of body.indicators.filter((x) => x.now.denominator)) {
      const list = (await ask(dean, `/reports/list?indicator=${i.id}&period=30d&limit=200`)).body
      assert.equal(list.items.reduce((n, r) => n + r.total, 0), i.now.denominator, i.id)
      if (i.unit === 'percent') assert.equal(list.items.filter((r) => r.counted).length, i.now.numerator, i.id)
      assert.ok(list.items.every((r) => r.case.patient === null && r.case.id === null), 'a dean has no right to a case: no patient')
    }
    await tile(dean, 'on_time').locator('a.value').click()
    await dean.locator('tbody tr').first().waitFor()
    const now = body.indicators.find((i) => i.id === 'on_time').now
    assert.equal(await dean.locator('tbody tr').count(), now.denominator)
    assert.match(await dean.locator('main').innerText(), /超时/)
    await axe(dean, 'the list')
    await shot(dean, 'list-zh')
    await dean.getByLabel('显示').selectOption('rest')
    await dean.waitForFunction((n) => document.querySelectorAll('tbody tr').length === n, now.denominator - now.numerator)
    await dean.getByRole('link', { name: '返回驾驶舱' }).click()
    await tile(dean, 'volume').waitFor()
    assert.match(dean.url(), /period=30d/)
  },
  'the definition stands with the number': async () => {
    await tile(dean, 'on_time').getByRole('button').click()
    const at = dean.locator('dialog[open]')
    await at.getByText('停表').waitFor()
    await axe(dean, 'a definition')
    await shot(dean, 'definition')
    await dean.keyboard.press('Escape')
  },
  'periods, pages and institutions; a county sees its own, and not the city': async () => {
    await dean.getByRole('button', { name: '远程中心驾驶舱' }).click()
    await tile(dean, 'triage_median').waitFor()
    await shot(dean, 'operations-zh')
    await dean.getByRole('combobox', { name: '机构' }).selectOption({ label: '青石镇卫生院' })
    await dean.waitForURL(/org_id=/)
    const whole = (await ask(dean, '/reports/cockpit?period=30d&page=dean')).body
    const county = await entered('dean')
    const own = (await ask(county, '/reports/cockpit?period=30d&page=dean')).body
    assert.ok(own.indicators[0].now.value < whole.indicators[0].now.value)
    assert.deepEqual(own.orgs.map((o) => o.name), ['云岭县人民医院'])
    const city = whole.orgs.find((o) => o.name.startsWith('南江')).id
    assert.equal((await ask(county, `/reports/cockpit?org_id=${city}`)).status, 403)
    await county.context().close()
  },
  'medical affairs read the names of their own cases, and of no others': async () => {
    const office = await entered('xy.zhao')
    await office.goto('/cockpit/on_time?period=30d&page=medical')
    await office.locator('tbody tr').first().waitFor()
    const { items } = (await ask(office, '/reports/list?indicator=on_time&period=30d')).body
    assert.ok(items.some((r) => r.case.patient))
    for (const r of items) assert.equal(!!r.case.patient, r.home === '云岭县人民医院' || r.target === '云岭县人民医院')
    await axe(office, 'medical affairs')
    await shot(office, 'list-office')
    assert.equal((await ask(office, '/reports/cockpit?page=dean')).status, 403)
    await office.context().close()
    const doctor = await entered('bh.sun')
    assert.equal((await ask(doctor, '/reports/cockpit')).status, 403)
    await doctor.context().close()
  },
  'the month on paper and as CSV, with definition, numerator and denominator': async () => {
    await dean.goto('/cockpit?period=30d&page=dean')
    await tile(dean, 'volume').waitFor()
    const [file] = await Promise.all([dean.waitForEvent('download'), dean.getByRole('button', { name: '导出 CSV' }).click()])
    const csv = readFileSync(await file.path(), 'utf8')
    const { body } = await ask(dean, '/reports/cockpit?period=30d&page=dean')
    const now = body.indicators.find((i) => i.id === 'adoption').now
    assert.ok(csv.includes(`建议采纳率,`) && csv.includes(`,%,${now.numerator},${now.denominator},`), csv)
    assert.ok(csv.includes('登记了采纳、修改后采纳或未采纳的建议'))
    assert.ok(!/秦凤英|孟庆山/.test(csv))
    await dean.emulateMedia({ media: 'print' })
    assert.ok(await dean.locator('.report table').isVisible())
    assert.ok(!(await tile(dean, 'volume').isVisible()))
    await shot(dean, 'report', true)
    await dean.emulateMedia({ media: 'screen' })
  },
  'in English, and on a phone in one column': async () => {
    const en = await entered('yuanzhang', DESKTOP, 'en')
    await en.goto('/cockpit?period=30d')
    await tile(en, 'volume').waitFor()
    await axe(en, 'the cockpit in English')
    assert.ok((await en.locator('[data-indicator]').last().evaluate((e) => e.getBoundingClientRect().bottom)) <= DESKTOP.viewport.height)
    await shot(en, 'dean-en')
    await en.context().close()
    for (const lang of ['zh', 'en']) {
      const phone = await entered('yuanzhang', PHONE, lang)
      await phone.goto('/cockpit?period=30d')
      await tile(phone, 'volume').waitFor()
      assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1))
      await axe(phone, `phone ${lang}`)
      await shot(phone, `phone-${lang}`, true)
      await phone.goto('/cockpit/on_time?period=30d')
      await phone.locator('tbody tr').first().waitFor()
      assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1))
      await shot(phone, `phone-list-${lang}`)
      await phone.context().close()
    }
  },
  'nothing yet, and what cannot be read, in words': async () => {
    const p = await entered('yuanzhang')
    await p.route('**/api/v1/reports/cockpit**', (r) => r.fulfill({ status: 503, contentType: 'application/json', body: '{"error":{"code":"unavailable"}}' }))
    await p.goto('/cockpit')
    await p.getByText('未能读取').waitFor()
    await p.unroute('**/api/v1/reports/cockpit**')
    await p.getByRole('button', { name: '重试' }).click()
    await tile(p, 'volume').waitFor()
    await p.goto('/cockpit?page=technical')
    await tile(p, 'connect').getByText('还没有可统计的数据').waitFor()
    await axe(p, 'nothing yet')
    await p.context().close()
  },
}
await run(jobs)
assert.deepEqual(dean.faults, [])
await browser.close()
await site.stop()
