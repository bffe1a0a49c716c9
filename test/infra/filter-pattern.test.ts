import { describe, expect, it } from 'vitest'

import { filterPattern, valueAt } from './filter-pattern.ts'

const LINE = JSON.stringify({
  level: 'INFO',
  message: { missed: 3, done: true, none: null, text: '12', key: 'a/b.json', list: [1] },
})

describe('a filter pattern', () => {
  it.each([
    ['{ $.message.missed > 0 }', true],
    ['{ $.message.missed > 3 }', false],
    ['{ $.message.missed >= 3 }', true],
    ['{ $.message.missed < 3.5 }', true],
    ['{ $.message.missed <= -1 }', false],
    ['{ $.message.missed = 3 }', true],
    ['{$.message.missed!=3}', false],
    ['{ $.message.absent > 0 }', false],
    ['{ $.message.absent != 1 }', false],
    ['{ $.message.text > 0 }', false],
    ['{ $.missed > 0 }', false],
    ['{ $.level = "INFO" }', true],
    ['{ $.level = INFO }', true],
    ['{ $.level = "info" }', false],
    ['{ $.level != "ERROR" }', true],
    ['{ $.message.key = "a/*.json" }', true],
    ['{ $.message.key = "a/*xjson" }', false],
    ['{ $.message.done IS TRUE }', true],
    ['{ $.message.none IS NULL }', true],
    ['{ $.message.absent IS NULL }', false],
    ['{ $.message.absent NOT EXISTS }', true],
    ['{ $.message.missed NOT EXISTS }', false],
    ['{ $.message.missed > 5 || $.level = "INFO" && $.message.done IS TRUE }', true],
    ['{ ($.message.missed > 5 || $.level = "INFO") && $.message.done IS FALSE }', false],
  ])('%s: %s', (pattern, matches) => {
    expect(filterPattern(pattern)(LINE)).toBe(matches)
  })

  it('matches no line that is no JSON', () => {
    const matches = filterPattern('{ $.message.absent NOT EXISTS }')
    expect([matches('INIT_START'), matches('3'), matches('{}')]).toEqual([false, false, true])
  })

  it.each([
    'ERROR',
    '{ message > 3 }',
    '{ $.a ~ 3 }',
    '{ $.a > "x" }',
    '{ $.a > 1',
    '{ $.a = 1 } x',
  ])('%s is not known', (pattern) => {
    expect(() => filterPattern(pattern)).toThrow('filter pattern')
  })

  it('has values', () => {
    expect(valueAt('$.message.missed', LINE)).toBe(3)
    expect(valueAt('$.message.gone.too', LINE)).toBeUndefined()
    expect(valueAt('$.message', 'no')).toBeUndefined()
  })
})
