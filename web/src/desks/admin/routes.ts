import type { Desk } from '..'

export default {
  nav: [
    { to: '/admin/orgs', label: { zh: '机构科室', en: 'Institutions' }, icon: 'building', order: 500, rights: ['org.manage', 'audit.read'] },
    { to: '/admin/people', label: { zh: '人员', en: 'Staff' }, icon: 'users', order: 510, rights: ['person.read'] },
    { to: '/admin/roster', label: { zh: '排班', en: 'Roster' }, icon: 'list', order: 520, rights: ['roster.read'] },
    { to: '/admin/hours', label: { zh: '工作日历', en: 'Working hours' }, icon: 'clock', order: 530, rights: ['hours.set'] },
    { to: '/admin/roles', label: { zh: '角色权限', en: 'Roles' }, icon: 'lock', order: 540, rights: ['org.manage', 'person.manage', 'audit.read'] },
    { to: '/admin/gateways', label: { zh: '消息网关', en: 'Gateways' }, icon: 'wifi', order: 550, rights: ['gateway.manage'] },
    { to: '/admin/devices', label: { zh: '影像设备', en: 'Devices' }, icon: 'camera', order: 555, rights: ['device.manage'] },
    { to: '/admin/rooms', label: { zh: '音视频运行', en: 'Calls' }, icon: 'play', order: 556, rights: ['room.oversee'] },
    { to: '/admin/exchange', label: { zh: '数据交换', en: 'Data exchange' }, icon: 'download', order: 557, rights: ['exchange.read'] },
    { to: '/admin/policies', label: { zh: '运行参数', en: 'Policies' }, icon: 'edit', order: 560, rights: ['policy.read'] },
    { to: '/admin/inventory', label: { zh: '数据盘点', en: 'Data inventory' }, icon: 'board', order: 565, rights: ['inventory.read'] },
    { to: '/admin/audit', label: { zh: '安全审计', en: 'Audit' }, icon: 'shield', order: 570, rights: ['audit.read'] },
  ],
  routes: [
    { path: '/admin/orgs', name: 'orgs', component: () => import('./OrgsPage.vue'), meta: { title: { zh: '机构科室', en: 'Institutions' }, rights: ['org.manage', 'audit.read'] } },
    { path: '/admin/people', name: 'people', component: () => import('./PeoplePage.vue'), meta: { title: { zh: '人员', en: 'Staff' }, rights: ['person.read'] } },
    { path: '/admin/people/:personId', name: 'person', component: () => import('./PersonPage.vue'), meta: { title: { zh: '人员', en: 'Staff' }, rights: ['person.read'] } },
    { path: '/admin/roster', name: 'roster', component: () => import('./RosterPage.vue'), meta: { title: { zh: '排班', en: 'Roster' }, rights: ['roster.read'] } },
    { path: '/admin/hours', name: 'hours', component: () => import('./HoursPage.vue'), meta: { title: { zh: '工作日历', en: 'Working hours' }, rights: ['hours.set'] } },
    { path: '/admin/roles', name: 'roles', component: () => import('./RolesPage.vue'), meta: { title: { zh: '角色权限', en: 'Roles' }, rights: ['org.manage', 'person.manage', 'audit.read'] } },
    { path: '/admin/gateways', name: 'gateways', component: () => import('./GatewaysPage.vue'), meta: { title: { zh: '消息网关', en: 'Gateways' }, rights: ['gateway.manage'] } },
    { path: '/admin/devices', name: 'imaging_devices', component: () => import('./DevicesPage.vue'), meta: { title: { zh: '影像设备', en: 'Devices' }, rights: ['device.manage'] } },
    { path: '/admin/rooms', name: 'rooms', component: () => import('./RoomsPage.vue'), meta: { title: { zh: '音视频运行', en: 'Calls' }, rights: ['room.oversee'] } },
    { path: '/admin/exchange', name: 'exchange', component: () => import('./ExchangePage.vue'), meta: { title: { zh: '数据交换', en: 'Data exchange' }, rights: ['exchange.read'] } },
    { path: '/admin/policies', name: 'policies', component: () => import('./PoliciesPage.vue'), meta: { title: { zh: '运行参数', en: 'Policies' }, rights: ['policy.read'] } },
    { path: '/admin/inventory', name: 'inventory', component: () => import('./InventoryPage.vue'), meta: { title: { zh: '数据盘点', en: 'Data inventory' }, rights: ['inventory.read'] } },
    { path: '/admin/audit', name: 'audit', component: () => import('./AuditPage.vue'), meta: { title: { zh: '安全审计', en: 'Audit' }, rights: ['audit.read'] } },
  ],
} satisfies Desk
