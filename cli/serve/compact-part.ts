/** The part of `thaw serve` that plans and compacts: what the functions `plan` and `compact` do, again and again. */
import { hostname } from 'node:os'
import { ulid } from 'ulid'
import { sleep } from '#agent/sleep.ts'
import { keepBacklog } from '#lib/compact/plan/backlog.ts'
import { runHere } from '#lib/compact/run-here.ts'
import { compactSettings } from '#lib/lambda/compact-flags.ts'
import { readFlagLine } from '#lib/lambda/parse-flags.ts'
import { DomainError } from '#lib/model/errors.ts'
import { observeJobs } from '../bucket/observe-jobs.ts'
import { thanosCompactorOnce } from '../bucket/warn-thanos-compactor.ts'
import type { OpenPart, PartParts } from './part-work.ts'
import { writersWatch } from './writers-watch.ts'

/** Between two looks for work: as the schedule of `plan`. */
const INTERVAL_MS = 5 * 60_000

export async function compactPart(parts: PartParts): Promise<OpenPart> {
  const { data, bucket, registry, logger, now, signal, tell } = parts
  const settings = readFlagLine('--compact.flags', data.flags, compactSettings)
  const jobs = observeJobs({ registry, logger, settings })
  const warnOfThanos = thanosCompactorOnce((text) => logger.warn({}, text))
  const watchWriters = writersWatch(parts)
  const pass = (): Promise<unknown> =>
    runHere({
      bucket,
      settings,
      now,
      newUlid: () => ulid(now()),
      owner: `thaw serve on ${hostname()}, process ${process.pid}`,
      concurrency: 1,
      signal,
      async onPlan(plan, input) {
        await keepBacklog(bucket, plan, input.nowMs, signal)
        tell({ type: 'ready' })
        await warnOfThanos(plan, input)
        await watchWriters(input)
      },
      // What waits is told from the backlog, by whoever answers queries.
      onEvent: (event) => event.type === 'planned' || jobs.observe(event),
    })
  return {
    async run() {
      while (!signal.aborted) {
        try {
          await pass()
          jobs.iterated()
          tell({ type: 'worked' })
        } catch (error) {
          if (signal.aborted) return
          if (!(error instanceof DomainError)) throw error
          logger.error({ err: error }, 'the pass broke off')
          tell({ type: 'failed', message: error.message })
        }
        await sleep(INTERVAL_MS, signal)
      }
    },
    // It has no files.
    reload: () => Promise.resolve(),
  }
}
