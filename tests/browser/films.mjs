// Films of a recorded session, as a doctor asks for them: three people of three colours and voices in real Chromium, one of them shares a screen;
// in every layout the right picture stands at the right place at the right time and the right voice sounds; progress moves; giving one up ends
// its child and leaves nothing behind.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { axe, launch, PHONE, run } from './lib.mjs'
import { enterBy, leave, member, playing, shot, until } from './live.mjs'
import { openRoom } from './person.mjs'
import { startSite } from './site.mjs'

const site = await startSite()
const { caseId, zhang: asks } = await openRoom(site, { team: true })
const browser = await launch()
const CAMERA = { width: 640, height: 360, rate: 15 }
const [zhang, qian, xu] = [await member(browser, site.base, 'qs.zhang', { camera: CAMERA }), await member(browser, site.base, 'xy.qian', { camera: CAMERA }), await member(browser, site.base, 'xy.xu', { camera: CAMERA })]
const VOICES = { red: 300, green: 520, blue: 840 }

/** Instead of the fake devices: a picture of one colour with something that moves in it, and a tone that sounds while `globalThis.speaks`. */
const painted = ({ colour, hz }) => {
  const picture = (fill, { width, height, rate }) => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height })
    const c = canvas.getContext('2d')
    let n = 0
    setInterval(() => {
      c.fillStyle = fill
      c.fillRect(0, 0, width, height)
      c.fillStyle = '#fff'
      c.fillRect((n++ * 7) % width, height * 0.9, width / 16, height / 16)
    }, 1000 / rate)
    return canvas.captureStream(rate)
  }
  const voice = () => {
    const audio = new AudioContext()
    const [tone, gain, out] = [new OscillatorNode(audio, { frequency: hz }), new GainNode(audio, { gain: 0 }), audio.createMediaStreamDestination()]
    tone.connect(gain).connect(out)
    tone.start()
    setInterval(() => (gain.gain.value = globalThis.speaks ? 0.4 : 0), 50)
    return out.stream
  }
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
  navigator.mediaDevices.getUserMedia = async (c) => {
    const there = await real(c) // as permissions and devices say
    const { width, height, frameRate } = there.getVideoTracks()[0]?.getSettings() ?? {}
    const made = [...(c.video ? picture(colour, { width, height, rate: frameRate }).getTracks() : []), ...(c.audio ? voice().getTracks() : [])]
    there.getTracks().forEach((t) => t.stop())
    return new MediaStream(made)
  }
  navigator.mediaDevices.getDisplayMedia = async () => picture('#e0e020', { width: 1280, height: 720, rate: 5 })
}
const people = [[zhang, 'red', '#d02020'], [qian, 'green', '#20a020'], [xu, 'blue', '#2020d0']]
for (const [page, name, colour] of people) await page.addInitScript(painted, { colour, hz: VOICES[name] })
const speaks = (who) => Promise.all(people.map(([page]) => page.evaluate((yes) => void (globalThis.speaks = yes), page === who)))

const recording = async () => (await asks.ask('GET', `/cases/${caseId}/recordings`)).items[0]
/** Processes of our daemon that make films. */
const children = () =>
  readdirSync('/proc').filter((p) => {
    try {
      return /^\d+$/.test(p) && readFileSync(`/proc/${p}/cmdline`, 'utf8').includes('yilian-pipe\0compose') && Number(readFileSync(`/proc/${p}/stat`, 'utf8').split(') ')[1].split(' ')[1]) === site.daemon.pid
    } catch {
      return false // ended meanwhile
    }
  })
/** Seconds of processor that a process has had. */
const worked = (pid) => {
  try {
    const f = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
    return (Number(f[11]) + Number(f[12])) / 100
  } catch {
    return null
  }
}
const files = () => readdirSync(join(site.dir, 'data'), { recursive: true, withFileTypes: true }).filter((f) => f.isFile() && !/\.db(-wal|-shm)?$/.test(f.name)).map((f) => join(f.parentPath, f.name)).sort()

const film = (page, layout) => page.locator('.films li', { has: page.getByText(layout, { exact: true }) }).last()
const LAYOUTS = { grid: '宫格', speaker: '发言人', slides: '屏幕加发言人' }
async function order(page, layout) {
  await page.getByRole('radio', { name: new RegExp(`^${LAYOUTS[layout]}`) }).check({ force: true })
  await page.getByRole('button', { name: '合成影片', exact: true }).click()
  await film(page, LAYOUTS[layout]).waitFor()
}
/** Opens the film in the page: its length, the colours at `points` at each of `times` (s), and how loud each voice is around them. */
async function look(page, layout, times, points) {
  const row = film(page, LAYOUTS[layout])
  await row.getByRole('button', { name: '观看' }).click()
  await page.waitForFunction(() => document.querySelector('.films video')?.readyState >= 2)
  const seen = await page.evaluate(async ({ times, points, voices }) => {
    const v = document.querySelector('.films video')
    const c = Object.assign(document.createElement('canvas'), { width: v.videoWidth, height: v.videoHeight }).getContext('2d', { willReadFrequently: true })
    const name = ([r, g, b]) => (r > 150 && g > 150 && b < 120 ? 'screen' : r > 150 && g < 110 && b < 110 ? 'red' : g > 110 && r < 100 && b < 100 ? 'green' : b > 150 && r < 110 && g < 110 ? 'blue' : r < 70 && g < 80 && b < 90 ? 'none' : `${r},${g},${b}`)
    const sound = await new OfflineAudioContext(1, 1, 48_000).decodeAudioData(await (await fetch(v.currentSrc)).arrayBuffer())
    const pcm = sound.getChannelData(0)
    const loud = (at, hz) => { // Goertzel over half a second
      const n = 24_000
      const k = 2 * Math.cos((2 * Math.PI * hz) / 48_000)
      let [a, b] = [0, 0]
      for (let i = 0; i < n; i++) [a, b] = [(pcm[Math.round(at * 48_000) + i] ?? 0) + k * a - b, a]
      return Math.sqrt(Math.max(0, a * a + b * b - k * a * b)) / (n / 2)
    }
    const out = []
    for (const at of times) {
      await new Promise((done) => { // 'seeked' comes before the picture of that time is shown
        const look = (_, frame) => (Math.abs(frame.mediaTime - at) < 0.5 ? done() : v.requestVideoFrameCallback(look))
        v.requestVideoFrameCallback(look)
        v.currentTime = at
      })
      c.drawImage(v, 0, 0)
      out.push({ at, colours: points.map(([x, y]) => name(c.getImageData(x, y, 1, 1).data)), voices: Object.fromEntries(Object.entries(voices).map(([who, hz]) => [who, Number(loud(at - 0.25, hz).toFixed(3))])) })
    }
    return { width: v.videoWidth, height: v.videoHeight, length: v.duration, sound: sound.duration, out }
  }, { times, points, voices: VOICES })
  await page.evaluate(() => {
    const v = document.querySelector('.films video')
    v.muted = true
    v.currentTime = 0
    return v.play()
  })
  await page.waitForFunction(() => { const v = document.querySelector('.films video'); return v.currentTime > 1 && v.getVideoPlaybackQuality().totalVideoFrames > 8 })
  await shot(page, `film-${layout}`)
  await row.getByRole('button', { name: '收起' }).click()
  return seen
}
let made
let at = {} // seconds of the recording: in the middle of each time
const large = [[400, 500]] // in the large picture, beside the bar that moves

await run({
  async 'three people and a screen are recorded'() {
    await enterBy(zhang, null, caseId, { codec: 'vp8' })
    await enterBy(qian, null, caseId, { codec: 'vp8' })
    await enterBy(xu, zhang, caseId, { codec: 'vp8' })
    for (const [page] of people) for (const [other] of people) if (page !== other) await playing(page, other.called)
    await qian.getByRole('button', { name: '录制', exact: true }).click()
    for (const page of [zhang, xu]) await page.getByRole('dialog').getByRole('button', { name: '同意录制', exact: true }).click()
    for (const [page] of people) await page.getByText('正在录制').first().waitFor()
    const began = Date.now()
    const during = async (name, ms) => {
      const from = Date.now()
      await qian.waitForTimeout(ms)
      at[name] = (from + Date.now()) / 2
    }
    await speaks(xu)
    await during('blue', 7000)
    await speaks(qian)
    await during('green', 7000)
    await speaks(null)
    await zhang.getByRole('button', { name: '共享屏幕' }).click()
    for (const page of [qian, xu]) await playing(page, zhang.called, 'screen')
    await during('screen', 7000)
    await zhang.getByRole('button', { name: '停止共享' }).click()
    await qian.waitForTimeout(2000)
    await qian.getByRole('button', { name: '停止录制' }).click()
    await until(async () => (await recording())?.sealed, 'sealed')
    made = await recording()
    for (const k of Object.keys(at)) at[k] = (at[k] - made.started_ms) / 1000
    console.log(`     ${made.duration_ms} ms, asked for ${began - made.started_ms} ms before it was seen; ${made.tracks.map((t) => `${t.source} ${t.started_ms - made.started_ms}+${t.duration_ms}`).join(', ')}; middles at ${JSON.stringify(at)} s`)
    for (const [page] of people) await leave(page)
  },
  async 'progress moves; one is given up: its child ends, nothing of it is left, the page says so'() {
    await until(async () => (await recording()).strip && (await recording()).poster, 'the pictures of it')
    const { poster, strip } = await recording()
    for (const id of [poster, strip.document_id]) await until(async () => (await asks.ask('GET', `/documents/${id}`)).has_thumbnail, 'small ones of those, which are files too')
    await until(() => !children().length, 'no child at work')
    await zhang.goto(`/cases/${caseId}`)
    await zhang.getByRole('tab', { name: '录像' }).click()
    const before = files()
    await order(zhang, 'grid')
    await until(() => children().length === 1, 'a child makes it')
    const [pid] = children()
    process.kill(pid, 'SIGSTOP') // from here on it works only in slices: it would be ready before all is looked at
    const shown = () => zhang.evaluate(() => document.querySelector('.films progress')?.value ?? 0)
    const worksUntilShownAbove = (part) => until(async () => {
      if ((await recording()).exports[0].progress <= 100 * part) {
        process.kill(pid, 'SIGCONT')
        await zhang.waitForTimeout(30)
        process.kill(pid, 'SIGSTOP')
      }
      return (await shown()) > part
    }, `more than ${100 * part} % is shown`)
    try {
      await worksUntilShownAbove(0.05)
      await worksUntilShownAbove((await shown()) + 0.05)
      await shot(zhang, 'film-underway')
      await zhang.evaluate(() => scrollTo(0, 0)) // nothing lies half under the bar
      await axe(zhang, 'a film underway')
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    const t0 = Date.now()
    await film(zhang, LAYOUTS.grid).getByRole('button', { name: '取消', exact: true }).click()
    await film(zhang, LAYOUTS.grid).getByText('已取消').waitFor()
    const said = Date.now() - t0
    await until(() => worked(pid) === null, 'the child has ended')
    console.log(`     said so after ${said} ms, the child ended within ${Date.now() - t0} ms`)
    const left = () => files().filter((f) => !before.includes(f))
    await until(() => !left().length, 'no file of it is left', 5000).catch(() => assert.deepEqual(left().map((f) => `${f} ${statSync(f).size}`), []))
    assert.equal(await film(zhang, LAYOUTS.grid).getByRole('button').count(), 0)
    assert.equal((await recording()).exports[0].state, 'cancelled')
    await shot(zhang, 'film-cancelled')
  },
  async 'asked for again, in all layouts: it takes less than the session did'() {
    for (const layout of Object.keys(LAYOUTS)) await order(zhang, layout)
    const cpu = {}
    await until(async () => {
      for (const pid of children()) cpu[pid] = Math.max(cpu[pid] ?? 0, worked(pid) ?? 0)
      return (await recording()).exports.every((f) => f.state === 'done' || f.state === 'cancelled')
    }, 'all films are made', 300_000)
    const seconds = Object.values(cpu)
    await zhang.locator('.films li[data-state=done]').nth(2).waitFor()
    console.log(`     seconds of processor for ${made.duration_ms / 1000} s: ${seconds.map((s) => s.toFixed(1)).join(' ')}`)
    assert.equal(seconds.length, 3)
    assert.ok(seconds.every((s) => s < made.duration_ms / 1000), 'faster than it was spoken')
    await zhang.evaluate(() => scrollTo(0, 0)) // nothing lies half under the bar
    await axe(zhang, 'films')
  },
  async 'the grid: everybody, and the screen while it is shared; the voices'() {
    const thirds = [[320, 180], [960, 180], [640, 500]]
    const quarters = [[320, 180], [960, 180], [320, 500], [960, 500]]
    const film = await look(zhang, 'grid', [at.blue, at.green, at.screen], [...thirds, ...quarters])
    console.log(`     ${JSON.stringify(film)}`)
    assert.deepEqual([film.width, film.height], [1280, 720])
    assert.ok(Math.abs(film.length * 1000 - made.duration_ms) < 100 && Math.abs(film.sound * 1000 - made.duration_ms) < 150, `${film.length}, ${film.sound} s of ${made.duration_ms} ms`)
    const [blue, green, screen] = film.out
    for (const t of [blue, green]) assert.deepEqual(t.colours.slice(0, 3).sort(), ['blue', 'green', 'red'])
    assert.deepEqual(screen.colours.slice(3).sort(), ['blue', 'green', 'red', 'screen'])
    assert.ok(blue.voices.blue > 0.05 && blue.voices.blue > 10 * blue.voices.green && green.voices.green > 0.05 && green.voices.green > 10 * green.voices.blue, JSON.stringify(film.out))
    assert.ok(Object.values(screen.voices).every((v) => v < 0.02), 'nobody spoke then')
  },
  async 'who speaks is large'() {
    const film = await look(zhang, 'speaker', [at.blue, at.green], large)
    assert.deepEqual(film.out.map((t) => t.colours[0]), ['blue', 'green'], JSON.stringify(film.out))
  },
  async 'slides: the screen is large while it is shared, faces beside it'() {
    const film = await look(zhang, 'slides', [at.green, at.screen], [...large, [1170, 90], [1170, 270], [1170, 450]])
    assert.equal(film.out[0].colours[0], 'green', JSON.stringify(film.out))
    assert.equal(film.out[1].colours[0], 'screen', JSON.stringify(film.out))
    console.log(`     ${JSON.stringify(film.out[1].colours)}`)
  },
  async 'thumbnails show them'() {
    await zhang.locator('.strip .cell').first().waitFor()
    const { poster } = await recording()
    const colours = await zhang.evaluate(async (id) => {
      const { csrf } = await (await fetch('/api/v1/session')).json()
      const { url } = await (await fetch(`/api/v1/documents/${id}/open`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf }, body: '{}' })).json()
      const img = Object.assign(new Image(), { src: url })
      await img.decode()
      const c = Object.assign(document.createElement('canvas'), { width: img.naturalWidth, height: img.naturalHeight }).getContext('2d')
      c.drawImage(img, 0, 0)
      return [[160, 90], [480, 90], [160, 250], [480, 250]].map(([x, y]) => [...c.getImageData(x, y, 1, 1).data.slice(0, 3)].map((v) => (v > 125 ? 1 : 0)).join(''))
    }, poster)
    assert.deepEqual(colours.sort(), ['001', '010', '100', '110'], 'the poster is of when most were there')
    await shot(zhang, 'films')
    assert.deepEqual(zhang.faults, [])
  },
  async 'on a phone, in English'() {
    const phone = await member(browser, site.base, 'xy.qian', { shape: PHONE, lang: 'en' })
    await phone.goto(`/cases/${caseId}`)
    await phone.getByRole('tab', { name: 'Recordings' }).click()
    await phone.locator('.films li[data-state=done]').nth(2).waitFor()
    await phone.locator('.films').scrollIntoViewIfNeeded()
    assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is cut off')
    await shot(phone, 'films')
    await phone.locator('.films li[data-state=done]').first().getByRole('button', { name: 'Watch' }).click()
    await phone.waitForFunction(() => document.querySelector('.films video')?.readyState >= 2)
    await phone.locator('.films video').scrollIntoViewIfNeeded()
    await shot(phone, 'film')
  },
})
await browser.close()
await site.stop()
