// The device test, for staff on its own page and for a guest by link: picture, level, tones, and the network test against the server's echo. And
// whoever has no camera, or forbids its use, gets in all the same.
import assert from 'node:assert/strict'
import { axe, launch, PHONE, run } from './lib.mjs'
import { admit, arrivals, brings, enter, enterBy, inside, leave, member, pageOf, pressEnter, shot, tile, waiting } from './live.mjs'
import { openRoom } from './person.mjs'
import { startSite } from './site.mjs'

const site = await startSite()
const { caseId, zhang } = await openRoom(site)
const browser = await launch()
const bare = await launch({ args: ['--use-fake-device-for-media-stream=device-count=0'] }) // a computer without a camera
const strict = await launch({ without: ['--use-fake-ui-for-media-stream'] }) // one that asks for permission
const host = await member(browser, site.base, 'qs.zhang')

const invite = async (name) => (await zhang.ask('POST', `/cases/${caseId}/room/guests`, { name, relation: '家属' })).url
async function testedDevices(page, name) {
  await page.waitForFunction(() => document.querySelector('.preview video')?.videoWidth > 0)
  await page.getByText('已听到您的声音').waitFor()
  await page.getByRole('button', { name: '播放测试音' }).click()
  await axe(page, name)
  await shot(page, name)
  await page.getByRole('button', { name: '测试网络' }).click()
  await page.getByText('正在测试网络').waitFor()
  const verdict = page.locator('.test .y-banner', { hasText: /网络良好|网络一般|网络较差/ })
  await verdict.waitFor()
  const text = (await verdict.innerText()).replaceAll('\n', ' ')
  assert.match(text, /往返 \d+ 毫秒 · 丢包 [\d.]+% · 上行 [\d.]+ \w+\/s · 下行 [\d.]+ \w+\/s/)
  console.log(`     ${text}`)
  await shot(page, `${name}-network`)
}
/** Camera and microphone of `page`: "denied" or "granted", as the person chose at the address line. */
async function allow(page, setting) {
  const debug = await page.context().newCDPSession(page)
  const { browserContextId } = (await debug.send('Target.getTargetInfo')).targetInfo
  for (const name of ['camera', 'microphone']) await debug.send('Browser.setPermission', { permission: { name }, setting, origin: site.base, browserContextId })
}

await run({
  async 'staff test everything on a page of its own'() {
    await host.goto('/devices')
    await testedDevices(host, 'devices')
  },
  async 'a guest does the same by link, without an account'() {
    const guest = await pageOf(browser, site.base, { shape: PHONE })
    await guest.goto(await invite('沈小明'))
    await testedDevices(guest, 'guest-devices')
    await guest.context().close()
  },
  async 'a guest in the room has every button on the screen of a phone'() {
    await enterBy(host, null, caseId, {})
    const guest = await pageOf(browser, site.base, { shape: PHONE, lang: 'en' })
    await guest.goto(await invite('沈小明'))
    await pressEnter(guest)
    await admit(host)
    await inside(guest)
    const cut = await guest.evaluate(() => [...document.querySelectorAll('.ctls button')].filter((b) => b.getBoundingClientRect().bottom > innerHeight).length)
    assert.equal(cut, 0, 'buttons below the screen')
    await shot(guest, 'guest-in-room')
    await leave(host)
    await guest.context().close()
  },
  async 'a link that is cut short says so'() {
    const guest = await pageOf(browser, site.base, { shape: PHONE })
    await guest.goto('/guest#short')
    await guest.getByText('链接不完整或已失效').waitFor()
    await shot(guest, 'guest-bad')
    await guest.context().close()
    const wrong = await pageOf(browser, site.base, { shape: PHONE })
    await wrong.goto(`/guest#${'A'.repeat(43)}`)
    await pressEnter(wrong)
    await wrong.locator('h1', { hasText: '链接不完整或已失效' }).waitFor()
    await axe(wrong, 'a wrong link')
    await shot(wrong, 'guest-wrong')
    await wrong.context().close()
  },
  async 'a guest waits, comes in, sees faces and no record'() {
    await enterBy(host, null, caseId)
    const guest = await pageOf(browser, site.base, { shape: PHONE, lang: 'en' })
    guest.login = 'guest'
    await guest.goto(await invite('沈小明'))
    await pressEnter(guest)
    await waiting(guest)
    await axe(guest, 'guest waits')
    await shot(guest, 'guest-waiting-en')
    await admit(host)
    await inside(guest)
    await brings(guest, host.called)
    await brings(host, '沈小明')
    assert.equal(await guest.locator('.record').count(), 0)
    for (const path of ['', '/messages', '/recordings']) assert.equal(await guest.evaluate(async (u) => (await fetch(u)).status, `/api/v1/cases/${caseId}${path}`), 401)
    await axe(guest, 'guest inside')
    await shot(guest, 'guest-inside-en')
    await guest.context().close()
  },
  async 'without a camera: told so, tested, and in with sound alone'() {
    const expert = await member(bare, site.base, 'xy.qian')
    await expert.goto('/devices')
    await expert.getByText('没有找到设备').waitFor()
    await shot(expert, 'no-camera')
    await expert.getByRole('button', { name: '测试网络' }).click()
    await expert.locator('.test .y-banner', { hasText: /往返/ }).waitFor()
    await enterBy(expert, host, caseId)
    await brings(expert, host.called)
    await brings(host, expert.called, ['mic'])
    assert.equal((await arrivals(host))[`${expert.called}/camera`], undefined)
    await tile(host, expert.called).locator('.initial').waitFor()
    await shot(expert, 'in-without-camera')
    await expert.context().close()
  },
  async 'permission denied: told what to do, and in; allowed later, devices come on'() {
    const expert = await member(strict, site.base, 'xy.chen')
    await allow(expert, 'denied')
    await enter(expert, caseId)
    await inside(expert)
    await brings(expert, host.called)
    await expert.getByRole('button', { name: /麦克风已关/ }).click()
    await expert.locator('.y-toasts').getByText('没有获得使用许可').waitFor()
    await axe(expert, 'in without permission')
    await shot(expert, 'denied')
    await allow(expert, 'granted')
    await expert.getByRole('button', { name: /麦克风已关/ }).click()
    await expert.getByRole('button', { name: /摄像头已关/ }).click()
    expert.called = expert.names[expert.seats.at(-1)]
    await brings(host, expert.called)
    await expert.context().close()
  },
})
await browser.close()
await bare.close()
await strict.close()
await site.stop()
