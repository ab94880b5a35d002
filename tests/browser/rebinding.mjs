// A router between a browser and us gives the same connection another port, as routers do after a restart or when their table is full. No ICE restart,
// nothing tells the page: pictures go on when the browser's next check shows where it is now. How long that takes is printed (docs/media.md, "Another port").
import assert from 'node:assert/strict'
import { launch, open, run } from './lib.mjs'
import { makeRelay, throughRelay } from './line.mjs'
import { startSite } from './site.mjs'

const TIMES = Number(process.env.YL_TIMES ?? 1)
const site = await startSite()
const relay = await makeRelay(site.address, site.media)
const browser = await launch()
const token = (what) => site.ctl('token', '--room', 'lecture', `--${what}`, '--minutes', '30').trim()

const client = () => {
  globalThis.begin = async (url, bearer) => {
    const pc = (globalThis.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' }))
    const stream = url.includes('/whip/') ? await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240, frameRate: 20 } }) : null
    for (const kind of ['audio', 'video']) pc.addTransceiver(stream?.getTracks().find((t) => t.kind === kind) ?? kind, { direction: stream ? 'sendonly' : 'recvonly' })
    await pc.setLocalDescription()
    const a = await fetch(url, { method: 'POST', body: pc.localDescription.sdp, headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${bearer}` } })
    await pc.setRemoteDescription({ type: 'answer', sdp: await a.text() })
    if (stream) return
    document.body.append(Object.assign(document.createElement('video'), { autoplay: true, srcObject: new MediaStream(pc.getReceivers().map((r) => r.track)) }))
  }
  globalThis.frames = async () => [...(await globalThis.pc.getStats()).values()].reduce((n, s) => n + (s.type === 'inbound-rtp' ? (s.framesDecoded ?? 0) : 0), 0)
  /** Milliseconds until pictures come after a second or more without; polled, since a page that shows nothing draws nothing. */
  globalThis.stands = async (within) => {
    let [last, at] = [await globalThis.frames(), performance.now()]
    let longest = 0
    for (const t0 = at; performance.now() - t0 < within; await new Promise((r) => setTimeout(r, 20))) {
      const n = await globalThis.frames()
      if (n === last) continue
      longest = Math.max(longest, performance.now() - at)
      last = n
      at = performance.now()
    }
    return { longest, now: performance.now() - at }
  }
}
async function page(kind, through) {
  const p = await open(browser, { base: site.base })
  p.setDefaultTimeout(60_000)
  await p.addInitScript(client)
  if (through) await p.addInitScript(throughRelay, { port: site.media, relay: relay.port })
  await p.goto('/login')
  await p.evaluate(([u, t]) => globalThis.begin(u, t), [`${site.base}/${kind}/lecture`, token(kind === 'whip' ? 'publish' : 'watch')])
  return p
}
async function rebinds(viewer, what) {
  const all = []
  for (let i = 0; i < TIMES; i++) {
    await viewer.waitForFunction(async () => (await globalThis.frames()) > 20)
    await viewer.waitForTimeout(2000 + i * 700) // not in step with the browser's checks
    const stands = viewer.evaluate(() => globalThis.stands(9000))
    await viewer.waitForTimeout(500)
    relay.rebind()
    const { longest, now } = await stands
    assert.ok(now < 2000, `pictures come again: none for ${now.toFixed(0)} ms at the end`)
    all.push(Math.round(longest))
  }
  console.log(`     ${what}: the picture stood for ${all.join(', ')} ms`)
}

let viewer
await run({
  async 'who watches comes from another port: the same session goes on'() {
    const publisher = await page('whip', false)
    viewer = await page('whep', true)
    await rebinds(viewer, 'a viewer')
    await viewer.context().close()
    await publisher.context().close()
  },
  async 'who publishes comes from another port: those who watch see him again'() {
    await page('whip', true)
    viewer = await page('whep', false)
    await rebinds(viewer, 'a publisher')
  },
})
await browser.close()
await site.stop()
relay.close()
