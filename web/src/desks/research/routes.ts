import type { Desk } from '..'

const any = ['research.read']
const title = { zh: '科研数据', en: 'Research data' }
export default {
  nav: [{ to: '/research', label: title, icon: 'search', order: 562, rights: any }],
  routes: [
    { path: '/research', name: 'research', component: () => import('./ListPage.vue'), meta: { title, rights: any } },
    { path: '/research/new', name: 'research-new', component: () => import('./EditPage.vue'), meta: { title: { zh: '科研数据申请', en: 'Application for research data' }, rights: ['research.apply'] } },
    { path: '/research/:projectId', name: 'research-project', component: () => import('./ProjectPage.vue'), meta: { title, rights: any } },
    { path: '/research/:projectId/edit', name: 'research-edit', component: () => import('./EditPage.vue'), meta: { title: { zh: '科研数据申请', en: 'Application for research data' }, rights: ['research.apply'] } },
  ],
} satisfies Desk
