/** Whether the bucket is reached, where it is, what time it is there, and what these credentials may. */
import type { StoreAnswer } from '#lib/aws/store-answer.ts'
import { spanText } from '#lib/compact/plan/plan-text.ts'
import { type Finding, type Known, verdicts } from './finding.ts'

/** What was tried under `thaw/probe/`, with what came of it; undefined: it worked. */
export interface RightsTried {
  readonly key: string
  readonly put?: string | undefined
  readonly get?: string | undefined
  readonly delete?: string | undefined
}

export function judgeConfiguration(error: string): Finding {
  return verdicts('bucket', 'configuration').wrong(`the bucket is named in a wrong way: ${error}`, {
    next: 'write what --objstore.config-file of the agent has: thaw doctor --help shows both forms',
  })
}

/** Nothing else can be checked of a bucket whose listing fails. */
export function judgeReach(name: string, listed: Known<unknown>): Finding {
  const { ok, wrong } = verdicts('bucket', 'reached')
  return 'failed' in listed
    ? wrong(`the bucket can't be listed: ${listed.failed}`)
    : ok(`${name} is there, and these credentials may list it`)
}

export function judgeRegion(answer: Known<StoreAnswer>): Finding {
  const { ok, warning, unchecked } = verdicts('bucket', 'region')
  if ('failed' in answer) return unchecked('the store does not answer')
  const { region, askedRegion } = answer.value
  if (region === undefined) return unchecked('this store does not say in which region it is')
  if (region === askedRegion) return ok(`the bucket is in ${region}, as configured`)
  return warning(`the bucket is in ${region}, and is asked for in ${askedRegion}`, {
    next: `write region: ${region} into its configuration, everywhere: each process finds out anew, and functions of another region pay for each byte`,
  })
}

/** Fresh samples would come late, or too early, by more than queries look back for them. */
const CLOCK_WARNING_MS = 30_000
/** S3 takes no request that is a quarter of an hour off. */
const CLOCK_WRONG_MS = 300_000
/** What the header says is seconds old when it comes. */
const ROUGH_MS = 10_000

export function judgeClock(answer: Known<StoreAnswer>): Finding {
  const { ok, warning, wrong, unchecked } = verdicts('bucket', 'clock')
  if ('failed' in answer) return unchecked('the store does not answer')
  if (answer.value.clockAheadMs === undefined) {
    return unchecked('the store does not say what time it is')
  }
  const { clockAheadMs } = answer.value
  const byMs = Math.abs(clockAheadMs)
  if (byMs < CLOCK_WARNING_MS) return ok('the clocks of this machine and of the store agree')
  const roughMs = Math.round(byMs / ROUGH_MS) * ROUGH_MS
  const text = `the clock of this machine is ${spanText(roughMs)} ${clockAheadMs > 0 ? 'behind' : 'ahead of'} that of the store`
  const next = 'set it by NTP: timedatectl set-ntp true'
  return byMs < CLOCK_WRONG_MS ? warning(text, { next }) : wrong(text, { next })
}

export function judgeRights(tried: RightsTried | undefined): Finding {
  const { ok, wrong, unchecked } = verdicts('bucket', 'rights')
  if (tried === undefined) return unchecked('nothing was written, as --read-only says')
  const rights = [
    ['s3:PutObject', tried.put],
    ['s3:GetObject', tried.get],
    ['s3:DeleteObject', tried.delete],
  ] as const
  const missing = rights.filter(([, error]) => error !== undefined)
  if (missing.length === 0) return ok('these credentials may write, read and delete')
  return wrong(`these credentials may not ${missing.map(([right]) => right).join(', ')}`, {
    seen: missing.map(([right, error]) => `${right} on ${tried.key}: ${error}`),
    next: 'allow it in the policy of these credentials (packaging/aws has that of the agent), or look on with --read-only; those of an agent need nothing under thaw/probe/',
  })
}

/** `kept` is undefined where the probe was not made. */
export function judgeConditions(kept: Known<unknown> | undefined): Finding {
  const { ok, wrong, unchecked } = verdicts('bucket', 'conditional writes')
  if (kept === undefined) return unchecked('needs the right to write')
  return 'failed' in kept
    ? wrong(kept.failed, {
        next: 'take another store, or a later version of this one: the bucket index, leases, rules and tokens stand on conditional writes',
      })
    : ok('the store keeps If-None-Match and If-Match')
}

/** `policy`: JSON of the bucket's, '' for none. */
export function judgeWriteOnce(policy: Known<string>): Finding {
  const { ok, warning, unchecked } = verdicts('bucket', 'write once')
  if ('failed' in policy) {
    return unchecked(`these credentials may not read the policy of the bucket: ${policy.failed}`)
  }
  if (policy.value.includes('s3:if-none-match')) {
    return ok('a block that is there can not be written again')
  }
  return warning('whoever may write blocks may also write over those that are there', {
    next: 'where no program of Thanos writes into this bucket, let its policy refuse that: docs/operations.md has the statement',
  })
}
