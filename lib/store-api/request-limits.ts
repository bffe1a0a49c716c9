/** What one request may ask for and read. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { type BucketCounts, countingBucket } from '#lib/bucket/counting-bucket.ts'
import { LimitError } from '#lib/model/errors.ts'

/** 0 for no limit. */
export interface RequestLimits {
  readonly series: number
  /** A chunk counts for 120. */
  readonly samples: number
  /** Read from the bucket. */
  readonly bytes: number
}

export type LimitedWhat = keyof RequestLimits

export class RequestLimitError extends LimitError {
  readonly what: LimitedWhat

  constructor(what: LimitedWhat, limit: number, actual: number) {
    super(`exceeded ${what} limit: ${actual} ${what} of at most ${limit}`, limit, actual)
    this.what = what
  }
}

/** Throws where it is exceeded. */
export function checkLimit(what: LimitedWhat, limit: number, actual: number): void {
  if (limit > 0 && actual > limit) throw new RequestLimitError(what, limit, actual)
}

export const NO_LIMITS: RequestLimits = { series: 0, samples: 0, bytes: 0 }

/** The bucket for one request: refuses to read more than so many bytes, before it reads them where that can be known. */
export function readBudget(
  bucket: Bucket,
  limit: number,
): { readonly bucket: Bucket; readonly counts: Readonly<BucketCounts> } {
  const { bucket: counted, counts } = countingBucket(bucket)
  if (limit === 0) return { bucket: counted, counts }
  let asked = 0
  const check = (more: number): void => {
    checkLimit('bytes', limit, Math.max(asked, counts.bytesRead) + more)
  }
  const limited: Bucket = {
    ...counted,
    async get(key, options) {
      const object = await counted.get(key, options)
      check(0)
      return object
    },
    async getRange(key, start, end, options) {
      check(end - start)
      asked += end - start
      return counted.getRange(key, start, end, options)
    },
    async getTail(key, length, options) {
      check(length)
      return counted.getTail(key, length, options)
    },
  }
  return { bucket: limited, counts }
}
