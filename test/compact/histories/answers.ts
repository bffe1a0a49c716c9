/** What a bucket answers, held against one in which nothing was ever compacted. */
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import type { ApiAnswer, Ask } from '#test/e2e/support/ask.ts'
import { sameAnnotations } from '#test/e2e/support/compare-all.ts'
import { compareAnswers } from '#test/e2e/support/compare.ts'
import { type ThawAppOptions, thawOver } from '#test/e2e/support/thaw-app.ts'
import { readIndex } from './bucket-state.ts'
import { type Question, REACH_MS } from './questions.ts'
import type { WorldBlock } from './world.ts'

export interface AnswersOptions extends Pick<ThawAppOptions, 'replicaLabels' | 'sliceBytes'> {
  readonly now: () => number
  /** 0: for ever. */
  readonly retentionMs: number
}

export class Answers {
  questions = 0
  /** Equal to the last bit. */
  values = 0
  /** Ids of blocks that the bucket index ever had: from then on they must be answered. */
  readonly seen = new Set<string>()
  readonly #live: Bucket
  readonly #untouched = memoryBucket()
  readonly #blocks: readonly WorldBlock[]
  readonly #options: AnswersOptions
  readonly #ask: Ask
  readonly #askUntouched: Ask

  constructor(live: Bucket, blocks: readonly WorldBlock[], options: AnswersOptions) {
    this.#live = live
    this.#blocks = blocks
    this.#options = options
    this.#ask = thawOver(live, options)
    this.#askUntouched = thawOver(this.#untouched, { ...options, sliceBytes: 1e9 })
  }

  /** Learns what the bucket index has now. */
  async look(): Promise<void> {
    const { blocks } = await readIndex(this.#live, this.#options.now)
    const indexed = new Set(blocks.map(({ id }) => id))
    const more = this.#blocks.filter(
      ({ id, isNoBlock }) => indexed.has(id) && !this.seen.has(id) && !isNoBlock,
    )
    for (const { id, files } of more) {
      this.seen.add(id)
      for (const [file, bytes] of files) await this.#untouched.put(`${id}/${file}`, bytes)
    }
    if (more.length > 0) await updateBucketIndex(this.#untouched, { now: () => 0 })
  }

  /** What is wrong with the answer, if anything. */
  async wrong(any: Question): Promise<string | undefined> {
    const question = this.seen.size > 0 ? this.#keptPart(any) : undefined
    if (!question) return undefined
    const { path, params } = question
    const got = await this.#ask(path, params)
    const want = await this.#askUntouched(path, params)
    // Which half of an answer there is over a block that came broken hangs on how the query was cut.
    const warnings = [...(want.warnings ?? []), ...(got.warnings ?? [])]
    if (this.#blocks.some(({ id, flaw }) => flaw && warnings.some((one) => one.includes(id)))) {
      return undefined
    }
    this.questions++
    const difference = this.#difference(path, got, want)
    return difference && `${path} ${JSON.stringify(params)}: ${difference}`
  }

  /** What of it asks for nothing that retention deletes. */
  #keptPart(question: Question): Question | undefined {
    const { retentionMs, now } = this.#options
    if (retentionMs === 0) return question
    const { path, params } = question
    const fromSeconds = (now() - retentionMs + REACH_MS) / 1000
    const query = String(params['query'])
    if (!path.startsWith('query') || /@|[3-9]h/.test(query)) return undefined
    if (path === 'query') return Number(params['time']) > fromSeconds ? question : undefined
    const start = Math.max(Number(params['start']), fromSeconds)
    if (start > Number(params['end'])) return undefined
    return { path, params: { ...params, start } }
  }

  #difference(path: string, got: ApiAnswer, want: ApiAnswer): string | undefined {
    if (want.status !== 'success') return `the untouched bucket answers ${want.error}`
    if (!path.startsWith('query')) {
      const texts = [got, want].map(({ data, error }) => JSON.stringify(data ?? error))
      return texts[0] === texts[1] ? undefined : `${texts[0]}, want ${texts[1]}`
    }
    const comparison = compareAnswers(got, want)
    if (comparison.type !== 'equal') return JSON.stringify(comparison)
    this.values += comparison.values
    return sameAnnotations(got, want)
  }
}
