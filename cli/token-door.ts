/** The door of a server of ours: the tokens of its bucket. */
import type { Door } from '#lib/api/door.ts'
import { TokenReader } from '#lib/auth/token-reader.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { ObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { tokenDoor } from '#lib/lambda/token-door.ts'
import type { Logger } from '#agent/logger.ts'

/** A server has to answer within seconds also where the bucket does not. */
const RETRY = { attempts: 3, maxMs: 500 }

export async function openTokenDoor(
  config: ObjstoreConfig,
  now: () => number,
  logger: Logger,
): Promise<Door> {
  const reader = new TokenReader({
    bucket: await openBucket(config, { retry: RETRY }),
    now,
    warn: (message) => logger.warn({}, message),
  })
  return tokenDoor(reader, (entry, message) => logger.info(entry, message))
}
