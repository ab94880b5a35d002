// A lecture that begins with sound alone and has a picture later: who is in already sees it without reloading, in our page with MediaSource, on a phone that plays HLS by
// itself, and in somebody else's page with hls.js, which hears of no error.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { lecturerPage, reader } from './lecture_pages.mjs'
import { launch, open, PHONE, ROOT, run } from './lib.mjs'
import { startSite } from './site.mjs'

const site = await startSite()
const { base } = site
const token = (what) => site.ctl('token', '--room', 'lecture', `--${what}`, '--minutes', '30').trim()
const browser = await launch()
const watch = token('watch')
const lecturer = await lecturerPage(browser, open)
const heard = (page) => page.waitForFunction(() => document.querySelector('video')?.currentTime > 1)
const shown = (page) => page.waitForFunction(() => { const a = globalThis.readClock(); return a !== null && a < 20_000 }) // black reads as no time of today
const [ours, phone, other] = [await open(browser, { base }), await open(browser, { base, shape: PHONE }), await open(browser)]
for (const page of [ours, phone, other]) {
  page.setDefaultTimeout(60_000)
  await page.addInitScript(reader)
}
const js = readFileSync(`${ROOT}/web/node_modules/hls.js/dist/hls.min.js`)
const server = createServer((q, a) => (q.url === '/hls.js' ? a.writeHead(200, { 'Content-Type': 'text/javascript' }).end(js) : a.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>hls</title><script src=/hls.js></script><video muted autoplay></video>')))
await new Promise((done) => server.listen(0, '127.0.0.1', done))
server.unref()
const loads = (page) => page.evaluate(() => performance.timeOrigin)
let before

await run({
  async 'sound alone: all three hear it, and ours say that there is no more'() {
    assert.deepEqual(await lecturer.evaluate(([u, t]) => globalThis.begin(u, t, undefined, { soundFirst: true }), [`${base}/whip/lecture`, token('publish')]), { status: 201 })
    await ours.goto(`/live/lecture#${watch}`)
    await phone.addInitScript(() => { // as phones are: no Opus in MediaSource, and a player of their own
      const [mse, can] = [MediaSource.isTypeSupported, HTMLMediaElement.prototype.canPlayType]
      MediaSource.isTypeSupported = (type) => !/opus/i.test(type) && mse.call(MediaSource, type)
      HTMLMediaElement.prototype.canPlayType = function (type) { return /opus/i.test(type) ? '' : can.call(this, type) }
    })
    await phone.route('**/index.m3u8*', async (route) => { // Chromium itself knows Opus and would take the other rendition
      const answer = await route.fetch()
      await route.fulfill({ response: answer, body: (await answer.text()).replace(/#EXT-X-STREAM-INF:SCORE=2.*\n.*\n/, '') })
    })
    await phone.goto(`/live/lecture#${watch}`)
    await other.goto(`http://127.0.0.1:${server.address().port}/`)
    await other.evaluate((u) => {
      globalThis.errors = []
      globalThis.begin = () => {
        const hls = (globalThis.hls = new globalThis.Hls({ lowLatencyMode: true }))
        hls.on('hlsError', (e, d) => {
          if (d.fatal || /append|codec/i.test(d.details)) globalThis.errors.push(`${d.type} ${d.details}`)
        })
        hls.loadSource(u)
        hls.attachMedia(document.querySelector('video'))
      }
      globalThis.begin()
    }, `${base}/live/lecture/index.m3u8?token=${watch}`)
    for (const page of [ours, phone, other]) await heard(page)
    for (const page of [ours, phone]) await page.getByText('当前只有声音').waitFor()
    assert.ok(!(await phone.evaluate(() => document.querySelector('video').currentSrc)).startsWith('blob:'), 'the browser plays it by itself')
    before = await Promise.all([ours, phone].map(loads))
  },
  async 'then a picture: ours show it by themselves'() {
    await lecturer.evaluate(() => globalThis.show())
    const t0 = Date.now()
    await Promise.all([ours, phone].map(async (page, i) => {
      await shown(page)
      console.log(`# ${['page', 'phone'][i]}: the picture after ${Date.now() - t0} ms`)
    }))
    for (const page of [ours, phone]) await page.getByText('当前只有声音').waitFor({ state: 'detached' })
    assert.deepEqual(await Promise.all([ours, phone].map(loads)), before, 'nobody reloaded')
    assert.deepEqual([...ours.faults, ...phone.faults], [])
  },
  async 'hls.js shows it too, and heard of no error'() {
    await shown(other)
    assert.deepEqual(await other.evaluate(() => globalThis.errors), [])
  },
})
await browser.close()
await site.stop()
