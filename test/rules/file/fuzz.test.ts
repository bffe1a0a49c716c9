// Whatever a rule file is, it is read or refused with findings, and soon.
import { describe, expect, it } from 'vitest'
import { parseRuleFile, RuleFileError } from '#lib/rules/file/rule-file.ts'
import { expandSeries } from '#lib/promql/parse/series-values.ts'
import { ParseError } from '#lib/promql/parse/parse-error.ts'
import { RULE_FILES } from './rule-cases.ts'

const CHARACTERS = '{}[]:,-#&*!|>\'"%@`\n\t \\?<.~0a$+x_'

function randomOf(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * limit)
  }
}

/** Up to four characters more or less. */
function mutated(text: string, random: (limit: number) => number): string {
  let changed = text
  for (let i = random(4); i >= 0; i--) {
    const at = random(changed.length + 1)
    changed =
      random(2) === 0
        ? changed.slice(0, at) + CHARACTERS[random(CHARACTERS.length)]! + changed.slice(at)
        : changed.slice(0, at) + changed.slice(at + 1 + random(3))
  }
  return changed
}

/** What is thrown that is no such error. */
function unexpectedError(run: () => unknown, expected: new (...of: never[]) => Error): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return error instanceof expected ? undefined : error
  }
}

describe('a mutated rule file', () => {
  it('is read or refused', () => {
    const random = randomOf(Date.UTC(2026, 10, 21) % 2 ** 31)
    const texts = [...RULE_FILES.values()]
    const wrong = Array.from({ length: 1000 }, () => mutated(texts[random(texts.length)]!, random))
      .map((text) => [text, unexpectedError(() => parseRuleFile(text), RuleFileError)])
      .filter(([, error]) => error !== undefined)
    expect(wrong).toEqual([])
  })

  it.each([
    ['lists in lists', `groups: ${'['.repeat(5000)}${']'.repeat(5000)}`],
    ['lists left open', `groups: ${'['.repeat(10_000)}`],
    ['maps in maps', '{a: '.repeat(5000) + '}'.repeat(5000)],
    ['keys of one name', 'a: 1\n'.repeat(3000)],
  ])('%s are refused', (_, text) => {
    expect(() => parseRuleFile(text)).toThrow(RuleFileError)
  })

  it('may be one long line', () => {
    const group = (i: number): string => `{name: &a${i} g${i}, rules: [{record: a, expr: up}]}`
    const text = `groups: [${Array.from({ length: 1000 }, (_, i) => group(i)).join()}, {name: ''}]`
    expect(() => parseRuleFile(text)).toThrow(/^0:0: Groupname must not be empty$/)
  })
})

describe('mutated values of a series', () => {
  it('are read or refused', () => {
    const random = randomOf(7)
    const text = 'x 1 -2.5+1x3 _x2 stale {{schema:1 sum:2 count:3 buckets:[1 2]}}+{{sum:1}}x2 inf'
    const wrong = Array.from({ length: 3000 }, () => mutated(text, random))
      .map((changed) => [changed, unexpectedError(() => expandSeries(changed, 1), ParseError)])
      .filter(([, error]) => error !== undefined)
    expect(wrong).toEqual([])
  })
})
