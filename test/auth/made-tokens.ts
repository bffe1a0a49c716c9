/** Tokens as the tests make them: ids and secrets one after the other. */
import { createHash } from 'node:crypto'
import { createToken, type EditParts, type NewToken } from '#lib/auth/edit-tokens.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { testId } from '#test/store/sample-block.ts'

export const NOW = Date.UTC(2026, 0, 31, 12)

/** The clock stands still unless `clock.ms` is moved. */
export function editParts(bucket: Bucket, clock = { ms: NOW }): EditParts {
  let made = 0
  let drawn = 0
  return {
    bucket,
    now: () => clock.ms,
    newUlid: () => testId(++made),
    random: (length) => createHash('sha256').update(`${++drawn}`).digest().subarray(0, length),
  }
}

export function make(parts: EditParts, wanted: Partial<NewToken> = {}) {
  return createToken(parts, { name: 'grafana', scopes: ['read'], ...wanted })
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
