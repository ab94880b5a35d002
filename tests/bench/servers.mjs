// The servers that benches compare, each started afresh: ours and Debian's Janus.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../browser/site.mjs'

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')
/** Janus passes on nothing from or to the loopback address; the packets go over lo all the same. */
export const ADDRESS = Object.values(networkInterfaces()).flat().find((a) => a.family === 'IPv4' && !a.internal)?.address ?? '127.0.0.1'

const pause = (ms) => new Promise((r) => setTimeout(r, ms))

const open = (port) =>
  new Promise((done) => {
    const s = connect(port, '127.0.0.1', () => done(s.end())).on('error', () => done(null))
  })

/** Servers that must not outlive this run. */
const running = new Set()
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')))

/** Starts a program and waits until it listens. */
async function launch(program, args, port, first = ['nice', '-n', '0']) {
  const child = spawn(first[0], [...first.slice(1), program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => (said = (said + d).slice(-2000)))
  const gone = new Promise((done) => child.on('exit', done))
  for (const began = Date.now(); !(await open(port)); await pause(50))
    if (child.exitCode !== null || Date.now() - began > 20_000) throw new Error(`${program} does not listen: ${said}`)
  running.add(child)
  child.on('exit', () => running.delete(child))
  return {
    pid: child.pid,
    async end() {
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), 8000)
      await gone
      clearTimeout(late)
    },
  }
}

/** Our server with rooms load0, load1, ... and a token for each; `args` are for the load generator. */
export async function yilian(dir, build, { rooms = 1, workers = 1, first } = {}) {
  const [port, media] = [await freePort(), await freePort()]
  const conf = join(dir, 'yilian.conf')
  for (const folder of ['data', 'web']) mkdirSync(join(dir, folder), { mode: 0o700 })
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', join(dir, 'key.pem'), '-out', join(dir, 'certificate.pem'), '-days', '2', '-subj', '/CN=localhost'], { stdio: 'ignore' })
  writeFileSync(join(dir, 'web/index.html'), '<title>Yilian</title>')
  writeFileSync(conf, `listen.address = 127.0.0.1\nlisten.port = ${port}\nmedia.address = ${ADDRESS}\nmedia.port = ${media}\nmedia.workers = ${workers}\nmedia.voices = 0\ntls.certificate = certificate.pem\ntls.key = key.pem\ndata.dir = data\nconfig.dir = ${ROOT}/config\nweb.root = web\nrequest.rate = 100000\n`)
  const ctl = (...args) => execFileSync(join(build, 'yilianctl'), ['--config', conf, ...args], { encoding: 'utf8' }).trim()
  ctl('init')
  const tokens = Array.from({ length: rooms }, (_, i) => ctl('token', '--room', `load${i}`, '--publish', '--watch', '--minutes', '60'))
  const daemon = await launch(join(build, 'yiliand'), ['--config', conf], port, first)
  return { ...daemon, port, tokens, args: ['--target', 'yilian', '--port', port, '--token', tokens.join(',')] }
}

/** Debian's Janus with the VideoRoom alone, spoken to over WebSocket. */
export async function janus(dir, { loops = 0, first } = {}) {
  const port = await freePort()
  const lib = '/usr/lib/x86_64-linux-gnu/janus'
  const general = `general: { configs_folder = "${dir}" plugins_folder = "${lib}/plugins" transports_folder = "${lib}/transports" events_folder = "${lib}/events" loggers_folder = "${lib}/loggers" debug_level = 2 ${loops ? `event_loops = ${loops}` : ''} session_timeout = 0 }`
  writeFileSync(join(dir, 'janus.jcfg'), `${general}
certificates: { }
media: { ipv6 = false }
nat: { ice_lite = false }
plugins: { disable = "libjanus_audiobridge.so,libjanus_duktape.so,libjanus_echotest.so,libjanus_lua.so,libjanus_nosip.so,libjanus_recordplay.so,libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,libjanus_videocall.so,libjanus_voicemail.so" }
transports: { disable = "libjanus_http.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,libjanus_rabbitmq.so" }
`)
  writeFileSync(join(dir, 'janus.transport.websockets.jcfg'), `general: { json = "compact" ws = true ws_port = ${port} ws_ip = "127.0.0.1" wss = false }\nadmin: { admin_ws = false }\n`)
  writeFileSync(join(dir, 'janus.plugin.videoroom.jcfg'), 'general: { }\n')
  const daemon = await launch('/usr/bin/janus', ['-F', dir, '-C', join(dir, 'janus.jcfg')], port, first)
  await pause(300)
  return { ...daemon, port, args: ['--target', 'janus', '--port', port] }
}

export const janusVersion = () => (existsSync('/usr/bin/janus') ? execFileSync('dpkg-query', ['-W', '-f=${Version}', 'janus'], { encoding: 'utf8' }) : 'none')
/** Sees to it that there is one. */
export function installJanus(allowed) {
  if (existsSync('/usr/bin/janus')) return
  if (!allowed) throw new Error('janus is not installed; --install does it')
  for (const args of [['update', '-qq'], ['install', '-y', '-qq', '--no-install-recommends', 'janus']]) spawnSync('apt-get', args, { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
}
