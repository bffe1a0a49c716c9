import { describe, expect, it } from 'vitest'
import { readEnvironment } from '#lib/lambda/environment.ts'

const OBJSTORE = { THAW_OBJSTORE_CONFIG: 'type: FILESYSTEM' }

describe('readEnvironment', () => {
  it('merges replicas by our own rule and reads no downsampled blocks, unless told', () => {
    expect(readEnvironment(OBJSTORE)).toMatchObject({
      deduplication: 'nearest',
      autoDownsampling: false,
      replicaLabels: [],
    })
  })

  it("takes Thanos's names", () => {
    const env = {
      ...OBJSTORE,
      THAW_REPLICA_LABELS: 'replica, rule_replica',
      THAW_DEDUPLICATION_FUNC: 'penalty',
      THAW_AUTO_DOWNSAMPLING: 'true',
    }
    expect(readEnvironment(env)).toMatchObject({
      deduplication: 'penalty',
      autoDownsampling: true,
      replicaLabels: ['replica', 'rule_replica'],
    })
  })

  it.each([
    [{}, 'THAW_OBJSTORE_CONFIG is not set'],
    [
      { ...OBJSTORE, THAW_DEDUPLICATION_FUNC: 'best' },
      'THAW_DEDUPLICATION_FUNC is "best", want one of nearest, penalty, chain',
    ],
    [
      { ...OBJSTORE, THAW_AUTO_DOWNSAMPLING: 'yes' },
      'THAW_AUTO_DOWNSAMPLING is "yes", want one of false, true',
    ],
    [{ ...OBJSTORE, THAW_MAX_SLICES: '0' }, 'THAW_MAX_SLICES is "0", want a positive integer'],
  ])('refuses %o', (env, message) => {
    expect(() => readEnvironment(env)).toThrow(message)
  })
})
