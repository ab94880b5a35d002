// An expert falls ill, on the real daemon in real Chromium: the dispatcher sees everything that waits for him, gives each case a way - a substitute, another
// time, back to the desk - and presses one button. A case that moved meanwhile stops the whole; then everybody is told. SHOTS=dir keeps pictures.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { axe, DESKTOP, launch, open, PHONE, run } from './lib.mjs'
import { signedIn } from './person.mjs'
import { signIn, startSite } from './site.mjs'

const site = await startSite()
const browser = await launch()
const shots = process.env.SHOTS
if (shots) mkdirSync(shots, { recursive: true })
const [zhang, li, chen, qian, he] = await Promise.all(['qs.zhang', 'qs.li', 'xy.chen', 'xy.qian', 'xy.he'].map((login) => signedIn(site, login)))
const DAY = 86_400_000
const dayText = (ms) => new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai' }).format(ms)
const at = (clock, days) => Date.parse(`${dayText(Date.now() + days * DAY)}T${clock}:00+08:00`)
const shot = async (page, name) => shots && (await page.screenshot({ path: join(shots, `${name}.png`) }))
const draft = (await zhang.ask('GET', '/cases?view=mine&state=DRAFT')).items[0]
const { form, target, patient } = await zhang.ask('GET', `/cases/${draft.id}`)
const experts = (await chen.ask('GET', `/calendar?org_id=${target.org.id}`)).experts
const idOf = (name) => experts.find((e) => e.person.name === name).person.id

/** A case of the township that an expert has accepted; with a time when `start` is given. */
async function waiting(kind, start, expert = qian, name = '钱文博') {
  const c = await zhang.ask('POST', '/cases', { patient_id: patient.id, kind, scope: 'clinical', urgency: 'routine', target_org_id: target.org.id, target_dept_id: target.dept.id, form })
  await zhang.act(c.id, 'submit')
  await li.act(c.id, 'approve_home')
  await chen.act(c.id, 'triage', { dept_id: target.dept.id })
  await chen.act(c.id, 'assign', { expert_id: idOf(name) })
  await expert.act(c.id, 'accept')
  if (start) await zhang.act(c.id, 'schedule', { start_ms: start, end_ms: start + 1_800_000 })
  return zhang.ask('GET', `/cases/${c.id}`)
}
const first = await waiting('interactive', at('10:00', 1))
const second = await waiting('interactive', at('14:00', 1))
const offline = await waiting('offline')
const page = await open(browser, { base: site.base, shape: { ...DESKTOP, timezoneId: 'Asia/Shanghai' } })
page.setDefaultTimeout(20_000)
await signIn(page, 'xy.chen')
const dialog = page.locator('dialog[open]').last()
const line = (c) => dialog.getByRole('group', { name: c.number })

await run({
  'the dispatcher sees everything that waits for the expert': async () => {
    await page.goto('/calendar')
    await page.getByRole('button', { name: '专家停诊' }).click()
    await dialog.getByLabel(/^专家/).fill('钱文博')
    await dialog.getByRole('option', { name: /钱文博/ }).first().click()
    for (const c of [first, second, offline]) await line(c).waitFor()
    assert.ok((await line(offline).innerText()).includes('未预约时间'))
    assert.ok(await dialog.getByRole('button', { name: '确定并通知' }).isDisabled(), 'a reason is needed')
    await dialog.getByRole('button', { name: '专家因病' }).click()
    await line(first).getByLabel('换专家').check()
    assert.ok(await dialog.getByRole('button', { name: '确定并通知' }).isDisabled(), 'whom?')
    await line(first).locator('select').selectOption({ label: await line(first).locator('option', { hasText: '何振华' }).innerText() })
    await line(second).getByLabel('改期').check()
    await line(second).getByRole('textbox').fill(dayText(Date.now() + 12 * DAY))
    await page.keyboard.press('Tab')
    await line(second).locator('select').selectOption('09:00')
    await axe(page, 'expert falls out')
    await shot(page, 'fall-out')
  },
  'a case that moved meanwhile is named, and nothing was changed': async () => {
    await zhang.act(second.id, 'reschedule', { start_ms: at('15:00', 1), end_ms: at('15:30', 1), reason: '患者下午才能到' })
    await dialog.getByRole('button', { name: '确定并通知' }).click()
    await dialog.getByText('全部未变').waitFor()
    await line(second).getByText('刚才有人更新了此会诊').waitFor()
    await shot(page, 'fall-out-stale')
    await axe(page, 'expert falls out, refused')
    assert.equal((await chen.ask('GET', `/cases/${first.id}`)).state, 'SCHEDULED')
  },
  'once more: each case takes its way, everybody is told, the leave stands': async () => {
    await line(second).locator('span', { hasText: '15:00–15:30' }).waitFor()
    await dialog.getByRole('button', { name: '确定并通知' }).click()
    await page.locator('dialog[open]').first().waitFor({ state: 'detached' })
    const [a, b, c] = await Promise.all([first, second, offline].map((x) => chen.ask('GET', `/cases/${x.id}`)))
    assert.equal(a.state, 'ASSIGNED')
    assert.equal(a.expert.name, '何振华')
    assert.equal(b.state, 'SCHEDULED')
    assert.equal(b.booking.start_ms, at('09:00', 12))
    assert.equal(c.state, 'EXPERT_DECLINED')
    assert.equal(c.expert, null)
    const told = async (p) => (await p.ask('GET', '/notices')).items.map((n) => n.text.zh).join('\n')
    const [ofZhang, ofHe, ofQian] = await Promise.all([told(zhang), told(he), told(qian)])
    for (const [text, parts] of [[ofZhang, [`会诊 ${a.number} 已更换专家`, `会诊 ${b.number} 已改期`, `会诊 ${c.number} 原专家不能参加`]], [ofHe, [a.number]], [ofQian, [`会诊 ${a.number} 已更换专家`, `会诊 ${c.number} 已更换专家`]]]) for (const part of parts) assert.ok(text.includes(part), `${part} in ${text}`)
    await he.act(first.id, 'accept')
    assert.equal((await chen.ask('GET', `/cases/${first.id}`)).booking.start_ms, at('10:00', 1), 'the time was kept for the substitute')
    const { leave } = await chen.ask('GET', `/calendar?org_id=${target.org.id}`)
    assert.ok(leave.some((l) => l.person_id === idOf('钱文博')))
    assert.equal((await zhang.send('GET', `/people/${idOf('钱文博')}/cases`)).status, 403)
  },
  'without a free time a case waits in line; a time that is published is offered at once and taken from the page': async () => {
    const c = await waiting('interactive', 0, he, '何振华')
    const { items } = await he.ask('GET', `/calendar?org_id=${target.org.id}&from_ms=${Date.now()}&to_ms=${Date.now() + 60 * DAY}`)
    for (const i of items.filter((x) => x.person_id === idOf('何振华') && x.state === 'published')) await he.ask('DELETE', `/slots/${i.slot_id}`)
    const clinic = await open(browser, { base: site.base, shape: { ...DESKTOP, timezoneId: 'Asia/Shanghai' } })
    clinic.setDefaultTimeout(20_000)
    await signIn(clinic, 'qs.zhang')
    await clinic.goto(`/cases/${c.id}`)
    await clinic.getByRole('button', { name: '排队候号' }).click()
    await clinic.getByText('正在排队等候 何振华 的号源，目前第 1 位').waitFor()
    await shot(clinic, 'waiting-line')
    await axe(clinic, 'waiting in line')
    const start_ms = at('16:00', 13)
    await he.ask('POST', '/slots', { person_id: idOf('何振华'), start_ms, end_ms: start_ms + 1_800_000 })
    await clinic.getByText(/有候补号源 .*16:00–16:30/).waitFor()
    await shot(clinic, 'waiting-offer')
    await axe(clinic, 'a time is offered')
    assert.ok((await zhang.ask('GET', '/notices')).items.some((n) => n.text.zh.includes(`会诊 ${c.number} 有候补号源`)))
    await clinic.getByRole('button', { name: '接受此时间' }).click()
    await clinic.getByText('已预约').first().waitFor()
    assert.equal((await zhang.ask('GET', `/cases/${c.id}`)).booking.start_ms, start_ms)
    assert.deepEqual(clinic.faults, [])
    await clinic.context().close()
  },
  'on a phone, in English': async () => {
    const phone = await open(browser, { base: site.base, shape: { ...PHONE, timezoneId: 'Asia/Shanghai' }, lang: 'en' })
    await signIn(phone, 'xy.chen')
    await phone.goto('/calendar')
    await phone.getByRole('button', { name: 'Expert unavailable' }).click()
    await phone.locator('dialog[open]').getByLabel(/^Expert/).fill('何振华')
    await phone.getByRole('option', { name: /何振华/ }).first().click()
    await phone.getByText(first.number, { exact: true }).waitFor()
    await axe(phone, 'expert falls out, phone')
    await shot(phone, 'fall-out-phone-en')
    assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1))
    assert.deepEqual(phone.faults, [])
    await phone.context().close()
  },
  'no page threw': async () => assert.deepEqual(page.faults.filter((f) => !/Failed to load|422|409/.test(f)), []),
}).finally(async () => {
  await browser.close()
  await site.stop()
})
