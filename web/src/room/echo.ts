// The network test: our own sound and picture come back from the server for a few seconds, and getStats tells how they travelled.
import { bytesText } from '@/lib/time'
import { Socket } from '@/lib/socket'
import { StatsMeter } from './stats'
import type { Grade } from './types'

export interface NetworkVerdict {
  grade: Grade
  numbers: Record<'rtt' | 'loss' | 'up' | 'down', string | number>
}
const CONNECT_MS = 8_000
const MEASURE_MS = 6_000
const LOST: NetworkVerdict = { grade: 'lost', numbers: { rtt: 0, loss: 0, up: '', down: '' } }

const wait = (ms: number): Promise<void> => new Promise((r) => setTimeout(r, ms))

async function opened(socket: Socket): Promise<boolean> {
  socket.open()
  for (let i = 0; i < 50 && socket.state.value !== 'open'; i++) await wait(100)
  return socket.state.value === 'open'
}

/** Without a microphone or camera a silent tone and a moving test card are sent instead. */
function madeTracks(mic: MediaStreamTrack | null, camera: MediaStreamTrack | null): { tracks: MediaStreamTrack[]; stop: () => void } {
  const stops: (() => void)[] = []
  const tracks: MediaStreamTrack[] = []
  if (mic) tracks.push(mic)
  else {
    const ctx = new AudioContext()
    const out = ctx.createMediaStreamDestination()
    const track = out.stream.getAudioTracks()[0]!
    tracks.push(track)
    stops.push(() => void ctx.close())
  }
  if (camera) tracks.push(camera)
  else {
    const canvas = document.createElement('canvas')
    canvas.width = 640
    canvas.height = 360
    const g = canvas.getContext('2d')!
    const timer = setInterval(() => {
      for (let i = 0; i < 40; i++) {
        g.fillStyle = `hsl(${Math.random() * 360} 60% 50%)`
        g.fillRect(Math.random() * 640, Math.random() * 360, 80, 60)
      }
    }, 60)
    const track = canvas.captureStream(15).getVideoTracks()[0]!
    tracks.push(track)
    stops.push(() => (clearInterval(timer), track.stop()))
  }
  return { tracks, stop: () => stops.forEach((s) => s()) }
}

export async function testNetwork(mic: MediaStreamTrack | null, camera: MediaStreamTrack | null, signal: AbortSignal, ticket?: string): Promise<NetworkVerdict> {
  const socket = new Socket({ maxBackoffMs: 1000 })
  const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: [] })
  const made = madeTracks(mic, camera)
  try {
    if (!(await opened(socket))) return LOST
    for (const track of made.tracks) pc.addTransceiver(track, { direction: 'sendrecv' })
    const offer = await pc.createOffer()
    const { sdp, ice_servers } = await socket.request<{ sdp: string; ice_servers: RTCIceServer[] }>('test.echo', { sdp: offer.sdp, ticket })
    pc.setConfiguration({ bundlePolicy: 'max-bundle', iceServers: ice_servers }) // before candidates are gathered
    await pc.setLocalDescription(offer)
    await pc.setRemoteDescription({ type: 'answer', sdp })
    for (let waited = 0; pc.connectionState !== 'connected'; waited += 100) {
      if (signal.aborted || waited > CONNECT_MS || pc.connectionState === 'failed') return LOST
      await wait(100)
    }
    const meter = new StatsMeter()
    await wait(1000) // the bandwidth estimate's first steps are not the network's fault
    await meter.read(pc, null)
    await wait(MEASURE_MS)
    const s = await meter.read(pc, null)
    if (!s || s.down_bps === 0) return LOST
    return { grade: s.grade, numbers: { rtt: s.rtt_ms, loss: Math.round(Math.max(s.up_loss, s.down_loss) * 1000) / 10, up: rate(s.up_bps), down: rate(s.down_bps) } }
  } catch {
    return LOST
  } finally {
    made.stop()
    pc.close()
    socket.close()
  }
}

export const rate = (bps: number): string => `${bytesText(bps / 8)}/s`
