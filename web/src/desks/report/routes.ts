import type { Desk } from '..'

const months = { zh: '月报', en: 'Monthly reports' }
const alarms = { zh: '指标报警', en: 'Alarms' }
export default {
  nav: [
    { to: '/reports', label: months, icon: 'file', order: 6, rights: ['report.read'] },
    { to: '/alarms', label: alarms, icon: 'alert', order: 7, rights: ['alarm.read'] },
  ],
  routes: [
    { path: '/reports', name: 'months', component: () => import('./MonthsPage.vue'), meta: { title: months, rights: ['report.read'] } },
    { path: '/reports/:reportId', name: 'month', component: () => import('./MonthPage.vue'), meta: { title: months, rights: ['report.read'] } },
    { path: '/alarms', name: 'alarms', component: () => import('./AlarmsPage.vue'), meta: { title: alarms, rights: ['alarm.read'] } },
  ],
} satisfies Desk
