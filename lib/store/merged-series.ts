/** The series of several blocks put together: equal labels are one series, and replicas lie beside each other. */
import type { Labels } from '#lib/model/labels.ts'
import { compareLabels, withoutLabels } from '#lib/model/labels.ts'

/** In columns, since it is made once and read by every query for the same series. */
export interface MergedSeries {
  /** Without replica labels: ascending, unique. */
  readonly labels: readonly Labels[]
  /** The parts of series i are [starts[i], starts[i + 1]) of the columns below: replica after replica, list after list. */
  readonly starts: Uint32Array
  /** Which of the lists a part is of, and which of its series it is. */
  readonly lists: Uint32Array
  readonly members: Uint32Array
  /** Parts of a series with the same number are of one replica. Numbers follow the full labels: the order of preference. */
  readonly replicas: Uint32Array
  /** About what it takes in memory. */
  readonly byteLength: number
}

/**
 * Blocks give their series in order, nearly always: then sorting is a merge of few runs. Packs of one writer mostly have the very same ones, which
 * are sorted once.
 */
export function mergeSeries(
  lists: readonly (readonly Labels[])[],
  replicaLabels: ReadonlySet<string>,
): MergedSeries {
  const groups = sameLists(lists)
  const full = groups.flatMap((group) => lists[group[0]!]!)
  const short = replicaLabels.size === 0 ? full : withoutReplicas(full, replicaLabels)
  const groupOf = new Uint32Array(full.length)
  const memberOf = new Uint32Array(full.length)
  let length = 0
  for (let group = 0, at = 0; group < groups.length; group++) {
    const { length: members } = lists[groups[group]![0]!]!
    length += members * groups[group]!.length
    for (let member = 0; member < members; member++, at++) {
      groupOf[at] = group
      memberOf[at] = member
    }
  }
  const order = Array.from({ length: full.length }, (_, i) => i).sort((a, b) => {
    const difference = compareLabels(short[a]!, short[b]!)
    if (difference !== 0 || replicaLabels.size === 0) return difference
    return compareLabels(full[a]!, full[b]!)
  })

  const labels: Labels[] = []
  const starts = new Uint32Array(order.length + 1)
  const [partLists, members, replicas] = [
    new Uint32Array(length),
    new Uint32Array(length),
    new Uint32Array(length),
  ]
  let at = 0
  /** Where the parts of the replica begin, and which one it is. */
  let from = 0
  let replica = 0
  for (const [i, one] of order.entries()) {
    const before = order[i - 1]
    const isSeries = before !== undefined && compareLabels(short[before]!, short[one]!) === 0
    const isReplica =
      isSeries && (replicaLabels.size === 0 || compareLabels(full[before]!, full[one]!) === 0)
    if (!isSeries) {
      starts[labels.length] = at
      labels.push(short[one]!)
      replica = 0
    } else if (!isReplica) replica++
    if (!isReplica) from = at
    for (const list of groups[groupOf[one]!]!) {
      partLists[at] = list
      members[at] = memberOf[one]!
      replicas[at++] = replica
    }
    if (isReplica) sortParts(partLists, members, from, at)
  }
  starts[labels.length] = at
  return {
    labels,
    starts: starts.slice(0, labels.length + 1),
    lists: partLists,
    members,
    replicas,
    byteLength: 256 + length * (replicaLabels.size === 0 ? 24 : 96),
  }
}

/** Numbers of lists that have the same arrays of labels in the same order. */
function sameLists(lists: readonly (readonly Labels[])[]): readonly (readonly number[])[] {
  const groups = new Map<Labels, number[][]>()
  for (const [i, list] of lists.entries()) {
    const [first] = list
    if (!first) continue
    const known = groups.get(first)
    const same = known?.find((group) => isSame(lists[group[0]!]!, list))
    if (same) same.push(i)
    else if (known) known.push([i])
    else groups.set(first, [[i]])
  }
  return [...groups.values()].flat()
}

function isSame(a: readonly Labels[], b: readonly Labels[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** By list, then member: [from, to) are few. */
function sortParts(lists: Uint32Array, members: Uint32Array, from: number, to: number): void {
  for (let i = from + 1; i < to; i++) {
    const [list, member] = [lists[i]!, members[i]!]
    let at = i
    for (; at > from; at--) {
      const other = lists[at - 1]!
      if (other < list || (other === list && members[at - 1]! <= member)) break
      lists[at] = other
      members[at] = members[at - 1]!
    }
    lists[at] = list
    members[at] = member
  }
}

/** Labels that are one array stay one, and are compared as fast. */
function withoutReplicas(full: readonly Labels[], replicaLabels: ReadonlySet<string>): Labels[] {
  const known = new Map<Labels, Labels>()
  return full.map((labels) => {
    let short = known.get(labels)
    if (!short) known.set(labels, (short = withoutLabels(labels, replicaLabels)))
    return short
  })
}
