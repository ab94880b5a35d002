// The media plane by itself with real Chromium: publisher page -> media_loop (C) -> viewer page. Signaling is a fixture in this file.
// usage: YL_BUILD=build node tests/browser/media_plane.mjs [port]
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
const root = new URL('../..', import.meta.url).pathname
const require = createRequire(process.env.YL_NODE_MODULES ? process.env.YL_NODE_MODULES + '/x.js' : root + 'web/x.js')
const { chromium } = require('playwright-core')
const port = Number(process.argv[2] ?? 20300)
const scratch = mkdtempSync(join(tmpdir(), 'yl-media-'))
const sleep = (ms) => new Promise((r) => setTimeout(r, ms))

// ---- the C side ----
let child, waiters, lines, candidate, fingerprint
async function startPlane({ dir = join(scratch, 'rec'), dtls = 'openssl', workers = 2 } = {}) {
  child = spawn(join(process.env.YL_BUILD ?? root + 'build', 'media_loop'), [String(port), dir, '127.0.0.1', dtls, String(workers)], { stdio: ['pipe', 'pipe', 'inherit'] })
  lines = []
  waiters = []
  let rest = ''
  child.stdout.on('data', (d) => {
    const parts = (rest + d).split('\n')
    rest = parts.pop()
    for (const line of parts) {
      lines.push(line)
      waiters = waiters.filter((w) => !(w.match(line) && (w.resolve(line), true)))
    }
  })
  const [, fp, address, p, priority] = (await line(/^ready/)).split(' ')
  fingerprint = fp
  candidate = `candidate:1 1 udp ${priority} ${address} ${p} typ host`
}
async function endPlane() {
  if (child.exitCode !== null) return
  const ended = new Promise((r) => child.once('exit', r))
  send('quit')
  await ended
}
const send = (text) => child.stdin.write(text + '\n')
function line(pattern, ms = 60000, past = true) {
  const old = past && lines.find((l) => pattern.test(l))
  if (old) return Promise.resolve(old)
  return new Promise((resolve, reject) => {
    const w = { match: (l) => pattern.test(l), resolve }
    waiters.push(w)
    setTimeout(() => reject(new Error(`no line ${pattern}; have\n${lines.slice(-12).join('\n')}`)), ms).unref()
  })
}
async function creds() {
  const wait = line(/^creds/, 5000, false)
  send('creds')
  const [, ufrag, pwd] = (await wait).split(' ')
  return { ufrag, pwd }
}

// ---- a little SDP ----
const URI = {
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid', rid: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id', rrid: 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  level: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level', twcc: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  orientation: 'urn:3gpp:video-orientation', dd: 'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension',
}
function parse(sdp) {
  const [head, ...media] = sdp.split(/\r\n(?=m=)/)
  const get = (s, re) => s.match(re)?.[1]
  return media.map((m) => {
    const rtpmap = Object.fromEntries([...m.matchAll(/a=rtpmap:(\d+) ([^/\r]+)/g)].map((x) => [x[1], x[2]]))
    const fmtp = Object.fromEntries([...m.matchAll(/a=fmtp:(\d+) ([^\r]+)/g)].map((x) => [x[1], x[2]]))
    const ext = Object.fromEntries([...m.matchAll(/a=extmap:(\d+)(?:\/\w+)? (\S+)/g)].map((x) => [x[2], Number(x[1])]))
    return {
      kind: get(m, /^m=(\w+)/), mid: get(m, /a=mid:(\S+)/), ufrag: get(m, /a=ice-ufrag:(\S+)/) ?? get(head, /a=ice-ufrag:(\S+)/), pwd: get(m, /a=ice-pwd:(\S+)/),
      fp: get(m, /a=fingerprint:sha-256 (\S+)/) ?? get(head, /a=fingerprint:sha-256 (\S+)/), rtpmap, fmtp, ext,
      ssrc: get(m, /a=ssrc:(\d+)/), fid: m.match(/a=ssrc-group:FID (\d+) (\d+)/), rids: get(m, /a=simulcast:send ([^\r]+)/)?.split(';'),
    }
  })
}
// The payload rows of one codec (H.264: constrained baseline, packetization mode 1), with its RTX.
function rows(m, codec) {
  const pt = Object.keys(m.rtpmap).find((p) => m.rtpmap[p].toLowerCase() === codec.toLowerCase() && (codec !== 'H264' || (/packetization-mode=1/.test(m.fmtp[p]) && /42e01f/.test(m.fmtp[p]))))
  const rtx = Object.keys(m.rtpmap).find((p) => m.rtpmap[p] === 'rtx' && m.fmtp[p] === `apt=${pt}`) ?? 0
  return { pt: Number(pt), rtx: Number(rtx), fmtp: m.fmtp[pt] }
}
const exts = (m) => ['mid', 'rid', 'rrid', 'level', 'twcc', 'orientation', 'dd'].map((k) => m.ext[URI[k]] ?? 0).join(',')
function section(m, codec, { direction, ours, setup, extra = [] }) {
  const r = rows(m, codec)
  const audio = m.kind === 'audio'
  const rate = audio ? '48000/2' : '90000'
  return [`m=${m.kind} 9 UDP/TLS/RTP/SAVPF ${r.pt}${r.rtx ? ' ' + r.rtx : ''}`, 'c=IN IP4 0.0.0.0', `a=mid:${m.mid}`, `a=${direction}`, 'a=rtcp-mux', 'a=rtcp-rsize',
    `a=ice-ufrag:${ours.ufrag}`, `a=ice-pwd:${ours.pwd}`, `a=fingerprint:sha-256 ${fingerprint}`, `a=setup:${setup}`, `a=${candidate}`, 'a=end-of-candidates',
    `a=rtpmap:${r.pt} ${codec}/${rate}`, ...(r.fmtp ? [`a=fmtp:${r.pt} ${r.fmtp}`] : []),
    ...(r.rtx ? [`a=rtpmap:${r.rtx} rtx/90000`, `a=fmtp:${r.rtx} apt=${r.pt}`] : []),
    ...(audio ? [] : ['nack', 'nack pli', 'goog-remb', 'transport-cc'].map((f) => `a=rtcp-fb:${r.pt} ${f}`)),
    ...Object.entries(m.ext).filter(([uri]) => Object.values(URI).includes(uri)).map(([uri, id]) => `a=extmap:${id} ${uri}`), ...extra]
}
const session = (mids, lines_) => ['v=0', `o=- ${Date.now()} 1 IN IP4 127.0.0.1`, 's=-', 't=0 0', 'a=ice-lite', 'a=extmap-allow-mixed', `a=group:BUNDLE ${mids.join(' ')}`, ...lines_, ''].join('\r\n')

// ---- pages ----
const server = http.createServer((q, s) => {
  const path = q.url.slice(1)
  if (path.startsWith('rec/')) {
    s.setHeader('content-type', path.endsWith('mkv') ? 'video/x-matroska' : path.endsWith('weba') ? 'audio/webm' : 'video/webm')
    const all = readFileSync(join(scratch, path)), range = q.headers.range?.match(/bytes=(\d+)-(\d*)/)
    s.setHeader('accept-ranges', 'bytes')
    if (!range) return s.end(all)
    const from = Number(range[1]), to = range[2] ? Number(range[2]) : all.length - 1
    s.writeHead(206, { 'content-range': `bytes ${from}-${to}/${all.length}` })
    return s.end(all.subarray(from, to + 1))
  }
  s.setHeader('content-type', 'text/html')
  s.end('<!doctype html><body>')
}).listen(port + 1)
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--allow-loopback-in-peer-connection', '--autoplay-policy=no-user-gesture-required'] })
async function page() {
  const p = await browser.newPage()
  await p.goto(`http://127.0.0.1:${port + 1}/`)
  return p
}
let room = 7 // a new one for each case: a closed page may be noticed only by its silence
let next = 100
/** Publishes n cameras (and a microphone); returns {page, peer, tracks}. */
async function publish(codec, { cameras = 1, simulcast = false, passive = true, scalability } = {}) {
  const p = await page()
  const offer = await p.evaluate(async ({ cameras, simulcast, codec, scalability }) => {
    const pc = (window.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' }))
    const large = simulcast || (scalability && codec !== 'AV1')
    const mic = await navigator.mediaDevices.getUserMedia({ audio: true })
    pc.addTransceiver(mic.getAudioTracks()[0], { direction: 'sendonly' })
    for (let i = 0; i < cameras; i++) {
      const cam = await navigator.mediaDevices.getUserMedia({ video: large ? { width: 1280, height: 720 } : { width: 640, height: 480 } })
      const sent = pc.addTransceiver(cam.getVideoTracks()[0].clone(), { direction: 'sendonly', sendEncodings: scalability ? [{ scalabilityMode: scalability, maxBitrate: 2_000_000 }] : simulcast ? [{ rid: 'q', scaleResolutionDownBy: 4 }, { rid: 'h', scaleResolutionDownBy: 2 }, { rid: 'f' }] : [{}] })
      if (scalability) sent.setCodecPreferences(RTCRtpReceiver.getCapabilities('video').codecs.filter((c) => c.mimeType === 'video/' + codec || c.mimeType === 'video/rtx'))
    }
    await pc.setLocalDescription(await pc.createOffer())
    return pc.localDescription.sdp
  }, { cameras, simulcast, codec, scalability })
  const ms = parse(offer)
  if (codec !== 'AV1') for (const m of ms) delete m.ext[URI.dd] // as the daemon answers
  const ours = await creds()
  const peer = next++
  send(`peer ${peer} ${room} ${ours.ufrag} ${ours.pwd} ${ms[0].ufrag} ${ms[0].pwd} ${ms[0].fp} ${passive ? 0 : 1}`)
  const tracks = []
  const answer = []
  for (const m of ms) {
    const c = m.kind === 'audio' ? 'opus' : codec
    const r = rows(m, c)
    const track = { id: next++, kind: m.kind, codec: c }
    tracks.push(track)
    send(`track ${peer} ${track.id} ${room} ${m.kind} ${m.mid} ${m.rids ? 0 : (m.fid?.[1] ?? m.ssrc ?? 0)} ${m.rids ? 0 : (m.fid?.[2] ?? 0)} ${exts(m)} ${c}:${r.pt}:${r.rtx} ${m.rids ? m.rids.join(',') : '-'}`)
    answer.push(...section(m, c, { direction: 'recvonly', ours, setup: passive ? 'passive' : 'active', extra: m.rids ? [...m.rids.map((x) => `a=rid:${x} recv`), `a=simulcast:recv ${m.rids.join(';')}`] : [] }))
  }
  await p.evaluate((sdp) => window.pc.setRemoteDescription({ type: 'answer', sdp }), session(ms.map((m) => m.mid), answer))
  await line(new RegExp(`event connected peer=${peer} `))
  return { page: p, peer, tracks, offer: ms }
}
/** Watches tracks on one transport: the plane offers. */
async function watch(tracks) {
  const p = await page()
  // Chromium's own numbers for payload types and extensions, other than the publisher's on purpose.
  const ours = await creds()
  const peer = next++
  const ext = { [URI.mid]: 9, [URI.level]: 10, [URI.dd]: 11 }
  const sections = []
  const feeds = []
  tracks.forEach((t, i) => {
    const m = { kind: t.kind, mid: `d${i}`, ext, rtpmap: t.kind === 'audio' ? { 109: 'opus' } : { 120: t.codec, 121: 'rtx' }, fmtp: { 120: t.codec === 'H264' ? 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f' : undefined, 121: 'apt=120' } }
    const ssrc = 5000 + next, rtx = 900000 + next
    feeds.push({ feed: next++, track: t, ssrc, rtx, mid: m.mid })
    sections.push(...section(m, t.codec, { direction: 'sendonly', ours, setup: 'actpass', extra: [`a=msid:s${t.id} t${t.id}`, ...(t.kind === 'video' ? [`a=ssrc-group:FID ${ssrc} ${rtx}`] : []), `a=ssrc:${ssrc} cname:x`, ...(t.kind === 'video' ? [`a=ssrc:${rtx} cname:x`] : [])] }))
  })
  const answer = await p.evaluate(async (sdp) => {
    const pc = (window.pc = new RTCPeerConnection())
    pc.ontrack = (e) => {
      const el = document.createElement(e.track.kind)
      el.autoplay = true
      el.srcObject = new MediaStream([e.track])
      document.body.append(el)
    }
    await pc.setRemoteDescription({ type: 'offer', sdp })
    await pc.setLocalDescription(await pc.createAnswer())
    return pc.localDescription.sdp
  }, session(feeds.map((f) => f.mid), sections))
  if (process.env.DEBUG) console.log(answer)
  const a = parse(answer)
  send(`peer ${peer} ${room} ${ours.ufrag} ${ours.pwd} ${a[0].ufrag} ${a[0].pwd} ${a[0].fp} 0`)
  for (const f of feeds) send(`feed ${peer} ${f.feed} ${f.track.id} ${room} ${f.mid} ${f.ssrc} ${f.rtx} 9,0,0,10,0,0,11 ${f.track.kind === 'audio' ? 'opus:109:0' : `${f.track.codec}:120:121`}`)
  await line(new RegExp(`event connected peer=${peer} `))
  return { page: p, peer, feeds }
}
const cipher = (p) => p.evaluate(async () => [...(await window.pc.getStats()).values()].find((s) => s.type === 'transport').srtpCipher)
const stats = (p) => p.evaluate(async () => [...(await window.pc.getStats()).values()].filter((s) => s.type === 'inbound-rtp').map((s) => ({ kind: s.kind, mid: s.mid, frames: s.framesDecoded ?? 0, lost: s.packetsLost, energy: s.totalAudioEnergy ?? 0, width: s.frameWidth, freezes: s.freezeCount })))
async function decoded(p, frames, ms = 60000) {
  const end = Date.now() + ms
  for (;;) {
    const s = await stats(p)
    const video = s.filter((x) => x.kind === 'video'), audio = s.filter((x) => x.kind === 'audio')
    if (video.every((v) => v.frames >= frames) && video.length && audio.every((a) => a.energy > 0)) return s
    if (Date.now() > end) throw new Error(`not decoded: ${JSON.stringify(s)}\n${lines.slice(-8).join('\n')}`)
    await sleep(100)
  }
}
async function play(path) {
  const p = await page()
  const r = await p.evaluate(async (src) => {
    const v = document.createElement('video')
    v.muted = true
    v.src = src
    document.body.append(v)
    await new Promise((ok, no) => ((v.onloadedmetadata = ok), (v.onerror = () => no(new Error('media error ' + v.error.message)))))
    await v.play()
    const frames = () => v.getVideoPlaybackQuality().totalVideoFrames
    for (let i = 0; i < 300 && !v.ended && (v.currentTime < 0.8 || (v.videoWidth && frames() <= 10)); i++) // a starved decoder takes its time
      await new Promise((ok) => setTimeout(ok, 100))
    const at = v.currentTime
    v.pause()
    v.currentTime = v.duration / 2
    await new Promise((ok) => (v.onseeked = ok))
    return { duration: v.duration, width: v.videoWidth, at, frames: frames(), seeked: v.currentTime }
  }, path)
  await p.close()
  return r
}

/** The files told of one recording, once its end was told: a plane that begins tells those of earlier ones too, which nobody took. */
async function files(recording, ms = 60000) {
  await line(new RegExp(`event done.* recording=${recording}$`), ms)
  return lines.filter((l) => l.startsWith('event file') && l.endsWith(` recording=${recording}`)).map((l) => Object.fromEntries(l.split(' ').slice(2).map((x) => x.split('='))))
}

/** A viewer asks for sizes of a picture that come inside one stream, while it is recorded. */
async function sizes(codec, scalability, steps, recorded) {
  const rec = 1000 + next++
  const a = await publish(codec, { scalability })
  const b = await watch(a.tracks)
  await decoded(b.page, 30)
  const feed = b.feeds.find((f) => f.track.kind === 'video').feed
  const video = async () => (await stats(b.page)).find((x) => x.kind === 'video')
  for (const [i, [layer, width]] of steps.entries()) {
    send(`layer ${feed} ${room} ${layer}`)
    for (let tries = 0; (await video()).width !== width; tries++) { // the largest begins when the publisher's estimate allows it
      assert.ok(tries < 600, `layer ${layer}: width stays ${(await video()).width}`)
      await sleep(100)
    }
    if (i === 0 && recorded) send(`record ${room} ${rec}`)
    const { frames } = await video()
    for (let tries = 0; (await video()).frames < frames + 15; tries++) {
      assert.ok(tries < 600, `layer ${layer} stands still`)
      await sleep(100)
    }
  }
  const end = await video()
  console.log(`   ${JSON.stringify(end)}`)
  assert.equal(end.lost, 0)
  await a.page.close()
  await b.page.close()
  if (!recorded) return
  send(`stop ${room} ${rec}`)
  const file = (await files(rec)).find((f) => f.type === 'video/webm'), played = await play(`rec/${file.path.split('/').pop()}`)
  console.log(`   ${file.bytes} bytes ${file.duration} ms; plays ${JSON.stringify(played)}`)
  assert.ok(played.width === recorded && played.frames > 5)
}

const only = process.env.ONLY
const cases = {
  ...Object.fromEntries(['VP8', 'H264', 'VP9', 'AV1'].flatMap((codec) => [[`${codec}: camera, microphone, recording`, async () => {
    const rec = 1000 + next++
    const a = await publish(codec, { passive: codec !== 'VP9' })
    const t0 = Date.now()
    const b = await watch(a.tracks)
    const s = await decoded(b.page, 1)
    console.log(`   first frame ${Date.now() - t0} ms after the viewer's page began`)
    assert.equal(await cipher(b.page), 'SRTP_AEAD_AES_128_GCM')
    send(`record ${room} ${rec}`)
    const r0 = Date.now()
    await decoded(b.page, 90)
    await sleep(Math.max(0, 4000 - (Date.now() - r0)))
    send(`stop ${room} ${rec}`)
    const took = Date.now() - r0
    const told = await files(rec)
    assert.equal(told.length, 2)
    for (const f of told) {
      const r = await play(`rec/${f.path.split('/').pop()}`)
      console.log(`   ${f.type} ${f.bytes} bytes ${f.duration} ms of ${took}; plays ${JSON.stringify(r)}`)
      const late = f.type === 'audio/webm' ? 1500 : 4000 // a picture begins with a keyframe, which a starved encoder makes when it can
      assert.ok(Number(f.duration) < took + 1500 && Number(f.duration) > took - late && Number(f.duration) > 1000 && Math.abs(r.duration * 1000 - f.duration) < 100 && r.at > 0.3 && Math.abs(r.seeked - r.duration / 2) < 0.1)
      if (f.type !== 'audio/webm') assert.ok(r.width === 640 && r.frames > 10)
    }
    await a.page.close()
    await b.page.close()
  }]])),
  'three cameras at once, one transport': async () => {
    const a = await publish('VP8', { cameras: 3 })
    const b = await watch(a.tracks)
    const s = await decoded(b.page, 30)
    assert.equal(s.filter((x) => x.kind === 'video').length, 3)
    await a.page.close()
    await b.page.close()
  },
  'simulcast: layers switch without a freeze': async () => {
    const a = await publish('VP8', { simulcast: true })
    const b = await watch(a.tracks)
    await decoded(b.page, 30)
    const feed = b.feeds.find((f) => f.track.kind === 'video').feed
    for (const [layer, width] of [[0, 320], [2, 1280], [1, 640]]) {
      send(`layer ${feed} ${room} ${layer}`)
      for (let i = 0; ; i++) {
        const w = (await stats(b.page)).find((x) => x.kind === 'video').width
        if (w === width) break
        assert.ok(i < 600, `layer ${layer}: width stays ${w}`)
        await sleep(100)
      }
    }
    const end = (await stats(b.page)).find((x) => x.kind === 'video')
    console.log(`   ${JSON.stringify(end)}`)
    await a.page.close()
    await b.page.close()
  },
  'VP9 L3T3_KEY: sizes inside one stream, a recording has the largest': () => sizes('VP9', 'L3T3_KEY', [[2, 1280], [0, 320], [2, 1280], [1, 640]], 1280),
  'AV1 L1T3: one size, a recording plays': () => sizes('AV1', 'L1T3', [[0, 640]], 640),
  'ICE restart keeps the picture': async () => {
    const a = await publish('VP8')
    const b = await watch(a.tracks)
    await decoded(b.page, 20)
    const offer = parse(await a.page.evaluate(async () => {
      await window.pc.setLocalDescription(await window.pc.createOffer({ iceRestart: true }))
      return window.pc.localDescription.sdp
    }))
    const ours = await creds()
    send(`restart ${a.peer} ${room} ${ours.ufrag} ${ours.pwd} ${offer[0].ufrag} ${offer[0].pwd} ${offer[0].fp} 0`)
    await a.page.evaluate((sdp) => window.pc.setRemoteDescription({ type: 'answer', sdp }), session(offer.map((m) => m.mid), offer.flatMap((m, i) => section(m, a.tracks[i].codec, { direction: 'recvonly', ours, setup: 'passive' }))))
    await sleep(1500)
    const before = (await stats(b.page)).find((x) => x.kind === 'video').frames
    await sleep(1500)
    assert.ok((await stats(b.page)).find((x) => x.kind === 'video').frames > before + 10)
    await a.page.close()
    await b.page.close()
  },
  'mbedtls as the DTLS engine, in both roles': async () => {
    await endPlane()
    await startPlane({ dtls: 'mbedtls' })
    for (const passive of [true, false]) {
      room++
      const a = await publish('VP8', { passive })
      const b = await watch(a.tracks)
      const s = await decoded(b.page, 30)
      assert.equal(await cipher(a.page), 'SRTP_AES128_CM_HMAC_SHA1_80')
      assert.equal(await cipher(b.page), 'SRTP_AES128_CM_HMAC_SHA1_80')
      assert.ok(s.every((x) => x.lost === 0))
      await a.page.close()
      await b.page.close()
    }
    await endPlane()
    await startPlane()
  },
  'a killed plane leaves a recording that is finished at the next start': async () => {
    const rec = 1000 + next++
    const a = await publish('VP8')
    send(`record ${room} ${rec}`)
    await line(/event live/)
    await sleep(4000)
    child.kill('SIGKILL')
    await sleep(300)
    await startPlane()
    const told = await files(rec)
    assert.match(lines.find((l) => l.endsWith(` recording=${rec}`) && l.startsWith('event done')), /error=-15/)
    assert.equal(told.length, 2, JSON.stringify(told))
    for (const f of told) assert.ok(Number(f.duration) > 2000, `${f.duration} ms kept of 4000`)
    const v = told.find((f) => f.type === 'video/webm')
    console.log(`   kept ${v.duration} ms; plays ${JSON.stringify(await play(`rec/${v.path.split('/').pop()}`))}`)
    await a.page.close()
  },
}
let failed = 0
await startPlane()
for (const [name, run] of Object.entries(cases)) {
  if (only && !name.includes(only)) continue
  try {
    room++
    await run()
    console.log(`ok   ${name}`)
  } catch (e) {
    failed++
    console.log(`FAIL ${name}\n${e.stack}`)
  }
}
process.exitCode = failed ? 1 : 0
await endPlane()
await browser.close()
server.close()
rmSync(scratch, { recursive: true, force: true })
