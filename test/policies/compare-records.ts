/** Of all records of a run: each deed by the roles of its own cloud, each allowance by the deeds of all. */
import { type Deed, neverDone, notAllowed } from './allowance.ts'
import type { RightsRecord } from './rights-record.ts'

export interface Comparison {
  /** Where functions had roles. */
  readonly suites: readonly string[]
  /** How many functions, and how many different things they did and might do. */
  readonly functions: number
  readonly deeds: number
  readonly allowances: number
  /** Sentences that begin with the name of the function. */
  readonly flaws: readonly string[]
  /** By suite: why there were no roles, where nobody chose that. */
  readonly missing: ReadonlyMap<string, string>
}

export function compareRecords(records: readonly RightsRecord[]): Comparison {
  const withRoles = records.filter(({ without }) => without === undefined)
  const granted = united(withRoles.map((record) => record.granted))
  const done = united(withRoles.map((record) => record.done))
  const overstepped = withRoles.flatMap((record) => {
    const [may, did] = [record.granted, record.done].map((it) => new Map(Object.entries(it)))
    return notAllowed(may!, did!).map((flaw) => `${flaw} (${record.suite})`)
  })
  const missing = records.flatMap(({ suite, without }): [string, string][] =>
    without === undefined || without.choice !== undefined ? [] : [[suite, without.missing]],
  )
  return {
    suites: [...new Set(withRoles.map(({ suite }) => suite))].toSorted(),
    functions: granted.size,
    deeds: count(done),
    allowances: count(granted),
    flaws: [...new Set([...overstepped, ...neverDone(granted, done)])].toSorted(),
    missing: new Map(missing),
  }
}

/** Each pair once. An allowance is a deed of a pattern. */
function united(all: readonly Readonly<Record<string, readonly Deed[]>>[]): Map<string, Deed[]> {
  const byName = new Map<string, Map<string, Deed>>()
  for (const [name, pairs] of all.flatMap((it) => Object.entries(it))) {
    const own = byName.get(name) ?? new Map<string, Deed>()
    for (const pair of pairs) own.set(`${pair.action} ${pair.on}`, pair)
    byName.set(name, own)
  }
  return new Map([...byName].map(([name, own]) => [name, [...own.values()]]))
}

function count(byName: ReadonlyMap<string, readonly Deed[]>): number {
  return [...byName.values()].reduce((sum, pairs) => sum + pairs.length, 0)
}
