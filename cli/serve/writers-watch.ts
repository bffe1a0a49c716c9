/** Who writes to the bucket and who has stopped, as a plan tells it: counted, and logged when it changes. */
import { Gauge } from 'prom-client'
import { type Writer, type Written, knownWriters } from '#lib/compact/plan/writers.ts'
import { formatLabels } from '#lib/model/labels.ts'
import { rulerLabels } from '#lib/rules/ruler-labels.ts'
import type { PartParts } from './part-work.ts'

export function writersWatch({
  bucket,
  registry,
  logger,
  now,
}: Pick<PartParts, 'bucket' | 'registry' | 'logger' | 'now'>): (input: Written) => Promise<void> {
  const registers = [registry]
  const all = new Gauge({
    name: 'thaw_bucket_writers',
    help: 'Agents and the like that wrote to the bucket in the last day',
    registers,
  })
  const silent = new Gauge({
    name: 'thaw_bucket_silent_writers',
    help: 'Those of them that have stopped',
    registers,
  })
  let told: ReadonlySet<string> = new Set()
  return async (input) => {
    const writers = await knownWriters(input, () => rulerLabels(bucket, now))
    const gone = writers.filter(({ isSilent }) => isSilent)
    all.set(writers.length)
    silent.set(gone.length)
    const names = gone.map(nameOf)
    for (const writer of names.filter((name) => !told.has(name))) {
      logger.warn({ writer }, 'a writer has stopped')
    }
    told = new Set(names)
  }
}

function nameOf({ labels }: Writer): string {
  return formatLabels(labels)
}
