import { describe, expect, it } from 'vitest'
import { plainErrors } from '#lib/lambda/plain-errors.ts'
import { DomainError } from '#lib/model/errors.ts'

describe('plainErrors', () => {
  it('leaves the kind and the sentence of an expected error, and its kind to who asks for it', async () => {
    const error = new DomainError('unauthorized', 'allow s3:PutObject on a')
    const handler = plainErrors(async () => {
      throw error
    })
    await expect(handler()).rejects.toBe(error)
    expect(error.name).toBe('unauthorized')
    expect(error.stack).toBe('unauthorized: allow s3:PutObject on a')
    expect(error.kind).toBe('unauthorized')
  })

  it('leaves a bug as it is', async () => {
    const bug = new TypeError('x is undefined')
    const { stack } = bug
    const handler = plainErrors(async () => {
      throw bug
    })
    await expect(handler()).rejects.toBe(bug)
    expect(bug.stack).toBe(stack)
  })

  it('gives what the handler gives', async () => {
    expect(await plainErrors(async (a: number, b: number) => a + b)(1, 2)).toBe(3)
  })
})
