// From wanting to watch to the first picture on the screen, two Chromiums over one server, ours (WHIP, WHEP) and Debian's Janus (VideoRoom) in turns.
// Both pages are bare: no product's interface. The clock begins before the viewer's RTCPeerConnection is made (of Janus: when `join` is sent, its
// session and handle are there) and ends with the first frame that requestVideoFrameCallback tells of.
//   node tests/bench/browser_join.mjs [--install] [--rounds 5] [--joins 4]        YL_BUILD names the build (default build/)
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { launch, open } from '../browser/lib.mjs'
import { installJanus, janus, janusVersion, ROOT, yilian } from './servers.mjs'

const BUILD = process.env.YL_BUILD ?? join(ROOT, 'build')
const words = process.argv.slice(2)
const value = (name, otherwise) => Number(words.includes(`--${name}`) ? words[words.indexOf(`--${name}`) + 1] : otherwise)
const [rounds, joins] = [value('rounds', 5), value('joins', 4)]
installJanus(words.includes('--install'))

const plain = createServer((q, s) => s.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>plain</title><video autoplay muted playsinline></video>'))
await new Promise((done) => plain.listen(0, '127.0.0.1', done))
const PLAIN = `http://127.0.0.1:${plain.address().port}/`

/** In the page: what both servers' clients share, and the two clients. */
const client = () => {
  const camera = () => navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 480 } })
  const vp8 = (t) => t.setCodecPreferences(RTCRtpReceiver.getCapabilities('video').codecs.filter((c) => ['video/VP8', 'video/rtx'].includes(c.mimeType)))
  /** Marks of one join, in ms since it began. */
  const begin = () => {
    const t0 = performance.now(), marks = {}
    const pc = (globalThis.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' }))
    const video = document.querySelector('video')
    const shown = new Promise((done) => video.requestVideoFrameCallback(() => done((marks.picture = performance.now() - t0))))
    const stream = new MediaStream()
    video.srcObject = stream
    pc.ontrack = (e) => stream.addTrack(e.track)
    pc.onconnectionstatechange = () => pc.connectionState === 'connected' && (marks.connected ??= performance.now() - t0)
    return { pc, marks, said: (name) => (marks[name] = performance.now() - t0), done: () => shown.then(() => marks) }
  }
  globalThis.leave = () => globalThis.pc.close()

  const whip = async (url, bearer, pc) => {
    const a = await fetch(url, { method: 'POST', body: pc.localDescription.sdp, headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${bearer}` } })
    if (a.status !== 201) throw new Error(`${a.status} ${await a.text()}`)
    globalThis.bye = () => fetch(new URL(a.headers.get('Location'), url), { method: 'DELETE', headers: { Authorization: `Bearer ${bearer}` } })
    return a.text()
  }
  globalThis.yilianPublish = async (base, bearer) => {
    const pc = (globalThis.pub = new RTCPeerConnection({ bundlePolicy: 'max-bundle' }))
    for (const track of (await camera()).getTracks()) {
      const t = pc.addTransceiver(track, { direction: 'sendonly' })
      if (track.kind === 'video') vp8(t)
    }
    await pc.setLocalDescription()
    await pc.setRemoteDescription({ type: 'answer', sdp: await whip(`${base}/whip/load0`, bearer, pc) })
  }
  globalThis.yilianWatch = async (base, bearer) => {
    const j = begin()
    j.pc.addTransceiver('audio', { direction: 'recvonly' })
    vp8(j.pc.addTransceiver('video', { direction: 'recvonly' }))
    await j.pc.setLocalDescription()
    const sdp = await whip(`${base}/whep/load0`, bearer, j.pc)
    j.said('answered')
    await j.pc.setRemoteDescription({ type: 'answer', sdp })
    const marks = await j.done()
    await globalThis.bye()
    return marks
  }

  /** A Janus session: `ask` waits for what answers the transaction with jsep or data. */
  const session = async (url) => {
    const ws = new WebSocket(url, 'janus-protocol')
    await new Promise((done) => (ws.onopen = done))
    const waiting = new Map()
    let n = 0
    ws.onmessage = ({ data }) => {
      const m = JSON.parse(data)
      if (m.janus !== 'ack') waiting.get(m.transaction)?.(m), waiting.delete(m.transaction)
    }
    const ask = (m) => new Promise((done) => {
      const transaction = `t${++n}`
      waiting.set(transaction, done)
      ws.send(JSON.stringify({ ...m, transaction }))
    })
    const { data: { id: session_id } } = await ask({ janus: 'create' })
    return async () => {
      const { data: { id: handle_id } } = await ask({ janus: 'attach', session_id, plugin: 'janus.plugin.videoroom' })
      return { ask: (body, jsep) => ask({ janus: 'message', session_id, handle_id, body, ...(jsep ? { jsep } : {}) }), done: () => ask({ janus: 'trickle', session_id, handle_id, candidate: { completed: true } }), end: () => ask({ janus: 'detach', session_id, handle_id }) }
    }
  }
  globalThis.janusPublish = async (url) => {
    const h = await (await session(url))()
    await h.ask({ request: 'create', room: 1, publishers: 5, videocodec: 'vp8' })
    const joined = await h.ask({ request: 'join', ptype: 'publisher', room: 1 })
    const pc = (globalThis.pub = new RTCPeerConnection({ bundlePolicy: 'max-bundle' }))
    for (const track of (await camera()).getTracks()) pc.addTransceiver(track, { direction: 'sendonly' })
    pc.onicecandidate = ({ candidate }) => !candidate && h.done()
    await pc.setLocalDescription()
    const { jsep } = await h.ask({ request: 'publish' }, { type: 'offer', sdp: pc.localDescription.sdp })
    await pc.setRemoteDescription(jsep)
    return joined.plugindata.data.id
  }
  globalThis.janusWatch = async (url, feed) => {
    globalThis.attach ??= await session(url)
    const h = await globalThis.attach()
    const j = begin()
    const { jsep } = await h.ask({ request: 'join', ptype: 'subscriber', room: 1, streams: [{ feed }], feed })
    j.said('answered')
    j.pc.onicecandidate = ({ candidate }) => !candidate && h.done()
    await j.pc.setRemoteDescription(jsep)
    await j.pc.setLocalDescription()
    await h.ask({ request: 'start' }, { type: 'answer', sdp: j.pc.localDescription.sdp })
    const marks = await j.done()
    await h.end()
    return marks
  }
}

async function page(browser) {
  const p = await open(browser)
  await p.goto(PLAIN)
  await p.evaluate(client)
  return p
}

async function round(kind) {
  const dir = mkdtempSync(join(tmpdir(), 'yl-join-'))
  const server = kind === 'yilian' ? await yilian(dir, BUILD) : await janus(dir)
  const [from, to] = [await launch(), await launch()]
  const [sender, viewer] = [await page(from), await page(to)]
  const list = []
  try {
    const base = kind === 'yilian' ? `https://127.0.0.1:${server.port}` : `ws://127.0.0.1:${server.port}`
    const key = kind === 'yilian' ? server.tokens[0] : undefined
    const feed = await sender.evaluate(([k, b, t]) => globalThis[`${k}Publish`](b, t), [kind, base, key])
    await sender.waitForFunction(() => globalThis.pub.connectionState === 'connected')
    await sender.waitForTimeout(3000)
    for (let i = 0; i < joins; i++) {
      list.push(await viewer.evaluate(([k, b, t]) => globalThis[`${k}Watch`](b, t), [kind, base, key ?? feed]))
      await viewer.evaluate(() => globalThis.leave())
      await viewer.waitForTimeout(700)
    }
  } finally {
    await from.close()
    await to.close()
    await server.end()
    rmSync(dir, { recursive: true, force: true })
  }
  return list
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) / 2)]
const all = { yilian: [], janus: [] }
console.log(`load ${loadavg().map((x) => x.toFixed(1)).join(' ')}, Janus ${janusVersion()}, ${rounds} rounds in turns, ${joins} joins each; the first join of a round stands apart: the browser's own first`)
for (let i = 0; i < rounds; i++) for (const kind of ['yilian', 'janus']) all[kind].push(await round(kind))
for (const [kind, list] of Object.entries(all)) {
  const later = list.flatMap((r) => r.slice(1)), of = (l, k) => l.map((m) => m[k]).filter((x) => x !== undefined)
  const say = (l) => ['answered', 'connected', 'picture'].map((k) => `${k} ${median(of(l, k))?.toFixed(0)} (${Math.min(...of(l, k)).toFixed(0)}-${Math.max(...of(l, k)).toFixed(0)})`).join(', ')
  console.log(`${kind.padEnd(7)} ms: ${say(later)}; first joins: ${say(list.map((r) => r[0]))}`)
}
plain.close()
