/** A bucket that is only its index: jobs change it as the real ones do, without bytes. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { isVisible, markHidden } from '#lib/blocks/visible-blocks.ts'
import type { Job } from '#lib/compact/jobs/job.ts'
import { compactedInto } from '#lib/compact/jobs/marks.ts'
import type { CutState } from '#lib/compact/plan/plan-cuts.ts'
import { groupLabels, type JobPlan, planJobs } from '#lib/compact/plan/plan-jobs.ts'
import type { CompactSettings } from '#lib/compact/plan/settings.ts'

export class ModelBucket {
  readonly blocks = new Map<string, BlockRecord>()
  readonly cuts = new Map<string, CutState>()
  readonly settings: CompactSettings
  nowMs: number
  #made = 0

  constructor(settings: CompactSettings, nowMs: number, blocks: readonly BlockRecord[] = []) {
    this.settings = settings
    this.nowMs = nowMs
    for (const block of blocks) this.blocks.set(block.id, block)
  }

  plan(): JobPlan {
    const { settings, nowMs } = this
    const blocks = markHidden([...this.blocks.values()], nowMs)
    const cuts = [...this.cuts.values()]
    return planJobs({ blocks, partial: [], packs: [], cuts, settings, nowMs })
  }

  visible(): BlockRecord[] {
    return markHidden([...this.blocks.values()], this.nowMs).filter((block) =>
      isVisible(block, this.nowMs),
    )
  }

  /** Plans and runs until nothing is to do. Returns the jobs in their order. */
  settle(onJob: (job: Job) => void = () => undefined): Job[] {
    const all: Job[] = []
    for (let round = 0; round < 200; round++) {
      const { jobs } = this.plan()
      if (jobs.length === 0) return all
      for (const { job } of jobs) {
        onJob(job)
        this.run(job)
        all.push(job)
      }
    }
    throw new Error('there is always something to do')
  }

  run(job: Job): void {
    switch (job.type) {
      case 'compact':
        this.#merge(job.inputs, this.#newId(), job.dedup?.replicaLabels)
        break
      case 'cut': {
        const ulid = this.#newId()
        const keys = [`thaw/compact/${ulid}/cut.json`]
        this.cuts.set(ulid, { ...job, ulid, keys, done: [] })
        break
      }
      case 'part': {
        const cut = this.cuts.get(job.ulid)!
        this.cuts.set(job.ulid, { ...cut, done: [...cut.done, job.part] })
        break
      }
      case 'finish': {
        const { inputs, dedup } = this.cuts.get(job.ulid)!
        this.#merge(inputs, job.ulid, dedup?.replicaLabels)
        this.cuts.delete(job.ulid)
        break
      }
      case 'downsample': {
        const { resolutionMs } = job
        const id = this.#newId()
        const input = this.blocks.get(job.input)!
        this.blocks.set(id, { ...input, id, resolutionMs, source: 'compactor', marks: {} })
        break
      }
      case 'mark':
        for (const id of job.ids) this.#mark(id, job.reason)
        break
      case 'delete':
        for (const id of job.ids) this.blocks.delete(id)
        break
      case 'delete-objects':
        for (const key of job.keys) this.cuts.delete(key.split('/')[2]!)
        break
      case 'merge-packs':
        throw new Error('the model has no packs')
      default:
        job satisfies never
    }
  }

  #merge(inputs: readonly string[], id: string, replicaLabels: readonly string[] = []): void {
    const blocks = inputs.map((input) => this.blocks.get(input)!)
    this.blocks.set(id, {
      ...blocks[0]!,
      id,
      labels: groupLabels(blocks[0]!.labels, replicaLabels),
      minTimeMs: Math.min(...blocks.map(({ minTimeMs }) => minTimeMs)),
      maxTimeMs: Math.max(...blocks.map(({ maxTimeMs }) => maxTimeMs)),
      level: Math.max(...blocks.map(({ level }) => level)) + 1,
      sources: [...new Set(blocks.flatMap(({ sources }) => sources))].sort(),
      source: 'compactor',
      hasTombstones: false,
      marks: {},
    })
    for (const input of inputs) this.#mark(input, compactedInto(id))
  }

  #mark(id: string, details: string): void {
    const block = this.blocks.get(id)!
    if (block.marks.deletion) return
    const deletion = { timeMs: this.nowMs, etag: '', details }
    this.blocks.set(id, { ...block, marks: { ...block.marks, deletion } })
  }

  #newId(): string {
    this.#made++
    return `made-${String(this.#made).padStart(6, '0')}`
  }
}
