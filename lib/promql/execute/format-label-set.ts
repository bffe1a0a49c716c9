/** A label set as Prometheus's errors write it: everything in braces, the name included. */
import { quoteGo, type Labels } from '#lib/model/labels.ts'

export function formatLabelSet(labels: Labels): string {
  const parts: string[] = []
  for (let i = 0; i < labels.length; i += 2) {
    const name = labels[i]!
    const shown = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : quoteGo(name)
    parts.push(`${shown}=${quoteGo(labels[i + 1]!)}`)
  }
  return `{${parts.join(', ')}}`
}
