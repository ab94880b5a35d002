// The main job on the real daemon, in real Chromium: a township's request is reviewed, triaged, assigned, answered, signed, and
// what was done with each piece of advice is recorded; the opinion is nobody's on the asking side before it is signed.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { axe, launch, open, run } from './lib.mjs'
import { PASSWORD, signIn, startSite } from './site.mjs'

const site = await startSite()
const browser = await launch()
const pages = {}
const as = async (login) => {
  if (!pages[login]) {
    pages[login] = await open(browser, { base: site.base })
    pages[login].setDefaultTimeout(15000)
    await signIn(pages[login], login)
  }
  return pages[login]
}
const buttons = (page) => page.$$eval('main button', (all) => all.map((b) => b.innerText.trim()))
/** Presses an act of the case page and its dialog's button of the same name; waits until the dialog is gone. */
async function act(page, name, fill = async () => {}) {
  await page.getByRole('button', { name, exact: true }).first().click()
  const dialog = page.locator('dialog[open]').last()
  await fill(dialog)
  await dialog.getByRole('button', { name, exact: true }).last().click()
  await page.locator('dialog[open]').first().waitFor({ state: 'detached' })
}
const offers = (page, name) => page.getByRole('button', { name, exact: true }).first().waitFor()
let path

await run({
  'medical affairs of the township passes it on': async () => {
    const li = await as('qs.li')
    await li.goto('/cases')
    path = await li.locator('a[href^="/cases/0"]').first().getAttribute('href')
    await li.goto(path)
    await act(li, '同意上报')
    await li.getByText('待分诊').first().waitFor()
  },
  'the county triages and assigns a qualified expert': async () => {
    const chen = await as('xy.chen')
    await chen.goto(path)
    await act(chen, '分诊')
    await act(chen, '指派专家', async (dialog) => {
      await dialog.getByRole('combobox').first().click()
      await chen.keyboard.type('钱')
      await dialog.getByRole('option', { name: /钱文博/ }).first().waitFor()
      await chen.keyboard.press('ArrowDown')
      await chen.keyboard.press('Enter')
    })
    await chen.getByText('钱文博').first().waitFor()
  },
  'the expert reads and drafts; nothing of it is seen by the asking side': async () => {
    const qian = await as('xy.qian')
    await qian.goto(path)
    await act(qian, '接受会诊')
    await offers(qian, '开始阅读')
    await qian.getByRole('button', { name: '开始阅读', exact: true }).first().click() // asks nothing, so no second tap
    await offers(qian, '书写意见')
    assert.equal(await qian.locator('dialog[open]').count(), 0)
    await qian.getByRole('button', { name: '书写意见', exact: true }).first().click()
    const editor = qian.locator('dialog[open]').first()
    await editor.getByRole('button', { name: '签发', exact: true }).click() // what is missing is said, no password is asked for
    await editor.getByText('签发前还需填写：病情及所见归纳').waitFor()
    assert.equal(await qian.locator('dialog[open]').count(), 1)
    await editor.getByLabel(/病情及所见归纳/).fill('符合左侧大脑中动脉供血区缺血性卒中。')
    await editor.getByRole('combobox').first().fill('脑梗死')
    await editor.getByRole('option').first().click()
    await editor.getByLabel(/^1\. 是否需要溶栓/).fill('已超时间窗，不溶栓。')
    await editor.getByLabel(/^2\. 能否留在本院/).fill('可留在本院治疗。')
    await editor.getByRole('button', { name: '添加一行' }).last().click()
    await editor.locator('textarea').nth(3).fill('阿司匹林联合氯吡格雷21天。')
    for (const select of await editor.locator('fieldset select, .row select').all()) if (!(await select.inputValue())) await select.selectOption({ index: 1 }).catch(() => {})
    await editor.getByLabel('否', { exact: true }).first().check()
    await qian.getByText(/已保存/).first().waitFor()
    const zhang = await as('qs.zhang')
    await zhang.goto(path)
    await zhang.getByRole('tab', { name: /会诊意见/ }).click()
    assert.ok(!(await zhang.content()).includes('缺血性卒中。'), 'a draft is not shown to the applicant')
  },
  'a killed daemon loses nothing that was saved': async () => {
    await site.end('SIGKILL')
    await site.start()
    const zhang = await as('qs.zhang')
    await zhang.goto(path)
    await zhang.getByText('待出具意见').or(zhang.getByText('意见')).first().waitFor()
    assert.match(site.ctl('audit', 'verify'), /^whole: \d+ lines/)
  },
  'the expert puts the picture of her own signature into her settings': async () => {
    const qian = await as('xy.qian')
    const png = await qian.evaluate(() => {
      const c = document.createElement('canvas')
      Object.assign(c, { width: 300, height: 110 })
      const g = c.getContext('2d')
      g.font = 'italic 64px serif'
      g.fillText('Qian', 70, 72)
      g.beginPath()
      g.moveTo(20, 90)
      g.bezierCurveTo(120, 70, 180, 108, 285, 76)
      g.lineWidth = 3
      g.stroke()
      return c.toDataURL('image/png').split(',')[1]
    })
    await qian.goto('/settings')
    await qian.locator('.signature input[type=file]').setInputFiles({ name: 's.png', mimeType: 'image/png', buffer: Buffer.from(png, 'base64') })
    await qian.waitForFunction(() => document.querySelector('.signature img')?.naturalWidth === 300)
    await qian.getByRole('button', { name: '更换签名图片' }).waitFor()
    await axe(qian, 'settings with a signature')
    if (process.env.YL_SHOT) await qian.screenshot({ path: process.env.YL_SHOT + '.signature.png' })
  },
  'the opinion is signed with the password once more': async () => {
    const qian = await as('xy.qian')
    await qian.goto(path)
    await qian.getByRole('button', { name: '书写意见', exact: true }).first().click()
    await qian.getByRole('button', { name: '签发', exact: true }).first().click()
    const signing = qian.locator('dialog[open]').last()
    await signing.locator('input[type=password]').fill(PASSWORD)
    await signing.getByRole('button', { name: '签发', exact: true }).click()
    await qian.locator('dialog[open]').first().waitFor({ state: 'detached' })
    await qian.getByText('意见已签发').first().waitFor()
  },
  'the township reads it and records what it did with each piece of advice': async () => {
    const zhang = await as('qs.zhang')
    await zhang.goto(path)
    await zhang.getByRole('tab', { name: /会诊意见/ }).click()
    await zhang.getByText('缺血性卒中。').first().waitFor()
    assert.ok((await buttons(zhang)).includes('已阅并登记采纳'))
    await act(zhang, '已阅并登记采纳', async (dialog) => {
      for (const choice of await dialog.getByLabel('采纳', { exact: true }).all()) await choice.check()
      await dialog.locator('textarea').last().fill('已按意见用药，一周后复查。')
    })
    await zhang.getByText('已按意见用药').first().waitFor()
    await zhang.screenshot({ path: process.env.YL_SHOT ?? join(site.dir, 'case.png') })
    await zhang.goto(path.replace('/cases/', '/print/') + '/opinion')
    await zhang.getByText('会诊意见书').first().waitFor()
    await zhang.waitForFunction(() => document.querySelector('td img.hand-sign')?.naturalWidth === 300)
    const pdf = await zhang.pdf({ preferCSSPageSize: true })
    assert.ok(/\/Subtype\s*\/Image[^>]*\/Width 300/s.test(pdf.toString('latin1')) || /\/Width 300[^>]*\/Subtype\s*\/Image/s.test(pdf.toString('latin1')), 'the picture is in the PDF')
    if (process.env.YL_SHOT) writeFileSync(process.env.YL_SHOT + '.opinion.pdf', pdf)
    await zhang.screenshot({ path: process.env.YL_SHOT ? process.env.YL_SHOT + '.print.png' : join(site.dir, 'print.png'), fullPage: true })
  },
  'an addendum is signed too; where the site demands a second factor, who has none is shown the way': async () => {
    const qian = await as('xy.qian')
    const open = async (text) => {
      await qian.goto(path)
      await qian.getByRole('button', { name: '补充意见', exact: true }).first().click()
      const dialog = qian.locator('dialog[open]').last()
      await dialog.locator('textarea').first().fill(text)
      await dialog.locator('input[type=password]').fill(PASSWORD)
      await dialog.getByRole('button', { name: '补充意见', exact: true }).click()
      return dialog
    }
    await open('请于一周后复查血钾。')
    await qian.locator('dialog[open]').first().waitFor({ state: 'detached' })
    site.ctl('policy', 'set', 'access.totp_for_signing', '1')
    const dialog = await open('再补充一句。')
    await dialog.getByText('您尚未启用').waitFor()
    if (process.env.YL_SHOT) await qian.screenshot({ path: process.env.YL_SHOT + '.enrol.png' })
    await dialog.getByRole('link', { name: '去设置中启用' }).click()
    await qian.getByText(/尚未启用动态验证码/).waitFor()
    if (process.env.YL_SHOT) await qian.screenshot({ path: process.env.YL_SHOT + '.totp.png' })
  },
  'no page threw': async () => {
    for (const [who, page] of Object.entries(pages)) assert.deepEqual(page.faults.filter((f) => !/WebSocket|ERR_CONNECTION|Failed to load/.test(f)), [], who)
  },
}).finally(async () => {
  await browser.close()
  await site.stop()
})
