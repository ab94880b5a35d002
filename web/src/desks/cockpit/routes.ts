import type { Desk } from '..'

export default {
  nav: [{ to: '/cockpit', label: { zh: '驾驶舱', en: 'Cockpit' }, icon: 'heart', order: 5, rights: ['stats.read'] }],
  routes: [
    { path: '/cockpit', name: 'cockpit', component: () => import('./CockpitPage.vue'), meta: { title: { zh: '驾驶舱', en: 'Cockpit' }, rights: ['stats.read'] } },
    { path: '/cockpit/:indicator', name: 'cockpit-list', component: () => import('./ListPage.vue'), meta: { title: { zh: '指标明细', en: 'Behind the number' }, rights: ['stats.read'] } },
  ],
} satisfies Desk
