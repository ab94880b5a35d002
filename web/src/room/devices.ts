// Cameras, microphones and loudspeakers of this computer, with the person's choice remembered; failures in plain words.
import { ref, shallowRef } from 'vue'
import type { CodecChoice } from './uplink'

export interface Choice {
  mic: string
  camera: string
  speaker: string
  camera2: string
  useMic: boolean
  useCamera: boolean
  codec: CodecChoice
}
const KEY = 'yl.devices'
const DEFAULT: Choice = { mic: '', camera: '', speaker: '', camera2: '', useMic: true, useCamera: true, codec: 'auto' }

export function loadChoice(): Choice {
  try {
    return { ...DEFAULT, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Choice>) }
  } catch {
    return { ...DEFAULT }
  }
}
export function saveChoice(c: Choice): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(c))
  } catch {
    // private mode
  }
}

export const devices = shallowRef<MediaDeviceInfo[]>([])
export async function refreshDevices(): Promise<void> {
  devices.value = (await navigator.mediaDevices?.enumerateDevices?.()) ?? []
}
navigator.mediaDevices?.addEventListener?.('devicechange', () => void refreshDevices())
export const ofKind = (kind: MediaDeviceKind): MediaDeviceInfo[] => devices.value.filter((d) => d.kind === kind && d.deviceId)

/** A key of words.ts: why there is no picture or sound. */
export type DeviceTrouble = 'trouble_denied' | 'trouble_missing' | 'trouble_busy' | 'trouble_insecure' | 'trouble_other'
export function troubleOf(error: unknown): DeviceTrouble {
  const name = error instanceof Error ? error.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'trouble_denied'
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'trouble_missing'
  if (name === 'NotReadableError' || name === 'AbortError') return 'trouble_busy'
  if (!navigator.mediaDevices) return 'trouble_insecure'
  return 'trouble_other'
}

const exact = (id: string): { deviceId?: ConstrainDOMString } => (id ? { deviceId: { ideal: id } } : {})

export async function openMic(id: string): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { ...exact(id), echoCancellation: true, noiseSuppression: true, autoGainControl: true } })
  void refreshDevices()
  return stream.getAudioTracks()[0]!
}
export async function openCamera(id: string, size: 'face' | 'detail' = 'face'): Promise<MediaStreamTrack> {
  // Three encodings of 720p are too much for the two-core machines of a township hospital.
  const face = (navigator.hardwareConcurrency || 4) > 2 ? { width: { ideal: 1280 }, height: { ideal: 720 } } : { width: { ideal: 960 }, height: { ideal: 540 } }
  const wish = size === 'face' ? { ...face, frameRate: { ideal: 25, max: 30 } } : { width: { ideal: 1920 }, height: { ideal: 1080 }, frameRate: { ideal: 20, max: 30 } }
  const stream = await navigator.mediaDevices.getUserMedia({ video: { ...exact(id), ...wish } })
  void refreshDevices()
  return stream.getVideoTracks()[0]!
}
export async function openScreen(): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 10, max: 15 } }, audio: false })
  return stream.getVideoTracks()[0]!
}
export const canShareScreen = (): boolean => typeof navigator.mediaDevices?.getDisplayMedia === 'function'

let context: AudioContext | null = null
export function audioContext(): AudioContext {
  context ??= new AudioContext()
  if (context.state === 'suspended') void context.resume()
  return context
}

/** Loudness of a microphone track, 0..1, refreshed 15 times a second until `stop`. */
export function meter(track: MediaStreamTrack): { level: { value: number }; stop: () => void } {
  const level = ref(0)
  const ctx = audioContext()
  const source = ctx.createMediaStreamSource(new MediaStream([track]))
  const analyser = ctx.createAnalyser()
  analyser.fftSize = 1024
  source.connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    let sum = 0
    for (const s of samples) sum += s * s
    const db = 10 * Math.log10(sum / samples.length + 1e-9)
    level.value = Math.max(0, Math.min(1, (db + 60) / 50))
  }, 66)
  return {
    level,
    stop: () => {
      clearInterval(timer)
      source.disconnect()
    },
  }
}

/** Two short tones out of the chosen loudspeaker. */
export async function testSound(sinkId: string): Promise<void> {
  const ctx = audioContext()
  const out = ctx.createMediaStreamDestination()
  const gain = ctx.createGain()
  gain.gain.value = 0.25
  gain.connect(out)
  const start = ctx.currentTime + 0.05
  for (const [i, hz] of [523, 784].entries()) {
    const osc = ctx.createOscillator()
    osc.frequency.value = hz
    osc.connect(gain)
    osc.start(start + i * 0.4)
    osc.stop(start + i * 0.4 + 0.35)
  }
  const el = new Audio()
  el.srcObject = out.stream
  if (sinkId && 'setSinkId' in el) await (el as HTMLAudioElement & { setSinkId(id: string): Promise<void> }).setSinkId(sinkId).catch(() => {})
  await el.play()
  await new Promise((r) => setTimeout(r, 1200))
  el.srcObject = null
}
