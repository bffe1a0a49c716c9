/** `thaw cost`: what an installation costs in a month. */
import { readFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { addFlags, flagValues } from '#agent/flags/command-flags.ts'
import {
  OBJSTORE_HELP,
  addObjstoreFlags,
  objstoreFlags,
  openConfiguredBucket,
} from '#agent/objstore.ts'
import { lookUpBlocks } from '#lib/blocks/look-up-blocks.ts'
import { assuming } from '#lib/cost/assumptions.ts'
import { freeUsd } from '#lib/cost/cost-lines.ts'
import { estimate } from '#lib/cost/estimate.ts'
import { type MeasuredBucket, measureBucket } from '#lib/cost/measured-bucket.ts'
import { measureQueries } from '#lib/cost/measured-queries.ts'
import { idleUsd, savings } from '#lib/cost/savings.ts'
import type { Workload } from '#lib/cost/workload.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { CliContext } from '../context.ts'
import {
  COST_FLAGS,
  otherAssumptions,
  otherPrices,
  WORKLOAD_FLAGS,
  workloadOf,
} from './cost-flags.ts'
import { assumptionsText, estimateText } from './cost-text.ts'

export function costCommand(context: CliContext): Command {
  const command = new Command('cost').description(
    'Estimates what an installation on AWS costs in a month: one that is described, or that of a bucket.',
  )
  addFlags(command, 'Workload:', WORKLOAD_FLAGS)
  command.optionsGroup('Bucket, to see what it holds and what comes:')
  addObjstoreFlags(command)
  addFlags(command, 'Options:', COST_FLAGS)
  return command
    .option('--debug', 'show stack traces of errors')
    .addHelpText('after', `\n${HELP}${OBJSTORE_HELP}`)
    .action(async () => {
      const parsed = command.opts<Record<string, unknown>>()
      const flags = flagValues(COST_FLAGS, parsed)
      const assumed = assuming(otherAssumptions(flags.assume))
      const prices = otherPrices(flags.price)
      if (flags.assumptions) {
        context.write(assumptionsText({ assumed, prices, output: flags.output }))
        return
      }
      const described = workloadOf(flagValues(WORKLOAD_FLAGS, parsed))
      const bucket = await openConfiguredBucket(objstoreFlags(parsed), context.env)
      const nowMs = context.now()
      const measured =
        bucket &&
        measureBucket(
          (await lookUpBlocks(bucket, { now: () => nowMs, signal: context.signal })).blocks,
          nowMs,
        )
      if (measured?.coming === undefined && measured !== undefined) {
        context.writeError(
          'warning: no raw block of the last 7 days is in the bucket, so what comes is as described\n',
        )
      }
      const given = (flag: string): boolean =>
        command.getOptionValueSource(new Option(`--${flag}`).attributeName()) === 'cli'
      const workload = withMeasured(described, measured, given)
      const queries = flags['query-log'] === '' ? undefined : await queriesOf(flags['query-log'])
      const parts = { assumed, prices, held: measured?.held, queries }
      const lines = estimate(workload, parts)
      context.write(
        estimateText({
          lines,
          workload,
          output: flags.output,
          explain: flags.explain,
          measured: measured !== undefined,
          freeUsd: freeUsd(lines, prices),
          idleUsd: idleUsd(workload, parts),
          savings: savings(workload, parts),
        }),
      )
    })
}

/** A flag that was given wins over what the bucket says. */
function withMeasured(
  described: Workload,
  measured: MeasuredBucket | undefined,
  given: (flag: string) => boolean,
): Workload {
  const { coming } = measured ?? {}
  if (coming === undefined) return described
  return {
    ...described,
    ...(!given('agents') && { agents: coming.agents }),
    ...(!given('series') && { series: coming.series }),
    ...(!given('scrape-interval') && { scrapeSeconds: coming.scrapeSeconds }),
    ...(!given('bytes-per-sample') && { bytesPerSample: coming.bytesPerSample }),
  }
}

async function queriesOf(file: string) {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new DomainError(
      'invalid',
      `--query-log: ${file} can not be read: ${error.code ?? error.message}`,
    )
  })
  const queries = measureQueries(text.split('\n'))
  if (queries !== undefined) return queries
  throw new DomainError(
    'invalid',
    `--query-log: ${file} has no two queries of different times; it wants the JSON lines of the query function, such as {"time":…,"msg":"query","cost":{…}}`,
  )
}

const HELP = `List prices of us-east-1; what AWS gives for nothing is told apart. Each line is a number of things times the price of one; --explain says how
the number comes about, --assumptions what the model takes for granted and where that was measured. docs/cost.md has the whole.

Examples:
  $ thaw cost --agents=4 --series=1000000 --rules=100
  $ thaw cost --retention.resolution-raw=30d --retention.resolution-5m=180d --explain
  $ thaw cost --objstore.config-file=bucket.yml --queries-per-day=2000
  $ thaw cost --query-log=query.jsonl -o json | jq .usd
  $ thaw cost --assumptions
`
