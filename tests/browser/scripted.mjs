// A server told by the test: API answers and signaling replies in the shapes of docs/protocol/.
export const ME = {
  stage: 'ready', person: { id: 'p1', name: 'Li', login: 'li', title: '', phone_masked: '' }, posts: [], post: { id: 'o', org: { id: 'o', name: 'Clinic', level: 'township' }, dept: null, roles: ['applicant'] },
  roles: ['applicant'], rights: ['room.join', 'case.read'], csrf: 'token-1', totp_enrolled: false, second_factor_until_ms: 0, idle_ms: 900000, unread: 2, get server_ms() { return Date.now() }, version: 't',
}
export const json = (status, body) => ({ status, contentType: 'application/json', body: JSON.stringify(body) })
export const fault = (status, code, more = {}) => json(status, { error: { code, reason: '', text: '', fields: [], ...more } })

/** Answers requests of one socket by verb; everything else is acknowledged. */
export function scripted(ws, verbs) {
  ws.onMessage((text) => {
    const m = JSON.parse(text)
    const result = verbs[m.verb]?.(m.args, ws) ?? {}
    if (result.error) ws.send(JSON.stringify({ id: m.id, ok: false, error: result.error }))
    else ws.send(JSON.stringify({ id: m.id, ok: true, result }))
  })
}
export const seat = (id, more = {}) => ({ id, person: { id: `person-${id}`, name: id, title: '', org: null }, role: 'member', state: 'admitted', hand: false, muted_by_host: false, tracks: [], quality: null, ...more })
export const room = (seats, more = {}) => ({ id: 'r', case_id: 'c', title: 't', state: 'live', host_seat: 'host', recording: { state: 'off', consents: {}, started_ms: null }, spotlight: null, show: null, can_record: true, layered: [], seats, ...more })

const ref = (id, name) => ({ id, name })
const T = Date.now()
const doc = (id, name, kind) => ({ id, case_id: 'c1', patient_id: 'pt', name, category: 'lab', kind, content_type: '', bytes: 123456, sha256: 'ab'.repeat(32), taken_ms: T - 86_400_000, uploaded_ms: T - 3_600_000, by: ref('p1', '\u674e\u79c0\u5170'), org: ref('o1', '\u9752\u77f3\u9547\u536b\u751f\u9662'), source: 'upload', has_thumbnail: false, withdrawn: false })
const line = (id, number, urgency, state, zh, en, due_ms) => ({ id, number, kind: 'interactive', scope: 'clinical', template: null, urgency, state, state_label: { zh, en }, patient: { id: 'pt', name: '\u5f20\u6842\u82b3', sex: 'female', age_text: '67\u5c81', age_text_en: '67 years' }, applicant: { id: 'p1', name: '\u674e\u79c0\u5170', org: ref('o1', '\u9752\u77f3\u9547\u536b\u751f\u9662') }, target: { org: ref('o2', '\u5b89\u548c\u53bf\u4eba\u6c11\u533b\u9662'), dept: ref('d', '\u5fc3\u5185\u79d1') }, expert: ref('p2', '\u738b\u5efa\u56fd'), holder: null, due_ms, overdue: due_ms < T, paused: false, start_ms: T + 600_000, created_ms: T, changed_ms: T, version: 7, unread_messages: 2 })
const LINES = [line('c1', 'HZ20261124-0007', 'emergency', 'SCHEDULED', '\u5df2\u9884\u7ea6', 'Scheduled', T + 600_000), line('c2', 'HZ20261124-0009', 'urgent', 'ASSIGNED', '\u5f85\u4e13\u5bb6\u63a5\u53d7', 'Awaiting the expert', T - 600_000)]
const CASE = {
  ...LINES[0], form: { questions: [{ n: 1, text: '\u662f\u5426\u9700\u8981\u8f6c\u9662?' }], history: { chief_complaint: '\u80f8\u75db' } }, completeness: null, attachments: [doc('d1', '\u80f8\u7247.png', 'image'), doc('d2', '\u62a5\u544a.pdf', 'pdf')], team: [], booking: null,
  room: { id: 'c1', opens_ms: T, open: true, waiting: [] }, clock: null, returns: [], needs: [], opinion: null, adoption: null, evaluations: [], addenda: [], previous_case_id: null, merged_into: null,
  timeline: [{ t_ms: T, event: 'submit', from: 'DRAFT', to: 'SUBMITTED', by: ref('p1', '\u674e\u79c0\u5170'), role: 'applicant', org: ref('o1', '\u9752\u77f3\u9547\u536b\u751f\u9662'), reason: null, label: { zh: '\u63d0\u4ea4', en: 'Submitted' } }],
  allowed: [{ event: 'start', label: { zh: '\u5f00\u59cb\u4f1a\u8bca', en: 'Start' }, style: 'primary', needs: ['identity_confirmed', 'recording_consent'] }, { event: 'interrupt', label: { zh: '\u6807\u8bb0\u4e2d\u65ad', en: 'Mark as interrupted' }, style: 'normal', needs: [] }], recordings: [],
}
const MESSAGES = [{ id: 'm1', t_ms: T, by: ref('p2', '\u738b\u5efa\u56fd'), org: ref('o2', '\u5b89\u548c\u53bf\u4eba\u6c11\u533b\u9662'), text: '\u8bf7\u4f20\u5fc3\u7535\u56fe', document: null, recalled: false, read_by: [] }, { id: 'm2', t_ms: T, by: ref('p1', 'Li'), org: null, text: null, document: doc('d1', '\u80f8\u7247.png', 'image'), recalled: false, read_by: [ref('p2', 'W')] }]

/** Plausible answers for every page: a person with a post, cases, notices, sessions. */
export function plausible(method, path) {
  const get = {
    '/session': ME,
    '/notices': { items: [{ id: 'n1', t_ms: T, text: { zh: '\u4f1a\u8bca\u5c06\u5728 10 \u5206\u949f\u540e\u5f00\u59cb', en: 'A consultation starts in 10 minutes' }, case_id: 'c1', urgent: true, read_ms: null }, { id: 'n2', t_ms: T, text: { zh: '\u4e13\u5bb6\u5df2\u63a5\u53d7', en: 'The expert accepted' }, case_id: 'c1', urgent: false, read_ms: T }], unread: 1, next: null },
    '/cases': { items: LINES, next: null },
    '/cases/c1': CASE,
    '/cases/c1/messages': { items: MESSAGES, next: null },
    '/board': { states: [{ state: 'SCHEDULED', label: { zh: '\u5df2\u9884\u7ea6', en: 'Scheduled' }, count: 4, overdue: 1 }], urgencies: [{ urgency: 'emergency', count: 1, overdue: 0 }], holders: [], total: 6, overdue: 1 },
    '/sessions': { items: [{ id: 's1', device: 'Chromium', address: '10.0.0.5', last_seen_ms: T, current: true }, { id: 's2', device: 'Android', address: '10.0.0.9', last_seen_ms: T, current: false }] },
    '/patients/pt': { ...CASE.patient, birth_date: '1959-03-02', id_no_masked: '3401**********1234' },
    '/forms/consultation': { id: 'consultation', version: 1, sections: [{ id: 'h', title: { zh: '\u75c5\u53f2', en: 'History' }, fields: [{ path: 'history.chief_complaint', label: { zh: '\u4e3b\u8bc9', en: 'Chief complaint' }, type: 'text', required: true, weight: 5 }] }] },
  }
  const post = {
    '/cases/c1/room/ticket': { ticket: 'ticket-0123456789abcdef', room_id: 'c1', role: 'host', expires_ms: T + 1e7 },
    '/session/totp/enrol': { secret: 'JBSWY3DPEHPK3PXP', uri: 'otpauth://x', qr_svg: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><path d="M0 0h2v2H0z"/></svg>' },
  }
  const body = (method === 'GET' ? get : post)[path]
  return body ? json(200, body) : null
}
