import type { Desk } from '..'

export default {
  nav: [
    { to: '/cases', label: { zh: '会诊', en: 'Consultations' }, icon: 'board', order: 10, phone: true, rights: ['case.read'] },
    { to: '/wall', label: { zh: '时限大屏', en: 'Wall screen' }, icon: 'screen', order: 22, rights: ['board.read'] },
  ],
  routes: [
    { path: '/cases', name: 'cases', component: () => import('./BoardPage.vue'), meta: { title: { zh: '会诊', en: 'Consultations' }, rights: ['case.read'] } },
    { path: '/wall', name: 'wall', component: () => import('./WallPage.vue'), meta: { bare: true, title: { zh: '会诊时限大屏', en: 'Deadlines' }, rights: ['board.read'] } },
  ],
} satisfies Desk
