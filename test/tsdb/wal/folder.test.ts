import { describe, expect, it } from 'vitest'
import { isKind } from '#lib/model/errors.ts'
import { listWal } from '#lib/tsdb/wal/folder.ts'
import { errorOf } from '../../bytes/error-of.ts'

describe('a folder of write-ahead log', () => {
  it('has nothing', () => {
    expect(listWal([])).toEqual({ checkpoint: undefined, segments: [] })
  })

  it('is read from its first segment while there is no checkpoint', () => {
    const names = ['00000010', '00000009', 'checkpoint.00000007.tmp', 'lock', '00000011.tmp']
    expect(listWal(names)).toEqual({ checkpoint: undefined, segments: ['00000009', '00000010'] })
  })

  it('is read from the newest checkpoint and the segments behind it', () => {
    const names = [
      '00000003',
      '00000004',
      'checkpoint.00000002',
      '00000005',
      'checkpoint.00000003',
      'checkpoint.00000004.tmp',
    ]
    expect(listWal(names)).toEqual({
      checkpoint: 'checkpoint.00000003',
      segments: ['00000004', '00000005'],
    })
    expect(listWal(['checkpoint.00000003'])).toEqual({
      checkpoint: 'checkpoint.00000003',
      segments: [],
    })
  })

  it('knows the numbers of old and of large names', () => {
    expect(listWal(['000010', 'checkpoint.000009', '000009'])).toEqual({
      checkpoint: 'checkpoint.000009',
      segments: ['000010'],
    })
    expect(listWal(['100000000', '99999999']).segments).toEqual(['99999999', '100000000'])
  })

  it.each([
    [['00000001', '00000003']],
    [['checkpoint.00000003', '00000005']],
    [['checkpoint.00000003', '00000004', '00000006']],
  ])('changed while %j was listed', (names) => {
    expect(
      isKind(
        errorOf(() => listWal(names)),
        'conflict',
      ),
    ).toBe(true)
  })
})
