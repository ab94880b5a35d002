// Three people in one room, a township's doctor and an MDT team of the county, in real Chromium: every source at every receiver, and what hosts and people may do.
import assert from 'node:assert/strict'
import { axe, launch, PHONE, run } from './lib.mjs'
import { admit, arrivals, brings, enter, enterBy, inside, leave, member, mySeat, playing, shot, tile, until, waiting } from './live.mjs'
import { openRoom } from './person.mjs'
import { startSite } from './site.mjs'

const site = await startSite()
const { caseId, zhang: township } = await openRoom(site, { team: true })
const browser = await launch()
const zhang = await member(browser, site.base, 'qs.zhang') // the township's doctor, with the patient
const qian = await member(browser, site.base, 'xy.qian') // the county's chair: the room is his
const xu = await member(browser, site.base, 'xy.xu') // a member of the team: waits to be let in
const all = [zhang, xu, qian]
const others = (page) => all.filter((p) => p !== page)

async function together(codec) {
  for (const page of all) await leave(page)
  await enterBy(zhang, null, caseId, { codec })
  await enterBy(qian, null, caseId, { codec })
  await enterBy(xu, zhang, caseId, { codec })
}
/** Everybody's camera and microphone at everybody else. */
async function everybodyAtEverybody(codec) {
  for (const page of all) {
    for (const other of others(page)) {
      const got = await brings(page, other.called)
      assert.equal(got.camera.codec, codec)
      assert.equal(got.mic.codec, 'audio/opus')
      console.log(`     ${other.called} at ${page.called}: ${got.camera.frames} frames decoded, audio energy ${got.mic.energy.toFixed(4)}`)
    }
  }
}
const people = (page) => page.getByRole('tab', { name: /人员/ }).click()
async function hostDoes(host, who, item) {
  await people(host)
  await host.locator('.people').getByRole('button', { name: who, exact: true }).click()
  await host.getByRole('menuitem', { name: item }).click()
}
const mute = (page) => page.getByRole('button', { name: /麦克风已开/ }).click()
const unmute = (page) => page.getByRole('button', { name: /麦克风已关/ }).click()
const mainOf = (page) => page.locator('.tile.big').getAttribute('data-seat')

await run({
  async 'everybody sees and hears everybody, VP8'() {
    await together('vp8')
    await everybodyAtEverybody('video/VP8')
    await axe(qian, 'room of three')
    for (const page of all) await shot(page, `three-${page.login}`)
  },
  async 'screen, camera and second camera of one person at the same time'() {
    await zhang.getByRole('button', { name: '共享屏幕' }).click()
    await zhang.getByRole('button', { name: '第二画面' }).click()
    await zhang.locator('dialog .stack button').first().click()
    for (const page of [xu, qian]) {
      await playing(page, zhang.called, 'camera2')
      const got = await brings(page, zhang.called, ['screen', 'camera', 'camera2', 'mic'])
      console.log(`     at ${page.called}: ${Object.entries(got).map(([s, g]) => `${s} ${s === 'mic' ? g.energy.toFixed(4) : `${g.frames} frames of ${g.height} lines`}`).join(', ')}`)
    }
    await shot(xu, 'screen-camera-camera2')
    await zhang.getByRole('button', { name: '停止共享' }).click()
    await zhang.getByRole('button', { name: '关闭第二画面' }).click()
    for (const page of [xu, qian]) for (const source of ['screen', 'camera2']) await tile(page, zhang.called, source).waitFor({ state: 'detached' })
    await brings(xu, zhang.called)
  },
  async 'who speaks is marked and becomes large at the others'() {
    await mute(zhang)
    await mute(qian)
    for (const page of [zhang, qian]) {
      await page.locator(`.tile.speaking[data-seat="${mySeat(xu)}"]`).waitFor()
      await until(async () => (await mainOf(page)) === mySeat(xu), 'the speaker is large')
    }
    await shot(zhang, 'speaking')
    await mute(xu)
    await unmute(qian)
    await xu.locator(`.tile.speaking[data-seat="${mySeat(qian)}"]`).waitFor()
    await until(async () => (await mainOf(zhang)) === mySeat(qian), 'the next speaker is large')
    for (const page of [zhang, xu]) await unmute(page)
  },
  async 'spotlight: one picture is large at everybody, whoever speaks'() {
    await hostDoes(qian, zhang.called, '设为主画面')
    await until(async () => (await mainOf(xu)) === mySeat(zhang), 'the spotlight')
    await mute(zhang)
    await xu.waitForTimeout(1500)
    assert.equal(await mainOf(xu), mySeat(zhang))
    await shot(qian, 'spotlight')
    await hostDoes(qian, zhang.called, '取消主画面')
    await until(async () => (await mainOf(xu)) !== mySeat(zhang), 'no spotlight')
    await unmute(zhang)
  },
  async 'a hand is raised, seen and lowered by the host'() {
    await xu.getByRole('button', { name: '举手' }).click()
    for (const page of [zhang, qian]) await page.locator('.y-toasts').getByText(xu.called).first().waitFor()
    await people(qian)
    await shot(qian, 'hand')
    await hostDoes(qian, xu.called, '放下其手')
    await xu.getByRole('button', { name: '举手' }).waitFor()
  },
  async 'muted by the host: the server passes nothing on, whatever the page sends'() {
    await hostDoes(qian, xu.called, '将其静音')
    await xu.getByRole('button', { name: /麦克风已关/ }).waitFor()
    await shot(xu, 'muted-by-host')
    // A page that does not obey: its sender gets a live microphone again.
    await xu.evaluate(async () => {
      const [track] = (await navigator.mediaDevices.getUserMedia({ audio: true })).getAudioTracks()
      for (const pc of globalThis.pcs) for (const s of pc.getTransceivers()) if (pc.connectionState === 'connected' && s.direction === 'sendonly' && s.receiver.track.kind === 'audio') await s.sender.replaceTrack(track)
    })
    const sent = () => xu.evaluate(async () => {
      let n = 0
      for (const pc of globalThis.pcs.filter((p) => p.connectionState === 'connected')) (await pc.getStats()).forEach((s) => (n += s.type === 'outbound-rtp' && s.kind === 'audio' ? s.packetsSent : 0))
      return n
    })
    const [sent0, zhang0] = [await sent(), (await arrivals(zhang))[`${xu.called}/mic`].packets]
    await xu.waitForTimeout(2500)
    const [sent1, zhang1] = [await sent(), (await arrivals(zhang))[`${xu.called}/mic`].packets]
    assert.ok(sent1 > sent0 + 20, 'the page sends')
    assert.ok(zhang1 - zhang0 <= 2, `${zhang1 - zhang0} packets came through`)
    console.log(`     ${sent1 - sent0} packets sent, ${zhang1 - zhang0} passed on`)
    await unmute(xu)
    await brings(zhang, xu.called, ['mic'])
  },
  async 'a case that moves on is seen by all in the room: the session starts'() {
    await zhang.getByRole('button', { name: '开始会诊' }).click()
    const dialog = zhang.locator('dialog[open]')
    await dialog.getByLabel('已当场核对患者身份，与申请一致').check()
    await dialog.getByLabel('同意', { exact: true }).check()
    await shot(zhang, 'start')
    await dialog.getByRole('button', { name: '开始会诊' }).click()
    await dialog.waitFor({ state: 'detached' })
    for (const page of all) await page.getByRole('button', { name: '开始会诊', exact: true }).waitFor({ state: 'detached' })
    assert.equal((await township.ask('GET', `/cases/${caseId}`)).state, 'IN_SESSION')
  },
  async 'sent out: the seat is gone, and coming back means waiting again'() {
    await hostDoes(qian, xu.called, '移出会诊室')
    await xu.locator('h1', { hasText: '移出' }).waitFor()
    await shot(xu, 'removed')
    await tile(zhang, xu.called).waitFor({ state: 'detached' })
    const before = mySeat(xu)
    await xu.getByRole('button', { name: '重新进入' }).click()
    await xu.locator('.test .row.end .y-button.primary').click()
    await waiting(xu)
    assert.notEqual(mySeat(xu), before)
    await axe(xu, 'waiting room')
    await shot(xu, 'waiting')
    await qian.getByText('请求进入').waitFor()
    await axe(qian, 'somebody waits')
    await shot(qian, 'asks-in')
  },
  async 'refused, told so, and let in the next time'() {
    await zhang.getByRole('button', { name: '不准许', exact: true }).click()
    await xu.locator('h1', { hasText: '没有准许' }).waitFor()
    await axe(xu, 'refused')
    await shot(xu, 'refused')
    await qian.getByText('请求进入').waitFor({ state: 'detached' })
    await enter(xu, caseId, { codec: 'vp8' })
    await waiting(xu)
    // Who gives up waiting is no longer offered to the host.
    await qian.getByText('请求进入').waitFor()
    await xu.getByRole('button', { name: '离开' }).click()
    await xu.locator('h1', { hasText: '离开' }).waitFor()
    await qian.getByText('请求进入').waitFor({ state: 'detached' })
    await enter(xu, caseId, { codec: 'vp8' })
    await waiting(xu)
    await admit(qian)
    await inside(xu)
    await brings(xu, zhang.called)
  },
  async 'everybody sees and hears everybody, H.264'() {
    await together('h264')
    await everybodyAtEverybody('video/H264')
  },
  async 'the machine\'s administrator sees lines and streams, and nobody'() {
    const sys = await member(browser, site.base, 'sys')
    const small = await member(browser, site.base, 'sys', { shape: PHONE, lang: 'en' })
    for (const page of [sys, small]) {
      await page.goto('/admin/rooms')
      await page.locator('tbody tr').filter({ hasText: /会诊|Consultation/ }).getByRole('button').click()
      await until(async () => (await page.locator('.seat').count()) === 3, 'three seats')
      for (const text of [/UDP IPv4/, /VP8|H\.264/, /\d+×\d+/, /99%/]) await page.locator('.figures').getByText(text).first().waitFor()
      await page.locator('.seat').first().getByRole('button').click()
      await page.locator('.seat').first().locator('table').nth(1).getByText(/kbit\/s|Mbit\/s/).first().waitFor()
      await until(async () => (await page.locator('svg.trail').count()) > 2, 'grades over time')
      await axe(page, `live rooms ${page === small ? 'phone en' : 'desktop zh'}`)
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1), 'wider than the screen')
      await shot(page, 'rooms-live')
    }
    const told = await sys.locator('main').innerText()
    for (const page of all) assert.ok(!told.includes(page.called), `${page.called} is named`)
    await small.context().close()
    await sys.context().close()
  },
  async 'ended by the host for all: the opinion\'s clock runs'() {
    await qian.getByRole('button', { name: '结束会诊' }).last().click()
    await shot(qian, 'end')
    await qian.getByRole('dialog').getByRole('button', { name: '结束会诊' }).click()
    for (const page of all) await page.locator('h1', { hasText: '会诊已结束' }).waitFor()
    await axe(zhang, 'ended')
    await shot(zhang, 'ended')
    await shot(xu, 'ended-expert')
    await until(async () => (await township.ask('GET', `/cases/${caseId}`)).state === 'OPINION_DRAFT', 'the opinion is awaited')
    const now = await township.ask('GET', `/cases/${caseId}`)
    assert.ok(now.due_ms > Date.now(), JSON.stringify({ due: now.due_ms }))
    assert.equal(now.room.open, false)
  },
  async 'and afterwards why somebody saw badly'() {
    const sys = await member(browser, site.base, 'sys')
    await sys.goto('/admin/rooms')
    await sys.getByRole('tab', { name: '历次会话' }).click()
    const row = sys.locator('tbody tr').filter({ hasText: '会诊' })
    await row.getByText('云岭县人民医院').waitFor()
    await row.getByRole('button', { name: '查看' }).click()
    await until(async () => (await sys.locator('.one tbody').first().locator('tr').count()) >= 2, 'who was there')
    await axe(sys, 'past sessions')
    await shot(sys, 'rooms-ended')
    await sys.getByLabel('等级').selectOption('D')
    await sys.locator('.one').waitFor({ state: 'detached' })
    assert.deepEqual(sys.faults, [])
    await sys.context().close()
  },
  async 'no page threw'() {
    for (const page of all) assert.deepEqual(page.faults, [], page.login)
  },
})
await browser.close()
await site.stop()
