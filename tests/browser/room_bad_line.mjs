// A bad line between one page and the server: 5 % of all datagrams lost in both directions and 100 ms round trip, by a seeded relay. Words
// stay; pictures may stop. Sound alone and still pictures keep the same case in the same seat, by choice and by themselves.
import assert from 'node:assert/strict'
import { launch, run } from './lib.mjs'
import { makeRelay, throughRelay } from './line.mjs'
import { arrivals, brings, enterBy, member, mySeat, playing, shot, until } from './live.mjs'
import { openRoom } from './person.mjs'
import { startSite } from './site.mjs'

const site = await startSite()
const { caseId } = await openRoom(site)
const relay = await makeRelay(site.address, site.media)
const browser = await launch()
const host = await member(browser, site.base, 'xy.qian')
const far = await member(browser, site.base, 'qs.zhang')
await far.addInitScript(throughRelay, { port: site.media, relay: relay.port })
const MEASURE_MS = 15_000

/** What came of `who`'s sound and picture in `MEASURE_MS`. */
async function measured(page, who) {
  const before = await arrivals(page)
  await page.waitForTimeout(MEASURE_MS)
  const after = await arrivals(page)
  const of = (source) => Object.fromEntries(Object.entries(after[`${who}/${source}`]).map(([k, v]) => [k, typeof v === 'number' ? v - (before[`${who}/${source}`]?.[k] ?? 0) : v]))
  const [mic, camera] = [of('mic'), of('camera')]
  return { mic, camera, concealed: (mic.concealed - mic.silent) / Math.max(1, mic.samples), energy: mic.energy }
}
const line = (m) => `sound: ${(m.concealed * 100).toFixed(1)} % concealed, ${m.mic.lost} of ${m.mic.packets + m.mic.lost} packets missing at the end; picture: ${m.camera.frames} frames, ${m.camera.freezes} freezes, ${m.camera.frozen_s.toFixed(1)} s`
const mode = async (name) => {
  await far.getByRole('button', { name: /网络模式/ }).click()
  await far.getByRole('menuitemradio', { name }).click()
}

await run({
  async 'in through the relay, a good line first'() {
    await enterBy(far, null, caseId)
    await enterBy(host, far, caseId)
    await Promise.all([playing(far, host.called), playing(host, far.called)])
    assert.ok(relay.passed > 100, 'media goes through the relay')
    for (const [page, who] of [[far, host], [host, far]]) console.log(`     ${who.called} at ${page.called}, good line: ${line(await measured(page, who.called))}`)
  },
  async 'at 5 % loss and 100 ms the words stay'() {
    Object.assign(relay, { loss: 0.05, delay_ms: 50 })
    await far.waitForTimeout(4000)
    for (const [page, who] of [[far, host], [host, far]]) {
      const m = await measured(page, who.called)
      console.log(`     ${who.called} at ${page.called}, bad line: ${line(m)}`)
      assert.ok(m.energy > 0 && m.concealed < 0.5, 'sound is there')
      assert.ok(m.camera.frames > 0, 'pictures come')
    }
    await far.locator('.net.fair, .net.poor').waitFor()
    await shot(far, 'bad-line')
    await host.locator('.tile .grade').first().waitFor()
    await shot(host, 'bad-line-other')
  },
  async 'sound and still pictures: same seat, same case'() {
    const seat = mySeat(far)
    await mode(/静态画面/)
    await host.locator('.tile img[src^="data:image/jpeg"]').waitFor()
    const first = await host.locator('.tile img[src^="data:image/jpeg"]').getAttribute('src')
    await until(async () => (await host.locator('.tile img[src^="data:image/jpeg"]').getAttribute('src')) !== first, 'the next still picture')
    await brings(host, far.called, ['mic'])
    await brings(far, host.called, ['mic'])
    const video = async () => (await arrivals(far))[`${host.called}/camera`].packets
    const before = await video()
    await far.waitForTimeout(3000)
    assert.ok((await video()) - before < 5, 'no video goes to a page that cannot take it')
    await shot(far, 'stills')
    await shot(host, 'stills-other')
    assert.equal(mySeat(far), seat)
  },
  async 'the mode outlives a reload'() {
    await far.reload()
    await host.locator('.tile img[src^="data:image/jpeg"]').waitFor()
    await brings(host, far.called, ['mic'])
    const sent = () => far.evaluate(async () => {
      let n = 0
      for (const pc of globalThis.pcs) if (pc.connectionState === 'connected') (await pc.getStats()).forEach((s) => (n += s.type === 'outbound-rtp' && s.kind === 'video' ? (s.framesSent ?? 0) : 0))
      return n
    })
    const before = await sent()
    await far.waitForTimeout(3000)
    assert.equal(await sent(), before, 'no video is sent')
    await shot(far, 'stills-after-reload')
  },
  async 'sound alone'() {
    await mode(/只用语音/)
    await brings(host, far.called, ['mic'])
    await brings(far, host.called, ['mic'])
    await shot(far, 'audio-only')
  },
  async 'video again, on the bad line'() {
    await mode(/完整视频/)
    await Promise.all([playing(far, host.called), playing(host, far.called)])
  },
  async 'a line that stays poor gives way to still pictures by itself'() {
    Object.assign(relay, { loss: 0.3 })
    await far.getByText('已自动改为语音').waitFor({ timeout: 90_000 })
    await host.locator('.tile img[src^="data:image/jpeg"]').waitFor()
    await shot(far, 'fallback')
    Object.assign(relay, { loss: 0, delay_ms: 0 })
    await far.getByRole('button', { name: '恢复视频' }).click()
    await Promise.all([playing(far, host.called), playing(host, far.called)])
    await brings(host, far.called)
  },
})
await browser.close()
await site.stop()
relay.close()
