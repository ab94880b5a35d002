// The page's client library against a scripted server: what goes over the wire when things go wrong. (room.mjs and friends run the real daemon.)
import assert from 'node:assert/strict'
import { launch, open, run, startVite } from './lib.mjs'
import { fault, json, ME, plausible, room, scripted, seat } from './scripted.mjs'

const vite = await startVite()
const browser = await launch()
/** A signed-in page at /notices; `answer(method, path, request)` may return a fulfilment for an API call, `ws` handles sockets. */
async function page({ answer = () => null, socket = () => {}, session = () => json(200, ME) } = {}) {
  const p = await open(browser, { base: vite.base })
  p.setDefaultTimeout(120_000) // hundreds of modules, on a machine that does ten other things
  p.setDefaultNavigationTimeout(120_000)
  p.calls = []
  await p.addInitScript(() => localStorage.setItem('yl.in', '1'))
  await p.route('**/api/v1/**', (route) => {
    const r = route.request()
    const path = new URL(r.url()).pathname.slice(7)
    p.calls.push({ method: r.method(), path, headers: r.headers(), body: r.postData() })
    const own = answer(r.method(), path, r)
    if (own === 'abort') return route.abort()
    if (own) return route.fulfill(own)
    if (path === '/session' && r.method() === 'GET') return route.fulfill(session())
    if (path === '/notices') return route.fulfill(json(200, { items: [], unread: 0, next: null }))
    return route.fulfill(json(200, {}))
  })
  await p.routeWebSocket('**/ws', (ws) => socket(ws))
  await p.goto('/notices')
  await p.getByRole('heading', { level: 1 }).waitFor()
  return p
}
const inRoom = (p, keep = 'yl.room.test') =>
  p.evaluate(async (k) => {
    const { Call } = await import('/src/room/call.ts')
    const tickets = []
    const choice = { mic: '', camera: '', speaker: '', camera2: '', useMic: true, useCamera: false, codec: 'auto' }
    const call = new Call({ keep: k, deviceName: 'test', ticket: async (renew) => (tickets.push(renew), `ticket-${tickets.length}`) })
    Object.assign(globalThis, { call, tickets })
    await call.enter(choice)
  }, keep)
const phase = (p, want) => p.waitForFunction((w) => globalThis.call.phase.value === w, want)

await run({
  'a timeline reads as reports with their values and visits with their diagnoses, day by day': async () => {
    const p = await page()
    const got = await p.evaluate(async () => {
      const { blocksOf, daysOf, levelOf, isText, unitText } = await import('/src/timeline/blocks.ts')
      const day = 86_400_000
      const e = (id, kind, message_id, t_ms, more = {}) => ({ id, kind, message_id, t_ms, title: id, ...more })
      const items = [
        e('14', 'observation', 'm2', 5 * day + 60, { flag: 'HH', head_id: '12' }), e('13', 'observation', 'm2', 5 * day + 60, { flag: 'L', head_id: '12' }), e('12', 'report', 'm2', 5 * day + 50),
        e('11', 'observation', 'm2', 5 * day + 40, { flag: 'N', head_id: '10' }), e('10', 'report', 'm2', 5 * day + 30),
        e('03', 'diagnosis', 'm1', 2 * day + 9, { head_id: '01' }), e('02', 'diagnosis', 'm1', 2 * day + 9, { head_id: '01' }), e('01', 'encounter', 'm1', 2 * day + 1),
        e('21', 'observation', 'm3', day, { flag: 'A' }), e('20', 'observation', 'm3', day), e('30', 'allergy', 'm4', 5, { flag: 'MO' }), { id: '40', kind: 'case', t_ms: 1, title: 'c' },
      ]
      const days = daysOf(blocksOf(items))
      return [days.map((d) => d.blocks.map((b) => [b.head?.id ?? null, b.parts.map((x) => x.id).join()])), items.map((x) => levelOf(x)).filter(Boolean), [{ value: 'x'.repeat(30) }, { value: 'x'.repeat(30), unit: 'g' }, { value: '1\n\u590d\u67e5' }].map(isText), ['10*9/L', '10^12/L', 'g/L', null].map(unitText)]
    })
    assert.deepEqual(got, [
      [[['12', '13,14'], ['10', '11']], [['01', '02,03']], [[null, '20,21']], [['30', ''], ['40', '']]],
      ['critical_high', 'low', 'abnormal'],
      [true, false, true], ['10⁹/L', '10¹²/L', 'g/L', ''],
    ])
    await p.context().close()
  },
  async 'why a picture is less is said after a while and taken back after a while: a line on the edge makes nothing flicker'() {
    const p = await page()
    const said = await p.evaluate(async () => {
      const { Notices } = await import('/src/room/notices.ts')
      const told = (reports) => {
        const n = new Notices()
        return reports.map((r, i) => n.input([{ track: 'a', grade: 'A', reduced: 'none', by: '', bps: 1, loss: 0, delay_ms: 1, frozen_ms: 0, ...r }], 2000 * i).get('a')?.what ?? '-').join(' ')
      }
      const size = { reduced: 'size', by: 'line' }
      const held = { reduced: 'held', by: 'line' }
      const far = { by: 'sender_line' }
      return {
        once: told([size, {}, size, {}, {}]),
        thin: told([size, size, {}, size, {}, {}, {}, {}, {}, {}, {}]),
        held: told([held, {}, {}, {}, {}]),
        stills: told([{ reduced: 'stills', by: 'line' }, held, {}, {}, {}, {}]),
        far: told([far, far, far, far, far, {}, {}, {}, {}]),
        both: told([far, far, far, far, far, size, size]),
      }
    })
    assert.deepEqual(said, {
      once: '- - - - -',
      thin: '- size size size size size size back back back -',
      held: 'held size size size back',
      stills: 'stills held size size size back',
      far: '- - - - sender_line sender_line sender_line sender_line back',
      both: '- - - - sender_line sender_line size',
    })
  },
  async 'writes carry the CSRF token and an idempotency key; reads carry neither'() {
    const p = await page()
    await p.evaluate(async () => {
      const { api } = await import('/src/lib/api.ts')
      await api.post('/x', { a: 1 })
      await api.get('/y', { q: 'z', empty: '' })
    })
    const write = p.calls.find((c) => c.path === '/x')
    const read = p.calls.find((c) => c.path === '/y')
    assert.equal(write.headers['x-csrf-token'], 'token-1')
    assert.match(write.headers['idempotency-key'], /^[0-9a-f]{32}$/)
    assert.equal(read.headers['x-csrf-token'], undefined)
    assert.equal(read.headers['idempotency-key'], undefined)
  },
  async 'a write lost on the way is repeated once with the same key'() {
    let tries = 0
    const p = await page({ answer: (m, path) => (path === '/x' ? (++tries === 1 ? 'abort' : json(200, { done: tries })) : null) })
    const got = await p.evaluate(async () => (await import('/src/lib/api.ts')).api.post('/x', {}))
    const keys = p.calls.filter((c) => c.path === '/x').map((c) => c.headers['idempotency-key'])
    assert.deepEqual(got, { done: 2 })
    assert.equal(keys.length, 2)
    assert.equal(keys[0], keys[1])
  },
  async 'a fault keeps its fields and speaks both languages'() {
    const p = await page({ answer: (m, path) => (path === '/x' ? fault(422, 'invalid', { fields: [{ path: 'form.questions[0].text', reason: 'required' }] }) : null) })
    const said = await p.evaluate(async () => {
      const { api } = await import('/src/lib/api.ts')
      const { setLocale } = await import('/src/lib/i18n.ts')
      const error = await api.post('/x', {}).catch((e) => e)
      const zh = [error.code, error.status, error.field('form.questions[0].text'), error.field('other')]
      setLocale('en')
      return [...zh, error.sentence]
    })
    assert.deepEqual(said, ['invalid', 422, '\u5fc5\u586b', null, 'Some entries need correcting'])
  },
  async 'an ended session leads to the sign-in page and back'() {
    let ended = false
    const p = await page({ answer: (m, path) => (ended && path !== '/session' ? fault(401, 'unauthenticated') : null) })
    ended = true
    await p.evaluate(async () => (await import('/src/lib/api.ts')).api.get('/anything').catch(() => {}))
    await p.waitForURL('**/login?next=/notices&ended=1')
  },
  async 'what was written when the session ended is kept for its person, and sent after the next sign-in'() {
    let ended = false
    const sent = []
    const p = await page({
      session: () => (ended ? fault(401, 'unauthenticated') : json(200, ME)),
      answer: (m, path, r) => {
        if (ended && path !== '/session') return fault(401, 'unauthenticated')
        if (m === 'PATCH') return sent.push(r.postDataJSON().form.text), json(200, {})
        return m === 'POST' && path === '/session' ? ((ended = false), json(200, ME)) : null
      },
    })
    ended = true
    const state = await p.evaluate(async () => (await (await import('/src/lib/queue.ts')).sendOrKeep('case/c1', 'PATCH', '/cases/c1', { version: 7, form: { text: 'a paragraph' } })).state)
    assert.equal(state, 'kept')
    await p.waitForURL(/login/)
    await p.evaluate(async () => (await import('/src/lib/session.ts')).signIn('zhang', 'secret'))
    for (const end = Date.now() + 5000; Date.now() < end && !sent.length; ) await new Promise((done) => setTimeout(done, 50))
    assert.deepEqual(sent, ['a paragraph'])
  },
  async 'a reason half written when the session ended stands in its dialog again, for its writer alone'() {
    let [ended, who] = [false, ME]
    const sent = []
    const p = await page({
      session: () => (ended ? fault(401, 'unauthenticated') : json(200, who)),
      answer: (m, path, r) => {
        if (m === 'POST' && path === '/session') return (ended = false), json(200, who)
        if (path === '/session') return null
        if (ended) return fault(401, 'unauthenticated')
        if (m === 'POST' && path.endsWith('/acts/interrupt')) return sent.push(r.postDataJSON().reason), plausible('GET', '/cases/c1')
        return plausible(m, path)
      },
    })
    const dialog = p.getByRole('dialog', { name: '标记中断' })
    const reason = dialog.getByLabel(/^原因/)
    const signIn = async () => {
      await p.waitForURL(/login/)
      await p.locator('input[autocomplete=username]').fill('li')
      await p.locator('input[type=password]').fill('secret')
      await p.keyboard.press('Enter')
      await p.waitForURL('**/cases/c1')
    }
    await p.goto('/cases/c1')
    await p.getByRole('button', { name: '标记中断' }).click()
    await reason.fill('对方网络中断，十分钟后再连')
    ended = true
    await dialog.getByRole('button', { name: '标记中断' }).click()
    who = { ...ME, person: { ...ME.person, id: 'p9', name: 'Wang' } }
    await signIn()
    await p.getByRole('button', { name: '标记中断' }).click()
    assert.equal(await reason.inputValue(), '', 'not of somebody else')
    await p.keyboard.press('Escape')
    ended = true // signed out
    await p.evaluate(async () => (await import('/src/lib/session.ts')).signOut())
    await p.waitForURL(/login/)
    who = ME
    await signIn()
    await dialog.waitFor() // nobody has to look for it
    await dialog.getByText('已放回您上次未提交的内容').waitFor()
    assert.equal(await reason.inputValue(), '对方网络中断，十分钟后再连')
    await dialog.getByRole('button', { name: '标记中断' }).click()
    await dialog.waitFor({ state: 'detached' })
    assert.deepEqual(sent, ['对方网络中断，十分钟后再连'])
    const open = () => p.getByRole('button', { name: '标记中断' }).click()
    await open()
    assert.equal(await reason.inputValue(), '', 'it was sent')
    await reason.fill('先不交')
    await p.keyboard.press('Escape')
    await open()
    await dialog.getByText('已放回').waitFor()
    await dialog.getByRole('button', { name: '清空' }).click()
    assert.equal(await reason.inputValue(), '')
    await reason.fill('不要了')
    await dialog.getByRole('button', { name: '取消' }).click()
    await open()
    await p.waitForTimeout(600)
    assert.equal(await reason.inputValue(), '', 'given up')
    await p.context().close()
  },
  async 'the call into a room is told where one is, and leads into it'() {
    let ws
    const p = await page({ answer: plausible, socket: (s) => ((ws = s), scripted(s, {})) })
    await p.waitForFunction(() => document.querySelector('.bell'))
    const notice = (id, t_ms) => ({ event: 'notice', data: { id, t_ms, text: { zh: '会诊室已开放，请进入', en: '' }, case_id: 'c1', page: '/cases/c1/room', urgent: false, unread: 1 } })
    for (let i = 0; i < 100 && !ws; i++) await p.waitForTimeout(50)
    ws.send(JSON.stringify(notice('n8', Date.now() - 9 * 3_600_000)))
    ws.send(JSON.stringify(notice('n9', Date.now())))
    await p.getByRole('status').filter({ hasText: '会诊室已开放' }).getByRole('button', { name: '进入会诊室' }).click()
    await p.waitForURL('**/cases/c1/room')
    await p.context().close()
  },
  async 'who does nothing is asked, then signed out; who watches is not'() {
    let out = false // then the server knows no session, as the real one
    const p = await page({ answer: (m, path) => {
      if (path !== '/session') return null
      out ||= m === 'DELETE'
      return out && m === 'GET' ? fault(401, 'unauthenticated') : null
    } })
    await p.clock.install()
    await p.evaluate(async () => {
      const { holdAwakeWhile, idleSecondsLeft, startIdleClock } = await import('/src/lib/session.ts')
      globalThis.watching = new idleSecondsLeft.constructor(true) // a ref of the page's own Vue
      document.querySelector('#app').__vue_app__._instance.scope.run(() => holdAwakeWhile(() => globalThis.watching.value))
      startIdleClock() // by the clock that the test moves
    })
    const warning = p.getByText(/还在吗/)
    await p.clock.runFor(ME.idle_ms * 3)
    assert.equal(await warning.count(), 0)
    assert.ok(!p.calls.some((c) => c.method === 'DELETE'), 'still signed in')
    await p.evaluate(() => (globalThis.watching.value = false))
    await p.clock.runFor(ME.idle_ms - 30_000)
    await warning.first().waitFor()
    await p.clock.runFor(40_000)
    await p.waitForURL(/login/)
    await p.context().close()
  },
  async 'the sign-in page never leads to another site'() {
    const p = await page()
    const to = await p.evaluate(async () => {
      const { safeNext } = await import('/src/router.ts')
      return ['/cases/1', '//evil.example', '/\\evil.example', 'https://evil.example', undefined, ['/x']].map(safeNext)
    })
    assert.deepEqual(to, ['/cases/1', '/', '/', '/', '/', '/'])
  },
  async 'a draft without network is kept sealed, newest wins, and is sent when the network is back'() {
    let away = true
    const p = await page({ answer: (m, path) => (path === '/cases/c9' ? (away ? 'abort' : json(200, { version: 2 })) : null) })
    const states = await p.evaluate(async () => {
      const q = await import('/src/lib/queue.ts')
      const a = await q.sendOrKeep('case/c9', 'PATCH', '/cases/c9', { form: { text: 'older' } })
      const b = await q.sendOrKeep('case/c9', 'PATCH', '/cases/c9', { form: { text: 'newer' } })
      return [a.state, b.state, q.pending.value, await q.kept('case/c9')]
    })
    assert.deepEqual(states, ['kept', 'kept', 1, { form: { text: 'newer' } }])
    await p.getByText('\u8054\u7f51\u540e\u81ea\u52a8\u53d1\u9001').waitFor()
    const raw = await p.evaluate(
      () => new Promise((done) => {
        const o = indexedDB.open('yilian')
        o.onsuccess = () => {
          const all = o.result.transaction('drafts').objectStore('drafts').getAll()
          all.onsuccess = () => done(all.result.map((x) => new TextDecoder().decode(x.bytes)))
        }
      }),
    )
    assert.equal(raw.length, 1)
    assert.ok(!raw[0].includes('newer'), 'the text lies open in the store')
    away = false
    p.calls.length = 0
    await p.evaluate(async () => (await import('/src/lib/queue.ts')).flush())
    assert.deepEqual(p.calls.filter((c) => c.path === '/cases/c9').map((c) => JSON.parse(c.body)), [{ form: { text: 'newer' } }])
    assert.equal(await p.evaluate(async () => (await import('/src/lib/queue.ts')).pending.value), 0)
  },
  async 'a kept draft survives a reload'() {
    const p = await page({ answer: (m, path) => (path === '/cases/c9' ? 'abort' : null) })
    await p.evaluate(async () => (await import('/src/lib/queue.ts')).sendOrKeep('case/c9', 'PATCH', '/cases/c9', { form: { text: 'kept' } }))
    await p.reload()
    await p.getByText('\u8054\u7f51\u540e\u81ea\u52a8\u53d1\u9001').waitFor()
    assert.deepEqual(await p.evaluate(async () => (await import('/src/lib/queue.ts')).kept('case/c9')), { form: { text: 'kept' } })
  },
  async 'a kept draft the server refuses is shown, not dropped in silence'() {
    let answer = 'abort'
    const p = await page({ answer: (m, path) => (path === '/cases/c9' ? answer : null) })
    await p.evaluate(async () => (await import('/src/lib/queue.ts')).sendOrKeep('case/c9', 'PATCH', '/cases/c9', {}))
    answer = fault(409, 'conflict', { reason: 'stale_version' })
    await p.evaluate(async () => (await import('/src/lib/queue.ts')).flush())
    await p.getByText('\u672a\u88ab\u670d\u52a1\u5668\u63a5\u53d7').waitFor()
  },
  async 'an upload goes on where the server says it is'() {
    const sent = []
    let held = 0
    const p = await page({
      answer: (m, path, r) => {
        if (path === '/uploads') return json(200, { upload_id: 'u', offset: 0, chunk_bytes: 4 })
        if (path === '/uploads/u/finish') return json(200, { id: 'd', bytes: held })
        if (path !== '/uploads/u') return null
        if (m === 'HEAD') return { status: 200, headers: { 'Upload-Offset': String(held) } }
        const at = Number(r.headers()['upload-offset'])
        if (sent.length === 1) {
          held = 6 // the server got more than its lost answer said
          sent.push('lost')
          return fault(409, 'conflict')
        }
        sent.push(`${at}:${r.postData()}`)
        held = at + r.postData().length
        return { status: 204, headers: { 'Upload-Offset': String(held) } }
      },
    })
    const doc = await p.evaluate(async () => (await import('/src/lib/upload.ts')).uploadFile(new File(['abcdefghij'], 'a.txt'), { category: 'other' }))
    assert.deepEqual(sent, ['0:abcd', 'lost', '6:ghij'])
    assert.equal(doc.bytes, 10)
  },
  async 'push: unread numbers live, pages catch up after a lost connection'() {
    const sockets = []
    const p = await page({ socket: (ws) => (sockets.push(ws), scripted(ws, {})) })
    await p.waitForFunction(async () => (await import('/src/lib/push.ts')).connected.value)
    await p.evaluate(async () => {
      globalThis.caught = 0
      ;(await import('/src/lib/push.ts')).onCaughtUp(() => globalThis.caught++)
    })
    while (!sockets.length) await p.waitForTimeout(20)
    await p.waitForTimeout(100)
    sockets[0].send(JSON.stringify({ event: 'notice', data: { id: 'n', t_ms: 1, text: { zh: 'x', en: 'x' }, case_id: null, urgent: false, unread: 7 } }))
    await p.getByRole('button', { name: '\u901a\u77e5\uff0c7' }).waitFor()
    await sockets[0].close({ code: 1011 })
    await p.waitForFunction(() => globalThis.caught === 1)
    assert.equal(sockets.length, 2)
  },
  async 'room: the same seat comes back after the socket is lost, with the same ticket and the resume secret'() {
    const joins = []
    const sockets = []
    const p = await page({ socket: (ws) => scripted(ws, { 'room.join': (args, s) => (sockets.push(s), joins.push(args), { seat: 's1', resume: 'secret-1', state: 'admitted', room: room([seat('s1'), seat('host', { role: 'host' })]) }) }) })
    await inRoom(p)
    await phase(p, 'in')
    assert.deepEqual([joins[0].ticket, joins[0].resume], ['ticket-1', undefined])
    sockets[0].send(JSON.stringify({ event: 'room.seat', seq: 41, data: seat('s3') }))
    await p.waitForFunction(() => globalThis.call.seats.value.has('s3'))
    await sockets[0].close({ code: 1011 })
    while (joins.length < 2) await p.waitForTimeout(20)
    assert.deepEqual([joins[1].ticket, joins[1].resume, joins[1].last_seq], ['ticket-1', 'secret-1', 41])
    await phase(p, 'in')
    assert.deepEqual(await p.evaluate(() => globalThis.tickets), [false])
  },
  async 'room: an expired ticket is renewed once, a refused one ends in words'() {
    const joins = []
    const p = await page({ socket: (ws) => scripted(ws, { 'room.join': (args) => (joins.push(args.ticket), args.ticket === 'ticket-1' ? { error: { code: 'gone' } } : { error: { code: 'denied' } }) }) })
    await inRoom(p)
    await phase(p, 'failed')
    assert.deepEqual(joins, ['ticket-1', 'ticket-2'])
    assert.deepEqual(await p.evaluate(() => [globalThis.tickets, globalThis.call.fault.value.code]), [[false, true], 'denied'])
  },
  async 'room: waiting, then admitted; refused; removed; ended; replaced'() {
    let ws1
    const p = await page({ socket: (ws) => scripted(ws, { 'room.join': (a, s) => ((ws1 = s), { seat: 's1', resume: 'r', state: 'waiting', room: null }) }) })
    const event = (event, data) => ws1.send(JSON.stringify({ event, data }))
    await inRoom(p)
    await phase(p, 'waiting')
    event('room.admitted', { room: room([seat('s1')]) })
    await phase(p, 'in')
    event('room.left', { seat: 's1', reason: 'removed' })
    await phase(p, 'removed')
    await inRoom(p, 'k2')
    await phase(p, 'waiting')
    event('room.refused', { reason: 'x' })
    await phase(p, 'refused')
    await inRoom(p, 'k3')
    await phase(p, 'waiting')
    event('room.admitted', { room: room([seat('s1')]) })
    await phase(p, 'in')
    event('room.state', { ...room([]), seats: undefined, state: 'ended' })
    await phase(p, 'ended')
    await inRoom(p, 'k4')
    await phase(p, 'waiting')
    await ws1.close({ code: 4010 })
    await phase(p, 'replaced')
  },
  async 'room: muted by the host, the microphone really stops'() {
    let ws1
    const published = []
    const p = await page({ socket: (ws) => scripted(ws, { 'room.join': (a, s) => ((ws1 = s), { seat: 's1', resume: 'r', state: 'admitted', room: room([seat('s1')]) }), 'media.publish': (a) => (published.push(a), { error: { code: 'unavailable' } }) }) })
    await inRoom(p)
    await phase(p, 'in')
    while (!published.length) await p.waitForTimeout(20)
    assert.deepEqual(published[0].tracks.map((t) => t.source), ['mic'])
    ws1.send(JSON.stringify({ event: 'room.seat', data: seat('s1', { muted_by_host: true }) }))
    await p.waitForFunction(() => globalThis.call.local.mic.muted)
    assert.equal(await p.evaluate(() => globalThis.call.up.pc.getSenders()[0].track), null)
  },
  async 'room: media that fail leave the room usable and are tried again'() {
    let tries = 0
    const p = await page({ socket: (ws) => scripted(ws, { 'room.join': () => ({ seat: 's1', resume: 'r', state: 'admitted', room: room([seat('s1')]) }), 'media.publish': () => (tries++, { error: { code: 'internal' } }) }) })
    await inRoom(p)
    await phase(p, 'in')
    await p.waitForFunction(() => globalThis.call.mediaFault.value !== null)
    while (tries < 2) await p.waitForTimeout(50)
    assert.equal(await p.evaluate(() => globalThis.call.phase.value), 'in')
  },
  async 'room: the offer of a camera is simulcast q, h, f; the chosen codec comes first'() {
    const p = await page()
    const sdp = await p.evaluate(async () => {
      const { Uplink } = await import('/src/room/uplink.ts')
      const { openCamera } = await import('/src/room/devices.ts')
      let offer = ''
      const up = new Uplink(async (verb, args) => ((offer = args.sdp), Promise.reject(new Error('stop'))), 'h264')
      up.prepare({ camera: await openCamera('') })
      await up.publish().catch(() => {})
      return offer
    })
    assert.match(sdp, /a=simulcast:send q;h;f/)
    const first = /m=video \d+ \S+ (\d+)/.exec(sdp)[1]
    assert.match(sdp, new RegExp(`a=rtpmap:${first} H264/90000`))
  },
  async 'room: showing a document sends at most 30 a second and the last position arrives'() {
    const shows = []
    const p = await page({ socket: (ws) => scripted(ws, { 'room.join': () => ({ seat: 's1', resume: 'r', state: 'admitted', room: room([seat('s1')], { host_seat: 's1' }) }), 'room.show': (a) => (shows.push(a.show), {}) }) })
    await inRoom(p)
    await phase(p, 'in')
    const ms = await p.evaluate(async () => {
      const { useShared } = await import('/src/room/shared.ts')
      const shared = useShared(globalThis.call)
      shared.start('d1')
      const t0 = performance.now()
      for (let i = 1; i <= 100; i++) {
        shared.move({ page: 1, zoom: 2, x: i / 100, y: 0.5 })
        await new Promise((r) => setTimeout(r, 5))
      }
      return performance.now() - t0
    })
    while (shows.at(-1)?.x !== 1) await p.waitForTimeout(20)
    assert.ok(shows.length <= (ms / 1000) * 30 + 3, `${shows.length} messages in ${Math.round(ms)} ms`)
  },
}, async (test) => {
  try {
    await test()
  } finally {
    for (const context of browser.contexts()) await context.close()
  }
})
await browser.close()
await vite.stop()
