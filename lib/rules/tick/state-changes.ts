/** Small changes of the state. */
import { epochOf } from '#lib/fresh/fresh-key.ts'
import { labelsToRecord } from '#lib/model/labels.ts'
import { filledOutbox } from './deliver.ts'
import type { LoadedFiles } from './load-files.ts'
import type { RuleGroupEntry, RulerState } from './ruler-state.ts'
import type { PlansRun } from './run-plans.ts'
import { selfMetrics } from './self-metrics.ts'
import type { TickParts } from './tick-parts.ts'

/** Of a ruler that begins, and is to evaluate from `updatedMs` on. Its packs are an epoch of their own, of which no blocks come but those that jobs make of them. */
export function newRulerState(
  ulid: string,
  { nowMs, updatedMs }: { readonly nowMs: number; readonly updatedMs: number },
): RulerState {
  return {
    createdMs: nowMs,
    updatedMs,
    epoch: epochOf(ulid, { shipsBlocks: false }),
    nextPack: 0,
    packs: [],
    externalLabels: {},
    alertmanagers: { active: [], dropped: [] },
    files: [],
    groups: [],
    outbox: { parcels: [], alerts: [] },
    counters: {
      ticks: 0,
      samples: 0,
      alertsSent: 0,
      alertsDropped: 0,
      parcelsDropped: 0,
      alertmanagers: {},
    },
  }
}

export interface CommitParts {
  readonly parts: TickParts
  readonly loaded: LoadedFiles
  readonly nowMs: number
}

/** With all that was evaluated, and what is to be delivered of it. */
export function committedState(
  before: RulerState,
  run: PlansRun,
  { parts: { sink, alertmanagers, settings }, loaded, nowMs }: CommitParts,
): RulerState {
  const { counters } = before
  const state: RulerState = {
    ...before,
    // Of a clock that was set back.
    updatedMs: Math.max(before.updatedMs, nowMs),
    externalLabels: labelsToRecord(settings.externalLabels),
    files: loaded.files.map((file) =>
      run.unfinishedFiles.has(file.name) ? { ...file, etag: '' } : file,
    ),
    groups: sortedGroups(run.groups, loaded),
    counters: {
      ...counters,
      ticks: counters.ticks + 1,
      samples: counters.samples + run.samples.length,
    },
  }
  const isLater = counters.ticks === 0 || nowMs > before.updatedMs
  const own = isLater && state.groups.length > 0 ? selfMetrics(state, nowMs) : []
  const place = { epoch: state.epoch, number: state.nextPack }
  const parcels = sink.parcels([...run.samples, ...own], place)
  const more = { parcels, alerts: alertmanagers ? run.alerts : [] }
  return {
    ...state,
    nextPack: state.nextPack + parcels.length,
    ...filledOutbox(state.outbox, state.counters, more),
  }
}

/** In the order of files, and within a file in its order, as far as that was read just now. */
function sortedGroups(
  groups: readonly RuleGroupEntry[],
  { files, changed }: LoadedFiles,
): RuleGroupEntry[] {
  const places = new Map(files.map(({ name }, i) => [name, i]))
  const placeOf = ({ file, config }: RuleGroupEntry): number =>
    changed.get(file)?.groups.findIndex(({ name }) => name === config.name) ?? 0
  return groups.toSorted(
    (a, b) =>
      (places.get(a.file) ?? Infinity) - (places.get(b.file) ?? Infinity) ||
      placeOf(a) - placeOf(b),
  )
}
