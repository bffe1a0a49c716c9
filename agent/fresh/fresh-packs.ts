/** The packs of one Prometheus in the bucket: list, put, get, delete. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { getIfThere } from '#lib/bucket/get-if-there.ts'
import { freshKey, FRESH_PREFIX, labelsPath } from '#lib/fresh/fresh-key.ts'
import { type FreshPack, parseFreshList } from '#lib/fresh/fresh-list.ts'
import { parseDirectory } from '#lib/fresh/pack-reader.ts'
import type { WrittenPack } from '#lib/fresh/pack-writer.ts'
import { isKind, NewerFormatError } from '#lib/model/errors.ts'
import { type Labels, labelsKey } from '#lib/model/labels.ts'
import { asPackNote, type PackNote } from './pack-note.ts'

/** [from, to) of an epoch. */
export interface PackPlace {
  readonly epoch: string
  readonly from: number
  readonly to: number
}

export interface FreshPacks {
  readonly labels: Labels
  /** One request, and one for each hour that has packs of anybody. */
  list(signal?: AbortSignal): Promise<FreshPack[]>
  put(pack: WrittenPack, place: PackPlace, nowMs: number, signal?: AbortSignal): Promise<FreshPack>
  /** Undefined where it has none that we know, or is gone. */
  note(pack: FreshPack, signal?: AbortSignal): Promise<PackNote | undefined>
  /** Undefined where it is gone. */
  get(pack: FreshPack, signal?: AbortSignal): Promise<Uint8Array | undefined>
  delete(key: string, signal?: AbortSignal): Promise<void>
}

export function freshPacks(bucket: Bucket, labels: Labels): FreshPacks {
  const path = labelsPath(labels)
  const own = labelsKey(labels)
  return {
    labels,

    async list(signal) {
      const hours: string[] = []
      for await (const page of bucket.list(FRESH_PREFIX, { delimiter: '/', signal })) {
        hours.push(...page.prefixes)
      }
      const packs: FreshPack[] = []
      for (const hour of hours) {
        for await (const { objects } of bucket.list(`${hour}${path}/`, { signal })) {
          // Labels that go on after ours are somebody else's.
          packs.push(...parseFreshList(objects).filter((pack) => labelsKey(pack.labels) === own))
        }
      }
      return packs
    },

    async put(pack, place, nowMs, signal) {
      const { bytes, minTimeMs, maxTimeMs, directoryBytes } = pack
      const facts = { ...place, labels, minTimeMs, maxTimeMs, directoryBytes }
      const key = freshKey(facts)
      await bucket.put(key, bytes, { signal })
      return { ...facts, key, size: bytes.length, lastModifiedMs: nowMs }
    },

    async note({ key, directoryBytes }, signal) {
      try {
        const { body } = await bucket.getTail(key, directoryBytes, { signal })
        return asPackNote(parseDirectory(body).position)
      } catch (error) {
        const isUnread = isKind(error, 'corrupt') || error instanceof NewerFormatError
        if (isKind(error, 'not-found') || isUnread) return undefined
        throw error
      }
    },

    async get({ key }, signal) {
      return (await getIfThere(bucket, key, signal))?.body
    },

    async delete(key, signal) {
      await bucket.delete(key, { signal })
    },
  }
}
