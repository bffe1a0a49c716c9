/** Lambda `plan`: keeps the bucket index true. Woken by the schedule and whenever a meta.json arrives. */
import { ulid } from 'ulid'
import { checkConditionalWrites } from '#lib/aws/conditional-writes.ts'
import { openBucket } from '#lib/aws/open-bucket.ts'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { readEnvironment } from '#lib/lambda/environment.ts'

const environment = readEnvironment(process.env)
const opened = openBucket(parseObjstoreConfig(environment.objstoreConfig, process.env)).then(
  async (bucket) => {
    // Once in the life of an instance: without conditional writes two of them could undo each other's work.
    await checkConditionalWrites(bucket, { id: ulid() })
    return bucket
  },
)

/** `rescan: true` reads every meta.json again instead of trusting what the index knows. */
export interface PlanEvent {
  readonly rescan?: boolean
}

export async function handler(event: PlanEvent): Promise<unknown> {
  const bucket = await opened
  const update = await updateBucketIndex(bucket, { now: Date.now, rescan: event?.rescan === true })
  const { blocks, hidden, partial, added, removed, written } = update
  const counts = { blocks, hidden, added: added.length, removed: removed.length, written, partial }
  console.log({ message: 'bucket index', ...counts })
  return update
}
