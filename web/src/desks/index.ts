// The registry of desks: each folder src/desks/NAME/ has a routes.ts whose default export is a Desk. Pages are lazy (`() => import(...)`), so
// a desk costs nothing until it is opened. routes.ts itself is part of the first load: keep it to routes and labels.
import type { RouteRecordRaw } from 'vue-router'
import type { Bi } from '@/lib/i18n'
import type { IconName } from '@/lib/kit/icons'

export interface NavItem {
  to: string
  label: Bi
  icon: IconName
  /** Shown to people with any of these rights (me.rights); absent: to everyone signed in. */
  rights?: string[]
  /** Smaller comes first. Home is 0, notices 900, settings 910. */
  order: number
  /** Belongs into the phone's bottom bar (at most five are shown, by order; the rest are under "more"). */
  phone?: boolean
}
export interface Desk {
  nav: NavItem[]
  routes: RouteRecordRaw[]
}

const found = import.meta.glob<Desk>('./*/routes.ts', { eager: true, import: 'default' })
export const desks: Desk[] = Object.values(found)

declare module 'vue-router' {
  interface RouteMeta {
    /** Window title. */
    title?: Bi
    /** Needs no signed-in person. */
    open?: boolean
    /** Rendered without side bar and tab bar (rooms, print, sign-in). */
    bare?: boolean
    /** Any of these rights opens it; without them the page says so. */
    rights?: string[]
  }
}
