// Moving an item of a grid: dragged by pointer, or - after `begin` - with arrow keys or a click on the new place (WCAG 2.2, 2.5.7: dragging is
// never the only way). The grid knows its geometry, the page knows what a drop means.
import { nextTick, onBeforeUnmount, shallowRef } from 'vue'
import type { Item, Lane } from './calendar'

export interface Spot {
  lane: string
  start_ms: number
}
export interface Moving {
  item: Item
  lane: Lane
  spot: Spot
  by: 'pointer' | 'keys'
}
interface Ways {
  /** The place under a point of the window; `grab_ms` is how far behind its start the item was taken. */
  place: (x: number, y: number, moving: Moving, grab_ms: number) => Spot | null
  /** The place one arrow key away. */
  step: (spot: Spot, key: string) => Spot | null
  may: (item: Item, lane: Lane) => boolean
  grab: (e: PointerEvent, item: Item) => number
  drop: (m: Moving) => void
}
const DRAG_PX = 5
const EDGE_PX = 56

export type Mover = ReturnType<typeof useMove>
export function useMove(ways: Ways) {
  const moving = shallowRef<Moving | null>(null)
  let pressed: { item: Item; lane: Lane; x: number; y: number; grab_ms: number } | null = null
  let dragged = false

  const start = (item: Item, lane: Lane, by: Moving['by']): Moving => ({ item, lane, by, spot: { lane: lane.key, start_ms: item.start_ms } })
  function end(): void {
    const was = moving.value
    moving.value = null
    pressed = null
    removeEventListener('pointermove', move)
    removeEventListener('pointerup', up)
    removeEventListener('pointercancel', end)
    removeEventListener('keydown', key, true)
    if (was?.by === 'keys') void nextTick(() => document.querySelector<HTMLElement>(`[data-item="${was.item.slot_id}:${was.lane.key}"]`)?.focus())
  }
  function finish(): void {
    const m = moving.value
    end()
    if (m && (m.spot.lane !== m.lane.key || m.spot.start_ms !== m.item.start_ms)) ways.drop(m)
  }
  function move(e: PointerEvent): void {
    if (!pressed) return
    if (!moving.value) {
      if (Math.hypot(e.clientX - pressed.x, e.clientY - pressed.y) < DRAG_PX) return
      moving.value = start(pressed.item, pressed.lane, 'pointer')
      dragged = true
    }
    if (e.clientY < EDGE_PX) scrollBy(0, -14)
    else if (e.clientY > innerHeight - EDGE_PX) scrollBy(0, 14)
    const spot = ways.place(e.clientX, e.clientY, moving.value, pressed.grab_ms)
    if (spot) moving.value = { ...moving.value, spot }
  }
  function up(): void {
    if (moving.value) finish()
    else end()
  }
  function key(e: KeyboardEvent): void {
    const m = moving.value
    if (!m) return
    if (e.key === 'Escape') {
      e.preventDefault()
      end()
    } else if (m.by === 'keys' && e.key === 'Enter' && !(e.target as HTMLElement).closest?.('.move-bar')) {
      e.preventDefault()
      finish()
    } else if (m.by === 'keys' && e.key.startsWith('Arrow')) {
      e.preventDefault()
      const spot = ways.step(m.spot, e.key)
      if (spot) moving.value = { ...m, spot }
    }
  }
  onBeforeUnmount(end)
  return {
    moving,
    end,
    finish,
    /** On pointerdown of an item. */
    press(e: PointerEvent, item: Item, lane: Lane): void {
      dragged = false
      if (e.button !== 0 || moving.value || !ways.may(item, lane)) return
      pressed = { item, lane, x: e.clientX, y: e.clientY, grab_ms: ways.grab(e, item) }
      addEventListener('pointermove', move)
      addEventListener('pointerup', up)
      addEventListener('pointercancel', end)
      addEventListener('keydown', key, true)
    },
    /** Was the click that now comes the end of a drag? */
    wasDrag: (): boolean => dragged,
    begin(item: Item, lane: Lane): void {
      if (!ways.may(item, lane)) return
      moving.value = start(item, lane, 'keys')
      addEventListener('keydown', key, true)
    },
    /** On a click somewhere in the grid while moving by keys. */
    click(e: MouseEvent): boolean {
      const m = moving.value
      if (m?.by !== 'keys') return false
      const spot = ways.place(e.clientX, e.clientY, m, 0)
      if (!spot) return false
      moving.value = { ...m, spot }
      finish()
      return true
    },
  }
}
