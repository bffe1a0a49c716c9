/** The start timestamps of a series in the promqltest language. */
import { parseDurationText } from '#lib/promql/parse/literals.ts'

/** `-1m 30sx2 0s+15sx3 _`: offsets in ms. */
export function expandStarts(text: string): (number | undefined)[] {
  const starts: (number | undefined)[] = []
  for (const item of text.split(/\s+/).filter(Boolean)) {
    const match = /^(?:_|([+-]?[0-9]+(?:[a-wyz]+)?)(?:([+-])([0-9]+[a-wyz]+))?)(?:x(\d+))?$/.exec(
      item,
    )
    if (!match) throw new Error(`invalid start timestamps: ${item}`)
    const [, first, sign, step, times] = match
    const repeats = times === undefined ? 0 : Number(times)
    if (first === undefined) {
      for (let i = 0; i < Math.max(1, repeats); i++) starts.push(undefined)
      continue
    }
    let offset = duration(first)
    const by = step === undefined ? 0 : duration(step) * (sign === '-' ? -1 : 1)
    for (let i = 0; i <= repeats; i++) {
      starts.push(offset)
      offset += by
    }
  }
  return starts
}

function duration(text: string): number {
  if (/^[+-]?0$/.test(text)) return 0
  const ms = parseDurationText(text.replace(/^[+-]/, ''))
  if (typeof ms !== 'number') throw new Error(ms.error)
  return text.startsWith('-') ? -ms : ms
}
