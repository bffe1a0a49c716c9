import { describe, expect, it } from 'vitest'
import type { StackFacts } from '#lib/aws/stack-facts.ts'
import { judgeStack } from '#lib/doctor/stack.ts'

function stackOn(bucket: string, variables: Readonly<Record<string, string>> = {}): StackFacts {
  const environment = {
    THAW_OBJSTORE_CONFIG: `type: S3\nconfig:\n  bucket: ${bucket}\n`,
    ...variables,
  }
  const functions = [{ name: 'thaw-query', state: 'Active', environment }]
  return { functions, account: { concurrency: 50, unreserved: 40 }, queued: 0, dead: 0 }
}

function judged(stack: StackFacts): readonly string[] {
  return judgeStack({ value: stack }, { name: 'thaw', bucket: 'metrics' })
    .filter(({ level }) => level !== 'ok')
    .map(({ check, text }) => `${check}: ${text}`)
}

describe('a stack', () => {
  it('that works on another bucket than the one that was named is wrong', () => {
    expect(judged(stackOn('metrics', { THAW_MAX_SLICES: '8' }))).toEqual([])
    expect(judged(stackOn('others', { THAW_MAX_SLICES: '8' }))).toEqual([
      'bucket: functions work on another bucket than metrics',
    ])
  })

  it('wants as many functions as its largest query, and those beside it', () => {
    expect(judged(stackOn('metrics', { THAW_MAX_SLICES: '30' }))).toEqual([])
    expect(judged(stackOn('metrics', { THAW_MAX_SLICES: '31' }))).toEqual([
      'concurrency: the account runs 50 functions at one time, of which 10 are reserved for single functions, and one large query wants up to 31 beside the others: they wait for each other',
    ])
  })
})
