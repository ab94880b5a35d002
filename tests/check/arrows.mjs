// The rules of the arrows (docs/architecture.md): who may include whom. Each rule is one test; a breach names file and line.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = new URL('../..', import.meta.url).pathname
const files = ['server', 'media', 'records'].flatMap((plane) =>
  readdirSync(join(root, plane), { recursive: true }).filter((f) => /\.[ch]$/.test(f)).map((f) => `${plane}/${f}`))
const includes = files.flatMap((from) =>
  readFileSync(join(root, from), 'utf8').split('\n').flatMap((line, i) => {
    const m = /^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)/.exec(line)
    return m ? [{ from, line: i + 1, own: m[1], system: m[2] }] : []
  }))
const starts = (text, ...heads) => heads.some((h) => text.startsWith(h))
const own = includes.filter((i) => i.own)

/** The rule: includes for which `wrong` holds. */
const rules = {
  'own headers are included from the repository root': own.filter((i) => !existsSync(join(root, i.own))),
  'server/base includes only itself': own.filter((i) => starts(i.from, 'server/base/') && !starts(i.own, 'server/base/')),
  'media never includes records': own.filter((i) => starts(i.from, 'media/') && starts(i.own, 'records/')),
  'records never includes media': own.filter((i) => starts(i.from, 'records/') && starts(i.own, 'media/')),
  'of the server, media and records see only server/base': own.filter((i) => starts(i.from, 'media/', 'records/') && starts(i.own, 'server/') && !starts(i.own, 'server/base/')),
  'server sees media only through media/media.h': own.filter((i) => starts(i.from, 'server/') && starts(i.own, 'media/') && i.own !== 'media/media.h'),
  'server sees records only through records/records.h (operation table and argument schemas: api, signaling, ctl and the daemon itself)': own.filter((i) =>
    starts(i.from, 'server/') && starts(i.own, 'records/') && i.own !== 'records/records.h' &&
    !(i.own === 'records/ops/op.h' && starts(i.from, 'server/api/', 'server/signaling/', 'server/ctl/', 'server/yiliand.c'))),
  'server/net knows nothing above it': own.filter((i) => starts(i.from, 'server/net/') && !starts(i.own, 'server/net/', 'server/base/')),
  'server/sdp is pure: media parameters and the ground floor': own.filter((i) => starts(i.from, 'server/sdp/') && !starts(i.own, 'server/sdp/', 'server/base/', 'media/media.h')),
  'server/room, server/sdp and server/session know no wire: no signaling, no API': own.filter((i) =>
    starts(i.from, 'server/room/', 'server/sdp/', 'server/session/') && starts(i.own, 'server/signaling/', 'server/api/')),
  'the room machine knows only the ground floor': own.filter((i) => /^server\/room\/room\.[ch]$/.test(i.from) && !starts(i.own, 'server/room/room.h', 'server/base/')),
  'server/session knows neither room nor media': own.filter((i) => starts(i.from, 'server/session/') && !starts(i.own, 'server/session/', 'server/net/', 'server/base/', 'records/records.h')),
  'server/signaling and server/api do not know each other': own.filter((i) =>
    (starts(i.from, 'server/signaling/') && starts(i.own, 'server/api/')) || (starts(i.from, 'server/api/') && starts(i.own, 'server/signaling/'))),
  'media/rtp is pure packet arithmetic': own.filter((i) => starts(i.from, 'media/rtp/') && !starts(i.own, 'media/rtp/', 'server/base/', 'media/media.h')),
  'only media/worker and media.c know the worker': own.filter((i) => starts(i.from, 'media/') && !starts(i.from, 'media/worker/', 'media/media.c') && starts(i.own, 'media/worker/')),
  'media/mux knows packets, not routes and transports': own.filter((i) => starts(i.from, 'media/mux/') && starts(i.own, 'media/router/', 'media/transport/')),
  'records/store knows no domain': own.filter((i) => starts(i.from, 'records/store/') && !starts(i.own, 'records/store/', 'server/base/')),
  'records/hl7 is pure': own.filter((i) => starts(i.from, 'records/hl7/') && !starts(i.own, 'records/hl7/', 'server/base/')),
  'records/flow runs any workflow, so it knows none': own.filter((i) => starts(i.from, 'records/flow/') && !starts(i.own, 'records/flow/', 'records/store/', 'server/base/')),
  'libwebsockets only in server/net': includes.filter((i) => starts(i.system ?? '', 'libwebsockets') && !starts(i.from, 'server/net/')),
  'sqlite and libpq only in records/store': includes.filter((i) => /^(sqlite3|libpq)/.test(i.system ?? '') && !starts(i.from, 'records/store/')),
  'libsrtp in no plane: it is the reference of a test': includes.filter((i) => starts(i.system ?? '', 'srtp')),
  "mbedtls' DTLS only in media/transport": includes.filter((i) => starts(i.system ?? '', 'mbedtls/ssl') && !starts(i.from, 'media/transport/')),
  "OpenSSL only in media/transport, its AES-GCM in server/base/aead.c (and server/net, which sets libwebsockets' TLS)": includes.filter((i) => starts(i.system ?? '', 'openssl/') && !starts(i.from, 'media/transport/', 'server/net/', 'server/base/aead.c')),
  'which DTLS library it is, only its engine knows': includes.filter((i) =>
    (starts(i.system ?? '', 'openssl/ssl') && starts(i.from, 'media/') && i.from !== 'media/transport/dtls_openssl.c') ||
    (starts(i.system ?? '', 'mbedtls/ssl') && i.from !== 'media/transport/dtls_mbedtls.c') ||
    (i.own === 'media/transport/dtls_engine.h' && !starts(i.from, 'media/transport/dtls'))),
  'GStreamer only in media/pipe': includes.filter((i) => starts(i.system ?? '', 'gst/', 'glib') && !starts(i.from, 'media/pipe/')),
  'jansson never in media': includes.filter((i) => starts(i.system ?? '', 'jansson') && starts(i.from, 'media/')),
  'no include circles': circles(),
}

function circles() {
  const next = new Map(files.map((f) => [f, own.filter((i) => i.from === f)]))
  const state = new Map()
  const found = []
  const visit = (f) => {
    state.set(f, 'open')
    for (const i of next.get(f) ?? []) {
      if (state.get(i.own) === 'open') found.push(i)
      else if (!state.has(i.own)) visit(i.own)
    }
    state.set(f, 'done')
  }
  for (const f of files) if (!state.has(f)) visit(f)
  return found
}

let failed = 0
for (const [name, wrong] of Object.entries(rules)) {
  if (wrong.length) failed++
  console.log(`${wrong.length ? 'FAIL' : 'ok  '} ${name}`)
  for (const i of wrong) console.log(`     ${i.from}:${i.line} includes ${i.own ?? i.system}`)
}
console.log(`${Object.keys(rules).length - failed} passed, ${failed} failed`)
process.exitCode = failed ? 1 : 0
