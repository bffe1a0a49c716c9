import { describe, expect, it } from 'vitest'
import { DomainError } from '#lib/model/errors.ts'
import type { QueryAnswer, QueryBackend, QueryRequest } from '#lib/promql/backend.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { sharedQueries } from '#lib/query/shared-queries.ts'

const request = (text: string): QueryRequest => ({
  text,
  grid: { startMs: 0, stepMs: 1000, stepCount: 3 },
  scope: {
    dedup: true,
    replicaLabels: [],
    deduplication: 'nearest',
    partialResponse: true,
    maxSourceResolutionMs: 0,
  },
  options: DEFAULT_ENGINE_OPTIONS,
})

/** Answers when it is told to. */
class SlowBackend {
  readonly asked: { text: string; signal: AbortSignal | undefined }[] = []
  readonly #settle: ((error?: Error) => void)[] = []
  readonly backend: QueryBackend

  constructor() {
    const query = (one: QueryRequest, signal?: AbortSignal): Promise<QueryAnswer> => {
      this.asked.push({ text: one.text, signal })
      return new Promise((resolve, reject) => {
        const cost = { gets: 5, steps: 3, shared: false } as QueryAnswer['cost']
        const answer = { grid: one.grid, cost } as QueryAnswer
        this.#settle.push((error) => (error ? reject(error) : resolve(answer)))
      })
    }
    this.backend = sharedQueries({ query } as QueryBackend)
  }

  /** Ends work number `i`. */
  settle(i: number, error?: Error): void {
    this.#settle[i]!(error)
  }
}

describe('sharedQueries', () => {
  it('runs identical requests once while they run, and different ones apart', async () => {
    const slow = new SlowBackend()
    const answers = ['a', 'a', 'b', 'a'].map((text) => slow.backend.query(request(text)))
    expect(slow.asked.map(({ text }) => text)).toEqual(['a', 'b'])
    slow.settle(0)
    slow.settle(1)
    const costs = (await Promise.all(answers)).map(({ cost }) => [cost.gets, cost.shared])
    expect(costs).toEqual([
      [5, false],
      [0, true],
      [5, false],
      [0, true],
    ])
    const later = slow.backend.query(request('a'))
    expect(slow.asked).toHaveLength(3)
    slow.settle(2)
    await later
  })

  it.each([
    ['times', { grid: { startMs: 1, stepMs: 1000, stepCount: 3 } }],
    ['scope', { scope: { ...request('a').scope, tenant: 'other' } }],
    [
      'options',
      { options: { ...DEFAULT_ENGINE_OPTIONS, features: new Set(['use-start-timestamps']) } },
    ],
    ['partial response', { scope: { ...request('a').scope, partialResponse: false } }],
  ] as const)('is not the same with other %s', (_, over) => {
    const slow = new SlowBackend()
    void slow.backend.query(request('a'))
    void slow.backend.query({ ...request('a'), ...over } as QueryRequest)
    expect(slow.asked).toHaveLength(2)
  })

  it('goes on for the others when one of them leaves, be it the first', async () => {
    const slow = new SlowBackend()
    const first = new AbortController()
    const left = slow.backend.query(request('a'), first.signal)
    const stays = slow.backend.query(request('a'), new AbortController().signal)
    first.abort(new DomainError('canceled', 'gone'))
    await expect(left).rejects.toMatchObject({ kind: 'canceled' })
    expect(slow.asked[0]!.signal!.aborted).toBe(false)
    slow.settle(0)
    expect((await stays).cost.shared).toBe(true)
  })

  it('stops when nobody waits any more, and begins anew for who comes then', async () => {
    const slow = new SlowBackend()
    const controllers = [new AbortController(), new AbortController()]
    const left = controllers.map(({ signal }) => slow.backend.query(request('a'), signal))
    for (const controller of controllers) controller.abort(new DomainError('canceled', 'gone'))
    for (const one of left) await expect(one).rejects.toMatchObject({ kind: 'canceled' })
    expect(slow.asked[0]!.signal!.aborted).toBe(true)
    const late = slow.backend.query(request('a'))
    expect(slow.asked).toHaveLength(2)
    slow.settle(0, new DomainError('canceled', 'gone'))
    slow.settle(1)
    expect((await late).cost.gets).toBe(5)
  })

  it('gives all of them the error of the work', async () => {
    const slow = new SlowBackend()
    const both = [slow.backend.query(request('a')), slow.backend.query(request('a'))]
    slow.settle(0, new DomainError('execution', 'many-to-many'))
    for (const one of both) await expect(one).rejects.toMatchObject({ kind: 'execution' })
  })
})
