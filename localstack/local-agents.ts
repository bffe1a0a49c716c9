/** One agent for each Prometheus, in this process. */
import { agentOptions, prometheusOptions } from '#agent/agent-options.ts'
import { SILENT } from '#agent/logger.ts'
import type { Env, ObjstoreFlags } from '#agent/objstore.ts'
import { openRequiredBucket } from '#agent/objstore.ts'
import { runAgent } from '#agent/run-agent.ts'
import type { ShipOutcome } from '#agent/ship/shipper.ts'

export interface LocalPrometheus {
  readonly name: string
  readonly url: string
  readonly tsdbPath: string
  /** Sample data: its history is compacted already, and shipped as it is. */
  readonly sample: boolean
}

export interface ShippedBlock {
  readonly ulid: string
  readonly metaSize: number
}

export interface LocalAgentsOptions {
  readonly objstore: ObjstoreFlags
  readonly env: Env
  readonly now: () => number
  readonly signal: AbortSignal
  readonly onProgress: (doneBytes: number, totalBytes: number) => void
  /** The last block of a pass that shipped some: one event is enough for `plan` to find them all. */
  readonly onShipped: (block: ShippedBlock) => void
}

export interface LocalAgents {
  /** When every agent has gone through its directory once. Rejects with the first failure. */
  readonly firstPass: Promise<{ readonly blocks: number; readonly bytes: number }>
  stop(): Promise<void>
}

/** Nominal: an upload event says how large the object was, and nobody reads it. */
const META_SIZE = 1024

export async function startAgents(
  prometheuses: readonly LocalPrometheus[],
  options: LocalAgentsOptions,
): Promise<LocalAgents> {
  const bucket = await openRequiredBucket(options.objstore, options.env)
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const progress = new Map<string, { done: number; total: number }>()
  const report = (ulid: string, done: number, total: number): void => {
    progress.set(ulid, { done, total })
    let doneBytes = 0
    let totalBytes = 0
    for (const upload of progress.values()) {
      doneBytes += upload.done
      totalBytes += upload.total
    }
    options.onProgress(doneBytes, totalBytes)
  }
  const running: Promise<void>[] = []
  const passes = prometheuses.map(
    ({ url, tsdbPath, sample }) =>
      new Promise<ShipOutcome>((resolve, reject) => {
        const agent = runAgent(
          agentOptions({
            prometheuses: [
              prometheusOptions({
                prometheusUrl: url,
                tsdbPath,
                uploadCompacted: sample,
                allowOutOfOrderUploads: sample,
              }),
            ],
          }),
          {
            bucket,
            logger: SILENT,
            now: options.now,
            signal,
            onPass(outcome) {
              const last = outcome.uploaded.at(-1)
              if (last) options.onShipped({ ulid: last.ulid, metaSize: META_SIZE })
              const [broken] = outcome.failed
              if (broken) reject(broken.error)
              else resolve(outcome)
            },
            onProgress: ({ ulid, uploadedBytes, totalBytes }) =>
              report(ulid, uploadedBytes, totalBytes),
          },
        )
        running.push(agent)
        agent.catch(reject)
      }),
  )
  return {
    firstPass: Promise.all(passes).then((outcomes) => {
      const uploaded = outcomes.flatMap((outcome) => outcome.uploaded)
      return {
        blocks: uploaded.length,
        bytes: uploaded.reduce((sum, { byteLength }) => sum + byteLength, 0),
      }
    }),
    async stop() {
      stop.abort()
      await Promise.allSettled(running)
    },
  }
}
