import type { Desk } from '..'

export default {
  nav: [{ to: '/devices', label: { zh: '设备检查', en: 'Device test' }, icon: 'camera', order: 905, rights: ['room.join'] }],
  routes: [
    { path: '/cases/:caseId/room', name: 'room', component: () => import('@/room/RoomPage.vue'), meta: { bare: true, title: { zh: '会诊室', en: 'Consultation room' } } },
    { path: '/guest', name: 'guest', component: () => import('@/room/GuestPage.vue'), meta: { bare: true, open: true, title: { zh: '参加会诊', en: 'Join a consultation' } } },
    { path: '/devices', name: 'devices', component: () => import('@/room/DevicesPage.vue'), meta: { title: { zh: '设备检查', en: 'Device test' }, rights: ['room.join'] } },
  ],
} satisfies Desk
