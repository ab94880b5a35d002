import type { Desk } from '..'

export default {
  nav: [],
  routes: [
    { path: '/print/:caseId/:what(application|opinion|minutes)', name: 'print', component: () => import('./PrintPage.vue'), meta: { bare: true, title: { zh: '打印', en: 'Print' }, rights: ['case.read'] } },
    { path: '/verify/:code', name: 'verify', component: () => import('./VerifyPage.vue'), meta: { bare: true, open: true, title: { zh: '文书核验', en: 'Verify a document' } } },
  ],
} satisfies Desk
