/** docs/rules.md names every function that templates have. */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { TEMPLATE_FUNCTIONS } from '#lib/rules/template/expand.ts'

const PAGE = await readFile('docs/rules.md', 'utf8')
const SECTION = PAGE.split(/^## /m).find((section) => section.startsWith('Templates\n'))!
const CODE = [...SECTION.matchAll(/`([^`]+)`/g)].map(([, code]) => code!)

describe('the page of rules', () => {
  it.each([...TEMPLATE_FUNCTIONS])('has the template function %s', (name) => {
    expect(CODE.some((code) => code.split(/[ (]/).includes(name))).toBe(true)
  })
})
