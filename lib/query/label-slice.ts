/** One part of a question about labels as a slice: the event of the `store` function, what it does, and the frame of its answer. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { type BlockList, blocksFromList, blocksToList } from '#lib/blocks/pack-record.ts'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { refuseNewer } from '#lib/model/errors.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { LabelRequest } from '#lib/storage/storage.ts'
import { blockStorage } from '#lib/store/block-storage.ts'
import { decodeFindings, type LabelAnswered } from './frame.ts'
import type { LabelQuestion } from './label-parts.ts'
import { askStorage } from './label-parts.ts'
import { readAnswer, type RemoteSliceParts } from './remote-slice.ts'
import type { SliceRunner } from './run-slice.ts'

export interface LabelSlice {
  readonly question: LabelQuestion
  readonly request: LabelRequest
  readonly scope: Scope
  readonly goneBlockFails: boolean
  readonly blocks: readonly BlockRecord[]
}

export const LABEL_SLICE_VERSION = 2

export interface LabelEvent extends Omit<LabelSlice, 'blocks'>, BlockList {
  readonly kind: 'labels'
  readonly version: number
  /** Unix ms after which nobody waits for the answer. */
  readonly deadlineMs: number
}

export async function runLabelSlice(
  { bucket, cache, now, megabytes = 0 }: SliceRunner,
  { question, request, scope, goneBlockFails, blocks }: LabelSlice,
  signal?: AbortSignal,
): Promise<LabelAnswered> {
  const startedMs = now()
  const { bucket: counted, counts } = countingBucket(bucket)
  const storage = blockStorage({ bucket: counted, cache, blocks, scope, goneBlockFails })
  const findings = await askStorage(storage, question, request, signal)
  const { gets, heads, lists, puts, bytesRead: bytes } = counts
  const milliseconds = now() - startedMs
  const cost = { gets: gets + heads, lists, puts, bytes, milliseconds, megabytes }
  return { findings, cost }
}

/** Runs it in another function. */
export async function runRemoteLabelSlice(
  { invoke, now, deadlineMs }: Pick<RemoteSliceParts, 'invoke' | 'now' | 'deadlineMs'>,
  slice: LabelSlice,
  signal?: AbortSignal,
): Promise<LabelAnswered> {
  const { request, blocks } = slice
  const event: LabelEvent = {
    ...slice,
    kind: 'labels',
    version: LABEL_SLICE_VERSION,
    deadlineMs: now() + deadlineMs,
    // JSON has no infinity.
    request: { ...request, startMs: finite(request.startMs), endMs: finite(request.endMs) },
    ...blocksToList(blocks),
  }
  return readAnswer(invoke(event, signal), decodeFindings, signal)
}

/** Throws NewerFormatError. */
export function labelSliceFromEvent(event: LabelEvent): LabelSlice {
  refuseNewer('a slice of a question about labels', event.version, LABEL_SLICE_VERSION)
  const { question, request, scope, goneBlockFails } = event
  return { question, request, scope, goneBlockFails, blocks: blocksFromList(event) }
}

function finite(ms: number): number {
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, ms))
}
