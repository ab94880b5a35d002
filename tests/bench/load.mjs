// This server and Debian's Janus (VideoRoom) side by side, in turns, each run with a fresh process: CPU per forwarded packet, latency, memory a
// viewer, join times, as ratios with their conditions. The load generator is tests/bench/server_load.c.
//
//   node tests/bench/load.mjs [--install] [--cases 1x200,10x10] [--servers yilian,janus,janus-loops] [--rounds 3] [--seconds 8] [--spacing US]
//                             [--workers 1[,2]] [--gro] [--burst 300] [--fifo] [--json FILE]
//
// --install: apt-get installs janus when it is missing. A case PxN: P publishers in a room, N viewers who watch all of them (10x10: a meeting); RxPxN: R such rooms.
// --workers 1,2: our server with one worker and with two, in turns: what a packet costs with each, and how far two carry more than one does
// (by processor time: --servers yilian --workers 1,2 --cases 20x2x5 --fifo).
// --burst N: the joins instead, N within one second beside 50 viewers. `janus-loops`: Janus with event_loops = 2; `janus`: its defaults; `yilian:FOLDER`: another build.
// --fifo: servers and generator run before everything else (SCHED_FIFO, needs root): for a machine that others use at the same time.
// --seconds: of each window; with 2 s before it. YL_BUILD names another build folder.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { cpus, loadavg, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { ADDRESS, installJanus, janus, janusVersion, ROOT, yilian } from './servers.mjs'

const BUILD = process.env.YL_BUILD ?? join(ROOT, 'build')
const words = process.argv.slice(2)
const flag = (name) => words.includes(`--${name}`)
const value = (name, otherwise) => (flag(name) ? words[words.indexOf(`--${name}`) + 1] : otherwise)
const servers = value('servers', 'yilian,janus,janus-loops').split(',')
const workers = value('workers', '1').split(',')
const runs_of = servers.flatMap((s) => (s.startsWith('yilian') && workers.length > 1 ? workers.map((w) => `${s}@${w}`) : [s]))
const cases = value('cases', flag('burst') ? '1x50' : '1x10,1x100,1x200,1x500,1x1000,10x10,25x25').split(',')
const FIRST = flag('fifo') ? ['chrt', '-f', '10'] : ['nice', '-n', '0'] // before the program's name
const [rounds, seconds] = [Number(value('rounds', 3)), Number(value('seconds', 8))]
/** One look at the server's own figures: name -> value. */
const figures = (port) =>
  new Promise((done) => {
    const r = request({ host: '127.0.0.1', port, path: '/metrics', rejectUnauthorized: false }, (res) => {
      let text = ''
      res.on('data', (d) => (text += d))
      res.on('end', () => done(Object.fromEntries(text.split('\n').filter((l) => l && l[0] !== '#').map((l) => [l.slice(0, l.lastIndexOf(' ')), Number(l.slice(l.lastIndexOf(' ') + 1))]))))
    })
    r.on('error', () => done(null)).end()
  })

/** Of two looks: how long packets were inside and how long the worker was busy at a stretch, as the least bound under which all but one in a thousand are. */
function inside(before, after) {
  const out = { handshakes: after.yilian_media_handshakes_total - before.yilian_media_handshakes_total }
  for (const name of ['inside', 'turn']) {
    if (!(`yilian_media_${name}_seconds_count` in after)) continue /* an older build */
    const bound = new RegExp(`^yilian_media_${name}_seconds_bucket{le="([0-9.e-]+)"}$`)
    const least = Object.keys(after).map((k) => [bound.exec(k)?.[1], after[k] - before[k]]).filter(([le]) => le).map(([le, n]) => [Number(le) * 1000, n])
    const all = after[`yilian_media_${name}_seconds_count`] - before[`yilian_media_${name}_seconds_count`]
    const under = (share) => Math.min(...least.filter(([, n]) => n >= all * share).map(([ms]) => ms))
    out[name] = { n: all, p50_ms: under(0.5), p99_ms: under(0.99), max_ms: under(1), over_5_ms: all - least.find(([ms]) => ms === 5)[1] }
  }
  return out
}

/** Looks four times a second until ended; what was between the looks with most joins, and just before them. */
function watch(port) {
  const looks = []
  const timer = setInterval(async () => looks.push(await figures(port)), 250)
  return () => {
    clearInterval(timer)
    const seen = looks.filter(Boolean), joins = (i) => seen[i + 4].yilian_media_handshakes_total - seen[i].yilian_media_handshakes_total
    const at = [...seen.keys()].slice(4, -4).reduce((best, i) => (joins(i) > joins(best) ? i : best), 4)
    return { quiet: inside(seen[at - 4], seen[at - 1]), during: inside(seen[at], seen[at + 4]), after: inside(seen[at + 5] ?? seen.at(-2), seen.at(-1)) }
  }
}

async function run(server, shape) {
  const dir = mkdtempSync(join(tmpdir(), 'yl-load-'))
  const [rooms, publishers, each] = shape.length === 3 ? shape : [Number(value('rooms', 1)), ...shape]
  const viewers = shape.length === 3 ? rooms * each : each
  const [build, n] = server.split('@')
  const s = server.startsWith('yilian') ? await yilian(dir, build.split(':')[1] ?? BUILD, { rooms, workers: n ?? workers[0], first: FIRST }) : await janus(dir, { loops: server === 'janus-loops' ? 2 : 0, first: FIRST })
  const args = [...s.args, '--pid', s.pid, '--address', ADDRESS, '--publishers', publishers, '--viewers', viewers, '--seconds', seconds, '--rooms', rooms]
  for (const name of ['spacing', 'burst', 'rate', 'codec', 'every']) if (flag(name)) args.push(`--${name}`, value(name))
  if (flag('gro')) args.push('--gro')
  const child = spawn(FIRST[0], [...FIRST.slice(1), join(BUILD, 'bench_server_load'), ...args.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.on('data', (d) => (out += d))
  const seen = flag('burst') && s.tokens ? watch(s.port) : () => undefined
  await new Promise((done) => child.on('exit', done))
  const own = seen()
  await s.end()
  rmSync(dir, { recursive: true, force: true })
  return out ? { server, own, ...JSON.parse(out) } : { server, broken: true }
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) / 2)]
const pick = (runs, path) => median(runs.map((r) => path.split('.').reduce((o, k) => o?.[k], r)).filter((x) => x !== undefined))
const num = (x, digits = 1) => (x === undefined ? '-' : x.toFixed(digits))

/** Of all runs of a burst: what the server says of itself. */
const own = (runs, part) => {
  const all = runs.map((r) => r.own?.[part]).filter((x) => x?.turn)
  const worst = (kind, key) => Math.max(...all.map((x) => x[kind][key]))
  const sum = (kind, key) => all.reduce((n, x) => n + x[kind][key], 0)
  return all.length ? `${part}: inside p99 <= ${worst('inside', 'p99_ms')} max <= ${worst('inside', 'max_ms')} ms, ${sum('inside', 'over_5_ms')} of ${sum('inside', 'n')} over 5 ms, busy at a stretch p99 <= ${worst('turn', 'p99_ms')} max <= ${worst('turn', 'max_ms')} ms, ${sum('turn', 'over_5_ms')} of ${sum('turn', 'n')} over 5 ms` : ''
}

function line(name, server, runs) {
  const p = (path, digits) => num(pick(runs, path), digits)
  if (flag('burst'))
    return `${name.padEnd(8)} ${server.padEnd(12)} joins: answered ${p('joins.answered.p50')} connected ${p('joins.connected.p50')} first packet p50 ${p('joins.first.p50')} p95 ${p('joins.first.p95')} max ${p('joins.first.max')}, picture p50 ${p('joins.picture.p50')} p95 ${p('joins.picture.p95')} ms (${p('joins.picture.n', 0)} of ${value('burst')}), keyframe requests ${p('keyframe_requests', 0)}; watchers quiet p50 ${p('quiet.latency_ms.p50')} p99 ${p('quiet.latency_ms.p99')} max ${p('quiet.latency_ms.max')}, during p50 ${p('during.latency_ms.p50')} p99 ${p('during.latency_ms.p99')} max ${p('during.latency_ms.max')} ms (send lag p99 ${p('during.lag_p99_ms')})${['quiet', 'during', 'after'].map((x) => `\n         ${own(runs, x)}`).join('')}`
  return `${name.padEnd(8)} ${server.padEnd(12)} ${p('window.packets_per_second', 0).padStart(7)} packets/s ${p('window.us_per_packet', 2).padStart(6)} us/packet ${p('window.cpu_percent', 0).padStart(4)} % of a core, lost ${p('window.lost_percent', 2)} short ${p('window.short_percent', 2)} %, p50/p99 ${p('window.latency_ms.p50')}/${p('window.latency_ms.p99')} ms (voice ${p('window.voice_ms.p50')}/${p('window.voice_ms.p99')}), first packet p50/p95 ${p('joins.first.p50')}/${p('joins.first.p95')} picture p50 ${p('joins.picture.p50')} ms, ${p('kib_per_viewer', 0)} KiB/viewer, PLI ${p('keyframe_requests', 0)}; generator ${p('window.generator_percent', 0)} %, others ${p('window.others_percent', 0)} %, lag p99 ${p('window.lag_p99_ms')} ms; missing ${p('window.missing', 0)}, dropped by the kernel at the generator's sockets ${p('window.dropped.generator', 0)}, at the server's ${p('window.dropped.server', 0)}, before any ${p('window.dropped.device', 0)}${runs.some((r) => r.broken || r.failed || r.window?.wrong) ? '  BROKEN RUN' : ''}`
}

if (servers.some((s) => s.startsWith('janus'))) installJanus(flag('install'))
console.log(`${cpus().length} x ${cpus()[0].model.trim()}, Linux ${release()}, load ${loadavg().map((x) => x.toFixed(1)).join(' ')}, Janus ${janusVersion()}, over ${ADDRESS} (lo), ${rounds} rounds in turns, windows of ${seconds} s, medians`)
const all = {}
for (const name of cases) {
  const shape = name.split('x').map(Number)
  const runs = Object.fromEntries(runs_of.map((s) => [s, []]))
  for (let i = 0; i < rounds; i++) for (const s of runs_of) runs[s].push(await run(s, shape))
  all[name] = runs
  for (const s of runs_of) console.log(line(name, s, runs[s]))
  const cost = (s) => pick(runs[s], 'window.us_per_packet')
  for (const s of runs_of.filter((s) => s.includes('@') && !s.endsWith(`@${workers[0]}`))) {
    const [build, n] = s.split('@')
    const ratios = runs[s].map((r, i) => r.window && runs[`${build}@${workers[0]}`][i].window && runs[`${build}@${workers[0]}`][i].window.us_per_packet / r.window.us_per_packet).filter(Boolean)
    console.log(`${name.padEnd(8)} ${build}: ${n} workers carry ${num((n / workers[0]) * median(ratios), 2)} times what ${workers[0]} do, by processor time a packet (pairs of turns: ${ratios.map((r) => num((n / workers[0]) * r, 2)).join(' ')})`)
  }
  for (const s of servers.slice(1))
    if (!flag('burst') && runs.yilian && s !== 'yilian')
      console.log(`${name.padEnd(8)} yilian / ${s}: CPU a packet 1/${num(cost(s) / cost('yilian'))}, memory a viewer 1/${num(pick(runs[s], 'kib_per_viewer') / pick(runs.yilian, 'kib_per_viewer'))}, p99 1/${num(pick(runs[s], 'window.latency_ms.p99') / pick(runs.yilian, 'window.latency_ms.p99'))}, first packet p50 1/${num(pick(runs[s], 'joins.first.p50') / pick(runs.yilian, 'joins.first.p50'))}`)
}
if (flag('json')) writeFileSync(value('json'), JSON.stringify(all, null, 1))
