// A hospital's system that sends HL7 v2 messages over MLLP.
import { connect } from 'node:net'

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
