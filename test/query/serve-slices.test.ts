import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { abortError } from '#lib/bucket/cancellation.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { decodeAnswer } from '#lib/query/frame.ts'
import { prepareQuery } from '#lib/query/prepare-query.ts'
import { planSlices } from '#lib/query/plan-slices.ts'
import { serveSlices } from '#lib/query/serve-slices.ts'
import type { SliceReply } from '#lib/query/slice-workers.ts'
import { type SliceEvent, sliceToEvent } from '#lib/query/slice.ts'
import { backendParts, fillTwoClusters, range } from './two-clusters.ts'

describe('serveSlices', () => {
  let bucket: Bucket
  let event: SliceEvent
  let port: MessagePort
  let other: MessagePort
  beforeEach(async () => {
    bucket = memoryBucket()
    await fillTwoClusters(bucket)
    const request = range('load')
    const prepared = await prepareQuery(backendParts(bucket), request)
    const all = { first: 0, count: request.grid.stepCount }
    const { slices } = planSlices(prepared, all, { sliceBytes: Infinity, maxSlices: 1 })
    event = sliceToEvent(slices[0]!, 60_000)
    const channel = new MessageChannel()
    port = channel.port1
    other = channel.port2
  })
  afterEach(() => port.close())

  function reply(): Promise<SliceReply> {
    return new Promise((resolve) => port.once('message', resolve))
  }

  const decode = ({ frames }: SliceReply) =>
    decodeAnswer(frames, () => Promise.reject(new Error('no spill')))

  it('answers in frames', async () => {
    serveSlices(other, Promise.resolve(backendParts(bucket)))
    port.postMessage({ id: 7, event }, [])
    const answered = await reply()
    expect(answered.id).toBe(7)
    const { value } = await decode(answered)
    expect(value).toMatchObject({ type: 'vector', series: { length: 6 } })
  })

  it('stops reading when nobody waits any more', async () => {
    let asked!: () => void
    const reading = new Promise<void>((resolve) => (asked = resolve))
    const never: Bucket = {
      ...bucket,
      get: (_key, options) => hang(options?.signal),
      getRange: (_key, _start, _end, options) => hang(options?.signal),
      getTail: (_key, _length, options) => hang(options?.signal),
    }
    const hang = (signal: AbortSignal | undefined): Promise<never> => {
      asked()
      return new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(abortError(signal)))
      })
    }
    serveSlices(other, Promise.resolve(backendParts(never)))
    const answered = reply()
    port.postMessage({ id: 1, event }, [])
    await reading
    port.postMessage({ id: 1 }, [])
    await expect(decode(await answered)).rejects.toMatchObject({ kind: 'canceled' })
  })

  it('tells a bug from an answer', async () => {
    serveSlices(other, Promise.resolve(backendParts(bucket)))
    port.postMessage({ id: 2, event: { ...event, blocks: undefined } }, [])
    expect(await reply()).toMatchObject({ id: 2, frames: [], failure: /TypeError/ })
  })
})
