// Through a real TURN server (coturn, configured by what yilianctl prints): one page may use nothing but the relay, over TLS; it passes the
// device test, sees and is seen. And the relay leads nowhere else: no credential, an expired one, another machine's address.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { launch, run } from './lib.mjs'
import { brings, enterBy, inside, leave, member, pageOf, playing, until } from './live.mjs'
import { openRoom } from './person.mjs'
import { startSite } from './site.mjs'

const TURNSERVER = ['/usr/bin/turnserver', '/usr/sbin/turnserver'].find(existsSync)
assert.ok(TURNSERVER, 'coturn is installed (config/packages.txt)')
const SECRET = 'a-secret-of-this-test-only'
const ports = { plain: 33_000 + (process.pid % 4000), tls: 37_000 + (process.pid % 4000) }
const site = await startSite('127.0.0.1')
await site.end('SIGTERM')
appendFileSync(join(site.dir, 'yilian.conf'), `relay.urls = turns:127.0.0.1:${ports.tls}?transport=tcp, turn:127.0.0.1:${ports.plain}?transport=udp\nrelay.secret = ${SECRET}\n`)
await site.start()

const conf = join(site.dir, 'turnserver.conf')
// A test's own: everything on loopback, which coturn refuses by itself; no system database and log.
writeFileSync(conf, `${site.ctl('relay', 'config')}listening-ip=127.0.0.1\nrelay-ip=127.0.0.1\nallow-loopback-peers\nuserdb=${site.dir}/turn.db\npidfile=${site.dir}/turn.pid\nlog-file=stdout\nmin-port=42000\nmax-port=43000\n`)
const relay = spawn(TURNSERVER, ['-c', conf], { cwd: site.dir, stdio: ['ignore', 'pipe', 'pipe'] })
for (const out of [relay.stdout, relay.stderr]) out.resume()
process.on('exit', () => relay.kill('SIGKILL'))
await until(() => new Promise((done) => connect(ports.tls, '127.0.0.1').on('connect', function () { this.destroy(); done(true) }).on('error', () => done(false))), 'the relay listens')

const { caseId } = await openRoom(site)
const browser = await launch()
const host = await member(browser, site.base, 'xy.qian')
const far = await member(browser, site.base, 'qs.zhang')
/** Whatever this page's connections are made with: only the relay is used. */
const relayOnly = () => {
  const set = RTCPeerConnection.prototype.setConfiguration
  RTCPeerConnection.prototype.setConfiguration = function (c) {
    return set.call(this, { ...c, iceTransportPolicy: 'relay', iceServers: c.iceServers.map((s) => ({ ...s, urls: s.urls.filter((u) => u.startsWith('turns:')) })) })
  }
}
const pairs = (page) =>
  page.evaluate(async () => {
    const used = []
    for (const pc of globalThis.pcs.filter((p) => p.connectionState === 'connected')) {
      const stats = [...(await pc.getStats()).values()]
      const pair = stats.find((s) => s.id === stats.find((t) => t.type === 'transport')?.selectedCandidatePairId)
      const local = stats.find((s) => s.id === pair?.localCandidateId)
      used.push(`${local?.candidateType} ${local?.relayProtocol}`)
    }
    return used
  })

/** Gathers with one TURN server by itself; what became of it. */
const gather = (page, server, target) =>
  page.evaluate(
    async ([server, target]) => {
      const pc = new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: 'relay' })
      const found = []
      pc.onicecandidate = (e) => e.candidate && found.push(e.candidate.type)
      pc.createDataChannel('x')
      await pc.setLocalDescription(await pc.createOffer())
      for (let i = 0; i < 50 && pc.iceGatheringState !== 'complete'; i++) await new Promise((r) => setTimeout(r, 100))
      if (target) {
        const sdp = `v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdabcdabcdabcdabcdabcd\r\na=setup:active\r\na=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}\r\na=sctp-port:5000\r\na=candidate:1 1 udp 2130706431 ${target} typ host\r\n`
        await pc.setRemoteDescription({ type: 'answer', sdp })
        await new Promise((r) => setTimeout(r, 3000))
      }
      pc.close()
      return [...new Set(found)]
    },
    [server, target],
  )
const credential = (seconds, secret = SECRET) => {
  const username = `${Math.floor(Date.now() / 1000) + seconds}:someone`
  return { urls: [`turn:127.0.0.1:${ports.plain}?transport=udp`], username, credential: createHmac('sha1', secret).update(username).digest('base64') }
}

await run({
  async 'a page that has the relay alone sees and is seen, over TLS'() {
    await far.addInitScript(relayOnly)
    await far.reload()
    await enterBy(far, null, caseId)
    await enterBy(host, far, caseId)
    await Promise.all([playing(far, host.called), playing(host, far.called)])
    assert.deepEqual(await pairs(far), ['relay tls', 'relay tls'])
    assert.ok((await pairs(host)).every((p) => !p.startsWith('relay')), 'who needs no relay uses none')
    await Promise.all([brings(far, host.called), brings(host, far.called)])
  },
  async 'after a reload too'() {
    await far.reload()
    await inside(far)
    await Promise.all([playing(far, host.called), playing(host, far.called)])
    assert.deepEqual(await pairs(far), ['relay tls', 'relay tls'])
  },
  async 'a credential is needed, and its time counts'() {
    const page = await pageOf(browser, site.base)
    await page.goto('/login')
    assert.deepEqual(await gather(page, credential(600)), ['relay'])
    assert.deepEqual(await gather(page, credential(-5)), [])
    assert.deepEqual(await gather(page, credential(600, 'another-secret-entirely')), [])
    await page.close()
  },
  async 'the relay leads to our media port’s address and nowhere else'() {
    const page = await pageOf(browser, site.base)
    await page.goto('/login')
    for (const [address, reached] of [['127.0.0.1', true], ['127.0.0.2', false]]) {
      let heard = 0
      const there = createSocket('udp4').on('message', () => heard++)
      await new Promise((done) => there.bind(0, address, done))
      assert.deepEqual(await gather(page, credential(600), `${address} ${there.address().port}`), ['relay'])
      there.close()
      assert.equal(heard > 0, reached, `${heard} datagrams came to ${address}`)
    }
    await page.close()
  },
  async 'who leaves in peace is gone'() {
    await leave(far)
    await leave(host)
  },
})
await browser.close()
relay.kill('SIGTERM')
await site.stop()
