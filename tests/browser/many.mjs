// Thousands of everything: no list loads or draws all of it, what lies behind the first page is found, and the rest comes page by page.
// Sizes, not times: what a page draws and what it is sent. A thousand unless N=10000 says otherwise; SHOTS=dir keeps pictures; the figures are printed.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { launch, open, ROOT, run } from './lib.mjs'
import { signedIn } from './person.mjs'
import { signIn, startSite } from './site.mjs'

process.env.TZ = 'Asia/Shanghai'
const N = Number(process.env.N ?? 1000)
const NODES = 9000
const BYTES = 1_200_000
const shots = process.env.SHOTS
if (shots) mkdirSync(shots, { recursive: true })

/** Registrations, results whose unit is impossible, and messages of no use. */
function messages() {
  const out = []
  const head = (type, id, app) => `MSH|^~\\&|${app}|YL01|YILIAN||20261101083000||${type}|${id}|P|2.5.1||||||UNICODE UTF-8`
  const given = ['伟', '芳', '娜', '敏', '静', '强', '磊', '洋', '艳', '勇', '杰', '涛', '超', '霞', '平', '刚']
  for (let i = 0; i < N; i++) {
    const name = `${'赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨'[i % 16]}^${given[(i >> 4) % 16]}${given[(i >> 8) % 16]}`
    const pid = `PID|1||M${i}^^^YLHIS^PI||${name}||${1930 + (i % 80)}${String(1 + (i % 12)).padStart(2, '0')}${String(1 + (i % 28)).padStart(2, '0')}|${i % 2 ? 'F' : 'M'}`
    out.push([head('ADT^A04', `a${i}`, 'YL-HIS'), pid, `PV1|1|O`])
    out.push([head('ORU^R01', `o${i}`, 'YL-HIS'), pid, `OBR|1||M${i}|58410-2^全血细胞计数^LN|||20261101083000|||||||||||||||20261101083000|||F`, `OBX|1|NM|718-7^血红蛋白^LN||9${i % 10}00|g/L|115-150|N|||F|||20261101083000`])
    out.push([head('ORU^R01', `d${i}`, 'YL-HIS'), `PID|1||||沈^静||19750101|F`, 'OBR|1||f|CBC^血常规', 'OBX|1|NM|WBC^白细胞||5.5|10*9/L|4-10|N|||F'])
  }
  return out.map((m) => m.join('\r') + '\r').join('\n')
}

const site = await startSite()
site.ctl('demo', 'load', join(ROOT, 'config/demo/centre'))
site.ctl('user', 'roles', 'dean', 'YL01', 'manager,index_steward,data_steward')
await site.end('SIGTERM')
writeFileSync(join(site.dir, 'many.hl7'), messages())
try {
  execFileSync(join(process.env.YL_BUILD ?? join(ROOT, 'build'), 'yilianctl'), ['--config', join(site.dir, 'yilian.conf'), 'exchange', 'take', join(site.dir, 'many.hl7')], { maxBuffer: 1 << 28 })
} catch (e) {
  console.log(String(e.stdout).split('\n').slice(-2).join(''))
}
execFileSync('python3', [join(ROOT, 'tests/browser/many.py'), join(site.dir, 'data/yilian.db'), String(N)], { stdio: 'inherit' })
await site.start()
const browser = await launch()

const pages = {}
async function at(login) {
  if (!pages[login]) {
    pages[login] = await open(browser, { base: site.base })
    pages[login].sent = []
    pages[login].on('response', async (r) => r.url().includes('/api/') && pages[login].sent.push([new URL(r.url()).pathname, (await r.body().catch(() => '')).length]))
    await signIn(pages[login], login)
  }
  return pages[login]
}

/** By page: what is there when it is ready. */
const LISTS = [
  ['xy.chen', '/', '.y-table tbody tr'], ['xy.chen', '/cases?view=all', 'tbody tr'], ['xy.chen', '/calendar', 'main'], ['xy.chen', '/calendar?view=week', 'main'], ['xy.chen', '/wall', 'h1'],
  ['admin', '/admin/people', 'tbody tr'], ['admin', '/admin/orgs', 'tbody tr'], ['admin', '/admin/hours', '.day'], ['xy.zhao', '/admin/roster', 'table'], ['xy.zhao', '/notices', '.list'],
  ['dean', '/admin/exchange?tab=dead', 'tbody tr'], ['admin', '/quality', 'tbody tr'], ['admin', '/quality?tab=findings', 'tbody tr'], ['admin', '/quality?tab=coverage', 'tbody tr'], ['admin', '/quality?tab=codes', 'table'],
  ['xy.zhao', '/fixes', 'h2'], ['audit', '/admin/audit', 'tbody tr'], ['audit', '/admin/inventory', 'tbody tr'], ['dean', '/cockpit/volume', 'table'], ['dean', '/index', 'h1'], ['dean', '/index/acts', 'tbody tr'], ['qs.zhang', '/cases/new', 'form'],
]

await run({
  async 'no page loads or draws all of it'() {
    const wrong = []
    for (const [login, path, ready] of LISTS) {
      const p = await at(login)
      p.sent.length = 0
      p.faults.length = 0
      const t = Date.now()
      await p.goto(path)
      await p.locator(ready).first().waitFor({ timeout: 20_000 }).catch(() => wrong.push(`${path}: ${ready} does not come`))
      await p.waitForFunction(() => !document.querySelector('.y-spinner'), null, { timeout: 20_000 }).catch(() => wrong.push(`${path}: does not end`))
      const ms = Date.now() - t
      await p.waitForTimeout(300)
      const nodes = await p.evaluate(() => document.querySelectorAll('*').length)
      const most = p.sent.reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0])
      console.log(`     ${path}: ${nodes} elements, ${ms} ms, most ${most[0].replace('/api/v1', '')} ${Math.round(most[1] / 1024)} kB`)
      if (shots) await p.screenshot({ path: join(shots, `${login}${path.replace(/\W+/g, '_')}.png`) })
      if (nodes > NODES) wrong.push(`${path}: ${nodes} elements`)
      if (most[1] > BYTES) wrong.push(`${path}: ${most.join(' ')} bytes`)
      if (p.faults.length) wrong.push(`${path}: ${p.faults.join()}`)
    }
    assert.deepEqual(wrong, [])
  },
  async 'who stands at the end of a long list is found'() {
    const chen = await signedIn(site, 'xy.chen')
    const found = async (q) => (await chen.ask('GET', `/experts?org_id=${chen.me.post.org.id}&q=${encodeURIComponent(q)}`)).items
    assert.equal((await found(`众医师${N - 1}`))[0]?.person.name, `众医师${N - 1}`)
    assert.equal((await found('众医师')).length, 200)
  },
}).finally(async () => {
  await browser.close()
  await site.stop()
})
