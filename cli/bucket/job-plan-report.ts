/** What jobs would do: the answer to --dry-run. */
import { describeJob } from '#lib/compact/jobs/job.ts'
import { spanText } from '#lib/compact/plan/plan-text.ts'
import type { PlannedJob } from '#lib/compact/plan/plan-jobs.ts'
import { counted, sizeText } from './block-text.ts'

export function planLines(jobs: readonly PlannedJob[]): string {
  if (jobs.length === 0) return 'nothing to do\n'
  const lines = jobs.map(({ job, reason, inputBytes, estimateSeconds }) => {
    const what = job.type === 'mark' ? describeJob(job) : `${describeJob(job)}: ${reason}`
    const size =
      inputBytes === 0 ? '' : ` (${sizeText(inputBytes)}, about ${secondsText(estimateSeconds)})`
    return `would ${what}${size}\n`
  })
  const seconds = jobs.reduce((sum, job) => sum + job.estimateSeconds, 0)
  return `${lines.join('')}${counted(jobs.length, 'job')}, about ${secondsText(seconds)} of work; what comes of them may be worked on again\n`
}

function secondsText(seconds: number): string {
  return spanText(Math.max(1000, seconds * 1000))
}

export function planJson(jobs: readonly PlannedJob[]): unknown {
  return { dryRun: true, jobs }
}
