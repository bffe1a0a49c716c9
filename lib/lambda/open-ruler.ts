/** A ruler over a bucket, by its flags: what the `rule` function and `thaw rule` run ticks with. */
import { readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { alertmanagerOfUrl, parseAlertingConfig } from '#lib/alertmanager/alerting-config.ts'
import { type Alertmanagers, openAlertmanagers } from '#lib/alertmanager/alertmanagers.ts'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { SYSTEM_RESOLVER } from '#lib/endpoints/resolve-address.ts'
import { DomainError } from '#lib/model/errors.ts'
import { labelsToRecord } from '#lib/model/labels.ts'
import { parseRelabelConfigs } from '#lib/relabel/relabel-config.ts'
import { parseRemoteWriteConfig } from '#lib/remote-write/remote-write-config.ts'
import { openRemoteWrites } from '#lib/remote-write/remote-writes.ts'
import { lastSamples } from '#lib/rules/evaluate/restore-alerts.ts'
import { openRuleReads } from '#lib/rules/reads/rule-reads.ts'
import { packSink } from '#lib/rules/tick/pack-sink.ts'
import { remoteWriteSink } from '#lib/rules/tick/remote-write-sink.ts'
import type { ResultSink, RuleFiles, TickParts } from '#lib/rules/tick/tick-parts.ts'
import type { SeriesSource } from '#lib/store/series-source.ts'
import type { StoreCache } from '#lib/store/store-cache.ts'
import type { RuleSettings, YamlFlag } from './rule-flags.ts'

export interface RulerOptions {
  readonly settings: RuleSettings
  readonly bucket: Bucket
  readonly files: RuleFiles
  readonly cache: StoreCache
  /** Asked beside the bucket. */
  readonly sources?: (() => Promise<readonly SeriesSource[]>) | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Of requests. */
  readonly userAgent: string
  readonly owner: string
  readonly now: () => number
  readonly newUlid: () => string
}

export interface OpenRuler {
  readonly parts: TickParts
  close(): void
}

/** Requests that failed are tried again for so long; then they wait for the next tick. */
const RETRY_FOR_MS = 10_000

/** Reads the files of the flags. Rejects with DomainError 'invalid' where they can't be used. */
export async function openRuler(options: RulerOptions): Promise<OpenRuler> {
  const { settings, bucket, cache, now, sources, files, owner, newUlid } = options
  const { externalLabels } = settings.tick
  const alertmanagers = await alertmanagersOf(options)
  const remote = await remoteSinkOf(options)
  const reads = openRuleReads({
    bucket,
    index: new BucketIndexReader(bucket, { now, maxAgeMs: 5000 }),
    cache,
    now,
    externalLabels: labelsToRecord(externalLabels),
    replicaLabels: settings.replicaLabels,
    engine: settings.engine,
    timeoutMs: settings.queryTimeoutMs,
    sources,
  })
  const parts: TickParts = {
    bucket,
    files,
    reads: { ...reads, restore: lastSamples(reads) },
    sink: remote?.sink ?? packSink(bucket, externalLabels),
    alertmanagers,
    settings: settings.tick,
    owner,
    now,
    newUlid,
  }
  return {
    parts,
    close() {
      alertmanagers?.close()
      remote?.close()
    },
  }
}

async function alertmanagersOf(options: RulerOptions): Promise<Alertmanagers | undefined> {
  const { settings, env, now, userAgent } = options
  const yaml = parseAlertingConfig(await yamlOf(settings.alertmanagers), env)
  const urls = settings.alertmanagerUrls.map((url) =>
    alertmanagerOfUrl(url, settings.sendTimeoutMs),
  )
  const config = { ...yaml, sets: [...yaml.sets, ...urls] }
  if (config.sets.length === 0) return undefined
  return openAlertmanagers({
    config,
    externalLabels: labelsToRecord(settings.tick.externalLabels),
    labelDrop: settings.labelDrop,
    relabel: parseRelabelConfigs(await yamlOf(settings.alertRelabel), '--alert.relabel-config'),
    retryForMs: RETRY_FOR_MS,
    userAgent,
    env,
    resolver: SYSTEM_RESOLVER,
    now,
    sleep,
  })
}

async function remoteSinkOf(
  options: RulerOptions,
): Promise<{ readonly sink: ResultSink; readonly close: () => void } | undefined> {
  const { settings, env, now, userAgent } = options
  const configs = parseRemoteWriteConfig(await yamlOf(settings.remoteWrite), env)
  if (configs.length === 0) return undefined
  const remotes = openRemoteWrites({
    configs,
    retryForMs: RETRY_FOR_MS,
    userAgent,
    env,
    now,
    sleep,
  })
  const sink = remoteWriteSink(remotes, settings.tick.externalLabels)
  return { sink, close: () => remotes.close() }
}

async function yamlOf({ name, yaml, file }: YamlFlag): Promise<string> {
  if (file === '') return yaml
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new DomainError('invalid', `--${name}-file: ${(cause as Error).message}`, { cause })
  }
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => undefined)
}
