import type { Desk } from '..'

export default {
  nav: [
    { to: '/overrides', label: { zh: '紧急调阅复核', en: 'Emergency access' }, icon: 'alert', order: 310, rights: ['case.override_review'] },
    { to: '/privacy', label: { zh: '患者访问查询', en: 'Access to a record' }, icon: 'shield', order: 575, rights: ['audit.read'] },
  ],
  routes: [
    { path: '/who-saw', name: 'who-saw', component: () => import('./WhoSawPage.vue'), meta: { bare: true, open: true, title: { zh: '谁看过我的病历', en: 'Who saw my record' } } },
    { path: '/patients/:patientId/who-saw', name: 'who-saw-print', component: () => import('./WhoSawPrint.vue'), meta: { bare: true, title: { zh: '谁看过我的病历', en: 'Who saw my record' }, rights: ['patient.read'] } },
    { path: '/privacy', name: 'privacy', component: () => import('./OfficerPage.vue'), meta: { title: { zh: '患者访问查询', en: 'Access to a record' }, rights: ['audit.read'] } },
    { path: '/overrides', name: 'overrides', component: () => import('./OverridesPage.vue'), meta: { title: { zh: '紧急调阅复核', en: 'Emergency access' }, rights: ['case.override_review'] } },
  ],
} satisfies Desk
