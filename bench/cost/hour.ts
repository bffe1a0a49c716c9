/**
 * Does `thaw cost` say what an hour costs? A real Prometheus and its agent, the deployed functions in the embedded cloud over MinIO, dashboards that are
 * refreshed, long queries, rules, all in real time: each request is counted where S3 would count it, each call and its processor time where Lambda would.
 * The same hour is described to the model. Options, with their defaults:
 *   --minutes=60 --series=10000 --scrape=15s --block-minutes=10 --rules=50
 *                                      --series=0: no Prometheus, and no agent
 *   --panels=8 --refresh=30            panels of a dashboard over the last hour, and seconds between its refreshes
 *   --long=30                          seconds between long queries: a day of three, each of another time; 0: none
 *   --history-days=6 --history-series=600 --slice-bytes=2000000
 *   --delay=20                         ms that the store takes for a request of a function
 *   --prometheus=<binary>              default: `prometheus` of the PATH
 *   --json=<file>                      where the numbers go
 *   --counted=<file>                   numbers of another run: only compares
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { isMissing } from '#test/peer/cache.ts'
import { findMinio } from '#test/peer/minio.ts'
import { compareHour, comparisonText, type Counted, type CountedHour } from './compare.ts'
import { type HourWorld, PARTIES, type Party, partyOf, startHourWorld } from './hour-world.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    series: { type: 'string', default: '10000' },
    scrape: { type: 'string', default: '15s' },
    'block-minutes': { type: 'string', default: '10' },
    rules: { type: 'string', default: '50' },
    panels: { type: 'string', default: '8' },
    refresh: { type: 'string', default: '30' },
    long: { type: 'string', default: '30' },
    'history-days': { type: 'string', default: '6' },
    'history-series': { type: 'string', default: '600' },
    'slice-bytes': { type: 'string', default: '2000000' },
    delay: { type: 'string', default: '20' },
    prometheus: { type: 'string', default: 'prometheus' },
    json: { type: 'string' },
    counted: { type: 'string' },
  },
})
const DELAY_MS = Number(values.delay)
const words = ['http', 'grpc', 'queue', 'cache', 'disk', 'net', 'cpu', 'gc', 'pool', 'db']
const PANELS = words.map((word, i) =>
  i % 3 === 0
    ? `sum by (namespace) (rate(load_${word}_requests_total[5m]))`
    : i % 3 === 1
      ? `max by (code) (load_${word}_bytes_total)`
      : `topk(5, rate(load_${word}_errors_total[5m]))`,
)
const LONG = [
  'sum by (cluster) (rate(made_0_total[10m]))',
  'histogram_quantile(0.9, sum by (le) (rate(service_0_bucket[10m])))',
  'avg by (namespace) (made_1_bytes)',
]

const ended = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => ended.abort())
if (values.counted === undefined) await hourOfWork()
else console.log(comparisonText(compareHour(await readHour(values.counted))))

async function readHour(file: string): Promise<CountedHour> {
  return JSON.parse(await readFile(file, 'utf8')) as CountedHour
}

async function hourOfWork(): Promise<void> {
  const minio = await findMinio()
  if (isMissing(minio)) throw new Error(`no MinIO: ${minio.missing}`)
  const dir = await mkdtemp(join(tmpdir(), 'thaw-cost-hour-'))
  try {
    const world = await startHourWorld({
      dir,
      minio,
      prometheus: values.prometheus,
      series: Number(values.series),
      scrape: values.scrape,
      blockMinutes: Number(values['block-minutes']),
      rules: Number(values.rules),
      historyDays: Number(values['history-days']),
      historySeries: Number(values['history-series']),
      sliceBytes: Number(values['slice-bytes']),
      delayMs: DELAY_MS,
    })
    try {
      await run(world)
    } finally {
      await world.stop()
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function run(world: HourWorld): Promise<void> {
  const endMs = Date.now() + Number(values.minutes) * 60_000
  const asked = { panels: 0, long: 0, failed: 0 }
  const before = count(world)
  const dashboard = repeat(Number(values.refresh), endMs, async (round) => {
    await Promise.all(
      PANELS.slice(0, Number(values.panels)).map(async (expr) => {
        asked.panels++
        const end = Math.floor(Date.now() / 15_000) * 15
        await ask(world, expr, end - 3600, end, 15, asked)
      }),
    )
    if (round % 10 === 0) console.error(`${Math.round((endMs - Date.now()) / 60_000)} minutes left`)
  })
  const long = repeat(Number(values.long), endMs, async (round) => {
    asked.long++
    const day = 86_400
    const end = Math.floor(Date.now() / 1000 / (2 * day)) * 2 * day - (round % 36) * 3600
    await ask(world, LONG[round % LONG.length]!, end - 3 * day, end - round, 300, asked)
  })
  await Promise.all([dashboard, long])
  await sleep(5000)
  const counted = difference(before, count(world))
  const hour = { options: values, asked, counted, queries: queriesOf(world.log) }
  if (values.json !== undefined) await writeFile(values.json, JSON.stringify(hour, null, 2))
  show(counted)
  console.log(asked, hour.queries)
  console.log(comparisonText(compareHour(hour)))
}

/** Starts a round every so many seconds, whatever the one before is doing. */
async function repeat(
  seconds: number,
  endMs: number,
  round: (n: number) => Promise<void>,
): Promise<void> {
  const rounds: Promise<void>[] = []
  if (seconds === 0) return
  for (let n = 0; Date.now() < endMs && !ended.signal.aborted; n++) {
    rounds.push(round(n))
    await sleep(seconds * 1000, undefined, { signal: ended.signal }).catch(() => undefined)
  }
  await Promise.all(rounds)
}

async function ask(
  { cloud, authorization }: HourWorld,
  query: string,
  start: number,
  end: number,
  step: number,
  asked: { failed: number },
): Promise<void> {
  const response = await fetch(`${cloud.httpUrl}/api/v1/query_range`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      query,
      start: String(start),
      end: String(end),
      step: String(step),
    }).toString(),
  })
  const text = await response.text()
  if (response.status !== 200) {
    asked.failed++
    console.error(`${response.status} ${text.slice(0, 300)}`)
  }
}

function count({ cloud, proxies }: HourWorld): Record<Party, Counted> {
  const stats = new Map(Object.entries(cloud.stats()).map(([name, one]) => [partyOf(name), one]))
  const counted = PARTIES.map((party) => {
    const s3 = proxies[party].counts()
    const { invokes = 0, coldStarts = 0, failures = 0, cpuMs = 0 } = stats.get(party) ?? {}
    const ms = cpuMs + (party === 'agent' ? 0 : s3.trips * DELAY_MS)
    return [party, { ...s3, invokes, coldStarts, failures, cpuMs, ms }] as const
  })
  return Object.fromEntries(counted) as Record<Party, Counted>
}

function difference(
  before: Record<Party, Counted>,
  after: Record<Party, Counted>,
): Record<Party, Counted> {
  const parts = PARTIES.map((party) => {
    const was = before[party]
    const entries = Object.entries(after[party]) as [keyof Counted, number][]
    return [party, Object.fromEntries(entries.map(([name, n]) => [name, n - was[name]]))]
  })
  return Object.fromEntries(parts) as Record<Party, Counted>
}

type QuerySum = Record<'queries' | 'slices' | 'invokes' | 'gets' | 'lists' | 'puts', number>

/** What the log of queries says of each kind, with the requests of its slices. */
function queriesOf(log: readonly string[]): Record<'refreshed' | 'long', QuerySum> {
  const none = { queries: 0, slices: 0, invokes: 0, gets: 0, lists: 0, puts: 0 }
  const sums = { refreshed: { ...none }, long: { ...none } }
  for (const line of log) {
    const found = /"cost":(\{[^}]*\})/.exec(line)
    if (found === null) continue
    const cost = JSON.parse(found[1]!) as Partial<QuerySum>
    const sum = line.includes('load_') ? sums.refreshed : sums.long
    sum.queries++
    for (const name of ['slices', 'invokes', 'gets', 'lists', 'puts'] as const) {
      sum[name] += cost[name] ?? 0
    }
  }
  return sums
}

function show(counted: Record<Party, Counted>): void {
  console.table(
    Object.fromEntries(
      PARTIES.map((party) => {
        const { invokes, coldStarts, failures, gets, lists, puts, deletes, trips, ms, cpuMs } =
          counted[party]
        return [
          party,
          { invokes, coldStarts, failures, gets, lists, puts, deletes, trips, cpuMs, ms },
        ]
      }),
    ),
  )
}
