// Shared by the browser tests: a real Chromium, a page with its own profile, axe-core, and small assertions that say what they saw.
import { createHash } from 'node:crypto'
import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')
const fromWeb = createRequire(join(ROOT, 'web/package.json'))
const { chromium } = fromWeb('playwright-core')
const AXE = readFileSync(fromWeb.resolve('axe-core/axe.min.js'), 'utf8')

export const DESKTOP = { viewport: { width: 1366, height: 768 } }
export const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }
const ARGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--use-fake-device-for-media-stream=device-count=2', '--use-fake-ui-for-media-stream', '--allow-loopback-in-peer-connection', '--ignore-certificate-errors',
  '--autoplay-policy=no-user-gesture-required',
  // The browser's own windows are pages too since its headless mode is the whole browser: without those a profile opens in half the time.
  // Chromium heeds the last list alone, so playwright's own is said again.
  `--disable-features=${[
    'AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose', 'HttpsUpgrades', 'HttpsFirstBalancedModeAutoEnable', 'LensOverlay', 'MediaRouter', 'PaintHolding',
    'ThirdPartyStoragePartitioning', 'AvoidCorsURLLoaderRestartOnRedirect', 'OptimizationHints', 'NetworkTimeServiceQuerying', 'AimEnabled', 'PreconnectToSearch',
    'WebUIOmniboxPopup', 'WebUIOmniboxAimPopup', 'WebUIReloadButton', 'InitialWebUI', 'WebUIToolbar', 'TopChromeWebUI',
  ].join()}`,
]

/** `program` stands for Chromium (a script that starts it elsewhere); `args` are added, those of `without` left out. */
export function launch({ args = [], without = [], program = process.env.CHROMIUM ?? '/usr/bin/chromium' } = {}) {
  return chromium.launch({ executablePath: program, headless: true, args: [...ARGS.filter((a) => !without.includes(a)), ...args], timeout: 120_000 })
}

/** A page in a fresh profile; `page.faults` collects console errors and exceptions. */
export async function open(browser, { shape = DESKTOP, lang = 'zh', base } = {}) {
  const context = await browser.newContext({ ...shape, ignoreHTTPSErrors: true, permissions: ['camera', 'microphone'], locale: 'zh-CN', baseURL: base })
  await context.addInitScript((l) => localStorage.setItem('yl.locale', l), lang)
  const page = await context.newPage()
  page.faults = []
  page.on('pageerror', (e) => page.faults.push(`exception: ${e.message}`))
  page.on('console', (m) => m.type() === 'error' && !/status of 40[134]/.test(m.text()) && page.faults.push(m.text()))
  return page
}

/** The locator finds exactly n: the page may need its time for it. */
export async function counted(locator, n, what) {
  for (const end = Date.now() + 15_000; Date.now() < end && (await locator.count()) !== n; ) await new Promise((done) => setTimeout(done, 100))
  assert.equal(await locator.count(), n, what)
}

/** WCAG 2.2 A and AA by axe-core; the script enters through the debugger, so the page's own CSP stays in force. */
export async function axe(page, what) {
  const debug = await page.context().newCDPSession(page)
  await debug.send('Runtime.evaluate', { expression: AXE })
  const found = await page.evaluate(async () => {
    // What fades is looked at when it is there; what turns for ever does not end.
    const ends = document.getAnimations().filter((a) => a.effect?.getComputedTiming().endTime !== Infinity).map((a) => a.finished)
    await Promise.race([Promise.allSettled(ends), new Promise((done) => setTimeout(done, 2000))])
    const result = await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
    return result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(' | ')}`)
  })
  await debug.detach()
  assert.deepEqual(found, [], `accessibility of ${what}`)
}

/** Vite's development server over web/ (for tests of the library and the kit, which need no daemon). */
export async function startVite() {
  process.chdir(join(ROOT, 'web'))
  const { createServer } = await import(fromWeb.resolve('vite'))
  const server = await createServer({ root: join(ROOT, 'web'), logLevel: 'error', server: { port: 0, host: '127.0.0.1', strictPort: false, hmr: false, proxy: {} } })
  await server.listen()
  const { port } = server.httpServer.address()
  return { base: `http://127.0.0.1:${port}`, stop: () => server.close() }
}

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }
const csp = (style) =>
  `default-src 'none'; script-src 'self'; style-src 'self'${style}; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; ` +
  "worker-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/** The one style written in the page, allowed by its hash, as the daemon does it. */
function styleSource(page) {
  const style = page.match(/<style>([^]*?)<\/style>/)?.[1]
  return style === undefined ? '' : ` 'sha256-${createHash('sha256').update(style).digest('base64')}'`
}

/** The built application (web/dist) as the daemon serves it: strict CSP, ready-made brotli, unknown paths are the page. */
export async function serveDist() {
  const dist = join(ROOT, 'web/dist')
  assert.ok(existsSync(join(dist, 'index.html')), 'web/dist is missing: npm run build in web/')
  const policy = csp(styleSource(readFileSync(join(dist, 'index.html'), 'utf8')))
  const server = createServer((q, s) => {
    let path = join(dist, normalize(new URL(q.url, 'http://x').pathname))
    if (!existsSync(path) || statSync(path).isDirectory()) path = join(dist, 'index.html')
    const packed = existsSync(`${path}.br`) && /\bbr\b/.test(q.headers['accept-encoding'] ?? '')
    s.writeHead(200, { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream', 'Content-Security-Policy': policy, ...(packed ? { 'Content-Encoding': 'br' } : {}) })
    s.end(readFileSync(packed ? `${path}.br` : path))
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  return { base: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() }
}

/** Runs named tests one after another; prints the line CI reads; exit code 1 when one failed. `only` in argv picks by name. */
export async function run(tests, around = async (test) => test()) {
  let passed = 0
  let failed = 0
  for (const [name, test] of Object.entries(tests)) {
    if (process.argv[2] && !name.includes(process.argv[2])) continue
    try {
      await around(test)
      passed++
      console.log(`ok   ${name}`)
    } catch (error) {
      failed++
      console.log(`FAIL ${name}\n     ${String(error.stack ?? error).split('\n').slice(0, 12).join('\n     ')}`)
    }
  }
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed ? 1 : 0
}
