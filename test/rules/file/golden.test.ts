// Each rule file is read as Prometheus reads it, or refused with the same findings.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseRuleFile, RuleFileError } from '#lib/rules/file/rule-file.ts'
import { RULE_FILES } from './rule-cases.ts'

const golden = JSON.parse(readFileSync(new URL('golden.json', import.meta.url), 'utf8')) as {
  readonly promtool: string
  readonly answers: Readonly<Record<string, readonly string[]>>
}

function findingsOf(text: string): readonly string[] {
  try {
    parseRuleFile(text)
    return []
  } catch (error) {
    if (!(error instanceof RuleFileError)) throw error
    return error.findings.toSorted()
  }
}

describe(`what promtool ${golden.promtool} says`, () => {
  it('is known for every file', () => {
    expect(Object.keys(golden.answers)).toEqual([...RULE_FILES.keys()])
  })

  it.each([...RULE_FILES])('%s', (name, text) => {
    expect(findingsOf(text)).toEqual(golden.answers[name])
  })
})
