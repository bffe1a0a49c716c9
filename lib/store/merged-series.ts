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

/** Blocks give their series in order, nearly always: then sorting is a merge of few runs. */
export function mergeSeries(
  lists: readonly (readonly Labels[])[],
  replicaLabels: ReadonlySet<string>,
): MergedSeries {
  const full = lists.flat()
  const short = replicaLabels.size === 0 ? full : withoutReplicas(full, replicaLabels)
  const listOf = new Uint32Array(full.length)
  const memberOf = new Uint32Array(full.length)
  let at = 0
  for (const [list, { length }] of lists.entries()) {
    for (let member = 0; member < length; member++, at++) {
      listOf[at] = list
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
  const replicas = new Uint32Array(order.length)
  for (const [i, one] of order.entries()) {
    const before = order[i - 1]
    if (before === undefined || compareLabels(short[before]!, short[one]!) !== 0) {
      starts[labels.length] = i
      labels.push(short[one]!)
    } else {
      const same = replicaLabels.size === 0 || compareLabels(full[before]!, full[one]!) === 0
      replicas[i] = replicas[i - 1]! + (same ? 0 : 1)
    }
  }
  starts[labels.length] = order.length
  return {
    labels,
    starts: starts.slice(0, labels.length + 1),
    lists: Uint32Array.from(order, (i) => listOf[i]!),
    members: Uint32Array.from(order, (i) => memberOf[i]!),
    replicas,
    byteLength: 256 + order.length * (replicaLabels.size === 0 ? 24 : 96),
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
