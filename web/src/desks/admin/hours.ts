export interface Span {
  start: string
  end: string
}
export interface Hours {
  week: Span[][]
  holidays: string[]
  makeups: string[]
}
export const SPANS_MOST = 3
