// What one film costs: `yilian-pipe compose` fed as the daemon feeds it, from four cameras (and a screen) of 1280x720 at 30 a second with voices;
// core-seconds per second of recording, its own and in the kernel, for each layout and codec. Prints the files, so that one can look at them.
//   node tests/bench/media_compose.mjs BUILD[,BUILD] [SECONDS=20] [ROUNDS=1] [vp8,h264,h264half] [grid,speaker,slides]
// Sources are 5 s long and repeated. Frames of VP8 are marked as a browser's; of H.264 (h264) all are needed, as Firefox and devices send it;
// `h264half` is what a grid decodes of a Chromium's, whose every second frame nothing is made from (NRI 0).
// Several builds go in turn, round by round, and the median counts. Sources: YL_SOURCE=hard (test pictures that move everywhere) or calm
// (one that is slowly moved; the default).
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'

const [builds, seconds, rounds] = [process.argv[2].split(','), Number(process.argv[3] ?? 20), Number(process.argv[4] ?? 1)]
const codecs = (process.argv[5] ?? 'vp8,h264').split(',')
const layouts = (process.argv[6] ?? 'grid,speaker,slides').split(',')
const kind = process.env.YL_SOURCE ?? 'calm'
const SOURCE_S = 5
const folder = join(tmpdir(), `yl-compose-${kind}`)
mkdirSync(folder, { recursive: true })

/* ---- sources ---- */
const CAMERAS = 4
const SPEECH_S = 5 // each speaks for so long
const encoders = {
  vp8: ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '1500k', '-g', '90', '-error-resilient', '1', '-ts-parameters', 'ts_number_layers=3:ts_target_bitrate=600,900,1500:ts_rate_decimator=4,2,1:ts_periodicity=4:ts_layer_id=0,2,1,2:ts_layering_mode=3'],
  h264half: ['-r', '15', '-c:v', 'libx264', '-preset', 'superfast', '-profile:v', 'baseline', '-b:v', '1500k', '-g', '45', '-bsf:v', 'dump_extra=freq=keyframe'],
  h264: ['-c:v', 'libx264', '-preset', 'superfast', '-profile:v', 'baseline', '-b:v', '1500k', '-g', '90', '-bsf:v', 'dump_extra=freq=keyframe'],
}
const picture = (i) => (kind === 'hard' ? `testsrc2=size=1280x720:rate=30,scroll=h=0.${i}` : `testsrc2=size=1280x720:rate=30:duration=0.04,loop=-1:1:0,fps=30,scroll=h=0.0004:v=0.000${i + 1}`)
const slides = 'testsrc2=size=1280x720:rate=1/4,fps=5' // of a screen that is still a browser sends few frames
function source(name, args) {
  const path = join(folder, name)
  if (!existsSync(path)) execFileSync('ffmpeg', ['-loglevel', 'error', '-y', ...args, '-cluster_time_limit', '800', '-write_crc32', '0', '-f', 'matroska', path])
  return readFileSync(path)
}
/** As our recorder writes a browser's L1T3: every second frame is one that nothing is made from, and its block says so. */
function markSpare(clusters) {
  let n = 0
  for (const { content } of clusters)
    for (let at = 0, e; at < content.length; at = e.body + e.size) {
      e = element(content, at)
      if (e.id !== 0xa3) continue
      const key = content[e.body + 3] & 0x80
      n = key ? 0 : n + 1
      if (n % 2) content[e.body + 3] |= 1
    }
}
const camera = (codec, i, what) => source(`${codec}-${i}.mkv`, ['-f', 'lavfi', '-i', what, '-t', `${SOURCE_S}`, '-pix_fmt', 'yuv420p', ...encoders[codec]])
const voice = (i) =>
  source(`voice-${i}-${seconds}.mkv`, ['-f', 'lavfi', '-i', `sine=frequency=${200 + 90 * i}:sample_rate=48000,volume='if(eq(mod(floor(t/${SPEECH_S}),${CAMERAS}),${i}),1,0)':eval=frame`, '-t', `${seconds}`, '-c:a', 'libopus', '-b:a', '24k', '-ac', '1'])

/* ---- Matroska, as far as the daemon reads it ---- */
function element(b, at) {
  const idLen = Math.clz32(b[at]) - 23
  const sizeLen = Math.clz32(b[at + idLen]) - 23
  let size = b[at + idLen] & (0xff >> sizeLen)
  for (let i = 1; i < sizeLen; i++) size = size * 256 + b[at + idLen + i]
  return { id: b.readUIntBE(at, idLen), body: at + idLen + sizeLen, size }
}
function readFile(b) {
  const head = element(b, 0)
  let at = element(b, head.body + head.size).body
  const out = { clusters: [] }
  while (at < b.length) {
    const e = element(b, at)
    const content = b.subarray(e.body, e.body + e.size)
    if (e.id === 0x1654ae6b) out.tracks = content
    if (e.id === 0x1f43b675) {
      const t = element(content, 0)
      out.clusters.push({ content, time: content.readUIntBE(t.body, t.size) })
    }
    at = e.body + e.size
  }
  return out
}
/** The same again behind it: a cluster's time is in its first element. */
function repeated(clusters) {
  return [...Array(Math.ceil(seconds / SOURCE_S)).keys()].flatMap((k) =>
    clusters.map(({ content, time }) => {
      const t = element(content, 0)
      const head = Buffer.from([0xe7, 0x84, 0, 0, 0, 0])
      head.writeUInt32BE(time + k * SOURCE_S * 1000, 2)
      return { time: time + k * SOURCE_S * 1000, content: Buffer.concat([head, content.subarray(t.body + t.size)]) }
    }),
  )
}
function recorded(codec, bytes) {
  const file = readFile(bytes)
  if (codec === 'vp8') markSpare(file.clusters)
  return { ...file, clusters: repeated(file.clusters) }
}

/* ---- to the child (server/base/compose.h) ---- */
const [JOB, TRACK, HEAD, CLUSTER, END] = [1, 2, 4, 5, 6]
function message(type, track, word, time, payload = Buffer.alloc(0)) {
  const h = Buffer.alloc(16)
  h.writeUInt32BE(payload.length, 0)
  h.writeUInt8(type, 4)
  h.writeUInt8(track, 5)
  h.writeUInt16BE(word, 6)
  h.writeBigInt64BE(BigInt(time), 8)
  return Buffer.concat([h, payload])
}
function conversation(layout, tracks) {
  const about = (t) => {
    const p = Buffer.alloc(12)
    p.writeUInt32BE(seconds * 1000, 0)
    p.writeBigUInt64BE(BigInt(t.who), 4)
    return p
  }
  const clusters = tracks.flatMap((t, i) => t.file.clusters.map((c) => ({ ...c, i }))).sort((a, b) => a.time - b.time)
  return Buffer.concat([
    message(JOB, 0, ['grid', 'speaker', 'slides'].indexOf(layout) << 8, seconds * 1000),
    ...tracks.map((t, i) => message(TRACK, i, (t.sound ? 1 : 0) | (t.screen ? 2 : 0), 0, about(t))),
    ...tracks.map((t, i) => message(HEAD, i, 0, 0, t.file.tracks)),
    ...clusters.map((c) => message(CLUSTER, c.i, 0, c.time, c.content)),
    message(END, 0, 0, 0),
  ])
}
async function cost(build, layout, tracks, film) {
  const child = spawn('bash', ['-c', `TIMEFORMAT='%U %S'; time ${build}/yilian-pipe compose`], { stdio: ['pipe', openSync(film, 'w'), 'pipe'] })
  let said = ''
  child.stderr.on('data', (d) => (said += d))
  child.stdin.on('error', () => {})
  child.stdin.end(conversation(layout, tracks))
  if (process.env.YL_CONVERSATION) writeFileSync(process.env.YL_CONVERSATION, conversation(layout, tracks))
  const code = await new Promise((done) => child.on('close', done))
  const [user, system] = said.trim().split('\n').at(-1).split(' ').map(Number)
  if (code || Number.isNaN(user)) throw new Error(`${build} ${layout}: ${code} ${said}`)
  return (user + system) / seconds
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1]
console.log(`${CAMERAS} cameras of 1280x720 at 30 a second, ${kind}, ${seconds} s, load ${loadavg()[0].toFixed(0)}`)
for (const codec of codecs)
  for (const layout of layouts) {
    const of = (i) => ({ who: i + 1, file: recorded(codec, camera(codec, i, picture(i))) })
    const tracks = [...Array(CAMERAS).keys()].flatMap((i) => [of(i), { who: i + 1, sound: true, file: readFile(voice(i)) }])
    if (layout === 'slides') tracks.push({ who: 1, screen: true, file: recorded(codec, camera(codec, 'screen', slides)) })
    const costs = builds.map(() => [])
    for (let r = 0; r < rounds; r++) for (const [k, b] of builds.entries()) costs[k].push(await cost(b, layout, tracks, join(folder, `${codec}-${layout}-${k}.mp4`)))
    console.log(`${codec} ${layout}: ${builds.map((b, k) => `${b} ${median(costs[k]).toFixed(3)}`).join(', ')} core-seconds per second; ${join(folder, `${codec}-${layout}-*.mp4`)}`)
  }
