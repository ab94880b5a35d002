// The picture of a DICOM file (PS3.5, PS3.3 C.7.6.3, C.11.2), as a preview in the window its sender chose: uncompressed little-endian pixels of 8 or 16 bits, and JPEG baseline,
// which the browser decodes. The first frame alone. Other encodings, colour spaces and measuring are a workstation's affair: null.

interface Header {
  rows: number
  columns: number
  samples: number
  bits: number
  stored: number
  signed: boolean
  inverted: boolean
  center: number | null
  width: number | null
  slope: number
  intercept: number
}
const WIDE = 'OB OW OF OD OL OV SQ UC UN UR UT SV UV'
const IMPLICIT = '1.2.840.10008.1.2'
const EXPLICIT = '1.2.840.10008.1.2.1'
const JPEG = '1.2.840.10008.1.2.4.50'
const PIXELS_MOST = 64 << 20
const UNDEFINED = 0xffffffff

interface Element {
  tag: number
  at: number
  length: number
}
/** The elements of the outermost level; those within sequences are passed over. */
function* elements(view: DataView, from: number, explicit: (tag: number) => boolean): Generator<Element> {
  let at = from
  let depth = 0
  while (at + 8 <= view.byteLength) {
    const tag = ((view.getUint16(at, true) << 16) | view.getUint16(at + 2, true)) >>> 0
    const item = tag >>> 16 === 0xfffe
    const vr = item || !explicit(tag) ? '' : String.fromCharCode(view.getUint8(at + 4), view.getUint8(at + 5))
    const wide = vr !== '' && WIDE.includes(vr)
    if (wide && at + 12 > view.byteLength) return
    const length = vr === '' ? view.getUint32(at + 4, true) : wide ? view.getUint32(at + 8, true) : view.getUint16(at + 6, true)
    at += wide ? 12 : 8
    if (!depth && !item) yield { tag, at, length }
    if (tag === 0x7fe00010 && !depth) return
    if (length === UNDEFINED) depth += item ? 0 : 1
    else if (tag === 0xfffee0dd) depth = Math.max(0, depth - 1)
    else at += length
  }
}

const text = (view: DataView, e: Element): string => String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + e.at, Math.max(0, Math.min(e.length, 64, view.byteLength - e.at)))).replace(/[\0 ]+$/, '')
const first = (view: DataView, e: Element): number | null => {
  const n = parseFloat(text(view, e).split('\\')[0] ?? '')
  return Number.isFinite(n) ? n : null
}

/** Of an encapsulated picture the first fragment behind the offset table. */
function fragment(view: DataView, at: number): Uint8Array<ArrayBuffer> | null {
  for (let n = 0; n < 2 && at + 8 <= view.byteLength; n++) {
    const length = view.getUint32(at + 4, true)
    if (view.getUint16(at, true) !== 0xfffe || view.getUint16(at + 2, true) !== 0xe000 || at + 8 + length > view.byteLength) return null
    if (n === 1) return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset + at + 8, length)
    at += 8 + length
  }
  return null
}

/** Grey or colour of each pixel, 0 to 255, four bytes a pixel. */
function paint(view: DataView, at: number, h: Header): Uint8ClampedArray<ArrayBuffer> | null {
  const n = h.rows * h.columns
  const bytes = h.bits / 8
  if (at + n * h.samples * bytes > view.byteLength) return null
  const out = new Uint8ClampedArray(n * 4)
  if (h.samples === 3) {
    for (let i = 0; i < n; i++) for (let k = 0; k < 4; k++) out[4 * i + k] = k === 3 ? 255 : view.getUint8(at + 3 * i + k)
    return out
  }
  const shift = 32 - h.stored
  const value = (i: number): number => {
    const raw = bytes === 2 ? view.getUint16(at + 2 * i, true) : view.getUint8(at + i)
    return (h.signed ? (raw << shift) >> shift : (raw << shift) >>> shift) * h.slope + h.intercept
  }
  let low = Infinity
  let high = -Infinity
  for (let i = 0; h.width === null && i < n; i++) {
    const v = value(i)
    low = Math.min(low, v)
    high = Math.max(high, v)
  }
  const width = Math.max(1, h.width ?? high - low)
  const center = h.center ?? (low + high) / 2
  for (let i = 0; i < n; i++) {
    const grey = ((value(i) - (center - 0.5)) / Math.max(1, width - 1) + 0.5) * 255 // PS3.3 C.11.2.1.2.1
    const shown = h.inverted ? 255 - grey : grey
    out.fill(shown, 4 * i, 4 * i + 3)
    out[4 * i + 3] = 255
  }
  return out
}

export interface DicomPicture {
  width: number
  height: number
  /** Painted already, or a JPEG for the browser. */
  pixels: Uint8ClampedArray<ArrayBuffer> | null
  jpeg: Uint8Array<ArrayBuffer> | null
}
/** null: not an encoding that is shown here. */
export function readDicom(bytes: ArrayBuffer): DicomPicture | null {
  const view = new DataView(bytes)
  const from = view.byteLength > 132 && view.getUint32(128) === 0x4449434d ? 132 : 0
  let syntax = from ? EXPLICIT : IMPLICIT
  const h: Header = { rows: 0, columns: 0, samples: 1, bits: 16, stored: 16, signed: false, inverted: false, center: null, width: null, slope: 1, intercept: 0 }
  const short = (e: Element): number => (e.at + 2 <= view.byteLength ? view.getUint16(e.at, true) : 0)
  for (const e of elements(view, from, (tag) => tag >>> 16 === 2 || syntax !== IMPLICIT)) {
    if (e.tag === 0x00020010) syntax = text(view, e)
    else if (e.tag === 0x00280002) h.samples = short(e)
    else if (e.tag === 0x00280004) h.inverted = text(view, e) === 'MONOCHROME1'
    else if (e.tag === 0x00280010) h.rows = short(e)
    else if (e.tag === 0x00280011) h.columns = short(e)
    else if (e.tag === 0x00280100) h.bits = short(e)
    else if (e.tag === 0x00280101) h.stored = short(e)
    else if (e.tag === 0x00280103) h.signed = short(e) === 1
    else if (e.tag === 0x00281050) h.center = first(view, e)
    else if (e.tag === 0x00281051) h.width = first(view, e)
    else if (e.tag === 0x00281052) h.intercept = first(view, e) ?? 0
    else if (e.tag === 0x00281053) h.slope = first(view, e) ?? 1
    else if (e.tag === 0x7fe00010) {
      const size = { width: h.columns, height: h.rows }
      if (!h.rows || !h.columns || h.rows * h.columns > PIXELS_MOST) return null
      if (e.length === UNDEFINED) {
        const jpeg = syntax === JPEG ? fragment(view, e.at) : null
        return jpeg && { ...size, pixels: null, jpeg }
      }
      const known = (syntax === IMPLICIT || syntax === EXPLICIT) && (h.samples === 3 ? h.bits === 8 : h.samples === 1 && (h.bits === 8 || h.bits === 16)) && h.stored > 0 && h.stored <= h.bits
      const pixels = known ? paint(view, e.at, h) : null
      return pixels && { ...size, pixels, jpeg: null }
    }
  }
  return null
}

/** As a picture for the page; null as above. */
export async function dicomPicture(url: string): Promise<Blob | null> {
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(String(answer.status))
  const picture = readDicom(await answer.arrayBuffer())
  if (!picture) return null
  if (picture.jpeg) return new Blob([picture.jpeg], { type: 'image/jpeg' })
  const canvas = document.createElement('canvas')
  canvas.width = picture.width
  canvas.height = picture.height
  if (picture.pixels) canvas.getContext('2d')?.putImageData(new ImageData(picture.pixels, picture.width, picture.height), 0, 0)
  return new Promise((done) => canvas.toBlob(done, 'image/png'))
}
