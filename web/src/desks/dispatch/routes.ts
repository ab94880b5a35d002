import type { Desk } from '..'

export default {
  nav: [{ to: '/cases', label: { zh: '会诊', en: 'Cases' }, icon: 'board', order: 10, phone: true, rights: ['case.read'] }],
  routes: [{ path: '/cases', name: 'cases', component: () => import('./BoardPage.vue'), meta: { title: { zh: '会诊看板', en: 'Consultations' }, rights: ['case.read'] } }],
} satisfies Desk
