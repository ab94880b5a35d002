// Lectures whose codecs change on the way: a page publishes VP8 alone over WHIP; the live page and hls.js show it (as H.264), a player that knows no
// Opus is given AAC, and children killed meanwhile are not noticed for long.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import { lecturerPage, percentile, reader } from './lecture_pages.mjs'
import { axe, launch, open, PHONE, ROOT, run } from './lib.mjs'
import { startSite } from './site.mjs'

const site = await startSite()
const { base } = site
const token = (room, ...what) => site.ctl('token', '--room', room, ...what.map((w) => `--${w}`), '--minutes', '30').trim()
const browser = await launch()
site.daemon.stderr.on('data', (d) => `${d}`.split('\n').filter((l) => /reduced/.test(l)).forEach((l) => console.log(`# ${l.slice(25)}`)))
const watch = token('lecture', 'watch')
const lecturer = await lecturerPage(browser, open)
const sleep = (ms) => new Promise((done) => setTimeout(done, ms))
const shown = (page) => page.waitForFunction(() => document.querySelector('video')?.videoWidth > 0 && document.querySelector('video').currentTime > 0)
const ages = async (page, ms) => {
  await page.evaluate(() => globalThis.watchClock())
  await sleep(ms)
  return page.evaluate(() => globalThis.ages.filter((a) => a !== null))
}
/** Our children with that name, by the table of processes. */
const children = () =>
  readdirSync('/proc').filter((p) => {
    try {
      const stat = readFileSync(`/proc/${p}/stat`, 'utf8')
      return stat.includes('(yilian-pipe)') && Number(stat.split(') ')[1].split(' ')[1]) === site.daemon.pid
    } catch { return false }
  }).map(Number)

const js = readFileSync(`${ROOT}/web/node_modules/hls.js/dist/hls.min.js`)
const server = createServer((q, a) => (q.url === '/hls.js' ? a.writeHead(200, { 'Content-Type': 'text/javascript' }).end(js) : a.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>hls</title><script src=/hls.js></script><video muted autoplay></video>')))
await new Promise((done) => server.listen(0, '127.0.0.1', done))
server.unref()

/** A page of another origin with hls.js; `deaf`: its browser says that it knows no Opus in MP4, as older phones do. */
async function hlsPage(deaf) {
  const page = await open(browser)
  page.setDefaultTimeout(40_000)
  await page.addInitScript(reader)
  if (deaf) await page.addInitScript(() => {
    const knows = MediaSource.isTypeSupported
    MediaSource.isTypeSupported = (type) => !/opus/i.test(type) && knows.call(MediaSource, type)
  })
  await page.goto(`http://127.0.0.1:${server.address().port}/`)
  await page.evaluate((u) => {
    globalThis.errors = []
    const hls = (globalThis.hls = new globalThis.Hls({ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.1 }))
    hls.on('hlsError', (e, d) => globalThis.errors.push(`${d.details} ${d.fatal}`))
    hls.loadSource(u)
    hls.attachMedia(document.querySelector('video'))
  }, `${base}/live/lecture/index.m3u8?token=${watch}`)
  await shown(page)
  return page
}
const level = (page) => page.evaluate(() => ({ audio: globalThis.hls.levels[globalThis.hls.currentLevel].audioCodec, n: globalThis.hls.levels.length, heard: document.querySelector('video').webkitAudioDecodedByteCount }))
const fatal = (page) => page.evaluate(() => globalThis.errors.filter((e) => e.endsWith('true')))
const quiet = (page) => page.evaluate(() => globalThis.errors.filter((e) => !/Stalled|NUDGE/i.test(e)))

await run({
  async 'hls.js is the first to watch a lecture given in VP8, and has its picture'() {
    assert.deepEqual(await lecturer.evaluate(([u, t]) => globalThis.begin(u, t, 'video/VP8'), [`${base}/whip/lecture`, token('lecture', 'publish')]), { status: 201 })
    await sleep(2500)
    assert.equal(await lecturer.evaluate(() => globalThis.sends()), 'video/VP8')
    assert.equal(children().length, 0, 'nobody watches yet')
    const began = Date.now()
    const page = await hlsPage(false) // until now there was sound alone: what it began with would have no place for a picture
    console.log(`# the first picture of the first viewer after ${Date.now() - began} ms`)
    assert.deepEqual(await fatal(page), [])
    await page.context().close()
  },
  async 'a lecture given in VP8 is watched as H.264'() {
    const page = await open(browser, { base })
    page.setDefaultTimeout(30_000)
    await page.addInitScript(reader)
    const began = Date.now()
    await page.goto(`/live/lecture#${watch}`)
    await shown(page)
    console.log(`# live page: the first picture after ${Date.now() - began} ms`)
    assert.equal(children().length, 1)
    await sleep(3000)
    const list = await ages(page, 5000)
    console.log(`# live page: ${list.length} pictures, p50 ${percentile(list, 50)} ms, p95 ${percentile(list, 95)} ms behind`)
    assert.ok(list.length > 8 && percentile(list, 50) < 3500)
    for (const pid of children()) process.kill(pid, 'SIGKILL')
    await page.waitForFunction(() => globalThis.readClock() > 1800, null, { timeout: 10_000 }).catch(() => {})
    await page.waitForFunction(() => { const a = globalThis.readClock(); return a !== null && a < 1800 }, null, { timeout: 20_000 })
    assert.deepEqual(page.faults, [])
    await page.context().close()
  },
  async 'hls.js takes what needs no change of the voice'() {
    const page = await hlsPage(false)
    await sleep(3000)
    const list = await ages(page, 4000)
    const at = await level(page)
    console.log(`# hls.js: ${list.length} pictures, p50 ${percentile(list, 50)} ms, p95 ${percentile(list, 95)} ms behind, ${at.audio}`)
    assert.equal(at.audio, 'opus')
    assert.equal(children().length, 1, 'no child for AAC')
    assert.deepEqual(await quiet(page), [])
    await page.context().close()
  },
  async 'a player that knows no Opus hears AAC'() {
    const page = await hlsPage(true)
    await sleep(3000)
    const list = await ages(page, 4000)
    const at = await level(page)
    console.log(`# hls.js without Opus: ${list.length} pictures, p50 ${percentile(list, 50)} ms, p95 ${percentile(list, 95)} ms behind, ${at.audio}`)
    assert.equal(at.audio, 'mp4a.40.2')
    assert.ok(at.heard > 5000, `sound: ${at.heard} bytes decoded`)
    assert.ok(list.length > 8 && percentile(list, 50) < 6000)
    assert.equal(children().length, 2)
    assert.deepEqual(await quiet(page), [])
    await page.context().close()
  },
  async 'the tone in it is the tone that was played'() {
    const { stdout: master } = await promisify(execFile)('curl', ['-ks', `${base}/live/lecture/index.m3u8?token=${watch}`])
    const uri = master.split('\n').find((l) => l.includes('/aac/'))
    const { stderr } = await promisify(execFile)('ffmpeg', ['-hide_banner', '-tls_verify', '0', '-t', '6', '-i', `${base}/live/lecture/${uri}`, '-vn', '-af', 'bandpass=f=440:width_type=h:w=40,volumedetect', '-f', 'null', '-'], { timeout: 60_000 })
    const mean = Number(/mean_volume: (-?[\d.]+) dB/.exec(stderr)?.[1])
    console.log(`# 440 Hz in the AAC: ${mean} dB`)
    assert.ok(mean > -12, stderr.slice(-600)) // a sine at full scale has -3 dB
    assert.match(stderr, /Audio: aac \(LC\)[^\n]*48000 Hz, mono/)
  },
  async 'a phone that plays HLS by itself is told from when it can have the lecture, and goes back to there after the end'() {
    const page = await open(browser, { base, shape: PHONE })
    page.setDefaultTimeout(60_000)
    await page.addInitScript(() => {
      const [mse, can] = [MediaSource.isTypeSupported, HTMLMediaElement.prototype.canPlayType]
      MediaSource.isTypeSupported = (type) => !/opus/i.test(type) && mse.call(MediaSource, type)
      HTMLMediaElement.prototype.canPlayType = function (type) { return /opus/i.test(type) ? '' : can.call(this, type) }
    })
    await page.addInitScript(reader)
    // Chromium itself knows Opus and would take the other rendition.
    await page.route('**/index.m3u8*', async (route) => {
      const answer = await route.fetch()
      await route.fulfill({ response: answer, body: (await answer.text()).replace(/#EXT-X-STREAM-INF:SCORE=2.*\n.*\n/, '') })
    })
    await page.goto(`/live/lecture#${watch}`)
    await shown(page)
    const late = await page.locator('.late').innerText()
    console.log(`# ${late}`)
    const at = /开播后 (\d\d:\d\d) 起/.exec(late)[1]
    assert.notEqual(at, '00:00')
    assert.ok(!(await page.evaluate(() => document.querySelector('video').currentSrc)).startsWith('blob:'), 'the browser plays it by itself')
    await page.getByText('直播中').waitFor()
    const winds = (await page.evaluate(() => document.querySelector('video').seekable.length)) > 0 // Chromium's own player does not while it goes on; phones do
    assert.equal(await page.getByRole('slider').count(), winds ? 1 : 0, 'no slider that does nothing')
    const said = await page.getAttribute('.behind', 'data-behind')
    if (winds) assert.ok(Math.abs(Number(said) * 1000 - (await page.evaluate(() => globalThis.readClock()))) < 1500, `${said} s behind`)
    else assert.equal(await page.locator('.behind').innerText(), '', 'no figure where none can be known')
    // A player that dates its seconds is believed.
    const dated = async (age) => {
      await page.evaluate((s) => (HTMLMediaElement.prototype.getStartDate = function () { return new Date(Date.now() - s * 1000 - this.currentTime * 1000) }), age)
      await page.waitForFunction((s) => Number(document.querySelector('.behind').dataset.behind) > s, age - 30) // the server's clock is known by an answer that a busy machine gives late
      return Number(await page.getAttribute('.behind', 'data-behind'))
    }
    const [less, more] = [await dated(100), await dated(200)]
    assert.ok(Math.abs(more - less - 100) < 3, `${less} and ${more} s behind`)
    await page.getByText(/^延迟 \d+\.\d 秒$/).waitFor()
    await page.evaluate(() => delete HTMLMediaElement.prototype.getStartDate)
    await axe(page, 'a phone that came late')
    assert.equal(await lecturer.evaluate(() => globalThis.end()), 200)
    await page.getByText('直播已结束').waitFor({ timeout: 90_000 })
    await page.getByRole('button', { name: `从 ${at} 起回看` }).click()
    await page.getByRole('slider').waitFor()
    await page.waitForFunction(() => { const v = document.querySelector('video'); return v.currentTime > 0.5 && v.currentTime < 20 && globalThis.readClock() > 20_000 })
    await page.getByText('回看', { exact: true }).waitFor()
    await page.context().close()
  },
})
await browser.close()
await site.stop()
