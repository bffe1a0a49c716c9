/** Who does a job, until when: one small object for each, changed by compare-and-swap. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { getIfThere } from '#lib/bucket/get-if-there.ts'
import { ConflictError, DomainError, isKind } from '#lib/model/errors.ts'

export const LEASE_PREFIX = 'thaw/lease/'

/** Raised whenever the same inputs give other bytes than before: two versions must not write into one block. */
const WRITER = 1
const VERSION = 1
/** Clocks of two workers differ by less. */
const CLOCK_SKEW_MS = 10_000

export interface Lease {
  /**
   * Of the block that the job makes. Whoever takes the job over goes on with the same: equal inputs give equal bytes, so what a slow twin still
   * writes does no harm.
   */
  readonly ulid: string
  /** Aborted when the lease was lost, with the error that says so; and when `signal` was. */
  readonly signal: AbortSignal
  /** Makes sure that it is still held: rejects with 'conflict' where it is not. To be awaited before what must not be done twice. */
  confirm(): Promise<void>
  /** Gives it back. Never rejects: one that stays runs out. */
  release(): Promise<void>
}

/** Somebody else has it. */
export interface HeldLease {
  readonly heldBy: string
  readonly untilMs: number
}

export interface LeaseOptions {
  /** Who asks: for people. */
  readonly owner: string
  readonly now: () => number
  readonly newUlid: () => string
  /** How long it holds without a sign of life. */
  readonly ttlMs: number
  readonly signal?: AbortSignal | undefined
}

interface LeaseRecord {
  /** Of any later one, who holds it until when is still where it is in this: nobody may do a job twice for not understanding a lease. */
  readonly version: number
  readonly writer: number
  readonly owner: string
  readonly ulid: string
  readonly untilMs: number
}

/** `key` is a job's. Rejects where the bucket does. */
export async function takeLease(
  bucket: Bucket,
  key: string,
  options: LeaseOptions,
): Promise<Lease | HeldLease> {
  const { owner, now, newUlid, ttlMs, signal } = options
  const path = LEASE_PREFIX + key
  const record = (ulid: string): LeaseRecord => ({
    version: VERSION,
    writer: WRITER,
    owner,
    ulid,
    untilMs: now() + ttlMs,
  })
  for (;;) {
    const held = await readLease(bucket, path, signal)
    if (held && isLive(held.record, now())) {
      return { heldBy: held.record.owner, untilMs: held.record.untilMs }
    }
    const taken = record(held && held.record.writer === WRITER ? held.record.ulid : newUlid())
    try {
      const condition = held ? { ifMatch: held.etag } : { ifAbsent: true }
      const { etag } = await putLease(bucket, path, taken, { ...condition, signal })
      return new HeldLeaseOfOurs(bucket, path, taken, etag, options)
    } catch (error) {
      // Another one was faster, or gave it back in between: look again.
      if (!isKind(error, 'conflict')) throw error
    }
  }
}

export interface LeaseState {
  readonly owner: string
  readonly ulid: string
  readonly untilMs: number
}

/** All of `thaw/lease/`, by the keys of jobs. Of those that ran out their workers are gone. */
export async function readLeases(
  bucket: Bucket,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, LeaseState>> {
  const leases = new Map<string, LeaseState>()
  for await (const { objects } of bucket.list(LEASE_PREFIX, { signal })) {
    for (const { key } of objects) {
      const held = await readLease(bucket, key, signal)
      if (held) leases.set(key.slice(LEASE_PREFIX.length), held.record)
    }
  }
  return leases
}

/** Somebody is at it. */
export function isLive({ untilMs }: LeaseState, nowMs: number): boolean {
  return untilMs + CLOCK_SKEW_MS > nowMs
}

/** Those of `readLeases` that somebody holds. */
export async function liveLeases(
  bucket: Bucket,
  nowMs: number,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, LeaseState>> {
  const leases = await readLeases(bucket, signal)
  return new Map([...leases].filter(([, lease]) => isLive(lease, nowMs)))
}

async function readLease(
  bucket: Bucket,
  path: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly record: LeaseRecord; readonly etag: string } | undefined> {
  const object = await getIfThere(bucket, path, signal)
  return object && { record: parseLease(object.body), etag: object.etag }
}

/** One that can't be read is nobody's. */
function parseLease(body: Uint8Array): LeaseRecord {
  const nobody: LeaseRecord = {
    version: VERSION,
    writer: 0,
    owner: '',
    ulid: '',
    untilMs: -Infinity,
  }
  try {
    const json = JSON.parse(new TextDecoder().decode(body)) as Partial<LeaseRecord>
    const isLease =
      typeof json.version === 'number' &&
      json.version >= VERSION &&
      typeof json.ulid === 'string' &&
      typeof json.untilMs === 'number'
    return isLease ? (json as LeaseRecord) : nobody
  } catch {
    return nobody
  }
}

function putLease(
  bucket: Bucket,
  path: string,
  record: LeaseRecord,
  options: { ifMatch?: string; ifAbsent?: boolean; signal?: AbortSignal | undefined },
): Promise<{ readonly etag: string }> {
  const body = new TextEncoder().encode(JSON.stringify(record))
  return bucket.put(path, body, { ...options, contentType: 'application/json' })
}

class HeldLeaseOfOurs implements Lease {
  readonly ulid: string
  readonly signal: AbortSignal
  readonly #bucket: Bucket
  readonly #path: string
  readonly #options: LeaseOptions
  readonly #lost = new AbortController()
  readonly #timer: NodeJS.Timeout
  #record: LeaseRecord
  #etag: string
  /** One renewal at a time. */
  #renewing: Promise<void> = Promise.resolve()

  constructor(
    bucket: Bucket,
    path: string,
    record: LeaseRecord,
    etag: string,
    options: LeaseOptions,
  ) {
    this.#bucket = bucket
    this.#path = path
    this.#record = record
    this.#etag = etag
    this.#options = options
    this.ulid = record.ulid
    const { signal, ttlMs } = options
    this.signal = signal ? AbortSignal.any([signal, this.#lost.signal]) : this.#lost.signal
    this.#timer = setInterval(() => void this.#keep(), ttlMs / 3).unref()
  }

  confirm(): Promise<void> {
    this.#renewing = this.#renewing.catch(() => undefined).then(() => this.#renew())
    return this.#renewing
  }

  async release(): Promise<void> {
    clearInterval(this.#timer)
    try {
      await this.confirm()
      await this.#bucket.delete(this.#path)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
    }
  }

  /** A sign of life that fails is tried again with the next one, until the time is over. */
  async #keep(): Promise<void> {
    try {
      await this.confirm()
    } catch (error) {
      if (this.#options.now() < this.#record.untilMs && !isKind(error, 'conflict')) return
      this.#lose(error)
    }
  }

  async #renew(): Promise<void> {
    if (this.#lost.signal.aborted) throw this.#lost.signal.reason
    const record = { ...this.#record, untilMs: this.#options.now() + this.#options.ttlMs }
    try {
      const { etag } = await putLease(this.#bucket, this.#path, record, { ifMatch: this.#etag })
      this.#etag = etag
      this.#record = record
    } catch (error) {
      if (!isKind(error, 'conflict')) throw error
      throw this.#lose(
        new ConflictError(this.#path, 'another worker has taken the job over', { cause: error }),
      )
    }
  }

  #lose(error: unknown): unknown {
    clearInterval(this.#timer)
    this.#lost.abort(error)
    return error
  }
}
