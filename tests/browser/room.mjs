// A live room on the real daemon, in real Chromium: two doctors and a family member, every source, bad moments, and how long things take.
import assert from 'node:assert/strict'
import { axe, DESKTOP, launch, open, PHONE, run } from './lib.mjs'
import { openRoom } from './person.mjs'
import { PASSWORD, startSite } from './site.mjs'

const site = await startSite()
const { base } = site
const { caseId } = await openRoom(site)
const browser = await launch()

async function signedIn(login, options = {}) {
  const page = await open(browser, { base, ...options })
  page.setDefaultTimeout(20_000)
  page.seats = []
  page.on('websocket', (ws) => ws.on('framereceived', ({ payload }) => {
    const seat = JSON.parse(payload).result?.seat
    if (seat) page.seats.push(seat)
  }))
  await page.goto('/login')
  await page.getByLabel('\u8d26\u53f7').fill(login)
  await page.getByLabel('\u5bc6\u7801').fill(PASSWORD)
  await page.locator('button[type=submit]').click()
  await page.waitForURL((u) => u.pathname === '/')
  return page
}
async function enter(page, codec = 'auto') {
  await page.evaluate((c) => localStorage.setItem('yl.devices', JSON.stringify({ codec: c })), codec)
  await page.goto(`/cases/${caseId}/room`)
  await page.locator('.test .y-button.primary').click()
}
const inside = (page) => page.locator('.live').waitFor({ timeout: 20_000 })
const admit = (host) => host.getByRole('button', { name: '\u51c6\u8bb8\u8fdb\u5165' }).first().click({ timeout: 20_000 })
/** The seat of the newest join that this page saw answered. */
const mySeat = (page) => page.seats.at(-1)

/** Milliseconds until the tile of `who` (part of the name) shows frame after frame; fails after `within`. */
async function playing(page, who, source = 'camera', within = 10_000) {
  const ms = await page.evaluate(
    async ({ who, source, within }) => {
      const t0 = performance.now()
      while (performance.now() - t0 < within) {
        const tile = [...document.querySelectorAll(`.tile[data-source=${source}]`)].find((t) => t.textContent.includes(who))
        const video = tile?.querySelector('video')
        if (video?.videoWidth) {
          const before = video.getVideoPlaybackQuality().totalVideoFrames
          await new Promise((r) => setTimeout(r, 120))
          if (video.srcObject && video.getVideoPlaybackQuality().totalVideoFrames > before) return performance.now() - t0
        } else await new Promise((r) => setTimeout(r, 20))
      }
      return null
    },
    { who, source, within },
  )
  assert.notEqual(ms, null, `${source} of ${who} does not play`)
  return Math.round(ms)
}
/** What getStats says about everything received. */
function received(page) {
  return page.evaluate(async () => {
    const all = { frames: 0, energy: 0, codecs: [] }
    for (const pc of globalThis.pcs.filter((p) => p.connectionState === 'connected')) {
      const report = await pc.getStats()
      report.forEach((s) => {
        if (s.type !== 'inbound-rtp') return
        all.frames += s.framesDecoded ?? 0
        all.energy += s.totalAudioEnergy ?? 0
        if (s.kind === 'video' && s.framesDecoded) all.codecs.push(report.get(s.codecId)?.mimeType)
      })
    }
    return all
  })
}
const watched = (page) => page.addInitScript(() => {
  const Real = RTCPeerConnection
  globalThis.pcs = []
  globalThis.RTCPeerConnection = function (config) {
    const pc = new Real(config)
    globalThis.pcs.push(pc)
    return pc
  }
  globalThis.RTCPeerConnection.prototype = Real.prototype
})

const host = await signedIn('xy.qian')
const member = await signedIn('qs.zhang')
await Promise.all([watched(host), watched(member)])
const nameOf = (page) => page.locator('.top .name').innerText()
const [HOST, MEMBER] = await Promise.all([nameOf(host), nameOf(member)])

async function together(codec) {
  await enter(host, codec)
  await inside(host)
  await enter(member, codec)
  await Promise.race([inside(member), member.locator('h1', { hasText: '\u7a0d\u5019' }).waitFor()])
  if (!(await member.locator('.live').count())) await admit(host)
  await inside(member)
}

await run({
  async 'two doctors see and hear each other, VP8'() {
    await together('vp8')
    console.log(`     first picture: ${await playing(host, MEMBER)} ms at the host, ${await playing(member, HOST)} ms at the member`)
    for (const page of [host, member]) {
      await page.waitForFunction(async () => (await Promise.all(globalThis.pcs.filter((p) => p.connectionState === 'connected').map((p) => p.getStats()))).some((r) => [...r.values()].some((s) => s.type === 'inbound-rtp' && s.totalAudioEnergy > 0)))
      const got = await received(page)
      assert.ok(got.frames > 5 && got.energy > 0, JSON.stringify(got))
      assert.ok(got.codecs.every((c) => c === 'video/VP8'), JSON.stringify(got.codecs))
    }
    await axe(host, 'room with pictures')
  },
  async 'screen and second camera beside the camera; stopping one keeps the others'() {
    await member.getByRole('button', { name: '\u5171\u4eab\u5c4f\u5e55' }).click()
    await playing(host, MEMBER, 'screen')
    await member.getByRole('button', { name: '\u7b2c\u4e8c\u753b\u9762' }).click()
    await member.locator('dialog .stack button').first().click()
    await playing(host, MEMBER, 'camera2')
    await playing(host, MEMBER, 'camera')
    await member.getByRole('button', { name: '\u5173\u95ed\u7b2c\u4e8c\u753b\u9762' }).click()
    await host.locator('.tile[data-source=camera2]').waitFor({ state: 'detached' })
    await playing(host, MEMBER, 'screen')
    await member.getByRole('button', { name: '\u505c\u6b62\u5171\u4eab' }).click()
    await host.locator('.tile[data-source=screen]').waitFor({ state: 'detached' })
  },
  async 'camera off and on; still pictures and back to video'() {
    await member.getByRole('button', { name: /\u6444\u50cf\u5934\u5df2\u5f00/ }).click()
    await host.waitForFunction((who) => [...document.querySelectorAll('.tile[data-source=camera]')].find((t) => t.textContent.includes(who))?.querySelector('video').srcObject === null, MEMBER)
    await member.getByRole('button', { name: /\u6444\u50cf\u5934\u5df2\u5173/ }).click()
    await playing(host, MEMBER)
    const mode = async (name) => {
      await member.getByRole('button', { name: /\u7f51\u7edc\u6a21\u5f0f/ }).click()
      await member.getByRole('menuitemradio', { name }).click()
    }
    await mode(/\u9759\u6001\u753b\u9762/)
    await host.locator('.tile img[src^="data:image/jpeg"]').waitFor()
    await mode(/\u5b8c\u6574\u89c6\u9891/)
    await playing(host, MEMBER)
  },
  async 'another camera in the middle of the call'() {
    await member.getByRole('button', { name: /\u7f51\u7edc\u6a21\u5f0f/ }).click()
    await member.getByRole('menuitem', { name: '\u66f4\u6362\u8bbe\u5907' }).click()
    const cameras = member.getByLabel('\u6444\u50cf\u5934', { exact: true })
    await cameras.selectOption({ index: 2 })
    await axe(member, 'device picker')
    await member.keyboard.press('Escape')
    await playing(host, MEMBER)
  },
  async 'a hand is seen; the host mutes; a document is shown to all'() {
    await member.getByRole('button', { name: '\u4e3e\u624b' }).click()
    await host.locator('.y-toasts').getByText(MEMBER).waitFor()
    const picture = host.locator('.doc-thumb').first()
    if (!(await picture.count())) return
    await picture.click()
    await host.locator('.viewer .sheet').waitFor()
    await host.getByRole('button', { name: '\u7ed9\u6240\u6709\u4eba\u770b' }).click()
    await member.locator('.viewer .sheet').waitFor()
    await member.waitForFunction(() => document.querySelector('.sheet').offsetWidth > 50)
    await member.evaluate(() => {
      globalThis.seen = 0
      new MutationObserver(() => (globalThis.seen ||= Date.now())).observe(document.querySelector('.sheet'), { attributes: true })
    })
    const took = []
    for (let i = 0; i < 10; i++) {
      await member.evaluate(() => (globalThis.seen = 0))
      const t0 = Date.now()
      await host.getByRole('button', { name: i % 2 ? '\u7f29\u5c0f' : '\u653e\u5927', exact: true }).click()
      await member.waitForFunction(() => globalThis.seen, null, { polling: 5 })
      took.push((await member.evaluate(() => globalThis.seen)) - t0)
    }
    took.sort((a, b) => a - b)
    console.log(`     shown to the other after ${took.join(' ')} ms (bar: 200)`)
    await host.getByRole('button', { name: '\u505c\u6b62\u5171\u540c\u67e5\u770b' }).click()
  },
  async 'a reload brings the same seat back'() {
    const before = await mySeat(member)
    const t0 = Date.now()
    await member.reload()
    await inside(member)
    assert.equal(await mySeat(member), before)
    await playing(member, HOST)
    await playing(host, MEMBER)
    console.log(`     back after ${Date.now() - t0} ms`)
  },
  async 'recording only with everyone\'s consent, and it ends when one withdraws'() {
    await host.getByRole('button', { name: '\u5f55\u5236', exact: true }).click()
    for (const page of [host, member]) {
      const agree = page.getByRole('button', { name: '\u540c\u610f\u5f55\u5236', exact: true })
      if (await agree.waitFor({ timeout: 3000 }).then(() => true, () => false)) await agree.click()
    }
    for (const page of [host, member]) await page.getByText('\u6b63\u5728\u5f55\u5236').waitFor()
    const t0 = Date.now()
    await host.waitForTimeout(4000)
    await member.getByRole('button', { name: '\u64a4\u56de\u540c\u610f' }).click()
    await member.getByRole('dialog').getByRole('button', { name: '\u64a4\u56de\u540c\u610f' }).click()
    for (const page of [host, member]) await page.locator('.rec').waitFor({ state: 'detached' })
    const lasted_ms = Date.now() - t0
    const list = () => host.evaluate(async (id) => (await (await fetch(`/api/v1/cases/${id}/recordings`)).json()).items, caseId)
    for (let i = 0; i < 50 && !(await list()).some((r) => r.sealed); i++) await host.waitForTimeout(100)
    const made = (await list()).at(-1)
    assert.ok(made?.sealed && made.sha256.length === 64, 'sealed within 5 s')
    assert.ok(Math.abs(made.duration_ms - lasted_ms) < 3000, `${made.duration_ms} ms recorded in ${lasted_ms} ms`)
    assert.ok(made.tracks.some((t) => t.kind === 'video') && made.tracks.some((t) => t.kind === 'audio'))
  },
  async 'family by link: waits, is admitted, sees no record'() {
    await host.getByRole('tab', { name: /\u4eba\u5458/ }).click()
    await host.getByRole('button', { name: '\u9080\u8bf7\u5bb6\u5c5e' }).click()
    await host.getByRole('textbox', { name: '\u59d3\u540d' }).fill('\u5f20\u5c0f\u660e')
    await host.getByRole('textbox', { name: '\u4e0e\u60a3\u8005\u5173\u7cfb' }).fill('\u513f\u5b50')
    await host.getByRole('button', { name: '\u751f\u6210\u94fe\u63a5' }).click()
    const link = await host.locator('dialog input').inputValue()
    await host.keyboard.press('Escape')
    const guest = await open(browser, { base, shape: PHONE })
    await guest.goto(link)
    await guest.locator('.test .y-button.primary').click()
    await guest.locator('h1', { hasText: '\u7a0d\u5019' }).waitFor()
    await admit(host)
    await inside(guest)
    await playing(guest, HOST)
    assert.equal(await guest.locator('.record').count(), 0)
    assert.equal(await guest.evaluate(async (id) => (await fetch(`/api/v1/cases/${id}`)).status, caseId), 401)
    await axe(guest, 'guest in the room')
    await guest.context().close()
  },
  async 'H.264 both ways'() {
    for (const page of [member, host]) {
      if (!(await page.locator('.live').count())) continue
      await page.getByRole('button', { name: '\u79bb\u5f00', exact: true }).click()
      await page.getByRole('dialog').getByRole('button', { name: '\u79bb\u5f00', exact: true }).click()
      await page.locator('h1', { hasText: '\u79bb\u5f00' }).waitFor()
    }
    await together('h264')
    await playing(host, MEMBER)
    await playing(member, HOST)
    assert.ok((await received(host)).codecs.includes('video/H264'))
  },
  async 'a killed and restarted daemon gives the same seats back'() {
    await site.end('SIGKILL')
    await member.getByText('\u7f51\u7edc\u65ad\u5f00').first().waitFor()
    await axe(member, 'lost server')
    await site.start()
    const t0 = Date.now()
    await playing(member, HOST, 'camera', 15_000)
    await playing(host, MEMBER, 'camera', 15_000)
    console.log(`     both back ${Date.now() - t0} ms after the restart`)
  },
})
await browser.close()
await site.stop()
