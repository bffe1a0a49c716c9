import { describe, expect, it } from 'vitest'
import { reportText } from '#cli/doctor/report-text.ts'
import { type Finding, some, summaryOf, verdicts } from '#lib/doctor/finding.ts'

const FINDINGS: readonly Finding[] = [
  verdicts('bucket', 'reached').ok('it is there'),
  verdicts('bucket', 'clock').warning('it is late', { next: 'set it' }),
  verdicts('api', 'door').wrong('it is open', { seen: ['a', 'b'], next: 'close it' }),
  verdicts('rules', 'ruler').unchecked('there is none'),
]

describe('the report', () => {
  it('is words where no terminal is', () => {
    expect(reportText(FINDINGS, false)).toBe(`Bucket
  ok           reached: it is there
  warning      clock: it is late
                 next: set it

HTTP API
  WRONG        door: it is open
                 a
                 b
                 next: close it

Rules
  not checked  ruler: there is none

1 of 3 checks found something wrong (api: door), 1 warning, 1 not checked.
`)
  })

  it('is symbols and colours on a terminal', () => {
    const text = reportText(FINDINGS, true)
    expect(text).toContain('\u001b[32m✓\u001b[39m reached: it is there\n')
    expect(text).toContain('\u001b[31m✗\u001b[39m door: it is open\n')
    expect(text).not.toContain('WRONG')
  })

  it('ends with one sentence', () => {
    const [good, late, bad, none] = FINDINGS as [Finding, Finding, Finding, Finding]
    expect(summaryOf([good])).toBe('Nothing is wrong: 1 check.')
    expect(summaryOf([good, late, late, none])).toBe(
      'Nothing is wrong: 3 checks, 2 warnings, 1 not checked.',
    )
    expect(summaryOf([good, bad, bad])).toBe(
      '2 of 3 checks found something wrong, begin with the first (api: door).',
    )
  })

  it('names a few of many', () => {
    expect(some(['a', 'b'])).toEqual(['a', 'b'])
    expect(some([...'abcdefgh'])).toEqual([...'abcde', 'and 3 more'])
  })
})
