// Largest contentful paint of the first route on a township line: 1.6 Mbit/s, 150 ms, 4x slower CPU. Prints the median of RUNS (default 5)
// cold loads; exit code 1 above the bar of 1.5 s.
import { launch, open, serveDist } from '../browser/lib.mjs'

const BAR_MS = 1500
const RUNS = Number(process.env.RUNS ?? 5)
const { base, stop } = process.env.YL_ADDRESS ? { base: process.env.YL_ADDRESS, stop() {} } : await serveDist()
const browser = await launch()
let worst = 0
for (const path of ['/', '/login']) {
  const seen = []
  let bytes = 0
  for (let i = 0; i < RUNS; i++) {
    const page = await open(browser, { base })
    if (!process.env.YL_ADDRESS) await page.route('**/api/v1/session', (r) => r.fulfill({ status: 401, contentType: 'application/json', body: '{"error":{"code":"unauthenticated"}}' }))
    await page.addInitScript(() => new PerformanceObserver((l) => l.getEntries().forEach((e) => (globalThis.lcp = e.startTime))).observe({ type: 'largest-contentful-paint', buffered: true }))
    const debug = await page.context().newCDPSession(page)
    await debug.send('Network.enable')
    await debug.send('Network.emulateNetworkConditions', { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 93_750 })
    await debug.send('Emulation.setCPUThrottlingRate', { rate: 4 })
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
stop()
process.exitCode = worst > BAR_MS ? 1 : 0
