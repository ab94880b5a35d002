// How long entering takes: from the click on "enter" to the other's first decoded frame, 30 times in real Chromium on loopback, and where the
// time goes. The host stays; the township's doctor enters, leaves, and enters again. The ticket is known when the click comes.
//   YL_BUILD=build node tests/bench/room_join.mjs [joins]
import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { launch } from '../browser/lib.mjs'
import { enterBy, enterButton, inside, leave, member, playing } from '../browser/live.mjs'
import { openRoom } from '../browser/person.mjs'
import { startSite } from '../browser/site.mjs'

const JOINS = Number(process.argv[2] ?? 30)
const BAR_MS = 700

/** In the page: when each step was first seen after the click. */
const marks = () => {
  const m = (globalThis.marks = {})
  const mark = (name) => (m[name] ??= performance.now())
  addEventListener('click', (e) => e.target.closest?.('.test .row.end .y-button.primary') && ((globalThis.marks = Object.assign(m, Object.fromEntries(Object.keys(m).map((k) => [k, undefined])))), mark('click')), true)
  const RealSocket = WebSocket
  globalThis.WebSocket = class extends RealSocket {
    constructor(...args) {
      super(...args)
      this.addEventListener('open', () => mark('ws'))
      const verbs = new Map()
      this.said = verbs
      this.addEventListener('message', ({ data }) => {
        const t = JSON.parse(data)
        const verb = verbs.get(t.id)
        if (verb === 'room.join') mark('joined')
        if (verb === 'media.publish') mark('published')
        if (t.event === 'media.offer' && t.data.map.length) mark('offer')
      })
    }
    send(text) {
      const t = JSON.parse(text)
      this.said.set(t.id, t.verb)
      if (t.verb === 'room.join') mark('join')
      if (t.verb === 'media.answer') mark('answer')
      super.send(text)
    }
  }
  const RealPc = RTCPeerConnection
  globalThis.RTCPeerConnection = class extends RealPc {
    constructor(config) {
      super(config)
      const down = () => this.remoteDescription?.type === 'offer'
      this.addEventListener('iceconnectionstatechange', () => down() && this.iceConnectionState === 'connected' && mark('ice'))
      this.addEventListener('connectionstatechange', () => down() && this.connectionState === 'connected' && mark('dtls'))
      const look = async () => {
        if (this.signalingState === 'closed' || m.decoded) return
        if (down() && m.answer) {
          const report = await this.getStats()
          report.forEach((s) => {
            if (s.type !== 'inbound-rtp' || s.kind !== 'video') return
            if (s.packetsReceived) mark('packet')
            if (s.keyFramesDecoded) mark('decoded')
          })
        }
        setTimeout(look, 8)
      }
      look()
    }
  }
}
const STEPS = ['ws', 'join', 'joined', 'offer', 'answer', 'ice', 'dtls', 'packet', 'decoded']
const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]

const site = await startSite()
const { caseId } = await openRoom(site, { minutes: 60 })
// Each in a browser of its own: pages of one browser share its camera thread, which stands still while the other page opens.
const [browser, other] = [await launch(), await launch()]
const camera = { width: 480, height: 270, rate: 25 } // small, so that both browsers and the server fit onto two cores
const host = await member(other, site.base, 'xy.qian', { camera })
const guest = await member(browser, site.base, 'qs.zhang', { camera })
await guest.addInitScript(marks)
await enterBy(guest, null, caseId)
await enterBy(host, guest, caseId)
await playing(guest, host.called)
const totals = []
const steps = Object.fromEntries(STEPS.map((s) => [s, []]))
const loads = [loadavg()[0]]
for (let i = 0; i < JOINS; i++) {
  await leave(guest)
  await guest.getByRole('button', { name: '重新进入' }).click()
  await enterButton(guest).waitFor()
  await guest.waitForFunction(() => document.querySelector('.preview video')?.videoWidth > 0)
  await guest.waitForTimeout(1500) // a person looks at himself; line and ticket are there meanwhile
  await enterButton(guest).click()
  await inside(guest)
  await playing(guest, host.called)
  await guest.waitForFunction(() => globalThis.marks.decoded)
  const m = await guest.evaluate(() => globalThis.marks)
  totals.push(m.decoded - m.click)
  let before = m.click
  for (const s of STEPS) {
    const t = m[s] && m[s] > before ? m[s] : before
    steps[s].push(t - before)
    before = t
  }
}
loads.push(loadavg()[0])
totals.sort((a, b) => a - b)
const [p50, p95] = [at(totals, 0.5), at(totals, 0.95)]
console.log(`enter to the other's first decoded frame: p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms, most ${totals.at(-1).toFixed(0)} ms, ${JOINS} joins (bar: p95 ${BAR_MS} ms)`)
console.log(`load ${loads.map((l) => l.toFixed(1)).join(' -> ')} on ${readFileSync('/proc/cpuinfo', 'utf8').match(/^processor/gm).length} cores`)
for (const s of STEPS) {
  const sorted = steps[s].sort((a, b) => a - b)
  console.log(`  ... ${s.padEnd(8)} p50 ${at(sorted, 0.5).toFixed(0).padStart(5)}  p95 ${at(sorted, 0.95).toFixed(0).padStart(5)}`)
}
await browser.close()
await other.close()
await site.stop()
