// The index steward's desk on the real daemon: pairs decided by keyboard, put off, undone with what comes back, two stewards at one pair, a person with
// the golden record, merge and split, whole numbers with a reason; then every page for accessibility, width and console. SHOTS=dir keeps pictures.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { axe, DESKTOP, launch, open, PHONE, run } from './lib.mjs'
import { signedIn } from './person.mjs'
import { signIn, startSite } from './site.mjs'

process.env.TZ = 'Asia/Shanghai'
const site = await startSite()
const browser = await launch()
const shots = process.env.SHOTS
if (shots) mkdirSync(shots, { recursive: true })
const shot = async (page, name) => shots && page.screenshot({ path: join(shots, `${name}.png`) })

const [township, county] = await Promise.all([signedIn(site, 'qs.zhang'), signedIn(site, 'xy.qian')])
const enter = (who, patient) => who.ask('POST', '/patients', patient)
const names = ['韩颖桂', '林慧珍', '罗美兰', '梁秋月', '欧阳静']
const pairs = []
for (const [i, name] of names.entries()) {
  const same = { name, sex: 'female', birth_date: `197${i}-03-1${i}`, address: '云岭县青石镇人民路28号' }
  const a = await enter(township, { ...same, phone: `1370000222${i}` })
  const b = await enter(county, { ...same, phone: `1365555333${i}`, address: undefined })
  assert.equal(b.index, 'review', name)
  pairs.push([a.id, b.id])
}
const shen = await enter(township, { name: '沈萍香', sex: 'female', id_type: 'id_card', id_no: '99770119670910282X', phone: '13812345678', address: '云岭县南坪乡人民路282号' })
const shen2 = await enter(county, { name: '沈平香', id_type: 'id_card', id_no: '99770119670910282X' })
assert.equal(shen2.index, 'linked')
const twin = await enter(township, { name: '席璐艳', id_type: 'id_card', id_no: '99770219681231312X', phone: '13900002222' })
const twin2 = await enter(county, { name: '席璐雯', id_type: 'id_card', id_no: '997702196812313349', phone: '13900002222' })

const page = await open(browser, { base: site.base })
page.setDefaultTimeout(30000)
await signIn(page, 'steward')
const current = (p = page) => p.locator('.queue [aria-current=true]')
const count = (p = page) => p.locator('.queue li').count()
const pairShown = (name, p = page) => p.getByRole('table', { name: '对比' }).getByText(name).first().waitFor()

const jobs = {
  'the queue opens with the pair that waits longest, compared field by field in words': async () => {
    await page.goto('/index')
    await pairShown('韩颖桂')
    assert.equal(await count(), names.length)
    assert.match(await current().innerText(), /韩颖桂/)
    const row = page.getByRole('row', { name: /^电话/ })
    assert.match(await row.innerText(), /不一致/)
    assert.match(await page.getByRole('row', { name: /^出生日期/ }).innerText(), /一致/)
    assert.ok((await current().innerText()).includes(await page.locator('.pair .sum strong').innerText()), 'the list and the pair say the same likelihood')
    assert.ok(!(await page.content()).includes('13700002220'), 'numbers are masked')
    await shot(page, 'queue_desktop_zh')
  },
  'decided by keyboard: J, K, L, A, D; the next pair comes by itself': async () => {
    await page.keyboard.press('j')
    await pairShown('林慧珍')
    await shot(page, 'queue_differences')
    await page.keyboard.press('k')
    await pairShown('韩颖桂')
    await page.keyboard.press('n')
    await page.keyboard.type('已电话核实 la') // letters typed into the note decide nothing
    await page.keyboard.press('Escape')
    await page.keyboard.press('l')
    await page.getByText('已归为同一人').waitFor()
    await pairShown('林慧珍')
    const [said, acts] = await Promise.all(['.y-toasts .toast', '.acts'].map((at) => page.locator(at).first().boundingBox()))
    assert.ok(said.y + said.height <= acts.y, 'what was done is not said over the buttons that decide the next pair')
    await page.keyboard.press('a')
    await page.getByText('已记为两个人').waitFor()
    await pairShown('罗美兰')
    await page.keyboard.press('d')
    await page.getByText('已搁置').waitFor()
    await pairShown('梁秋月')
    assert.equal(await count(), names.length - 3)
    await page.getByText('24 小时内我已裁决 3').waitFor()
  },
  'what was done is undone from the list of acts, which says what comes back': async () => {
    await page.getByRole('link', { name: '操作记录' }).click()
    const act = page.getByRole('row', { name: /裁决为同一人/ })
    assert.match(await act.innerText(), /已电话核实 la/)
    await act.getByRole('button', { name: '撤销' }).click()
    const dialog = page.locator('dialog[open]')
    await dialog.getByText('恢复为独立的个人').waitFor()
    await dialog.getByText('这一对回到待裁决列表').waitFor()
    await shot(page, 'undo_preview')
    await dialog.getByRole('button', { name: '撤销' }).click()
    await page.getByText('已撤销，恢复原状').waitFor()
    await page.getByText(/龚慧 于 .* 撤销/).waitFor()
    await shot(page, 'acts_desktop_zh')
    await page.getByRole('link', { name: '待裁决', exact: true }).click()
    await pairShown('韩颖桂')
  },
  'two stewards at one pair: the second one is told, and decides nothing': async () => {
    const other = await open(browser, { base: site.base })
    await signIn(other, 'steward')
    await other.goto('/index')
    await pairShown('韩颖桂', other)
    await county.ask('PATCH', `/patients/${pairs[0][1]}`, { version: 1, nationality: '汉族' })
    await other.keyboard.press('a')
    await other.getByText('有人刚刚改动了其中的登记').waitFor()
    await pairShown('韩颖桂', other)
    await other.keyboard.press('a')
    await other.getByText('已记为两个人').waitFor()
    await page.keyboard.press('l') // still the old picture
    await page.getByText('这一对已由他人裁决').first().waitFor()
    await shot(page, 'decided_by_another')
    assert.equal(await page.getByRole('button', { name: /是同一人/ }).count(), 0)
    await other.context().close()
  },
  'a whole number is shown with a reason, and both are kept': async () => {
    await page.goto(`/index/pair/${twin.id}/${twin2.id}`)
    await page.getByText('不可能是同一人：两个有效的居民身份证号不同').waitFor()
    assert.equal(await page.getByRole('button', { name: '合并为同一人' }).count(), 0)
    await page.keyboard.press('r')
    await page.getByLabel(/查看原因/).fill('末位不清')
    await shot(page, 'reveal')
    await page.getByRole('dialog').getByRole('button', { name: '显示' }).click()
    await page.getByRole('row', { name: /^证件号码/ }).getByText('997702196812313349').waitFor()
    await shot(page, 'barred_pair')
    const audit = await signedIn(site, 'audit')
    const lines = (await audit.ask('GET', `/audit?op=mpi.reveal`)).items
    assert.deepEqual([lines.length, lines[0].detail, lines[0].person.name], [2, 'reveal=id_no', '龚慧'])
  },
  'a person found by initials: golden record with sources, a record taken out, put back': async () => {
    await page.goto('/index/find')
    await page.getByLabel(/证件号、姓名/).fill('spx')
    const found = page.locator('.person', { hasText: '沈平香' }).filter({ hasText: '此人共有 2 份登记' })
    await shot(page, 'find_desktop_zh')
    await found.getByRole('link', { name: '打开个人主档' }).click()
    await page.getByRole('row', { name: /^电话/ }).getByText('青石镇卫生院').waitFor()
    await shot(page, 'person_desktop_zh')
    await page.getByRole('row', { name: /云岭县人民医院/ }).getByRole('button', { name: '拆出' }).click()
    await page.getByRole('dialog').getByLabel('备注（选填）').fill('登记错人')
    await page.getByRole('dialog').getByRole('button', { name: '拆出' }).click()
    await page.getByText('已拆出').waitFor()
    await page.getByRole('row', { name: /登记错人/ }).getByRole('button', { name: '撤销' }).click()
    await page.locator('dialog[open]').getByText(/回到 .* 等 1 份登记的个人/).waitFor()
    await page.locator('dialog[open]').getByRole('button', { name: '撤销' }).click()
    await page.getByRole('button', { name: '确认全部登记属于同一人' }).click()
    await page.getByText('已确认').waitFor()
    await page.getByText('人工确认').first().waitFor()
  },
  'a later registration ties two who came apart; taken back, both are as before': async () => {
    const same = { name: '邵慧琴', sex: 'female', birth_date: '1963-04-12' }
    const a = await enter(township, { ...same, phone: '13711110001' })
    const b = await enter(county, { name: '邵惠勤', id_type: 'id_card', id_no: '997701196304120026' })
    assert.equal(b.index, 'review')
    const c = await enter(township, { ...same, phone: '13711110001', id_type: 'id_card', id_no: '997701196304120026' })
    assert.equal(c.index, 'linked')
    await page.goto(`/index/persons/${a.id}`)
    await page.getByRole('row', { name: /邵惠勤/ }).first().waitFor()
    await shot(page, 'person_tied')
    for (let i = 0; i < 2; i++) {
      await page.goto('/index/acts')
      const act = page.getByRole('row', { name: /系统自动归并.*邵/ }).filter({ has: page.getByRole('button', { name: '撤销' }) }).first()
      await act.getByRole('button', { name: '撤销' }).click()
      await page.locator('dialog[open]').getByText('恢复为独立的个人').first().waitFor()
      await page.locator('dialog[open]').getByRole('button', { name: '撤销' }).click()
      await page.getByText('已撤销，恢复原状').waitFor()
    }
    await page.goto('/index')
    await page.locator('.queue li', { hasText: '邵惠勤' }).waitFor()
  },
  'two found ones are compared and merged; the steward has no other page': async () => {
    await page.goto('/index/find')
    await page.getByLabel(/证件号、姓名/).fill('欧阳')
    for (const b of [0, 1]) await page.getByRole('button', { name: /^选择 欧阳静/ }).nth(b).click()
    await page.getByRole('link', { name: '对比选中的两份' }).click()
    await page.getByRole('button', { name: '合并为同一人' }).click()
    await page.getByText('已合并').waitFor()
    await page.getByText('这两份登记现在是同一人').waitFor()
    const me = await signedIn(site, 'steward')
    assert.equal((await me.send('GET', `/patients/${shen.id}`)).status, 403)
    assert.equal((await county.send('GET', '/index/tasks')).status, 403)
    assert.deepEqual(page.faults.filter((f) => !/status of 409/.test(f)), [])
  },
}
const PAGES = [['/index', '.work [role=table]'], ['/index/find', 'input[type=search]'], ['/index/acts', 'tbody tr'], [`/index/persons/${shen.id}`, 'tbody tr'], [`/index/pair/${twin.id}/${twin2.id}`, '[role=table]']]
for (const [size, shape] of [['desktop', DESKTOP], ['phone', PHONE]]) {
  for (const lang of ['zh', 'en']) {
    jobs[`pages ${size} ${lang}`] = async () => {
      const p = await open(browser, { base: site.base, shape, lang })
      await signIn(p, 'steward')
      for (const [path, sign] of PAGES) {
        await p.goto(path)
        await p.locator(sign).first().waitFor({ timeout: 15000 })
        if (shots) await p.screenshot({ path: join(shots, `page_${path.split('/')[2] ?? 'queue'}_${size}_${lang}.png`) })
        await axe(p, path)
        assert.ok(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1), `${path} is wider than the screen`)
      }
      assert.deepEqual(p.faults, [])
      await p.context().close()
    }
  }
}
await run(jobs)
await browser.close()
await site.stop()
