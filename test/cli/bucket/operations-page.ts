/** The commands of a page of docs, and what the page says that they print. */

export interface PageCommand {
  readonly text: string
  /** Of the command line, quotes resolved. */
  readonly words: readonly string[]
  /** Lines of the page below it. `…` stands for any text, alone in a line for any lines. */
  readonly expected: readonly string[]
}

/** Of the ```console blocks, in their order. */
export function commandsOf(page: string): PageCommand[] {
  const blocks = [...page.matchAll(/^```console\n(.*?)^```$/gms)].map((match) => match[1]!)
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const lines = part.replaceAll('\\\n', '').trimEnd().split('\n')
        return { text: lines[0]!, words: shellWords(lines[0]!), expected: lines.slice(1) }
      }),
  )
}

/** As sh splits them, of what the pages use: blanks, '…' and "…". */
export function shellWords(line: string): string[] {
  return [...line.matchAll(/(?:[^\s'"]+|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replace(
      /'([^']*)'|"([^"]*)"/g,
      (_, single?: string, double?: string) => single ?? double!,
    ),
  )
}

/** The expected line that the output does not have where it should be; undefined when it has all. */
export function missingLine(output: string, expected: readonly string[]): string | undefined {
  const lines = output.split('\n')
  let at = 0
  let anywhere = false
  for (const line of expected) {
    if (line === '…') {
      anywhere = true
      continue
    }
    const pattern = new RegExp(`^${line.split('…').map(escaped).join('.*')}$`)
    const found = lines.findIndex((one, i) => i >= at && pattern.test(one.trimEnd()))
    if (found < 0 || (!anywhere && found > at)) return line
    at = found + 1
    anywhere = false
  }
  return undefined
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/ +/g, ' +')
}
