// The worker of pdf.js, with what an older browser lacks filled in first.
import './older'
import 'pdfjs-dist/legacy/build/pdf.worker.min.mjs'
