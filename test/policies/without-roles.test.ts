import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { WITHOUT_ROLES } from './without-roles.ts'

const E2E = fileURLToPath(new URL('../e2e/', import.meta.url))

it('names suites that there are', () => {
  const files = Object.keys(WITHOUT_ROLES).map((where) => where.split(',')[0]!)
  expect(files.filter((file) => !existsSync(E2E + file))).toEqual([])
})

it('has all: there is no way round roles but by it', () => {
  const files = readdirSync(E2E, { recursive: true, encoding: 'utf8' })
  const starting = files.filter(
    (file) => file.endsWith('.ts') && /\bstartCloud\b/.test(readFileSync(E2E + file, 'utf8')),
  )
  expect(starting).toEqual(['support/role-cloud.ts'])
})
