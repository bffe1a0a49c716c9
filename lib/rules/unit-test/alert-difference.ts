/** Where the alerts that came differ from those that were expected, line by line. */
import { type AlertLabels, alertsText } from './expectations.ts'

/** Lines of both begin with two spaces, of the expected only with `- `, of those that came only with `+ `. */
export function alertDifference(
  expected: readonly AlertLabels[],
  got: readonly AlertLabels[],
): string {
  const a = alertsText(expected).split('\n')
  const b = alertsText(got).split('\n')
  const common = commonLines(a, b)
  const lines: string[] = []
  let i = 0
  let j = 0
  for (const [x, y] of [...common, [a.length, b.length] as const]) {
    while (i < x) lines.push(`- ${a[i++]}`)
    while (j < y) lines.push(`+ ${b[j++]}`)
    if (x < a.length) lines.push(`  ${a[x]}`)
    i = x + 1
    j = y + 1
  }
  return lines.join('\n')
}

/** Places in both, of the longest sequence of lines that both have. */
function commonLines(a: readonly string[], b: readonly string[]): (readonly [number, number])[] {
  const width = b.length + 1
  const lengths = new Uint32Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        a[i] === b[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!)
    }
  }
  const places: (readonly [number, number])[] = []
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) places.push([i++, j++])
    else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!) i++
    else j++
  }
  return places
}
