// Voices over a line that loses 10 % of all datagrams, both ways, by a seeded relay: Chromium sends RED (RFC 2198) because our answer has it first, the server has what was
// lost again from the next packet, and sends RED itself to who loses. Beside it a page that is told nothing of RED, on the same line at the same time.
import assert from 'node:assert/strict'
import { launch, run } from './lib.mjs'
import { makeRelay, throughRelay } from './line.mjs'
import { arrivals, brings, enterBy, member, until } from './live.mjs'
import { openRoom } from './person.mjs'
import { startSite } from './site.mjs'

const LOSS = 0.1
const MEASURE_MS = 25_000

/** Init script: what the server says of RED is not heard. */
const plainVoices = () => {
  const real = RTCPeerConnection.prototype.setRemoteDescription
  RTCPeerConnection.prototype.setRemoteDescription = function (d) {
    const types = [...d.sdp.matchAll(/^a=rtpmap:(\d+) red\/48000/gim)].map((m) => m[1])
    const lines = d.sdp.split('\r\n').filter((l) => !types.some((t) => l.startsWith(`a=rtpmap:${t} `) || l.startsWith(`a=fmtp:${t} `)))
    const sdp = lines.map((l) => (l.startsWith('m=audio ') ? l.split(' ').filter((w, i) => i < 3 || !types.includes(w)).join(' ') : l)).join('\r\n')
    return real.call(this, { type: d.type, sdp })
  }
}
/** Packets by direction and payload type: RTP headers are in the clear. (getStats names the codec inside.) */
const RED = 63
const count = { up: {}, down: {} }
const note = (way) => (m) => {
  if (m[0] >> 6 !== 2 || (m[1] >= 192 && m[1] <= 223)) return
  count[way][m[1] & 127] = (count[way][m[1] & 127] ?? 0) + 1
}
/** The share of RED among voice packets of one way while `ms` pass. */
async function share(way, ms) {
  count[way] = {}
  await host.waitForTimeout(ms)
  const { [RED]: red = 0, 111: plain = 0 } = count[way]
  return red / Math.max(1, red + plain)
}

const site = await startSite()
const { caseId } = await openRoom(site, { team: true })
const relay = Object.assign(await makeRelay(site.address, site.media), { up: note('up'), down: note('down') })
const browser = await launch()
const host = await member(browser, site.base, 'xy.qian')
const twice = await member(browser, site.base, 'qs.zhang')
const once = await member(browser, site.base, 'xy.xu')
for (const page of [twice, once]) await page.addInitScript(throughRelay, { port: site.media, relay: relay.port })
await once.addInitScript(plainVoices)

/** How much of `who`'s voice `page` had to make up, of all in `MEASURE_MS`; several at once. */
async function concealed(pairs) {
  const mic = async ([page, who]) => (await arrivals(page))[`${who.called}/mic`]
  const before = await Promise.all(pairs.map(mic))
  await host.waitForTimeout(MEASURE_MS)
  const after = await Promise.all(pairs.map(mic))
  return after.map((a, i) => ({ concealed: (a.concealed - before[i].concealed) / (a.samples - before[i].samples), lost: (a.lost - before[i].lost) / (a.packets + a.lost - before[i].packets - before[i].lost)}))
}
const percent = (x) => `${(x * 100).toFixed(1)} %`
const say = (what, m) => console.log(`     ${what}: ${percent(m.concealed)} concealed, ${percent(m.lost)} of the packets lost on the last way`)

await run({
  async 'three in, voices only: RED goes up because the answer has it first'() {
    await enterBy(host, null, caseId, { useCamera: false })
    await enterBy(twice, host, caseId, { useCamera: false })
    await enterBy(once, host, caseId, { useCamera: false })
    for (const [page, who] of [[host, twice], [host, once], [twice, host], [once, host]]) await brings(page, who.called, ['mic'])
    const [up, down] = [await share('up', 3000), await share('down', 3000)]
    console.log(`     a good line: RED ${percent(up)} of the voice packets up (one page of two), ${percent(down)} down`)
    assert.ok(up > 0.25 && up < 0.75, 'one of the two')
    assert.equal(down, 0, 'a good line needs no RED')
  },
  async 'at 10 % loss far less is made up with RED than without, both ways'() {
    relay.loss = LOSS
    const t0 = Date.now()
    await until(async () => (await share('down', 500)) > 0.25, 'RED to who loses')
    console.log(`     RED down ${((Date.now() - t0) / 1000).toFixed(1)} s after the loss began`)
    count.down = {}
    const [down, downPlain, up, upPlain] = await concealed([[twice, host], [once, host], [host, twice], [host, once]])
    const { [RED]: red = 0, 111: plain = 0 } = count.down
    console.log(`     RED is ${percent(red / (red + plain))} of the packets of voices down (one page of two; padding counts too)`)
    say('down, RED', down)
    say('down, plain', downPlain)
    say('up, RED', up)
    say('up, plain', upPlain)
    assert.ok(down.concealed < downPlain.concealed * 0.7, 'down') // a busy machine's late packets are taken for a queue, and RED waits
    assert.ok(up.concealed < upPlain.concealed / 2, 'up')
  },
  async 'on a good line again each packet goes once'() {
    relay.loss = 0
    await until(async () => (await share('down', 500)) === 0, 'plain again')
  },
})
await browser.close()
await site.stop()
relay.close()
