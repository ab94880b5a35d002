// Session descriptions with a real Chromium, signaling only: server_sdp_echo (C) answers its offers and offers to it, nothing is sent.
// usage: YL_BUILD=build-test node tests/browser/sdp.mjs [name]
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { ROOT, launch, run } from './lib.mjs'

/** The harness: ask(command, text?) -> the reply's lines and the text behind "sdp". One question at a time. */
function harness() {
  const child = spawn(join(process.env.YL_BUILD ?? join(ROOT, 'build-test'), 'server_sdp_echo'), [], { stdio: ['pipe', 'pipe', 'inherit'] })
  let have = Buffer.alloc(0)
  let wake = () => {}
  child.stdout.on('data', (d) => ((have = Buffer.concat([have, d])), wake()))
  child.on('exit', () => ((have = Buffer.concat([have, Buffer.from('gone\n')])), wake()))
  const more = () => new Promise((r) => (wake = r))
  const line = async () => {
    while (!have.includes(10)) await more()
    const at = have.indexOf(10)
    const text = have.subarray(0, at).toString()
    have = have.subarray(at + 1)
    return text
  }
  const ask = async (command, text) => {
    child.stdin.write(text === undefined ? `${command}\n` : `${command} ${Buffer.byteLength(text)}\n${text}`)
    const lines = []
    for (;;) {
      const l = await line()
      lines.push(l)
      const n = Number(l.match(/^sdp (\d+)$/)?.[1] ?? 0)
      if (n) {
        while (have.length < n) await more()
        const sdp = have.subarray(0, n).toString()
        have = have.subarray(n)
        return { lines, sdp }
      }
      if (/^(feeds|fault|gone)/.test(l)) return { lines, sdp: null }
    }
  }
  return { ask, stop: () => child.stdin.end() }
}

const server = createServer((q, s) => (s.setHeader('content-type', 'text/html'), s.end('<!doctype html><title>sdp</title>')))
await new Promise((done) => server.listen(0, '127.0.0.1', done))
const browser = await launch()

/** A page whose window.pc goes through offers and answers: give(sdp) -> state of its transceivers. */
async function peer() {
  const page = await (await browser.newContext({ permissions: ['camera', 'microphone'] })).newPage()
  await page.goto(`http://127.0.0.1:${server.address().port}/`)
  await page.evaluate(() => {
    window.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
    window.offer = async (options) => (await pc.setLocalDescription(await pc.createOffer(options)), pc.localDescription.sdp)
    window.state = () => pc.getTransceivers().map((t) => ({ mid: t.mid, direction: t.direction, current: t.currentDirection, layers: t.sender.getParameters().encodings.length, stopped: t.stopped }))
    window.take = async (sdp) => (await pc.setRemoteDescription({ type: 'answer', sdp }), state())
    window.reply = async (sdp) => (await pc.setRemoteDescription({ type: 'offer', sdp }), await pc.setLocalDescription(await pc.createAnswer()), pc.localDescription.sdp)
  })
  return page
}

/** What the room's uplink sends: microphone, camera in three layers, screen, second camera. */
async function publisher() {
  const page = await peer()
  await page.evaluate(async () => {
    const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true })
    const add = (kind, sendEncodings) => pc.addTransceiver(kind, { direction: 'sendonly', sendEncodings })
    const layers = [{ rid: 'q', scaleResolutionDownBy: 4 }, { rid: 'h', scaleResolutionDownBy: 2 }, { rid: 'f' }]
    window.slots = { mic: add('audio', [{}]), camera: add('video', layers), screen: add('video', [{}]), camera2: add('video', [{}]) }
    for (const [name, t] of Object.entries(slots)) await t.sender.replaceTrack(media.getTracks().find((k) => (name === 'mic') === (k.kind === 'audio')).clone())
  })
  return page
}
const offered = (page, options) => page.evaluate((o) => window.offer(o), options)
const take = (page, sdp) => page.evaluate((s) => window.take(s), sdp)

let plane
const TESTS = {
  async 'our answer to the room uplink: all four sources, three layers'() {
    const page = await publisher()
    const { lines, sdp } = await plane.ask('answer recvonly', await offered(page))
    assert.match(lines[2], /^mid=1 rejected=0 direction=2 .*rids=3 ssrc=0/)
    assert.match(lines[3], /^mid=2 .*ssrc=1 rtx=1/)
    const state = await take(page, sdp)
    assert.deepEqual(state.map((t) => t.current), ['sendonly', 'sendonly', 'sendonly', 'sendonly'])
    assert.deepEqual(state.map((t) => t.layers), [1, 3, 1, 1])
  },
  async 'a source stops and comes back, and layers survive an inactive answer'() {
    const page = await publisher()
    await take(page, (await plane.ask('answer recvonly', await offered(page))).sdp)
    await page.evaluate(() => void ((slots.camera.direction = 'inactive'), (slots.screen.direction = 'inactive')))
    let state = await take(page, (await plane.ask('answer recvonly', await offered(page))).sdp)
    assert.deepEqual(state.map((t) => t.current), ['sendonly', 'inactive', 'inactive', 'sendonly'])
    await page.evaluate(() => void ((slots.camera.direction = 'sendonly'), (slots.screen.direction = 'sendonly')))
    const again = await offered(page)
    assert.match(again, /a=simulcast:send q;h;f\r\n/)
    state = await take(page, (await plane.ask('answer recvonly', again)).sdp)
    assert.deepEqual(state.map((t) => t.current), ['sendonly', 'sendonly', 'sendonly', 'sendonly'])
    assert.equal(state[1].layers, 3)
  },
  async 'an ICE restart, a stopped m-line and a data channel are answered'() {
    const page = await publisher()
    const first = await offered(page)
    await take(page, (await plane.ask('answer recvonly', first)).sdp)
    await page.evaluate(() => void (slots.camera2.stop(), pc.createDataChannel('x')))
    const second = await offered(page, { iceRestart: true })
    assert.notEqual(second.match(/a=ice-ufrag:(.*)/)[1], first.match(/a=ice-ufrag:(.*)/)[1])
    const { sdp } = await plane.ask('answer recvonly', second)
    assert.match(sdp, /m=video 0 UDP\/TLS\/RTP\/SAVPF \d+\r\n[^m]*a=mid:3/)
    assert.match(sdp, /m=application 0 UDP\/DTLS\/SCTP webrtc-datachannel\r\n/)
    assert.match(sdp, /a=group:BUNDLE 0 1 2\r\n/)
    const state = await take(page, sdp)
    assert.deepEqual(state.map((t) => t.current), ['sendonly', 'sendonly', 'sendonly'])
  },
  async 'the network test sends and receives on one m-line'() {
    const page = await peer()
    await page.evaluate(async () => {
      for (const t of (await navigator.mediaDevices.getUserMedia({ audio: true, video: true })).getTracks()) pc.addTransceiver(t, { direction: 'sendrecv' })
    })
    const { sdp } = await plane.ask('answer sendrecv', await offered(page))
    await page.evaluate(() => ((window.streams = []), (pc.ontrack = (e) => streams.push(e.streams[0].id))))
    assert.deepEqual((await take(page, sdp)).map((t) => t.current), ['sendrecv', 'sendrecv'])
    assert.deepEqual(await page.evaluate(() => streams), ['seat0', 'seat0'])
  },
  async 'a viewer of WHEP is sent what it asked for'() {
    const page = await peer()
    await page.evaluate(() => ['audio', 'video'].forEach((k) => pc.addTransceiver(k, { direction: 'recvonly' })))
    const { sdp } = await plane.ask('answer sendonly', await offered(page))
    assert.deepEqual((await take(page, sdp)).map((t) => t.current), ['recvonly', 'recvonly'])
  },
  async 'an answer taken in H.264 first, and one where the browser is passive'() {
    const page = await peer()
    await page.evaluate(() => {
      const t = pc.addTransceiver('video', { direction: 'sendonly' })
      const rank = (c) => (c.mimeType === 'video/H264' ? 0 : 1)
      t.setCodecPreferences(RTCRtpSender.getCapabilities('video').codecs.toSorted((a, b) => rank(a) - rank(b)))
    })
    const text = (await offered(page)).replace('a=setup:actpass', 'a=setup:passive')
    const { lines, sdp } = await plane.ask('answer recvonly', text)
    assert.match(lines[1], / first=3 /)
    assert.match(sdp, /a=setup:active/)
    assert.deepEqual((await take(page, sdp)).map((t) => t.current), ['sendonly'])
  },
  async 'our offers of 1, then 30, then 60 m-lines: nothing is rejected'() {
    const page = await peer()
    for (const n of [1, 30, 60]) {
      const { sdp } = await plane.ask(`offer ${n}`)
      const answer = await page.evaluate((s) => window.reply(s), sdp)
      const { lines } = await plane.ask('answered', answer)
      assert.equal(lines[0], `feeds ${n} of ${n} client=0`)
      assert.doesNotMatch(answer, /^m=\w+ 0 /m)
      assert.equal(await page.evaluate(() => pc.getReceivers().length), n)
      console.log(`     ${n} m-lines: offer ${sdp.length}, answer ${answer.length} bytes`)
    }
  },
  async 'a source of ours goes, another takes its m-line, and our ICE restart is taken'() {
    const page = await peer()
    const exchange = async (command) => {
      const answer = await page.evaluate((s) => window.reply(s), (await plane.ask(command)).sdp)
      return { answer, feeds: (await plane.ask('answered', answer)).lines[0] }
    }
    const first = await exchange('offer 6')
    assert.match((await exchange('swap 3')).feeds, /^feeds 5 of 6/)
    assert.equal((await page.evaluate(() => state()))[3].current, 'inactive')
    await page.evaluate(() => void (pc.ontrack = (e) => (window.arrived = `${e.transceiver.mid} ${e.streams[0].id}`)))
    assert.match((await exchange('swap 3')).feeds, /^feeds 6 of 6/)
    assert.equal(await page.evaluate(() => arrived), '3 seat101')
    const restarted = await exchange('restart')
    assert.match(restarted.feeds, /^feeds 6 of 6/)
    assert.notEqual(restarted.answer.match(/a=ice-ufrag:(.*)/)[1], first.answer.match(/a=ice-ufrag:(.*)/)[1])
  },
}

await run(TESTS, async (test) => {
  plane = harness()
  try {
    await test()
  } finally {
    plane.stop()
    for (const c of browser.contexts()) await c.close()
  }
})
await browser.close()
server.close()
