// The parts of each series over several blocks, against grouping by hand.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compareLabels,
  labelsFrom,
  labelsKey,
  withoutLabels,
  type Labels,
} from '#lib/model/labels.ts'
import { mergeSeries, type MergedSeries } from '#lib/store/merged-series.ts'

const name = fc.constantFrom('a', 'b', 'replica')
const labels = fc
  .dictionary(name, fc.constantFrom('1', '2', '\u{1f600}'), { noNullPrototype: true })
  .map(labelsFrom)

/** Some are another one again, with the same arrays; or its beginning. */
const lists = fc
  .array(
    fc.record({
      own: fc.array(labels, { maxLength: 8 }),
      again: fc.option(fc.nat({ max: 5 })),
      count: fc.integer({ min: 1, max: 30 }),
    }),
    { maxLength: 6 },
  )
  .map((made) =>
    made.map(({ own, again, count }) =>
      again === null ? own : made[again % made.length]!.own.slice(0, count),
    ),
  )

/** Series, replica, list and member of each part. */
function rows({ labels: all, starts, lists, members, replicas }: MergedSeries): unknown[] {
  return all.flatMap((one, i) =>
    Array.from({ length: starts[i + 1]! - starts[i]! }, (_, k) => {
      const at = starts[i]! + k
      return [labelsKey(one), replicas[at], lists[at], members[at]]
    }),
  )
}

function byHand(
  lists: readonly (readonly Labels[])[],
  replicaLabels: ReadonlySet<string>,
): unknown[] {
  const series = new Map<string, Map<string, [number, number][]>>()
  const byLabels = (a: readonly [string, unknown], b: readonly [string, unknown]): number =>
    compareLabels(split(a[0]), split(b[0]))
  for (const [list, members] of lists.entries()) {
    for (const [member, full] of members.entries()) {
      const key = JSON.stringify(withoutLabels(full, replicaLabels))
      const replicas = series.get(key) ?? new Map<string, [number, number][]>()
      series.set(key, replicas)
      const replica = JSON.stringify(full)
      replicas.set(replica, [...(replicas.get(replica) ?? []), [list, member]])
    }
  }
  return [...series]
    .sort(byLabels)
    .flatMap(([key, replicas]) =>
      [...replicas]
        .sort(byLabels)
        .flatMap(([, parts], ordinal) =>
          parts.map((part) => [labelsKey(split(key)), ordinal, ...part]),
        ),
    )
}

function split(key: string): Labels {
  return JSON.parse(key) as string[]
}

describe('mergeSeries', () => {
  it.each([[[]], [['replica']], [['a', 'replica']]])(
    'puts equal series together, replicas apart and in order: without %j',
    (names) => {
      const replicaLabels = new Set(names)
      fc.assert(
        fc.property(lists, (lists) => {
          expect(rows(mergeSeries(lists, replicaLabels))).toEqual(byHand(lists, replicaLabels))
        }),
      )
    },
  )
})
