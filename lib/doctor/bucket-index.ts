/** Whether the bucket index is there and says what the bucket has, and whether somebody plans and does the jobs. */
import type { IndexView } from '#lib/blocks/bucket-index.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { Backlog } from '#lib/compact/plan/backlog.ts'
import { spanText } from '#lib/compact/plan/plan-text.ts'
import { type Finding, type Known, some, verdicts } from './finding.ts'

/** Of a block and its plan: the event that wakes it may be late, the clock comes each five minutes. */
const KNOWN_LATE_MS = 600_000

const PLAN =
  "look at the log and the alarms of the plan function; without functions: thaw bucket compact --wait keeps the index, and 'thaw bucket plan' shows what waits"

/** `listed`: what a listing finds now. `nowMs - uploadTime` is not known of all blocks, so `id` says how old one is. */
export function judgeIndex(
  index: Known<IndexView>,
  listed: readonly BlockRecord[],
  { nowMs, ageMsOf }: { readonly nowMs: number; readonly ageMsOf: (id: string) => number },
): Finding {
  const { ok, warning, wrong, unchecked } = verdicts('index', 'bucket index')
  if ('failed' in index) {
    if (index.isDenied) return unchecked(`these credentials may not read it: ${index.failed}`)
    return wrong(`the bucket index can't be read: ${index.failed}`, { next: PLAN })
  }
  const { updatedMs, blocks } = index.value
  if (updatedMs === 0) {
    if (listed.length === 0) return ok('there is no block yet, and no bucket index')
    return warning(
      'there is no bucket index, so each query lists the bucket and reads each meta.json',
      {
        next: PLAN,
      },
    )
  }
  const known = new Set(blocks.map(({ id }) => id))
  const there = new Set(listed.map(({ id }) => id))
  const unknown = [...there].filter((id) => !known.has(id) && ageMsOf(id) > KNOWN_LATE_MS)
  const gone = nowMs - updatedMs > KNOWN_LATE_MS ? [...known].filter((id) => !there.has(id)) : []
  if (unknown.length + gone.length === 0) {
    return ok(`the bucket index has all ${there.size} blocks of the bucket`)
  }
  return wrong('the bucket index is not what the bucket has', {
    seen: some([
      ...unknown.map((id) => `${id} is there, and queries do not see it`),
      ...gone.map((id) => `${id} is gone, and queries look for it`),
      `last change ${spanText(nowMs - updatedMs)} ago`,
    ]),
    next: PLAN,
  })
}

/** The clock wakes it each five minutes; a plan that is as before is written every quarter of an hour. */
const PLAN_LATE_MS = 1_800_000

export function isPlanned({ updatedMs }: Backlog, nowMs: number): boolean {
  return nowMs - updatedMs < 24 * 3_600_000
}

export function judgePlan(backlog: Known<Backlog>, nowMs: number): Finding {
  const { ok, wrong, unchecked } = verdicts('index', 'plan')
  if ('failed' in backlog) return unchecked(`the plan can't be read: ${backlog.failed}`)
  const { updatedMs } = backlog.value
  if (updatedMs === 0) {
    return unchecked('the plan function never ran here', {
      next: 'that is right where Thanos or thaw bucket compact --wait compacts; else deploy the stack',
    })
  }
  const ageMs = nowMs - updatedMs
  if (ageMs < PLAN_LATE_MS) return ok(`the last plan was made ${spanText(ageMs)} ago`)
  return wrong(`the last plan was made ${spanText(ageMs)} ago, and one is due each 5m`, {
    next: `${PLAN}; where the functions were taken away, delete thaw/backlog.json.gz`,
  })
}

const OLD_JOB_MS = 24 * 3_600_000

export function judgeBacklog(backlog: Known<Backlog>, nowMs: number): Finding {
  const { ok, wrong, unchecked } = verdicts('index', 'backlog')
  if ('failed' in backlog) return unchecked("the plan can't be read")
  const { jobs, updatedMs } = backlog.value
  if (updatedMs === 0) return unchecked('the plan function never ran here')
  const old = jobs.filter(({ plannedMs }) => nowMs - plannedMs > OLD_JOB_MS)
  if (old.length === 0) {
    return ok(
      jobs.length === 0 ? 'no job waits' : `${jobs.length} jobs wait, none longer than a day`,
    )
  }
  return wrong(`${old.length} of ${jobs.length} jobs wait longer than a day`, {
    seen: some(
      old.map(({ job, reason, plannedMs }) => {
        return `${job.type}, since ${spanText(nowMs - plannedMs)}: ${reason}`
      }),
    ),
    next: 'see why: the log of the compact function, its dead letters (--stack asks for them), thaw bucket explain --id=…; more at one time: context compactConcurrency',
  })
}
