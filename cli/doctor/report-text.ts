/** The report for people: a calm list, by part; symbols and colours only where a terminal shows them. */
import { styleText } from 'node:util'
import { type Finding, type Level, PARTS, type Part, summaryOf } from '#lib/doctor/finding.ts'

const TITLES: Readonly<Record<Part, string>> = {
  bucket: 'Bucket',
  agents: 'Agents',
  index: 'Index and compaction',
  api: 'HTTP API',
  rules: 'Rules',
  alerts: 'Alerts',
  stack: 'AWS',
}

const WORDS: Readonly<Record<Level, string>> = {
  ok: 'ok',
  warning: 'warning',
  wrong: 'WRONG',
  unchecked: 'not checked',
}

const SYMBOLS = {
  ok: ['✓', 'green'],
  warning: ['!', 'yellow'],
  wrong: ['✗', 'red'],
  unchecked: ['–', 'gray'],
} as const satisfies Record<Level, readonly [string, string]>

const WIDTH = 13

export function reportText(findings: readonly Finding[], isTerminal: boolean): string {
  const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
    isTerminal ? styleText(format, text, { validateStream: false }) : text
  const mark = (level: Level): string => {
    const [symbol, colour] = SYMBOLS[level]
    return isTerminal ? `  ${paint(colour, symbol)} ` : `  ${WORDS[level].padEnd(WIDTH)}`
  }
  const indent = ' '.repeat(isTerminal ? 6 : WIDTH + 4)
  const lines: string[] = []
  for (const part of PARTS) {
    const own = findings.filter((finding) => finding.part === part)
    if (own.length === 0) continue
    lines.push(paint('bold', TITLES[part]))
    for (const { check, level, text, seen = [], next } of own) {
      lines.push(`${mark(level)}${check}: ${text}`)
      lines.push(...seen.map((line) => indent + paint('gray', line)))
      if (next !== undefined) lines.push(`${indent}next: ${next}`)
    }
    lines.push('')
  }
  return `${lines.join('\n')}\n${summaryOf(findings)}\n`
}
