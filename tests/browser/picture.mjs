// The picture of the README: the record beside the faces, a document shown to all. The cameras are drawn scenes, no people.
// Needs: YL_PICTURE=docs/picture.png (by hand, after the room's pages changed), ffmpeg
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { launch, open } from './lib.mjs'
import { admit, enter, enterBy, inside, member, playing, waiting } from './live.mjs'
import { openRoom } from './person.mjs'
import { startSite } from './site.mjs'

const FPS = 10
const FRAMES = 30
const SCENES = [
  { wall: '#cfe0e6', shelf: '#9db7c1', skin: '#e9c3a2', hair: '#2f2622', coat: '#fbfcfd', shirt: '#6aa0c8', long: true },
  { wall: '#e4ddcf', shelf: '#b9a98a', skin: '#dfb38f', hair: '#3c3a3a', coat: '#fbfcfd', shirt: '#4c6a58', glasses: true },
  { wall: '#d9d6e6', shelf: '#a7a2c4', skin: '#f0cdae', hair: '#4a2f22', coat: '#fbfcfd', shirt: '#a8617c', long: true, glasses: true },
]

/** A drawn person at a desk, breathing, turning and blinking a little; `t` runs from 0 to 1 and begins anew. */
function drawing(s, t) {
  const w = 2 * Math.PI * t
  const [sway, nod, breath, closed] = [Math.sin(w) * 7, Math.sin(2 * w) * 3, Math.sin(3 * w) * 2, t > 0.46 && t < 0.51]
  const eye = (x) => (closed ? `<path d="M${x - 9} 0h18" stroke="#3a2a20" stroke-width="3"/>` : `<ellipse cx="${x}" cy="0" rx="6" ry="7" fill="#33261f"/><circle cx="${x + 2}" cy="-2" r="2" fill="#fff"/>`)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360" width="640" height="360">
    <defs><linearGradient id="w" x2="0" y2="1"><stop stop-color="${s.wall}"/><stop offset="1" stop-color="${s.shelf}" stop-opacity=".55"/></linearGradient><filter id="f"><feGaussianBlur stdDeviation="2.5"/></filter></defs>
    <rect width="640" height="360" fill="${s.wall}"/><rect width="640" height="360" fill="url(#w)"/>
    <g filter="url(#f)"><rect x="28" y="34" width="128" height="168" rx="4" fill="${s.shelf}"/>${[0, 1, 2].map((r) => [0, 1, 2, 3, 4].map((c) => `<rect x="${38 + c * 22}" y="${44 + r * 54}" width="15" height="40" fill="${['#7f97a6', '#c98f6b', '#e8e2d4', '#6f8f7a', '#a9b8c2'][(r + c) % 5]}"/>`).join('')).join('')}
    <rect x="500" y="30" width="112" height="150" rx="6" fill="#f6fafb"/><rect x="512" y="42" width="88" height="66" fill="#c6dbe2"/><path d="M548 128h16v-14h14v14h16v14h-16v14h-14v-14h-16z" fill="#3b8b8f" transform="translate(-15 4)"/></g>
    <g transform="translate(${320 + sway} ${breath})">
      ${s.long ? `<path d="M-82 150c-14-120 20-132 82-132s96 12 82 132c-4 46-20 70-34 80h-96c-14-10-30-34-34-80z" fill="${s.hair}"/>` : ''}
      <path d="M-210 372c0-92 66-124 150-132h120c84 8 150 40 150 132z" fill="${s.coat}"/><path d="M-52 240l52 84 52-84z" fill="${s.shirt}"/>
      <path d="M-62 238l-34 16 70 118h52l70-118-34-16-62 96z" fill="#fff" stroke="#d6dee3" stroke-width="2"/>
      <path d="M-70 252c-16 62 8 92 30 94m104-94c10 40 6 62-4 78" fill="none" stroke="#3d4a54" stroke-width="6" stroke-linecap="round"/><circle cx="58" cy="334" r="12" fill="#8c99a3" stroke="#3d4a54" stroke-width="4"/>
      <rect x="-30" y="186" width="60" height="66" rx="26" fill="${s.skin}"/><path d="M-30 214q30 26 60 0v12q-30 22-60 0z" opacity=".14"/>
      <g transform="translate(${sway * 0.5} ${nod})"><ellipse cx="0" cy="132" rx="70" ry="84" fill="${s.skin}"/>
        <path d="M-74 128c-8-78 30-100 76-100s80 26 72 100c-8-30-22-46-40-52-34 14-78 8-92-2-8 14-12 30-16 54z" fill="${s.hair}"/>
        <g transform="translate(0 134)">${eye(-27)}${eye(27)}<path d="M-40-20q13-8 26-2m28 2q13-6 26 2" stroke="${s.hair}" stroke-width="4" fill="none" stroke-linecap="round"/>
        ${s.glasses ? '<g fill="none" stroke="#333f48" stroke-width="3"><rect x="-48" y="-16" width="40" height="31" rx="10"/><rect x="8" y="-16" width="40" height="31" rx="10"/><path d="M-8-4h16"/></g>' : ''}
        <path d="M0 6q5 14-3 17" stroke="#b98a68" stroke-width="3" fill="none"/><path d="M-20 ${42 + Math.abs(nod)}q20 ${14 + nod} 40 0" stroke="#a4584e" stroke-width="5" fill="none" stroke-linecap="round"/></g></g>
    </g></svg>`
}

async function films(dir) {
  const browser = await launch()
  const page = await open(browser, { shape: { viewport: { width: 640, height: 360 } } })
  const paths = []
  for (const [i, scene] of SCENES.entries()) {
    const folder = join(dir, `scene${i}`)
    mkdirSync(folder)
    for (let f = 0; f < FRAMES; f++) {
      await page.setContent(`<body style="margin:0">${drawing(scene, f / FRAMES)}`)
      await page.screenshot({ path: join(folder, `${String(f).padStart(3, '0')}.png`) })
    }
    paths.push(join(dir, `scene${i}.y4m`))
    execFileSync('ffmpeg', ['-loglevel', 'error', '-framerate', String(FPS), '-i', join(folder, '%03d.png'), '-pix_fmt', 'yuv420p', paths.at(-1)])
  }
  await browser.close()
  return paths
}

const site = await startSite()
const { caseId } = await openRoom(site, { team: true })
const cameras = await films(site.dir)
const browsers = []
const pages = []
for (const [i, login] of ['qs.zhang', 'xy.qian', 'xy.xu'].entries()) {
  browsers.push(await launch({ args: [`--use-file-for-fake-video-capture=${cameras[i]}`, '--use-fake-device-for-media-stream=device-count=1'] }))
  pages.push(await member(browsers[i], site.base, login))
}
const [zhang, qian, xu] = pages
await enterBy(zhang, null, caseId)
await enterBy(qian, null, caseId)
await enter(xu, caseId)
await waiting(xu)
await admit(zhang)
await inside(xu)
xu.called = xu.names[xu.seats.at(-1)]
await qian.locator('.doc-thumb', { hasText: process.env.YL_DOCUMENT ?? 'chest-film' }).click()
await qian.locator('.viewer .sheet').waitFor()
await qian.getByRole('button', { name: '给所有人看' }).click()
await zhang.locator('.viewer .sheet').waitFor()
await qian.getByRole('button', { name: '指示点' }).click()
const box = await qian.locator('.viewer .sheet').boundingBox()
await qian.mouse.move(box.x + box.width * 0.42, box.y + box.height * 0.48)
await qian.mouse.move(box.x + box.width * 0.4, box.y + box.height * 0.5, { steps: 5 })
await Promise.all([playing(zhang, qian.called), playing(zhang, xu.called)])
await zhang.waitForTimeout(12_000) // until the pictures are sharp
await zhang.screenshot({ path: process.env.YL_PICTURE })
for (const browser of browsers) await browser.close()
await site.stop()
