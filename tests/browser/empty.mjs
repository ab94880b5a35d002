// The first day: a site with nothing but its administrator. Every page of every role says what it is for, what comes first, and leads there;
// and the administrator, who has only the pages, gets from nothing to a consultation.
// SHOTS=dir keeps a picture of each page in both languages and sizes.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { axe, counted, DESKTOP, launch, open, PHONE, run } from './lib.mjs'
import { Person } from './person.mjs'
import { nothing, PASSWORD, signIn, startSite } from './site.mjs'

const site = await startSite('127.0.0.1', '', nothing)
const browser = await launch()
const shots = process.env.SHOTS
if (shots) mkdirSync(shots, { recursive: true })

const admin = await new Person(site.base, 'admin').signIn(`${PASSWORD}-1`)
await admin.ask('POST', '/session/password', { old: `${PASSWORD}-1`, new: PASSWORD })
/** By role: the pages that have nothing to show on that day. */
const ROLES = ['applicant', 'expert', 'dispatcher', 'medical_affairs', 'nurse', 'manager', 'sys_admin', 'auditor', 'index_steward', 'data_steward', 'researcher', 'research_approver', 'trainee']

async function pagesOf(login, lang, shape) {
  const p = await open(browser, { base: site.base, shape, lang })
  await signIn(p, login)
  await p.locator('nav a').first().waitFor({ state: 'attached' })
  return [p, await p.evaluate(() => [...document.querySelectorAll('nav.side a')].map((a) => a.getAttribute('href')))]
}

async function look(p, path, what) {
  p.faults = []
  await p.goto(path)
  await p.locator('main h1, main h2').first().waitFor()
  await p.waitForFunction(() => !document.querySelector('.y-spinner'), null, { timeout: 8000 })
  if (shots) {
    await p.waitForTimeout(300)
    await p.screenshot({ path: join(shots, `${what.replace(/[^\w.-]+/g, '_')}.png`), fullPage: true })
  }
  assert.deepEqual(p.faults, [], what)
}

async function account(login, role, org) {
  const made = await admin.ask('POST', '/people', { login, name: login })
  await admin.ask('PUT', `/people/${made.id}/posts`, { posts: [{ org_id: org, roles: [role] }] })
  await (await new Person(site.base, login).signIn(made.initial_password)).ask('POST', '/session/password', { old: made.initial_password, new: PASSWORD })
}

async function walk(login, lang, shape, size) {
  const [p, paths] = await pagesOf(login, lang, shape)
  for (const path of paths) await look(p, path, `${login} ${path} ${size} ${lang}`)
  await p.context().close()
}

/** What a page says when there is nothing, and the one button there that leads on. */
const BEGIN = { '/admin/gateways': ['先新增网关', '新增网关'], '/admin/devices': ['还没有登记设备', '登记设备'], '/admin/exchange': ['先登记一家医院的系统', '登记来源'], '/calendar': ['还没有专家或会诊室', '前往人员'], '/quality': ['来源在“数据交换”登记', '前往数据交换'] }
const dialog = (p) => p.locator('dialog[open]').last()
const button = (at, name) => at.getByRole('button', { name, exact: true })

async function addOrg(p, name, code) {
  await dialog(p).getByLabel(/^名称/).fill(name)
  await dialog(p).getByLabel(/^代码/).fill(code)
  await button(dialog(p), '保存').click()
  await p.locator('dialog[open]').waitFor({ state: 'detached' })
  await p.getByRole('row', { name: new RegExp(name) }).waitFor()
}

/** Makes an account by the pages and gives it a role; returns its first password. */
async function addPerson(p, login, role) {
  await p.goto('/')
  await p.getByRole('link', { name: '新增人员', exact: true }).click()
  await button(p, '新增人员').click()
  await dialog(p).getByLabel(/^账号/).fill(login)
  await dialog(p).getByLabel(/^姓名/).fill('王医师')
  await button(dialog(p), '保存').click()
  const password = await dialog(p).locator('.initial').innerText()
  await button(dialog(p), '已记下，关闭').click()
  await button(p, '修改岗位和角色').click()
  await p.getByRole('combobox', { name: '机构', exact: true }).fill('县')
  await p.getByRole('option', { name: '县人民医院' }).click()
  await p.getByLabel(role, { exact: true }).check()
  await button(p, '保存岗位和角色').click()
  await p.getByText('县人民医院').first().waitFor()
  return password
}

await run({
  async 'the administrator alone: every page in both languages'() {
    for (const [lang, shape, size] of [['zh', DESKTOP, 'desktop'], ['en', PHONE, 'phone']]) await walk('admin', lang, shape, size)
  },
  async 'a page with nothing says what comes first, and leads there'() {
    const [p] = await pagesOf('admin', 'zh', DESKTOP)
    for (const [path, [text, name]] of Object.entries(BEGIN)) {
      await p.goto(path)
      await p.locator('main .y-empty, main .y-table .note').getByText(text).waitFor()
      await counted(p.locator('main .y-button', { hasText: name }), 1, path)
    }
    await p.context().close()
  },
  async 'from nothing to the first consultation, by the pages alone'() {
    const [p] = await pagesOf('admin', 'zh', DESKTOP)
    await p.goto('/')
    const steps = p.getByRole('region', { name: '从这里开始' })
    await steps.waitFor()
    await axe(p, 'the first steps')
    assert.equal(await steps.locator('.y-button.primary').innerText(), '新增机构')
    await steps.getByRole('link', { name: '新增机构' }).click()
    await button(p, '新增机构').click()
    await addOrg(p, '县人民医院', 'H01')
    await p.goto('/')
    await steps.getByRole('link', { name: '新增科室' }).click()
    await p.getByRole('row', { name: /县人民医院/ }).getByRole('button', { name: '新增下级' }).click()
    await addOrg(p, '神经内科', 'H01-N')
    let first
    for (const [login, role] of [['doctor', '申请医师'], ['head', '医务科'], ['desk', '调度员'], ['expert1', '专家']]) {
      const password = await addPerson(p, login, role)
      first ??= password
    }
    await p.goto('/')
    await p.locator('.tile').first().waitFor()
    await p.waitForFunction(() => localStorage.getItem('yl.first_done') === '1')
    assert.equal(await steps.count(), 0, 'done, and gone')
    await p.context().close()
    await (await new Person(site.base, 'doctor').signIn(first)).ask('POST', '/session/password', { old: first, new: PASSWORD })
    const [d] = await pagesOf('doctor', 'zh', DESKTOP)
    await d.goto('/cases')
    await d.getByText('没有待您处理的会诊').waitFor()
    await d.getByRole('link', { name: '新建会诊' }).click()
    await d.locator('form').first().waitFor()
    await d.context().close()
  },
  async 'every role has pages that say something'() {
    const org = admin.me.post.org.id
    for (const role of ROLES) await account(role.replace('_', '.'), role, org)
    for (const role of ROLES) await walk(role.replace('_', '.'), 'zh', DESKTOP, 'desktop')
  },
}).finally(async () => {
  await browser.close()
  await site.stop()
})
