// A hospital's system that sends HL7 v2 messages over MLLP, and one that takes them.
import { connect, createServer } from 'node:net'

/** One message a call, over a line of its own; gives its answer's MSA-1. */
export const sender = (port) => (text) =>
  new Promise((done, fail) => {
    const s = connect(port, '127.0.0.1', () => s.write(`\x0b${text.replaceAll('\n', '\r')}\x1c\r`))
    let heard = ''
    s.on('data', (d) => {
      heard += d
      if (!heard.includes('\x1c\r')) return
      s.end()
      done(/\rMSA\|(..)/.exec(heard)?.[1])
    }).on('error', fail)
  })

/** Takes messages: {port, got: their text, answer(text) -> what follows MSH, close}. */
export async function receiver() {
  const his = { got: [], answer: () => 'MSA|AA|' }
  const lines = new Set()
  const server = createServer((s) => {
    let heard = Buffer.alloc(0)
    lines.add(s)
    s.on('error', () => {}).on('close', () => lines.delete(s))
    s.on('data', (d) => {
      heard = Buffer.concat([heard, d])
      for (let end; (end = heard.indexOf('\x1c\r')) >= 0; heard = heard.subarray(end + 2)) {
        const text = new TextDecoder(heard.includes('GB 18030') ? 'gb18030' : 'utf-8').decode(heard.subarray(1, end))
        his.got.push(text)
        const [msa, ...rest] = his.answer(text).split('\r')
        const [, code, , ...words] = msa.split('|')
        s.write(`\x0bMSH|^~\\&|HIS|H|YILIAN|YILIAN|20261128||ACK|x|P|2.5.1||||||UNICODE UTF-8\r${['MSA', code, text.split('|')[9], ...words].join('|')}\r${rest.join('\r')}\x1c\r`)
      }
    })
  })
  await new Promise((f) => server.listen(0, '127.0.0.1', f))
  his.port = server.address().port
  his.close = () => {
    for (const s of lines) s.destroy()
    server.close()
  }
  return his
}
