// A hospital's endoscope in the consultation room: the administrator enters a camera that speaks RTSP, the host shows it, the expert in another
// hospital sees it, a wrong password is said in plain words, and the host ends it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { axe, launch, ROOT, run } from './lib.mjs'
import { enterBy, member, playing, shot, tile, until } from './live.mjs'
import { openRoom } from './person.mjs'
import { startSite } from './site.mjs'

const freePort = () => new Promise((done) => { const s = createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)) }) })
const port = await freePort()
const camera = spawn('/usr/bin/python3', [`${ROOT}/tests/lib/rtsp_camera.py`, String(port)], { stdio: ['ignore', 'pipe', 'ignore'] })
process.on('exit', () => camera.kill('SIGKILL'))
await new Promise((done) => camera.stdout.once('data', done))

const site = await startSite()
const { caseId, zhang: township } = await openRoom(site)
const browser = await launch()
const admin = await member(browser, site.base, 'admin')
const host = await member(browser, site.base, 'qs.zhang')
const expert = await member(browser, site.base, 'xy.qian')
const NAME = '内镜一室 胃镜'
const people = (page) => page.getByRole('tab', { name: /人员/ }).click()
const line = (page) => page.locator('.people li', { hasText: NAME })
/** The institution's name as the host's session has it. */
const house = (await township.ask('GET', '/session')).post?.org?.name ?? '青山'

async function fill(password) {
  const box = admin.locator('dialog')
  await box.getByLabel('密码').fill(password)
  await box.getByRole('button', { name: '保存' }).click()
  await box.waitFor({ state: 'detached' })
}

await run({
  async 'the administrator enters a device'() {
    await admin.goto('/admin/devices')
    await admin.getByText('还没有登记设备').waitFor()
    await shot(admin, 'devices-empty')
    await admin.getByRole('button', { name: '登记设备' }).click()
    const box = admin.locator('dialog')
    await box.getByLabel('名称').fill(NAME)
    await box.getByLabel('所属机构').selectOption({ label: house })
    await box.getByLabel('地址').fill(`rtsp://user:pw@127.0.0.1:${port}/eye`)
    await box.getByLabel('用户名').fill('user')
    await box.getByRole('button', { name: '保存' }).click()
    await box.getByText('不含用户名、密码和空格').waitFor()
    await box.getByLabel('地址').fill(`rtsp://127.0.0.1:${port}/eye`)
    await axe(admin, 'the form of a device')
    await shot(admin, 'device-form')
    await fill('wrong')
    await admin.getByText('已设密码').waitFor()
    await axe(admin, 'the list of devices')
    await shot(admin, 'devices')
  },
  async 'a wrong password is said in plain words'() {
    await enterBy(host, null, caseId, {})
    await enterBy(expert, null, caseId, {})
    await people(host)
    await host.getByRole('button', { name: '接入影像设备' }).click()
    await host.locator('dialog').getByText(NAME).waitFor()
    await axe(host, 'the list of devices in the room')
    await shot(host, 'room-devices')
    await host.locator('dialog').getByRole('button', { name: '接入', exact: true }).click()
    await line(host).getByText('用户名或密码不对').waitFor()
    await shot(host, 'room-device-refused')
    await people(expert)
    await line(expert).getByText('用户名或密码不对').waitFor()
    await host.getByRole('button', { name: '接入影像设备' }).click()
    await host.locator('dialog').getByRole('button', { name: '停止接入' }).click()
    await host.locator('dialog').getByRole('button', { name: '关闭' }).last().click()
    await line(host).waitFor({ state: 'detached' })
  },
  async 'with the right one everybody sees its picture'() {
    await admin.getByRole('button', { name: '修改' }).click()
    await fill('s3:cr@t')
    await host.getByRole('button', { name: '接入影像设备' }).click()
    const began = Date.now()
    await host.locator('dialog').getByRole('button', { name: '接入', exact: true }).click()
    await line(host).getByText('画面已接入').waitFor()
    for (const page of [host, expert]) await playing(page, NAME, 'camera2')
    console.log(`# the device's picture is at both ${Date.now() - began} ms after the asking`)
    const video = tile(expert, NAME, 'camera2').locator('video')
    assert.equal(await video.evaluate((v) => v.videoWidth), 320)
    const at = await video.evaluate((v) => v.currentTime)
    await until(() => video.evaluate((v, t) => v.currentTime > t + 1, at), 'the picture moves')
    await axe(expert, 'a room with a device')
    for (const page of [host, expert]) await shot(page, `room-device-${page.login}`)
  },
  async 'the host ends it'() {
    await people(host)
    await host.getByRole('button', { name: '接入影像设备' }).click()
    await host.locator('dialog').getByRole('button', { name: '停止接入' }).click()
    for (const page of [host, expert]) await tile(page, NAME, 'camera2').waitFor({ state: 'detached' })
    for (const page of [admin, host, expert]) assert.deepEqual(page.faults.filter((f) => !/422/.test(f)), [], page.login)
  },
})
await browser.close()
camera.kill('SIGKILL')
await site.stop()
