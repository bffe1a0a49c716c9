/** The ruler's packs stay few, and whoever is killed or works beside another loses nothing. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { faultyBucket, unavailableError } from '#lib/bucket/faulty-bucket.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import type { ResultSample } from '#lib/rules/evaluate/contract.ts'
import { keepPacksFew, type KnownPack, withPack } from '#lib/rules/results/few-packs.ts'
import { resultPack } from '#lib/rules/results/result-pack.ts'
import { NO_HINTS } from '#lib/storage/storage.ts'
import { MINUTE, RULER, RuleWorld } from '../rule-world.ts'

const externalLabels = labelsFrom(RULER)

class Ruler extends RuleWorld {
  known: readonly KnownPack[] = []
  #number = 0

  /** A minute goes by, and a pack comes, with a sample of two series. */
  async pack(): Promise<void> {
    this.nowMs += MINUTE
    const samples = ['a', 'b'].map((host): ResultSample => {
      const labels = labelsFrom({ __name__: 'made', host })
      return { labels, timeMs: this.nowMs, value: this.#number }
    })
    const pack = resultPack(samples, { externalLabels, epoch: this.epoch, number: this.#number++ })!
    await this.bucket.put(pack.key, pack.bytes)
    this.known = withPack(this.known, pack)
  }

  /** What a query sees. */
  async seen(): Promise<number[][]> {
    const matchers = [{ name: '__name__', type: '=', value: 'made' }] as const
    const request = { matchers, startMs: 0, endMs: this.nowMs, hints: NO_HINTS }
    const set = await this.newReads().select(request)
    return set.labels.map((_, i) => {
      const { length, values } = set.samples(i)
      return [...values.subarray(0, length)]
    })
  }

  get all(): number[][] {
    const numbers = Array.from({ length: this.#number }, (_, i) => i)
    return [numbers, numbers]
  }
}

describe('packs of a ruler', () => {
  it('are one of ten, with a dozen requests each ten ticks', async () => {
    const ruler = new Ruler()
    const { bucket, counts } = countingBucket(ruler.bucket)
    for (let tick = 1; tick <= 120; tick++) {
      await ruler.pack()
      ruler.known = await keepPacksFew(ruler.known, { bucket, nowMs: ruler.nowMs })
    }
    expect(counts).toMatchObject({ gets: 120, puts: 12, deletes: 110, lists: 0, heads: 0 })
    // Twelve merged ones, and what the last is made of.
    expect(await ruler.keys('thaw/fresh/')).toHaveLength(22)
    expect(await ruler.seen()).toEqual(ruler.all)
    // What is merged is not known any more when it is of no use.
    expect(ruler.known.length).toBeLessThanOrEqual(10 + 12)
  })

  it('may be kept few by somebody who is killed at any request, and by a slow one beside others', async () => {
    const arbitrary = fc.array(
      fc.record({
        killAt: fc.option(fc.integer({ min: 1, max: 24 }), { freq: 2 }),
        isLost: fc.boolean(),
        isStored: fc.boolean(),
        slow: fc.option(fc.integer({ min: 0, max: 15 }), { freq: 6 }),
      }),
      { minLength: 12, maxLength: 30 },
    )
    await fc.assert(
      fc.asyncProperty(arbitrary, async (ticks) => {
        const ruler = new Ruler()
        const history: (readonly KnownPack[])[] = []
        for (const { killAt, isLost, isStored, slow } of ticks) {
          await ruler.pack()
          history.push(ruler.known)
          const faulty = faultyBucket(ruler.bucket)
          const error = unavailableError('killed')
          if (killAt !== null) {
            if (isLost) {
              faulty.inject({ from: killAt, times: 1, fault: { type: 'lose-answer', error } })
            }
            faulty.inject({ from: killAt + Number(isLost), fault: { type: 'fail', error } })
          }
          try {
            const parts = { bucket: faulty.bucket, nowMs: ruler.nowMs }
            const known = await keepPacksFew(ruler.known, parts)
            if (isStored) ruler.known = known
          } catch (failure) {
            if (!(failure instanceof DomainError)) throw failure
          }
          // One that believes what was true some ticks ago.
          const old = slow === null ? undefined : history.at(-1 - slow)
          if (old) await keepPacksFew(old, { bucket: ruler.bucket, nowMs: ruler.nowMs })
          expect(await ruler.seen()).toEqual(ruler.all)
        }
      }),
      { numRuns: 25 },
    )
  })

  it('that are in a block already are left alone', async () => {
    const ruler = new Ruler()
    for (let tick = 0; tick < 12; tick++) await ruler.pack()
    await ruler.bucket.delete(ruler.known[3]!.key)
    const parts = { bucket: ruler.bucket, nowMs: ruler.nowMs }
    ruler.known = await keepPacksFew(ruler.known, parts)
    expect(ruler.known).toHaveLength(11)
    // Neighbours before and behind it are merged by themselves.
    ruler.known = await keepPacksFew(ruler.known, parts)
    expect(ruler.known.filter(({ deleteAtMs }) => deleteAtMs !== undefined)).toHaveLength(3)
    expect(await keepPacksFew([{ key: 'elsewhere', size: 1 }], parts)).toHaveLength(1)
  })

  it('of an epoch that is over are merged, however few they are', async () => {
    const ruler = new Ruler()
    for (let tick = 0; tick < 3; tick++) await ruler.pack()
    const sample = { labels: labelsFrom({ __name__: 'made', host: 'a' }), timeMs: 1, value: 1 }
    const next = resultPack([sample], { externalLabels, epoch: '02r', number: 0 })!
    await ruler.bucket.put(next.key, next.bytes)
    const known = await keepPacksFew(withPack(ruler.known, next), {
      bucket: ruler.bucket,
      nowMs: ruler.nowMs,
    })
    expect(known.map(({ deleteAtMs }) => deleteAtMs !== undefined)).toEqual([
      true,
      true,
      true,
      false,
    ])
  })
})
