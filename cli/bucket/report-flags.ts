/** Flags of the commands that change something: what would be done, and in which form it is told. */
import { choice, toggle } from '#agent/flags/flag.ts'

export const REPORT_FLAGS = {
  'dry-run': toggle('say what would be done, and change nothing'),
  output: {
    ...choice(['text', 'json'], 'text', 'form of the report: text or json'),
    short: 'o',
  },
} as const

export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}
