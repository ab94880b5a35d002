// Somebody with an account of his own tries what is not his: each operation that takes an id, by each of the demonstration's people, with an id that is somebody else's and with one that is nobody's.
// What is not open to him must answer like what is not there: same status, same words (docs/security.md). No browser.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { FhirClient } from './fhir.mjs'
import { ROOT, run } from './lib.mjs'
import { PASSWORD, startSite } from './site.mjs'
import { Person, signedIn } from './person.mjs'

// As somebody on the network comes, where this machine is on one.
const address = Object.values(networkInterfaces()).flat().find((i) => i.family === 'IPv4' && !i.internal)?.address ?? '127.0.0.1'
const site = await startSite(address, 'request.rate = 100000\nsite.address = https://yilian.example\nmetrics.token = told-to-prometheus-alone\n')
const agent = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
const demo = readFileSync(join(ROOT, 'config/demo/demo.json'), 'utf8')
const logins = readFileSync(join(ROOT, 'config/demo/accounts.txt'), 'utf8').split('\n').filter((l) => l && l[0] !== '#').map((l) => l.split(' | '))
  .filter(([, , , at], i, all) => all.findIndex((o) => o[3].replace(/^\S+ /, '') === at.replace(/^\S+ /, '')) === i) // one of each set of roles
  .map(([login]) => login)
  .filter((l) => demo.includes(`"login": "${l}"`) || l === 'admin') // those of the other demonstrations are not here

/** Of each table some ids, spread over what there is. */
const TABLE = {
  case_id: 'consult', into_case_id: 'consult', previous_case_id: 'consult', patient_id: 'patient', other_id: 'patient', document_id: 'document', consent_id: 'share_consent', override_id: 'consult_override', finding_id: 'quality_finding',
  message_id: 'consult_message', notice_id: 'notice', project_id: 'research_project', recording_id: 'recording', export_id: 'recording_export', report_id: 'report_month', session_id: 'session', upload_id: 'upload', alarm_id: 'alarm',
  act_id: 'mpi_act', task_id: 'mpi_task', room_id: 'room', guest_id: 'room_ticket', client_id: 'fhir_client', device_id: 'device', source_id: 'exchange_source', subscriber_id: 'out_subscriber',
}
/** Where the existence is no secret: institutions, their people, rooms to meet in, data of the platform itself. */
const KNOWN = new Set(['org_id', 'dept_id', 'person_id', 'expert_id', 'holder_id', 'target_org_id', 'target_dept_id', 'source_org_id', 'parent_id', 'meeting_room_id', 'code_id', 'domain_id', 'gateway_id', 'rule_id', 'post_id', 'slot_id', 'shift_id'])
/** Which questions tell whether it is open to him: what was withdrawn is, and a case that a doctor of its two houses may open in an emergency is known to him. */
const OPEN = {
  consult: ['/cases/ID'], patient: ['/patients/ID', '/patients/ID/timeline', '/index/persons/ID'], document: ['/documents/ID'], research_project: ['/research/ID'], upload: ['/uploads/ID'], report_month: ['/reports/months/ID'],
}
const SEEN = /^(2..|410) |"reason":"emergency_only"/

const ids = JSON.parse(execFileSync('python3', ['-c', `
import json, sqlite3, sys
db = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True)
out = {}
for t in sys.argv[2:]:
    try:
        all = [r[0] for r in db.execute('SELECT id FROM ' + t + ' ORDER BY id')]
    except sqlite3.OperationalError as e:
        out[t] = str(e); continue
    n = 3
    out[t] = ['%016x' % all[i * len(all) // n] for i in range(min(n, len(all)))] if len(all) > n else ['%016x' % x for x in all]
print(json.dumps(out))
`, join(site.dir, 'data/yilian.db'), ...new Set(Object.values(TABLE))], { encoding: 'utf8' }))
for (const [t, l] of Object.entries(ids)) assert.ok(Array.isArray(l), `${t}: ${l}`)

const api = await new Promise((done) => https.get(`${site.base}/api/openapi.json`, { agent }, (s) => {
  const c = []
  s.on('data', (d) => c.push(d)).on('end', () => done(JSON.parse(Buffer.concat(c))))
}))

/** The least that its schema takes. */
function least(s, name) {
  if (s.enum) return s.enum[0]
  if (s.pattern) return pick(name) ?? randomBytes(8).toString('hex').replace(/^./, '1')
  if (s.type === 'string') return s.format === 'date' ? '2026-01-01' : '测'.repeat(Math.max(s.minLength ?? 1, 1))
  if (s.type === 'integer' || s.type === 'number') return Math.max(s.minimum ?? 1, 1)
  if (s.type === 'boolean') return true
  if (s.type === 'array') return Array.from({ length: s.minItems ?? 0 }, () => least(s.items ?? {}, name))
  return Object.fromEntries((s.required ?? []).map((k) => [k, least(s.properties[k], k)]))
}
const pick = (name) => ids[TABLE[name]]?.[0]

function operations() {
  const out = []
  for (const [path, methods] of Object.entries(api.paths))
    for (const [method, o] of Object.entries(methods)) {
      if (!path.startsWith('/api/v1/') || !o.operationId || path.includes('/blobs/')) continue
      const query = (o.parameters ?? []).filter((p) => p.in === 'query')
      const body = o.requestBody?.content?.['application/json']?.schema
      const named = [...[...path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]), ...query.filter((p) => p.schema?.pattern).map((p) => p.name), ...Object.entries(body?.properties ?? {}).filter(([, s]) => s.pattern).map(([k]) => k)]
      out.push({ op: o.operationId, method: method.toUpperCase(), path: path.slice('/api/v1'.length), query, body, named: [...new Set(named)] })
    }
  return out.sort((a, b) => (a.method === 'GET' ? 0 : 1) - (b.method === 'GET' ? 0 : 1))
}

/** The question of an operation with `id` as its `name`. */
function question(o, name, id) {
  const path = o.path.replace(/\{(\w+)\}/g, (_, n) => (n === name ? id : (pick(n) ?? '1000000000000001')))
  const query = new URLSearchParams()
  for (const p of o.query) if (p.name === name) query.set(name, id)
    else if (p.required) query.set(p.name, String(least(p.schema, p.name)))
  let body
  if (o.body) {
    body = least(o.body, '')
    if (o.body.properties?.[name] && !o.path.includes(`{${name}}`)) body[name] = id
  }
  return [o.method, `${path}${query.size ? `?${query}` : ''}`, body]
}

const nobody = () => `1${randomBytes(8).toString('hex').slice(1)}`
const told = (a, id) => `${a.status} ${a.bytes.toString().replaceAll(id, 'ID')}`

async function walk(login) {
  const p = await signedIn(site, login)
  const isOpen = async (name, id) => {
    for (const path of OPEN[TABLE[name]] ?? []) if (SEEN.test(told(await p.send('GET', path.replace('ID', id), undefined, true), id))) return true
    return false
  }
  const found = []
  for (const o of operations()) {
    if (/^session\.|^upload\.create/.test(o.op)) continue
    for (const name of o.named) {
      if (KNOWN.has(name) || !TABLE[name]) continue
      for (const id of ids[TABLE[name]]) {
        const other = nobody()
        const theirs = await p.send(...question(o, name, id), true)
        if (theirs.status === 403 && /"reason":"right"/.test(theirs.bytes)) break
        if (theirs.status < 300) continue
        const none = await p.send(...question(o, name, other), true)
        if (told(theirs, id) !== told(none, other) && !(await isOpen(name, id))) {
          found.push(`${login} ${o.op} ${name}: ${told(theirs, id).slice(0, 150)} / ${told(none, other).slice(0, 150)}`)
          break
        }
      }
    }
  }
  return found
}

await run({
  async 'an id that is not his tells nobody that there is something'() {
    const found = []
    for (const login of (process.env.WHO ?? logins.join()).split(',')) found.push(...(await walk(login)))
    assert.deepEqual(found, [])
  },
  async 'the audit tells a refusal as what it was'() {
    const [sun, audit] = await Promise.all([signedIn(site, 'bh.sun'), signedIn(site, 'audit')])
    const theirs = []
    for (const id of ids.consult) if ((await sun.send('GET', `/cases/${id}`)).status === 404) theirs.push(id)
    const lines = (await audit.ask('GET', `/audit?op=case.get&denied=true&limit=200&person_id=${sun.me.person.id}`)).items
    assert.ok(theirs.length)
    for (const id of theirs) assert.ok(lines.some((l) => l.object_id === id && l.detail === 'not_your_case' && l.outcome === 'denied'), JSON.stringify(lines))
  },
  async 'each patient of a list finds who saw it'() {
    const [he, officer] = await Promise.all([signedIn(site, 'xy.he'), signedIn(site, 'audit')])
    const patients = new Map((await he.ask('GET', '/cases?view=all')).items.map((c) => [c.patient.id, c.patient.name]))
    assert.ok(patients.size > 2)
    for (const [id, name] of patients) {
      const listed = (await officer.ask('GET', `/audit/patients/${id}`)).items.filter((a) => a.kind === 'listed' && a.person.id === he.me.person.id)
      assert.equal(listed.length, 1, name)
    }
  },
  async 'figures are for this machine or who has the token'() {
    const metrics = (headers) => new Promise((done) => https.get(`${site.base}/metrics`, { agent, headers }, (s) => s.resume().on('end', () => done(s.statusCode))))
    if (address !== '127.0.0.1') {
      assert.equal(await metrics({}), 403)
      assert.equal(await metrics({ Authorization: 'Bearer told-to-prometheus-alonf' }), 403)
      assert.equal(await metrics({ Cookie: 'yl_session=told-to-prometheus-alone' }), 403)
      assert.equal(await metrics({ 'X-Forwarded-For': '127.0.0.1' }), 403)
    }
    assert.equal(await metrics({ Authorization: 'Bearer told-to-prometheus-alone' }), 200)
  },
  async 'a statement for another server is none for this one'() {
    const client = new FhirClient(site, 'a stranger', 'YL01')
    await assert.rejects(client.signIn(), /aud is not this token endpoint/) // the name it came by
    await client.signIn('https://yilian.example/fhir/auth/token')
    const told = await new Promise((done) => https.get(`${site.base}/fhir/.well-known/smart-configuration`, { agent, headers: { Host: 'elsewhere.example' } }, (s) => {
      const c = []
      s.on('data', (d) => c.push(d)).on('end', () => done(JSON.parse(Buffer.concat(c))))
    }))
    assert.equal(told.token_endpoint, 'https://yilian.example/fhir/auth/token')
  },
  async 'an account that was closed is closed everywhere, at once'() {
    const [admin, xu] = await Promise.all([signedIn(site, 'admin'), signedIn(site, 'xy.xu')])
    const raw = (path) => new Promise((done) => https.get(`${site.base}${path}`, { agent, headers: { Cookie: xu.cookie } }, (s) => s.resume().on('end', () => done(s.statusCode))))
    const cases = (await xu.ask('GET', '/cases?view=mine')).items
    let handle = ''
    for (const c of cases) for (const d of (await xu.ask('GET', `/cases/${c.id}`)).documents ?? []) handle ||= (await xu.ask('POST', `/documents/${d.id}/open`)).url ?? ''
    const places = ['/api/v1/cases?view=mine', '/api/v1/patients?q=a', '/fhir/Patient?_count=1', '/fhir/Task?_count=1', '/api/v1/notices', ...(handle ? [handle] : [])]
    const before = await Promise.all(places.map(raw))
    assert.equal(before[0], 200)
    // Taken off his post first: he is signed in still, and finds nothing.
    const him = await admin.ask('GET', `/people/${xu.me.person.id}`)
    await admin.ask('PUT', `/people/${xu.me.person.id}/posts`, { posts: [] })
    for (const place of places.slice(0, 4)) assert.ok([401, 403].includes(await raw(place)), `${place} without a post: ${await raw(place)}`)
    await admin.ask('PUT', `/people/${xu.me.person.id}/posts`, { posts: him.posts.map((p) => ({ org_id: p.org.id, dept_id: p.dept?.id ?? p.org.id, roles: p.roles })) })
    const again = await signedIn(site, 'xy.xu')
    xu.cookie = again.cookie
    await admin.ask('PATCH', `/people/${xu.me.person.id}`, { active: false })
    for (const place of places) assert.ok([401, 410].includes(await raw(place)), `${place}: ${await raw(place)}`)
    await assert.rejects(signedIn(site, 'xy.xu'), /401/)
    await admin.ask('PATCH', `/people/${xu.me.person.id}`, { active: true })
    for (const place of places) assert.ok([401, 410].includes(await raw(place)), `${place} with the old session: ${await raw(place)}`)
  },
  async 'a password alone is not the second factor, wherever its session is shown'() {
    const luo = await signedIn(site, 'sj.feng')
    const { secret } = await luo.ask('POST', '/session/totp/enrol', { password: PASSWORD })
    const key = Buffer.from([...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('').match(/.{8}/g).map((b) => parseInt(b, 2)))
    const code = (t = Math.floor(Date.now() / 30_000)) => {
      const counter = Buffer.alloc(8)
      counter.writeBigUInt64BE(BigInt(t))
      const h = createHmac('sha1', key).update(counter).digest()
      return String((h.readUInt32BE(h[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
    }
    await luo.ask('POST', '/session/totp/confirm', { code: code() })
    const thief = new Person(site.base, 'sj.feng')
    const me = await thief.ask('POST', '/session', { login: 'sj.feng', password: PASSWORD })
    thief.csrf = me.csrf
    assert.equal(me.stage, 'totp')
    const token = thief.cookie.split('=')[1]
    for (const headers of [{ Cookie: thief.cookie }, { Authorization: `Bearer ${token}` }])
      for (const path of ['/api/v1/cases', '/api/v1/sessions', '/api/v1/notices', '/fhir/Task', '/fhir/Patient', '/api/v1/people', '/metrics'])
        assert.ok([401, 403].includes(await new Promise((done) => https.get(`${site.base}${path}`, { agent, headers }, (s) => s.resume().on('end', () => done(s.statusCode))))) || (path === '/metrics' && address === '127.0.0.1'), path)
    for (const [method, path, body] of [['POST', '/session/post', { post_id: me.posts[0].id }], ['POST', '/session/password', { old: PASSWORD, new: 'Another-Password-7' }], ['POST', '/session/totp/enrol', { password: PASSWORD }], ['POST', '/uploads', { case_id: nobody(), name: 'a.png', bytes: 10 }], ['DELETE', `/sessions/${nobody()}`]])
      assert.ok([401, 403].includes((await thief.send(method, path, body)).status), path)
    // Neither does guessing at the code go on for long, nor a browser become known by the password alone.
    const answers = []
    for (let i = 0; i < 6; i++) answers.push((await thief.send('POST', '/session/totp', { code: '000000' })).status)
    assert.deepEqual(answers, [401, 401, 401, 401, 423, 423])
  },
  async 'who guesses at an account does not keep its owner out'() {
    const cookies = {}
    const post = (body, jar) => new Promise((done, fail) => {
      const text = JSON.stringify(body)
      const q = https.request(`${site.base}/api/v1/session`, { method: 'POST', agent, headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), ...(jar && { Cookie: `a=b; ${jar}` }) } }, (s) => s.resume().on('end', () => done(s)))
      q.on('error', fail).end(text)
    })
    const own = { login: 'sj.luo', password: PASSWORD }
    const first = await post(own)
    assert.equal(first.statusCode, 200)
    for (const c of first.headers['set-cookie']) cookies[c.split('=')[0]] = c
    assert.match(cookies.yl_device, /^yl_device=[\w-]{43}; Path=\/api\/v1; Max-Age=34560000; HttpOnly; Secure; SameSite=Strict$/)
    for (let i = 0; i < 4; i++) assert.equal((await post({ ...own, password: 'Wrong-Password-9' })).statusCode, 401)
    assert.equal((await post({ ...own, password: 'Wrong-Password-9' })).statusCode, 423)
    assert.equal((await post(own)).statusCode, 423) // the guesser is stopped, though he has it now
    assert.equal((await post(own, cookies.yl_device.split(';')[0])).statusCode, 200) // the owner is not, from the same network
  },
}).finally(() => site.stop())
