// Time on the real daemon, in real Chromium: times are published, two want the same one and exactly one gets it, a session is dragged to another
// time and to another expert, moved by keyboard alone, lost to somebody else meanwhile; leave and a substitute; meeting rooms; the board's counts;
// the wall with an overdue case, and without its server. SHOTS=dir keeps pictures.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { axe, counted, DESKTOP, launch, open, PHONE, run } from './lib.mjs'
import { signIn, startSite } from './site.mjs'

const site = await startSite()
const browser = await launch()
const shots = process.env.SHOTS
if (shots) mkdirSync(shots, { recursive: true })
const ZONE = { timezoneId: 'Asia/Shanghai' }
const pages = {}
const as = async (login, shape = DESKTOP, lang = 'zh') => {
  const key = `${login} ${shape.viewport.width} ${lang}`
  if (!pages[key]) {
    pages[key] = await open(browser, { base: site.base, shape: { ...shape, ...ZONE }, lang })
    pages[key].setDefaultTimeout(15000)
    await signIn(pages[key], login)
  }
  return pages[key]
}
/** The interface itself, as the signed-in page. */
const call = (page, method, path, body) =>
  page.evaluate(
    async ([m, p, b]) => {
      const { csrf } = await (await fetch('/api/v1/session')).json()
      const r = await fetch(`/api/v1${p}`, { method: m, headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf }, body: b ? JSON.stringify(b) : undefined })
      const text = await r.text()
      return { status: r.status, body: text ? JSON.parse(text) : null }
    },
    [method, path, body],
  )
const done = async (page, method, path, body) => {
  const r = await call(page, method, path, body)
  assert.ok(r.status < 300, `${method} ${path}: ${r.status} ${JSON.stringify(r.body)?.slice(0, 300)}`)
  return r.body
}
const act = async (login, c, event, body = {}) => {
  const page = await as(login)
  const now = await done(page, 'GET', `/cases/${c.id}`)
  return done(page, 'POST', `/cases/${c.id}/acts/${event}`, { version: now.version, ...body })
}
const dayText = (ms) => new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai' }).format(ms)
const DAY = 86_400_000
const tomorrow = dayText(Date.now() + DAY)
const at = (clock, day = tomorrow) => Date.parse(`${day}T${clock}:00+08:00`)
const clock = (ms) => new Intl.DateTimeFormat('zh-CN', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit', hour12: false }).format(ms)
const shot = async (page, name) => shots && (await page.screenshot({ path: join(shots, `${name}.png`) }))
const dialog = (page) => page.locator('dialog[open]').last()
const gone = (page) => page.locator('dialog[open]').first().waitFor({ state: 'detached' })
const block = (page, lane, time) => page.getByRole('group', { name: lane, exact: true }).locator('button', { hasText: time })
const notices = async (login) => (await done(await as(login), 'GET', '/notices')).items.map((n) => n.text.zh)
const eventually = async (what, ask) => {
  let last
  for (let i = 0; i < 60; i++) {
    last = await ask()
    if (last) return last
    await new Promise((r) => setTimeout(r, 150))
  }
  assert.fail(`${what}: ${JSON.stringify(last)}`)
}
let county, neuro, qian, he, A, B, form

/** An interactive case of the township's doctor that the expert has accepted: what is left is the time. */
async function accepted(applicant, head, patient, windows) {
  const page = await as(applicant)
  const made = await done(page, 'POST', '/cases', { patient_id: patient, kind: 'interactive', scope: 'clinical', urgency: 'routine', target_org_id: county, target_dept_id: neuro, form: { ...form, wish: { windows } } })
  await act(applicant, made, 'submit')
  await act(head, made, 'approve_home')
  await act('xy.chen', made, 'triage', { dept_id: neuro })
  await act('xy.chen', made, 'assign', { expert_id: qian })
  return act('xy.qian', made, 'accept')
}
async function pickTime(page, c) {
  await page.goto(`/cases/${c.id}`)
  await page.getByRole('button', { name: '预约时间', exact: true }).click()
  await dialog(page).locator('fieldset label').first().waitFor()
}

await run({
  'two interactive cases wait for their time': async () => {
    const zhang = await as('qs.zhang')
    const orgs = (await done(zhang, 'GET', '/orgs')).items
    county = orgs.find((o) => o.name === '云岭县人民医院').id
    neuro = orgs.find((o) => o.parent_id === county && o.name === '神经内科').id
    const people = (await done(await as('xy.chen'), 'GET', `/calendar?org_id=${county}`)).experts
    qian = people.find((e) => e.person.name === '钱文博').person.id
    he = people.find((e) => e.person.name === '何振华').person.id
    const draft = (await done(zhang, 'GET', '/cases?view=mine&state=DRAFT')).items[0]
    form = (await done(zhang, 'GET', `/cases/${draft.id}`)).form
    A = await accepted('qs.zhang', 'qs.li', draft.patient.id, [{ start_ms: at('10:30'), end_ms: at('12:00') }])
    const sun = await as('bh.sun')
    const patient = (await done(sun, 'GET', '/patients?q=%E7%8E%8B%E5%90%91%E5%86%9B')).items[0]
    B = await accepted('bh.sun', 'bh.ma', patient.id, [])
    assert.equal(A.state, 'ACCEPTED')
    assert.equal(B.state, 'ACCEPTED')
  },
  'the expert publishes times, one and a weekly row, and an open calendar shows them': async () => {
    const chen = await as('xy.chen')
    await chen.goto(`/calendar?day=${tomorrow}`)
    await block(chen, '钱文博', '09:00').waitFor()
    assert.equal(await block(chen, '钱文博', '11:00').count(), 0)
    const page = await as('xy.qian')
    await page.goto('/slots')
    await page.getByRole('button', { name: '发布号源' }).click()
    await dialog(page).getByRole('textbox', { name: /^开始/ }).fill(tomorrow)
    await dialog(page).getByRole('combobox', { name: /^开始 选择时间/ }).selectOption('11:00')
    await dialog(page).getByLabel('共 4 周').check()
    await shot(page, 'publish')
    await axe(page, 'publish')
    await dialog(page).getByRole('button', { name: '发布', exact: true }).click()
    await gone(page)
    await block(chen, '钱文博', '11:00').waitFor() // pushed
    const items = (await done(chen, 'GET', `/calendar?org_id=${county}&from_ms=${at('00:00')}&to_ms=${at('00:00') + 30 * DAY}`)).items.filter((i) => i.person_id === qian && clock(i.start_ms) === '11:00')
    assert.equal(items.length, 4)
    // the same time again: refused in words
    await page.getByRole('button', { name: '发布号源' }).click()
    await dialog(page).getByRole('textbox', { name: /^开始/ }).fill(tomorrow)
    await dialog(page).getByRole('combobox', { name: /^开始 选择时间/ }).selectOption('11:00')
    await dialog(page).getByRole('button', { name: '发布', exact: true }).click()
    await dialog(page).getByText('该时段与已有时段重叠').waitFor()
    await page.keyboard.press('Escape')
    // and withdrawn: the last of the four
    const last = items.at(-1)
    const name = `撤回号源 ${dayText(last.start_ms)} 11:00`
    await page.getByRole('button', { name }).click()
    await page.getByRole('button', { name }).waitFor({ state: 'detached' })
  },
  'two want the same time: one keeps it, the other is told and offered the next ones': async () => {
    const zhang = await as('qs.zhang')
    const sun = await as('bh.sun')
    await Promise.all([pickTime(zhang, A), pickTime(sun, B)])
    await dialog(zhang).getByText('患者方希望').first().waitFor()
    const eleven = (page) => dialog(page).locator('fieldset .day').first().locator('label', { hasText: '11:00' })
    assert.match((await eleven(zhang).textContent()) ?? '', /★/, 'the wished time is marked')
    await Promise.all([eleven(zhang).click(), eleven(sun).click()])
    const kept = (page) => dialog(page).getByText('已为您保留').isVisible()
    const refused = (page) => dialog(page).getByText('该时段刚刚被别人约走').isVisible()
    await eventually('one keeps, one is refused', async () => (await kept(zhang)) !== (await kept(sun)) && (await refused(zhang)) !== (await refused(sun)))
    const [winner, loser] = (await kept(zhang)) ? [zhang, sun] : [sun, zhang]
    assert.match((await dialog(winner).getByRole('timer').textContent()) ?? '', /0[012]:\d\d/)
    await shot(winner, 'booking-kept')
    await shot(loser, 'booking-taken')
    await axe(loser, 'the booking dialog')
    assert.equal(await dialog(loser).getByRole('button', { name: '预约时间', exact: true }).isEnabled(), false)
    await dialog(winner).getByLabel('会诊室').selectOption({ label: '县医院会诊室一 · 云岭县人民医院' })
    await dialog(winner).getByRole('button', { name: '预约时间', exact: true }).click()
    await gone(winner)
    // the loser takes one of the offered times
    await dialog(loser).locator('.y-banner').getByRole('button').first().click()
    await dialog(loser).getByText('已为您保留').waitFor()
    await dialog(loser).getByRole('button', { name: '预约时间', exact: true }).click()
    await gone(loser)
    const [a, b] = await Promise.all([done(zhang, 'GET', `/cases/${A.id}`), done(sun, 'GET', `/cases/${B.id}`)])
    assert.equal(a.state, 'SCHEDULED')
    assert.equal(b.state, 'SCHEDULED')
    assert.notEqual(a.booking.start_ms, b.booking.start_ms)
    assert.equal([a, b].filter((c) => c.booking.start_ms === at('11:00')).length, 1)
    // the one at eleven goes on as A, whoever of the two won
    if (b.booking.start_ms === at('11:00')) [A, B] = [B, A]
  },
  'a hold is given back when the dialog closes': async () => {
    const page = await as('xy.chen')
    const slot = (await done(page, 'GET', `/calendar?org_id=${county}&from_ms=${at('00:00') + DAY}&to_ms=${at('00:00') + 2 * DAY}`)).items.find((i) => i.person_id === he && i.state === 'published')
    await done(page, 'POST', `/slots/${slot.slot_id}/hold`)
    const sun = await as('bh.sun')
    assert.equal((await call(sun, 'POST', `/slots/${slot.slot_id}/hold`)).body.error.reason, 'slot_taken')
    await done(page, 'DELETE', `/slots/${slot.slot_id}/hold`)
    await done(sun, 'POST', `/slots/${slot.slot_id}/hold`)
    await done(sun, 'DELETE', `/slots/${slot.slot_id}/hold`)
  },
  'dragged to another time: the reason is asked for, both sides are told': async () => {
    const chen = await as('xy.chen')
    await chen.goto(`/calendar?day=${tomorrow}`)
    const from = await block(chen, '钱文博', '11:00').boundingBox()
    const hour = (await block(chen, '钱文博', '10:00').count()) ? from.x - (await block(chen, '钱文博', '10:00').boundingBox()).x : 97
    await shot(chen, 'day-booked')
    await axe(chen, 'the calendar with sessions')
    await chen.mouse.move(from.x + 10, from.y + 10)
    await chen.mouse.down()
    await chen.mouse.move(from.x + 60, from.y + 12, { steps: 4 })
    await chen.mouse.move(from.x + 10 + 2 * hour, from.y + 12, { steps: 8 })
    await chen.getByText(/目标：钱文博 .* 13:00–13:30/).waitFor()
    await shot(chen, 'dragging')
    await chen.mouse.up()
    const confirm = dialog(chen).getByRole('button', { name: '改期', exact: true })
    assert.equal(await confirm.isEnabled(), false, 'no reason, no change')
    await dialog(chen).getByRole('button', { name: '专家临时手术' }).click()
    await shot(chen, 'move-dialog')
    await axe(chen, 'the move dialog')
    await confirm.click()
    await gone(chen)
    await block(chen, '钱文博', '13:00').waitFor()
    const c = await done(chen, 'GET', `/cases/${A.id}`)
    assert.equal(c.booking.start_ms, at('13:00'))
    assert.equal(c.booking.meeting_room.name, '县医院会诊室一')
    assert.match(c.timeline.at(-1).reason, /手术/)
    const who = A.applicant.name === '张晓梅' ? 'qs.zhang' : 'bh.sun'
    for (const login of [who, 'xy.qian']) assert.ok((await notices(login)).some((t) => t.includes(A.number) && t.includes('已改期')), `${login} was told`)
    // what was published at eleven is free again
    await counted(block(chen, '钱文博', '11:00').filter({ hasText: '空闲' }), 1)
  },
  'dropped on a taken time it is refused in words': async () => {
    const chen = await as('xy.chen')
    const b = await done(chen, 'GET', `/cases/${B.id}`)
    await chen.goto(`/calendar?day=${dayText(b.booking.start_ms)}`)
    if (dayText(b.booking.start_ms) !== tomorrow) return
    const from = await block(chen, '钱文博', '13:00').boundingBox()
    const to = await block(chen, '钱文博', clock(b.booking.start_ms)).filter({ hasText: '已约' }).boundingBox()
    await chen.mouse.move(from.x + 10, from.y + 10)
    await chen.mouse.down()
    await chen.mouse.move(to.x + 12, to.y + 12, { steps: 10 })
    await chen.getByText(/不能放在这里：与另一场会诊冲突/).first().waitFor()
    await chen.keyboard.press('Escape')
    await chen.mouse.up()
    assert.equal(await chen.locator('dialog[open]').count(), 0)
  },
  'by keyboard alone: M, arrow keys, Enter': async () => {
    const chen = await as('xy.chen')
    await chen.goto(`/calendar?day=${tomorrow}`)
    await block(chen, '钱文博', '13:00').focus()
    await chen.keyboard.press('m')
    await chen.getByText(/正在移动/).waitFor()
    for (let i = 0; i < 4; i++) await chen.keyboard.press('ArrowRight')
    await chen.getByText(/目标：钱文博 .* 14:00–14:30/).waitFor()
    await shot(chen, 'keyboard-move')
    await axe(chen, 'moving by keyboard')
    await chen.keyboard.press('Enter')
    await dialog(chen).getByLabel(/原因/).first().fill('患者方要求')
    await dialog(chen).getByLabel(/原因/).first().press('Tab')
    await dialog(chen).getByRole('button', { name: '改期', exact: true }).focus()
    await chen.keyboard.press('Enter')
    await gone(chen)
    await block(chen, '钱文博', '14:00').waitFor()
    assert.equal((await done(chen, 'GET', `/cases/${A.id}`)).booking.start_ms, at('14:00'))
  },
  'into another expert\'s lane: he is asked, his time is kept, and stands when he accepts': async () => {
    const chen = await as('xy.chen')
    const from = await block(chen, '钱文博', '14:00').boundingBox()
    const lane = await chen.locator(`[data-track="p:${he}"]`).boundingBox()
    await chen.mouse.move(from.x + 10, from.y + 10)
    await chen.mouse.down()
    await chen.mouse.move(from.x + 12, lane.y + 15, { steps: 8 })
    await chen.getByText(/目标：何振华 .* 14:00–14:30/).waitFor()
    await chen.mouse.up()
    await dialog(chen).getByText('新专家须先接受').waitFor()
    await dialog(chen).getByRole('button', { name: '时间冲突' }).click()
    await dialog(chen).getByRole('button', { name: '换专家', exact: true }).click()
    await gone(chen)
    await block(chen, '何振华', '14:00').waitFor()
    assert.equal((await done(chen, 'GET', `/cases/${A.id}`)).state, 'ASSIGNED')
    assert.ok((await notices('xy.qian')).some((t) => t.includes(A.number) && t.includes('已更换专家')), 'the former expert was told')
    const c = await act('xy.he', A, 'accept')
    assert.equal(c.state, 'SCHEDULED')
    assert.equal(c.booking.start_ms, at('14:00'))
    assert.equal(c.expert.id, he)
  },
  'somebody else was quicker: the dialog says so and changes nothing': async () => {
    const chen = await as('xy.chen')
    const b = await done(chen, 'GET', `/cases/${B.id}`)
    await chen.goto(`/calendar?day=${dayText(b.booking.start_ms)}`)
    await block(chen, '钱文博', clock(b.booking.start_ms)).filter({ hasText: '已约' }).click()
    await dialog(chen).getByRole('button', { name: /改期/ }).click()
    await dialog(chen).getByRole('combobox', { name: /^开始 选择时间/ }).selectOption('17:00')
    await dialog(chen).getByLabel(/原因/).first().fill('时间冲突')
    const other = B.applicant.name === '张晓梅' ? 'qs.zhang' : 'bh.sun'
    await act(other, B, 'reschedule', { person_id: qian, start_ms: at('16:00'), end_ms: at('16:30'), reason: '家属要求' })
    await dialog(chen).getByRole('button', { name: '改期', exact: true }).click()
    await dialog(chen).getByText('刚被别人改动').waitFor()
    await shot(chen, 'somebody-was-quicker')
    assert.equal((await done(chen, 'GET', `/cases/${B.id}`)).booking.start_ms, at('16:00'))
    await chen.keyboard.press('Escape')
  },
  'a published time is moved by drag and taken back': async () => {
    const chen = await as('xy.chen')
    await chen.goto(`/calendar?day=${tomorrow}`)
    const from = await block(chen, '何振华', '09:00').boundingBox()
    const hour = (await block(chen, '何振华', '10:00').boundingBox()).x - from.x
    await chen.mouse.move(from.x + 8, from.y + 8)
    await chen.mouse.down()
    await chen.mouse.move(from.x + 8 + 3 * hour, from.y + 8, { steps: 8 })
    await chen.mouse.up()
    await block(chen, '何振华', '12:00').waitFor()
    await chen.getByRole('button', { name: '撤销' }).click()
    await block(chen, '何振华', '09:00').waitFor()
  },
  'meeting rooms are added, equipped and taken out of use by who keeps them': async () => {
    const chen = await as('xy.chen')
    await chen.getByRole('button', { name: '管理会诊室' }).click()
    await dialog(chen).getByRole('button', { name: '添加会诊室' }).click()
    await dialog(chen).getByLabel('名称').fill('县医院会诊室三')
    await dialog(chen).getByLabel('设备').fill('双屏、高拍仪')
    await dialog(chen).getByRole('button', { name: '添加会诊室' }).click()
    await dialog(chen).getByText('双屏、高拍仪').waitFor()
    await shot(chen, 'rooms')
    await axe(chen, 'meeting rooms')
    await dialog(chen).getByRole('button', { name: '停用 县医院会诊室三' }).click()
    await dialog(chen).getByText('已停用').waitFor()
    await chen.keyboard.press('Escape')
    await gone(chen)
    assert.equal(await chen.getByRole('group', { name: '县医院会诊室三', exact: true }).count(), 0)
    const page = await as('xy.qian')
    await page.goto('/calendar')
    await page.getByRole('heading', { name: '会诊日历' }).waitFor()
    assert.equal(await page.getByRole('button', { name: '管理会诊室' }).count(), 0, 'an expert keeps no rooms')
    assert.equal((await call(page, 'POST', '/meeting_rooms', { name: 'x' })).status, 403)
  },
  'leave in two taps; the session in it is a conflict; a substitute in two more': async () => {
    const page = await as('xy.qian')
    await page.goto('/slots')
    await page.getByRole('link', { name: new RegExp(B.number) }).waitFor()
    await page.getByRole('button', { name: '请假' }).click()
    await dialog(page).getByRole('button', { name: '明天全天' }).click()
    await gone(page)
    await page.getByText('休假期间有 1 场会诊').waitFor()
    await shot(page, 'leave')
    await axe(page, 'leave')
    const chen = await as('xy.chen')
    await chen.goto(`/calendar?day=${tomorrow}`)
    await chen.locator('.y-banner', { hasText: '冲突' }).filter({ hasText: B.number }).waitFor()
    await shot(chen, 'conflict')
    assert.equal(await block(chen, '钱文博', '09:00').count(), 0, 'free times in the leave are gone')
    await page.getByRole('button', { name: `换人代诊 ${B.number}` }).click()
    await dialog(page).getByRole('button', { name: /何振华/ }).click()
    await gone(page)
    const b = await done(chen, 'GET', `/cases/${B.id}`)
    assert.equal(b.state, 'ASSIGNED')
    assert.equal(b.booking.start_ms, at('16:00'))
    assert.equal((await act('xy.he', B, 'accept')).state, 'SCHEDULED')
    assert.equal((await call(page, 'POST', '/roster', { org_id: county, person_id: he, start_ms: at('00:00'), end_ms: at('12:00'), kind: 'leave' })).status, 403, 'nobody sends others on leave')
  },
  'the board: counts are those of the list, filters are in the address, acts are at hand': async () => {
    const chen = await as('xy.chen')
    await chen.goto('/cases')
    await chen.locator('tbody tr').first().waitFor()
    const board = await done(chen, 'GET', '/board')
    assert.equal((await done(chen, 'GET', '/cases?view=all&limit=200')).items.length, board.total)
    const tile = chen.getByRole('group', { name: '按状态' }).getByRole('button', { name: /已预约/ })
    const count = Number((await tile.locator('b').textContent()) ?? '')
    assert.equal(count, board.states.find((s) => s.state === 'SCHEDULED').count)
    await tile.click()
    await chen.waitForURL(/state=SCHEDULED/)
    await eventually('as many lines as the tile says', async () => (await chen.locator('tbody tr').count()) === count)
    await chen.reload()
    await eventually('the filter survives a reload', async () => (await chen.locator('tbody tr').count()) === count)
    await chen.getByRole('button', { name: '清除筛选' }).click()
    await chen.getByLabel('会诊编号').fill(B.number)
    await chen.waitForURL(new RegExp(`q=${B.number}`))
    await eventually('found by number', async () => (await chen.locator('tbody tr').count()) === 1)
    await chen.getByRole('button', { name: `处理 ${B.number}` }).click()
    const offered = await eventually('acts', async () => (await dialog(chen).locator('.body button').allInnerTexts()).length > 1 && dialog(chen).locator('.body button').allInnerTexts())
    for (const wanted of ['换人代诊', '改期', '取消会诊']) assert.ok(offered.some((t) => t.trim() === wanted), `${wanted} in ${offered}`)
    await shot(chen, 'board-acts')
    await chen.keyboard.press('Escape')
    // a duplicate: merged from the board
    const zhang = await as('qs.zhang')
    const first = (await done(zhang, 'GET', '/cases?view=mine&state=APPROVED_HOME')).items[0]
    const again = await done(zhang, 'POST', '/cases', { patient_id: first.patient.id, kind: 'offline', scope: 'clinical', urgency: 'routine', target_org_id: county, target_dept_id: neuro, form })
    await act('qs.zhang', again, 'submit')
    const sent = await act('qs.li', again, 'approve_home')
    await chen.goto(`/cases?q=${sent.number}`)
    await chen.getByRole('button', { name: `处理 ${sent.number}` }).click()
    for (const name of ['分诊', '转派其他机构', '并入他案', '取消会诊']) await dialog(chen).getByRole('button', { name, exact: true }).waitFor()
    await dialog(chen).getByRole('button', { name: '并入他案', exact: true }).click()
    await dialog(chen).getByLabel('并入哪一会诊').selectOption({ label: `${first.number} · 云岭县人民医院` })
    await dialog(chen).getByLabel('原因').fill('重复申请')
    await dialog(chen).getByRole('button', { name: '并入他案', exact: true }).click()
    await gone(chen)
    assert.equal((await done(chen, 'GET', `/cases/${again.id}`)).merged_into, first.id)
  },
  'the wall shows what is overdue, with its holder and without patients': async () => {
    const admin = await as('admin')
    await done(admin, 'PUT', '/policies/deadline.triage.urgent', { value: '0min' })
    const chen = await as('xy.chen')
    await chen.goto('/wall')
    await chen.getByText('进行中').waitFor()
    const zhang = await as('qs.zhang')
    const patients = [...(await done(chen, 'GET', '/cases?view=all')).items, ...(await done(zhang, 'GET', '/cases?view=mine')).items].map((c) => c.patient)
    const c = (await done(zhang, 'GET', '/cases?view=mine&state=SUBMITTED')).items[0]
    await act('qs.li', c, 'approve_home') // it is urgent: to be triaged at once, so late at once
    const line = chen.locator('tr', { hasText: c.number })
    await line.waitFor() // pushed, without a reload
    await eventually('late', async () => ((await line.getAttribute('class')) ?? '').includes('late'))
    assert.match((await line.textContent()) ?? '', /已超.*云岭县人民医院/)
    assert.ok((await chen.locator('tbody tr').first().textContent())?.includes(c.number), 'overdue first')
    const text = await chen.locator('main').innerText()
    for (const p of patients) assert.ok(!text.includes(p.name), p.name)
    assert.ok(patients.length > 3)
    const wall = await done(chen, 'GET', '/board/wall')
    const board = await done(chen, 'GET', '/board')
    assert.deepEqual([wall.total, wall.overdue, wall.states], [board.total, board.overdue, board.states])
    assert.ok(!JSON.stringify(wall).includes('patient'))
    await shot(chen, 'wall')
    await axe(chen, 'the wall')
    await site.end('SIGKILL')
    await chen.getByText('与服务器的连接已断开').waitFor()
    assert.ok(await line.isVisible(), 'the last numbers stay')
    await shot(chen, 'wall-lost')
    await axe(chen, 'the wall without its server')
    await site.start()
    await chen.getByText('与服务器的连接已断开').waitFor({ state: 'detached', timeout: 60000 })
  },
  'every page, both sizes and languages': async () => {
    for (const [login, paths] of [['xy.chen', [`/calendar?day=${tomorrow}`, `/calendar?view=week&day=${tomorrow}`, `/calendar?day=${tomorrow}&free=1`, '/cases?view=all', '/wall']], ['xy.he', ['/slots', `/calendar?day=${tomorrow}`]]])
      for (const [size, shape] of [['desktop', DESKTOP], ['phone', PHONE]])
        for (const lang of ['zh', 'en']) {
          const page = await as(login, shape, lang)
          for (const path of paths) {
            await page.goto(path)
            await page.locator('h1').first().waitFor()
            await page.waitForLoadState('networkidle').catch(() => {})
            await page.locator('.y-spinner').first().waitFor({ state: 'detached' }).catch(() => {})
            await shot(page, `${path.replace(/\W+/g, '_')}_${login}_${size}_${lang}`)
            await axe(page, `${path} ${size} ${lang}`)
            assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1), `${path} ${size} ${lang} is wider than the screen`)
          }
        }
  },
  'no page threw': async () => {
    for (const [who, page] of Object.entries(pages)) assert.deepEqual(page.faults.filter((f) => !/WebSocket|ERR_CONNECTION|Failed to load|status of 409|status of 422/.test(f)), [], who)
  },
}).finally(async () => {
  await browser.close()
  await site.stop()
})
