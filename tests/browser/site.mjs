// A site of its own for one browser test: data, certificate, demo consortium and the real daemon on free ports.
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './lib.mjs'

const BUILD = process.env.YL_BUILD ?? join(ROOT, 'build')
export const PASSWORD = 'Yilian-demo-2026'

/** Below the range from which the system takes ports by itself: nobody else comes upon it before the daemon has it. */
export async function freePort() {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000)
    const free = await new Promise((done) => {
      const s = createServer().once('error', () => done(false)).listen(port, () => s.close(() => done(true)))
    })
    if (free) return port
  }
}

/** An edge node of the site (node.secret must be the same there); its process is ended with ours. `more`: further lines of its configuration. */
export async function startEdge(site, secret, more = '') {
  const [port, media] = [await freePort(), await freePort()]
  const conf = join(site.dir, `edge-${port}.conf`)
  writeFileSync(
    conf,
    `listen.address = ${site.address}\nlisten.port = ${port}\ntls.certificate = certificate.pem\ntls.key = key.pem\ndata.dir = none\nweb.root = none\nnode.role = edge\nnode.secret = ${secret}\n` +
      `node.peer = ${site.base}\nnode.peer_certificate = certificate.pem\nnode.address = https://${site.address}:${port}\n` +
      `media.address = ${site.address}\nmedia.port = ${media}\n${more}`,
  )
  const daemon = spawn(join(BUILD, 'yiliand'), ['--config', conf], { stdio: ['ignore', 'ignore', 'pipe'] })
  process.on('exit', () => daemon.kill('SIGKILL'))
  let text = ''
  await new Promise((done, fail) => {
    daemon.stderr.on('data', (d) => (text += d).includes('linked to the origin') && done())
    daemon.on('exit', () => fail(new Error(`the edge ended: ${text}`)))
  })
  daemon.removeAllListeners('exit')
  return { port, media, daemon, ended: new Promise((done) => daemon.on('exit', done)) }
}

/** The demonstration consortium's data, loaded once for all the sites that are begun alike within a quarter of an hour; its days are counted from now. */
function loadedDemo(ctl, dir, more) {
  const made = ['yilianctl', 'yiliand'].map((name) => statSync(join(BUILD, name)).mtimeMs)
  const files = readdirSync(join(ROOT, 'config'), { recursive: true, withFileTypes: true }).filter((f) => f.isFile()).map((f) => statSync(join(f.parentPath ?? f.path, f.name)).mtimeMs)
  const key = createHash('sha256').update(JSON.stringify([made, Math.max(...files), files.length, more])).digest('hex').slice(0, 16)
  const kept = join(BUILD, `demo-${key}-${Math.floor(Date.now() / 900_000)}`)
  const data = join(dir, 'data')
  if (existsSync(kept)) return cpSync(kept, data, { recursive: true, preserveTimestamps: true })
  ctl('init')
  ctl('demo', 'load', join(ROOT, 'config/demo'))
  for (const old of readdirSync(BUILD)) if (/^demo-[0-9a-f]{16}-/.test(old) && Date.now() - statSync(join(BUILD, old)).ctimeMs > 3_600_000) rmSync(join(BUILD, old), { recursive: true, force: true })
  const copy = mkdtempSync(join(BUILD, 'demo-'))
  cpSync(data, copy, { recursive: true, preserveTimestamps: true })
  try {
    renameSync(copy, kept)
  } catch {
    rmSync(copy, { recursive: true, force: true }) // somebody else was as far
  }
}

/** The site of a first day: nothing but its administrator. */
export const nothing = (ctl) => ctl('init', '--password', `${PASSWORD}-1`)

/** `more`: further lines of the configuration; `fill` puts in what the site holds. */
export async function startSite(address = '127.0.0.1', more = '', fill = loadedDemo) {
  const dir = mkdtempSync(join(tmpdir(), 'yl-site-'))
  const conf = join(dir, 'yilian.conf')
  const [port, media] = [await freePort(), await freePort()]
  mkdirSync(join(dir, 'data'), { mode: 0o700 })
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', join(dir, 'key.pem'), '-out', join(dir, 'certificate.pem'), '-days', '2', '-subj', '/CN=localhost', '-addext', `subjectAltName=IP:${address}`], { stdio: 'ignore' })
  writeFileSync(
    conf,
    `listen.address = ${address}\nlisten.port = ${port}\nmedia.address = ${address}\nmedia.port = ${media}\ntls.certificate = certificate.pem\ntls.key = key.pem\ndata.dir = data\nconfig.dir = ${ROOT}/config\nweb.root = ${ROOT}/web/dist\n${more}`,
  )
  const ctl = (...args) => execFileSync(join(BUILD, 'yilianctl'), ['--config', conf, ...args], { encoding: 'utf8' })
  fill(ctl, dir, more)
  const site = { base: `https://${address}:${port}`, address, media, ctl, dir }
  site.start = async () => {
    site.daemon = spawn(join(BUILD, 'yiliand'), ['--config', conf], { stdio: ['ignore', 'ignore', 'pipe'] })
    await new Promise((done, fail) => {
      let text = ''
      site.daemon.stderr.on('data', (d) => {
        if (/ ERROR /.test(d)) process.stderr.write(d) // beside what a page says of it
        if ((text += d).includes('ready at')) done()
      })
      site.daemon.on('exit', () => fail(new Error(`yiliand ended: ${text}`)))
    })
  }
  site.end = (signal) =>
    new Promise((done) => {
      site.daemon.removeAllListeners('exit')
      site.daemon.on('exit', done)
      site.daemon.kill(signal)
    })
  site.stop = async () => {
    await site.end('SIGTERM')
    rmSync(dir, { recursive: true, force: true })
  }
  process.on('exit', () => site.daemon?.kill('SIGKILL')) // also when a test throws on its way
  await site.start()
  return site
}

export async function signIn(page, login) {
  await page.goto('/login')
  await page.fill('input[autocomplete=username]', login)
  await page.fill('input[type=password]', PASSWORD)
  await page.keyboard.press('Enter')
  await page.waitForURL((u) => !u.pathname.startsWith('/login'))
}
