// What the tests that go over every route show, and who goes where: shared by routes.mjs, zoom.mjs and long_names.mjs.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { launch, ROOT } from './lib.mjs'
import { sender } from './mllp.mjs'
import { openRoom, Person, signedIn } from './person.mjs'
import { freePort, PASSWORD, startSite } from './site.mjs'

/** The site that has all of it, and a browser; `c` is what content() made. SHOTS=dir keeps pictures there. */
export async function shownSite() {
  const mllp = await freePort()
  const site = await startSite('127.0.0.1', `mllp.port = ${mllp}\nbackup.dir = away\n`)
  site.ctl('demo', 'load', join(ROOT, 'config/demo/centre'))
  const shots = process.env.SHOTS
  if (shots) mkdirSync(shots, { recursive: true })
  return { site, browser: await launch(), shots, c: await content(site, mllp) }
}

const NOBODY = '0123456789abcdef'
const OPINION = {
  findings: '符合左侧大脑中动脉供血区缺血性卒中。', diagnoses: [{ code: 'I63.9', text: '脑梗死', main: true, certainty: 'certain', versus: 'agreed' }],
  answers: [{ n: 1, text: '已超时间窗，不溶栓。' }, { n: 2, text: '可留在本院治疗。' }],
  recommendations: [{ n: 1, type: 'drug', text: '阿司匹林联合氯吡格雷21天。', urgency: 'today' }, { n: 2, type: 'exam', text: '一周内完成颈动脉超声和24小时动态心电图。', urgency: 'week' }], transfer: { advised: false }, follow_up_days: 7,
}

/** A room, a signed case, a draft, one returned, emergency looks, a pair to be judged, a message of no use, codes and links: what the routes show. */
async function content(site, mllp) {
  const { caseId, zhang, li, chen, experts } = await openRoom(site, { team: true })
  const [qian, xu, zhao, admin] = [experts[0], ...(await Promise.all(['xy.xu', 'xy.zhao', 'admin'].map((l) => signedIn(site, l))))]
  const { patient, target, form } = await zhang.ask('GET', `/cases/${caseId}`)
  const made = () => zhang.ask('POST', '/cases', { patient_id: patient.id, kind: 'offline', scope: 'clinical', urgency: 'urgent', target_org_id: target.org.id, target_dept_id: target.dept.id, form })
  const signed = (await made()).id
  await zhang.act(signed, 'submit')
  await li.act(signed, 'approve_home')
  await xu.ask('POST', `/cases/${signed}/override`, { reason: '患者急诊抢救，需核对既往用药' })
  const seen = (await zhao.ask('GET', `/cases/${signed}`)).overrides[0]
  await zhao.ask('POST', `/cases/${signed}/override_review`, { override_id: seen.id, verdict: 'justified', comment: '已电话核实，抢救需要。' })
  await (await signedIn(site, 'xy.zhou')).ask('POST', `/cases/${signed}/override`, { reason: '夜间抢救，主管医师不在院，需了解过敏史和抗凝用药' })
  await chen.act(signed, 'triage', { dept_id: target.dept.id })
  await chen.act(signed, 'assign', { expert_id: qian.me.person.id })
  await qian.act(signed, 'accept')
  await qian.act(signed, 'begin_review')
  await qian.ask('POST', `/cases/${signed}/acts/save_opinion`, { body: OPINION })
  await qian.act(signed, 'sign_opinion', { body: OPINION, password: PASSWORD })
  const draft = (await made()).id
  const returned = (await made()).id
  await zhang.act(returned, 'submit')
  await li.act(returned, 'return', { items: [{ path: 'form.history.past', reason: '既往史过于简单，请写明抗凝药名称和剂量' }, { reason: '请补传外院头颅 CT' }] })
  const same = { name: '欧阳静', sex: 'female', birth_date: '1974-03-14', address: '云岭县青石镇人民路28号' }
  const twins = [await zhang.ask('POST', '/patients', { ...same, phone: '13700002224' }), await qian.ask('POST', '/patients', { ...same, phone: '13655553334', address: undefined })]
  const linked = { name: '席璐艳', sex: 'female', id_type: 'id_card', id_no: '99770219681231312X', phone: '13900002222' }
  await (await signedIn(site, 'bh.sun')).ask('POST', '/patients', linked)
  const elsewhere = (await qian.ask('POST', '/patients', linked)).id
  await qian.ask('POST', `/patients/${elsewhere}/override`, { reason: '昏迷，家属不在，需了解用药和过敏史' })
  assert.equal(await sender(mllp)('MSH|^~\\&|YL-HIS|YL01|YILIAN||20261124083000||ORU^R01|dead1|P|2.4||||||UNICODE UTF-8\nPID|1||||沈^静||19750101|F\nOBR|1||f2|CBC^血常规\nOBX|1|NM|WBC^白细胞||5.5|10*9/L|4-10|N|||F\n'), 'AE')
  const { verify_url } = await zhang.ask('POST', `/cases/${signed}/print`, { what: 'opinion' })
  const capture = (await zhang.ask('POST', `/cases/${draft}/capture`, { origin: site.base })).url
  const guest = (await qian.ask('POST', `/cases/${caseId}/room/guests`, { name: '刘桂兰', relation: '女儿' })).url
  const { items: orgs } = await admin.ask('GET', '/orgs')
  const { items: people } = await admin.ask('GET', '/people?q=qian')
  const account = async (login, name, role) => {
    const made = await admin.ask('POST', '/people', { login, name })
    await admin.ask('PUT', `/people/${made.id}/posts`, { posts: [{ org_id: orgs.find((o) => o.code === 'YL01').id, roles: [role] }] })
    await (await new Person(site.base, login).signIn(made.initial_password)).ask('POST', '/session/password', { old: made.initial_password, new: PASSWORD })
  }
  await account('wall', '调度大屏', 'display')
  await account('yanjiu', '顾研', 'researcher')
  const research = (await (await signedIn(site, 'yanjiu')).ask('POST', '/research', { title: '缺血性卒中合并症', fields: ['sex', 'age', 'diagnoses'], cohort: { codes: ['I63'], from: '2026-01-01', to: '2026-06-30' } })).id
  if (!(await admin.ask('GET', '/people?q=steward')).items.length) await account('steward', '主索引管理员', 'index_steward')
  const today = new Date()
  const past = new Date(today.getFullYear(), today.getMonth() - 1, 15)
  const report = (await admin.ask('POST', '/reports/months', { org_id: admin.me.post.org.id, month: `${past.getFullYear()}-${String(past.getMonth() + 1).padStart(2, '0')}` })).id
  await admin.ask('PUT', '/alarms/rules/0000000000000abc', { org_id: admin.me.post.org.id, each: true, indicator: 'volume', period: '30d', side: 'below', limit: 1000, for_minutes: 0, role: 'manager' })
  const lecture = site.ctl('token', '--room', 'lecture', '--watch', '--minutes', '60').trim()
  const slash = (url) => url.replace(site.base, '')
  return { room: caseId, signed, draft, returned, elsewhere, twins: twins.map((t) => t.id), patient: patient.id, research, report, person: people[0].id, verify: slash(verify_url), capture: slash(capture), guest: slash(guest), lecture }
}

async function timelineInCall(p) {
  await p.locator('.test, .live').first().waitFor() // who was in it comes back without the door
  if (await p.locator('.test').count()) await p.locator('.test .row.end .y-button.primary').click()
  await p.locator('.live').waitFor()
  const record = p.getByRole('tab', { name: /病历资料|^Record$/ })
  if (await record.count()) await record.click()
  await p.getByRole('tab', { name: /患者时间线|Patient timeline/ }).click()
}
async function openLetter(p) {
  await p.getByRole('tab').nth(1).click()
  await p.locator('tbody tr button').first().click()
}

const onePatient = (id) => async (p) => {
  await p.locator('.filters input').nth(2).fill(id)
  await p.locator('.filters [type=submit]').click()
}

/** By the route's name: who looks, at what, and what stands there when it is ready. `open` = not signed in. */
export const visitsOf = (c) => ({
  home: [['qs.zhang', '/', '.y-table'], ['xy.chen', '/', '.y-table'], ['xy.qian', '/', '.y-table'], ['admin', '/', 'h1'], ['dean', '/', '.tile'], ['bh.sun', '/', 'h1'], ['trainee', '/', 'h1'], ['qs.nurse', '/', 'h1']],
  login: [['', '/login', 'form'], ['', '/login?next=%2Fcases&ended=1', 'form']],
  notices: [['xy.zhao', '/notices', '.list'], ['bh.sun', '/notices', 'h1']],
  settings: [['xy.qian', '/settings', 'h1'], ['qs.zhang', '/settings?tab=totp', 'h1'], ['qs.zhang', '/settings?tab=sessions', 'h1']],
  'no-access': [['qs.zhang', '/admin/audit', '.y-empty']],
  offline: [['', '/offline?next=%2Fcases', '.y-empty']],
  missing: [['qs.zhang', '/no-such-page', '.y-empty'], ['', '/no-such-page', '.y-empty']],
  patients: [['qs.zhang', '/patients', 'h1', (p) => p.locator('main input').first().fill('z')], ['bh.sun', '/patients', 'h1']],
  patient: [['qs.zhang', `/patients/${c.patient}`, 'dl.facts'], ['xy.qian', `/patients/${c.patient}`, 'dl.facts'], ['xy.qian', `/patients/${c.elsewhere}`, 'dl.facts'], ['qs.zhang', `/patients/${NOBODY}`, '.y-empty h1']],
  'case-new': [['qs.zhang', '/cases/new', 'form'], ['qs.zhang', `/cases/new?patient=${c.patient}`, 'form']],
  'case-edit': [['qs.zhang', `/cases/${c.draft}/edit`, '#f-history-past'], ['qs.zhang', `/cases/${c.draft}/edit`, 'dialog[open]', (p) => p.locator('section.head button').click(), '#f-history-past'], ['qs.zhang', `/cases/${c.returned}/edit`, '#f-history-past'], ['qs.zhang', `/cases/${NOBODY}/edit`, '.y-empty h1']],
  cases: [['qs.zhang', '/cases', 'table'], ['xy.chen', '/cases', 'table'], ['xy.qian', '/cases', 'table'], ['bh.sun', '/cases', 'h1']],
  case: [
    ['qs.zhang', `/cases/${c.signed}`, '[role=tab]'], ['qs.zhang', `/cases/${c.signed}?tab=opinion`, '[role=tab]', (p) => p.getByRole('tab', { name: /会诊意见|^Opinion/ }).click()],
    ['xy.zhao', `/cases/${c.signed}`, '.overrides'], ['xy.qian', `/cases/${c.room}`, '[role=tab]'], ['xy.qian', `/cases/${c.room}`, '.timeline li', (p) => p.getByRole('tab', { name: /患者时间线|Patient timeline/ }).click()], ['xy.chen', `/cases/${c.room}`, '[role=tab]'], ['sj.tang', `/cases/${c.room}`, '.y-empty h1'], ['qs.zhang', `/cases/${NOBODY}`, '.y-empty h1'],
  ],
  wall: [['wall', '/wall', 'h1'], ['xy.chen', '/wall', 'h1'], ['dean', '/wall', 'tbody tr']],
  cockpit: [['dean', '/cockpit', '.tile'], ['xy.chen', '/cockpit', '.tile'], ['admin', '/cockpit?page=technical', '.tile']],
  'cockpit-list': [['dean', '/cockpit/volume', '.y-table'], ['xy.zhao', '/cockpit/on_time?period=30d', '.y-table'], ['dean', '/cockpit/none', '.y-empty h1']],
  months: [['admin', '/reports', 'tbody tr'], ['qs.li', '/reports', 'h1']],
  month: [['admin', `/reports/${c.report}`, '[data-row]'], ['admin', `/reports/${c.report}`, '[data-row]', (p) => p.getByRole('checkbox').check()], ['dean', `/reports/${NOBODY}`, '.y-empty h1']],
  alarms: [['dean', '/alarms', '.alarm'], ['xy.chen', '/alarms?tab=closed', '.y-table'], ['admin', '/alarms?tab=rules', 'tbody tr'], ['dean', '/alarms?tab=rules', '.y-table']],
  calendar: [['xy.chen', '/calendar', 'h1'], ['xy.chen', '/calendar?view=day', 'h1'], ['xy.zhao', '/calendar', 'h1']],
  slots: [['xy.qian', '/slots', 'h1'], ['sj.tang', '/slots', 'h1']],
  capture: [['', c.capture, 'h1'], ['', '/capture#not-a-code', 'main']],
  print: [['qs.zhang', `/print/${c.signed}/opinion`, 'article'], ['qs.zhang', `/print/${c.signed}/application`, 'article'], ['xy.qian', `/print/${c.room}/minutes`, 'article'], ['qs.zhang', `/print/${c.draft}/opinion`, '.y-empty h1']],
  verify: [['', c.verify, 'dl.facts'], ['', '/verify/NOTACODE', 'main']],
  live: [['', `/live/lecture#${c.lecture}`, 'h2'], ['', '/live/lecture#wrong', 'main'], ['qs.zhang', '/live/nowhere', 'main']],
  room: [['xy.qian', `/cases/${c.room}/room`, '.test video'], ['xy.qian', `/cases/${c.room}/room`, '.live', (p) => p.locator('.test .row.end .y-button.primary').click(), '.test'], ['xy.qian', `/cases/${c.room}/room`, '.timeline .event', timelineInCall, '#app *'], ['qs.zhang', `/cases/${c.draft}/room`, '.y-empty h1']],
  guest: [['', c.guest, '.test'], ['', '/guest', 'main'], ['', c.guest, 'main', (p) => p.locator('.test .row.end .y-button.primary').click(), '.test']],
  devices: [['qs.zhang', '/devices', '.preview video']],
  orgs: [['admin', '/admin/orgs', 'tbody tr'], ['sys', '/admin/orgs', 'tbody tr'], ['audit', '/admin/orgs', 'tbody tr']],
  people: [['admin', '/admin/people', 'tbody tr'], ['xy.zhao', '/admin/people', 'tbody tr']],
  person: [['admin', `/admin/people/${c.person}`, '#account-h'], ['admin', `/admin/people/${NOBODY}`, '.y-empty h1']],
  roster: [['xy.zhao', '/admin/roster', 'table'], ['qs.li', '/admin/roster', 'table']],
  hours: [['admin', '/admin/hours', '.day'], ['xy.zhao', '/admin/hours', '.day']],
  roles: [['admin', '/admin/roles', 'td.on']],
  gateways: [['admin', '/admin/gateways', 'h1']],
  imaging_devices: [['admin', '/admin/devices', 'h1']],
  rooms: [['sys', '/admin/rooms', '.y-table'], ['sys', '/admin/rooms', '.figures article', (p) => p.locator('tbody tr button').first().click(), 'tbody tr button'], ['admin', '/admin/rooms', '.filters', (p) => p.getByRole('tab').last().click(), '.y-tabs']],
  exchange: [['admin', '/admin/exchange', 'h1'], ['steward', '/admin/exchange', 'dialog[open] textarea', openLetter], ['admin', '/admin/exchange', '.out .y-empty, .y-table', (p) => p.getByRole('tab').last().click()]],
  quality: [['admin', '/quality', 'h1'], ['admin', '/quality?tab=findings', 'table'], ['admin', '/quality?tab=coverage', 'table'], ['admin', '/quality?tab=codes', 'table']],
  standard: [['admin', '/standard', 'tbody tr'], ['admin', '/standard?tab=master', 'tbody tr'], ['admin', '/standard?tab=vocabularies', 'tbody tr']],
  fixes: [['qs.zhang', '/fixes', 'h1'], ['xy.zhao', '/fixes', 'h1']],
  research: [['yanjiu', '/research', 'tbody tr'], ['admin', '/research', 'h1']],
  'research-new': [['yanjiu', '/research/new', 'fieldset']],
  'research-edit': [['yanjiu', `/research/${c.research}/edit`, 'fieldset'], ['yanjiu', `/research/${NOBODY}/edit`, '.y-empty h1']],
  'research-project': [['yanjiu', `/research/${c.research}`, 'dl.facts'], ['admin', `/research/${NOBODY}`, '.y-empty h1']],
  policies: [['admin', '/admin/policies', 'tbody tr'], ['sys', '/admin/policies', 'tbody tr']],
  inventory: [['audit', '/admin/inventory', 'tbody tr']],
  machine: [['sys', '/admin/machine', 'li.card']],
  audit: [['audit', '/admin/audit', 'tbody tr'], ['audit', '/admin/audit', 'tbody tr', onePatient(c.patient), 'tbody tr']],
  'who-saw': [['', '/who-saw', 'main']],
  'who-saw-print': [['qs.zhang', `/patients/${c.patient}/who-saw`, 'main']],
  privacy: [['audit', '/privacy', 'h1']],
  overrides: [['xy.zhao', '/overrides', 'tbody tr']],
  index: [['steward', '/index', 'h1']],
  'index-find': [['steward', '/index/find', 'h1']],
  'index-acts': [['steward', '/index/acts', 'h1']],
  'index-pair': [['steward', `/index/pair/${c.twins[0]}/${c.twins[1]}`, 'main']],
  'index-person': [['steward', `/index/persons/${c.patient}`, 'main']],
})

/** Goes there and waits for what stands there when it is ready. */
export async function arrive(p, [, path, ready, act, before]) {
  await p.goto(path)
  await p.locator(before ?? (act ? 'h1' : ready)).first().waitFor({ state: 'attached' })
  if (act) await act(p)
  await p.locator(ready).first().waitFor({ state: 'attached' })
  await p.waitForFunction(() => !document.querySelector('.y-spinner'), null, { timeout: 8000 })
}
