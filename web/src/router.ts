import { watch } from 'vue'
import { createRouter, createWebHistory, type RouteLocationNormalized, type RouteLocationRaw } from 'vue-router'
import { desks } from './desks'
import { Fault, whenSessionLost } from './lib/api'
import { label, locale } from './lib/i18n'
import LoginPage from './pages/LoginPage.vue' // part of the first load: what most people see first must not cost another round trip
import { forget, hasAny, loadSession, me, onSession, signedInBefore } from './lib/session'
import StatePage from './pages/StatePage.vue' // whoever needs it cannot fetch it

export const router = createRouter({
  history: createWebHistory(),
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  routes: [
    { path: '/', name: 'home', component: () => import('./pages/HomePage.vue'), meta: { title: { zh: '首页', en: 'Home' } } },
    { path: '/login', name: 'login', component: LoginPage, meta: { open: true, bare: true, title: { zh: '登录', en: 'Sign in' } } },
    { path: '/notices', name: 'notices', component: () => import('./pages/NoticesPage.vue'), meta: { title: { zh: '通知', en: 'Notices' } } },
    { path: '/settings', name: 'settings', component: () => import('./pages/SettingsPage.vue'), meta: { title: { zh: '设置', en: 'Settings' } } },
    { path: '/no-access', name: 'no-access', component: StatePage, props: { kind: 'denied' }, meta: { title: { zh: '无权访问', en: 'No access' } } },
    { path: '/offline', name: 'offline', component: StatePage, props: { kind: 'offline' }, meta: { open: true, bare: true, title: { zh: '无法连接', en: 'Not connected' } } },
    ...desks.flatMap((d) => d.routes),
    { path: '/:rest(.*)*', name: 'missing', component: StatePage, props: { kind: 'missing' }, meta: { open: true, title: { zh: '页面不存在', en: 'Not found' } } },
  ],
})

/** Only paths of this site: a `next` from outside must not lead away. */
export function safeNext(next: unknown): string {
  return typeof next === 'string' && /^\/(?![/\\])/.test(next) ? next : '/'
}

function toLogin(to: RouteLocationNormalized): RouteLocationRaw {
  return { name: 'login', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
}

async function guard(to: RouteLocationNormalized): Promise<RouteLocationRaw | boolean> {
  let now = me.value
  // Nobody signed in with this browser lately: show the sign-in page at once; it asks the server itself.
  if (!now && !to.meta.open && !signedInBefore()) return toLogin(to)
  if (!now && to.name !== 'offline' && to.meta.bare !== true) {
    try {
      now = await loadSession()
    } catch (error) {
      if (to.meta.open) return true
      return { name: 'offline', query: { next: to.fullPath, why: error instanceof Fault ? error.code : '' } }
    }
  }
  if (to.meta.open) return true
  if (!now) now = await loadSession().catch(() => null)
  if (!now || now.stage !== 'ready') return toLogin(to)
  // a screen on the wall signs in to show one page
  if (to.name === 'home' && now.roles.length === 1 && now.roles[0] === 'display') return { name: 'wall' }
  if (!hasAny(to.meta.rights)) return { name: 'no-access', query: { from: to.fullPath } }
  return true
}
router.beforeEach(guard)

const SITE = { zh: '医联远程医疗', en: 'Yilian Telemedicine' }
function retitle(): void {
  const title = label(router.currentRoute.value.meta.title)
  document.title = title ? `${title} - ${label(SITE)}` : label(SITE)
}
router.afterEach(retitle)
watch(locale, retitle)

// A chunk that is gone while the server answers means that it was updated: one fresh load of the page brings the new names. Without
// a server a fresh load would leave the application for the browser's own page.
async function withoutChunk(path: string): Promise<void> {
  const key = 'yl.reloaded'
  const fresh = Date.now() - Number(sessionStorage.getItem(key) ?? 0) < 20_000
  if (fresh || !(await loadSession(true).then(() => true, () => false))) return void (await router.replace({ name: 'offline', query: { next: path } }))
  sessionStorage.setItem(key, String(Date.now()))
  location.assign(path)
}
router.onError((error, to) => {
  if (/dynamically imported module|Importing a module|Failed to fetch|preload/.test(String(error))) void withoutChunk(to.fullPath)
})

whenSessionLost(forget)
onSession((now) => {
  const here = router.currentRoute.value
  if (!now && here.matched.length && !here.meta.open) void router.replace({ name: 'login', query: { next: here.fullPath, ended: '1' } })
})
