// Chinese identity numbers (GB 11643): check digit, birth date and sex of 18 and 15 digits, while they are typed. The server checks again.
const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const CHECK = '10X98765432'
export type IdReading = { state: 'empty' | 'typing' | 'bad_format' | 'bad_date' | 'bad_check_digit' } | { state: 'good'; birth_date: string; sex: 'male' | 'female' }

function realDate(y: number, m: number, d: number): boolean {
  const t = new Date(Date.UTC(y, m - 1, d))
  return t.getUTCFullYear() === y && t.getUTCMonth() === m - 1 && t.getUTCDate() === d && t.getTime() <= Date.now() && y >= 1850
}

export function readIdentity(text: string): IdReading {
  const s = text.trim().toUpperCase()
  if (!s) return { state: 'empty' }
  if (!/^\d{0,17}[\dX]?$/.test(s)) return { state: 'bad_format' }
  if (s.length !== 18 && !(s.length === 15 && /^\d+$/.test(s))) return { state: 'typing' }
  const long = s.length === 18
  const day = long ? s.slice(6, 14) : `19${s.slice(6, 12)}`
  const [y, m, d] = [Number(day.slice(0, 4)), Number(day.slice(4, 6)), Number(day.slice(6, 8))]
  if (!realDate(y, m, d)) return { state: 'bad_date' }
  const sum = WEIGHTS.reduce((at, weight, i) => at + weight * Number(s[i]), 0)
  if (long && CHECK[sum % 11] !== s[17]) return { state: 'bad_check_digit' }
  const sex = Number(long ? s[16] : s[14]) % 2 ? 'male' : 'female'
  return { state: 'good', birth_date: `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6, 8)}`, sex }
}
