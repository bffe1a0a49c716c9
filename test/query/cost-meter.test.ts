import { expect, it } from 'vitest'
import { DomainError, ThrottledError } from '#lib/model/errors.ts'
import { CostMeter } from '#lib/query/cost-meter.ts'
import { PRICES } from '#lib/cost/prices.ts'

const slice = { gets: 3, lists: 1, puts: 1, bytes: 100, milliseconds: 250, megabytes: 2048 }

it('adds the time of other functions to its own, and prices requests, functions and memory', async () => {
  const meter = new CostMeter(1024)
  meter.countSlice(slice, false)
  await meter.invoked(Promise.resolve())
  const failed = [new DomainError('unavailable', 'gone'), new ThrottledError('too many')]
  for (const error of failed) {
    // Only what began is paid for.
    await expect(meter.invoked(Promise.reject(error))).rejects.toBe(error)
  }
  meter.countSlice(slice, true)
  meter.countRequests({ ...ZERO, gets: 1, heads: 1, bytesRead: 10 })
  meter.countCachedSteps(40)
  const cost = meter.total(500, 60)
  expect(cost).toMatchObject({
    slices: 2,
    invokes: 2,
    gets: 8,
    lists: 2,
    puts: 2,
    bytes: 210,
    functionMs: 750,
    functionGbSeconds: 1, // half a second of 1 GB, a quarter of 2 GB
    steps: 60,
    cachedSteps: 40,
  })
  const { httpApiRequest, s3Get, s3PutOrList, lambdaRequest, lambdaGbSecond } = PRICES
  const usd = httpApiRequest + 8 * s3Get + 4 * s3PutOrList + 3 * lambdaRequest + lambdaGbSecond
  expect(cost.usd).toBeCloseTo(usd, 12)
})

const ZERO = {
  gets: 0,
  heads: 0,
  lists: 0,
  puts: 0,
  deletes: 0,
  bytesRead: 0,
  bytesWritten: 0,
  roundTrips: 0,
}
