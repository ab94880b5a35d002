import { api } from '@/lib/api'

export interface Opened {
  handle: string
  url: string
  bytes: number
  content_type: string
  sha256: string
  name: string
}
/** Asks for the bytes of a document (audited); the address is good for ten minutes and this session. */
export function openDocument(id: string, what: { thumbnail?: boolean; download?: boolean } = {}): Promise<Opened> {
  return api.post<Opened>(`/documents/${encodeURIComponent(id)}/open`, what)
}

/** Saves a document to disk through a link of this site. */
export async function downloadDocument(id: string): Promise<void> {
  const o = await openDocument(id, { download: true })
  const a = document.createElement('a')
  a.href = o.url
  a.download = o.name
  a.click()
}
