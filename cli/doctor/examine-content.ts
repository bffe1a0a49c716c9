/** Reads what is in the bucket: blocks, packs, index, backlog, state of the ruler, tokens. One listing, and what it names. */
import { readTokens } from '#lib/auth/token-list.ts'
import type { Token } from '#lib/auth/token.ts'
import type { BlockRecord } from '#lib/blocks/block-record.ts'
import { BucketIndexReader, type IndexView } from '#lib/blocks/bucket-index.ts'
import { type PartialBlock, scanBlocks } from '#lib/blocks/scan.ts'
import { markHidden } from '#lib/blocks/visible-blocks.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { type Backlog, EMPTY_BACKLOG, readBacklog } from '#lib/compact/plan/backlog.ts'
import { findThanosCompactor } from '#lib/compact/plan/thanos-compactor.ts'
import { type Writer, writersOf } from '#lib/compact/plan/writers.ts'
import { judgePartial, judgeReplicas, judgeSetAside } from '#lib/doctor/blocks.ts'
import { judgeCompactors, judgeLabels } from '#lib/doctor/bucket-content.ts'
import * as index from '#lib/doctor/bucket-index.ts'
import { type Finding, type Known, verdicts } from '#lib/doctor/finding.ts'
import * as sources from '#lib/doctor/sources.ts'
import { FRESH_PREFIX, labelsPath } from '#lib/fresh/fresh-key.ts'
import { type FreshPack, parseFreshList } from '#lib/fresh/fresh-list.ts'
import { type PackMark, parseMarks } from '#lib/fresh/pack-marks.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { listRuleFiles, type StoredRuleFile } from '#lib/rules/file/rule-files.ts'
import { RulerReader } from '#lib/rules/ruler-reader.ts'
import type { RulerState } from '#lib/rules/tick/ruler-state.ts'
import { known, type Patience, valueOr } from './patience.ts'

export interface BucketContent {
  readonly findings: readonly Finding[]
  readonly sources: readonly sources.Source[]
  readonly ruler: Known<RulerState | undefined>
  readonly ruleFiles: Known<readonly StoredRuleFile[]>
  readonly tokens: Known<readonly Token[]>
}

/** A listing of a large bucket has many pages. */
const LISTING_ANSWERS = 6

export async function examineContent(
  bucket: Bucket,
  now: () => number,
  patience: Patience,
): Promise<BucketContent> {
  const long = { ...patience, answerMs: LISTING_ANSWERS * patience.answerMs }
  const [view, packs, backlog, ruler, ruleFiles, tokens] = await Promise.all([
    known(long, (signal) => indexView(bucket, now, signal)),
    known(long, (signal) => listPacks(bucket, signal)),
    known(patience, (signal) => readBacklog(bucket, signal)),
    known(patience, (signal) => new RulerReader({ bucket, now }).state(signal)),
    known(patience, (signal) => listRuleFiles(bucket, { signal })),
    known(patience, async (signal) => (await readTokens(bucket, signal)).tokens),
  ])
  const scan = await known(long, (signal) => {
    const before = new Map(valueOr(view, NO_VIEW).blocks.map((block) => [block.id, block]))
    return scanBlocks(bucket, before, signal)
  })
  const told = { ruler, ruleFiles, tokens }
  if ('failed' in scan || 'failed' in packs) {
    const reason = 'failed' in scan ? scan.failed : 'failed' in packs ? packs.failed : ''
    const { wrong } = verdicts('bucket', 'blocks')
    return { ...told, sources: [], findings: [wrong(`blocks can't be read: ${reason}`)] }
  }
  const nowMs = now()
  const blocks = markHidden(scan.value.blocks, nowMs)
  const state = valueOr(ruler, undefined)
  const ownLabels = state && labelsFrom(state.externalLabels)
  const found = sources.sourcesOf(blocks, packs.value.packs, ownLabels)
  const ownPath = ownLabels && labelsPath(ownLabels)
  const written = { blocks, packs: packs.value.packs, nowMs }
  const writers = writersOf(written, sources.ENDED_MS).filter(
    ({ labels }) => labelsPath(labels) !== ownPath,
  )
  return {
    ...told,
    sources: found,
    findings: [
      ...judged({ ...packs.value, blocks, partial: scan.value.partial, writers, found, nowMs }),
      ...(await judgedPlans({ bucket, view, blocks, backlog, nowMs }, patience)),
    ],
  }
}

const NO_VIEW: IndexView = { updatedMs: 0, blocks: [], partial: [] }

function judged(all: {
  readonly blocks: readonly BlockRecord[]
  readonly partial: readonly PartialBlock[]
  readonly packMarks: readonly PackMark[]
  readonly writers: readonly Writer[]
  readonly found: readonly sources.Source[]
  readonly nowMs: number
}): readonly Finding[] {
  const { blocks, partial, packMarks, writers, found, nowMs } = all
  return [
    judgePartial(partial, nowMs),
    judgeLabels(blocks),
    sources.judgeSilence(writers, nowMs),
    sources.judgeGaps(found, nowMs),
    judgeReplicas(blocks),
    sources.judgeRivals(found),
    judgeSetAside(blocks, packMarks),
  ]
}

async function judgedPlans(
  all: {
    readonly bucket: Bucket
    readonly view: Known<IndexView>
    readonly blocks: readonly BlockRecord[]
    readonly backlog: Known<Backlog>
    readonly nowMs: number
  },
  patience: Patience,
): Promise<readonly Finding[]> {
  const { bucket, view, blocks, backlog, nowMs } = all
  const ages = await agesOfUnknown(bucket, { view, blocks, nowMs }, patience)
  const ageMsOf = (id: string): number => ages.get(id) ?? Infinity
  const compactors = {
    thanos: findThanosCompactor(blocks, nowMs),
    isPlanned: index.isPlanned(valueOr(backlog, EMPTY_BACKLOG), nowMs),
  }
  return [
    judgeCompactors(compactors, nowMs),
    index.judgeIndex(view, blocks, { nowMs, ageMsOf }),
    index.judgePlan(backlog, nowMs),
    index.judgeBacklog(backlog, nowMs),
  ]
}

/** An index without blocks, `updatedMs` 0, where there is none: it is not scanned for here. */
async function indexView(
  bucket: Bucket,
  now: () => number,
  signal: AbortSignal,
): Promise<IndexView> {
  const reader = new BucketIndexReader(bucket, { now, maxAgeMs: 0 })
  return reader.view(-Infinity, Infinity, { signal })
}

interface Packs {
  readonly packs: readonly FreshPack[]
  readonly packMarks: readonly PackMark[]
}

async function listPacks(bucket: Bucket, signal: AbortSignal): Promise<Packs> {
  const packs: FreshPack[] = []
  const packMarks: PackMark[] = []
  for await (const { objects } of bucket.list(FRESH_PREFIX, { signal })) {
    packs.push(...parseFreshList(objects))
    packMarks.push(...parseMarks(objects))
  }
  return { packs, packMarks }
}

/** Enough to tell that the index is behind. */
const ASKED_AGES = 20

/** Since when blocks are there that the index does not know: an upload of just now is no wonder. */
async function agesOfUnknown(
  bucket: Bucket,
  all: {
    readonly view: Known<IndexView>
    readonly blocks: readonly BlockRecord[]
    readonly nowMs: number
  },
  patience: Patience,
): Promise<ReadonlyMap<string, number>> {
  const ids = new Set(valueOr(all.view, NO_VIEW).blocks.map(({ id }) => id))
  const unknown = all.blocks.filter(({ id }) => !ids.has(id)).slice(0, ASKED_AGES)
  const ages = await Promise.all(
    unknown.map(async ({ id }) => {
      const head = await known(patience, (signal) => bucket.head(`${id}/meta.json`, { signal }))
      const sinceMs = 'value' in head ? head.value.lastModifiedMs : all.nowMs
      return [id, all.nowMs - sinceMs] as const
    }),
  )
  return new Map(ages)
}
