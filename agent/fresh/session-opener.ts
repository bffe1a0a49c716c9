/** Where reading begins: behind the newest pack, or behind the newest block of the bucket. */
import { stat } from 'node:fs/promises'
import type { FreshPack } from '#lib/fresh/fresh-list.ts'
import { isKind } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { BucketBlocks } from './bucket-blocks.ts'
import { endOfBlocks, type MadeBlock } from './covered.ts'
import type { FreshOptions, FreshParts } from './fresh-options.ts'
import type { FreshPacks } from './fresh-packs.ts'
import type { FreshSession } from './fresh-session.ts'
import type { LocalBlocks } from './local-blocks.ts'
import { LogSession } from './log-session.ts'
import type { Patience } from './patience.ts'
import { RemoteSession } from './remote-session.ts'

/** So many packs are asked for a place to go on, from the newest on. */
const MAX_ASKED = 5
/** What Prometheus has in memory: the last block may not be cut yet. */
const MAX_ASKED_MS = 3 * 3_600_000

export interface OpenerParts extends Pick<FreshParts, 'ask' | 'now' | 'logger'> {
  readonly local: LocalBlocks
  readonly inBucket: BucketBlocks
  readonly patience: Patience
  readonly kill: AbortSignal
}

export class SessionOpener {
  readonly #options: FreshOptions
  readonly #parts: OpenerParts
  readonly #patience: Patience
  readonly #kill: AbortSignal

  constructor(options: FreshOptions, parts: OpenerParts) {
    this.#options = options
    this.#parts = parts
    this.#patience = parts.patience
    this.#kill = parts.kill
  }

  /** Where the newest pack says that its writer was; undefined where none says, or it cannot go on there. */
  async resumed(packs: FreshPacks, known: readonly FreshPack[]): Promise<FreshSession | undefined> {
    // Epochs are ULIDs: the greatest began last.
    const newest = known.toSorted((a, b) =>
      a.epoch === b.epoch ? b.to - a.to : a.epoch < b.epoch ? 1 : -1,
    )
    for (const pack of newest.slice(0, MAX_ASKED)) {
      const note = await this.#patience.until('get', () => packs.note(pack, this.#kill))
      if (note?.resume === undefined && note?.askedMs === undefined) continue
      const session = await this.anew(packs.labels)
      try {
        await session.resume(note)
        return session
      } catch (error) {
        if (!isKind(error, 'conflict')) throw error
        this.#parts.logger.warn(
          { pack: pack.key, err: error },
          'the log does not go on where the newest fresh block ends, it is read from its beginning',
        )
        return undefined
      }
    }
    return undefined
  }

  async anew(labels: Labels): Promise<FreshSession> {
    const { ask, now } = this.#parts
    const maxBytes = this.#options.freshMaxMemory
    const local = await this.#parts.local.list()
    if (ask !== undefined && (await isRemote(this.#options))) {
      const listed = await this.#listed(labels, now(), [])
      const beginMs = Math.max(endOfBlocks(listed) ?? 0, now() - MAX_ASKED_MS)
      return new RemoteSession({
        ask: (query) => ask(query, this.#kill),
        externalLabels: labels,
        beginMs,
        now,
        maxBytes,
      })
    }
    const localEnd = endOfBlocks(local)
    const listed = localEnd === undefined ? [] : await this.#listed(labels, localEnd, local)
    const there = new Set(listed.map(({ ulid: id }) => id))
    return new LogSession({
      tsdbPath: this.#options.tsdbPath,
      dropBeforeMs: endOfBlocks(local.filter(({ ulid: id }) => there.has(id))) ?? -Infinity,
      maxBytes,
    })
  }

  async #listed(
    labels: Labels,
    endMs: number,
    local: readonly MadeBlock[],
  ): Promise<readonly MadeBlock[]> {
    return this.#patience.until('list', () =>
      this.#parts.inBucket.list(labels, -Infinity, endMs, local, this.#kill),
    )
  }
}

async function isRemote({ freshSource, tsdbPath }: FreshOptions): Promise<boolean> {
  if (freshSource !== 'auto') return freshSource === 'remote-read'
  return stat(tsdbPath).then(
    () => false,
    () => true,
  )
}
