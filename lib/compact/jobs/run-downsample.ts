/** The job that makes a downsampled block of one block, which stays. */
import { lookUpBlocks } from '#lib/blocks/look-up-blocks.ts'
import { downsampleBlock } from '../downsample/downsample-block.ts'
import { DownsampledSources } from '../downsample/plan-downsampling.ts'
import { readInputs } from './inputs.ts'
import type { Job } from './job.ts'
import { NO_DOWNSAMPLE_MARK, putMark } from './marks.ts'
import type { JobOutcome, Work } from './run-job.ts'
import { setAside } from './set-aside.ts'

export async function runDownsample(
  job: Extract<Job, { type: 'downsample' }>,
  work: Work,
): Promise<JobOutcome> {
  const { bucket, ulid, now, signal, confirm, onProgress } = work
  const { resolutionMs } = job
  const inputs = await readInputs(bucket, [job.input], signal)
  if ('reason' in inputs) return { status: 'skipped', report: inputs.reason }
  const block = inputs.blocks[0]!
  if (block.marks.noDownsample) {
    return { status: 'skipped', report: `block ${block.id} is marked no-downsample` }
  }
  const { blocks } = await lookUpBlocks(bucket, { now, signal })
  if (new DownsampledSources(blocks).cover(block, resolutionMs)) {
    return { status: 'skipped', report: `block ${block.id} is downsampled` }
  }
  const totalSeries = block.seriesCount
  try {
    const made = await downsampleBlock({
      bucket,
      block,
      resolutionMs,
      ulid,
      now,
      signal,
      confirm,
      onSeries: (doneSeries) => onProgress?.({ job, doneSeries, totalSeries }),
    })
    if (made) return { status: 'done', report: `block ${block.id} became ${ulid} too`, made }
  } catch (error) {
    return setAside(error, inputs.blocks, 'no-downsample', work)
  }
  const details = 'has no samples that count'
  await putMark(bucket, block.id, NO_DOWNSAMPLE_MARK, {
    nowMs: now(),
    details,
    reason: 'empty',
    signal,
  })
  return { status: 'done', report: `block ${block.id} ${details}` }
}
