// What pdf.js expects of a browser and Chromium 109, the oldest we serve, does not have yet; its legacy build fills only gaps of younger
// browsers. Loaded before pdf.js, in the page and in its worker. Each is left alone where the browser has it.
type Bag = Record<string, unknown>

function fill(target: object, name: string, value: unknown): void {
  if (!(name in target)) Object.defineProperty(target, name, { value, configurable: true, writable: true })
}

// Chrome 119
fill(Promise, 'withResolvers', function <T>(this: PromiseConstructor) {
  const parts: Bag = {}
  parts.promise = new this<T>((resolve, reject) => Object.assign(parts, { resolve, reject }))
  return parts
})
// Chrome 116
fill(AbortSignal, 'any', (signals: AbortSignal[]) => {
  const either = new AbortController()
  for (const s of signals) {
    if (s.aborted) either.abort(s.reason)
    else s.addEventListener('abort', () => either.abort(s.reason), { signal: either.signal })
  }
  return either.signal
})
// Chrome 110
fill(Array.prototype, 'toSpliced', function (this: unknown[], ...args: [number, number, ...unknown[]]) {
  const copy = [...this]
  copy.splice(...args)
  return copy
})
// Chrome 114; the old buffer is not detached, which pdf.js does not rely on
fill(ArrayBuffer.prototype, 'transferToFixedLength', function (this: ArrayBuffer, length = this.byteLength) {
  if (length <= this.byteLength) return this.slice(0, length)
  const longer = new ArrayBuffer(length)
  new Uint8Array(longer).set(new Uint8Array(this))
  return longer
})
// Chrome 132
fill(Response.prototype, 'bytes', async function (this: Response) {
  return new Uint8Array(await this.arrayBuffer())
})
// Chrome 124
fill(ReadableStream.prototype, Symbol.asyncIterator as unknown as string, async function* (this: ReadableStream) {
  const reader = this.getReader()
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value as unknown
  } finally {
    reader.releaseLock()
  }
})
