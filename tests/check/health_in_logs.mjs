// Health data never in a log line nor in an audit line's detail (docs/security.md). C has no type the log API could refuse, so this does: what
// may be printed is listed here, form by form; everything else - a row's text, an argument, a form, a name - is a failure. Whoever logs
// something new adds its form to the list, after asking whether it can hold a person's words.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = new URL('../..', import.meta.url).pathname
const files = ['server', 'records'].flatMap((plane) =>
  readdirSync(join(root, plane), { recursive: true }).filter((f) => /\.c$/.test(f)).map((f) => `${plane}/${f}`)).filter((f) => !f.startsWith('server/base/log'))

/** Arguments that cannot hold a person's words. */
const allowed = [
  /^"(?:[^"\\]|\\.)*"$/, // literals
  /^err_wire\(.*\)$/, /^strerror\(errno\)$/, /^sqlite3_errmsg\(db_of\(c\)\)$/,
  /^\(unsigned long long\)[\w.>[\]-]+$/, /^\(long long\)[\w.>[\]-]+$/, /^\(int\)[\w.>[\]-]+$/, // ids and counts
  /^(n|rc|port|count|ms|took_ms)$/, /^n - more$/, /^f\.n$/, /^options_(text|int)\(.*\)$/, /^\(int\)options_int\(.*\)$/, /^\(.*clock_monotonic_us\(\).*$/,
  /^path$/, /^address$/, // of files and blobs: keyed hashes
  /^(it->)?op->name$/, /^t->id$/, // tables of the program: operations, templates
  /^(it->reply\.)?fault\.reason$/, /^ctx->fault->reason$/, // a code; its text is for the person who asked
  /^sealed_places\[[\w>-]+\]\.(table|column)$/, /^sql$/, // statements hold parameters, never values
  /^(tx->store|s)->engine->message\([\w>-]+\)$/, // engine.h: never values
]
/** Where a name alone does not tell: file and argument. */
const known = {
  'records/fhir/fhir.c': [/^f\.text$/], // of a broken table: file and line
  'records/fhir/rows.c': [/^column$/], // body, facts
  'records/document/mirror.c': [/^wrong$/], // a path of backup.dir and what the system said
  'records/store/migrate.c': [/^(have|newest|version|m->version|m->what)$/], // a step's number and words
  'records/store/migrate.c': [/^(have|version|m->version|m->what)$/], // a step's number and words
  'records/store/statement.c': [/^name$/], // a column's
  'server/net/reply.c': [/^name$/], // a header's
  'server/node/edge.c': [/^e->config\.peer$/, /^why$/], // the origin's address; fixed words, TLS's, the origin's
  'server/node/origin.c': [/^k->(address|from|viewers_max)$/, /^text$/, /^code$/], // an edge's address; fixed words
  'server/node/origin_lectures.c': [/^k->address$/, /^PLACEMENT_ROOMS_MAX$/],
  'records/term/site.c': [/^(f\.|t->)(n|bytes)$/, /^TERMS_SITE_(MAX|BYTES)$/], // counts
  'records/org/person.c': [/^what$/], // password, totp, lock
  'records/patient/index_desk.c': [/^act->kind$/], // link, apart, merge, split
  'records/patient/patient_ops.c': [/^what$/, /^share_basis_word\(basis\)$/], // which number; own, case, consent, emergency
  'records/report/report_ops.c': [/^page->id$/, /^q\.period_word$/, /^q\.ask\.indicator->id$/, /^json_array_size\(items\)$/, /^named\(items\)$/], // words of the file; one of the choices; counts
  'records/report/month_ops.c': [/^m(\.|->)(month|sha256)$/], // a checked "2026-10"; a hash
  'records/report/alarm_ops.c': [/^h->number$/, /^(rc \? "\?" : )?r\.indicator$/], // the alarm's; a word of the file
  'records/research/research_ops.c': [/^p\.number$/], // the application's
  'records/patient/timeline.c': [/^share_basis_word\(members\[0\]\.basis\)$/],
  'records/work/consult_desk.c': [/^what$/], // application, opinion
  'records/document/document_ops.c': [/^thumbnail \? "thumbnail" : download \? "download" : "view"$/],
  'records/work/consult_terms.c': [/^prefix$/, /^id$/], // a policy's
  'records/work/policy.c': [/^id$/, /^rc \? "\?" : value$/],
  'records/work/consult_list.c': [/^view \? view : "all"$/],
  'records/work/recording.c': [/^id_text$/, /^json_array_size\(sealed\)$/],
  'records/work/recording_intake.c': [/^e->end \? "\w+" : "\w+"$/, /^reason$/, /^reply->fault\.reason$/],
  'records/work/recording_export.c': [/^layout$/, /^of$/], // one of its choices; an id
  'records/work/recording_exporter.c': [/^op$/, /^reply\.fault\.reason$/, /^export$/], // an id
  'records/work/room.c': [/^t\.role$/],
  'records/work/room_live.c': [/^t\.role$/, /^event$/, /^what$/, /^kind$/, /^detail \? detail : ""$/], // asked, agreed, on, off: made by the desk
  'records/work/room_token.c': [/^(publish|watch) \? "\w+ ?" : ""$/],
  'server/room/desk_record.c': [/^reply->fault\.reason\[0\] \? reply->fault\.reason : err_wire\(reply->error\)$/],
  'server/session/ask.c': [/^q->op$/, /^q->reply\.fault\.reason$/],
  'records/outgoing/subscriber_ops.c': [/^paused \? "\w+" : "\w+"$/, /^\(long long\)tx_changes\(ctx->tx\)$/],
  'records/exchange/pull.c': [/^g->reason$/], // a word of pull.c; the driver's stand in detail
  'records/exchange/tell.c': [/^rc \? err_wire\(rc\) : g->reason$/], // a word of tell.c
  'records/exchange/query.c': [/^names\[a->kind\]$/, /^a->n_pids$/, /^a->flaw\.code \? " flaw=" : ""$/, /^a->flaw\.reason$/], // words of the program
  'records/quality/fix_ops.c': [/^f\.rule$/, /^answer$/], // a rule of the file; one of its choices
  'records/call/item.c': [/^ctx\.audit\.detail$/],
  'records/health/pulse.c': [/^option$/, /^\(long long\)\(d->free (>> 20|\* 100 \/ d->total)\)$/], // a folder's option; megabytes, percent
  'records/store/archive.c': [/^a->wrong$/], // errno's and SQLite's words, megabytes
  'server/upkeep.c': [/^\(uint64_t\)(l\.rlim_cur|wanted)$/, /^(fit|connections)$/, /^\(int\)\(left_ms \/ DAY_MS\)$/, /^f\.text$/, /^leap_ms > 0 \? "\w+" : "\w+"$/, /^\(int64_t\)llabs\(leap_ms\) \/ 1000$/], // limits; days; what is wrong with a file; seconds
}

/** The arguments of a call whose opening bracket is at `at`, split at the commas of its own level. */
function argumentsAt(text, at) {
  const out = []
  let depth = 0, quoted = false, from = at + 1
  for (let i = at; i < text.length; i++) {
    const c = text[i]
    if (quoted) {
      if (c === '\\') i++
      else if (c === '"') quoted = false
    } else if (c === '"') quoted = true
    else if ('([{'.includes(c)) depth++
    else if (')]}'.includes(c)) {
      if (--depth === 0) return [...out, text.slice(from, i)]
    } else if (c === ',' && depth === 1) {
      out.push(text.slice(from, i))
      from = i + 1
    }
  }
  throw new Error('unbalanced')
}

const wrong = []
let seen = 0
for (const file of files) {
  const text = readFileSync(join(root, file), 'utf8')
  for (const m of text.matchAll(/\blog_(?:error|warn|info|debug)\(|\bsnprintf\((?=(?:ctx->audit|it)->?\.?detail)|\bsnprintf\((?=ctx->audit\.detail)/g)) {
    const args = argumentsAt(text, m.index + m[0].length - 1).map((a) => a.replace(/\s+/g, ' ').trim())
    const print = m[0].startsWith('log_') ? args.slice(2) : args.slice(3)
    const format = m[0].startsWith('log_') ? args[1] : args[2]
    seen++
    if (!/^(?:"(?:[^"\\]|\\.)*"|PRI\w+| )+$/.test(format)) wrong.push([file, m.index, text, `the format is no literal: ${format}`])
    for (const a of print) if (![...allowed, ...(known[file] ?? [])].some((r) => r.test(a))) wrong.push([file, m.index, text, a])
  }
}
for (const [file, at, text, what] of wrong) console.log(`     ${file}:${text.slice(0, at).split('\n').length}: ${what}`)
console.log(`${wrong.length ? 'FAIL' : 'ok  '} only ids, codes and the program's own words are logged (${seen} places)`)
console.log(`${seen < 30 ? 'FAIL' : 'ok  '} the places were found`)
console.log(`${2 - (wrong.length > 0) - (seen < 30)} passed, ${(wrong.length > 0) + (seen < 30)} failed`)
process.exit(wrong.length || seen < 30 ? 1 : 0)
