/** What the queue carries: one piece of work on the bucket, named by what it works on. Any worker may run it, twice or half-way too. */
import { createHash } from 'node:crypto'
import { DomainError, refuseNewer } from '#lib/model/errors.ts'

/** How replicas become one. '' chains them, as Prometheus merges blocks; 'penalty' is Thanos's offline deduplication. */
export interface Dedup {
  readonly func: '' | 'penalty'
  /** External labels that the new block does not have any more. */
  readonly replicaLabels: readonly string[]
}

export type Job =
  /** Blocks become one. */
  | { readonly type: 'compact'; readonly inputs: readonly string[]; readonly dedup?: Dedup }
  /** The same, in about so many parts: this chooses their borders. */
  | {
      readonly type: 'cut'
      readonly inputs: readonly string[]
      readonly dedup?: Dedup
      readonly parts: number
    }
  /** One part of the block `ulid`, counted from 0. */
  | { readonly type: 'part'; readonly ulid: string; readonly part: number }
  /** All parts of it are there. */
  | { readonly type: 'finish'; readonly ulid: string }
  | { readonly type: 'downsample'; readonly input: string; readonly resolutionMs: number }
  /** Fresh blocks, by their keys, become a block of [startMs, endMs). */
  | {
      readonly type: 'merge-packs'
      readonly packs: readonly string[]
      readonly startMs: number
      readonly endMs: number
    }
  /** Blocks get a deletion mark; `reason` is its details. */
  | { readonly type: 'mark'; readonly ids: readonly string[]; readonly reason: string }
  /** Blocks whose mark is old enough, and what is left of uploads. */
  | { readonly type: 'delete'; readonly ids: readonly string[] }
  /** Objects of ours, under `thaw/`. */
  | { readonly type: 'delete-objects'; readonly keys: readonly string[] }

export type JobType = Job['type']

/** The same for the same work, whoever plans it: 32 hexadecimal digits. Into how many parts something is cut is no part of it. */
export function jobKey(job: Job): string {
  const { type, ...rest } = job
  // A compaction and its cut are the same work: who has one must not begin the other.
  const work = type === 'cut' ? 'compact' : type
  const named = Object.entries(rest).filter(([name]) => name !== 'parts')
  const text = JSON.stringify([work, ...named.sort(([a], [b]) => (a < b ? -1 : 1))])
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

/** Raised where an older worker could do something else than what is meant. Messages without one are of version 1. */
const VERSION = 1

export function formatJob(job: Job): string {
  return JSON.stringify({ version: VERSION, ...job })
}

/** Throws a DomainError 'invalid' for what is no job, NewerFormatError for one of a later version. */
export function parseJob(text: string): Job {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new DomainError('invalid', 'job is no JSON', { cause: error })
  }
  if (typeof json !== 'object' || json === null)
    throw new DomainError('invalid', 'job is no object')
  refuseNewer('a job', (json as Record<string, unknown>)['version'], VERSION)
  return new JobFields(json as Record<string, unknown>).job()
}

/** One line for logs and people. */
export function describeJob(job: Job): string {
  switch (job.type) {
    case 'compact':
      return `compact ${counted(job.inputs, 'block')}${dedupText(job.dedup)}: ${listed(job.inputs)}`
    case 'cut':
      return `cut the compaction of ${counted(job.inputs, 'block')}${dedupText(job.dedup)} into ${job.parts} parts: ${listed(job.inputs)}`
    case 'part':
      return `make part ${job.part + 1} of block ${job.ulid}`
    case 'finish':
      return `put the parts of block ${job.ulid} together`
    case 'downsample':
      return `downsample block ${job.input} to ${job.resolutionMs / 60_000}m`
    case 'merge-packs':
      return `make a block of ${job.packs.length} fresh ones, ${new Date(job.startMs).toISOString()} to ${new Date(job.endMs).toISOString()}`
    case 'mark':
      return `mark ${counted(job.ids, 'block')} for deletion, ${job.reason}: ${listed(job.ids)}`
    case 'delete':
      return `delete ${counted(job.ids, 'block')}: ${listed(job.ids)}`
    case 'delete-objects':
      return `delete ${counted(job.keys, 'object')}: ${listed(job.keys)}`
    default:
      return job satisfies never
  }
}

function counted({ length }: readonly string[], what: string): string {
  return `${length} ${what}${length === 1 ? '' : 's'}`
}

function dedupText(dedup: Dedup | undefined): string {
  return dedup ? ` without ${dedup.replicaLabels.join(', ')}` : ''
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 4).join(', ')
  return names.length > 4 ? `${shown} and ${names.length - 4} more` : shown
}

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/

/** Reads fields by name, and names what is wrong. */
class JobFields {
  readonly #fields: Readonly<Record<string, unknown>>

  constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields
  }

  job(): Job {
    const { type } = this.#fields
    switch (type) {
      case 'compact':
        return { type, inputs: this.#ulids('inputs'), ...this.#dedup() }
      case 'cut': {
        const parts = this.#integer('parts', 1)
        return { type, inputs: this.#ulids('inputs'), ...this.#dedup(), parts }
      }
      case 'part':
        return { type, ulid: this.#ulid('ulid'), part: this.#integer('part', 0) }
      case 'finish':
        return { type, ulid: this.#ulid('ulid') }
      case 'downsample':
        return {
          type,
          input: this.#ulid('input'),
          resolutionMs: this.#integer('resolutionMs', 1),
        }
      case 'merge-packs': {
        const startMs = this.#integer('startMs', -Infinity)
        const endMs = this.#integer('endMs', startMs + 1)
        return { type, packs: this.#keys('packs', 'thaw/fresh/'), startMs, endMs }
      }
      case 'mark':
        return { type, ids: this.#ulids('ids'), reason: this.#text('reason') }
      case 'delete':
        return { type, ids: this.#ulids('ids') }
      case 'delete-objects':
        return { type, keys: this.#keys('keys', 'thaw/') }
      default:
        throw new DomainError(
          'invalid',
          `no job of type ${JSON.stringify(type)}: where a newer thaw sent it, update the functions`,
        )
    }
  }

  #text(name: string): string {
    const value = this.#fields[name]
    if (typeof value !== 'string') throw this.#wrong(name, 'a string')
    return value
  }

  #ulid(name: string): string {
    const value = this.#text(name)
    if (!ULID.test(value)) throw this.#wrong(name, 'a block id')
    return value
  }

  #ulids(name: string): readonly string[] {
    return this.#strings(name, 'block ids', (text) => ULID.test(text))
  }

  #keys(name: string, prefix: string): readonly string[] {
    return this.#strings(name, `keys under ${prefix}`, (text) => text.startsWith(prefix))
  }

  #strings(name: string, what: string, isGood: (text: string) => boolean): readonly string[] {
    const value = this.#fields[name]
    const isList =
      Array.isArray(value) &&
      value.length > 0 &&
      value.every((item) => typeof item === 'string' && isGood(item))
    if (!isList) throw this.#wrong(name, `a list of ${what}`)
    // What is named twice is asked for once.
    return [...new Set(value as string[])]
  }

  #integer(name: string, least: number): number {
    const value = this.#fields[name]
    if (!Number.isSafeInteger(value) || (value as number) < least) {
      throw this.#wrong(name, `a whole number from ${least}`)
    }
    return value as number
  }

  #dedup(): { readonly dedup?: Dedup } {
    const value = this.#fields['dedup']
    if (value === undefined) return {}
    const { func, replicaLabels } = (value ?? {}) as Partial<Record<keyof Dedup, unknown>>
    const labels = new JobFields({ replicaLabels }).#strings('replicaLabels', 'names', Boolean)
    if (func !== '' && func !== 'penalty') throw this.#wrong('dedup.func', `'' or 'penalty'`)
    return { dedup: { func, replicaLabels: labels } }
  }

  #wrong(name: string, wanted: string): DomainError {
    const text = JSON.stringify(this.#fields[name]) ?? 'nothing'
    return new DomainError('invalid', `job: ${name} is ${text.slice(0, 100)}, not ${wanted}`)
  }
}
