/**
 * The state of the ruler as an object: `thaw/rule/state.json.gz`, changed by compare-and-swap only. Whoever has changed it last is the only one whose
 * next change succeeds, so a ruler that slept through its time can't write what it computed.
 */
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { getIfThere } from '#lib/bucket/get-if-there.ts'
import { CorruptError, type DomainError, isKind, refuseNewer } from '#lib/model/errors.ts'
import type { RulerState } from './ruler-state.ts'

export const RULE_STATE_KEY = 'thaw/rule/state.json.gz'
/** A state that can't be read is kept here, for people. */
export const BROKEN_STATE_PREFIX = 'thaw/rule/broken/'

const VERSION = 1
const MAX_DECODED = 512 * 1024 * 1024

export interface StoredState {
  readonly state: RulerState
  readonly etag: string
}

/** What `ifMatch` of the next change is. */
export interface BrokenState {
  readonly etag: string
  readonly error: DomainError
  /** Where its bytes are kept. */
  readonly keptAt: string
}

/**
 * Undefined where no ruler ever ran. One that can't be read, twice, is put aside and told of: the ruler begins anew in its place. Rejects with
 * 'unsupported' for one that a later version has written, and where the bucket does.
 */
export async function readRulerState(
  bucket: Bucket,
  signal?: AbortSignal,
): Promise<StoredState | BrokenState | undefined> {
  let read = await readOnce(bucket, signal)
  // A state is too dear to be given up for an answer that was cut on the way.
  if (read && 'error' in read) read = await readOnce(bucket, signal)
  if (!read || 'state' in read) return read
  const { etag, error, body } = read
  const keptAt = `${BROKEN_STATE_PREFIX}${etag.replaceAll(/[^0-9A-Za-z-]/g, '')}.json.gz`
  await bucket.put(keptAt, body, { signal })
  return { etag, error, keptAt }
}

interface BrokenBytes {
  readonly etag: string
  readonly error: DomainError
  readonly body: Uint8Array
}

async function readOnce(
  bucket: Bucket,
  signal: AbortSignal | undefined,
): Promise<StoredState | BrokenBytes | undefined> {
  const object = await getIfThere(bucket, RULE_STATE_KEY, signal)
  if (!object) return undefined
  const { body, etag } = object
  try {
    return { state: decodeRulerState(body), etag }
  } catch (error) {
    if (!isKind(error, 'corrupt')) throw error
    return { etag, error, body }
  }
}

/** Rejects with ConflictError where somebody else has changed it since `etag`; without `etag` it must not be there yet. */
export async function writeRulerState(
  bucket: Bucket,
  state: RulerState,
  etag: string | undefined,
  signal?: AbortSignal,
): Promise<StoredState> {
  const condition = etag === undefined ? { ifAbsent: true } : { ifMatch: etag }
  const written = await bucket.put(RULE_STATE_KEY, encodeRulerState(state), {
    ...condition,
    signal,
  })
  return { state, etag: written.etag }
}

export function encodeRulerState(state: RulerState): Uint8Array {
  return gzipSync(JSON.stringify({ version: VERSION, ...state }), { level: 4 })
}

/** Throws CorruptError, or 'unsupported' for a later version's. */
export function decodeRulerState(body: Uint8Array): RulerState {
  let json: unknown
  try {
    json = JSON.parse(gunzipSync(body, { maxOutputLength: MAX_DECODED }).toString('utf8'))
  } catch (cause) {
    throw new CorruptError('no gzipped JSON', 0, { where: RULE_STATE_KEY, cause })
  }
  if (!isRecord(json)) throw new CorruptError('no state of a ruler', 0, { where: RULE_STATE_KEY })
  const { version, ...state } = json
  refuseNewer(RULE_STATE_KEY, version, VERSION)
  if (version !== VERSION || !isState(state)) {
    throw new CorruptError('no state of a ruler', 0, { where: RULE_STATE_KEY })
  }
  return state
}

function isRecord(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

/** Deep enough that a tick can't trip over it. */
function isState(json: Record<string, unknown>): json is Record<string, unknown> & RulerState {
  const { createdMs, updatedMs, epoch, nextPack, files, groups, outbox, counters } = json
  const { externalLabels, alertmanagers } = json
  return (
    [createdMs, updatedMs, nextPack].every(Number.isFinite) &&
    typeof epoch === 'string' &&
    isRecord(externalLabels) &&
    isRecord(alertmanagers) &&
    Array.isArray(files) &&
    Array.isArray(groups) &&
    groups.every(
      (group) => isRecord(group) && isRecord(group['config']) && isRecord(group['state']),
    ) &&
    isRecord(outbox) &&
    Array.isArray(outbox['parcels']) &&
    Array.isArray(outbox['alerts']) &&
    isRecord(counters)
  )
}
