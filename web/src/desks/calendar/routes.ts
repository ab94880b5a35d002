import type { Desk } from '..'

export default {
  nav: [
    { to: '/calendar', label: { zh: '日历', en: 'Calendar' }, icon: 'calendar', order: 20, phone: true, rights: ['slot.write', 'slot.manage'] },
    { to: '/slots', label: { zh: '我的号源', en: 'My slots' }, icon: 'clock', order: 19, phone: true, rights: ['case.consult'] },
  ],
  routes: [
    { path: '/calendar', name: 'calendar', component: () => import('./CalendarPage.vue'), meta: { title: { zh: '会诊日历', en: 'Calendar' }, rights: ['slot.read'] } },
    { path: '/slots', name: 'slots', component: () => import('./MySlotsPage.vue'), meta: { title: { zh: '我的号源', en: 'My slots' }, rights: ['case.consult'] } },
  ],
} satisfies Desk
