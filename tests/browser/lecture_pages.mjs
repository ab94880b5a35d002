// A lecturer and the clock in his picture: a plain page publishes over WHIP a canvas that shows the time as 24 black and white squares, and any
// page reads it back from a video element, so that what is measured is from the drawing to the showing.
import { createServer } from 'node:http'

const lecturer = () => {
  const W = 640, H = 360, BITS = 24, SIZE = W / BITS
  globalThis.begin = async (url, bearer, codec, { fps = 30, still = false, soundFirst = false } = {}) => {
    const canvas = document.body.appendChild(Object.assign(document.createElement('canvas'), { width: W, height: H }))
    const g = canvas.getContext('2d')
    const draw = () => {
      const t = Date.now() % 2 ** BITS
      if (!globalThis.frozen) {
        g.fillStyle = `hsl(${(t / 50) % 360} 60% 40%)`
        g.fillRect(0, SIZE, W, H)
        g.fillStyle = '#fff'
        g.font = '60px sans-serif'
        g.fillText(`第 ${Math.floor(t / 1000)} 秒`, 80 + (t / 20) % 200, 220)
      }
      for (let i = 0; i < BITS; i++) {
        g.fillStyle = (t >> i) & 1 ? '#fff' : '#000'
        g.fillRect(i * SIZE, 0, SIZE + 1, SIZE)
      }
    }
    draw()
    if (!still) setInterval(draw, 1000 / fps)
    const sound = new AudioContext()
    const tone = sound.createOscillator()
    const out = sound.createMediaStreamDestination()
    tone.connect(out)
    tone.start()
    const pc = (globalThis.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' }))
    const tracks = [out.stream.getTracks()[0], canvas.captureStream(fps).getTracks()[0]]
    for (const track of tracks) {
      const later = soundFirst && track.kind === 'video'
      const t = pc.addTransceiver(later ? 'video' : track, { direction: 'sendonly' })
      if (later) globalThis.show = () => t.sender.replaceTrack(track)
      if (track.kind === 'video' && codec) t.setCodecPreferences(RTCRtpReceiver.getCapabilities('video').codecs.filter((c) => c.mimeType === codec || c.mimeType === 'video/rtx'))
    }
    await pc.setLocalDescription()
    const a = await fetch(url, { method: 'POST', body: pc.localDescription.sdp, headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${bearer}` } })
    const body = await a.text()
    if (a.status !== 201) return { status: a.status, body }
    Object.assign(globalThis, { bearer, session: new URL(a.headers.get('Location'), url).href })
    await pc.setRemoteDescription({ type: 'answer', sdp: body })
    return { status: a.status }
  }
  globalThis.sends = async () => {
    const report = await globalThis.pc.getStats()
    let codec = ''
    report.forEach((s) => { if (s.type === 'outbound-rtp' && s.kind === 'video') codec = report.get(s.codecId)?.mimeType })
    return codec
  }
  globalThis.end = async () => (await fetch(globalThis.session, { method: 'DELETE', headers: { Authorization: `Bearer ${globalThis.bearer}` } })).status
}

/** In the watching page: `readClock()` is the age in ms of the picture that is shown, `ages` those of every shown frame since `watchClock()`. */
export const reader = () => {
  const BITS = 24
  const canvas = document.createElement('canvas')
  const g = canvas.getContext('2d', { willReadFrequently: true })
  globalThis.readClock = (video = document.querySelector('video')) => {
    if (!video?.videoWidth) return null
    canvas.width = video.videoWidth
    canvas.height = Math.ceil(video.videoHeight / 10)
    g.drawImage(video, 0, 0)
    const size = video.videoWidth / BITS
    let t = 0
    for (let i = 0; i < BITS; i++) if (g.getImageData(Math.floor((i + 0.5) * size), Math.floor(size / 2), 1, 1).data[0] > 128) t |= 1 << i
    return ((Date.now() % 2 ** BITS) - (t >>> 0) + 2 ** BITS) % 2 ** BITS
  }
  globalThis.watchClock = (video = document.querySelector('video')) => {
    globalThis.ages = []
    const step = () => {
      globalThis.ages.push(globalThis.readClock(video))
      video.requestVideoFrameCallback(step)
    }
    video.requestVideoFrameCallback(step)
  }
}

/** A page of another origin that publishes. */
export async function lecturerPage(browser, open) {
  const server = createServer((q, s) => s.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>lecturer</title>'))
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const page = await open(browser)
  page.setDefaultTimeout(40_000)
  await page.addInitScript(lecturer)
  await page.goto(`http://127.0.0.1:${server.address().port}/`)
  server.unref()
  return page
}

export const percentile = (list, p) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor((list.length * p) / 100))]
