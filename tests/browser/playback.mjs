// A recorded session on the real daemon: two doctors in Chromium, VP8 and H.264; played back from the case within seconds; whole seal, ranges,
// who may hear it; and a daemon killed in the middle of a recording.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { axe, counted, DESKTOP, launch, open, PHONE, run } from './lib.mjs'
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
    assert.ok(one.tracks.every((t) => t.links > 3 && /^[0-9a-f]{64}$/.test(t.chain) && t.gaps.every((g) => g.why !== 'killed')), JSON.stringify(one.tracks))
    await axe(member, 'recordings of a case')
    if (SHOTS) await member.screenshot({ path: `${SHOTS}/recordings-zh.png`, fullPage: true })
    const whole = site.ctl('recording', 'verify', one.id)
    assert.match(whole, /the seal holds\nwhole\n$/)
    assert.equal(whole.match(/: whole, \d+ links/g).length, one.tracks.length)
  },
  async 'one time line: in step, searched, faster, by keyboard'() {
    const key = (k) => member.keyboard.press(k)
    const to = (f, what) => member.waitForFunction(f, null, { timeout: 15_000 }).catch(() => assert.fail(what))
    await member.getByRole('slider').focus()
    await key('Home')
    await to(() => Number(document.querySelector('.player .slider').value) < 1000, 'Home goes to the beginning')
    // Asked of the button: while the elements search, none of them plays although the deck does.
    if (await member.getByRole('button', { name: /^(播放|Play)$/ }).count()) await key(' ')
    await to(() => [...document.querySelectorAll('.player video,.player audio')].filter((e) => !e.paused).length >= 4, 'space plays all')
    await member.waitForTimeout(1000)
    const off = await member.evaluate(async () => {
      const seen = []
      for (let i = 0; i < 15; i++) {
        for (const e of document.querySelectorAll('.player video,.player audio')) if (!e.paused) seen.push(Math.abs(Number(e.dataset.off ?? 0)))
        await new Promise((r) => setTimeout(r, 100))
      }
      return seen.sort((a, b) => a - b)
    })
    const [half, worst] = [off[off.length >> 1], off.at(-1)]
    console.log(`     from the clock while it plays: half of the looks ${half} ms, at most ${worst} ms`)
    assert.ok(half < 80 && worst < 500, `${half}, ${worst} ms from the clock`)
    await key('m')
    await to(() => [...document.querySelectorAll('.player audio')].every((e) => e.muted), 'M mutes')
    await key('m')
    await key(' ')
    await to(() => [...document.querySelectorAll('.player video,.player audio')].every((e) => e.paused), 'space pauses all')
    await key('Home')
    await key('l')
    await to(() => Number(document.querySelector('.player .slider').value) > 2500, 'L goes on by ten seconds')
    await key('Home')
    await key('ArrowRight')
    await to(() => Number(document.querySelector('.player .slider').value) > 2500, 'the arrow goes on by five')
    const lanes = member.locator('.player .lanes')
    await lanes.click({ position: { x: (await lanes.boundingBox()).width / 2, y: 8 } })
    await to(() => Math.abs(Number(document.querySelector('.player .slider').value) - Number(document.querySelector('.player .slider').max) / 2) < 500, 'a tap on a lane goes there')
    await to(() => [...document.querySelectorAll('.player video')].every((v) => v.currentTime > 1 && !v.seeking), 'and the pictures with it')
    await member.locator('.player select').selectOption({ label: '1.5×' })
    await key('Tab')
    await member.getByRole('slider').focus()
    await key(' ')
    await to(() => [...document.querySelectorAll('.player video')].some((v) => !v.paused && v.playbackRate > 1.35), 'faster')
    await key(' ')
    const enlarge = member.getByRole('button', { name: /^放大/ }).first()
    await enlarge.click()
    if (SHOTS) await member.screenshot({ path: `${SHOTS}/recordings-large.png`, fullPage: true })
    await member.getByRole('button', { name: '并排显示' }).click()
    await counted(member.locator('.player .lane'), 4)
    assert.deepEqual(member.faults, [])
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
    for (const [login, status] of [['bh.sun', 404], ['admin', 403]]) {
      // who works with cases is told of none here; who does not, that he does not
      const other = await signedIn(site, login)
      assert.equal((await other.send('GET', `/cases/${caseId}/recordings`)).status, status, login)
      assert.equal((await other.send('POST', `/documents/${t.document_id}/open`, {})).status, status, login)
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
  async 'one film of it, watched in the page; pictures on the time line'() {
    const t0 = Date.now()
    while ((await list()).some((r) => !r.poster || !r.strip)) {
      assert.ok(Date.now() - t0 < 60_000, 'no pictures of the recordings')
      await new Promise((r) => setTimeout(r, 200))
    }
    await member.reload()
    await member.getByRole('tab', { name: '录像' }).click()
    await member.locator('.strip .cell').first().waitFor()
    assert.ok((await member.locator('.strip .cell').count()) > 5)
    await member.locator('.one img').first().waitFor()
    await member.getByRole('radio', { name: /^发言人/ }).check({ force: true })
    await member.getByRole('button', { name: '合成影片', exact: true }).click()
    await member.locator('.films li[data-state=done]').waitFor({ timeout: 300_000 }) // the child has a low claim to the processor
    await member.getByRole('button', { name: '观看' }).click()
    const film = member.locator('.films video')
    await film.evaluate((v) => ((v.muted = true), v.play()))
    await member.waitForFunction(() => document.querySelector('.films video').currentTime > 1)
    const seen = await film.evaluate((v) => ({ w: v.videoWidth, h: v.videoHeight, length: v.duration * 1000, frames: v.getVideoPlaybackQuality().totalVideoFrames }))
    const [, one] = await list()
    assert.deepEqual([seen.w, seen.h], [1280, 720])
    assert.ok(Math.abs(seen.length - one.duration_ms) < 100 && seen.frames > 8, JSON.stringify({ seen, of: one.duration_ms }))
    await axe(member, 'films of a recording')
    if (SHOTS) await member.screenshot({ path: `${SHOTS}/films-zh.png`, fullPage: true })
    const saved = member.waitForEvent('download')
    await member.getByRole('button', { name: '下载', exact: true }).click()
    assert.match((await saved).suggestedFilename(), /speaker \d{6}\.mp4$/)
    const other = await signedIn(site, 'bh.sun')
    assert.equal((await other.send('POST', `/recordings/${one.id}/exports`, { layout: 'grid' })).status, 404)
    assert.deepEqual(member.faults, [])
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
    assert.ok(one.tracks.every((t) => t.gaps.some((g) => g.why === 'killed')), JSON.stringify(one.tracks))
    await member.getByRole('button', { name: /服务器中断，录制到此为止/ }).first().waitFor()
    if (SHOTS) await member.screenshot({ path: `${SHOTS}/recordings-interrupted.png`, fullPage: true })
    assert.match(site.ctl('audit', 'verify'), /^whole/)
  },
  async 'the quality of the lines, for those of the case'() {
    for (const p of [host, member]) {
      await enter(p, 'vp8')
      await p.locator('.live').waitFor()
    }
    await host.waitForTimeout(6000)
    for (const p of [member, host]) {
      await p.getByRole('button', { name: '离开', exact: true }).click()
      await p.getByRole('dialog').getByRole('button', { name: '离开', exact: true }).click()
    }
    const t0 = Date.now()
    let items = []
    while (!(items = (await person.ask('GET', `/cases/${caseId}/quality`)).items).length && Date.now() - t0 < 10_000) await new Promise((r) => setTimeout(r, 100))
    assert.ok(items.length && items[0].people.some((x) => x.who.name && x.up_bps > 0), JSON.stringify(items))
    await member.goto(`/cases/${caseId}`)
    await member.getByRole('tab', { name: '通话质量' }).click()
    await member.getByRole('cell', { name: /kbit\/s|Mbit\/s/ }).first().waitFor()
    for (const d of await member.locator('details').all()) await d.evaluate((e) => (e.open = true))
    await axe(member, 'the quality of a case')
    if (SHOTS) await member.screenshot({ path: `${SHOTS}/quality-zh.png`, fullPage: true })
    const other = await signedIn(site, 'bh.sun')
    assert.equal((await other.send('GET', `/cases/${caseId}/quality`)).status, 404)
  },
  async 'on a phone, in English'() {
    const phone = await page('xy.qian', { shape: PHONE, lang: 'en' })
    await playBack(phone)
    const { width, height } = phone.viewportSize()
    await phone.setViewportSize({ width, height: 3000 }) // unscrolled: what lies half under the bar at the top is no small target
    await axe(phone, 'recordings on a phone')
    await phone.setViewportSize({ width, height })
    assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is cut off')
    if (SHOTS) await phone.screenshot({ path: `${SHOTS}/recordings-phone.png`, fullPage: true })
    await phone.getByRole('tab', { name: 'Call quality' }).click()
    await phone.locator('.y-table').first().waitFor()
    assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is cut off')
    if (SHOTS) await phone.screenshot({ path: `${SHOTS}/quality-phone.png`, fullPage: true })
  },
})
await browser.close()
await site.stop()
