import { createApp } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'
import '@/styles/base.css'
import '@/lib/prefs'
import Bench from './Bench.vue'

const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:x(.*)*', component: Bench }] })
createApp(Bench).use(router).mount('#app')
