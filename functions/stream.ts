/** Lambda `stream`: the same HTTP API behind a function URL, for answers that are too large or too slow for the gateway. */
import { TokenReader } from '#lib/auth/token-reader.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import type { Door } from '#lib/api/door.ts'
import { callerOfEvent } from '#lib/lambda/authorizer-context.ts'
import type { HttpEnvironment } from '#lib/lambda/http.ts'
import { MAX_STREAM_BYTES, STREAM_PIECE_BYTES, streamHttp } from '#lib/lambda/stream-http.ts'
import { tokenDoor } from '#lib/lambda/token-door.ts'
import { environment, logger, queryApp } from './query-app.ts'

/** Who asks is found out in time also where the bucket does not answer. */
const RETRY = { attempts: 3, maxMs: 500 }

/** A function URL knows IAM's callers, and nothing of tokens. */
async function callers(): Promise<Door['callerOf']> {
  if (!environment.verifiesTokens) {
    return (_, env) => callerOfEvent((env as HttpEnvironment).event)
  }
  const config = parseObjstoreConfig(environment.objstoreConfig, process.env)
  const reader = new TokenReader({
    bucket: await openBucket(config, { retry: RETRY }),
    now: Date.now,
    warn: (message) => logger.warn(message),
  })
  return tokenDoor(reader, (entry, message) => logger.info(entry, message)).callerOf
}

export const handler = streamHttp(
  callers().then((callerOf) =>
    queryApp({
      callerOf,
      limits: { maxResponseBytes: MAX_STREAM_BYTES, pieceBytes: STREAM_PIECE_BYTES },
    }),
  ),
)
