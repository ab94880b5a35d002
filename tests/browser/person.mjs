// A person at the real daemon without a page: signs in, asks the API, and brings a consultation to an open room.
import assert from 'node:assert/strict'
import https from 'node:https'
import { PASSWORD } from './site.mjs'

export class Person {
  constructor(base, login) {
    Object.assign(this, { base, login, cookie: '', csrf: '' })
  }

  send(method, path, body, raw = false) {
    const text = body === undefined ? '' : JSON.stringify(body)
    const headers = { Cookie: this.cookie, 'X-CSRF-Token': this.csrf, ...(text && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }) }
    return new Promise((done, fail) => {
      const q = https.request(`${this.base}/api/v1${path}`, { method, headers, rejectUnauthorized: false }, (s) => {
        const chunks = []
        s.on('data', (c) => chunks.push(c))
        s.on('end', () => {
          const set = s.headers['set-cookie']?.find((c) => c.startsWith('yl_session='))
          if (set) this.cookie = set.split(';')[0]
          const bytes = Buffer.concat(chunks)
          done({ status: s.statusCode, headers: s.headers, bytes, json: raw || !bytes.length ? null : JSON.parse(bytes) })
        })
      })
      q.on('error', fail)
      q.end(text)
    })
  }

  async ask(method, path, body) {
    const a = await this.send(method, path, body)
    assert.ok(a.status < 300, `${this.login} ${method} ${path}: ${a.status} ${a.bytes}`)
    return a.json
  }

  async signIn(password = PASSWORD) {
    const me = await this.ask('POST', '/session', { login: this.login, password })
    this.csrf = me.csrf
    if (me.stage === 'post') this.csrf = (await this.ask('POST', '/session/post', { post_id: me.posts[0].id })).csrf
    this.me = me
    return this
  }

  async act(caseId, event, args = {}) {
    const { version } = await this.ask('GET', `/cases/${caseId}`)
    return this.ask('POST', `/cases/${caseId}/acts/${event}`, { version, ...args })
  }
}

export const signedIn = (site, login) => new Person(site.base, login).signIn()

/** The demo's interactive draft of qs.zhang, with consent to recording, sent, assigned to xy.qian, booked for now, its room open. With
 * `team` it is an MDT instead: xy.qian in the chair, xy.xu its member. */
export async function openRoom(site, { minutes = 30, team = false } = {}) {
  const [zhang, li, chen, ...experts] = await Promise.all(['qs.zhang', 'qs.li', 'xy.chen', ...(team ? ['xy.qian', 'xy.xu'] : ['xy.qian'])].map((login) => signedIn(site, login)))
  const { items } = await zhang.ask('GET', '/cases?view=mine&kind=interactive')
  const draft = await zhang.ask('GET', `/cases/${items.find((c) => c.state === 'DRAFT').id}`)
  draft.form.consent.recording = { ...draft.form.consent.telemedicine }
  if (team) delete draft.form.wish?.title
  await zhang.ask('PATCH', `/cases/${draft.id}`, { version: draft.version, form: draft.form, ...(team && { scope: 'mdt' }) })
  await zhang.act(draft.id, 'submit')
  await li.act(draft.id, 'approve_home')
  await chen.act(draft.id, 'triage', { dept_id: draft.target.dept.id })
  const people = experts.map((e, i) => ({ person_id: e.me.person.id, part: i ? 'member' : 'chair' }))
  await chen.act(draft.id, 'assign', team ? { team: people } : { expert_id: people[0].person_id })
  for (const e of experts) await e.act(draft.id, 'accept')
  const start_ms = Date.now() + 60_000
  await chen.act(draft.id, 'schedule', { person_id: people[0].person_id, start_ms, end_ms: start_ms + minutes * 60_000 })
  // The clock may open it in the same moment.
  for (let open = false; !open; ) {
    open = (await experts[0].send('POST', `/cases/${draft.id}/acts/open_room`, { version: (await experts[0].ask('GET', `/cases/${draft.id}`)).version })).status < 300
    open ||= (await experts[0].ask('GET', `/cases/${draft.id}`)).room.open
  }
  return { caseId: draft.id, zhang, li, chen, experts }
}
