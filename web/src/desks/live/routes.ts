import type { Desk } from '..'

export default {
  nav: [],
  routes: [{ path: '/live/:room', name: 'live', component: () => import('@/live/LivePage.vue'), meta: { bare: true, open: true, title: { zh: '直播', en: 'Live' } } }],
} satisfies Desk
