/** The parameters that Thanos's querier adds: which data a request sees. With its names, defaults and errors. */
import { DomainError } from '#lib/model/errors.ts'
import { parseMetricSelector } from '#lib/promql/parse/parse.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { Shard } from '#lib/storage/storage.ts'
import type { Call } from './call.ts'
import type { Form } from './form.ts'
import { parseBoolean, parseDuration } from './params.ts'
import { tenantMatchers } from './tenant.ts'

/** `stepMs` is 0 for what has no steps. */
export function readScope({ form, parts, tenant, caller }: Call, stepMs: number): Scope {
  const replicaLabels = form.all('replicaLabels[]')
  const stores = form.all('storeMatch[]').map((text) => [...parseMetricSelector(text)])
  return {
    dedup: flag(form, 'dedup', parts.scope.dedup),
    replicaLabels: replicaLabels.length > 0 ? replicaLabels : parts.scope.replicaLabels,
    deduplication: parts.scope.deduplication,
    partialResponse: flag(form, 'partial_response', parts.scope.partialResponse),
    exactDownsampling: parts.scope.exactDownsampling,
    maxSourceResolutionMs: readResolution(form, parts.scope.autoDownsampling, stepMs),
    tenant,
    enforced: tenantMatchers(parts.scope.tenancy, tenant, caller),
    ...(stores.length > 0 && { stores }),
  }
}

/** Of what is evaluated: a shard of it, where a query-frontend before us shares a query among queriers. */
export function readQueryScope(call: Call, stepMs: number): Scope {
  checkEngine(call.form)
  const shard = readShard(call.form.get('shard_info'))
  return { ...readScope(call, stepMs), ...(shard && { shard }) }
}

/** Where there is no place for a warning, half an answer is given only to who asks for it. */
export function readWholeScope(call: Call): Scope {
  const asked = call.form.get('partial_response') !== ''
  const scope = readScope(call, 0)
  return asked ? scope : { ...scope, partialResponse: false }
}

/** There is one engine, which answers by either name. Gives the name. */
export function checkEngine(form: Form): string {
  const engine = form.get('engine')
  if (!['', 'prometheus', 'thanos'].includes(engine)) {
    throw new DomainError('invalid', `'${engine}' bad engine`)
  }
  return engine
}

/** Downsampled series have a point every 5 minutes or every hour: a shorter lookback would see holes. */
export function dynamicLookbackMs(configuredMs: number, maxSourceResolutionMs: number): number {
  if (maxSourceResolutionMs > Math.max(FIVE_MINUTES_MS, configuredMs)) {
    return Math.max(HOUR_MS, configuredMs)
  }
  return maxSourceResolutionMs > configuredMs ? FIVE_MINUTES_MS : configuredMs
}

const FIVE_MINUTES_MS = 300_000
const HOUR_MS = 3_600_000

function flag(form: Form, name: string, absent: boolean): boolean {
  const text = form.get(name)
  if (text === '') return absent
  return withThanosParam(name, () => parseBoolean(text))
}

/** Five points of the coarsest resolution fall into a step, so `auto` is a fifth of it. */
function readResolution(form: Form, auto: boolean, stepMs: number): number {
  const name = 'max_source_resolution'
  const text = form.get(name)
  if (text === 'auto' || (text === '' && auto)) return Math.floor(stepMs / 5)
  if (text === '') return 0
  const ms = withThanosParam(name, () => parseDuration(text))
  if (ms < 0) {
    throw new DomainError('invalid', `negative '${name}' is not accepted. Try a positive integer`)
  }
  return Math.floor(ms)
}

/** Undefined for the whole. */
function readShard(text: string): Shard | undefined {
  if (text === '') return undefined
  const json = shardJson(text)
  const { shard_index: index = 0, total_shards: count = 0, by = false, labels = [] } = json
  const valid =
    Number.isSafeInteger(index) &&
    Number.isSafeInteger(count) &&
    typeof by === 'boolean' &&
    (labels === null ||
      (Array.isArray(labels) && labels.every((label) => typeof label === 'string')))
  if (!valid) throw badShard('want numbers shard_index and total_shards, by, and labels')
  if ((count as number) < 2) return undefined
  return {
    index: index as number,
    count: count as number,
    by,
    labels: labels ?? [],
  }
}

function shardJson(text: string): Readonly<Record<string, unknown>> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw badShard((error as Error).message)
  }
  if (json === null) return {}
  if (typeof json !== 'object' || Array.isArray(json)) throw badShard('want an object')
  return json as Readonly<Record<string, unknown>>
}

function badShard(reason: string): DomainError {
  return new DomainError('invalid', `could not unmarshal parameter shard_info: ${reason}`)
}

function withThanosParam<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof DomainError && error.kind === 'invalid') {
      throw new DomainError('invalid', `'${name}' parameter: ${error.message}`)
    }
    throw error
  }
}
