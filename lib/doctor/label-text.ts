/** External labels as people write them: `{cluster="eu", replica="a"}`. */
import type { Labels } from '#lib/model/labels.ts'

export function labelText(labels: Labels): string {
  const pairs: string[] = []
  for (let i = 0; i < labels.length; i += 2) {
    pairs.push(`${labels[i]}=${JSON.stringify(labels[i + 1])}`)
  }
  return `{${pairs.join(', ')}}`
}
