// A live room on the real daemon, in real Chromium: two doctors, their devices, one document before both of them, and the messages of the case.
// More people: room_people.mjs; lost and bad lines: room_network.mjs, room_bad_line.mjs; recording: room_recording.mjs, playback.mjs; the device
// test and guests: room_devices.mjs.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { axe, DESKTOP, launch, PHONE, ROOT, run } from './lib.mjs'
import { admit, brings, enterButton, enterBy, inside, leave, member, mySeat, playing, shot, until, waiting } from './live.mjs'
import { openRoom } from './person.mjs'
import { startSite } from './site.mjs'

const site = await startSite()
site.ctl('demo', 'load', join(ROOT, 'config/demo/centre'))
const { caseId } = await openRoom(site)
const browser = await launch()
const host = await member(browser, site.base, 'xy.qian')
const other = await member(browser, site.base, 'qs.zhang')
const settings = async (page, role, name) => {
  await page.getByRole('button', { name: /网络模式/ }).click()
  await page.getByRole(role, { name }).click()
}
/** What a doctor does who is told that the room is open: each press is counted, time runs from the first to the other's first picture. */
async function byNotice(page, id) {
  await page.evaluate(() => localStorage.setItem('yl.devices', JSON.stringify({ codec: 'vp8' })))
  const began = Date.now()
  let clicks = 0
  const press = async (what) => {
    await what.click()
    clicks++
  }
  await press(page.locator('.bell > button'))
  await press(page.locator('.bell .panel button', { hasText: /会诊室已开放/ }).first())
  const way = await Promise.race([page.waitForURL(`**/cases/${id}/room`).then(() => 'room'), page.waitForURL(`**/cases/${id}`).then(() => 'case')])
  if (way === 'case') await press(page.getByRole('link', { name: '进入会诊室' }).first())
  await press(enterButton(page))
  await Promise.race([inside(page), waiting(page)])
  if (!(await page.locator('.live').count())) await admit(other)
  await inside(page)
  page.called = page.names[mySeat(page)]
  await playing(page, other.called)
  return { clicks, seconds: ((Date.now() - began) / 1000).toFixed(1) }
}
const SHEET = '.viewer .sheet'
const drawn = (page) => page.waitForFunction((s) => document.querySelector(s)?.offsetWidth > 50, SHEET)

/** The record across hospitals in the panel of a running call: nothing wider than the panel, nothing behind its edge, and a way out of it that
 *  does not hang up. */
async function timelineBeside(page, name) {
  const record = page.getByRole('tab', { name: /病历资料|^Record$/ })
  if (await record.count()) await record.click()
  await page.getByRole('tab', { name: /患者时间线|Patient timeline/ }).click()
  await page.locator('.timeline .event').first().waitFor()
  await axe(page, `${name}: timeline in a call`)
  await shot(page, `timeline-${name}`)
  const { wide, clipped, away } = await page.locator('.timeline').evaluate((t) => {
    const panel = t.closest('.panel')
    const edge = panel.getBoundingClientRect().right + 1
    return {
      wide: panel.scrollWidth - panel.clientWidth,
      clipped: [...t.querySelectorAll('.event *')].filter((x) => x.getBoundingClientRect().right > edge || (x.children.length === 0 && getComputedStyle(x).overflowX !== 'visible' && !x.classList.contains('sr') && x.scrollWidth > x.clientWidth + 1)).length,
      away: [...t.querySelectorAll('.event a')].map((a) => a.target),
    }
  })
  assert.ok(wide <= 1, `${name}: the panel scrolls sideways by ${wide}`)
  assert.equal(clipped, 0, `${name}: something is cut off`)
  assert.deepEqual([...new Set(away)], away.length ? ['_blank'] : [], `${name}: a link to a case would leave the call`)
  if (await page.locator('.timeline .day').count() > 1) {
    await page.locator('.timeline .event').last().scrollIntoViewIfNeeded()
    await shot(page, `timeline-end-${name}`)
  }
}

await run({
  async 'two doctors see and hear each other'() {
    await enterBy(other, null, caseId, { codec: 'vp8' })
    const job = await byNotice(host, caseId)
    console.log(`     joining, from the notice to the first picture: ${job.clicks} clicks, ${job.seconds} s`)
    assert.ok(job.clicks <= 3, 'bell, notice, enter')
    console.log(`     first picture: ${await playing(host, other.called)} ms at the expert, ${await playing(other, host.called)} ms at the township`)
    for (const [page, who] of [[host, other], [other, host]]) assert.equal((await brings(page, who.called)).camera.codec, 'video/VP8')
    await axe(host, 'room with pictures')
  },
  async 'camera off and on; another camera in the middle of the call'() {
    await other.getByRole('button', { name: /摄像头已开/ }).click()
    await host.waitForFunction((who) => [...document.querySelectorAll('.tile[data-source=camera]')].find((t) => t.textContent.includes(who))?.querySelector('video').srcObject === null, other.called)
    await shot(host, 'camera-off')
    await other.getByRole('button', { name: /摄像头已关/ }).click()
    await playing(host, other.called)
    await settings(other, 'menuitem', '更换设备')
    await other.getByLabel('摄像头', { exact: true }).selectOption({ index: 2 })
    await axe(other, 'device picker')
    await shot(other, 'device-picker')
    await other.keyboard.press('Escape')
    await brings(host, other.called)
  },
  async 'a document is shown to all: page, zoom and pointer follow'() {
    await host.locator('.doc-thumb', { hasText: 'lab-report' }).click()
    await drawn(host)
    await host.getByRole('button', { name: '给所有人看' }).click()
    await drawn(other)
    await axe(other, 'a document is shown')
    await other.evaluate((s) => {
      globalThis.seen = []
      new MutationObserver(() => globalThis.seen.push(Date.now())).observe(document.querySelector(s), { attributes: true })
    }, SHEET)
    const took = []
    for (let i = 0; i < 10; i++) {
      const pressed = await host.evaluate((name) => {
        const button = [...document.querySelectorAll('.viewer button')].find((b) => b.getAttribute('aria-label') === name || b.title === name)
        const at = Date.now()
        button.click()
        return at
      }, i % 2 ? '缩小' : '放大')
      await other.waitForFunction((t) => globalThis.seen.some((s) => s >= t), pressed)
      took.push((await other.evaluate((t) => globalThis.seen.find((s) => s >= t), pressed)) - pressed)
    }
    took.sort((a, b) => a - b)
    console.log(`     shown to the other after ${took.join(' ')} ms (bar: 200)`)
    await host.getByRole('button', { name: '指示点' }).click()
    const box = await host.locator(SHEET).boundingBox()
    await host.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.4)
    await host.mouse.move(box.x + box.width * 0.55, box.y + box.height * 0.45, { steps: 4 })
    await until(() => other.locator('.viewer').evaluate((v, name) => v.textContent.includes(name), host.called), 'the pointer with its name')
    await shot(other, 'document')
    await shot(host, 'document-mine')
    await other.getByRole('button', { name: '自己看' }).click()
    await other.getByRole('button', { name: '跟随' }).click()
    await host.getByRole('button', { name: '停止共同查看' }).click()
    await other.getByText('正在给大家看').waitFor({ state: 'detached' })
    await host.getByRole('button', { name: '关闭资料' }).click()
  },
  async 'the patient across hospitals, beside the faces'() {
    await timelineBeside(host, 'desktop-zh')
    await host.getByRole('tab', { name: '概览' }).click()
  },
  async 'messages of the case, with a picture; counted where they are not looked at'() {
    await host.getByRole('tab', { name: /消息/ }).click()
    await host.getByRole('textbox', { name: /输入消息/ }).fill('请补充头颅CT，发病时间以最后正常时间为准。')
    await host.keyboard.press('Enter')
    await host.locator('.chat input[type=file]').setInputFiles(join(ROOT, 'config/demo/documents/abdomen-ct.jpg'))
    await host.locator('.bubble .doc-thumb').waitFor()
    await other.getByRole('tab', { name: /消息\s*\d/ }).waitFor()
    await other.getByRole('tab', { name: /消息/ }).click()
    await other.locator('.bubble .doc-thumb').waitFor()
    await other.getByText('请补充头颅CT').waitFor()
    await axe(other, 'messages')
    await host.getByText('1 人已读').first().waitFor()
    await shot(other, 'chat')
    await other.locator('.bubble .doc-thumb').click()
    await drawn(other)
    await shot(other, 'chat-picture-open')
  },
  async 'on a phone and in English'() {
    await leave(other)
    const phone = await member(browser, site.base, 'qs.zhang', { shape: PHONE, lang: 'en' })
    await enterBy(phone, null, caseId)
    await playing(phone, host.called)
    assert.equal(mySeat(phone), mySeat(other), 'one seat a person')
    await axe(phone, 'room on a phone')
    await shot(phone, 'room-en')
    await phone.getByRole('tab', { name: /Messages|Chat/ }).click()
    await shot(phone, 'chat-en')
    await phone.getByRole('tab', { name: /People/ }).click()
    await phone.locator('.people').getByRole('button', { name: host.called, exact: true }).click()
    await shot(phone, 'people-menu-en')
    await phone.keyboard.press('Escape')
    await timelineBeside(phone, 'phone-en')
    await phone.context().close()
    for (const [shape, lang, name] of process.env.YL_SHOTS ? [[PHONE, 'zh', 'phone-zh'], [DESKTOP, 'en', 'desktop-en']] : []) {
      const page = await member(browser, site.base, 'qs.zhang', { shape, lang })
      await enterBy(page, null, caseId)
      await timelineBeside(page, name)
      await page.context().close()
    }
    const wide = await member(browser, site.base, 'xy.chen', { lang: 'en' })
    await enterBy(wide, null, caseId)
    await playing(wide, host.called)
    await shot(wide, 'room-en')
    await wide.getByRole('button', { name: 'Large video', exact: true }).click()
    await axe(wide, 'large pictures')
    await shot(wide, 'large-en')
  },
  async 'no page threw'() {
    for (const page of [host, other]) assert.deepEqual(page.faults, [], page.login)
  },
})
await browser.close()
await site.stop()
