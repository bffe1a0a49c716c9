/** `node test/promql/random/golden.ts <prometheus> <its version>`: asks fixed random queries and keeps the answers in `golden.jsonl`. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ApiAnswer, askUrl } from '#test/e2e/support/ask.ts'
import type { Feature } from '#lib/promql/options.ts'
import { SCRAPED, STARTED } from './catalogue.ts'
import { compareAnswers } from './compare.ts'
import { type RandomQuery, randomQuery } from './generate.ts'
import { oracleFlags, startOracle } from './oracle.ts'
import { DELAYED_NAME_REMOVAL, FEATURES, START_TIMESTAMPS } from './thaw.ts'

export const GOLDEN_FILE = new URL('golden.jsonl', import.meta.url)

/** The first line of the file. */
export interface GoldenHead {
  readonly prometheus: string
  readonly command: string
  readonly seed: number
}

export interface GoldenQuery extends RandomQuery {
  readonly number: number
  /** More than FEATURES. */
  readonly feature?: Feature | undefined
  readonly answer: ApiAnswer
}

const SEED = 314
const SETS: readonly { readonly feature?: Feature; readonly count: number }[] = [
  { count: 330 },
  { feature: DELAYED_NAME_REMOVAL, count: 90 },
  { feature: START_TIMESTAMPS, count: 60 },
]
/** Of an answer: a few large ones would be most of the file. */
const MAX_BYTES = 6000
/** A query whose answers are not always the same is left out. */
const ASKED = 6

export async function readGolden(): Promise<{ head: GoldenHead; queries: GoldenQuery[] }> {
  const [head = '', ...lines] = (await readFile(GOLDEN_FILE, 'utf8')).trimEnd().split('\n')
  return {
    head: JSON.parse(head) as GoldenHead,
    queries: lines.map((line) => JSON.parse(line) as GoldenQuery),
  }
}

async function makeGolden(binary: string, version: string): Promise<void> {
  const head: GoldenHead = {
    prometheus: version,
    command: ['prometheus', ...oracleFlags(FEATURES)].join(' '),
    seed: SEED,
  }
  const lines: string[] = [JSON.stringify(head)]
  for (const [i, set] of SETS.entries()) lines.push(...(await answers(binary, SEED + i, set)))
  await writeFile(GOLDEN_FILE, `${lines.join('\n')}\n`)
  console.log(`${lines.length - 1} queries of Prometheus ${version}`)
}

async function answers(
  binary: string,
  seed: number,
  { feature, count }: (typeof SETS)[number],
): Promise<string[]> {
  const features = feature ? [...FEATURES, feature] : FEATURES
  const dataset = feature === START_TIMESTAMPS ? STARTED : SCRAPED
  const root = await mkdtemp(join(tmpdir(), 'thaw-golden-'))
  const server = await startOracle({ binary, dataDir: join(root, 'data'), features })
  const ask = askUrl(server.url)
  const lines: string[] = []
  let empty = 0
  try {
    for (let number = 0; lines.length < count; number++) {
      const query = randomQuery(seed, number, 'both', dataset)
      const answer = await ask(query.path, query.params)
      const line = JSON.stringify({ number, feature, ...query, answer } satisfies GoldenQuery)
      if (line.length > MAX_BYTES || !(await isSteady(ask, query, answer))) continue
      // Some empty answers are enough.
      const { result } = (answer.data ?? {}) as { result?: readonly unknown[] }
      if (result?.length === 0 && empty++ >= count / 8) continue
      lines.push(line)
    }
  } finally {
    await server.stop()
    await rm(root, { recursive: true, force: true })
  }
  return lines
}

async function isSteady(
  ask: ReturnType<typeof askUrl>,
  { path, params }: RandomQuery,
  answer: ApiAnswer,
): Promise<boolean> {
  for (let i = 1; i < ASKED; i++) {
    if (compareAnswers(await ask(path, params), answer, 'none').type !== 'equal') return false
  }
  return true
}

if (import.meta.main) {
  const [binary, version] = process.argv.slice(2)
  if (binary === undefined || version === undefined) throw new Error('which Prometheus?')
  await makeGolden(binary, version)
}
