import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { faultyBucket, unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { RulerState } from '#lib/rules/tick/ruler-state.ts'
import {
  encodeRulerState,
  readRulerState,
  RULE_STATE_KEY,
  writeRulerState,
} from '#lib/rules/tick/state-object.ts'

const STATE: RulerState = {
  createdMs: 1,
  updatedMs: 2,
  epoch: 'E',
  externalLabels: { ruler: 'thaw' },
  alertmanagers: { active: ['http://am:9093/api/v2/alerts'], dropped: [] },
  nextPack: 3,
  packs: [],
  files: [{ name: 'a.yaml', etag: 'x', error: 'bad' }],
  groups: [],
  outbox: { parcels: [{ key: 'k', body: 'AAA=', samples: 1 }], alerts: [] },
  counters: {
    ticks: 1,
    samples: 1,
    alertsSent: 0,
    alertsDropped: 0,
    parcelsDropped: 0,
    alertmanagers: {},
  },
}

describe('the state of the ruler', () => {
  it('is absent before the first tick, and then what was written', async () => {
    const bucket = memoryBucket()
    expect(await readRulerState(bucket)).toBe(undefined)
    const { etag } = await writeRulerState(bucket, STATE, undefined)
    expect(await readRulerState(bucket)).toEqual({ state: STATE, etag })
  })

  it('is changed by one only who has seen the last', async () => {
    const bucket = memoryBucket()
    const first = await writeRulerState(bucket, STATE, undefined)
    await expect(writeRulerState(bucket, STATE, undefined)).rejects.toMatchObject({
      kind: 'conflict',
    })
    await writeRulerState(bucket, { ...STATE, nextPack: 4 }, first.etag)
    await expect(writeRulerState(bucket, STATE, first.etag)).rejects.toMatchObject({
      kind: 'conflict',
    })
  })

  const broken: [string, Uint8Array][] = [
    ['no gzip', Buffer.from('{}')],
    ['cut', encodeRulerState(STATE).subarray(0, 50)],
    ['empty', new Uint8Array()],
    ['a list', gzipSync('[]')],
    ['another object', gzipSync('{"version":1}')],
    ['a group without its state', gzipSync(JSON.stringify({ version: 1, ...STATE, groups: [{}] }))],
  ]
  it.each(broken)('is set aside when it is broken: %s', async (_, body) => {
    const bucket = memoryBucket()
    const { etag } = await bucket.put(RULE_STATE_KEY, body)
    const read = await readRulerState(bucket)
    const keptAt = `thaw/rule/broken/${etag}.json.gz`
    expect(read).toMatchObject({ etag, error: { kind: 'corrupt' }, keptAt })
    expect(Buffer.from((await bucket.get(keptAt)).body)).toEqual(Buffer.from(body))
    // And a new one takes its place.
    await writeRulerState(bucket, STATE, etag)
    expect(await readRulerState(bucket)).toMatchObject({ state: STATE })
  })

  it('of a later version is left alone', async () => {
    const bucket = memoryBucket()
    await bucket.put(RULE_STATE_KEY, gzipSync(JSON.stringify({ ...STATE, version: 2 })))
    await expect(readRulerState(bucket)).rejects.toThrow(
      'thaw/rule/state.json.gz was written by a newer thaw (format 2, this one knows 1): update the functions',
    )
  })

  it('that came broken once is read again', async () => {
    const bucket = memoryBucket()
    await writeRulerState(bucket, STATE, undefined)
    const cut = faultyBucket(bucket, { times: 1, fault: { type: 'truncate', length: 40 } })
    expect(await readRulerState(cut.bucket)).toMatchObject({ state: STATE })
    expect(cut.hits).toEqual(['get thaw/rule/state.json.gz: truncate'])
  })

  it('is no new one where the bucket does not answer', async () => {
    const faulty = faultyBucket(memoryBucket(), {
      fault: { type: 'fail', error: unavailableError() },
    })
    await expect(readRulerState(faulty.bucket)).rejects.toMatchObject({ kind: 'unavailable' })
  })
})
