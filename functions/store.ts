/** Lambda `store`: answers one slice, in frames. */
import { ulid } from 'ulid'
import { tellDenials } from '#lib/aws/denials.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { readEnvironment } from '#lib/lambda/environment.ts'
import { streamHandler } from '#lib/lambda/stream.ts'
import { answerEvent } from '#lib/query/answer-event.ts'
import type { LabelEvent } from '#lib/query/label-slice.ts'
import type { SliceEvent } from '#lib/query/slice.ts'
import { streamAnswer } from '#lib/query/stream-answer.ts'
import { StoreCache } from '#lib/store/store-cache.ts'

const environment = readEnvironment(process.env)
const cache = new StoreCache(environment.cacheBytes)
const denied = tellDenials({ now: Date.now, warn: (message) => console.warn({ message }) })
const opened = openBucket(parseObjstoreConfig(environment.objstoreConfig, process.env), { denied })

export const handler = streamHandler(async function* (event) {
  const bucket = await opened
  const { megabytes } = environment
  const runner = { bucket, cache, now: Date.now, megabytes }
  yield* answerEvent(runner, event as SliceEvent | LabelEvent, (answer) =>
    streamAnswer(answer, { bucket, key: () => `thaw/spill/${ulid()}` }),
  )
})
