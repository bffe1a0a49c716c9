/** How the ruler of a bucket signs what it writes. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { type Labels, labelsFrom } from '#lib/model/labels.ts'
import { RulerReader } from './ruler-reader.ts'

/** Undefined where no ruler ever ran; of one whose state can't be read `rule` tells. */
export async function rulerLabels(bucket: Bucket, now: () => number): Promise<Labels | undefined> {
  const state = await new RulerReader({ bucket, now }).state().catch(() => undefined)
  return state && labelsFrom(state.externalLabels)
}
