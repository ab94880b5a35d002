// A hospital's system at the real daemon: a machine client of the FHIR service with a key of its own (SMART backend services).
import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import https from 'node:https'
import { join } from 'node:path'

const encoded = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

export class FhirClient {
  /** Registered by the machine's administrator, for the institution of that code; without one for the whole consortium. */
  constructor(site, name, org) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const file = join(site.dir, `${randomUUID()}.json`)
    writeFileSync(file, JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1' }] }))
    const id = site.ctl('client', 'add', '--name', name, '--scope', 'system/*.cruds', '--jwks', file, ...(org ? ['--org', org] : [])).trim()
    Object.assign(this, { base: site.base, id, privateKey, bearer: '' })
  }

  send(method, path, body, type = 'application/fhir+json') {
    return new Promise((done, fail) => {
      const q = https.request(`${this.base}/fhir${path}`, { method, rejectUnauthorized: false, headers: { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), ...(this.bearer && { Authorization: `Bearer ${this.bearer}` }) } }, (s) => {
        const chunks = []
        s.on('data', (c) => chunks.push(c))
        s.on('end', () => done({ status: s.statusCode, json: JSON.parse(Buffer.concat(chunks) || 'null') }))
      })
      q.on('error', fail)
      q.end(body)
    })
  }

  /** `aud`: for whom the statement is made. */
  async signIn(aud = `${this.base}/fhir/auth/token`) {
    const now = Math.floor(Date.now() / 1000)
    const text = `${encoded({ alg: 'ES256', typ: 'JWT', kid: 'k1' })}.${encoded({ iss: this.id, sub: this.id, aud, exp: now + 200, jti: randomUUID() })}`
    const assertion = `${text}.${sign('sha256', Buffer.from(text), { key: this.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
    const form = new URLSearchParams({ grant_type: 'client_credentials', scope: 'system/*.cruds', client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: assertion })
    const a = await this.send('POST', '/auth/token', form.toString(), 'application/x-www-form-urlencoded')
    assert.equal(a.status, 200, JSON.stringify(a.json))
    this.bearer = a.json.access_token
    return this
  }

  /** All of these under their ids, in one transaction. */
  async keep(...resources) {
    const entry = resources.map((resource) => ({ resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } }))
    const a = await this.send('POST', '', JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }))
    assert.equal(a.status, 200, JSON.stringify(a.json))
  }
}
