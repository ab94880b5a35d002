// The administration desk on the real daemon with the demo consortium: the jobs of the people who set up and watch over a site, end to
// end; then every page for accessibility, width and console, in both sizes and languages. SHOTS=dir keeps pictures.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { axe, counted, DESKTOP, launch, open, PHONE, ROOT, run } from './lib.mjs'
import { PASSWORD, signIn, startSite } from './site.mjs'

process.env.TZ = 'Asia/Shanghai' // the browser takes it over: pages show the time of the place they stand in
const site = await startSite()
const browser = await launch()
const shots = process.env.SHOTS
if (shots) mkdirSync(shots, { recursive: true })
const pages = {}
const as = async (login) => {
  if (!pages[login]) {
    pages[login] = await open(browser, { base: site.base })
    pages[login].setDefaultTimeout(15000)
    await signIn(pages[login], login)
  }
  return pages[login]
}
/** A request of the page's own session, with its CSRF token: what the server says when the page does not ask nicely. */
const ask = (page, method, path, body) =>
  page.evaluate(async ([method, path, body]) => {
    const me = await (await fetch('/api/v1/session')).json()
    const r = await fetch('/api/v1' + path, { method, headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': me.csrf }, body: body ? JSON.stringify(body) : undefined })
    const text = await r.text()
    return { status: r.status, body: text ? JSON.parse(text) : null }
  }, [method, path, body])
const dialog = (page) => page.locator('dialog[open]').last()
const closed = (page) => page.locator('dialog[open]').first().waitFor({ state: 'detached' })
const button = (at, name) => at.getByRole('button', { name, exact: true })
async function choose(at, label, typed, option) {
  await at.getByRole('combobox', { name: label, exact: true }).first().fill(typed)
  await at.getByRole('option', { name: option }).first().click()
}
const shot = async (page, name) => shots && page.screenshot({ path: join(shots, `${name}.png`) })
const two = (n) => String(n).padStart(2, '0')
const day = (plus) => {
  const d = new Date()
  d.setDate(d.getDate() - ((d.getDay() + 6) % 7) + plus) // from this week's Monday
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`
}
let wu, initial

const jobs = {
  'a department is added; its code is nobody else’s': async () => {
    const page = await as('admin')
    await page.goto('/admin/orgs')
    await page.getByText('云岭县人民医院').first().waitFor()
    await page.getByRole('row', { name: /云岭县人民医院/ }).getByRole('button', { name: '新增下级' }).click()
    await dialog(page).getByLabel(/^名称/).fill('呼吸内科')
    await dialog(page).getByLabel(/^代码/).fill('YL01-NEURO')
    await button(dialog(page), '保存').click()
    await dialog(page).getByText('已被使用').waitFor()
    assert.equal(await dialog(page).getByLabel(/^代码/).getAttribute('aria-invalid'), 'true')
    await shot(page, 'job-org-code-taken')
    await dialog(page).getByLabel(/^代码/).fill('YL01-RESP')
    await button(dialog(page), '保存').click()
    await closed(page)
    await page.getByLabel('查找').fill('hxnk')
    await page.getByRole('row', { name: /呼吸内科/ }).waitFor()
    assert.equal(await page.getByRole('row', { name: /神经内科/ }).count(), 0)
  },
  'a house with departments in use is not closed': async () => {
    const page = await as('admin')
    await page.getByLabel('查找').fill('云岭')
    await page.getByRole('row', { name: /云岭县人民医院/ }).getByRole('button', { name: '修改' }).click()
    await button(dialog(page), '停用').click()
    await button(dialog(page), '停用').last().click()
    await page.locator('dialog').getByText('请先停用它们').waitFor()
    await button(dialog(page), '取消').click()
  },
  'a doctor gets an account, a post in it, and a password shown once': async () => {
    const page = await as('admin')
    await page.goto('/admin/people')
    await button(page, '新增人员').click()
    await dialog(page).getByLabel(/^账号/).fill('xy.wu')
    await dialog(page).getByLabel(/^姓名/).fill('吴秀兰')
    await dialog(page).getByLabel('职称').selectOption('副主任医师')
    await dialog(page).getByRole('textbox', { name: '执业有效期至' }).fill('2031-02-30')
    await dialog(page).getByLabel(/^执业证书号/).fill('991100000009')
    await dialog(page).getByRole('textbox', { name: '执业有效期至' }).fill('2031-12-31')
    await dialog(page).getByLabel(/^专长/).fill('慢阻肺、哮喘')
    await button(dialog(page), '保存').click()
    await dialog(page).getByText('只显示这一次').waitFor()
    initial = await dialog(page).locator('.initial').innerText()
    await shot(page, 'job-initial-password')
    await page.keyboard.press('Escape')
    assert.equal(await dialog(page).locator('.initial').innerText(), initial, 'Escape does not lose the password')
    await button(dialog(page), '已记下，关闭').click()
    await page.waitForURL('**/admin/people/0*')
    wu = page.url().split('/').pop()
    await page.getByText('还没有岗位').waitFor()
    await button(page, '修改岗位和角色').click()
    await choose(page, '机构', 'ylx', '云岭县人民医院')
    await choose(page, '科室', 'hx', '呼吸内科')
    await page.getByLabel('专家', { exact: true }).check()
    await page.getByLabel('申请医师', { exact: true }).check()
    await shot(page, 'job-posts-editor')
    await button(page, '保存岗位和角色').click()
    await page.getByText('云岭县人民医院 · 呼吸内科').waitFor()
    assert.ok(!(await page.content()).includes(initial), 'the password is nowhere any more')
  },
  'she signs in, must change the password, and is in': async () => {
    const page = (pages['xy.wu'] = await open(browser, { base: site.base }))
    page.setDefaultTimeout(15000)
    await page.goto('/login')
    await page.fill('input[autocomplete=username]', 'xy.wu')
    await page.fill('input[type=password]', initial)
    await page.keyboard.press('Enter')
    await page.locator('input[autocomplete=new-password]').first().waitFor()
    assert.equal((await ask(page, 'GET', '/orgs')).status, 401, 'nothing is open before the change')
    for (const [i, text] of (await page.locator('input[type=password]').count()) === 3 ? [[0, initial], [1, 'Wu-Xiulan-2026'], [2, 'Wu-Xiulan-2026']] : [[0, 'Wu-Xiulan-2026'], [1, 'Wu-Xiulan-2026']]) await page.locator('input[type=password]').nth(i).fill(text)
    await page.keyboard.press('Enter')
    await page.waitForURL((u) => !u.pathname.startsWith('/login'))
    await page.getByText('吴秀兰').first().waitFor()
    assert.equal(await page.locator('nav.side').getByText('人员').count(), 0, 'an expert has no staff page')
    await page.goto('/admin/people')
    await page.waitForURL('**/no-access**')
  },
  'a reset password works once and signs her out': async () => {
    const page = await as('admin')
    await page.goto(`/admin/people/${wu}`)
    await button(page, '重置密码').click()
    await button(dialog(page), '重置密码').click()
    await dialog(page).locator('.initial').waitFor()
    assert.notEqual(await dialog(page).locator('.initial').innerText(), initial)
    await button(dialog(page), '已记下，关闭').click()
    assert.equal((await ask(pages['xy.wu'], 'GET', '/orgs')).status, 401)
  },
  'a signature picture is added and shown': async () => {
    const page = await as('admin')
    const png = await page.evaluate(() => {
      const c = document.createElement('canvas')
      c.width = 240
      c.height = 80
      const g = c.getContext('2d')
      g.fillStyle = '#fff'
      g.fillRect(0, 0, 240, 80)
      g.font = 'italic 40px serif'
      g.fillStyle = '#000'
      g.fillText('Wu Xiulan', 20, 52)
      return c.toDataURL('image/png').split(',')[1]
    })
    await page.locator('input[type=file]').setInputFiles({ name: 's.png', mimeType: 'image/png', buffer: Buffer.from(png, 'base64') })
    await page.getByAltText('吴秀兰 的签名').waitFor()
    await page.waitForFunction(() => document.querySelector('img[alt^=吴秀兰]').naturalWidth === 240)
    await shot(page, 'job-person')
    await page.locator('input[type=file]').setInputFiles({ name: 's.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') })
    await page.getByText(/PNG 或 JPEG 图片|有误/).first().waitFor()
  },
  'nobody grants himself a role, and the page says why': async () => {
    const page = await as('admin')
    const me = (await ask(page, 'GET', '/session')).body
    await page.goto(`/admin/people/${me.person.id}`)
    await page.getByText('任何人都不能修改自己的岗位和角色').waitFor()
    assert.equal(await button(page, '修改岗位和角色').count(), 0)
    assert.equal(await button(page, '重置密码').count(), 0)
    await shot(page, 'job-own-roles')
    const r = await ask(page, 'PUT', `/people/${me.person.id}/posts`, { posts: [{ org_id: me.post.org.id, roles: ['consortium_admin', 'auditor'] }] })
    assert.deepEqual([r.status, r.body.error.reason], [403, 'own_roles'])
    assert.equal((await ask(page, 'PATCH', `/people/${me.person.id}`, { active: false })).status, 422)
  },
  'medical affairs imports a roster: a fault on line 3 keeps everything out': async () => {
    const page = await as('xy.zhao')
    await page.goto('/admin/roster')
    await button(page, '导入 CSV').click()
    const line = (who, n, kind) => `${who},YL01-RESP,${day(n)} 08:00,${day(n)} 17:30,${kind}`
    // as a spreadsheet on a Chinese Windows writes it: GB18030
    const gb = Buffer.concat([Buffer.from('login,dept,start,end,kind\r\n'), Buffer.from(line('xy.wu', 1, '')), Buffer.from([0xd6, 0xb5, 0xb0, 0xe0]), Buffer.from(`\r\n${line('xy.wo', 2, 'duty')}\r\n${line('xy.wu', 3, 'second')}\r\n`)])
    await page.locator('input[type=file]').setInputFiles({ name: 'roster.csv', mimeType: 'text/csv', buffer: gb })
    const box = dialog(page).getByLabel('内容')
    await page.waitForFunction((b) => b.value.includes('值班'), await box.elementHandle()) // read by the page in its own time
    await button(dialog(page), '导入 CSV').click()
    await dialog(page).getByRole('alert').getByText('没有导入任何一班').waitFor()
    assert.match(await dialog(page).locator('tbody tr').innerText(), /第 3 行[\s\S]*没有这个账号[\s\S]*xy\.wo/)
    await counted(dialog(page).locator('tbody tr'), 1)
    await shot(page, 'job-roster-fault')
    const before = (await ask(page, 'GET', '/roster')).body.items.filter((s) => s.person_id === wu)
    assert.equal(before.length, 0)
    await box.fill((await box.inputValue()).replace('xy.wo', 'xy.wu'))
    await button(dialog(page), '导入 CSV').click()
    await closed(page)
    await page.getByText('已导入 3 班').waitFor()
    await counted(page.locator('tr', { hasText: '呼吸内科' }).locator('.shift'), 3)
  },
  'a shift is added on several days, one that overlaps is named, one is removed': async () => {
    const page = await as('xy.zhao')
    await page.getByRole('button', { name: /新增排班$/ }).filter({ hasNotText: '呼吸' }).first().click()
    await choose(dialog(page), '人员', 'wxl', '吴秀兰')
    await choose(dialog(page), '科室', 'hx', '呼吸内科')
    await dialog(page).getByLabel(/^从/).fill('9:00')
    for (const box of await dialog(page).getByRole('group', { name: '排到哪几天' }).getByRole('checkbox').all()) await box.setChecked(false)
    for (const n of [0, 1]) await dialog(page).getByRole('group', { name: '排到哪几天' }).getByRole('checkbox').nth(n).check()
    await button(dialog(page), '保存').click()
    await dialog(page).getByText('与该人员已有的同类排班重叠').waitFor()
    await button(dialog(page), '取消').click()
    const row = page.locator('tr', { hasText: '呼吸内科' })
    await page.waitForFunction(() => document.querySelectorAll('.shift').length > 0)
    await counted(row.locator('.shift'), 4)
    await row.locator('.shift').first().click()
    await button(dialog(page), '删除这一班').click()
    await closed(page)
    await page.waitForFunction(() => [...document.querySelectorAll('tr')].find((r) => r.innerText.startsWith('呼吸内科'))?.querySelectorAll('.shift').length === 3)
    await shot(page, 'job-roster')
  },
  'another house’s roster and hours are not hers': async () => {
    const page = await as('xy.zhao')
    const orgs = (await ask(page, 'GET', '/orgs')).body.items
    const city = orgs.find((o) => o.code === 'NJ01').id
    await page.goto(`/admin/roster?org=${city}`)
    await page.getByRole('rowheader', { name: '神经内科' }).waitFor()
    assert.equal(await button(page, '导入 CSV').count(), 0)
    await page.goto(`/admin/hours?org=${city}`)
    await page.getByText('只有医联体管理员或该机构的医务科可以修改').waitFor()
    const week = Array.from({ length: 7 }, () => [])
    assert.equal((await ask(page, 'PUT', `/calendars/${city}`, { week, holidays: [], makeups: [] })).status, 403)
  },
  'working hours: inherited, own, inherited again': async () => {
    const page = await as('xy.zhao')
    await page.goto('/admin/hours')
    await button(page, '为本机构单独设置').click()
    const monday = page.getByRole('group', { name: '星期一' })
    await monday.getByRole('textbox').first().fill('13:00')
    await page.getByText('请检查标红的时间').waitFor()
    assert.ok(await button(page, '保存').isDisabled())
    await monday.getByRole('textbox').first().fill('7:30')
    await page.getByLabel('放假日期 日期').first().fill('2027-01-01')
    await page.getByLabel('放假日期 日期').first().press('Tab')
    await button(page, '加入').first().click()
    await shot(page, 'job-hours')
    await button(page, '保存').click()
    await button(page, '恢复沿用上级').waitFor()
    const set = (await ask(page, 'GET', '/calendars')).body.items
    assert.deepEqual([set.length, set[0].week[0][0].start, set[0].holidays], [1, '07:30', ['2027-01-01']])
    await button(page, '恢复沿用上级').click()
    await button(dialog(page), '恢复沿用上级').click()
    await button(page, '为本机构单独设置').waitFor()
    assert.equal((await ask(page, 'GET', '/calendars')).body.items.length, 0)
  },
  'a policy outside its range is refused at the field; a good one takes effect; the default comes back': async () => {
    const page = await as('admin')
    await page.goto('/admin/policies')
    const row = page.getByRole('row', { name: /无操作自动退出/ })
    await row.getByRole('button').click()
    await dialog(page).getByLabel(/^无操作自动退出/).fill('4')
    await button(dialog(page), '保存').click()
    await dialog(page).getByText('超出范围 5 – 240').waitFor()
    await dialog(page).getByLabel(/^无操作自动退出/).fill('30')
    await button(dialog(page), '保存').click()
    await closed(page)
    await row.getByText('30 分钟').waitFor()
    assert.equal((await ask(await as('xy.zhao'), 'GET', '/session')).body.idle_ms, 30 * 60000)
    await shot(page, 'job-policy')
    await row.getByRole('button').click()
    await button(dialog(page), '恢复默认值').click()
    await closed(page)
    assert.equal((await ask(await as('xy.zhao'), 'GET', '/session')).body.idle_ms, 15 * 60000)
    await page.getByRole('button', { name: /分诊.*紧急.*2 小时/ }).click()
    await dialog(page).getByLabel(/^数值/).fill('90')
    await dialog(page).getByLabel('单位').selectOption('min')
    await button(dialog(page), '保存').click()
    await closed(page)
    await page.getByRole('button', { name: /分诊.*紧急.*90 分钟/ }).waitFor()
    const p = (await ask(page, 'GET', '/policies')).body.items.find((x) => x.id === 'deadline.triage.urgent')
    assert.equal(p.value, '90min')
  },
  'a gateway is set up, tested against a real server, and its failure is shown': async () => {
    const got = []
    let status = 200
    const server = createServer((q, s) => {
      let text = ''
      q.on('data', (d) => (text += d)).on('end', () => {
        got.push({ text, headers: q.headers })
        s.writeHead(status).end()
      })
    })
    await new Promise((done) => server.listen(0, '127.0.0.1', done))
    const page = await as('admin')
    await page.goto('/admin/gateways')
    await button(page, '新增网关').click()
    await dialog(page).getByLabel(/^名称/).fill('短信平台')
    await dialog(page).getByLabel(/^地址/).fill('ftp://nowhere')
    await button(dialog(page), '生成').click()
    await button(dialog(page), '保存').click()
    await dialog(page).getByText('须为 http:// 或 https://').waitFor()
    await dialog(page).getByLabel(/^地址/).fill(`http://127.0.0.1:${server.address().port}/sms`)
    await button(dialog(page), '保存').click()
    await closed(page)
    await button(page, '测试').click()
    await page.getByText('“短信平台”测试成功').waitFor({ timeout: 30000 })
    assert.equal(got.length, 1)
    assert.ok(Object.keys(got[0].headers).some((h) => /sign/i.test(h)), 'signed')
    status = 503
    await button(page, '测试').click()
    await page.getByText(/第 1 次未成功（对方回答 503）/).waitFor({ timeout: 30000 })
    await shot(page, 'job-gateway')
    await page.getByRole('tab', { name: '发送队列' }).click()
    await page.getByRole('cell', { name: '对方回答 503' }).first().waitFor()
    await page.getByLabel('状态').selectOption('sent')
    await page.waitForFunction(() => document.querySelectorAll('.y-table tbody tr').length === 1)
    await page.getByRole('tab', { name: '网关' }).click()
    await button(page, '修改').click()
    await dialog(page).getByLabel('启用').uncheck()
    await button(dialog(page), '保存').click()
    await page.getByText('先启用网关才能测试').waitFor()
    await new Promise((done) => server.close(done))
  },
  'the auditor finds the denied act, pages, verifies and exports; no operation is without words': async () => {
    const page = await as('audit')
    await page.goto('/admin/audit')
    await page.locator('tbody tr').nth(99).waitFor()
    await page.getByRole('button', { name: /再显示 100 行/ }).click()
    await page.locator('tbody tr').nth(150).waitFor()
    await page.getByLabel('只看被拒绝的').check()
    await choose(page, '操作', 'person.posts', /修改岗位和角色/)
    await button(page, '查询').click()
    await page.getByText('修改自己的角色').waitFor()
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1) // the list before it had the words too
    await shot(page, 'job-audit')
    await button(page, '校验审计链').click()
    await page.getByText(/完整：共 \d+ 行/).waitFor()
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: /导出所列 1 行/ }).click()])
    const csv = readFileSync(await file.path(), 'utf8')
    assert.match(csv, /^\ufeff序号,.*\r\n\d+,\d{4}-\d\d-\d\d [\d:]+,管理员,/)
    assert.match(csv, /person\.posts,denied,.*own_roles/)
    await page.getByRole('button', { name: '清除条件' }).click()
    await page.locator('tbody tr').nth(50).waitFor()
    assert.ok(!/沈萍香|991813196709102366|刘超明/.test(await page.content()), 'no health data in the audit')
    const named = new Set([...readFileSync(join(ROOT, 'web/src/desks/admin/words-ops.ts'), 'utf8').matchAll(/'([a-z]\w*\.\w+)':/g)].map((m) => m[1]))
    const outside = /^(upload\.(append|offset)|blob\.read|(whip|whep|signaling)\.\w+)$/ // URLs that are no operation of the table: no audit line has their name
    const all = Object.values(JSON.parse(site.ctl('openapi', 'print')).paths).flatMap((p) => Object.values(p)).map((o) => o?.operationId).filter((id) => id?.includes('.') && !outside.test(id))
    assert.deepEqual(all.filter((id) => !named.has(id)), [], 'web/src/desks/admin/words-ops.ts: operations without words')
  },
  'the inventory counts what is stored, whose it is and what is missing, and shows no value': async () => {
    const page = await as('audit')
    await page.goto('/admin/inventory')
    const row = page.getByRole('row', { name: /患者身份信息/ })
    await row.waitFor()
    assert.match(await row.innerText(), /个人属性数据[\s\S]*第 4 级[\s\S]*各机构医务科[\s\S]*\d{4}-\d\d-\d\d/)
    assert.match(await page.getByRole('row', { name: /会诊录音录像/ }).innerText(), /\b0\b[\s\S]*第 5 级/)
    const staff = await page.getByRole('row', { name: /人员与岗位/ }).innerText()
    assert.match(staff, /二次验证 [\d.]+%/)
    await row.getByText('2 张表').click()
    await row.getByText('patient_key').waitFor()
    await shot(page, 'job-inventory')
    assert.ok(!/沈萍香|991813196709102366|刘超明/.test(await page.content()), 'no health data in the inventory')
    const [file] = await Promise.all([page.waitForEvent('download'), button(page, '导出').click()])
    assert.match(readFileSync(await file.path(), 'utf8'), /安全审计,audit,\d+,3,安全审计员,/)
    const before = Number(/audit,(\d+),3/.exec(readFileSync(await file.path(), 'utf8'))[1])
    await button(page, '重新清点').click()
    await page.waitForFunction((n) => [...document.querySelectorAll('tr')].some((r) => r.innerText.includes('安全审计') && Number(r.innerText.match(/[\d,]{3,}/)?.[0].replace(/,/g, '')) > n), before)
    assert.equal((await ask(await as('xy.zhao'), 'GET', '/inventory')).status, 403)
    assert.match(site.ctl('inventory'), /患者身份信息\t\d+\tL4\t各机构医务科\t20/)
  },
  'a system administrator creates technically and never sees health data': async () => {
    const page = await as('sys')
    for (const path of ['/patients?q=li', '/cases', '/board', '/audit', '/calendar?from_ms=0&to_ms=1', '/experts']) assert.equal((await ask(page, 'GET', path)).status, 403, path)
    const admin = await as('admin')
    for (const path of ['/patients?q=li', '/cases', '/board', '/audit']) assert.equal((await ask(admin, 'GET', path)).status, 403, `admin ${path}`)
    const side = await page.locator('nav.side a').allInnerTexts()
    assert.deepEqual(side.map((t) => t.trim()), ['首页', '指标报警', '机构科室', '人员', '角色权限', '消息网关', '系统运行', '影像设备', '音视频运行', '数据交换', '数据质量', '数据标准', '运行参数', '数据盘点', '通知', '设置'])
    await page.goto('/patients')
    await page.waitForURL('**/no-access**')
    await page.goto('/admin/policies')
    await page.getByText('您可以查看，不能修改').waitFor()
    assert.equal(await page.locator('main button').count(), 0)
    await page.goto('/admin/people')
    await button(page, '新增人员').click()
    await dialog(page).getByLabel(/^账号/).fill('new.nurse')
    await dialog(page).getByLabel(/^姓名/).fill('林芳')
    await button(dialog(page), '保存').click()
    await dialog(page).getByText('初始密码由医联体管理员').waitFor()
    assert.equal(await dialog(page).locator('.initial').count(), 0)
    await button(dialog(page), '关闭').click()
    await page.getByText('还没有岗位').waitFor()
    assert.equal(await button(page, '修改岗位和角色').count(), 0)
    assert.equal((await ask(page, 'PUT', `/people/${page.url().split('/').pop()}/posts`, { posts: [] })).status, 403)
  },
  'a closed account cannot sign in; opened again it can': async () => {
    const page = await as('admin')
    await page.goto('/admin/people')
    await page.getByLabel('查找').fill('dengnan')
    await page.getByRole('link', { name: '邓楠' }).click()
    await button(page, '停用账号').click()
    await button(dialog(page), '停用账号').click()
    await button(page, '启用账号').waitFor()
    const out = await open(browser, { base: site.base })
    await out.goto('/login')
    const login = () => out.evaluate((password) => fetch('/api/v1/session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ login: 'teacher', password }) }).then((r) => r.status), PASSWORD)
    assert.equal(await login(), 401)
    await button(page, '启用账号').click()
    await button(page, '停用账号').waitFor()
    assert.equal(await login(), 200)
    await out.context().close()
  },
  'yilianctl org: list, add, close, open': async () => {
    assert.match(site.ctl('org', 'list'), /YL01\t云岭县人民医院\tcounty\tactive\n/)
    assert.equal(site.ctl('org', 'add', 'XT01', '溪头镇卫生院', '--parent', 'root', '--level', 'township'), 'XT01\t溪头镇卫生院\ttownship\tactive\n')
    assert.equal(site.ctl('org', 'add', 'XT01-GP', '全科', '--parent', 'XT01'), 'XT01-GP\t全科\tdepartment\tactive\n')
    assert.throws(() => site.ctl('org', 'close', 'XT01'), /active: has_active_parts/)
    assert.match(site.ctl('org', 'close', 'XT01-GP'), /closed/)
    assert.match(site.ctl('org', 'open', 'XT01-GP'), /active/)
    assert.throws(() => site.ctl('org', 'add', 'XT01', '重复', '--parent', 'root', '--level', 'township'), /code: taken/)
    assert.throws(() => site.ctl('org', 'close', 'NO'), /no institution/)
  },
  'yilianctl user: add, roles, lock, unlock, list': async () => {
    const made = site.ctl('user', 'add', 'ctl.tan', '谭明', '--title', '主治医师', '--at', 'QS01-GP', '--roles', 'applicant')
    const password = /password: (\S+)/.exec(made)[1]
    assert.match(site.ctl('user', 'roles', 'ctl.tan', 'YL01-NEURO', 'expert,applicant'), /青石镇卫生院\/全科 applicant; 云岭县人民医院\/神经内科 applicant,expert/)
    assert.match(site.ctl('user', 'roles', 'ctl.tan', 'YL01-NEURO', '-'), /全科 applicant\n$/)
    const page = await open(browser, { base: site.base })
    await page.goto('/login')
    const stage = () => page.evaluate(([login, password]) => fetch('/api/v1/session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ login, password }) }).then((r) => r.json()).then((j) => j.stage ?? j.error.code), ['ctl.tan', password])
    assert.equal(await stage(), 'password')
    site.ctl('user', 'lock', 'ctl.tan')
    assert.equal(await stage(), 'unauthenticated')
    assert.match(site.ctl('user', 'list'), /ctl\.tan\t谭明\tclosed\t/)
    site.ctl('user', 'unlock', 'ctl.tan')
    assert.equal(await stage(), 'password')
    assert.throws(() => site.ctl('user', 'add', 'ctl.tan', '谭明'), /login: taken/)
    assert.throws(() => site.ctl('user', 'roles', 'ctl.tan', 'QS01-GP', 'god'), /roles: unknown/)
    assert.match(site.ctl('audit', 'verify'), /^whole/)
    await page.context().close()
  },
}

/** Each page as the one whose page it is, with something open where there is a dialog. */
const LOOKS = [
  ['admin', 'orgs', '/admin/orgs', 'tbody tr'],
  ['admin', 'org-form', '/admin/orgs', 'tbody tr', (p) => p.locator('.page-head .y-button').click()],
  ['admin', 'people', '/admin/people', 'tbody tr'],
  ['admin', 'person-form', '/admin/people', 'tbody tr', (p) => p.locator('.page-head .y-button').click()],
  ['admin', 'person', () => `/admin/people/${wu}`, '#account-h'],
  ['admin', 'posts', () => `/admin/people/${wu}`, '#account-h', (p) => p.locator('section').first().locator('.y-button').first().click()],
  ['xy.zhao', 'roster', '/admin/roster', '.shift', null, 'attached'],
  ['xy.zhao', 'shift', '/admin/roster', '.shift', (p) => p.locator('.page-head .y-button').last().click(), 'attached'],
  ['xy.zhao', 'import', '/admin/roster', '.shift', (p) => p.locator('.page-head .y-button').nth(1).click(), 'attached'],
  ['admin', 'hours', '/admin/hours', '.day'],
  ['admin', 'hours-edit', '/admin/hours', '.day', (p) => p.locator('section .y-button.primary').first().click()],
  ['admin', 'roles', '/admin/roles', 'td.on', null, 'attached'],
  ['admin', 'gateways', '/admin/gateways', 'tbody tr'],
  ['admin', 'queue', '/admin/gateways', 'tbody tr', (p) => p.getByRole('tab').last().click()],
  ['admin', 'gateway-form', '/admin/gateways', 'tbody tr', (p) => p.locator('.page-head .y-button').click()],
  ['admin', 'policies', '/admin/policies', 'tbody tr'],
  ['admin', 'policy-form', '/admin/policies', 'tbody tr', (p) => p.locator('tbody .y-button').first().click()],
  ['sys', 'machine', '/admin/machine', 'li.card'],
  ['audit', 'audit', '/admin/audit', 'tbody tr'],
  ['audit', 'inventory', '/admin/inventory', 'tbody tr'],
  ['audit', 'roles-auditor', '/admin/roles', 'td.on', null, 'attached'],
]
const looks = {}
// Each size in one language, each language in one size; with SHOTS all four.
for (const [size, shape] of [['desktop', DESKTOP], ['phone', PHONE]])
  for (const lang of process.env.SHOTS ? ['zh', 'en'] : [size === 'desktop' ? 'zh' : 'en'])
    looks[`every page: ${size} ${lang}`] = async () => {
      const mine = {}
      for (const [login, name, path, ready, act, state] of LOOKS) {
        if (!mine[login]) {
          mine[login] = await open(browser, { base: site.base, shape, lang })
          mine[login].setDefaultTimeout(15000)
          await signIn(mine[login], login)
        }
        const p = mine[login]
        await p.goto(typeof path === 'function' ? path() : path)
        await p.locator(ready).first().waitFor({ state: state ?? 'visible' })
        if (act) await act(p)
        await p.waitForTimeout(150)
        if (shots) await p.screenshot({ path: join(shots, `${name}_${size}_${lang}.png`) })
        await axe(p, `${name} ${size} ${lang}`)
        assert.ok(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1), `${name} ${size} ${lang} is wider than the screen`)
        assert.deepEqual(p.faults, [], `console of ${name}`)
      }
      for (const p of Object.values(mine)) await p.context().close()
    }

await run({
  ...jobs,
  ...looks,
  'no page threw': async () => {
    for (const [who, page] of Object.entries(pages)) assert.deepEqual(page.faults.filter((f) => !/status of 4/.test(f)), [], who)
  },
}).finally(async () => {
  if (shots) writeFileSync(join(shots, 'done'), '')
  await browser.close()
  await site.stop()
})
