// Lost lines, really lost: one browser sits in a network namespace behind a router; its cable is pulled, the line behind the router is cut, its
// address changes. And what needs no namespace: a killed daemon with three people, a reload, a second window of the same person.
import assert from 'node:assert/strict'
import { axe, launch, run } from './lib.mjs'
import { makeLine } from './line.mjs'
import { brings, enter, enterBy, inside, leave, member, mySeat, playing, playsAt, shot, tile, until, windowOf } from './live.mjs'
import { openRoom } from './person.mjs'
import { startSite } from './site.mjs'

const line = makeLine()
if (line.why) console.log(`skip: no network namespaces here (${line.why}); cables are not pulled`)
const site = await startSite(line.address)
const { caseId } = await openRoom(site)
const browser = await launch()
const host = await member(browser, site.base, 'xy.qian')
const third = await member(browser, site.base, 'xy.chen')
const away = line.why ? browser : await launch({ program: line.program(site.dir, process.env.CHROMIUM ?? '/usr/bin/chromium') })
const far = await member(away, site.base, 'qs.zhang')
const pause = (ms) => new Promise((r) => setTimeout(r, ms))

/** What the page's connections run over. */
const protocols = (page) =>
  page.evaluate(async () => {
    const used = []
    for (const pc of globalThis.pcs.filter((p) => p.connectionState === 'connected')) {
      const stats = [...(await pc.getStats()).values()]
      const transport = stats.find((s) => s.type === 'transport')
      const pair = stats.find((s) => s.id === transport?.selectedCandidatePairId)
      used.push(stats.find((s) => s.id === pair?.remoteCandidateId)?.protocol)
    }
    return used
  })

/** Breaks the line for `down_ms`, mends it, and says how long after that pictures came in both directions, on the same seat. */
async function broken(what, down_ms, breakIt, mendIt) {
  const [seat, joins] = [mySeat(far), far.seats.length]
  const steps = []
  for (const page of [far, host]) page.heard = (m) => !/speaking|quality/.test(m.event ?? '') && m.result !== undefined | m.event && steps.push([Date.now(), page.called, m.event ?? Object.keys(m.result ?? {}).join()])
  breakIt()
  if (down_ms) {
    await pause(down_ms - 2000)
    await shot(far, `lost-${what}`)
    await shot(host, `other-lost-${what}`)
    await pause(2000)
  }
  mendIt()
  const t0 = Date.now()
  const first = await Promise.all([playsAt(far, host.called), playsAt(host, far.called)])
  await until(() => far.seats.length > joins || Date.now() > t0 + 8000, 'the page joins again, or never lost its line')
  const [atFar, atHost] = far.seats.length > joins ? await Promise.all([playsAt(far, host.called), playsAt(host, far.called)]) : first
  console.log(`     ${what}: pictures at the far side after ${first[0] - t0} ms, at the other after ${first[1] - t0} ms; for good after ${atFar - t0} and ${atHost - t0} ms (bar: 5000)`)
  for (const page of [far, host]) page.heard = undefined
  if (process.env.YL_STEPS) for (const [at, who, step] of steps) console.log(`       ${at - t0} ${who} ${step}`)
  await Promise.all([brings(far, host.called), brings(host, far.called)])
  assert.equal(mySeat(far), seat, 'the same seat')
  console.log(`     ${far.seats.length - joins} joins; seat ${seat}`)
}

const tests = {
  async 'both are in, over the line'() {
    await enterBy(far, null, caseId)
    await enterBy(host, far, caseId)
    await Promise.all([playing(far, host.called), playing(host, far.called)])
    await brings(far, host.called)
  },
}
if (!line.why) {
  Object.assign(tests, {
    async 'its cable is pulled for ten seconds'() {
      await broken('pulled cable', 10_000, line.pull, line.plug)
    },
    async 'the line behind the router is cut for ten seconds'() {
      await broken('cut line', 10_000, line.cut, line.mend)
    },
    async 'its address changes'() {
      await broken('new address', 0, () => line.move(130, 140), () => {})
    },
    async 'a firewall lets no UDP through: the same seat, over the port of HTTPS'() {
      line.udp(false)
      try {
        const seat = mySeat(far)
        const t0 = Date.now()
        await far.reload()
        await inside(far)
        const [a, b] = await Promise.all([playsAt(far, host.called), playsAt(host, far.called)])
        console.log(`     pictures ${a - t0} ms and ${b - t0} ms after the reload began, both over TCP`)
        assert.equal(mySeat(far), seat)
        assert.deepEqual(await protocols(far), ['tcp', 'tcp'])
        await Promise.all([brings(far, host.called), brings(host, far.called)])
      } finally {
        line.udp(true)
      }
      await far.reload()
      await inside(far)
      await Promise.all([playing(far, host.called), playing(host, far.called)])
      await until(async () => !(await protocols(far)).includes('tcp'), 'UDP again when there is UDP')
    },
    async 'a cable out for two seconds'() {
      await broken('two seconds', 2_000, line.pull, line.plug)
    },
  })
}
Object.assign(tests, {
  async 'a reload: same seat, same devices, the same mode'() {
    const seat = mySeat(far)
    await far.getByRole('button', { name: /麦克风已开/ }).click()
    await far.getByRole('button', { name: '第二画面' }).click()
    await far.locator('dialog .stack button').first().click()
    await playing(host, far.called, 'camera2')
    const t0 = Date.now()
    await far.reload()
    await inside(far)
    assert.equal(mySeat(far), seat)
    const [a, b] = await Promise.all([playsAt(far, host.called), playsAt(host, far.called), playsAt(host, far.called, 'camera2')])
    console.log(`     pictures ${a - t0} ms and ${b - t0} ms after the reload began`)
    await far.getByRole('button', { name: /麦克风已关/ }).waitFor()
    await tile(host, far.called).locator('.y-icon[aria-label="已静音"]').or(tile(host, far.called).getByLabel('已静音')).first().waitFor()
    await far.getByRole('button', { name: /麦克风已关/ }).click()
    await far.getByRole('button', { name: '关闭第二画面' }).click()
    await brings(host, far.called)
  },
  async 'a second window of the same person takes the seat; the first says so and can take it back'() {
    const seat = mySeat(host)
    const second = await windowOf(host)
    await second.goto('/')
    await enter(second, caseId)
    await inside(second)
    assert.equal(mySeat(second), seat)
    await host.locator('h1', { hasText: '另一个窗口' }).waitFor()
    await axe(host, 'replaced')
    await shot(host, 'replaced')
    await playing(second, far.called)
    await host.getByRole('button', { name: '在这里继续' }).click()
    await host.locator('.test .row.end .y-button.primary').click()
    await inside(host)
    await second.locator('h1', { hasText: '另一个窗口' }).waitFor()
    await second.close()
    assert.equal(mySeat(host), seat)
    await brings(host, far.called)
  },
  async 'three people, the daemon is killed and started: everybody has his seat and sees the others'() {
    await enterBy(third, far, caseId)
    const all = [far, host, third]
    for (const page of all) for (const other of all) if (page !== other) await playing(page, other.called)
    const seats = all.map(mySeat)
    await site.end('SIGKILL')
    await far.getByText('网络断开').first().waitFor()
    await axe(far, 'lost server')
    await shot(far, 'lost-server')
    await site.start()
    const t0 = Date.now()
    const at = await Promise.all(all.flatMap((page) => all.filter((o) => o !== page).map((other) => playsAt(page, other.called))))
    console.log(`     six pictures ${Math.min(...at) - t0} to ${Math.max(...at) - t0} ms after the daemon was ready (bar: 5000)`)
    assert.deepEqual(all.map(mySeat), seats)
    for (const page of all) for (const other of all) if (page !== other) await brings(page, other.called)
  },
  async 'who leaves in peace is gone'() {
    await leave(third)
    await tile(far, third.called).waitFor({ state: 'detached' })
  },
})

await run(tests)
await browser.close()
if (away !== browser) await away.close()
await site.stop()
line.close?.()
