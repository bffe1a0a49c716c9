/** What the commands of compaction have in common: one pass over a bucket that does all jobs of their kind, or only says them. */
import { hostname } from 'node:os'
import { ulid } from 'ulid'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { PlannedJob } from '#lib/compact/plan/plan-jobs.ts'
import type { CompactSettings } from '#lib/compact/plan/settings.ts'
import {
  type HereEvent,
  type HereOptions,
  type HereReport,
  runHere,
} from '#lib/compact/run-here.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { CliContext } from '../context.ts'
import { planNow } from './compaction-plan.ts'
import { failedJobs, jobLine, reportJson, summaryLine } from './job-report.ts'
import { planJson, planLines } from './job-plan-report.ts'
import { jobProgress } from './job-progress.ts'
import { progressBar } from './progress.ts'
import { jsonText } from './report-flags.ts'
import { thanosCompactorOnce, warnThanosCompactor } from './warn-thanos-compactor.ts'

export interface JobRun {
  readonly bucket: Bucket
  readonly settings: CompactSettings
  readonly concurrency: number
  /** Which jobs are the command's. */
  readonly wanted: (job: PlannedJob) => boolean
  readonly only: ((block: BlockRecord) => boolean) | undefined
  readonly onPlan?: HereOptions['onPlan']
  readonly signal: AbortSignal
}

export interface Told {
  readonly dryRun: boolean
  readonly output: 'text' | 'json'
}

/** Rejects when a job failed, after the report. */
export async function runJobs(run: JobRun, told: Told, context: CliContext): Promise<void> {
  const isText = told.output === 'text'
  if (told.dryRun) {
    const { backlog, input } = await planNow(run.bucket, { ...run, now: context.now })
    warnThanosCompactor(input, context)
    const jobs = backlog.jobs.filter(run.wanted)
    context.write(isText ? planLines(jobs) : jsonText(planJson(jobs)))
    return
  }
  const counting = countingBucket(run.bucket)
  const begunMs = performance.now()
  const bar = progressBar(context)
  const showEvent = jobProgress(bar)
  const onEvent = (event: HereEvent): void => {
    showEvent(event)
    if (event.type === 'ended' && isText) context.write(jobLine(event))
  }
  let report: HereReport
  try {
    const onPlan = thanosCompactorOnce((text) => context.writeError(`warning: ${text}\n`))
    report = await runAll({ ...run, onPlan, bucket: counting.bucket }, context, onEvent)
  } finally {
    bar.end()
  }
  const seconds = (performance.now() - begunMs) / 1000
  const { counts } = counting
  context.write(
    isText
      ? summaryLine(report.done, counts, seconds)
      : jsonText(reportJson(report.done, counts, seconds)),
  )
  const failed = failedJobs(report.done)
  if (failed > 0) {
    throw new DomainError(
      'unavailable',
      `${failed} of the jobs failed, the next run tries them again`,
    )
  }
}

export function runAll(
  run: JobRun,
  { now }: CliContext,
  onEvent: (event: HereEvent) => void,
): Promise<HereReport> {
  return runHere({
    ...run,
    now,
    newUlid: () => ulid(now()),
    owner: `thaw bucket on ${hostname()}, process ${process.pid}`,
    onEvent,
  })
}
