/** Results of rules as fresh blocks in the bucket: what the ruler does unless results go to a remote write. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { Labels } from '#lib/model/labels.ts'
import { keepPacksFew } from '../results/few-packs.ts'
import { resultPack } from '../results/result-pack.ts'
import type { ResultSink } from './tick-parts.ts'

export function packSink(bucket: Bucket, externalLabels: Labels): ResultSink {
  return {
    isRead: true,
    parcels(samples, place) {
      const pack = resultPack(samples, { ...place, externalLabels })
      if (!pack) return []
      const body = Buffer.from(pack.bytes).toString('base64')
      return [{ key: pack.key, body, samples: samples.length }]
    },
    async deliver(parcels, signal) {
      for (const [i, { key, body }] of parcels.entries()) {
        try {
          await bucket.put(key, Buffer.from(body, 'base64'), { signal })
        } catch (error) {
          const problem = `results wait to be stored: ${(error as Error).message}`
          return { left: parcels.slice(i), problems: [problem] }
        }
      }
      return { left: [], problems: [] }
    },
    tidy: (known, nowMs, signal) => keepPacksFew(known, { bucket, nowMs, signal }),
  }
}
