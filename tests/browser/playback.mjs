// A recorded session on the real daemon: two doctors in Chromium, VP8 and H.264; played back from the case within seconds; whole seal, ranges,
// who may hear it; and a daemon killed in the middle of a recording.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { axe, DESKTOP, launch, open, PHONE, run } from './lib.mjs'
import { openRoom, signedIn } from './person.mjs'
import { PASSWORD, startSite } from './site.mjs'

const SHOTS = process.env.SHOTS // folder for pictures to look at
const site = await startSite()
const { base } = site
const { caseId } = await openRoom(site)
const browser = await launch()
const person = await signedIn(site, 'qs.zhang')
const list = async () => (await person.ask('GET', `/cases/${caseId}/recordings`)).items

async function page(login, options = {}) {
  const p = await open(browser, { base, ...options })
  p.setDefaultTimeout(60_000)
  await p.goto('/login')
  await p.fill('input[autocomplete=username]', login)
  await p.fill('input[type=password]', PASSWORD)
  await p.keyboard.press('Enter')
  await p.waitForURL((u) => u.pathname === '/')
  return p
}
async function enter(p, codec) {
  await p.evaluate((c) => localStorage.setItem('yl.devices', JSON.stringify({ codec: c })), codec)
  await p.goto(`/cases/${caseId}/room`)
  const begin = p.locator('.test .y-button.primary')
  await Promise.race([begin.waitFor(), p.locator('.live').waitFor()]) // a page that was in keeps its seat over a reload
  if (await begin.count()) await begin.click()
}
const host = await page('xy.qian')
const member = await page('qs.zhang')

async function together(codec) {
  await enter(host, codec)
  await host.locator('.live').waitFor()
  await enter(member, codec)
  await Promise.race([member.locator('.live').waitFor(), member.locator('h1', { hasText: '稍候' }).waitFor()])
  if (!(await member.locator('.live').count())) await host.getByRole('button', { name: '准许进入' }).first().click()
  await member.locator('.live').waitFor()
  await host.locator('.tile[data-source=camera] video').nth(1).waitFor()
  await member.locator('.tile[data-source=camera] video').nth(1).waitFor()
}
async function record() {
  await host.getByRole('button', { name: '录制', exact: true }).click()
  for (const p of [member, host]) { // who asks has agreed
    const agree = p.getByRole('button', { name: '同意录制', exact: true })
    await agree.or(p.getByText('正在录制')).first().waitFor()
    if (await agree.count()) await agree.click()
  }
  for (const p of [host, member]) await p.getByText('正在录制').waitFor()
  return Date.now()
}
async function stop() {
  await host.getByRole('button', { name: '停止录制' }).click()
  await host.locator('.rec').waitFor({ state: 'detached' })
  return Date.now()
}
async function sealed(n, within = 10_000) {
  const t0 = Date.now()
  for (;;) {
    const items = await list()
    if (items.length >= n && items[n - 1].sealed) return { one: items[n - 1], ms: Date.now() - t0 }
    assert.ok(Date.now() - t0 < within, `not sealed within ${within} ms: ${JSON.stringify(items)}`)
    await new Promise((r) => setTimeout(r, 50))
  }
}
/** The seal's text (records/work/room.h) made again. */
function sealText(r) {
  const tracks = r.tracks.map((t) => `${t.document_id} ${t.kind} ${t.source} ${t.who.id ?? '-'} ${t.started_ms} ${t.duration_ms} ${t.content_type} ${t.sha256}\n`)
  return `yilian-recording-1 ${r.id} ${r.case_id} ${r.started_ms}\n${tracks.join('')}`
}
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** Opens the case's recordings and plays the newest for a while; what every element showed. */
async function playBack(p) {
  await p.goto(`/cases/${caseId}`)
  await p.getByRole('tab', { name: /录像|Recordings/ }).click()
  await p.waitForFunction(() => document.querySelector('.player') && [...document.querySelectorAll('.player video,.player audio')].length >= 4 && [...document.querySelectorAll('.player video,.player audio')].every((e) => e.readyState >= 2))
  await p.getByRole('button', { name: /^(播放|Play)$/ }).click()
  await p.waitForFunction(() => [...document.querySelectorAll('.player video')].every((v) => v.currentTime > 1.5))
  return p.evaluate(() => [...document.querySelectorAll('.player video')].map((v) => ({ w: v.videoWidth, frames: v.getVideoPlaybackQuality().totalVideoFrames })))
}

await run({
  async 'VP8: stopped, sealed, played from the case'() {
    await together('vp8')
    const asked = Date.now()
    const from = await record()
    await host.waitForTimeout(5000)
    const least = Date.now() - from
    const most = (await stop()) - asked
    const { one, ms } = await sealed(1)
    console.log(`     sealed ${ms} ms after the end, ${one.duration_ms} ms long, ${one.tracks.map((t) => `${t.kind}/${t.source}/${t.who.name}`).join(' ')}`)
    assert.equal(one.note, '')
    assert.equal(sha256(sealText(one)), one.sha256)
    assert.equal(one.tracks.filter((t) => t.kind === 'audio').length, 2)
    assert.ok(one.tracks.every((t) => t.who.id && t.content_type === (t.kind === 'audio' ? 'audio/webm' : 'video/webm')))
    assert.ok(one.duration_ms > least - 1000 && one.duration_ms < most + 500, `${one.duration_ms} ms, seen ${least} to ${most} ms`)
    for (const shown of await playBack(member)) assert.ok(shown.w > 0 && shown.frames > 3, JSON.stringify(shown))
    await axe(member, 'recordings of a case')
    if (SHOTS) await member.screenshot({ path: `${SHOTS}/recordings-zh.png` })
  },
  async 'the bytes are those the seal speaks of; a range is a part of them'() {
    const [one] = await list()
    const t = one.tracks.find((x) => x.kind === 'video')
    const { url } = await person.ask('POST', `/documents/${t.document_id}/open`, {})
    const whole = await person.send('GET', url.replace('/api/v1', ''), undefined, true)
    assert.equal(sha256(whole.bytes), t.sha256)
    assert.equal(whole.headers['content-type'], 'video/webm')
    const part = await member.evaluate(async (u) => {
      const r = await fetch(u, { headers: { Range: 'bytes=1000-1999' } })
      return { status: r.status, n: (await r.arrayBuffer()).byteLength }
    }, (await member.evaluate(async (id) => {
      const me = await (await fetch('/api/v1/session')).json()
      return (await fetch(`/api/v1/documents/${id}/open`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': me.csrf }, body: '{}' })).json()
    }, t.document_id)).url)
    assert.deepEqual(part, { status: 206, n: 1000 })
    for (const login of ['bh.sun', 'admin']) {
      const other = await signedIn(site, login)
      assert.equal((await other.send('GET', `/cases/${caseId}/recordings`)).status, 403, login)
      assert.equal((await other.send('POST', `/documents/${t.document_id}/open`, {})).status, 403, login)
    }
  },
  async 'H.264 plays too'() {
    await together('h264')
    await record()
    await host.waitForTimeout(4000)
    await stop()
    const { one } = await sealed(2)
    assert.ok(one.tracks.filter((t) => t.kind === 'video').every((t) => t.content_type === 'video/x-matroska'), JSON.stringify(one.tracks))
    for (const shown of await playBack(member)) assert.ok(shown.w > 0 && shown.frames > 3, JSON.stringify(shown))
  },
  async 'a daemon killed while it records: sealed as interrupted after the restart, nothing lost but the last second'() {
    await together('vp8')
    await record()
    await host.waitForTimeout(4500)
    await site.end('SIGKILL')
    await site.start()
    const { one } = await sealed(3, 15_000)
    assert.equal(one.note, 'interrupted')
    assert.equal(sha256(sealText(one)), one.sha256)
    assert.ok(one.duration_ms > 2500, `${one.duration_ms} ms`)
    assert.ok(one.tracks.every((t) => t.who.id), JSON.stringify(one.tracks))
    for (const shown of await playBack(member)) assert.ok(shown.w > 0 && shown.frames > 3, JSON.stringify(shown))
    assert.match(await member.locator('.player').innerText(), /录制曾中断/)
    if (SHOTS) await member.screenshot({ path: `${SHOTS}/recordings-interrupted.png` })
    assert.match(site.ctl('audit', 'verify'), /^whole/)
  },
  async 'on a phone, in English'() {
    const phone = await page('xy.qian', { shape: PHONE, lang: 'en' })
    await playBack(phone)
    await axe(phone, 'recordings on a phone')
    assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is cut off')
    if (SHOTS) await phone.screenshot({ path: `${SHOTS}/recordings-phone.png`, fullPage: true })
  },
})
await browser.close()
await site.stop()
