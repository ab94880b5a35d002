import type { Desk } from '..'

export default {
  nav: [{ to: '/quality', label: { zh: '数据质量', en: 'Data quality' }, icon: 'check', order: 558, rights: ['quality.read'] }],
  routes: [{ path: '/quality', name: 'quality', component: () => import('./QualityPage.vue'), meta: { title: { zh: '数据质量', en: 'Data quality' }, rights: ['quality.read'] } }],
} satisfies Desk
