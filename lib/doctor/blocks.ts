/** Whether blocks are whole, whether one was set aside, and whether two Prometheuses have the same name. */
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import type { PartialBlock } from '#lib/blocks/scan.ts'
import { spanText, timeText } from '#lib/compact/plan/plan-text.ts'
import type { PackMark } from '#lib/fresh/pack-marks.ts'
import { formatLabels, labelsKey } from '#lib/model/labels.ts'
import { type Finding, some, verdicts } from './finding.ts'

/** Uploads that broke off are deleted after two days; what is older stays for a reason. */
const LEFT_MS = 3 * 24 * 3_600_000

export function judgePartial(partial: readonly PartialBlock[], nowMs: number): Finding {
  const { ok, warning, wrong } = verdicts('bucket', 'blocks')
  const broken = partial.filter(({ hasMeta, deletion }) => hasMeta && !deletion)
  if (broken.length > 0) {
    return wrong(
      `${broken.length === 1 ? 'a block is' : `${broken.length} blocks are`} not whole, and no query sees ${broken.length === 1 ? 'it' : 'them'}`,
      {
        seen: some(broken.map(({ id, reason }) => `${id}: ${reason}`)),
        next: `put back what is missing, or give it up: thaw bucket verify --id=${broken[0]!.id} tells more, thaw bucket mark --marker=deletion-mark.json gives it up`,
      },
    )
  }
  const left = partial.filter(
    ({ hasMeta, lastModifiedMs }) => !hasMeta && nowMs - lastModifiedMs > LEFT_MS,
  )
  if (left.length === 0) return ok('every block is whole')
  return warning(`${left.length} of what is no block any more, or not yet, lies in the bucket`, {
    seen: some(left.map((one) => `${one.id}: since ${spanText(nowMs - one.lastModifiedMs)}`)),
    next: 'thaw bucket cleanup deletes uploads that broke off',
  })
}

/** `packMarks`: of fresh blocks. */
export function judgeSetAside(
  blocks: readonly BlockRecord[],
  packMarks: readonly PackMark[],
): Finding {
  const { ok, warning } = verdicts('index', 'blocks set aside')
  const packs = packMarks.filter(({ kind }) => kind === 'broken')
  if (packs.length > 0) {
    return warning('fresh blocks that can not be read become no block', {
      seen: some(packs.map(({ key }) => key)),
      next: 'queries still read what is whole of them; to be done with it, delete the packs of that epoch and this mark',
    })
  }
  const aside = blocks.filter(({ marks, hidden }) => marks.noCompact && !hidden)
  if (aside.length === 0) return ok('no block is kept from compaction')
  const why = ({ id, marks: { noCompact } }: BlockRecord): string =>
    `${id}: ${[noCompact?.reason, noCompact?.details].filter(Boolean).join(', ')}`
  return warning(
    `${aside.length === 1 ? 'a block is' : `${aside.length} blocks are`} kept from compaction by a mark`,
    {
      seen: some(aside.map(why)),
      next: `thaw bucket verify --repair --id=${aside[0]!.id} mends what can be mended; thaw bucket unmark --marker=no-compact-mark.json --id=${aside[0]!.id} has it tried again`,
    },
  )
}

/** Blocks of what came late are small beside those that they overlap. */
const EQUAL_SHARE = 0.5

/** Two uncompacted blocks of the same labels and times, each as large as the other, come of two Prometheuses. */
export function judgeReplicas(blocks: readonly BlockRecord[]): Finding {
  const { ok, wrong } = verdicts('agents', 'replicas')
  const raw = blocks.filter(
    ({ level, resolutionMs, marks, source }) =>
      level === 1 && resolutionMs === 0 && !marks.deletion && source === 'sidecar',
  )
  const twins: string[] = []
  let count = 0
  for (const group of Map.groupBy(raw, ({ labels }) => labelsKey(labels)).values()) {
    const pairs = twinsOf(group)
    if (pairs.length < 2) continue
    count++
    const [a, b] = pairs.at(-1)!
    twins.push(`${formatLabels(a.labels)}: ${a.id} and ${b.id}, both from ${timeText(a.minTimeMs)}`)
  }
  if (count === 0) return ok('no two Prometheuses ship blocks under the same external labels')
  return wrong('two Prometheuses ship blocks under the same external labels', {
    seen: some(twins),
    next: 'give each its own, such as replica: a and replica: b, and name that label in --query.replica-label; what was shipped is merged by its samples and not lost',
  })
}

function twinsOf(group: readonly BlockRecord[]): (readonly [BlockRecord, BlockRecord])[] {
  const ordered = [...group].sort((a, b) => a.minTimeMs - b.minTimeMs)
  const pairs: (readonly [BlockRecord, BlockRecord])[] = []
  for (let i = 1; i < ordered.length; i++) {
    const [a, b] = [ordered[i - 1]!, ordered[i]!]
    const share = Math.min(a.sampleCount, b.sampleCount) / Math.max(a.sampleCount, b.sampleCount, 1)
    const commonMs = Math.min(a.maxTimeMs, b.maxTimeMs) - b.minTimeMs
    const isSame = commonMs > (a.maxTimeMs - a.minTimeMs) / 2
    if (isSame && share > EQUAL_SHARE) pairs.push([a, b])
  }
  return pairs
}
