/** A fresh block in a bucket. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { type FreshKey, freshKey } from '#lib/fresh/fresh-key.ts'
import { type PackContent, writePack } from '#lib/fresh/pack-writer.ts'
import { labelsFrom } from '#lib/model/labels.ts'

export interface PackPlace extends Pick<FreshKey, 'from' | 'to'> {
  readonly external?: Readonly<Record<string, string>> | undefined
  readonly epoch?: string | undefined
}

/** Gives its key. */
export async function putPack(
  bucket: Bucket,
  { from, to, external = {}, epoch = 'e' }: PackPlace,
  content: Omit<PackContent, 'series'> & Partial<Pick<PackContent, 'series'>>,
): Promise<string> {
  const { bytes, minTimeMs, maxTimeMs, directoryBytes } = writePack({ series: [], ...content })
  const labels = labelsFrom(external)
  const key = freshKey({ labels, epoch, from, to, minTimeMs, maxTimeMs, directoryBytes })
  await bucket.put(key, bytes)
  return key
}
