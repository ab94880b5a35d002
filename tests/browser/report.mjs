// Monthly reports and alarms on the real daemon, over the demo consortium's month: a report is begun, checked, sent back, approved by another, published,
// printed on A4, corrected; a rule is made, rings, is taken and answered. SHOTS=dir keeps pictures.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { axe, DESKTOP, open, PHONE, run } from './lib.mjs'
import { ask, browser, entered, shot, shots, site } from './history.mjs'

const office = await entered('admin')
const dean = await entered('yuanzhang')
for (let i = 0; i < 60 && (await ask(dean, '/reports/cockpit?period=30d')).body.filling; i++) await dean.waitForTimeout(500)
let address
const fits = async (page, what) => assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1), `${what} is wider than the screen`)

const jobs = {
  'the office begins the report of a month and sees its numbers against the month before': async () => {
    await office.goto('/reports')
    await office.getByRole('heading', { name: '月报' }).waitFor()
    await axe(office, 'the list')
    const { body } = await ask(office, '/reports/months')
    const root = body.orgs[0].name
    const made = body.items.find((r) => r.org.name === root)
    if (made) await office.goto(`/reports/${made.id}`)
    else {
      await office.getByRole('button', { name: '补做月报' }).click()
      const dialog = office.locator('dialog[open]')
      await axe(office, 'beginning')
      const last = await dialog.getByLabel('月份').locator('option').first().getAttribute('value')
      await dialog.getByLabel('月份').selectOption(last)
      await dialog.getByRole('button', { name: '提交' }).click()
    }
    await office.locator('[data-row=volume]').waitFor()
    address = new URL(office.url()).pathname
    assert.equal(await office.locator('[data-row]').count(), 26)
    assert.match(await office.locator('article').innerText(), /草稿，尚未发布/)
    await axe(office, 'a draft')
    await shot(office, 'draft-zh')
  },
  'checked with remarks; the one who checked cannot approve, the dean sends back with a reason': async () => {
    await office.getByRole('button', { name: '核对无误' }).click()
    const dialog = office.locator('dialog[open]')
    await dialog.getByLabel('编制说明').fill('本月白河镇卫生院停机两天，申请量略降。')
    await shot(office, 'check-dialog')
    await dialog.getByRole('button', { name: '核对无误' }).click()
    await office.locator('.page-head').getByText('待批准').waitFor()
    assert.equal(await office.getByRole('button', { name: '批准', exact: true }).count(), 0)
    await dean.goto('/notices')
    await dean.getByRole('button', { name: /月报已核对/ }).first().click()
    await dean.waitForURL(/\/reports$/)
    await dean.getByText('待我办理').first().waitFor()
    await shot(dean, 'list-zh')
    await dean.goto(address)
    await dean.getByRole('button', { name: '退回' }).click()
    const back = dean.locator('dialog[open]')
    assert.ok(await back.getByRole('button', { name: '退回' }).isDisabled())
    await back.getByLabel('理由').fill('请说明采纳率下降的原因')
    await axe(dean, 'sending back')
    await back.getByRole('button', { name: '退回' }).click()
    await dean.getByText('请说明采纳率下降的原因').waitFor()
    assert.equal((await ask(dean, `/reports/months/${address.split('/').pop()}`)).body.state, 'DRAFT')
  },
  'checked again, approved, published: frozen with its hash': async () => {
    await office.reload()
    await office.getByRole('button', { name: '核对无误' }).click()
    await office.locator('dialog[open]').getByLabel('编制说明').fill('采纳率下降因两例转上级医院。')
    await office.locator('dialog[open]').getByRole('button', { name: '核对无误' }).click()
    await office.locator('.page-head').getByText('待批准').waitFor()
    await dean.reload()
    await dean.getByRole('button', { name: '批准', exact: true }).click()
    await dean.locator('dialog[open]').getByRole('button', { name: '批准', exact: true }).click()
    await dean.locator('.page-head').getByText('待发布').waitFor()
    await dean.getByRole('button', { name: '发布' }).click()
    await shot(dean, 'publish-dialog')
    await dean.locator('dialog[open]').getByRole('button', { name: '发布' }).click()
    await dean.locator('.page-head').getByText('已发布').waitFor()
    const { body } = await ask(dean, `/reports/months/${address.split('/').pop()}`)
    assert.match(body.sha256, /^[0-9a-f]{64}$/)
    assert.equal(body.actions.length, 0)
    assert.equal(body.sheet.signed.approved.by.name, '院长 沈国栋')
    await axe(dean, 'published')
    await shot(dean, 'published-zh', true)
  },
  'on paper: one sheet with definitions and signatures, no buttons': async () => {
    await dean.emulateMedia({ media: 'print' })
    assert.ok(await dean.getByText('指标口径').isVisible())
    assert.ok(!(await dean.getByRole('button', { name: '打印' }).isVisible()))
    assert.match(await dean.locator('article').innerText(), /采纳率下降因两例转上级医院/)
    if (shots) await dean.pdf({ path: join(shots, 'month.pdf'), format: 'A4', preferCSSPageSize: true })
    await dean.emulateMedia({ media: 'screen' })
  },
  'later data stand beside the published number, which stays': async () => {
    const p = await entered('yuanzhang')
    await p.route('**/api/v1/reports/months/*', async (r) => {
      const answer = await r.fetch()
      const body = await answer.json()
      body.sheet.sections[0].rows[0].today = { value: 99, numerator: 0, denominator: 99 }
      body.different = 1
      body.sheet.sections[4].rows[2].since_ms = body.sheet.span.to_ms - 86400000
      body.sheet.upstream.sources = [{ id: '1', name: '检验科 LIS', since_ms: body.sheet.span.to_ms - 86400000, why: 'silent' }]
      await r.fulfill({ response: answer, json: body })
    })
    await p.goto(address)
    await p.locator('[data-row=volume]').getByText('今天重算为 99 件').waitFor()
    await p.getByText('检验科 LIS：没有送来数据').waitFor()
    await axe(p, 'differences')
    await shot(p, 'different-zh')
    await p.context().close()
  },
  'a correction is a further version with a reason; the first one stays': async () => {
    await office.reload()
    await office.getByRole('button', { name: '更正' }).click()
    const dialog = office.locator('dialog[open]')
    await dialog.getByLabel('理由').fill('一件重复申请未剔除')
    await dialog.getByRole('button', { name: '更正' }).click()
    await office.getByText('第 2 版（更正）').first().waitFor()
    await office.getByText('一件重复申请未剔除').first().waitFor()
    await office.getByRole('link', { name: '第 1 版' }).click()
    await office.locator('.page-head').getByText('已发布').waitFor()
    await shot(office, 'versions')
  },
  'who may not, sees nothing of it; a township head sees his own': async () => {
    const doctor = await entered('bh.sun')
    assert.equal((await ask(doctor, '/reports/months')).status, 403)
    assert.equal((await ask(doctor, '/alarms')).status, 403)
    assert.equal(await doctor.getByRole('link', { name: '月报' }).count(), 0)
    await doctor.context().close()
    const head = await entered('qs.li')
    assert.equal((await ask(head, `/reports/months/${address.split('/').pop()}`)).status, 404)
    assert.deepEqual((await ask(head, '/reports/months')).body.orgs.map((o) => o.name), ['青石镇卫生院'])
    await head.context().close()
  },
  'a rule is made with the target as its beginning, and rings': async () => {
    await office.goto('/alarms?tab=rules')
    await office.getByRole('button', { name: '新建规则' }).click()
    const dialog = office.locator('dialog[open]')
    assert.equal(await dialog.getByLabel('界限').inputValue(), '95')
    await axe(office, 'a rule')
    await shot(office, 'rule-dialog')
    await dialog.getByLabel('统计时段').selectOption('30d')
    await dialog.getByLabel('持续多久才报警').fill('0')
    await dialog.getByLabel('通知岗位').selectOption({ label: '管理者' })
    await dialog.getByLabel('界限').fill('99.9')
    await dialog.getByLabel('紧急').check()
    await dialog.getByRole('button', { name: '保存' }).click()
    await office.getByText('按时答复率 低于 99.9%').waitFor()
    await axe(office, 'the rules')
    await shot(office, 'rules-zh')
    await dean.getByText(/指标报警 BJ\d{8}-001 待处理/).first().waitFor()
    await dean.goto('/cockpit?period=30d')
    await dean.getByRole('link', { name: /1 个指标报警/ }).waitFor()
    await dean.locator('[data-indicator=on_time]').getByText('报警中').waitFor()
    assert.ok((await dean.locator('[data-indicator]').last().evaluate((e) => e.getBoundingClientRect().bottom)) <= DESKTOP.viewport.height)
    await axe(dean, 'the cockpit with an alarm')
    await shot(dean, 'cockpit-alarm')
  },
  'the dean takes it and says what is done; the office cannot': async () => {
    await dean.getByRole('link', { name: /1 个指标报警/ }).click()
    const card = dean.locator('[data-alarm]')
    await card.getByRole('button', { name: '接手' }).click()
    await card.getByText('处理中').waitFor()
    await card.getByRole('button', { name: '填写处理说明' }).click()
    const dialog = dean.locator('dialog[open]')
    assert.ok(await dialog.getByRole('button', { name: '提交' }).isDisabled())
    await dialog.getByLabel('已采取').fill('已要求神经内科增派夜间专家。')
    await dialog.getByRole('button', { name: '提交' }).click()
    await card.getByText('已要求神经内科增派夜间专家。').waitFor()
    await axe(dean, 'an alarm')
    await shot(dean, 'alarm-zh')
    const head = await entered('qs.li')
    await head.goto('/alarms')
    await head.getByText('没有未关闭的报警').waitFor() // the consortium's is not his house's
    await head.context().close()
  },
  'a rule that is changed closes what it opened; the history keeps it': async () => {
    await office.reload() // it rang since
    await office.getByRole('button', { name: /修改规则/ }).click()
    const dialog = office.locator('dialog[open]')
    await dialog.getByText('旧规则的未关闭报警会关闭').waitFor()
    await dialog.getByLabel('界限').fill('1')
    await dialog.getByRole('button', { name: '保存' }).click()
    await office.getByText('按时答复率 低于 1.0%').waitFor()
    await dean.goto('/alarms?tab=closed')
    await dean.getByText('规则已修改').waitFor()
    await axe(dean, 'the history')
    await shot(dean, 'history-zh')
    await office.getByRole('button', { name: /修改规则/ }).click()
    await office.locator('dialog[open]').getByRole('button', { name: '删除' }).click()
    await office.locator('dialog[open]').last().getByRole('button', { name: '删除' }).click()
    await office.getByText('还没有规则').waitFor()
  },
  'in English, and on a phone': async () => {
    for (const [lang, shape, name] of [['en', DESKTOP, 'en'], ['zh', PHONE, 'phone-zh'], ['en', PHONE, 'phone-en']]) {
      const p = await entered('yuanzhang', shape, lang)
      for (const [path, what, wait] of [['/reports', 'list', '.y-table tbody tr'], [address, 'sheet', '[data-row=volume]'], ['/alarms', 'alarms', '.quiet'], ['/alarms?tab=closed', 'history', '.y-table tbody tr']]) {
        await p.goto(path)
        await p.locator(wait).first().waitFor()
        await fits(p, `${what} ${name}`)
        await axe(p, `${what} ${name}`)
        await shot(p, `${what}-${name}`, shape === PHONE)
      }
      await p.context().close()
    }
  },
}
await run(jobs)
assert.deepEqual(dean.faults, [])
assert.deepEqual(office.faults, [])
await browser.close()
await site.stop()
