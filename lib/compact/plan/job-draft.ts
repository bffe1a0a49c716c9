/** A plan while it is made: jobs, and why each block is or is not in one. */
import { type Job, type JobType, jobKey } from '../jobs/job.ts'
import { estimateSeconds, type Work } from './estimate.ts'

export interface PlannedJob {
  readonly job: Job
  /** The same whenever the same work is planned. */
  readonly key: string
  /** One line for people. */
  readonly reason: string
  readonly inputBytes: number
  readonly estimateSeconds: number
}

/** What is done first. Retention waits for nothing; then what makes room, then what was begun. */
const ORDER: Readonly<Record<JobType, number>> = {
  mark: 0,
  delete: 1,
  finish: 2,
  part: 3,
  'merge-packs': 4,
  compact: 5,
  cut: 5,
  downsample: 6,
  'delete-objects': 7,
}

export class JobDraft {
  readonly #jobs: PlannedJob[] = []
  readonly #reasons = new Map<string, string>()

  /** `inputs` are the blocks that it touches: each may be in one job only. */
  add(
    job: Job,
    reason: string,
    inputs: readonly string[],
    inputBytes = 0,
    work: Work = job.type,
  ): void {
    for (const id of inputs) this.#reasons.set(id, reason)
    const count = Math.max(1, inputs.length)
    const seconds = estimateSeconds(work, count, inputBytes)
    this.#jobs.push({ job, key: jobKey(job), reason, inputBytes, estimateSeconds: seconds })
  }

  /** Why a block is in no job. */
  leave(id: string, reason: string): void {
    this.#reasons.set(id, reason)
  }

  /** And why it is in no job of another kind, where something is said about that. */
  leaveToo(id: string, reason: string | undefined): void {
    const before = this.#reasons.get(id)
    if (reason !== undefined) this.#reasons.set(id, before ? `${before}; ${reason}` : reason)
  }

  /** In the order of `blocks`. */
  reasons(blocks: readonly { readonly id: string }[]): ReadonlyMap<string, string> {
    return new Map(blocks.map(({ id }) => [id, this.#reasons.get(id)!]))
  }

  /** Short ones first among their like, so that most is done soonest. */
  jobs(): readonly PlannedJob[] {
    return this.#jobs.toSorted(
      (a, b) =>
        ORDER[a.job.type] - ORDER[b.job.type] ||
        a.estimateSeconds - b.estimateSeconds ||
        (a.key < b.key ? -1 : 1),
    )
  }
}
