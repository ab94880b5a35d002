// The demo consortium with its month of history on the real daemon, and people who sign in there: what the tests of cockpits and of monthly reports begin with.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DESKTOP, launch, open, ROOT } from './lib.mjs'
import { signIn, startSite } from './site.mjs'

process.env.TZ = 'Asia/Shanghai'
export const site = await startSite()
await site.end('SIGTERM')
site.ctl('demo', 'load', join(ROOT, 'config/demo/history'))
await site.start()
export const browser = await launch()
export const shots = process.env.SHOTS
if (shots) mkdirSync(shots, { recursive: true })
export const shot = (page, name, fullPage = false) => shots && page.screenshot({ path: join(shots, `${name}.png`), fullPage })
export async function entered(login, shape = DESKTOP, lang = 'zh') {
  const page = await open(browser, { base: site.base, shape, lang })
  page.setDefaultTimeout(20000)
  await signIn(page, login)
  return page
}
export const ask = (page, path) => page.evaluate((p) => fetch(`/api/v1${p}`).then(async (r) => ({ status: r.status, body: await r.json() })), path)
