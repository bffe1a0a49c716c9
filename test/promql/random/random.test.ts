// Random queries answer as Prometheus 3.14 does: a fixed set with its answers always, more of them live where there is one.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { askUrl } from '#test/e2e/support/ask.ts'
import { compareAnswers, ulpsApart } from './compare.ts'
import { putData } from './data.ts'
import { randomQuery } from './generate.ts'
import { readGolden } from './golden.ts'
import { startOracle } from './oracle.ts'
import { orderOf } from './order.ts'
import { runSession } from './session.ts'
import { CUT, DELAYED_NAME_REMOVAL, FEATURES, START_TIMESTAMPS, thaw, WHOLE } from './thaw.ts'

const PROMETHEUS_3 = process.env['THAW_PROMETHEUS_3']
const LIVE_QUERIES = 300

let bucket: Bucket
beforeAll(async () => {
  bucket = memoryBucket()
  await putData(bucket)
})

describe('the generator', () => {
  it('gives the same query for the same seed and number', () => {
    expect(randomQuery(7, 11, 'both')).toEqual(randomQuery(7, 11, 'both'))
    expect(randomQuery(7, 11, 'both')).not.toEqual(randomQuery(8, 11, 'both'))
  })
})

describe('comparison', () => {
  const answer = (value: string, infos: string[] = []) => ({
    httpStatus: 200,
    status: 'success' as const,
    data: { resultType: 'vector', result: [{ metric: { a: 'b' }, value: [1, value] }] },
    infos,
  })

  it('tells apart floats, last bits, series and annotations', () => {
    expect(compareAnswers(answer('1'), answer('1'), 'none')).toEqual({ type: 'equal', values: 1 })
    expect(compareAnswers(answer('0.1'), answer('0.10000000000000002'), 'none')).toMatchObject({
      type: 'close',
      ulps: 1,
    })
    expect(compareAnswers(answer('NaN'), answer('1'), 'none').type).toBe('different')
    expect(compareAnswers(answer('1', ['x']), answer('1'), 'none').type).toBe('different')
    expect(compareAnswers({ ...answer('1'), httpStatus: 422 }, answer('1'), 'none').type).toBe(
      'different',
    )
  })

  it('counts the floats between two', () => {
    expect([ulpsApart(1, 1 + 2 ** -52), ulpsApart(-0, 5e-324), ulpsApart(1, Infinity)]).toEqual([
      1,
      1,
      NaN,
    ])
  })
})

describe('answers of Prometheus 3.14', () => {
  it.for([
    ['whole', WHOLE],
    ['cut into slices', CUT],
  ] as const)('are ours for the fixed queries, %s', async ([, sliceBytes]) => {
    const { queries } = await readGolden()
    const asked = new Map(
      [undefined, DELAYED_NAME_REMOVAL, START_TIMESTAMPS].map((feature) => [
        feature,
        thaw(bucket, { features: feature ? [...FEATURES, feature] : FEATURES, sliceBytes }),
      ]),
    )
    const wrong: string[] = []
    let values = 0
    for (const query of queries) {
      const { number, path, params, answer, feature } = query
      const got = await asked.get(feature)!(path, params)
      const verdict = compareAnswers(got, answer, orderOf(query, answer))
      if (verdict.type === 'equal') values += verdict.values
      else wrong.push(`#${number} ${params.query}: ${verdict.detail}`)
    }
    expect(wrong).toEqual([])
    expect(queries.length).toBeGreaterThanOrEqual(400)
    expect(values).toBeGreaterThan(6000)
  })

  it(
    `are ours for ${LIVE_QUERIES} random queries, asked now`,
    { timeout: 120_000 },
    async (context) => {
      if (PROMETHEUS_3 === undefined)
        return context.skip('THAW_PROMETHEUS_3 names no Prometheus 3.x')
      const seed = Date.now() % 1_000_000
      console.log(`seed ${seed}`)
      const root = await mkdtemp(join(tmpdir(), 'thaw-random-'))
      const features = FEATURES
      const server = await startOracle({
        binary: PROMETHEUS_3,
        dataDir: join(root, 'data'),
        features,
      })
      try {
        const report = await runSession({
          actual: {
            whole: thaw(bucket, { features, sliceBytes: WHOLE }),
            cut: thaw(bucket, { features, sliceBytes: CUT }),
          },
          oracle: askUrl(server.url),
          features: new Set(features),
          seed,
          from: 0,
          count: LIVE_QUERIES,
          paths: 'both',
          shrinks: true,
          atOnce: 4,
        })
        expect(report.differences).toEqual([])
        expect(report.withValues).toBeGreaterThan(LIVE_QUERIES / 4)
      } finally {
        await server.stop()
        await rm(root, { recursive: true, force: true })
      }
    },
  )
})
