/** The jobs that make one block in parts: its cut, each part, and what puts them together. */
import { isKind } from '#lib/model/errors.ts'
import { cutBlocks } from '../parts/cut-blocks.ts'
import { readCut } from '../parts/cut.ts'
import { deleteCut, finishParts } from '../parts/finish-parts.ts'
import { readCuts } from '../parts/read-cuts.ts'
import { writePart } from '../parts/write-part.ts'
import { readInputs } from './inputs.ts'
import type { Job } from './job.ts'
import { replace } from './run-compact.ts'
import type { JobOutcome, Work } from './run-job.ts'
import { setAside } from './set-aside.ts'

export async function runCut(job: Extract<Job, { type: 'cut' }>, work: Work): Promise<JobOutcome> {
  const { bucket, ulid, now, signal } = work
  const inputs = await readInputs(bucket, job.inputs, signal)
  if ('reason' in inputs) return { status: 'skipped', report: inputs.reason }
  const { blocks } = inputs
  const { parts, dedup } = job
  const wanted = new Set(job.inputs)
  const known = (await readCuts(bucket, now(), signal)).find(
    ({ inputs: ids }) => ids.length === wanted.size && ids.every((id) => wanted.has(id)),
  )
  if (known) return { status: 'skipped', report: `block ${known.ulid} is being made of them` }
  try {
    const cut = await cutBlocks({ bucket, blocks, ulid, parts, dedup, signal })
    const report = `${blocks.length} blocks are to become ${ulid} in ${cut.parts.length} parts`
    return { status: 'done', report }
  } catch (error) {
    return setAside(error, blocks, 'no-compact', work)
  }
}

export async function runPart(
  job: Extract<Job, { type: 'part' }>,
  work: Work,
): Promise<JobOutcome> {
  const { bucket, signal, onProgress } = work
  const { ulid, part } = job
  const onSeries = (doneSeries: number, totalSeries: number): void =>
    onProgress?.({ job, doneSeries, totalSeries })
  try {
    const outcome = await writePart({ bucket, ulid, part, onSeries, signal })
    if (outcome.status === 'skipped') return { status: 'skipped', report: outcome.reason }
    const { numSeries } = outcome.summary
    return { status: 'done', report: `part ${part + 1} of ${ulid} has ${numSeries} series` }
  } catch (error) {
    if (!isKind(error, 'corrupt') && !isKind(error, 'not-found')) throw error
    return setAside(error, (await readCut(bucket, ulid, signal)).inputs, 'no-compact', work)
  }
}

export async function runFinish(
  job: Extract<Job, { type: 'finish' }>,
  work: Work,
): Promise<JobOutcome> {
  const { bucket, now, confirm, signal } = work
  const { ulid } = job
  const outcome = await finishParts({ bucket, ulid, now, confirm, signal })
  switch (outcome.status) {
    case 'skipped':
      return { status: 'skipped', report: outcome.reason }
    case 'pending': {
      const parts = outcome.parts.map((part) => part + 1).join(', ')
      return { status: 'skipped', report: `block ${ulid} waits for its parts ${parts}` }
    }
    case 'done': {
      const { meta: made, cut } = outcome
      const replaced = await replace(cut.inputs, made?.ulid, work)
      await deleteCut(bucket, ulid, signal)
      return { ...replaced, made }
    }
    default:
      return outcome satisfies never
  }
}
