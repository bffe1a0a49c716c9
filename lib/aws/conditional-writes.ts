/** Finds out whether a store keeps the conditions that leases and the bucket index stand on. */
import type { Bucket, GetOptions } from '#lib/bucket/bucket.ts'
import { DomainError, isKind } from '#lib/model/errors.ts'

export interface ConditionalWritesCheck extends GetOptions {
  /** A name nobody else uses at this time, such as a ULID. */
  readonly id: string
}

/**
 * Six small requests under `thaw/probe/`, removed again. Rejects with 'unsupported' when the store takes a write whose
 * condition does not hold, and when it refuses one whose condition does.
 */
export async function checkConditionalWrites(
  bucket: Bucket,
  { id, signal }: ConditionalWritesCheck,
): Promise<void> {
  const key = `thaw/probe/${id}`
  const [first, second, third] = ['1', '2', '3'].map((text) =>
    new TextEncoder().encode(`${id} ${text}`),
  )
  const ignored = (condition: string): DomainError =>
    new DomainError(
      'unsupported',
      `${bucket.name} ignores ${condition}: two writers could undo each other's work, use a store with conditional writes`,
    )
  const refused = (condition: string, cause: unknown): DomainError =>
    new DomainError(
      'unsupported',
      `${bucket.name} refuses ${condition} that holds: use a store with conditional writes`,
      {
        cause,
      },
    )

  try {
    const created = await bucket
      .put(key, first!, { ifAbsent: true, signal })
      .catch((error: unknown) => {
        throw isRefusal(error) ? refused('If-None-Match', error) : error
      })
    if (await succeeds(bucket.put(key, second!, { ifAbsent: true, signal })))
      throw ignored('If-None-Match')
    await bucket.put(key, second!, { ifMatch: created.etag, signal }).catch((error: unknown) => {
      throw isRefusal(error) ? refused('If-Match', error) : error
    })
    if (await succeeds(bucket.put(key, third!, { ifMatch: created.etag, signal })))
      throw ignored('If-Match')
  } finally {
    await bucket.delete(key).catch(() => undefined) // the outcome of the check is the news
  }
}

function isRefusal(error: unknown): boolean {
  return isKind(error, 'conflict') || isKind(error, 'unsupported') || isKind(error, 'invalid')
}

async function succeeds(write: Promise<unknown>): Promise<boolean> {
  try {
    await write
    return true
  } catch (error) {
    if (isKind(error, 'conflict')) return false
    throw error
  }
}
