import { createApp, h, reactive, type Component } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'
import '@/styles/base.css'

/** Shows one component with live props (change them on the returned object); its events land in `events`. */
export function mount(component: Component, props: Record<string, unknown>, listen: string[] = []): { props: Record<string, unknown>; events: [string, unknown][] } {
  const live = reactive(props)
  const events: [string, unknown][] = []
  const on = Object.fromEntries(listen.map((name) => [`on${name[0]!.toUpperCase()}${name.slice(1)}`, (value: unknown) => events.push([name, JSON.parse(JSON.stringify(value ?? null))])]))
  const box = document.createElement('main')
  box.style.height = '700px'
  document.body.replaceChildren(box)
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:x(.*)*', component: { render: () => null } }] })
  createApp({ render: () => h(component, { ...live, ...on }) }).use(router).mount(box)
  return { props: live, events }
}
