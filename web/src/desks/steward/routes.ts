import type { Desk } from '..'

const rights = ['mpi.manage']
export default {
  nav: [{ to: '/index', label: { zh: '患者主索引', en: 'Patient index' }, icon: 'link', order: 300, phone: true, rights }],
  routes: [
    { path: '/index', name: 'index', component: () => import('./QueuePage.vue'), meta: { title: { zh: '患者主索引', en: 'Patient index' }, rights } },
    { path: '/index/find', name: 'index-find', component: () => import('./FindPage.vue'), meta: { title: { zh: '查找个人', en: 'Find a person' }, rights } },
    { path: '/index/acts', name: 'index-acts', component: () => import('./ActsPage.vue'), meta: { title: { zh: '操作记录', en: 'What was done' }, rights } },
    { path: '/index/pair/:a/:b', name: 'index-pair', component: () => import('./ComparePage.vue'), meta: { title: { zh: '对比登记', en: 'Compare' }, rights } },
    { path: '/index/persons/:patientId', name: 'index-person', component: () => import('./PersonPage.vue'), meta: { title: { zh: '个人主档', en: 'Person' }, rights } },
  ],
} satisfies Desk
