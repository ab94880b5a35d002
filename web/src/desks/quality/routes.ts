import type { Desk } from '..'

export default {
  nav: [
    { to: '/fixes', label: { zh: '数据更正', en: 'Corrections' }, icon: 'edit', order: 60, rights: ['quality.fix'] },
    { to: '/quality', label: { zh: '数据质量', en: 'Data quality' }, icon: 'check', order: 558, rights: ['quality.read'] },
    { to: '/standard', label: { zh: '数据标准', en: 'Data standards' }, icon: 'list', order: 559, rights: ['quality.read'] },
  ],
  routes: [
    { path: '/fixes', name: 'fixes', component: () => import('./FixesPage.vue'), meta: { title: { zh: '数据更正', en: 'Corrections' }, rights: ['quality.fix'] } },
    { path: '/quality', name: 'quality', component: () => import('./QualityPage.vue'), meta: { title: { zh: '数据质量', en: 'Data quality' }, rights: ['quality.read'] } },
    { path: '/standard', name: 'standard', component: () => import('./StandardPage.vue'), meta: { title: { zh: '数据标准', en: 'Data standards' }, rights: ['quality.read'] } },
  ],
} satisfies Desk
