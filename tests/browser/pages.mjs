// The built application under the strict Content-Security-Policy, page by page: no accessibility violation, nothing wider than the screen,
// no console error, both languages, both sizes. The server's answers are scripted; SHOTS=dir keeps a picture of each page.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { axe, DESKTOP, launch, open, PHONE, run, serveDist } from './lib.mjs'
import { fault, json, ME, plausible, room, scripted, seat } from './scripted.mjs'

const { base, stop } = await serveDist()
const browser = await launch()
const shots = process.env.SHOTS
if (shots) mkdirSync(shots, { recursive: true })

const EVERYONE = [seat('host', { role: 'host', person: { id: 'p2', name: '\u738b\u5efa\u56fd', title: '\u4e3b\u4efb', org: { id: 'o2', name: '\u53bf\u533b\u9662' } }, quality: { grade: 'good', up_bps: 1e6, down_bps: 1e6, loss: 0, rtt_ms: 20 } }), seat('s2', { hand: true, tracks: [{ id: 't', source: 'mic', muted: false }], quality: { grade: 'poor', up_bps: 1e5, down_bps: 1e5, loss: 0.2, rtt_ms: 700 } }), seat('s3', { state: 'away' }), seat('s4', { state: 'waiting' })]

async function page(shape, lang, { signedIn = true, answer = () => null, joined = { seat: 'host', resume: 'r', state: 'admitted', room: room(EVERYONE) } } = {}) {
  const p = await open(browser, { base, shape, lang })
  if (signedIn) await p.addInitScript(() => localStorage.setItem('yl.in', '1'))
  await p.route('**/api/v1/**', (route) => {
    const r = route.request()
    const path = new URL(r.url()).pathname.slice(7)
    const own = answer(r.method(), path)
    if (own === 'abort') return route.abort()
    if (own) return route.fulfill(own)
    if (path === '/session' && !signedIn) return route.fulfill(fault(401, 'unauthenticated'))
    return route.fulfill(plausible(r.method(), path) ?? json(200, {}))
  })
  await p.routeWebSocket('**/ws', (ws) => {
    p.ws = ws
    scripted(ws, { 'room.join': () => (p.room = ws, joined), 'media.publish': () => ({ error: { code: 'unavailable' } }) })
  })
  return p
}
async function look(p, name) {
  await axe(p, name)
  assert.ok(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1), `${name} is wider than the screen`)
  if (shots) await p.screenshot({ path: join(shots, `${name.replace(/[^\w-]+/g, '_')}.png`) })
  assert.deepEqual(p.faults, [], `console of ${name}`)
}
async function inRoom(shape, lang, options) {
  const p = await page(shape, lang, options)
  await p.goto('/cases/c1/room')
  await p.locator('.test').waitFor()
  await p.locator('.test .y-button.primary').click()
  await p.locator('.live').waitFor()
  return p
}
const stage = (name) => ({ signedIn: true, answer: (m, path) => (path === '/session' ? json(200, { ...ME, stage: name, posts: [ME.post, { ...ME.post, id: 'o9', org: { id: 'o9', name: 'Other', level: 'county' } }] }) : null) })

const tests = {}
for (const [size, shape] of [['desktop', DESKTOP], ['phone', PHONE]]) {
  for (const lang of ['zh', 'en']) {
    const on = `${size} ${lang}`
    tests[`sign-in, second factor, post, password: ${on}`] = async () => {
      for (const name of ['login', 'totp', 'post', 'password']) {
        const p = await page(shape, lang, name === 'login' ? { signedIn: false } : stage(name))
        await p.goto('/login')
        await p.locator(name === 'post' ? '.post' : 'form').first().waitFor()
        await look(p, `${name} ${on}`)
      }
    }
    tests[`home, notices, devices, states: ${on}`] = async () => {
      const p = await page(shape, lang)
      for (const [path, ready] of [['/', '.y-table'], ['/notices', '.list'], ['/devices', '.preview video'], ['/no-such-page', '.y-empty'], ['/no-access', '.y-empty']]) {
        await p.goto(path)
        await p.locator(ready).first().waitFor()
        await look(p, `${path} ${on}`)
      }
      const away = await page(shape, lang, { answer: () => 'abort' })
      await away.goto('/settings')
      await away.waitForURL('**/offline?**')
      away.faults = []
      await look(away, `offline ${on}`)
    }
    tests[`settings: ${on}`] = async () => {
      const p = await page(shape, lang)
      await p.goto('/settings')
      for (const tab of await p.getByRole('tab').all()) {
        await tab.click()
        const name = await tab.innerText()
        if (/Second factor|\u4e8c\u6b21/.test(name)) {
          await p.locator('.form input[type=password]').last().fill('his own once more')
          await p.locator('.form .y-button').click()
        }
        await look(p, `settings ${await tab.getAttribute('id')} ${on}`)
      }
    }
    tests[`room: ${on}`] = async () => {
      const p = await inRoom(shape, lang)
      p.faults = []
      await look(p, `room ${on}`)
      const widest = await p.evaluate(() => (document.querySelector('.left')?.offsetWidth ?? 0) / innerWidth)
      if (size === 'desktop') assert.ok(widest >= 0.6, `the record keeps ${widest} of the width`)
      for (const tab of await p.locator('.right > .tabs > .list [role=tab]').all()) {
        await tab.click()
        await look(p, `room tab ${await tab.getAttribute('id')} ${on}`)
      }
      p.room.send(JSON.stringify({ event: 'room.state', data: { ...room([]), seats: undefined, recording: { state: 'asking', consents: { host: null }, started_ms: null } } }))
      await p.locator('dialog').waitFor()
      await look(p, `consent ${on}`)
      p.room.send(JSON.stringify({ event: 'room.state', data: { ...room([]), seats: undefined, recording: { state: 'on', consents: { host: true }, started_ms: Date.now() } } }))
      await p.locator('.rec').waitFor()
      await p.locator('.top .y-button.primary').click()
      await p.locator('dialog dl').waitFor()
      await look(p, `start ${on}`)
    }
    tests[`waiting, refused, guest: ${on}`] = async () => {
      const p = await page(shape, lang, { joined: { seat: 's9', resume: 'r', state: 'waiting', room: null } })
      await p.goto('/guest#0123456789abcdef')
      await p.locator('.test').waitFor()
      await look(p, `guest test ${on}`)
      await p.locator('.test .y-button.primary').click()
      await p.locator('h1').filter({ hasText: /wait|\u7a0d\u5019/ }).waitFor()
      await look(p, `waiting ${on}`)
      p.room.send(JSON.stringify({ event: 'room.refused', data: { reason: '' } }))
      await p.locator('h1').filter({ hasText: /not let|\u6ca1\u6709\u51c6\u8bb8/ }).waitFor()
      await look(p, `refused ${on}`)
      const bad = await page(shape, lang)
      await bad.goto('/guest')
      await bad.getByRole('alert').waitFor()
      await look(bad, `guest without ticket ${on}`)
    }
  }
}
tests['what could not be read is not called empty, and can be asked for again'] = async () => {
  let broken = true
  const p = await page(PHONE, 'zh', { answer: (m, path) => (path === '/session' ? json(200, { ...ME, rights: [...ME.rights, 'patient.read'] }) : broken ? fault(500, 'internal') : null) })
  for (const [path, empty] of [['/', '目前没有待您处理的事项'], ['/cases', '没有会诊'], ['/notices', '没有通知']]) {
    broken = true
    await p.goto(path)
    await p.locator('main').getByRole('alert').first().waitFor()
    assert.equal(await p.getByText(empty).filter({ visible: true }).count(), 0, `${path} says that there is nothing`)
    p.faults = []
    await look(p, `broken ${path}`)
    broken = false
    await p.locator('main').getByRole('button', { name: '重试' }).click()
    await p.locator('main').getByRole('alert').first().waitFor({ state: 'hidden' })
  }
  await p.goto('/patients')
  broken = true
  await p.locator('main input').fill('z')
  await p.locator('main').getByRole('alert').first().waitFor()
  assert.equal(await p.getByText('没有找到患者').filter({ visible: true }).count(), 0, 'the search says that there is nobody')
}
tests['a page that cannot be fetched on a broken line leaves nobody outside: it comes when the line is back'] = async () => {
  let away = false
  const p = await page(PHONE, 'zh', { answer: () => (away ? 'abort' : null) })
  await p.route('**/assets/**', (route) => (away ? route.abort() : route.continue()))
  await p.goto('/')
  await p.locator('h1').first().waitFor()
  away = true
  await p.locator('.tabs').getByRole('link', { name: '通知' }).click()
  await p.getByText('暂时连接不上服务器').waitFor()
  await axe(p, 'away')
  away = false
  await p.waitForURL('**/notices')
  await p.locator('.list').waitFor()
}
tests['before its time the room says when it opens, and then it can be entered'] = async () => {
  const closed = { ...JSON.parse(plausible('GET', '/cases/c1').body), room: { id: 'c1', opens_ms: Date.now() + 4000, open: false, waiting: [] } }
  const p = await page(DESKTOP, 'zh', { answer: (m, path) => (path === '/cases/c1' ? json(200, closed) : null) })
  await p.goto('/cases/c1/room')
  await p.locator('.test .y-banner', { hasText: /会诊室将于 .* 开放，到时这里就能进入/ }).waitFor()
  const enter = p.locator('.test .row.end .y-button.primary')
  assert.ok(await enter.isDisabled(), 'nobody walks into a closed door')
  await look(p, 'not yet open')
  await p.waitForFunction(() => !document.querySelector('.test .row.end .y-button.primary').disabled)
  assert.equal(await p.getByText('到时这里就能进入').count(), 0)
}
tests['a camera that another program holds: what to do is said, and it opens when asked again or plugged in'] = async () => {
  const p = await page(DESKTOP, 'zh')
  await p.addInitScript(() => {
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
    globalThis.held = 'NotReadableError'
    navigator.mediaDevices.getUserMedia = (c) => (c.video && globalThis.held ? Promise.reject(new DOMException('', globalThis.held)) : real(c))
    const list = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices)
    navigator.mediaDevices.enumerateDevices = async () => (await list()).filter((d) => d.kind !== 'videoinput' || globalThis.held !== 'NotFoundError')
  })
  await p.goto('/cases/c1/room')
  const banner = p.locator('.test .y-banner.warn')
  await banner.getByText('可能正被其他程序或网页占用，关掉它们后再试').waitFor()
  await look(p, 'camera held')
  await p.evaluate(() => (globalThis.held = ''))
  await banner.getByRole('button', { name: '再试一次' }).click()
  await p.locator('.preview video').waitFor()
  assert.equal(await banner.count(), 0)
  await p.evaluate(() => (globalThis.held = 'NotFoundError'))
  await p.getByLabel('带画面进入').uncheck()
  await p.evaluate(() => navigator.mediaDevices.dispatchEvent(new Event('devicechange')))
  await p.getByLabel('带画面进入').check()
  await banner.getByText('没有找到设备').waitFor()
  await p.evaluate(() => {
    globalThis.held = ''
    navigator.mediaDevices.dispatchEvent(new Event('devicechange'))
  })
  await p.locator('.preview video').waitFor()
  assert.equal(await banner.count(), 0)
}
tests['another page takes the keyboard with it and is said aloud'] = async () => {
  const p = await page(DESKTOP, 'zh')
  await p.goto('/')
  await p.locator('h1').first().waitFor()
  await p.locator('nav.side').getByRole('link', { name: '通知' }).focus()
  await p.keyboard.press('Enter')
  await p.waitForURL('**/notices')
  await p.locator('.shell > [role=status]', { hasText: '通知' }).waitFor({ state: 'attached' })
  assert.equal(await p.evaluate(() => document.activeElement.id), 'main')
  await p.keyboard.press('Tab')
  assert.ok(await p.evaluate(() => document.querySelector('#main').contains(document.activeElement)), 'the next stop is in the page')
}
tests['whoever waits for long is told what else can be done'] = async () => {
  let passed = 0 // the server's clock goes as the page's
  const answer = (m, path) => (path === '/session' ? json(200, { ...ME, server_ms: Date.now() + passed }) : null)
  const p = await page(DESKTOP, 'zh', { answer, joined: { seat: 's9', resume: 'r', state: 'waiting', room: null } })
  await p.clock.install()
  await p.goto('/cases/c1/room')
  await p.locator('.test .row.end .y-button.primary').click()
  await p.getByText('主持人进入会诊室就能看到您在等候').waitFor()
  passed = 200_000
  await p.clock.runFor(passed)
  await p.getByText('已等候 3 分钟').waitFor()
}
await run(tests, async (test) => {
  try {
    await test()
  } finally {
    for (const context of browser.contexts()) await context.close()
  }
})
await browser.close()
stop()
