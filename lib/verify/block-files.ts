/** The objects of a block: which there are, and whether meta.json says the same. */
import type { Bucket } from '#lib/bucket/bucket.ts'
import { MARK_FILES } from '#lib/compact/jobs/marks.ts'
import { DomainError, isKind } from '#lib/model/errors.ts'
import { CHANGE_LOG_FILE } from '#lib/rewrite/change-log.ts'
import { type BlockMeta, META_FILE, parseBlockMeta } from '#lib/tsdb/block/meta.ts'
import { parseTombstones } from '#lib/tsdb/block/tombstones.ts'
import type { ProblemList } from './problem.ts'

export interface BlockFiles {
  /** Sizes by path within the block. */
  readonly sizes: ReadonlyMap<string, number>
  /** Of chunks/000001…, without a gap. */
  readonly segmentSizes: readonly number[]
  /** Undefined where it is missing or broken. */
  readonly meta: BlockMeta | undefined
  readonly metaEtag: string
}

const SEGMENT = /^chunks\/\d{6,}$/
const TOMBSTONES = 'tombstones'
/** meta.json.tmp and the like are of Prometheus, debug/ of Thanos. */
const KNOWN = new Set<string>([META_FILE, 'index', TOMBSTONES, CHANGE_LOG_FILE, ...MARK_FILES])

export async function readBlockFiles(
  bucket: Bucket,
  id: string,
  problems: ProblemList,
  signal?: AbortSignal,
): Promise<BlockFiles> {
  const sizes = new Map<string, number>()
  for await (const { objects } of bucket.list(`${id}/`, { signal })) {
    for (const { key, size } of objects) sizes.set(key.slice(id.length + 1), size)
  }
  const { meta, etag } = await readMeta(bucket, id, problems, signal)
  if (!sizes.has('index')) problems.add('files', 'there is no index', `${id}/index`)
  const segmentSizes = segmentsOf(id, sizes, meta, problems)
  for (const path of sizes.keys()) {
    if (KNOWN.has(path) || SEGMENT.test(path)) continue
    problems.add('files', 'an object that is no part of a block', `${id}/${path}`, 'warning')
  }
  if (meta) compareFiles(id, sizes, meta, problems)
  await readSmallFiles(bucket, id, sizes, problems, signal)
  return { sizes, segmentSizes, meta, metaEtag: etag }
}

async function readMeta(
  bucket: Bucket,
  id: string,
  problems: ProblemList,
  signal?: AbortSignal,
): Promise<{ meta: BlockMeta | undefined; etag: string }> {
  const key = `${id}/${META_FILE}`
  try {
    const { body, etag } = await bucket.get(key, { signal })
    try {
      const meta = parseBlockMeta(body)
      if (meta.ulid !== id) problems.add('meta', `meta.json is that of ${meta.ulid}`, key)
      return { meta, etag }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      problems.add('meta', error.message, key)
      return { meta: undefined, etag }
    }
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error
    problems.add('meta', 'there is no meta.json: an upload broke off, or is going on', key)
    return { meta: undefined, etag: '' }
  }
}

function segmentsOf(
  id: string,
  sizes: ReadonlyMap<string, number>,
  meta: BlockMeta | undefined,
  problems: ProblemList,
): number[] {
  const numbers = [...sizes.keys()]
    .filter((path) => SEGMENT.test(path))
    .map((path) => Number(path.slice('chunks/'.length)))
  const wanted = Math.max(meta?.thanos?.segment_files?.length ?? 0, ...numbers, 0)
  const segmentSizes: number[] = []
  for (let n = 1; n <= wanted; n++) {
    const path = `chunks/${String(n).padStart(6, '0')}`
    const size = sizes.get(path)
    if (size === undefined) problems.add('files', 'a segment is missing', `${id}/${path}`)
    segmentSizes.push(size ?? 0)
  }
  return segmentSizes
}

function compareFiles(
  id: string,
  sizes: ReadonlyMap<string, number>,
  meta: BlockMeta,
  problems: ProblemList,
): void {
  const { files } = meta.thanos ?? {}
  if (!files) return
  const listed = new Set(files.map((file) => file.rel_path))
  for (const { rel_path: path, size_bytes: said } of files) {
    const size = sizes.get(path)
    if (size === undefined) {
      if (!SEGMENT.test(path)) {
        problems.add('files', 'meta.json lists a file that is not there', `${id}/${path}`)
      }
    } else if (said !== undefined && said !== size) {
      problems.add(
        'files',
        'a file is not as long as meta.json says',
        `${id}/${path} has ${size} bytes, not ${said}`,
      )
    }
  }
  for (const path of sizes.keys()) {
    if (listed.has(path) || (path !== 'index' && !SEGMENT.test(path))) continue
    problems.add('files', 'meta.json does not list a file', `${id}/${path}`)
  }
}

async function readSmallFiles(
  bucket: Bucket,
  id: string,
  sizes: ReadonlyMap<string, number>,
  problems: ProblemList,
  signal?: AbortSignal,
): Promise<void> {
  for (const path of [...MARK_FILES, TOMBSTONES]) {
    if (!sizes.has(path)) continue
    const key = `${id}/${path}`
    try {
      const { body } = await bucket.get(key, { signal })
      if (path === TOMBSTONES) parseTombstones(body)
      else checkMark(id, body)
    } catch (error) {
      if (isKind(error, 'not-found')) continue
      if (!(error instanceof DomainError)) throw error
      problems.add('marks', error.message, key)
    }
  }
}

function checkMark(id: string, body: Uint8Array): void {
  let mark: unknown
  try {
    mark = JSON.parse(new TextDecoder().decode(body))
  } catch (cause) {
    throw new DomainError('corrupt', 'a mark is no JSON, so it is none', { cause })
  }
  const fields = (mark ?? {}) as Record<string, unknown>
  if (fields['version'] !== 1) throw new DomainError('corrupt', 'a mark is not of version 1')
  if (fields['id'] !== id) throw new DomainError('corrupt', 'a mark is of another block')
}
