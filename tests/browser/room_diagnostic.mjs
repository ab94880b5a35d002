// A thin line carries findings before faces: with the second camera (an ultrasound) and a face in one room, in real Chromium behind a relay with a
// queue, the ultrasound keeps its lines and its frames on a line that carries it and little more, and is sent before the face where the clinic's own line is thin;
// and a shared screen loses frames before it loses sharpness.
import assert from 'node:assert/strict'
import { launch, run } from './lib.mjs'
import { makeRelay, throughRelay } from './line.mjs'
import { arrivals, brings, enterBy, member, playing, shot, tile, until } from './live.mjs'
import { openRoom } from './person.mjs'
import { startSite } from './site.mjs'

const site = await startSite()
const { caseId } = await openRoom(site)
const [up, down] = [await makeRelay(site.address, site.media), await makeRelay(site.address, site.media)]
const browser = await launch()
const clinic = await member(browser, site.base, 'qs.zhang', { camera: { width: 1280, height: 720, rate: 12 } })
const expert = await member(browser, site.base, 'xy.qian', { shape: { viewport: { width: 2560, height: 1440 } } })
await clinic.addInitScript(throughRelay, { port: site.media, relay: up.port })
await expert.addInitScript(throughRelay, { port: site.media, relay: down.port })
/** A screen of lines two pixels wide, which a codec would blur first, and a film in it that keeps the line busy. */
await clinic.addInitScript(() => {
  navigator.mediaDevices.getDisplayMedia = async () => {
    const [width, height] = [1280, 720]
    const canvas = Object.assign(document.createElement('canvas'), { width, height })
    const c = canvas.getContext('2d')
    const noise = c.createImageData(240, 90)
    setInterval(() => {
      c.fillStyle = '#fff'
      c.fillRect(0, 0, width, 360)
      c.fillStyle = '#000'
      for (let x = 0; x < width; x += 4) c.fillRect(x, 0, 2, 360)
      for (let i = 0; i < noise.data.length; i += 4) noise.data.set([0, 1, 2].map(() => Math.random() * 80 + 90).concat(255), i)
      c.putImageData(noise, 0, 400)
    }, 1000 / 12)
    return canvas.captureStream(12)
  }
})

/** What came of each picture of the clinic in `seconds`: lines at the end, frames a second, kbit/s, seconds that it stood. */
async function watch(seconds, what) {
  const before = await arrivals(expert)
  await expert.waitForTimeout(seconds * 1000)
  const after = await arrivals(expert)
  const of = (source) => {
    const [a, b] = [before[`${clinic.called}/${source}`], after[`${clinic.called}/${source}`]]
    return b && { lines: b.height, fps: (b.frames - (a?.frames ?? 0)) / seconds, kbps: ((b.bytes - (a?.bytes ?? 0)) * 8) / seconds / 1000, stood_s: b.frozen_s - (a?.frozen_s ?? 0) }
  }
  const seen = Object.fromEntries(['camera', 'camera2', 'screen'].map((s) => [s, of(s)]).filter(([, v]) => v))
  console.log(`     ${what}: ${Object.entries(seen).map(([s, v]) => `${s} ${v.lines} lines, ${v.fps.toFixed(1)} a second, ${v.kbps.toFixed(0)} kbit/s, stood ${v.stood_s.toFixed(1)} s`).join('; ')}`)
  return seen
}
/** Bytes that the clinic's browser has sent of its face (simulcast, with rids) and of its second camera. */
const sent = () => clinic.evaluate(async () => {
  const out = { face: 0, findings: 0 }
  for (const pc of globalThis.pcs) if (pc.connectionState === 'connected') (await pc.getStats()).forEach((s) => s.type === 'outbound-rtp' && s.kind === 'video' && (out[s.rid ? 'face' : 'findings'] += s.bytesSent))
  return out
})
/** Of the lines on the screen, as the expert sees them: 1 = as drawn, 0 = grey. */
const sharpness = () => expert.evaluate(() => {
  const v = document.querySelector('.tile[data-source=screen] video')
  const c = Object.assign(document.createElement('canvas'), { width: v.videoWidth, height: v.videoHeight }).getContext('2d')
  c.drawImage(v, 0, 0)
  const row = c.getImageData(200, 180, 800, 1).data
  let sum = 0
  for (let x = 0; x + 4 <= 800; x += 4) sum += Math.abs(row[x * 4] + row[x * 4 + 4] - row[x * 4 + 8] - row[x * 4 + 12]) / 510
  return sum / 200
})
const all = async (source, lines, what) => until(async () => (await arrivals(expert))[`${clinic.called}/${source}`]?.height === lines, what)
let wide

await run({
  async 'a wide line: the ultrasound whole, the face as its tile has pixels for'() {
    Object.assign(down, { delay_ms: 20 })
    Object.assign(up, { delay_ms: 20 })
    await enterBy(expert, null, caseId, { useCamera: false })
    await enterBy(clinic, expert, caseId, { codec: 'vp8' })
    await clinic.getByRole('button', { name: '第二画面' }).click()
    await clinic.locator('dialog .stack button').first().click()
    await playing(expert, clinic.called, 'camera2')
    await all('camera2', 720, 'all of the ultrasound')
    wide = await watch(8, 'wide')
    await shot(expert, 'diagnostic-wide')
  },
  async 'a thin line down: the ultrasound stays whole beside the least of the face'() {
    down.down_bps = Math.round(wide.camera2.kbps * 1150 + 260_000)
    console.log(`     ${(down.down_bps / 1000).toFixed(0)} kbit/s down`)
    let thin
    const kept = () => thin.camera2.lines === 720 && thin.camera2.fps > wide.camera2.fps * 0.8 && thin.camera.lines === 180
    for (let i = 0; i < 7 && !(thin && kept()); i++) thin = await watch(8, 'thin down') // a machine that stands for a while looks like a line that does
    await shot(expert, 'diagnostic-thin')
    assert.ok(kept(), 'the ultrasound goes on as it was')
    down.down_bps = 0
  },
  async 'a thin line up: the clinic sends the ultrasound before the face'() {
    await expert.getByRole('button', { name: '录制', exact: true }).click() // a recording wants both whole, whoever looks
    await clinic.getByRole('dialog').getByRole('button', { name: '同意录制', exact: true }).click()
    await clinic.getByText('正在录制').first().waitFor()
    await expert.waitForTimeout(3000)
    up.up_bps = 700_000 // with equal shares the ultrasound had 180 lines
    let share
    const kept = () => share.findings > 2 * share.face && share.lines >= 360
    for (let i = 0; i < 7 && !(share && kept()); i++) {
      await expert.waitForTimeout(3000)
      const a = await sent()
      const thin = await watch(7, 'thin up')
      const b = await sent()
      share = { findings: ((b.findings - a.findings) * 8) / 7000, face: ((b.face - a.face) * 8) / 7000, lines: thin.camera2.lines }
      console.log(`     sent: the ultrasound ${share.findings.toFixed(0)} kbit/s, the face ${share.face.toFixed(0)} kbit/s`)
    }
    await shot(expert, 'diagnostic-up')
    assert.ok(kept(), 'more for the ultrasound than for the face')
    up.up_bps = 0
  },
  async 'a screen: sharp before smooth'() {
    await clinic.getByRole('button', { name: '关闭第二画面' }).click()
    await clinic.getByRole('button', { name: '共享屏幕' }).click()
    await playing(expert, clinic.called, 'screen')
    await expert.waitForTimeout(15_000)
    const [before, sharp] = [await watch(5, 'screen, wide'), await sharpness()]
    down.down_bps = Math.round(before.screen.kbps * 800 + 150_000)
    console.log(`     ${(down.down_bps / 1000).toFixed(0)} kbit/s down`)
    await expert.waitForTimeout(10_000)
    const [after, still] = [await watch(10, 'screen, thin down'), await sharpness()]
    console.log(`     sharpness ${sharp.toFixed(2)}, then ${still.toFixed(2)}`)
    await shot(expert, 'diagnostic-screen')
    assert.equal(after.screen.lines, 720)
    assert.ok(after.screen.fps < before.screen.fps * 0.8 && after.screen.fps > 0.5, 'fewer frames')
    assert.ok(still > 0.9 * sharp && still > 0.8, 'as sharp as before')
  },
})
await browser.close()
await site.stop()
up.close()
down.close()
