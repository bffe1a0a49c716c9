/** The door of a server of ours: the tokens of its bucket. */
import { TokenReader } from '#lib/auth/token-reader.ts'
import type { Door } from '#lib/api/door.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { ObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import type { Logger } from '#agent/logger.ts'

/** A server has to answer within seconds also where the bucket does not. */
const RETRY = { attempts: 3, maxMs: 500 }

export async function tokenDoor(
  config: ObjstoreConfig,
  now: () => number,
  logger: Logger,
): Promise<Door> {
  const reader = new TokenReader({
    bucket: await openBucket(config, { retry: RETRY }),
    now,
    warn: (message) => logger.warn({}, message),
  })
  return {
    async callerOf(request) {
      const verdict = await reader.verify(request.headers.get('authorization') ?? undefined)
      if ('caller' in verdict) return verdict.caller
      const { reason, tokenId } = verdict.refusal
      const { pathname } = new URL(request.url)
      logger.info(
        { reason, ...(tokenId !== undefined && { token: tokenId }), path: pathname },
        'refused',
      )
      return undefined
    },
    forbidden: ({ caller, scope, path }) =>
      logger.info({ token: caller.id, scope, path }, 'forbidden'),
  }
}
