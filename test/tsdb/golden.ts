/** The golden blocks of test/data, and what to compare them with. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BlockFiles } from '#lib/tsdb/block/block-reader.ts'

const DATA = join(import.meta.dirname, '../data')

export interface GoldenBlock {
  /** `prometheus-3.14` */
  readonly producer: string
  readonly ulid: string
  readonly folder: string
  readonly files: BlockFiles
  /** What Prometheus answered over it. */
  readonly answer: Answer | undefined
}

export interface Answer {
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>
      readonly values?: readonly (readonly [number, string])[]
      readonly histograms?: readonly (readonly [number, AnswerHistogram])[]
    }[]
  }
}

export interface AnswerHistogram {
  readonly count: string
  readonly sum: string
  readonly buckets?: readonly (readonly [number, string, string, string])[]
}

export function goldenBlocks(): GoldenBlock[] {
  return readdirSync(DATA, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && /^(prometheus|thanos)-/.test(entry.name))
    .flatMap(({ name: producer }) => {
      const answer = join(DATA, producer, 'answer.json')
      return readdirSync(join(DATA, producer))
        .filter((name) => /^[0-9A-Z]{26}$/.test(name))
        .map((ulid) => ({
          producer,
          ulid,
          folder: join(DATA, producer, ulid),
          files: folderFiles(join(DATA, producer, ulid)),
          answer: existsSync(answer)
            ? (JSON.parse(readFileSync(answer, 'utf8')) as Answer)
            : undefined,
        }))
    })
}

export function goldenBlock(producer: string): GoldenBlock {
  const block = goldenBlocks().find((one) => one.producer === producer)
  if (!block) throw new Error(`no golden block of ${producer}`)
  return block
}

export function folderFiles(folder: string): BlockFiles {
  return (name) => {
    const path = join(folder, name)
    return existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined
  }
}
