// Shared by the tests of the live room: people with a page each, how they come in, and what really arrives at whom.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DESKTOP, open } from './lib.mjs'
import { PASSWORD } from './site.mjs'

/** Time limits are for a machine that does ten other things; how long things take is printed, not asserted. */
export const LONG_MS = 60_000

const CAMERA = { width: 480, height: 270, rate: 8 }

const watchConnections = () => {
  const Real = RTCPeerConnection
  globalThis.pcs = []
  globalThis.RTCPeerConnection = function (config) {
    const pc = new Real(config)
    globalThis.pcs.push(pc)
    return pc
  }
  globalThis.RTCPeerConnection.prototype = Real.prototype
  Object.assign(globalThis.RTCPeerConnection, { generateCertificate: Real.generateCertificate })
}

/** Small pictures, few a second, raw sound: several pages encode and decode on one machine that does other things too. */
const smallPictures = ({ width, height, rate }) => {
  const real = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices)
  if (!real) return
  navigator.mediaDevices.getUserMedia = (c) =>
    real({
      ...c,
      ...(c.video ? { video: { ...c.video, width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: rate, max: rate } } } : {}),
      ...(c.audio ? { audio: { ...c.audio, echoCancellation: false, noiseSuppression: false, autoGainControl: false } } : {}),
    })
}

/** What the server said on this page's sockets: seats taken, names by seat, the newest offer's map, closing. */
function listen(page) {
  Object.assign(page, { seats: [], names: {}, map: [], states: [], closes: [] })
  page.on('websocket', (ws) => {
    ws.on('framereceived', ({ payload }) => {
      const m = JSON.parse(payload)
      const named = [...(m.result?.room?.seats ?? []), ...(m.data?.room?.seats ?? []), ...(m.event === 'room.seat' ? [m.data] : [])]
      for (const s of named) page.names[s.id] = s.person.name
      if (m.result?.seat) page.seats.push(m.result.seat)
      if (m.event === 'media.offer') page.map = m.data.map
      if (m.event === 'room.state') page.states.push(m.data)
      page.heard?.(m)
    })
  })
}

/** A page that counts connections; nobody is signed in on it. `name` is what it is called in screenshots. */
export async function pageOf(browser, base, options = {}) {
  const page = await open(browser, { base, ...options })
  page.setDefaultTimeout(LONG_MS)
  page.setDefaultNavigationTimeout(LONG_MS)
  listen(page)
  await page.addInitScript(watchConnections)
  await page.addInitScript(smallPictures, options.camera ?? CAMERA)
  return page
}

/** Another window of the same person's browser. */
export async function windowOf(page) {
  const next = await page.context().newPage()
  Object.assign(next, { faults: [], login: page.login })
  next.setDefaultTimeout(LONG_MS)
  listen(next)
  await next.addInitScript(watchConnections)
  await next.addInitScript(smallPictures, CAMERA)
  return next
}

export async function member(browser, base, login, options = {}) {
  const page = await pageOf(browser, base, options)
  await page.goto('/login')
  await page.locator('input[autocomplete=username]').fill(login)
  await page.locator('input[type=password]').fill(PASSWORD)
  await page.locator('button[type=submit]').click()
  await page.waitForURL((u) => u.pathname === '/')
  page.login = login
  return page
}

const inRoom = (page) => page.locator('.live')
export const inside = (page) => inRoom(page).waitFor()
export const waiting = (page) => page.locator('h1', { hasText: /稍候|wait/ }).waitFor()
/** The button of the device test. */
export const enterButton = (page) => page.locator('.test .row.end .y-button.primary')
export const pressEnter = (page) => enterButton(page).click()
export async function toDoor(page, caseId, choice = {}) {
  await page.evaluate((c) => localStorage.setItem('yl.devices', JSON.stringify(c)), choice)
  await page.goto(`/cases/${caseId}/room`)
  await enterButton(page).waitFor()
}
export async function enter(page, caseId, choice) {
  await toDoor(page, caseId, choice)
  await pressEnter(page)
}
export const admit = (host) => host.getByRole('button', { name: /^(准许进入|Admit)$/ }).first().click()
/** Enters, and is admitted by `host` when that is needed. */
export async function enterBy(page, host, caseId, choice) {
  await enter(page, caseId, choice)
  await Promise.race([inside(page), waiting(page)])
  if (!(await inRoom(page).count())) await admit(host)
  await inside(page)
  page.called = page.names[mySeat(page)]
}
export async function leave(page) {
  if (!(await inRoom(page).count())) return
  await page.getByRole('button', { name: '离开', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: '离开', exact: true }).click()
  await page.locator('h1', { hasText: '离开' }).waitFor()
}
/** The seat of the newest join that this page saw answered. */
export const mySeat = (page) => page.seats.at(-1)
export const tile = (page, who, source = 'camera') => page.locator(`.tile[data-source=${source}]`, { hasText: who })

/** When (ms UTC) the tile of `who` had shown one frame more than at the call; fails after `within`. */
export async function playsAt(page, who, source = 'camera', within = LONG_MS) {
  const at = await page.evaluate(
    async ({ who, source, within }) => {
      const end = Date.now() + within
      const shown = () => {
        const t = [...document.querySelectorAll(`.tile[data-source=${source}]`)].find((x) => x.textContent.includes(who))
        const v = t?.querySelector('video')
        return v?.srcObject && v.videoWidth ? { v, n: v.getVideoPlaybackQuality().totalVideoFrames } : null
      }
      let before = null
      while (Date.now() < end) {
        const now = shown()
        if (now && before && now.v === before.v && now.n > before.n) return Date.now()
        if (!now || !before || now.v !== before.v || now.n < before.n) before = now
        await new Promise((r) => setTimeout(r, 20))
      }
      return null
    },
    { who, source, within },
  )
  assert.notEqual(at, null, `${source} of ${who} does not play`)
  return at
}
/** Milliseconds until it plays. */
export async function playing(page, who, source = 'camera', within = LONG_MS) {
  const t0 = Date.now()
  return (await playsAt(page, who, source, within)) - t0
}

/** getStats of what arrives, by "name/source": decoded frames, audio energy, codec, freezes, concealed and received samples, bytes. */
export async function arrivals(page) {
  const rows = await page.evaluate(async () => {
    const out = []
    for (const pc of globalThis.pcs.filter((p) => p.signalingState !== 'closed' && p.remoteDescription?.type === 'offer')) {
      const report = await pc.getStats()
      report.forEach((s) => {
        if (s.type !== 'inbound-rtp') return
        out.push({
          mid: s.mid, frames: s.framesDecoded ?? 0, energy: s.totalAudioEnergy ?? 0, codec: report.get(s.codecId)?.mimeType, freezes: s.freezeCount ?? 0, frozen_s: s.totalFreezesDuration ?? 0,
          concealed: s.concealedSamples ?? 0, silent: s.silentConcealedSamples ?? 0, samples: s.totalSamplesReceived ?? 0, bytes: s.bytesReceived ?? 0, lost: s.packetsLost ?? 0, packets: s.packetsReceived ?? 0, height: s.frameHeight ?? 0,
        })
      })
    }
    return out
  })
  const all = {}
  for (const m of page.map) {
    const row = rows.find((r) => r.mid === m.mid)
    if (row) all[`${page.names[m.seat]}/${m.source}`] = row
  }
  return all
}
/** Waits until `sources` of `who` bring new frames and energy to `page`; what came. */
export async function brings(page, who, sources = ['camera', 'mic'], within = LONG_MS) {
  let first = await arrivals(page)
  const end = Date.now() + within
  for (;;) {
    const now = await arrivals(page)
    if (sources.some((s) => now[`${who}/${s}`]?.packets < first[`${who}/${s}`]?.packets)) first = now // a new connection counts anew
    const grew = sources.every((s) => {
      const [a, b] = [first[`${who}/${s}`], now[`${who}/${s}`]]
      return b && (s === 'mic' ? b.energy > (a?.energy ?? 0) + 1e-6 : b.frames > (a?.frames ?? 0) + 2)
    })
    if (grew) return Object.fromEntries(sources.map((s) => [s, now[`${who}/${s}`]]))
    assert.ok(Date.now() < end, `${who} brings no ${sources.join(', ')} to ${page.login}: ${JSON.stringify(now)}`)
    await new Promise((r) => setTimeout(r, 250))
  }
}

/** Waits until `test()` is true. */
export async function until(test, what, within = LONG_MS) {
  const end = Date.now() + within
  while (!(await test())) {
    assert.ok(Date.now() < end, `not in time: ${what}`)
    await new Promise((r) => setTimeout(r, 100))
  }
}

/** A picture for the eyes, into the folder YL_SHOTS; without it nothing. */
export async function shot(page, name) {
  if (!process.env.YL_SHOTS) return
  mkdirSync(process.env.YL_SHOTS, { recursive: true })
  const shape = (page.viewportSize()?.width ?? DESKTOP.viewport.width) < 600 ? 'phone' : 'desk'
  await page.screenshot({ path: join(process.env.YL_SHOTS, `${name}.${shape}.png`) })
}
export async function language(page, to) {
  const now = await page.evaluate(() => document.documentElement.lang)
  if (!now.startsWith(to)) await page.getByRole('button', { name: to === 'en' ? 'English' : '中文' }).click()
}
