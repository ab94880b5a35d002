// CSV files as spreadsheets in China write and read them.

/** UTF-8 when it is, else GB18030, which every spreadsheet on a Chinese Windows still writes. */
export async function textOfFile(file: Blob): Promise<string> {
  const bytes = await file.arrayBuffer()
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('gb18030').decode(bytes)
  }
}

/** A cell that a spreadsheet would run as a formula is kept as text. */
function cell(value: string | number): string {
  const text = typeof value === 'string' && /^[=+\-@\t]/.test(value) ? `'${value}` : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
export const csvText = (rows: (string | number)[][]): string => '\ufeff' + rows.map((r) => r.map(cell).join(',')).join('\r\n') + '\r\n'

export function saveCsv(name: string, rows: (string | number)[][]): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([csvText(rows)], { type: 'text/csv;charset=utf-8' }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
