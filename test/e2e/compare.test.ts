/** The comparison that the equality tests rest on sees what it must see. */
import { describe, expect, it } from 'vitest'
import type { ApiAnswer } from './support/ask.ts'
import { compareAnswers } from './support/compare.ts'

function matrix(...values: readonly (readonly [number, string])[]): ApiAnswer {
  const result = [{ metric: { __name__: 'up', job: 'a' }, values }]
  return { httpStatus: 200, status: 'success', data: { resultType: 'matrix', result } }
}

function vector(...names: readonly string[]): ApiAnswer {
  const result = names.map((name) => ({ metric: { name }, value: [1, '1'] }))
  return { httpStatus: 200, status: 'success', data: { resultType: 'vector', result } }
}

const error: ApiAnswer = { httpStatus: 422, status: 'error', error: 'too much' }

describe('compareAnswers', () => {
  it.each([
    ['the same', matrix([1, '2'], [2, 'NaN']), matrix([1, '2'], [2, 'NaN']), 'equal'],
    ['a last bit', matrix([1, '0.30000000000000004']), matrix([1, '0.3']), 'close'],
    ['a digit', matrix([1, '0.30000001']), matrix([1, '0.3']), 'different'],
    ['a sign of zero', matrix([1, '-0']), matrix([1, '0']), 'different'],
    ['NaN for a number', matrix([1, 'NaN']), matrix([1, '0.3']), 'different'],
    ['an infinity', matrix([1, '+Inf']), matrix([1, '1']), 'different'],
    ['a time', matrix([1, '1']), matrix([2, '1']), 'different'],
    ['a step less', matrix([1, '1']), matrix([1, '1'], [2, '1']), 'different'],
    ['a series less', vector('a'), vector('a', 'b'), 'different'],
    ['a series more', vector('a', 'b'), vector('a'), 'different'],
    ['the order of a vector', vector('a', 'b'), vector('b', 'a'), 'equal'],
    ['a vector for a matrix', vector(), matrix(), 'different'],
    ['an error', error, vector(), 'different'],
    ['the same error', error, error, 'equal'],
  ])('tells %s', (_, actual, expected, type) => {
    expect(compareAnswers(actual, expected).type).toBe(type)
  })

  it('tells the order of a vector when asked to', () => {
    expect(compareAnswers(vector('a', 'b'), vector('b', 'a'), true).type).toBe('different')
  })
})
