/** Lambda `store`: answers one slice, in frames. */
import { ulid } from 'ulid'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { readEnvironment } from '#lib/lambda/environment.ts'
import { streamHandler } from '#lib/lambda/stream.ts'
import { DomainError } from '#lib/model/errors.ts'
import { encodeError } from '#lib/query/frame.ts'
import { runSlice } from '#lib/query/run-slice.ts'
import type { SliceEvent } from '#lib/query/slice.ts'
import { sliceFromEvent } from '#lib/query/slice.ts'
import { streamAnswer } from '#lib/query/stream-answer.ts'
import { StoreCache } from '#lib/store/store-cache.ts'

const environment = readEnvironment(process.env)
const cache = new StoreCache(environment.cacheBytes)
const opened = openBucket(parseObjstoreConfig(environment.objstoreConfig, process.env))

export const handler = streamHandler(async function* (sent) {
  try {
    const event = sent as SliceEvent
    const bucket = await opened
    const signal = AbortSignal.timeout(Math.max(1, event.deadlineMs - Date.now()))
    const slice = sliceFromEvent(event)
    const { megabytes } = environment
    const answer = await runSlice({ bucket, cache, now: Date.now, megabytes }, slice, signal)
    yield* streamAnswer(answer, { bucket, key: () => `thaw/spill/${ulid()}` })
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    yield encodeError(error)
  }
})
