// PDF pages as canvases. pdf.js (legacy build) with its worker, loaded when the first PDF is opened; no eval, no WebAssembly, so that it runs
// under the Content-Security-Policy. Chinese character maps and the standard fonts come from this server.
import type { PDFDocumentProxy, PDFPageProxy, RenderTask } from 'pdfjs-dist/types/src/display/api'
import './older'

export interface PdfFile {
  pages: number
  /** Width and height of a page in CSS pixels at scale 1. */
  size(page: number): Promise<{ width: number; height: number }>
  /** Draws a page so that it is `width` device pixels wide; a newer call cancels the one in progress. */
  draw(page: number, canvas: HTMLCanvasElement, width: number): Promise<void>
  text(page: number): Promise<string>
  close(): void
}

/** From an address of this server, or from bytes that the page has (they are taken). */
export async function openPdf(from: string | Uint8Array): Promise<PdfFile> {
  const pdfjs = await import('pdfjs-dist/legacy/build/pdf.min.mjs')
  const port = new Worker(new URL('./pdf.worker.ts', import.meta.url), { type: 'module' })
  const worker = pdfjs.PDFWorker.create({ port })
  const task = pdfjs.getDocument({
    ...(typeof from === 'string' ? { url: from } : { data: from }),
    worker,
    cMapUrl: '/pdf/cmaps/',
    cMapPacked: true,
    standardFontDataUrl: '/pdf/standard_fonts/',
    wasmUrl: '/pdf/wasm/',
    useWasm: false,
    enableXfa: false,
    disableAutoFetch: true,
    rangeChunkSize: 128 * 1024,
  })
  const doc: PDFDocumentProxy = await task.promise
  let running: RenderTask | null = null
  let turn = 0
  const pages = new Map<number, Promise<PDFPageProxy>>()
  const page = (n: number): Promise<PDFPageProxy> => {
    let held = pages.get(n)
    if (!held) pages.set(n, (held = doc.getPage(n)))
    return held
  }
  return {
    pages: doc.numPages,
    async size(n) {
      const { width, height } = (await page(n)).getViewport({ scale: 1 })
      return { width, height }
    },
    async draw(n, canvas, width) {
      const mine = ++turn
      running?.cancel()
      const p = await page(n)
      if (mine !== turn) return
      const viewport = p.getViewport({ scale: width / p.getViewport({ scale: 1 }).width })
      const back = document.createElement('canvas') // drawn aside: the old picture stays until the new one is whole
      back.width = Math.round(viewport.width)
      back.height = Math.round(viewport.height)
      running = p.render({ canvas: back, viewport })
      try {
        await running.promise
      } catch (error) {
        if ((error as Error).name === 'RenderingCancelledException') return
        throw error
      }
      if (mine !== turn) return
      canvas.width = back.width
      canvas.height = back.height
      canvas.getContext('2d')?.drawImage(back, 0, 0)
    },
    async text(n) {
      const content = await (await page(n)).getTextContent()
      return content.items.map((i) => ('str' in i ? i.str + (i.hasEOL ? '\n' : '') : '')).join('')
    },
    close: () => void task.destroy().finally(() => port.terminate()),
  }
}
