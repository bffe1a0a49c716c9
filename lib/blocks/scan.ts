/** Learns every block of a bucket from one recursive listing, fetching only the meta.json and marks that changed. */
import pLimit from 'p-limit'
import type { Bucket, ObjectInfo } from '#lib/bucket/bucket.ts'
import { DomainError } from '#lib/model/errors.ts'
import { parseBlockMeta } from '#lib/tsdb/block/meta.ts'
import type { BlockMarks, BlockRecord, Mark } from './block-record.ts'
import { recordFromMeta } from './block-record.ts'

/** A directory that looks like a block but can't be one (yet): being uploaded, being deleted, or broken. */
export interface PartialBlock {
  readonly id: string
  readonly reason: string
  /** Newest object in it: how long it has been like this. */
  readonly lastModifiedMs: number
  /** False while it is uploaded, and where an upload or a deletion broke off; true where something is wrong with a block. */
  readonly hasMeta: boolean
  readonly deletion?: Mark | undefined
}

export interface Scan {
  readonly blocks: readonly BlockRecord[]
  readonly partial: readonly PartialBlock[]
}

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/
/** ULIDs begin with 0…7; `thaw/` and all else that may lie beside them sorts after. */
const AFTER_ULIDS = '8'
const FETCHES_AT_ONCE = 32
/** Magic, version and checksum of a tombstones file without entries. */
const EMPTY_TOMBSTONES_SIZE = 9

/** `known`: records of an earlier scan, reused where the etag of meta.json is the same. */
export async function scanBlocks(
  bucket: Bucket,
  known: ReadonlyMap<string, BlockRecord>,
  signal?: AbortSignal,
): Promise<Scan> {
  const directories = await listBlockDirectories(bucket, signal)
  const limit = pLimit(FETCHES_AT_ONCE)
  const blocks: BlockRecord[] = []
  const partial: PartialBlock[] = []
  await Promise.all(
    [...directories].map(([id, files]) =>
      limit(async () => {
        const found = await readBlock(bucket, id, files, known.get(id), signal)
        if ('reason' in found) partial.push(found)
        else blocks.push(found)
      }),
    ),
  )
  const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1)
  return { blocks: blocks.sort(byId), partial: partial.sort(byId) }
}

/** One block, as the bucket has it now; undefined where nothing is under its id. */
export async function scanBlock(
  bucket: Bucket,
  id: string,
  signal?: AbortSignal,
): Promise<BlockRecord | PartialBlock | undefined> {
  const files: Files = new Map()
  for await (const { objects } of bucket.list(`${id}/`, { signal })) {
    for (const object of objects) files.set(object.key.slice(id.length + 1), object)
  }
  return files.size === 0 ? undefined : readBlock(bucket, id, files, undefined, signal)
}

type Files = Map<string, ObjectInfo>

async function listBlockDirectories(
  bucket: Bucket,
  signal?: AbortSignal,
): Promise<Map<string, Files>> {
  const directories = new Map<string, Files>()
  for await (const page of bucket.list('', { signal })) {
    for (const object of page.objects) {
      if (object.key >= AFTER_ULIDS) return directories
      const slash = object.key.indexOf('/')
      const id = object.key.slice(0, slash)
      if (slash < 0 || !ULID.test(id)) continue
      let files = directories.get(id)
      if (!files) directories.set(id, (files = new Map()))
      files.set(object.key.slice(slash + 1), object)
    }
  }
  return directories
}

async function readBlock(
  bucket: Bucket,
  id: string,
  files: Files,
  known: BlockRecord | undefined,
  signal?: AbortSignal,
): Promise<BlockRecord | PartialBlock> {
  let marks: BlockMarks = {}
  const incomplete = (reason: string): PartialBlock => ({
    id,
    reason,
    lastModifiedMs: Math.max(...[...files.values()].map((file) => file.lastModifiedMs)),
    hasMeta: files.has('meta.json'),
    ...(marks.deletion && { deletion: marks.deletion }),
  })
  try {
    marks = await readMarks(bucket, id, files, known?.marks, signal)
    const metaFile = files.get('meta.json')
    if (!metaFile) return incomplete('no meta.json')
    const index = files.get('index')
    if (!index) return incomplete('no index')
    const sizes = {
      metaEtag: metaFile.etag,
      indexSize: index.size,
      segmentSizes: segmentSizes(files),
      hasTombstones: (files.get('tombstones')?.size ?? 0) > EMPTY_TOMBSTONES_SIZE,
      marks,
    }
    if (known && known.metaEtag === metaFile.etag) return { ...known, ...sizes }
    const meta = parseBlockMeta((await bucket.get(`${id}/meta.json`, { signal })).body)
    if (meta.ulid !== id) return incomplete(`meta.json says ulid ${meta.ulid}`)
    const missing = missingSegment(meta.thanos?.files ?? [], files)
    if (missing) return incomplete(`meta.json lists ${missing}, which is not there`)
    return recordFromMeta(meta, sizes)
  } catch (error) {
    if (error instanceof DomainError && (error.kind === 'corrupt' || error.kind === 'not-found')) {
      return incomplete(error.message)
    }
    throw error
  }
}

function segmentSizes(files: Files): number[] {
  const sizes: number[] = []
  for (let n = 1; ; n++) {
    const segment = files.get(`chunks/${String(n).padStart(6, '0')}`)
    if (!segment) return sizes
    sizes.push(segment.size)
  }
}

function missingSegment(listed: readonly { rel_path: string }[], files: Files): string | undefined {
  return listed.find(({ rel_path }) => rel_path !== 'meta.json' && !files.has(rel_path))?.rel_path
}

async function readMarks(
  bucket: Bucket,
  id: string,
  files: Files,
  known: BlockMarks | undefined,
  signal?: AbortSignal,
): Promise<BlockMarks> {
  const read = async (
    file: string,
    timeField: string,
    before: Mark | undefined,
  ): Promise<Mark | undefined> => {
    const object = files.get(file)
    if (!object) return undefined
    if (before?.etag === object.etag) return before
    return parseMark((await bucket.get(`${id}/${file}`, { signal })).body, timeField, object)
  }
  const deletion = await read('deletion-mark.json', 'deletion_time', known?.deletion)
  const noCompact = await read('no-compact-mark.json', 'no_compact_time', known?.noCompact)
  const noDownsample = await read(
    'no-downsample-mark.json',
    'no_downsample_time',
    known?.noDownsample,
  )
  return {
    ...(deletion && { deletion }),
    ...(noCompact && { noCompact }),
    ...(noDownsample && { noDownsample }),
  }
}

/** Times in marks are Unix seconds. As in Thanos, a mark that can't be read is no mark. */
function parseMark(body: Uint8Array, timeField: string, object: ObjectInfo): Mark | undefined {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
  if (typeof json !== 'object' || json === null) return undefined
  const fields = json as Record<string, unknown>
  const seconds = fields[timeField]
  if (typeof seconds !== 'number' || fields['version'] !== 1) return undefined
  const text = (name: string): string | undefined =>
    typeof fields[name] === 'string' ? fields[name] : undefined
  return {
    timeMs: seconds * 1000,
    etag: object.etag,
    reason: text('reason'),
    details: text('details'),
  }
}
