/** A bucket that lives while its functions are updated: blocks of two past days, more that arrive, rules over the samples of now. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, stat, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ulid } from 'ulid'
import { createToken } from '#lib/auth/edit-tokens.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { putRuleFile } from '#lib/rules/file/rule-files.ts'
import { resultPack } from '#lib/rules/results/result-pack.ts'
import { basic } from '#test/auth/made-tokens.ts'
import { every, labels, putBlock, testId } from '#test/store/sample-block.ts'

const HOUR_MS = 3_600_000
export const START = 1_699_920_000_000 - (1_699_920_000_000 % (48 * HOUR_MS))
export const END = START + 24 * HOUR_MS
export const RULE_INTERVAL_MS = 5000
const SERIES = 40
/** Of one metric, so that half a day of it is more than a function may stream: 6 MB, of which half a megabyte is left free. */
const WIDE_SERIES = 520

const RULES = `groups:
- name: loads
  interval: ${RULE_INTERVAL_MS / 1000}s
  rules:
  - record: load:sum
    expr: sum(load)
  - alert: Loaded
    expr: load:sum > 10
`

export interface RollingWorld {
  readonly dir: string
  readonly bucket: Bucket
  /** One block more, of a time that no question is about; the key of its meta.json and its size. */
  arrive(): Promise<{ readonly key: string; readonly size: number }>
  keys(prefix: string): Promise<string[]>
  remove(): Promise<void>
}

export async function makeRollingWorld(): Promise<RollingWorld> {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-rolling-'))
  const bucket = fileBucket(dir)
  let made = 0
  const putHours = async (startMs: number): Promise<string> => {
    const id = testId(++made)
    await putBlock(bucket, {
      id,
      minTimeMs: startMs,
      maxTimeMs: startMs + 2 * HOUR_MS,
      externalLabels: { cluster: 'a' },
      series: seriesOf(startMs),
    })
    return id
  }
  for (let startMs = START; startMs < END; startMs += 2 * HOUR_MS) await putHours(startMs)
  await putLoads(bucket)
  await putRuleFile(bucket, 'loads.yaml', RULES)
  const seconds = Date.now() / 1000 - 60
  await utimes(join(dir, 'thaw/rule/files/loads.yaml'), seconds, seconds)
  return {
    dir,
    bucket,
    async arrive() {
      const id = await putHours(END + 4 * HOUR_MS + made * 2 * HOUR_MS)
      const key = `${id}/meta.json`
      return { key, size: (await stat(join(dir, key))).size }
    },
    async keys(prefix) {
      const found: string[] = []
      for await (const { objects } of bucket.list(prefix)) {
        found.push(...objects.map(({ key }) => key))
      }
      return found
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  }
}

function seriesOf(startMs: number): Parameters<typeof putBlock>[1]['series'] {
  const wide = Array.from({ length: WIDE_SERIES }, (_, i) => ({
    labels: labels({ __name__: 'wide', instance: `host-${i}` }),
    samples: every(30_000, startMs, startMs + 2 * HOUR_MS, () => i),
  }))
  const others = Array.from({ length: SERIES }, (_, i) => {
    const of = (name: string, value: (t: number) => number) => ({
      labels: labels({ __name__: name, instance: `host-${i}`, job: `job-${i % 3}` }),
      samples: every(30_000, startMs, startMs + 2 * HOUR_MS, value),
    })
    return [
      of('up', (t) => (i === 7 && t % HOUR_MS === 0 ? 0 : 1)),
      of('requests_total', (t) => ((t - START) / 1000) * (i + 1)),
    ]
  })
  return [...others.flat(), ...wide]
}

/** Samples that rules see as of now, for as long as a test runs. */
async function putLoads(bucket: Bucket): Promise<void> {
  const nowMs = Date.now()
  const samples = ['a', 'b'].flatMap((pod) =>
    Array.from({ length: 120 }, (_, i) => ({
      labels: labelsFrom({ __name__: 'load', pod }),
      timeMs: nowMs + (i - 40) * 15_000,
      value: 7,
    })),
  )
  const place = { externalLabels: labelsFrom({ cluster: 'eu' }), epoch: '01DATAr', number: 0 }
  const pack = resultPack(samples, place)!
  await bucket.put(pack.key, pack.bytes)
}

/** Values of the header, each of a token of its own: what a gateway keeps of one decides nothing for another. */
export async function makeTokens(bucket: Bucket, count: number): Promise<readonly string[]> {
  const parts = {
    bucket,
    now: Date.now,
    newUlid: () => ulid(),
    random: (length: number) => randomBytes(length),
  }
  const texts: string[] = []
  for (let i = 0; i < count; i++) {
    const name = `grafana-${i}`
    const { text } = await createToken(parts, { name, scopes: ['read'] })
    texts.push(basic(name, text))
  }
  return texts
}
