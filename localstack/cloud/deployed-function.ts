/** A function with its versions and aliases: each has execution environments of its own. */
import type { FunctionSpec } from './assembly.ts'
import { functionArn, LATEST } from './function-name.ts'
import {
  FunctionPool,
  type FunctionStats,
  newFunctionStats,
  type PoolOptions,
} from './function-pool.ts'

export class DeployedFunction {
  readonly stats: FunctionStats = newFunctionStats()
  readonly #options: Omit<PoolOptions, 'spec' | 'stats'>
  #latest: FunctionPool
  /** Whose code was replaced; they may still have work. */
  readonly #replaced: FunctionPool[] = []
  readonly #versions = new Map<string, FunctionPool>()
  readonly #aliases = new Map<string, string>()
  /** Numbers of the versions that the stack has, by logical id. It forgets those that it has no more, the function does not. */
  readonly #numbers = new Map<string, string>()
  #lastNumber = 0

  constructor(spec: FunctionSpec, options: Omit<PoolOptions, 'spec' | 'stats'>) {
    this.#options = options
    this.#latest = this.#pool(spec, LATEST)
  }

  get pools(): readonly FunctionPool[] {
    return [this.#latest, ...this.#versions.values(), ...this.#replaced]
  }

  /** Of a version or an alias; undefined when there is none. */
  find(qualifier: string): FunctionPool | undefined {
    if (qualifier === LATEST) return this.#latest
    return this.#versions.get(this.#aliases.get(qualifier) ?? qualifier)
  }

  /** Whether that was a change: nobody who calls a version or an alias sees it. */
  replace(spec: FunctionSpec): boolean {
    if (sameCode(this.#latest.spec, spec)) return false
    this.#latest.retire()
    this.#replaced.push(this.#latest)
    this.#latest = this.#pool(spec, LATEST)
    return true
  }

  /** That the version of this logical id has, or will have. */
  numberOf(logicalId: string): string {
    return this.#numbers.get(logicalId) ?? String(this.#lastNumber + 1)
  }

  /** Returns the number; undefined when it is published already. */
  publish(logicalId: string): string | undefined {
    if (this.#numbers.has(logicalId)) return undefined
    const { spec } = this.#latest
    const last = [...this.#versions.values()].at(-1)
    if (last !== undefined && sameCode(last.spec, spec)) {
      throw new Error(
        `A version for this Lambda function exists ( ${last.spec.version} ). Modify the function to create a new version.`,
      )
    }
    const number = this.numberOf(logicalId)
    this.#lastNumber = Number(number)
    this.#numbers.set(logicalId, number)
    this.#versions.set(number, this.#pool(spec, number))
    return number
  }

  /** Whether that was a change. */
  point(alias: string, version: string): boolean {
    if (this.#aliases.get(alias) === version) return false
    if (!this.#versions.has(version)) {
      throw new Error(`Function not found: ${functionArn(this.#latest.spec.name, version)}`)
    }
    this.#aliases.set(alias, version)
    return true
  }

  /** The stack has these versions only, and those that it has no more go: the update that published them failed. */
  discard(logicalIds: ReadonlySet<string>): void {
    for (const [id, number] of this.#numbers) {
      if (logicalIds.has(id)) continue
      const pool = this.#versions.get(number)!
      pool.retire()
      this.#replaced.push(pool)
      this.#versions.delete(number)
    }
  }

  /** The stack has these versions and aliases only. Versions stay, but those that no alias has keep no environment warm. */
  keep(logicalIds: ReadonlySet<string>, aliases: ReadonlySet<string>): void {
    for (const id of this.#numbers.keys()) if (!logicalIds.has(id)) this.#numbers.delete(id)
    for (const alias of this.#aliases.keys()) if (!aliases.has(alias)) this.#aliases.delete(alias)
    const live = new Set(this.#aliases.values())
    for (const [number, pool] of this.#versions) {
      if (live.has(number)) pool.revive()
      else pool.retire()
    }
  }

  #pool(spec: FunctionSpec, version: string): FunctionPool {
    const own = { ...spec, version, arn: functionArn(spec.name, version) }
    return new FunctionPool({ ...this.#options, spec: own, stats: this.stats })
  }
}

/** What a version is made of: its code is known by its hash, wherever it lies. */
function sameCode(a: FunctionSpec, b: FunctionSpec): boolean {
  const facts = (spec: FunctionSpec): string =>
    JSON.stringify({ ...spec, arn: '', version: '', codeDir: '' })
  return facts(a) === facts(b)
}
