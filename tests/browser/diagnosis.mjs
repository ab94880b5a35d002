// The consultation form proposes the normal form of a doctor's own words: shown, chosen, confirmed; the words stay. Real daemon, real Chromium.
// SHOTS=dir keeps pictures.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { axe, counted, DESKTOP, launch, open, PHONE, run } from './lib.mjs'
import { signedIn } from './person.mjs'
import { signIn, startSite } from './site.mjs'

const site = await startSite()
const browser = await launch()
const shots = process.env.SHOTS
if (shots) mkdirSync(shots, { recursive: true })
const shot = async (page, name) => shots && page.screenshot({ path: join(shots, `${name}.png`) })
const zhang = await signedIn(site, 'qs.zhang')
const { items } = await zhang.ask('GET', '/cases?view=mine&kind=interactive')
const draft = items.find((c) => c.state === 'DRAFT').id
const field = (page) => page.locator('#f-diagnoses')
const saved = async () => (await zhang.ask('GET', `/cases/${draft}`)).form.diagnoses ?? []

async function form(shape, lang) {
  const page = await open(browser, { base: site.base, shape, lang })
  page.setDefaultTimeout(20_000)
  await signIn(page, 'qs.zhang')
  await page.goto(`/cases/${draft}/edit`)
  await field(page).waitFor()
  return page
}
async function write(page, words, asWritten) {
  await field(page).getByRole('combobox').last().fill(words)
  await page.getByRole('option', { name: asWritten }).click()
}

await run({
  'own words are proposed in normal form with codes, and stay as written': async () => {
    const page = await form(DESKTOP)
    await write(page, '左上肺中央型腺癌伴骨转移Ⅳ期', /按原文添加/)
    const offer = field(page).locator('section.offer')
    await offer.getByText('左肺上叶', { exact: true }).waitFor()
    for (const part of ['肺癌', '中央型', '腺癌', '骨', 'Ⅳ期']) await offer.getByText(part, { exact: true }).first().waitFor()
    assert.match(await offer.getByRole('combobox').evaluate((s) => s.selectedOptions[0].textContent), /^C34\S* 左肺上叶恶性肿瘤$/)
    await offer.evaluate((e) => e.scrollIntoView({ block: 'center' }))
    await axe(page, 'a proposed normal form')
    await shot(page, 'diagnosis-proposed')
    await offer.getByRole('button', { name: '采用', exact: true }).click()
    await field(page).getByText('肺癌 | 中央型 | 腺癌 | 左肺上叶 | 转移:骨 | Ⅳ期').waitFor()
    await field(page).getByText('左上肺中央型腺癌伴骨转移Ⅳ期', { exact: true }).waitFor()
    await shot(page, 'diagnosis-taken')
    for (let i = 0; i < 40 && !(await saved()).some((d) => d.normal); i++) await page.waitForTimeout(250)
    const row = (await saved()).find((d) => d.normal)
    assert.equal(row.text, '左上肺中央型腺癌伴骨转移Ⅳ期')
    assert.match(row.code, /^C34/)
    assert.deepEqual(page.faults, [])
    await page.context().close()
  },
  'several in a line: what is a relative’s is not offered as his; the line stays with each': async () => {
    const page = await form(DESKTOP)
    await write(page, '2型糖尿病，高血压3级；母亲乳腺癌', /按原文添加/)
    const offer = field(page).locator('section.offer')
    await offer.getByText('不作为本人诊断').waitFor()
    await counted(offer.getByRole('checkbox', { checked: true }), 2)
    await shot(page, 'diagnosis-several')
    await offer.getByRole('button', { name: '采用', exact: true }).click()
    await field(page).getByText('原文: 2型糖尿病，高血压3级；母亲乳腺癌').first().waitFor()
    await counted(field(page).getByText('原文: 2型糖尿病，高血压3级；母亲乳腺癌'), 2)
    assert.equal(await field(page).getByText(/乳腺癌 \|/).count(), 0)
    await shot(page, 'diagnosis-split')
    await page.context().close()
  },
  'on a phone, in English, the words alone may be kept': async () => {
    const page = await form(PHONE, 'en')
    await write(page, '胃窦癌？', /as written/)
    const offer = field(page).locator('section.offer')
    await offer.getByText('胃窦', { exact: true }).waitFor()
    await offer.evaluate((e) => e.scrollIntoView({ block: 'center' }))
    await axe(page, 'a proposed normal form on a phone')
    await shot(page, 'diagnosis-phone')
    await offer.getByRole('button', { name: 'Keep my wording only' }).click()
    await offer.waitFor({ state: 'detached' })
    await field(page).getByText('胃窦癌？', { exact: true }).waitFor()
    assert.deepEqual(page.faults, [])
    await page.context().close()
  },
})
await browser.close()
await site.stop()
