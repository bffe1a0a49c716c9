/**
 * How long do queries take in thaw, and in a real Prometheus and VictoriaMetrics over the very same samples? All answer
 * over HTTP on this machine, in turn. Processor time stands beside: on a busy machine it is the number that does not jump.
 * `bench/README.md` says how to run and read it. Options:
 *   --prometheus=<binary>            default: `prometheus` of the PATH
 *   --victoria-metrics[=<binary>]    left out unless asked for; default: `victoria-metrics` of the PATH
 *   --threads=<n>,…                  a thaw with so many worker threads each, beside the one with none
 *   --rounds=<n>, --only=<part of a name>, --gzip, --markdown, --cpu-prof=<directory>
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bundledThaw, profiledThaw } from './bundled-thaw.ts'
import { benchBlocks } from './make-blocks.ts'
import { measure } from './measure.ts'
import { QUERIES } from './queries.ts'
import { report } from './report.ts'
import {
  prometheusOver,
  prometheusVersion,
  thawOver,
  victoriaMetricsOver,
  type Served,
} from './servers.ts'

const VICTORIA_METRICS = '--victoria-metrics'
const { values: options } = parseArgs({
  args: process.argv
    .slice(2)
    .map((arg) => (arg === VICTORIA_METRICS ? `${VICTORIA_METRICS}=victoria-metrics` : arg)),
  options: {
    prometheus: { type: 'string', default: 'prometheus' },
    'victoria-metrics': { type: 'string' },
    threads: { type: 'string', default: '0' },
    rounds: { type: 'string', default: '7' },
    only: { type: 'string', default: '' },
    gzip: { type: 'boolean', default: false },
    markdown: { type: 'boolean', default: false },
    'cpu-prof': { type: 'string' },
  },
})

const blocks = await benchBlocks()
const dataDir = await mkdtemp(join(tmpdir(), 'thaw-bench-'))
const agent = new Agent({ keepAlive: true })
const servers: Served[] = []

async function end(): Promise<void> {
  agent.destroy()
  for (const { stop } of servers) await stop()
  await rm(dataDir, { recursive: true, force: true })
}

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => void end().finally(() => process.exit(1)))
}
try {
  const profiles = options['cpu-prof']
  const thaw = profiles === undefined ? bundledThaw(join(dataDir, 'thaw')) : profiledThaw(profiles)
  for (const workers of new Set([0, ...options.threads.split(',').map(Number)])) {
    servers.push(await thawOver({ blocks, workers, thaw }))
  }
  servers.push(await prometheusOver(blocks, options.prometheus, join(dataDir, 'prometheus')))
  const victoria = options['victoria-metrics']
  if (victoria !== undefined) {
    servers.push(await victoriaMetricsOver(blocks, victoria, join(dataDir, 'victoria-metrics')))
  }
  const version = await prometheusVersion(options.prometheus)
  console.log(
    `Prometheus: ${version}; node ${process.version}; medians of ${options.rounds} rounds, ms\n`,
  )
  const asking = { agent, gzip: options.gzip, rounds: Number(options.rounds) }
  const { row, summary } = report(servers, options.markdown)
  for (const query of QUERIES.filter(({ name }) => name.includes(options.only))) {
    row(query.name, await measure(query, servers, asking))
  }
  await summary()
} finally {
  await end()
}
