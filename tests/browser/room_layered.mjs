// Needs: YL_LAYERED=1 (by hand: three pages and an encoder of three sizes are too much for the time of every test run).
// The second camera (an ultrasound, an endoscope) as one VP9 stream with three sizes in it (option room.layered): each viewer gets the size that
// his tile has pixels for, what nobody looks at is not encoded, changing sizes freezes nothing, a recording plays, and while somebody is in who
// cannot receive it all are sent the plain form. What a line carries is not looked at here (room_thin_line.mjs does): the viewers say nothing of it.
import assert from 'node:assert/strict'
import { launch, run } from './lib.mjs'
import { arrivals, brings, enterBy, leave, member, playing, shot, tile, until } from './live.mjs'
import { openRoom } from './person.mjs'
import { startSite } from './site.mjs'

const site = await startSite()
const { caseId, zhang } = await openRoom(site, { team: true })
const browser = await launch()
const doctor = await member(browser, site.base, 'qs.zhang', { camera: { width: 1280, height: 720, rate: 12 } })
const chair = await member(browser, site.base, 'xy.qian')
const other = await member(browser, site.base, 'xy.xu')

/** Without transport-wide feedback a viewer's line is not measured: on a busy machine its estimate, not the page, would choose the size. */
const withoutLine = () => {
  const real = RTCPeerConnection.prototype.setRemoteDescription
  RTCPeerConnection.prototype.setRemoteDescription = function (d) {
    return real.call(this, d.type === 'offer' ? { type: d.type, sdp: d.sdp.replace(/a=extmap:\d+ [^\r]*transport-wide-cc[^\r]*\r\n/g, '') } : d)
  }
}
for (const page of [chair, other]) await page.addInitScript(withoutLine)
const choice = { useCamera: false, useMic: false }

/** An old browser: what it is offered of VP9 it does not know. */
const withoutVp9 = () => {
  const real = RTCPeerConnection.prototype.setRemoteDescription
  RTCPeerConnection.prototype.setRemoteDescription = function (d) {
    const sdp = d.sdp.replace(/\r\nm=video [^\r]*/g, (m) => m.replace(/ 9[89](?= |$)/g, '')).replace(/a=(rtpmap|fmtp|rtcp-fb):9[89] [^\r]*\r\n/g, '')
    return real.call(this, d.type === 'offer' ? { type: d.type, sdp } : d)
  }
}
const key = () => `${doctor.called}/camera2`
const got = async (page) => (await arrivals(page))[key()] ?? {}
/** What the doctor's browser sends of it: codec, mode, lines, and seconds of encoding and bytes so far. */
const sent = () =>
  doctor.evaluate(async () => {
    const pc = globalThis.pcs.find((p) => p.connectionState === 'connected' && p.localDescription?.type === 'offer')
    const report = await pc.getStats()
    const rows = [...report.values()].filter((s) => s.type === 'outbound-rtp' && s.kind === 'video' && s.frameHeight && s.active && pc.getTransceivers().find((t) => t.mid === s.mid)?.currentDirection === 'sendonly')
    const s = rows.find((r) => !r.rid) ?? {}
    return { codec: report.get(s.codecId)?.mimeType, mode: s.scalabilityMode, height: s.frameHeight, frames: s.framesEncoded ?? 0, seconds: s.totalEncodeTime ?? 0, bytes: s.bytesSent ?? 0 }
  })
const sends = (mode, height) => until(async () => {
  const s = await sent()
  return s.codec === 'video/VP9' && s.mode === mode && s.height === height // a busy sender leaves its largest size out at times
}, `${mode} with ${height} lines is encoded`)
const lines = (page, height) => until(async () => (await got(page)).height === height, `${page.login} gets ${height} lines`)
const large = async (page) => (await tile(page, doctor.called, 'camera2').getAttribute('class')).includes('big')
const look = async (page, source) => {
  if ((await large(page)) !== (source === 'camera2')) await tile(page, doctor.called, source).click()
  await until(async () => (await large(page)) === (source === 'camera2'), `${source} is large`)
}
async function cost(what) {
  const a = await sent()
  await doctor.waitForTimeout(4000)
  const b = await sent()
  const frames = b.frames - a.frames
  console.log(`     ${what}: ${b.codec} ${b.mode}, ${b.height} lines, ${frames} frames in 4 s, ${((1000 * (b.seconds - a.seconds)) / Math.max(1, frames)).toFixed(1)} ms of encoding a frame, ${(((b.bytes - a.bytes) * 8) / 4000).toFixed(0)} kbit/s`)
  return b
}

await run({
  async 'two viewers, one stream: 720 lines where it is large, 180 where it is small'() {
    await enterBy(doctor, null, caseId, choice)
    await enterBy(chair, null, caseId, choice)
    await enterBy(other, doctor, caseId, choice)
    await doctor.getByRole('button', { name: '第二画面' }).click()
    await doctor.locator('dialog .stack button').first().click()
    for (const page of [chair, other]) await playing(page, doctor.called, 'camera2')
    await lines(chair, 720)
    await lines(other, 720)
    await look(other, 'camera')
    await lines(other, 180)
    assert.equal((await got(chair)).height, 720)
    for (const page of [chair, other]) assert.equal((await got(page)).codec, 'video/VP9')
    await cost('both sizes are watched')
    await sends('L3T3_KEY', 720)
    await shot(other, 'layered-small')
  },
  async 'small and large again, and nothing freezes at either'() {
    const before = [await got(chair), await got(other)]
    for (const source of ['camera2', 'camera', 'camera2']) {
      await look(other, source)
      await lines(other, source === 'camera2' ? 720 : 180)
      await brings(other, doctor.called, ['camera2'])
    }
    const after = [await got(chair), await got(other)]
    for (const [i, page] of [chair, other].entries()) {
      console.log(`     ${page.login}: ${after[i].frames - before[i].frames} frames, ${after[i].freezes - before[i].freezes} freezes (${(after[i].frozen_s - before[i].frozen_s).toFixed(2)} s), ${after[i].lost} packets lost`)
      assert.ok(after[i].frames > before[i].frames + 5 && after[i].frozen_s - before[i].frozen_s < 1, `${page.login}: changing sizes stood still`)
    }
  },
  async 'a size that nobody looks at rests, and comes back'() {
    for (const page of [chair, other]) await look(page, 'camera')
    await sends('L1T3', 180)
    await cost('only the smallest is watched')
    await brings(chair, doctor.called, ['camera2'])
    const t0 = Date.now()
    await look(chair, 'camera2')
    await lines(chair, 720)
    console.log(`     720 lines again after ${Date.now() - t0} ms`)
    assert.equal((await got(other)).height, 180)
  },
  async 'somebody who cannot receive it: the plain form for all, and back when he leaves'() {
    await leave(other)
    const old = await member(browser, site.base, 'xy.xu')
    await old.addInitScript(withoutLine)
    await old.addInitScript(withoutVp9)
    await enterBy(old, doctor, caseId, choice)
    await playing(old, doctor.called, 'camera2')
    for (const page of [old, chair]) {
      await until(async () => (await got(page)).codec === 'video/VP8', `${page.login} gets VP8`)
      await brings(page, doctor.called, ['camera2'])
    }
    await lines(chair, 720)
    await cost('plain, for all')
    await leave(old)
    await until(async () => (await got(chair)).codec === 'video/VP9', 'VP9 again')
    await brings(chair, doctor.called, ['camera2'])
    await old.context().close()
  },
  async 'recorded whole: it plays, has thumbnails, and a film is made of it'() {
    await chair.getByRole('button', { name: '录制', exact: true }).click()
    for (const page of [doctor, chair]) {
      const agree = page.getByRole('button', { name: '同意录制', exact: true })
      await agree.or(page.getByText('正在录制')).first().waitFor()
      if (await agree.count()) await agree.click()
    }
    for (const page of [doctor, chair]) await page.getByText('正在录制').first().waitFor()
    await chair.waitForTimeout(6000)
    await chair.getByRole('button', { name: '停止录制' }).click()
    const recording = async () => (await zhang.ask('GET', `/cases/${caseId}/recordings`)).items[0]
    await until(async () => (await recording())?.sealed, 'sealed')
    const made = await recording()
    assert.deepEqual(made.tracks.filter((t) => t.kind === 'video').map((t) => [t.source, t.content_type]), [['camera2', 'video/webm']])
    await zhang.ask('POST', `/recordings/${made.id}/exports`, { layout: 'grid' })
    await leave(chair)
    await chair.goto(`/cases/${caseId}`)
    await chair.getByRole('tab', { name: /录像|Recordings/ }).click()
    await chair.waitForFunction(() => document.querySelector('.player video')?.readyState >= 2)
    await chair.getByRole('button', { name: /^(播放|Play)$/ }).click()
    await chair.waitForFunction(() => document.querySelector('.player video').currentTime > 1.5)
    const played = await chair.evaluate(() => (({ videoHeight, videoWidth }) => ({ videoWidth, videoHeight }))(document.querySelector('.player video')))
    console.log(`     plays ${JSON.stringify(played)}`)
    assert.ok([180, 360, 720].includes(played.videoHeight)) // what a busy sender could encode; media_plane.mjs asserts the largest
    await shot(chair, 'layered-playback')
    await until(async () => (await recording()).exports[0]?.state === 'done', 'the film')
    await until(async () => (await recording()).strip?.cells > 0 && (await recording()).poster, 'thumbnails')
    await chair.reload()
    await chair.getByRole('tab', { name: /录像|Recordings/ }).click()
    await chair.waitForFunction(() => document.querySelector('.player video')?.readyState >= 2)
    await shot(chair, 'layered-recording')
  },
})
await browser.close()
await site.stop()
