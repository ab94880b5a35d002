// What only a signed-in person needs: the frame around the pages, live news, drafts that wait for the network, the idle clock. It comes beside
// the first page behind the sign-in, so that the sign-in page itself is light.
import { startPush } from '@/lib/push'
import { startQueue } from '@/lib/queue'
import { startIdleClock } from '@/lib/session'

export { default as IdleWarning } from './IdleWarning.vue'
export { default as Shell } from './Shell.vue'

startPush()
startQueue()
startIdleClock()
