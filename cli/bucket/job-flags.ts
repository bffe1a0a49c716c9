/** Flags of the commands that do jobs: which blocks, how it is told, and what Thanos has besides. */
import type { FlagValues } from '#agent/flags/flag.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { IdleFlags } from '../idle-flags.ts'
import {
  blockSelector,
  isAnyTime,
  SELECTOR_FLAGS,
  TIME_FLAGS,
  timeSelector,
} from './block-flags.ts'
import { REPORT_FLAGS } from './report-flags.ts'

export const JOB_FLAGS = { ...SELECTOR_FLAGS, ...TIME_FLAGS, ...REPORT_FLAGS } as const

/** Those of `thanos compact` and `thanos tools bucket` that work on a disk, of which there is none here. */
export const IDLE: IdleFlags = {
  values: [
    'data-dir',
    'hash-func',
    'block-sync-concurrency',
    'block-meta-fetch-concurrency',
    'block-files-concurrency',
    'block-discovery-strategy',
    'block-viewer.global.sync-block-interval',
    'block-viewer.global.sync-block-timeout',
    'compact.blocks-fetch-concurrency',
    'compact.cleanup-interval',
    'compact.progress-interval',
    'web.external-prefix',
    'web.prefix-header',
    'web.route-prefix',
    'bucket-web-label',
    'tracing.config',
    'tracing.config-file',
    'auto-gomemlimit.ratio',
    'debug.max-compaction-level',
  ],
  toggles: [
    'web.disable',
    'web.disable-cors',
    'disable-admin-operations',
    'compact.enable-vertical-compaction',
    'compact.skip-block-with-out-of-order-chunks',
    'debug.halt-on-error',
    'debug.accept-malformed-index',
    'enable-auto-gomemlimit',
  ],
}

/** Undefined where all blocks are meant, which is more than every block: fresh ones, lookups. */
export async function chosenBlocks(
  flags: FlagValues<typeof JOB_FLAGS>,
  nowMs: number,
): Promise<((block: BlockRecord) => boolean) | undefined> {
  const rules = flags['selector.relabel-config'] + flags['selector.relabel-config-file']
  if (isAnyTime(flags) && flags.selector.length === 0 && rules === '') return undefined
  const selected = await blockSelector(flags)
  const inTime = timeSelector(flags, nowMs)
  return (block) => inTime(block) && selected(block)
}
