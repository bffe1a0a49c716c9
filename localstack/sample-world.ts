/** The sample Prometheus servers: their data directories, kept up to the hour, and what answers the agents for them. */
import type { LocalPrometheus } from './local-agents.ts'
import type { Progress } from './progress.ts'
import { generateSampleData } from './sample-data/generate.ts'
import { startStandIn } from './sample-data/stand-in.ts'

export interface SampleWorldOptions {
  readonly dir: string
  readonly days: number
  readonly now: () => number
  readonly signal: AbortSignal
  readonly progress: Progress
}

export interface SampleWorld {
  readonly prometheuses: readonly LocalPrometheus[]
  stop(): Promise<void>
}

/** How often a look is taken whether the next two hours have begun. */
const EXTEND_MS = 60_000

export async function startSampleWorld(options: SampleWorldOptions): Promise<SampleWorld> {
  const { dir, days, now, signal, progress } = options
  const dataset = await generateSampleData({
    dir,
    days,
    nowMs: now(),
    signal,
    onProgress: ({ done, total, replica }) => progress.update(done, total, replica),
  })
  const samples = (dataset.sampleCount / 1e6).toFixed(1)
  progress.finish(
    `${dataset.prometheuses.length} Prometheus servers, ${dataset.seriesCount} series, ${samples} million samples, ${dataset.blocksWritten} blocks new`,
  )
  const standIns = await Promise.all(
    dataset.prometheuses.map(({ externalLabels, dataDir }) =>
      startStandIn({ externalLabels, dataDir, now }),
    ),
  )
  let extending: Promise<unknown> | undefined
  const timer = setInterval(() => {
    // A window that could not be made now is made at the next look.
    extending ??= generateSampleData({ dir, days, nowMs: now(), signal })
      .catch(() => {})
      .finally(() => (extending = undefined))
  }, EXTEND_MS)
  return {
    prometheuses: dataset.prometheuses.map(({ name, dataDir }, i) => ({
      name,
      url: standIns[i]!.url,
      tsdbPath: dataDir,
      sample: true,
    })),
    async stop() {
      clearInterval(timer)
      await extending
      await Promise.all(standIns.map((standIn) => standIn.stop()))
    },
  }
}
