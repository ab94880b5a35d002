// What nobody looks at is not sent (dynacast): in real Chromium the publisher's sizes stop one by one as tiles get small or the page is put away,
// the smallest goes on, so that there is a picture whenever somebody looks, and the large one is there again within a second.
import assert from 'node:assert/strict'
import { launch, run } from './lib.mjs'
import { enterBy, member, mySeat, playing, shot, tile, until } from './live.mjs'
import { openRoom } from './person.mjs'
import { startSite } from './site.mjs'

const site = await startSite()
const { caseId } = await openRoom(site)
const browser = await launch()
const doctor = await member(browser, site.base, 'qs.zhang', { camera: { width: 1280, height: 720, rate: 15 } })
const viewer = await member(browser, site.base, 'xy.qian')

/** Frames that the doctor's browser has sent of each size, by rid. */
const sent = () => doctor.evaluate(async () => {
  const out = {}
  for (const pc of globalThis.pcs) if (pc.connectionState === 'connected') (await pc.getStats()).forEach((s) => s.type === 'outbound-rtp' && s.kind === 'video' && s.rid && (out[s.rid] = s.framesSent ?? 0))
  return out
})
/** The sizes of which frames left within a second and a half. */
async function sending() {
  const before = await sent()
  await doctor.waitForTimeout(1500)
  const after = await sent()
  return ['q', 'h', 'f'].filter((rid) => after[rid] > before[rid]).join('')
}
const sends = async (sizes, what) => {
  const t0 = Date.now()
  let now
  await until(async () => (now = await sending()) === sizes, `${what}: ${sizes} and not ${now}`)
  return Date.now() - t0
}
/** Does `act` in the viewer's page; milliseconds until the next frame of the doctor's picture, and until the first of over `lines` lines. */
async function shownAfter(act, lines) {
  await viewer.evaluate(({ who, lines }) => {
    const v = [...document.querySelectorAll('.tile[data-source=camera]')].find((x) => x.textContent.includes(who)).querySelector('video')
    globalThis.shown = new Promise((done) => {
      const t0 = performance.now()
      let any
      const each = (now, frame) => {
        any ??= performance.now() - t0
        if (frame.height > lines) done({ any, large: performance.now() - t0 })
        else v.requestVideoFrameCallback(each)
      }
      v.requestVideoFrameCallback(each)
      setTimeout(() => done({ any, large: Infinity }), 20_000)
    })
  }, { who: doctor.called, lines })
  await act()
  return viewer.evaluate(() => globalThis.shown)
}
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1]
const large = (page, of) => page.locator(`.tile.big[data-seat="${mySeat(of)}"]`)
async function enlarge(of) {
  await tile(viewer, of.called).first().evaluate((t) => (t.querySelector('button') ?? t).click())
  await large(viewer, of).waitFor()
}
/** As if another tab were before it. */
const put = (away) => viewer.evaluate((state) => {
  Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state })
  document.dispatchEvent(new Event('visibilitychange'))
}, away ? 'hidden' : 'visible')

/** `less` until the sizes over the smallest rest, then `more`; five times. */
async function andAgain(what, less, more) {
  const all = []
  const rested = []
  for (let i = 0; i < 5; i++) {
    await less()
    rested.push(await sends('q', what))
    all.push(await shownAfter(more, 400))
  }
  console.log(`     ${what}: at rest after ${rested.join(' ')} ms; again a frame after ${all.map((a) => a.any?.toFixed(0)).join(' ')} ms, of over 400 lines after ${all.map((a) => a.large.toFixed(0)).join(' ')} ms`)
  assert.ok(median(all.map((a) => a.large)) < 1000, 'the picture within a second')
}

await run({
  async 'a large tile: all sizes are sent'() {
    await enterBy(viewer, null, caseId, { useCamera: false })
    await enterBy(doctor, viewer, caseId, { codec: 'vp8' })
    await playing(viewer, doctor.called)
    await large(viewer, doctor).waitFor()
    await sends('qhf', 'large')
  },
  async 'a small tile: only the smallest; large again, and it is there within a second'() {
    await andAgain('small and large', () => enlarge(viewer), () => enlarge(doctor))
    await shot(viewer, 'looked-at')
  },
  async 'another tab: only the smallest, and at once again'() {
    await andAgain('away and back', () => put(true), () => put(false))
  },
})
await browser.close()
await site.stop()
