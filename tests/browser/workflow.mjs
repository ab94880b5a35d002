// What a consultation needs besides its straight way (consultation.mjs), on the real daemon in real Chromium: the township doctor's own page from a
// new patient to a sent application, uploads that are cut, the phone, a team with its chair, the second factor, a duplicate, an emergency, paper.
// SHOTS=dir keeps pictures and the printed sheets.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, createHmac } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { axe, counted, DESKTOP, launch, open, PHONE, ROOT, run } from './lib.mjs'
import { signedIn } from './person.mjs'
import { PASSWORD, signIn, startSite } from './site.mjs'

const site = await startSite()
const browser = await launch()
const shots = process.env.SHOTS
if (shots) mkdirSync(shots, { recursive: true })
const DEMO = join(ROOT, 'config/demo/documents')
const [zhang, li, chen, qian, he, xu] = await Promise.all(['qs.zhang', 'qs.li', 'xy.chen', 'xy.qian', 'xy.he', 'xy.xu'].map((login) => signedIn(site, login)))
const pages = {}

async function as(login) {
  if (pages[login]) return pages[login]
  const page = (pages[login] = await open(browser, { base: site.base }))
  page.setDefaultTimeout(20_000)
  await signIn(page, login)
  return page
}
async function shot(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`) })
}
const button = (scope, name) => scope.getByRole('button', { name, exact: true })
const dialogOf = (page) => page.locator('dialog[open]').last()
const closed = (page) => page.locator('dialog[open]').first().waitFor({ state: 'detached' })
/** Presses an act of the case page, fills its dialog and presses the button of the same name there. */
async function act(page, name, fill = async () => {}) {
  await button(page, name).first().click()
  const dialog = dialogOf(page)
  await fill(dialog)
  await button(dialog, name).last().click()
  await closed(page)
}
async function pick(scope, label, typed, option) {
  const box = label instanceof RegExp || typeof label === 'string' ? scope.getByLabel(label) : label
  await box.fill(typed)
  await scope.getByRole('option', { name: option }).first().click()
}
const checkDigit = (d17) => '10X98765432'[[...d17].reduce((sum, d, i) => sum + d * [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2][i], 0) % 11]
/** RFC 6238 code of a base32 secret, `steps` half minutes from now. */
function totp(secret, steps = 0) {
  let bits = ''
  for (const c of secret.replace(/\s/g, '')) bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))
  const at = Buffer.alloc(8)
  at.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps))
  const mac = createHmac('sha1', key).update(at).digest()
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}
const demoDraft = await (async () => {
  const { items } = await zhang.ask('GET', '/cases?view=mine&kind=interactive')
  return zhang.ask('GET', `/cases/${items.find((c) => c.state === 'DRAFT').id}`)
})()
/** A complete application of qs.zhang for the patient of the demo's draft, still a draft. */
async function application(more = {}) {
  const { patient, target, form } = demoDraft
  return zhang.ask('POST', '/cases', { patient_id: patient.id, kind: 'offline', scope: 'clinical', urgency: 'routine', target_org_id: target.org.id, target_dept_id: target.dept.id, form, ...more })
}
async function sent(more) {
  const made = await application(more)
  await zhang.act(made.id, 'submit')
  await li.act(made.id, 'approve_home')
  return made.id
}
const OPINION = {
  findings: '\u7b26\u5408\u5de6\u4fa7\u5927\u8111\u4e2d\u52a8\u8109\u4f9b\u8840\u533a\u7f3a\u8840\u6027\u5352\u4e2d\u3002', diagnoses: [{ code: 'I63.9', text: '\u8111\u6897\u6b7b', main: true, certainty: 'certain', versus: 'agreed' }],
  answers: [{ n: 1, text: '\u5df2\u8d85\u65f6\u95f4\u7a97\uff0c\u4e0d\u6eb6\u6813\u3002' }, { n: 2, text: '\u53ef\u7559\u5728\u672c\u9662\u6cbb\u7597\u3002' }],
  recommendations: [{ n: 1, type: 'drug', text: '\u963f\u53f8\u5339\u6797\u8054\u5408\u6c2f\u5421\u683c\u96f721\u5929\u3002', urgency: 'today' }], transfer: { advised: false }, follow_up_days: 7,
}
/** A sheet as the browser prints it: its text, and pictures of its pages when SHOTS is set. */
async function paper(login, caseId, what, name) {
  const page = await as(login)
  await page.goto(`/print/${caseId}/${what}`)
  await page.locator('article').waitFor()
  await page.waitForFunction(() => [...document.images].every((i) => i.complete && i.naturalWidth))
  const file = join(shots ?? site.dir, `${name}.pdf`)
  const pdf = await page.pdf({ preferCSSPageSize: true })
  writeFileSync(file, pdf)
  if (shots) execFileSync('pdftoppm', ['-png', '-r', '70', file, join(shots, name)])
  assert.match(pdf.toString('latin1'), /MediaBox \[0 0 59[45][.\d]* 84[12][.\d]*\]/, 'A4')
  const text = execFileSync('pdftotext', ['-layout', file, '-'], { encoding: 'utf8' })
  const sheets = text.split('\f').filter((s) => s.trim())
  sheets.forEach((s, i) => assert.match(s, new RegExp(`${i + 1} ?/ ?${sheets.length}\\s*$`), `page ${i + 1} of ${name}`))
  return { text, sheets: sheets.length }
}
const has = (text, ...words) => words.forEach((w) => assert.ok(text.includes(w), `the sheet says ${w}:\n${text.slice(0, 400)}`))

let mine // the case written in the page
let team // the team's case
let secret // of xy.he's authenticator
let used // the code it was enrolled with

await run({
  'a new patient by identity number: a wrong check digit is named, the right one fills in sex and birthday': async () => {
    const page = await as('qs.zhang')
    await page.goto('/cases/new')
    await button(page, '新建患者').click()
    const dialog = dialogOf(page)
    const d17 = '99011219700101' + '123'
    const good = d17 + checkDigit(d17)
    await dialog.getByLabel('证件号码').fill(d17 + (good.at(-1) === '0' ? '1' : '0'))
    await dialog.getByText('校验位不正确').waitFor()
    await dialog.getByLabel('姓名', { exact: false }).first().fill('林春生')
    assert.ok(await button(dialog, '建档').isDisabled())
    await axe(page, 'new patient, wrong number')
    await shot(page, 'patient-wrong')
    await dialog.getByLabel('证件号码').fill(good)
    await dialog.getByText('号码有效').waitFor()
    assert.ok(await dialog.getByLabel('男', { exact: true }).isChecked())
    await button(dialog, '建档').click()
    await closed(page)
    await page.getByText(/林春生 男/).waitFor()
    assert.ok(!(await page.content()).includes(good), 'the number is shown masked')
  },
  'a new case: what is missing is listed and shrinks while she writes': async () => {
    const page = await as('qs.zhang')
    await pick(page, '受邀机构', '云岭', /云岭县人民医院/)
    await pick(page, '受邀科室', '神经', /神经内科/)
    await axe(page, 'new case')
    await shot(page, 'case-new')
    await button(page, '开始填写').click()
    await page.waitForURL(/\/cases\/[0-9a-f]{16}\/edit$/)
    mine = page.url().match(/[0-9a-f]{16}/)[0]
    const missing = page.locator('aside').getByRole('link', { name: '主诉', exact: true })
    await missing.waitFor()
    assert.ok(await button(page, '提交申请').isDisabled())
    await missing.click()
    await page.waitForFunction(() => document.activeElement?.closest('[id="f-history-chief_complaint"]'))
    await page.keyboard.type('反复胸闷气短3天')
    await missing.waitFor({ state: 'detached' })
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => document.activeElement?.closest('[id="f-history-present_illness"]'))
    // The counter counts what sending requires and nothing else; the list names each of them.
    const { completeness } = await zhang.ask('GET', `/cases/${mine}`)
    const must = completeness.missing.filter((x) => x.mandatory)
    assert.ok(must.length < completeness.missing.length, 'something optional is missing too')
    await page.locator('aside').getByRole('status').getByText(`还缺 ${must.length} 项必填`).waitFor()
    for (const x of must) await counted(page.locator('aside nav').getByRole('link', { name: x.label.zh, exact: true }), 1, x.label.zh)
    await counted(page.locator('aside nav').getByRole('link', { name: '个人史' }), 0, 'what may stay empty is not asked for')
    // Optional groups are folded; the whole page is a few screens, and the list stays in sight at its end.
    assert.equal(await page.locator('#f-history-personal').isVisible(), false)
    assert.ok(await page.evaluate(() => document.documentElement.scrollHeight) < 4200)
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight))
    const outline = await page.locator('aside .outline').boundingBox()
    assert.ok(outline.y >= 48 && outline.y < 200, `the list at ${outline.y}`)
    await page.locator('aside').getByRole('button', { name: '下一项' }).click()
    await page.waitForFunction(() => document.activeElement?.closest('[id="f-questions"]'))
    const [pressure, pulse] = await Promise.all(['systolic_mmhg', 'pulse_bpm'].map((f) => page.locator(`#f-vitals-${f}`).boundingBox()))
    assert.equal(pressure.y, pulse.y, 'short fields stand side by side')
    await axe(page, 'application')
    await shot(page, 'edit')
  },
  'urgency and whom it asks are changed in the draft: the department goes with its institution, what was typed stays': async () => {
    const page = await as('qs.zhang')
    const head = page.locator('section.head')
    const place = async (urgency, typed, org, dept) => {
      await button(head, '修改紧急程度、类型和受邀方').click()
      const dialog = dialogOf(page)
      await dialog.getByLabel(urgency, { exact: true }).check()
      await pick(dialog, '受邀机构', typed, org)
      assert.equal(await dialog.getByLabel('受邀科室').inputValue(), '', 'a department of the other institution')
      if (dept) await pick(dialog, '受邀科室', dept, new RegExp(dept))
      return dialog
    }
    const dialog = await place('紧急', '南江', /南江市第一医院/)
    await axe(page, 'urgency and target')
    await shot(page, 'head')
    await button(dialog, '保存').click()
    await closed(page)
    await head.getByText('南江市第一医院', { exact: true }).waitFor()
    await page.locator('h1').getByText('紧急', { exact: true }).waitFor()
    const now = await zhang.ask('GET', `/cases/${mine}`)
    assert.deepEqual([now.urgency, now.target.org.name, now.target.dept, now.form.history.chief_complaint], ['urgent', '南江市第一医院', null, '反复胸闷气短3天'])
    // Somebody else's change is not overwritten unseen.
    await zhang.ask('PATCH', `/cases/${mine}`, { version: now.version, urgency: 'emergency' })
    await button(await place('常规', '云岭', /云岭县人民医院/), '保存').click()
    await closed(page)
    await page.getByText('此申请已在别处被修改').first().waitFor()
    await button(page, '载入最新内容').click()
    await page.locator('h1').getByText('特急', { exact: true }).waitFor()
    await button(await place('常规', '云岭', /云岭县人民医院/, '神经内科'), '保存').click()
    await closed(page)
    await head.getByText('云岭县人民医院 神经内科').waitFor()
    await page.locator('h1').getByText('常规', { exact: true }).waitFor()
  },
  'its type is changed in the draft: the form asks what the new type asks, what it does not ask is kept and hidden': async () => {
    const page = await as('qs.zhang')
    const head = page.locator('section.head')
    const type = async (scope, template) => {
      await button(head, '修改紧急程度、类型和受邀方').click()
      const dialog = dialogOf(page)
      await dialog.getByLabel(scope, { exact: true }).check()
      if (template) await dialog.getByLabel('专科模板').selectOption({ label: template })
      await dialog.getByText('已填写的内容都会保留').waitFor()
      await shot(page, `type ${template ?? scope}`)
      await button(dialog, '保存').click()
      await closed(page)
    }
    assert.equal(await page.locator('#f-template-nihss').count(), 0)
    await type('专科会诊', '卒中')
    await page.locator('#f-template-nihss input').fill('4')
    await page.locator('.page-head [role=status]').getByText(/已保存/).waitFor()
    await type('临床会诊')
    await page.locator('#f-template-nihss').waitFor({ state: 'detached' })
    await head.getByText('临床会诊').waitFor()
    await type('专科会诊', '卒中')
    assert.equal(await page.locator('#f-template-nihss input').inputValue(), '4')
    await type('临床会诊')
    await page.locator('#f-template-nihss').waitFor({ state: 'detached' })
    const now = await zhang.ask('GET', `/cases/${mine}`)
    assert.deepEqual([now.scope, now.template || null, now.target.dept.name, now.form.history.chief_complaint], ['clinical', null, '神经内科', '反复胸闷气短3天'])
  },
  'what is written is there after a reload; without a network it waits on the device': async () => {
    const page = await as('qs.zhang')
    const status = page.locator('.page-head [role=status]')
    await page.getByLabel(/^现病史/).fill('3天前受凉后出现胸闷，活动后加重。')
    await status.getByText(/已保存/).waitFor()
    await page.context().setOffline(true)
    await page.getByLabel(/^既往史/).fill('高血压5年。')
    await status.getByText(/已存在本机/).waitFor()
    await shot(page, 'edit-offline')
    await page.context().setOffline(false)
    await page.waitForFunction(() => /已保存/.test(document.querySelector('.page-head [role=status]').textContent))
    await page.reload()
    await page.getByLabel(/^既往史/).waitFor()
    assert.equal(await page.getByLabel(/^现病史/).inputValue(), '3天前受凉后出现胸闷，活动后加重。')
    assert.equal(await page.getByLabel(/^既往史/).inputValue(), '高血压5年。')
    assert.equal((await zhang.ask('GET', `/cases/${mine}`)).form.history.past, '高血压5年。')
  },
  'an upload survives a lost answer, a lost request, a pause and a reload; no piece is sent twice': async () => {
    const page = await as('qs.zhang')
    const file = join(site.dir, 'ct-scan.jpg') // a real picture made long: what follows its end is not looked at
    const bytes = Buffer.concat([readFileSync(join(DEMO, 'chest-film.jpg')), Buffer.alloc(5 << 20, 7)])
    writeFileSync(file, bytes)
    const taken = [] // pieces the server took
    let piece = 0
    let held
    const reached = new Promise((done) => (held = done))
    await page.route('**/api/v1/uploads/*', async (route) => {
      const request = route.request()
      if (request.method() !== 'PATCH') return route.continue()
      piece++
      if (piece === 3) return route.abort('internetdisconnected') // the request is lost
      if (piece === 5) return held(route) // hangs until the person pauses
      const answer = await route.fetch()
      if (answer.ok()) taken.push([Number(request.headers()['upload-offset']), Number(answer.headers()['upload-offset'])])
      return piece === 2 ? route.abort('connectionreset') : route.fulfill({ response: answer }) // 2: the answer is lost
    })
    const choose = () => page.locator('input[type=file][multiple]').setInputFiles(file)
    await choose()
    const hanging = await reached
    await page.waitForFunction(() => document.querySelector('#s-files progress')?.value > 0.3)
    await axe(page, 'an upload under way')
    await shot(page, 'upload')
    await button(page, '暂停').click()
    await hanging.abort().catch(() => {})
    await page.getByText('已暂停').waitFor()
    await page.reload()
    await page.getByText('重新选择文件 ct-scan.jpg').waitFor()
    await choose()
    await page.locator('.doc-thumb', { hasText: 'ct-scan.jpg' }).waitFor()
    await page.unrouteAll({ behavior: 'wait' })
    let at = 0
    for (const [from, to] of taken) {
      assert.equal(from, at, `pieces follow each other: ${JSON.stringify(taken)}`)
      at = to
    }
    assert.equal(at, bytes.length)
    const { attachments } = await zhang.ask('GET', `/cases/${mine}`)
    assert.equal(attachments.find((d) => d.name === 'ct-scan.jpg').sha256, createHash('sha256').update(bytes).digest('hex'))
  },
  'PDF and picture are looked at in place': async () => {
    const page = await as('qs.zhang')
    await page.locator('input[type=file][multiple]').setInputFiles(join(DEMO, 'lab-report.pdf'))
    await page.locator('.doc-thumb', { hasText: 'lab-report.pdf' }).click()
    await page.waitForFunction(() => {
      const canvas = document.querySelector('dialog[open] canvas.sheet')
      const ctx = canvas?.width && canvas.getContext('2d')
      return ctx && new Set(ctx.getImageData(0, 0, canvas.width, canvas.height).data).size > 2 // something is drawn
    })
    await axe(page, 'a PDF in place')
    await shot(page, 'pdf')
    await page.keyboard.press('Escape')
    await closed(page)
    await page.locator('.doc-thumb', { hasText: 'ct-scan.jpg' }).click()
    await page.waitForFunction(() => document.querySelector('dialog[open] img.sheet')?.naturalWidth > 100)
    await shot(page, 'picture')
    await page.keyboard.press('Escape')
    await closed(page)
  },
  'the phone: a page photographed through the code is in the case at once': async () => {
    const page = await as('qs.zhang')
    await button(page, '手机拍照').click()
    const link = await dialogOf(page).locator('img.qr').getAttribute('alt')
    await axe(page, 'the code for the phone')
    await shot(page, 'capture-code')
    const phone = await open(browser, { base: site.base, shape: PHONE })
    await phone.goto(link)
    await phone.getByText('逐页拍摄').waitFor()
    assert.ok(!phone.url().includes('#'), 'the token does not stay in the address')
    await phone.locator('input[type=file]').setInputFiles({ name: 'paper-record.jpg', mimeType: 'image/jpeg', buffer: readFileSync(join(DEMO, 'abdomen-ct.jpg')) })
    await phone.getByText('已上传 1 页').waitFor()
    await page.locator('.doc-thumb', { hasText: 'paper-record.jpg' }).waitFor()
    assert.equal(await page.locator('dialog[open]').count(), 1, 'the code is still shown: pushed, not reloaded')
    await axe(phone, 'phone capture')
    await shot(phone, 'phone')
    assert.equal(await phone.evaluate(async (id) => (await fetch(`/api/v1/cases/${id}`)).status, mine), 403, 'the phone may add, not read')
    await phone.goto('/capture#' + 'x'.repeat(32))
    await phone.getByText('二维码已失效').waitFor()
    await shot(phone, 'phone-expired')
    assert.deepEqual(phone.faults.filter((f) => !/Failed to load/.test(f)), [])
    await phone.context().close()
    await button(dialogOf(page), '完成').click()
    await closed(page)
  },
  'she fills in the rest and sends it': async () => {
    const page = await as('qs.zhang')
    await page.getByLabel('问题 1', { exact: true }).fill('是否需要冠脉造影？')
    await page.getByRole('group', { name: '会诊目的' }).getByLabel('明确诊断', { exact: true }).check()
    await page.locator('#f-state-allergy').getByLabel('无', { exact: true }).check()
    for (const [label, value] of [['体温', '36.5'], ['脉搏', '88'], ['收缩压', '150'], ['舒张压', '90'], ['联系电话', '10000000010']]) await page.getByLabel(new RegExp(`^${label}`)).first().fill(value)
    await page.getByLabel(/^体格检查/).fill('神清，双肺呼吸音清，心律齐。')
    await page.getByLabel(/^已行治疗/).fill('吸氧，硝酸甘油舌下含服。')
    await pick(page, page.locator('#f-diagnoses').getByRole('combobox'), '不稳定型心绞痛', /心绞痛/)
    const consent = page.locator('#f-consent-telemedicine')
    await consent.getByLabel('同意', { exact: true }).check()
    await consent.getByLabel('签署人').fill('林春生')
    await consent.getByLabel('与患者关系').fill('本人')
    await consent.getByLabel('签字文件', { exact: true }).selectOption({ label: 'paper-record.jpg' })
    await page.locator('aside').getByText('必填').first().waitFor({ state: 'detached' })
    // What cannot be right is never called ready; sending leads to it, and it says what would be right.
    await page.getByLabel(/^体温/).first().fill('400')
    await page.getByText('应在 20 到 45 ℃ 之间').waitFor()
    await page.locator('aside').getByRole('status').getByText('有 1 处需要更正').waitFor()
    await page.evaluate(() => (document.activeElement.blur(), scrollTo(0, document.documentElement.scrollHeight)))
    await button(page, '提交申请').click()
    await page.waitForFunction(() => document.activeElement?.closest('[id="f-vitals-temperature_c"]'))
    await page.keyboard.press('ControlOrMeta+A')
    await page.keyboard.type('36.5')
    await page.locator('aside').getByRole('status').getByText('可以提交').waitFor()
    // On a phone the way to send it is at hand at the end of the form, once.
    await page.setViewportSize(PHONE.viewport)
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight))
    await counted(button(page, '提交申请'), 1)
    const send = await button(page, '提交申请').boundingBox()
    assert.ok(send.y > 0 && send.y < PHONE.viewport.height / 2, `the button at ${send.y}`)
    await page.setViewportSize(DESKTOP.viewport)
    const [high, low] = await Promise.all(['systolic_mmhg', 'diastolic_mmhg'].map((f) => page.locator(`#f-vitals-${f}`).boundingBox()))
    assert.equal(high.y, low.y, 'both blood pressures side by side')
    await button(page, '提交申请').click()
    assert.doesNotMatch(await dialogOf(page).innerText(), /\d{3,} 天/, 'the likely answer is a span')
    await shot(page, 'submit')
    await button(dialogOf(page), '提交申请').click()
    await page.waitForURL((u) => u.pathname === `/cases/${mine}`)
    await page.getByText('待本院审核').first().waitFor()
    await axe(page, 'a sent case')
    await shot(page, 'case')
  },
  'a duplicate is merged by the dispatcher': async () => {
    const [keep, twice] = [await sent(), await sent()]
    const page = await as('xy.chen')
    await page.goto(`/cases/${twice}`)
    const { number } = await chen.ask('GET', `/cases/${keep}`)
    await act(page, '并入他案', async (dialog) => {
      await dialog.getByLabel(/^并入哪一会诊/).selectOption(keep)
      assert.match(await dialog.getByLabel(/^并入哪一会诊/).locator('option:checked').innerText(), new RegExp(number))
      await dialog.getByLabel(/^原因/).fill('同一患者重复申请')
      await axe(page, 'merge')
      await shot(page, 'merge')
    })
    await page.getByText('已合并').or(page.getByText('已并入')).first().waitFor()
    await page.getByRole('link', { name: '已并入另一会诊' }).click()
    await page.waitForURL((u) => u.pathname === `/cases/${keep}`)
    await page.getByText(number).first().waitFor()
  },
  'emergency access: a doctor outside opens the record and says why; medical affairs judges it': async () => {
    const id = await sent()
    const stranger = await as('sj.feng')
    await stranger.goto(`/cases/${id}`)
    await stranger.getByRole('link', { name: '返回会诊列表' }).waitFor()
    assert.equal(await button(stranger, '紧急调阅').count(), 0, 'not offered to a doctor of a third house, who would be refused')
    const page = await as('xy.xu')
    await page.goto(`/cases/${id}`)
    await page.getByText('您没有参与此会诊').waitFor()
    assert.ok(!(await page.content()).includes('右侧肢体无力'))
    await shot(page, 'emergency')
    await act(page, '紧急调阅', async (dialog) => {
      assert.ok(await button(dialog, '紧急调阅').last().isDisabled(), 'not without a reason')
      await dialog.getByLabel(/^紧急调阅原因/).fill('患者急诊抢救，需核对既往用药')
      await axe(page, 'emergency access')
      await shot(page, 'emergency-why')
    })
    await page.getByText('右侧肢体无力').first().waitFor()
    const office = await as('xy.zhao')
    await office.goto('/notices')
    await office.getByText(/紧急调阅/).first().waitFor()
    await office.goto(`/cases/${id}`)
    await office.getByText('患者急诊抢救，需核对既往用药').first().waitFor()
    await act(office, '复核', async (dialog) => {
      await dialog.getByLabel('属实', { exact: true }).check()
      await dialog.getByLabel(/^备注/).fill('已电话核实，抢救需要。')
      await axe(office, 'judging an emergency access')
      await shot(office, 'judge')
    })
    await office.locator('.overrides').getByText('属实', { exact: true }).waitFor()
    assert.match(await office.locator('.overrides').innerText(), /复核：赵敏[\s\S]*已电话核实，抢救需要。/)
    assert.equal((await zhang.ask('GET', `/cases/${id}`)).overrides.length, 0, 'for the offices alone')
    await office.getByRole('tab', { name: '流程' }).click()
    await axe(office, 'case of an office')
    await shot(office, 'judged')
    assert.ok(!(await office.locator('main').innerText()).includes('justified'))
  },
  'a team: chair, member and secretary are named by the dispatcher': async () => {
    team = await sent({ scope: 'mdt' })
    await chen.act(team, 'triage', { dept_id: demoDraft.target.dept.id })
    const page = await as('xy.chen')
    await page.goto(`/cases/${team}`)
    await act(page, '指派专家', async (dialog) => {
      for (const name of ['何振华', '许丽', '钱文博']) await pick(dialog, '添加成员', name, new RegExp(name))
      await dialog.getByLabel('角色: 钱文博').selectOption('secretary')
      await axe(page, 'naming a team')
      await shot(page, 'team')
    })
    const { team: named } = await chen.ask('GET', `/cases/${team}`)
    assert.deepEqual(named.map((t) => `${t.person.name} ${t.part}`).sort(), ['何振华 chair', '许丽 member', '钱文博 secretary'].sort())
    for (const p of [he, xu, qian]) await p.act(team, 'accept').catch((e) => assert.equal(p, qian, e.message))
    await he.act(team, 'begin_review')
  },
  'the chair cannot sign before the member; the member signs in the page': async () => {
    await he.ask('POST', `/cases/${team}/acts/save_opinion`, { body: OPINION })
    await xu.ask('POST', `/cases/${team}/acts/save_opinion`, { body: { ...OPINION, findings: '产科角度无禁忌。' } })
    const chair = await as('xy.he')
    await chair.goto(`/cases/${team}`)
    await button(chair, '书写意见').first().click()
    await chair.locator('dialog[open] textarea').first().waitFor()
    assert.equal(await button(dialogOf(chair), '签发').count(), 0, 'chair last')
    await button(chair, '关闭').last().click()
    const page = await as('xy.xu')
    await page.goto(`/cases/${team}`)
    await button(page, '书写意见').first().click()
    assert.equal(await page.locator('dialog[open]').getByLabel(/^病情及所见归纳/).inputValue(), '产科角度无禁忌。')
    await shot(page, 'opinion-member')
    await button(page, '签发').first().click()
    await dialogOf(page).locator('input[type=password]').fill('not-my-password-1')
    await button(dialogOf(page), '签发').click()
    await dialogOf(page).getByText('密码不正确').waitFor()
    await dialogOf(page).locator('input[type=password]').fill(PASSWORD)
    await axe(page, 'signing with the password')
    await shot(page, 'sign-password')
    await button(dialogOf(page), '签发').click()
    await closed(page)
    const { team: members, opinion } = await he.ask('GET', `/cases/${team}`)
    assert.equal(members.find((t) => t.part === 'member').state, 'signed')
    assert.notEqual(opinion.state, 'signed')
    assert.equal((await zhang.ask('GET', `/cases/${team}`)).opinion, null, 'nothing for the applicant before the chair')
  },
  'a draft of the opinion prints with its watermark': async () => {
    const { text } = await paper('xy.he', team, 'opinion', 'print-opinion-draft')
    has(text, '草稿', '远程会诊意见书')
    assert.equal((await zhang.send('POST', `/cases/${team}/print`, { what: 'opinion' })).status, 409, 'not for the applicant')
  },
  'the secretary writes the minutes beside the members\u2019 opinions; a second writer overwrites nothing': async () => {
    const page = await as('xy.qian')
    await page.goto(`/cases/${team}`)
    assert.equal(await button(page, '书写意见').count(), 0, 'a secretary has no opinion of his own')
    await button(page, '书写会诊记录').click()
    await dialogOf(page).getByText('产科角度无禁忌。').waitFor()
    await dialogOf(page).getByLabel('缺席人员').fill('影像科')
    await dialogOf(page).getByLabel(/^讨论记录/).fill('许丽：产科角度无禁忌。\n何振华：已超时间窗，不溶栓。')
    await dialogOf(page).getByText('已保存').waitFor()
    await page.waitForFunction(() => true)
    for (let i = 0; i < 60 && !(await he.ask('GET', `/cases/${team}`)).minutes?.minutes.includes('不溶栓'); i++) await new Promise((r) => setTimeout(r, 100))
    await axe(page, 'writing minutes')
    await shot(page, 'minutes-editor')
    const { minutes } = await he.ask('GET', `/cases/${team}`)
    assert.equal(minutes.by.name, '钱文博')
    await he.ask('POST', `/cases/${team}/acts/write_minutes`, { minutes: minutes.minutes + '\n结论：双抗。', absentees: minutes.absentees, dissent: '', base_ms: minutes.saved_ms })
    await dialogOf(page).getByLabel('不同意见').fill('无')
    await dialogOf(page).getByText('刚才有人改过会诊记录').waitFor()
    await button(dialogOf(page).locator('footer'), '关闭').click()
    await closed(page)
    await page.getByRole('tab', { name: '会诊记录' }).click()
    await page.getByText('结论：双抗。').waitFor()
    await axe(page, 'minutes on the case page')
    await shot(page, 'minutes')
    has((await paper('xy.qian', team, 'minutes', 'print-minutes-draft')).text, '草稿', '远程会诊记录')
  },
  'the chair enrols an authenticator in the settings': async () => {
    const page = await as('xy.he')
    await page.goto('/settings?tab=totp')
    await page.getByLabel('当前密码').fill('not-mine-2026A')
    await button(page, '启用动态验证码').click() // whoever found the session open does not know it
    await page.locator('[role=alert], .error').first().waitFor()
    assert.equal(await page.locator('code').count(), 0)
    await page.getByLabel('当前密码').fill('Yilian-demo-2026')
    await button(page, '启用动态验证码').click()
    secret = (await page.locator('code').innerText()).replace(/\s/g, '')
    await page.getByLabel('验证码').fill('000000' === totp(secret) ? '111111' : '000000')
    await page.keyboard.press('Enter')
    await page.getByText('验证码不正确或已用过').waitFor()
    await axe(page, 'enrolment')
    await shot(page, 'totp')
    used = totp(secret)
    await page.getByLabel('验证码').fill(used)
    await page.keyboard.press('Enter')
    await page.locator('code').waitFor({ state: 'detached' })
    site.ctl('policy', 'set', 'access.totp_for_signing', '1')
  },
  'signing asks for the code: a factor gone stale is refused in plain words, a used code too, a new one signs': async () => {
    // Ten minutes pass: the factor of every session is aged while the daemon is away; the page still believes in it.
    const page = await as('xy.he')
    await page.goto(`/cases/${team}`)
    await button(page, '书写意见').first().waitFor()
    await site.end('SIGTERM')
    execFileSync('python3', ['-c', 'import sqlite3,sys,glob\nn=0\nfor f in glob.glob(sys.argv[1]+"/data/*.db"):\n c=sqlite3.connect(f)\n try: n+=c.execute("UPDATE session SET second_factor_ms=second_factor_ms-660000 WHERE second_factor_ms>0").rowcount\n except sqlite3.OperationalError: pass\n c.commit();c.close()\nassert n>0', site.dir])
    await site.start()
    await button(page, '书写意见').first().click()
    await button(page, '签发').first().click()
    assert.equal(await dialogOf(page).locator('input').count(), 0, 'the page thinks the factor fresh')
    await button(dialogOf(page), '签发').click()
    const code = dialogOf(page).getByLabel(/^动态验证码/)
    await code.waitFor()
    await dialogOf(page).getByText('签名需要再次验证身份').waitFor()
    await code.fill(used)
    await button(dialogOf(page), '签发').click()
    await dialogOf(page).getByText('验证码不正确或已用过').waitFor()
    await axe(page, 'signing with a code')
    await shot(page, 'sign-code')
    await code.fill(totp(secret, 1))
    await button(dialogOf(page), '签发').click()
    await closed(page)
    await page.getByText('意见已签发').first().waitFor()
    const { opinion } = await zhang.ask('GET', `/cases/${team}`)
    assert.equal(opinion.state, 'signed')
    assert.ok(opinion.signature.second_factor)
  },
  'an addendum stands beside the opinion': async () => {
    const page = await as('xy.he')
    await act(page, '补充意见', async (dialog) => {
      await dialog.locator('textarea').first().fill('请于一周后复查血钾。')
      await shot(page, 'addendum')
    })
    await page.getByRole('tab', { name: '会诊意见' }).click()
    await page.getByText('请于一周后复查血钾。').waitFor()
    await axe(page, 'a signed opinion with its addendum')
    await shot(page, 'opinion')
  },
  'the opinion on paper: number, code, signatures of the team, pages, addendum; the second print says so': async () => {
    const { number } = await zhang.ask('GET', `/cases/${team}`)
    const first = await paper('qs.zhang', team, 'opinion', 'print-opinion')
    has(first.text, '远程会诊意见书', number, '扫码核验', '何振华', '许丽', '签名', '请于一周后复查血钾。', '阿司匹林', '第 1 次打印')
    for (const mark of ['草稿', '重印', '已作废']) assert.ok(!first.text.includes(mark), mark)
    const second = await paper('qs.zhang', team, 'opinion', 'print-opinion-again')
    has(second.text, '重印', '第 2 次打印')
    const stranger = await open(browser, { base: site.base, shape: PHONE })
    const address = await (await as('qs.zhang')).locator('.qr img').getAttribute('alt')
    assert.ok(address.startsWith(`${site.base}/verify/`), `a phone can follow ${address}`)
    await stranger.goto(address)
    await stranger.getByText('有效文书').waitFor()
    assert.ok(!(await stranger.content()).includes(demoDraft.patient.name), 'the check names no patient')
    await axe(stranger, 'verification')
    await shot(stranger, 'verify')
    await stranger.context().close()
  },
  'the minutes on paper: who sat there, what was said, each opinion, the chair last': async () => {
    const { text } = await paper('qs.zhang', team, 'minutes', 'print-minutes')
    has(text, '远程会诊记录', '主席', '何振华', '参加人员', '许丽', '记录人', '钱文博', '缺席人员', '影像科', '许丽：产科角度无禁忌。', '结论：双抗。', '会诊结论与各方意见', '签名')
    for (const mark of ['草稿', '重印', '已作废']) assert.ok(!text.includes(mark), mark)
    assert.equal((await zhang.send('POST', `/cases/${mine}/print`, { what: 'minutes' })).status, 422, 'only of a team')
  },
  'the application on paper: draft, sent, cancelled': async () => {
    const draft = await application()
    has((await paper('qs.zhang', draft.id, 'application', 'print-application-draft')).text, '远程会诊申请单', '草稿', '是否需要溶栓')
    const whole = await paper('qs.zhang', mine, 'application', 'print-application')
    has(whole.text, '林春生', '是否需要冠脉造影', '签名')
    const page = await as('qs.zhang')
    await page.goto(`/cases/${draft.id}`)
    await act(page, '取消会诊', async (dialog) => {
      await dialog.getByLabel(/^原因分类/).selectOption('entered_in_error')
      await dialog.locator('textarea').first().fill('误录入，重新申请')
    })
    has((await paper('qs.zhang', draft.id, 'application', 'print-application-cancelled')).text, '已作废')
  },
  'the same on a phone and in English': async () => {
    for (const [lang, shape] of [['zh', PHONE], ['en', undefined], ['en', PHONE]]) {
      const page = await open(browser, { base: site.base, lang, ...(shape && { shape }) })
      page.setDefaultTimeout(20_000)
      await signIn(page, 'qs.zhang')
      const draft = await application()
      const name = `${lang}${shape ? '-phone' : ''}`
      for (const [path, what] of [['/cases/new', 'new'], [`/cases/${draft.id}/edit`, 'edit'], [`/cases/${team}`, 'case'], [`/print/${team}/opinion`, 'print'], ['/settings?tab=totp', 'settings']]) {
        await page.goto(path)
        await page.locator('h1').first().waitFor()
        await page.waitForFunction(() => !document.querySelector('.y-spinner'))
        await axe(page, `${what} ${name}`)
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        assert.ok(wide <= 0 || what === 'print', `${what} ${name} is ${wide} px too wide`)
        await shot(page, `${what}-${name}`)
      }
      assert.deepEqual(page.faults, [], name)
      await page.context().close()
    }
  },
  'no page threw': async () => {
    for (const [who, page] of Object.entries(pages)) assert.deepEqual(page.faults.filter((f) => !/WebSocket|ERR_|Failed to load/.test(f)), [], who)
  },
}).finally(async () => {
  await browser.close()
  await site.stop()
})
