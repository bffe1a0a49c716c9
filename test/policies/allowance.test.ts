import { describe, expect, it } from 'vitest'
import { allowancesOf, compare, isLike, policyDocument } from './allowance.ts'

describe('patterns of IAM', () => {
  it.each([
    ['a/bc', 'a/*', true],
    ['a/b/c', 'a/*', true],
    ['a/', 'a/*', true],
    ['a', 'a/*', false],
    ['a/bc', '?/b?', true],
    ['a/bc', 'a/?', false],
    ['a.b', 'a.b', true],
    ['axb', 'a.b', false],
    ['a\nb', 'a*', true],
  ])('%j is like %j: %j', (text, pattern, is) => {
    expect(isLike(text, pattern)).toBe(is)
  })
})

describe('statements', () => {
  it('become pairs, and pairs a policy', () => {
    const pairs = allowancesOf([
      { Sid: 'x', Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: 'a' },
      { Effect: 'Allow', Action: 's3:ListBucket', Resource: ['b', 'c'] },
    ])
    expect(pairs.map(({ action, on }) => `${action} ${on}`)).toEqual([
      's3:GetObject a',
      's3:PutObject a',
      's3:ListBucket b',
      's3:ListBucket c',
    ])
    const { Statement } = JSON.parse(policyDocument(pairs)) as { Statement: never[] }
    expect(allowancesOf(Statement)).toEqual(pairs)
  })

  it.each([
    { Effect: 'Deny', Action: 's3:GetObject', Resource: '*' },
    { Effect: 'Allow', Action: 's3:GetObject', Resource: '*', Condition: {} },
    { Effect: 'Allow', Action: 's3:GetObject', Resource: '*', NotAction: 'x' },
  ])('that are more are not understood: %j', (statement) => {
    expect(() => allowancesOf([statement])).toThrow(/not understood/)
  })
})

describe('a comparison', () => {
  const granted = new Map([['plan', [{ action: 's3:GetObject', on: 'b/*' }]]])

  it('finds nothing where what is allowed is done', () => {
    const done = new Map([['plan', [{ action: 's3:GetObject', on: 'b/k' }]]])
    expect(compare(granted, done)).toEqual([])
  })

  it('finds both what is not allowed and what is never done', () => {
    const done = new Map([
      ['plan', [{ action: 's3:PutObject', on: 'b/k' }]],
      ['query', [{ action: 's3:GetObject', on: 'b/k' }]],
    ])
    expect(compare(granted, done)).toEqual([
      'plan does s3:PutObject on b/k, and is not allowed to',
      'plan may s3:GetObject on b/*, and never does',
      'query does s3:GetObject on b/k, and is not allowed to',
    ])
  })
})
