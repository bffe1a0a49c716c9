/** Whether the flags of Prometheus let its blocks be shipped without loss: the rules of Thanos's sidecar. */
import { join, normalize } from 'node:path'
import { DomainError } from '#lib/model/errors.ts'
import { durationMs } from '../duration.ts'

export interface FlagRules {
  readonly tsdbPath: string
  readonly metaFileName: string
  readonly ignoreUnequalBlockSize: boolean
}

const TWO_HOURS_MS = 2 * 3_600_000

/**
 * Gives the warnings. Rejects flags with which Prometheus compacts blocks before they are shipped: minimum and maximum
 * block duration must be equal, or compaction must wait for the agent's own state file.
 */
export function checkPrometheusFlags(
  flags: Readonly<Record<string, string>> | undefined,
  { tsdbPath, metaFileName, ignoreUnequalBlockSize }: FlagRules,
): readonly string[] {
  if (flags === undefined) return ['this prometheus does not tell its flags, they are not checked']
  const warnings: string[] = []
  const delayFile = flags['storage.tsdb.delay-compact-file.path'] ?? ''
  const stateFile = join(tsdbPath, metaFileName)
  if (delayFile !== '' && normalize(delayFile) !== normalize(stateFile)) {
    throw new DomainError(
      'invalid',
      `prometheus waits for uploads in --storage.tsdb.delay-compact-file.path=${delayFile}, but the agent writes ${stateFile}: give both the same path`,
    )
  }
  const least = flags['storage.tsdb.min-block-duration'] ?? ''
  const most = flags['storage.tsdb.max-block-duration'] ?? ''
  if (durationMs(least) !== durationMs(most) && delayFile === '') {
    if (!ignoreUnequalBlockSize) {
      throw new DomainError(
        'invalid',
        `prometheus compacts its own blocks (min-block-duration ${least}, max-block-duration ${most}): start it with --storage.tsdb.min-block-duration=2h --storage.tsdb.max-block-duration=2h, or with --storage.tsdb.delay-compact-file.path=${stateFile}`,
      )
    }
    warnings.push(
      `prometheus compacts its own blocks (min-block-duration ${least}, max-block-duration ${most}): one that is not uploaded within 2h may be missing from the bucket`,
    )
  }
  if (durationMs(least) !== TWO_HOURS_MS) {
    warnings.push(`prometheus's block duration is ${least}, only 2h is recommended`)
  }
  return warnings
}
