// SHA-256 of a file of any size, off the page's thread (FIPS 180-4; WebCrypto has no running hash, a 1 GB file must not sit in memory).
const K = new Uint32Array(64)
const H0 = new Uint32Array(8)
function constants(): void {
  for (let n = 2, i = 0; i < 64; n++) {
    let prime = true
    for (let k = 2; k * k <= n; k++) if (n % k === 0) prime = false
    if (!prime) continue
    if (i < 8) H0[i] = (Math.sqrt(n) % 1) * 2 ** 32
    K[i++] = (Math.cbrt(n) % 1) * 2 ** 32
  }
}
constants()
const W = new Uint32Array(64)
const ror = (x: number, n: number): number => (x >>> n) | (x << (32 - n))
function block(h: Uint32Array, view: DataView, at: number): void {
  for (let i = 0; i < 16; i++) W[i] = view.getUint32(at + i * 4)
  for (let i = 16; i < 64; i++) {
    const a = W[i - 15]!
    const b = W[i - 2]!
    W[i] = W[i - 16]! + (ror(a, 7) ^ ror(a, 18) ^ (a >>> 3)) + W[i - 7]! + (ror(b, 17) ^ ror(b, 19) ^ (b >>> 10))
  }
  let [a, b, c, d, e, f, g, k] = h as unknown as [number, number, number, number, number, number, number, number]
  for (let i = 0; i < 64; i++) {
    const t1 = (k + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + ((e & f) ^ (~e & g)) + K[i]! + W[i]!) | 0
    const t2 = ((ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0
    k = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  const next = [a, b, c, d, e, f, g, k]
  for (let i = 0; i < 8; i++) h[i] = h[i]! + next[i]!
}
async function sha256(file: Blob): Promise<string> {
  const h = H0.slice()
  const PIECE = 4 << 20
  const whole = file.size - (file.size % 64)
  for (let at = 0; at < whole; at += PIECE) {
    const view = new DataView(await file.slice(at, Math.min(whole, at + PIECE)).arrayBuffer())
    for (let i = 0; i < view.byteLength; i += 64) block(h, view, i)
  }
  const rest = new Uint8Array(await file.slice(whole).arrayBuffer())
  const tail = new Uint8Array(rest.length < 56 ? 64 : 128)
  tail.set(rest)
  tail[rest.length] = 0x80
  const view = new DataView(tail.buffer)
  view.setUint32(tail.length - 8, Math.floor(file.size / 2 ** 29))
  view.setUint32(tail.length - 4, (file.size * 8) >>> 0)
  for (let i = 0; i < tail.length; i += 64) block(h, view, i)
  return Array.from(h, (x) => x.toString(16).padStart(8, '0')).join('')
}
self.onmessage = (e: MessageEvent<Blob>) => {
  sha256(e.data).then((hex) => self.postMessage(hex)).catch(() => self.postMessage(null))
}
