// Names as they are: a patient of forty characters, institutions and departments of as many, a doctor of thirteen, a long diagnosis. On every
// route nothing is wider than its place, nothing is cut without a title that says the rest, no text lies on another. SHOTS=dir keeps pictures; ONLY=name.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DESKTOP, open, PHONE, run } from './lib.mjs'
import { signedIn } from './person.mjs'
import { looked } from './seen.mjs'
import { signIn } from './site.mjs'
import { arrive, shownSite, visitsOf } from './visits.mjs'

process.env.TZ = 'Asia/Shanghai'
const PATIENT = '阿卜杜热合曼·买买提吐尔逊·艾合麦提江·阿不都克里木·努尔艾合买提·伊敏江·赛力'
const ORGS = { YL01: '云岭哈尼族彝族傣族自治县人民医院（云岭县紧密型县域医疗卫生共同体总医院本部）', QS01: '青石镇中心卫生院（云岭哈尼族彝族傣族自治县第三人民医院青石分院暨社区卫生服务中心）' }
const DEPT = '神经内科与脑血管病介入诊疗中心暨卒中中心（含神经重症监护单元）'
const DOCTOR = '欧阳·阿依古丽·麦麦提艾力'
const DIAGNOSIS = '左侧大脑中动脉闭塞致急性大面积脑梗死伴出血转化，高血压病3级（很高危组），2型糖尿病伴多个并发症，阵发性心房颤动'
assert.equal(PATIENT.length, 40)

const { site, browser, shots, c } = await shownSite()

async function lengthen() {
  const [zhang, admin] = [await signedIn(site, 'qs.zhang'), await signedIn(site, 'admin')]
  for (const id of [c.patient, c.twins[0]]) {
    const { version } = await zhang.ask('GET', `/patients/${id}`)
    await zhang.ask('PATCH', `/patients/${id}`, { version, name: PATIENT })
  }
  const { items } = await admin.ask('GET', '/orgs')
  for (const o of items) {
    const name = ORGS[o.code] ?? (o.code === 'YL01-NEURO' ? DEPT : null)
    if (name) await admin.ask('PATCH', `/orgs/${o.id}`, { name })
  }
  const chief = (await admin.ask('GET', '/people?q=xy.qian')).items[0]
  await admin.ask('PATCH', `/people/${chief.id}`, { name: DOCTOR })
  const draft = await zhang.ask('GET', `/cases/${c.draft}`)
  draft.form.diagnoses[0].text = DIAGNOSIS
  await zhang.ask('PATCH', `/cases/${c.draft}`, { version: draft.version, form: draft.form })
}
await lengthen()

/** Where names of people and institutions are. */
const MAIN = ['home', 'notices', 'patients', 'patient', 'case-new', 'case-edit', 'cases', 'case', 'wall', 'cockpit', 'cockpit-list', 'months', 'month', 'alarms', 'calendar', 'slots', 'print', 'verify', 'room', 'guest', 'orgs', 'people', 'person', 'roster', 'hours', 'rooms', 'fixes', 'overrides', 'audit', 'privacy', 'who-saw-print', 'research-project', 'index', 'index-acts', 'index-pair', 'index-person']

/** Texts that something else lies on, or that run out of a box which cuts them off and says nowhere what they are. */
function hurt() {
  const found = []
  /** Scrolled out of the box that holds it, or for ears alone. */
  const away = (e, x, y) => {
    for (let b = e; b; b = b.parentElement) {
      const r = b.getBoundingClientRect()
      if (getComputedStyle(b).clipPath !== 'none') return true
      if (getComputedStyle(b).overflow !== 'visible' && (x < r.left || x > r.right || y < r.top || y > r.bottom)) return true
    }
    return false
  }
  /** In a list that is pushed sideways, as the tabs of a phone. */
  const slides = (e) => {
    for (let b = e; b; b = b.parentElement) if (/auto|scroll|hidden/.test(getComputedStyle(b).overflowX)) return true
    return false
  }
  const place = document.querySelector('dialog[open]') ?? document.querySelector('#app')
  const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT)
  for (let n; (n = walker.nextNode()); ) {
    const e = n.parentElement
    const t = n.data.trim()
    if (!t || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest('.sr, .skip, [aria-hidden=true], summary, option, .mark')) continue
    const range = document.createRange()
    range.selectNodeContents(n)
    for (const r of range.getClientRects()) {
      const [x, y] = [Math.min(r.left + r.width / 2, innerWidth - 1), r.top + r.height / 2]
      if (r.right > innerWidth + 1 && r.left < innerWidth && !slides(e)) found.push(`"${t.slice(0, 24)}" runs out of the window`)
      if (r.width < 4 || x < 0 || x > innerWidth || y < 0 || y > innerHeight || away(e, x, y)) continue
      const hit = document.elementFromPoint(x, y)
      const bar = (() => {
        for (let x2 = hit; x2; x2 = x2.parentElement) if (/fixed|sticky/.test(getComputedStyle(x2).position)) return x2
        return null
      })()
      if (hit && !e.contains(hit) && !hit.contains(e) && !(bar && !bar.contains(e)) && !e.closest('[title]')) found.push(`"${t.slice(0, 24)}" lies under ${hit.tagName.toLowerCase()}.${hit.className}`)
    }
  }
  for (const e of place.querySelectorAll('*')) {
    if (!e.checkVisibility() || e.matches('input, textarea, select, .sr, .skip') || e.closest('[title], summary, .sr, [tabindex="0"], [role=tablist], svg')) continue
    const s = getComputedStyle(e)
    if (/hidden|clip/.test(s.overflowX) && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 20) found.push(`cut off: ${e.tagName.toLowerCase()}.${e.className} "${e.innerText.slice(0, 30)}"`)
  }
  return [...new Set(found)]
}

async function every(size, shape) {
  const pages = {}
  const wrong = []
  const at = async (login) => {
    if (!login) await pages['']?.context().close()
    if (!login || !pages[login]) {
      pages[login] = await open(browser, { base: site.base, shape })
      pages[login].setDefaultTimeout(20_000)
      if (login) await signIn(pages[login], login)
    }
    return pages[login]
  }
  const visit = async (name, n, v) => {
    const what = `${name} ${n} ${v[0] || 'nobody'} ${size}`
    const p = await at(v[0])
    await arrive(p, v)
    await p.waitForTimeout(shots ? 200 : 60)
    if (shots) await p.screenshot({ path: join(shots, `${what.replace(/[^\w.-]+/g, '_')}.png`) })
    if (name !== 'wall') await looked(p, what, { lang: 'zh', phone: size === 'phone' })
    const found = await p.evaluate(hurt)
    assert.ok(!found.length, found.slice(0, 4).join(' | '))
    if (name !== 'print') assert.ok(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1), `${what} is wider than the screen`)
  }
  for (const [name, list] of Object.entries(visitsOf(c)))
    if ((process.env.ONLY?.split(',') ?? MAIN).includes(name)) for (const [n, v] of (shots || size === 'desktop' ? list : list.slice(0, 1)).entries()) await visit(name, n, v).catch((e) => wrong.push(`${name} ${n} ${v[0]}: ${String(e.message).split('\n').slice(0, 3).join(' ')}`))
  for (const p of Object.values(pages)) await p.context().close()
  assert.deepEqual(wrong, [])
}

await run({
  'long names on every route, on a desk': () => every('desktop', DESKTOP),
  'long names on every route, on a phone': () => every('phone', PHONE),
}).finally(async () => {
  await browser.close()
  await site.stop()
})
