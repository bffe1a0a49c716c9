/** Makes the block of one replica and one window, in a directory that gets its name when it is whole. */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type BlockMeta, formatBlockMeta, META_FILE } from '#lib/tsdb/block/meta.ts'
import { BlockWriter } from '#lib/tsdb/block/block-writer.ts'
import { NO_TOMBSTONES, writeTombstones } from '#lib/tsdb/block/tombstones.ts'
import type { Span } from './events.ts'
import type { SampleFiller } from './fill.ts'
import { seriesWithin } from './metrics.ts'
import { type Scrapes, scrapesWithin } from './scrapes.ts'
import type { Target } from './series.ts'
import { SMALL_MS, sourcesOf, windowUlid } from './windows.ts'

export const UNFINISHED = '.tmp-for-creation'

export interface Replica {
  readonly cluster: string
  readonly replica: number
  /** `eu-west-prometheus-0`. */
  readonly name: string
}

export interface SampleBlockOptions {
  readonly dataDir: string
  readonly replica: Replica
  readonly window: Span
  readonly intervalMs: number
  readonly filler: SampleFiller
}

export interface SampleBlock {
  readonly meta: BlockMeta
  readonly bytes: number
}

export async function writeSampleBlock(options: SampleBlockOptions): Promise<SampleBlock> {
  const { dataDir, replica, window } = options
  const ulid = windowUlid(replica.name, window)
  const unfinished = join(dataDir, ulid + UNFINISHED)
  const files = new OpenFile(unfinished)
  let meta: BlockMeta
  try {
    const writer = new BlockWriter({ write: (file, bytes) => files.write(file, bytes) })
    addSeries(writer, options)
    const sources = sourcesOf(replica.name, window)
    ;({ meta } = writer.finish({
      ulid,
      minTimeMs: window.startMs,
      maxTimeMs: window.endMs,
      compaction: {
        level: window.endMs - window.startMs > SMALL_MS ? 3 : 1,
        sources: sources.sort(),
      },
    }))
    files.write('tombstones', writeTombstones(NO_TOMBSTONES))
  } catch (error) {
    files.close()
    await rm(unfinished, { recursive: true, force: true })
    throw error
  }
  files.close()
  const text = formatBlockMeta(meta)
  await writeFile(join(unfinished, META_FILE), text)
  await rename(unfinished, join(dataDir, ulid))
  return { meta, bytes: files.byteLength + text.length }
}

function addSeries(writer: BlockWriter, options: SampleBlockOptions): void {
  const { replica, window, intervalMs, filler } = options
  const { cluster } = replica
  const { startMs, endMs } = window
  const scrapesOf = new Map<string, Scrapes>()
  const scrapes = ({ job, instance, node }: Target): Scrapes => {
    const key = `${job} ${instance}`
    let known = scrapesOf.get(key)
    if (!known) {
      const plan = { cluster, replica: replica.replica, instance, node, intervalMs }
      scrapesOf.set(key, (known = scrapesWithin(plan, startMs, endMs)))
    }
    return known
  }
  for (const series of seriesWithin(cluster, startMs, endMs, intervalMs)) {
    const columns = filler.fill(series, scrapes(series.target))
    if (columns.length > 0) writer.addSeries(series.labels, columns)
  }
}

/** Files of a block come one after the other, so one is open at a time. */
class OpenFile {
  readonly #dir: string
  #path: string | undefined
  #fd = -1
  byteLength = 0

  constructor(dir: string) {
    this.#dir = dir
    mkdirSync(dir, { recursive: true })
  }

  write(path: string, bytes: Uint8Array): void {
    if (path !== this.#path) {
      this.close()
      const full = join(this.#dir, path)
      mkdirSync(dirname(full), { recursive: true })
      this.#fd = openSync(full, 'w')
      this.#path = path
    }
    this.byteLength += bytes.length
    for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at)
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
    this.#path = undefined
  }
}
