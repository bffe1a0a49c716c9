/** What a folder of write-ahead log holds, by the names in it: numbered segments, and checkpoints that replace the older ones. */
import { DomainError } from '#lib/model/errors.ts'

export interface WalFolder {
  /** The folder to read first, itself of segments; absent when nothing was cut off yet. */
  readonly checkpoint: string | undefined
  /** Segments to read after it, by number. */
  readonly segments: readonly string[]
}

const CHECKPOINT = 'checkpoint.'

/**
 * `names` in any order. Checkpoint N stands for all segments up to N, so those are left out, as are older checkpoints and
 * unfinished ones (`.tmp`). Throws a conflict where segments are missing: the folder changed while it was listed.
 */
export function listWal(names: Iterable<string>): WalFolder {
  let checkpoint: string | undefined
  let newest = -1
  const all: string[] = []
  for (const name of names) {
    if (/^\d+$/.test(name)) all.push(name)
    if (!/^checkpoint\.\d+$/.test(name)) continue
    const number = Number(name.slice(CHECKPOINT.length))
    if (number <= newest) continue
    newest = number
    checkpoint = name
  }
  const segments = all.filter((name) => Number(name) > newest).sort((a, b) => Number(a) - Number(b))
  let before = checkpoint
  let next = newest + 1
  for (const name of segments) {
    if (before !== undefined && Number(name) !== next) {
      throw new DomainError('conflict', `no segment ${next} between ${before} and ${name}`)
    }
    before = name
    next = Number(name) + 1
  }
  return { checkpoint, segments }
}
