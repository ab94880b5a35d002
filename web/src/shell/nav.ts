import type { NavItem } from '@/desks'

export const HOME: NavItem = { to: '/', label: { zh: '首页', en: 'Home' }, icon: 'home', order: 0, phone: true }
export const NOTICES: NavItem = { to: '/notices', label: { zh: '通知', en: 'Notices' }, icon: 'bell', order: 900, phone: true }
export const SETTINGS: NavItem = { to: '/settings', label: { zh: '设置', en: 'Settings' }, icon: 'gear', order: 910 }
