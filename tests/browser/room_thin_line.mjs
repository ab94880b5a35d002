// A line that shrinks and widens: 2.5 Mbit/s, then 500 kbit/s, then 2.5 again, 40 ms each way, by a relay with a queue. The picture gets
// smaller and comes back by itself, sound goes on, the page says why, and nobody else's picture suffers. How long what takes is printed;
// asserted is only what must hold on any machine.
import assert from 'node:assert/strict'
import { axe, launch, run } from './lib.mjs'
import { makeRelay, throughRelay } from './line.mjs'
import { arrivals, brings, enterBy, member, playing, shot, tile, until } from './live.mjs'
import { openRoom } from './person.mjs'
import { startSite } from './site.mjs'

const site = await startSite()
const { caseId } = await openRoom(site)
const relay = await makeRelay(site.address, site.media)
const browser = await launch()
const host = await member(browser, site.base, 'xy.qian', { camera: { width: 1280, height: 720, rate: 12 } })
const far = await member(browser, site.base, 'qs.zhang')
await far.addInitScript(throughRelay, { port: site.media, relay: relay.port })

/** A screen on which a page of text runs by: none of its forms fits a thin line. */
await host.addInitScript(() => {
  navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 })
    const g = canvas.getContext('2d')
    let n = 0
    setInterval(() => {
      n += 7 // seven lines on, ten times a second
      g.fillStyle = '#fff'
      g.fillRect(0, 0, 1280, 720)
      g.fillStyle = '#111'
      g.font = '22px sans-serif'
      for (let y = 0; y < 24; y++) g.fillText(`${n + y} 检查所见 ${((n + y) * 2654435761 % 4294967296).toString(36)} 右肺上叶结节`, 20 + ((n + y) % 5) * 30, 30 * y + 24)
    }, 100)
    return canvas.captureStream(10)
  }
})

let told = [] // what the server said of far's pictures, and of host's layers
far.heard = (m) => m.event === 'media.streams' && told.push(m.data)
let layers = null
host.heard = (m) => m.event === 'media.wanted' && m.data.source === 'camera' && (layers = m.data.layers)

const key = (source) => `${host.called}/${source}`
/** Watches the far page for `seconds`; what came, and the row of heights a second. */
async function watch(seconds, what) {
  const first = await arrivals(far)
  const t0 = Date.now()
  const heights = []
  relay.queues = []
  const bytes = relay.down_bytes
  for (let i = 0; i < seconds; i++) {
    await far.waitForTimeout(1000)
    heights.push((await arrivals(far))[key('camera')]?.height ?? 0)
  }
  const last = await arrivals(far)
  const of = (s, k) => (last[key(s)]?.[k] ?? 0) - (first[key(s)]?.[k] ?? 0)
  const queues = relay.queues.sort((a, b) => a - b)
  const m = {
    heights,
    frames: of('camera', 'frames'),
    frozen_s: of('camera', 'frozen_s'),
    concealed: (of('mic', 'concealed') - of('mic', 'silent')) / Math.max(1, of('mic', 'samples')),
    queue_p50: queues[Math.floor(queues.length / 2)] ?? 0,
    queue_p95: queues[Math.floor(queues.length * 0.95)] ?? 0,
    queue_most: queues.at(-1) ?? 0,
    over200_s: (queues.filter((q) => q > 200).length / Math.max(1, queues.length)) * seconds,
    kbps: ((relay.down_bytes - bytes) * 8) / (Date.now() - t0),
    said: told.at(-1),
  }
  console.log(`     ${what}: ${m.kbps.toFixed(0)} kbit/s, ${m.frames} frames, frozen ${m.frozen_s.toFixed(1)} of ${seconds} s, sound ${(m.concealed * 100).toFixed(1)} % concealed; queue p50 ${m.queue_p50.toFixed(0)} p95 ${m.queue_p95.toFixed(0)} most ${m.queue_most.toFixed(0)} ms, over 200 ms for ${m.over200_s.toFixed(1)} s; line said to carry ${((m.said?.line_bps ?? 0) / 1000).toFixed(0)} kbit/s; height a second ${heights.join(' ')}`)
  return m
}

await run({
  async 'in over a good line: the whole picture'() {
    Object.assign(relay, { down_bps: 2_500_000, delay_ms: 40 })
    await enterBy(far, null, caseId, { useCamera: false }) // one camera at work is enough for this machine
    await enterBy(host, far, caseId)
    await playing(far, host.called)
    await until(async () => (await arrivals(far))[key('camera')]?.height >= 700, 'the largest layer')
    const m = await watch(12, '2.5 Mbit/s')
    assert.ok(m.said, 'the page hears of its pictures')
    assert.ok(m.said.line_bps > 500_000, 'the line was measured')
    assert.equal(await far.getByText('网速不足').count(), 0)
    await shot(far, 'thin-before')
  },
  async 'the line shrinks to 500 kbit/s: less picture, sound whole, and the page says why'() {
    const t0 = Date.now()
    Object.assign(relay, { down_bps: 500_000 })
    await tile(far, host.called).getByText('网速不足').waitFor()
    console.log(`     said after ${Date.now() - t0} ms`)
    await far.locator('.net.fair, .net.poor').waitFor()
    await shot(far, 'thin-line')
    await axe(far, 'thin line')
    const m = await watch(15, '500 kbit/s')
    assert.ok(m.frames > 20, 'pictures go on')
    assert.ok(m.said.streams.some((s) => s.reduced !== 'none' && s.grade >= 'B'), JSON.stringify(m.said))
    const calm = await watch(6, '500 kbit/s, later')
    assert.ok(calm.queue_p50 < 200, 'no queue stands')
    assert.ok(calm.concealed < 0.1, 'words stay')
  },
  async 'at 200 kbit/s a smaller picture; the layers that nobody has use for rest at the publisher'() {
    Object.assign(relay, { down_bps: 200_000 })
    await until(async () => (await arrivals(far))[key('camera')]?.height < 700, 'a smaller picture')
    await until(() => layers && !layers[2], 'the publisher hears that nobody has use for the largest layer')
    const sent = () => host.evaluate(async () => {
      let n = 0
      for (const pc of globalThis.pcs) if (pc.connectionState === 'connected') (await pc.getStats()).forEach((s) => s.type === 'outbound-rtp' && s.rid === 'f' && (n += s.framesSent ?? 0))
      return n
    })
    await until(async () => {
      const before = await sent()
      await far.waitForTimeout(1500)
      return before > 0 && (await sent()) === before
    }, 'it is not sent')
    const m = await watch(6, '200 kbit/s')
    await shot(far, 'thinner-line')
    assert.ok(m.frames > 5 && m.queue_p50 < 300 && m.concealed < 0.2)
  },
  async 'a screen that no thin line carries: it comes as sharp as ever every few seconds, and the page says so'() {
    Object.assign(relay, { down_bps: 2_500_000 })
    await host.getByRole('button', { name: '共享屏幕' }).click()
    await playing(far, host.called, 'screen')
    Object.assign(relay, { down_bps: 300_000 })
    await tile(far, host.called, 'screen').getByText('每隔几秒更新一次').waitFor()
    const before = (await arrivals(far))[key('screen')]
    const t0 = Date.now()
    await until(async () => (await arrivals(far))[key('screen')].frames >= before.frames + 3, 'three stills')
    const after = (await arrivals(far))[key('screen')]
    console.log(`     ${after.frames - before.frames} stills of ${after.height} lines in ${((Date.now() - t0) / 1000).toFixed(1)} s`)
    assert.equal(after.height, 720)
    await shot(far, 'thin-stills')
    const m = await watch(8, 'stills on 300 kbit/s')
    assert.ok(m.queue_p50 < 300 && m.concealed < 0.2)
    await host.getByRole('button', { name: '停止共享' }).click()
  },
  async 'the line is wide again: the whole picture comes back'() {
    const t0 = Date.now()
    Object.assign(relay, { down_bps: 2_500_000 })
    const back = watch(12, '2.5 Mbit/s again')
    await until(async () => (await arrivals(far))[key('camera')]?.height >= 700, 'the largest layer again')
    console.log(`     the largest layer again after ${Date.now() - t0} ms`)
    const m = await back
    assert.ok(m.frozen_s < 8)
    await until(async () => (await far.getByText('网速不足').count()) === 0, 'the page says nothing of a slow line')
    await brings(far, host.called)
    await brings(host, far.called, ['mic'])
  },
})
await browser.close()
await site.stop()
relay.close()
