import { createApp } from 'vue'
import App from './App.vue'
import './styles/base.css'
import './lib/prefs'
import { startPush } from './lib/push'
import { startQueue } from './lib/queue'
import { startIdleClock } from './lib/session'
import { router } from './router'

startPush()
startQueue()
startIdleClock()
createApp(App).use(router).mount('#app')
