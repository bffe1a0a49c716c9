/** What jobs have done, in plain words and as JSON. */
import { formatGoDuration } from '#agent/duration.ts'
import { describeError } from '#agent/logger.ts'
import type { BucketCounts } from '#lib/bucket/counting-bucket.ts'
import { describeJob, type Job } from '#lib/compact/jobs/job.ts'
import type { DoneJob } from '#lib/compact/run-here.ts'
import type { BlockMeta } from '#lib/tsdb/block/meta.ts'
import { counted, goTime, sizeText } from './block-text.ts'

/** One line, with its end. */
export function jobLine({ job: { job, reason }, seconds, outcome }: DoneJob): string {
  const took = `${seconds.toFixed(1)} s`
  switch (outcome.status) {
    case 'done':
      return `${doneText(job, reason, outcome)}, ${took}\n`
    case 'skipped':
      return `nothing to do any more: ${describeJob(job)}: ${outcome.report}\n`
    case 'held':
      return `left to another worker: ${outcome.report}\n`
    case 'set-aside':
      return `${outcome.report}\n`
    case 'failed':
      return `failed: ${describeJob(job)}: ${describeError(outcome.error)}\n`
    default:
      return outcome satisfies never
  }
}

type Done = Extract<DoneJob['outcome'], { readonly status: 'done' }>

function doneText(job: Job, reason: string, { made, deleted = [], report }: Done): string {
  switch (job.type) {
    case 'mark':
      return `marked for deletion: ${job.ids.join(', ')}: ${job.reason}`
    case 'delete':
    case 'delete-objects': {
      const [, ...kept] = report.split('; ')
      const names = deleted.length > 0 ? deleted.join(', ') : 'nothing'
      return [`deleted ${names}: ${reason}`, ...kept].join('; ')
    }
    default:
      return made ? `made ${metaText(made)}: ${reason}` : report
  }
}

function metaText(meta: BlockMeta): string {
  const { ulid, minTime, maxTime, stats, thanos } = meta
  const resolution = formatGoDuration(thanos?.downsample.resolution ?? 0)
  return `${ulid} (${goTime(minTime)} - ${goTime(maxTime)}, ${resolution}, ${counted(stats.numSeries, 'series', 'series')}, ${counted(stats.numSamples, 'sample')}, ${sizeText(metaBytes(meta))})`
}

function metaBytes({ thanos }: BlockMeta): number {
  return (thanos?.files ?? []).reduce((sum, { size_bytes: size = 0 }) => sum + size, 0)
}

export function failedJobs(done: readonly DoneJob[]): number {
  return lastOf(done).filter(({ outcome }) => outcome.status === 'failed').length
}

/** A job may have been tried again. */
function lastOf(done: readonly DoneJob[]): DoneJob[] {
  return [...new Map(done.map((one) => [one.job.key, one])).values()]
}

function sumsOf(all: readonly DoneJob[]) {
  const done = lastOf(all)
  const ended = done.flatMap(({ outcome }) => (outcome.status === 'done' ? [outcome] : []))
  const made = ended.flatMap(({ made: one }) => (one ? [one] : []))
  const count = (status: DoneJob['outcome']['status']) =>
    done.filter(({ outcome }) => outcome.status === status).length
  return {
    jobs: done.length,
    made: made.length,
    madeBytes: made.reduce((sum, meta) => sum + metaBytes(meta), 0),
    marked: ended.reduce((sum, { marked = [] }) => sum + marked.length, 0),
    deleted: ended.reduce((sum, { deleted = [] }) => sum + deleted.length, 0),
    setAside: count('set-aside'),
    held: count('held'),
    failed: count('failed'),
  }
}

/** The last line: all jobs together, and what they cost. */
export function summaryLine(
  done: readonly DoneJob[],
  counts: BucketCounts,
  seconds: number,
): string {
  const sum = sumsOf(done)
  const some = (count: number, text: string): string[] => (count === 0 ? [] : [text])
  const parts = [
    ...some(sum.made, `made ${counted(sum.made, 'block')} of ${sizeText(sum.madeBytes)}`),
    ...some(sum.marked, `marked ${counted(sum.marked, 'block')} for deletion`),
    ...some(sum.deleted, `deleted ${sum.deleted}`),
    ...some(sum.setAside, `set ${counted(sum.setAside, 'block')} aside`),
    ...some(sum.held, `left ${counted(sum.held, 'job')} to other workers`),
    ...some(sum.failed, `${counted(sum.failed, 'job')} failed`),
  ]
  const text = parts.length === 0 ? 'nothing to do' : parts.join(', ')
  const requests = counts.gets + counts.heads + counts.lists + counts.puts + counts.deletes
  return `${text}; ${counted(requests, 'request')}, ${sizeText(counts.bytesRead)} read, ${sizeText(counts.bytesWritten)} written, ${seconds.toFixed(1)} s\n`
}

export function reportJson(
  done: readonly DoneJob[],
  { gets, heads, lists, puts, deletes, bytesRead, bytesWritten }: BucketCounts,
  seconds: number,
): unknown {
  return {
    dryRun: false,
    ...sumsOf(done),
    requests: { gets, heads, lists, puts, deletes },
    bytesRead,
    bytesWritten,
    seconds,
    done: done.map(({ job: { job, reason }, seconds: took, outcome }) => {
      const what = { job, reason, status: outcome.status, seconds: took }
      if (outcome.status === 'failed') return { ...what, error: describeError(outcome.error) }
      if (outcome.status !== 'done') return { ...what, report: outcome.report }
      const { made, marked, deleted, report } = outcome
      return { ...what, report, made, marked, deleted }
    }),
  }
}
