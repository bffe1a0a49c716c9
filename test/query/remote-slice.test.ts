import { isDeepStrictEqual } from 'node:util'
import { LambdaClient } from '@aws-sdk/client-lambda'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { invokeStore } from '#lib/aws/invoke-store.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { answerEvent } from '#lib/query/answer-event.ts'
import { CorruptError, DomainError, isKind } from '#lib/model/errors.ts'
import { formatLabels } from '#lib/model/labels.ts'
import type { QueryAnswer } from '#lib/promql/backend.ts'
import { encodeAnswer, encodeError, encodeSpill } from '#lib/query/frame.ts'
import { runRemoteLabelSlice } from '#lib/query/label-slice.ts'
import { ResultsCache } from '#lib/query/results-cache.ts'
import { runRemoteSlice } from '#lib/query/remote-slice.ts'
import type { SliceEvent } from '#lib/query/slice.ts'
import type { SlicedBackendParts } from '#lib/query/sliced-backend.ts'
import { slicedBackend } from '#lib/query/sliced-backend.ts'
import { backendParts, bitsOf, HOUR, fillTwoClusters, range, scope } from './two-clusters.ts'

type Part =
  | { readonly PayloadChunk: { readonly Payload: Uint8Array } }
  | { readonly InvokeComplete: { readonly ErrorCode?: string; readonly ErrorDetails?: string } }

const payload = (bytes: Uint8Array | string): Part => ({
  PayloadChunk: { Payload: typeof bytes === 'string' ? Buffer.from(bytes) : bytes },
})
const complete: Part = { InvokeComplete: {} }
const failed: Part = {
  InvokeComplete: { ErrorCode: 'Unhandled', ErrorDetails: '{"errorMessage":"no"}' },
}
/** What comes in the stream of an invocation whose right answer has these frames. */
type Answering = (right: readonly Uint8Array[]) => readonly Part[] | AsyncIterable<Part>

/** What a function that failed leaves where it was invoked without a stream, and some platforms send as if it were the answer. */
const ERROR_JSON = '{"errorMessage":"awslambda is not defined","errorType":"Runtime.HandlerError"}'
const NO_ANSWER = 'the store function gave no answer'

/** All that comes instead of an answer, or of all of it: what is between the frames of the right one and its end. */
const broken: readonly {
  readonly name: string
  readonly parts: Answering
  readonly said: string
}[] = [
  {
    name: 'the error as if it were the answer, and the failure',
    parts: () => [payload(ERROR_JSON), failed],
    said: 'thaw-store: Unhandled',
  },
  {
    name: 'the error as if it were the answer',
    parts: () => [payload(ERROR_JSON), complete],
    said: NO_ANSWER,
  },
  { name: 'what nothing is in JSON', parts: () => [payload('null'), complete], said: NO_ANSWER },
  { name: 'nothing', parts: () => [complete], said: NO_ANSWER },
  { name: 'no end of the invocation either', parts: () => [], said: NO_ANSWER },
  {
    name: 'half a frame',
    parts: ([head, first]) => [payload(head!), payload(first!.subarray(0, 9)), complete],
    said: NO_ANSWER,
  },
  {
    name: 'frames without the last one',
    parts: (frames) => [...frames.slice(0, -1).map(payload), complete],
    said: NO_ANSWER,
  },
  {
    name: 'frames without one of series',
    parts: (frames) => [...frames.filter((_, i) => i !== 1).map(payload), complete],
    said: NO_ANSWER,
  },
  {
    name: 'all frames twice',
    parts: (frames) => [...frames, ...frames].map(payload),
    said: NO_ANSWER,
  },
]

describe('a slice that another function answers', () => {
  let bucket: Bucket
  beforeAll(async () => {
    bucket = memoryBucket()
    await fillTwoClusters(bucket)
  })

  /** Whose store answers as `parts` says in its first `times` invocations, and right in the others. */
  function query(parts: Answering, times: number, over: Partial<SlicedBackendParts> = {}) {
    let invokes = 0
    const runner = { ...backendParts(bucket), ...over }
    const client = new LambdaClient({ region: 'us-east-1' })
    const send = async ({ input }: { readonly input: { readonly Payload: Uint8Array } }) => {
      const event = JSON.parse(Buffer.from(input.Payload).toString()) as SliceEvent
      const right: Uint8Array[] = []
      for await (const frame of answerEvent(runner, event, encodeAnswer)) {
        right.push(frame)
      }
      const isBroken = invokes++ < times
      return { EventStream: isBroken ? parts(right) : [...right.map(payload), complete] }
    }
    Object.assign(client, { send })
    const store = { functionName: 'thaw-store', client: () => Promise.resolve(client) }
    const remote = {
      bucket,
      invoke: (event: unknown) => invokeStore(store, event),
      now: over.now ?? (() => 0),
      deadlineMs: 60_000,
    }
    const own: SlicedBackendParts = backendParts(bucket, {
      cut: { sliceBytes: 1, maxSlices: 3 },
      concurrency: 1,
      invokeSlice: (slice, signal) => runRemoteSlice(remote, slice, signal),
      ...over,
    })
    return { backend: slicedBackend(own), remote, invokes: () => invokes }
  }

  const half = (text: string) => ({ ...range(text), scope: { ...scope, partialResponse: true } })

  describe.each(broken)('that sends $name', ({ parts, said }) => {
    it('is asked for again, and nobody sees it', async () => {
      const whole = await slicedBackend(backendParts(bucket)).query(range('load'))
      const { backend, invokes } = query(parts, 2)
      const answer = await backend.query(range('load'))
      expect(answer.warnings).toEqual([])
      expect(bitsOf(answer)).toEqual(bitsOf(whole))
      expect(invokes()).toBe(3 + 2)
    })

    it('is an error, or missing with a warning where half an answer is wanted', async () => {
      await expect(query(parts, 99).backend.query(range('load'))).rejects.toMatchObject({
        kind: 'unavailable',
        message: expect.stringContaining(said),
      })
      const { warnings, value } = await query(parts, 3).backend.query(half('load'))
      expect(warnings).toEqual([
        expect.stringMatching(/^no data from 1970-01-01T00:00:00.000Z to .*: /),
      ])
      expect(warnings[0]).toContain(said)
      expect(value).toMatchObject({ series: { length: 6 } })
    })

    it('is the same for a question about labels', async () => {
      const { remote } = query(() => parts([Uint8Array.of(0, 0, 0, 9), Uint8Array.of(1)]), 1)
      const request = { matcherSets: [], startMs: 0, endMs: 1, limit: 0 }
      const asked = { question: { kind: 'names' as const }, request, scope, blocks: [] }
      const answer = runRemoteLabelSlice(remote, { ...asked, goneBlockFails: true })
      await expect(answer).rejects.toMatchObject({
        kind: 'unavailable',
        message: expect.stringContaining(said),
      })
    })
  })

  it.each(['limit', 'timeout', 'execution', 'unauthorized', 'unsupported', 'invalid'] as const)(
    'is the error of all where it fails with %s, be half an answer wanted or not',
    async (kind) => {
      const failing = query(() => [payload(encodeError(new DomainError(kind, 'no'))), complete], 1)
      await expect(failing.backend.query(half('load'))).rejects.toMatchObject({ kind })
      expect(failing.invokes()).toBe(1)
    },
  )

  it('is canceled, and no half answer, where its bytes end because nobody waits any more', async () => {
    const controller = new AbortController()
    const reason = new DomainError('canceled', 'gone')
    const ending = query((frames) => {
      controller.abort(reason)
      return [payload(frames[0]!)]
    }, 99)
    await expect(ending.backend.query(half('load'), controller.signal)).rejects.toBe(reason)
    expect(ending.invokes()).toBe(1)
  })

  it('is not kept where it stayed away', async () => {
    const results = new ResultsCache({
      maxBytes: 1 << 20,
      maxFreshnessMs: 0,
      inBucket: true,
      random: () => 0,
    })
    const { backend } = query(() => [complete], 3, { results, now: () => 48 * HOUR })
    expect((await backend.query(half('load'))).warnings).toHaveLength(1)
    const answer = await backend.query(half('load'))
    expect(answer.warnings).toEqual([])
    const whole = await slicedBackend(backendParts(bucket)).query(range('load'))
    expect(bitsOf(answer)).toEqual(bitsOf(whole))
  })

  it('is planned again with the others where one of its blocks has gone', async () => {
    const own = memoryBucket()
    await fillTwoClusters(own)
    const { index } = backendParts(own)
    const [, second] = await index.blocks(0, 24 * HOUR)
    for (const file of ['meta.json', 'index', 'chunks/000001']) {
      await own.delete(`${second!.id}/${file}`)
    }
    await updateBucketIndex(own, { now: () => 0 })
    const { backend } = query(() => [], 0, { bucket: own, index })
    const answer = await backend.query(half('load'))
    expect(answer.warnings).toEqual([])
    const whole = await slicedBackend(backendParts(own)).query(range('load'))
    expect(bitsOf(answer)).toEqual(bitsOf(whole))
  })

  it.each([
    { name: 'that is cut off', cut: (bytes: Uint8Array) => bytes.subarray(0, -1) },
    { name: 'without its last frame', cut: () => new Uint8Array(0) },
  ])('is asked for again where it went through an object $name', async ({ cut }) => {
    const spilled = query(([head, ...rest]) => {
      void bucket.put('thaw/spill/1', cut(Buffer.concat(rest)))
      return [payload(head!), payload(encodeSpill('thaw/spill/1')), complete]
    }, 1)
    const answer = await spilled.backend.query(half('load'))
    expect(answer.warnings).toEqual([])
    expect(spilled.invokes()).toBe(3 + 1)
  })

  it('lacks nothing in silence, whatever comes of each call', async () => {
    const reset = async function* (right: readonly Uint8Array[]): AsyncGenerator<Part> {
      yield payload(right[0]!)
      throw new Error('ECONNRESET')
    }
    const throttled = (): never => {
      throw Object.assign(new Error('Rate exceeded'), { name: 'TooManyRequestsException' })
    }
    const away = encodeError(new DomainError('unavailable', 'the bucket is away'))
    const unread = encodeError(new CorruptError('a chunk is broken', 7))
    const ways: readonly Answering[] = [
      (right) => [...right.map(payload), complete],
      ...broken.map(({ parts }) => parts),
      () => [payload(away), complete],
      () => [payload(unread), complete],
      reset,
      throttled,
    ]
    const asked = [
      range('load', 0, HOUR / 6, 144),
      range('sum by (host) (rate(load[5m]))', 0, 7 * HOUR, 3),
    ]
    const rights = await Promise.all(
      asked.map(async (request) =>
        samplesOf(await slicedBackend(backendParts(bucket)).query(request)),
      ),
    )
    const { cache } = backendParts(bucket)
    const judge = async (order: readonly number[], partialResponse: boolean, which: number) => {
      let call = 0
      const any: Answering = (right) => ways[order[call++] ?? 0]!(right)
      const cut = { sliceBytes: 10, maxSlices: 6 }
      const { backend } = query(any, Infinity, { cache, cut })
      try {
        const answer = await backend.query({
          ...asked[which]!,
          scope: { ...scope, partialResponse },
        })
        const samples = samplesOf(answer)
        if (answer.warnings.length > 0) {
          const isPart = new Set(samples).isSubsetOf(new Set(rights[which]))
          return partialResponse && isPart ? 'half' : 'wrong, with a warning'
        }
        return isDeepStrictEqual(samples, rights[which]) ? 'whole' : 'wrong'
      } catch (error) {
        const isSaid = isKind(error, 'unavailable') || isKind(error, 'corrupt')
        return isSaid && !partialResponse ? 'failed' : String(error)
      }
    }
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.constant(0), fc.nat(ways.length - 1)), { maxLength: 30 }),
        fc.boolean(),
        fc.nat(1),
        async (order, partialResponse, which) => {
          seen.add(await judge(order, partialResponse, which))
          expect(['whole', 'half', 'failed']).toEqual(expect.arrayContaining([...seen]))
        },
      ),
      { numRuns: 60 },
    )
    expect(seen.size).toBe(3)
  })
})

/** Every value with its series and step. */
function samplesOf({ value }: QueryAnswer): string[] {
  if (value.type !== 'vector') throw new Error(value.type)
  return value.series.flatMap(({ labels, presence, values }) =>
    [...values].flatMap((v, i) => (presence[i] === 0 ? [] : `${formatLabels(labels)} ${i} ${v}`)),
  )
}
