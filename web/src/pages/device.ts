/** A browser's own name for itself in few words: "Chrome 156 \u00b7 Windows"; what is not recognised stays as it is, shortened. */
const BROWSERS: [RegExp, string][] = [[/Edg(?:A|iOS)?\/(\d+)/, 'Edge'], [/MicroMessenger\/(\d+)/, 'WeChat'], [/OPR\/(\d+)/, 'Opera'], [/(?:Firefox|FxiOS)\/(\d+)/, 'Firefox'], [/(?:Headless)?Chrom(?:e|ium)\/(\d+)/, 'Chrome'], [/CriOS\/(\d+)/, 'Chrome'], [/Version\/(\d+).*Safari/, 'Safari']]
const SYSTEMS: [RegExp, string][] = [[/Android/, 'Android'], [/iPad/, 'iPad'], [/iPhone/, 'iPhone'], [/Windows NT 6\.1/, 'Windows 7'], [/Windows/, 'Windows'], [/Mac OS X/, 'macOS'], [/CrOS/, 'ChromeOS'], [/Linux/, 'Linux']]
const LONGEST = 60

export function deviceText(agent: string): string {
  const browser = BROWSERS.map(([test, name]) => ({ name, version: test.exec(agent)?.[1] })).find((b) => b.version)
  const system = SYSTEMS.find(([test]) => test.test(agent))?.[1]
  if (!browser) return agent.length > LONGEST ? `${agent.slice(0, LONGEST)}\u2026` : agent || '–'
  return [`${browser.name} ${browser.version}`, system].filter(Boolean).join(' \u00b7 ')
}
