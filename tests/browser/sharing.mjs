// Sharing on the real daemon: a county expert sees the township's patient on one timeline with its sources, what is closed is counted, consent and emergency open
// it, a wrong link is reported; who saw the record - on paper, behind a link with a code, for the privacy officer. Then every page for accessibility and width.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { axe, DESKTOP, launch, open, PHONE, run } from './lib.mjs'
import { signedIn } from './person.mjs'
import { signIn, startSite } from './site.mjs'

process.env.TZ = 'Asia/Shanghai'
const site = await startSite()
const browser = await launch()
const shots = process.env.SHOTS
if (shots) mkdirSync(shots, { recursive: true })
const shot = async (page, name) => shots && page.screenshot({ path: join(shots, `${name}.png`) })

// One person registered in three houses by the same number; a consultation between the first two comes later.
const [township, county, city] = await Promise.all(['qs.zhang', 'xy.qian', 'bh.sun'].map((login) => signedIn(site, login)))
const person = { name: '贺秋萍', sex: 'female', id_type: 'id_card', id_no: '99770119670910282X', phone: '13812345678', address: '云岭县南坪乡人民路282号' }
const ids = []
for (const who of [township, county, city]) ids.push((await who.ask('POST', '/patients', person)).id)
const page = await open(browser, { base: site.base })
page.setDefaultTimeout(30000)
await signIn(page, 'xy.qian')
const dialog = page.locator('dialog[open]')
let link, code

const jobs = {
  'records of other houses are counted, not named': async () => {
    await page.goto(`/patients/${ids[1]}`)
    await page.getByText('另有 2 份登记，未对您开放').waitFor()
    assert.equal(await page.getByText('白河镇卫生院').count(), 0)
    const t = await county.ask('GET', `/patients/${ids[1]}/timeline`)
    assert.deepEqual(t.sources.map((s) => s.basis), ['own', 'none', 'none'])
    assert.equal((await county.send('GET', `/patients/${ids[0]}`)).status, 403)
    await shot(page, 'sharing_closed')
  },
  'consent is recorded and opens one house': async () => {
    await page.getByRole('button', { name: '登记授权' }).click()
    await dialog.getByRole('combobox', { name: '哪个机构的记录' }).fill('青石')
    await page.getByRole('option', { name: /青石镇卫生院/ }).click()
    await dialog.getByLabel('备注（选填）').fill('本人签字')
    await shot(page, 'consent_form')
    await dialog.getByRole('button', { name: '保存' }).click()
    await page.getByText('已登记').waitFor()
    await page.getByText('青石镇卫生院的记录 → 全部机构').waitFor()
    await page.getByText('另有 1 份登记，未对您开放').waitFor()
    await page.getByText('青石镇卫生院 · 患者授权').waitFor()
    const seen = await county.ask('GET', `/patients/${ids[0]}`)
    assert.equal(seen.basis, 'consent')
  },
  'an emergency opens the rest, and medical affairs judges it': async () => {
    await page.getByRole('button', { name: '紧急调阅' }).click()
    await dialog.getByLabel(/理由/).fill('昏迷，家属不在')
    await shot(page, 'emergency_form')
    await dialog.getByRole('button', { name: '紧急调阅' }).click()
    await page.getByText('白河镇卫生院 · 紧急调阅').waitFor()
    await shot(page, 'sharing_open')
    const office = await open(browser, { base: site.base })
    office.setDefaultTimeout(30000)
    await signIn(office, 'xy.zhao')
    await office.goto('/overrides')
    await office.getByText('昏迷，家属不在').waitFor()
    await shot(office, 'overrides')
    await axe(office, '/overrides')
    await office.getByRole('button', { name: '复核' }).click()
    await office.getByLabel('必要', { exact: true }).check()
    await office.locator('dialog[open]').getByRole('button', { name: '复核' }).click()
    await office.getByText('没有待复核的紧急调阅').waitFor()
    assert.deepEqual(office.faults, [])
    await office.context().close()
  },
  'a consultation stands on the timeline with its house; a wrong link is reported and gone': async () => {
    const { items } = await township.ask('GET', '/cases?view=mine&kind=interactive')
    const draft = await township.ask('GET', `/cases/${items.find((c) => c.state === 'DRAFT').id}`)
    const mine = await township.ask('POST', '/cases', { patient_id: ids[0], kind: 'offline', scope: 'clinical', urgency: 'routine', target_org_id: draft.target.org.id, target_dept_id: draft.target.dept?.id, form: draft.form })
    await township.act(mine.id, 'submit')
    await page.reload()
    const entry = page.locator('.timeline li', { hasText: mine.number })
    await entry.getByText(/青石镇卫生院.*(因会诊开放|患者授权|紧急调阅)/).first().waitFor()
    assert.equal(await entry.getByRole('link').count(), 0, 'the case itself is open to who takes part')
    await shot(page, 'timeline_linked')
    await entry.getByRole('button', { name: '不是此患者' }).click()
    await dialog.getByLabel(/依据/).fill('血型不符')
    await dialog.getByRole('button', { name: '报告' }).click()
    await page.getByText('已报告').waitFor()
    await page.locator('.timeline li', { hasText: mine.number }).waitFor({ state: 'detached' })
    const steward = await signedIn(site, 'steward')
    const task = (await steward.ask('GET', '/index/tasks?why=reported')).items[0]
    assert.deepEqual([task.note, task.reported_by.name, task.a.org.name], ['血型不符', '钱文博', '青石镇卫生院'])
    await steward.ask('POST', `/index/tasks/${task.id}/decide`, { decision: 'link' })
    await page.reload()
    await page.locator('.timeline li', { hasText: mine.number }).waitFor()
  },
  'who saw my record, on paper': async () => {
    await page.getByRole('link', { name: '打印给患者' }).click()
    await page.getByRole('row', { name: /钱文博[^]*紧急调阅/ }).first().waitFor()
    await page.getByRole('row', { name: /龚慧[^]*核对患者在各机构的登记/ }).waitFor()
    await shot(page, 'who_saw_print')
    await axe(page, 'who saw, on paper')
  },
  'who saw my record, by link and code, without an account': async () => {
    await page.goto(`/patients/${ids[1]}`)
    await page.getByRole('button', { name: '给患者查询链接' }).click()
    code = (await dialog.locator('strong').innerText()).trim()
    assert.match(code, /^\d{6}$/)
    await shot(page, 'who_saw_link')
    await dialog.getByRole('button', { name: '关闭' }).last().click()
    const made = await county.ask('POST', `/patients/${ids[1]}/access_link`, { origin: site.base }) // the page shows the link as a picture alone
    ;({ url: link, code } = made)
    const patient = await open(browser, { base: site.base, shape: PHONE })
    patient.setDefaultTimeout(30000)
    await patient.goto(link)
    await patient.getByLabel(/查询码/).fill(code === '000000' ? '000001' : '000000')
    await patient.getByRole('button', { name: '查看' }).click()
    await patient.getByText('查询码不正确，还可再试 4 次').waitFor()
    await axe(patient, '/who-saw')
    await patient.getByLabel(/查询码/).fill(code)
    await patient.getByRole('button', { name: '查看' }).click()
    await patient.getByText('贺**，您好').waitFor()
    await patient.getByText('钱文博').first().waitFor()
    await shot(patient, 'who_saw_phone')
    await axe(patient, '/who-saw')
    assert.ok(!(await patient.content()).includes('贺秋萍'))
    assert.ok(!patient.url().includes('#'))
    await patient.context().close()
  },
  'the privacy officer finds a patient and sees who looked': async () => {
    const officer = await open(browser, { base: site.base })
    officer.setDefaultTimeout(30000)
    await signIn(officer, 'audit')
    await officer.goto('/privacy')
    await officer.getByLabel(/查找患者/).fill('hqp')
    await officer.getByRole('button', { name: '查看访问' }).first().click()
    await officer.getByRole('row', { name: /钱文博/ }).first().waitFor()
    await shot(officer, 'officer')
    await axe(officer, '/privacy')
    assert.deepEqual(officer.faults, [])
    await officer.context().close()
    assert.deepEqual(page.faults, [])
  },
}
for (const [size, shape] of [['desktop', DESKTOP], ['phone', PHONE]])
  for (const lang of ['zh', 'en'])
    jobs[`the patient's page ${size} ${lang}`] = async () => {
      const p = await open(browser, { base: site.base, shape, lang })
      await signIn(p, 'xy.qian')
      await p.goto(`/patients/${ids[1]}`)
      await p.locator('.timeline li').first().waitFor({ timeout: 30000 })
      if (shots) await p.screenshot({ path: join(shots, `patient_${size}_${lang}.png`), fullPage: true })
      await axe(p, 'the patient')
      assert.ok(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1), 'wider than the screen')
      assert.deepEqual(p.faults, [])
      await p.context().close()
    }
await run(jobs)
await browser.close()
await site.stop()
