// Looking at documents, in a real browser with real files (made here with ffmpeg and by hand). Recordings: playback.mjs.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { axe, launch, open, ROOT, run, startVite } from './lib.mjs'

const dir = mkdtempSync(join(tmpdir(), 'yl-viewer-'))
const ffmpeg = (...args) => execFileSync('ffmpeg', ['-y', '-loglevel', 'error', ...args])
ffmpeg('-f', 'lavfi', '-i', 'testsrc=duration=1:size=800x400:rate=1', '-frames:v', '1', join(dir, 'i.png'))

/** Two pages: Chinese text in a font that is not embedded (needs the character maps), and a line. */
function pdf() {
  const hex = Buffer.from('\u68c0\u9a8c\u62a5\u544a\u5355', 'utf16le').swap16().toString('hex')
  const one = `BT /F1 40 Tf 60 700 Td <${hex}> Tj ET`
  const two = 'BT /F2 40 Tf 60 700 Td (page two) Tj ET'
  const page = (contents) => `<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 5 0 R/F2 8 0 R>>>>/Contents ${contents} 0 R>>`
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>', '<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>', page(9), page(10),
    '<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[6 0 R]>>',
    '<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 4>>/FontDescriptor 7 0 R>>',
    '<</Type/FontDescriptor/FontName/STSong-Light/Flags 6/FontBBox[-25 -254 1000 880]/ItalicAngle 0/Ascent 880/Descent -120/CapHeight 880/StemV 93>>',
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>', `<</Length ${one.length}>>stream\n${one}\nendstream`, `<</Length ${two.length}>>stream\n${two}\nendstream`,
  ]
  let out = '%PDF-1.4\n'
  const at = objects.map((o, i) => {
    const here = out.length
    out += `${i + 1} 0 obj\n${o}\nendobj\n`
    return here
  })
  return Buffer.from(`${out}xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${at.map((o) => `${String(o).padStart(10, '0')} 00000 n \n`).join('')}trailer<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${out.length}\n%%EOF`)
}
const FILES = { i: ['image/png', readFileSync(join(dir, 'i.png'))], p: ['application/pdf', pdf()], broken: ['application/pdf', Buffer.from('%PDF-1.4 nonsense')], d: ['application/octet-stream', readFileSync(join(ROOT, 'config/demo/documents/abdomen-ct.dcm'))], squeezed: ['application/octet-stream', Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')])] }

const vite = await startVite()
const browser = await launch()

// What came after Chromium 109, the oldest browser we serve; taken away in the page and in the worker of pdf.js before their code runs.
const YOUNGER = `
  const gone = []
  const take = (from, ...names) => names.forEach((name) => { if (from && delete from[name]) gone.push(name) })
  take(Promise, 'withResolvers', 'try'); take(AbortSignal, 'any'); take(URL, 'parse', 'canParse'); take(Array, 'fromAsync')
  take(Array.prototype, 'toSpliced', 'toSorted', 'toReversed', 'with'); take(ArrayBuffer.prototype, 'transfer', 'transferToFixedLength')
  take(Response.prototype, 'bytes'); take(ReadableStream.prototype, Symbol.asyncIterator, 'values'); take(Object, 'groupBy'); take(Map, 'groupBy')
  take(Set.prototype, 'union', 'intersection', 'difference', 'isSubsetOf', 'isSupersetOf', 'isDisjointFrom', 'symmetricDifference')
  take(Map.prototype, 'getOrInsert', 'getOrInsertComputed'); take(WeakMap.prototype, 'getOrInsert', 'getOrInsertComputed')
  take(Uint8Array, 'fromBase64', 'fromHex'); take(Uint8Array.prototype, 'toBase64', 'toHex', 'setFromBase64', 'setFromHex')
  take(globalThis, 'Iterator', 'Float16Array', 'Sanitizer'); take(Math, 'sumPrecise', 'f16round'); take(RegExp, 'escape')
  take(Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())), 'map', 'filter', 'take', 'drop', 'flatMap', 'reduce', 'toArray', 'forEach', 'some', 'every', 'find')
  globalThis.gone = gone
`
const asIn109 = (page) => page.route('**/older.ts*', async (r) => {
  const file = await r.fetch()
  await r.fulfill({ response: file, body: `${YOUNGER}\n${await file.text()}` })
})

async function show(component, props, listen = [], prepare = async () => {}) {
  const page = await open(browser, { base: vite.base })
  await prepare(page)
  await page.route('**/api/v1/documents/*/open', (r) => {
    const id = r.request().url().split('/').at(-2)
    return r.fulfill({ contentType: 'application/json', body: JSON.stringify({ handle: id, url: `/api/v1/blobs/${id}`, bytes: FILES[id][1].length, content_type: FILES[id][0], sha256: '', name: id }) })
  })
  await page.route('**/api/v1/blobs/*', (r) => {
    const [contentType, all] = FILES[r.request().url().split('/').at(-1)]
    const range = /bytes=(\d+)-(\d*)/.exec(r.request().headers().range ?? '')
    if (!range) return r.fulfill({ contentType, headers: { 'Accept-Ranges': 'bytes', 'Content-Length': String(all.length) }, body: all })
    const from = Number(range[1])
    const to = range[2] ? Math.min(Number(range[2]), all.length - 1) : all.length - 1
    return r.fulfill({ status: 206, contentType, headers: { 'Accept-Ranges': 'bytes', 'Content-Range': `bytes ${from}-${to}/${all.length}` }, body: all.subarray(from, to + 1) })
  })
  await page.route('**/bench', (r) => r.fulfill({ contentType: 'text/html', body: '<!doctype html><html lang="zh"><head><title>bench</title></head><body><script type="module" src="/@vite/client"></script></body></html>' }))
  await page.goto('/bench')
  await page.evaluate(
    async ({ mount, component, props, listen }) => {
      const { mount: put } = await import(mount)
      globalThis.bench = put((await import(component)).default, props, listen)
    },
    { mount: `/@fs${ROOT}/tests/browser/kit/mount.ts`, component, props, listen },
  )
  return page
}
const ink = (page) => page.evaluate(() => {
  const c = document.querySelector('canvas')
  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data
  let dark = 0
  for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 0 && d[i] < 100) dark++
  return dark
})
const drawn = (page) => page.waitForFunction(() => {
  const c = document.querySelector('canvas')
  if (!c || c.width < 100) return false
  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data
  for (let i = 0; i < d.length; i += 4) if (d[i] < 100 && d[i + 3] > 0) return true
  return false
})
const lastMove = (page) => page.evaluate(() => globalThis.bench.events.filter((e) => e[0] === 'move').at(-1)?.[1] ?? null)
const VIEWER = '/src/viewer/DocumentViewer.vue'

await run({
  async 'PDF: Chinese without embedded fonts is drawn, pages turn, the text is there for screen readers'() {
    const page = await show(VIEWER, { doc: { id: 'p', name: 'lab.pdf', kind: 'pdf' } }, ['move'])
    await drawn(page)
    assert.ok((await ink(page)) > 300)
    await page.getByText(/\u68c0\u9a8c\u62a5\u544a\u5355/).waitFor({ state: 'attached' })
    await axe(page, 'PDF viewer')
    await page.getByRole('button', { name: '\u4e0b\u4e00\u9875' }).click()
    await page.getByText('page two').waitFor({ state: 'attached' })
    assert.equal((await lastMove(page)).page, 2)
    await page.getByRole('application').focus()
    await page.keyboard.press('PageUp')
    assert.equal((await lastMove(page)).page, 1)
  },
  async 'PDF: the oldest browser we serve draws it too'() {
    let taken = 0
    const page = await show(VIEWER, { doc: { id: 'p', name: 'lab.pdf', kind: 'pdf' } }, ['move'], async (p) => {
      await asIn109(p)
      p.on('response', (r) => /older\.ts/.test(r.url()) && taken++)
    })
    await drawn(page)
    await page.getByText(/\u68c0\u9a8c\u62a5\u544a\u5355/).waitFor({ state: 'attached' })
    assert.equal(taken, 2, 'page and worker')
    assert.ok((await page.evaluate(() => globalThis.gone.includes('withResolvers'))) && (await page.workers()[0].evaluate(() => globalThis.gone.includes('withResolvers'))))
  },
  async 'PDF: a broken file says so'() {
    const page = await show(VIEWER, { doc: { id: 'broken', name: 'x.pdf', kind: 'pdf' } })
    await page.getByRole('alert').waitFor()
  },
  async 'DICOM: a CT is shown in its own window, and says that it is a preview; what cannot be shown says so'() {
    const page = await show(VIEWER, { doc: { id: 'd', name: 'ct.dcm', kind: 'dicom' } })
    await page.waitForFunction(() => document.querySelector('img.sheet')?.naturalWidth === 512)
    await page.getByText('不作诊断用').waitFor()
    const grey = await page.evaluate(() => {
      const img = document.querySelector('img.sheet'), c = document.createElement('canvas')
      c.width = c.height = 512
      c.getContext('2d').drawImage(img, 0, 0)
      const at = (x, y) => c.getContext('2d').getImageData(x, y, 1, 1).data[0]
      return { air: at(5, 5), liver: at(150, 260), spine: Math.max(...c.getContext('2d').getImageData(215, 340, 90, 80).data.filter((_, i) => i % 4 === 0)) }
    })
    assert.ok(grey.air < 10 && grey.liver > 60 && grey.liver < 200 && grey.spine > 230, JSON.stringify(grey))
    await axe(page, 'DICOM viewer')
    const other = await show(VIEWER, { doc: { id: 'squeezed', name: 'x.dcm', kind: 'dicom' } })
    await other.getByText('不能在网页中直接查看').waitFor()
  },
  async 'picture: zoom keeps the point under the mouse, keys move, the view never leaves the picture'() {
    const page = await show(VIEWER, { doc: { id: 'i', name: 'x.png', kind: 'image' } }, ['move'])
    await page.waitForFunction(() => document.querySelector('img.sheet')?.offsetWidth > 100)
    const box = await page.locator('.box').boundingBox()
    const under = () => page.evaluate(({ x, y }) => {
      const r = document.querySelector('img.sheet').getBoundingClientRect()
      return [(x - r.left) / r.width, (y - r.top) / r.height]
    }, { x: box.x + box.width * 0.3, y: box.y + box.height * 0.55 })
    await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.55)
    const before = await under()
    for (let i = 0; i < 3; i++) await page.mouse.wheel(0, -100)
    await page.waitForFunction(() => globalThis.bench.events.length === 3)
    const after = await under()
    assert.ok(Math.abs(before[0] - after[0]) < 0.01 && Math.abs(before[1] - after[1]) < 0.01, `${before} -> ${after}`)
    await page.getByRole('application').focus()
    for (let i = 0; i < 40; i++) await page.keyboard.press('ArrowRight')
    assert.equal((await lastMove(page)).x, 1)
    await page.keyboard.press('0')
    assert.deepEqual(await lastMove(page), { page: 1, zoom: 1, x: 0.5, y: 0.5 })
  },
  async 'picture: the view of somebody else is taken over and not sent back'() {
    const page = await show(VIEWER, { doc: { id: 'i', name: 'x.png', kind: 'image' }, view: { page: 1, zoom: 1, x: 0.5, y: 0.5 } }, ['move'])
    await page.waitForFunction(() => document.querySelector('img.sheet')?.offsetWidth > 100)
    const width = await page.locator('img.sheet').evaluate((e) => e.offsetWidth)
    await page.evaluate(() => {
      globalThis.bench.props.view = { page: 1, zoom: 3, x: 0.25, y: 0.75 }
      globalThis.bench.props.pointer = { x: 0.25, y: 0.75 }
      globalThis.bench.props.pointerName = 'Wang'
    })
    await page.waitForFunction((w) => Math.abs(document.querySelector('img.sheet').offsetWidth - 3 * w) < 6, width)
    const off = await page.evaluate(() => {
      const b = document.querySelector('.box').getBoundingClientRect()
      const p = document.querySelector('.pointer').getBoundingClientRect()
      return [p.left - (b.left + b.width / 2), p.top - (b.top + b.height / 2)]
    })
    assert.ok(Math.abs(off[0]) < 3 && Math.abs(off[1]) < 3, 'the pointed place is in the middle of every screen')
    assert.equal(await lastMove(page), null)
  },
}, async (test) => {
  try {
    await test()
  } finally {
    for (const context of browser.contexts()) await context.close()
  }
})
await browser.close()
await vite.stop()
rmSync(dir, { recursive: true })
