// Writes the style of the first page into index.html in place of the link to it: on a township line it would arrive a round trip after the
// script. The daemon names the style's hash in the page's Content-Security-Policy (server/net/asset.c).
const LINK = /\s*<link rel="stylesheet"[^>]*href="\/(assets\/[^"]+\.css)"[^>]*>/g

export function inlineStyle() {
  return {
    name: 'yilian-inline-style',
    apply: 'build',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const page = bundle['index.html']
        const files = [...page.source.matchAll(LINK)].map(([, file]) => file)
        const styles = files.map((file) => bundle[file].source.toString().trim())
        if (!styles.length || styles.some((s) => /<\/style/i.test(s))) this.error('index.html: no style to write in')
        page.source = page.source.replace(LINK, '').replace('</head>', () => `  <style>${styles.join('\n')}</style>\n  </head>`)
        for (const file of files) delete bundle[file]
        // A page that names the style among what it needs gets the script that is there already.
        const script = page.source.match(/src="\/(assets\/[^"]+\.js)"/)[1]
        for (const chunk of Object.values(bundle)) if (chunk.type === 'chunk') for (const file of files) chunk.code = chunk.code.replaceAll(`"${file}"`, `"${script}"`)
      },
    },
  }
}
