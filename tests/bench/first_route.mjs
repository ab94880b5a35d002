// Largest contentful paint of the first route on a township line, over TLS from the real daemon: 1.6 Mbit/s, 150 ms, 4x slower CPU.
// The line is a relay of this script's own: every byte waits half the round trip and its turn at the rate, in both directions, and the
// first bytes of a connection come no earlier than after TCP's handshake, which a relay cannot delay by itself. So the handshake of TLS pays what
// it pays on such a line; slow start is not modelled. Prints the median of RUNS (default 5) cold loads; exit code 1 above the bar of 1.5 s.
//   YL_BUILD=build node tests/bench/first_route.mjs
import { connect, createServer } from 'node:net'
import { loadavg } from 'node:os'
import { launch, open } from '../browser/lib.mjs'
import { startSite } from '../browser/site.mjs'

const BAR_MS = 1500
const RUNS = Number(process.env.RUNS ?? 5)
const ROUND_TRIP_MS = 150
const BYTES_PER_MS = 1_600_000 / 8 / 1000
const PIECE = 1460

/** One direction of the line, shared by all its connections: what is sent leaves in turn at the rate and arrives half a round trip later. */
const direction = () => ({ free: 0 })
function send(way, bytes, not_before, arrive) {
  for (let i = 0; i < bytes.length; i += PIECE) {
    const piece = bytes.subarray(i, i + PIECE)
    way.free = Math.max(way.free, performance.now()) + piece.length / BYTES_PER_MS
    setTimeout(() => arrive(piece), Math.max(way.free + ROUND_TRIP_MS / 2, not_before) - performance.now())
  }
}

async function slowLine(port) {
  const [up, down] = [direction(), direction()]
  const line = createServer({ noDelay: true }, (client) => {
    const server = connect({ port, host: '127.0.0.1', noDelay: true })
    const opened = performance.now()
    const pass = (from, to, way) => {
      from.on('data', (d) => send(way, d, opened + ROUND_TRIP_MS * 1.5, (p) => to.writable && to.write(p)))
      from.on('end', () => setTimeout(() => to.end(), ROUND_TRIP_MS * 2 + Math.max(0, way.free - performance.now())))
      from.on('error', () => to.destroy())
    }
    pass(client, server, up)
    pass(server, client, down)
  })
  await new Promise((listening) => line.listen(0, '127.0.0.1', listening))
  return { base: `https://127.0.0.1:${line.address().port}`, stop: () => line.close() }
}

const site = await startSite()
const line = await slowLine(new URL(site.base).port)
const browser = await launch()
let worst = 0
console.log(`first_route: ${ROUND_TRIP_MS} ms, 1.6 Mbit/s, TLS, CPU 4x slower, load ${loadavg()[0].toFixed(1)}`)
for (const path of ['/', '/login']) {
  const seen = []
  let bytes = 0
  for (let i = 0; i < RUNS; i++) {
    const page = await open(browser, { base: line.base })
    await page.addInitScript(() => new PerformanceObserver((l) => l.getEntries().forEach((e) => (globalThis.lcp = e.startTime))).observe({ type: 'largest-contentful-paint', buffered: true }))
    await (await page.context().newCDPSession(page)).send('Emulation.setCPUThrottlingRate', { rate: 4 })
    await page.goto(path)
    await page.locator('form').waitFor()
    await page.waitForTimeout(800)
    seen.push(await page.evaluate(() => globalThis.lcp))
    bytes = await page.evaluate(() => performance.getEntriesByType('resource').reduce((sum, r) => sum + r.transferSize, 0))
    await page.context().close()
  }
  const median = seen.sort((a, b) => a - b)[Math.floor(RUNS / 2)]
  worst = Math.max(worst, median)
  console.log(`first_route ${path}: LCP median ${Math.round(median)} ms (${seen.map(Math.round).join(' ')}), ${bytes} bytes`)
}
await browser.close()
line.stop()
await site.stop()
process.exit(worst > BAR_MS ? 1 : 0)
