// Shared by the room's tests: lines that break. A namespace for one browser with a router before it, whose cables can be pulled (signaling and
// media both cross them), and a UDP relay that loses and delays by a seeded generator.
import { execFileSync, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] })

/**
 * this machine [10.x.y.1]---[10.x.y.2] router [10.x.y.129]---[10.x.y.130] browser
 * null where namespaces are not permitted.
 */
export function makeLine() {
  const id = process.pid % 30000
  const net = `10.${200 + (id >> 8) % 50}.${id % 256}`
  const [router, far] = [`ylr${id}`, `ylf${id}`]
  const undo = []
  const line = { address: `${net}.1`, far }
  const up = (ns, link) => ip('-n', ns, 'link', 'set', link, 'up')
  line.close = () => undo.splice(0).reverse().forEach((args) => spawnSync('ip', args))
  try {
    for (const ns of [router, far]) {
      ip('netns', 'add', ns)
      undo.push(['netns', 'del', ns])
      up(ns, 'lo')
    }
    ip('link', 'add', `yla${id}`, 'type', 'veth', 'peer', 'name', 'near', 'netns', router)
    undo.push(['link', 'del', `yla${id}`])
    ip('-n', router, 'link', 'add', 'away', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', far)
    ip('addr', 'add', `${net}.1/25`, 'dev', `yla${id}`)
    ip('link', 'set', `yla${id}`, 'up')
    ip('-n', router, 'addr', 'add', `${net}.2/25`, 'dev', 'near')
    ip('-n', router, 'addr', 'add', `${net}.129/25`, 'dev', 'away')
    for (const link of ['near', 'away']) up(router, link)
    ip('netns', 'exec', router, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward')
    ip('route', 'add', `${net}.128/25`, 'via', `${net}.2`)
    line.live = (host) => {
      ip('-n', far, 'addr', 'add', `${net}.${host}/25`, 'dev', 'eth0')
      up(far, 'eth0')
      ip('-n', far, 'route', 'replace', 'default', 'via', `${net}.129`)
    }
    line.live(130)
  } catch (error) {
    line.close()
    line.why = String(error.stderr ?? error.message).trim()
    return { why: line.why }
  }
  /** The browser's own cable: it sees its network go. */
  line.pull = () => ip('-n', far, 'link', 'set', 'eth0', 'down')
  line.plug = () => {
    up(far, 'eth0')
    ip('-n', far, 'route', 'replace', 'default', 'via', `${net}.129`)
  }
  /** A cable behind the router: nothing tells the browser. */
  line.cut = () => ip('-n', router, 'link', 'set', 'near', 'down')
  line.mend = () => up(router, 'near')
  /** A firewall that lets no UDP through, or lets it through again. */
  line.udp = (through) => ip('-n', router, 'rule', through ? 'del' : 'add', 'ipproto', 'udp', 'blackhole')
  /** Another Wi-Fi: the old address is gone, a new one is there. */
  line.move = (from, to) => {
    ip('-n', far, 'addr', 'del', `${net}.${from}/25`, 'dev', 'eth0')
    line.live(to)
  }
  /** A program that runs `chromium` in the namespace. */
  line.program = (dir, chromium) => {
    const path = join(dir, 'far-chromium')
    writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${far} ${chromium} "$@"\n`)
    chmodSync(path, 0o755)
    return path
  }
  return line
}

/** xorshift32, 0..1. */
function dice(seed) {
  let x = seed | 1
  return () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (x >>> 0) / 2 ** 32
  }
}

/** What waits before a bottleneck of `relay[way]` (bit/s): first in, first out, at most `relay.buffer_ms` of it at the present rate. */
function bottleneck(relay, way) {
  const waiting = []
  let bytes = 0
  let budget = 0
  let last = performance.now()
  const bps = () => relay[way] || Infinity
  const timer = setInterval(() => {
    const now = performance.now()
    budget = waiting.length ? budget + ((now - last) * bps()) / 8000 : 0
    last = now
    while (waiting.length && budget >= waiting[0].size) {
      const { size, send } = waiting.shift()
      budget -= size
      bytes -= size
      send()
    }
    if (way !== 'down_bps') return
    relay.queue_ms = (bytes * 8000) / bps()
    relay.queue_most_ms = Math.max(relay.queue_most_ms, relay.queue_ms)
    relay.queues?.push(relay.queue_ms)
  }, 2)
  return {
    push(size, send) {
      if (!relay[way] && !waiting.length) return send()
      if ((bytes * 8000) / bps() > relay.buffer_ms) return void relay.overflown++
      bytes += size
      waiting.push({ size, send })
    },
    close: () => clearInterval(timer),
  }
}

/**
 * A UDP relay to `port`: every datagram of either direction is lost with `loss` and comes `delay_ms` later; towards the page `down_bps`
 * pass and from it `up_bps` (0: all), the rest waits. `queue_ms` is what waits now for the page, `queue_most_ms` the most since it was set to 0.
 * `up` and `down`, where set, see each datagram and the page's port before it is lost.
 */
export async function makeRelay(address, port, seed = 20261128) {
  const relay = { loss: 0, delay_ms: 0, down_bps: 0, up_bps: 0, buffer_ms: 1500, passed: 0, lost: 0, overflown: 0, queue_ms: 0, queue_most_ms: 0, down_bytes: 0 }
  const neck = bottleneck(relay, 'down_bps')
  const out = bottleneck(relay, 'up_bps')
  const random = dice(seed)
  const front = createSocket('udp4')
  const backs = new Map()
  const pass = (send) => {
    if (random() < relay.loss) return void relay.lost++
    relay.passed++
    if (relay.delay_ms) setTimeout(() => relay.closed || send(), relay.delay_ms)
    else send()
  }
  function back(from) {
    const key = `${from.address}:${from.port}`
    let s = backs.get(key)
    if (s) return s
    s = createSocket('udp4')
    s.on('message', (m) =>
      neck.push(m.length + 28, () => {
        relay.down?.(m, from.port)
        relay.down_bytes += m.length + 28
        pass(() => front.send(m, from.port, from.address))
      }),
    )
    s.on('error', () => {})
    backs.set(key, s)
    return s
  }
  front.on('message', (m, from) => {
    relay.up?.(m, from.port)
    out.push(m.length + 28, () => pass(() => back(from).send(m, port, address)))
  })
  /** A router forgot who sits behind which port: what the page sends comes from another port, what is sent to the old one is lost. Nothing tells the page. */
  relay.rebind = () => {
    for (const s of backs.values()) s.close()
    backs.clear()
  }
  await new Promise((done) => front.bind(0, address, done))
  relay.port = front.address().port
  relay.close = () => {
    relay.closed = true
    neck.close()
    out.close()
    front.close()
    for (const s of backs.values()) s.close()
  }
  return relay
}

/** Init script: the server's media port is the relay's for this page, and nothing goes around it over TCP. */
export const throughRelay = ({ port, relay }) => {
  const real = RTCPeerConnection.prototype.setRemoteDescription
  RTCPeerConnection.prototype.setRemoteDescription = function (d) {
    return real.call(this, { type: d.type, sdp: d.sdp.replace(/^a=candidate:\d+ \d+ tcp .*\r\n/gm, '').replace(new RegExp(`^(a=candidate:.* )${port}( typ host)`, 'gm'), `$1${relay}$2`) })
  }
}
