// What a lecture has shown so far, read from its media playlist (EXT-X-MAP, PROGRAM-DATE-TIME, EXTINF): for winding back.

export interface Segment {
  url: string
  map: string
  /** Seconds of the programme. */
  start: number
  duration: number
}

export function parse(text: string, base: string, epochMs: number): { segments: Segment[]; ended: boolean } {
  const segments: Segment[] = []
  let map = ''
  let start = 0
  let duration = 0
  for (const line of text.split('\n')) {
    const at = line.indexOf(':')
    const value = line.slice(at + 1)
    if (line.startsWith('#EXT-X-MAP:')) map = new URL(/URI="([^"]+)"/.exec(value)?.[1] ?? '', base).href
    else if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) start = (Date.parse(value) - epochMs) / 1000
    else if (line.startsWith('#EXTINF:')) duration = Number.parseFloat(value)
    else if (line && !line.startsWith('#')) segments.push({ url: new URL(line, base).href, map, start, duration })
  }
  return { segments, ended: text.includes('#EXT-X-ENDLIST') }
}

/** The segment that shows this moment, or the next one after a hole. */
export function indexAt(segments: Segment[], at: number): number {
  const i = segments.findIndex((s) => at < s.start + s.duration - 0.01)
  return i < 0 ? segments.length - 1 : i
}
