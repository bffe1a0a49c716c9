/** `node test/promql/random/run.ts`: random queries, of thaw and of a Prometheus over the same blocks, until they differ. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { askUrl } from '#test/e2e/support/ask.ts'
import { putData } from './data.ts'
import type { Paths } from './generate.ts'
import { startOracle } from './oracle.ts'
import { type Difference, runSession } from './session.ts'
import { CUT, DELAYED_NAME_REMOVAL, FEATURES, START_TIMESTAMPS, thaw, WHOLE } from './thaw.ts'

const program = new Command()
  .description('Compares thaw with a Prometheus on random queries over made data')
  .option('--prometheus <binary>', 'start this Prometheus over the data')
  .option('--url <url>', 'ask a Prometheus that runs over --data-dir already')
  .option('--data-dir <path>', 'where the blocks are, or are written when a Prometheus is started')
  .option('--write-data', 'write the blocks into --data-dir and end')
  .option('--count <n>', 'queries', '5000')
  .option('--seed <n>', 'seed of the queries')
  .option('--from <n>', 'number of the first query', '0')
  .option('--range', 'range queries only')
  .option('--instant', 'instant queries only')
  .option('--delayed-name-removal', 'with this feature in both')
  .option('--start-timestamps', 'with this feature in both, and series that have some')
  .option('--at-once <n>', 'queries in flight', '4')
  .option('--no-shrink', 'show differences as they are')
  .parse()

interface Options {
  readonly prometheus?: string
  readonly url?: string
  readonly dataDir?: string
  readonly writeData?: boolean
  readonly count: string
  readonly seed?: string
  readonly from: string
  readonly range?: boolean
  readonly instant?: boolean
  readonly delayedNameRemoval?: boolean
  readonly startTimestamps?: boolean
  readonly atOnce: string
  readonly shrink: boolean
}

const options = program.opts<Options>()
const temporary =
  options.dataDir === undefined ? await mkdtemp(join(tmpdir(), 'thaw-random-')) : undefined
const dataDir = options.dataDir ?? temporary!
const features = [
  ...FEATURES,
  ...(options.delayedNameRemoval ? [DELAYED_NAME_REMOVAL] : []),
  ...(options.startTimestamps ? [START_TIMESTAMPS] : []),
]

if (options.writeData) {
  await putData(fileBucket(dataDir))
  process.exit()
}
if ((options.prometheus === undefined) === (options.url === undefined)) {
  program.error('either --prometheus or --url says what to compare with')
}

const seed = Number(options.seed ?? Date.now() % 1_000_000)
const count = Number(options.count)
const paths: Paths = options.range ? 'range' : options.instant ? 'instant' : 'both'
console.log(`seed ${seed}, ${count} queries from number ${options.from}, ${features.join()}`)

const server =
  options.prometheus === undefined
    ? undefined
    : await startOracle({ binary: options.prometheus, dataDir, features })
try {
  const bucket = memoryBucket()
  await putData(bucket)
  const startedMs = performance.now()
  const report = await runSession({
    actual: {
      whole: thaw(bucket, { features, sliceBytes: WHOLE }),
      cut: thaw(bucket, { features, sliceBytes: CUT }),
    },
    oracle: askUrl(server?.url ?? options.url!),
    features: new Set(features),
    seed,
    from: Number(options.from),
    count,
    paths,
    shrinks: options.shrink,
    atOnce: Number(options.atOnce),
    onDifference: show,
    onRandom: ({ path, params }, detail) =>
      console.log(`\nrandom: ${path} ${JSON.stringify(params)}\n    ${detail}`),
  })
  const {
    withValues,
    values,
    errors,
    close,
    varying,
    random,
    otherError,
    overlooked,
    differences,
  } = report
  console.log(
    [
      `seed ${seed}: ${count} queries in ${Math.round((performance.now() - startedMs) / 1000)} s`,
      `${withValues} answered with values (${values} compared to the last bit), ${errors} with the same error`,
      `${varying} with one of several answers of Prometheus's own`,
      `${random} where Prometheus answers at random and gave none like ours`,
      ...(otherError > 0 ? [`${otherError} with another of several errors, when cut`] : []),
      ...(overlooked > 0
        ? [`${overlooked} refused for equal labels that Prometheus overlooks`]
        : []),
      ...(close > 0 ? [`${close} equal but for last bits`] : []),
      `${differences.length} differences`,
    ].join('\n'),
  )
  process.exitCode = differences.length > 0 ? 1 : 0
} finally {
  await server?.stop()
  if (temporary !== undefined) await rm(temporary, { recursive: true, force: true })
}

function show({ number, query, smallest, detail }: Difference): void {
  const { query: text, ...times } = query.params
  console.log(
    [
      `\n#${number} ${query.path} ${JSON.stringify(times)}`,
      `    ${text}`,
      ...(smallest === text ? [] : [`  → ${smallest}`]),
      `    ${detail}`,
    ].join('\n'),
  )
}
