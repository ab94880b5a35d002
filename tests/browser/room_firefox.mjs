// Needs: YL_FIREFOX=/usr/bin/firefox-esr (by hand: a second browser is too much for the time of every test run).
// A room with a real Firefox in it: Debian's firefox-esr without a window, driven over WebDriver BiDi. The expert sits in Firefox, the township
// doctor in Chromium; each sees and hears the other, Firefox sends three layers, the camera goes off and on, the page is reloaded.
// YL_SHOTS=dir keeps pictures; YL_DTLS=mbedtls has the server shake hands with the other library.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { launch, ROOT, run } from './lib.mjs'
import { admit, brings, enter, inside, member, until, waiting } from './live.mjs'
import { openRoom } from './person.mjs'
import { PASSWORD, startSite } from './site.mjs'

const { ws: Socket } = createRequire(join(ROOT, 'web/package.json'))('playwright-core/lib/utilsBundle')
const PREFS = {
  'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true, 'media.autoplay.default': 0, 'media.peerconnection.ice.loopback': true, 'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.gmp-manager.updateEnabled': false, 'app.update.auto': false, 'datareporting.policy.dataSubmissionEnabled': false, 'toolkit.telemetry.enabled': false, 'browser.shell.checkDefaultBrowser': false, 'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false, 'extensions.update.enabled': false, 'services.settings.server': 'http://127.0.0.1:9', 'browser.safebrowsing.malware.enabled': false, 'remote.active-protocols': 1, 'intl.accept_languages': 'zh-CN',
}

/** Firefox with a profile of its own and one page; `eval` runs an async function there and gives what it returns. */
class Firefox {
  async start() {
    this.dir = mkdtempSync(join(tmpdir(), 'yl-firefox-'))
    writeFileSync(join(this.dir, 'user.js'), Object.entries(PREFS).map(([k, v]) => `user_pref(${JSON.stringify(k)}, ${JSON.stringify(v)});\n`).join(''))
    this.child = spawn(process.env.YL_FIREFOX ?? '/usr/bin/firefox-esr', ['--headless', '--no-remote', '--profile', this.dir, '--remote-debugging-port', '0', '--width', '1366', '--height', '768', 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: this.dir, MOZ_HEADLESS: '1', TZ: 'Asia/Shanghai' } })
    const address = await new Promise((done, fail) => {
      let text = ''
      this.child.stderr.on('data', (d) => {
        const found = /WebDriver BiDi listening on (ws:\/\/\S+)/.exec((text += d))
        if (found) done(found[1])
      })
      this.child.on('exit', () => fail(new Error(`firefox ended: ${text.slice(-400)}`)))
    })
    this.socket = new Socket(`${address}/session`)
    await new Promise((done, fail) => this.socket.once('open', done).once('error', fail))
    this.asked = new Map()
    this.errors = []
    this.socket.on('message', (text) => {
      const m = JSON.parse(text)
      if (m.method === 'log.entryAdded' && m.params.level === 'error') this.errors.push(m.params.text)
      this.asked.get(m.id)?.(m)
    })
    await this.command('session.new', { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } })
    await this.command('session.subscribe', { events: ['log.entryAdded'] })
    this.context = (await this.command('browsingContext.getTree', {})).contexts[0].context
    await this.command('browsingContext.setViewport', { context: this.context, viewport: { width: 1366, height: 768 } })
    return this
  }
  command(method, params) {
    const id = (this.last = (this.last ?? 0) + 1)
    return new Promise((done, fail) => {
      this.asked.set(id, (m) => (this.asked.delete(id), m.type === 'error' ? fail(new Error(`${method}: ${m.error} ${m.message}`)) : done(m.result)))
      this.socket.send(JSON.stringify({ id, method, params }))
    })
  }
  async eval(fn, ...args) {
    const r = await this.command('script.evaluate', { expression: `(async () => JSON.stringify((await (${fn})(...${JSON.stringify(args)})) ?? null))()`, target: { context: this.context }, awaitPromise: true, userActivation: true })
    if (r.type === 'exception') throw new Error(`in Firefox: ${r.exceptionDetails.text}`)
    return JSON.parse(r.result.value)
  }
  goto(url) {
    return this.command('browsingContext.navigate', { context: this.context, url, wait: 'interactive' })
  }
  waits(selector) {
    return until(() => this.eval((s) => !!document.querySelector(s), selector).catch(() => false), `Firefox shows ${selector}`)
  }
  async press(name) {
    await until(() => this.eval((n) => [...document.querySelectorAll('button')].some((b) => !b.disabled && (b.innerText.trim().startsWith(n) || b.getAttribute('aria-label') === n)), name), `Firefox has ${name}`)
    await this.eval((n) => [...document.querySelectorAll('button')].find((b) => b.innerText.trim().startsWith(n) || b.getAttribute('aria-label') === n).click(), name)
  }
  async shot(name) {
    if (!process.env.YL_SHOTS) return
    mkdirSync(process.env.YL_SHOTS, { recursive: true })
    writeFileSync(join(process.env.YL_SHOTS, `${name}.firefox.png`), Buffer.from((await this.command('browsingContext.captureScreenshot', { context: this.context })).data, 'base64'))
  }
  async stop() {
    const gone = new Promise((done) => this.child.removeAllListeners('exit').on('exit', done))
    this.child.kill()
    await gone
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 })
  }
}

const connections = `() => {
  const Real = RTCPeerConnection
  globalThis.pcs = []
  globalThis.RTCPeerConnection = function (config) { const pc = new Real(config); globalThis.pcs.push(pc); return pc }
  globalThis.RTCPeerConnection.prototype = Real.prototype
  Object.assign(globalThis.RTCPeerConnection, { generateCertificate: Real.generateCertificate })
  const real = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices)
  if (real) navigator.mediaDevices.getUserMedia = (c) => real({ ...c, ...(c.video ? { video: { width: 640, height: 360, frameRate: 10 } } : {}) })
}`
/** What Firefox has received so far: decoded frames and audio energy of all sources. */
const received = async () => {
  let frames = 0, energy = 0, packets = 0
  for (const pc of globalThis.pcs.filter((p) => p.signalingState !== 'closed'))
    (await pc.getStats()).forEach((s) => {
      if (s.type !== 'inbound-rtp') return
      frames += s.framesDecoded ?? 0
      energy += s.totalAudioEnergy ?? 0
      packets += s.packetsReceived ?? 0
    })
  return { frames, energy, packets }
}

// Firefox offers no candidate of 127.0.0.1: the site stands at an address of this machine.
const address = Object.values(networkInterfaces()).flat().find((i) => !i.internal && i.family === 'IPv4')?.address
assert.ok(address, 'this machine has an address besides 127.0.0.1')
const site = await startSite(address, `media.dtls = ${process.env.YL_DTLS ?? 'openssl'}\n`)
const browser = await launch()
const firefox = await new Firefox().start()
const { caseId } = await openRoom(site)
let clinic

async function sees() {
  const before = await firefox.eval(received)
  await until(async () => {
    const now = await firefox.eval(received)
    return now.frames > before.frames + 5 && now.energy > before.energy
  }, 'Firefox decodes the clinic')
}

await run({
  'the expert enters with Firefox, the township doctor with Chromium': async () => {
    await firefox.command('script.addPreloadScript', { functionDeclaration: connections })
    await firefox.goto(`${site.base}/login`)
    await firefox.eval(async (login, password) => {
      const r = await fetch('/api/v1/session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ login, password }) })
      localStorage.setItem('yl.in', '1')
      localStorage.setItem('yl.locale', 'zh')
      return r.status
    }, 'xy.qian', PASSWORD)
    await firefox.goto(`${site.base}/cases/${caseId}/room`)
    await firefox.waits('.test .row.end .y-button.primary')
    await firefox.shot('test')
    await firefox.eval(() => document.querySelector('.test .row.end .y-button.primary').click())
    await firefox.waits('.live')
    clinic = await member(browser, site.base, 'qs.zhang')
    await enter(clinic, caseId)
    await Promise.race([inside(clinic), waiting(clinic)])
    if (!(await clinic.locator('.live').count())) await firefox.press('准许进入')
    await inside(clinic)
  },
  'each sees and hears the other': async () => {
    await brings(clinic, '钱文博')
    await sees()
    await firefox.shot('room')
  },
  'Firefox sends three layers and counts its line': async () => {
    const sent = await firefox.eval(async () => {
      const out = []
      for (const pc of globalThis.pcs.filter((p) => p.signalingState !== 'closed')) (await pc.getStats()).forEach((s) => s.type === 'outbound-rtp' && s.kind === 'video' && out.push([s.rid, s.frameWidth, s.bytesSent, s.active]))
      return out
    })
    console.log(`     layers of Firefox: ${JSON.stringify(sent)}`)
    assert.ok(sent.length === 3, JSON.stringify(sent))
    const line = await firefox.eval(async () => {
      const types = {}
      for (const pc of globalThis.pcs.filter((p) => p.signalingState !== 'closed'))
        (await pc.getStats()).forEach((s) => {
          if (s.type === 'candidate-pair' && s.nominated) types.pair = [s.currentRoundTripTime ?? null, s.availableOutgoingBitrate ?? null]
          if (s.type === 'remote-inbound-rtp') types.rtt = s.roundTripTime ?? null
          if (s.type === 'inbound-rtp' && s.kind === 'audio') types.concealed = [s.concealedSamples ?? null, s.totalSamplesReceived ?? null]
          if (s.type === 'inbound-rtp' && s.kind === 'video') types.freezes = s.freezeCount ?? null
        })
      return types
    })
    console.log(`     statistics of Firefox: ${JSON.stringify(line)}`)
  },
  'a second picture comes in a form that Firefox decodes': async () => {
    await clinic.getByRole('button', { name: '第二画面' }).click()
    await clinic.locator('dialog .stack button').first().click()
    const pictures = async () => {
      const out = []
      for (const pc of globalThis.pcs.filter((p) => p.signalingState !== 'closed')) {
        const report = await pc.getStats()
        report.forEach((s) => s.type === 'inbound-rtp' && s.kind === 'video' && out.push({ ssrc: s.ssrc, frames: s.framesDecoded ?? 0, received: s.framesReceived ?? 0, height: s.frameHeight, codec: report.get(s.codecId)?.mimeType }))
      }
      return out
    }
    const first = await firefox.eval(pictures)
    let now
    await until(async () => {
      now = await firefox.eval(pictures)
      return now.filter((b) => b.frames > (first.find((a) => a.ssrc === b.ssrc)?.frames ?? 0) + 20).length >= 2
    }, 'Firefox decodes face and second picture').catch((e) => assert.fail(`${e.message}: ${JSON.stringify(now)}`))
    const sent = await clinic.evaluate(async () => {
      const out = []
      for (const pc of globalThis.pcs.filter((p) => p.localDescription?.type === 'offer')) {
        const report = await pc.getStats()
        report.forEach((s) => s.type === 'outbound-rtp' && s.kind === 'video' && !s.rid && s.active && out.push([report.get(s.codecId)?.mimeType, s.scalabilityMode, s.frameHeight]))
      }
      return out
    })
    console.log(`     Firefox decodes ${JSON.stringify(now)}; the clinic sends the second picture as ${JSON.stringify(sent)}`)
    await firefox.shot('second')
  },
  'the camera goes off and on again': async () => {
    await firefox.press('摄像头')
    await until(() => clinic.evaluate(() => [...document.querySelectorAll('.tile[data-source=camera]')].some((t) => t.textContent.includes('钱文博') && !t.querySelector('video')?.videoWidth) || ![...document.querySelectorAll('.tile[data-source=camera] video')].some((v) => v.closest('.tile').textContent.includes('钱文博'))), 'the camera is off')
    await firefox.press('摄像头')
    const began = Date.now()
    await brings(clinic, '钱文博', ['camera'])
    console.log(`     a picture again after ${Date.now() - began} ms`)
    assert.ok(Date.now() - began < 2000, `${Date.now() - began} ms`)
  },
  'a reload of the page brings the seat and the pictures back': async () => {
    await firefox.command('browsingContext.reload', { context: firefox.context, wait: 'interactive' })
    await firefox.waits('.live')
    await brings(clinic, '钱文博')
    await sees()
    assert.deepEqual(firefox.errors.filter((e) => !/WebSocket|NetworkError|interrupted|unloaded/.test(e)), [])
  },
}).finally(async () => {
  await browser.close()
  await firefox.stop()
  await site.stop()
})
