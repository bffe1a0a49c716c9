import { describe, expect, it } from 'vitest'
import { planDisturbances } from '../../../bench/fresh/disturbances.ts'

const HOUR = {
  seed: '1',
  runMs: 3_600_000,
  kills: 30,
  restarts: 5,
  outageMs: 600_000,
  diskFullMs: 0,
}

describe('planDisturbances', () => {
  const planned = planDisturbances(HOUR)
  const of = (type: string) => planned.filter(({ what }) => what.type === type)

  it('has all that is asked for, in order, and peace before and after', () => {
    expect(
      of('agent').filter(({ what }) => 'signal' in what && what.signal === 'SIGKILL'),
    ).toHaveLength(30)
    expect(of('agent')).toHaveLength(36)
    expect(of('prometheus')).toHaveLength(5)
    expect(planned.map(({ atMs }) => atMs)).toEqual(
      planned.map(({ atMs }) => atMs).toSorted((a, b) => a - b),
    )
    expect(planned[0]!.atMs).toBeGreaterThan(0.05 * HOUR.runMs)
    expect(planned.at(-1)!.atMs).toBeLessThan(0.94 * HOUR.runMs)
  })

  it('ends the outage after its time', () => {
    const bucket = of('bucket')
    expect(bucket.at(-1)).toEqual({
      atMs: bucket[0]!.atMs + 600_000,
      what: { type: 'bucket', mode: 'pass' },
    })
    expect(bucket.slice(0, -1).every(({ what }) => 'mode' in what && what.mode !== 'pass')).toBe(
      true,
    )
  })

  it('is the same for the same seed', () => {
    expect(planDisturbances(HOUR)).toEqual(planned)
    expect(planDisturbances({ ...HOUR, seed: '2' })).not.toEqual(planned)
  })
})
