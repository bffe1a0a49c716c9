/** Lambda `authorize`: whose credentials a request has. Reads one object of the bucket, and nothing else. */
import { pino } from 'pino'
import { TokenReader } from '#lib/auth/token-reader.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { authorizer } from '#lib/lambda/authorizer.ts'
import { readEnvironment } from '#lib/lambda/environment.ts'
import { plainErrors } from '#lib/lambda/plain-errors.ts'

const { objstoreConfig } = readEnvironment(process.env)
const logger = pino({ base: null, formatters: { level: (level) => ({ level }) } })

/** Within the ten seconds of the function, and of whoever waits for an answer. */
const RETRY = { attempts: 3, maxMs: 500 }

const ready = openBucket(parseObjstoreConfig(objstoreConfig, process.env), { retry: RETRY }).then(
  (bucket) => {
    const reader = new TokenReader({
      bucket,
      now: Date.now,
      warn: (message) => logger.warn(message),
    })
    return authorizer({
      verify: (header) => reader.verify(header),
      refused: (entry) => logger.info(entry, 'refused'),
    })
  },
)

export const handler = plainErrors(async (event: unknown): Promise<unknown> => {
  return (await ready)(event)
})
