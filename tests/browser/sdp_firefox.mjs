// Needs: YL_FIREFOX (path of firefox-bin). Session descriptions with a real Firefox, signaling only, by hand: Debian's Chromium is the
// browser of tests/run. The page itself runs the cases and posts what it saw; server_sdp_echo (C) answers and offers.
// usage: YL_FIREFOX=/usr/lib/firefox-esr/firefox-bin YL_BUILD=build-test node tests/browser/sdp_firefox.mjs
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')
const FIREFOX = process.env.YL_FIREFOX
assert.ok(FIREFOX, 'YL_FIREFOX is the path of firefox-bin')

/** One run of the harness: commands in, everything it says out. */
function harness(input) {
  return new Promise((done) => {
    const child = spawn(join(process.env.YL_BUILD ?? join(ROOT, 'build-test'), 'server_sdp_echo'), [], { stdio: ['pipe', 'pipe', 'inherit'] })
    let out = ''
    child.stdout.on('data', (d) => (out += d))
    child.on('exit', () => done(out))
    child.stdin.end(input)
  })
}

// Runs in Firefox.
async function cases() {
  const post = async (path, body) => (await fetch(path, { method: 'POST', body })).text()
  const saw = {}
  const answered = async (pc, may, options) => {
    await pc.setLocalDescription(await pc.createOffer(options))
    const reply = await post(`/answer?${may}`, pc.localDescription.sdp)
    await pc.setRemoteDescription({ type: 'answer', sdp: reply.slice(reply.indexOf('v=0\r\n')) })
    return pc.getTransceivers().map((t) => `${t.currentDirection} ${t.sender.getParameters().encodings.length}`)
  }
  try {
    const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true })
    const [sound, picture] = [media.getAudioTracks()[0], media.getVideoTracks()[0]]
    const up = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
    const layers = [{ rid: 'q', scaleResolutionDownBy: 4 }, { rid: 'h', scaleResolutionDownBy: 2 }, { rid: 'f' }]
    const mic = up.addTransceiver('audio', { direction: 'sendonly' })
    const camera = up.addTransceiver('video', { direction: 'sendonly', sendEncodings: layers })
    const screen = up.addTransceiver('video', { direction: 'sendonly' })
    await Promise.all([mic.sender.replaceTrack(sound), camera.sender.replaceTrack(picture), screen.sender.replaceTrack(picture.clone())])
    saw.publish = await answered(up, 'recvonly')
    screen.direction = 'inactive'
    saw.inactive = await answered(up, 'recvonly')
    screen.direction = 'sendonly'
    saw.restart = await answered(up, 'recvonly', { iceRestart: true })
    screen.stop()
    up.createDataChannel('x')
    saw.stopped = await answered(up, 'recvonly')
    const echo = new RTCPeerConnection()
    for (const t of [sound, picture]) echo.addTransceiver(t, { direction: 'sendrecv' })
    saw.echo = await answered(echo, 'sendrecv')
    const down = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
    for (const n of [1, 30, 60]) {
      const offer = await post(`/offer?${n}`)
      await down.setRemoteDescription({ type: 'offer', sdp: offer.slice(offer.indexOf('v=0\r\n')) })
      await down.setLocalDescription()
      saw[n] = await post(`/answered?${n}`, down.localDescription.sdp)
    }
  } catch (error) {
    saw.error = `${error}`
  }
  await post('/done', JSON.stringify(saw))
}

let finished
const result = new Promise((done) => (finished = done))
const server = createServer(async (q, s) => {
  const [path, arg] = q.url.split('?')
  const chunks = []
  for await (const c of q) chunks.push(c)
  const body = Buffer.concat(chunks)
  if (path === '/answer') s.end(await harness(`answer ${arg} ${body.length}\n${body}`))
  else if (path === '/offer') s.end(await harness(`offer ${arg}\n`))
  else if (path === '/answered') s.end((await harness(`offer ${arg}\nanswered ${body.length}\n${body}`)).match(/(feeds|fault) .*/)?.[0])
  else {
    s.setHeader('content-type', 'text/html')
    s.end(`<!doctype html><title>sdp</title><script>(${cases})()</script>`)
    if (path === '/done') finished(JSON.parse(body))
  }
})
await new Promise((done) => server.listen(0, '127.0.0.1', done))
const profile = mkdtempSync(join(tmpdir(), 'yl-firefox-'))
const on = ['media.navigator.permission.disabled', 'media.navigator.streams.fake', 'media.getusermedia.insecure.enabled']
writeFileSync(join(profile, 'user.js'), on.map((k) => `user_pref("${k}", true);\n`).join(''))
const firefox = spawn(FIREFOX, ['--headless', '--no-remote', '--profile', profile, `http://127.0.0.1:${server.address().port}/`], {
  env: { ...process.env, HOME: profile, LD_LIBRARY_PATH: dirname(FIREFOX) },
  stdio: 'ignore',
})
const saw = await Promise.race([result, new Promise((done) => setTimeout(() => done({ error: 'nothing after 90 s' }), 90_000).unref())])
const ended = new Promise((done) => firefox.on('exit', done))
firefox.kill()
await ended
server.close()
rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
try {
  assert.deepEqual(saw, {
    publish: ['sendonly 1', 'sendonly 3', 'sendonly 1'],
    inactive: ['sendonly 1', 'sendonly 3', 'inactive 1'],
    restart: ['sendonly 1', 'sendonly 3', 'sendonly 1'],
    stopped: ['sendonly 1', 'sendonly 3'],
    echo: ['sendrecv 1', 'sendrecv 1'],
    1: 'feeds 1 of 1 client=0',
    30: 'feeds 30 of 30 client=0',
    60: 'feeds 60 of 60 client=0',
  })
  console.log('ok   Firefox takes our answers and our offers\n1 passed, 0 failed')
} catch (error) {
  console.log(`FAIL Firefox takes our answers and our offers\n     ${error.message}\n0 passed, 1 failed`)
  process.exitCode = 1
}
