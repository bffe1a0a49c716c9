/** docs/rules.md names every function that templates have. */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { BUILTINS } from '#lib/rules/template/functions/builtins.ts'
import { prometheusFunctions } from '#lib/rules/template/functions/prometheus.ts'

const PAGE = await readFile('docs/rules.md', 'utf8')
const SECTION = PAGE.split(/^## /m).find((section) => section.startsWith('Templates\n'))!
const CODE = [...SECTION.matchAll(/`([^`]+)`/g)].map(([, code]) => code!)
const FUNCTIONS = [
  ...BUILTINS.keys(),
  ...prometheusFunctions({ timeMs: 0, externalUrl: '' }).keys(),
]

describe('the page of rules', () => {
  it.each([...FUNCTIONS, 'query'])('has the template function %s', (name) => {
    expect(CODE.some((code) => code.split(/[ (]/).includes(name))).toBe(true)
  })
})
