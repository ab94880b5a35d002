import { createApp } from 'vue'
import App from './App.vue'
import './styles/base.css'
import './lib/prefs'
import { router } from './router'

createApp(App).use(router).mount('#app')
