import type { Desk } from '..'

export default {
  nav: [],
  routes: [{ path: '/cases/:caseId', name: 'case', component: () => import('./CasePage.vue'), meta: { title: { zh: '会诊', en: 'Consultation' }, rights: ['case.read'] } }],
} satisfies Desk
