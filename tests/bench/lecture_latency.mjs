// How far behind a lecture is seen, from the drawing of a clock in the publisher's page to its showing in another: our page over WebSocket and
// hls.js over low-latency HLS, through a relay that delays each direction by half the round trip. And how soon the first picture is there.
// hls.js never comes nearer than where it began, so each of its joins is a measurement of its own: JOINS of them, SECONDS long each.
// BPS=4000000: the relay carries no more than that each way.
//   [TRACE=1] [BPS=N] YL_BUILD=build node tests/bench/lecture_latency.mjs [RTT_MS=20] [SECONDS=10] [JOINS=5] [websocket|hls]
import { readFileSync } from 'node:fs'
import { connect, createServer as tcpServer } from 'node:net'
import { createServer } from 'node:http'
import { lecturerPage, percentile, reader } from '../browser/lecture_pages.mjs'
import { launch, open, ROOT } from '../browser/lib.mjs'
import { startSite } from '../browser/site.mjs'

const [rtt, seconds, joins] = [Number(process.argv[2] ?? 20), Number(process.argv[3] ?? 10), Number(process.argv[4] ?? 5)]
const only = process.argv[5]
const sleep = (ms) => new Promise((done) => setTimeout(done, ms))
const site = await startSite()
const bps = Number(process.env.BPS ?? Infinity)
/** One line for all connections of a way. */
const line = () => {
  let free = 0
  return (bytes) => (free = Math.max(free, performance.now()) + (bytes * 8000) / bps) - performance.now() + rtt / 2
}
const [up, down] = [line(), line()]
const pipe = (from, to, way) => {
  from.on('data', (d) => setTimeout(() => to.writable && to.write(d), way(d.length)))
  from.on('close', () => setTimeout(() => to.destroy(), rtt / 2))
  from.on('error', () => to.destroy())
}
const relay = tcpServer({ noDelay: true }, (near) => {
  const far = connect({ port: Number(new URL(site.base).port), host: '127.0.0.1', noDelay: true })
  pipe(near, far, up)
  pipe(far, near, down)
})
await new Promise((done) => relay.listen(0, '127.0.0.1', done))
const base = `https://127.0.0.1:${relay.address().port}`
const token = site.ctl('token', '--room', 'lecture', '--publish', '--watch', '--minutes', '30').trim()
const browser = await launch()
const lecturer = await lecturerPage(browser, open)
await lecturer.evaluate(([u, t]) => globalThis.begin(u, t), [`${site.base}/whip/lecture`, token])
await sleep(4000)
const seen = (page) => page.waitForFunction(() => document.querySelector('video')?.videoWidth > 0 && document.querySelector('video').currentTime > 0, null, { timeout: 30_000 })
async function measure(page, what) {
  await seen(page)
  await sleep(3000)
  await page.evaluate(() => globalThis.watchClock())
  await sleep(seconds * 1000)
  const ages = (await page.evaluate(() => globalThis.ages)).filter((a) => a !== null)
  console.log(`${what}: RTT ${rtt} ms, ${(ages.length / seconds).toFixed(0)} pictures/s, behind p50 ${percentile(ages, 50)} p95 ${percentile(ages, 95)} max ${percentile(ages, 100)} ms`)
  return percentile(ages, 95)
}

/** In the watching page: `trace` says when each piece came, and what was ahead and how fast it was played, around each time that playing stopped. */
const tracer = () => {
  const trace = (globalThis.trace = [])
  const Plain = globalThis.WebSocket
  const note = (kind, more = {}) => {
    const v = document.querySelector('video')
    const b = v?.buffered
    trace.push({ at: Math.round(performance.now()), kind, ahead: b?.length ? Math.round((b.end(b.length - 1) - v.currentTime) * 1000) : null, rate: v?.playbackRate, ...more })
  }
  globalThis.WebSocket = class extends Plain {
    constructor(...args) {
      super(...args)
      this.addEventListener('message', (e) => note('piece', { bytes: e.data.byteLength ?? e.data.slice(0, 60) }))
    }
  }
  for (const kind of ['waiting', 'playing', 'seeking', 'ratechange', 'stalled']) document.addEventListener(kind, () => note(kind), true)
  let last = performance.now()
  setInterval(() => {
    const now = performance.now()
    if (now - last > 150) note('page late', { ms: Math.round(now - last) })
    last = now
  }, 50)
}
/** The lines of a second and a half before each stop, and half a second after. */
function aroundStops(trace) {
  const stops = trace.filter((t) => t.kind === 'waiting').map((t) => t.at)
  return trace.filter((t) => stops.some((s) => t.at > s - 1500 && t.at < s + 500)).map((t) => JSON.stringify(t))
}

async function overWebSocket() {
  const page = await open(browser, { base })
  await page.addInitScript(reader)
  await page.addInitScript(tracer)
  await page.goto(`/live/lecture#${token}`)
  await measure(page, 'WebSocket')
  console.log(`  stalls ${await page.getAttribute('.behind', 'data-stalls')}`)
  const trace = await page.evaluate(() => globalThis.trace)
  const pieces = trace.filter((t) => t.kind === 'piece' && typeof t.bytes === 'number').map((t) => t.at)
  const gaps = pieces.slice(1).map((at, i) => at - pieces[i])
  console.log(`  between two pieces p50 ${percentile(gaps, 50)} p95 ${percentile(gaps, 95)} max ${percentile(gaps, 100)} ms`)
  for (const line of process.env.TRACE ? aroundStops(trace) : []) console.log(line)
  const firsts = []
  for (let i = 0; i < joins; i++) {
    await page.reload()
    await page.waitForFunction(() => Number(document.querySelector('.behind')?.dataset.first) > 0, null, { timeout: 30_000 })
    firsts.push(Number(await page.getAttribute('.behind', 'data-first')))
  }
  console.log(`  first picture after the asking: ${firsts.join(' ')} ms, median ${percentile(firsts, 50)}`)
  await page.context().close()
}

const js = readFileSync(`${ROOT}/web/node_modules/hls.js/dist/hls.min.js`)
const plain = createServer((q, a) => (q.url === '/hls.js' ? a.writeHead(200, { 'Content-Type': 'text/javascript' }).end(js) : a.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>hls</title><script src=/hls.js></script><video muted autoplay></video>')))
await new Promise((done) => plain.listen(0, '127.0.0.1', done))
const beginHls = (u) => {
  const video = document.querySelector('video')
  const asked = performance.now()
  Object.assign(globalThis, { faults: [], stalls: 0, first: 0 })
  video.requestVideoFrameCallback(() => (globalThis.first = performance.now() - asked))
  video.addEventListener('error', () => globalThis.faults.push(`media error: ${video.error.message}`))
  video.addEventListener('waiting', () => globalThis.first && globalThis.stalls++)
  const h = (globalThis.hls = new globalThis.Hls({ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.1 }))
  h.on('hlsError', (e, d) => globalThis.faults.push(d.details))
  h.loadSource(u)
  h.attachMedia(video)
}
async function overHls() {
  const [p95, stalls] = [[], []]
  for (let i = 0; i < joins; i++) {
    const page = await open(browser)
    await page.addInitScript(reader)
    await page.goto(`http://127.0.0.1:${plain.address().port}/`)
    await page.evaluate(beginHls, `${base}/live/lecture/index.m3u8?token=${token}`)
    p95.push(await measure(page, 'hls.js'))
    const had = await page.evaluate(() => ({ first: Math.round(globalThis.first), stalls: globalThis.stalls, wanted: globalThis.hls.targetLatency, part: globalThis.hls.latestLevelDetails?.partTarget, faults: globalThis.faults }))
    stalls.push(had.stalls)
    console.log(`  first picture ${had.first} ms, parts ${had.part} s, wants to be ${had.wanted} s behind, stalls ${had.stalls}, errors: ${had.faults.join(' ') || 'none'}`)
    await page.context().close()
  }
  console.log(`hls.js: p95 of ${joins} joins: ${p95.join(' ')} ms, median ${percentile(p95, 50)}; stalls ${stalls.join(' ')}`)
}
if (only !== 'hls') await overWebSocket()
if (only !== 'websocket') await overHls()
await browser.close()
plain.close()
relay.close()
await site.stop()
process.exit(0)
