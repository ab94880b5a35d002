/** The rule of POST /session/password, so that the page can say it before sending. */
export function passwordOk(p: string): boolean {
  const kinds = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/].filter((k) => k.test(p)).length
  return [...p].length >= 10 && kinds >= 3
}
