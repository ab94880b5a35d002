// The first day: a site with nothing but its administrator. Every page of every role says what it is for, what comes first, and leads there;
// and the administrator, who has only the pages, gets from nothing to a consultation.
// SHOTS=dir keeps a picture of each page in both languages and sizes.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { axe, DESKTOP, launch, open, PHONE, run } from './lib.mjs'
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

await run({
  async 'the administrator alone'() {
    for (const [lang, shape, size] of [['zh', DESKTOP, 'desktop'], ['en', PHONE, 'phone']]) await walk('admin', lang, shape, size)
  },
  async 'every role'() {
    const org = admin.me.post.org.id
    for (const role of ROLES) await account(role.replace('_', '.'), role, org)
    for (const role of ROLES) await walk(role.replace('_', '.'), 'zh', DESKTOP, 'desktop')
  },
}).finally(async () => {
  await browser.close()
  await site.stop()
})
