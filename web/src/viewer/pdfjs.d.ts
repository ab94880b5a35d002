declare module 'pdfjs-dist/legacy/build/pdf.min.mjs' {
  export * from 'pdfjs-dist/types/src/pdf'
}
declare module 'pdfjs-dist/legacy/build/pdf.worker.min.mjs'
