// The desks under the strict Content-Security-Policy with scripted answers: accessibility, width, console, both sizes and languages; the print
// sheet as PDF; what the application form sends; a case that moved meanwhile. SHOTS=dir keeps pictures.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { axe, DESKTOP, launch, open, PHONE, ROOT, run, serveDist } from './lib.mjs'
import { fault, json, ME, plausible, scripted } from './scripted.mjs'

const { base, stop } = await serveDist()
const browser = await launch()
const shots = process.env.SHOTS
if (shots) mkdirSync(shots, { recursive: true })
const form = (id) => JSON.parse(readFileSync(join(ROOT, `config/forms/${id}.json`), 'utf8'))
const CASE = JSON.parse(plausible('GET', '/cases/c1').body)
const act = (event, needs = [], style = 'normal') => ({ event, label: { zh: '\u64cd\u4f5c', en: `Act ${event}` }, style, needs })
const SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><path d="M0 0h2v2H0z"/></svg>'
const PATIENT = { id: 'pt', local_number: 'A1', name: '\u5f20\u6842\u82b3', pinyin: '', sex: 'female', birth_date: '1959-03-02', age_text: '67\u5c81', age_text_en: '67 years', id_type: 'id_card', id_no_masked: '3401**********1234', phone_masked: null, temporary: false, version: 1, basis: 'own', allergy: { state: 'none', detail: null }, guardian: null }
const OPINION = { state: 'signed', version: 1, signed_ms: Date.now(), members: [], signature: null, body: { findings: 'ST', answers: [{ n: 1, text: 'A1' }], recommendations: [{ n: 1, type: 'drug', text: 'R1', urgency: 'now' }], diagnoses: [{ code: 'I21.9', text: 'AMI', main: true, certainty: 'certain', versus: 'agreed' }] } }
const full = { ...CASE, editable: true, completeness: { score: 40, threshold: 70, ready: false, missing: [{ path: 'history.past', label: { zh: '\u65e2\u5f80\u53f2', en: 'Past history' }, weight: 4, mandatory: true }] }, opinion: OPINION, allowed: [act('submit', [], 'primary'), act('decline', ['code', 'reason', 'suggestion'], 'danger'), act('save_opinion', ['body']), act('sign_opinion', ['body'], 'primary'), act('cancel', ['code', 'reason'], 'danger')] }
const own = {
  'GET /session': { ...ME, rights: ['case.read', 'case.create', 'patient.read', 'patient.write'] },
  'GET /cases/c1': full, 'GET /forms/consultation': form('consultation'), 'GET /forms/opinion': form('opinion'), 'GET /patients': { items: [PATIENT] }, 'GET /patients/pt': PATIENT, 'GET /patients/pt/timeline': { items: [], next: null, facets: { kinds: [], orgs: [], years: [] }, systems: [], sources: [{ patient_id: 'pt', org: null, basis: 'own', linked: false, refused: false }] }, 'GET /patients/pt/consents': { items: [] }, 'GET /orgs': { items: [] }, 'GET /experts': { items: [] },
  'POST /cases/c1/print': { case: full, number: 'HZ1', copy: 2, mark: 'reprint', printed_by: 'Li', printed_ms: Date.now(), verify_url: 'https://x/verify/ABC', qr_svg: SVG },
  'GET /verify/ABC': { number: 'HZ1', kind: 'offline', state: 'CLOSED', signed_ms: Date.now(), orgs: ['A', 'B'], valid: true },
}
async function page(shape, lang, answer = () => null) {
  const p = await open(browser, { base, shape, lang })
  await p.addInitScript(() => localStorage.setItem('yl.in', '1'))
  await p.route('**/api/v1/**', (route) => {
    const r = route.request()
    const path = new URL(r.url()).pathname.slice(7)
    const mine = answer(r.method(), path, r)
    if (mine) return route.fulfill(mine)
    const body = own[`${r.method()} ${path}`]
    return route.fulfill(body ? json(200, body) : plausible(r.method(), path) ?? json(200, {}))
  })
  await p.routeWebSocket('**/ws', (ws) => scripted(ws, {}))
  return p
}
const PAGES = [['/patients', 'table'], ['/patients/pt', 'dl.facts'], ['/cases/new', 'form'], ['/cases/c1/edit', '#f-history-past'], ['/cases/c1', '[role=tab]'], ['/cases', 'table'], ['/print/c1/opinion', 'article'], ['/verify/ABC', 'dl.facts']]
const tests = {}
for (const [size, shape] of [['desktop', DESKTOP], ['phone', PHONE]]) {
  for (const lang of ['zh', 'en']) {
    for (const [path, sign] of PAGES) {
      tests[`${path} ${size} ${lang}`] = async () => {
        const p = await page(shape, lang)
        await p.goto(path)
        if (path === '/patients') await p.getByRole('searchbox').fill('li') // nobody is listed before somebody is asked for
        await p.locator(sign).first().waitFor({ timeout: 8000 })
        if (shots) await p.screenshot({ path: join(shots, `${path}_${size}_${lang}.png`.replace(/\//g, '_')) })
        await axe(p, path)
        assert.ok(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1), `${path} is wider than the screen`)
        assert.deepEqual(p.faults, [])
        await p.context().close()
      }
    }
  }
}
tests['the filters of the cases are one row on a desk, in English too'] = async () => {
  const p = await page(DESKTOP, 'en')
  await p.goto('/cases?urgency=urgent')
  await p.locator('table').waitFor()
  const feet = await p.locator('.filters').evaluate((f) => [...f.children].filter((c) => c.offsetParent).map((c) => Math.round(c.getBoundingClientRect().bottom)))
  assert.ok(Math.max(...feet) - Math.min(...feet) < 12, `in one row: ${feet}`)
  await p.getByRole('button', { name: 'Clear filters' }).click()
  await p.waitForURL((u) => !u.search.includes('urgent'))
  await p.context().close()
}
tests['the way back stands before the title and leads to the list as it was left'] = async () => {
  const p = await page(DESKTOP, 'zh')
  await p.goto('/cases?urgency=urgent')
  await p.locator('tbody a').first().click()
  const back = p.locator('.page-head > :first-child a')
  await p.waitForURL('**/cases/c1')
  assert.equal(await back.getAttribute('aria-label'), '\u8fd4\u56de\u4f1a\u8bca\u5217\u8868')
  await back.click()
  await p.waitForURL((u) => u.pathname === '/cases' && u.searchParams.get('urgency') === 'urgent')
  await p.goto('/cases/c1') // by its address: there is nothing to go back to
  await back.click()
  await p.waitForURL((u) => u.pathname === '/cases' && !u.search)
  await p.context().close()
}
tests['consents that could not be read are not told as none'] = async () => {
  const p = await page(DESKTOP, 'zh', (m, path) => (path === '/patients/pt/consents' ? fault(500, 'internal') : null))
  await p.goto('/patients/pt')
  await p.locator('section', { hasText: '\u60a3\u8005\u6388\u6743' }).locator('.y-banner.danger').waitFor()
  assert.equal(await p.getByText('\u60a3\u8005\u6ca1\u6709\u4f5c\u8fc7\u6388\u6743\u6216\u62d2\u7edd').count(), 0)
  await p.context().close()
}
tests['a verdict on an emergency access that could not be sent stays as it was written'] = async () => {
  const one = { id: 'o1', patient_id: 'pt', patient_name: 'P', person: { id: 'p9', name: 'Chen' }, t_ms: Date.now(), until_ms: Date.now() + 1, reason: 'coma', reviewed_ms: 0, verdict: null }
  const p = await page(DESKTOP, 'en', (m, path) =>
    path === '/session' ? json(200, { ...ME, rights: ['case.override_review'] }) : path === '/overrides' ? json(200, { items: [one] }) : path === '/overrides/o1/review' ? fault(500, 'internal') : null)
  await p.goto('/overrides')
  await p.getByRole('button', { name: 'Review' }).click()
  const dialog = p.locator('dialog[open]')
  await dialog.locator('dd', { hasText: 'coma' }).waitFor()
  await dialog.getByLabel('Not justified').check()
  await dialog.locator('textarea').fill('asked by phone')
  await dialog.getByRole('button', { name: 'Review' }).click()
  await p.locator('.y-toasts .toast.danger').waitFor()
  assert.equal(await dialog.locator('textarea').inputValue(), 'asked by phone')
  await p.context().close()
}
tests['the draft saves itself with the version and what was typed'] = async () => {
  const sent = []
  const p = await page(DESKTOP, 'en', (m, path, r) => (m === 'PATCH' && path === '/cases/c1' ? (sent.push(r.postDataJSON()), json(200, { version: 8, completeness: full.completeness })) : null))
  await p.goto('/cases/c1/edit')
  await p.locator('#f-history-past textarea').fill('hypertension')
  await p.getByText(/^Saved/).waitFor()
  await p.waitForFunction(() => true)
  for (let i = 0; i < 100 && !sent.length; i++) await new Promise((r) => setTimeout(r, 50))
  assert.equal(sent[0].version, 7)
  assert.equal(sent[0].form.history.past, 'hypertension')
  await p.context().close()
}
tests['an act on a case that moved: the newest is loaded and the page says so'] = async () => {
  const p = await page(DESKTOP, 'en', (m, path) => (path === '/cases/c1/acts/cancel' ? fault(409, 'conflict', { reason: 'stale_version' }) : null))
  await p.goto('/cases/c1')
  await p.getByRole('button', { name: 'Act cancel' }).click()
  await p.locator('dialog select').selectOption('patient_refused')
  await p.locator('dialog textarea').fill('no')
  await p.getByRole('dialog').getByRole('button', { name: 'Act cancel' }).click()
  await p.getByText('Someone has just updated this consultation').waitFor()
  await p.context().close()
}
tests['the opinion on A4 paper'] = async () => {
  const p = await page(DESKTOP, 'zh')
  await p.goto('/print/c1/opinion')
  await p.locator('article').waitFor()
  const pdf = await p.pdf({ preferCSSPageSize: true })
  if (shots) writeFileSync(join(shots, 'opinion.pdf'), pdf)
  assert.match(pdf.toString('latin1'), /MediaBox \[0 0 59[45][.\d]* 84[12][.\d]*\]/)
  await p.context().close()
}
tests['a refused case says why, who and what instead; ages are in the language of the page'] = async () => {
  const refusals = [{ t_ms: Date.now(), by: { id: 'p9', name: 'Chen' }, event: 'decline', label: { zh: '\u8c22\u7edd\u4f1a\u8bca', en: 'Decline' }, code: 'no_expert', reason: 'nobody on duty', suggestion: 'ask the city' }]
  for (const [lang, code, age] of [['en', 'No suitable expert', '67\u00a0years'], ['zh', '\u6ca1\u6709\u5408\u9002\u4e13\u5bb6', '67\u5c81']]) {
    const p = await page(DESKTOP, lang, (m, path) => (m === 'GET' && path === '/cases/c1' ? json(200, { ...full, state: 'DECLINED', refusals, allowed: [] }) : null))
    await p.goto('/cases/c1')
    const banner = p.locator('.y-banner.warn')
    await banner.waitFor()
    const text = await banner.innerText()
    for (const part of ['Chen', code, 'nobody on duty', 'ask the city']) assert.ok(text.includes(part), `${part} in ${text}`)
    assert.ok((await p.locator('h1').innerText()).includes(age))
    if (shots) await p.screenshot({ path: join(shots, `refused_${lang}.png`) })
    await axe(p, 'refused')
    for (const path of ['/patients', '/patients/pt']) {
      await p.goto(path)
      if (path === '/patients') await p.getByRole('searchbox').fill('li')
      await p.getByText(age).first().waitFor()
    }
    await p.context().close()
  }
}
tests['the opinion editor without attachments says so; what was read is named on the page'] = async () => {
  let doc = null
  const p = await page(DESKTOP, 'en', (m, path) => (m === 'GET' && path === '/cases/c1' ? json(200, { ...full, attachments: doc ? [doc] : [], opinion: { ...OPINION, body: { ...OPINION.body, materials_read: ['d1'] } } }) : null))
  await p.goto('/cases/c1')
  await p.getByRole('button', { name: 'Act save_opinion' }).click()
  await p.getByText('This consultation has no attachments').waitFor()
  if (shots) await p.screenshot({ path: join(shots, 'editor_no_files.png') })
  doc = { id: 'd1', name: 'chest-film.jpg', kind: 'image', category: 'imaging', withdrawn: false, has_thumbnail: false, bytes: 1, content_type: 'image/jpeg', by: { id: 'p', name: 'x' }, org: null, uploaded_ms: Date.now(), source: 'upload' }
  await p.reload()
  await p.getByRole('tab', { name: /^Opinion/ }).click()
  await p.locator('dd', { hasText: 'chest-film.jpg' }).waitFor()
  await p.context().close()
}
await run(tests)
await browser.close()
await stop()
