// Sharing on the real daemon: a county expert sees the township's patient on one timeline with its sources - also what the township's system writes over FHIR -, what is closed is counted, consent and emergency open
// it, a wrong link is reported; who saw the record - on paper, behind a link with a code, for the privacy officer. Then every page for accessibility and width.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { axe, DESKTOP, launch, open, PHONE, run } from './lib.mjs'
import { FhirClient } from './fhir.mjs'
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
const registered = []
for (const who of [township, county, city]) registered.push(await who.ask('POST', '/patients', person))
const ids = registered.map((p) => p.id)
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
    assert.equal((await county.send('GET', `/patients/${ids[0]}`)).status, 404)
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
  'what the township\'s system writes over FHIR is on it: visit, report, vital signs; as they are now': async () => {
    const his = await new FhirClient(site, '青石镇卫生院 HIS', 'QS01').signIn()
    const subject = { reference: 'Patient/qs-1' }, encounter = { reference: 'Encounter/qs-e' }, loinc = (code, text) => ({ coding: [{ system: 'http://loinc.org', code }], text })
    const result = (id, code, text, value, unit, more = {}) => ({ resourceType: 'Observation', id, status: 'final', code: loinc(code, text), subject, encounter, effectiveDateTime: '2026-03-02T08:10:00+08:00', valueQuantity: { value, unit }, ...more })
    const high = { interpretation: [{ coding: [{ code: 'H' }] }] }
    const glucose = result('qs-glu', '14749-6', '葡萄糖', 9.7, 'mmol/L', { ...high, referenceRange: [{ low: { value: 3.9 }, high: { value: 6.1 } }] })
    const report = { resourceType: 'DiagnosticReport', id: 'qs-r', status: 'final', code: { text: '生化检验' }, subject, effectiveDateTime: '2026-03-02T08:10:00+08:00', result: [{ reference: 'Observation/qs-glu' }, { reference: 'Observation/qs-k' }] }
    await his.keep(
      { resourceType: 'Patient', id: 'qs-1', identifier: [{ system: 'urn:yilian:patients:QS01', value: registered[0].local_number }], name: [{ text: person.name }] },
      { resourceType: 'Encounter', id: 'qs-e', status: 'finished', class: { code: 'AMB' }, type: [{ text: '全科门诊' }], subject, period: { start: '2026-03-02T08:00:00+08:00' }, participant: [{ individual: { display: '张建华' } }] },
      { resourceType: 'Condition', id: 'qs-c', code: { coding: [{ system: 'urn:yilian:codesystem:icd10-nhsa', code: 'E11.900' }], text: '2型糖尿病' }, subject, encounter, recordedDate: '2026-03-02' },
      result('qs-bp', '85354-9', '血压', 0, '', { valueQuantity: undefined, category: [{ coding: [{ code: 'vital-signs' }] }], component: [{ code: loinc('8480-6', '收缩压'), valueQuantity: { value: 152, unit: 'mmHg' }, ...high }, { code: loinc('8462-4', '舒张压'), valueQuantity: { value: 88, unit: 'mmHg' } }] }),
      glucose, result('qs-k', '2823-3', '钾', 4.1, 'mmol/L'), report,
      { resourceType: 'MedicationRequest', id: 'qs-m', status: 'active', intent: 'order', medicationCodeableConcept: { text: '二甲双胍片 0.5g' }, subject, encounter, authoredOn: '2026-03-02T09:00:00+08:00', dosageInstruction: [{ text: '0.5g 每日两次' }] },
    )
    assert.equal((await township.ask('GET', `/patients/${ids[0]}`)).version, 1, 'the record is known by its number: registered once')
    await page.reload()
    const visit = page.locator('.timeline li.event', { hasText: '全科门诊' })
    await visit.getByText('2型糖尿病').waitFor()
    await visit.getByText(/青石镇卫生院 HIS.*张建华.*患者授权/).waitFor()
    const lab = page.locator('.timeline li.event', { hasText: '生化检验' })
    await lab.getByText('9.7 mmol/L').waitFor()
    await lab.getByText('1 项异常').waitFor()
    await page.locator('.timeline li.event', { hasText: '生命体征' }).getByText('152 mmHg').waitFor()
    await page.getByText('二甲双胍片 0.5g').waitFor()
    await lab.scrollIntoViewIfNeeded()
    await shot(page, 'timeline_fhir')
    await his.keep({ ...glucose, status: 'corrected', valueQuantity: { value: 5.6, unit: 'mmol/L' }, interpretation: undefined }, { ...report, status: 'amended' })
    await page.reload()
    await lab.getByText('5.6 mmol/L').waitFor()
    await lab.getByText('已修订').waitFor()
    assert.equal(await lab.getByText('9.7').count(), 0)
    const stranger = await signedIn(site, 'sj.tang')
    for (const id of ids) assert.equal((await stranger.send('GET', `/patients/${id}/timeline`)).status, 404, 'no ground, nothing')
    assert.deepEqual(page.faults, [])
  },
  'what hangs on an entry opens in place: a PDF, a picture, a page of another system as text': async () => {
    const his = await new FhirClient(site, '青石镇卫生院 影像', 'QS01').signIn()
    const subject = { reference: 'Patient/qs-1' }
    const file = (name) => readFileSync(join('config/demo/documents', name)).toString('base64')
    const document = (id, description, contentType, data, more = {}) => ({ resourceType: 'DocumentReference', id, status: 'current', description, subject, date: '2026-03-03T10:00:00+08:00', content: [{ attachment: { contentType, data } }], ...more })
    await his.keep(
      document('qs-pdf', '检验报告原件', 'application/pdf', file('lab-report.pdf')),
      document('qs-jpg', '胸片', 'image/jpeg', file('chest-film.jpg')),
      document('qs-htm', '门诊病历', 'text/html', Buffer.from('<html><script>window.hacked=1</script><h1>门诊病历</h1><p>主诉：口渴 2 周</p><img src="https://evil.example/x.png"></html>').toString('base64')),
      { resourceType: 'ImagingStudy', id: 'qs-ct', status: 'available', subject, started: '2026-03-03T11:00:00+08:00', description: '头颅 CT 平扫', modality: [{ code: 'CT' }] },
    )
    await page.reload()
    await page.getByText('影像保存在青石镇卫生院').waitFor()
    await page.locator('.timeline li.event', { hasText: '检验报告原件' }).getByRole('button', { name: /PDF 文件/ }).click()
    await dialog.locator('canvas').waitFor()
    await page.waitForFunction(() => document.querySelector('dialog[open] canvas')?.width > 100)
    await dialog.getByText(/青石镇卫生院/).waitFor()
    await shot(page, 'attachment_pdf')
    await axe(page, 'a PDF of the timeline')
    await dialog.getByRole('button', { name: '关闭' }).first().click()
    await page.locator('.timeline li.event', { hasText: '胸片' }).getByRole('button', { name: /图片/ }).click()
    await page.waitForFunction(() => document.querySelector('dialog[open] img')?.naturalWidth > 10)
    await dialog.getByRole('button', { name: '关闭' }).first().click()
    await page.locator('.timeline li.event', { hasText: '门诊病历' }).getByRole('button', { name: /文书/ }).click()
    await dialog.getByText('主诉：口渴 2 周').waitFor()
    assert.equal(await page.evaluate(() => window.hacked), undefined)
    assert.equal(await dialog.locator('img').count(), 0)
    await shot(page, 'attachment_text')
    await dialog.getByRole('button', { name: '关闭' }).first().click()
    const t = await county.ask('GET', `/patients/${ids[1]}/timeline`), id = t.items.find((e) => e.title === '检验报告原件').attachments[0].id
    const stranger = await signedIn(site, 'sj.tang')
    assert.equal((await stranger.send('GET', `/patients/${ids[1]}/attachments/${id}`)).status, 404)
    assert.deepEqual(page.faults, [])
  },
  'a long record: years, search, abnormal values, one item over time': async () => {
    const his = await new FhirClient(site, '青石镇卫生院 检验', 'QS01').signIn()
    const subject = { reference: 'Patient/qs-1' }
    const many = []
    for (let i = 0; i < 120; i++) {
      const day = `20${21 + (i % 5)}-${String(1 + (i % 12)).padStart(2, '0')}-${String(1 + (i % 28)).padStart(2, '0')}`
      many.push({ resourceType: 'Observation', id: `qs-t${i}`, status: 'final', code: { coding: [{ system: 'http://loinc.org', code: '4548-4' }], text: '糖化血红蛋白' }, subject, effectiveDateTime: `${day}T08:00:00+08:00`, valueQuantity: { value: 5 + (i % 40) / 10, unit: '%' }, referenceRange: [{ low: { value: 4 }, high: { value: 6 } }], ...((i % 40) / 10 > 1 && { interpretation: [{ coding: [{ code: 'H' }] }] }) })
      if (i % 3 === 0) many.push({ resourceType: 'Encounter', id: `qs-te${i}`, status: 'finished', class: { code: 'AMB' }, type: [{ text: `复诊 ${i}` }], subject, period: { start: `${day}T09:00:00+08:00` } })
    }
    await his.keep(...many)
    await page.reload()
    const event = page.locator('.timeline li.event')
    await page.getByText(/数据截至/).waitFor()
    await page.getByLabel('时间', { exact: true }).selectOption('2023')
    await page.locator('.timeline h3.day', { hasText: '2026-' }).first().waitFor({ state: 'detached' })
    assert.ok((await page.locator('.timeline h3.day').allInnerTexts()).every((t) => t.startsWith('2023')))
    await page.getByLabel('时间', { exact: true }).selectOption('')
    await page.getByLabel('在病历中查找').fill('二甲双胍')
    await event.first().getByText('二甲双胍片 0.5g').waitFor()
    await page.waitForFunction(() => document.querySelectorAll('.timeline li.event').length === 1)
    await page.getByLabel('在病历中查找').fill('查无此项')
    await page.getByText('没有符合条件的记录').waitFor()
    await page.getByRole('button', { name: '清除筛选' }).click()
    await page.getByLabel('只看异常值').check()
    await page.waitForFunction(() => [...document.querySelectorAll('.timeline .values li')].length && [...document.querySelectorAll('.timeline .values li')].every((l) => l.classList.contains('danger')))
    await shot(page, 'timeline_abnormal')
    await page.getByRole('button', { name: '糖化血红蛋白' }).first().click()
    await dialog.locator('svg circle').first().waitFor()
    assert.equal(await dialog.locator('svg circle').count(), 120)
    await dialog.getByText(/参考范围 4-6/).waitFor()
    await shot(page, 'timeline_trend')
    await axe(page, 'a trend')
    await dialog.getByRole('button', { name: '关闭' }).first().click()
    await page.getByLabel('只看异常值').uncheck()
    await page.emulateMedia({ media: 'print' })
    await shot(page, 'timeline_print')
    await page.emulateMedia({ media: null })
    await page.route('**/timeline?**', (r) => r.abort())
    await page.getByLabel('在病历中查找').fill('复诊')
    await page.getByText(/时间线读取失败/).waitFor()
    await shot(page, 'timeline_failed')
    await page.unroute('**/timeline?**')
    await page.getByRole('button', { name: '重试' }).click()
    await event.first().getByText(/复诊/).waitFor()
    page.faults.length = 0 // the line that was cut on purpose
  },
  'who saw my record, on paper': async () => {
    const officer = await signedIn(site, 'audit')
    await officer.ask('GET', `/audit/patients/${ids[1]}`)
    await page.getByRole('link', { name: '打印给患者' }).click()
    await page.getByRole('row', { name: /钱文博[^]*紧急调阅/ }).first().waitFor()
    await page.getByRole('row', { name: /龚慧[^]*核对患者在各机构的登记/ }).waitFor()
    await page.getByRole('row', { name: /方正[^]*检查病历访问情况[^]*隐私监督/ }).waitFor() // nobody had asked him at the desk
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
