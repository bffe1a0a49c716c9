/** What a check found: one plain sentence, what was seen, and what to do next. */

/** `unchecked`: what it needs was not named, or something before it is wrong. */
export type Level = 'ok' | 'warning' | 'wrong' | 'unchecked'

/** In the order of the way from a sample to an alert. */
export const PARTS = ['bucket', 'agents', 'index', 'api', 'rules', 'alerts', 'stack'] as const
export type Part = (typeof PARTS)[number]

export interface Finding {
  readonly part: Part
  /** A few words that name the check; unique within its part. */
  readonly check: string
  readonly level: Level
  readonly text: string
  /** A line each. */
  readonly seen?: readonly string[] | undefined
  /** What to do, with the command where there is one. */
  readonly next?: string | undefined
}

/** What was asked: its answer, or why there is none, with the next step in it. */
export type Known<T> = { readonly value: T } | Unknown

export interface Unknown {
  readonly failed: string
  /** These credentials may not: which says nothing of what was asked for. */
  readonly isDenied?: boolean | undefined
}

export interface Words {
  readonly seen?: readonly string[] | undefined
  readonly next?: string | undefined
}

export interface Verdicts {
  readonly ok: (text: string, seen?: readonly string[]) => Finding
  readonly warning: (text: string, words: Words & { readonly next: string }) => Finding
  /** Without `next` where the text says it. */
  readonly wrong: (text: string, words?: Words) => Finding
  readonly unchecked: (text: string, words?: Words) => Finding
}

export function verdicts(part: Part, check: string): Verdicts {
  const of =
    (level: Level) =>
    (text: string, words: Words = {}): Finding => ({ part, check, level, text, ...words })
  return {
    ok: (text, seen) => ({
      ...of('ok')(text),
      ...(seen !== undefined && seen.length > 0 && { seen }),
    }),
    warning: of('warning'),
    wrong: of('wrong'),
    unchecked: of('unchecked'),
  }
}

const SHOWN = 5

/** The first few, and how many more there are. */
export function some(lines: readonly string[]): readonly string[] {
  if (lines.length <= SHOWN) return lines
  return [...lines.slice(0, SHOWN), `and ${lines.length - SHOWN} more`]
}

/** The one sentence that the report ends with. */
export function summaryOf(findings: readonly Finding[]): string {
  const count = (level: Level): number => findings.filter((one) => one.level === level).length
  const [wrong, warnings, unchecked] = [count('wrong'), count('warning'), count('unchecked')]
  const checked = findings.length - unchecked
  const rest = [
    ...(warnings > 0 ? [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`] : []),
    ...(unchecked > 0 ? [`${unchecked} not checked`] : []),
  ]
  const more = rest.length > 0 ? `, ${rest.join(', ')}` : ''
  if (wrong > 0) {
    const first = findings.find(({ level }) => level === 'wrong')!
    const begin = wrong === 1 ? '' : ', begin with the first'
    return `${wrong} of ${checked} checks found something wrong${begin} (${first.part}: ${first.check})${more}.`
  }
  return `Nothing is wrong: ${checked} ${checked === 1 ? 'check' : 'checks'}${more}.`
}
