// WHIP and WHEP with independent clients on the real daemon: GStreamer's webrtcbin and plain Chromium pages of another origin publish and
// watch; people in the room page see a machine as a seat. (Debian 12's ffmpeg 5.1 has no whip muxer, its GStreamer 1.22 no whipclientsink.)
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { axe, launch, open, ROOT, run } from './lib.mjs'
import { brings, enterBy, member, playing, tile } from './live.mjs'
import { openRoom } from './person.mjs'
import { startSite } from './site.mjs'

const site = await startSite()
const { base } = site
const token = (room, ...what) => site.ctl('token', '--room', room, ...what.map((w) => `--${w}`), '--minutes', '30').trim()

/** A GStreamer client; `said(key)` waits for a line that has it, `end()` sends DELETE and waits for the process. */
function gstreamer(role, room, bearer, codec) {
  const kind = role === 'publish' ? 'whip' : 'whep'
  const child = spawn('/usr/bin/python3', [`${ROOT}/tests/browser/whip_gst.py`, role, `${base}/${kind}/${room}`, bearer, codec], { stdio: ['pipe', 'pipe', 'pipe'] })
  const lines = []
  let errors = ''
  child.stderr.on('data', (d) => (errors += d))
  createInterface({ input: child.stdout }).on('line', (l) => lines.push(JSON.parse(l)))
  const gone = new Promise((done) => child.on('exit', done))
  const said = async (what, fits, within = 40_000) => {
    for (const t0 = Date.now(); Date.now() - t0 < within; await new Promise((r) => setTimeout(r, 50))) {
      const line = lines.findLast((l) => what in l && fits(l))
      if (line) return line
      assert.equal(child.exitCode, null, `GStreamer ended: ${errors}`)
    }
    assert.fail(`no ${what} from GStreamer ${role}: ${JSON.stringify(lines.slice(-3))} ${errors.slice(-500)}`)
  }
  return {
    said,
    async end() {
      child.stdin.end()
      const { deleted } = await said('deleted', () => true)
      await gone
      assert.equal(deleted, 200)
    },
  }
}
/** Is published and connected; the session's URL is relative to ours and its ETag is there. */
async function publishing(room, bearer, codec) {
  const machine = gstreamer('publish', room, bearer, codec)
  const made = await machine.said('status', () => true)
  assert.equal(made.status, 201, made.body)
  assert.match(made.location, new RegExp(`^/whip/${room}/[0-9a-f]{16}$`))
  assert.match(made.etag, /^"[^"]+"$/)
  await machine.said('state', (l) => l.state === 'connected')
  assert.equal((await machine.said('patch', () => true)).patch, 204)
  return machine
}
const watching = async (room, bearer, codec) => {
  const machine = gstreamer('watch', room, bearer, codec)
  const got = await machine.said('frames', (l) => l.frames > 20 && l.peak_db > -60)
  assert.ok(got.width >= 80, JSON.stringify(got)) // a busy browser makes its camera's picture smaller
  return machine
}

/** A page of no particular origin, as any integrator would write it. */
const plain = createServer((q, s) => s.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>plain</title>'))
await new Promise((done) => plain.listen(0, '127.0.0.1', done))
const PLAIN = `http://127.0.0.1:${plain.address().port}/`
const client = () => {
  globalThis.begin = async (url, bearer, codec) => {
    const pc = (globalThis.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' }))
    const publish = url.includes('/whip/')
    const stream = publish ? await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240 } }) : null
    for (const kind of ['audio', 'video']) {
      const t = pc.addTransceiver(stream?.getTracks().find((x) => x.kind === kind) ?? kind, { direction: publish ? 'sendonly' : 'recvonly' })
      if (kind === 'video' && codec) t.setCodecPreferences(RTCRtpReceiver.getCapabilities('video').codecs.filter((c) => c.mimeType === codec || c.mimeType === 'video/rtx'))
    }
    await pc.setLocalDescription()
    const a = await fetch(url, { method: 'POST', body: pc.localDescription.sdp, headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${bearer}` } })
    const body = await a.text()
    if (a.status !== 201) return { status: a.status, body }
    Object.assign(globalThis, { bearer, location_: new URL(a.headers.get('Location'), url).href, etag: a.headers.get('ETag') })
    await pc.setRemoteDescription({ type: 'answer', sdp: body })
    if (!publish) {
      const v = document.body.appendChild(document.createElement('video'))
      Object.assign(v, { autoplay: true, srcObject: new MediaStream(pc.getReceivers().map((r) => r.track)) })
    }
    return { status: a.status }
  }
  /** RFC 9725 4.3.3 */
  globalThis.restartIce = async () => {
    const { pc } = globalThis
    await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }))
    const lines = pc.localDescription.sdp.split('\r\n')
    const take = (name) => lines.find((l) => l.startsWith(name))
    const frag = [take('a=ice-ufrag:'), take('a=ice-pwd:'), take('m='), take('a=mid:'), ''].join('\r\n')
    const a = await fetch(globalThis.location_, { method: 'PATCH', body: frag, headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*', Authorization: `Bearer ${globalThis.bearer}` } })
    const body = await a.text()
    const value = (name) => new RegExp(`a=${name}:(\\S+)`).exec(body)[1]
    await pc.setRemoteDescription({ type: 'answer', sdp: pc.remoteDescription.sdp.replace(/a=ice-ufrag:\S+/g, `a=ice-ufrag:${value('ice-ufrag')}`).replace(/a=ice-pwd:\S+/g, `a=ice-pwd:${value('ice-pwd')}`) })
    return { status: a.status, changed: a.headers.get('ETag') !== globalThis.etag }
  }
  globalThis.got = async () => {
    const all = { frames: 0, energy: 0, codec: '', local: '' }
    const report = await globalThis.pc.getStats()
    report.forEach((s) => {
      if (s.type === 'transport') all.local = s.iceLocalUsernameFragment
      if (s.type !== 'inbound-rtp') return
      all.frames += s.framesDecoded ?? 0
      all.energy += s.totalAudioEnergy ?? 0
      if (s.framesDecoded) all.codec = report.get(s.codecId)?.mimeType
    })
    return all
  }
  /** Watchers of whom only the last is looked at. */
  globalThis.crowd = async (n, url, bearer) => {
    for (let i = 0; i < n; i++) {
      if (globalThis.pc) (globalThis.others ??= []).push(globalThis.pc)
      await globalThis.begin(url, bearer)
    }
  }
  /** Keyframes made; what a watcher decoded, lost time on, and how long frames wait in his buffer (over the last second). */
  globalThis.pictures = async () => {
    const look = async () => [...(await globalThis.pc.getStats()).values()].find((s) => /-rtp$/.test(s.type) && s.kind === 'video' && !s.type.startsWith('remote'))
    const a = await look()
    await new Promise((r) => setTimeout(r, 1000))
    const b = await look()
    return { keys: b.keyFramesEncoded, decoded: b.framesDecoded, keysDecoded: b.keyFramesDecoded, frozen: b.totalFreezesDuration, plis: b.pliCount, nacks: b.nackCount, waits: (b.jitterBufferDelay - a.jitterBufferDelay) / (b.jitterBufferEmittedCount - a.jitterBufferEmittedCount) }
  }
  globalThis.end = async () => (await fetch(globalThis.location_, { method: 'DELETE', headers: { Authorization: `Bearer ${globalThis.bearer}` } })).status
}
const browser = await launch()
async function plainPage() {
  const page = await open(browser)
  page.setDefaultTimeout(40_000)
  await page.addInitScript(client)
  await page.goto(PLAIN)
  return page
}
const begin = (page, ...args) => page.evaluate((a) => globalThis.begin(...a), args)
async function receiving(page, more = 10) {
  const { frames } = await page.evaluate(() => globalThis.got())
  for (const t0 = Date.now(); Date.now() - t0 < 40_000; await page.waitForTimeout(100)) {
    const now = await page.evaluate(() => globalThis.got())
    if (now.frames > frames + more && now.energy > 0) return now
  }
  assert.fail(`nothing more comes: ${JSON.stringify(await page.evaluate(() => globalThis.got()))}`)
}

/** A newcomer sees the picture at once, from one keyframe he needs not ask for; how many the publisher made meanwhile. */
async function joins(from, newcomer, url, bearer) {
  const before = await from.evaluate(() => globalThis.pictures())
  await newcomer.waitForTimeout(1000)
  const began = Date.now()
  assert.deepEqual(await begin(newcomer, url, bearer), { status: 201 })
  await receiving(newcomer, 0)
  const took = Date.now() - began
  await receiving(newcomer, 40)
  const [made, seen] = [await from.evaluate(() => globalThis.pictures()), await newcomer.evaluate(() => globalThis.pictures())]
  const words = JSON.stringify({ took, before, made, seen })
  if (process.env.YL_WORDS) console.log(words)
  if (made.keys === before.keys) assert.ok(seen.keysDecoded === 1 && seen.plis === 0 && seen.waits < 0.5, words)
  return { words, made: made.keys - before.keys }
}

// ---- a case's room, seen by a person ----
const { caseId, experts } = await openRoom(site)
const host = await member(browser, base, 'xy.qian')
await enterBy(host, null, caseId, { codec: 'vp8' })
const { number, room } = await experts[0].ask('GET', `/cases/${caseId}`)

await run({
  async 'GStreamer publishes H.264 and VP8 with Opus into a consultation; people see a machine\'s seat'() {
    const bearer = token(room.id, 'publish')
    for (const codec of ['h264', 'vp8']) {
      const machine = await publishing(room.id, bearer, codec)
      await playing(host, 'WHIP')
      assert.equal((await brings(host, 'WHIP')).camera.codec.toLowerCase(), `video/${codec}`)
      if (codec === 'h264') await axe(host, 'a machine in the room')
      await machine.end()
      await tile(host, 'WHIP').waitFor({ state: 'detached' })
    }
  },
  async 'GStreamer watches the consultation by WHEP'() {
    const machine = await watching(number, token(number, 'watch'), 'vp8')
    await machine.end()
  },
  async 'Chromium pages of another origin: WHIP in, WHEP out, ICE restarted in between'() {
    const bearer = token('theatre', 'publish', 'watch')
    const [from, to] = [await plainPage(), await plainPage()]
    for (const codec of ['video/VP8', 'video/H264']) {
      assert.deepEqual(await begin(from, `${base}/whip/theatre`, bearer, codec), { status: 201 })
      assert.deepEqual(await begin(to, `${base}/whep/theatre`, bearer), { status: 201 })
      assert.equal((await receiving(to)).codec, codec)
      const before = await from.evaluate(() => globalThis.got())
      for (const page of [from, to]) assert.deepEqual(await page.evaluate(() => globalThis.restartIce()), { status: 200, changed: true })
      await receiving(to, 30)
      assert.notEqual((await from.evaluate(() => globalThis.got())).local, before.local)
      for (const page of [from, to]) assert.equal(await page.evaluate(() => globalThis.end()), 200)
    }
  },
  async 'GStreamer and Chromium watch each other\'s publications'() {
    const bearer = token('theatre', 'publish', 'watch')
    const page = await plainPage()
    assert.deepEqual(await begin(page, `${base}/whip/theatre`, bearer, 'video/H264'), { status: 201 })
    const player = await watching('theatre', bearer, 'h264')
    await player.end()
    assert.equal(await page.evaluate(() => globalThis.end()), 200)
    const encoder = await publishing('theatre', bearer, 'vp8')
    assert.deepEqual(await begin(page, `${base}/whep/theatre`, bearer), { status: 201 })
    assert.equal((await receiving(page)).codec, 'video/VP8')
    await encoder.end()
  },
  async 'a watcher that came first sees who comes later, and the next one in the same m-lines'() {
    const bearer = token('later', 'publish', 'watch')
    const page = await plainPage()
    assert.deepEqual(await begin(page, `${base}/whep/later`, bearer), { status: 201 })
    for (let i = 0; i < 2; i++) {
      const encoder = await publishing('later', bearer, 'vp8')
      await receiving(page)
      await encoder.end()
    }
  },
  async 'who joins many watchers sees the picture at once, and nobody makes a keyframe for him'() {
    const bearer = token('full', 'publish', 'watch')
    const [from, crowd, newcomer] = [await plainPage(), await plainPage(), await plainPage()]
    for (const codec of ['video/VP8', 'video/H264']) {
      assert.deepEqual(await begin(from, `${base}/whip/full`, bearer, codec), { status: 201 })
      await crowd.evaluate((a) => globalThis.crowd(...a), [8, `${base}/whep/full`, bearer])
      await receiving(crowd)
      // A watcher whom a busy machine starves asks for a keyframe of his own accord: of three newcomers one must come without any.
      for (let attempt = 1, quiet = false; !quiet; attempt++) {
        const { words, made } = await joins(from, newcomer, `${base}/whep/full`, bearer)
        quiet = made === 0
        assert.ok(quiet || attempt < 3, words)
        assert.equal(await newcomer.evaluate(() => globalThis.end()), 200)
      }
      assert.equal(await from.evaluate(() => globalThis.end()), 200)
      await crowd.evaluate(() => [globalThis.pc, ...globalThis.others].map((pc) => pc.close()))
    }
  },
  async 'a page learns why it was refused'() {
    const page = await plainPage()
    const other = token('elsewhere', 'publish', 'watch')
    const refused = async (url, bearer) => {
      const a = await begin(page, url, bearer)
      return [a.status, JSON.parse(a.body).error.reason]
    }
    assert.deepEqual(await refused(`${base}/whip/theatre`, 'nonsense'), [401, 'token_unknown'])
    assert.deepEqual(await refused(`${base}/whip/theatre`, other), [403, 'other_room'])
    assert.deepEqual(await refused(`${base}/whip/elsewhere`, token('elsewhere', 'watch')), [403, 'no_publish'])
    assert.deepEqual(await refused(`${base}/whep/elsewhere`, token('elsewhere', 'publish')), [403, 'no_watch'])
  },
})
await browser.close()
plain.close()
await site.stop()
