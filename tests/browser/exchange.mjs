// Arriving data on the real daemon: a source is registered on the page, its messages come over MLLP, one is of no use and is corrected and
// replayed by the steward; counts agree. Another leaves tables in a folder: what became of each row is seen; a third lets us read a view. SHOTS=dir keeps pictures.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { axe, counted, DESKTOP, launch, open, PHONE, run } from './lib.mjs'
import { receiver, sender } from './mllp.mjs'
import { signIn, startSite } from './site.mjs'

process.env.TZ = 'Asia/Shanghai'
const port = 12_000 + Math.floor(Math.random() * 20_000)
/** A data centre's door: what it was given, and what it answers. */
const centre = { status: 200, got: [] }
const door = createServer((q, a) => {
  q.resume().on('end', () => {
    centre.got.push(q.headers['x-yilian-sequence'])
    a.writeHead(centre.status).end()
  })
})
await new Promise((f) => door.listen(0, '127.0.0.1', f))
const his = await receiver()
const site = await startSite('127.0.0.1', `outgoing.allow = http://127.0.0.1:${door.address().port}, mllp://127.0.0.1:${his.port}\nmllp.port = ${port}\nexchange.drop_dir = drop\nexchange.drop_settle = 100ms\nexchange.odbc_ini = odbc.ini\n`)
site.ctl('user', 'roles', 'dean', 'YL01', 'manager,index_steward')
const browser = await launch()
const shots = process.env.SHOTS
if (shots) mkdirSync(shots, { recursive: true })
const dialog = (page) => page.locator('dialog[open]').last()
const closed = (page) => page.locator('dialog[open]').first().waitFor({ state: 'detached' })
const button = (at, name) => at.getByRole('button', { name, exact: true })

const send = sender(port)
const stamp = () => new Date(Date.now() + 8 * 3600e3 - 60e3).toISOString().replace(/[-:T]/g, '').slice(0, 14)
const message = (id, type, rest) => `MSH|^~\\&|LIS|YLYY|YILIAN||${stamp()}||${type}|${id}|P|2.4||||||UNICODE UTF-8\n${rest}\n`
const admin = await open(browser, { base: site.base })
admin.setDefaultTimeout(20000)
await signIn(admin, 'admin')

const jobs = {
  'a source is registered; what is wrong is said at its field': async () => {
    assert.equal(await send(message('m0', 'ADT^A04', 'PID|1||1^^^LIS')), 'AR')
    await admin.goto('/admin/exchange')
    await admin.getByText('今日有 1 条报文来自未登记的系统，已拒收').waitFor()
    await button(admin, '登记来源').click()
    const at = dialog(admin)
    await at.getByLabel('名称').first().fill('县医院检验系统')
    await at.locator('select').first().selectOption({ label: '云岭县人民医院' })
    await at.getByLabel('发送应用（MSH-3）').fill('LIS')
    await at.getByLabel('名称（CX.4.1）').fill('YLLIS')
    await at.getByLabel('客户端证书指纹').fill('zz')
    await button(at, '保存').click()
    await at.getByText('应为 64 位十六进制').waitFor()
    await at.getByLabel('客户端证书指纹').fill('')
    if (shots) await admin.screenshot({ path: join(shots, 'form.png') })
    await button(at, '保存').click()
    await closed(admin)
    await admin.getByText('县医院检验系统').waitFor()
  },
  'a FHIR client is registered by its public key, told its number, and closed': async () => {
    const keys = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    await button(admin, '登记客户端').click()
    const at = dialog(admin)
    await at.getByLabel('名称').fill('县医院电子病历')
    await at.getByLabel('公钥（JWKS）').fill(JSON.stringify(keys.privateKey.export({ format: 'jwk' })))
    await button(at, '保存').click()
    await at.getByText('这里含有私钥：请让对方只提供公钥').waitFor()
    await at.getByLabel('公钥（JWKS）').fill(JSON.stringify(keys.publicKey.export({ format: 'jwk' })))
    await axe(admin, 'registering a client')
    await button(at, '保存').click()
    const id = await at.locator('code').innerText()
    assert.match(id, /^[0-9a-f]{16}$/)
    await button(at.locator('footer'), '关闭').click() // what is told in it has one too
    await closed(admin)
    const row = admin.getByRole('row', { name: new RegExp(id) })
    await row.getByText('system/*.read', { exact: true }).waitFor()
    await row.getByRole('button', { name: /停用/ }).click()
    await button(dialog(admin), '停用').click()
    await closed(admin)
    await counted(row.getByRole('button', { name: /停用/ }), 0)
  },
  'messages come; one of no use waits for a person, the others do not wait for it': async () => {
    assert.equal(await send(message('m1', 'ORU^R01', 'PID|1||900101||蒋^文||19710203|F\nOBR|1||f1|CBC^血常规\nOBX|1|NM|WBC^白细胞||6.1|10*9/L|4-10|N|||F')), 'AA')
    assert.equal(await send(message('m2', 'ORU^R01', 'PID|1||||沈^静||19750101|F\nOBR|1||f2|CBC^血常规\nOBX|1|NM|WBC^白细胞||5.5|10*9/L|4-10|N|||F')), 'AE')
    assert.equal(await send(message('m3', 'ADT^A08', 'PID|1||900101||蒋^文文||19710203|F')), 'AA')
    assert.equal(await send(message('m1', 'ORU^R01', 'PID|1||900102||蒋^文||19710203|F\nOBX|1|NM|K^钾||4')), 'AA')
    await button(admin, '刷新').click()
    await admin.getByText(/收到 4：入库 3 · 异常报文 1/).waitFor()
    await admin.getByRole('tab', { name: /^异常报文 1$/ }).click()
    await admin.getByText('没有患者号').waitFor()
    assert.equal(await button(admin, '查看并更正').count(), 0) // an administrator reads no health data
    await admin.getByRole('tab', { name: '每日对账' }).click()
    await admin.getByText('未登记的来源').waitFor()
    await counted(admin.getByText('相符'), 2)
  },
  'the steward corrects it and replays it': async () => {
    const page = await open(browser, { base: site.base })
    page.setDefaultTimeout(20000)
    await signIn(page, 'dean')
    await page.goto('/admin/exchange')
    await page.getByRole('tab', { name: /^异常报文 1$/ }).click()
    await page.waitForURL('**/admin/exchange?tab=dead') // a reload or a colleague comes to the same list
    await button(page, '查看并更正').click()
    const at = dialog(page)
    const text = at.getByLabel('报文内容（可直接更正）')
    await text.waitFor()
    await text.press('End')
    await text.pressSequentially('x')
    await page.keyboard.press('Escape') // by a slip: what was typed stays until it is given up on purpose
    await at.getByText('更正还没有提交').waitFor()
    await button(at, '继续更正').click()
    await text.press('Backspace')
    await button(at, '重新处理').click()
    await at.getByText('仍不能使用：PID-3.1').waitFor()
    if (shots) await page.screenshot({ path: join(shots, 'letter.png') })
    await axe(page, 'the dead letter')
    await text.fill((await text.inputValue()).replace('PID|1||||沈', 'PID|1||900103||沈'))
    await button(at, '按更正内容重新处理').click()
    await closed(page)
    await page.getByText('没有异常报文').waitFor()
    await page.context().close()
  },
  'the number of problem messages opens them; all of them are replayed only when one says so': async () => {
    for (const id of ['m5', 'm6']) assert.equal(await send(message(id, 'ORU^R01', 'PID|1||||沈^静||19750101|F\nOBR|1||f2|CBC^血常规\nOBX|1|NM|WBC^白细胞||5.5|10*9/L|4-10|N|||F')), 'AE')
    const page = await open(browser, { base: site.base })
    page.setDefaultTimeout(20000)
    await signIn(page, 'dean')
    await page.goto('/admin/exchange')
    await page.getByRole('button', { name: '县医院检验系统 异常报文 2' }).click()
    await counted(page.getByRole('button', { name: '查看并更正' }), 2)
    await button(page, '全部按原文重新处理').click()
    await dialog(page).getByText('将列表中的 2 条异常报文').waitFor()
    await axe(page, 'the question before all are replayed')
    await button(dialog(page), '重新处理').click()
    await page.getByText('重新处理 2 条，成功 0 条').waitFor()
    for (let i = 2; i > 0; i--) {
      await button(page, '查看并更正').first().click()
      await button(dialog(page), '搁置…').click()
      await dialog(page).getByLabel('搁置原因').fill('测试报文')
      await button(dialog(page), '搁置').click()
      await closed(page)
      await counted(page.getByRole('button', { name: '查看并更正' }), i - 1)
    }
    await page.context().close()
  },
  'a source leaves tables in a folder: each row is accounted for, a broken one is corrected': async () => {
    const drop = join(site.dir, 'drop')
    await admin.goto('/admin/exchange')
    await button(admin, '登记来源').click()
    const form = dialog(admin)
    await form.getByLabel('名称').first().fill('县医院体检系统')
    await form.locator('select').first().selectOption({ label: '云岭县人民医院' })
    await form.getByLabel('接入方式').selectOption('folder')
    await form.getByLabel('文件夹名称').fill('../x')
    await form.getByLabel('名称（CX.4.1）').fill('YLTJ')
    await form.getByLabel('映射表').selectOption('rows_results')
    await button(form, '保存').click()
    await form.getByText('只能用字母、数字、- 和 _').first().waitFor()
    await form.getByLabel('文件夹名称').fill('tj')
    if (shots) await admin.screenshot({ path: join(shots, 'folder-form.png') })
    await button(form, '保存').click()
    await closed(admin)
    for (let i = 0; !existsSync(join(drop, 'tj')) && i < 200; i++) await new Promise((f) => setTimeout(f, 100)) // the daemon makes it
    const put = (name, text) => {
      writeFileSync(join(drop, 'tj', `${name}.part`), text)
      renameSync(join(drop, 'tj', `${name}.part`), join(drop, 'tj', name))
    }
    put('体检1128.csv', '患者号,姓名,项目代码,项目名称,结果,单位,报告时间,导出批次\n7001,吴磊,GLU,血糖,5.1,mmol/L,2026-11-27 09:00,9\n,无号人,GLU,血糖,5.2,mmol/L,2026-11-27 09:00,9\n7003,吴桐,GLU,血糖,5.3,mmol/L,2026-11-27 09:00,9\n')
    put('通讯录.csv', '科室,电话\n内科,123\n')
    await admin.getByRole('tab', { name: '文件' }).click()
    for (let i = 0; i < 100 && (await admin.getByText('已完成').count()) + (await admin.getByText('不能读取').count()) < 2; i++) {
      await button(admin, '刷新').click()
      await new Promise((f) => setTimeout(f, 200))
    }
    await admin.getByText('未使用的列：导出批次').waitFor()
    await admin.getByText('缺少“患者号”列').waitFor()
    assert.deepEqual(await admin.locator('tr', { hasText: '体检1128.csv' }).locator('td .num').allTextContents().then((t) => t.slice(1)), ['3', '2', '1', '0'])
    await axe(admin, 'files')
    const page = await open(browser, { base: site.base })
    page.setDefaultTimeout(20000)
    await signIn(page, 'dean')
    await page.goto('/admin/exchange')
    await page.getByRole('tab', { name: /^异常报文 1$/ }).click()
    await page.getByText('第 2 行').waitFor()
    await button(page, '查看并更正').click()
    const at = dialog(page), text = at.getByLabel('报文内容（可直接更正）')
    await text.waitFor()
    if (shots) await page.screenshot({ path: join(shots, 'row-letter.png') })
    await text.fill((await text.inputValue()).replace('\n,无号人', '\n7002,无号人'))
    await button(at, '按更正内容重新处理').click()
    await closed(page)
    await page.getByText('没有异常报文').waitFor()
    await page.context().close()
  },
  'rows are pulled from a database; its trouble is told': async () => {
    const file = join(site.dir, 'lis.db')
    const theirs = (sql) => execFileSync('python3', ['-c', 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.executescript(sys.argv[2]); db.close()', file, sql])
    theirs("CREATE TABLE lis_result (seq INTEGER PRIMARY KEY, patient_no TEXT, name TEXT, item_code TEXT, result TEXT, reported_at TEXT); INSERT INTO lis_result VALUES (1,'8001','姜明','K','4.1','2026-11-27 08:00'), (2,'8002','姜月','K','4.2','2026-11-27 08:01')")
    writeFileSync(join(site.dir, 'odbc.ini'), `[lis]\nDriver = SQLite3\nDatabase = ${file}\n`)
    await admin.goto('/admin/exchange')
    await button(admin, '登记来源').click()
    const form = dialog(admin)
    await form.getByLabel('名称').first().fill('县医院检验库')
    await form.locator('select').first().selectOption({ label: '云岭县人民医院' })
    await form.getByLabel('接入方式').selectOption('database')
    await form.getByLabel('数据源名称（DSN）').fill('lis')
    await form.getByLabel('视图').fill('lis_result; DROP')
    await form.getByLabel('增量列').fill('seq')
    await form.getByLabel('名称（CX.4.1）').fill('YLDB')
    await button(form, '保存').click()
    await form.getByText('只能是名称').waitFor()
    await form.getByLabel('视图').fill('lis_result')
    if (shots) await admin.screenshot({ path: join(shots, 'database-form.png') })
    await button(form, '保存').click()
    await closed(admin)
    const row = admin.locator('tr', { hasText: '县医院检验库' })
    const until = async (text) => {
      for (let i = 0; i < 100 && !(await row.getByText(text).count()); i++) {
        await button(admin, '刷新').click()
        await new Promise((f) => setTimeout(f, 200))
      }
      await row.getByText(text).waitFor()
    }
    await until('拉取到 2')
    await row.getByText('收到 2：入库 2').waitFor()
    theirs('ALTER TABLE lis_result RENAME TO away')
    await button(row, '立即拉取').click()
    await until('数据库报错')
    await row.getByText('lis_result', { exact: false }).first().waitFor()
    await axe(admin, 'a source that fails')
    if (shots) await admin.screenshot({ path: join(shots, 'pull-failed.png') })
    theirs('ALTER TABLE away RENAME TO lis_result')
    await button(row, '修改').click()
    await button(dialog(admin), '从头拉取全部历史').click()
    await closed(admin)
    await until('拉取到 2')
    await row.getByText('收到 2：入库 2').waitFor() // known again, not counted
  },
  'our own objects go out: a receiver is registered, is down, comes back, is sent everything again': async () => {
    await admin.goto('/admin/exchange')
    await admin.getByRole('tab', { name: '数据推送' }).click()
    await admin.getByText('还没有接收方').waitFor()
    await button(admin, '登记接收方').click()
    const form = dialog(admin)
    await form.getByLabel('名称').first().fill('市全民健康信息平台')
    await form.getByLabel('推送地址').fill('http://127.0.0.1:1/in')
    await button(form, '保存').click()
    await form.getByText('不在服务器允许的地址之内').waitFor()
    await axe(admin, 'the form of a receiver')
    if (shots) await admin.screenshot({ path: join(shots, 'receiver-form.png') })
    await form.getByLabel('推送地址').fill(`http://127.0.0.1:${door.address().port}/in`)
    await button(form, '保存').click()
    await closed(admin)
    const row = admin.locator('tr', { hasText: '市全民健康信息平台' })
    const until = async (what) => {
      for (let i = 0; i < 150 && !(await row.getByText(what).count()); i++) {
        await button(admin, '刷新').click()
        await new Promise((f) => setTimeout(f, 200))
      }
      await row.getByText(what).first().waitFor()
    }
    await until(/已送达 ([1-9]\d*)，最新 \1$/)
    await until('正常')
    const first = centre.got.length
    assert.deepEqual(centre.got, centre.got.map((_, i) => String(i + 1)))
    centre.status = 503
    assert.equal(await send(message('m9', 'ADT^A04', 'PID|1||900109||严^明||19710203|F')), 'AA')
    await until('HTTP 503')
    await row.getByText('重试中').waitFor()
    if (shots) await admin.screenshot({ path: join(shots, 'receiver-down.png') })
    await axe(admin, 'a receiver that is down')
    centre.status = 200
    await until(`已送达 ${first + 1}，最新 ${first + 1}`)
    await button(row, '暂停').click()
    await row.getByText('已暂停').waitFor()
    await button(row, '继续').click()
    await until('正常')
    await button(row, '查看').click()
    const at = dialog(admin)
    await at.getByText('没有被拒的数据').waitFor()
    await at.getByLabel('从编号重新推送').fill('1')
    const before = centre.got.length
    await button(at, '重新推送').click()
    await admin.getByText(`${first + 1} 项已排队`).waitFor()
    await axe(admin, 'a receiver')
    if (shots) await admin.screenshot({ path: join(shots, 'receiver.png') })
    await button(at.locator('footer'), '关闭').click()
    await closed(admin)
    for (let i = 0; i < 150 && centre.got.length < before + first + 1; i++) await new Promise((f) => setTimeout(f, 100))
    assert.deepEqual(centre.got.slice(before), Array.from({ length: first + 1 }, (_, i) => String(i + 1))) // the same numbers once more
  },
  'a hospital takes HL7 v2: it is registered by host and port, refuses one person, gets him once more': async () => {
    await admin.goto('/admin/exchange')
    await admin.getByRole('tab', { name: '数据推送' }).click()
    await button(admin, '登记接收方').click()
    const form = dialog(admin)
    await form.getByLabel('名称').first().fill('云岭县人民医院 HIS')
    await form.getByText('HL7 v2（MLLP）').click()
    await form.getByLabel('推送地址').waitFor({ state: 'detached' })
    await form.getByLabel('主机').fill('127.0.0.1')
    await form.getByLabel('端口').fill('1')
    await form.getByLabel('接收应用').fill('HIS')
    await form.getByLabel('接收机构').fill('YLYY')
    await form.getByLabel('字符集').selectOption('gb18030')
    await button(form, '保存').click()
    await form.getByText('不在服务器允许的地址之内').waitFor()
    await axe(admin, 'the form of a receiver of HL7')
    if (shots) await admin.screenshot({ path: join(shots, 'hl7-form.png') })
    await form.getByLabel('端口').fill(String(his.port))
    his.answer = (text) => (text.includes('|蒋^文文^') ? 'MSA|AE||蒋文文没有证件号\rERR||PID^1^3|101^Required field missing^HL70357|E\r' : 'MSA|AA|')
    await button(form, '保存').click()
    await closed(admin)
    const row = admin.locator('tr', { hasText: '云岭县人民医院 HIS' })
    const until = async (what) => {
      for (let i = 0; i < 150 && !(await row.getByText(what).count()); i++) {
        await button(admin, '刷新').click()
        await new Promise((f) => setTimeout(f, 200))
      }
      await row.getByText(what).first().waitFor()
    }
    await until('被拒 1')
    await until(/已送达 ([1-9]\d*)，最新 \1$/)
    await row.getByText('HL7 v2 · GB 18030').waitFor()
    assert.deepEqual(his.got.map((t) => t.split('|')[9].split('-')[1]), his.got.map((_, i) => String(i + 1)))
    assert.ok(his.got.every((t) => /^MSH\|\^~\\&\|YILIAN\|YILIAN\|HIS\|YLYY\|/.test(t)))
    if (shots) await admin.screenshot({ path: join(shots, 'hl7-row.png') })
    await button(row, '查看').click()
    const at = dialog(admin)
    await at.getByText('AE · PID-3 · 101 Required field missing · ***没有证件号').waitFor() // not whom it was about
    await axe(admin, 'a receiver of HL7')
    if (shots) await admin.screenshot({ path: join(shots, 'hl7-dead.png') })
    his.answer = () => 'MSA|AA|'
    const before = his.got.length
    await button(at, '重发').click()
    await at.getByText('没有被拒的数据').waitFor()
    await button(at.locator('footer'), '关闭').click()
    await closed(admin)
    for (let i = 0; i < 150 && his.got.length === before; i++) await new Promise((f) => setTimeout(f, 100))
    assert.ok(his.got[before].includes('|蒋^文文^'))
    await button(row, '修改').click()
    const again = dialog(admin)
    await again.getByLabel('主机').waitFor()
    assert.equal(await again.getByLabel('端口').inputValue(), String(his.port))
    assert.equal(await again.getByLabel('字符集').inputValue(), 'gb18030')
    await button(again, '取消').click()
    await closed(admin)
  },
  'both sizes, both languages: axe, nothing cut off': async () => {
    for (const [shape, name] of [[DESKTOP, 'desktop'], [PHONE, 'phone']])
      for (const lang of ['zh', 'en']) {
        const page = await open(browser, { base: site.base, shape, lang })
        page.setDefaultTimeout(20000)
        await signIn(page, 'admin')
        await page.goto('/admin/exchange')
        await page.getByText('县医院检验系统').first().waitFor()
        await axe(page, `sources, ${name}, ${lang}`)
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name}, ${lang}: the page is wider than the screen`)
        if (shots) await page.screenshot({ path: join(shots, `sources-${name}-${lang}.png`), fullPage: true })
        await page.getByRole('tab').nth(2).click()
        await page.getByText('通讯录.csv').waitFor()
        await axe(page, `files, ${name}, ${lang}`)
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `files, ${name}, ${lang}: the page is wider than the screen`)
        if (shots) await page.screenshot({ path: join(shots, `files-${name}-${lang}.png`), fullPage: true })
        await page.getByRole('tab').nth(3).click()
        await page.locator('td .num').first().waitFor()
        if (shots) await page.screenshot({ path: join(shots, `days-${name}-${lang}.png`), fullPage: true })
        await page.getByRole('tab').nth(4).click()
        await page.getByText('市全民健康信息平台').waitFor()
        await axe(page, `receivers, ${name}, ${lang}`)
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `receivers, ${name}, ${lang}: the page is wider than the screen`)
        if (shots) await page.screenshot({ path: join(shots, `receivers-${name}-${lang}.png`), fullPage: true })
        await page.locator('tr', { hasText: 'HL7 v2' }).getByRole('button').nth(1).click()
        await page.locator('dialog[open] form').waitFor()
        await axe(page, `the form of HL7, ${name}, ${lang}`)
        assert.ok(await page.evaluate(() => document.querySelector('dialog[open]').scrollWidth <= innerWidth), `the form of HL7, ${name}, ${lang}: wider than the screen`)
        if (shots) await page.screenshot({ path: join(shots, `hl7-form-${name}-${lang}.png`) })
        await page.context().close()
      }
  },
}
await run(jobs)
await browser.close()
await site.stop()
his.close()
door.closeAllConnections()
door.close()
