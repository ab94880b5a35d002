// Data quality on the real daemon: codes come with messages over MLLP, the data steward maps them with what is proposed, takes one back, and
// what is stored follows. Then data for research: applied for, approved by somebody else, made, fetched. SHOTS=dir keeps pictures.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { axe, DESKTOP, launch, open, PHONE, run } from './lib.mjs'
import { sender } from './mllp.mjs'
import { signIn, startSite } from './site.mjs'

process.env.TZ = 'Asia/Shanghai'
const port = 12_000 + Math.floor(Math.random() * 20_000)
const site = await startSite('127.0.0.1', `mllp.port = ${port}\n`)
site.ctl('user', 'roles', 'dean', 'YL01', 'manager,data_steward,researcher')
site.ctl('exchange', 'add', '--org', 'YL01', '--application', 'LIS', '--name', '县医院检验系统', '--domain', 'YLLIS', '--assume', 'missing')
site.ctl('exchange', 'add', '--org', 'QS01', '--application', 'HIS', '--name', '青山卫生院门诊系统', '--domain', 'QSHIS', '--assume', 'missing')
const shots = process.env.SHOTS
if (shots) mkdirSync(shots, { recursive: true })
const dialog = (page) => page.locator('dialog[open]').last()
const closed = (page) => page.locator('dialog[open]').first().waitFor({ state: 'detached' })
const button = (at, name) => at.getByRole('button', { name, exact: true })
const shot = (page, name, fullPage = false) => shots && page.screenshot({ path: join(shots, `${name}.png`), fullPage })

const send = sender(port)
let control = 0
const lab = (...items) =>
  send(`MSH|^~\\&|LIS|YLYY|YILIAN||20261124||ORU^R01|m${++control}|P|2.4||||||UNICODE UTF-8\nPID|1||900101||蒋^文||19710203|F\nOBR|1||f${control}|58410-2^CBC panel^LN\n${items.map((x, i) => `OBX|${i + 1}|NM|${x}||6.1|10*9/L|4-10|N|||F`).join('\n')}\n`)
const visit = (...diagnoses) =>
  send(`MSH|^~\\&|HIS|QS|YILIAN||20261124||ADT^A01|m${++control}|P|2.4||||||UNICODE UTF-8\nPID|1||1001||沈^静||19750101|F\nPV1|1|O\n${diagnoses.map((d, i) => `DG1|${i + 1}||${d}`).join('\n')}\n`)
const patient = (number, name, birth, sex, more, segments) =>
  send(`MSH|^~\\&|HIS|QS|YILIAN||20261124||ADT^A04|m${++control}|P|2.4||||||UNICODE UTF-8\nPID|1||${number}${more}||${name}||${birth}|${sex}\nPV1|1|O\n${segments}`)
const results = (number, items) =>
  send(`MSH|^~\\&|HIS|QS|YILIAN||20261124||ORU^R01|m${++control}|P|2.4||||||UNICODE UTF-8\nPID|1||${number}||\nOBR|1||f${control}|24326-1^Electrolytes^LN\n${items.map((x, i) => `OBX|${i + 1}|NM|${x}|||||F`).join('\n')}\n`)
for (let i = 0; i < 4; i++) assert.equal(await lab('0011^白细胞^L', '0012^血红蛋白浓度^L', '777-3^Platelets^LN'), 'AA')
assert.equal(await lab('0031^血清肌酐测定^L', '0099^院内质控品^L'), 'AA')
for (let i = 0; i < 2; i++) assert.equal(await visit('JB001^急性阑尾炎^BD', 'JB002^2型糖尿病伴周围血管病变^BD', '^自述头晕'), 'AA')
const browser = await launch()
const steward = await open(browser, { base: site.base })
steward.setDefaultTimeout(20000)
await signIn(steward, 'dean')
const doctor = await open(browser, { base: site.base })
doctor.setDefaultTimeout(20000)
await signIn(doctor, 'qs.zhang')
const card = (name) => doctor.locator('section.card', { hasText: name })
const row = (page, text) => page.locator('tbody tr', { hasText: text })

const jobs = {
  'coverage: what came with which codes': async () => {
    await steward.goto('/quality?tab=coverage')
    await row(steward, '检验检查项目').getByText('10 条').waitFor()
    assert.match(await row(steward, '检验检查项目').innerText(), /28\.5%/) // 4 of 14 came with LOINC
    assert.match(await row(steward, '诊断').innerText(), /2 个[\s\S]*4 条[\s\S]*2 条/) // two codes, and two without one
    await axe(steward, 'coverage')
    await shot(steward, 'coverage')
  },
  'a code is mapped to what is proposed, and the next one stands there': async () => {
    await row(steward, '检验检查项目').getByRole('button', { name: '去对码' }).click()
    await row(steward, '0011').waitFor()
    await row(steward, '0011').getByRole('button', { name: '对码' }).click()
    const at = dialog(steward)
    await at.getByText('名称相同').waitFor()
    assert.equal(await at.locator('input[type=radio]:checked').getAttribute('value'), 'http://loinc.org|6690-2')
    await axe(steward, 'the code dialog')
    await shot(steward, 'dialog')
    await button(at, '确认并看下一个').click()
    await dialog(steward).getByRole('heading', { name: '对码：0012 血红蛋白浓度' }).waitFor()
    await button(dialog(steward), '确认对码').click()
    await closed(steward)
    await row(steward, '0012').waitFor({ state: 'detached' })
  },
  'one that only resembles is chosen by the steward; a wrong code by hand is said at its field': async () => {
    await row(steward, '0031').getByRole('button', { name: '对码' }).click()
    const at = dialog(steward)
    await at.getByText('14682-9').waitFor()
    assert.equal(await at.locator('input[type=radio]:checked').count(), 0)
    assert.ok(await button(at, '确认对码').isDisabled())
    await at.getByLabel('手工填写').check()
    await at.getByRole('textbox', { name: '编码', exact: true }).fill('14682-1')
    await at.getByRole('textbox', { name: '名称', exact: true }).fill('肌酐')
    await button(at, '确认对码').click()
    await at.getByText('不是有效的 LOINC 编码（校验位不符）').waitFor()
    await shot(steward, 'by-hand')
    await at.getByLabel('查找标准编码').fill('jg')
    await at.getByText('查找结果（LOINC）').waitFor()
    await at.locator('label', { hasText: '14682-9' }).click()
    await button(at, '确认对码').click()
    await closed(steward)
    await row(steward, '0031').waitFor({ state: 'detached' })
  },
  'one has no counterpart': async () => {
    await row(steward, '0099').getByRole('button', { name: '对码' }).click()
    await button(dialog(steward), '无对应…').click()
    await dialog(steward).getByLabel('为什么没有对应').fill('质控品，不是患者项目')
    await button(dialog(steward), '无对应').click()
    await row(steward, '0099').waitFor({ state: 'detached' })
    await steward.getByText('没有符合条件的编码').waitFor()
    await closed(steward)
  },
  'a decision is undone, wholly, and stands in the history': async () => {
    await steward.getByLabel('状态').selectOption('mapped')
    await row(steward, '0012').getByRole('button', { name: '对码' }).click()
    await button(dialog(steward), '撤销上次决定').click()
    await closed(steward)
    await row(steward, '0012').waitFor({ state: 'detached' })
    await steward.getByLabel('状态').selectOption('open')
    await row(steward, '0012').getByRole('button', { name: '对码' }).click()
    await dialog(steward).getByText(/撤销（/).waitFor()
    await shot(steward, 'undone')
    await steward.keyboard.press('Escape')
    await closed(steward)
  },
  'diagnoses: the normal form and the list propose': async () => {
    await steward.getByLabel('来源').selectOption({ label: '青山卫生院门诊系统' })
    await steward.getByLabel('类别').selectOption('diagnosis')
    await row(steward, 'JB002').getByRole('button', { name: '对码' }).click()
    await dialog(steward).getByText(/E11\.5/).first().waitFor()
    await shot(steward, 'diagnosis')
    await steward.keyboard.press('Escape')
    await closed(steward)
  },
  'what is stored follows': async () => {
    await steward.getByRole('tab', { name: '对码覆盖' }).click()
    await steward.getByText('4 个编码的决定尚未用于已入库数据').waitFor()
    await button(steward, '更新已入库数据').click()
    await steward.getByText(/最近更新.*更正 5 条/).waitFor()
    await steward.getByText('已入库数据与当前对码一致').waitFor()
    assert.match(await row(steward, '检验检查项目').innerText(), /64\.2%/) // 4 + 4 + 1 of 14
    await shot(steward, 'coverage-after')
    const download = steward.waitForEvent('download')
    await row(steward, '检验检查项目').getByRole('button', { name: '导出映射表' }).click()
    assert.match((await download).suggestedFilename(), /^映射表-县医院检验系统-.*\.csv$/)
  },
  'who may only look finds no buttons that decide': async () => {
    const page = await open(browser, { base: site.base })
    page.setDefaultTimeout(20000)
    await signIn(page, 'admin')
    await page.goto('/quality?tab=codes')
    await row(page, '0012').getByRole('button', { name: '查看' }).click()
    await dialog(page).getByText('待对码').waitFor()
    assert.equal(await button(dialog(page), '确认对码').count(), 0)
    await page.context().close()
  },
  'what arrives is judged: a clinic sees what it should put right': async () => {
    assert.equal(await patient('2001', '王^芳', '19491213', 'M', '~11010519491231002X^^^^NI', 'DG1|1||O80.9^顺产^I10\n'), 'AA')
    assert.equal(await patient('2002', '李^宝', '', '', '', ''), 'AA')
    assert.equal(await results('2001', ['2823-3^Potassium^LN||41|mmol/L', '14749-6^Glucose^LN||100|mg/dL']), 'AA')
    await doctor.goto('/')
    await doctor.getByText(/本院送出的数据有 \d+ 项待更正/).waitFor()
    await shot(doctor, 'home-fixes')
    await doctor.getByRole('link', { name: '去更正' }).click()
    await card('王芳').getByText('出生日期与身份证号码不一致').waitFor()
    await card('王芳').getByText('女性诊断用于男性患者').waitFor()
    await card('王芳').getByText('1949-12-31').waitFor()
    await axe(doctor, 'corrections')
    await shot(doctor, 'fixes', true)
  },
  'the patient is put right in his record, and what no longer fails closes': async () => {
    await card('王芳').locator('li', { hasText: '出生日期与身份证号码不一致' }).getByRole('link', { name: '修改患者信息' }).click()
    const at = dialog(doctor)
    await at.getByLabel('男', { exact: true }).waitFor()
    await at.getByLabel('女', { exact: true }).check()
    await at.getByRole('textbox', { name: '出生日期' }).fill('1949-12-31')
    await button(at, '保存').click()
    await doctor.waitForURL('**/fixes')
    await card('王芳').getByText('数值高于可信范围').waitFor()
    await card('王芳').getByText('出生日期与身份证号码不一致').waitFor({ state: 'detached' })
    await card('王芳').getByText('女性诊断用于男性患者').waitFor({ state: 'detached' })
  },
  'a value: what is wrong with it is said at its field; the right one closes it': async () => {
    await button(card('王芳'), '更正').click()
    const at = dialog(doctor)
    await at.getByText('可信范围 1 – 15 mmol/L').waitFor()
    await at.getByLabel('正确的值').fill('410')
    await button(at, '提交').click()
    await at.getByText('数值高于可信范围').nth(1).waitFor()
    await axe(doctor, 'the correction dialog')
    await shot(doctor, 'fix-dialog')
    await at.getByLabel('正确的值').fill('4.1')
    await button(at, '提交').click()
    await closed(doctor)
    await card('王芳').waitFor({ state: 'detached' })
  },
  'right as it came: with a reason, and only then': async () => {
    const li = doctor.locator('section.card li', { hasText: '缺少性别' })
    await button(li, '原值无误').click()
    assert.ok(await button(dialog(doctor), '提交').isDisabled())
    await dialog(doctor).getByLabel('说明').fill('弃婴，性别待定')
    await button(dialog(doctor), '提交').click()
    await closed(doctor)
    await li.waitFor({ state: 'detached' })
    await doctor.getByRole('tab', { name: '已办结' }).click()
    await doctor.getByText('弃婴，性别待定').waitFor()
    await shot(doctor, 'fixes-closed', true)
  },
  'the steward: scores with what they are made of, findings, an answer given back': async () => {
    await steward.goto('/quality')
    const township = row(steward, '青山卫生院门诊系统')
    await township.waitFor()
    assert.match(await township.innerText(), /\d+(\.\d)?%/)
    await button(township, '明细').click()
    const heading = steward.getByRole('heading', { name: '“青山卫生院门诊系统”按规则' })
    await heading.waitFor()
    assert.ok(await heading.evaluate((h) => h === document.activeElement && h.getBoundingClientRect().top >= 48 && h.getBoundingClientRect().bottom < innerHeight), 'what was opened is seen')
    assert.doesNotMatch(await steward.locator('main').innerText(), /(^|\D)0\.0%/)
    await row(steward, '数值在可信范围内').getByRole('button', { name: '查看问题' }).waitFor()
    assert.match(await row(steward, '数值在可信范围内').innerText(), /100%/) // one failed and was put right
    await axe(steward, 'scores')
    await shot(steward, 'scores', true)
    await row(steward, '数值在可信范围内').getByRole('button', { name: '查看问题' }).click()
    await row(steward, '数值高于可信范围').getByText('4.1 mmol/L').waitFor()
    await steward.getByLabel('规则').selectOption({ label: '单位可换算为项目的标准单位' })
    await row(steward, '单位已换算').getByText('5.55 mmol/L').waitFor()
    await row(steward, '单位已换算').getByText('100 mg/dL').waitFor()
    await row(steward, '单位已换算').getByText('葡萄糖').waitFor() // not a code alone
    await steward.getByLabel('规则').selectOption('')
    await steward.getByLabel('状态').selectOption('todo') // what somebody is to answer is not mixed with what is only counted
    await row(steward, '缺少联系电话').first().waitFor({ state: 'detached' })
    await steward.getByLabel('状态').selectOption('counted')
    await row(steward, '缺少联系电话').first().waitFor()
    assert.equal(await row(steward, '缺少性别').count(), 0)
    await steward.getByLabel('状态').selectOption('as_is')
    await button(row(steward, '缺少性别'), '退回').click()
    await dialog(steward).getByLabel('退回原因').fill('请查出生记录')
    await button(dialog(steward), '退回').click()
    await closed(steward)
    await row(steward, '缺少性别').waitFor({ state: 'detached' })
    await steward.getByLabel('状态').selectOption('')
    await shot(steward, 'findings', true)
    await doctor.goto('/fixes')
    await doctor.getByText('数据中心退回：请查出生记录').waitFor()
  },
  'who has no right finds no page': async () => {
    const page = await open(browser, { base: site.base })
    page.setDefaultTimeout(20000)
    await signIn(page, 'xy.qian')
    await page.goto('/fixes')
    await page.locator('.y-empty').waitFor()
    await page.context().close()
  },
  'research: an application is written, counted, and checked before it goes': async () => {
    for (let i = 0; i < 14; i++) {
      const pid = `PID|1||7${String(i).padStart(3, '0')}||研^究${'甲乙丙丁戊己庚辛壬癸子丑寅卯'[i]}||19${50 + 2 * i}0101|${i % 2 ? 'F' : 'M'}`
      assert.equal(await send(`MSH|^~\\&|HIS|QS|YILIAN||20261020||ADT^A01|r${i}|P|2.4||||||UNICODE UTF-8\nEVN||20261020\n${pid}\nPV1|1|I\nDG1|1||I63.900^脑梗死^I10\nDG1|2||${i % 2 ? 'I10.x00^高血压' : 'E11.900^糖尿病'}^I10\n`), 'AA')
    }
    await steward.goto('/research')
    await steward.getByText('还没有申请').waitFor()
    await shot(steward, 'research-empty')
    await steward.getByRole('link', { name: '新建申请' }).click()
    await steward.getByLabel(/^研究名称/).fill('脑梗死合并症')
    await steward.getByRole('link', { name: '返回' }).click() // by a slip: nothing is saved yet
    await dialog(steward).getByText('申请中有内容还没有保存').waitFor()
    await button(dialog(steward), '取消').click()
    await closed(steward)
    await steward.getByLabel(/^用途/).fill('分析脑梗死患者的高血压与糖尿病合并情况')
    await button(steward, '提交审批').click()
    await steward.getByText(/有 \d 处需要补充或更正/).waitFor()
    await shot(steward, 'research-faults', true)
    await axe(steward, 'an application with faults')
    await steward.getByLabel(/^伦理审查批件号/).fill('2026-伦审-031')
    await steward.getByRole('textbox', { name: /^批准日期/ }).fill('2026-10-08')
    await steward.getByRole('textbox', { name: /^有效期至/ }).fill(new Date(Date.now() + 30 * 864e5).toISOString().slice(0, 10))
    await steward.getByRole('combobox', { name: /^入组诊断/ }).fill('I63')
    await steward.getByRole('option', { name: 'I63 及其下所有编码' }).click()
    await steward.getByRole('textbox', { name: /^诊断时间从/ }).fill('2026-01-01')
    await steward.getByRole('textbox', { name: /^诊断时间到/ }).fill('2026-12-31')
    for (const name of [/^性别/, /^年龄/, /^就诊机构/, /^入组诊断/, /^诊断\s*ICD/, /^就诊\s*就诊类别/]) await steward.getByRole('checkbox', { name }).check()
    await button(steward, '统计人数').click()
    await steward.getByText('约 10 人').first().waitFor()
    await shot(steward, 'research-edit', true)
    await axe(steward, 'an application')
    await button(steward, '提交审批').click()
    await steward.getByText('待审批').first().waitFor()
  },
  'research: somebody else approves, the applicant fetches': async () => {
    const admin = await open(browser, { base: site.base })
    admin.setDefaultTimeout(20000)
    await signIn(admin, 'admin')
    await admin.goto('/research')
    await admin.getByRole('checkbox', { name: '只看待审批' }).check()
    await row(admin, '脑梗死合并症').getByRole('link').click()
    await button(admin, '统计人数').click()
    await admin.getByText('约 10 人').first().waitFor()
    await shot(admin, 'research-approve', true)
    await axe(admin, 'an application to decide')
    await button(admin, '批准').click()
    await dialog(admin).getByLabel(/^意见/).fill('同意，限本研究使用')
    await shot(admin, 'research-dialog')
    await button(dialog(admin), '批准').click()
    await closed(admin)
    await admin.getByText('可下载').first().waitFor()
    assert.equal(await button(admin, '下载').count(), 0)
    assert.deepEqual(admin.faults, [])
    await admin.context().close()
    await steward.reload()
    await button(steward, '下载').waitFor()
    await shot(steward, 'research-ready', true)
    const coming = steward.waitForEvent('download')
    await button(steward, '下载').click()
    const address = (await coming).url() // the bytes are read by the page itself
    const bytes = Buffer.from(await steward.evaluate(async (at) => [...new Uint8Array(await (await fetch(at)).arrayBuffer())], address))
    await steward.getByText(createHash('sha256').update(bytes).digest('hex')).waitFor()
    const listed = execFileSync('python3', ['-c', 'import io, sys, zipfile; z = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())); assert z.testzip() is None; print(z.namelist()); print(z.read("subjects.csv").decode("utf-8-sig"))'], { encoding: 'utf8', input: bytes })
    assert.match(listed, /subjects\.csv.*diagnoses\.csv.*encounters\.csv.*manifest\.json.*README\.txt/)
    assert.ok(listed.split('\n').filter((l) => /^[A-Z2-9]{16},/.test(l)).length >= 14) // and those of the demonstration
    assert.doesNotMatch(listed, /研究甲/)
    await steward.getByText('下载', { exact: true }).last().waitFor() // the history
    assert.deepEqual(steward.faults.filter((f) => !/status of 422/.test(f)), []) // the incomplete application above, and a code by hand
  },
  'both sizes, both languages: axe, nothing cut off': async () => {
    for (const [shape, name] of [[DESKTOP, 'desktop'], [PHONE, 'phone']])
      for (const lang of ['zh', 'en']) {
        const page = await open(browser, { base: site.base, shape, lang })
        page.setDefaultTimeout(20000)
        await signIn(page, 'dean')
        await page.goto('/research')
        const project = await page.locator('tbody a').first().getAttribute('href')
        const pages = [['research', 'tbody tr', '/research'], ['research-new', 'fieldset', '/research/new'], ['research-project', 'ol.plain-list li', project]]
        for (const [tab, ready, path] of [...pages, ['scores', '.trend'], ['findings', 'tbody tr'], ['coverage', 'meter'], ['codes', 'tbody tr']]) {
          await page.goto(path ?? `/quality?tab=${tab}`)
          await page.locator(ready).first().waitFor()
          if (tab === 'scores') await page.locator('tbody tr .y-button').first().click()
          await axe(page, `${tab}, ${name}, ${lang}`)
          assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${tab}, ${name}, ${lang}: the page is wider than the screen`)
          assert.ok(await page.evaluate(() => [...document.querySelectorAll('.y-table')].every((t) => t.scrollWidth <= t.clientWidth)), `${tab}, ${name}, ${lang}: a table is cut off`)
          await shot(page, `${tab}-${name}-${lang}`, true)
        }
        await page.locator('tbody tr .y-button').first().click()
        await dialog(page).locator('fieldset label').first().waitFor()
        await axe(page, `dialog, ${name}, ${lang}`)
        await shot(page, `dialog-${name}-${lang}`)
        await page.context().close()
        const clinic = await open(browser, { base: site.base, shape, lang })
        clinic.setDefaultTimeout(20000)
        await signIn(clinic, 'qs.zhang')
        await clinic.goto('/fixes')
        await clinic.locator('section.card li').first().waitFor()
        await axe(clinic, `corrections, ${name}, ${lang}`)
        assert.ok(await clinic.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `corrections, ${name}, ${lang}: the page is wider than the screen`)
        await shot(clinic, `fixes-${name}-${lang}`, true)
        await clinic.context().close()
      }
  },
  'data standards: elements with their places, master data, vocabularies': async () => {
    await steward.goto('/standard')
    await row(steward, 'DE05.01.024.00').waitFor()
    await steward.getByText('表单与目录一致').waitFor()
    assert.match(await row(steward, 'DE05.01.024.00').innerText(), /DG1-3[\s\S]*会诊申请[\s\S]*会诊意见/)
    await steward.getByLabel('查找标识符、名称、报文位置').fill('OBX-6')
    await row(steward, 'DE05.01.024.00').waitFor({ state: 'detached' })
    assert.equal(await steward.locator('tbody tr').count(), 1)
    const [file] = await Promise.all([steward.waitForEvent('download'), button(steward, '导出目录与映射').click()])
    assert.match(readFileSync(await file.path(), 'utf8'), /DE04\.30\.016\.00,定量结果计量单位/)
    await steward.getByLabel('查找标识符、名称、报文位置').fill('nothing of the kind')
    await steward.getByText('没有符合条件的数据元').waitFor()
    await steward.getByLabel('查找标识符、名称、报文位置').fill('')
    await axe(steward, 'data elements')
    await shot(steward, 'standard-elements')
    await steward.getByRole('tab', { name: '主数据' }).click()
    await row(steward, '机构').first().waitFor()
    assert.match(await row(steward, '人员').innerText(), /\d/)
    await axe(steward, 'master data')
    await shot(steward, 'standard-master')
    await steward.getByRole('tab', { name: '词表与映射' }).click()
    assert.match(await row(steward, '医保版疾病诊断编码').first().innerText(), /2021-01-01 起[\s\S]*疾病诊断编码/)
    await axe(steward, 'vocabularies')
    await shot(steward, 'standard-vocabularies')
    await steward.setViewportSize(PHONE.viewport)
    await steward.goto('/standard')
    await row(steward, 'DE05.01.024.00').waitFor()
    assert.ok(await steward.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
    await shot(steward, 'standard-phone', false)
    await steward.setViewportSize(DESKTOP.viewport)
  },
}
await run(jobs)
await browser.close()
await site.stop()
