/** The arguments no bucket accepts, refused before any store sees them. */
import { CorruptError, DomainError } from '#lib/model/errors.ts'
import type { PutOptions } from './bucket.ts'

/** S3's limit, in UTF-8 bytes. */
export const MAX_KEY_BYTES = 1024

export function checkKey(key: string): void {
  if (key === '') throw new DomainError('invalid', 'object key is empty')
  if (!key.isWellFormed()) {
    throw new DomainError('invalid', `object key ${JSON.stringify(key)} is not valid unicode`)
  }
  // At most three bytes for each UTF-16 unit, so short keys need no encoding to be sure.
  if (key.length * 3 > MAX_KEY_BYTES && Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw new DomainError(
      'invalid',
      `object key of ${Buffer.byteLength(key)} bytes, at most ${MAX_KEY_BYTES} are allowed: ${key.slice(0, 80)}…`,
    )
  }
}

export function checkRange(key: string, start: number, end: number): void {
  checkKey(key)
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw new DomainError('invalid', `${key}: bytes ${start}..${end} are not a range`)
  }
}

export function checkTail(key: string, length: number): void {
  checkKey(key)
  if (!Number.isSafeInteger(length) || length < 0) {
    throw new DomainError('invalid', `${key}: the last ${length} bytes are not a range`)
  }
}

export function checkPut(key: string, options: PutOptions | undefined): void {
  checkKey(key)
  if (options?.ifAbsent && options.ifMatch !== undefined) {
    throw new DomainError('invalid', `${key}: a write cannot ask for ifAbsent and ifMatch at once`)
  }
}

/** What `getRange` says of an object that ends too early. */
export function shortObject(
  key: string,
  start: number,
  end: number,
  size: number | undefined,
  options?: { cause?: unknown },
): CorruptError {
  const has = size === undefined ? 'ends earlier' : `has ${size}`
  return new CorruptError(`bytes ${start}..${end} wanted, the object ${has}`, size ?? start, {
    where: key,
    cause: options?.cause,
  })
}
